"""Looks 25 times a second whether a step of the operator breaks the rule of tests/e2e/invariant.py."""

import contextlib
import threading

import psycopg2

import invariant
from database import APPLICATION

EVERY = 0.04
EACH = 20  # connections of an instance
ACTIVITY = """
    SELECT current_setting('max_connections')::int,
           current_setting('superuser_reserved_connections')::int,
           usename, application_name, host(client_addr), count(*)
    FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY 3, 4, 5"""


class Sampler:
    """violations: what each of them was, in words."""

    def __init__(self, world):
        self._world = world
        self._admin = None
        self._consoles = {}  # pod name → session
        self._before = None
        self._stop = threading.Event()
        self.looks = 0
        self.violations = []
        self.max_connections = None  # as seen last; None while PostgreSQL does not answer
        self.caps = {}  # pod name → cap, as seen last
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        self._stop.set()
        self._thread.join(timeout=10)

    def _run(self):
        while not self._stop.wait(EVERY):
            state = self._look()
            if state is None:
                continue
            if self._before and invariant.rise(self._before, state)[0]:
                # A look takes a moment: a session that ended in it and a step after it are no fault.
                state = self._look() or state
                if by := invariant.rise(self._before, state)[0]:
                    self.violations.append(
                        f"{self._world.plan.stage}: {by} more than there are after "
                        f"{', '.join(invariant.steps_between(self._before, state))}; {state}")
            self._before = state
            self.looks += 1

    def _look(self):
        direct_open = self._world.route_is_direct()
        poolers = self._look_at_poolers()
        try:
            self._admin = self._admin or self._world.server.connect()
            with self._admin.cursor() as cursor:
                cursor.execute(ACTIVITY)
                rows = cursor.fetchall()
        except psycopg2.Error:
            self._admin = self.max_connections = None
            return None
        self.max_connections = rows[0][0]
        return self._state(rows, direct_open, poolers)

    def _state(self, rows, direct_open, poolers):
        addresses = {address for _, address in poolers}
        direct = others = 0
        for _, _, user, application, address, count in rows:
            if address in addresses:
                continue
            if user == APPLICATION[0] and application != "pg-rightsizer":
                direct += count
            else:
                others += count
        instances = max(1, self._world.instances)
        held = tuple(direct // instances + (number < direct % instances)
                     for number in range(instances))
        return invariant.State(rows[0][0], rows[0][1], direct_open, held, 0, others,
                               tuple(one for one, _ in poolers), EACH)

    def _look_at_poolers(self):
        """(what the invariant asks of it, its address) of every pod that is not gone."""
        found = []
        for name, bouncer, leaving in self._world.node.poolers():
            cap, servers = self.caps.get(name), 0
            with contextlib.suppress(psycopg2.Error):
                session = self._consoles.setdefault(name, None) or bouncer.console()
                self._consoles[name] = session
                cap = max(int(value) for key, value in rows_of(session, "SHOW CONFIG")
                          if key in ("max_db_connections", "default_pool_size"))
                servers = len(rows_of(session, "SHOW SERVERS"))
            self.caps[name] = cap
            found.append((invariant.Pooler(name, cap, servers, leaving), bouncer.address))
        for name in set(self._consoles) - {one.name for one, _ in found}:
            session = self._consoles.pop(name)
            self.caps.pop(name, None)
            if session:
                session.close()
        return found


def rows_of(session, command):
    with session.cursor() as cursor:
        cursor.execute(command)
        return [row[:2] for row in cursor.fetchall()]
