"""How an operator gets to its proxy: the files that its kubeconfig names, and what the proxy asks for,
which a plan can replace before the files say so."""

import ssl
import subprocess

import yaml


KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650")


def openssl(directory, *arguments):
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)


def make_authority(directory):
    """A CA and a certificate for 127.0.0.1 in this directory; files ca.crt, proxy.crt, proxy.key."""
    openssl(directory, "req", "-x509", *KEY, "-subj", "/CN=fault proxy CA", "-keyout", "ca.key",
            "-out", "ca.crt")
    make_certificate(directory, directory)


def make_certificate(directory, authority, address="127.0.0.1"):
    """proxy.crt and proxy.key, by the ca.crt and ca.key in another directory."""
    openssl(directory, "req", "-x509", *KEY, "-subj", "/CN=fault proxy", "-keyout", "proxy.key",
            "-out", "proxy.crt", "-CA", authority / "ca.crt", "-CAkey", authority / "ca.key",
            "-addext", "basicConstraints=critical,CA:FALSE",
            "-addext", f"subjectAltName=IP:{address}")


class OpenAccess:
    """For those whose credentials the API server itself judges; with the certificate in a directory."""

    def __init__(self, directory):
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(directory / "proxy.crt", directory / "proxy.key")

    def allows(self, _request):
        return True


class Access:
    """Of one operator; its files are in `directory`. Begins with the authority that all runs share."""

    def __init__(self, directory, who, authority):
        self._directory = directory
        self._who = who
        self._replaced = 0
        self._token = f"{who}-0"
        self._authority = authority
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._present()
        self.publish()

    def kubeconfig(self, port):
        """The path of one for a proxy at this port."""
        path = self._file("kubeconfig")
        path.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{port}",
                                                   "certificate-authority": self._file("ca").name}}],
            "users": [{"name": "u", "user": {"tokenFile": self._file("token").name}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]}), encoding="utf-8")
        return path

    def allows(self, request):
        return request.header("Authorization") == f"Bearer {self._token}"

    def replace(self, what):
        """From now on the proxy wants another token, or shows a certificate of another authority."""
        self._replaced += 1
        if what == "token":
            self._token = f"{self._who}-{self._replaced}"
        else:
            self._authority = self._file(f"authority-{self._replaced}")
            self._authority.mkdir()
            make_authority(self._authority)
            self._present()

    def publish(self):
        """The files say what the proxy asks for. Never half of it, as with a kubelet."""
        for name, text in (("token", self._token), ("ca", (self._authority / "ca.crt").read_text())):
            draft = self._file(f"{name}.draft")
            draft.write_text(text, encoding="utf-8")
            draft.rename(self._file(name))

    def _present(self):
        """To connections that begin from now on."""
        self.tls.load_cert_chain(self._authority / "proxy.crt", self._authority / "proxy.key")

    def _file(self, name):
        return self._directory / f"{self._who}.{name}"
