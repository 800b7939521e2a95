#!/usr/bin/python3
"""A thousand scale events at once are a few turns, after which every policy knows the last of them."""

import concurrent.futures
import re
import time

from fixture import PATIENCE, OperatorTest, main
from objects import wait_until

POLICIES = 10
EVENTS = 100  # for each


class Burst(OperatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        common = cls.servers.make("common", "max_connections = 250\n")
        common.start()
        cls.start_operator()
        cls.shops = [cls.shop(f"shop-{i}", common, spec={"mode": "Recommend"}) for i in range(POLICIES)]

    def turns(self):
        _, text = self.operator.page("/metrics")
        return sum(int(count) for count in re.findall(r"^controller_runtime_reconcile_total{.*} (\d+)$", text, re.M))

    def all_know(self, instances):
        wait_until(f"{instances} instances in every status", PATIENCE, lambda: all(
            self.namespace.status(shop.name).get("instances") == instances for shop in self.shops))

    def scale(self, shop):
        for instances in range(11, 11 + EVENTS):
            shop.scale(instances)

    def test_a_thousand_events(self):
        for shop in self.shops:
            shop.make()
            shop.make_policy()
        self.all_know(10)
        before = self.turns()
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(POLICIES) as pool:
            list(pool.map(self.scale, self.shops))
        self.all_know(10 + EVENTS)
        turns, seconds = self.turns() - before, time.monotonic() - began
        print(f"{POLICIES * EVENTS} events in {POLICIES} policies: {turns} turns in {seconds:.1f} s")
        # While it lasts one a second, and one when it is over; at rest one in ten seconds.
        self.assertLessEqual(turns, POLICIES * (seconds + 2))


if __name__ == "__main__":
    main()
