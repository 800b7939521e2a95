#!/usr/bin/python3
"""What a policy leaves behind when it is deleted, and what may hold up its deletion."""

from fixture import PATIENCE, OperatorTest, main
from objects import wait_until

ROLE_LIMIT = "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'shop'"
# Below a first tier of 12: (11 instances + 3 of a rolling update) × 20 + 50.
LARGEST = 330
SPEC = {"sizing": {"enforce": "RoleConnectionLimit"},
        "pooler": {"tiers": [{"instances": 12, "poolSize": 150}]}}
WANTED = (10 + 3) * 20 + 20


class Limited(OperatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_operator()

    def limited(self, name, **spec):
        """A shop whose role is limited."""
        shop = self.own_shop(name, config=f"max_connections = {LARGEST}\n", spec={**SPEC, **spec})
        shop.server.execute("ALTER ROLE shop CONNECTION LIMIT 500")
        shop.make()
        shop.make_policy()
        self.becomes(name, "True", "InStep")
        wait_until(f"limit {WANTED}", PATIENCE, lambda: shop.server.execute(ROLE_LIMIT) == WANTED)
        self.assertEqual({"name": "shop", "limit": WANTED, "former": 500},
                         self.namespace.status(name)["role"])
        self.assertEqual(1, shop.server.starts, "nothing was restarted for it")
        return shop

    def gone(self, name):
        wait_until(lambda: f"end of {name}; the log:\n" + self.operator.tail(), PATIENCE,
                   lambda: self.namespace.get("ConnectionPolicy", name) is None)


class Deletion(Limited):
    def test_the_role_gets_its_former_limit(self):
        shop = self.limited("former")
        self.namespace.delete("ConnectionPolicy", "former")
        self.gone("former")
        self.assertEqual(500, shop.server.execute(ROLE_LIMIT))
        self.assertIn("Service/former", self.namespace.made_for("former"), "what runs stays")

    def test_the_former_limit_waits_for_postgresql(self):
        shop = self.limited("waits")
        shop.server.stop()
        self.namespace.delete("ConnectionPolicy", "waits")
        self.operator.wait_for(PATIENCE, "waits", "the role's connection limit stays",
                               "pgrightsizer.io/unwind", event="DeletionWaits", about="waits")
        self.assertIsNotNone(self.namespace.get("ConnectionPolicy", "waits"))
        shop.server.start()
        self.gone("waits")
        self.assertEqual(500, shop.server.execute(ROLE_LIMIT))

    def test_unwind_takes_its_services_away(self):
        shop = self.limited("unwound", deletionPolicy="Unwind")
        self.namespace.delete("ConnectionPolicy", "unwound")
        self.gone("unwound")
        self.assertEqual({}, self.namespace.made_for("unwound"))
        self.assertEqual(500, shop.server.execute(ROLE_LIMIT))
        self.assertEqual(f"max_connections = {LARGEST}\n", shop.file())


class TerminatingNamespace(Limited):
    def test_nothing_waits_for_a_server_that_does_not_answer(self):
        shop = self.limited("last", deletionPolicy="Unwind")
        shop.server.stop()
        self.namespace.remove()
        self.gone("last")


if __name__ == "__main__":
    main()
