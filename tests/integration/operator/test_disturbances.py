#!/usr/bin/python3
"""Others act at the same time: another manager of the file, and whoever kills the operator."""

import threading
import time

from fixture import PATIENCE, OperatorTest, main
from objects import wait_until
from program import Operator

TWELVE = 12  # instances; 12 × 20 + 50 = 290
OLD = "max_connections = 250\n"


class Reverter:
    """Puts the old file back every few seconds, as a controller with its own truth does."""

    def __init__(self, shop, every):
        self._shop, self._every = shop, every
        self._stop = threading.Event()
        self.times = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.wait(self._every):
            if self._shop.file() != OLD:
                self._shop.write_file(OLD)
                self.times += 1

    def stop(self):
        self._stop.set()
        self._thread.join(timeout=60)


class Disturbances(OperatorTest):
    def test_another_manager_that_puts_the_old_value_back(self):
        operator = self.start_operator()
        self.addCleanup(operator.stop)  # or it takes part in the next test
        shop = self.own_shop("contested", config=OLD, instances=TWELVE)
        shop.make()
        shop.make_policy()
        self.becomes("contested", "True", "InStep")
        self.assertEqual(290, shop.server.max_connections())
        reverter = Reverter(shop, 10)
        operator.wait_for(PATIENCE, "250", "290", "settle who owns the value",
                          event="ForeignChangeDetected", about="contested")
        message = self.becomes("contested", "False", "ForeignChangeDetected")
        self.assertIn("settle who owns", message)
        time.sleep(25)  # the other one looks twice more, and so does the operator
        reverter.stop()
        self.assertEqual(1, len(self.restarts_of(shop)), "no restart but the first")
        self.assertEqual(2, shop.server.starts)
        self.assertEqual(290, shop.server.max_connections())
        self.assertEqual(1, len(operator.lines(event="ForeignChangeDetected", about="contested")))
        self.assertEqual(1, len(operator.lines(event="MaxConnectionsPatched", about="contested")))
        self.assertEqual(OLD, shop.file())
        shop.write_file("max_connections = 290\n")
        self.becomes("contested", "True", "InStep")

    def test_killed_between_patch_and_restart(self):
        shop = self.own_shop("killed", config=OLD, instances=TWELVE)
        shop.make()
        shop.make_policy()
        first = Operator("--namespace", self.namespace.name)
        first.wait_for(PATIENCE, event="MaxConnectionsPatched", about="killed")
        first.kill()
        first.stop()
        self.assertEqual("max_connections = 290\n", shop.file())
        self.operator = Operator("--namespace", self.namespace.name)
        self.addCleanup(self.operator.stop)
        self.becomes("killed", "True", "InStep")
        self.assertEqual(290, shop.server.max_connections())
        self.assertEqual(2, shop.server.starts)
        self.assertLessEqual(len(self.operator.lines(event="MaxConnectionsPatched")), 0)

    def test_stops_when_asked(self):
        operator = Operator("--namespace", self.namespace.name)
        operator.wait_for(PATIENCE, "every kind is in sync")
        begin = time.monotonic()
        self.assertEqual(0, operator.stop())
        self.assertLess(time.monotonic() - begin, 15)
        wait_until("last word", 5, lambda: operator.lines("stopped"))


if __name__ == "__main__":
    main()
