"""Many seeds added up, by one process and by several."""

import importlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.drills.coverage import SeedCovered, faults_covered, known_markers
from antipodes.drills.many import Many, numbers, play_many, render, spreads
from antipodes.drills.model import Drill
from antipodes.drills.simulate import simulate
from antipodes.drills.swarm import draw, drawn_kinds
from antipodes.drills.verdict import Verdict
from tests.drills.fakeplays import BUGGY, DEADLY, FAILING, UNJUDGED, fake_play, hash_of
from tests.drills.plays import library, small

HERE = Path()


def swarm() -> Drill:
    return small(swarm={"faults": ["kill", "pause", "cut-link", "disk"], "for_s": 5.0})


def without_wall(many: Many) -> dict[str, Any]:
    document = many.document()
    assert document.pop("wall_s") >= 0
    assert json.loads(json.dumps(document)) == document
    return document


def test_all_seeds_are_added_up() -> None:
    said: list[str] = []
    many = play_many(swarm(), HERE, range(1, 11), jobs=1, play=fake_play, progress=said.append)
    found = without_wall(many)
    assert (found["verdict"], found["seeds"]) == ("fail", 10)
    assert (found["failed_seeds"], found["unknown_seeds"]) == ([FAILING], [])
    assert found["requests"] == sum(range(1, 11)) + 5
    assert found["virtual_s"] == 1000.0
    spread = found["figures"]["writes_acknowledged"]
    assert spread == {"min": 1, "p50": 5, "p99": 10, "max": 10}
    assert found["figures"]["rpo"]["writes_unreplicated"]["max"] == 0
    assert found["figures"]["latency_ms"]["seattle"]["p50"]["none"] == 10
    assert {"seed", "served_by", "missed", "verdict", "lost_keys"} & set(found["figures"]) == set()
    assert found["markers"] == {"a.rare": sum(n for n in range(1, 11) if n % 4), "a.usual": 10}
    assert "lambda.throttled" in found["markers_never"]
    assert len({found["digests"][str(seed)] for seed in range(1, 11)}) > 5
    [failed] = found["not_passed"]
    assert failed["seed"] == FAILING
    assert [f["witness"] for f in failed["findings"]] == ["hot-001"]
    assert said[-1].startswith("\r10 of 10 seeds")
    assert sum(not line.startswith("\r") for line in said) == 1


def test_each_seed_plays_what_it_draws() -> None:
    drill = swarm()
    many = play_many(drill, HERE, range(1, 11), jobs=1, play=fake_play)
    for played in many.played:
        drawn = draw(drill, played.seed)
        assert played.covered.kinds == drawn_kinds(drawn) != ()
        assert played.digest == f"{hash_of(drawn):08x}"


@pytest.mark.slow
def test_processes_do_not_change_the_sum() -> None:
    seeds = [n for n in range(1, 20) if n != DEADLY]
    alone, together = (
        play_many(swarm(), HERE, seeds, jobs=jobs, play=fake_play) for jobs in (1, 2)
    )
    assert without_wall(alone) == without_wall(together)


@pytest.mark.slow
def test_what_could_not_be_judged_is_unknown_and_named() -> None:
    many = play_many(swarm(), HERE, range(8, 18), jobs=2, play=fake_play)
    assert many.verdict is Verdict.UNKNOWN
    assert many.unknown_seeds == [UNJUDGED, DEADLY, BUGGY]
    errors = {seed.seed: seed.error for seed in many.played if seed.error}
    assert errors[UNJUDGED] == "the application never answered"
    assert errors[DEADLY] == "its process ended: signal SIGKILL"
    assert errors[BUGGY].startswith("AssertionError: a bug of ours\n")
    assert len(many.document()["digests"]) == 10
    shown = render(many)
    assert "??  seed 11: the application never answered\n" in shown
    assert shown.endswith("verdict: UNKNOWN")


def test_a_failure_is_worse_than_what_could_not_be_judged() -> None:
    many = play_many(swarm(), HERE, [FAILING, UNJUDGED, UNJUDGED], jobs=1, play=fake_play)
    assert many.verdict is Verdict.FAIL
    assert len(many.played) == 2
    assert "NO  seed 7: writes lost: wanted at most 0, found 1 (hot-001)\n??  seed 11" in render(
        many
    )


def test_no_seeds_are_no_pass() -> None:
    many = play_many(swarm(), HERE, [], jobs=1, play=fake_play)
    assert many.verdict is Verdict.UNKNOWN
    assert render(many)


