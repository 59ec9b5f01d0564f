"""One drill, played by processes and in simulation, has to come to the same figures.

Slow: seven minutes of a real world, ten times as fast. The tolerances are in docs/simulation.md: a
busy machine adds to what real processes need, and health checks fall as they fall.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.worlds import EXAMPLE, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

DRILL = str(EXAMPLE / "region-loss.toml")
RTO_S = 40.0  # two health checks and a propagation, at whatever moment each of them falls
LATENCY_SHARE, LATENCY_MS = 0.2, 300.0


def played(directory: Path, *options: str) -> dict[str, Any]:
    out = directory / f"{len(options)}.json"
    done = run("drill", "run", DRILL, *options, "--json", str(out), state=directory, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr
    figures: dict[str, Any] = json.loads(out.read_text())
    return figures


def test_reality_and_simulation_agree(tmp_path: Path) -> None:
    real = played(tmp_path, "--speed", "10")
    simulated = played(tmp_path, "--simulate", "--seed", "7")
    assert simulated.keys() - real.keys() == {"digest", "markers", "virtual_s"}
    assert abs(real["rto_s"] - simulated["rto_s"]) < RTO_S
    assert real["rpo"] == simulated["rpo"] == {"writes_unreplicated": 0, "oldest_age_s": 0.0}
    assert real["writes_lost"] == simulated["writes_lost"] == 0
    assert abs(real["availability"] - simulated["availability"]) < 0.1
    steady = [figures["latency_ms_by_phase"]["steady"] for figures in (real, simulated)]
    for city, row in steady[1].items():
        allowed = row["p50"] * LATENCY_SHARE + LATENCY_MS
        assert abs(steady[0][city]["p50"] - row["p50"]) < allowed, city
    last = [{c: r for c, r in d["served_by"].items() if c == "lost"} for d in (real, simulated)]
    assert all(max(d["lost"], key=d["lost"].get) == "eu-central-1" for d in last)
