#!/usr/bin/python3
"""The proxies alone, between a client and a server that are a few lines each."""

import asyncio
import contextlib
import pathlib
import ssl
import struct
import tempfile
import types
import unittest

from proxy import http1, sql
from proxy.access import Access, make_authority
from proxy.api import ApiProxy, acting_as, describe
from proxy.frames import Frames, kind_of
from proxy.plan import Plan
from proxy.record import Record

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"a\": \"bc\"}"
WATCH = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
PODS = "/api/v1/namespaces/ns/pods"
EVENTS = [b'{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n',
          b'{"type":"MODIFIED","object":{"metadata":{"name":"a"}}}\n',
          b'{"type":"BOOKMARK","object":{}}\n']


class User:
    def __init__(self, seen):
        self._seen = seen
        self.did = []  # (what, after how many requests)

    def change(self, rule):
        self.did.append((rule.object, len(self._seen)))

    def undo(self):
        self.did.append(("undo", len(self._seen)))


class Api(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        home = tempfile.TemporaryDirectory()
        cls.addClassCleanup(home.cleanup)
        cls.home = pathlib.Path(home.name)
        make_authority(cls.home)

    async def proxied(self, *rules):
        """A proxy under these rules before a server that answers everything."""
        self.upstream_saw, self.upstream_bodies, self.killed, self.record = [], [], [], Record()
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=self.home))
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        upstream = types.SimpleNamespace(
            connect=lambda: asyncio.open_connection(*server.sockets[0].getsockname()),
            credentials=acting_as)
        self.user = User(self.upstream_saw)
        proxy = ApiProxy(upstream, Access(self.directory, "operator", self.home), Plan("test", rules),
                         self.record, self.killed.append, user=self.user)
        self.port = await proxy.start()
        self.addCleanup(server.close)
        self.addCleanup(proxy.stop)

    async def serve(self, reader, writer):
        while request := await http1.read_request(reader):
            self.upstream_saw.append(request.first)
            self.upstream_bodies.append(request.body)
            self.upstream_heard = request
            if "watch=true" in request.first and "endless" in request.first:
                writer.write(WATCH + http1.chunk(EVENTS[0]))
            elif "watch=true" in request.first:
                writer.write(WATCH + b"".join(map(http1.chunk, EVENTS)) + http1.LAST_CHUNK)
            else:
                writer.write(OK)

    def file(self, name):
        return (self.directory / f"operator.{name}").read_text()

    async def ask(self, *requests, authority=None, token=None):
        """Everything that is answered until the proxy or the last answer ends. Goes by the files if it is
        not told otherwise."""
        tls = ssl.create_default_context(cadata=authority or self.file("ca"))
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=tls)
        token = token or self.file("token")
        answers = []
        try:
            for request in requests:
                writer.write(f"{request} HTTP/1.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
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

    async def test_lets_the_user_change_something_meanwhile(self):
        await self.proxied({"on": "request", "path": "pods/a", "nth": 2, "do": "meanwhile",
                            "object": "Pod/b", "requests": 2})
        self.assertEqual(5, len(await self.ask(*[f"GET {PODS}/a"] * 5)))
        self.assertEqual([("Pod/b", 1), ("undo", 3)], self.user.did)

    async def test_holds_a_watch_until_the_user_has_undone_it(self):
        await self.proxied({"on": "event", "path": "pods", "event": "MODIFIED", "do": "hold"},
                           {"on": "request", "path": "pods/a", "do": "meanwhile", "object": "Pod/b",
                            "requests": 1})
        watch = asyncio.ensure_future(self.ask(f"GET {PODS}?watch=true"))
        await self.ask(*[f"GET {PODS}/b"] * 5)
        self.assertFalse(watch.done())
        await self.ask(f"GET {PODS}/a", f"GET {PODS}/a")
        self.assertEqual(b"".join(EVENTS), (await watch)[0].body)

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

    async def test_answers_for_a_while_and_ends_watches_that_match(self):
        await self.proxied({"on": "request", "path": "pods.*", "nth": 2, "lasts": 3600, "do": "answer",
                            "status": 403, "cause": "NamespaceTerminating"})
        watch = asyncio.ensure_future(self.ask(f"GET {PODS}?watch=true&endless"))
        while not self.upstream_saw:
            await asyncio.sleep(0)
        answers = await self.ask(f"GET {PODS}/a", f"PATCH {PODS}/b", "GET /api/v1/namespaces/ns/secrets/a")
        self.assertEqual([403, 403, 200], [one.status for one in answers])
        self.assertIn(b'"causes": [{"reason": "NamespaceTerminating"', answers[0].body)
        self.assertEqual([EVENTS[0]], [one.body for one in await watch], "it ends as the server ends it")

    async def test_lets_the_server_answer_something_else(self):
        await self.proxied({"on": "request", "path": "pods/a", "do": "rewrite", "find": r"version=\d+",
                            "put": "version=1"},
                           {"on": "request", "path": "pods/b", "do": "demote"})
        await self.ask(f"GET {PODS}/a?version=77", f"GET {PODS}/a?version=77")
        self.assertEqual([f"GET {PODS}/a?version={number} HTTP/1.1" for number in (1, 77)],
                         self.upstream_saw)
        self.assertEqual("system:masters", self.upstream_heard.header("Impersonate-Group"))
        await self.ask(f"GET {PODS}/b")
        self.assertEqual(("operator", ""), (self.upstream_heard.header("Impersonate-User"),
                                            self.upstream_heard.header("Impersonate-Group")))

    async def test_goes_down_with_all_connections(self):
        for when, seen in (("before", 1), ("during", 2)):
            with self.subTest(when=when):
                await self.proxied({"on": "request", "path": "pods/a", "do": "down", "when": when,
                                    "seconds": 3600})
                watch = asyncio.ensure_future(self.ask(f"GET {PODS}?watch=true&endless"))
                while not self.upstream_saw:
                    await asyncio.sleep(0)
                self.assertEqual([], await self.ask(f"GET {PODS}/a"))
                self.assertEqual([], await watch)
                self.assertEqual(seen, len(self.upstream_saw))
                with self.assertRaises(ConnectionRefusedError):
                    await self.ask(f"GET {PODS}/a")

    async def test_comes_back(self):
        await self.proxied({"on": "request", "path": "pods/a", "do": "down", "seconds": 0.01})
        self.assertEqual([], await self.ask(f"GET {PODS}/a"))
        answers = []
        async with asyncio.timeout(10):
            while not answers:
                with contextlib.suppress(ConnectionRefusedError):
                    answers = await self.ask(f"GET {PODS}/a")
        self.assertEqual([200], [one.status for one in answers])

    async def test_wants_another_token(self):
        for seconds, second in ((0, 200), (3600, 401)):
            with self.subTest(seconds=seconds):
                await self.proxied({"on": "request", "do": "rotate", "what": "token", "seconds": seconds})
                statuses = [one.status for request in ("a", "b") for one in await self.ask(f"GET {PODS}/{request}")]
                self.assertEqual([401, second], statuses)
        self.assertEqual([], self.upstream_saw)

    async def test_shows_a_certificate_of_another_authority(self):
        for seconds in (0, 3600):
            with self.subTest(seconds=seconds):
                await self.proxied({"on": "request", "do": "rotate", "what": "authority", "seconds": seconds})
                before = self.file("ca")
                self.assertEqual([], await self.ask(f"GET {PODS}/a"))
                with self.assertRaises(ssl.SSLCertVerificationError):
                    await self.ask(f"GET {PODS}/a", authority=before)
                self.assertEqual(seconds > 0, before == self.file("ca"))
        await self.proxied({"on": "request", "do": "rotate", "what": "authority"})
        self.assertEqual([], await self.ask(f"GET {PODS}/a"))
        self.assertEqual([200], [one.status for one in await self.ask(f"GET {PODS}/a")])

    async def test_steals_a_lease(self):
        await self.proxied({"on": "request", "verb": "PATCH", "path": "leases/a", "do": "steal", "seconds": 5})
        lease = "/apis/coordination.k8s.io/v1/namespaces/ns/leases/a"
        await self.ask(f"PATCH {lease}?fieldManager=x", f"PATCH {lease}?fieldManager=x")
        self.assertEqual([f"PATCH {lease} HTTP/1.1", *[f"PATCH {lease}?fieldManager=x HTTP/1.1"] * 2],
                         self.upstream_saw)
        self.assertEqual([5, None], [one.get("stolen_for") for one in self.record.entries()])
        self.assertIn(b'"holderIdentity": "thief"', self.upstream_bodies[0])


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

    def test_a_rule_that_lasts_ends_by_the_clock(self):
        now = [0.0]
        plan = Plan("test", [{"on": "request", "nth": 2, "lasts": 5, "do": "answer", "status": 503}],
                    clock=lambda: now[0])
        hits = []
        for now[0] in (0, 10, 10, 14.9, 15, 30):
            hits.append(plan.rule_for("request", path="a") is not None)
        self.assertEqual([False, True, True, True, False, False], hits)


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
