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

    def test_a_second_between_them_is_a_pause(self):
        entries = [{**one, "at": float(second)} for second in range(6) for one in LOOK]
        self.assertEqual([], oracle.too_often(entries))


if __name__ == "__main__":
    unittest.main(verbosity=2)
