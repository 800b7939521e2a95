#!/usr/bin/python3
"""Every key of the binding Secret, tried with the drivers that read it: directly, then through the pooler.

    tests/drivers/build
    CLUSTER=NAME hack/cluster exec /usr/bin/python3 tests/e2e/drivers.py drivers

The programs are those of tests/drivers. A pod takes the Secret with envFrom; they run with that pod's
variables, network and resolv.conf, but with this machine's files: no image has to hold six languages.
"""

import contextlib
import dataclasses
import os
import pathlib
import subprocess
import sys
import time

import disturb
import scenarios
import story
import world

# Whatever has a meaning in a URI, a query, a shell, PgBouncer's list of users or libpq's strings.
PASSWORD = """p@ss w/o:%&?#+=ü'"\\$;,{}[]|<>`^~!*()%41€"""
SECRET = f"{world.POLICY}-connection"
POD = "visitor"
PROGRAMS = pathlib.Path(world.run(str(world.ROOT / "tests/drivers/build"), "path").strip())
RUN_WITHIN_S = 90
LINES, LINE = 25, 200  # of an error: some drivers show the minified source that failed

URIS = ("uri", "pgbouncer-uri", "direct-uri")
PARTS = ("host", "pgbouncer-host")  # with their port, and database, username, password
DIRECT = ("direct-uri",)  # leads past the pooler


@dataclasses.dataclass(frozen=True)
class Driver:
    """A program of tests/drivers, the keys that it takes, and whether it tells its pool's size."""

    name: str
    folder: str
    command: tuple
    keys: tuple
    tells_limit: bool = False


PYTHON = "venv/bin/python"
JAVA = ("java", "-XX:TieredStopAtLevel=1", "-cp", "target/classes:target/dependency/*", "WithJdbc")
DRIVERS = (
    Driver("psql", "psql", ("./visit",), URIS + PARTS),
    Driver("psycopg2", "python", (PYTHON, "with_psycopg2.py"), URIS + PARTS),
    Driver("psycopg", "python", (PYTHON, "with_psycopg.py"), URIS + PARTS),
    Driver("SQLAlchemy, psycopg2", "python",
           (PYTHON, "with_sqlalchemy.py", "postgresql+psycopg2"), URIS + PARTS, True),
    Driver("SQLAlchemy, psycopg", "python",
           (PYTHON, "with_sqlalchemy.py", "postgresql+psycopg"), URIS + PARTS, True),
    Driver("node-postgres", "node", ("node", "with_pg.js"), URIS + PARTS, True),
    Driver("Prisma's pool", "rust", ("./with_prisma_pool",), ("prisma-uri",), True),
    Driver("Prisma, adapter-pg", "node", ("node", "with_prisma.js"), URIS + ("prisma-uri",)),
    Driver("pgx", "go", ("./with_pgx",), URIS + PARTS, True),
    Driver("JDBC", "java", JAVA, ("jdbc-uri",) + PARTS, True),
    Driver("sqlx", "rust", ("./with_sqlx",), URIS + PARTS, True),
    Driver("tokio-postgres", "rust", ("./with_tokio_postgres",), URIS + PARTS),
)
# For the reader of the environment or of servicebinding.io's directory, and no way to a database.
OTHER_KEYS = {"type": "postgresql", "provider": "pg-rightsizer", "database": "shop",
              "username": "shop", "password": PASSWORD, "port": str(world.PORT),
              "pgbouncer-port": str(world.PORT)}
# Environment, concurrentRequests: what one instance may open, how long it may wait.
SIZES = ((("Production", None), 20, 10), (("Staging", None), 20, 10), (("Development", None), 10, 5),
         (("Production", 8), 18, 10))


# --- a pod that has the binding -------------------------------------------------------------------


class Visitor:
    """A pod with the Secret's keys as variables, as they are when it starts."""

    def __init__(self):
        remove_visitor()
        container = {"name": "visitor", "image": "localhost/postgres:17", "imagePullPolicy": "Never",
                     "command": ["sleep", "infinity"], "envFrom": [{"secretRef": {"name": SECRET}}]}
        world.apply({"apiVersion": "v1", "kind": "Pod",
                     "metadata": {"name": POD, "namespace": world.NAMESPACE},
                     "spec": {"containers": [container], "enableServiceLinks": False,
                              "terminationGracePeriodSeconds": 0}})
        pod = world.wait_until("running visitor", 60, running)
        self.address = pod["status"]["podIP"]
        self._pid = world.wait_until(
            "process of the visitor", 20,
            lambda: (world.processes_of(pod["metadata"]["uid"], "sleep") or [None])[0])
        # A copy: what another mount namespace has cannot be mounted.
        self._resolv = world.state_directory() / "visitor-resolv.conf"
        self._resolv.write_bytes(pathlib.Path(f"/proc/{self._pid}/root/etc/resolv.conf").read_bytes())
        pairs = pathlib.Path(f"/proc/{self._pid}/environ").read_bytes().split(b"\0")
        environment = dict(pair.decode().split("=", 1) for pair in pairs if pair)
        keys = world.get("secret", SECRET)["data"]
        self.binding = {key: value for key, value in environment.items() if key in keys}

    def run(self, folder, *command):
        """The output of a command; a Failure when it fails. It has no variables but the pod's."""
        # Not sh, which drops variables with a hyphen in their name.
        enter = ["nsenter", f"--net=/proc/{self._pid}/ns/net", "unshare", "--mount", "bash", "-c",
                 f'mount --bind {self._resolv} /etc/resolv.conf && exec "$@"', "bash"]
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8"}
        try:
            done = subprocess.run(enter + list(command), cwd=folder, capture_output=True, text=True,
                                  timeout=RUN_WITHIN_S, check=False, env=environment | self.binding)
        except subprocess.TimeoutExpired as error:
            raise world.Failure(f"it did not end within {RUN_WITHIN_S} s") from error
        if done.returncode:
            lines = [line[:LINE] for line in done.stderr.strip().splitlines()[-LINES:]]
            raise world.Failure(f"exit code {done.returncode}: " + "\n".join(lines))
        return done.stdout.strip()


