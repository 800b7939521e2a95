"""Everything of one run: a namespace, PostgreSQL, the node, the proxies, the application and the
operator between them."""

import contextlib
import pathlib
import random
import shutil
import tempfile
import time

from application import Application
from database import HOST, Servers, free_port
from keeper import Keeper
from kubelet import Node, Watch
from objects import Namespace, Refused
from proxy.access import Access
from proxy.api import ApiProxy
from proxy.loop import Loop
from proxy.record import Record
from proxy.sql import SqlProxy
from sampler import Sampler
from shop import Shop

SUBNET = "10.201"  # of all pods; the runner makes it local
POLICY = "shop"
CONFIG = "max_connections = 250\n"
SPEC = {
    "behavior": {"scaleUp": {"stabilizationSeconds": 0}, "scaleDown": {"stabilizationSeconds": 0}},
    "restart": {"policy": "Auto", "minIntervalSeconds": 0},
    "routing": {"mode": "Service", "drain": "TerminateIdle", "onIncompatible": "Move"},
    "saturation": {"sampleSeconds": 1, "forSeconds": 60},
}


class Space(Namespace):
    """With what only a kubelet does."""

    def create_at(self, path, body):
        return self._do("POST", f"/api/v1/namespaces/{self.name}/{path}", body)

    def end_pod(self, name, uid):
        return self._do("DELETE", f"/api/v1/namespaces/{self.name}/pods/{name}",
                        {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}})

    def end_pods(self):
        """Nobody else does, and the namespace would never go."""
        for pod in self.list("Pod"):
            with contextlib.suppress(Refused):
                self.end_pod(pod["metadata"]["name"], pod["metadata"]["uid"])


class User:
    """Does what a plan says, and takes it back; the sampler counts with it at once."""

    def __init__(self, world):
        self._world = world
        self._rule = None
        self.changes = []  # [when it was there, when it was undone, what]

    def change(self, rule):
        self._rule = rule
        self._merge(rule.patch)
        self.changes.append([time.monotonic(), float("inf"), f"{rule.object} {rule.patch}"])

    def undo(self):
        self.changes[-1][1] = time.monotonic()
        self._merge(self._rule.undo)

    def _merge(self, patch):
        kind, name = self._rule.object.split("/")
        self._world.namespace.merge(kind, name, patch)
        self._world.instances = patch.get("spec", {}).get("replicas", self._world.instances)
        self._world.record.add("change", "user", stage=self._world.plan.stage,
                               text=f"{self._rule.object} {patch}")


class World:
    """Of the run in this slot. Slots at the same time have different numbers, 0 to 250."""

    def __init__(self, ground, slot, plan):
        api = ground.api
        self.plan = plan
        self.record = Record()
        self.instances = 10
        self.user = User(self)
        self.switches = []  # where the front Service led, one after the other
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="pgrs-fault-"))
        self.directory.chmod(0o755)
        self._loop = Loop()
        self._proxies = {}
        self._upstream, self._authority = ground.upstream, ground.authority
        self.keepers = []
        self.namespace = Space(api, f"fault-{self.directory.name[-8:].lower().replace('_', 'x')}")
        self._servers = Servers()
        self.server = self._servers.make("db", CONFIG, arguments=["-c", "listen_addresses=*"])
        self.port = free_port()
        self._bouncer_port = free_port()
        self._service_watch = Watch(self.namespace.name, ("/api/v1", "services"), api.port,
                                    self._service)
        self.node = Node(self.namespace, api.port, self.directory, f"{SUBNET}.{slot}", self.server,
                         {"bouncer": self._bouncer_port}, self._listen)
        self.shop = Shop(self.namespace, POLICY, self.server, config=CONFIG, instances=10,
                         spec={**SPEC, "database": {"port": self.port}})
        self.sampler = Sampler(self)
        self.application = Application(self._where)

    def close(self):
        for keeper in self.keepers:
            keeper.stop()
        self.application.close()
        self.sampler.close()
        self._service_watch.stop()
        self.namespace.remove()
        self.namespace.end_pods()
        self.node.close()
        self._servers.close()
        shutil.rmtree(self.directory)

    def start_operator(self, identity, for_ever=True):
        """Behind an API proxy of its own."""
        access = Access(self.directory, identity, self._authority)
        proxy = ApiProxy(self._upstream, access, self.plan, self.record,
                         lambda signal: keeper.kill(signal), identity, self.user)
        config = access.kubeconfig(self._loop.run(proxy.start()))
        keeper = Keeper("--namespace", self.namespace.name, "--lease-namespace",
                        self.namespace.name, "--lease-identity", identity,
                        config=config, for_ever=for_ever)
        self.keepers.append(keeper)
        return keeper

    def kill(self, signal):
        """What a plan asks for at a statement: whose it was does not matter with one operator."""
        self.keepers[-1].kill(signal)

    def scale(self, instances):
        self.instances = instances
        self.shop.scale(instances)

    def route_is_direct(self):
        return not self.switches or self.switches[-1] == "Direct"

    def _where(self):
        """Of the application's next session."""
        if self.route_is_direct():
            return self.node.database_address(), self.server.port, False
        serving = [one for _, one, leaving in self.node.poolers() if not leaving]
        if not serving:
            return None
        one = random.choice(serving)
        return one.address, one.port, True

    def _listen(self, pod, address, target):
        """The proxy of a pod that has got its address; PostgreSQL keeps its own."""
        if address in self._proxies:
            return
        proxy = SqlProxy("postgres" if target[0] == HOST else "pooler", target, self.plan,
                         self.record, self.kill)
        self._loop.run(proxy.listen(address, self.port))
        self._proxies[address] = proxy

    def _service(self, kind, service):
        name = service["metadata"]["name"]
        if name == f"{POLICY}-direct" and kind == "ADDED":
            self._listen(name, service["spec"]["clusterIP"], (HOST, self.server.port))
        if name == POLICY and kind != "DELETED":
            pooled = service["spec"]["selector"].get("app.kubernetes.io/component") == "pooler"
            route = "Pooler" if pooled else "Direct"
            if not self.switches or self.switches[-1] != route:
                self.switches.append(route)
