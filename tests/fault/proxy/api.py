"""A TLS-terminating proxy before the API server. It knows HTTP and where an event of a watch begins
and ends, and no more of what passes."""

import asyncio
import base64
import contextlib
import pathlib
import re
import socket
import ssl
import struct
import subprocess
import time
import urllib.parse

import yaml

from . import http1
from .frames import Frames, kind_of

GONE = (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, OSError)
AFTER = 0.005  # seconds in which the other side reads what was delivered
NAMESPACED = re.compile(r"/apis?/(?:[^/]+/)?v[^/]+/(?:namespaces/[^/]+/(?=.))?")


def make_authority(directory):
    """A CA and a certificate for 127.0.0.1 in this directory; files ca.crt, proxy.crt, proxy.key."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650"]
    openssl("req", "-x509", *key, "-subj", "/CN=fault proxy CA", "-keyout", "ca.key",
            "-out", "ca.crt")
    openssl("req", "-x509", *key, "-subj", "/CN=fault proxy", "-keyout", "proxy.key",
            "-out", "proxy.crt", "-CA", "ca.crt", "-CAkey", "ca.key",
            "-addext", "basicConstraints=critical,CA:FALSE",
            "-addext", "subjectAltName=IP:127.0.0.1")


def write_kubeconfig(path, port, authority):
    certificate = base64.b64encode((authority / "ca.crt").read_bytes()).decode()
    path.write_text(yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{port}",
                                               "certificate-authority-data": certificate}}],
        "users": [{"name": "u", "user": {"token": "proxied"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]}), encoding="utf-8")
    return path


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


class ApiProxy:
    """Of one operator. `kill` ends it with a signal's name."""

    def __init__(self, upstream, authority, plan, record, kill, who="operator"):
        self._upstream = upstream
        self.plan = plan
        self.record = record
        self.kill = kill
        self.who = who
        self.compacted = set()  # kinds whose history before the next list is said to be gone
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(authority / "proxy.crt", authority / "proxy.key")
        self._server = None

    async def start(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls,
                                                  limit=http1.LIMIT)
        return self._server.sockets[0].getsockname()[1]

    def stop(self):
        self._server.close()

    async def _serve(self, reader, writer):
        link = None
        with contextlib.suppress(*GONE):
            while request := await http1.read_request(reader):
                exchange = Exchange(self, request)
                if not await exchange.before(writer):
                    break
                if exchange.answered:
                    continue
                link = link or await self._upstream.connect()
                if not await exchange.run(link, reader, writer):
                    break
        if link:
            link[1].close()
        writer.close()


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
        if rule:
            self._entry["fault"] = f"{rule.do} {rule.when}"
        if self._shall("stop"):
            self._proxy.kill("TERM")
        if self._shall("kill", "before"):
            self._proxy.kill("KILL")
            return False
        if self._shall("reset", "before"):
            return reset(writer)
        if self._shall("stall", "before"):
            await asyncio.sleep(rule.seconds)
        if self._shall("answer"):
            self._entry["retry_after"] = rule.retry_after
            await self._say(rule.status, rule.retry_after, writer)
        elif self._is_too_old():
            await self._say(410, 0, writer)
        return True

    async def _say(self, status, retry_after, writer):
        self.answered = True
        await self._deliver(http1.status_answer(status, retry_after), writer)

    def _is_too_old(self):
        """A watch from before a staged 410; what asks for everything anew ends that."""
        kind = self._path.partition("?")[0]
        if self._query.get("resourceVersion") and "sendInitialEvents" not in self._query:
            return self._path.endswith("?watch") and kind in self._proxy.compacted
        self._proxy.compacted.discard(kind)
        return False

    async def run(self, link, reader, writer):
        upstream, to_upstream = link
        # So that the audit log tells operators apart.
        self._request.headers += [("Impersonate-User", self._proxy.who),
                                  ("Impersonate-Group", "system:masters")]
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


class Stream:
    """The answer of a watch, frame by frame; a log is passed on as it comes."""

    def __init__(self, proxy, path, answer, truncated):
        self._proxy = proxy
        self._kind, _, of_events = path.partition("?")
        self._answer = answer
        self._frames = Frames(answer.header("Content-Type")) if of_events else None
        self._truncated = truncated

    async def run(self, upstream, reader, writer):
        """Ends when either side does."""
        headers = [(name, value) for name, value in self._answer.headers
                   if name.lower() not in ("content-length", "transfer-encoding")]
        writer.write(http1.head(self._answer.first, [*headers, ("Transfer-Encoding", "chunked")]))
        await writer.drain()
        tasks = [asyncio.ensure_future(self._pass(upstream, writer)),
                 asyncio.ensure_future(reader.read(1))]  # the client says nothing but farewell
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _pass(self, upstream, writer):
        while data := await self._read(upstream):
            for frame in self._frames.feed(data) if self._frames else [data]:
                if not await self._frame(frame, writer):
                    return
        writer.write(http1.LAST_CHUNK)
        await writer.drain()

    async def _read(self, upstream):
        return await (http1.read_chunk(upstream) if self._answer.chunked else upstream.read(65536))

    async def _frame(self, frame, writer):
        """False when it was the last."""
        rule = self._frames and self._proxy.plan.rule_for(
            "event", who=self._proxy.who, path=self._kind, event=kind_of(frame), contains=frame)
        do = rule.do if rule else ""
        if do == "drop":
            return True
        if do == "delay":
            await asyncio.sleep(rule.seconds)
        if do == "silence":
            await asyncio.sleep(rule.seconds or 3600)
        if do == "close" or self._truncated:
            writer.write(http1.chunk(frame[:len(frame) // 2]))
            await writer.drain()
            return False
        if do == "gone":
            self._proxy.compacted.add(self._kind)
            writer.write(http1.chunk(self._frames.gone()) + http1.LAST_CHUNK)
            await writer.drain()
            return False
        writer.write(http1.chunk(frame) * (2 if do == "duplicate" else 1))
        await writer.drain()
        return True


def reset(writer):
    """With RST, not FIN."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False
