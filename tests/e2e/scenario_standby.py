#!/usr/bin/python3
"""A primary and its standby on the real node: max_connections goes up and down under load through
the pooler, and the standby never stops following.

    CLUSTER=NAME hack/cluster exec /usr/bin/python3 tests/e2e/scenario_standby.py

Exit code 0: as it must be; 1: not.
"""

import argparse
import os
import signal
import sys
import threading
import time

import psycopg2

import application
import watch
import world

BUFFER = 50
SIZES = (180, 150, 180, 150)  # the first pool is 150; in the last lowering the standby is killed
INSTANCES = 10
WITHIN_S = 180
EVERY_S = 0.1
VALUES = """
    SELECT current_setting('max_connections')::int,
           (SELECT count(*) FROM pg_file_settings
            WHERE name = 'max_connections' AND sourcefile LIKE '%postgresql.auto.conf')"""
REFUSALS = ("insufficient parameter settings", "recovery aborted")


def session(pod):
    found = world.get("pod", pod) or {}
    who = world.secret("postgres-admin")
    return psycopg2.connect(host=found.get("status", {}).get("podIP") or "0.0.0.0", port=world.PORT,
                            user=who["username"], password=who["password"], dbname="postgres",
                            connect_timeout=2)


def ask(pod, query):
    connection = session(pod)
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchone()
    finally:
        connection.close()


class Replay(threading.Thread):
    """Asks the standby ten times a second whether it replays."""

    def __init__(self):
        super().__init__(daemon=True, name="replay")
        self._ended = threading.Event()
        self.looks = 0
        self.paused = []  # (time, state)

    def run(self):
        connection = None
        while not self._ended.wait(EVERY_S):
            try:
                connection = connection or session("postgres-1")
                connection.autocommit = True
                with connection.cursor() as cursor:
                    cursor.execute("SELECT CASE WHEN pg_is_in_recovery()"
                                   " THEN pg_get_wal_replay_pause_state() ELSE 'a primary' END")
                    state = cursor.fetchone()[0]
            except (psycopg2.Error, world.Failure, OSError):
                connection = None  # it restarts
                continue
            self.looks += 1
            if state != "not paused":
                self.paused.append((time.time(), state))

    def stop(self):
        self._ended.set()
        self.join(10)


def policy():
    return world.policy_object(
        pooler={"provision": "Always", "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
                "tiers": tiers(150)},
        restart={"policy": "Auto", "minIntervalSeconds": 0, "maxPerDay": 50})


def tiers(size):
    return [{"instances": 50, "poolSize": size}, {"instances": 100, "poolSize": 300}]


def install(operator):
    world.measure_first()
    world.remove_everything(operator)
    operator.install()
    world.apply(world.MANIFESTS / "postgres-replicated.yaml")
    world.kubectl("rollout", "status", "statefulset/postgres", "-n", world.NAMESPACE,
                  "--timeout=120s", timeout=130)
    with world.database("shop-app") as connection, connection.cursor() as cursor:
        cursor.execute((world.ROOT / "tests/app/ledger.sql").read_text())
    connection.close()
    world.apply(world.app_object(INSTANCES), policy())
    world.wait_until("binding Secret", 60, lambda: world.secret(f"{world.POLICY}-connection"))
    world.scale(INSTANCES)


