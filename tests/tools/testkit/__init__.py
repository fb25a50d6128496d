"""What the live tests, the demo and the benchmarks share: scopes, servers, clients, the agent, an OTLP receiver."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "build"
PROGRAMS = ROOT / "tests" / "live" / "programs"
