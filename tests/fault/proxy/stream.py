"""The answer of a watch, and what can happen to it."""

import asyncio

from . import http1
from .frames import Frames, kind_of


class Stream:
    """The answer of a watch, frame by frame; a log is passed on as it comes."""

    def __init__(self, proxy, path, answer, truncated):
        self._proxy = proxy
        self.path = path
        self._kind, _, of_events = path.partition("?")
        self._ended = asyncio.Event()
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
                 asyncio.ensure_future(reader.read(1)),  # the client says nothing but farewell
                 asyncio.ensure_future(self._ended.wait())]
        self._proxy.streams.add(self)
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        self._proxy.streams.discard(self)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._ended.is_set():
            writer.write(http1.LAST_CHUNK)
            await writer.drain()

    def end(self):
        """Cleanly, as the server does it."""
        self._ended.set()

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
        if do == "hold":
            await self._proxy.undone.wait()
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
