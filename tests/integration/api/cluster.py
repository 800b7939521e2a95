"""The API server as plain HTTP, through `kubectl proxy`: fast, and no credentials to handle."""

import http.client
import json
import os
import re
import shutil
import subprocess

GROUP = "/apis/pgrightsizer.io/v1alpha1"
SKIPPED = 77  # what ctest takes for "not run"


def available():
    return bool(os.environ.get("PGRS_TEST_KUBECONFIG")) and shutil.which("kubectl") is not None


def kubectl(*args, stdin=None):
    """Runs kubectl and returns its output; raises with stderr when it fails."""
    command = ["kubectl", "--kubeconfig", os.environ["PGRS_TEST_KUBECONFIG"], *args]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(args)}: {done.stderr.strip()}")
    return done.stdout


class Api:
    """One `kubectl proxy` and requests through it; close() ends it."""

    def __init__(self):
        self.proxy = subprocess.Popen(
            ["kubectl", "--kubeconfig", os.environ["PGRS_TEST_KUBECONFIG"], "proxy", "--port=0"],
            stdout=subprocess.PIPE, text=True)
        self.port = int(re.search(r":(\d+)", self.proxy.stdout.readline()).group(1))

    def close(self):
        self.proxy.terminate()
        self.proxy.wait(timeout=10)
        self.proxy.stdout.close()

    def call(self, method, path, body=None, kind="application/json", accept="application/json"):
        """(status code, decoded answer)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"Content-Type": kind, "Accept": accept})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or "{}")
        except http.client.HTTPException as cut:  # the API server died in the middle of it
            raise ConnectionError(f"{method} {path}: {cut!r}") from cut
        finally:
            connection.close()

    def merge(self, path, patch):
        return self.call("PATCH", path, patch, "application/merge-patch+json")
