"""Prometheus' own judge loads the rules and runs their tests; the dashboard is loaded and every query of it parsed.

Grafana publishes its dashboard's schema for TypeScript only. So its structure is checked here, by what Grafana needs to
show a panel: a known type, a place that no other panel takes, queries on the chosen data source."""

import json
import re
import shutil
import subprocess

import pytest

PROMTOOL = shutil.which("promtool")
PANELS = {"row", "stat", "timeseries"}
COLUMNS = 24
VARIABLES = re.compile(r"\$(?:\{(\w+)\}|(\w+))")

needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is missing: run scripts/setup-tests")


def promtool(*arguments, folder):
    done = subprocess.run([PROMTOOL, *arguments], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_promtool
def test_the_rules_are_valid_and_do_what_their_tests_say(deploy):
    folder = deploy / "prometheus"
    assert "SUCCESS" in promtool("check", "rules", "telegen.rules.yaml", folder=folder)
    assert "SUCCESS" in promtool("test", "rules", "telegen.rules_test.yaml", folder=folder)


def test_every_alert_is_tested_for_firing_and_for_silence(deploy):
    folder = deploy / "prometheus"
    alerts = re.findall(r"- alert: (\w+)", (folder / "telegen.rules.yaml").read_text())
    tests = (folder / "telegen.rules_test.yaml").read_text()
    assert len(alerts) == len(set(alerts)) > 10
    for alert in alerts:
        assert re.search(rf"alertname: {alert}\}}", tests), f"{alert} is never expected to be silent"
        assert re.search(rf"alertname: {alert}\n\s+exp_alerts:", tests), f"{alert} is never expected to fire"


def visible(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def test_the_dashboard_has_what_grafana_needs(dashboard):
    assert dashboard["schemaVersion"] >= 36 and dashboard["uid"] and dashboard["title"]
    assert {"from", "to"} == dashboard["time"].keys()
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids)), "panels with one id overwrite each other"
    taken = {}
    for panel in dashboard["panels"]:
        assert panel["type"] in PANELS and panel["title"]
        place = panel["gridPos"]
        assert place["x"] >= 0 and place["w"] > 0 and place["h"] > 0 and place["x"] + place["w"] <= COLUMNS, panel["title"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"], f"{panel['title']} lies on {taken[x, y]}"
    for panel in visible(dashboard):
        assert panel["description"] and panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        references = [target["refId"] for target in panel["targets"]]
        assert references and len(references) == len(set(references)), panel["title"]
        for target in panel["targets"]:
            assert target["expr"] and target["legendFormat"], panel["title"]


def test_the_dashboard_asks_the_chosen_data_source_for_the_chosen_agents(dashboard):
    variables = {each["name"]: each for each in dashboard["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource" and variables["datasource"]["query"] == "prometheus"
    source = {"type": "prometheus", "uid": "${datasource}"}
    assert variables["instance"]["datasource"] == source
    for panel in visible(dashboard):
        for each in (panel, *panel["targets"]):
            assert each["datasource"] == source, panel["title"]
    used = {a or b for a, b in VARIABLES.findall(json.dumps(dashboard))}
    built_in = {name for name in used if name.startswith("__")}
    assert used - built_in == variables.keys(), "a variable that is not declared, or not used"
    for panel in visible(dashboard):
        for target in panel["targets"]:
            metrics = re.findall(r"telegen_\w+(\{)?", target["expr"])
            assert metrics and all(metrics), f"{panel['title']}: {target['expr']} does not ask for $instance"
            assert target["expr"].count('instance=~"$instance"') == len(metrics), target["expr"]


@needs_promtool
def test_every_query_of_the_dashboard_is_promql(dashboard, tmp_path):
    queries = [target["expr"] for panel in visible(dashboard) for target in panel["targets"]]
    assert len(queries) > 30
    rules = [{"record": f"telegen:query_{number}", "expr": query.replace("$__rate_interval", "5m")}
             for number, query in enumerate(queries)]
    file = tmp_path / "queries.yaml"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(queries)} rules found" in promtool("check", "rules", str(file), folder=tmp_path)
