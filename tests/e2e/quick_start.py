#!/usr/bin/python3
"""The quick start, as it is written: runs the commands of docs/quick-start.md on the real node and
compares what they print with what the page says.

    CLUSTER=NAME hack/cluster exec /usr/bin/python3 tests/e2e/quick_start.py [--show]

In a block of ```console a line with "$ " is a command, the others are its output: "…" stands for
anything, alone on a line for any lines. Durations and the number of blanks are not compared. --show
prints what the commands print. Exit code 0: the page is right; 1: not.
"""

import os
import re
import subprocess
import sys

import world

PAGE = world.ROOT / "docs/quick-start.md"
LONGEST_S = 600
# What the page calls its images, and what the node has.
IMAGES = {"localhost/pg-rightsizer:0.1.0": "localhost/pg-rightsizer:dev",
          "docker.io/library/postgres:17": "localhost/postgres:17"}


def commands(page):
    """(command, the lines it prints) of each, in the page's order."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        goes_on = False
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(([line[2:]], []))
            else:
                found[-1][0 if goes_on else 1].append(line)
            goes_on = line.endswith("\\") and (goes_on or line.startswith("$ "))
    return [("\n".join(command), output) for command, output in found]


def plain(line):
    """Without what differs from run to run."""
    line = re.sub(r"\b(\d+d)?(\d+h)?(\d+m)?(\d+(\.\d+)?(m?s|d|h|m))\b", "TIME", line)
    return re.sub(r"\s+", " ", line).strip()


def pattern(expected):
    """The expected lines as one regular expression."""
    lines = []
    for line in map(plain, expected):
        lines.append("(.*\n)*" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + "\n")
    return "".join(lines)


def same(expected, printed):
    text = "".join(plain(line) + "\n" for line in printed.splitlines())
    return re.fullmatch(pattern(expected), text) is not None


def tag_images():
    socket = world.state_directory() / "run/containerd.sock"
    for name, present in IMAGES.items():
        world.run("ctr", "-a", str(socket), "-n", "k8s.io", "image", "tag", "--force", present, name)


def main():
    show = sys.argv[1:] == ["--show"]
    tag_images()
    environment = {**os.environ, "REGISTRY": "localhost"}
    steps = commands(PAGE.read_text(encoding="utf-8"))
    if not steps:
        sys.exit("quick_start: the page has no commands")
    for command, expected in steps:
        print(f"$ {command}", flush=True)
        done = subprocess.run(["bash", "-c", command], cwd=world.ROOT, env=environment, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LONGEST_S)
        right = done.returncode == 0 and same(expected, done.stdout)
        if show or not right:
            print(done.stdout, end="", flush=True)
        if not right:
            print("\n".join(["quick_start: FAILED: the page says", *expected]))
            return 1
    print(f"quick_start: OK: {len(steps)} commands print what the page says")
    return 0


if __name__ == "__main__":
    sys.exit(main())
