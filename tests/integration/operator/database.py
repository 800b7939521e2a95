"""PostgreSQL servers for the tests: real processes with a configuration file of their own."""

import atexit
import contextlib
import functools
import pathlib
import random
import re
import shutil
import socket
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg2

HOST = "10.200.0.1"  # the node's address: the API accepts it as the address of a pod
STANDBY_HOST = "10.200.0.2"  # a second one: pods of one StatefulSet have the same port
ADMIN = ("postgres", "admin-password")
APPLICATION = ("shop", "shop-password", "shop")
AS_POSTGRES = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups",
               "--pdeathsig=QUIT"]  # no server outlives the test
# A death signal comes when the thread that made the process ends: one that lasts makes them all.
STARTER = ThreadPoolExecutor(1)
QUIET = ["-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "shared_buffers=8MB",
         "-c", "autovacuum=off", "-c", "max_wal_size=16MB"]
ROOM = 2 << 30  # bytes


def programs():
    """The newest PostgreSQL's."""
    found = pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres")
    return max(found, key=lambda path: int(path.parts[-3])).parent


def run(*command, stdin=None, directory=None):
    done = subprocess.run([*AS_POSTGRES, *map(str, command)], input=stdin, capture_output=True,
                          text=True, timeout=120, check=False, cwd=directory)
    if done.returncode != 0:
        raise AssertionError(f"{command[0]}: {done.stdout}{done.stderr}")
    return done.stdout


def make_home():
    """A directory that PostgreSQL may enter; in memory, where a data directory is copied in no time, if
    there is room for many."""
    memory = pathlib.Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM
    home = pathlib.Path(tempfile.mkdtemp(prefix="pgrs-operator-test-", dir=memory if roomy else None))
    home.chmod(0o755)
    return home


@functools.cache
def template():
    """One data directory for this whole process; every server is a copy."""
    home = make_home()
    atexit.register(shutil.rmtree, home)
    password = home / "password"
    password.write_text(ADMIN[1])
    data = home / "data"
    data.mkdir()
    shutil.chown(data, "postgres", "postgres")
    run(programs() / "initdb", "-D", data, "-U", ADMIN[0], f"--pwfile={password}",
        "-A", "scram-sha-256", "--no-sync", "--no-locale", "-E", "UTF8", "--wal-segsize=1")
    with open(data / "pg_hba.conf", "a", encoding="utf-8") as file:
        file.write("host all,replication all all scram-sha-256\n")
    user, secret, name = APPLICATION
    run(programs() / "postgres", "--single", "-D", data, *QUIET, "postgres",
        stdin=f"CREATE ROLE {user} LOGIN PASSWORD '{secret}'\n"
              f"CREATE DATABASE {name} OWNER {user}\n")
    return data


class Servers:
    """Makes servers as copies of one data directory; close() ends and removes them all."""

    def __init__(self):
        self._home = make_home()
        self._all = []

    def make(self, name, config, **options):
        """A server that is not started yet."""
        directory = self._home / name
        for path in (directory, directory / "conf"):
            path.mkdir()
            shutil.chown(path, "postgres", "postgres")
        run("cp", "-r", "--preserve=mode", template(), directory / "data")
        server = Server(directory, config, **options)
        self._all.append(server)
        return server

    def make_standby(self, primary, name):
        """A streaming standby of a server that runs, on the same port of another address. It has
        not been started yet."""
        subprocess.run(["ip", "address", "replace", f"{STANDBY_HOST}/32", "dev", "lo"], check=True)
        directory = self._home / name
        for path in (directory, directory / "conf"):
            path.mkdir()
            shutil.chown(path, "postgres", "postgres")
        user, password = ADMIN
        run(programs() / "pg_basebackup", "-D", directory / "data", "--write-recovery-conf",
            "--checkpoint=fast", "--no-sync",
            "-d", f"host={HOST} port={primary.port} user={user} password={password}")
        config = (primary.config_directory / "postgresql.conf").read_text(encoding="utf-8")
        server = Server(directory, config, [*primary.arguments, "-c",
                                            "wal_retrieve_retry_interval=200ms"],
                        host=STANDBY_HOST, port=primary.port)
        self._all.append(server)
        return server

    def close(self):
        for server in self._all:
            server.stop()
        shutil.rmtree(self._home)


class Server:
    """One PostgreSQL; its file is conf/postgresql.conf, as a mounted ConfigMap's would be."""

    def __init__(self, directory, config, arguments=(), host=HOST, port=None):
        self.directory = directory
        self.arguments = list(arguments)
        self.host = host
        self.port = port or free_port()
        self.starts = 0
        self._process = None
        self.configure(config)

    @property
    def config_directory(self):
        return self.directory / "conf"

    def configure(self, text, name="postgresql.conf"):
        with open(self.config_directory / name, "w", encoding="utf-8", newline="") as file:
            file.write(text)

    def _command(self):
        return [programs() / "postgres", "-D", self.directory / "data",
                "-c", f"config_file={self.config_directory}/postgresql.conf"]

    def start(self):
        """True once it answers, False when it has exited instead."""
        self.starts += 1
        log = open(self.directory / "log", "a", encoding="utf-8")
        self._process = STARTER.submit(
            subprocess.Popen,
            [*AS_POSTGRES, *map(str, self._command()), "-p", str(self.port),
             "-c", f"listen_addresses={self.host}", *QUIET, *self.arguments],
            stdout=log, stderr=log, cwd=self.directory).result()
        log.close()
        end = time.monotonic() + 60
        while self._process.poll() is None:
            if self._answers():
                return True
            if time.monotonic() > end:
                raise AssertionError(f"PostgreSQL does not answer:\n{self.log()}")
            time.sleep(0.05)
        return False

    def _answers(self):
        try:
            self.connect().close()
            return True
        except psycopg2.OperationalError:
            return False

    def stop(self, signal=3):
        """SIGQUIT: at once."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal)
            self._process.wait(timeout=30)

    def restart(self, config=None):
        self.stop()
        if config is not None:
            self.configure(config)
        return self.start()

    def connect(self, who=ADMIN, database="postgres"):
        connection = psycopg2.connect(host=self.host, port=self.port, user=who[0], password=who[1],
                                      dbname=database, connect_timeout=5)
        connection.autocommit = True
        return connection

    def execute(self, statement):
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchone()[0] if cursor.description else None
        finally:
            connection.close()

    def max_connections(self):
        return int(self.execute("SHOW max_connections"))

    def would_start_with(self, config):
        """The max_connections that PostgreSQL reads from a file."""
        self.configure(config, "judged.conf")
        text = run(programs() / "postgres", "-C", "max_connections", "-D", self.directory / "data",
                   "-c", f"config_file={self.config_directory}/judged.conf")
        return int(text.splitlines()[-1])

    def log(self):
        return (self.directory / "log").read_text(encoding="utf-8")

    def fatal(self):
        """What it said when it did not start."""
        # Clients that come too early are refused with a FATAL of their own.
        found = re.findall(r"FATAL:  (?!the database system is)(.*)", self.log())
        return found[-1] if found else ""


def free_port():
    """At every address. Not one of those that outgoing connections get: one could have it by the time it
    is wanted. Of the system's chance, because forked processes share every other."""
    chance = random.SystemRandom()
    while True:
        port = chance.randrange(10_000, 32_768)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("", port))
            return port
