"""A control plane of nothing but etcd and kube-apiserver, in the network of this process alone."""
import json
import os
import pathlib
import signal
import ssl
import subprocess
import time
import urllib.request

VIRTUAL = 6440  # leads to the API server that is chosen with lead_to()
POLICY = """apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [ResponseStarted, ResponseComplete, Panic]
rules:
- {level: None, users: ["system:apiserver"]}
- level: Metadata
  resources:
  - {group: apps, resources: [deployments]}
  - {group: "", resources: [configmaps]}
- level: None
"""


class World:
    def __init__(self, directory, binaries, tools):
        self.dir, self.binaries, self.tools = pathlib.Path(directory), binaries, tools
        self.servers, self.etcd = {}, None
        self._make_keys()
        (self.dir / "audit.yaml").write_text(POLICY)
        (self.dir / "tokens.csv").write_text("bench,bench,bench\n")
        self.run("ip", "link", "set", "lo", "up")
        self.run("nft", "add table ip bench; add chain ip bench out { type nat hook output priority -100; }")

    def run(self, *command):
        return subprocess.run(command, cwd=self.dir, check=True, text=True, capture_output=True).stdout

    def _make_keys(self):
        new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        self.run(*new, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=bench-ca")
        self.run(*new, "-CA", "ca.crt", "-CAkey", "ca.key", "-keyout", "server.key", "-out", "server.crt",
                 "-subj", "/CN=kube-apiserver", "-addext", "subjectAltName=IP:127.0.0.1",
                 "-addext", "basicConstraints=critical,CA:FALSE")

    def _start(self, name, *command):
        with open(self.dir / f"{name}.log", "a") as log:
            return subprocess.Popen([f"{self.binaries}/{command[0]}", *command[1:]], cwd=self.dir,
                                    stdout=log, stderr=log)

    def seed(self, count):
        """An empty etcd with that many Deployments; API servers are to be started afterwards."""
        self.stop()
        self.run("rm", "-rf", "data")
        self.etcd = self._start(
            "etcd", "etcd", "--data-dir=data", "--unsafe-no-fsync", "--log-level=warn",
            "--quota-backend-bytes=8589934592")
        wait_for("etcd", lambda: urllib.request.urlopen("http://127.0.0.1:2379/health", timeout=1))
        return self.run(f"{self.tools}/seed", "-count", str(count)).strip()

    def start_server(self, port=6443):
        self.servers[port] = self._start(
            f"kube-apiserver-{port}", "kube-apiserver", "--etcd-servers=http://127.0.0.1:2379", f"--secure-port={port}",
            "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--service-cluster-ip-range=10.96.0.0/16",
            "--tls-cert-file=server.crt", "--tls-private-key-file=server.key", "--token-auth-file=tokens.csv",
            "--authorization-mode=AlwaysAllow", "--service-account-issuer=https://bench.invalid",
            "--service-account-key-file=server.key", "--service-account-signing-key-file=server.key",
            "--audit-policy-file=audit.yaml", "--audit-log-path=audit.log", "--profiling=false")
        wait_for("kube-apiserver", lambda: self.get("/readyz", port), 300)
        wait_for("the default namespace", lambda: self.get("/api/v1/namespaces/default", port))

    def stop_server(self, port=6443):
        server = self.servers.pop(port, None)
        if server:
            server.kill()
            server.wait()

    def stop(self):
        for port in list(self.servers):
            self.stop_server(port)
        if self.etcd:
            self.etcd.kill()
            self.etcd.wait()

    def get(self, path, port=6443, method="GET"):
        request = urllib.request.Request(f"https://127.0.0.1:{port}{path}", method=method,
                                         headers={"Authorization": "Bearer bench", "User-Agent": "bench-driver"})
        context = ssl.create_default_context(cafile=self.dir / "ca.crt")
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:
            return answer.read()

    def delete(self, path):
        self.get(path, method="DELETE")

    def lead_to(self, port):
        """New connections to the virtual port go there."""
        self.run("nft", f"flush chain ip bench out; add rule ip bench out tcp dport {VIRTUAL} redirect to :{port}")

    def kubeconfig(self, port=6443):
        path = self.dir / f"kubeconfig-{port}"
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "bench",
            "clusters": [{"name": "bench", "cluster": {"server": f"https://127.0.0.1:{port}",
                                                       "certificate-authority": str(self.dir / "ca.crt")}}],
            "users": [{"name": "bench", "user": {"token": "bench"}}],
            "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}]}))
        return path

    def mark(self):
        """For requests(): what is in the audit log by now."""
        log = self.dir / "audit.log"
        return log.stat().st_size if log.exists() else 0

    def requests(self, mark):
        """The programs' requests since then, counted by what they were."""
        counts = {"list": 0, "watchlist": 0, "write": 0}
        with open(self.dir / "audit.log") as log:
            log.seek(mark)
            for line in log:
                event = json.loads(line)
                if event.get("userAgent", "").startswith("bench-driver"):
                    continue
                kind = event["objectRef"]["resource"], event["verb"]
                if kind == ("deployments", "list"):
                    counts["list"] += 1
                elif kind == ("deployments", "watch") and "sendInitialEvents=true" in event["requestURI"]:
                    counts["watchlist"] += 1
                elif kind == ("configmaps", "patch"):
                    counts["write"] += 1
        return counts


def wait_for(what, probe, seconds=60):
    end = time.monotonic() + seconds
    while True:
        try:
            return probe()
        except OSError as error:  # refused, and every HTTP error
            if time.monotonic() > end:
                raise TimeoutError(f"{what} is not there: {error}") from error
            time.sleep(0.05)


class Program:
    """One of the programs at work."""

    def __init__(self, world, command, port=6443):
        env = {**os.environ, "KUBECONFIG": str(world.kubeconfig(port))}
        self.log = open(world.dir / "programs.log", "a")
        self.begin = time.monotonic()
        self.process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=self.log, text=True)

    def wait_synced(self):
        """Seconds since its start, and of processor time."""
        for line in self.process.stdout:
            if line.strip() == "synced":
                return time.monotonic() - self.begin, self.cpu()
        raise RuntimeError(f"{self.process.args[0]} has ended with {self.process.wait()}; see programs.log")

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """Peak and present, in MB."""
        lines = pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        kb = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("VmHWM", "VmRSS"))}
        return kb["VmHWM"] / 1000, kb["VmRSS"] / 1000

    def forget_peak(self):
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
