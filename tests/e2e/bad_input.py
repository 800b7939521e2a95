#!/usr/bin/python3
"""Bad input and rough hands on the real node: what only a kubelet and living poolers can show.

    CLUSTER=NAME hack/cluster exec /usr/bin/python3 tests/e2e/bad_input.py by_hand

Exit code 0: as it must be; 1: not.
"""

import argparse
import os
import pathlib
import signal
import sys
import time

import expect
import scenarios
import story
import verdict
import world

INSTANCES = 3  # few are enough: 3 × 20 = 60 connections
POOLED = expect.Expected(INSTANCES, "Pooler", 110, 110, 60, "")
DIRECT = expect.Expected(INSTANCES, "Direct", 110, 110, 0, "")
TOO_MANY = 262143  # the schema allows it; PostgreSQL has fewer processes to give
POOLER = f"{world.POLICY}-pooler"
WITHIN_S = 240.0


def begin(scenario, expected, restart_policy="Auto", **spec):
    """The application in the state that is disturbed."""
    run = story.Story(scenario.out, policy=world.policy_object(restart_policy, **spec),
                      most_instances=INSTANCES)
    run.start(say=scenario.say)
    run.table.head()
    world.scale(INSTANCES)
    settle(scenario, run, expected, f"{INSTANCES} instances, {expected.route}")
    return run


def settle(scenario, run, expected, what):
    step = story.Step(expected, time.time(), first_look=run.sampler.looks)
    run.steps.append(step)
    run.settle(step, WITHIN_S)
    if step.problems:
        print(run.diagnosis())
    took = step.settled_at - step.scaled_at
    scenario.check(not step.problems, f"{what}: at rest after {took:.0f} s {step.problems}")


def condition(run, kind="Ready"):
    for one in run.status().get("conditions", []):
        if one["type"] == kind:
            return one
    return {"status": "", "reason": "", "message": ""}


def reason_becomes(scenario, run, reason, words):
    try:
        world.wait_until(f"Ready {reason}", 90, lambda: condition(run)["reason"] == reason)
    except world.Failure as failure:
        scenario.check(False, f"{failure}; it is {condition(run)}")
        return
    message = condition(run)["message"]
    scenario.check(all(word in message for word in words), f"Ready says {reason}: {message}")


def stays(scenario, run, expected, seconds, what):
    """Over a while the server, the route and the caps stay as they are."""
    wrong, end = [], time.monotonic() + seconds
    while time.monotonic() < end and not wrong:
        look = run.sampler.latest
        caps = [one.cap for one in look.poolers]
        if look.state and look.state.max_connections != expected.max_connections:
            wrong.append(f"max_connections {look.state.max_connections}")
        if look.route != expected.route or caps != expected.caps:
            wrong.append(f"route {look.route}, caps {caps}")
        time.sleep(0.25)
    scenario.check(not wrong, f"{what}: nothing moves for {seconds} s {wrong}")


def judge(scenario, run):
    """Nothing lost and nothing doubled; the operator has broken no rule. A low rate is to be
    expected of an application whose database is taken away."""
    records = verdict.application.records(run.sampler.cluster.app_pods())
    for failure in verdict.rows(run, records) + verdict.samples(run, records):
        if "80 %" not in failure:
            scenario.check(False, failure)


def cost_since(run, before):
    after = run.app.totals()
    return {name: after[name] - before[name] for name in ("failed", "refused", "unknown")}


# --- the scenarios ----------------------------------------------------------------------------


def by_hand(scenario):
    """Pooler pods, the poolers' Deployment, the application's Deployment are deleted; PostgreSQL
    crashes."""
    run = begin(scenario, POOLED, pooler={"provision": "Always"})
    try:
        for disturb in (pooler_pod, pooler_deployment, crash, workload):
            before = run.app.totals()
            disturb(scenario, run)
            settle(scenario, run, POOLED, disturb.__name__)
            scenario.say(f"{disturb.__name__} has cost {cost_since(run, before)}")
        judge(scenario, run)
    finally:
        run.stop()


def pooler_uids(run):
    return {pod["metadata"]["uid"] for pod in run.sampler.cluster.pooler_pods()}


def pooler_pod(scenario, run):
    pod = run.sampler.cluster.pooler_pods()[0]["metadata"]
    world.kubectl("delete", "pod", pod["name"], "-n", world.NAMESPACE, "--wait=false")
    world.wait_until("end of the pooler pod", WITHIN_S, lambda: pod["uid"] not in pooler_uids(run))


