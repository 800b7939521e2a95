#!/usr/bin/python3
"""Single stories on the real node, each with everything installed afresh.

    CLUSTER=NAME hack/cluster exec /usr/bin/python3 tests/e2e/scenarios.py flap

Exit code 0: as it must be; 1: not.
"""

import argparse
import pathlib
import sys
import time

import application
import disturb
import story
import verdict
import world


class Scenario:
    """A story with its checks; each is a function of this module that takes one."""

    def __init__(self, name, out):
        self.name = name
        self.out = out / name
        self.failures = []

    def say(self, text):
        print(f"{self.name}: {text}", flush=True)

    def check(self, good, text):
        self.say(("ok: " if good else "FAILED: ") + text)
        if not good:
            self.failures.append(text)

    def follow(self, counts, restart_policy="Auto", act=lambda run: None, **settings):
        """Sets up, scales step by step, judges. Returns the story, which still runs."""
        most = max(counts + settings.pop("also", []))
        run = story.Story(self.out, restart_policy, most, **settings)
        run.start(say=self.say)
        run.table.head()
        for count in counts:
            step = run.step(count, act=lambda: act(run))
            if step.problems:
                print(run.diagnosis())
                self.failures.append(f"{count} instances: {'; '.join(step.problems)}")
                break
        return run

    def judge(self, run):
        self.failures += verdict.judge_run(run)


# --- acceptance 2 ---------------------------------------------------------------------------------


def flap(scenario):
    """An instance count that flaps across the threshold moves nothing after the first crossing."""
    run = scenario.follow([49, 50, 49, 50, 10])
    try:
        flips = [(route, step.expected.instances) for step in run.steps for _, route in step.flips]
        scenario.check(flips == [("Pooler", 50), ("Direct", 10)],
                       f"one switch to the pooler at the first 50 and one back at 10: {flips}")
        first_back = run.steps[2].scaled_at
        last = run.steps[-1].scaled_at
        quiet = [e["reason"] for e in world.events()
                 if first_back < event_time(e) < last and e["reason"] in MOVES]
        scenario.check(not quiet, f"no transition between them: {quiet}")
        scenario.judge(run)
    finally:
        run.stop()


MOVES = ("MaxConnectionsPatched", "RestartStarted", "PoolerProvisioned", "PoolerRemoved",
         "PoolerResized", "TrafficSwitched", "DrainStarted")


def event_time(event):
    return story.epoch(event.get("eventTime") or event["metadata"]["creationTimestamp"])


# --- acceptance 5 ---------------------------------------------------------------------------------


def kill9(scenario, seed=1, kills=10):
    """Killing the operator at any moment costs time, never connections."""
    killer = disturb.Killer(seed, kills, scenario.say)
    run = scenario.follow([10, 50, 100, 10], act=killer.act)
    try:
        scenario.check(killer.killed == kills, f"killed {killer.killed} of {kills} times")
        away = ", ".join(f"{run.since_start(a)} to {run.since_start(b)}" for a, b in killer.away)
        scenario.say(f"without an operator: {away}")
        # Who is not there lets nobody into a full server; it has the usual time when it is back.
        run.excused += [(a, b + verdict.AFTER_FLIP_S) for a, b in killer.away]
        scenario.judge(run)
    finally:
        run.stop()


# --- acceptance 6 ---------------------------------------------------------------------------------


def rollout(scenario):
    """The poolers are replaced under load, and nobody notices."""
    run = scenario.follow([10, 60])
    try:
        before, at = run.app.totals(), time.time()
        disturb.roll_poolers()
        scenario.say("the poolers' template has a new label")
        new = run.steps[-1]

        def replaced():
            run.show(60)
            return disturb.rolled(run) and not run.differences(new.expected)

        world.wait_until("replaced poolers at rest", 240, replaced)
        scenario.say(f"replaced within {time.time() - at:.0f} s")
        unharmed(scenario, run, before)
        scenario.judge(run)
    finally:
        run.stop()


