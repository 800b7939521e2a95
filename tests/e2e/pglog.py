"""What PostgreSQL logs, across its restarts.

The files are followed on the node: a deleted pod takes its log with it, but not from one who has
the file open.
"""

import pathlib
import re
import threading

import world

LOGS = pathlib.Path("/var/log/pods")
FULL = "53300"
# 2026-11-23 17:07:26.123 UTC [42] shop@shop 53300 FATAL:  sorry, too many clients already
LINE = re.compile(r"^(?P<time>\S+) \w+ [FP] .*?\] \S* ?(?P<state>[0-9A-Z]{5}) (?:FATAL|ERROR|PANIC)")


class PostgresLog(threading.Thread):
    """Collects the times of refusals (SQLSTATE 53300), as the container runtime stamped them."""

    def __init__(self):
        super().__init__(daemon=True, name="postgres log")
        self.refusals = []  # RFC 3339 times
        self._files = {}
        self._ended = threading.Event()

    def run(self):
        while not self._ended.wait(0.5):
            self.read()
        self.read()

    def stop(self):
        self._ended.set()
        self.join(5)
        for file in self._files.values():
            file.close()

    def read(self):
        for path in LOGS.glob(f"{world.NAMESPACE}_postgres-0_*/postgres/*.log"):
            if path not in self._files:
                self._files[path] = open(path, encoding="utf-8", errors="replace")
        for file in self._files.values():
            for line in file:
                found = LINE.match(line)
                if found and found["state"] == FULL:
                    self.refusals.append(found["time"])
