#!/usr/bin/python3
"""The tests' kubelet alone: an API server that goes away in the middle makes it lose no pod."""

import unittest

from kubelet import Kubelet
from objects import wait_until


class Cluster:
    """A namespace with one pod at a time, whose API server goes away at calls of its choice."""

    def __init__(self):
        self.name = "shop"
        self.pod = "first"
        self.away = []  # calls that fail, once each
        self.told = []

    def _answer(self, call):
        if call in self.away:
            self.away.remove(call)
            raise ConnectionError(call)

    def list(self, *_):
        return [{"metadata": {"name": "db-0", "uid": self.pod}}]

    def get(self, *_):
        self._answer("get")
        return {"data": {"postgresql.conf": f"# for {self.pod}"}}

    def strategic(self, *_):
        self._answer("tell")
        self.told.append(self.pod)


class Server:
    host = "127.0.0.1"

    def __init__(self):
        self.started_with = []

    def restart(self, text):
        self.started_with.append(text)
        return True


class ApiServerAway(unittest.TestCase):
    def looked_after(self, *away):
        """A second pod, while these calls fail: what the server was started with."""
        cluster, server = Cluster(), Server()
        kubelet = Kubelet(cluster)
        self.addCleanup(kubelet.close)
        kubelet.serve("db", server, ("config", "postgresql.conf"))
        wait_until("first pod", 10, lambda: cluster.told == ["first"])
        cluster.away = list(away)
        cluster.pod = "second"
        wait_until("second pod", 10, lambda: cluster.told == ["first", "second"])
        self.assertEqual(2, kubelet.pods_seen("db"))
        return server.started_with

    def test_when_the_file_is_read(self):
        self.assertEqual(["# for second"], self.looked_after("get"))

    def test_when_the_status_is_written_the_server_starts_once(self):
        self.assertEqual(["# for second"], self.looked_after("tell", "tell"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
