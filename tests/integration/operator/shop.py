"""One application with its database and policy, good in every respect: ten instances of twenty
connections on a server with 250. Tests make one thing bad."""

import copy

from database import ADMIN, APPLICATION

INSTANCES = 10
CONFIG = "# by hand\nmax_connections = 250\nwork_mem = 4MB\n"
KEY = "postgresql.conf"


class Shop:
    """The names of its objects begin with the shop's; the policy has it itself."""

    def __init__(self, namespace, name, server, config=CONFIG, instances=INSTANCES, spec=None,
                 databases=1):
        self.namespace = namespace
        self.name = name
        self.server = server
        self.config = config
        self.instances = instances
        self.spec = spec or {}
        self.databases = databases  # pods of PostgreSQL

    @property
    def database(self):
        return f"{self.name}-db"

    @property
    def text(self):
        return f"{self.namespace.name}/{self.name}"

    def objects(self):
        """(kind, suffix of the name) → body, in the order in which they are made."""
        user, password, database = APPLICATION
        return {
            ("Secret", "admin"): {"stringData": dict(zip(("username", "password"), ADMIN))},
            ("Secret", "app"): {"stringData": {
                "username": user, "password": password, "database": database}},
            ("ConfigMap", "config"): {"data": {KEY: self.config, "other.conf": "untouched"}},
            ("StatefulSet", "db"): self._stateful_set(),
            ("Deployment", "app"): self._deployment(),
        }

    def _stateful_set(self):
        labels = {"app": self.database, "role": "database"}
        mount = {"name": "config", "mountPath": str(self.server.config_directory)}
        return {"spec": {
            "serviceName": self.database, "replicas": self.databases,
            "podManagementPolicy": "Parallel", "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {
                "containers": [{"name": "postgres", "image": "postgres", "volumeMounts": [mount]}],
                "volumes": [{"name": "config", "configMap": {"name": f"{self.name}-config"}}]}}}}

    def _deployment(self):
        labels = {"app": self.name}
        return {"spec": {
            "paused": True,  # it counts, and makes no pods
            "replicas": self.instances, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels},
                         "spec": {"containers": [{"name": "app", "image": "app"}]}}}}

    def policy(self):
        spec = {
            "workloads": [{"name": "app", "targetRef": {
                "kind": "Deployment", "name": f"{self.name}-app"}}],
            "database": {
                "provider": "StatefulSet", "name": self.database, "port": self.server.port,
                "config": {"configMapName": f"{self.name}-config"},
                "adminSecretName": f"{self.name}-admin",
                "applicationSecrets": [f"{self.name}-app"]},
            "behavior": {"scaleDown": {"stabilizationSeconds": 0}},
            "restart": {"policy": "Immediate", "minIntervalSeconds": 0},
            "routing": {"mode": "Service"}}
        return {"apiVersion": "pgrightsizer.io/v1alpha1", "kind": "ConnectionPolicy",
                "spec": merged(spec, self.spec)}

    def make(self, *kinds_and_suffixes, without=()):
        """All objects, or those named."""
        for (kind, suffix), body in self.objects().items():
            chosen = not kinds_and_suffixes or (kind, suffix) in kinds_and_suffixes
            if chosen and (kind, suffix) not in without:
                self.namespace.create(kind, f"{self.name}-{suffix}", body)

    def make_policy(self, **metadata):
        self.namespace.create("ConnectionPolicy", self.name, self.policy(), **metadata)

    def change(self, spec):
        self.namespace.merge("ConnectionPolicy", self.name, {"spec": spec})

    def scale(self, instances):
        self.namespace.merge("Deployment", f"{self.name}-app", {"spec": {"replicas": instances}})

    def file(self):
        return self.namespace.get("ConfigMap", f"{self.name}-config")["data"][KEY]

    def write_file(self, text):
        self.namespace.merge("ConfigMap", f"{self.name}-config", {"data": {KEY: text}})

    def state(self):
        """What must not change while the operator has no reason to act."""
        state = dict(self.namespace.made_for(self.name))
        config_map = self.namespace.get("ConfigMap", f"{self.name}-config")
        state["ConfigMap"] = config_map and config_map["metadata"]["resourceVersion"]
        for suffix in ("admin", "app"):
            secret = self.namespace.get("Secret", f"{self.name}-{suffix}")
            state[f"Secret {suffix}"] = secret and secret["metadata"]["resourceVersion"]
        for kind, suffix in (("StatefulSet", "db"), ("Deployment", "app")):
            found = self.namespace.get(kind, f"{self.name}-{suffix}")
            state[kind] = found and found["metadata"]["generation"]
        for pod in self.namespace.list("Pod", f"app={self.database}"):
            state[f"Pod {pod['metadata']['name']}"] = pod["metadata"]["uid"]
        return state


def merged(base, changes):
    """As a merge patch does it: null removes."""
    result = copy.deepcopy(base)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = copy.deepcopy(value)
    return result
