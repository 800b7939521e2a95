#!/usr/bin/python3
"""Each thing that a policy names can be missing or wrong. The operator says so in a condition and
in its log, with the object, the field and the remedy, touches nothing, and goes on once it is
mended. All cases go through these stages together; each has a test of its own for what it met."""

import dataclasses
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Callable

from database import HOST
from fixture import PATIENCE, RESYNC, OperatorTest, main
from objects import wait_until


@dataclasses.dataclass
class Case:
    """One bad input. Words may hold {ns} and {name}."""

    reason: str
    words: list
    make: Callable
    mend: Callable
    logged: list = dataclasses.field(default_factory=list)  # words of a second line
    acts: bool = False  # the operator makes its own objects; otherwise nothing at all
    down: bool = False  # the server is this case's own and does not run yet


def absent(kind, *suffixes):
    missing = [(kind, suffix) for suffix in suffixes]

    def make(shop):
        shop.make(without=missing)
        shop.make_policy()

    return {"make": make, "mend": lambda shop: shop.make(*missing)}


def wrong(kind, suffix, bad, good):
    def change(shop, patch):
        shop.namespace.merge(kind, f"{shop.name}-{suffix}", patch)

    def make(shop):
        shop.make()
        change(shop, bad)
        shop.make_policy()

    return {"make": make, "mend": lambda shop: change(shop, good)}


def foreign(kind, suffix, body):
    """Somebody's object with a name that is ours."""
    def make(shop):
        shop.namespace.create(kind, shop.name + suffix, body)
        shop.make()
        shop.make_policy()

    return {"make": make, "mend": lambda shop: shop.namespace.delete(kind, shop.name + suffix)}


def good(shop):
    shop.make()
    shop.make_policy()


def immutable(shop):
    shop.make()
    shop.namespace.merge("ConfigMap", f"{shop.name}-config", {"immutable": True})
    shop.make_policy()


def mutable_again(shop):
    body = shop.objects()["ConfigMap", "config"]
    shop.namespace.replace("ConfigMap", f"{shop.name}-config", body)


def without_instances(shop):
    shop.instances = 0
    good(shop)


def unreadable_time(shop):
    shop.make()
    shop.make_policy(annotations={"pgrightsizer.io/restart-now": "tomorrow"})


def without_annotation(shop):
    shop.namespace.merge("ConnectionPolicy", shop.name, {"metadata": {"annotations": {
        "pgrightsizer.io/restart-now": None}}})


ADMIN = "Secret {ns}/{name}-admin"
APPLICATION = "Secret {ns}/{name}-app"
CONFIG = "ConfigMap {ns}/{name}-config"
SET = "StatefulSet {ns}/{name}-db"
PORT = {"spec": {"ports": [{"port": 80}]}}
PODS = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
DEPLOYMENT = {"spec": {"paused": True, "selector": {"matchLabels": {"a": "b"}}, "template": PODS}}
CASES = {
    "missing deployment": Case(
        "WorkloadNotFound", ["Deployment {ns}/{name}-app", "create it", "spec.workloads"],
        **absent("Deployment", "app")),
    "missing admin secret": Case(
        "SecretNotFound", [ADMIN, "create it", "spec.database.adminSecretName"],
        **absent("Secret", "admin")),
    "two missing secrets": Case(
        "SecretNotFound", [ADMIN, "create it", "spec.database.adminSecretName"],
        **absent("Secret", "admin", "app"),
        logged=[APPLICATION, "create it", "spec.database.applicationSecrets[0]"]),
    "missing key of the admin secret": Case(
        "SecretKeyMissing", [ADMIN, "key username", "add it", "spec.database.adminSecretName"],
        **wrong("Secret", "admin", {"data": {"username": None}},
                {"stringData": {"username": "postgres"}})),
    "missing application secret": Case(
        "SecretNotFound", [APPLICATION, "create it", "spec.database.applicationSecrets[0]"],
        **absent("Secret", "app")),
    "missing key of the application secret": Case(
        "SecretKeyMissing",
        [APPLICATION, "key database", "add it", "spec.database.applicationSecrets[0]"],
        **wrong("Secret", "app", {"data": {"database": None}},
                {"stringData": {"database": "shop"}})),
    "missing config map": Case(
        "DatabaseNotFound", [CONFIG, "create it", "spec.database.config.configMapName"],
        **absent("ConfigMap", "config")),
    "missing key of the config map": Case(
        "DatabaseInvalid", [CONFIG, "key postgresql.conf", "spec.database.config.key"],
        **wrong("ConfigMap", "config", {"data": {"postgresql.conf": None}},
                {"data": {"postgresql.conf": "max_connections = 250\n"}})),
    "immutable config map": Case(
        "DatabaseInvalid", [CONFIG, "immutable", "spec.database.config.configMapName"],
        immutable, mutable_again),
    "missing stateful set": Case(
        "DatabaseNotFound", [SET, "create it", "spec.database.name"],
        **absent("StatefulSet", "db")),
    "too many replicas": Case(
        "DatabaseInvalid", [SET, "scaled to 10", "spec.replicas to 1"],
        **wrong("StatefulSet", "db", {"spec": {"replicas": 10}}, {"spec": {"replicas": 1}})),
    "no replica of the database": Case(
        "DatabaseInvalid", [SET, "scaled to 0", "spec.replicas to 1"],
        **wrong("StatefulSet", "db", {"spec": {"replicas": 0}}, {"spec": {"replicas": 1}})),
    "wrong admin password": Case(
        "AdminLoginFailed", [ADMIN, "refuses", "correct the Secret", "adminSecretName"],
        **wrong("Secret", "admin", {"stringData": {"password": "wrong"}},
                {"stringData": {"password": "admin-password"}})),
    "database down": Case(
        "DatabaseUnreachable", ["{host}:{port}", "refused", "spec.database"],
        good, lambda shop: shop.server.start(), acts=True, down=True),
    "front service of somebody": Case(
        "NotOurs", ["Service {ns}/{name}:", "does not belong to this policy", "rename"],
        **foreign("Service", "", PORT)),
    "direct service of somebody": Case(
        "WriteRefused", ["Service {ns}/{name}-direct", "does not belong to this policy", "rename"],
        **foreign("Service", "-direct", PORT)),
    "binding secret of somebody": Case(
        "WriteRefused", ["Secret {ns}/{name}-connection", "does not belong to", "rename"],
        **foreign("Secret", "-connection", {"stringData": {"a": "b"}}), acts=True),
    "pooler deployment of somebody": Case(
        "NotOurs", ["Deployment {ns}/{name}-pooler", "does not belong to this policy", "rename"],
        **foreign("Deployment", "-pooler", DEPLOYMENT)),
    "no instances": Case(
        "Hold", ["ConnectionPolicy {ns}/{name}", "no instances", "spec.replicas"],
        without_instances, lambda shop: shop.scale(10), acts=True),
    "a restart-now that is no time": Case(
        "RestartNowInvalid", ["ConnectionPolicy {ns}/{name}", "pgrightsizer.io/restart-now",
                              "tomorrow", "give it a time"],
        unreadable_time, without_annotation, acts=True),
}


