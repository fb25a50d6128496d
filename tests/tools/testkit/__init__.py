"""What the live tests, the demo and the benchmarks share: scopes, servers, clients, the agent, an OTLP receiver."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "build"
PROGRAMS = ROOT / "tests" / "live" / "programs"

# Read by gRPC when it is imported. Its handlers around fork() abort a child now and then that was about to execute a
# program, and no child of ours does anything else.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"