def rotate(scenario):
    """A new password: open sessions go on, the pools keep their size."""
    run = scenario.follow([60])
    try:
        before, at = run.app.totals(), time.time()
        disturb.rotate_password("rotated-shop")
        expected = run.steps[-1].expected
        sizes = set()

        def served():
            sizes.add(tuple(one.cap for one in run.sampler.latest.poolers))
            run.show(60)
            return disturb.password_works(run.sampler.cluster.pooler_pods(), "rotated-shop")

        world.wait_until("login with the new password through every pooler", 120, served)
        scenario.say(f"the poolers know the new password after {time.time() - at:.0f} s")
        # Who comes with one password meets somebody who knows only the other, until the kubelet
        # has refreshed the application's own copy of the Secret; then nobody is refused, although
        # every connection is renewed once in 44 s.
        end = world.wait_until("end of refusals", 240, lambda: (served(), agreed(run, at))[1])
        scenario.say(f"the application's copies agree after {end - at:.0f} s")
        run.excused.append((at, end))
        caps = expected.caps
        low = [size for size in sizes if sum(cap or 0 for cap in size) < sum(caps)]
        scenario.check(not low, f"the pools kept their size {caps}: {low}")
        unharmed(scenario, run, before, refused=False)
        scenario.judge(run)
    finally:
        run.stop()


def agreed(run, since, quiet_s=50):
    """The time of the last refusal, once it is long ago; None until then."""
    records = application.records(run.sampler.cluster.app_pods())
    now = time.time()
    last = application.refusals(records, since, now)[1] or since
    return last if now - last > quiet_s else None


def unharmed(scenario, run, before, refused=True):
    world.wait_until("counters of the application", 10, lambda: run.app.answered)
    time_of_next_round = time.time() + 3
    world.wait_until("next round", 5, lambda: time.time() > time_of_next_round)
    after = run.app.totals()
    names = ("failed", "refused") if refused else ("failed",)
    cost = {name: after[name] - before[name] for name in names}
    scenario.check(not any(cost.values()), f"the application noticed nothing: {cost}")


# --- acceptance 9 ---------------------------------------------------------------------------------


def idle(scenario):
    """What the operator needs while nothing happens, and writes while little happens."""
    run = scenario.follow([10])
    try:
        world.wait_until("warning of saturation", 120, lambda: saturation(run) == "True")
        audit = disturb.Audit(run.operator.user)
        pid = run.operator.process()
        busy = disturb.cpu_seconds(pid)
        wait_seconds(60)
        used = (disturb.cpu_seconds(pid) - busy) / 60
        writes = audit.writes()
        statuses = [one for one in writes if one.endswith("connectionpolicies/status")]
        scenario.check(len(statuses) <= 2, f"{len(statuses)} status writes in 60 s under load")
        others = [one for one in writes if one not in statuses]
        scenario.check(not others, f"no other writes under load: {others[:5]}")
        scenario.say(f"under load {100 * used:.2f} % of a core")
        idle_without_load(scenario, run, audit, pid)
        recommend(scenario, run)
    finally:
        run.stop()


def saturation(run):
    """Of the formula's own numbers 200 of 247 are in use, which is a warning, and told once."""
    return next((one["status"] for one in run.status().get("conditions", []) if one["type"] == "Saturated"), "Unknown")


def idle_without_load(scenario, run, audit, pid):
    """No instance: the present size is held, and nothing moves any gauge."""
    world.scale(0)
    world.wait_until("end of the instances", 60, lambda: not run.sampler.cluster.app_pods())
    wait_seconds(125)  # until the mean of a minute is 0, and gauges, written once a minute, tell it
    audit.writes()
    busy = disturb.cpu_seconds(pid)
    wait_seconds(60)
    used = (disturb.cpu_seconds(pid) - busy) / 60
    writes = audit.writes()
    scenario.check(not writes, f"no API writes in 60 s: {writes[:5]}")
    scenario.check(1 <= audit.renewals <= 30, f"but {audit.renewals} renewals of the Lease")
    scenario.check(used <= 0.005, f"{100 * used:.2f} % of a core")
    resident = disturb.resident_mb(pid)
    scenario.check(resident["VmRSS"] <= 20, f"resident, in MB: {resident}")


