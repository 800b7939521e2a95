#!/usr/bin/python3
"""Twenty plans of tests/fault on the real node: the operator in its pod, with its own rights, reaches
the API server through the proxy that does what a plan says; kubelet, kube-proxy, PostgreSQL and the
poolers are the real ones. Each plan tells 10 → 50 → 100 → 10 instances and must end as without faults.

    CLUSTER=NAME hack/cluster exec /usr/bin/python3 tests/e2e/faults.py [--only REGEX]

Most of the instances count and make no pods; the others are the test application under load, whose rows
are judged at the end. Exit code 0: as it must be; 1: not.
"""

import argparse
import json
import os
import pathlib
import re
import signal
import sys
import tempfile
import time
import types
import urllib.parse

import yaml

import restarts
import story
import verdict
import watch
import world

sys.path.append(str(world.ROOT / "tests/fault"))  # behind our own: some modules have the same names
import oracle  # noqa: E402
import plans  # noqa: E402
from proxy.access import OpenAccess, make_certificate  # noqa: E402
from proxy.api import ApiProxy, Passage  # noqa: E402
from proxy.loop import Loop  # noqa: E402
from proxy.plan import Plan  # noqa: E402
from proxy.record import Record  # noqa: E402

RUNNING = 8  # instances with pods
CROWD = "crowd"  # the Deployment of the others
STAGES = (("start", 10), ("up", 50), ("higher", 100), ("back", 10))
# What each plan does to the database and the route, as tests/fault counts it.
DONE = {"restarts of PostgreSQL": 2, "route": ["Pooler", "Direct"], "restarts recorded": 2}

DATABASE, FILE = "pods/postgres-0", "configmaps/postgres-config"
ROUTE, POOLER = f"services/{world.POLICY}", f"deployments/{world.POLICY}-pooler"
CAP, STATUS = f"pods/{world.POLICY}-pooler-.*", f"connectionpolicies/{world.POLICY}/status"


# --- the plans ------------------------------------------------------------------------------------


def at(verb, path, stage, do, **how):
    name = " ".join(str(one) for one in (do, how.get("when", ""), how.get("status", ""), verb, path, stage))
    return plans.plan(name, {"on": "request", "verb": verb, "path": path, "stage": stage, "do": do, **how})


def event(path, stage, do, **how):
    return {"on": "event", "path": path, "stage": stage, "do": do, **how}


PLANS = (
    *(at("DELETE", DATABASE, "up", "kill", when=when) for when in plans.POSITIONS),
    *(at("PATCH", ROUTE, "up", "kill", when=when) for when in plans.POSITIONS),
    at("PATCH", POOLER, "up", "kill", when="during"),
    at("DELETE", POOLER, "back", "kill", when="after"),
    at("PATCH", STATUS, "higher", "kill", when="during", nth=3),
    at("PATCH", FILE, "higher", "kill", when="after"),
    at("PATCH", CAP, "back", "kill", when="during"),
    at("DELETE", DATABASE, "higher", "stop"),
    at("PATCH", FILE, "up", "answer", status=409, count=2),
    at("PATCH", STATUS, "higher", "answer", status=429, count=2, retry_after=1),
    at("DELETE", DATABASE, "up", "answer", status=500, count=2),
    at("PATCH", ROUTE, "back", "answer", status=503, count=2),
    at("DELETE", DATABASE, "higher", "reset", when="during"),
    plans.plan("watch gone pods", plans.gone("pods", "up")),
    plans.plan("watch late deployments", event("deployments", "back", "silence", seconds=8)),
    plans.plan("watch drop and gone pods", event("pods", "up", "drop", count=2),
               event("pods", "up", "gone", nth=3)),
)


# --- what they are told in ------------------------------------------------------------------------


def crowd(instances):
    """It counts, and makes no pods."""
    labels = {"app": CROWD}
    return {"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": CROWD, "namespace": world.NAMESPACE},
            "spec": {"paused": True, "replicas": instances, "selector": {"matchLabels": labels},
                     "template": {"metadata": {"labels": labels},
                                  "spec": {"containers": [{"name": "app", "image": "app"}]}}}}


def policy():
    """As fast as it can."""
    workloads = [{"name": name, "targetRef": {"kind": "Deployment", "name": name}}
                 for name in (world.APP, CROWD)]
    at_once = {"stabilizationSeconds": 0}
    return world.policy_object(
        workloads=workloads, behavior={"scaleUp": at_once, "scaleDown": at_once},
        restart={"policy": "Auto", "minIntervalSeconds": 0, "maxPerDay": 60},
        routing={"mode": "Service", "drain": "TerminateIdle", "onIncompatible": "Move"})


class ProxiedOperator(world.Operator):
    """Believes that the API server is where the proxy is, and that proxy's certificate is of the
    cluster's own CA."""

    def __init__(self):
        self._home = tempfile.TemporaryDirectory(prefix="pgrs-faults-")
        home = pathlib.Path(self._home.name)
        config = yaml.safe_load(pathlib.Path(os.environ["KUBECONFIG"]).read_text(encoding="utf-8"))
        server = urllib.parse.urlsplit(config["clusters"][0]["cluster"]["server"])
        pki = world.state_directory() / "pki"
        make_certificate(home, pki, server.hostname)
        self._address = server.hostname
        self.proxy = ApiProxy(Passage(self._address, server.port, pki / "ca.crt"), OpenAccess(home),
                              Plan("none", []), Record(), kill_operator, address=self._address)
        self._port = Loop().run(self.proxy.start())

    def install(self, *arguments):
        there = [{"name": "KUBERNETES_SERVICE_HOST", "value": self._address},
                 {"name": "KUBERNETES_SERVICE_PORT", "value": str(self._port)}]
        super().install("--set-json", f"extraEnv={json.dumps(there)}", *arguments)

    def incarnations(self):
        """How often its present pod has started it."""
        return sum(one["restartCount"] for pod in self.pods()
                   for one in pod["status"].get("containerStatuses", []))


