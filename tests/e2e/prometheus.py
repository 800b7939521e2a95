"""A real Prometheus inside the node, which asks the operator every second and knows the chart's alerts."""

import json
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import yaml

import world

SCRAPE_S = 1
ADDRESS = "127.0.0.1:9090"  # of the node's own network


class Prometheus:
    """Asks `target`, host:port, until stop(). Its files are in `directory`."""

    def __init__(self, directory, target):
        shutil.rmtree(directory, ignore_errors=True)  # what an earlier one has seen is still answered
        directory.mkdir(parents=True)
        rendered = world.run("helm", "template", str(world.CHART), "--set", "prometheusRule.enabled=true",
                             "--set", "prometheusRule.renderMode=alwaysRender", "--show-only",
                             "templates/prometheusrule.yaml")
        (directory / "rules.yaml").write_text(yaml.safe_dump(yaml.safe_load(rendered)["spec"]))
        (directory / "prometheus.yaml").write_text(yaml.safe_dump({
            "global": {"scrape_interval": f"{SCRAPE_S}s", "evaluation_interval": f"{SCRAPE_S}s"},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [{"job_name": "pg-rightsizer", "honor_labels": True,
                                "static_configs": [{"targets": [target]}]}]}))
        self._log = open(directory / "prometheus.log", "w", encoding="utf-8")
        self._process = subprocess.Popen(
            ["prometheus", f"--config.file={directory}/prometheus.yaml",
             f"--storage.tsdb.path={directory}/data", f"--web.listen-address={ADDRESS}"],
            stdout=self._log, stderr=self._log)
        world.wait_until("Prometheus", 60, lambda: self.query("up") == {"1"})

    def get(self, path, **parameters):
        """The data of an answer; a Failure with what Prometheus says of a question that it does not take."""
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        try:
            with urllib.request.urlopen(f"http://{ADDRESS}/api/v1/{path}{query}", timeout=20) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise world.Failure(f"{path}{query}: {error.read().decode()}") from error

    def vector(self, expression, **at):
        return self.get("query", query=expression, **at)["result"]

    def query(self, expression):
        return {one["value"][1] for one in self.vector(expression)}

    def firing(self):
        return {one["labels"]["alertname"].removeprefix("PgRightsizer")
                for one in self.get("alerts")["alerts"] if one["state"] == "firing"}

    def stop(self):
        self._process.terminate()
        self._process.wait(timeout=30)
        self._log.close()
