"""The files of deploy/ that others load: Prometheus rules and the Grafana dashboard."""

import json
from pathlib import Path

import pytest

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"


@pytest.fixture
def dashboard():
    return json.loads((DEPLOY / "grafana" / "telegen.json").read_text())


@pytest.fixture
def deploy():
    return DEPLOY