def test_the_terminal_shows_spreads_faults_and_paths() -> None:
    shown = render(play_many(swarm(), HERE, range(1, 7), jobs=1, play=fake_play))
    lines = {line.split()[0]: line.split() for line in shown.splitlines() if line}
    assert lines["writes_acknowledged"][1:] == ["1", "3", "6", "6"]
    assert lines["writes_lost"][1:] == ["0", "0", "0", "0"]
    assert "rto_s_by_city.seattle" not in lines  # it was never anything but 0
    assert {"kill", "pause", "cut-link", "disk"} <= set(lines)
    assert "rare paths taken: a.rare 17, a.usual 6\nnever taken: " in shown
    assert "6 seeds, 24 requests in 0.2 hours of the world" in shown
    assert shown.endswith("verdict: PASS")


def test_a_fault_that_never_mattered_is_seen() -> None:
    seeds = [
        SeedCovered(("kill",), {"usual": 3, "rare": 1}, 10, 0),
        SeedCovered(("kill", "pause"), {"usual": 1, "rare": 2}, 10, 0),
        SeedCovered(("disk",), {"usual": 1}, 10, 4),
        SeedCovered(("pause",), {"usual": 1}, 10, 0),
    ]
    found = {f.kind: f for f in faults_covered(("kill", "pause", "disk", "clock"), seeds)}
    assert [f.seeds for f in found.values()] == [2, 2, 1, 0]
    assert [f.paths for f in found.values()] == [["rare"], [], [], []]
    assert [f.mattered for f in found.values()] == [True, False, True, False]
    assert (found["disk"].missed, found["disk"].missed_without) == (0.4, 0.0)
    assert found["clock"].missed is None
    assert not faults_covered(("kill",), [])[0].mattered
    many = Many("Small", [], list(found.values()), 0.0)
    assert "never mattered: pause, clock\n" in render(many)
    assert [fault["mattered"] for fault in many.document()["faults"]] == [True, False, True, False]


def test_the_markers_of_the_package_are_known() -> None:
    known = known_markers()
    assert {"replication.silence", "dynamodb.older-version-ignored", "replication.behind"} <= {
        *known
    }
    assert all(name == name.lower() and " " not in name for name in known)


def test_numbers_are_numbers() -> None:
    figures = {"a": 1, "b": None, "c": True, "d": "x", "e": {"f": 2.5, "g": []}, "seed": 3, "h": {}}
    assert numbers(figures) == {"a": 1, "b": None, "e": {"f": 2.5}}


@given(st.lists(st.none() | st.integers(-1000, 1000), min_size=1, max_size=300))
def test_a_spread_is_of_the_values(values: list[int | None]) -> None:
    spread = spreads([{"x": value} for value in values])["x"]
    known = sorted(value for value in values if value is not None)
    assert spread.get("none", 0) == len(values) - len(known)
    if not known:
        assert spread["max"] is None
        return
    assert (spread["min"], spread["max"]) == (known[0], known[-1])
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        assert sum(value <= spread[name] for value in known) >= share * len(known)
        assert sum(value < spread[name] for value in known) < share * len(known)


@pytest.mark.slow
@pytest.mark.simulation
def test_real_plays_come_out_alike_in_every_process() -> None:
    """Each process has a hash seed of its own, and has played other seeds before."""
    drill = small(duration_s=15.0, swarm={"faults": ["kill", "slow-place"], "for_s": 4.0})
    alone, together = (
        play_many(drill, library(), range(1, 5), jobs=jobs, play=simulate) for jobs in (1, 2)
    )
    assert without_wall(alone) == without_wall(together)
    assert not any(seed.error for seed in alone.played)
    assert len({seed.digest for seed in alone.played}) == 4


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None,
    reason="Dask is not installed: pip install 'antipodes[dask]'",
)
def test_a_cluster_comes_to_the_same_sum(tmp_path: Path) -> None:
    (tmp_path / "deploy.py").write_text("print(1)")
    distributed: Any = importlib.import_module("distributed")
    seeds = range(1, 11)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        address = cluster.scheduler_address
        together = play_many(swarm(), tmp_path, seeds, jobs=1, play=fake_play, cluster=address)
    alone = play_many(swarm(), HERE, seeds, jobs=1, play=fake_play)
    assert without_wall(alone) == without_wall(together)


def test_the_documentation_names_every_key() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "simulation.md").read_text()
    document = play_many(swarm(), HERE, [2], jobs=1, play=fake_play).document()
    assert [key for key in document if f"`{key}`" not in page] == ["drill"]
