"""Every metric that the alert rules and the dashboard of deploy/ ask for exists in a real agent's /metrics, with the labels
that they ask by."""

import json
import re

from testkit import ROOT
from testkit.agent import parse_metrics

RULES = ROOT / "deploy" / "prometheus" / "telegen.rules.yaml"
DASHBOARD = ROOT / "deploy" / "grafana" / "telegen.json"
SUFFIX = re.compile(r"_(bucket|sum|count)$")
SCRAPER = {"instance", "job", "le"}  # added by Prometheus, and by every histogram


def expressions():
    yield from re.findall(r"^\s+expr: (.*)$", RULES.read_text(), re.MULTILINE)
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


def names_in(expression):
    return {SUFFIX.sub("", name) for name in re.findall(r"\btelegen_\w+", expression)}


def labels_asked_for(expression):
    """{(metric, label)}: what an expression selects by, and what it groups by where it names one metric."""
    asked = set()
    for name, selector in re.findall(r"\b(telegen_\w+)\{([^}]*)\}", expression):
        asked |= {(SUFFIX.sub("", name), label) for label in re.findall(r"(\w+)\s*[=!]~?", selector)}
    names = names_in(expression)
    for grouped in re.findall(r"\bby \(([^)]*)\)", expression) if len(names) == 1 else ():
        asked |= {(name, label.strip()) for name in names for label in grouped.split(",")}
    return {(name, label) for name, label in asked if label not in SCRAPER}


def test_what_rules_and_dashboard_ask_for_exists(agent):
    running = agent(config={"agent": {"resources": {"memory_limit": "1Gi"}}})
    status, text = running.get("/metrics")
    assert status == 200
    samples = parse_metrics(text)
    exposed = {SUFFIX.sub("", sample.name) for sample in samples}
    labels = {(SUFFIX.sub("", sample.name), label) for sample in samples for label in sample.labels}

    asked = set().union(*map(names_in, expressions()))
    assert len(asked) > 25
    assert asked - exposed == set(), "asked for, and nowhere in /metrics"

    by = set().union(*map(labels_asked_for, expressions()))
    assert by - labels == set(), "asked by a label that the metric does not have"
