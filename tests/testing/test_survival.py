"""A drill as an assertion: what passes returns figures, what does not says all there is to say."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from antipodes.drills.format import load_drill
from antipodes.drills.model import Drill, DrillError, LoadPart
from antipodes.testing.survival import assert_survives

pytestmark = pytest.mark.slow  # whole drills

W, E = "us-west-2", "eu-central-1"


def short_drill(**expectations: Any) -> tuple[Drill, Path]:
    """The library's loss of a region, in two minutes and with little load."""
    drill, folder = load_drill("region-loss")
    lost, returned = drill.timeline
    return msgspec.structs.replace(
        drill,
        name="Short loss",
        duration_s=60.0,
        load=LoadPart(cities=("frankfurt", "sao-paulo"), rate=0.5),
        timeline=(
            msgspec.structs.replace(lost, at_s=10.0),
            msgspec.structs.replace(returned, at_s=40.0),
        ),
        expect=msgspec.convert(expectations, type(drill.expect)),
    ), folder


def test_a_drill_that_passes_returns_its_figures_and_tells_them() -> None:
    drill, folder = short_drill(writes_lost=0)
    told: dict[str, Any] = {}
    figures = assert_survives(drill, directory=folder, seed=3, told=told.__setitem__)
    assert figures["verdict"] == told["verdict"] == "pass"
    assert figures["seed"] == told["seed"] == 3
    assert told["rpo_writes"] == figures["rpo"]["writes_unreplicated"]
    assert figures["digest"] == told["digest"]
    assert assert_survives(drill, directory=folder, seed=3)["digest"] == figures["digest"]


def test_many_seeds_give_the_spread_of_every_figure() -> None:
    drill, folder = short_drill(writes_lost=0)
    told: dict[str, Any] = {}
    figures = assert_survives(drill, directory=folder, seeds=2, jobs=2, told=told.__setitem__)
    assert (figures["seeds"], figures["verdict"]) == (2, "pass")
    requests = figures["requests"]
    assert requests["min"] <= requests["p50"] <= requests["max"]
    assert requests["min"] != requests["max"], "two seeds, two loads"
    assert told["requests"] == requests["max"]
    assert told["availability"] == figures["availability"]["min"]
    assert set(figures["latency_ms"]["frankfurt"]["p50"]) == {"min", "p50", "p99", "max"}


def test_a_drill_that_fails_shows_verdicts_and_how_to_play_it_again(tmp_path: Path) -> None:
    drill, folder = short_drill(availability=1.0, writes_lost=0)
    told: dict[str, Any] = {}
    with pytest.raises(AssertionError) as caught:
        assert_survives(drill, directory=folder, seeds=2, told=told.__setitem__)
    said = str(caught.value)
    assert said.startswith("Short loss is not survived: FAIL, seed 1\n")
    assert "\n  of 2 seeds 2 failed: 1, 2\n  availability: wanted" in said
    assert "writes lost" in said.partition("verdict: FAIL")[0]
    assert "play it again: ANTIPODES_SEED=1, or assert_survives(..., seed=1)" in said
    assert (told["verdict"], told["seeds"]) == ("fail", 2)
    text = (folder / "region-loss.toml").read_text()
    path = tmp_path / "strict.toml"
    path.write_text(
        text.replace("availability = 0.8", "availability = 1.0")
        .replace("duration_s = 600", "duration_s = 60")
        .replace("at_s = 120", "at_s = 10")
        .replace("at_s = 360", "at_s = 40")
        .replace('deploy = "', f'deploy = "{folder}/')
        .partition("[expect.served_by]")[0]
    )
    with pytest.raises(AssertionError, match="not survived") as from_file:
        assert_survives("strict.toml", directory=tmp_path)
    assert f"antipodes drill run {path} --simulate --seed 1" in str(from_file.value)


def test_what_cannot_be_judged_is_a_failure_that_says_why() -> None:
    drill, folder = short_drill(availability=0.5)
    silent = msgspec.structs.replace(drill, load=LoadPart(cities=("frankfurt",), rate=0.0001))
    with pytest.raises(AssertionError, match=r"UNKNOWN(.*\n)+.*nothing was asked"):
        assert_survives(silent, directory=folder)


def test_what_cannot_be_played_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DrillError, match="no file"):
        assert_survives("no-such-drill", directory=tmp_path)
    drill, _ = short_drill(writes_lost=0)
    with pytest.raises(DrillError, match="deploy"):
        assert_survives(drill, directory=tmp_path)


def test_a_drill_is_played_by_real_processes_too() -> None:
    drill, folder = short_drill(availability=1.0, writes_lost=0)
    told: dict[str, Any] = {}
    with pytest.raises(AssertionError, match=r"play it again: .*simulate=False") as caught:
        assert_survives(drill, directory=folder, simulate=False, speed=60, told=told.__setitem__)
    assert "FAIL, seed 1\n  availability" in str(caught.value)
    assert (told["verdict"], told["writes_lost"]) == ("fail", 0)
    assert told["requests"] > 0
    assert "digest" not in told
