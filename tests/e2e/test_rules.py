#!/usr/bin/python3
"""The harness' own arithmetic: a test whose yardstick is wrong proves nothing."""

import dataclasses
import json
import pathlib
import tempfile
import unittest
import xml.etree.ElementTree
from unittest import mock

import application
import dashboard
import dashboard_svg
import expect
import invariant
import pglog
import quick_start
import story
import table
import world
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

    def test_a_step_that_used_what_ended_just_before_it_is_not_charged(self):
        def moving(direct, cap):  # 100 - 3 = 97 usable, 10 for others: 87
            caps = (Pooler("a", 32, 0), Pooler("b", cap, 0))
            return state(max_connections=100, held=(direct,), direct_open=False, poolers=caps)
        self.assertEqual(moving(23, 31).excess, -1)
        self.assertEqual(invariant.rise(moving(23, 31), moving(19, 33)), (0, 0))
        self.assertEqual(invariant.rise(moving(23, 31), moving(23, 33)), (1, 0))
        self.assertEqual(invariant.rise(moving(23, 31), moving(22, 37)), (4, 0))

    def test_a_pod_without_an_address_holds_what_comes_from_an_unknown_one(self):
        direct = {"10.0.0.1": 20, "10.0.0.9": 7, "10.0.0.8": 3}
        self.assertEqual(invariant.held_by(["10.0.0.1", ""], direct), (20, 7))
        self.assertEqual(invariant.held_by(["10.0.0.1", "10.0.0.2"], direct), (20, 0))

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


class WhatIsRead(unittest.TestCase):
    def test_times_of_any_precision_and_zone(self):
        for text in ("2026-11-23T18:26:43.5Z", "2026-11-23T18:26:43.500000001+00:00",
                     "2026-11-23T19:26:43.50+01:00"):
            self.assertAlmostEqual(story.epoch(text), 1795458403.5, places=3)

    def test_a_full_server_in_the_log(self):
        head = "2026-11-23T17:55:49.04Z stderr F 2026-11-23 17:55:49.049 UTC [42] "
        full = pglog.LINE.match(head + "shop@shop 53300 FATAL:  sorry, too many clients already")
        self.assertEqual((full["time"], full["state"]), ("2026-11-23T17:55:49.04Z", pglog.FULL))
        other = pglog.LINE.match(head + "shop@shop 57P01 FATAL:  terminating connection")
        self.assertEqual(other["state"], "57P01")
        self.assertIsNone(pglog.LINE.match(head + "LOG:  port 53300 is mentioned"))

    def test_refusals_within_a_span_and_the_last_of_them(self):
        record = {
            "pod": "a", "nonce": "n", "acked": [],
            "timeline": {"from_s": 100, "refused": [0, 3, 0, 2, 0]},
            "refused_by_class": {"53300": {"last_ms": 103_400}},
        }
        self.assertEqual(application.refusals([record], 100.2, 110), (5, 103.4))
        self.assertEqual(application.refusals([record], 100.2, 102), (3, 102))
        self.assertEqual(application.refusals([record], 110, 120), (0, None))


class TheEndOfAStep(unittest.TestCase):
    """Only when every instance has all its connections again."""

    def round(self, *opened):
        """What is said of instances that have so many connections."""
        answers = {f"http://{n}:8080/stats": {
            "pod": f"shop-{n}", "nonce": 1, "connections": {"open": count}, "queued": 0}
            for n, count in enumerate(opened)}
        with mock.patch.object(application, "fetch", answers.get):
            self.app._pods = lambda: [{"metadata": {}, "status": {"podIP": str(n)}}
                                      for n in range(len(opened))]
            self.app._round()

    def setUp(self):
        self.app = application.Application(list)

    def test_an_instance_counts_as_opening_until_it_has_all(self):
        self.round(20, 19)
        self.assertEqual(self.app.opening, {("shop-1", 1)})
        self.round(20, 20)
        self.assertEqual(self.app.opening, set())

    def test_one_that_is_renewed_is_not_missing(self):
        self.round(20)
        self.round(20 - application.RENEWED_AT_ONCE)
        self.assertEqual(self.app.opening, set())

    def test_one_that_lost_many_must_get_all_of_them_again(self):
        self.round(20, 20)
        self.round(20, 19 - application.RENEWED_AT_ONCE)
        self.round(20, 19)
        self.assertEqual(self.app.opening, {("shop-1", 1)})
        run = story.Story.__new__(story.Story)
        run.app = self.app
        run.sampler = mock.Mock()
        run.sampler.cluster.app_pods.return_value = [1, 2]
        expected = expect.Expected(2, "Direct", 250, 250, 0, "")
        self.assertIn("1 instances are opening their connections", run._app_differences(expected))
        self.round(20, 20)
        self.assertEqual(run._app_differences(expected), [])


