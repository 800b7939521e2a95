#!/usr/bin/python3
"""Holds the committed traces, the example policies and docs/choosing-a-policy.md against each other.

    test_traces.py PROGRAM            checks
    test_traces.py PROGRAM --write    writes the table of the page
"""

import json
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PAGE = ROOT / "docs/choosing-a-policy.md"
TRACES, POLICIES = ("wave", "noise"), ("exact", "default", "guarded")
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"
PROGRAM = sys.argv[1]


def simulate(*arguments):
    return subprocess.run([PROGRAM, "simulate", *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False)


def report(trace, policy):
    done = simulate("--trace", HERE / f"{trace}.csv", "--policy", ROOT / f"examples/{policy}.yaml",
                    "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def table():
    lines = ["| policy | trace | restarts a day | of them pooled | exposed minutes in 90 days |",
             "|---|---|---|---|---|"]
    for policy in POLICIES:
        for trace in TRACES:
            one = report(trace, policy)
            pooled = one["pooledRestarts"] / one["days"]
            lines.append(f"| {policy} | {trace} | {one['restartsPerDay']:.2f} | {pooled:.2f} | "
                         f"{one['exposedMinutes']} |")
    return "\n".join(lines) + "\n"


def page_with(text):
    page = PAGE.read_text(encoding="utf-8")
    head, rest = page.split(BEGIN)
    return head + BEGIN + text + END + rest.split(END)[1]


class Traces(unittest.TestCase):
    def test_the_generator_gives_the_committed_files(self):
        for kind in TRACES:
            made = subprocess.run([sys.executable, HERE / "generate.py", kind], capture_output=True,
                                  text=True, check=True, timeout=60).stdout
            self.assertEqual(made, (HERE / f"{kind}.csv").read_text(encoding="utf-8"), kind)

    def test_guarded_keeps_its_promise(self):
        for trace in TRACES:
            one = report(trace, "guarded")
            self.assertLess(one["restartsPerDay"], 0.3, trace)
            self.assertLessEqual(one["exposedMinutes"], 1, trace)

    def test_exact_costs_what_one_would_expect(self):
        self.assertGreater(report("noise", "exact")["restartsPerDay"], 16)

    def test_the_page_says_so(self):
        self.assertEqual(page_with(table()), PAGE.read_text(encoding="utf-8"),
                         "run tests/traces/test_traces.py PROGRAM --write")

    def test_the_same_run_says_the_same(self):
        self.assertEqual(report("wave", "default"), report("wave", "default"))


class CommandLine(unittest.TestCase):
    """Each error names the file and what is wrong with it."""

    def fails(self, words, trace=HERE / "wave.csv", policy=ROOT / "examples/default.yaml"):
        done = simulate("--trace", trace, "--policy", policy)
        self.assertEqual(done.returncode, 2, done.stdout)
        for word in words:
            self.assertIn(word, done.stderr)

    def file(self, name, text):
        path = pathlib.Path(self.directory.name) / name
        path.write_text(text, encoding="utf-8")
        return path

    def setUp(self):
        import tempfile
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def test_files_that_are_not_there(self):
        self.fails(["/nowhere.csv", "cannot be read"], trace="/nowhere.csv")
        self.fails(["/nowhere.yaml", "cannot be read"], policy="/nowhere.yaml")

    def test_a_trace_that_makes_no_sense(self):
        self.fails(["t.csv line 2", "no time"], trace=self.file("t.csv", "time,api\nnoon,1\n"))
        self.fails(['no column "api"'], trace=self.file("t.csv", "time,web\n0,1\n60,1\n"))

    def test_a_policy_that_makes_no_sense(self):
        good = (ROOT / "examples/default.yaml").read_text(encoding="utf-8")
        self.fails(["p.yaml", "line 2", "there twice"],
                   policy=self.file("p.yaml", "kind: ConnectionPolicy\nkind: ConnectionPolicy\n"))
        self.fails(["p.yaml", "no ConnectionPolicy"], policy=self.file("p.yaml", "kind: Pod\n"))
        self.fails(["p.yaml"], policy=self.file("p.yaml", "kind: [\n"))
        self.fails(["p.yaml", "spec.mode"], policy=self.file("p.yaml", good + "  mode: Off\n"))
        self.fails(["spec.restart.windows[0]", "minute"], policy=self.file(
            "p.yaml", good + '  restart: {windows: [{schedule: "61 2 * * *"}]}\n'))

    def test_formats(self):
        arguments = ("--trace", HERE / "wave.csv", "--policy", ROOT / "examples/default.yaml")
        self.assertIn("restarts", simulate(*arguments).stdout)
        self.assertIn("</svg>", simulate(*arguments, "--format", "svg").stdout)
        self.assertNotEqual(simulate(*arguments, "--format", "pdf").returncode, 0)


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(page_with(table()), encoding="utf-8")
    else:
        unittest.main(argv=sys.argv[:1])
