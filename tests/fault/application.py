"""What uses the database in a run: a few sessions, which go where the front Service leads."""

import contextlib
import dataclasses
import threading

import psycopg2

from database import APPLICATION

SESSIONS = 4
EVERY = 0.05  # seconds between two turns
POOLED_TURNS = 8  # after which a pooled session is closed: it must leave a pooler that is left


@dataclasses.dataclass
class Held:
    session: object
    pooled: bool
    turns: int = 0


class Application:
    """`route()` gives address, port and whether that is a pooler; None while there is none."""

    def __init__(self, route):
        self._route = route
        self._stop = threading.Event()
        self._held = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        self._stop.set()
        self._thread.join(timeout=5)

    def _run(self):
        while not self._stop.wait(EVERY):
            self._held = [one for one in self._held if self._use(one)]
            while len(self._held) < SESSIONS and self._connect():
                pass
        for one in self._held:
            one.session.close()

    def _use(self, one):
        """False when the session is at its end."""
        one.turns += 1
        with contextlib.suppress(psycopg2.Error):
            with one.session.cursor() as cursor:
                cursor.execute("select 1")
            if not one.pooled or one.turns < POOLED_TURNS:
                return True
        with contextlib.suppress(psycopg2.Error):
            one.session.close()
        return False

    def _connect(self):
        where = self._route()
        if where is None:
            return False
        user, password, database = APPLICATION
        try:
            session = psycopg2.connect(host=where[0], port=where[1], user=user, password=password,
                                       dbname=database, connect_timeout=3)
        except psycopg2.Error:
            return False
        session.autocommit = True
        self._held.append(Held(session, where[2]))
        return True
