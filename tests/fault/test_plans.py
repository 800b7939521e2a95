#!/usr/bin/python3
"""What the matrix is made of."""

import collections
import re
import unittest

import plans
from proxy.plan import Plan

# Of a run without faults, in its order.
CHANGES = [
    {"on": "request", "who": "operator", "verb": "PATCH", "path": "services/shop"},
    {"on": "request", "who": "operator", "verb": "PATCH", "path": "pods/shop-pooler-5b7c6-cqch6"},
    {"on": "request", "who": "operator", "verb": "PATCH", "path": "pods/shop-pooler-5b7c6-n2h4v"},
    {"on": "statement", "who": "pooler", "text": "SET max_db_connections = 75"},
    {"on": "statement", "who": "pooler", "text": "SET max_db_connections = 100"},
]


class Plans(unittest.TestCase):
    def test_a_crash_hits_the_change_it_was_made_from_and_no_other(self):
        crashes = plans.crashes(CHANGES)
        self.assertEqual(3 * len(CHANGES), len(crashes))
        hits = collections.Counter()
        for one in crashes:
            plan = Plan(one["name"], one["rules"])
            for number, change in enumerate(CHANGES):
                facts = {**change, "server": change["who"]}
                if plan.rule_for(facts.pop("on"), **facts):
                    hits[number] += 1
            self.assertEqual(1, len(plan.fired), one)
        self.assertEqual([3] * len(CHANGES), [hits[number] for number in range(len(CHANGES))])

    def test_pods_with_other_names_are_hit_as_well(self):
        plan = Plan("", plans.crashes(CHANGES)[3 * 2]["rules"])
        facts = {"verb": "PATCH", "path": "pods/shop-pooler-99999-zzzzz"}
        self.assertIsNone(plan.rule_for("request", **facts))
        self.assertIsNotNone(plan.rule_for("request", **facts))

    def test_names_are_unique_and_rules_can_be_read(self):
        every = plans.all_plans(CHANGES)
        self.assertEqual(len(every), len({one["name"] for one in every}))
        for one in every:
            Plan(one["name"], one["rules"])
        self.assertGreaterEqual(len(every) - 3 * len(CHANGES), 100, "errors and watches")


WATCH = "GET /apis/pgrightsizer.io/v1alpha1/namespaces/ns/connectionpolicies?watch=true&timeoutSeconds=280"


class Rewritten(unittest.TestCase):
    """Requests as the operator makes them, and what the API server is asked instead."""

    def expect(self, name, path, line, instead, verb="GET"):
        found = next(one for one in plans.all_plans(CHANGES) if one["name"] == name)
        plan = Plan(name, found["rules"])
        plan.stage = "up"
        rule = plan.rule_for("request", verb=verb, path=path)
        self.assertEqual((instead, "rewrite"), (re.sub(rule.find, rule.put, line), rule.do))

    def test_a_version_that_is_compacted(self):
        self.expect("compacted connectionpolicies up", "connectionpolicies?watch",
                    f"{WATCH}&resourceVersion=4711 HTTP/1.1", f"{WATCH}&resourceVersion=1 HTTP/1.1")

    def test_a_version_that_the_server_has_not_reached(self):
        begin = f"{WATCH}&sendInitialEvents=true"
        self.expect("behind list connectionpolicies", "connectionpolicies?list",
                    f"{begin}&resourceVersionMatch=NotOlderThan HTTP/1.1",
                    f"{begin}&resourceVersion={plans.NEVER}&resourceVersionMatch=NotOlderThan HTTP/1.1")

    def test_a_definition_that_is_not_served(self):
        for path in ("connectionpolicies?list", "connectionpolicies/shop"):
            self.expect("not served up", path, f"{WATCH} HTTP/1.1", f"{WATCH} HTTP/1.1".replace("v1alpha1", "v0"))


class Terminating(unittest.TestCase):
    def test_nothing_new_is_made_and_what_is_there_can_be_changed(self):
        found = next(one for one in plans.all_plans(CHANGES) if one["name"] == "terminating")
        plan = Plan("terminating", found["rules"])
        plan.stage = "up"
        for verb, path, refused in (("PATCH", "secrets/shop-pooler", True), ("POST", "events", True),
                                    ("PATCH", "services/shop-direct", True),
                                    ("PATCH", "services/shop", False), ("GET", "secrets/shop-pooler", False),
                                    ("PATCH", "pods/shop-pooler-5b7c6-cqch6", False)):
            rule = plan.rule_for("request", verb=verb, path=path)
            self.assertEqual(refused, rule is not None, path)


if __name__ == "__main__":
    unittest.main(verbosity=2)
