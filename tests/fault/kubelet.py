"""The node of a run: what a kubelet, the container runtime and kube-proxy do for PostgreSQL and for
the pods of the pooler, with one process for each. Real servers listen on ports of their own; at the
addresses that the API tells stand SQL proxies, so the operator reaches everything through them.

PgBouncer logs in to PostgreSQL from the address of its pod, as it would in a cluster."""

import contextlib
import datetime
import http.client
import json
import re
import shutil
import signal
import subprocess
import threading
import time

import psycopg2

from database import AS_POSTGRES, HOST, STARTER
from objects import Refused

NODE = "fault-node"
LEAVING = 0.1  # seconds that a pod takes to end
CONSOLE_USER = "pgrightsizer"


class Bouncer:
    """One PgBouncer, as its pod's ConfigMap and Secret say, but for addresses and paths."""

    def __init__(self, directory, address, port, database_port, config, users, password):
        directory.mkdir(mode=0o755)
        self.address = address
        self.port = port
        self.password = password
        self._log = directory / "log"
        ini = directory / "pgbouncer.ini"
        ini.write_text(localised(config, directory, address, port, database_port), encoding="utf-8")
        (directory / "userlist.txt").write_text(users, encoding="utf-8")
        for path in (directory, ini, directory / "userlist.txt"):
            shutil.chown(path, "postgres", "postgres")
        with open(self._log, "wb") as log:
            self._process = STARTER.submit(
                subprocess.Popen, [*AS_POSTGRES, "/usr/sbin/pgbouncer", str(ini)],
                stdout=log, stderr=log).result()
        self._wait()

    def _wait(self):
        end = time.monotonic() + 20
        while self._process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(psycopg2.OperationalError):
                self.console().close()
                return
            time.sleep(0.02)
        raise AssertionError(f"PgBouncer does not start: {self._log.read_text()}")

    def console(self):
        session = psycopg2.connect(host=self.address, port=self.port, user=CONSOLE_USER,
                                   password=self.password, dbname="pgbouncer", connect_timeout=2)
        session.autocommit = True
        return session

    def stop(self):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(timeout=10)


def localised(config, directory, address, port, database_port):
    """PgBouncer 1.18 does not know max_prepared_statements."""
    for pattern, text in (
            (r"host='[^']*' port=\d+", f"host='{address}' port={database_port}"),
            (r"listen_addr = .*", f"listen_addr = {address}"),
            (r"listen_port = .*", f"listen_port = {port}"),
            (r"unix_socket_dir = .*", "unix_socket_dir ="),
            (r"auth_file = .*", f"auth_file = {directory}/userlist.txt"),
            (r"max_prepared_statements = .*\n", "")):
        config = re.sub(pattern, text, config)
    return config


class Watch:
    """Events of one kind in the namespace, in a thread of its own: handle(type, object). Begins with
    ADDED for everything that is there, and so it does after an end."""

    def __init__(self, namespace, path, port, handle):
        self._path = f"{path[0]}/namespaces/{namespace}/{path[1]}?watch=true"
        self._port = port
        self._handle = handle
        self._stop = False
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while not self._stop:
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=300)
                connection.request("GET", self._path)
                for line in connection.getresponse():
                    if self._stop:
                        return
                    event = json.loads(line)
                    self._handle(event["type"], event["object"])
            time.sleep(0.2)

    def stop(self):
        self._stop = True


