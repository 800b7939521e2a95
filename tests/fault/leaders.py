#!/usr/bin/python3
"""Two operators and one Lease while the story goes on: the one that leads is killed, and another is
stopped. Prints how long nobody led, and shows from the audit log that no two have written at a time."""

import json
import pathlib
import sys
import threading
import time

from ground import Ground, cluster

import oracle
import story
from objects import kubeconfig, wait_until
from proxy.plan import Plan
from world import World

LEADS = "this process leads"
LEASE_ENDS = 15 + 2 * 1.2  # seconds: its duration, and what passes between two looks at it
SLACK = 10  # seconds for a busy machine


def main():
    if not cluster.available():
        print("skipped: PGRS_TEST_KUBECONFIG is not set or kubectl is not on the PATH")
        sys.exit(cluster.SKIPPED)
    with Ground() as ground:
        threading.Thread(target=beat, args=(ground,), daemon=True).start()
        world = World(ground, 0, Plan("leaders", PLAN))
        try:
            tell(world)
        except AssertionError:
            print("\n".join(keeper.log() for keeper in world.keepers))
            raise
        finally:
            world.close()


def beat(ground):
    while True:
        time.sleep(10)
        ground.heartbeat()


# The first dies when it has just begun a restart, and the second's store has not heard of it.
PLAN = [{"on": "request", "who": "first", "verb": "DELETE", "path": "pods/shop-db-0", "do": "kill",
         "when": "after"},
        {"on": "event", "who": "second", "path": "connectionpolicies", "stage": "up",
         "do": "silence", "seconds": 60, "count": 0}]


def tell(world):
    """The story, with an end of the leader in the middle of two of its stages."""
    world.shop.make()
    world.shop.make_policy()
    first = begin(world, "first", leads=True)
    second = begin(world, "second")
    story.arrive(world, story.STOPS[0])

    world.plan.stage = "up"
    world.scale(50)
    wait_until("the end of the first", 120, first.ended)
    report("killed -9", second, LEASE_ENDS + SLACK)
    third = begin(world, "third")
    story.arrive(world, story.STOPS[1])
    began = world.namespace.status(world.shop.name)["restarts"]["recent"]
    assert ["durationMilliseconds" in one for one in began] == [True], (
        f"the second does not know of the restart that the first began: {began}")

    world.plan.stage = "higher"
    world.scale(100)
    wait_until("the new value", 60, lambda: "250" in world.shop.file())
    threading.Thread(target=second.stop, daemon=True).start()
    report("stopped with SIGTERM", third, 2 * 1.2 + SLACK)
    story.arrive(world, story.STOPS[2])
    world.scale(10)
    story.arrive(world, story.STOPS[3])

    judge(writers(world.namespace.name), ["first", "second", "third"])
    wrong = oracle.differences(story.DONE, oracle.done(world))
    assert not wrong, wrong
    assert not world.sampler.violations, world.sampler.violations


def begin(world, identity, leads=False):
    keeper = world.start_operator(identity, for_ever=False)
    wait_until(f"{identity} is in sync", 60, lambda: keeper.lines("every kind is in sync"))
    if leads:
        wait_until(f"{identity} leads", 60, lambda: keeper.lines(LEADS))
    return keeper


def report(what, successor, most):
    began = time.monotonic()
    wait_until("a successor", most, lambda: successor.lines(LEADS), every=0.02)
    print(f"leaders: {what}: the next one leads after {time.monotonic() - began:.1f} s", flush=True)


def writers(namespace):
    """(who, when it was received, when answered) of every write in the audit log, in order."""
    directory = pathlib.Path(kubeconfig()).parents[1]
    found = []
    for line in (directory / "log/audit.log").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        reference = entry.get("objectRef", {})
        if reference.get("namespace") != namespace or reference.get("resource") == "leases":
            continue
        if entry["userAgent"].startswith("pg-rightsizer/") and "impersonatedUser" in entry:
            found.append((entry["impersonatedUser"]["username"], entry["requestReceivedTimestamp"],
                          entry["stageTimestamp"]))
    return sorted(found, key=lambda one: one[1])


def judge(writes, expected):
    """Each has written in one stretch, and none before the last one's writes had ended."""
    stretches = []
    for who, begin_, end in writes:
        if not stretches or stretches[-1][0] != who:
            stretches.append([who, begin_, end, 0])
        stretches[-1][2] = max(stretches[-1][2], end)
        stretches[-1][3] += 1
    for who, begin_, end, count in stretches:
        print(f"leaders: {who} wrote {count} times from {begin_} to {end}")
    assert [one[0] for one in stretches] == expected, "they have written by turns"
    for before, after in zip(stretches, stretches[1:]):
        assert before[2] <= after[1], f"{after[0]} began before {before[0]} had ended"


if __name__ == "__main__":
    main()
