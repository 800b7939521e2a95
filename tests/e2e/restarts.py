#!/usr/bin/python3
"""Restarts of PostgreSQL under load on the real node: what they cost behind the pooler, without one,
and when everything around them dies.

    CLUSTER=NAME hack/cluster exec /usr/bin/python3 tests/e2e/restarts.py zero_loss

Exit code 0: as it must be; 1: not.
"""

import statistics
import sys
import threading
import time

import application
import disturb
import expect
import judge
import scenarios
import story
import verdict
import world

LONGEST_WAIT_S = 12.0
MAX_PAUSE_S = 20
GUARD_SLACK_S = 7
COSTS = ("failed", "refused", "unknown")
ALWAYS = {"provision": "Always", "resources": {"requests": {"cpu": "350m", "memory": "64Mi"}}}


# --- what was seen of pauses ----------------------------------------------------------------------


def pause_spans(changes):
    """[(paused, resumed or None)] from (time, pod, paused): from the first pod to the last."""
    spans, paused = [], set()
    for at, pod, is_paused in changes:
        if is_paused:
            if not paused:
                spans.append((at, None))
            paused.add(pod)
        elif pod in paused:
            paused.discard(pod)
            if not paused:
                spans[-1] = (spans[-1][0], at)
    return spans


def event_times(reason):
    return [story.epoch(e.get("eventTime") or e["metadata"]["creationTimestamp"])
            for e in world.events() if e["reason"] == reason]


def records_of(run):
    return application.records(run.sampler.cluster.app_pods())


def cost_between(run, start, end):
    """What the application counts in that time, and its longest wait in seconds."""
    found = records_of(run)
    cost = judge.between(found, int(start), int(end) + 1)
    if cost["succeeded"] == 0:
        raise world.Failure(f"nothing was measured: {len(found)} records of "
                            f"{len(run.sampler.cluster.app_pods())} instances")
    slowest, ended = judge.slowest_between(found, int(start), int(end) + 1)
    print(f"longest wait {slowest:.1f} s, until {run.since_start(ended)}")
    return {name: cost[name] for name in COSTS}, slowest


def tell_pauses(scenario, run):
    for paused, resumed in pause_spans(run.sampler.poolers.pauses):
        inside = [(began, took) for began, took, _, _ in run.restarts()
                  if paused - 1 <= began <= (resumed or time.time())]
        restart = "; ".join(f"restart {run.since_start(began)}, PostgreSQL back after "
                            f"{took:.1f} s" for began, took in inside if took) or "no restart"
        until = f"{run.since_start(resumed)} ({resumed - paused:.1f} s)" if resumed else "never"
        scenario.say(f"PAUSE {run.since_start(paused)}, {restart}, RESUME {until}")


# --- acceptance 1 ---------------------------------------------------------------------------------


def zero_loss(scenario):
    """There and back through all tiers: behind the pooler nothing fails and nobody waits long."""
    run = scenario.follow([10, 49, 50, 100, 50, 30, 10])
    try:
        tell_pauses(scenario, run)
        start = min(event_times("PoolerProvisioned"), default=run.started_at)
        end = max(event_times("PoolerRemoved"), default=time.time())
        cost, slowest = cost_between(run, start, end)
        scenario.check(not any(cost.values()),
                       f"from the move to the pooler until the move back: {cost}")
        scenario.check(slowest <= LONGEST_WAIT_S, f"longest wait of a client {slowest:.1f} s")
        scenario.judge(run)
        spans = [b - a for a, b in pause_spans(run.sampler.poolers.pauses) if b]
        row = (len(run.restarts()), len(spans), max(spans, default=0), *cost.values(), slowest)
        print("zero_loss row: | {} | {} | {:.1f} s | {} | {} | {} | {:.1f} s |".format(*row))
    finally:
        run.stop()


# --- acceptance 2 ---------------------------------------------------------------------------------


def always(instances, pool):
    return expect.Expected(instances, "Pooler", pool + 50, pool + 50, pool, "")


def set_pool(pool):
    world.patch(world.POLICIES, world.POLICY, {"spec": {"pooler": {"tiers": [
        {"instances": 50, "poolSize": pool}, {"instances": 100, "poolSize": 250}]}}})


