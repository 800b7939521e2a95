"""The cluster as the end-to-end tests use it: kubectl, the operator, the database, the application.

Runs inside the node (`hack/cluster exec`): pods answer on their own addresses, and every process
of the node is in /proc. Waits have a condition and a deadline; nothing sleeps and hopes.
"""

import base64
import json
import os
import pathlib
import subprocess
import time

import psycopg2
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "tests/e2e/manifests"
CHART = ROOT / "charts/pg-rightsizer"
NAMESPACE = "demo"
POLICY = "shop-db"
APP = "shop"
PORT = 5432
CONNECTIONS = 20  # of each instance
TOTAL_RATE = 400  # transactions per second of all instances together
POLICIES = "connectionpolicies.pgrightsizer.io"


class Failure(Exception):
    """Something is not as it must be; the message says what."""


# --- kubectl ------------------------------------------------------------------------------------


def kubectl(*arguments, stdin=None, check=True, timeout=60):
    """The output of one kubectl command."""
    return run("kubectl", *arguments, stdin=stdin, check=check, timeout=timeout)


def run(*command, stdin=None, check=True, timeout=60):
    """The output of a command; a Failure with its error when it fails and `check` asks for that."""
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=timeout,
        check=False,
    )
    if check and done.returncode != 0:
        raise Failure(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def get(kind, name=None, namespace=NAMESPACE, selector=None):
    """An object, or the list of them; None when there is no such object."""
    arguments = ["get", kind, "-n", namespace, "-o", "json", "--ignore-not-found"]
    arguments += [name] if name else []
    arguments += ["-l", selector] if selector else []
    text = kubectl(*arguments)
    if not text.strip():
        return None if name else []
    found = json.loads(text)
    return found if name else found["items"]


def apply(*objects):
    """Objects as dicts, or paths of manifests."""
    for one in objects:
        if isinstance(one, dict):
            kubectl("apply", "-f", "-", stdin=json.dumps(one))
        else:
            kubectl("apply", "-f", str(one))


def patch(kind, name, change, namespace=NAMESPACE):
    kubectl("patch", kind, name, "-n", namespace, "--type=merge", "-p", json.dumps(change))


def wait_until(what, seconds, probe, every=0.2):
    """What the probe returns once it is true. An exception of the probe counts as not yet."""
    end = time.monotonic() + seconds
    why = ""
    while True:
        try:
            value = probe()
            if value:
                return value
        except (Failure, psycopg2.Error, OSError, subprocess.TimeoutExpired) as error:
            why = f": {error}"
        if time.monotonic() >= end:
            raise Failure(f"no {what} within {seconds} s{why}")
        time.sleep(every)


def secret(name, namespace=NAMESPACE):
    """The Secret's data, decoded; None when there is none."""
    found = get("secret", name, namespace)
    if found is None:
        return None
    return {key: base64.b64decode(value).decode() for key, value in found.get("data", {}).items()}


def measure_first():
    """A clock that is starved measures nothing: this process goes before those it watches, in its
    own scheduling group and, where the kernel groups by session, as a group."""
    for raise_priority in (
        lambda: os.setpriority(os.PRIO_PROCESS, 0, -10),
        lambda: pathlib.Path("/proc/self/autogroup").write_text("-10", encoding="ascii"),
    ):
        try:
            raise_priority()
        except OSError:  # not allowed, or another kernel: it works without
            pass


# --- what is installed --------------------------------------------------------------------------


def state_directory():
    """Of the cluster; gone after `hack/cluster down`."""
    return pathlib.Path(os.environ["KUBECONFIG"]).parents[1]


def records_directory():
    """Where the instances leave their records; made for the application's user."""
    path = state_directory() / "records"
    path.mkdir(exist_ok=True)
    path.chmod(0o777)
    return path


def policy_object(restart_policy="Auto", **spec):
    """The demo's policy: as a user would write it, but with shorter times, so that there is
    something to see. `spec` adds or replaces whole fields."""
    return {
        "apiVersion": "pgrightsizer.io/v1alpha1",
        "kind": "ConnectionPolicy",
        "metadata": {"name": POLICY, "namespace": NAMESPACE},
        "spec": {
            "workloads": [{"name": "shop", "targetRef": {"kind": "Deployment", "name": APP}}],
            "database": {
                "provider": "StatefulSet",
                "name": "postgres",
                "config": {"configMapName": "postgres-config"},
                "adminSecretName": "postgres-admin",
                "applicationSecrets": ["shop-app"],
            },
            "pooler": {"resources": {"requests": {"cpu": "350m", "memory": "64Mi"}}},
            "restart": {"policy": restart_policy, "minIntervalSeconds": 5},
            "behavior": {"scaleDown": {"stabilizationSeconds": 10}},
            **spec,
        },
    }


def app_object(most_instances):
    """The application, with no instance yet. The rate of one instance is such that the most
    instances together stay within the total."""
    directory = str(records_directory())
    container = {
        "name": "app",
        "image": "localhost/pg-rightsizer-app:dev",
        "imagePullPolicy": "Never",
        "args": [
            "--binding-dir=/binding", f"--connections={CONNECTIONS}", "--rate=4",
            f"--total-rate-cap={TOTAL_RATE}", f"--instances-hint={most_instances}",
            "--final-dir=/records",
        ],
        "env": [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "ports": [{"name": "json", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10},
        # A hundred of them together weigh less than the database: their logins are not to starve it.
        "resources": {"requests": {"cpu": "2m", "memory": "8Mi"}},
        "volumeMounts": [
            {"name": "binding", "mountPath": "/binding", "readOnly": True},
            {"name": "records", "mountPath": "/records"},
        ],
    }
    volumes = [
        {"name": "binding", "secret": {"secretName": f"{POLICY}-connection"}},
        {"name": "records", "hostPath": {"path": directory, "type": "Directory"}},
    ]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": APP, "namespace": NAMESPACE},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": APP}},
            "strategy": {"type": "RollingUpdate"},
            "template": {
                "metadata": {"labels": {"app": APP}},
                "spec": {
                    "terminationGracePeriodSeconds": 30,
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "containers": [container],
                    "volumes": volumes,
                },
            },
        },
    }


