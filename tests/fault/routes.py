#!/usr/bin/python3
"""Routes that are not as the operator made them: with routing None it switches nothing and goes by
the sessions; a front Service that somebody deletes or changes leads again where it led."""

import sys
import unittest

from ground import Ground, cluster

import story
from application import Application
from objects import wait_until
from proxy.plan import Plan
from world import World


class Routes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ground = cls.enterClassContext(Ground())

    def world(self, **spec):
        world = World(self.ground, 0, Plan(self._testMethodName, []))
        self.addCleanup(world.close)
        world.shop.spec = {**world.shop.spec, **spec}
        world.shop.make()
        world.keeper = world.start_operator("fault-operator")
        world.shop.make_policy()
        return world

    def arrive(self, world, stop):
        try:
            story.arrive(world, stop)
        except AssertionError as error:
            raise AssertionError(f"{error}; the log:\n{world.keeper.log()[-4000:]}") from None
        self.assertEqual([], world.sampler.violations)

    def test_routing_none(self):
        start, up = story.STOPS[:2]
        world = self.world(routing={"mode": "None", "onIncompatible": "Move"})
        self.arrive(world, start)
        world.scale(50)
        wait_until("two poolers", 60, lambda: len(world.node.poolers()) == 2)
        wait_until("that they are waited for", 60, lambda: "must be pointed at the pooler" in
                   world.namespace.status("shop").get("step", {}).get("message", ""))
        self.assertEqual([], world.switches, "there is no front Service")
        world.switches.append("Pooler")  # the applications are pointed at it, and rolled out
        world.application.close()
        world.application = Application(world._where)
        self.arrive(world, up)
        paused = [one for one in world.record.entries("statement") if one["text"].startswith("PAUSE")]
        self.assertTrue(paused, "nobody was cut off by the restart")
        self.assertEqual([], [one for one in world.namespace.list("Service")
                              if one["metadata"]["name"] == "shop"])

    def test_a_front_service_that_is_deleted_or_changed(self):
        start, up = story.STOPS[:2]
        world = self.world()
        self.arrive(world, start)
        world.scale(50)
        self.arrive(world, up)
        made = self.front(world)
        world.namespace.delete("Service", "shop")
        wait_until("a new one", 60, lambda: self.front(world) is not None)
        self.assertEqual(made["spec"]["selector"], self.front(world)["spec"]["selector"])
        world.namespace.merge("Service", "shop", {"spec": {"selector": {"app": "x"}}})
        wait_until("the former one", 60,
                   lambda: self.front(world)["spec"]["selector"] == made["spec"]["selector"])
        self.arrive(world, up)
        self.assertEqual(["Direct", "Pooler"], world.switches)

    def front(self, world):
        return world.namespace.get("Service", "shop")


if __name__ == "__main__":
    if not cluster.available():
        print("skipped: PGRS_TEST_KUBECONFIG is not set or kubectl is not on the PATH")
        sys.exit(cluster.SKIPPED)
    unittest.main(verbosity=2)