class Node:
    """Pods of one namespace. `subnet` are the first three numbers of its pods' addresses."""

    def __init__(self, namespace, api_port, directory, subnet, server, ports, listen):
        self._namespace = namespace
        self._directory = directory
        self._subnet = subnet
        self._server = server  # PostgreSQL
        self._ports = ports
        self._listen = listen  # listen(pod name, address, real address and port)
        self._lock = threading.RLock()
        self._known = {}  # uid → name, what it is, and its state
        self._addresses = 1
        self.bouncers = {}  # pod name → Bouncer, of pods that are not gone
        self.leaving = set()  # names of those being deleted
        self.pods_made = {"database": 0, "pooler": 0}
        self.failures = []
        self._watch = Watch(namespace.name, ("/api/v1", "pods"), api_port, self._event)

    def close(self):
        self._watch.stop()
        with self._lock:
            for bouncer in self.bouncers.values():
                bouncer.stop()

    def database_address(self):
        return f"{self._subnet}.1"

    def poolers(self):
        """(name, Bouncer, is it being deleted)"""
        with self._lock:
            return [(name, one, name in self.leaving) for name, one in self.bouncers.items()]

    def _event(self, kind, pod):
        try:
            if kind != "DELETED":
                self._look_after(pod)
        except Refused as error:  # a pod that is gone by now
            if error.code not in (404, 409):
                self.failures.append(str(error))
        except Exception as error:  # of whatever kind: the run must not pass
            self.failures.append(repr(error))

    def _look_after(self, pod):
        meta, spec = pod["metadata"], pod["spec"]
        role = role_of(pod)
        if role is None:
            return
        if not spec.get("nodeName"):
            self._bind(meta)
        elif meta.get("deletionTimestamp"):
            if self._once(meta["uid"], "ends"):
                self.leaving.add(meta["name"])
                threading.Thread(target=self._end, args=(meta, role), daemon=True).start()
        elif self._once(meta["uid"], "starts"):
            self.pods_made[role] += 1
            threading.Thread(target=self._start, args=(pod, role), daemon=True).start()

    def _once(self, uid, what):
        with self._lock:
            known = self._known.setdefault(uid, set())
            if what in known:
                return False
            known.add(what)
            return True

    def _bind(self, meta):
        self._namespace.create_at(f"pods/{meta['name']}/binding", {
            "metadata": {"name": meta["name"]}, "target": {"kind": "Node", "name": NODE}})

    def _start(self, pod, role):
        try:
            begin = self._start_database if role == "database" else self._start_pooler
            address = begin(pod["metadata"]["name"])
            self._tell(pod, role, address)
        except Exception as error:
            self.failures.append(f"{pod['metadata']['name']}: {error!r}")

    def _start_database(self, name):
        text = self._namespace.get("ConfigMap", "shop-config")["data"]["postgresql.conf"]
        if not self._server.restart(text):
            raise AssertionError(self._server.fatal())
        address = self.database_address()
        self._listen(name, address, (HOST, self._server.port))
        return address

    def _start_pooler(self, name):
        with self._lock:
            self._addresses += 1
            address = f"{self._subnet}.{self._addresses}"
        config = self._namespace.get("ConfigMap", "shop-pooler")["data"]["pgbouncer.ini"]
        secret = self._namespace.secret("shop-pooler")
        bouncer = Bouncer(self._directory / name, address, self._ports["bouncer"],
                          self._server.port, config, secret["userlist.txt"],
                          secret["console-password"])
        self._listen(name, address, (address, self._ports["bouncer"]))
        with self._lock:
            self.bouncers[name] = bouncer
        return address

    def _tell(self, pod, role, address):
        container = {"name": pod["spec"]["containers"][0]["name"], "image": role, "imageID": role,
                     "ready": True, "restartCount": 0, "started": True,
                     "state": {"running": {"startedAt": now()}}}
        self._namespace.strategic("Pod", pod["metadata"]["name"], {
            "metadata": {"uid": pod["metadata"]["uid"]},
            "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}],
                       "conditions": [{"type": "Ready", "status": "True"}],
                       "containerStatuses": [container]}}, "status")

    def _end(self, meta, role):
        try:
            if role == "database":
                self._server.stop(signal.SIGINT)
            else:
                time.sleep(LEAVING)
                bouncer = self.bouncers.get(meta["name"])
                if bouncer:
                    bouncer.stop()
            with self._lock:
                self.bouncers.pop(meta["name"], None)
            self._namespace.end_pod(meta["name"], meta["uid"])
        except Exception as error:
            self.failures.append(f"{meta['name']}: {error!r}")


def role_of(pod):
    labels = pod["metadata"].get("labels", {})
    if labels.get("role") == "database":
        return "database"
    return "pooler" if labels.get("app.kubernetes.io/component") == "pooler" else None


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def make_node(api):
    """Once for all runs; nobody else's pods get onto it."""
    api.call("POST", "/api/v1/nodes", {"metadata": {"name": NODE}, "spec": {"unschedulable": True}})
    heartbeat(api)


def heartbeat(api):
    """A node that says nothing for 40 s is given up."""
    api.call("PATCH", f"/api/v1/nodes/{NODE}/status", {"status": {"conditions": [
        {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": now()}]}},
        "application/strategic-merge-patch+json")


def remove_node(api):
    api.call("DELETE", f"/api/v1/nodes/{NODE}")
