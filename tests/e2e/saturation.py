#!/usr/bin/python3
"""Saturation on the real node: each level and each cause, staged with real sessions, and seen where
people look: condition, event, metric, and an alert in a real Prometheus.

    CLUSTER=NAME hack/cluster exec /usr/bin/python3 tests/e2e/saturation.py levels

Exit code 0: as it must be; 1: not.
"""

import contextlib
import sys
import threading
import time

import psycopg2

import prometheus
import scenarios
import world

FOR_S = 10
WITHIN_S = FOR_S + 15  # of the contract
INSTANCES = 3          # pooled: 3 × 20 = 60 server connections, 30 of each pooler pod
POOL_OF_POD = 30
SPEC = {"forSeconds": FOR_S, "sampleSeconds": 1}
LEVELS = {"Warning": ("SaturationWarning", "ConnectionsWarning"),
          "Critical": ("SaturationCritical", "ConnectionsCritical"),
          "WaitTooLong": ("SaturationCritical", "WaitTooLong")}


# --- load ---------------------------------------------------------------------------------------


class Sessions:
    """Real sessions of the application's role; each has a thread that repeats its statements."""

    def __init__(self):
        self._threads = []
        self._stop = threading.Event()
        self.refused = 0

    def open(self, host, count, *statements, hold=False):
        """`hold`: the statements are said once, and the session stays as it is then."""
        who = world.secret("shop-app")
        for _ in range(count):
            thread = threading.Thread(target=self._live, args=(host, who, statements, hold), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _live(self, host, who, statements, hold):
        try:
            session = psycopg2.connect(host=host, port=world.PORT, user=who["username"],
                                       password=who["password"], dbname="shop", connect_timeout=10)
        except psycopg2.Error:
            self.refused += 1
            return
        session.autocommit = True
        with contextlib.suppress(psycopg2.Error), contextlib.closing(session):
            cursor = session.cursor()
            while not self._stop.is_set():
                for statement in statements:
                    cursor.execute(statement)
                if hold or not statements:
                    self._stop.wait()

    def close(self):
        self._stop.set()
        # What runs is ended, and what then gets its turn, so that nobody waits for a long statement.
        with contextlib.closing(world.database()) as admin, admin.cursor() as cursor:
            admin.autocommit = True
            while any(thread.is_alive() for thread in self._threads):
                cursor.execute("select pg_terminate_backend(pid) from pg_stat_activity"
                               " where usename = %s and query like %s", ("shop", "%staged%"))
                for thread in self._threads:
                    thread.join(timeout=0.01)


@contextlib.contextmanager
def load():
    sessions = Sessions()
    try:
        yield sessions
    finally:
        sessions.close()


# --- what is seen -------------------------------------------------------------------------------


def saturated():
    policy = world.get(world.POLICIES, world.POLICY) or {}
    for one in policy.get("status", {}).get("conditions", []):
        if one["type"] == "Saturated":
            return one
    return {"reason": "", "message": "", "status": ""}


class World:
    """Operator, PostgreSQL, the application and, if wanted, a Prometheus."""

    def __init__(self, scenario, instances, alerts=False, **spec):
        self.scenario = scenario
        self.prometheus = None
        operator = world.Operator()
        world.remove_everything(operator)
        operator.install()
        world.install_database()
        policy = world.policy_object(saturation=SPEC, **spec)
        world.apply(world.app_object(INSTANCES), policy)
        world.wait_until("binding Secret", 60, lambda: world.secret(f"{world.POLICY}-connection"))
        world.scale(instances)
        if alerts:
            address = operator.pods()[0]["status"]["podIP"]
            self.prometheus = prometheus.Prometheus(scenario.out, f"{address}:8080")

    def at_rest(self, route):
        def calm():
            status = world.get(world.POLICIES, world.POLICY)["status"]
            step = status.get("step", {}).get("name", "RestartPending")  # Manual: it waits for a person
            return (status.get("route") == route and step == "RestartPending"
                    and saturated()["reason"] == "Normal")
        world.wait_until(f"rest on the route {route}", 180, calm)

    def empty(self):
        """No instance, so that whoever holds a connection is of the test; the sizes stay."""
        world.scale(0)
        world.wait_until("no instance", 60, lambda: not world.get("pods", selector=f"app={world.APP}"))

    def becomes(self, level, within=WITHIN_S, cause=""):
        """The level is seen everywhere, and says why."""
        event, alert = LEVELS.get(level, ("SaturationResolved", ""))
        began = time.monotonic()

        seen = {}

        def everywhere():
            seen["condition"] = saturated()["reason"] == level
            if self.prometheus:
                metric = f'pgrightsizer_saturation{{policy="{world.POLICY}",level="{level}"}}'
                ours = {one[1] for one in LEVELS.values()}
                seen["metric"] = self.prometheus.query(metric) == {"1"}
                seen["alert"] = self.prometheus.firing() & ours == ({alert} if alert else set())
            return all(seen.values())

        try:
            world.wait_until(f"level {level}", within, everywhere, every=0.5)
            took = time.monotonic() - began
            world.wait_until(f"event {event}", 10, lambda: any(
                e["reason"] == event for e in world.events()))
        except world.Failure as failure:
            firing = self.prometheus.firing() if self.prometheus else "not asked"
            self.scenario.check(False, f"{failure}: {seen}; it is {saturated()}, alerts {firing}")
            return
        message = saturated()["message"]
        self.scenario.check(f"cause {cause}" in message if cause else True,
                            f"{level} after {took:.0f} s: {message}")

    def resolves(self):
        self.becomes("Normal")

    def stop(self):
        if self.prometheus:
            self.prometheus.stop()


@contextlib.contextmanager
def staged(*arguments, **options):
    place = World(*arguments, **options)
    try:
        yield place
    finally:
        place.stop()


def poolers():
    """Addresses of the pooler pods."""
    pods = world.get("pods", selector="app.kubernetes.io/component=pooler")
    return [pod["status"]["podIP"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]


SLEEP = "select pg_sleep(600) /* staged */"
BRIEF = "select pg_sleep(0.15) /* staged */"


# --- the scenarios --------------------------------------------------------------------------------


def levels(scenario):
    """85 % is a warning, full with waiting clients critical, long waits in a pool that is not full
    too long; each resolves."""
    with staged(scenario, INSTANCES, alerts=True, pooler={"provision": "Always"}) as place:
        place.at_rest("Pooler")
        place.empty()
        one, other = poolers()
        with load() as sessions:
            sessions.open(one, 26, SLEEP)
            sessions.open(other, 26, SLEEP)
            place.becomes("Warning", cause="PoolTooSmall")
        place.resolves()
        with load() as sessions:
            sessions.open(one, POOL_OF_POD + 3, SLEEP)
            sessions.open(other, POOL_OF_POD - 2, SLEEP)
            place.becomes("Critical", cause="PoolTooSmall")
        place.resolves()
        with load() as sessions:
            sessions.open(one, 2 * POOL_OF_POD, BRIEF)
            place.becomes("WaitTooLong")
        place.resolves()


def calm_pool(scenario):
    """With criticalNeedsWaiting a pool that is busy and lets nobody wait is a warning only."""
    with staged(scenario, INSTANCES, pooler={"provision": "Always"}) as place:
        world.patch(world.POLICIES, world.POLICY, {"spec": {"saturation": {"criticalNeedsWaiting": True}}})
        world.scale(INSTANCES)
        place.at_rest("Pooler")
        place.empty()  # it would wait for a moment now and then
        with load() as sessions:
            for pooler in poolers():
                sessions.open(pooler, POOL_OF_POD, SLEEP)
            place.becomes("Warning", cause="PoolTooSmall")


def causes(scenario):
    """Six incidents, each named rightly."""
    with staged(scenario, 1, restart={"policy": "Manual"}, pooler={"provision": "Never"}) as place:
        server = world.postgres_address()
        place.at_rest("Direct")
        with load() as sessions:
            sessions.open(server, 70, "select 1 /* staged leak */", hold=True)
            place.becomes("Warning", cause="Leak")
        place.resolves()
        world.scale(4)  # 4 × 20 of 97: a restart would make room, and waits for a person
        place.becomes("Warning", within=WITHIN_S + 30, cause="Demand")
        world.scale(1)
        place.resolves()
    with staged(scenario, INSTANCES, pooler={"provision": "Always"}) as place:
        place.at_rest("Pooler")
        with load() as sessions:
            for pooler in poolers():
                sessions.open(pooler, 27, "begin", "select 1 /* staged */", hold=True)
            place.becomes("Warning", cause="IdleInTransaction")
        place.resolves()
        with load() as sessions:
            sessions.open(poolers()[0], 1, "begin", "select pg_advisory_xact_lock(1) /* staged */", hold=True)
            world.wait_until("lock", 10, lambda: held_locks() == 1)
            for pooler in poolers():
                sessions.open(pooler, 26, "select pg_advisory_xact_lock(1) /* staged */")
            place.becomes("Warning", cause="LockWait")
        place.resolves()
        place.empty()
        with load() as sessions:
            for pooler in poolers():
                sessions.open(pooler, POOL_OF_POD + 3, SLEEP)
            place.becomes("Critical", cause="PoolTooSmall")
        place.resolves()
        with load() as sessions:
            for pooler in poolers():
                limit_clients(pooler, 100)
                sessions.open(pooler, 90)
            place.becomes("Warning", cause="ClientLimit")
        place.resolves()


def errors(scenario):
    """Refused and failed logins, waits that timed out and killed sessions are counted exactly."""
    with staged(scenario, 1, alerts=True, restart={"policy": "Manual"}, pooler={"provision": "Never"}) as place:
        server = world.postgres_address()
        place.at_rest("Direct")
        place.empty()
        before = Counted(place)
        with contextlib.ExitStack() as held:
            while try_login(server, held):
                pass  # all that ordinary roles may have
            refused = 1 + sum(try_login(server, held) is None for _ in range(20))
            failed = sum(try_login(server, held, password="wrong") is None for _ in range(7))
            killed = kill_sessions()
            before.grew(scenario, "postgresql", refused=refused, login_failed=failed, killed=killed)
    with staged(scenario, INSTANCES, alerts=True, pooler={"provision": "Always"}) as place:
        place.at_rest("Pooler")
        place.empty()
        before = Counted(place)
        one, other = poolers()
        with contextlib.ExitStack() as held:
            failed = sum(try_login(one, held, password="wrong") is None for _ in range(5))
            failed += sum(try_login(other, held, user="nobody") is None for _ in range(3))
            console(one, "SET query_wait_timeout = 2")
            holders = [try_login(one, held) for _ in range(POOL_OF_POD)]
            for holder in holders:
                holder.cursor().execute("begin")
            timed_out = sum(in_vain(try_login(one, held)) for _ in range(4))
            console(one, f"SET max_client_conn = {POOL_OF_POD}")
            refused = sum(try_login(one, held) is None for _ in range(6))
            kill_sessions()
            killed = sum(in_vain(holder) for holder in holders)
            before.grew(scenario, "pgbouncer", refused=refused, login_failed=failed,
                        query_wait_timeout=timed_out, killed=killed)


class Counted:
    """What a source has counted since this was made."""

    def __init__(self, place):
        self._place = place
        self._before = {source: self._now(source) for source in ("postgresql", "pgbouncer")}

    def _now(self, source):
        metric = f'pgrightsizer_connection_errors_total{{policy="{world.POLICY}",source="{source}"}}'
        found = self._place.prometheus.vector(metric)
        return {one["metric"]["kind"]: int(float(one["value"][1])) for one in found}

    def grew(self, scenario, source, **by):
        def difference():
            now = self._now(source)
            return {kind: now[kind] - self._before[source][kind] for kind in by}

        def staged():
            return {kind: count + own_errors(OWN[kind]) if source == "pgbouncer" and kind in OWN else count
                    for kind, count in by.items()}

        try:
            world.wait_until(f"{source} has counted {by}", 60, lambda: difference() == staged(), every=1)
        except world.Failure:
            print("\n".join(pooler_log()))
        scenario.check(difference() == staged() and min(by.values()) > 0,
                       f"{source} counted {difference()}, staged were {by}, with the operator's own {staged()}")
        status = world.get(world.POLICIES, world.POLICY)["status"].get("connectionErrors", {})
        scenario.say(f"status.connectionErrors: {status}")


def pooler_log():
    return [line for pod in world.get("pods", selector="app.kubernetes.io/component=pooler")
            for line in world.kubectl("logs", pod["metadata"]["name"], "-c", "pgbouncer", "-n",
                                      world.NAMESPACE).splitlines()]


# While a lowering is pending the operator logs in as the application every 5 s, and fares as everybody.
OWN = {"query_wait_timeout": "query_wait_timeout", "refused": "no more connections"}


def own_errors(text):
    address = world.Operator().pods()[0]["status"]["podIP"]
    return sum(f"@{address}:" in line and f"error: {text}" in line for line in pooler_log())


def try_login(host, held, user=None, password=None):
    """The session, which `held` closes; nothing when it was refused."""
    who = world.secret("shop-app")
    try:
        session = psycopg2.connect(host=host, port=world.PORT, user=user or who["username"], dbname="shop",
                                   password=password or who["password"], connect_timeout=10, sslmode="disable")
    except psycopg2.OperationalError:
        return None
    session.autocommit = True
    return held.enter_context(contextlib.closing(session))


def in_vain(session):
    try:
        session.cursor().execute("select 1")
    except psycopg2.Error:
        return True
    return False


def kill_sessions():
    with contextlib.closing(world.database()) as admin, admin.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = 'shop'")
        return cursor.rowcount


def held_locks():
    with contextlib.closing(world.database()) as admin, admin.cursor() as cursor:
        cursor.execute("select count(*) from pg_locks where locktype = 'advisory' and granted")
        return cursor.fetchone()[0]


def limit_clients(pooler, count):
    """For as long as the pod lives: the 10,000 that it has are more than a test can open."""
    console(pooler, f"SET max_client_conn = {count}")


def console(pooler, command):
    password = world.secret(f"{world.POLICY}-pooler")["console-password"]
    with contextlib.closing(psycopg2.connect(
            host=pooler, port=world.PORT, user="pgrightsizer", password=password, dbname="pgbouncer",
            connect_timeout=5)) as session:
        session.autocommit = True
        with session.cursor() as cursor:
            cursor.execute(command)


SCENARIOS = {one.__name__: one for one in (levels, calm_pool, causes, errors)}

if __name__ == "__main__":
    sys.exit(scenarios.main(SCENARIOS, __doc__))
