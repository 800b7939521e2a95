"""What is said at the end of a run, and whether it was good.

Each part prints what it found and returns the sentences that make the run a failure.
"""

import collections
import time

import application
import expect
import judge
import story
import world

AFTER_FLIP_S = 5.0  # refusals are to have ended so long after the front Service was switched
AFTER_RESTART_S = 5.0  # a pooler looks for its database every second, an application backs off


def judge_run(run):
    """Everything; the sentences of failure."""
    records = application.records(run.sampler.cluster.app_pods())
    failures = []
    for part in (steps, events, refusals, restarts, rows, samples):
        failures += part(run, records)
    return failures


def steps(run, _records):
    print("\nEach number of instances, read from SHOW max_connections and the poolers' consoles:")
    failures = []
    for step in run.steps:
        want = step.expected
        pooler = (f"PgBouncer, Σ caps {want.pool} = {expect.POOLERS} × {want.caps[0]}"
                  if want.pool else "direct, no pooler")
        mark = "✗" if step.problems else "✓"
        waits = f" ({want.waits})" if want.waits else ""
        print(f"  {want.instances:5} → max_connections {want.max_connections}, {pooler}{waits} "
              f"{mark}  {step.settled_at - step.scaled_at:.0f} s")
        for problem in step.problems:
            print(f"          {problem}")
        if step.problems:
            failures.append(f"{want.instances} instances: {', '.join(step.problems)}")
    return failures


def events(run, _records):
    found = [e for e in world.events() if story.epoch(
        e.get("eventTime") or e["metadata"]["creationTimestamp"]) >= run.started_at - 1]
    switches = sum(1 for e in found if e["reason"] == "TrafficSwitched")
    print(f"\nEvents ({switches} route switches):")
    for event in found:
        at = story.epoch(event.get("eventTime") or event["metadata"]["creationTimestamp"])
        count = event.get("series", {}).get("count", 1)
        times = f" (× {count})" if count > 1 else ""
        print(f"  {run.since_start(at):>7}  {event['reason']}{times}: {event.get('note', '')}")
    expected, route = 0, "Direct"
    for step in run.steps:
        expected += step.expected.route != route
        route = step.expected.route
    flips = len(run.sampler.cluster.flips)
    if flips != expected:
        return [f"the front Service was switched {flips} times, not {expected}"]
    return []


def restart_windows(run):
    return [(began - 0.5, began + (took or 60.0) + AFTER_RESTART_S)
            for began, took, _, _ in run.restarts()]


def refusals(run, records):
    """Connections refused to the application, step by step."""
    print("\nRefused connections of the application:")
    failures, windows = [], restart_windows(run) + run.excused
    for step, end in zip(run.steps, [s.scaled_at for s in run.steps[1:]] + [time.time()]):
        count, last = application.refusals(records, step.scaled_at, end)
        logged = logged_between(run, step.scaled_at, end)
        text = f"  {step.expected.instances:5}  {count} refused, {logged} × 53300 in the log"
        text += f"; scaled at {run.since_start(step.scaled_at)}"
        for at, route in step.flips:
            text += f", front Service to {route} at {run.since_start(at)}"
        if last:
            text += f", last refusal at {run.since_start(last)}"
        print(text)
        if logged and step.most_excess <= 0:
            failures.append(f"{step.expected.instances} instances: {logged} × 53300 logged although "
                            "the demand fitted all the time")
        failures += late_refusals(run, records, step, end, windows)
    for cls, entry in sorted(judge.add_classes(judge.newest(records), "refused").items()):
        print(f"  {cls}: {entry['count']}, last at {run.since_start(entry['last_ms'] / 1000)} "
              f"({one_line(entry['message'])})")
    return failures


def one_line(message):
    return " ".join(message.split())[:110]