class Run:
    """What is looked at while max_connections changes."""

    def __init__(self, operator):
        self.operator = operator
        self.failures = []
        self.pods = watch.Watch(f"/api/v1/namespaces/{world.NAMESPACE}/pods")
        self.policies = watch.Watch(
            f"/apis/pgrightsizer.io/v1alpha1/namespaces/{world.NAMESPACE}/connectionpolicies")
        self.app = application.Application(self.app_pods)
        self.replay = Replay()

    def app_pods(self):
        return [one for one in self.pods.objects()
                if one["metadata"].get("labels", {}).get("app") == world.APP]

    def check(self, good, text):
        print(("ok: " if good else "FAILED: ") + text, flush=True)
        if not good:
            self.failures.append(text)

    def status(self):
        found = self.policies.objects()
        return (found[0].get("status") or {}) if found else {}

    def at_rest_with(self, value):
        """The file alone holds the value, and every instance runs with it."""
        status = self.status()
        if status.get("step") or status.get("route") != "Pooler":
            return False
        config = world.get("configmap", "postgres-config")["data"]["postgresql.conf"]
        return (f"max_connections = {value} " in config
                and all(ask(f"postgres-{i}", VALUES) == (value, 0) for i in (0, 1)))

    def runs_with(self, value):
        """Every instance does; the file may still follow, which takes the kubelet a minute."""
        return (self.status().get("route") == "Pooler"
                and all(ask(f"postgres-{i}", VALUES)[0] == value for i in (0, 1)))

    def change(self, size, disturb=lambda: None):
        """To this pool, until every instance runs with it."""
        value, began = size + BUFFER, time.time()
        world.patch(world.POLICIES, world.POLICY, {"spec": {"pooler": {"tiers": tiers(size)}}})

        def done():
            disturb()
            return self.runs_with(value)

        world.wait_until(f"max_connections {value} everywhere", WITHIN_S, done)
        print(f"{time.time() - began:5.0f} s to max_connections {value} everywhere; "
              f"{self.app.totals()}", flush=True)


class Kill:
    """Kills the standby once, when the primary runs with the smaller value already."""

    def __init__(self, value):
        self._value = value
        self.done = False

    def __call__(self):
        if self.done or ask("postgres-0", VALUES)[0] != self._value:
            return
        uid = world.get("pod", "postgres-1")["metadata"]["uid"]
        processes = world.processes_of(uid, "postgres")
        if processes:
            os.kill(processes[0], signal.SIGKILL)
            self.done = True
            print("the standby is killed with -9", flush=True)


def story(run):
    world.wait_until("rest with max_connections 200", WITHIN_S, lambda: run.at_rest_with(200))
    before = run.app.totals()
    for size in SIZES[:-1]:
        run.change(size)
    kill = Kill(SIZES[-1] + BUFFER)
    run.change(SIZES[-1], kill)
    run.check(kill.done, "the standby was killed in the middle of the last lowering")
    at = time.time()
    world.wait_until("rest with the file alone", WITHIN_S,
                     lambda: run.at_rest_with(SIZES[-1] + BUFFER))
    run.check(True, f"the file alone holds the value after {time.time() - at:.0f} s more")
    after = run.app.totals()
    cost = {name: after[name] - before[name] for name in ("failed", "refused", "unknown")}
    run.check(not any(cost.values()), f"the application noticed nothing: {cost}")
    run.check(after["succeeded"] > before["succeeded"], f"it did work: {after}")
    run.check(run.replay.looks > 100 and not run.replay.paused,
              f"replay was never paused in {run.replay.looks} looks: {run.replay.paused[:3]}")
    logs = "".join(world.kubectl("logs", "-n", world.NAMESPACE, "postgres-1", "-c", "postgres", *more,
                                 check=False) for more in ((), ("--previous",)))
    told = [line for line in logs.splitlines() if any(word in line for word in REFUSALS)]
    run.check(not told, f"the standby never refused to start: {told[:3]}")


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    run = Run(world.Operator())
    threads = (run.pods, run.policies, run.app, run.replay)
    try:
        install(run.operator)
        for thread in threads:
            thread.start()
        story(run)
    except world.Failure as failure:
        run.failures.append(str(failure))
    for thread in threads:
        if thread.is_alive():
            thread.stop()
    print("--- events")
    for event in world.events():
        print(f"{event['reason']}: {event.get('note', '')}")
    if run.failures:
        print("--- status", world.quietly_yaml(run.status()), "--- the operator's log, its end",
              run.operator.log(60), sep="\n")
    for failure in run.failures:
        print(f"FAILED: {failure}")
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main())
