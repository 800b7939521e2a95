#!/usr/bin/python3
"""A real primary and its streaming standby under the operator: up and down, and what it refuses."""

import threading

from fixture import PATIENCE, OperatorTest, main
from objects import wait_until
from shop import KEY

CONFIG = "max_connections = 250\n"
TWELVE = 12  # instances; 12 × 20 + 50 = 290
PINNED = ("SELECT count(*) FROM pg_file_settings WHERE name = 'max_connections'"
          " AND sourcefile LIKE '%postgresql.auto.conf'")
STATE = ("SELECT CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state()"
         " ELSE 'a primary' END")


class Mounts:
    """Brings the ConfigMap to the running servers, as a kubelet does it after a while."""

    def __init__(self, shop, servers):
        self._shop = shop
        self._servers = servers
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.wait(1.0):
            text = self._shop.file()
            for server in self._servers:
                server.configure(text)

    def close(self):
        self._stop.set()
        self._thread.join(timeout=60)


class Standby(OperatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_operator()

    def replicated(self, name, started=True):
        primary = self.servers.make(name, CONFIG)
        primary.start()
        standby = self.servers.make_standby(primary, f"{name}-standby")
        if started:
            standby.start()
        shop = self.shop(name, primary, own=True, config=CONFIG, databases=2)
        self.kubelet.serve(shop.database, standby, (f"{name}-config", KEY), ordinal=1)
        shop.make()
        return shop, primary, standby

    def at_rest_with(self, shop, servers, value):
        """The file alone holds the value, and every instance runs with it."""
        def state():
            return [shop.file()] + [(one.max_connections(), one.execute(PINNED)) for one in servers]

        wait_until(lambda: f"rest with {value}: {state()}, {self.namespace.condition(shop.name)};"
                   f" the log:\n{self.operator.tail()}", PATIENCE, lambda: answers(
                       lambda: state() == [f"max_connections = {value}\n"] + 2 * [(value, 0)]))

    def test_up_and_down_and_up_again(self):
        shop, primary, standby = self.replicated("updown")
        mounts = Mounts(shop, (primary, standby))
        self.addCleanup(mounts.close)
        shop.make_policy()
        self.becomes("updown", "True", "InStep")
        for instances in (TWELVE, 10, TWELVE):
            shop.scale(instances)
            self.at_rest_with(shop, (primary, standby), instances * 20 + 50)
            self.assertEqual("not paused", standby.execute(STATE))
            self.becomes("updown", "True", "InStep")
        self.assertNotIn("insufficient parameter settings", standby.log())
        self.assertEqual(3, len(self.restarts_of(shop)), "a standby's restart is not counted")
        self.assertEqual(4, self.kubelet.pods_seen(shop.database, 1), "three restarts of the standby")
        self.operator.wait_for(PATIENCE, event="StandbyRestarted", about="updown")

    def test_a_standby_that_is_down_keeps_the_primary_from_being_raised(self):
        shop, primary, standby = self.replicated("down")
        shop.make_policy()
        self.becomes("down", "True", "InStep")
        standby.stop()
        shop.scale(TWELVE)
        message = self.becomes("down", "False", "Standby")
        self.assertIn(f"{shop.database}-1 cannot be reached", message)
        self.assertEqual(250, primary.max_connections())
        self.assertEqual(CONFIG, shop.file())

    def test_two_primaries_are_told_and_left_alone(self):
        shop, primary, standby = self.replicated("two")
        standby.execute("SELECT pg_promote()")
        shop.scale(TWELVE)
        shop.make_policy()
        message = self.becomes("two", "False", "TwoPrimaries")
        self.assertIn(f"{shop.database}-1 is a primary, too", message)
        self.assertEqual(250, primary.max_connections())

    def test_a_value_that_somebody_pinned_is_left_alone(self):
        shop, primary, standby = self.replicated("foreign")
        standby.execute("ALTER SYSTEM SET max_connections = 777")
        shop.scale(TWELVE)
        shop.make_policy()
        message = self.becomes("foreign", "False", "ForeignChange")
        self.assertIn("777", message)
        self.assertIn("ALTER SYSTEM RESET", message)
        self.assertEqual(250, primary.max_connections())


def answers(question):
    """False while a server restarts."""
    try:
        return question()
    except Exception as error:  # psycopg2's, of whatever kind
        if type(error).__module__.startswith("psycopg2"):
            return False
        raise


if __name__ == "__main__":
    main()