def late_refusals(run, records, step, end, windows):
    """Those that neither the burst nor a restart nor the test itself explains."""
    flip = step.flip_to_pooler
    if flip is None:
        return []
    spans = [(flip + AFTER_FLIP_S, end)]
    for began, ended in windows:
        spans = [part for a, b in spans for part in ((a, min(b, began)), (max(a, ended), b))
                 if part[1] - part[0] > 1]
    late = sum(application.refusals(records, a + 1, b - 1)[0] for a, b in spans)
    if not late:
        return []
    return [f"{step.expected.instances} instances: {late} connections refused later than "
            f"{AFTER_FLIP_S:.0f} s after the front Service was switched"]


def logged_between(run, start, end):
    run.log.read()
    return sum(1 for text in run.log.refusals if start <= story.epoch(text) < end)


def rolled_back(value):
    return any(e["reason"] == "RestartFailed" and f"max_connections {value} (" in e.get("note", "")
               for e in world.events())


def restarts(run, records):
    found = run.restarts()
    print(f"\nRestarts of PostgreSQL: {len(found)}")
    failures = []
    for began, took, before, after in found:
        if took is None and rolled_back(after):
            print(f"  {run.since_start(began):>7}  {before} → {after}: did not start, taken back")
            continue
        if took is None:
            failures.append(f"the restart at {run.since_start(began)} has no end in the status")
            print(f"  {run.since_start(began):>7}  {before} → {after}: not ended")
            continue
        cost = judge.between(records, int(began), int(began + took + AFTER_RESTART_S) + 1)
        print(f"  {run.since_start(began):>7}  {before} → {after} in {took:.1f} s: {cost['failed']} "
              f"transactions failed, {cost['unknown']} of unknown outcome, {cost['refused']} "
              "connections refused")
    return failures


def rows(_run, records):
    """The judge: what the application was told against what the ledger holds."""
    connection = world.database()
    with connection, connection.cursor(name="judge") as cursor:
        found = judge.judge(cursor, records)
    connection.close()
    intended, achieved = found["intended"], found["achieved"]
    print(f"\nTransactions: {found['acknowledged']} acknowledged, {found['failed']} failed, "
          f"{found['unknown']} of unknown outcome; lost {found['lost']}, doubled "
          f"{found['doubled']}\n  rate: {achieved} of {intended} intended "
          f"({100 * achieved / max(1, intended):.1f} %); latency of {found['instances']} instances: "
          f"median {found['p50']:.0f} ms, 99 % {found['p99']:.0f} ms, "
          f"maximum {found['max_ms']:.0f} ms")
    for kind in ("failed", "unknown"):
        for cls, entry in sorted(found[f"{kind}_by_class"].items()):
            print(f"  {kind} {cls}: {entry['count']} ({one_line(entry['message'])})")
    failures = []
    if found["lost"] or found["doubled"]:
        failures.append(f"{found['lost']} acknowledged rows lost, {found['doubled']} doubled: "
                        f"{(found['lost_ids'] + found['doubled_ids'])[:3]}")
    if not found["rate_ok"]:
        failures.append("the application reached less than 80 % of its rate: the run proves nothing")
    return failures


def samples(run, _records):
    """The sampler's verdict."""
    sampler = run.sampler
    by_minute = collections.Counter()
    for at, much in sampler.environment:
        by_minute[run.since_start(at)[:-2]] += much
    print(f"\nSampler: {sampler.looks} looks, {sampler.rate():.1f} a second, longest gap "
          f"{sampler.longest_gap * 1000:.0f} ms; all in {run.out / 'samples.jsonl'}")
    print(f"  steps of the operator that broke the invariant: {len(sampler.violations)}")
    for at, much, what in sampler.violations[:10]:
        print(f"    {run.since_start(at)}  by {much}: {', '.join(what)}")
    if by_minute:
        some = ", ".join(f"{much} at {at}" for at, much in by_minute.most_common(5))
        print(f"  demand that came faster than it could be answered: {some}")
    if sampler.violations:
        return [f"{len(sampler.violations)} steps of the operator broke the invariant"]
    return []
