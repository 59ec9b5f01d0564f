"""A bug planted in replication is found by the swarm, shrunk, and shown.

Slow: seeds are played until one fails, and its drill again and again with less in it.
"""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from antipodes import cli
from antipodes.drills.format import load_drill
from antipodes.drills.simulate import simulate
from antipodes.drills.swarm import draw
from antipodes.drills.verdict import Verdict
from tests.drills.planted import skip_one_after_a_break

pytestmark = [pytest.mark.slow, pytest.mark.simulation, pytest.mark.timeout(600)]

SEEDS = 200  # by then it has to be found; it takes far fewer


def found_at() -> int:
    """The first seed of the swarm that fails."""
    drill, directory = load_drill("swarm")
    for seed in range(1, SEEDS + 1):
        played = simulate(draw(drill, seed), directory, seed=seed)
        if played.judgement.verdict is Verdict.FAIL:
            return seed
    raise AssertionError(f"not found in {SEEDS} seeds")


def test_it_is_found_and_shrunk_to_a_drill_that_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    skip_one_after_a_break(monkeypatch)
    monkeypatch.chdir(tmp_path)
    seed = found_at()
    whole, _ = load_drill("swarm")
    command = ["drill", "run", "swarm", "--simulate", "--seeds", str(seed), "--jobs", "1"]
    assert cli.main([*command, "--json", "many.json"]) == 1
    said = capsys.readouterr().out
    assert f"seed {seed}, shrunk in" in said
    assert "journal:" in said
    (file,) = (tmp_path / "antipodes-failures").glob("*.toml")
    (picture,) = (tmp_path / "antipodes-failures").glob("*.svg")
    assert ET.fromstring(picture.read_text()).tag.endswith("svg")  # noqa: S314 - our own
    small, directory = load_drill(str(file))
    assert len(small.timeline) <= 2
    assert small.load.rate * small.duration_s < whole.load.rate * whole.duration_s / 2
    again = simulate(small, directory, seed=small.world.seed)
    assert again.judgement.verdict is Verdict.FAIL


def test_without_it_the_same_seeds_pass() -> None:
    drill, directory = load_drill("swarm")
    verdicts = [
        simulate(draw(drill, seed), directory, seed=seed).judgement.verdict for seed in range(1, 5)
    ]
    assert verdicts == [Verdict.PASS] * 4
