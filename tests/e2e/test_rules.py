#!/usr/bin/python3
"""The harness' own arithmetic: a test whose yardstick is wrong proves nothing."""

import dataclasses
import unittest

import expect
import invariant
import table
from invariant import Pooler, State


def state(**changes):
    """Ten instances at rest on the direct route of a server with 250."""
    usual = State(250, 3, True, (20,) * 10, 0, 4, ())
    return dataclasses.replace(usual, **changes)


class TheInvariant(unittest.TestCase):
    def test_ten_instances_fit_and_need_ten_for_others(self):
        self.assertEqual(state().excess, 200 + 10 - 247)
        self.assertEqual(state(others=30).excess, 200 + 30 - 247)

    def test_room_counts_until_the_direct_route_is_closed(self):
        self.assertEqual(state(held=(0,) * 10).excess, state().excess)
        self.assertEqual(state(held=(0,) * 10, direct_open=False).excess, 10 - 247)

    def test_the_least_cap_is_granted_out_of_the_ten(self):
        self.assertEqual(invariant.counted(Pooler("a", 2, 2)), 0)
        self.assertEqual(invariant.counted(Pooler("a", 2, 5)), 3)
        self.assertEqual(invariant.counted(Pooler("a", 75, 5)), 75)
        self.assertEqual(invariant.counted(Pooler("a", 75, 90, True)), 90)
        self.assertEqual(invariant.counted(Pooler("a", None, 0)), 0)

    def test_a_burst_is_the_environments(self):
        self.assertEqual(invariant.rise(state(), state(held=(0,) * 50)), (0, 763))

    def test_a_step_that_breaks_it_is_the_operators(self):
        self.assertEqual(invariant.rise(state(), state(max_connections=200)), (13, 0))
        crowded = (Pooler("a", 75, 0), Pooler("b", 75, 0))
        self.assertEqual(invariant.rise(state(), state(poolers=crowded)), (113, 0))

    def test_a_step_that_only_relieves_is_not_charged(self):
        before = state(held=(0,) * 50)
        self.assertEqual(invariant.rise(before, dataclasses.replace(before, direct_open=False)),
                         (0, 0))

    def test_both_at_once_are_told_apart(self):
        self.assertEqual(invariant.rise(state(), state(max_connections=200, others=20)), (13, 10))

    def test_opening_the_direct_route_counts_the_room(self):
        closed = state(held=(0,) * 50, direct_open=False)
        self.assertGreater(invariant.rise(closed, state(held=(0,) * 50))[0], 700)


class TheContract(unittest.TestCase):
    def follow(self, policy, *instances):
        contract = expect.Contract(policy, 100)
        return [contract.follow(count) for count in instances]

    def values(self, policy, *instances):
        return [one.max_connections for one in self.follow(policy, *instances)]

    def test_the_demo(self):
        found = self.follow("Auto", 10, 50, 100, 10)
        self.assertEqual([one.max_connections for one in found], [250, 200, 250, 250])
        self.assertEqual([one.caps for one in found], [[], [75, 75], [100, 100], []])

    def test_immediate_follows_every_change(self):
        self.assertEqual(self.values("Immediate", 9, 10, 11, 12, 10), [230, 250, 270, 290, 250])

    def test_auto_waits_while_it_fits(self):
        found = self.follow("Auto", 9, 10, 11, 12, 10)
        self.assertEqual([one.max_connections for one in found], [230, 230, 270, 270, 270])
        self.assertEqual([bool(one.waits) for one in found], [False, True, False, True, True])
        self.assertEqual(self.values("Auto", 10, 11, 12), [250, 250, 290])

    def test_hysteresis(self):
        pools = [one.pool for one in self.follow("Auto", 49, 50, 49, 41, 50, 40)]
        self.assertEqual(pools, [0, 150, 150, 150, 150, 0])
        pools = [one.pool for one in self.follow("Auto", 100, 91, 90, 41, 40)]
        self.assertEqual(pools, [200, 200, 150, 150, 0])

    def test_way_back_is_raised_while_pooled(self):
        self.assertEqual(self.values("Auto", 50, 40), [200, 850])
        self.assertEqual(self.values("Auto", 100, 9), [250, 250])


class TheTable(unittest.TestCase):
    def test_caps(self):
        self.assertEqual(table.caps_text([]), "-")
        self.assertEqual(table.caps_text([Pooler("a", 75, 1), Pooler("b", 75, 1)]), "2 × 75")
        mixed = [Pooler("a", 18, 1), Pooler("b", 75, 1), Pooler("c", 75, 1, True)]
        self.assertEqual(table.caps_text(mixed), "1 × 18+1 × 75 (+1)")


if __name__ == "__main__":
    unittest.main()
