#!/usr/bin/python3
"""Which instances count, what a rolling update would hold, and what the database's memory holds."""

import time

from fixture import PATIENCE, RESYNC, OperatorTest, main
from objects import wait_until

RECOMMEND = {"mode": "Recommend"}


def strategy(surge):
    return {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {
        "maxSurge": surge, "maxUnavailable": 1}}}}


class Counting(OperatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.common = cls.servers.make("common", "max_connections = 250\n")
        cls.common.start()
        cls.start_operator()

    def made(self, name, surge=0, memory=None, **options):
        """A shop whose rolling updates and memory are as given."""
        shop = self.shop(name, self.common, **options)
        shop.make()
        self.namespace.merge("Deployment", f"{name}-app", strategy(surge))
        if memory:
            self.namespace.strategic("StatefulSet", shop.database, {"spec": {"template": {"spec": {
                "containers": [{"name": "postgres",
                                "resources": {"limits": {"memory": memory}}}]}}}})
        shop.make_policy()
        return shop

    def recommended(self, shop):
        return self.namespace.status(shop.name).get("recommended", {})

    def recommends(self, shop, value):
        wait_until(lambda: f"recommendation of {value}, it is {self.recommended(shop)}", PATIENCE,
                   lambda: self.recommended(shop).get("maxConnections") == value)

    def counts(self, shop, instances, asked):
        """status.workloads tells what was counted, status.instances what is asked for."""
        status = self.namespace.status(shop.name)
        self.assertEqual(instances, status["workloads"][0]["instances"])
        self.assertEqual(asked, status["instances"])

    def events(self, shop):
        return self.operator.lines(event="SurgeDoesNotFit", about=shop.name)

    def test_the_pods_of_a_rolling_update(self):
        shop = self.made("surge", surge="25%",
                         spec={**RECOMMEND, "sizing": {"countInstances": "CurrentPlusSurge"}})
        self.recommends(shop, 13 * 20 + 50)
        self.counts(shop, 13, 10)
        self.namespace.merge("Deployment", "surge-app", strategy(5))
        self.recommends(shop, 15 * 20 + 50)
        shop.change({"sizing": {"countInstances": "Current"}})
        self.recommends(shop, 10 * 20 + 50)
        self.counts(shop, 10, 10)

    def test_how_far_an_autoscaler_may_go(self):
        shop = self.made("scaled",
                         spec={**RECOMMEND, "sizing": {"countInstances": "AutoscalerMax"}})
        self.recommends(shop, 10 * 20 + 50)
        for name, kind, most in (("other", "StatefulSet", 40), ("scaled", "Deployment", 12)):
            self.namespace.create("HorizontalPodAutoscaler", name, {"spec": {
                "minReplicas": 1, "maxReplicas": most, "scaleTargetRef": {
                    "apiVersion": "apps/v1", "kind": kind, "name": "scaled-app"}}})
        self.recommends(shop, 12 * 20 + 50)
        self.counts(shop, 12, 10)
        self.namespace.delete("HorizontalPodAutoscaler", "scaled")
        self.recommends(shop, 10 * 20 + 50)

    def test_a_rolling_update_that_does_not_fit_is_told_once(self):
        shop = self.made("tight", surge=1)  # 11 × 20 + 10 of 247
        self.becomes("tight", "True", "InStep")
        self.assertEqual([], self.events(shop))
        self.namespace.merge("Deployment", "tight-app", strategy(3))
        told = self.operator.wait_for(PATIENCE, "260 connections", "247 usable", "maxSurge",
                                      "spec.sizing.countInstances", event="SurgeDoesNotFit",
                                      about="tight")
        self.assertIn("others", told["message"])
        time.sleep(RESYNC + 1)
        self.assertEqual(1, len(self.events(shop)))
        self.assertEqual("InStep", self.namespace.condition("tight")[1], "it is no trouble yet")

    def test_a_value_that_the_memory_cannot_hold_is_refused(self):
        shop = self.made("refused", memory="4Gi", instances=49,
                         spec={**RECOMMEND, "pooler": {"provision": "Never"}})
        # Before the server was seen, nobody knows what its memory is for.
        found = wait_until("a bounded recommendation", PATIENCE, lambda: self.recommended(shop).get(
            "maxConnections", 1030) < 1030 and self.recommended(shop))
        self.assertEqual(1030, found["uncappedMaxConnections"])
        # 85 % of 4 GiB less some MB of shared memory, 5.05 MB each.
        self.assertTrue(690 <= found["maxConnections"] <= 722, found)
        for words in ("1030 connections need", "85 % of the container's 4.3 GB",
                      f"at most {found['maxConnections']} fit"):
            self.assertIn(words, found["formula"])

    def test_the_first_tier_is_entered_early(self):
        shop = self.made("early", memory="4Gi", instances=40, spec=RECOMMEND)
        self.recommends(shop, 200)
        found = self.recommended(shop)
        self.assertEqual(("Pooler", 150), (found["route"], found["poolSize"]))
        shop.scale(20)
        self.recommends(shop, 20 * 20 + 50)
        self.assertEqual("Direct", self.recommended(shop)["route"])

    def test_without_a_limit_there_is_no_gate(self):
        shop = self.made("free", instances=49, spec=RECOMMEND)
        self.recommends(shop, 1030)


if __name__ == "__main__":
    main()
