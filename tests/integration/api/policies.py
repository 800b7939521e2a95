"""Policies good and bad: what the schema and the parser must both say about them."""

import copy

BASE = {
    "apiVersion": "pgrightsizer.io/v1alpha1",
    "kind": "ConnectionPolicy",
    "metadata": {"name": "shop-db", "namespace": "crd-test"},
    "spec": {
        "workloads": [{"name": "api", "targetRef": {"kind": "Deployment", "name": "shop-api"}}],
        "database": {
            "provider": "StatefulSet",
            "name": "postgres",
            "config": {"configMapName": "postgres-config"},
            "adminSecretName": "postgres-admin",
            "applicationSecrets": ["shop-app"],
        },
    },
}
REMOVE = object()  # as a value: the field goes


def policy(changes=None, name=None):
    """BASE with {"spec.path.to[0].field": value} applied."""
    result = copy.deepcopy(BASE)
    if name is not None:
        result["metadata"]["name"] = name
    for path, value in (changes or {}).items():
        *parents, last = path.replace("[", ".[").split(".")
        node = result
        for part in parents:
            node = node[int(part[1:-1])] if part.startswith("[") else node.setdefault(part, {})
        if value is REMOVE:
            node.pop(last)
        elif last.startswith("["):
            node[int(last[1:-1])] = copy.deepcopy(value)
        else:
            node[last] = copy.deepcopy(value)
    return result


def workload(name, target=None, **fields):
    return {"name": name, "targetRef": {"kind": "Deployment", "name": target or name}, **fields}