class FakePrometheus:
    """Has one policy, `up` and nothing else."""

    def get(self, path, **question):
        if path.startswith("label/"):
            return ["shop"]
        return {"result": self.vector(question["query"])}

    def vector(self, query, **_):
        if "wrong" in query:
            raise world.Failure("parse error")
        return [{"metric": {"job": "op"}, "value": [7, "1"], "values": [[7, "1"], [8, "NaN"], [9, "3"]]}] * (
            query == 'up{policy="shop"}')


class TheDashboard(unittest.TestCase):
    def answered(self, query, kind="timeseries"):
        variable = {"name": "policy", "type": "query", "query": "label_values(up, policy)"}
        target = {"expr": query, "legendFormat": "{{job}} & all", "instant": kind != "timeseries"}
        defaults = {"unit": "none", "mappings": [], "custom": {"fillOpacity": 8},
                    "thresholds": {"steps": [{"color": "green", "value": None}, {"color": "red", "value": 2}]}}
        panel = {"type": kind, "title": "Up of $policy", "gridPos": {"x": 0, "y": 0, "w": 12, "h": 8},
                 "targets": [target], "fieldConfig": {"defaults": defaults, "overrides": []}}
        made = {"templating": {"list": [variable]}, "panels": [panel]}
        with mock.patch.object(dashboard, "board", lambda: made):
            return dashboard.answers(FakePrometheus(), dashboard.Span(7, 9))

    def test_a_query_without_data_or_with_an_error_is_a_problem(self):
        good = self.answered('up{policy="$policy"}')
        self.assertEqual(dashboard.problems(good), [])
        self.assertEqual(good["panels"][0]["targets"][0]["series"][0]["points"], [[7, 1], [9, 3]])
        self.assertEqual(dashboard.problems(self.answered("down")), ["Up of shop: down: no data"])
        self.assertEqual(dashboard.problems(self.answered("wrong")), ["Up of shop: wrong: parse error"])

    def test_it_is_drawn_with_titles_legends_and_thresholds(self):
        for kind in ("timeseries", "stat", "table"):
            with tempfile.TemporaryDirectory() as folder:
                kept, picture = pathlib.Path(folder, "kept.json"), pathlib.Path(folder, "picture.svg")
                kept.write_text(json.dumps(self.answered('up{policy="$policy"}', kind)))
                dashboard_svg.write(kept, picture)
                drawn = xml.etree.ElementTree.parse(picture)
            said = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
            self.assertIn("Up of shop", said)
            self.assertIn("op & all" if kind != "table" else "op", said)
            dashed = [line for line in drawn.iter("{http://www.w3.org/2000/svg}line")
                      if "stroke-dasharray" in line.attrib]
            self.assertEqual(len(dashed), kind == "timeseries")

    def test_numbers_have_their_units(self):
        say = dashboard_svg.with_unit
        self.assertEqual([say(0.818, "percentunit"), say(0.0063, "s"), say(2, "s"), say(90, "s"), say(1030, "none")],
                         ["81.8 %", "6.3 ms", "2 s", "1.5 min", "1030"])
        self.assertEqual(dashboard_svg.ticks(1030, "none"), [0, 500, 1000, 1500])


class TheQuickStart(unittest.TestCase):
    def test_a_command_may_go_on_and_has_its_output(self):
        page = "```sh\n$ not run\n```\n```console\n$ one \\\n  two\nout\n…\n$ three\n```\n"
        self.assertEqual(quick_start.commands(page), [("one \\\n  two", ["out", "…"]), ("three", [])])

    def test_durations_and_blanks_may_differ(self):
        self.assertTrue(quick_start.same(["a  3m5s 110"], "a 12s   110\n"))
        self.assertFalse(quick_start.same(["a 3m5s 110"], "a 12s 111\n"))

    def test_the_ellipsis_stands_for_the_rest_of_a_word_or_for_lines(self):
        self.assertTrue(quick_start.same(["pod-… Ready"], "pod-x7 Ready\n"))
        self.assertTrue(quick_start.same(["…", "end"], "end\n"))
        self.assertTrue(quick_start.same(["…", "end"], "1\n2\nend\n"))
        self.assertFalse(quick_start.same(["…", "end"], "1\nend\n2\n"))


if __name__ == "__main__":
    unittest.main()
