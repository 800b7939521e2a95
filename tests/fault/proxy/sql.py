"""A TCP proxy before PostgreSQL and PgBouncer that knows where a message of their protocol begins and
ends, and what a statement is. Sessions without TLS, as the operator's are in the tests."""

import asyncio
import contextlib
import struct

from .api import AFTER, GONE, reset

SSL_REQUEST, GSS_REQUEST, CANCEL = 80877103, 80877104, 80877102


class SqlProxy:
    """Before one server. Only sessions with `application` as their application_name are looked at."""

    def __init__(self, server, target, plan, record, kill, application="pg-rightsizer"):
        self.server = server
        self._target = target
        self._plan = plan
        self._record = record
        self._kill = kill
        self._application = application
        self._listeners = []

    async def listen(self, host, port):
        self._listeners.append(await asyncio.start_server(self._serve, host, port))

    def addresses(self):
        return [listener.sockets[0].getsockname() for listener in self._listeners]

    def stop(self):
        for listener in self._listeners:
            listener.close()

    async def _serve(self, reader, writer):
        upstream = None
        with contextlib.suppress(*GONE):
            startup = await read_startup(reader, writer)
            session = Session(self, reader, writer)
            if await session.login(startup):
                upstream = await asyncio.open_connection(*self._target)
                upstream[1].write(startup)
                await session.run(*upstream)
        if upstream:
            upstream[1].close()
        writer.close()

    # What a session asks.

    def rule_for(self, on, **facts):
        return self._plan.rule_for(on, server=self.server, **facts)

    def note(self, on, **facts):
        return self._record.add(on, self.server, stage=self._plan.stage, **facts)

    def is_watched(self, startup):
        return b"application_name\0" + self._application.encode() + b"\0" in startup

    def kill(self):
        self._kill("KILL")


async def read_startup(reader, writer):
    """The first message that is none about encryption, which is refused."""
    while True:
        length = struct.unpack(">I", await reader.readexactly(4))[0]
        body = await reader.readexactly(length - 4)
        if struct.unpack(">I", body[:4])[0] not in (SSL_REQUEST, GSS_REQUEST):
            return struct.pack(">I", length) + body
        writer.write(b"N")


async def read_message(reader):
    """(type, all of its bytes)"""
    head = await reader.readexactly(5)
    return head[:1], head + await reader.readexactly(struct.unpack(">I", head[1:])[0] - 4)


def error(code, severity="ERROR"):
    fields = b"".join(letter + value.encode() + b"\0" for letter, value in (
        (b"S", severity), (b"V", severity), (b"C", code), (b"M", "staged")))
    return b"E" + struct.pack(">I", len(fields) + 5) + fields + b"\0"


READY = b"Z\0\0\0\5I"


def text_of(kind, message):
    """Of a Query or a Parse."""
    parts = message[5:].split(b"\0")
    return " ".join(parts[0 if kind == b"Q" else 1].decode(errors="replace").split())


class Session:
    """Both directions of one. A rule of kind `during` or `after` waits for ReadyForQuery."""

    def __init__(self, proxy, reader, writer):
        self._proxy = proxy
        self._reader = reader
        self._writer = writer
        self._watched = False
        self._waiting = None  # the rule of the statement that is being answered

    async def login(self, startup):
        self._watched = self._proxy.is_watched(startup)
        rule = self._watched and self._proxy.rule_for("login")
        if not rule:
            return True
        if rule.do == "stall":
            await asyncio.sleep(rule.seconds)
            return True
        if rule.do == "error":
            self._writer.write(error(rule.status, "FATAL"))
            await self._writer.drain()
        else:
            reset(self._writer)
        return False

    async def run(self, upstream, to_upstream):
        tasks = [asyncio.ensure_future(self._statements(to_upstream)),
                 asyncio.ensure_future(self._answers(upstream))]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _statements(self, to_upstream):
        while True:
            kind, message = await read_message(self._reader)
            if self._watched and kind in (b"Q", b"P") and not await self._statement(kind, message):
                return
            if self._waiting and self._waiting.do == "error":
                if kind in (b"Q", b"S"):
                    await self._refuse()
                continue
            to_upstream.write(message)
            await to_upstream.drain()

    async def _statement(self, kind, message):
        """False when the session ends here."""
        if self._waiting:
            await asyncio.Event().wait()  # what is killed after an answer says nothing more
        text = text_of(kind, message)
        rule = self._proxy.rule_for("statement", text=text)
        entry = self._proxy.note("statement", text=text)  # all of it: plans are made from it
        if not rule:
            return True
        entry["fault"] = f"{rule.do} {rule.when}"
        if rule.do == "stall":
            await asyncio.sleep(rule.seconds)
        elif rule.when == "before" and rule.do in ("kill", "reset"):
            if rule.do == "kill":
                self._proxy.kill()
            else:
                reset(self._writer)
            return False
        else:
            self._waiting = rule
        return True

    async def _refuse(self):
        self._writer.write(error(self._waiting.status) + READY)
        self._waiting = None
        await self._writer.drain()

    async def _answers(self, upstream):
        while True:
            kind, message = await read_message(upstream)
            rule = self._waiting
            withheld = rule and rule.when == "during"
            if not withheld:
                self._writer.write(message)
                await self._writer.drain()
            if rule and kind == b"Z" and not await self._answered(rule):
                return

    async def _answered(self, rule):
        if rule.do == "reset":
            reset(self._writer)
            return False
        if rule.when == "after":
            await asyncio.sleep(AFTER)
        self._proxy.kill()
        return False
