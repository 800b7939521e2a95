#!/usr/bin/python3
"""Tells the story under every plan, several at a time, and says which of them went wrong.

    matrix.py [--sample] [--only REGEX] [--jobs N] [--plan FILE]

Verdicts are kept in build/faults, by the digest of the operator: what has passed is not run again.
Needs a control plane, as the other integration tests: PGRS_TEST_KUBECONFIG, PGRS_OPERATOR."""

import argparse
import collections
import contextlib
import functools
import hashlib
import itertools
import json
import multiprocessing
import pathlib
import re
import signal
import sys
import time

import plans
from ground import Ground, cluster

import oracle
import run
from objects import ROOT
from program import binary

FORK = multiprocessing.get_context("fork")  # the data directory and the CA are made once
HEARTBEAT = 10  # seconds
LONGEST = 1000  # seconds of a run
NO_FAULT = "without faults"


class Matrix:
    """Runs plans on one ground, `jobs` of them at a time."""

    def __init__(self, ground, jobs):
        self._ground = ground
        self._jobs = jobs
        digest = hashlib.sha256(pathlib.Path(binary()).read_bytes()).hexdigest()[:12]
        self._results = ROOT / "build/faults" / digest
        self._results.mkdir(parents=True, exist_ok=True)
        self._running = {}  # slot → (process, plan, result, since)

    def close(self):
        for process, *_ in self._running.values():
            process.terminate()
        for process, *_ in self._running.values():
            process.join(60)

    def result_of(self, plan):
        return self._results / (re.sub(r"[^A-Za-z0-9.]+", "-", plan["name"]) + ".json")

    def verdict_of(self, plan):
        """None while there is none."""
        path = self.result_of(plan)
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def run(self, wanted, reference, on_verdict):
        """All of them, as many at a time as there are slots."""
        waiting = list(wanted)
        beat = 0
        while waiting or self._running:
            for slot in range(self._jobs):
                if slot not in self._running and waiting:
                    self._start(slot, waiting.pop(0), reference)
            time.sleep(0.02)
            self._collect(on_verdict)
            if time.monotonic() > beat:
                self._ground.heartbeat()
                beat = time.monotonic() + HEARTBEAT

    def _start(self, slot, plan, reference):
        result = self.result_of(plan)
        result.unlink(missing_ok=True)
        process = FORK.Process(target=run.in_process,
                               args=(self._ground, slot, plan, reference, result))
        process.start()
        self._running[slot] = (process, plan, result, time.monotonic())

    def _collect(self, on_verdict):
        for slot, (process, plan, result, since) in list(self._running.items()):
            if process.is_alive() and time.monotonic() < since + LONGEST:
                continue
            process.kill()
            process.join()
            del self._running[slot]
            if not result.exists():
                result.write_text(json.dumps({"plan": plan["name"], "seconds": LONGEST, "fired": [],
                                              "findings": ["the run itself died"]}))
            on_verdict(plan, self.verdict_of(plan))


def reference_of(matrix):
    """What a run without faults leaves and does; two of them must agree."""
    twice = [plans.plan(f"{NO_FAULT} {number}") for number in (1, 2)]
    missing = [one for one in twice if not passed(matrix.verdict_of(one))]
    matrix.run(missing, None, functools.partial(tell, "reference"))
    first, second = (matrix.verdict_of(one) for one in twice)
    findings = first["findings"] + second["findings"]
    if not findings:
        findings = oracle.differences(first["left"], second["left"])
    if findings:
        sys.exit("fault: the story is not the same twice without faults:\n" + "\n".join(findings))
    return first


def passed(verdict):
    return verdict is not None and not verdict["findings"]


def tell(progress, plan, verdict):
    print(f"fault: {progress}  {verdict['seconds']:5.1f} s  "
          f"{'ok    ' if passed(verdict) else 'FAILED'}  {plan['name']}"
          f"{'' if verdict['fired'] or not plan['rules'] else '  (did not come to pass)'}", flush=True)
    for finding in verdict["findings"]:
        print(f"    {finding}")


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--sample", action="store_true", help="a few plans of each kind")
    parser.add_argument("--only", default="", help="plans whose name matches")
    parser.add_argument("--plan", help="the plan in this file alone")
    return parser.parse_args()


def chosen(options, reference):
    if options.plan:
        return [json.loads(pathlib.Path(options.plan).read_text(encoding="utf-8"))]
    found = plans.all_plans(reference["changes"])
    if options.sample:
        missing = set(plans.SAMPLE) - {one["name"] for one in found}
        if missing:
            sys.exit(f"fault: the sample names plans that there are not: {sorted(missing)}")
        found = [one for one in found if one["name"] in plans.SAMPLE]
    return [one for one in found if re.search(options.only, one["name"])]


def size_of(wanted):
    kinds = collections.Counter(one["name"].split()[0] for one in wanted)
    return f"{len(wanted)} plans: " + ", ".join(f"{count} {kind}" for kind, count in kinds.items())


def run_all(matrix, wanted, reference):
    """The plans that failed."""
    waiting = [one for one in wanted if not passed(matrix.verdict_of(one))]
    print(f"fault: {size_of(wanted)}; {len(wanted) - len(waiting)} have passed before", flush=True)
    failed = []
    count = itertools.count(1)

    def on_verdict(plan, verdict):
        tell(f"{next(count)}/{len(waiting)}", plan, verdict)
        if not passed(verdict):
            failed.append(plan)
            path = matrix.result_of(plan)
            path.with_suffix(".plan").write_text(json.dumps(plan, indent=1), encoding="utf-8")
            print(f"    again: matrix.py --plan {path.with_suffix('.plan')}; log: "
                  f"{path.with_suffix('.log')}", flush=True)

    matrix.run(waiting, reference, on_verdict)
    return failed


def main():
    if not cluster.available():
        print("skipped: PGRS_TEST_KUBECONFIG is not set or kubectl is not on the PATH")
        sys.exit(cluster.SKIPPED)
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with Ground() as ground, contextlib.closing(Matrix(ground, options.jobs)) as matrix:
        reference = reference_of(matrix)
        wanted = chosen(options, reference)
        failed = run_all(matrix, wanted, reference)
        verdicts = [matrix.verdict_of(one) for one in wanted]
    idle = sum(1 for one in verdicts if not one["fired"])
    print(f"fault: {len(wanted) - len(failed)} of {len(wanted)} passed; {idle} did not come to pass")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
