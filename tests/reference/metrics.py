#!/usr/bin/env python3
"""docs/metrics.md lists the metrics that the sources define; fails when it does not.

    metrics.py [--write]
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parents[2]
PAGE = ROOT / "docs/metrics.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"
DEFINITION = re.compile(
    r'constexpr\s+Metric\s+\w+\s*\{\s*(?:MetricKind::)?(\w+),\s*"(\w+)",\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\}')


def definitions():
    """(name, kind, help) of every metric, by name."""
    found = []
    for path in sorted((ROOT / "src").rglob("*.cc")):
        for kind, name, text in DEFINITION.findall(path.read_text(encoding="utf-8")):
            found.append((name, kind.lower(), "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text))))
    return sorted(found)


def table():
    rows = [f"| `{name}` | {kind} | {text} |" for name, kind, text in definitions()]
    return "\n".join(["| metric | kind | what it says |", "|---|---|---|", *rows, ""])


def main():
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    _, tail = rest.split(END)
    now = head + BEGIN + table() + END + tail
    count = len(definitions())
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(now, encoding="utf-8")
    elif now != text:
        print("docs/metrics.md is stale; run tests/reference/metrics.py --write")
        return 1
    names = [name for name, _, _ in definitions()]
    uses = sum(path.read_text(encoding="utf-8").count("constexpr Metric ")
               for path in (ROOT / "src").rglob("*.cc"))
    if len(set(names)) != count or uses != count:
        print(f"{uses} definitions, of which {count} were understood, {len(set(names))} names")
        return 1
    print(f"{count} metrics")
    return 0


if __name__ == "__main__":
    sys.exit(main())
