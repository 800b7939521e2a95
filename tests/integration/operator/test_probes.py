#!/usr/bin/python3
"""What the operator tells over HTTP, and who cannot keep it from its work by asking."""

import os
import re
import resource
import socket
import subprocess

from fixture import PATIENCE, OperatorTest, main
from objects import kubeconfig, wait_until
from program import binary

CROWD = 3000  # connections at a time
HALF = b"GET /metrics HTTP/1.1\r\nHost: a\r\n"
HOSTILE = (b"", HALF, HALF + b"X-Filler: " + b"x" * 4000,
           b"PUT /log-level HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
           b"PUT /log-level HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"\x16\x03\x01\x00")


class Probes(OperatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_operator()

    def series(self, metric, **labels):
        """The value of the one series that has these labels; None when there is none."""
        status, text = self.operator.page("/metrics")
        self.assertEqual(200, status)
        wanted = {f'{key}="{value}"' for key, value in labels.items()}
        values = [float(value) for found, value in re.findall(rf"^{metric}{{(.*)}} (.*)$", text, re.M)
                  if wanted <= set(found.split(","))]
        self.assertLessEqual(len(values), 1, (metric, labels))
        return values[0] if values else None

    def in_step(self, shop, instances):
        wait_until(f"{instances} instances in step", PATIENCE, lambda: self.series(
            "pgrightsizer_max_connections", policy=shop.name, kind="effective")
            == instances * 20 + 50)

    def test_a_policy_is_told_in_series(self):
        shop = self.own_shop("told")
        shop.make()
        shop.make_policy()
        self.becomes("told", "True", "InStep")
        self.assertEqual((200, "ok\n"), self.operator.page("/readyz"))
        self.assertEqual((200, "ok\n"), self.operator.page("/healthz"))
        self.in_step(shop, 10)
        ours = {"policy": "told", "namespace": self.namespace.name}
        self.assertEqual(10, self.series("pgrightsizer_instances", **ours))
        self.assertEqual(1, self.series("pgrightsizer_route", route="Direct", **ours))
        self.assertEqual(1, self.series(
            "pgrightsizer_policy_condition", type="Ready", status="True", **ours))
        self.assertEqual(0, self.series("pgrightsizer_restarts_total", **ours))
        shop.scale(12)
        self.in_step(shop, 12)
        wait_until("one restart counted", PATIENCE,
                   lambda: self.series("pgrightsizer_restarts_total", **ours) == 1)
        self.assertGreater(self.series("rest_client_requests_total", code="200", method="PATCH"), 0)
        self.assertGreater(self.series("workqueue_adds_total", name="connectionpolicy"), 0)
        self.namespace.delete("ConnectionPolicy", "told")
        wait_until("end of its series", PATIENCE,
                   lambda: self.series("pgrightsizer_instances", **ours) is None)

    def try_policy(self, namespace, seconds):
        return subprocess.run(
            [binary(), "try-policy", "--kubeconfig", str(kubeconfig()), "--namespace", namespace,
             "--timeout-seconds", str(seconds)], capture_output=True, text=True, timeout=120, check=False)

    def test_a_policy_is_tried_and_leaves_nothing(self):
        for _ in range(2):
            done = self.try_policy(self.namespace.name, PATIENCE)
            self.assertEqual(0, done.returncode, done.stderr)
            self.assertIn("the operator answers: Ready False", done.stdout + done.stderr)
            self.assertIsNone(self.namespace.get("ConnectionPolicy", "pg-rightsizer-test"))

    def test_a_policy_is_tried_where_nobody_answers(self):
        done = self.try_policy("default", 2)
        self.assertEqual(1, done.returncode, done.stdout)
        for word in ("ConnectionPolicy default/pg-rightsizer-test", "has not said anything",
                     "whether it watches this namespace"):
            self.assertIn(word, done.stderr + done.stdout)
        done = self.try_policy("no-such-namespace", 2)
        self.assertEqual(1, done.returncode, done.stdout)
        self.assertIn("no-such-namespace", done.stderr + done.stdout)

    def test_an_address_that_cannot_be_listened_on(self):
        taken = f"127.0.0.1:{self.operator.port()}"
        for address, words in (("nonsense", "is not ADDRESS:PORT"), ("127.0.0.1:x", "[::]:8080"),
                               (taken, "Address already in use")):
            done = subprocess.run(
                [binary(), "run", "--kubeconfig", str(kubeconfig()), "--guard-image", "guard",
                 "--metrics-address", address], capture_output=True, text=True, timeout=60,
                check=False)
            self.assertEqual(2, done.returncode, done.stderr)
            self.assertIn(words, done.stderr)
            self.assertIn("--metrics-address", done.stderr)

    def test_a_crowd_does_not_hold_up_the_work(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.assertGreater(hard, CROWD + 100, "this test needs as many file descriptors")
        shop = self.own_shop("crowded")
        shop.make()
        shop.make_policy()
        self.becomes("crowded", "True", "InStep")
        before = self.operator.usage().resident
        crowd = []
        for number in range(CROWD):
            peer = socket.create_connection(("127.0.0.1", self.operator.port()), timeout=10)
            self.addCleanup(peer.close)
            crowd.append(peer)
            try:
                peer.sendall(HOSTILE[number % len(HOSTILE)])
            except OSError:  # cut off already, to make room
                pass
        shop.scale(12)
        self.in_step(shop, 12)
        self.assertEqual((200, "ok\n"), self.operator.page("/healthz"))
        if "PGRS_SANITIZED" not in os.environ:  # its allocator keeps what was freed
            self.assertLess(self.operator.usage().resident - before, 10 * 2**20)
        self.assertTrue(self.operator.alive())


if __name__ == "__main__":
    main()
