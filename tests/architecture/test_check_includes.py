#!/usr/bin/env python3
"""check_includes.py finds each kind of bad include, and nothing in a house in order."""

import pathlib
import tempfile
import unittest

import check_includes

GOOD = {
    "include/pgrightsizer/base/result.h": "#include <tl/expected.hpp>",
    "include/pgrightsizer/sizing/sizing.h": "#include <vector>",
    "include/pgrightsizer/transition/transition.h": '#include "pgrightsizer/sizing/sizing.h"',
    "src/sizing/plan.cc": '#include "pgrightsizer/sizing/sizing.h"\n#include "formula.h"',
    "src/sizing/formula.h": "#include <string>",
    "src/kube/transport_cpprest.cc": "#include <cpprest/http_client.h>",
    "src/postgres/session.cc": "#include <libpq-fe.h>",
    "src/telemetry/log.cc": "#include <spdlog/spdlog.h>",
    "src/controller/reconciler.cc": '#include "observe/observe.h"\n#include "pace.h"',
    "src/controller/observe/observe.cc": '#include "observe.h"\n#include "../turn/facts.h"',
    "src/cli/main.cc": '#include "pgrightsizer/controller/reconciler.h"',
}
# file, include, part of the message
BAD = [
    ("src/sizing/plan.cc", '"pgrightsizer/base/result.h"', "sizing may not use base"),
    ("src/sizing/plan.cc", "<nlohmann/json.hpp>", "sizing is pure"),
    ("src/sizing/plan.cc", "<ctime>", "sizing is pure"),
    ("src/sizing/plan.cc", "<unistd.h>", "sizing is pure"),
    ("src/transition/next_step.cc", '"pgrightsizer/api/connection_policy.h"', "may not use api"),
    ("src/transition/next_step.cc", "<thread>", "transition is pure"),
    ("src/base/error.cc", '"pgrightsizer/sizing/sizing.h"', "base may not use sizing"),
    ("src/api/spec.cc", '"pgrightsizer/kube/client.h"', "api may not use kube"),
    ("src/kube/client.cc", '"pgrightsizer/runtime/store.h"', "kube may not use runtime"),
    ("src/kube/client.cc", "<cpprest/json.h>", "only the transport in src/kube"),
    ("src/runtime/x_cpprest.cc", "<cpprest/json.h>", "only the transport in src/kube"),
    ("include/pgrightsizer/kube/transport.h", "<pplx/pplxtasks.h>", "only the transport in src/kube"),
    ("src/providers/p.cc", '"pgrightsizer/pgbouncer/console.h"', "may not use pgbouncer"),
    ("src/pgbouncer/console.cc", "<libpq-fe.h>", "only postgres"),
    ("src/controller/observe/observe.cc", "<spdlog/spdlog.h>", "only telemetry"),
    ("src/controller/observe/observe.cc", '"../../transition/situation.h"', "the inside of another module"),
    ("src/controller/observe/pooler.cc", '"../execute/apply.h"', "observe may not use controller/execute"),
    ("src/controller/execute/restart.cc", '"../report/report.h"', "execute may not use controller/report"),
    ("src/controller/report/report.cc", '"../execute/execute.h"', "report may not use controller/execute"),
    ("src/controller/turn/facts.h", '"../observe/observe.h"', "turn may not use controller/observe"),
    ("src/controller/turn/turn.cc", '"../pace.h"', "controller/turn may not use controller"),
    ("src/controller/decide/plan.cc", '"../turn/facts.h"', "folder decide of controller is not in the table"),
    ("src/sizing/tables/tiers.cc", '"../formula.h"', "folder tables of sizing is not in the table"),
    ("include/pgrightsizer/api/a.h", '"../../../src/api/reader.h"', "nothing relative"),
    ("src/telemetry/log.cc", '"pgrightsizer/controller/reconciler.h"', "may not use controller"),
    ("src/newcomer/a.cc", "<string>", "not in the table"),
    ("src/base/a.cc", '\t"pgrightsizer/kube/client.h"', "base may not use kube"),
]


def house(root, extra=()):
    for place, text in [*GOOD.items(), *extra]:
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")


class CheckIncludesTest(unittest.TestCase):
    def findings(self, *extra):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder).resolve()
            house(root, extra)
            return check_includes.check(root)[0]

    def test_a_house_in_order(self):
        self.assertEqual(self.findings(), [])

    def test_each_bad_include_is_found(self):
        for place, header, rule in BAD:
            with self.subTest(f"{place} includes {header}"):
                found = self.findings((place, f"// first line\n#include {header}"))
                self.assertEqual(len(found), 1, found)
                self.assertIn(rule, found[0])
                self.assertTrue(found[0].startswith(place))

    def test_a_bad_include_in_this_repository_is_found(self):
        root = pathlib.Path(__file__).parents[2]
        place = "src/sizing/arithmetic.cc"
        text = (root / place).read_text(encoding="utf-8")
        self.assertEqual(self.findings((place, text)), [])
        found = self.findings((place, '#include "pgrightsizer/kube/client.h"\n' + text))
        self.assertEqual(found, [f"{place}:1: includes pgrightsizer/kube/client.h: "
                                 "sizing may not use kube"])

    def test_the_tables_have_no_circle(self):
        for table in (check_includes.MAY_USE, *check_includes.FOLDERS.values()):
            done = set()
            while len(done) < len(table):
                ready = {room for room, uses in table.items()
                         if room not in done and uses - {room} <= done}
                self.assertTrue(ready, f"a circle among {set(table) - done}")
                done |= ready


if __name__ == "__main__":
    unittest.main()