def begin(scenario, instances, pool, **spec):
    """Pooled always, at rest with that many instances."""
    run = story.Story(scenario.out, most_instances=instances, policy=world.policy_object(
        pooler={**ALWAYS, "tiers": [{"instances": 50, "poolSize": pool},
                                    {"instances": 100, "poolSize": 250}]}, **spec))
    run.start(say=scenario.say)
    run.table.head()
    world.scale(instances)
    settle(scenario, run, always(instances, pool), f"{instances} instances, pool {pool}")
    return run


def settle(scenario, run, expected, what, within=story.STEP_WITHIN_S):
    step = story.Step(expected, time.time(), first_look=run.sampler.looks)
    run.steps.append(step)
    run.settle(step, within)
    if step.problems:
        print(run.diagnosis())
    scenario.check(not step.problems, f"{what}: at rest after "
                   f"{step.settled_at - step.scaled_at:.0f} s {step.problems}")
    return step


def pause_tiers(scenario, changes=20):
    """One pool size after the other, each with its restart."""
    run = begin(scenario, 40, 150, restart={"maxPerDay": 50, "minIntervalSeconds": 0})
    try:
        start, restarts, waits = time.time(), len(run.restarts()), []
        for number in range(changes):
            pool, at = (180, 150)[number % 2], time.time()
            set_pool(pool)
            step = settle(scenario, run, always(40, pool), f"change {number + 1}: pool {pool}")
            if step.problems:
                break
            waits.append(cost_between(run, at, time.time())[1])
        cost, _ = cost_between(run, start, time.time())
        tell_pauses(scenario, run)
        done = len(run.restarts()) - restarts
        scenario.check(done == changes, f"{done} restarts for {changes} changes")
        scenario.check(not any(cost.values()), f"in all of them: {cost}")
        scenario.say(f"waits: median {statistics.median(waits):.1f} s, worst {max(waits):.1f} s")
        scenario.judge(run)
    finally:
        run.stop()


# --- acceptance 3 and 4 ---------------------------------------------------------------------------


