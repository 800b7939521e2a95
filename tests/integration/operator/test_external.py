#!/usr/bin/python3
"""A database that somebody else runs, and what applications are given to reach any database."""

import psycopg2
from psycopg2.extensions import make_dsn, parse_dsn

from database import HOST
from fixture import PATIENCE, OperatorTest, main
from objects import wait_until

TWELVE = 12  # instances; 12 × 20 + 50 = 290
PASSWORD = "a b@c/d:e?f&g%h#i+ü"
BINDING = {"type", "provider", "host", "port", "database", "username", "password", "uri",
           "direct-uri", "jdbc-uri", "pgbouncer-host", "pgbouncer-port", "pgbouncer-uri",
           "prisma-uri", "pool-size", "connect-timeout"}


def external(server, host=HOST, **database):
    return {"provider": "External", "name": None, "config": None, "host": host,
            "port": server.port, **database}


class External(OperatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.servers.make("external", "max_connections = 250\n")
        cls.server.start()
        cls.start_operator()

    def external(self, name, **options):
        shop = self.shop(name, self.server, spec={"database": external(self.server)}, **options)
        shop.make(("Secret", "admin"), ("Secret", "app"), ("Deployment", "app"))
        return shop

    def test_alter_system_and_somebody_restarts(self):
        self.external("external", instances=TWELVE).make_policy()
        self.operator.wait_for(PATIENCE, "250 → 290", event="MaxConnectionsPatched")
        message = self.becomes("external", "True", "RestartPending")
        self.assertIn("waits for somebody to restart PostgreSQL", message)
        self.assertEqual("True", self.namespace.condition("external", "RestartPending")[0])
        self.assertEqual(250, self.server.max_connections())
        self.assertEqual("t", str(self.server.execute(
            "SELECT pending_restart FROM pg_settings WHERE name = 'max_connections'"))[0].lower())
        self.the_services("external")
        self.server.restart()
        self.becomes("external", "True", "InStep")
        self.assertEqual(290, self.server.max_connections())
        self.assertEqual("False", self.namespace.condition("external", "RestartPending")[0])
        self.namespace.delete("ConnectionPolicy", "external")

    def the_services(self, name):
        """Both have the server's port and a slice with its address; the front's selector matches
        nothing while direct."""
        def slices():
            return {one["metadata"]["name"]: one for one in self.namespace.list("EndpointSlice")
                    if one["metadata"]["labels"].get("endpointslice.kubernetes.io/managed-by")
                    == "pg-rightsizer"}

        wait_until("slices", PATIENCE, lambda: len(slices()) == 2)
        for service in (name, f"{name}-direct"):
            found = slices()[f"{service}-external"]
            self.assertEqual(service, found["metadata"]["labels"]["kubernetes.io/service-name"])
            self.assertEqual([HOST], found["endpoints"][0]["addresses"])
            self.assertEqual(self.server.port, found["ports"][0]["port"])
            port = self.namespace.get("Service", service)["spec"]["ports"][0]
            self.assertEqual(self.server.port, port["port"])
        front = self.namespace.get("Service", name)["spec"]["selector"]
        self.assertEqual("external", front["app.kubernetes.io/component"])
        self.assertNotIn("selector", self.namespace.get("Service", f"{name}-direct")["spec"])

    def test_an_administrator_who_may_not(self):
        self.server.execute("CREATE ROLE weak LOGIN PASSWORD 'weak'")
        shop = self.external("weak", instances=20)  # 450
        self.namespace.merge("Secret", "weak-admin", {"stringData": {
            "username": "weak", "password": "weak"}})
        shop.make_policy()
        self.forbidden("weak", "weak-admin", 'GRANT pg_monitor TO "weak"')
        self.server.execute("GRANT pg_monitor TO weak")
        self.forbidden("weak", "weak-admin", "pg_file_settings")
        self.server.execute("GRANT SELECT ON pg_file_settings TO weak")
        self.server.execute("GRANT EXECUTE ON FUNCTION pg_show_all_file_settings() TO weak")
        words = [f"database {HOST}:{self.server.port}", "ALTER SYSTEM", "permission denied",
                 "spec.database.adminSecretName"]
        self.forbidden("weak", *words)
        self.operator.wait_for(PATIENCE, *words, event="Forbidden", about="weak")
        self.server.execute("GRANT ALTER SYSTEM ON PARAMETER max_connections TO weak")
        self.becomes("weak", "True", "RestartPending")
        self.server.restart()
        self.becomes("weak", "True", "InStep")
        self.namespace.delete("ConnectionPolicy", "weak")

    def forbidden(self, name, *words):
        def condition():
            return self.namespace.condition(name)

        def said():
            return condition()[1] == "Forbidden" and all(word in condition()[2] for word in words)

        wait_until(lambda: f"Forbidden with {words}, it is {condition()}", PATIENCE, said)


class Binding(OperatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.servers.make("bound", "max_connections = 250\n")
        cls.server.start()
        cls.start_operator()

    def test_what_applications_are_given(self):
        self.server.execute(f"CREATE ROLE \"o'me\" LOGIN PASSWORD '{PASSWORD}'")
        shop = self.shop("bound", self.server)
        shop.make()
        self.namespace.merge("Secret", "bound-app", {"stringData": {
            "username": "o'me", "password": PASSWORD}})
        shop.make_policy()
        self.becomes("bound", "True", "InStep")
        wait_until("name of the binding", PATIENCE, lambda: self.namespace.status("bound").get(
            "binding") == {"name": "bound-connection"})
        binding = self.namespace.secret("bound-connection")
        self.assertEqual(BINDING, set(binding))
        host = f"bound.{self.namespace.name}.svc"
        self.the_plain_keys(binding, host)
        self.the_uris(binding, host)
        self.the_services()

    def the_plain_keys(self, binding, host):
        expected = {"type": "postgresql", "host": host, "port": str(self.server.port),
                    "database": "shop", "username": "o'me", "password": PASSWORD,
                    "pool-size": "20", "connect-timeout": "10", "pgbouncer-host": host,
                    "pgbouncer-port": str(self.server.port)}
        self.assertLessEqual(expected.items(), binding.items())

    def the_uris(self, binding, host):
        direct = host.replace("bound.", "bound-direct.")
        for key, where in (("uri", host), ("pgbouncer-uri", host), ("direct-uri", direct)):
            self.assertEqual({"host": where, "port": str(self.server.port), "dbname": "shop",
                              "user": "o'me", "password": PASSWORD}, parse_dsn(binding[key]), key)
            psycopg2.connect(make_dsn(binding[key], hostaddr=HOST), connect_timeout=5).close()
        self.assertTrue(binding["jdbc-uri"].startswith(f"jdbc:postgresql://{host}:"))
        for part in ("connection_limit=20", "connect_timeout=10"):
            self.assertIn(part, binding["prisma-uri"])

    def the_services(self):
        for name in ("bound", "bound-direct"):
            spec = self.namespace.get("Service", name)["spec"]
            self.assertEqual({"statefulset.kubernetes.io/pod-name": "bound-db-0"},
                             spec["selector"])
            self.assertEqual((self.server.port, self.server.port),
                             (spec["ports"][0]["port"], spec["ports"][0]["targetPort"]))
            self.assertEqual("ClusterIP", spec["type"])
        self.assertTrue(self.namespace.get("Service", "bound-direct")["spec"][
            "publishNotReadyAddresses"])


if __name__ == "__main__":
    main()
