"""A TLS-terminating proxy before the API server. It knows HTTP and where an event of a watch begins
and ends, and no more of what passes."""

import asyncio
import base64
import contextlib
import datetime
import json
import pathlib
import re
import socket
import ssl
import struct
import time
import urllib.parse

import yaml

from . import http1
from .stream import Stream

GONE = (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, OSError)
AFTER = 0.005  # seconds in which the other side reads what was delivered
NAMESPACED = re.compile(r"/apis?/(?:[^/]+/)?v[^/]+/(?:namespaces/[^/]+/(?=.))?")


def acting_as(who, with_rights=True):
    """Headers: the server's own answers are those to this user."""
    rights = [("Impersonate-Group", "system:masters")] if with_rights else []
    return [("Impersonate-User", who), *rights]


class Upstream:
    """The real API server, and the credentials of a kubeconfig for it."""

    def __init__(self, kubeconfig, directory):
        config = yaml.safe_load(pathlib.Path(kubeconfig).read_text(encoding="utf-8"))
        server = config["clusters"][0]["cluster"]
        user = config["users"][0]["user"]
        address = urllib.parse.urlsplit(server["server"])
        self.host, self.port = address.hostname, address.port or 443
        certificate = pathlib.Path(directory) / "upstream.pem"
        certificate.write_bytes(base64.b64decode(user["client-certificate-data"])
                                + base64.b64decode(user["client-key-data"]))
        self.tls = ssl.create_default_context(
            cadata=base64.b64decode(server["certificate-authority-data"]).decode())
        self.tls.load_cert_chain(certificate)

    async def connect(self):
        return await asyncio.open_connection(self.host, self.port, ssl=self.tls,
                                             limit=http1.LIMIT)

    def credentials(self, who, with_rights):
        """Headers of every request, so that the audit log tells operators apart."""
        return acting_as(who, with_rights)


class Passage(Upstream):
    """The API server for those who bring credentials of their own, as a pod does."""

    def __init__(self, host, port, authority):
        self.host, self.port = host, port
        self.tls = ssl.create_default_context(cafile=authority)

    def credentials(self, who, with_rights):
        return []


def describe(request):
    """(verb, path as plans name it, query). A watch that begins with everything there is, is a list."""
    verb, target, _ = request.first.split(" ", 2)
    address = urllib.parse.urlsplit(target)
    path = NAMESPACED.sub("", address.path, count=1).lstrip("/")
    query = {key: values[0] for key, values in urllib.parse.parse_qs(address.query).items()}
    if query.get("watch") in ("true", "1"):
        path += "?list" if "sendInitialEvents" in query else "?watch"
    elif "limit" in query or "continue" in query:
        path += "?list"
    return verb, path, query


def streams(request, answer):
    target = request.first.split(" ", 2)[1]
    return answer.status == 200 and re.search(r"[?&](watch|follow)=(true|1)", target) is not None


def reset(writer):
    """With RST, not FIN."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False


class ApiProxy:
    """Of one operator, which gets here with `access`. `kill` ends it with a signal's name; `user` does
    what a rule wants of one."""

    def __init__(self, upstream, access, plan, record, kill, who="operator", user=None, address="127.0.0.1"):
        self.upstream = upstream
        self.access = access
        self.plan = plan
        self.record = record
        self.kill = kill
        self.who = who
        self._user = user
        self._left = 0  # requests until the user undoes what was done
        self.undone = asyncio.Event()
        self.compacted = set()  # kinds whose history before the next list is said to be gone
        self.streams = set()  # watches that are open
        self._writers = set()  # of all connections
        self._server = None
        # Keeps the port while nobody listens there.
        self._port = socket.socket()
        self._port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._port.bind((address, 0))

    async def start(self):
        host, port = self._port.getsockname()
        self._server = await asyncio.start_server(self._serve, host, port, ssl=self.access.tls,
                                                  limit=http1.LIMIT)
        return port

    def stop(self):
        self._server.close()
        self._port.close()

    async def _serve(self, reader, writer):
        link = None
        self._writers.add(writer)
        with contextlib.suppress(*GONE):
            while request := await http1.read_request(reader):
                exchange = Exchange(self, request)
                if not await exchange.before(writer):
                    break
                if exchange.answered:
                    continue
                link = link or await self.upstream.connect()
                if not await exchange.run(link, reader, writer):
                    break
        if link:
            link[1].close()
        self._writers.discard(writer)
        writer.close()

    # What a rule asks for beyond the request that it was asked about.

    def cut(self):
        """Every connection."""
        for writer in list(self._writers):
            reset(writer)

    def go_down(self, seconds):
        """Nothing listens for as long."""
        self._server.close()
        self.cut()
        asyncio.get_running_loop().call_later(seconds, lambda: asyncio.ensure_future(self.start()))

    def rotate(self, what, seconds):
        """The operator's files follow after as long."""
        self.access.replace(what)
        if seconds:
            asyncio.get_running_loop().call_later(seconds, self.access.publish)
        else:
            self.access.publish()
        if what == "authority":
            self.cut()

    async def meanwhile(self, rule):
        await asyncio.to_thread(self._user.change, rule)
        self._left = rule.requests

    async def count_down(self):
        """By requests, not by time: as much has happened then on a busy machine."""
        self._left -= 1
        if self._left == 0:
            await asyncio.to_thread(self._user.undo)
            self.undone.set()

    def end_watches(self, rule):
        """Those that the rule, which lasts, would refuse now."""
        for stream in list(self.streams):
            if rule.asks_for("request", self.plan.stage, {"who": self.who, "verb": "GET", "path": stream.path}):
                stream.end()


