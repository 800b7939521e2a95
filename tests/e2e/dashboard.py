#!/usr/bin/python3
"""The chart's Grafana dashboard, asked as Grafana asks it: the variables are filled in and every query of
every panel goes to a real Prometheus. The answers are kept as JSON; dashboard_svg.py draws them.
"""

import dataclasses
import json
import math
import re

import yaml

import prometheus
import world

STEP_S = 1
VARIABLE = re.compile(r"label_values\((.*), (\w+)\)")


def board():
    """What the chart gives Grafana."""
    rendered = world.run("helm", "template", str(world.CHART), "--set", "dashboard.enabled=true",
                         "--show-only", "templates/dashboard.yaml")
    return json.loads(yaml.safe_load(rendered)["data"]["pg-rightsizer.json"])


@dataclasses.dataclass
class Span:
    """The time that the dashboard shows, in seconds since 1970."""

    began: float
    ended: float


def answers(source, span):
    """The dashboard with the variables' values in its titles, and in each panel's targets the `series` that
    Prometheus has for them, or the `error`: [{"labels": …, "points": [[time, number], …]}]."""
    made = board()
    values = {"$__rate_interval": f"{4 * prometheus.SCRAPE_S}s"}  # Grafana's rule for so short a step
    for variable in made["templating"]["list"]:
        if variable["type"] == "query":
            values["$" + variable["name"]] = first_value(source, filled_in(variable["query"], values), span)
    for panel in made["panels"]:
        panel["title"] = filled_in(panel["title"], values)
        for target in panel.get("targets", []):
            target["expr"] = filled_in(target["expr"], values)
            try:
                target["series"] = evaluate(source, target, span)
            except world.Failure as failure:
                target["error"], target["series"] = str(failure), []
    return {"panels": made["panels"], "began": span.began, "ended": span.ended}


def filled_in(text, values):
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def first_value(source, query, span):
    """Of a variable; Grafana selects the first when a dashboard is opened."""
    metric, label = VARIABLE.fullmatch(query).groups()
    found = source.get(f"label/{label}/values", **{"match[]": metric, "start": span.began, "end": span.ended})
    if not found:
        raise world.Failure(f"no value for the variable {query}")
    return found[0]


def evaluate(source, target, span):
    if target["instant"]:
        found = source.vector(target["expr"], time=span.ended)
        return [series(one["metric"], [one["value"]]) for one in found]
    found = source.get("query_range", query=target["expr"], start=span.began, end=span.ended, step=STEP_S)
    return [series(one["metric"], one["values"]) for one in found["result"]]


def series(labels, points):
    numbers = [[float(at), float(value)] for at, value in points]
    return {"labels": labels, "points": [point for point in numbers if math.isfinite(point[1])]}


def problems(answered):
    """Queries that Prometheus does not take, and those of which it has nothing to show."""
    found = []
    for panel in answered["panels"]:
        for target in panel.get("targets", []):
            where = f"{panel['title']}: {target['expr']}"
            if "error" in target:
                found.append(f"{where}: {target['error']}")
            elif not any(one["points"] for one in target["series"]):
                found.append(f"{where}: no data")
    return found
