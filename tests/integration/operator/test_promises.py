#!/usr/bin/python3
"""What the operator promises not to do, whatever it is given, and what it does when it is asked."""

import time

from fixture import PATIENCE, RESYNC, OperatorTest, main
from objects import Refused, wait_until

HUGE = 2 ** 31 - 1
TWELVE = 12  # instances; 12 × 20 + 50 = 290
MANUAL = {"restart": {"policy": "Manual"}}


class Promises(OperatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.common = cls.servers.make("common", "max_connections = 250\n")
        cls.common.start()
        cls.start_operator()

    def made(self, name, **options):
        shop = self.shop(name, self.common, **options)
        shop.make()
        shop.make_policy()
        return shop

    def status(self, shop, path):
        found = self.namespace.status(shop.name)
        for part in path.split("."):
            found = (found or {}).get(part)
        return found

    def nothing_changes(self, *shops):
        """Over the time after which the operator looks again."""
        before = [shop.state() for shop in shops]
        time.sleep(RESYNC + 1)
        self.assertEqual(before, [shop.state() for shop in shops])

    def test_recommend_and_suspend_touch_nothing(self):
        shops = [self.made("recommend", instances=TWELVE, spec={"mode": "Recommend"}),
                 self.made("suspended", instances=TWELVE, spec={"suspend": True, **MANUAL})]
        self.becomes("recommend", "True", "Recommending")
        self.becomes("suspended", "True", "Suspended")
        for shop in shops:
            self.assertEqual(290, self.status(shop, "recommended.maxConnections"))
            self.assertEqual({}, self.namespace.made_for(shop.name))
        self.nothing_changes(*shops)
        self.assertEqual("True", self.namespace.condition("suspended", "Suspended")[0])
        shops[0].change({"mode": "Apply", **MANUAL})
        shops[1].change({"suspend": False})
        for shop in shops:
            self.becomes(shop.name, "True", "RestartPending")
            self.assertIn("max_connections = 290\n", shop.file())

    def test_as_many_replicas_as_there_can_be(self):
        never = self.made("huge-direct", instances=HUGE,
                          spec={"mode": "Recommend", "pooler": {"provision": "Never"}})
        tiers = self.made("huge-pooled", instances=HUGE, spec={"mode": "Recommend"})
        for shop in (never, tiers):
            self.becomes(shop.name, "True", "Recommending")
            self.assertEqual(HUGE, self.status(shop, "instances"))
        self.assertEqual(5000, self.status(never, "recommended.maxConnections"))
        uncapped = self.status(never, "recommended.uncappedMaxConnections")
        self.assertGreaterEqual(uncapped, HUGE)
        self.operator.wait_for(PATIENCE, str(uncapped), "5000", "spec.sizing.maxConnections",
                               event="ClampedToMaximum", about=never.name)
        self.assertEqual(250, self.status(tiers, "recommended.maxConnections"))
        self.assertEqual(200, self.status(tiers, "recommended.poolSize"))
        for shop in (never, tiers):
            shop.scale(10)
        for shop in (never, tiers):
            wait_until("ten instances", PATIENCE, lambda s=shop: self.status(s, "instances") == 10)

    def test_negative_replicas_are_refused_by_the_api_server(self):
        shop = self.shop("negative", self.common, instances=-1)
        with self.assertRaisesRegex(Refused, "spec.replicas"):
            shop.make(("Deployment", "app"))

    def test_workloads_and_selector_or_neither_are_refused_by_the_api_server(self):
        selector = {"matchLabels": {"uses-db": "shop"}}
        for spec in ({"workloadSelector": selector}, {"workloads": None}):
            with self.subTest(spec):
                shop = self.shop("refused", self.common, spec=spec)
                with self.assertRaisesRegex(Refused, "exactly one of workloads"):
                    shop.make_policy()

    def test_a_selector_that_matches_nothing(self):
        shop = self.made("selector", spec={
            "workloads": None, "workloadSelector": {"matchLabels": {"uses-db": "shop"}}})
        self.becomes("selector", "False", "WorkloadNotFound")
        self.operator.wait_for(PATIENCE, "spec.workloadSelector", "label one",
                               event="WorkloadNotFound", about="selector")
        self.assertEqual({}, self.namespace.made_for("selector"))
        self.namespace.merge("Deployment", "selector-app",
                             {"metadata": {"labels": {"uses-db": "shop"}}})
        self.becomes("selector", "True", "InStep")
        self.assertEqual(10, self.status(shop, "instances"))

    def test_the_older_of_two_policies_wins(self):
        older = self.made("rival-z")
        self.becomes("rival-z", "True", "InStep")
        made = self.namespace.get("ConnectionPolicy", "rival-z")["metadata"]["creationTimestamp"]
        wait_until("next second", 5, lambda: time.strftime(
            "%Y-%m-%dT%H:%M:%SZ", time.gmtime()) > made)
        self.namespace.create("ConnectionPolicy", "rival-a", older.policy())
        words = [f"ConnectionPolicy {self.namespace.name}/rival-z is older", "delete one"]
        message = self.becomes("rival-a", "False", "PolicyConflict")
        for word in words:
            self.assertIn(word, message)
        self.operator.wait_for(PATIENCE, *words, event="PolicyConflict", about="rival-a")
        self.assertEqual({}, self.namespace.made_for("rival-a"))
        self.assertEqual("InStep", self.namespace.condition("rival-z")[1])
        self.namespace.delete("ConnectionPolicy", "rival-z")
        self.becomes("rival-a", "True", "InStep")
        wait_until("Services of the newer one", PATIENCE,
                   lambda: "Service/rival-a" in self.namespace.made_for("rival-a"))

    def test_deleting_a_policy_changes_nothing_that_runs(self):
        shop = self.made("deleted")
        self.becomes("deleted", "True", "InStep")
        made = {"Service/deleted", "Service/deleted-direct", "Secret/deleted-connection"}
        wait_until("Services", PATIENCE, lambda: made <= self.namespace.made_for("deleted").keys())
        before = shop.state()
        self.namespace.delete("ConnectionPolicy", "deleted")
        wait_until("end of the policy", PATIENCE,
                   lambda: self.namespace.get("ConnectionPolicy", "deleted") is None)
        self.assertEqual(before, shop.state())
        self.nothing_changes(shop)


class Restarts(OperatorTest):
    """With servers that restart when their pod is replaced."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_operator()

    def test_a_restart_that_is_asked_for(self):
        shop = self.own_shop("asked", instances=TWELVE, spec=MANUAL)
        shop.make()
        shop.make_policy()
        self.assertIn("Manual", self.becomes("asked", "True", "RestartPending"))
        self.assertEqual("True", self.namespace.condition("asked", "RestartPending")[0])
        self.assertEqual(250, shop.server.max_connections())
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.namespace.merge("ConnectionPolicy", "asked", {"metadata": {"annotations": {
            "pgrightsizer.io/restart-now": now}}})
        self.becomes("asked", "True", "InStep")
        self.assertEqual(290, shop.server.max_connections())
        self.assertEqual(1, len(self.restarts_of(shop)))
        self.assertEqual(2, shop.server.starts)

    def test_a_value_that_postgresql_does_not_start_with(self):
        workload = {"name": "app", "connectionsPerInstance": 10000,
                    "targetRef": {"kind": "Deployment", "name": "refused-app"}}
        shop = self.own_shop("refused", instances=100, spec={
            "workloads": [workload], "pooler": {"provision": "Never"},
            "sizing": {"maxConnections": 262143}})
        shop.make()
        shop.make_policy()
        message = self.becomes("refused", "False", "RestartRejected")
        self.assertIn(shop.server.fatal(), message)
        rejected = self.namespace.status("refused")["restarts"]["rejected"]
        self.assertEqual(262143, rejected["value"])
        self.assertIn(shop.server.fatal(), rejected["reason"])
        self.operator.wait_for(PATIENCE, "262143", "250 is put back", event="RestartFailed",
                               about="refused")
        self.assertEqual("max_connections = 250\n", shop.file())
        self.assertEqual(250, shop.server.max_connections())
        starts = shop.server.starts
        time.sleep(RESYNC + 1)
        self.assertEqual(starts, shop.server.starts, "it is not tried again")
        shop.change({"sizing": {"maxConnections": 300}})
        self.becomes("refused", "True", "InStep")
        self.assertEqual(300, shop.server.max_connections())
        self.assertNotIn("rejected", self.namespace.status("refused")["restarts"])


if __name__ == "__main__":
    main()
