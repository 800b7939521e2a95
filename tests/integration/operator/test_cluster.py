#!/usr/bin/python3
"""A cluster that is not as the operator needs it: rights are missing, the API server restarts, the
CRD is not there."""

import pathlib
import subprocess

import yaml

import apiserver
from fixture import PATIENCE, OperatorTest, main
from objects import ROOT, cluster, install_crd, kubeconfig, wait_until

TWELVE = 12  # instances; 12 × 20 + 50 = 290
RBAC = "/apis/rbac.authorization.k8s.io/v1"


def rules():
    """The operator's, as its chart gives them."""
    rendered = subprocess.run(
        ["helm", "template", "pg-rightsizer", ROOT / "charts/pg-rightsizer", "--show-only",
         "templates/rbac.yaml"], check=True, capture_output=True, text=True).stdout
    documents = yaml.safe_load_all(rendered)
    return next(one for one in documents if one and one["kind"] == "ClusterRole")["rules"]


def but(all_rules, resource, verbs=None):
    """Without one resource, or with fewer verbs for it."""
    kept = []
    for rule in all_rules:
        if rule["resources"] != [resource]:
            kept.append(rule)
        elif verbs:
            kept.append({**rule, "verbs": verbs})
    return kept


class Rights(OperatorTest):
    """The operator runs as a ServiceAccount whose role somebody mends bit by bit."""

    def named(self):
        """Of this test alone: what one before it was allowed is not forgotten at once."""
        return self._testMethodName.replace("_", "-")

    def grant(self, allowed):
        name = self.named()
        role = {"metadata": {"name": name}, "rules": allowed}
        code, answer = self.api.call("POST", f"{RBAC}/clusterroles", role)
        if code == 409:
            code, answer = self.api.merge(f"{RBAC}/clusterroles/{name}", {"rules": allowed})
        self.assertLess(code, 400, answer)

    def account(self, everywhere=True):
        """A kubeconfig with the token of a ServiceAccount that is bound to the role."""
        name, namespace = self.named(), self.namespace.name
        bindings = f"{RBAC}/clusterrolebindings" if everywhere else f"{RBAC}/namespaces/{namespace}/rolebindings"
        accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        self.api.call("POST", accounts, {"metadata": {"name": name}})
        self.api.call("POST", bindings, {
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                        "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}]})
        for kind in (f"{RBAC}/clusterroles", bindings):
            self.addCleanup(self.api.call, "DELETE", f"{kind}/{name}")
        _, answer = self.api.call("POST", f"{accounts}/{name}/token", {"spec": {}})
        config = yaml.safe_load(pathlib.Path(kubeconfig()).read_text())
        config["users"][0]["user"] = {"token": answer["status"]["token"]}
        path = self.kubelet_home() / "kubeconfig"
        path.write_text(yaml.safe_dump(config))
        return path

    def kubelet_home(self):
        return self.servers.make(f"home-{self._testMethodName}", "").directory

    def test_what_cannot_be_watched_is_not_called_missing(self):
        self.grant(but(rules(), "deployments"))
        operator = self.start_operator(config=self.account())
        shop = self.own_shop("unseen", instances=TWELVE)
        shop.make()
        shop.make_policy()
        self.assertIn("cannot watch deployments", self.becomes("unseen", "False", "WatchFailing"))
        self.assertEqual([], operator.lines(event="WorkloadNotFound"))
        self.grant(rules())
        self.becomes("unseen", "True", "InStep", 2 * PATIENCE)

    def test_a_namespace_that_is_gone_holds_up_no_other(self):
        self.grant(rules())
        operator = self.start_operator("--namespace", "gone", config=self.account(everywhere=False))
        shop = self.own_shop("left", instances=TWELVE)
        shop.make()
        shop.make_policy()
        self.becomes("left", "True", "InStep")
        self.assertEqual(290, shop.server.max_connections())
        operator.wait_for(PATIENCE, "cannot watch connectionpolicies", "in namespace gone")
        self.assertEqual((200, "ok\n"), operator.page("/readyz"))
        self.assertEqual([], operator.lines(event="WatchFailing"))

    def test_rights_are_granted_one_after_another(self):
        self.grant(but(but(rules(), "pods"), "configmaps", ["get"]))
        operator = self.start_operator(config=self.account())
        shop = self.own_shop("rights", instances=TWELVE)
        shop.make()
        shop.make_policy()
        words = ["cannot watch pods", "allow get, list and watch of pods"]
        message = self.becomes("rights", "False", "WatchFailing")
        for word in words:
            self.assertIn(word, message)
        operator.wait_for(PATIENCE, *words, event="WatchFailing", about="rights")
        self.assertEqual({}, self.namespace.made_for("rights"))
        status, page = operator.page("/readyz")
        self.assertEqual(500, status)
        self.assertIn("failed informer-Pod: cannot watch pods", page)
        self.assertEqual(200, operator.page("/healthz")[0])

        self.grant(but(rules(), "configmaps", ["get"]))
        words = [f"ConfigMap {self.namespace.name}/rights-config", "cannot patch resource"]
        message = self.becomes("rights", "False", "Forbidden", 2 * PATIENCE)
        for word in words:
            self.assertIn(word, message)
        operator.wait_for(PATIENCE, *words, event="Forbidden", about="rights")
        self.assertEqual("max_connections = 250\n", shop.file())

        self.grant(rules())
        self.becomes("rights", "True", "InStep", 2 * PATIENCE)
        self.assertEqual((200, "ok\n"), operator.page("/readyz"))
        self.assertEqual(290, shop.server.max_connections())
        self.assertTrue(operator.alive())

    def test_a_restart_that_is_refused_is_told_and_tried_again(self):
        self.grant(but(rules(), "pods", ["get", "list", "watch", "patch"]))
        operator = self.start_operator(config=self.account())
        shop = self.own_shop("kept", instances=TWELVE)
        shop.make()
        shop.make_policy()
        words = [f"pods \"{shop.database}-0\" is forbidden", "delete"]
        message = self.becomes("kept", "False", "Forbidden")
        for word in words:
            self.assertIn(word, message)
        # The second try is 5 s after the first, the third 10 s later; it is told all the while.
        reasons = set()
        wait_until("three tries", PATIENCE, lambda: reasons.add(
            self.namespace.condition("kept")[1]) or len(self.tries(operator)) >= 3, every=0.05)
        self.assertEqual({"Forbidden"}, reasons)
        # It is noted before it is tried, and the note is taken back.
        wait_until("end of the note, for none has begun", PATIENCE, lambda: self.restarts_of(shop) == [])
        self.assertEqual(250, shop.server.max_connections())
        self.grant(rules())
        self.becomes("kept", "True", "InStep", 2 * PATIENCE)
        self.assertEqual(290, shop.server.max_connections())
        self.assertEqual(1, len(self.restarts_of(shop)))

    def tries(self, operator):
        return operator.lines(event="RestartStarted")


class Restart(OperatorTest):
    def test_the_api_server_restarts(self):
        operator = self.start_operator()
        shop = self.own_shop("restart")
        shop.make()
        shop.make_policy()
        self.becomes("restart", "True", "InStep")
        before = apiserver.kill()
        operator.wait_for(PATIENCE, "cannot watch")
        apiserver.wait_for_return(before, PATIENCE)
        wait_until("scaled Deployment", PATIENCE, lambda: shop.scale(TWELVE) or True, every=0.5)
        wait_until("twelve instances in step", PATIENCE, lambda: self.in_step(shop))
        self.assertTrue(operator.alive())
        self.assertEqual(2, shop.server.starts, "one restart, for the new value")

    def in_step(self, shop):
        reason = self.namespace.condition("restart")[1]
        return reason == "InStep" and shop.server.max_connections() == 290


class Latecomer(OperatorTest):
    def test_a_policy_finds_what_was_there_before(self):
        operator = self.start_operator()
        shop = self.own_shop("before", instances=TWELVE)
        shop.make()
        wait_until("pictures of every kind", PATIENCE, lambda: operator.page("/readyz")[0] == 200)
        shop.make_policy()
        self.becomes("before", "True", "InStep")
        self.assertEqual(290, shop.server.max_connections())
        # Nothing of a namespace without policies is kept; the next one finds everything once more.
        self.namespace.delete("ConnectionPolicy", "before")
        shop.scale(11)
        shop.make_policy()
        self.becomes("before", "True", "InStep")
        status = self.namespace.get("ConnectionPolicy", "before")["status"]
        self.assertEqual(11, status["instances"], status)
        self.assertEqual([], [one for one in operator.lines("WatchFailing")])


class Definition(OperatorTest):
    def test_the_crd_comes_later(self):
        cluster.kubectl("delete", "crd", "connectionpolicies.pgrightsizer.io", "--wait=true")
        self.addCleanup(install_crd)
        operator = self.start_operator()
        operator.wait_for(PATIENCE, "connectionpolicies",
                          "install the definition of the kind ConnectionPolicy")
        # Without policies nothing else is watched.
        self.assertEqual([], operator.lines("first list complete"))
        install_crd()
        for kind in ("ConnectionPolicy", "Deployment", "StatefulSet", "Pod"):
            wait_until(f"list of {kind}", PATIENCE, lambda k=kind: [
                one for one in operator.lines("first list complete") if one["kind"] == k])
        shop = self.own_shop("late", instances=TWELVE)
        shop.make()
        wait_until("served kind", PATIENCE, lambda: self.made(shop), every=0.5)
        self.becomes("late", "True", "InStep", 2 * PATIENCE)
        self.assertEqual(290, shop.server.max_connections())
        self.assertTrue(operator.alive())

    @staticmethod
    def made(shop):
        try:
            shop.make_policy()
        except AssertionError as refused:  # discovery may lag
            raise OSError(str(refused)) from refused
        return True


if __name__ == "__main__":
    main()
