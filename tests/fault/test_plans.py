#!/usr/bin/python3
"""What the matrix is made of."""

import collections
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


if __name__ == "__main__":
    unittest.main(verbosity=2)
