"""Everything that has passed the proxies, in order."""

import re
import threading
import time

MUTATING = ("POST", "PUT", "PATCH", "DELETE")
CHANGING = re.compile(
    r"alter|checkpoint|select pg_reload_conf|.*pg_terminate_backend|.*pg_cancel_backend"
    r"|set |pause|resume|reload|reconnect|kill_client", re.IGNORECASE | re.DOTALL)


class Record:
    """Entries are dicts: at (monotonic seconds), on, who, what it was, and how it ended."""

    def __init__(self):
        self._entries = []
        self._lock = threading.Lock()

    def add(self, on, who, **facts):
        entry = {"at": time.monotonic(), "on": on, "who": who, **facts}
        with self._lock:
            self._entries.append(entry)
        return entry

    def entries(self, *kinds):
        with self._lock:
            return [one for one in self._entries if not kinds or one["on"] in kinds]

    def changes(self):
        """Requests and statements that change something; renewals of a Lease do not."""
        return [one for one in self.entries("request", "statement") if changes(one)]


def changes(entry):
    if entry["on"] == "statement":
        return CHANGING.match(entry["text"]) is not None
    return entry["verb"] in MUTATING and not entry["path"].startswith("leases")
