"""The event loop of the proxies."""

import asyncio
import threading


class Loop:
    """In a thread of its own."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda loop, context: None)  # connections that broke
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def run(self, coroutine, seconds=30):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(seconds)