DB = "spec.database."
EXTERNAL = {DB + "provider": "External", DB + "name": REMOVE, DB + "config": REMOVE}
BY_IP = {**EXTERNAL, DB + "host": "10.1.2.3"}
BY_NAME = {**EXTERNAL, DB + "host": "db.example.com"}
SELECTOR = {"spec.workloads": REMOVE, "spec.workloadSelector": {"matchLabels": {"uses-db": "shop"}}}
QUANTITIES = {"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"cpu": 1}}

GOOD = {
    "the least": policy(),
    "a selector": policy(SELECTOR),
    "longest name": policy(name="a" * 50),
    "longest names of objects": policy({
        "spec.workloads[0].targetRef.name": "a" * 253, DB + "name": "a" * 253,
        DB + "config.configMapName": "a" * 253, DB + "adminSecretName": "a" * 253,
        DB + "applicationSecrets[0]": "a" * 253, "spec.pooler.tlsSecretName": "a" * 253}),
    "two workloads": policy({"spec.workloads": [workload("a", connectionsPerInstance=1),
                                                workload("b", concurrentRequests=10000)]}),
    "same name, other kind": policy({"spec.workloads": [
        workload("a"), {"name": "b", "targetRef": {"kind": "StatefulSet", "name": "a"}}]}),
    "External by IPv4": policy(BY_IP),
    "External by IPv6": policy({**EXTERNAL, DB + "host": "fd00::1"}),
    "External by name, no routing": policy({**BY_NAME, "spec.routing.mode": "None"}),
    "External by name, always pooled": policy({**BY_NAME, "spec.pooler.provision": "Always"}),
    "smallest buffer": policy({"spec.sizing.bufferConnections": 20}),
    "min equals max": policy({"spec.sizing": {"minConnections": 100, "maxConnections": 100}}),
    "one tier": policy({"spec.pooler.tiers": [{"instances": 11, "poolSize": 10}]}),
    "eight poolers": policy({"spec.pooler.replicas": 8}),
    "resources": policy({"spec.pooler.resources": QUANTITIES}),
    "no waiting at all": policy({"spec.behavior": {"scaleDown": {"stabilizationSeconds": 0}},
                                 "spec.restart": {"minIntervalSeconds": 0}}),
    "everything named": policy({
        "spec.mode": "Recommend", "spec.suspend": True, "spec.environment": "Development",
        "spec.deletionPolicy": "Orphan", "spec.restart.policy": "Manual",
        "spec.routing": {"mode": "Service", "drain": "RolloutRestart", "drainTimeoutSeconds": 60},
        "spec.pooler": {"provision": "Never", "image": "example.com/pgbouncer:1.24",
                        "imagePullSecrets": ["pull", "pull.more"], "tlsSecretName": "tls",
                        "hysteresisInstances": 0},
        "spec.sizing.countInstances": "Current"}),
    "restarts in every detail": policy({
        "spec.restart": {"policy": "InWindow", "maxPauseSeconds": 30, "longTransactions": "Terminate",
                         "longTransactionSeconds": 5, "emergency": "Override", "maxPerDay": 3,
                         "windows": [{"schedule": "0 2 * * *"},
                                     {"schedule": "30 1 * * SUN", "durationSeconds": 600,
                                      "timeZone": "Europe/Berlin"}]},
        "spec.routing.onIncompatible": "Move", "spec.deletionPolicy": "Unwind"}),
    "a role's limit": policy({"spec.sizing": {
        "enforce": "RoleConnectionLimit", "countInstances": "CurrentPlusSurge"}}),
    "saturation in every detail": policy({"spec.saturation": {
        "warningPercent": 70, "criticalPercent": 90, "waitMilliseconds": 50, "forSeconds": 120,
        "sampleSeconds": 10, "criticalNeedsWaiting": True}}),
    "an autoscaler": policy({"spec.sizing.countInstances": "AutoscalerMax"}),
}


def tiers(*pairs):
    return {"spec.pooler.tiers": [{"instances": i, "poolSize": p} for i, p in pairs]}


# name: (policy, what the server's message must hold, what the parser's must hold)
BAD = {
    "workloads and selector": (
        policy({"spec.workloadSelector": {"matchLabels": {"a": "b"}}}),
        "exactly one of workloads and workloadSelector", "spec.workloads is given together"),
    "neither workloads nor selector": (
        policy({"spec.workloads": REMOVE}),
        "exactly one of workloads and workloadSelector", "spec.workloads is missing"),
    "no workloads": (
        policy({"spec.workloads": []}), "spec.workloads", "spec.workloads is missing"),
    "empty selector": (
        policy({**SELECTOR, "spec.workloadSelector.matchLabels": {}}),
        "spec.workloadSelector.matchLabels", "spec.workloadSelector.matchLabels has 0"),
    "both counts of connections": (
        policy({"spec.workloads[0].connectionsPerInstance": 5,
                "spec.workloads[0].concurrentRequests": 5}),
        "at most one of connectionsPerInstance", "spec.workloads[0] has both"),
    "no connections": (
        policy({"spec.workloads[0].connectionsPerInstance": 0}),
        "spec.workloads[0].connectionsPerInstance", "spec.workloads[0].connectionsPerInstance is 0"),
    "a workload twice": (
        policy({"spec.workloads": [workload("a", "x"), workload("a", "y")]}),
        "Duplicate value", "spec.workloads[1].name"),
    "a target twice": (
        policy({"spec.workloads": [workload("a", "x"), workload("b", "x")]}),
        "counted twice", "spec.workloads[1].targetRef names Deployment x a second time"),
    "a target of another kind": (
        policy({"spec.workloads[0].targetRef.kind": "DaemonSet"}),
        "spec.workloads[0].targetRef.kind", "spec.workloads[0].targetRef.kind is \"DaemonSet\""),
    "a target of another API": (
        policy({"spec.workloads[0].targetRef.apiVersion": "v1"}),
        "spec.workloads[0].targetRef.apiVersion", "spec.workloads[0].targetRef.apiVersion"),
    "an impossible name of a target": (
        policy({"spec.workloads[0].targetRef.name": "Shop"}),
        "spec.workloads[0].targetRef.name", "spec.workloads[0].targetRef.name is \"Shop\""),
    "no database": (policy({"spec.database": REMOVE}), "spec.database", "spec.database is missing"),
    "no provider": (
        policy({DB + "provider": REMOVE}), "spec.database.provider", "spec.database.provider"),
    "unknown provider": (
        policy({DB + "provider": "Oracle"}), "spec.database.provider", "is \"Oracle\""),
    "StatefulSet without name": (
        policy({DB + "name": REMOVE}), "needs name and config", "spec.database.name is missing"),
    "StatefulSet without config": (
        policy({DB + "config": REMOVE}),
        "needs name and config", "spec.database.config.configMapName is missing"),
    "StatefulSet with host": (
        policy({DB + "host": "10.0.0.1"}), "host is for provider External", "spec.database.host"),
    "External without host": (
        policy(EXTERNAL), "External needs host", "spec.database.host is missing"),
    "External with name": (
        policy({**BY_IP, DB + "name": "postgres"}),
        "name and config are for provider StatefulSet", "spec.database.name is given"),
    "External with config": (
        policy({**BY_IP, DB + "config": {"configMapName": "x"}}),
        "name and config are for provider StatefulSet", "spec.database.config is given"),
    "External by name": (
        policy(BY_NAME), "cannot be switched to by the front Service", "spec.database.host is a name"),
    "a host that is none": (
        policy({**BY_IP, DB + "host": "a b"}), "spec.database.host", "spec.database.host is \"a b\""),
    "port 0": (policy({DB + "port": 0}), "spec.database.port", "spec.database.port is 0"),
    "port as a text": (
        policy({DB + "port": "5432"}), "spec.database.port", "spec.database.port is \"5432\""),
    "no admin Secret": (
        policy({DB + "adminSecretName": REMOVE}),
        "spec.database.adminSecretName", "spec.database.adminSecretName is missing"),
    "no application Secrets": (
        policy({DB + "applicationSecrets": []}),
        "spec.database.applicationSecrets", "spec.database.applicationSecrets has 0"),
    "an impossible name of a Secret": (
        policy({DB + "applicationSecrets": ["ok", "-"]}),
        "spec.database.applicationSecrets[1]", "spec.database.applicationSecrets[1] is \"-\""),
    "a small buffer": (
        policy({"spec.sizing.bufferConnections": 19}),
        "spec.sizing.bufferConnections", "spec.sizing.bufferConnections is 19"),
    "min above max": (
        policy({"spec.sizing": {"minConnections": 101, "maxConnections": 100}}),
        "minConnections is above maxConnections", "spec.sizing.minConnections is 101, above"),
    "max below the default min": (
        policy({"spec.sizing": {"maxConnections": 24}}),
        "minConnections is above maxConnections", "spec.sizing.minConnections is 25, above"),
    "max above PostgreSQL's": (
        policy({"spec.sizing": {"maxConnections": 262144}}),
        "spec.sizing.maxConnections", "spec.sizing.maxConnections is 262144"),
    "an unknown count": (
        policy({"spec.sizing.countInstances": "Guess"}),
        "spec.sizing.countInstances", "spec.sizing.countInstances is \"Guess\""),
    "no tiers": (policy(tiers()), "spec.pooler.tiers", "spec.pooler.tiers has 0"),
    "tiers with equal instances": (
        policy(tiers((50, 100), (50, 200))), "rise strictly", "spec.pooler.tiers[1].instances is 50"),
    "tiers falling": (
        policy(tiers((100, 100), (50, 200))), "rise strictly", "spec.pooler.tiers[1].instances is 50"),
    "tiers with equal pools": (
        policy(tiers((50, 100), (60, 100))), "rise strictly", "spec.pooler.tiers[1].poolSize is 100"),
    "the third tier falls": (
        policy(tiers((50, 100), (60, 200), (70, 150))),
        "rise strictly", "spec.pooler.tiers[2].poolSize is 150"),
    "half a tier": (
        policy({"spec.pooler.tiers": [{"instances": 50}]}),
        "spec.pooler.tiers[0].poolSize", "spec.pooler.tiers[0].poolSize is missing"),
    "a pool too small to share": (
        policy({**tiers((50, 15)), "spec.pooler.replicas": 8}),
        "at least 2 connections", "spec.pooler.tiers[0].poolSize is 15"),
    "a tier that is never left": (
        policy(tiers((10, 100))), "never be left", "spec.pooler.hysteresisInstances is 10"),
    "nine poolers": (
        policy({"spec.pooler.replicas": 9}), "spec.pooler.replicas", "spec.pooler.replicas is 9"),
    "no pooler": (
        policy({"spec.pooler.replicas": 0}), "spec.pooler.replicas", "spec.pooler.replicas is 0"),
    "unknown provision": (
        policy({"spec.pooler.provision": "Maybe"}),
        "spec.pooler.provision", "use one of Auto, Always, Never"),
    "an impossible name of a Secret to pull with": (
        policy({"spec.pooler.imagePullSecrets": ["ok", "-"]}),
        "spec.pooler.imagePullSecrets[1]", "spec.pooler.imagePullSecrets[1] is \"-\""),
    "resources as a text": (
        policy({"spec.pooler.resources": "lots"}), "spec.pooler.resources", "spec.pooler.resources"),
    "unknown mode": (policy({"spec.mode": "Off"}), "spec.mode", "spec.mode is \"Off\""),
    "suspend as a text": (
        policy({"spec.suspend": "true"}), "spec.suspend", "spec.suspend is \"true\""),
    "unknown environment": (
        policy({"spec.environment": "Prod"}), "spec.environment", "spec.environment is \"Prod\""),
    "unknown routing": (
        policy({"spec.routing.mode": "Mesh"}), "spec.routing.mode", "spec.routing.mode is \"Mesh\""),
    "unknown drain": (
        policy({"spec.routing.drain": "Kill"}), "spec.routing.drain", "spec.routing.drain is \"Kill\""),
    "no time to drain": (
        policy({"spec.routing.drainTimeoutSeconds": 0}),
        "spec.routing.drainTimeoutSeconds", "spec.routing.drainTimeoutSeconds is 0"),
    "an unknown restart policy": (
        policy({"spec.restart.policy": "Sometimes"}),
        "spec.restart.policy", "use one of Auto, Immediate, InWindow, Manual"),
    "InWindow without a window": (
        policy({"spec.restart.policy": "InWindow"}),
        "InWindow needs a window", "spec.restart.windows is empty"),
    "a window without a schedule": (
        policy({"spec.restart.windows": [{"durationSeconds": 600}]}),
        "spec.restart.windows[0].schedule", "spec.restart.windows[0].schedule is missing"),
    "an unknown way with long transactions": (
        policy({"spec.restart.longTransactions": "Kill"}),
        "spec.restart.longTransactions", "use one of Wait, Terminate"),
    "an unknown emergency": (
        policy({"spec.restart.emergency": "Panic"}),
        "spec.restart.emergency", "use one of Wait, Override"),
    "an unknown way to enforce": (
        policy({"spec.sizing.enforce": "Hope"}),
        "spec.sizing.enforce", "use one of MaxConnections, RoleConnectionLimit"),
    "unknown when incompatible": (
        policy({"spec.routing.onIncompatible": "Guess"}),
        "spec.routing.onIncompatible", "use one of Hold, Move"),
    "a negative interval": (
        policy({"spec.restart.minIntervalSeconds": -1}),
        "spec.restart.minIntervalSeconds", "spec.restart.minIntervalSeconds is -1"),
    "a window of years": (
        policy({"spec.behavior": {"scaleDown": {"stabilizationSeconds": 2 ** 31}}}),
        "spec.behavior.scaleDown.stabilizationSeconds",
        "spec.behavior.scaleDown.stabilizationSeconds is 2147483648"),
    "a warning above critical": (
        policy({"spec.saturation.warningPercent": 96}),
        "warningPercent is above criticalPercent", "spec.saturation.warningPercent is 96"),
    "a window of one sample": (
        policy({"spec.saturation.sampleSeconds": 31}),
        "at least twice sampleSeconds", "spec.saturation.forSeconds is 60"),
    "an unknown deletion policy": (
        policy({"spec.deletionPolicy": "Destroy"}),
        "spec.deletionPolicy", "spec.deletionPolicy is \"Destroy\""),
    "a name too long": (policy(name="a" * 51), "at most 50 characters", "metadata.name"),
    "a name that is no Service's": (policy(name="1shop"), "begin with a letter", "metadata.name"),
    "a name with a dot": (policy(name="shop.db"), "begin with a letter", "metadata.name"),
}

TIER = "spec.pooler.tiers[0]."
ONE_TIER = tiers((50, 150))
# (path, lowest, highest, what else must be set so that both are good)
BOUNDS = [
    ("spec.workloads[0].connectionsPerInstance", 1, 10000, {}),
    ("spec.workloads[0].concurrentRequests", 1, 10000, {}),
    (DB + "port", 1, 65535, {}),
    ("spec.sizing.bufferConnections", 20, 10000, {}),
    ("spec.sizing.minConnections", 20, 262143, {"spec.sizing.maxConnections": 262143}),
    ("spec.sizing.maxConnections", 20, 262143, {"spec.sizing.minConnections": 20}),
    (TIER + "instances", 1, 1000000, {**ONE_TIER, "spec.pooler.hysteresisInstances": 0}),
    (TIER + "poolSize", 10, 262143, ONE_TIER),
    ("spec.pooler.hysteresisInstances", 0, 49, {}),
    ("spec.pooler.replicas", 1, 8, {}),
    ("spec.routing.drainTimeoutSeconds", 1, 86400, {}),
    ("spec.restart.minIntervalSeconds", 0, 86400, {}),
    ("spec.restart.maxPauseSeconds", 15, 100, {}),
    ("spec.restart.longTransactionSeconds", 1, 86400, {}),
    ("spec.restart.maxPerDay", 1, 60, {}),
    ("spec.restart.windows[0].durationSeconds", 60, 604800,
     {"spec.restart.windows": [{"schedule": "0 2 * * *"}]}),
    ("spec.behavior.scaleUp.stabilizationSeconds", 0, 3600, {}),
    ("spec.behavior.scaleDown.stabilizationSeconds", 0, 3600, {}),
    ("spec.saturation.warningPercent", 1, 100, {"spec.saturation.criticalPercent": 100}),
    ("spec.saturation.criticalPercent", 1, 100, {"spec.saturation.warningPercent": 1}),
    ("spec.saturation.waitMilliseconds", 1, 600000, {}),
    ("spec.saturation.forSeconds", 2, 3600, {"spec.saturation.sampleSeconds": 1}),
    ("spec.saturation.sampleSeconds", 1, 60, {"spec.saturation.forSeconds": 3600}),
]


def many(count):
    return [workload(f"w{i}") for i in range(count)]


# (path, a list or map of n entries, fewest, most, what else must be set)
SIZES = [
    ("spec.workloads", many, 1, 64, {}),
    ("spec.workloadSelector.matchLabels", lambda n: {f"l{i}": "v" for i in range(n)}, 1, 16,
     {"spec.workloads": REMOVE}),
    (DB + "applicationSecrets", lambda n: [f"s{i}" for i in range(n)], 1, 16, {}),
    ("spec.pooler.imagePullSecrets", lambda n: [f"s{i}" for i in range(n)], 0, 16, {}),
    ("spec.pooler.tiers", lambda n: tiers(*((50 + i, 150 + i) for i in range(n)))
     ["spec.pooler.tiers"], 1, 8, {}),
    ("spec.restart.windows", lambda n: [{"schedule": f"{i} 2 * * *"} for i in range(n)], 0, 16, {}),
]
# Paths of names of objects: what no object can be named is refused.
NAMES = ["spec.workloads[0].name", "spec.workloads[0].targetRef.name", DB + "name",
         DB + "config.configMapName", DB + "config.key", DB + "adminSecretName",
         DB + "applicationSecrets[0]", "spec.pooler.tlsSecretName"]
NO_NAMES = ["-a", "a b", "a/b", "a" * 254]