class Exchange:
    """One request and its answer. Its methods tell whether the connection goes on."""

    def __init__(self, proxy, request):
        self._proxy = proxy
        self._request = request
        verb, self._path, self._query = describe(request)
        self._entry = proxy.record.add("request", proxy.who, verb=verb, path=self._path, status=0,
                                       version=self._query.get("resourceVersion"),
                                       stage=proxy.plan.stage)
        self._rule = proxy.plan.rule_for("request", who=proxy.who, verb=verb, path=self._path)
        self.answered = False

    def _shall(self, do, when=None):
        return self._rule and self._rule.do == do and (when is None or self._rule.when == when)

    async def before(self, writer):
        rule = self._rule
        await self._proxy.count_down()
        if rule:
            self._entry["fault"] = f"{rule.do} {rule.when}"
            if rule.begins():
                self._proxy.end_watches(rule)
        if self._shall("stop"):
            self._proxy.kill("TERM")
        if self._shall("steal"):
            await self._steal()
        if self._shall("rotate"):
            self._proxy.rotate(rule.what, rule.seconds)
            if rule.what == "authority":
                return False
        if self._shall("kill", "before"):
            self._proxy.kill("KILL")
            return False
        if self._shall("reset", "before"):
            return reset(writer)
        if self._shall("down", "before"):
            return self._go_down()
        if self._shall("stall", "before"):
            await asyncio.sleep(rule.seconds)
        if self._shall("meanwhile"):
            await self._proxy.meanwhile(rule)
        if not self._proxy.access.allows(self._request):
            await self._say(http1.status_answer(401), writer)
        elif self._shall("answer"):
            self._entry["retry_after"] = rule.retry_after
            await self._say(http1.status_answer(rule.status, rule.retry_after, rule.cause), writer)
        elif self._is_too_old():
            await self._say(http1.status_answer(410), writer)
        return True

    async def _say(self, answer, writer):
        self.answered = True
        await self._deliver(answer, writer)

    def _go_down(self):
        self._proxy.go_down(self._rule.seconds)
        return False

    async def _steal(self):
        """The Lease that is asked for gets another holder, who is not heard of again."""
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        body = {"spec": {"holderIdentity": "thief", "renewTime": now,
                         "leaseDurationSeconds": self._rule.seconds}}
        target = self._request.first.split(" ", 2)[1].partition("?")[0]
        theft = http1.Message(f"PATCH {target} HTTP/1.1", [
            ("Host", "proxy"), ("Content-Type", "application/merge-patch+json"),
            *acting_as("thief")], json.dumps(body).encode())
        upstream, to_upstream = await self._proxy.upstream.connect()
        to_upstream.write(theft.with_body())
        answer = await http1.read_head(upstream)
        self._entry["stolen_for"] = self._rule.seconds if answer and answer.status == 200 else None
        to_upstream.close()

    def _is_too_old(self):
        """A watch from before a staged 410; what asks for everything anew ends that."""
        kind = self._path.partition("?")[0]
        if self._query.get("resourceVersion") and "sendInitialEvents" not in self._query:
            return self._path.endswith("?watch") and kind in self._proxy.compacted
        self._proxy.compacted.discard(kind)
        return False

    async def run(self, link, reader, writer):
        upstream, to_upstream = link
        self._request.headers += self._proxy.upstream.credentials(
            self._proxy.who, not self._shall("demote"))
        if self._shall("rewrite"):
            self._request.first = re.sub(self._rule.find, self._rule.put, self._request.first)
        to_upstream.write(self._request.with_body())
        answer = await http1.read_head(upstream)
        if answer is None:
            return False
        if streams(self._request, answer):
            self._entry["status"] = answer.status
            if self._shall("reset", "during"):
                return reset(writer)
            await Stream(self._proxy, self._path, answer, self._shall("truncate")).run(upstream, reader, writer)
            return False
        if self._request.first.startswith("HEAD ") or answer.status in (204, 304):
            answer.body = b""
        else:
            await http1.read_body(upstream, answer, until_close=True)
        return await self._answer(answer, writer)

    async def _answer(self, answer, writer):
        self._entry["upstream"] = answer.status
        if self._shall("kill", "during"):
            self._proxy.kill("KILL")
            return False
        if self._shall("reset", "during"):
            return reset(writer)
        if self._shall("down", "during"):
            return self._go_down()
        if self._shall("stall", "during"):
            await asyncio.sleep(self._rule.seconds)
        if self._shall("truncate"):
            data = answer.with_body()
            writer.write(data[:len(data) - len(answer.body) // 2 - 1])
            await writer.drain()
            return False
        await self._deliver(answer, writer)
        if self._shall("kill", "after"):
            await asyncio.sleep(AFTER)
            self._proxy.kill("KILL")
            return False
        return "close" not in answer.header("Connection").lower()

    async def _deliver(self, answer, writer):
        self._entry["status"] = answer.status
        self._entry["took"] = time.monotonic() - self._entry["at"]
        if self._shall("drip"):
            await http1.drip(writer, answer.with_body(), self._rule.seconds)
        else:
            writer.write(answer.with_body())
        await writer.drain()