class Operator:
    """The operator, installed from the chart."""

    namespace = "pg-rightsizer-system"
    name = "pg-rightsizer"
    selector = "app.kubernetes.io/name=pg-rightsizer"
    user = f"system:serviceaccount:{namespace}:{name}"  # in the audit log

    def install(self, *arguments):
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": self.namespace, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
        kubectl("apply", "-f", "-", stdin=json.dumps(namespace))
        run("helm", "upgrade", "--install", self.name, str(CHART), "-n", self.namespace,
            "-f", str(MANIFESTS / "operator-values.yaml"), "--wait", "--timeout=90s", *arguments,
            timeout=120)
        kubectl("wait", "--for=condition=Established", "--timeout=30s", f"crd/{POLICIES}")

    def test(self):
        """What `helm test` says; the name of the policy that it makes is gone afterwards."""
        said = run("helm", "test", self.name, "-n", self.namespace, "--timeout=90s", timeout=120)
        left = kubectl("get", POLICIES, "-n", self.namespace, "-o", "name")
        if left.strip():
            raise Failure(f"helm test has left {left.strip()}")
        return said

    def pods(self):
        return get("pods", namespace=self.namespace, selector=self.selector)

    def process(self):
        """The pid of the running operator; None while there is none."""
        for pod in self.pods():
            for pid in processes_of(pod["metadata"]["uid"], "pg-rightsizer"):
                return pid
        return None

    def log(self, lines):
        return kubectl("logs", "-n", self.namespace, f"deployment/{self.name}",
                       f"--tail={lines}", check=False)


def processes_of(pod_uid, name):
    """The pids of a pod's processes of this name, oldest first."""
    marks = (pod_uid, pod_uid.replace("-", "_"))  # as the cgroup driver writes it
    found = []
    for directory in pathlib.Path("/proc").iterdir():
        if not directory.name.isdigit():
            continue
        try:
            if (directory / "comm").read_text().strip() != name[:15]:
                continue
            groups = (directory / "cgroup").read_text()
        except OSError:  # it has ended meanwhile
            continue
        if any(mark in groups for mark in marks):
            found.append(int(directory.name))
    return sorted(found)


def install_database():
    apply(MANIFESTS / "postgres.yaml")
    kubectl("rollout", "status", "statefulset/postgres", "-n", NAMESPACE, "--timeout=90s",
            timeout=100)
    ledger = (ROOT / "tests/app/ledger.sql").read_text()

    def make():
        with database("shop-app", "shop") as connection, connection.cursor() as cursor:
            cursor.execute(ledger)
        connection.close()
        return True

    wait_until("ledger table", 30, make)


def postgres_address():
    pod = get("pod", "postgres-0") or {}
    return pod.get("status", {}).get("podIP")


def database(secret_name="postgres-admin", dbname="shop"):
    """A session with PostgreSQL itself, past Services and poolers."""
    who = secret(secret_name)
    return psycopg2.connect(host=postgres_address(), port=PORT, user=who["username"],
                            password=who["password"], dbname=dbname, connect_timeout=5)


def scale(instances):
    kubectl("scale", f"deployment/{APP}", "-n", NAMESPACE, f"--replicas={instances}")


def remove_everything(operator):
    """What an earlier run on this cluster has left."""
    for namespace in (operator.namespace, NAMESPACE):
        if namespace == NAMESPACE:
            let_policies_go()
        # Pods first: the namespace controller would wait half of the longest grace period.
        for kinds in ("deployments,statefulsets", "pods", "persistentvolumeclaims"):
            kubectl("delete", kinds, "--all", "-n", namespace, "--grace-period=5",
                    "--timeout=240s", timeout=250)
        kubectl("delete", "namespace", namespace, "--ignore-not-found", "--timeout=120s",
                timeout=130)
    for record in records_directory().glob("*"):
        record.unlink()


def let_policies_go():
    """Their operator is gone, and nobody else takes its finalizer away."""
    left = kubectl("get", POLICIES, "-n", NAMESPACE, "-o", "name", check=False)  # or no CRD yet
    for name in left.split():
        patch(POLICIES, name.split("/")[1], {"metadata": {"finalizers": None}})


def events():
    """The policy's events, oldest first."""
    found = [e for e in get("events.events.k8s.io")
             if e.get("regarding", {}).get("name") == POLICY]
    return sorted(found, key=lambda e: (e.get("eventTime") or
                                        e["metadata"]["creationTimestamp"]))


def quietly_yaml(thing):
    return yaml.safe_dump(thing, sort_keys=False, default_flow_style=None, width=100,
                          allow_unicode=True)
