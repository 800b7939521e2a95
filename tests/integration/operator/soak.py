#!/usr/bin/python3
"""A day in the life of a cluster, compressed: the operator must not grow.

    soak.py SECONDS

Databases are scaled, restarted, moved to the pooler and back without a rest; policies and namespaces
come and go, the operator's token and the applications' Secrets are renewed, the API server is killed.
Memory, file descriptors and threads of the last quarter are compared with those of the second."""

import os
import pathlib
import random
import statistics
import sys
import time
import unittest

import psycopg2
import yaml

import apiserver
from fixture import PATIENCE, OperatorTest
from objects import Namespace, cluster, kubeconfig, wait_until
from program import Operator
from shop import Shop

SHOPS = 4
EVERY_S = 1.0  # from one act to the next
API_SERVER_EVERY_S = 120
COUNTS = (2, 5, 9, 12, 49, 50, 51, 60, 100)
GROWTH = 1.10  # of memory, from the second quarter to the last
SLACK = 16  # file descriptors and threads: those of one shop more under way
# A day in twenty minutes has more restarts than a day is given.
RESTARTS = {"policy": "Immediate", "minIntervalSeconds": 0, "maxPerDay": 60}


class Soak(OperatorTest):
    seconds = 1200.0

    def test_nothing_grows(self):
        type(self).operator = Operator(config=self.account())
        self.addClassCleanup(self.operator.stop)
        self.shops = [self.own_shop(f"soak{n}", instances=5, spec={"restart": RESTARTS}) for n in range(SHOPS)]
        for shop in self.shops:
            shop.make()
            shop.make_policy()
        for shop in self.shops:
            self.becomes(shop.name, "True", "InStep")
        self.judge(self.live(random.Random(7)))
        for shop in self.shops:
            wait_until(lambda one=shop: f"scaled {one.name}", PATIENCE, lambda one=shop: one.scale(5) or True)
        for shop in self.shops:
            wait_until(lambda one=shop: f"150 of {one.name}:\n{self.told(one)}", 2 * PATIENCE,
                       lambda one=shop: self.gives(one.server, 150), every=0.5)
            self.becomes(shop.name, "True", "InStep")

    def told(self, shop):
        """What is known of a database that does not arrive."""
        pod = self.namespace.get("Pod", f"{shop.database}-0")
        lines = [one for one in self.operator.lines()
                 if shop.text in (one.get("policy"), one.get("object", "").removeprefix("ConnectionPolicy "))]
        return "\n".join(map(str, (
            self.namespace.status(shop.name), pod and pod["status"],
            f"{shop.server.starts} starts, {self.kubelet.pods_seen(shop.database)} pods",
            self.kubelet.failures[-5:], *lines[-10:])))

    @staticmethod
    def gives(server, connections):
        try:
            return server.max_connections() == connections
        except psycopg2.OperationalError:  # it is being restarted
            return False

    def account(self):
        """The kubeconfig of a ServiceAccount that may do everything, its token in a file."""
        space = self.namespace.name
        accounts = f"/api/v1/namespaces/{space}/serviceaccounts"
        self.api.call("POST", accounts, {"metadata": {"name": "soak"}})
        bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
        self.api.call("POST", bindings, {
            "metadata": {"name": space},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "soak", "namespace": space}]})
        self.addClassCleanup(self.api.call, "DELETE", f"{bindings}/{space}")
        self.home = self.servers.make("home", "").directory
        self.renew_token(None)
        config = yaml.safe_load(pathlib.Path(kubeconfig()).read_text())
        config["users"][0]["user"] = {"tokenFile": str(self.home / "token")}
        (self.home / "kubeconfig").write_text(yaml.safe_dump(config))
        return self.home / "kubeconfig"

    def live(self, chance):
        """One act after the other; a sample after each."""
        acts = (self.scale, self.scale, self.scale, self.renew_secret, self.renew_token, self.replace_policy,
                self.visit)
        begin, samples, next_kill = time.monotonic(), [], API_SERVER_EVERY_S
        while (now := time.monotonic() - begin) < self.seconds:
            self.attempt(chance.choice(acts), chance)
            if now > next_kill:
                apiserver.wait_for_return(apiserver.kill(), 3 * PATIENCE)
                next_kill = now + API_SERVER_EVERY_S
            self.assertTrue(self.operator.alive(), self.operator.tail())
            samples.append(self.operator.usage())
            time.sleep(max(0.0, EVERY_S - (time.monotonic() - begin - now)))
        return samples

    @staticmethod
    def attempt(act, chance):
        """A name may still be taken, and the API server have come back a moment ago."""
        try:
            act(chance)
        except (AssertionError, OSError) as refused:
            print(f"soak: {act.__name__}: {str(refused)[:100]}", flush=True)

    def scale(self, chance):
        chance.choice(self.shops).scale(chance.choice(COUNTS))

    def renew_secret(self, chance):
        shop = chance.choice(self.shops)
        shop.namespace.merge("Secret", f"{shop.name}-app", {"stringData": {"note": str(chance.random())}})

    def renew_token(self, _):
        _, answer = self.api.call("POST", f"/api/v1/namespaces/{self.namespace.name}/serviceaccounts/soak/token",
                                  {"spec": {"expirationSeconds": 600}})
        (self.home / "token").write_text(answer["status"]["token"])

    def replace_policy(self, chance):
        shop = chance.choice(self.shops)
        shop.namespace.delete("ConnectionPolicy", shop.name)
        shop.make_policy()

    def visit(self, chance):
        """A namespace with a policy that misses its database."""
        visitor = Namespace(self.api, f"{self.namespace.name}-{chance.randrange(10**9)}")
        try:
            shop = Shop(visitor, "visitor", self.shops[0].server)
            shop.make(without=[("StatefulSet", "db")])
            shop.make_policy()
        finally:
            visitor.remove()

    def judge(self, samples):
        quarter = len(samples) // 4
        for what, growth, slack in (("resident", GROWTH, 0), ("descriptors", 1, SLACK), ("threads", 1, SLACK)):
            used = [getattr(one, what) for one in samples]
            before, after = statistics.median(used[quarter:2 * quarter]), statistics.median(used[-quarter:])
            print(f"soak: {what}: {before:.0f}, later {after:.0f}, at most {max(used)}", flush=True)
            # The sanitizers' allocators keep what was freed.
            if what != "resident" or "PGRS_SANITIZED" not in os.environ:
                self.assertLessEqual(after, before * growth + slack, what)


if __name__ == "__main__":
    if not cluster.available():
        sys.exit(cluster.SKIPPED)
    Soak.seconds = float(sys.argv.pop(1))
    unittest.main(verbosity=2)
