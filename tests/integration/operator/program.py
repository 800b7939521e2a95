"""The operator as a process, and what it logs."""

import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time
import typing
import urllib.error
import urllib.request

from objects import ROOT, kubeconfig


def binary():
    return os.environ.get("PGRS_OPERATOR", str(ROOT / "build/dev/src/cli/pg-rightsizer"))


class Usage(typing.NamedTuple):
    resident: int  # bytes of memory
    descriptors: int
    threads: int


class Operator:
    """`pg-rightsizer run` with its log as dicts: time, level, message and fields."""

    def __init__(self, *arguments, config=None):
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", binary(), "run", "--log-format", "json",
             "--kubeconfig", str(config or kubeconfig()), "--workers", "4",
             "--guard-image", "localhost/pg-rightsizer:dev",
             "--metrics-address", "127.0.0.1:0", *arguments],
            stderr=subprocess.PIPE, text=True)
        self._lines = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stderr:
            try:
                entry = json.loads(line)
            except ValueError:  # a sanitizer's report
                entry = {"level": "error", "message": line.rstrip()}
            with self._changed:
                self._lines.append(entry)
                self._changed.notify_all()

    def lines(self, *words, event=None, about=None):
        """The entries that hold all the words, of an event, about an object."""
        with self._changed:
            return self._matching(words, event, about)

    def _matching(self, words, event, about):
        return [one for one in self._lines
                if all(word in one["message"] for word in words)
                and (event is None or one.get("event") == event)
                and (about is None or one.get("object", "").endswith(f"/{about}"))]

    def wait_for(self, seconds, *words, event=None, about=None):
        """The first such entry, as soon as it is there."""
        end = time.monotonic() + seconds
        with self._changed:
            while not (found := self._matching(words, event, about)):
                if not self._changed.wait(end - time.monotonic()):
                    raise AssertionError(f"no log line {event or ''} {words} within {seconds} s; "
                                         f"the last ones:\n{self.tail()}")
            return found[0]

    def tail(self, count=15):
        return "\n".join(json.dumps(one, ensure_ascii=False) for one in self._lines[-count:])

    def page(self, path):
        """(status, text) that the probes and metrics server answers."""
        port = self.port()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def port(self):
        return int(self.wait_for(30, "started")["probes"])

    def usage(self):
        process = pathlib.Path(f"/proc/{self._process.pid}")
        status = (process / "status").read_text(encoding="utf-8")
        return Usage(1024 * int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]), len(os.listdir(process / "fd")),
                     int(re.search(r"Threads:\s+(\d+)", status)[1]))

    @property
    def pid(self):
        return self._process.pid

    def alive(self):
        return self._process.poll() is None

    def wait(self):
        """Its exit code, whenever that is."""
        return self._process.wait()

    def kill(self):
        self._process.kill()
        self._process.wait(timeout=10)

    def stop(self):
        """Its exit code after SIGTERM."""
        if self.alive():
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self._reader.join(timeout=10)
        self._process.stderr.close()
        return code
