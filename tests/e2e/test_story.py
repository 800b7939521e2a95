#!/usr/bin/python3
"""The story of the README on a real node: 10 → 49 → 50 → 100 → 10 instances.

    tests/e2e/test_story.py

starts a cluster of its own (CLUSTER, default pgrs-story), runs itself inside its node, and removes
the cluster. The binaries must have been built and packed (hack/images operator, app).
"""

import json
import os
import pathlib
import subprocess
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
INSIDE = "PGRS_STORY_INSIDE"


def outside():
    """Brings the cluster up, runs the tests inside, takes it down."""
    cluster = str(ROOT / "hack/cluster")
    environment = {**os.environ, "CLUSTER": os.environ.get("CLUSTER", "pgrs-story")}
    subprocess.run([cluster, "down"], env=environment, check=True)
    try:
        for command in (["up"], ["load", "operator"], ["load", "app"]):
            subprocess.run([cluster, *command], env=environment, check=True)
        return subprocess.run(
            [cluster, "exec", "/usr/bin/python3", __file__, *sys.argv[1:]],
            env={**environment, INSIDE: "1"}, check=False,
        ).returncode
    finally:
        subprocess.run([cluster, "down"], env=environment, check=False)


class TheStory(unittest.TestCase):
    """One run, judged from several sides. The order of the tests does not matter."""

    @classmethod
    def setUpClass(cls):
        import application
        import prometheus
        import story
        import world

        out = world.ROOT / "build/e2e/story"
        # A level needs less time than the default here, so that the dashboard has some to show.
        policy = world.policy_object(saturation={"forSeconds": 10, "sampleSeconds": 2})
        cls.run_ = story.Story(out, policy=policy)
        cls.failure = ""
        cls.run_.start(say=lambda text: print(f"story: {text}", flush=True))
        address = cls.run_.operator.pods()[0]["status"]["podIP"]
        cls.prometheus = prometheus.Prometheus(out / "prometheus", f"{address}:8080")
        cls.run_.table.head()
        for count in (10, 49, 50, 100, 10):
            step = cls.run_.step(count)
            if count == 100:
                cls.pooler = world.get("deployment", "shop-db-pooler")
            if step.problems:
                cls.failure = f"{count} instances: {'; '.join(step.problems)}"
                print(cls.run_.diagnosis())
                break
        cls.ended_at = time.time()
        cls.records = application.records(cls.run_.sampler.cluster.app_pods())

    @classmethod
    def tearDownClass(cls):
        cls.prometheus.stop()
        cls.run_.stop()

    def test_reaches_what_the_contract_asks_for(self):
        import verdict

        self.assertEqual(self.failure, "")
        self.assertEqual(verdict.steps(self.run_, self.records), [])
        shown = [step.expected.max_connections for step in self.run_.steps]
        self.assertEqual(shown, [250, 1030, 200, 250, 250])

    def test_switches_there_and_back_once(self):
        import verdict

        self.assertEqual(verdict.events(self.run_, self.records), [])
        flips = [(step.expected.instances, route)
                 for step in self.run_.steps for _, route in step.flips]
        self.assertEqual(flips, [(50, "Pooler"), (10, "Direct")])

    def test_the_operator_never_breaks_the_invariant(self):
        import verdict

        self.assertEqual(verdict.samples(self.run_, self.records), [])
        self.assertGreater(self.run_.sampler.rate(), 7, "the sampler is to look ten times a second")

    def test_from_rest_nobody_is_refused_by_a_full_server(self):
        import verdict

        self.assertEqual(verdict.refusals(self.run_, self.records), [])
        start = self.run_.steps[2].scaled_at  # 50, 100 and back
        self.assertEqual(verdict.logged_between(self.run_, start, self.ended_at), 0)

    def test_crossing_the_threshold_refuses_only_within_the_restart(self):
        import application
        import verdict

        crossing = self.run_.steps[2]
        total, _ = application.refusals(self.records, crossing.scaled_at, crossing.settled_at)
        within = sum(application.refusals(self.records, began, ended)[0]
                     for began, ended in verdict.restart_windows(self.run_)
                     if crossing.scaled_at <= began + 1 <= crossing.settled_at)
        self.assertEqual(total - min(total, within), 0)

    def test_each_query_of_the_dashboard_has_data(self):
        """The answers are kept, and drawn as docs/dashboard.svg was."""
        import dashboard
        import dashboard_svg

        span = dashboard.Span(self.run_.steps[0].scaled_at, self.ended_at)
        answered = dashboard.answers(self.prometheus, span)
        kept = self.run_.out / "dashboard.json"
        kept.write_text(json.dumps(answered), encoding="utf-8")
        dashboard_svg.write(kept, self.run_.out / "dashboard.svg")
        self.assertEqual(dashboard.problems(answered), [])

    def test_poolers_are_admitted_where_only_restricted_pods_are(self):
        import world

        template = self.pooler["spec"]["template"]
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "pooler-"}, "spec": template["spec"]}
        said = world.kubectl("create", "--dry-run=server", "-f", "-", "-n", self.run_.operator.namespace,
                             stdin=json.dumps(pod))
        self.assertIn("created (server dry run)", said)
        unsafe = {**pod, "spec": {**template["spec"], "hostNetwork": True}}
        with self.assertRaisesRegex(world.Failure, "restricted"):
            world.kubectl("create", "--dry-run=server", "-f", "-", "-n", self.run_.operator.namespace,
                          stdin=json.dumps(unsafe))

    def test_helm_test_passes(self):
        """Beside everything else that the operator does, in a namespace that is restricted."""
        self.assertIn("Phase:          Succeeded", self.run_.operator.test())

    def test_nothing_is_lost_and_nothing_doubled(self):
        import verdict

        verdict.restarts(self.run_, self.records)
        self.assertEqual(verdict.rows(self.run_, self.records), [])


if __name__ == "__main__":
    if os.environ.get(INSIDE):
        unittest.main(verbosity=2)
    else:
        sys.exit(outside())