def kill_operator(name):
    """From /proc: to ask the API server would take longer than what is to be interrupted."""
    for directory in pathlib.Path("/proc").iterdir():
        try:
            words = (directory / "cmdline").read_bytes().split(b"\0")
        except OSError:  # none, or it has ended
            continue
        if words[0].endswith(b"pg-rightsizer") and words[1:2] == [b"run"]:
            os.kill(int(directory.name), getattr(signal, f"SIG{name}"))


class FaultStory(story.Story):
    """On one cluster, one plan after the other."""

    def __init__(self, out):
        super().__init__(out, most_instances=RUNNING, policy={
            "apiVersion": "v1", "kind": "List", "items": [crowd(STAGES[0][1] - RUNNING), policy()]})
        self.operator = ProxiedOperator()
        self.databases = []  # uids of PostgreSQL's pods, one after the other
        self._pods = watch.Watch(f"/api/v1/namespaces/{world.NAMESPACE}/pods?labelSelector=app%3Dpostgres",
                                 self._database)

    def start(self, say=print):
        super().start(say)
        self._pods.start()
        world.scale(RUNNING)

    def stop(self):
        self._pods.stop()
        super().stop()

    def set_replicas(self, instances):
        world.kubectl("scale", f"deployment/{CROWD}", "-n", world.NAMESPACE,
                      f"--replicas={instances - RUNNING}")

    def pods_of(self, expected):
        return RUNNING

    def _database(self, pod, _at, _gone):
        if pod["metadata"]["uid"] not in self.databases:
            self.databases.append(pod["metadata"]["uid"])


# --- one plan -------------------------------------------------------------------------------------


class Before:
    """What had happened when a plan began."""

    def __init__(self, run):
        self.time = time.time()
        self.databases = len(run.databases)
        self.flips = len(run.sampler.cluster.flips)
        self.violations = len(run.sampler.violations)


def follow(run, one):
    """The story under a plan; what is wrong, in words."""
    plan, record = Plan(one["name"], one["rules"]), Record()
    run.operator.proxy.plan, run.operator.proxy.record = plan, record
    plan.stage = "fresh"
    restarts.fresh_operator(run)  # without the kubelet's back-off, and with lists of its own
    before = Before(run)
    for stage, instances in STAGES:
        plan.stage = stage
        step = run.step(instances)
        if step.problems:
            return [f"{stage}: {'; '.join(step.problems)}"]
    findings = oracle.quiet(types.SimpleNamespace(record=record))
    plan.stage = "over"
    return findings + judge(run, plan, record, before)


def judge(run, plan, record, before):
    done = {"restarts of PostgreSQL": len(run.databases) - before.databases,
            "route": [route for _, route in run.sampler.cluster.flips[before.flips:]],
            "restarts recorded": sum(1 for began, *_ in run.restarts() if began >= before.time - 1)}
    findings = oracle.differences(DONE, done)
    ready = next(one for one in run.status()["conditions"] if one["type"] == "Ready")
    findings += oracle.differences(["True", "InStep"], [ready["status"], ready["reason"]], "/Ready")
    findings += [f"by {much} more than there are after {', '.join(steps)}"
                 for _, much, steps in run.sampler.violations[before.violations:]]
    seen = types.SimpleNamespace(record=record)
    findings += oracle.too_often(record.entries("request"))
    findings += oracle.came_too_soon(seen) + oracle.stale_lists(seen)
    ends = sum(1 for one in plan.fired if one["do"] in ("kill", "stop"))
    findings += oracle.differences(ends, run.operator.incarnations(), "/ends of the operator")
    return findings + ([] if plan.fired else ["it did not come to pass"])


def tell(run, wanted):
    """Those that failed."""
    failed = []
    for number, one in enumerate(wanted, 1):
        began = time.monotonic()
        findings = follow(run, one)
        print(f"faults: {number}/{len(wanted)} {time.monotonic() - began:6.1f} s  "
              f"{'FAILED' if findings else 'ok    '}  {one['name']}", flush=True)
        for line in findings:
            print(f"    {line}", flush=True)
        if findings:
            failed.append(one)
            print(run.diagnosis(), flush=True)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="plans whose name matches")
    options = parser.parse_args()
    wanted = [one for one in PLANS if re.search(options.only, one["name"])]
    run = FaultStory(world.ROOT / "build/e2e/faults")
    run.start(say=lambda text: print(f"faults: {text}", flush=True))
    try:
        run.table.head()
        first = run.step(STAGES[0][1])
        if first.problems:
            print(run.diagnosis())
            return 1
        failed = tell(run, wanted)
        lost = verdict.rows(run, restarts.records_of(run))
    finally:
        run.stop()
    for line in lost:
        print(f"faults: FAILED: {line}")
    print(f"faults: {len(wanted) - len(failed)} of {len(wanted)} passed")
    return 1 if failed or lost else 0


if __name__ == "__main__":
    sys.exit(main())
