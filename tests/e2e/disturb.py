"""What tests do to a running system, and what they measure of the operator."""

import json
import os
import random
import signal
import time

import psycopg2

import world

KILL_EVERY_S = (3.0, 20.0)


class Killer:
    """Kills the operator at moments drawn in advance, while a story goes on. The kubelet's back-off
    keeps it away longer each time, and nobody decides meanwhile."""

    def __init__(self, seed, kills, say):
        self._random = random.Random(seed)
        self._left = kills
        self._say = say
        self._next = time.monotonic() + self._random.uniform(*KILL_EVERY_S)
        self._victim = None
        self._died_at = 0.0
        self.killed = 0
        self.away = []  # (from, to): without an operator

    def act(self, run):
        due = self.killed < self._left and time.monotonic() >= self._next
        if self._victim is None and not due:
            return
        pid = run.operator.process()
        if pid in (None, self._victim):  # it has not been restarted yet
            return
        if self._victim is not None:
            self.away.append((self._died_at, time.time()))
            self._victim = None
        if not due:
            return
        os.kill(pid, signal.SIGKILL)
        self._victim, self._died_at = pid, time.time()
        self.killed += 1
        step = (run.status().get("step") or {}).get("name", "at rest")
        self._say(f"kill -9 no. {self.killed} at {run.since_start(self._died_at)}, step {step}")
        self._next = time.monotonic() + self._random.uniform(*KILL_EVERY_S)


def tag_images(tag):
    """The operator's and the poolers' images have this tag on the node, too."""
    socket = world.state_directory() / "run/containerd.sock"
    for image in ("localhost/pg-rightsizer:dev", "localhost/pgbouncer:1.24"):
        world.run("ctr", "-a", str(socket), "-n", "k8s.io", "image", "tag", "--force", image,
                  f"{image.rsplit(':', 1)[0]}:{tag}")


def roll_poolers():
    """As somebody would who adds a label to the template."""
    labels = {"pgrightsizer.io/e2e": str(int(time.time()))}
    world.patch("deployment", f"{world.POLICY}-pooler",
                {"spec": {"template": {"metadata": {"labels": labels}}}})


def rolled(run):
    """All pooler pods carry the label, and none of the old ones is left."""
    pods = run.sampler.cluster.pooler_pods()
    return len(pods) == 2 and all("pgrightsizer.io/e2e" in pod["metadata"]["labels"]
                                  and "deletionTimestamp" not in pod["metadata"] for pod in pods)


def rotate_password(password):
    """In the role first, as one must: who reads the Secret may log in at once."""
    connection = world.database()
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("ALTER ROLE shop PASSWORD %s", (password,))
    connection.close()
    world.patch("secret", "shop-app", {"stringData": {"password": password}})


def password_works(pods, password):
    """Through every pooler; past it, to its own address."""
    for pod in pods:
        try:
            psycopg2.connect(host=pod["status"]["podIP"], port=world.PORT, user="shop",
                             password=password, dbname="shop", connect_timeout=3).close()
        except psycopg2.Error:
            return False
    return bool(pods)


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:  # it has ended by itself
        pass


class Audit:
    """The writes of one user in the API server's audit log, from now on."""

    def __init__(self, user):
        self._user = user
        self.renewals = 0  # in what writes() has read last
        self._file = open(world.state_directory() / "log/audit.log", encoding="utf-8")
        self._file.seek(0, os.SEEK_END)

    def writes(self):
        """Those since the last call, as "verb resource". Renewals of the Lease, which go on whatever
        else happens, are only counted."""
        found = []
        self.renewals = 0
        for line in self._file:
            entry = json.loads(line)
            if entry["user"]["username"] == self._user and entry.get("objectRef"):
                what = entry["objectRef"]
                parts = [what.get("resource", ""), what.get("subresource", "")]
                found.append(f"{entry['verb']} {'/'.join(part for part in parts if part)}")
                if found[-1] == "patch leases":
                    found.pop()
                    self.renewals += 1
        return found


def cpu_seconds(pid):
    """User and system time that the process has used."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid):
    """In all, of its own, and of programs and libraries."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        fields = dict(line.split(":", 1) for line in file)
    return {name: round(int(fields[name].split()[0]) * 1024 / 1e6, 1)
            for name in ("VmRSS", "RssAnon", "RssFile")}
