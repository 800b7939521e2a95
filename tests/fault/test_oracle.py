#!/usr/bin/python3
"""What counts as a loop without a pause."""

import unittest

import oracle

LOOK = [{"on": "request", "verb": "GET", "path": "services/shop", "status": 200},
        {"on": "statement", "text": "SHOW POOLS"}] * 15
STEP = {"on": "request", "verb": "PATCH", "path": "connectionpolicies/shop/status", "status": 200}
REFUSED = {**STEP, "status": 409}


def at_once(*looks):
    """All of them, spread evenly over nine tenths of a second."""
    entries = [one for look in looks for one in look]
    return [{**one, "at": 0.9 * number / len(entries)} for number, one in enumerate(entries)]


class TooOften(unittest.TestCase):
    def test_looks_at_what_does_not_change_are_a_loop(self):
        self.assertEqual([], oracle.too_often(at_once(*[LOOK] * 4)))
        self.assertNotEqual([], oracle.too_often(at_once(*[LOOK] * 6)))

    def test_a_step_after_each_look_is_progress_however_fast_the_machine(self):
        self.assertEqual([], oracle.too_often(at_once(*[[*LOOK, STEP]] * 20)))

    def test_a_step_that_is_refused_each_time_is_none(self):
        self.assertNotEqual([], oracle.too_often(at_once(*[[*LOOK, REFUSED]] * 6)))

    def test_looks_with_pauses_between_them_are_none_however_many(self):
        for pause, complaints in ((0.05, 0), (0.005, 1)):
            entries = [{**one, "at": look * (0.05 + pause) + 0.05 * number / len(LOOK)}
                       for look in range(20) for number, one in enumerate(LOOK)]
            self.assertEqual(complaints, len(oracle.too_often(entries)), pause)

    def test_a_second_between_them_is_a_pause(self):
        entries = [{**one, "at": float(second)} for second in range(6) for one in LOOK]
        self.assertEqual([], oracle.too_often(entries))


LEASE = {"path": "leases/pg-rightsizer", "took": 0.01}
THEFT = {**LEASE, "verb": "PATCH", "at": 1, "status": 409, "stolen_for": 5}
READ = {**LEASE, "verb": "GET", "at": 3, "status": 200}
LATE = {**LEASE, "verb": "PATCH", "at": 9, "status": 200}


class Thief(unittest.TestCase):
    def judge(self, *between):
        entries = [THEFT, {**STEP, "at": 2}, READ, *between, LATE, {**STEP, "at": 10}]
        return oracle.robs_the_thief([{"on": "request", **one} for one in entries])

    def test_may_be_followed_by_what_did_not_know_of_it(self):
        self.assertEqual([], self.judge())

    def test_is_not_followed_by_writes_of_one_who_knows(self):
        self.assertEqual(1, len(self.judge({**STEP, "at": 4})))
        self.assertEqual([], self.judge({**LOOK[0], "at": 4}), "reading is allowed")

    def test_keeps_the_lease_as_long_as_it_lasts(self):
        self.assertEqual(1, len(self.judge({**LATE, "at": 5.5})))
        self.assertEqual([], self.judge({**LATE, "at": 5.5, "status": 409}))


class Keeper:
    def __init__(self, *why, unexpected=(1,)):
        self.unexpected = list(unexpected)
        self._lines = [{"level": "error", "message": "the lease is lost", "why": one} for one in why]

    def lines(self, *_):
        return self._lines


class Complaints(unittest.TestCase):
    def test_a_process_that_has_lost_its_lease_ends(self):
        slow = "no answer from https://h in time"
        for keeper, done_to_it, complaints in (
                (Keeper("another has it"), ["steal"], 0),
                (Keeper("another has it"), [], 1),
                (Keeper(unexpected=()), ["steal"], 1),
                (Keeper(slow), ["down"], 0),
                (Keeper(slow, unexpected=(139,)), [], 1),
                (Keeper(slow, unexpected=(1, 1)), [], 2),
                (Keeper(slow), ["rotate"], 1)):
            with self.subTest(keeper=vars(keeper), done_to_it=done_to_it):
                self.assertEqual(complaints, len(oracle.complaints(keeper, done_to_it)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
