"""Every oracle passes a correct system, and catches the one that is broken in its way."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.drills import oracles
from antipodes.drills.history import History
from tests.drills.systems import DELAY_S, SKEW_S, Flaws, Load, played

SEEDS = range(12)
MIXED = Load(kinds=("write", "write", "delete", "read", "read", "read"))
WIDE = MIXED._replace(keys=25)  # so that losses are not covered by later writes
DELETING = Load(keys=12, kinds=("write", "delete"))
FEW = MIXED._replace(people=2)
STRONG = Load(regions=1, kinds=("write", "delete", "strong-read", "strong-read"))
COUNTERS = Load(regions=1, keys=2, kinds=("increment", "increment", "count"))
PAIRS = Load(regions=1, keys=2, kinds=("pair-write", "pair-read", "pair-read"))
FAR_PAIRS = PAIRS._replace(regions=2)


def too_old(history: History) -> list[oracles.Stale]:
    return [stale for stale in oracles.stale(history) if stale.age_s > DELAY_S]


def counted_wrong(history: History) -> list[object]:
    wrong = [counter for counter in oracles.counters(history) if counter.lost or counter.gained]
    return [*wrong, *oracles.overcounts(history)]


JUDGES: dict[str, tuple[Load, Callable[[History], list[object]]]] = {
    "lost": (WIDE, lambda h: list(oracles.lost_writes(h))),
    "diverged": (WIDE, lambda h: list(oracles.diverged_keys(h))),
    "older won": (MIXED, lambda h: list(oracles.older_won(h))),
    "resurrected": (DELETING, lambda h: list(oracles.resurrected(h))),
    "own writes": (FEW, lambda h: list(oracles.read_your_writes(h))),
    "monotonic": (FEW, lambda h: list(oracles.monotonic_reads(h))),
    "staleness": (MIXED, lambda h: list(too_old(h))),
    "streams": (MIXED, lambda h: list(oracles.stream_flaws(h))),
    "linearizable": (STRONG, lambda h: list(oracles.linearizable(h).anomalies)),
    "counters": (COUNTERS, counted_wrong),
    "linearizable counters": (COUNTERS, lambda h: list(oracles.linearizable(h).anomalies)),
    "pairs": (PAIRS, lambda h: list(oracles.half_transactions(h).torn)),
    "far pairs": (FAR_PAIRS, lambda h: list(oracles.half_transactions(h).torn)),
}


@pytest.mark.parametrize("judge", JUDGES)
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 100_000), unknown=st.sampled_from([0.0, 0.05, 0.3]))
def test_a_correct_system_passes(judge: str, seed: int, unknown: float) -> None:
    load, find = JUDGES[judge]
    assert find(played(seed, load._replace(unknown=unknown))) == []


BROKEN = {
    "lost": Flaws(loses=0.1),
    "diverged": Flaws(diverges=0.2),
    "older won": Flaws(skew=True),
    "resurrected": Flaws(forgets_deletes=True, lags=2.0),
    "own writes": Flaws(wanders=True, lags=2.0),
    "monotonic": Flaws(wanders=True, lags=2.0),
    "staleness": Flaws(lags=4.0),
    "linearizable": Flaws(caches=0.2),
    "counters": Flaws(miscounts=0.2),
    "linearizable counters": Flaws(miscounts=0.2),
    "pairs": Flaws(tears=True),
    "far pairs": Flaws(tears=True),
}


@pytest.mark.parametrize("judge", BROKEN)
def test_a_broken_system_is_caught(judge: str) -> None:
    load, find = JUDGES[judge]
    caught = sum(bool(find(played(seed, load, BROKEN[judge]))) for seed in SEEDS)
    assert caught >= len(SEEDS) // 3


@pytest.mark.parametrize(
    "flaws",
    [
        Flaws(forgets_records=0.1),
        Flaws(repeats_records=0.1),
        Flaws(swaps_records=0.5),
        Flaws(loses=0.1),
    ],
)
def test_a_broken_stream_is_caught(flaws: Flaws) -> None:
    assert sum(bool(oracles.stream_flaws(played(s, MIXED, flaws))) for s in SEEDS) >= 4


def test_counts_above_what_can_have_been_are_caught() -> None:
    flaws = Flaws(overcounts=0.2)
    found = [played(seed, COUNTERS, flaws) for seed in SEEDS]
    assert any(counter.gained for h in found for counter in oracles.counters(h))
    assert any(oracles.overcounts(h) for h in found)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_clock_that_is_wrong_within_the_tolerance_is_allowed_to_lose(seed: int) -> None:
    history = played(seed, MIXED, Flaws(skew=True))
    assert oracles.older_won(history, SKEW_S + 1) == []


@pytest.mark.parametrize("flaws", [Flaws(lags=4.0), Flaws(wanders=True)])
@pytest.mark.parametrize("seed", SEEDS)
def test_what_only_readers_notice_is_no_loss(seed: int, flaws: Flaws) -> None:
    history = played(seed, MIXED, flaws)
    for judge in ("lost", "diverged", "older won", "resurrected", "streams"):
        assert JUDGES[judge][1](history) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_regions_that_count_apart_lose_counts_but_gain_none(seed: int) -> None:
    history = played(seed, COUNTERS._replace(regions=2))
    assert all(counter.gained == 0 for counter in oracles.counters(history))
