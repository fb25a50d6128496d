"""Tests that look at a whole machine: they run where the machine is the test's own, and nowhere else."""

import os

import pytest

from testkit.fixtures import *  # noqa: F403  (fixtures and the hook that shows what processes said)
from testkit.receiver import Receiver

# On a host these would see, and judge, what other software has loaded.
collect_ignore_glob = [] if os.environ.get("TELEGEN_VM") else ["test_*.py"]


@pytest.fixture
def counting():
    with Receiver("grpc", counting=True) as made:
        yield made
