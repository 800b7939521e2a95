#!/usr/bin/python3
"""The proxies alone, between a client and a server that are a few lines each."""

import asyncio
import pathlib
import ssl
import struct
import tempfile
import types
import unittest

from proxy import http1, sql
from proxy.api import ApiProxy, describe, make_authority
from proxy.frames import Frames, kind_of
from proxy.plan import Plan
from proxy.record import Record

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"a\": \"bc\"}"
WATCH = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
PODS = "/api/v1/namespaces/ns/pods"
EVENTS = [b'{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n',
          b'{"type":"MODIFIED","object":{"metadata":{"name":"a"}}}\n',
          b'{"type":"BOOKMARK","object":{}}\n']


class Api(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        home = tempfile.TemporaryDirectory()
        cls.addClassCleanup(home.cleanup)
        cls.authority = pathlib.Path(home.name)
        make_authority(cls.authority)

    async def proxied(self, *rules):
        """A proxy under these rules before a server that answers everything."""
        self.upstream_saw, self.killed, self.record = [], [], Record()
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        upstream = types.SimpleNamespace(
            connect=lambda: asyncio.open_connection(*server.sockets[0].getsockname()))
        proxy = ApiProxy(upstream, self.authority, Plan("test", rules), self.record,
                         self.killed.append)
        self.port = await proxy.start()
        self.addCleanup(server.close)
        self.addCleanup(proxy.stop)

    async def serve(self, reader, writer):
        while request := await http1.read_request(reader):
            self.upstream_saw.append(request.first)
            if "watch=true" in request.first:
                writer.write(WATCH + b"".join(map(http1.chunk, EVENTS)) + http1.LAST_CHUNK)
            else:
                writer.write(OK)

    async def ask(self, *requests):
        """Everything that is answered until the proxy or the last answer ends."""
        tls = ssl.create_default_context(cafile=self.authority / "ca.crt")
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=tls)
        answers = []
        try:
            for request in requests:
                writer.write(f"{request} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                answer = await http1.read_head(reader)
                if answer is None:
                    break
                await http1.read_body(reader, answer)
                answers.append(answer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        writer.close()
        return answers

    async def test_passes_everything_on(self):
        await self.proxied()
        answers = await self.ask(f"GET {PODS}/a", f"DELETE {PODS}/a")
        self.assertEqual([b'{"a": "bc"}'] * 2, [one.body for one in answers])
        self.assertEqual([("GET", "pods/a", 200), ("DELETE", "pods/a", 200)], [
            (one["verb"], one["path"], one["status"]) for one in self.record.entries()])
        self.assertEqual(1, len(self.record.changes()))

    async def crash(self, when):
        await self.proxied({"on": "request", "verb": "PATCH", "path": "pods/.*", "nth": 2,
                            "do": "kill", "when": when})
        patch = f"PATCH {PODS}/a"
        return len(await self.ask(f"GET {PODS}/a", patch, patch, patch)), len(self.upstream_saw)

    async def test_kills_in_three_positions(self):
        self.assertEqual((2, 2), await self.crash("before"))
        self.assertEqual((2, 3), await self.crash("during"))
        self.assertEqual((3, 3), await self.crash("after"))
        self.assertEqual(["KILL"], self.killed)

    async def test_answers_itself(self):
        await self.proxied({"on": "request", "path": "pods/a", "do": "answer", "status": 429,
                            "retry_after": 5})
        first, second = await self.ask(f"GET {PODS}/a", f"GET {PODS}/a")
        self.assertEqual((429, "5"), (first.status, first.header("Retry-After")))
        self.assertEqual(200, second.status)
        self.assertEqual(1, len(self.upstream_saw))

    async def test_cuts_answers(self):
        for rule, seen in (({"do": "reset", "when": "before"}, 0),
                           ({"do": "reset", "when": "during"}, 1), ({"do": "truncate"}, 1)):
            with self.subTest(rule=rule):
                await self.proxied({"on": "request", "path": "pods/a", **rule})
                self.assertEqual([], await self.ask(f"GET {PODS}/a"))
                self.assertEqual(seen, len(self.upstream_saw))

    async def watched(self, *rules):
        await self.proxied(*({"on": "event", "path": "pods", **rule} for rule in rules))
        answers = await self.ask(f"GET {PODS}?watch=true")
        return [kind_of(line) for line in answers[0].body.splitlines()] if answers else None

    async def test_events(self):
        self.assertEqual(["ADDED", "MODIFIED", "BOOKMARK"], await self.watched())
        self.assertEqual(["ADDED", "BOOKMARK"],
                         await self.watched({"event": "MODIFIED", "do": "drop"}))
        self.assertEqual(["ADDED", "MODIFIED", "MODIFIED", "BOOKMARK"],
                         await self.watched({"contains": '"a"', "nth": 2, "do": "duplicate"}))
        self.assertEqual(["ADDED", "ERROR"], await self.watched({"nth": 2, "do": "gone"}))
        self.assertIsNone(await self.watched({"nth": 2, "do": "close"}), "no end of the chunks")

    async def test_after_a_410_only_a_list_helps(self):
        await self.watched({"do": "gone"})
        watch = f"GET {PODS}?watch=true&resourceVersion=1"
        for request, status in ((watch, 410), (watch, 410), (f"GET {PODS}?limit=5", 200), (watch, 200)):
            self.assertEqual([status], [one.status for one in await self.ask(request)])


class Wire(unittest.TestCase):
    def test_paths_as_plans_name_them(self):
        for target, path in ((f"{PODS}/a", "pods/a"), (f"{PODS}?limit=5", "pods?list"),
                             (f"{PODS}?watch=true&x=y", "pods?watch"),
                             (f"{PODS}?watch=true&sendInitialEvents=true", "pods?list"),
                             ("/apis/g.io/v1/namespaces/ns/kinds/a/status", "kinds/a/status"),
                             ("/api/v1/namespaces/ns", "namespaces/ns"), ("/readyz", "readyz")):
            self.assertEqual(("GET", path),
                             describe(http1.Message(f"GET {target} HTTP/1.1", []))[:2])

    def test_frames_of_both_formats_in_any_pieces(self):
        protobuf = Frames("application/vnd.kubernetes.protobuf;stream=watch").gone()
        for kind, frames in (("application/json", EVENTS), ("protobuf;stream=watch", [protobuf] * 3)):
            stream, cut = b"".join(frames), Frames(kind)
            found = [frame for byte in stream for frame in cut.feed(bytes([byte]))]
            self.assertEqual(frames, found)
            self.assertEqual("ERROR", kind_of(Frames(kind).gone()))

    def test_a_plan_counts_what_its_stage_has_seen(self):
        plan = Plan("test", [{"on": "request", "path": "a", "nth": 2, "count": 2, "stage": "up",
                              "do": "reset"}])
        self.assertIsNone(plan.rule_for("request", path="a"))
        plan.stage = "up"
        hits = [plan.rule_for("request", path="a") is not None for _ in range(5)]
        self.assertEqual([False, True, True, False, False], hits)
        self.assertEqual(2, len(plan.fired))


def message(kind, body=b""):
    return kind + struct.pack(">I", len(body) + 4) + body


class Sql(unittest.IsolatedAsyncioTestCase):
    """The server answers every Query and every Sync with its text and ReadyForQuery."""

    async def proxied(self, *rules, application=b"pg-rightsizer"):
        self.server_saw, self.killed = [], []
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.record = Record()
        proxy = sql.SqlProxy("postgres", server.sockets[0].getsockname(), Plan("test", rules),
                             self.record, self.killed.append)
        await proxy.listen("127.0.0.1", 0)
        self.addCleanup(server.close)
        self.addCleanup(proxy.stop)
        self.reader, self.writer = await asyncio.open_connection(*proxy.addresses()[0])
        self.addCleanup(self.writer.close)
        self.writer.write(struct.pack(">II", 8, sql.SSL_REQUEST))
        self.assertEqual(b"N", await self.reader.readexactly(1))
        body = struct.pack(">I", 196608) + b"application_name\0" + application + b"\0\0"
        self.writer.write(struct.pack(">I", len(body) + 4) + body)

    async def serve(self, reader, writer):
        await sql.read_startup(reader, writer)
        try:
            while True:
                kind, text = await sql.read_message(reader)
                self.server_saw.append(kind)
                if kind in (b"Q", b"S"):
                    writer.write(message(b"D", text[5:]) + sql.READY)
        except asyncio.IncompleteReadError:
            writer.close()

    async def ask(self, *statements):
        """The types of all messages that come back."""
        kinds = []
        try:
            for statement in statements:
                self.writer.write(statement)
                while not kinds or kinds[-1] != b"Z" or statement:
                    kinds.append((await sql.read_message(self.reader))[0])
                    statement = b"" if kinds[-1] == b"Z" else statement
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        return b"".join(kinds)

    QUERY = message(b"Q", b"checkpoint\0")
    PARSED = (message(b"P", b"\0select pg_terminate_backend($1)\0\0\0") + message(b"B")
              + message(b"E") + message(b"S"))

    async def test_counts_both_protocols(self):
        await self.proxied()
        self.assertEqual(b"DZDZ", await self.ask(self.QUERY, self.PARSED))
        self.assertEqual(["checkpoint", "select pg_terminate_backend($1)"],
                         [one["text"] for one in self.record.changes()])

    async def test_looks_at_the_operator_alone(self):
        await self.proxied({"on": "login", "do": "reset"}, application=b"other")
        self.assertEqual(b"DZ", await self.ask(self.QUERY))
        self.assertEqual([], self.record.entries())

    async def test_kills_in_three_positions(self):
        for when, answers, seen in (("before", b"DZ", 1), ("during", b"DZ", 2), ("after", b"DZDZ", 2)):
            with self.subTest(when=when):
                await self.proxied({"on": "statement", "text": "checkpoint", "nth": 2, "do": "kill",
                                    "when": when})
                self.assertEqual(answers, await self.ask(self.QUERY, self.QUERY, self.QUERY))
                self.assertEqual((["KILL"], seen), (self.killed, len(self.server_saw)))

    async def test_refuses(self):
        await self.proxied({"on": "statement", "do": "error", "status": "57014", "count": 2})
        self.assertEqual(b"EZEZDZ", await self.ask(self.QUERY, self.PARSED, self.QUERY))
        self.assertEqual([b"Q"], self.server_saw)

    async def test_refuses_a_login(self):
        await self.proxied({"on": "login", "server": "postgres", "do": "error", "status": "53300"})
        self.assertEqual(b"E", await self.ask(self.QUERY))


if __name__ == "__main__":
    unittest.main(verbosity=2)
