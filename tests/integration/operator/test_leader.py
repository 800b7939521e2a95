#!/usr/bin/python3
"""Two operators and one Lease: one works, and the other takes over."""

from fixture import PATIENCE, OperatorTest, main
from objects import wait_until
from program import Operator

LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases/ours"
LEADS = "this process leads"


class Leader(OperatorTest):
    def begin(self, identity):
        operator = Operator("--namespace", self.namespace.name, "--lease-namespace",
                            self.namespace.name, "--lease-name", "ours", "--lease-identity", identity)
        self.addCleanup(lambda: operator.stop())
        return operator

    def lease(self):
        _, answer = self.api.call("GET", LEASES.format(self.namespace.name))
        return answer["spec"]

    def serves(self, shop, value):
        wait_until(f"max_connections {value}", PATIENCE, lambda: self.namespace.status(shop.name)
                   .get("current", {}).get("maxConnections") == value)
        self.becomes(shop.name, "True", "InStep")
        self.assertEqual(value, shop.server.max_connections())

    def test_one_works_and_the_other_takes_over(self):
        first = self.operator = self.begin("first")
        first.wait_for(PATIENCE, LEADS)
        second = self.begin("second")
        second.wait_for(PATIENCE, "every kind is in sync")
        self.assertEqual((200, "ok\n"), second.page("/readyz"), "a standby is ready")

        shop = self.own_shop("led")
        shop.make()
        shop.make_policy()
        self.becomes("led", "True", "InStep")
        self.assertIn('leader_election_master_status{name="ours"} 1', first.page("/metrics")[1])
        self.assertIn('leader_election_master_status{name="ours"} 0', second.page("/metrics")[1])
        self.assertNotIn("pgrightsizer_instances", second.page("/metrics")[1], "it has not worked")

        with self.subTest("SIGTERM: the lease is given back, and the other goes on"):
            self.assertEqual(0, first.stop())
            self.operator = second
            second.wait_for(PATIENCE, LEADS)
            self.assertEqual("second", self.lease()["holderIdentity"])
            shop.scale(12)
            self.serves(shop, 290)
            self.assertEqual(2, shop.server.starts, "one restart, for the new value")

        with self.subTest("kill -9: the lease runs out first"):
            third = self.begin("third")
            third.wait_for(PATIENCE, "every kind is in sync")
            second.kill()
            self.operator = third
            third.wait_for(PATIENCE, LEADS)
            shop.scale(10)
            self.serves(shop, 250)
            self.assertEqual(3, shop.server.starts)

        with self.subTest("a container that is restarted in its pod goes on at once"):
            third.kill()
            again = self.operator = self.begin("third")
            again.wait_for(PATIENCE, LEADS)
            self.assertEqual(2, self.lease()["leaseTransitions"], "nobody has taken it")

        with self.subTest("a stolen lease: it exits and changes nothing"):
            self.api.merge(LEASES.format(self.namespace.name), {"spec": {"holderIdentity": "thief"}})
            again.wait_for(PATIENCE, "the lease is lost")
            wait_until("its end", PATIENCE, lambda: not again.alive())
            self.assertEqual("thief", self.lease()["holderIdentity"])


if __name__ == "__main__":
    main()
