#!/usr/bin/env python3
"""The CRD on a real API server, held against the parser in src/api: both must agree.

Needs PGRS_TEST_KUBECONFIG, kubectl on the PATH and PGRS_API_JUDGE (the api_judge binary), and the
cluster's network.
"""

import json
import os
import pathlib
import subprocess
import sys
import time
import unittest

import cluster
import policies

CRD = pathlib.Path(__file__).parents[3] / "crds/pgrightsizer.io_connectionpolicies.yaml"
NAMESPACE = "crd-test"
POLICIES = f"{cluster.GROUP}/namespaces/{NAMESPACE}/connectionpolicies"
SHOP_DB = f"{POLICIES}/shop-db"
YAML_BOOLEANS = {"y", "n", "yes", "no", "on", "off", "true", "false"}


def judge(objects):
    """What src/api::parse says of each object: {"spec": …} or {"error": …}."""
    done = subprocess.run([os.environ["PGRS_API_JUDGE"]], input=json.dumps(objects),
                          capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)


def status_patches():
    done = subprocess.run([os.environ["PGRS_API_JUDGE"], "--status"], capture_output=True,
                          text=True, timeout=60, check=True)
    return json.loads(done.stdout)


def fields_of(schema, path):
    """(path, schema) of every field below, list items and map values included."""
    for name, field in schema.get("properties", {}).items():
        yield f"{path}.{name}", field
        yield from fields_of(field, f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), dict):
            yield from fields_of(schema[inner], path + "[]")


class CrdTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRD))
        cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(CRD))
        cls.api = cluster.Api()
        cls.addClassCleanup(cls.api.close)
        cls.api.call("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        cls.addClassCleanup(cls.api.call, "DELETE", f"/api/v1/namespaces/{NAMESPACE}")
        cls.wait_until_served()

    @classmethod
    def wait_until_served(cls):
        deadline = time.monotonic() + 30
        while cls.dry_run(policies.policy())[0] != 201:
            if time.monotonic() > deadline:
                raise AssertionError(f"not served in time: {cls.dry_run(policies.policy())}")
            time.sleep(0.1)

    @classmethod
    def dry_run(cls, policy):
        return cls.api.call("POST", POLICIES + "?dryRun=All&fieldValidation=Strict", policy)

    def setUp(self):
        self.api.call("DELETE", SHOP_DB)

    def create(self, policy=None):
        code, created = self.api.call("POST", POLICIES, policy or policies.policy())
        self.assertEqual(code, 201, created)
        return created

    def schema(self):
        crd = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/" + CRD.stem.split("_")[1] \
            + ".pgrightsizer.io"
        return self.api.call("GET", crd)[1]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]

    def test_good_policies_are_taken_by_both_and_mean_the_same(self):
        as_written = judge(list(policies.GOOD.values()))
        for (name, policy), verdict in zip(policies.GOOD.items(), as_written):
            with self.subTest(name):
                code, stored = self.dry_run(policy)
                self.assertEqual(code, 201, stored)
                self.assertNotIn("error", verdict)
                self.assertEqual(judge([stored])[0], verdict, "defaults differ")

    def test_bad_policies_are_refused_by_both(self):
        verdicts = judge([bad[0] for bad in policies.BAD.values()])
        for (name, (policy, by_server, by_parser)), verdict in zip(policies.BAD.items(), verdicts):
            with self.subTest(name):
                code, answer = self.dry_run(policy)
                self.assertEqual(code, 422, answer)
                self.assertIn(by_server, answer["message"])
                self.assertIn(by_parser, verdict.get("error", "accepted"))
                self.assertIn("ConnectionPolicy crd-test/", verdict["error"])

    def agree(self, policy, good, path):
        """Both take it, or both refuse it and name the field."""
        code, answer = self.dry_run(policy)
        verdict = judge([policy])[0]
        if good:
            self.assertEqual((code, verdict.get("error")), (201, None), answer)
        else:
            self.assertEqual(code, 422, answer)
            self.assertIn(path, answer["message"])
            self.assertIn(path, verdict.get("error", "accepted"))

    def test_bounds_are_the_same(self):
        for path, low, high, rest in policies.BOUNDS:
            for value in (low - 1, low, high, high + 1):
                with self.subTest(path, value=value):
                    policy = policies.policy({**rest, path: value})
                    in_cel = path.endswith("hysteresisInstances") and value > high
                    field = "hysteresisInstances" if in_cel else path
                    self.agree(policy, low <= value <= high, field)

    def test_lists_have_the_same_lengths(self):
        for path, make, fewest, most, rest in policies.SIZES:
            for count in (*range(max(0, fewest - 1), fewest), fewest, most, most + 1):
                with self.subTest(path, count=count):
                    policy = policies.policy({**rest, path: make(count)})
                    self.agree(policy, fewest <= count <= most, path)

    def test_names_that_are_none(self):
        for path in policies.NAMES:
            for name in policies.NO_NAMES:
                if path.endswith("config.key") and name == "-a":
                    continue  # a key may begin with anything
                with self.subTest(path, name=name[:5]):
                    self.agree(policies.policy({path: name}), False, path)

    def test_fields_that_do_nothing_yet_are_not_there(self):
        code, answer = self.dry_run(policies.policy({"spec.pooler.poolMode": {}}))
        self.assertEqual(code, 400, answer)
        self.assertIn("unknown field", answer["message"])

    def test_defaults_appear(self):
        spec = self.create()["spec"]
        self.assertEqual(spec["mode"], "Apply")
        self.assertEqual(spec["environment"], "Production")
        self.assertEqual(spec["workloads"][0]["targetRef"]["apiVersion"], "apps/v1")
        self.assertEqual(spec["sizing"], {"bufferConnections": 50, "countInstances": "Current",
                                          "enforce": "MaxConnections",
                                          "minConnections": 25, "maxConnections": 5000})
        self.assertEqual(spec["pooler"]["tiers"], [{"instances": 50, "poolSize": 150},
                                                   {"instances": 100, "poolSize": 200}])
        self.assertEqual(spec["behavior"]["scaleDown"], {"stabilizationSeconds": 300})
        self.assertEqual(spec["saturation"], {
            "warningPercent": 80, "criticalPercent": 95, "waitMilliseconds": 100, "forSeconds": 60,
            "sampleSeconds": 5, "criticalNeedsWaiting": False})
        self.assertEqual(spec["restart"], {
            "policy": "Auto", "minIntervalSeconds": 300, "maxPerDay": 12, "maxPauseSeconds": 20,
            "longTransactions": "Wait", "longTransactionSeconds": 60, "emergency": "Wait"})

    def test_provider_and_name_cannot_change(self):
        self.create()
        external = {"provider": "External", "host": "10.0.0.1", "name": None, "config": None}
        for database, message in (({"name": "other"}, "name cannot change"),
                                  (external, "provider cannot change"),
                                  (external, "name cannot change")):
            with self.subTest(message, database=database):
                code, answer = self.api.merge(SHOP_DB, {"spec": {"database": database}})
                self.assertEqual(code, 422, answer)
                self.assertIn(message, answer["message"])
        code, answer = self.api.merge(SHOP_DB, {"spec": {"database": {"port": 5433}}})
        self.assertEqual(code, 200, answer)

    def test_two_appliers_may_each_own_a_workload(self):
        self.create()
        mine = policies.policy({"spec": {"workloads": [policies.workload("jobs")]}})
        code, answer = self.api.call("PATCH", SHOP_DB + "?fieldManager=jobs", mine,
                                     "application/apply-patch+yaml")
        self.assertEqual(code, 200, answer)
        names = [entry["name"] for entry in answer["spec"]["workloads"]]
        self.assertEqual(sorted(names), ["api", "jobs"])

    def test_status_is_written_as_a_patch_and_nothing_is_pruned(self):
        created = self.create()
        patches = status_patches()
        code, written = self.api.merge(SHOP_DB + "/status", patches["first"])
        self.assertEqual(code, 200, written)
        self.assertEqual(written["status"], patches["first"]["status"])
        self.assertEqual(written["metadata"]["generation"], created["metadata"]["generation"])

        self.assertEqual(patches["again"], {}, "a status read back and written again is a change")
        code, again = self.api.merge(SHOP_DB + "/status", patches["first"])
        self.assertEqual(again["metadata"]["resourceVersion"],
                         written["metadata"]["resourceVersion"])

        code, lean = self.api.merge(SHOP_DB + "/status", patches["lean"])
        self.assertEqual(code, 200, lean)
        self.assertEqual(lean["status"],
                         {"observedGeneration": 4, "instances": 0, "route": "Direct"})

    def test_a_status_in_the_spec_path_is_ignored(self):
        created = self.create({**policies.policy(), "status": {"instances": 7}})
        self.assertNotIn("status", created)

    def test_get_shows_the_columns(self):
        self.create()
        self.api.merge(SHOP_DB + "/status", status_patches()["first"])
        narrow = cluster.kubectl("get", "connpol", "-n", NAMESPACE).splitlines()
        self.assertEqual(narrow[0].split(), ["NAME", "MODE", "INSTANCES", "CURRENT", "TARGET",
                                             "USED%", "ROUTE", "READY", "REASON", "AGE"])
        self.assertEqual(narrow[1].split()[:9], ["shop-db", "Apply", "50", "1030", "200", "40",
                                                 "Moving", "False", "Draining"])
        wide = cluster.kubectl("get", "pgrightsizer", "-n", NAMESPACE, "-o", "wide").splitlines()
        self.assertEqual(wide[0].split()[10:], ["POOLERS", "WAITMS", "RESTART", "STATUS"])
        self.assertIn("310 connections are still open", wide[1])

    def test_explain_reads_well(self):
        deadline = time.monotonic() + 30  # the OpenAPI document follows a little later
        while True:
            try:
                text = cluster.kubectl("explain", "connpol.spec.pooler")
                break
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
        self.assertIn("always in transaction mode", text)
        self.assertIn("enum: Auto, Always, Never", text)
        self.assertIn("Pooler pods; the pool is divided among them.", text)

    def test_every_field_is_described_and_no_value_is_a_yaml_boolean(self):
        spec = self.schema()["properties"]["spec"]
        status = self.schema()["properties"]["status"]
        for path, field in [*fields_of(spec, "spec"), *fields_of(status, "status")]:
            self.assertTrue(field.get("description"), path)
            if path.startswith("spec"):
                values = {str(value).lower() for value in field.get("enum", [])}
                self.assertFalse(values & YAML_BOOLEANS, path)

    def test_descriptions_tell_the_defaults_because_explain_does_not(self):
        for path, field in fields_of(self.schema()["properties"]["spec"], "spec"):
            default = field.get("default", "")
            if not isinstance(default, (dict, list)) and default != "":
                text = json.dumps(default).strip('"')
                self.assertIn(f"Default is {text}.", field["description"], path)


if __name__ == "__main__":
    if not cluster.available():
        print("skipped: PGRS_TEST_KUBECONFIG is not set or kubectl is not on the PATH")
        sys.exit(cluster.SKIPPED)
    unittest.main()
