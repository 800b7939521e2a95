"""What the application's instances say about themselves."""

import concurrent.futures
import json
import threading
import time
import urllib.error
import urllib.request

import judge
import world

EVERY_S = 2.0
AT_ONCE = 8
RENEWED_AT_ONCE = 4  # connections of one instance
COUNTERS = ("succeeded", "failed", "refused", "unknown")


class Application(threading.Thread):
    """Asks every instance for its counters, every two seconds.

    An instance that is gone keeps what it said last; its record on disk has the rest."""

    def __init__(self, pods):
        super().__init__(daemon=True, name="application")
        self._pods = pods  # gives the API's objects
        self._said = {}  # (pod, nonce): its last answer
        self._complete = set()  # (pod, nonce) of those that had all their connections
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self.open = 0  # connections of all living instances
        self.answered = 0  # instances that answered in the last round
        self.queued = 0  # transactions that wait for a connection, of all living instances
        self.opening = set()  # instances that have not had all their connections since they lost some

    def run(self):
        while not self._ended.is_set():
            start = time.monotonic()
            self._round()
            self._ended.wait(max(0.1, EVERY_S - (time.monotonic() - start)))

    def stop(self):
        self._ended.set()
        self.join(10)

    def totals(self):
        with self._lock:
            return {name: sum(said[name] for said in self._said.values()) for name in COUNTERS}

    def _round(self):
        opened = answered = queued = 0
        opening = set()
        addresses = [pod["status"].get("podIP") for pod in self._pods()
                     if "deletionTimestamp" not in pod["metadata"]]
        # At the same time: half of them may have gone meanwhile, and each of those takes 2 s.
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(lambda at: fetch(f"http://{at}:8080/stats"),
                                    filter(None, addresses)))
        for said in filter(None, answers):
            answered += 1
            opened += said["connections"]["open"]
            queued += said["queued"]
            opening |= self._opening(said)
            with self._lock:
                self._said[said["pod"], said["nonce"]] = said
        self.open, self.answered, self.queued = opened, answered, queued
        self.opening = opening

    def _opening(self, said):
        """That instance, or nothing. One that is renewed now and then does not count as lost."""
        who, has = (said["pod"], said["nonce"]), said["connections"]["open"]
        known = who in self._complete
        if has < world.CONNECTIONS - (RENEWED_AT_ONCE if known else 0):
            self._complete.discard(who)
            return {who}
        self._complete.add(who)
        return set()


def fetch(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return json.load(answer)
    except (OSError, urllib.error.URLError, json.JSONDecodeError):
        return None


def records(pods):
    """Of every instance that ever ran: what is on disk, and newer from those that live."""
    found = judge.read_records(world.records_directory())
    for pod in pods:
        try:
            found.append(judge.fetch_live(f"http://{pod['status'].get('podIP')}:8080"))
        except (OSError, urllib.error.URLError, json.JSONDecodeError):
            continue
    return found


def refusals(found, from_s, to_s):
    """(number, time of the last): by the second-wise timelines; the last one is exact when a
    class's own last time falls into that second, else that second's end."""
    total, last = 0, None
    for record in judge.newest(found):
        timeline = record.get("timeline")
        if not timeline:
            continue
        for offset, count in enumerate(timeline["refused"]):
            second = timeline["from_s"] + offset
            if count and from_s - 1 < second <= to_s:
                total += count
                last = max(last or 0, exact(record, second))
    return total, last


def exact(record, second):
    times = [entry["last_ms"] / 1000 for entry in record.get("refused_by_class", {}).values()]
    within = [one for one in times if second <= one < second + 1]
    return max(within, default=second + 1)