class Met:
    """What was seen of one case, stage by stage; the first failure ends its way."""

    def __init__(self, case, shop):
        self.case, self.shop = case, shop
        self.failure = None
        self.before = self.after = None
        self.words = [self._named(word) for word in case.words]

    def _named(self, word):
        return word.format(ns=self.shop.namespace.name, name=self.shop.name, host=HOST,
                           port=self.shop.server.port)

    def stage(self, work, *arguments):
        if self.failure is None:
            try:
                work(*arguments)
            except (AssertionError, OSError) as failure:
                self.failure = f"{work.__name__}: {failure}"

    def make(self):
        self.case.make(self.shop)

    def told(self, operator):
        """The condition, its text, and the line in the log."""
        def condition():
            return self.shop.namespace.condition(self.shop.name)

        def right():
            _, reason, message = condition()
            return reason == self.case.reason and all(word in message for word in self.words)

        wait_until(lambda: f"Ready {self.case.reason} with {self.words}, it is {condition()}",
                   PATIENCE, right)
        operator.wait_for(PATIENCE, *self.words, about=self.shop.name)
        operator.wait_for(PATIENCE, *map(self._named, self.case.logged), about=self.shop.name)

    def look(self):
        self.before = self.shop.state()

    def look_again(self):
        self.after = self.shop.state()

    def mend(self):
        self.case.mend(self.shop)

    def ready(self):
        def condition():
            return self.shop.namespace.condition(self.shop.name)

        wait_until(lambda: f"Ready InStep, it is {condition()}", PATIENCE,
                   lambda: condition()[:2] == ("True", "InStep"))
        wait_until("binding Secret", PATIENCE,
                   lambda: self.shop.namespace.secret(f"{self.shop.name}-connection"))


class Inputs(OperatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.common = cls.servers.make("common", "max_connections = 250\n")
        cls.common.start()
        cls.met = {name: Met(case, cls.shop_of(name, case)) for name, case in CASES.items()}
        cls.each("make")
        cls.start_operator()
        cls.each("told", cls.operator)
        cls.each("look")
        cls.measure(RESYNC + 1)
        cls.each("look_again")
        cls.each("mend")
        cls.each("ready")

    @classmethod
    def shop_of(cls, name, case):
        server = cls.servers.make("down", "max_connections = 250\n") if case.down else cls.common
        return cls.shop(name.replace(" ", "-"), server)

    @classmethod
    def each(cls, stage, *arguments):
        """A few at a time, because they wait for the same operator."""
        with ThreadPoolExecutor(6) as pool:
            for met in cls.met.values():
                pool.submit(met.stage, getattr(met, stage), *arguments)

    @staticmethod
    def measure(seconds):
        """The time over which nothing may be touched."""
        time.sleep(seconds)

    def judge(self, name):
        met = self.met[name]
        self.assertIsNone(met.failure, met.failure)
        before, after = self.theirs(met.before), self.theirs(met.after)
        self.assertEqual(before, after, "something was touched")
        if not met.case.acts:
            self.assertEqual((before, after), (met.before, met.after), "something was made")

    @staticmethod
    def theirs(state):
        """Without what the operator makes: that is kind/name."""
        return {key: value for key, value in state.items() if "/" not in key}


def add_tests():
    for name in CASES:
        def test(self, name=name):
            self.judge(name)

        setattr(Inputs, f"test_{name.replace(' ', '_').replace('-', '_')}", test)


add_tests()

if __name__ == "__main__":
    main()
