"""Drills as the seeds draw them: valid, repeatable, and all different."""

import itertools
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.drills.format import load_drill, parse_drill
from antipodes.drills.model import Drill, SwarmPart
from antipodes.drills.swarm import KINDS, draw, drawn_kinds, kinds_of
from tests.drills.plays import E, W, small

SEEDS = st.integers(min_value=0, max_value=2**40)


def swarm(*kinds: str, duration_s: float = 60.0, **changes: Any) -> Drill:
    part = {"faults": list(kinds or KINDS), "events": 8, "for_s": 20.0, **changes}
    timeline = [{"at_s": duration_s / 2, "phase": "lost", "kill": W}]
    return small(duration_s=duration_s, timeline=timeline, swarm=part)


def again(drill: Drill) -> Drill:
    """The drill as a file would give it."""
    return parse_drill(msgspec.to_builtins(drill), "test")


@settings(max_examples=60, deadline=None)
@given(
    seed=SEEDS,
    duration_s=st.floats(min_value=2.0, max_value=100_000.0),
    for_s=st.floats(min_value=0.1, max_value=100_000.0),
    events=st.integers(min_value=1, max_value=40),
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, unique=True),
)
def test_what_is_drawn_is_a_valid_drill(
    seed: int, duration_s: float, for_s: float, events: int, kinds: list[str]
) -> None:
    drill = swarm(*kinds, duration_s=duration_s, for_s=for_s, events=events)
    drawn = draw(drill, seed)
    assert again(drawn) == drawn
    assert drawn == draw(drill, seed)
    background = [event for event in drawn.timeline if not event.phase]
    assert 1 <= len(background) <= events
    for event in background:
        assert 0 < event.for_s <= for_s
        assert event.at_s + event.for_s <= duration_s
        assert kinds_of(event)[0] in kinds
    assert [event for event in drawn.timeline if event.phase] == list(drill.timeline)
    assert drawn.phases() == drill.phases()


@given(seed=SEEDS, other=SEEDS)
@settings(max_examples=20, deadline=None)
def test_what_is_drawn_has_nothing_more_to_draw(seed: int, other: int) -> None:
    drawn = draw(swarm(), seed)
    world = msgspec.structs.replace(drawn.world, seed=other)
    assert draw(drawn, other) == msgspec.structs.replace(drawn, world=world)


def test_without_a_swarm_only_the_seed_is_another() -> None:
    drill = small()
    drawn = draw(drill, 99)
    assert drawn.world.seed == 99
    assert draw(drawn, drill.world.seed) == drill


def test_the_seeds_differ_and_every_kind_is_drawn_by_some_and_not_by_all() -> None:
    drawn = [draw(swarm(), seed) for seed in range(200)]
    plain = {msgspec.json.encode(msgspec.structs.replace(d, world=drawn[0].world)) for d in drawn}
    assert len(plain) == len(drawn)
    for kind in KINDS:
        assert 20 < sum(kind in drawn_kinds(drill) for drill in drawn) < 150


def test_faults_strike_everywhere() -> None:
    events = [e for seed in range(300) for e in draw(swarm(), seed).timeline if not e.phase]
    assert {e.kill for e in events if e.kill} == {W, E, "us-east-1", "edge"}
    ends = {e.fault.get(end, "") for e in events for end in ("a", "b", "place")}
    assert {W, E, "edge/*", "edge/SEA", "edge/FRA", "city/seattle", f"{W}/usw2-az1"} <= ends
    assert {e.fault["both_ways"] for e in events if "a" in e.fault} == {True, False}
    assert {e.disk.full for e in events if e.disk} == {True, False}
    assert {e.clock.offset_s > 0 for e in events if e.clock} == {True, False}


def test_faults_meet_in_some_seeds() -> None:
    """In a crowd, something else breaks while the first thing is still broken."""

    def meeting(drill: Drill) -> int:
        spans = [(e.at_s, e.at_s + e.for_s) for e in drill.timeline if not e.phase]
        return sum(start < end for (_, end), (start, _) in itertools.pairwise(spans))

    counts = [meeting(draw(swarm(duration_s=600.0, events=6), seed)) for seed in range(200)]
    assert 10 < sum(count >= 3 for count in counts) < 120


def test_parameters_are_drawn_unless_the_drill_forbids_it() -> None:
    drill = swarm()
    drawn = [draw(drill, seed) for seed in range(100)]
    for field in ("propagation_s", "restart_s"):
        assert len({getattr(d.world, field) for d in drawn}) > 50
    for field in ("rate", "keys", "people", "writes", "fresh"):
        assert len({getattr(d.load, field) for d in drawn}) >= 8
    assert len({network for d in drawn for network in d.world.access.values()}) > 5
    assert all(d.world.speed == drill.world.speed for d in drawn)
    assert all(d.world.propagation_s <= drill.world.propagation_s for d in drawn)
    untuned = draw(swarm(tuning=False), 3)
    assert untuned.load == drill.load
    assert msgspec.structs.replace(untuned.world, seed=drill.world.seed) == drill.world


def test_shares_of_other_calls_stay_shares() -> None:
    kinds = ("delete", "increment", "count", "strong-read")
    load = {
        "mix": {"delete": 0.4, "increment": 0.3, "count": 0.3, "strong-read": 0.0},
        "calls": dict.fromkeys(kinds, "GET /{key}"),
        "writes": 1.0,
    }
    part = {"faults": ["kill"]}
    for seed in range(50):
        drawn = draw(small(load=load, swarm=part), seed)
        assert again(drawn) == drawn
        assert drawn.load.writes == 1.0
        assert drawn.load.mix["strong-read"] == 0.0
        assert all(share > 0 for kind, share in drawn.load.mix.items() if kind != "strong-read")


@pytest.mark.parametrize("part", [SwarmPart(()), SwarmPart(("kill",), events=0)])
def test_a_swarm_without_faults_draws_parameters_only(part: SwarmPart) -> None:
    drawn = draw(msgspec.structs.replace(small(), swarm=part), 5)
    assert drawn.timeline == ()
    assert drawn.load != small().load


def test_the_librarys_swarm_can_be_drawn() -> None:
    drill, _ = load_drill("swarm")
    assert drill.swarm is not None
    for seed in range(20):
        drawn = draw(drill, seed)
        assert set(drawn_kinds(drawn)) <= set(drill.swarm.faults)
        assert again(drawn) == drawn


def test_the_documentation_names_every_kind() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "simulation.md").read_text()
    assert [kind for kind in KINDS if f"`{kind}`" not in page] == []
