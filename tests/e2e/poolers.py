"""The consoles of the pooler pods: what each may hold and what it holds.

An open console counts as a client and would keep a terminating pod alive, and its TCP listener is
closed anyway. So a pod is asked over one lasting session while it serves, and, once it is being
deleted, over its unix socket, found through /proc, with a session that ends at once.
"""

import dataclasses
import time

import psycopg2

import invariant
import world

SOCKETS = "run/pgbouncer"
USER = "pgrightsizer"


@dataclasses.dataclass
class Known:
    """What is remembered of one pod between two looks."""

    uid: str
    name: str
    address: str = ""
    terminating: bool = False
    session: object = None
    cap: int | None = None
    servers: int = 0
    pool_modes: frozenset = frozenset()
    paused: bool = False
    process: int = 0
    answered: bool = False
    pids: frozenset = frozenset()


class Poolers:
    """All pods of the pooler; look() is to be called from one thread."""

    def __init__(self):
        self._known = {}
        self._password = None
        self._password_at = 0.0
        self.pauses = []  # (time, pod, paused), whenever it changed

    def look(self, pods):
        """Asks every pod alive. `pods` are the API's objects."""
        alive = {pod["metadata"]["uid"]: pod for pod in pods}
        for uid in set(self._known) - set(alive):
            _close(self._known.pop(uid))
        for uid, pod in alive.items():
            one = self._known.setdefault(uid, Known(uid, pod["metadata"]["name"]))
            one.address = pod["status"].get("podIP", "")
            one.terminating = "deletionTimestamp" in pod["metadata"]
            if not _running(pod):
                _close(one)
                one.cap, one.servers, one.answered, one.paused = None, 0, False, False
                continue
            before = one.paused
            self._ask(one)
            if one.paused != before:
                self.pauses.append((time.time(), one.name, one.paused))
        return list(self._known.values())

    def close(self):
        for one in self._known.values():
            _close(one)

    def _ask(self, one):
        try:
            if one.terminating:
                _close(one)
                one.session = self._over_socket(one)
            elif one.session is None:
                one.session = self._connect(one.address)
            if one.session is not None:
                _read(one)
        except psycopg2.Error as error:  # it is starting or ending; its last cap stays
            one.answered = False
            _close(one)
            if "authentication" in str(error):  # a pooler made anew has another password
                self._password = None
        if one.terminating:
            _close(one)

    def _over_socket(self, one):
        if not one.process:
            one.process = next(iter(world.processes_of(one.uid, "pgbouncer")), 0)
        return self._connect(f"/proc/{one.process}/root/{SOCKETS}") if one.process else None

    def _connect(self, host):
        password = self._console_password()
        if not host or password is None:
            return None
        session = psycopg2.connect(
            host=host, port=world.PORT, user=USER, password=password, dbname="pgbouncer",
            connect_timeout=2, tcp_user_timeout=2000,
        )
        session.autocommit = True  # the console knows no transactions
        return session

    def _console_password(self):
        if self._password is None and time.monotonic() - self._password_at > 0.5:
            self._password_at = time.monotonic()
            data = world.secret(f"{world.POLICY}-pooler") or {}
            self._password = data.get("console-password")
        return self._password


def as_invariant(one, sessions_by_address):
    """With PostgreSQL's word for the servers where the console gave none."""
    servers = one.servers if one.answered else sessions_by_address.get(one.address, 0)
    return invariant.Pooler(one.name, one.cap, servers, one.terminating)


def _running(pod):
    statuses = pod["status"].get("containerStatuses", [])
    return any("running" in status["state"] for status in statuses)


def _rows(session, command):
    with session.cursor() as cursor:
        cursor.execute(command)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor.fetchall()]


def _read(one):
    config = {row["key"]: row["value"] for row in _rows(one.session, "SHOW CONFIG")}
    servers = _rows(one.session, "SHOW SERVERS")
    # Both limits are the cap; the operator sets them together, one after the other.
    one.cap = max(int(config["max_db_connections"]), int(config["default_pool_size"]))
    one.servers = len(servers)
    one.pids = frozenset(int(row["remote_pid"]) for row in servers)
    one.answered = True
    entries = [row for row in _rows(one.session, "SHOW DATABASES") if row["name"] != "pgbouncer"]
    modes = {row["pool_mode"] or config["pool_mode"] for row in entries}
    one.pool_modes = frozenset(modes)
    one.paused = any(int(row["paused"]) for row in entries)


def _close(one):
    if one.session is not None:
        one.session.close()
        one.session = None
