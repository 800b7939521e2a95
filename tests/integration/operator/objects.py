"""The API server as the tests see it: objects of one namespace, waits with deadlines."""

import base64
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "api"))
import cluster  # noqa: E402  (the neighbours' module)

ROOT = pathlib.Path(__file__).resolve().parents[3]
CRD = ROOT / "crds/pgrightsizer.io_connectionpolicies.yaml"
PATHS = {
    "Secret": ("/api/v1", "secrets"),
    "ConfigMap": ("/api/v1", "configmaps"),
    "Service": ("/api/v1", "services"),
    "Pod": ("/api/v1", "pods"),
    "Deployment": ("/apis/apps/v1", "deployments"),
    "StatefulSet": ("/apis/apps/v1", "statefulsets"),
    "EndpointSlice": ("/apis/discovery.k8s.io/v1", "endpointslices"),
    "HorizontalPodAutoscaler": ("/apis/autoscaling/v2", "horizontalpodautoscalers"),
    "PodDisruptionBudget": ("/apis/policy/v1", "poddisruptionbudgets"),
    "ConnectionPolicy": (cluster.GROUP, "connectionpolicies"),
    "Event": ("/apis/events.k8s.io/v1", "events"),
}
MADE = ("Service", "Secret", "ConfigMap", "Deployment", "EndpointSlice", "PodDisruptionBudget")
NOT_THE_CLUSTERS = "endpointslice.kubernetes.io/managed-by!=endpointslice-controller.k8s.io"


def wait_until(what, seconds, probe, every=0.1):
    """What the probe returns once it is true; while it raises OSError it is not."""
    end = time.monotonic() + seconds
    why = None
    while True:
        try:
            value = probe()
            if value:
                return value
        except OSError as error:
            why = error
        if time.monotonic() > end:
            raise AssertionError(f"no {what() if callable(what) else what} within {seconds} s"
                                 + (f": {why}" if why else ""))
        time.sleep(every)


def install_crd():
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRD))
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(CRD))


def kubeconfig():
    return os.environ["PGRS_TEST_KUBECONFIG"]


class Refused(AssertionError):
    """The API server said no."""

    def __init__(self, code, answer):
        super().__init__(f"{code}: {answer.get('message')}")
        self.code = code


class Namespace:
    """Objects of one namespace; remove() deletes it."""

    def __init__(self, api, name):
        self._api = api
        self.name = name
        wait_until(f"namespace {name}", 60, lambda: self._api.call(
            "POST", "/api/v1/namespaces", {"metadata": {"name": name}})[0] == 201)
        # Without it no pod is made.
        wait_until("default ServiceAccount", 60, lambda: self._api.call(
            "GET", f"/api/v1/namespaces/{name}/serviceaccounts/default")[0] == 200)

    def remove(self):
        self._api.call("DELETE", f"/api/v1/namespaces/{self.name}")

    def _path(self, kind, name=None, sub=None):
        group, plural = PATHS[kind]
        parts = [group, "namespaces", self.name, plural, name, sub]
        return "/".join(part for part in parts if part)

    def _call(self, *call):
        """An API server that is away is an OSError, whatever the proxy makes of it."""
        try:
            code, answer = self._api.call(*call)
        except ValueError as error:
            raise ConnectionError("the answer is no JSON") from error
        if code >= 500:
            raise ConnectionError(f"{code}: {answer.get('message')}")
        return code, answer

    def _do(self, *call):
        code, answer = self._call(*call)
        if code >= 400:
            raise Refused(code, answer)
        return answer

    def create(self, kind, name, body=None, **metadata):
        return self._do("POST", self._path(kind), {**(body or {}), "metadata": {
            "name": name, "namespace": self.name, **metadata}})

    def get(self, kind, name):
        """None when there is none."""
        code, answer = self._call("GET", self._path(kind, name))
        if code == 404:
            return None
        if code >= 400:
            raise Refused(code, answer)
        return answer

    def list(self, kind, selector=None):
        path = self._path(kind) + (f"?labelSelector={selector}" if selector else "")
        return self._do("GET", path)["items"]

    def merge(self, kind, name, patch, sub=None):
        return self._do("PATCH", self._path(kind, name, sub), patch, "application/merge-patch+json")

    def strategic(self, kind, name, patch, sub=None):
        return self._do("PATCH", self._path(kind, name, sub), patch,
                        "application/strategic-merge-patch+json")

    def delete(self, kind, name):
        return self._do("DELETE", self._path(kind, name))

    def replace(self, kind, name, body):
        """The object made anew, as one must with an immutable one."""
        self.delete(kind, name)
        return self.create(kind, name, body)

    def secret(self, name):
        found = self.get("Secret", name) or {}
        return {key: base64.b64decode(value).decode()
                for key, value in found.get("data", {}).items()}

    def status(self, policy):
        return (self.get("ConnectionPolicy", policy) or {}).get("status", {})

    def condition(self, policy, kind="Ready"):
        """(status, reason, message); of nothing when it is not set yet."""
        for one in self.status(policy).get("conditions", []):
            if one["type"] == kind:
                return one["status"], one["reason"], one["message"]
        return "", "", ""

    def events(self, policy):
        return [one for one in self.list("Event")
                if one.get("regarding", {}).get("name") == policy]

    def made_for(self, policy):
        """kind/name → resourceVersion of what the operator has made for a policy.

        Not of what the cluster writes for a Service, with its labels: those EndpointSlices follow
        the pods, whenever the cluster gets to it."""
        ours = f"pgrightsizer.io/policy={policy},{NOT_THE_CLUSTERS}"
        return {f"{kind}/{one['metadata']['name']}": one["metadata"]["resourceVersion"]
                for kind in MADE for one in self.list(kind, ours)}
