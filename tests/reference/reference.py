#!/usr/bin/env python3
"""The tables in the docs say what their sources say; fails when one does not.

    reference.py [--write]
"""

import json
import pathlib
import re
import sys

import yaml

ROOT = pathlib.Path(__file__).parents[2]
CHART = ROOT / "charts/pg-rightsizer"
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"


def table(head, rows):
    def line(cells):
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    return "\n".join([line(head), "|" + "---|" * len(head), *map(line, rows), ""])


# --- metrics: of the sources ----------------------------------------------------------------------

METRIC = re.compile(
    r'constexpr\s+Metric\s+\w+\s*\{\s*(?:MetricKind::)?(\w+),\s*"(\w+)",\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\}')


def sources():
    return [path.read_text(encoding="utf-8") for path in sorted((ROOT / "src").rglob("*.cc"))]


def metrics():
    rows = sorted((f"`{name}`", kind.lower(), "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text)))
                  for source in sources() for kind, name, text in METRIC.findall(source))
    uses = sum(source.count("constexpr Metric ") for source in sources())
    if len({row[0] for row in rows}) != len(rows) or uses != len(rows):
        sys.exit(f"{uses} definitions of metrics, of which {len(rows)} were understood")
    return table(("metric", "kind", "what it says"), rows)


# --- fields: of the CRD ---------------------------------------------------------------------------


def fields_below(schema, prefix):
    for name, field in schema.get("properties", {}).items():
        path = f"{prefix}.{name}"
        inner = field.get("items", field)
        text = " ".join(field.get("description", "").split())
        if not text:
            sys.exit(f"the CRD does not describe {path}")
        kind = field["type"] if "type" in field else "integer or string"
        if kind == "array":
            path += "[]"
            kind = f"list of {inner['type']}s"
        choices = inner.get("enum")
        yield f"`{path}`", ", ".join(map(str, choices)) if choices else kind, text
        yield from fields_below(inner, path)


def fields():
    crd = yaml.safe_load((ROOT / "crds/pgrightsizer.io_connectionpolicies.yaml").read_text(encoding="utf-8"))
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    rows = [row for part in ("spec", "status") for row in fields_below(schema[part], part)]
    return table(("field", "type", "what it is for"), rows)


# --- alerts: of the chart -------------------------------------------------------------------------


def alerts():
    rows = []
    for path in sorted((CHART / "files/rules").glob("*.yaml")):
        # The text is Helm's template, of which only the braces disturb.
        rule = yaml.safe_load(re.sub(r"\{\{[-`]? *(.*?) *[-`]?\}\}", r"<\1>", path.read_text(encoding="utf-8")))
        if not (ROOT / f"docs/runbooks/{path.stem}.md").exists():
            sys.exit(f"no runbook of {path.stem}")
        rows.append((f"[{rule['alert']}](runbooks/{path.stem}.md)", rule["labels"]["severity"],
                     str(rule.get("for", "at once")), " ".join(rule["annotations"]["description"].split())))
    return table(("alert", "severity", "for", "what it means"), rows)


# --- values: of the chart, with the comment above each -----------------------------------------------


def values():
    rows, path, comment = [], [], []
    for line in (CHART / "values.yaml").read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if text.startswith("#"):
            comment.append(text[1:].strip())
            continue
        if not text:
            comment = []
            continue
        depth = (len(line) - len(line.lstrip())) // 2
        name, _, default = text.partition(":")
        path = path[:depth] + [name]
        if default.strip():
            shown = json.dumps(yaml.safe_load(default)) if default.strip()[0] in "{[" else default.strip()
            rows.append((f"`{'.'.join(path)}`", f"`{shown}`", " ".join(comment)))
        elif comment:
            rows.append((f"`{path[-1]}`", "", " ".join(comment)))
        comment = []
    read = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    if {row[0].strip("`").split(".")[0] for row in rows} != set(read):
        sys.exit(f"values not understood: {set(read) - {row[0].strip('`').split('.')[0] for row in rows}}")
    return table(("value", "default", "what it is for"), rows)


# --- events: of the table of their reasons ----------------------------------------------------------

REASON = re.compile(
    r'((?://.*\n)+)inline constexpr Reason k(\w+)\{"(\w+)", EventType::(\w+)\};')


def comment_of(lines):
    return " ".join(line.strip().removeprefix("//").strip() for line in lines.splitlines())


def events():
    path = ROOT / "src/controller/turn/reasons.h"
    table_text = path.read_text(encoding="utf-8")
    rows = []
    for comment, constant, name, kind in REASON.findall(table_text):
        when, _, remedy = comment_of(comment).partition("Remedy: ")
        rows.append((f"`{name}`", kind, when.strip(), remedy[:1].upper() + remedy[1:]))
        used = any(re.search(rf"\bk{constant}\b", source) for source in sources())
        if constant != name or not used:
            sys.exit(f"k{constant} is \"{name}\"" if used else f"nothing tells k{constant}")
    if len(rows) != table_text.count("constexpr Reason "):
        sys.exit(f"{path.name}: a reason has no comment, or is written in another way")
    check_that_only_these_are_told(path)
    return table(("reason", "type", "when", "what to do"), sorted(rows))


def check_that_only_these_are_told(reasons):
    """The types see to it, as long as nobody makes a Reason elsewhere or goes past tell()."""
    for path in (ROOT / "src").rglob("*.*"):
        text = path.read_text(encoding="utf-8")
        made = re.search(r"\bReason\{|constexpr Reason\b", text) and path != reasons
        past = re.search(r"events\w*\.(normal|warning)\(", text) and path.name != "turn.cc"
        if made or past:
            sys.exit(f"{path.relative_to(ROOT)}: an event whose reason is not in {reasons.name}")


# --- steps and waits: of the core's enumerations ----------------------------------------------------


def enumerators(name):
    header = (ROOT / "include/pgrightsizer/transition/transition.h").read_text(encoding="utf-8")
    body = re.search(rf"enum class {name} \{{\n(.*?)\n\}};", header, re.DOTALL)[1]
    for entry, comment in re.findall(r"^  (\w+), *(//.*(?:\n +//.*)*)", body, re.MULTILINE):
        yield entry, comment_of(comment)


def conditions():
    names = (ROOT / "src/transition/names.cc").read_text(encoding="utf-8")
    rows = []
    for enumeration, what in (("StepKind", "step"), ("Topic", "wait")):
        told = re.findall(rf'case {enumeration}::(\w+):\s+return "(\w+)"', names)
        explained = dict(enumerators(enumeration))
        for entry, name in told:
            if entry in ("None", "Wait"):
                continue
            if entry != name or entry not in explained:
                sys.exit(f"{enumeration}::{entry} is \"{name}\", or has no comment")
            text = explained[entry]
            rows.append((f"`{name}`", what, text[:1].upper() + text[1:]))
    return table(("name", "kind", "what it means"), sorted(rows, key=lambda row: row[0].strip("`")))


PAGES = {"docs/events.md": events, "docs/conditions.md": conditions, "docs/metrics.md": metrics, "docs/fields.md": fields, "docs/alerts.md": alerts,
         "charts/pg-rightsizer/README.md": values}


def main():
    stale = []
    for name, make in PAGES.items():
        page = ROOT / name
        text = page.read_text(encoding="utf-8")
        head, rest = text.split(BEGIN)
        now = head + BEGIN + make() + END + rest.split(END)[1]
        if sys.argv[1:] == ["--write"]:
            page.write_text(now, encoding="utf-8")
        elif now != text:
            stale.append(name)
    if stale:
        sys.exit(f"{', '.join(stale)}: stale; run tests/reference/reference.py --write")
    print(f"{len(PAGES)} pages say what their sources say")


if __name__ == "__main__":
    main()
