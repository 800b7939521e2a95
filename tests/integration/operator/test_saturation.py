#!/usr/bin/python3
"""How full PostgreSQL is and why, on the direct route: sessions of a real server, and what the operator
says of them. The pooler's side is in tests/e2e/saturation.py."""

import contextlib
import re
import threading

import psycopg2

from database import APPLICATION
from fixture import PATIENCE, OperatorTest, main
from objects import wait_until

INSTANCES = 12
CONFIG = "max_connections = 290\n"  # what twelve instances ask for; 287 of them are usable
SPEC = {"saturation": {"forSeconds": 4, "sampleSeconds": 1}}
LOCK = "select pg_advisory_lock(1)"


class Saturation(OperatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_operator()

    def setUp(self):
        self.sessions = contextlib.ExitStack()
        self.addCleanup(self.sessions.close)

    def made(self, name):
        shop = self.own_shop(name, CONFIG, instances=INSTANCES, spec=SPEC)
        shop.make()
        shop.make_policy()
        self.level_is(shop, "Normal")
        return shop

    def connect(self, shop):
        user, password, database = APPLICATION
        session = psycopg2.connect(host=shop.server.host, port=shop.server.port, user=user,
                                   password=password, dbname=database, connect_timeout=10)
        return self.sessions.enter_context(contextlib.closing(session))

    def level_is(self, shop, level, *words):
        """By condition, message and metric."""
        def said():
            return self.namespace.condition(shop.name, "Saturated")

        def metric():
            labels = f'level="{level}",namespace="{self.namespace.name}",policy="{shop.name}"'
            return f"pgrightsizer_saturation{{{labels}}} 1\n" in self.operator.page("/metrics")[1]

        wait_until(lambda: f"{level} {words}; it is {said()}; {self.operator.tail(3)}", PATIENCE, lambda:
                   said()[1] == level and all(word in said()[2] for word in words) and metric())
        self.assertEqual("False" if level == "Normal" else "True", said()[0])

    def test_levels_come_and_go(self):
        shop = self.made("levels")
        for _ in range(238):
            self.connect(shop)
        self.level_is(shop, "Warning", "cause Demand: 12 instances may hold 240 connections, and hold 238")
        self.operator.wait_for(PATIENCE, "% over 4 s", event="SaturationWarning", about=shop.name)
        for _ in range(42):
            self.connect(shop)
        self.level_is(shop, "Critical", "cause Leak: the application holds 280 connections")
        self.operator.wait_for(PATIENCE, "Critical: ", event="SaturationCritical", about=shop.name)
        self.sessions.close()
        self.level_is(shop, "Normal")
        self.operator.wait_for(PATIENCE, "% over 4 s", event="SaturationResolved", about=shop.name)

    def test_transactions_that_are_left_open(self):
        shop = self.made("open")
        for number in range(238):
            session = self.connect(shop)
            if number < 80:
                session.cursor().execute("select 1")  # begins a transaction
        self.level_is(shop, "Warning", "cause IdleInTransaction: 80 sessions", "(idle in transaction)")

    def test_a_lock_that_is_held(self):
        shop = self.made("lock")
        holder = self.connect(shop)
        holder.cursor().execute(LOCK)
        waiting = [self.connect(shop) for _ in range(80)]
        threads = [threading.Thread(target=self.wait_for_lock, args=(one,)) for one in waiting]
        for thread in threads:
            thread.start()
        for _ in range(157):
            self.connect(shop)
        pid = holder.get_backend_pid()
        self.level_is(shop, "Warning", "cause LockWait: 80 sessions wait for a lock, most of them for",
                      f"session {pid} of shop (idle in transaction)")
        with contextlib.closing(shop.server.connect()) as admin:
            admin.cursor().execute("select pg_terminate_backend(pid) from pg_stat_activity"
                                   " where query = %s", (LOCK,))
        for thread in threads:
            thread.join(30)

    def test_a_database_that_is_away_has_no_level(self):
        shop = self.made("away")
        for _ in range(238):
            self.connect(shop)
        self.level_is(shop, "Warning", "cause Demand")
        shop.server.stop()
        wait_until(lambda: self.namespace.condition(shop.name, "Saturated"), PATIENCE, lambda:
                   self.namespace.condition(shop.name, "Saturated")[:2] == ("Unknown", "NotMeasured"))
        ours = f'namespace="{self.namespace.name}",policy="{shop.name}"'
        page = self.operator.page("/metrics")[1]
        self.assertIn(f'pgrightsizer_saturation{{level="Warning",{ours}}} 0\n', page)
        self.assertNotIn(f"pgrightsizer_utilization_ratio{{{ours}}}", page)
        shop.server.start()
        self.level_is(shop, "Normal")

    @staticmethod
    def wait_for_lock(session):
        with contextlib.suppress(psycopg2.Error):
            session.cursor().execute(LOCK)

    def test_a_restart_of_our_own_says_nothing(self):
        shop = self.made("restarted")
        shop.scale(INSTANCES + 1)
        wait_until("restart", PATIENCE, lambda: shop.server.starts == 2)
        self.level_is(shop, "Normal", "of 307 usable")
        reasons = {one["reason"] for one in self.namespace.events(shop.name)}
        self.assertFalse({one for one in reasons if re.match("Saturation", one)}, reasons)


if __name__ == "__main__":
    main()
