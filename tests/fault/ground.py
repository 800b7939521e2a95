"""What all runs stand on: the CRD, a node, a data directory to copy, a CA, and addresses of pods and
Services, which no kube-proxy serves here."""

import contextlib
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
# Behind our own: some of their modules have the same names.
sys.path += [str(HERE.parent / neighbour) for neighbour in (
    "integration/operator", "integration/api", "e2e")]

import database  # noqa: E402  (the neighbours' modules)
import kubelet  # noqa: E402
import world  # noqa: E402
from objects import cluster, install_crd, kubeconfig  # noqa: E402
from proxy.access import make_authority  # noqa: E402
from proxy.api import Upstream  # noqa: E402

LOCAL = (f"{world.SUBNET}.0.0/16", "10.96.0.0/16")


class Ground:
    """A context. What is made here is shared by processes that are forked later."""

    def __enter__(self):
        self.api = cluster.Api()
        self._home = tempfile.TemporaryDirectory(prefix="pgrs-fault-")
        self.authority = pathlib.Path(self._home.name)
        self.authority.chmod(0o755)
        install_crd()
        make_authority(self.authority)
        self.upstream = Upstream(kubeconfig(), self.authority)
        database.template()
        for network in LOCAL:
            subprocess.run(["ip", "route", "replace", "local", network, "dev", "lo"], check=True)
        kubelet.make_node(self.api)
        return self

    def __exit__(self, *_):
        kubelet.remove_node(self.api)
        for network in LOCAL:
            subprocess.run(["ip", "route", "del", "local", network, "dev", "lo"], check=False)
        self.api.close()
        self._home.cleanup()

    def heartbeat(self):
        """To be called every ten seconds or so: one may get no answer."""
        with contextlib.suppress(OSError):
            kubelet.heartbeat(self.api)
