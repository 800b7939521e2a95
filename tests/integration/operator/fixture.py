"""What every test class of this folder needs: a namespace, servers, a kubelet and an operator."""

import os
import sys
import unittest

from database import Servers
from kubelet import Kubelet
from objects import Namespace, cluster, install_crd, wait_until
from program import Operator
from shop import KEY, Shop

RESYNC = 10  # seconds after which the operator looks again at what it does not watch
PATIENCE = 120  # seconds for whatever must happen; a busy machine is slow


class OperatorTest(unittest.TestCase):
    """One namespace per class, named after it, with an operator that watches only that."""

    @classmethod
    def setUpClass(cls):
        install_crd()
        cls.api = cluster.Api()
        cls.addClassCleanup(cls.api.close)
        cls.servers = Servers()
        cls.addClassCleanup(cls.servers.close)
        cls.namespace = Namespace(cls.api, f"operator-{cls.__name__.lower()}-{os.getpid()}")
        cls.addClassCleanup(cls.namespace.remove)
        cls.kubelet = Kubelet(cls.namespace)
        cls.addClassCleanup(cls.kubelet.close)

    @classmethod
    def start_operator(cls, *arguments, **options):
        cls.operator = Operator("--namespace", cls.namespace.name, *arguments, **options)
        cls.addClassCleanup(lambda: cls.operator.stop())
        return cls.operator

    @classmethod
    def shop(cls, name, server, own=False, **options):
        """`own`: the server is this shop's alone, and restarts when its pod is replaced."""
        shop = Shop(cls.namespace, name, server, **options)
        cls.kubelet.serve(shop.database, server, (f"{name}-config", KEY) if own else None)
        return shop

    @classmethod
    def own_shop(cls, name, config="max_connections = 250\n", arguments=(), **options):
        """A shop with a server of its own, which runs."""
        server = cls.servers.make(name, config, arguments=arguments)
        server.start()
        return cls.shop(name, server, own=True, config=config, **options)

    def becomes(self, name, status, reason, seconds=PATIENCE):
        """Waits until the policy's Ready says so, and returns its message."""
        def condition():
            return self.namespace.condition(name)

        wait_until(lambda: f"Ready {status} {reason} of {name}, it is {condition()}; the log:\n"
                   + self.operator.tail(), seconds, lambda: condition()[:2] == (status, reason))
        return condition()[2]

    def restarts_of(self, shop):
        return shop.namespace.status(shop.name).get("restarts", {}).get("recent", [])


def main():
    if not cluster.available():
        print("skipped: PGRS_TEST_KUBECONFIG is not set or kubectl is not on the PATH")
        sys.exit(cluster.SKIPPED)
    unittest.main(verbosity=2)