def remove_visitor():
    world.kubectl("delete", "pod", POD, "-n", world.NAMESPACE, "--ignore-not-found", "--timeout=60s",
                  timeout=70)


def running():
    pod = world.get("pod", POD)
    return pod if pod["status"]["phase"] == "Running" else None


# --- visits ---------------------------------------------------------------------------------------


def make_table():
    with contextlib.closing(world.database("shop-app")) as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE visits (label text PRIMARY KEY)")


def labels():
    with contextlib.closing(world.database()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT label FROM visits")
        return {label for label, in cursor.fetchall()}


def visit(visitor, driver, key, route, poolers):
    """Raises a Failure unless this driver does its work with this key, on the right way."""
    label = f"{route} {driver.name} {key} {time.time_ns()}"
    said = visitor.run(PROGRAMS / driver.folder, *driver.command, key, label)
    ok, client, *more = (said.splitlines() or [""])[-1].split() + [""] * 2
    if ok != "ok":
        raise world.Failure(f"it said {said!r}")
    expected = poolers if route == "Pooler" and key not in DIRECT else {visitor.address}
    if client not in expected:
        raise world.Failure(f"PostgreSQL saw {client}, not one of {sorted(expected)}")
    limit = f"limit={visitor.binding['pool-size']}"
    if driver.tells_limit and more[0] != limit:
        raise world.Failure(f"it said {said!r}, not {limit}")
    if label not in labels():
        raise world.Failure("its transaction is not in the database")


def try_all(scenario, visitor, route, poolers, only=None):
    """All pairs, or those of one key: a line of the table for each driver. How many there are."""
    pairs = 0
    for driver in DRIVERS:
        row = []
        for key in [one for one in driver.keys if only in (None, one)]:
            pairs += 1
            try:
                visit(visitor, driver, key, route, poolers)
                row.append(f"{key} ok")
            except world.Failure as failure:
                row.append(f"{key} FAILED")
                scenario.failures.append(f"{route}: {key} with {driver.name}: {failure}")
        if row:
            scenario.say(f"{route:7} {driver.name:21} {'  '.join(row)}")
    return pairs


# --- what the Secret says -------------------------------------------------------------------------


def check_keys(scenario, visitor):
    """Nothing in the Secret that no driver and no check here has looked at."""
    tried = {key for driver in DRIVERS for key in driver.keys}
    data = world.secret(SECRET)
    unknown = set(data) - tried - set(OTHER_KEYS) - {"pool-size", "connect-timeout"}
    scenario.check(not unknown, f"every key of the Secret is tried: {sorted(unknown)}")
    wrong = {key for key, value in OTHER_KEYS.items() if data.get(key) != value}
    scenario.check(not wrong, f"the plain keys are as they must be: {sorted(wrong)}")
    scenario.check(visitor.binding == data, "envFrom gave the pod every key as it is")


def resize(environment, requests, limit, timeout):
    """Changes the policy and waits for the Secret that follows from it."""
    workload = {"name": "shop", "targetRef": {"kind": "Deployment", "name": world.APP}}
    if requests:
        workload["concurrentRequests"] = requests
    world.patch(world.POLICIES, world.POLICY,
                {"spec": {"environment": environment, "workloads": [workload]}})
    end = f"?connection_limit={limit}&connect_timeout={timeout}"

    def followed():
        data = world.secret(SECRET)
        return (data["prisma-uri"] == data["uri"] + end and data["pool-size"] == str(limit)
                and data["connect-timeout"] == str(timeout))

    world.wait_until(f"prisma-uri that ends in {end}", 60, followed)
    return end


def sizes(scenario, poolers):
    for (environment, requests), limit, timeout in SIZES:
        end = resize(environment, requests, limit, timeout)
        more = f", concurrentRequests {requests}" if requests else ""
        scenario.check(True, f"{environment}{more}: prisma-uri ends in {end}")
        try_all(scenario, Visitor(), "Pooler", poolers, only="prisma-uri")


# --- the scenario ---------------------------------------------------------------------------------


def give_password():
    disturb.rotate_password(PASSWORD)
    world.wait_until("Secret with the new password", 60,
                     lambda: world.secret(SECRET)["password"] == PASSWORD)


def at_rest(run, instances):
    step = run.step(instances)
    if step.problems:
        print(run.diagnosis())
        raise world.Failure(f"{instances} instances: {'; '.join(step.problems)}")


def drivers(scenario):
    run = story.Story(scenario.out, most_instances=60)
    try:
        run.start(say=scenario.say)
        give_password()
        make_table()
        run.table.head()
        at_rest(run, 10)
        visitor = Visitor()
        check_keys(scenario, visitor)
        direct = try_all(scenario, visitor, "Direct", set())
        at_rest(run, 60)
        poolers = {pod["status"]["podIP"] for pod in run.sampler.cluster.pooler_pods()}
        pooled = try_all(scenario, Visitor(), "Pooler", poolers)
        scenario.say(f"{direct} pairs of driver and key directly, {pooled} behind the pooler")
        sizes(scenario, poolers)
    finally:
        run.stop()


if __name__ == "__main__":
    sys.exit(scenarios.main({"drivers": drivers}, __doc__))
