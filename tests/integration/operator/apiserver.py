"""The API server as a process that can die; who restarts it is the cluster."""

import os
import pathlib
import signal

from objects import cluster, wait_until


def pid():
    """Tests run in the cluster's PID namespace. None: it is not running."""
    for directory in pathlib.Path("/proc").iterdir():
        if directory.name.isdigit():
            try:
                words = (directory / "cmdline").read_bytes().split(b"\0")
            except OSError:  # it has ended meanwhile
                continue
            if any(word.startswith(b"--etcd-servers=") for word in words):
                return int(directory.name)
    return None


def ready():
    try:
        return cluster.kubectl("get", "--raw", "/readyz").strip() == "ok"
    except AssertionError:
        return False


def kill():
    """Returns its former pid."""
    before = pid()
    os.kill(before, signal.SIGKILL)
    return before


def wait_for_return(before, seconds):
    wait_until("API server", seconds, lambda: pid() not in (None, before))
    wait_until("readiness", seconds, ready, every=0.5)
