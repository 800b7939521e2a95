#!/usr/bin/python3
"""The chart: what it refuses, and that a real API server takes all that it renders.

What that is, each template for itself, is a matter of the suites in the chart's own tests/.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
CHART = ROOT / "charts/pg-rightsizer"
NAMESPACE = "chart-test"
EVERYTHING = {
    "fullnameOverride": "all-of-it", "commonLabels": {"team": "data"},
    "commonAnnotations": {"example.org/owner": "data"}, "imagePullSecrets": [{"name": "pull"}],
    "image": {"digest": "sha256:" + "0" * 64},
    "serviceAccount": {"annotations": {"example.org/role": "operator"}},
    "extraArgs": ["--workers=4"], "extraEnv": [{"name": "TZ", "value": "UTC"}],
    "extraVolumes": [{"name": "more", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    "extraContainers": [{"name": "beside", "image": "beside", "securityContext": {
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}],
    "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "extra"}},
                     "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-text'}"],
    "podLabels": {"a": "b"}, "podAnnotations": {"c": "d"}, "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 1, "preference": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}]}},
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone",
                                   "whenUnsatisfiable": "ScheduleAnyway"}],
    "priorityClassName": "system-cluster-critical",
    "networkPolicy": {"enabled": True, "ingressFrom": [{"namespaceSelector": {}}]},
    "dashboard": {"enabled": True}, "flowSchema": {"enabled": True},
}
NOTHING = {
    "crds": {"enabled": False}, "rbac": {"create": False}, "serviceAccount": {"create": False},
    "metrics": {"service": {"enabled": False}}, "podDisruptionBudget": {"enabled": False},
}
SCOPED = {"watchNamespaces": ["default", NAMESPACE], "crds": {"keep": False},
          "networkPolicy": {"enabled": True, "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}}


def run(*command, text=None):
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


def template(values, *arguments, notes=False):
    """What helm renders, as text; the values as it would read them from a file."""
    command = ("install", "--dry-run=client", "--take-ownership") if notes else ("template",)
    done = run("helm", *command, "shop", str(CHART), "-n", NAMESPACE, "-f", "-", *arguments,
               text=json.dumps(values))
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout


def objects(values):
    """(kind, name) → object"""
    return {(one["kind"], one["metadata"]["name"]): one
            for one in yaml.safe_load_all(template(values)) if one}


class Rendered(unittest.TestCase):
    def refused(self, values, word):
        with self.assertRaises(AssertionError) as caught:
            template(values)
        self.assertIn(word, str(caught.exception))

    def test_lint(self):
        done = run("helm", "lint", "--strict", str(CHART))
        self.assertEqual(0, done.returncode, done.stdout)

    def test_scoped_to_namespaces_nothing_but_the_kind_is_cluster_wide(self):
        for (kind, _), one in objects(SCOPED).items():
            self.assertNotEqual("ClusterRoleBinding", kind)
            for rule in one["rules"] if kind == "ClusterRole" else ():
                self.assertEqual(["connectionpolicies"], rule["resources"])

    def test_the_crd_is_ours(self):
        crd = objects({})["CustomResourceDefinition", "connectionpolicies.pgrightsizer.io"]
        ours = yaml.safe_load((ROOT / "crds/pgrightsizer.io_connectionpolicies.yaml").read_text())
        self.assertEqual(ours["spec"], crd["spec"])

    def test_values_that_make_no_sense_are_refused(self):
        for values, words in (
                ({"replicaCounts": 1}, "replicaCounts"), ({"replicaCount": -1}, "replicaCount"),
                ({"image": {"digest": "latest"}}, "digest"), ({"logging": {"level": "loud"}}, "level"),
                ({"watchNamespaces": ["A"]}, "watchNamespaces"), ({"workers": 0}, "workers"),
                ({"serviceMonitor": {"interval": "soon"}}, "interval"),
                ({"podMonitor": {"renderMode": "never"}}, "renderMode"),
                ({"logging": {"format": "xml"}}, "format"),
                ({"crds": {"enabled": "yes"}}, "enabled")):
            with self.subTest(values):
                self.refused(values, words)

    def test_the_schema_knows_every_value(self):
        schema = json.loads((CHART / "values.schema.json").read_text())
        values = yaml.safe_load((CHART / "values.yaml").read_text())

        def compare(values, schema, path):
            if schema.get("additionalProperties") is not False:
                return
            known = set(schema["properties"]) - {"global"}
            self.assertEqual(known, set(values), path)
            for key in known:
                if isinstance(values[key], dict):
                    compare(values[key], schema["properties"][key], f"{path}.{key}")

        compare(values, schema, "values")


class Dashboard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        made = objects({"dashboard": {"enabled": True}})["ConfigMap", "shop-pg-rightsizer-dashboard"]
        cls.panels = json.loads(made["data"]["pg-rightsizer.json"])["panels"]

    def test_every_query_is_promql_about_our_metrics(self):
        known = (ROOT / "docs/metrics.md").read_text()
        queries = [target["expr"].replace("$__rate_interval", "1m")
                   for panel in self.panels for target in panel.get("targets", [])]
        self.assertGreater(len(queries), 20)
        rules = {"groups": [{"name": "dashboard", "rules": [
            {"record": "query:number", "labels": {"n": str(n)}, "expr": query}
            for n, query in enumerate(queries)]}]}
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump(rules, file)
            file.flush()
            done = run("promtool", "check", "rules", file.name)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        for query in queries:
            for name in re.findall(r"[a-z]+(?:_[a-z]+)+", re.sub(r"\{.*?\}|histogram_quantile", "", query)):
                name = name.removesuffix("_bucket")
                self.assertIn(f"| `{name}` |", known, query)

    def test_every_cell_of_the_grid_has_one_panel(self):
        cells = [(grid["x"] + x, grid["y"] + y) for grid in (panel["gridPos"] for panel in self.panels)
                 for x in range(grid["w"]) for y in range(grid["h"])]
        self.assertEqual(len(cells), len(set(cells)), "none lies on another")
        self.assertEqual(24 * (1 + max(y for _, y in cells)), len(cells), "and there are no holes")

    def test_the_picture_and_its_page_show_the_present_panels(self):
        picture = (ROOT / "docs/dashboard.svg").read_text()
        drawn = re.findall(r'<text [^>]*class="text strong"[^>]*>([^<]*)', picture)
        titles = [panel["title"].replace("$namespace/$policy", "demo/shop-db") for panel in self.panels]
        self.assertEqual(titles, drawn)
        page = (ROOT / "docs/dashboard.md").read_text()
        told = re.findall(r"^\| ([A-Z][^|]*) \|", page, re.MULTILINE)
        self.assertEqual([panel["title"] for panel in self.panels if panel["type"] != "row"], told)


class Alerts(unittest.TestCase):
    """The rules with the real promtool."""

    VALUES = {"prometheusRule": {"enabled": True, "renderMode": "alwaysRender",
                                 "runbookUrl": "https://example.org/"}}

    def rules(self):
        return objects(self.VALUES)["PrometheusRule", "shop-pg-rightsizer"]["spec"]

    def test_each_fires_when_it_must_and_only_then(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "rules.yaml").write_text(yaml.safe_dump(self.rules(), allow_unicode=True))
            shutil.copy(pathlib.Path(__file__).with_name("alerts.yaml"), folder)
            done = run("promtool", "check", "rules", str(folder / "rules.yaml"))
            self.assertEqual(0, done.returncode, done.stdout + done.stderr)
            done = run("promtool", "test", "rules", str(folder / "alerts.yaml"))
            self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def test_each_is_tested_and_has_a_runbook(self):
        tested = pathlib.Path(__file__).with_name("alerts.yaml").read_text()
        for rule in self.rules()["groups"][0]["rules"]:
            name = rule["alert"].removeprefix("PgRightsizer")
            self.assertIn(f"/{name}.md", tested)
            self.assertEqual(f"https://example.org/{name}.md", rule["annotations"]["runbook_url"])
            page = (ROOT / f"docs/runbooks/{name}.md").read_text()
            for part in ("Meaning", "Impact", "Diagnosis", "Mitigation"):
                self.assertIn(f"**{part}.**", page, name)
        pages = {path.stem for path in (ROOT / "docs/runbooks").glob("*.md")}
        rules = {path.stem for path in (CHART / "files/rules").glob("*.yaml")}
        self.assertEqual(rules, pages)

    def test_what_they_ask_for_is_there(self):
        """Every metric in an expression is one of ours."""
        known = (ROOT / "docs/metrics.md").read_text()
        for rule in self.rules()["groups"][0]["rules"]:
            for name in re.findall(r"[a-z_]+_[a-z_]+(?=[{ \[)])", rule["expr"]):
                self.assertIn(f"| `{name}` |", known, rule["alert"])


class Served(unittest.TestCase):
    """A real API server validates what is rendered, as it would for an installation."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        run("kubectl", "create", "namespace", NAMESPACE)
        run("kubectl", "label", "namespace", NAMESPACE, "--overwrite",
            "pod-security.kubernetes.io/warn=restricted")
        cls.addClassCleanup(run, "kubectl", "delete", "namespace", NAMESPACE, "--wait=false")

    def taken(self, values):
        return self.applied(template(values, "--no-hooks"), "--dry-run=server")

    def applied(self, text, *arguments):
        done = run("kubectl", "apply", "--validate=strict", *arguments, "-f", "-", text=text)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertNotIn("would violate PodSecurity", done.stderr)
        return done.stdout

    def test_helm_test(self):
        """Its pod is taken only beside its ServiceAccount, which helm makes before."""
        for values in ({}, EVERYTHING):
            hooks = [one for one in yaml.safe_load_all(template(values)) if one and "helm.sh/hook" in
                     one["metadata"].get("annotations", {})]
            self.assertEqual(["ServiceAccount", "Role", "RoleBinding", "Pod"],
                             [one["kind"] for one in hooks])
            self.applied(yaml.safe_dump(hooks[0]))
            self.applied(yaml.safe_dump_all(hooks), "--dry-run=server")

    def test_as_it_comes(self):
        self.assertIn("deployment.apps/shop-pg-rightsizer", self.taken({}))

    def test_with_everything(self):
        out = self.taken(EVERYTHING)
        for what in ("networkpolicy", "configmap/extra", "configmap/shop-text"):
            self.assertIn(what, out)

    def test_with_nothing(self):
        self.assertEqual(1, len(self.taken(NOTHING).splitlines()), "the Deployment alone")

    def test_the_notes_warn(self):
        for values, words in (({"serviceMonitor": {"enabled": True}}, "WARNING: no ServiceMonitor"),
                              ({"podMonitor": {"enabled": True}}, "WARNING: no PodMonitor"),
                              ({"prometheusRule": {"enabled": True}}, "WARNING: no PrometheusRule"),
                              ({"crds": {"enabled": False}}, "WARNING: crds.enabled is false")):
            self.assertIn(words, template(values, notes=True))
            self.assertNotIn("WARNING", template({}, notes=True))

    def test_the_policy_of_the_notes_is_a_good_one(self):
        made = run("kubectl", "apply", "--server-side", "-f", str(ROOT / "crds"))
        self.assertEqual(0, made.returncode, made.stderr)
        run("kubectl", "wait", "--for=condition=Established", "--timeout=30s", "-f",
            str(ROOT / "crds"))
        notes = template({"watchNamespaces": [NAMESPACE]}, notes=True)
        policy = textwrap.dedent(notes.split("<<EOF\n")[1].split("  EOF\n")[0])
        done = run("kubectl", "apply", "--dry-run=server", "--validate=strict", "-f", "-", text=policy)
        self.assertIn("shop-db created", done.stdout, done.stderr)

    def test_in_namespaces(self):
        self.assertIn("role.rbac.authorization.k8s.io/shop-pg-rightsizer", self.taken(SCOPED))

    def test_what_it_may_do_is_what_the_docs_say(self):
        values = {**SCOPED, "fullnameOverride": "pg-rightsizer"}
        rules = [one for one in yaml.safe_load_all(template(values)) if one and one["kind"] in (
            "Role", "RoleBinding") and one["metadata"]["namespace"] == NAMESPACE
            and "helm.sh/hook" not in one["metadata"].get("annotations", {})]
        self.applied(yaml.safe_dump_all(rules))
        user = f"system:serviceaccount:{NAMESPACE}:pg-rightsizer"
        def may(who):
            said = run("kubectl", "auth", "can-i", "--list", "--no-headers", "-n", NAMESPACE, "--as", who)
            self.assertEqual(0, said.returncode, said.stderr)
            return {re.sub(r"\s+(\[\]\s+\[\]\s+)?", " ", row).strip() for row in said.stdout.splitlines()}

        rows = "\n".join(sorted(may(user) - may(user + "-not")))
        page = (ROOT / "docs/security.md").read_text(encoding="utf-8")
        self.assertEqual(rows, page.split("```")[1].strip())


if __name__ == "__main__":
    if "PGRS_TEST_KUBECONFIG" not in os.environ or not shutil.which("helm"):
        print("skipped: PGRS_TEST_KUBECONFIG is not set or helm is not on the PATH")
        sys.exit(77)
    unittest.main(verbosity=2)
