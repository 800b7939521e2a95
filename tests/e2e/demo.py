#!/usr/bin/python3
"""Scales an application and shows the operator following it. hack/demo runs this inside the node.

Exit code 0: everything was as the contract asks; 1: it was not; 130: interrupted.
"""

import argparse
import pathlib
import sys
import time

import story
import verdict
import world


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instances", default="10,50,100,10", type=counts,
                        help="numbers of instances, one after the other (default %(default)s)")
    parser.add_argument("--restart-policy", default="Auto", choices=("Auto", "Immediate"))
    parser.add_argument("--out", type=pathlib.Path, default=world.ROOT / "build/demo",
                        help="directory of the samples")
    return parser.parse_args()


def counts(text):
    found = [int(part) for part in text.split(",")]
    if not found or min(found) < 1 or max(found) > 200:
        raise argparse.ArgumentTypeError("numbers from 1 to 200, separated by commas")
    return found


def show_head(run, instances, began):
    print(f"demo: one Kubernetes node, {', '.join(map(str, instances))} instances of an application "
          f"with {world.CONNECTIONS} connections each")
    print("demo: the policy; stabilization and intervals are shorter than the defaults "
          "(300 s each), so that there is something to see\n")
    shown = {**run.policy, "metadata": {"name": world.POLICY, "namespace": world.NAMESPACE}}
    print("\n".join("    " + line for line in world.quietly_yaml(shown).splitlines()))
    print(f"\ndemo: everything is in place after {time.time() - began:.0f} s\n", flush=True)


def follow(run, instances):
    """The table, until a state is not reached in time."""
    run.table.head()
    for count in instances:
        step = run.step(count)
        if step.problems:
            print("\n" + run.diagnosis())
            return


def main():
    options = arguments()
    began = time.time()
    run = story.Story(options.out, options.restart_policy, max(options.instances))
    try:
        run.start(say=lambda text: print(f"demo: {time.time() - began:3.0f} s  {text}", flush=True))
        show_head(run, options.instances, began)
        follow(run, options.instances)
        failures = verdict.judge_run(run)
    except world.Failure as failure:
        print(run.diagnosis() if run.policies else run.operator.log(40))
        failures = [str(failure)]
    except KeyboardInterrupt:
        print("\ndemo: interrupted", flush=True)
        return 130
    finally:
        run.stop()
    took = time.time() - began
    if failures:
        print(f"\ndemo: FAILED after {took:.0f} s: " + "; ".join(failures))
        return 1
    print(f"\ndemo: OK: {' → '.join(map(str, options.instances))} instances in {took:.0f} s, "
          "nothing lost, nothing doubled, the invariant held")
    return 0


if __name__ == "__main__":
    sys.exit(main())