def pooler_deployment(scenario, run):
    before = world.get("deployment", POOLER)["metadata"]["uid"]
    pods = pooler_uids(run)
    world.kubectl("delete", "deployment", POOLER, "-n", world.NAMESPACE, "--wait=false")

    def made_anew():
        found = world.get("deployment", POOLER)
        return found and found["metadata"]["uid"] != before

    world.wait_until("new Deployment of the poolers", WITHIN_S, made_anew)
    scenario.say("the Deployment is there again")
    world.wait_until("end of the old pooler pods", 2 * WITHIN_S,
                     lambda: not pods & pooler_uids(run))


def crash(scenario, run):
    """The postmaster is killed; the kubelet starts the container again, in the same pod."""
    pod = run.sampler.cluster.postgres_pod()["metadata"]["uid"]
    restarts = len(run.restarts())
    os.kill(world.processes_of(pod, "postgres")[0], signal.SIGKILL)
    world.wait_until("crash", 30, lambda: time.time() - run.sampler.latest.at > 2
                     or run.sampler.latest.state is None)
    world.wait_until("PostgreSQL", 120, lambda: run.sampler.latest.state)
    same = run.sampler.cluster.postgres_pod()["metadata"]["uid"] == pod
    scenario.check(same and len(run.restarts()) == restarts,
                   "the kubelet has restarted it, not the operator")


def workload(scenario, run):
    body = world.get("deployment", world.APP)
    world.kubectl("delete", "deployment", world.APP, "-n", world.NAMESPACE)
    reason_becomes(scenario, run, "WorkloadNotFound",
                   [f"Deployment {world.NAMESPACE}/{world.APP}", "spec.workloads",
                    f"counts with {INSTANCES} instances"])
    stays(scenario, run, POOLED, 20, "the workload is deleted")
    spec = {**body["spec"], "replicas": INSTANCES}
    world.apply({"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec,
                 "metadata": {"name": world.APP, "namespace": world.NAMESPACE}})


def wrong_password(scenario):
    """The application's Secret has a wrong password when a move begins."""
    run = begin(scenario, DIRECT, "Immediate", pooler={"provision": "Never"})
    try:
        right = world.secret("shop-app")["password"]
        world.patch("secret", "shop-app", {"stringData": {"password": "wrong"}})
        world.patch(world.POLICIES, world.POLICY, {"spec": {"pooler": {"provision": "Always"}}})
        reason_becomes(scenario, run, "PooledLoginFailed",
                       [f"Secret {world.NAMESPACE}/shop-app", "correct the Secret"])
        scenario.check(run.sampler.latest.route == "Direct", "the move is held, the route Direct")
        scenario.check(run.sampler.latest.state.max_connections == DIRECT.max_connections,
                       "max_connections was not lowered")
        world.patch("secret", "shop-app", {"stringData": {"password": right}})
        settle(scenario, run, POOLED, "the password is right again")
        judge(scenario, run)
    finally:
        run.stop()


def rejected(scenario):
    """A value with which PostgreSQL does not start: restored, remembered, not tried again."""
    run = begin(scenario, DIRECT, "Immediate", pooler={"provision": "Never"})
    try:
        starts = len(run.restarts())
        world.patch(world.POLICIES, world.POLICY, {"spec": {
            "sizing": {"minConnections": TOO_MANY, "maxConnections": TOO_MANY}}})
        reason_becomes(scenario, run, "RestartRejected", [str(TOO_MANY)])
        told = run.status().get("restarts", {}).get("rejected", {})
        scenario.check(told.get("value") == TOO_MANY and told.get("reason"), f"remembered: {told}")
        world.wait_until("PostgreSQL", 120, lambda: run.sampler.latest.state)
        stays(scenario, run, DIRECT, 20, "the value is refused")
        scenario.check(len(run.restarts()) == starts + 2, "one restart there and one back")
        world.patch(world.POLICIES, world.POLICY, {"spec": {
            "sizing": {"minConnections": 150, "maxConnections": 5000}}})
        settle(scenario, run, expect.Expected(INSTANCES, "Direct", 150, 150, 0, ""),
               "another value is tried")
        judge(scenario, run)
    finally:
        run.stop()


SCENARIOS = {one.__name__: one for one in (by_hand, wrong_password, rejected)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="+", choices=sorted(SCENARIOS))
    parser.add_argument("--out", type=pathlib.Path, default=world.ROOT / "build/e2e")
    options = parser.parse_args()
    failed = False
    for name in options.name:
        scenario = scenarios.Scenario(name, options.out)
        try:
            SCENARIOS[name](scenario)
        except world.Failure as failure:
            scenario.check(False, str(failure))
        scenario.say("FAILED" if scenario.failures else "OK")
        failed = failed or bool(scenario.failures)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
