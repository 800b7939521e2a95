"""One run: the story under a plan, judged. Called in a process of its own by the runner."""

import json
import signal
import sys
import time
import traceback

import oracle
import story
from proxy.plan import Plan
from world import World


def run(ground, slot, plan, reference):
    """The verdict as a dict: findings is empty when all is well."""
    began = time.monotonic()
    world = World(ground, slot, plan)
    verdict = {"plan": plan.name, "findings": []}
    try:
        findings, verdict["left"], verdict["done"] = judge(world, reference)
        verdict["findings"] += findings
    except Exception:  # of whatever kind: it did not arrive
        verdict["findings"].append(traceback.format_exc(limit=3).strip())
        verdict["findings"] += world.node.failures
    finally:
        world.plan.stage = "over"
        world.close()
    verdict["fired"] = plan.fired
    verdict["seconds"] = round(time.monotonic() - began, 1)
    verdict["changes"] = [point(one) for one in world.record.changes()]
    verdict["log"] = log_of(world)
    return verdict


def judge(world, reference):
    story.tell(world)
    findings = oracle.quiet(world)
    left, done = oracle.left(world), oracle.done(world)
    if reference:
        findings += oracle.differences(reference["left"], left)
    findings += oracle.differences(story.DONE, done)
    findings += world.sampler.violations + world.node.failures
    findings += oracle.too_often(world.record.entries("request", "statement"))
    findings += oracle.came_too_soon(world)
    findings += oracle.stale_lists(world)
    findings += oracle.against_the_user(world)
    findings += oracle.robs_the_thief(world.record.entries("request"))
    for keeper in world.keepers:
        findings += oracle.complaints(keeper, [one["do"] for one in world.plan.fired])
    if world.sampler.looks < 20:
        findings.append(f"the sampler has looked {world.sampler.looks} times only")
    return findings, left, done


def point(one):
    """Where a fault can be put: what changed something, as plans name it."""
    keys = ("on", "who", "verb", "path", "text", "stage", "status", "fault")
    return {key: one[key] for key in keys if key in one}


def log_of(world):
    began = world.record.entries()[0]["at"] if world.record.entries() else 0
    lines = [f"{one['at'] - began:8.3f} {one['stage']:7s} {one['who']:15s} "
             f"{one.get('verb', '')} {one.get('path') or one.get('text', '')} "
             f"{one.get('status', '')} {one.get('fault', '')}"
             for one in world.record.entries()]
    keepers = "\n".join(keeper.log() for keeper in world.keepers)
    return "\n".join([*lines, keepers])


def in_process(ground, slot, plan, reference, result):
    """The body of a forked process; `result` is the file that the verdict is written to."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # not without tidying up
    plan = Plan(plan["name"], plan["rules"])
    verdict = run(ground, slot, plan, reference)
    result.with_suffix(".log").write_text(verdict.pop("log"), encoding="utf-8")
    draft = result.with_suffix(".draft")
    draft.write_text(json.dumps(verdict, indent=1), encoding="utf-8")
    draft.rename(result)
