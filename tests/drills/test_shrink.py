"""Failing drills made small: by made-up rules of what fails, and by a real bug."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.drills.format import load_drill, parse_drill
from antipodes.drills.history import History
from antipodes.drills.model import Drill, DrillError, RetryPart
from antipodes.drills.shrink import cut_short, shrink
from antipodes.drills.simulate import simulate
from antipodes.drills.simulated import Simulated
from antipodes.drills.swarm import KINDS, draw, kinds_of
from antipodes.drills.verdict import Finding, Verdict
from antipodes.drills.written import plain
from antipodes.hosting.simulated import SimulatedWorld
from tests.drills.fakeplays import simulated
from tests.drills.plays import E, W, library, small

EMPTY = History([], [], [], [], {})
Rule = Callable[[Drill], bool]


class Player:
    """Plays by a rule, and remembers what it was given."""

    def __init__(self, rule: Rule, *, other: Rule = lambda _: False) -> None:
        self._rule = rule
        self._other = other
        self.given: list[Drill] = []

    def __call__(self, drill: Drill) -> Simulated | None:
        assert parse_drill(plain(drill), "test") == drill
        self.given.append(drill)
        failed = Verdict.FAIL if self._rule(drill) else Verdict.PASS
        found = simulated(drill, failed, EMPTY)
        if self._other(drill):
            finding = Finding("RTO", "at most 1 s", "2 s", Verdict.FAIL)
            findings = [*found.judgement.findings, finding]
            judgement = msgspec.structs.replace(found.judgement, findings=findings)
            return msgspec.structs.replace(found, judgement=judgement)
        return found if failed is Verdict.FAIL else None


def has(*kinds: str) -> Rule:
    return lambda drill: set(kinds) <= {k for event in drill.timeline for k in kinds_of(event)}


def whole() -> Drill:
    """Much of everything."""
    timeline = [
        {"at_s": 10, "kill": W, "for_s": 5},
        {"at_s": 20, "phase": "slow", "fault": {"kind": "slow-place", "place": E, "extra_ms": 800}},
        {"at_s": 30, "disk": {"place": E, "slow_ms": 100}, "for_s": 20},
        {
            "at_s": 40,
            "faults": [
                {"kind": "cut-link", "a": W, "b": E},
                {"kind": "lossy-link", "a": W, "b": "edge/*", "loss": 0.4},
            ],
            "for_s": 30,
        },
        {"at_s": 50, "clock": {"place": W, "offset_s": -120, "drift_ppm": 50}, "for_s": 10},
        {"at_s": 60, "pause": E, "for_s": 8},
        {"at_s": 90, "phase": "well", "heal": True},
    ]
    load = {
        "cities": ["seattle", "frankfurt", "sao-paulo", "tokyo"],
        "rate": 4.0,
        "keys": 40,
        "retry": {"attempts": 3},
        "mix": {"delete": 0.2, "count": 0.1},
        "calls": {"delete": "DELETE /{key}", "count": "GET /{key}"},
    }
    return small(duration_s=120.0, timeline=timeline, load=load)


def test_what_has_nothing_to_do_with_it_goes_away() -> None:
    player = Player(has("kill", "pause"))
    found = shrink(whole(), 1, player, plays_max=500)
    kill, pause = found.drill.timeline
    assert (kill.kill, pause.pause) == (W, E)
    assert (kill.for_s, pause.for_s) == (0.1, 0.1)
    assert found.drill.duration_s == 5.0
    load = found.drill.load
    assert (len(load.cities), load.keys, load.people, load.rate) == (1, 1, 1, 0.05)
    assert load.retry == RetryPart()
    assert not load.mix
    assert not load.calls
    assert found.minimal
    assert found.plays == len(player.given) < 200
    assert found.expectation == "writes lost"
    assert "5 of 7 events: 1 x slow-place, 1 x disk, 1 x cut-link and lossy-link" in found.text
    assert "3 of 4 cities" in found.text
    assert "of 40 keys, 1 are left" in found.text


def test_what_matters_stays_as_bad_as_it_has_to_be() -> None:
    def rule(drill: Drill) -> bool:
        return (
            any(
                f.get("loss", 0) >= 0.1 and event.for_s >= 4
                for event in drill.timeline
                for f in event.faults
            )
            and any(e.clock and e.clock.offset_s <= -30 for e in drill.timeline)
            and drill.load.keys >= 7
            and "tokyo" in drill.load.cities
            and drill.duration_s >= 30
            and drill.load.mix.get("count", 0) > 0
        )

    drill = shrink(whole(), 1, Player(rule), plays_max=500).drill
    [lossy, clock] = drill.timeline
    assert [fault["kind"] for fault in lossy.faults] == ["lossy-link"]
    assert 4 <= lossy.for_s < 8
    assert clock.clock is not None
    assert clock.clock.drift_ppm == 0
    assert -60 < clock.clock.offset_s <= -30
    assert drill.load.keys == 7
    assert drill.load.cities == ("tokyo",)
    assert 30 <= drill.duration_s < 45
    assert list(drill.load.mix) == ["count"]


def test_it_still_fails_in_the_same_expectation() -> None:
    """With fewer cities another expectation fails: that is another failure."""
    player = Player(
        lambda drill: len(drill.load.cities) >= 3, other=lambda drill: len(drill.load.cities) < 3
    )
    found = shrink(whole(), 1, player, plays_max=500)
    assert len(found.drill.load.cities) == 3
    assert found.expectation == "writes lost"


def test_phases_that_are_expected_stay() -> None:
    drill = msgspec.convert(
        {**plain(whole()), "expect": {"served_by": {"slow": {"tokyo": W}}}}, Drill
    )
    found = shrink(drill, 1, Player(lambda _: True), plays_max=500)
    assert [event.phase for event in found.drill.timeline] == ["slow"]


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=3, unique=True),
    plays_max=st.integers(1, 150),
)
def test_laws(seed: int, kinds: list[str], plays_max: int) -> None:
    """Whatever fails: what is left fails as well, is a drill, is found again, and in time."""
    swarm = small(duration_s=100.0, swarm={"faults": list(KINDS), "events": 12, "for_s": 30.0})
    drawn = draw(swarm, seed)
    present = [kind for kind in kinds if has(kind)(drawn)]
    first, second = Player(has(*present)), Player(has(*present))
    found = shrink(swarm, seed, first, plays_max=plays_max)
    assert has(*present)(found.drill)
    assert found.plays == len(first.given) <= plays_max
    assert len({msgspec.json.encode(drill) for drill in first.given}) == len(first.given)
    assert shrink(swarm, seed, second, plays_max=plays_max) == found
    assert found.drill.world.seed == seed
    assert found.simulated.drill == found.drill
    assert len(found.drill.timeline) <= len(drawn.timeline)
    if found.minimal:
        assert len(found.drill.timeline) <= len(present)
        assert len(found.drill.load.cities) == 1


def test_what_the_seed_tuned_goes_first() -> None:
    drill = small(swarm={"faults": ["kill"]})
    player = Player(has("kill"))
    found = shrink(drill, 4, player, plays_max=2)
    assert found.drill.load == drill.load
    assert found.drill.world == msgspec.structs.replace(drill.world, seed=4)
    assert "what was tuned of the world" in found.gone
    assert not found.minimal


def test_one_play_gives_the_whole_drill() -> None:
    found = shrink(whole(), 1, Player(lambda _: True), plays_max=1)
    assert found.drill == draw(whole(), 1)
    assert found.gone == []
    assert (found.plays, found.minimal) == (1, False)


def test_what_cannot_be_played_does_not_fail() -> None:
    def fails(drill: Drill) -> Simulated | None:
        if len(drill.load.cities) < 2:
            raise DrillError("nobody answers")
        return simulated(drill, Verdict.FAIL, EMPTY)

    assert len(shrink(whole(), 1, fails, plays_max=300).drill.load.cities) == 2


def test_what_does_not_fail_cannot_be_shrunk() -> None:
    with pytest.raises(DrillError, match="seed 3 fails in no expectation"):
        shrink(whole(), 3, Player(lambda _: False), plays_max=10)


def test_the_file_is_accepted(tmp_path: Path) -> None:
    found = shrink(whole(), 5, Player(has("cut-link")), plays_max=300)
    path = tmp_path / "shrunk.toml"
    path.write_text(found.text)
    assert load_drill(str(path)) == (found.drill, tmp_path)
    assert found.text.startswith("# Seed 5 of Small, shrunk in ")


def test_cutting_short_undoes_in_time() -> None:
    cut = cut_short(whole(), 45.0)
    assert [event.at_s for event in cut.timeline] == [10, 20, 30, 40]
    assert [event.for_s for event in cut.timeline] == [5, 0, 15, 5]


def unsynced(world: SimulatedWorld) -> None:
    """The planted bug: a host that is killed loses what it had not synced."""
    world.simulation.kill = world.simulation.cut_power  # type: ignore[method-assign] # on purpose


@pytest.mark.slow
@pytest.mark.simulation
def test_a_real_failure_is_shrunk_to_its_cause() -> None:
    part = {"faults": ["kill", "slow-link", "pause"], "events": 6, "for_s": 10.0}
    drill = small(duration_s=40.0, swarm=part, load={"cities": ["seattle", "frankfurt"]})

    def fails(candidate: Drill) -> Simulated | None:
        found = simulate(candidate, library(), seed=candidate.world.seed, tamper=unsynced)
        return found if found.judgement.verdict is Verdict.FAIL else None

    seed = next(seed for seed in range(1, 50) if fails(draw(drill, seed)))
    found = shrink(drill, seed, fails, plays_max=40)
    assert found.drill.timeline
    assert all(event.kill in {W, E} for event in found.drill.timeline)
    assert len(found.simulated.history.operations) < 20
    assert found.simulated.judgement.verdict is Verdict.FAIL
    assert fails(found.drill) == found.simulated