def role_limit(scenario):
    """The role's limit moves, the server does not."""
    spec = {"enforce": "RoleConnectionLimit"}
    most = (49 + 13) * world.CONNECTIONS + 50  # below the first tier, with a rolling update's surge
    run = story.Story(scenario.out, most_instances=45, policy=world.policy_object(sizing=spec))
    run.start(say=scenario.say)
    try:
        run.table.head()
        direct = lambda count: expect.Expected(count, "Direct", most, most, 0, "")
        world.scale(10)
        settle(scenario, run, direct(10), "the server has its largest value")
        started, start = postmaster_start(), time.time()
        for count in (45, 10):
            world.scale(count)
            settle(scenario, run, direct(count), f"{count} instances")
            wanted = (count + -(-count // 4)) * world.CONNECTIONS + 20
            told = world.wait_until(f"limit {wanted}", 60, lambda w=wanted: role_of(run, w))
            scenario.check(told["name"] == "shop" and told["former"] == -1, f"status.role {told}")
            if count == 45:
                world.kubectl("rollout", "restart", f"deployment/{world.APP}", "-n", world.NAMESPACE)
                world.kubectl("rollout", "status", f"deployment/{world.APP}", "-n", world.NAMESPACE,
                              "--timeout=180s", timeout=200)
                settle(scenario, run, direct(45), "45 instances rolled")
        cost, slowest = cost_between(run, start, time.time())
        scenario.check(not any(cost.values()), f"in all of it: {cost}, longest wait {slowest:.1f} s")
        scenario.check(postmaster_start() == started, "PostgreSQL was not restarted")
        world.patch(world.POLICIES, world.POLICY, {"spec": {"sizing": {"enforce": "MaxConnections"}}})
        world.wait_until("former limit", 30, lambda: database_limit() == -1)
        world.wait_until("end of status.role", 30, lambda: "role" not in run.status())
        scenario.check(True, "the role has its former limit again")
    finally:
        run.stop()


def role_of(run, limit):
    told = run.status().get("role") or {}
    return told if told.get("limit") == limit and database_limit() == limit else None


def ask(query):
    connection = world.database()
    with connection, connection.cursor() as cursor:
        cursor.execute(query)
        found = cursor.fetchone()[0]
    connection.close()
    return found


def database_limit():
    return ask("select rolconnlimit from pg_roles where rolname = 'shop'")


def postmaster_start():
    return ask("select pg_postmaster_start_time()::text")


def direct_restarts(scenario):
    """Without a pooler a restart costs what is open, and a burst costs one or two of them."""
    for stabilization, most in ((0, 2), (45, 1)):  # 45 s cover it on a slow machine, too
        run = story.Story(scenario.out, "Immediate", 30, policy=world.policy_object(
            "Immediate", behavior={"scaleUp": {"stabilizationSeconds": stabilization},
                                   "scaleDown": {"stabilizationSeconds": 10}},
            restart={"policy": "Immediate", "minIntervalSeconds": 20}))
        run.start(say=scenario.say)
        try:
            run.table.head()
            direct = lambda count: expect.Expected(count, "Direct", count * 20 + 50,
                                                   count * 20 + 50, 0, "")
            world.scale(10)
            settle(scenario, run, direct(10), "10 instances")
            wait_seconds(22)
            restarts = len(run.restarts())
            for count in range(11, 21):
                world.scale(count)
                wait_seconds(0.5)
            settle(scenario, run, direct(20), "a burst to 20 instances")
            done = run.restarts()[restarts:]
            scenario.check(len(done) <= most, f"{len(done)} restarts for ten scale events")
            for began, took, before, after in run.restarts():
                cost = judge.between(records_of(run), int(began),
                                     int(began + took + verdict.AFTER_RESTART_S))
                open_then = open_before(run, began)
                scenario.check(cost["failed"] + cost["unknown"] <= open_then,
                               f"{before} → {after}: {cost['failed']} failed, {cost['unknown']} of "
                               f"unknown outcome of {open_then} open connections")
            verdict.restarts(run, records_of(run))
        finally:
            run.stop()


def open_before(run, moment):
    """Direct sessions at the last look before that."""
    found = 0
    for at, direct in run.sampler.direct:
        if at > moment:
            break
        found = direct
    return found


def wait_seconds(seconds):
    """A time over which something is measured, or must have passed."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(0.25, max(0.0, end - time.monotonic())))


# --- acceptance 5 ---------------------------------------------------------------------------------


class Trigger(threading.Thread):
    """Does something once, as soon as a condition is seen, looked at every 10 ms."""

    def __init__(self, condition, action, within=120):
        super().__init__(daemon=True, name="trigger")
        self._condition, self._action, self._within = condition, action, within
        self.hit = None  # when

    def run(self):
        end = time.monotonic() + self._within
        while time.monotonic() < end:
            if self._condition():
                self.hit = time.time()
                self._action()
                return
            time.sleep(0.01)


def kill_operator(run):
    for pod in run.operator.pods():
        for pid in world.processes_of(pod["metadata"]["uid"], "pg-rightsizer"):
            disturb.kill(pid)


def kill_guards(run):
    """Of one pod the whole container, which the kubelet has to start again; of the others the
    process that works."""
    for number, pod in enumerate(run.sampler.cluster.pooler_pods()):
        keeper, *workers = world.processes_of(pod["metadata"]["uid"], "pg-rightsizer")
        for pid in workers if number else [keeper]:
            disturb.kill(pid)


def delete_operator(run):
    world.kubectl("delete", "pod", "-n", run.operator.namespace, "-l", run.operator.selector,
                  "--wait=false")


def fresh_operator(run):
    """Without the kubelet's back-off of the kills before."""
    before = {pod["metadata"]["uid"] for pod in run.operator.pods()}
    delete_operator(run)
    world.wait_until("fresh operator", 60, lambda: run.operator.process() and not before & {
        pod["metadata"]["uid"] for pod in run.operator.pods()})


def paused(run):
    spans = pause_spans(run.sampler.poolers.pauses)
    return bool(spans) and spans[-1][1] is None


def database_pod(run):
    pod = run.sampler.cluster.postgres_pod()
    return pod and "deletionTimestamp" not in pod["metadata"]


def step_is(run, *names):
    return (run.status().get("step") or {}).get("name") in names


def both(run):
    kill_operator(run)
    kill_guards(run)


KILLS = (
    ("before PAUSE", lambda run: step_is(run, "FreezePooler", "Checkpoint"), kill_operator),
    ("at PAUSE", lambda run: step_is(run, "Pause"), kill_operator),
    ("after PAUSE", paused, kill_operator),
    ("PostgreSQL is away", lambda run: paused(run) and not database_pod(run), kill_operator),
    ("guards killed", paused, kill_guards),
    ("both killed", paused, both),
    ("the operator's pod deleted", paused, delete_operator),
)


def pause_kills(scenario):
    """Whoever dies in a pause, it ends, and nobody is cut off."""
    run = begin(scenario, 20, 150, restart={"maxPerDay": 50, "minIntervalSeconds": 0})
    try:
        pool = 150
        for name, condition, action in KILLS:
            fresh_operator(run)
            pool = 330 - pool
            start = time.time()
            trigger = Trigger(lambda c=condition: c(run), lambda a=action: a(run))
            trigger.start()
            set_pool(pool)
            settle(scenario, run, always(20, pool), name)
            trigger.join(1)
            cost, slowest = cost_between(run, start, time.time())
            scenario.check(trigger.hit, f"{name}: hit")
            scenario.check(not any(cost.values()), f"{name}: {cost}")
            # Guards that were killed have to be started again first.
            more = 15 if action is both else 0
            scenario.check(slowest <= MAX_PAUSE_S + GUARD_SLACK_S + more,
                           f"{name}: longest wait {slowest:.1f} s")
        tell_pauses(scenario, run)
        scenario.judge(run)
    finally:
        run.stop()


# --- acceptance 6 and 7 ---------------------------------------------------------------------------


def pause_long_transaction(scenario, seconds=30):
    """A long transaction is waited for, named, and never cut; others wait 2 s at most for it."""
    run = begin(scenario, 20, 150, restart={"maxPerDay": 50, "minIntervalSeconds": 0})
    try:
        start = time.time()
        session = pooled_session(run)
        cursor = session.cursor()
        cursor.execute("select pg_backend_pid()")
        pid = cursor.fetchone()[0]
        set_pool(180)
        named = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            message = (run.status().get("step") or {}).get("message", "")
            if f"session {pid} of shop" in message:
                named.append(message)
            run.show(20)
            time.sleep(0.1)
        held = cost_between(run, start, time.time())
        cursor.execute("select pg_backend_pid()")
        scenario.check(cursor.fetchone()[0] == pid, "the transaction was not cut")
        scenario.check(named, f"the status names it: {named[:1]}")
        scenario.check(not any(held[0].values()) and held[1] <= 4.0,
                       f"meanwhile: {held[0]}, longest wait {held[1]:.1f} s")
        session.commit()
        session.close()
        settle(scenario, run, always(20, 180), "after it has ended")
        tell_pauses(scenario, run)
        scenario.judge(run)
    finally:
        run.stop()


def pooled_session(run):
    who = world.secret("shop-app")
    pod = run.sampler.cluster.pooler_pods()[0]["status"]["podIP"]
    return world.psycopg2.connect(host=pod, port=world.PORT, user=who["username"],
                                  password=who["password"], dbname="shop", connect_timeout=5)


def pause_rejected(scenario):
    """A value that PostgreSQL does not start with is taken back while clients wait."""
    run = begin(scenario, 20, 150, restart={"maxPerDay": 50, "minIntervalSeconds": 0})
    try:
        start = time.time()
        most = 262143
        world.patch(world.POLICIES, world.POLICY, {"spec": {
            "sizing": {"minConnections": most, "maxConnections": most}}})
        told = world.wait_until("rejected value", 120, lambda: run.status().get(
            "restarts", {}).get("rejected"))
        scenario.check(told["value"] == most and told["reason"], f"remembered: {told}")
        world.wait_until("PostgreSQL", 120, lambda: run.sampler.latest.state)
        world.wait_until("end of the pause", 60, lambda: not paused(run))
        wait_seconds(5)
        cost, slowest = cost_between(run, start, time.time())
        scenario.check(not any(cost.values()), f"{cost}, longest wait {slowest:.1f} s")
        ready = [c for c in run.status()["conditions"] if c["type"] == "Ready"][0]
        scenario.check(told["reason"] in ready["message"], f"Ready: {ready['message']}")
        tell_pauses(scenario, run)
        world.patch(world.POLICIES, world.POLICY, {"spec": {
            "sizing": {"minConnections": 25, "maxConnections": 5000}}})
        settle(scenario, run, always(20, 150), "back to a good value")
        scenario.judge(run)
    finally:
        run.stop()


SCENARIOS = {one.__name__: one for one in (
    zero_loss, pause_tiers, role_limit, direct_restarts, pause_kills, pause_long_transaction,
    pause_rejected)}


if __name__ == "__main__":
    sys.exit(scenarios.main(SCENARIOS, __doc__))