def recommend(scenario, run):
    """mode Recommend: the status and events say what would be, and nothing else is written."""
    world.patch(world.POLICIES, world.POLICY, {"spec": {"mode": "Recommend"}})
    generation = world.get(world.POLICIES, world.POLICY)["metadata"]["generation"]
    world.wait_until("acknowledged mode", 30,
                     lambda: run.status().get("observedGeneration") == generation)
    audit = disturb.Audit(run.operator.user)
    world.scale(60)
    world.wait_until("recommendation for 60", 30, lambda: run.status().get(
        "recommended", {}).get("maxConnections") == 200)
    wait_seconds(15)
    writes = audit.writes()
    wrong = [one for one in writes if not one.endswith(("connectionpolicies/status", " events"))]
    scenario.check(not wrong, f"Recommend writes status and events only: {wrong[:5]}")
    scenario.check(run.sampler.latest.route == "Direct", "the route stayed Direct")


def wait_seconds(seconds):
    """A time over which something is measured."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(1.0, max(0.0, end - time.monotonic())))


# --- the life of a release ------------------------------------------------------------------------


def upgrade(scenario):
    """In the middle of a move the release is upgraded to another image of the operator and of the poolers;
    at rest it is uninstalled. Neither loses anything."""
    disturb.tag_images("next")
    run = scenario.follow([10])
    try:
        upgraded = []

        def act():
            if not upgraded and run.status().get("route") == "Moving":
                upgraded.append(run.status()["step"]["name"])
                run.operator.install("--set", "image.tag=next", "--set", "pooler.image.tag=next")

        step = run.step(50, within=240, act=act)
        scenario.check(not step.problems, f"50 instances at rest: {step.problems}")
        scenario.check(upgraded, f"upgraded in the middle of the move, at {upgraded}")
        images = {one["image"] for pod in run.sampler.cluster.pooler_pods() for one in (
            pod["spec"]["containers"] + pod["spec"].get("initContainers", []))}
        scenario.check(images and all(image.endswith(":next") for image in images),
                       f"poolers and guards are of the new images: {sorted(images)}")
        uninstall(scenario, run)
        scenario.judge(run)
    finally:
        run.stop()


def uninstall(scenario, run):
    """Databases, poolers and policies go on."""
    def what_runs():
        pods = world.get("pods")
        return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods}

    before, done = what_runs(), run.app.totals()["succeeded"]
    world.run("helm", "uninstall", run.operator.name, "-n", run.operator.namespace, "--wait", timeout=120)
    world.wait_until("end of the operator", 60, lambda: not run.operator.pods())
    world.wait_until("1000 transactions without an operator", 60,
                     lambda: run.app.totals()["succeeded"] - done > 1000)
    scenario.check(what_runs() == before, "the same pods run as before")
    scenario.check(world.get(world.POLICIES, world.POLICY) is not None, "the policy is still there")


# --- acceptance 1, second half ----------------------------------------------------------------------


def immediate(scenario):
    """Immediate shows the specification's number at every change; Auto says which of them wait."""
    counts = [9, 10, 11, 12, 10]
    for policy, wanted in (("Immediate", [230, 250, 270, 290, 250]),
                           ("Auto", [230, 230, 270, 270, 270])):
        run = scenario.follow(counts, policy)
        try:
            shown = [step.expected.max_connections for step in run.steps if not step.problems]
            scenario.check(shown == wanted, f"{policy}: {shown}")
            waiting = [e["note"] for e in world.events() if e["reason"] == "RestartDeferred"]
            scenario.check(bool(waiting) == (policy == "Auto"),
                           f"{policy}: RestartDeferred told {len(waiting)} times")
            scenario.judge(run)
        finally:
            run.stop()


SCENARIOS = {one.__name__: one for one in (flap, kill9, rollout, rotate, idle, immediate, upgrade)}


def main(choices, doc):
    """Runs the scenarios that the command line names; the exit code."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("name", nargs="+", choices=sorted(choices))
    parser.add_argument("--out", type=pathlib.Path, default=world.ROOT / "build/e2e")
    options = parser.parse_args()
    failed = []
    for name in options.name:
        scenario = Scenario(name, options.out)
        try:
            choices[name](scenario)
        except world.Failure as failure:
            scenario.failures.append(str(failure))
        for failure in scenario.failures:
            scenario.say(f"FAILED: {failure}")
        scenario.say("FAILED" if scenario.failures else "OK")
        failed += [name] if scenario.failures else []
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(SCENARIOS, __doc__))
