"""How old what people read was.

A read is stale if it returned something certainly older than what had been acknowledged before it
began. Its age is counted from the moment at which the first mutation that it missed was
acknowledged: a store that promises a bound on staleness promises just that this age never exceeds
it. (Counted from the newest one missed, a replica that is an hour behind would look a second old
wherever something is written every second.)
"""

import math
from typing import NamedTuple

from antipodes.drills.history import History, Operation
from antipodes.drills.oracles.index import Index, indexed
from antipodes.drills.oracles.service import percentile

STEPS_S = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)


class Stale(NamedTuple):
    """A read, the first newer mutation that it missed, and for how long that had been there."""

    read: Operation
    missed: Operation
    age_s: float


class Staleness(NamedTuple):
    """The distribution over all answered reads; a fresh one has the age 0."""

    reads: int
    stale: int
    p50_s: float | None
    p99_s: float | None
    max_s: float | None
    counts: dict[str, int]  # stale reads by age: "under 0.1 s" and so on


def stale(history: History | Index) -> list[Stale]:
    """The stale reads, as they were made."""
    index = indexed(history)
    found = []
    for read in index.reads:
        key = index.key(read.key)
        missed = key.newer_than(key.latest_s(read.value, read.end_s))
        if missed is not None and missed.end_s < read.start_s:
            found.append(Stale(read, missed, read.start_s - missed.end_s))
    return found


def can_be_stale(history: History | Index) -> bool:
    """Whether anything was read of which a change had been acknowledged before."""
    index = indexed(history)
    first = {
        name: min((m.end_s for m in key.all_newer_than(-math.inf)), default=math.inf)
        for name, key in index.keys.items()
    }
    return any(first.get(read.key, math.inf) < read.start_s for read in index.reads)


def stale_reads(history: History | Index) -> list[Operation]:
    """The reads that returned something older than what had been acknowledged before they began."""
    return [found.read for found in stale(history)]


def distribution(reads: int, ages_s: list[float]) -> Staleness:
    """The distribution, given how many reads there were and the ages of the stale ones."""
    ages = [0.0] * (reads - len(ages_s)) + sorted(ages_s)
    counts = {}
    below = 0
    for step in STEPS_S:
        at_most = sum(age < step for age in ages_s)
        counts[f"under {step:g} s"] = at_most - below
        below = at_most
    counts[f"{STEPS_S[-1]:g} s and more"] = len(ages_s) - below
    return Staleness(
        reads,
        len(ages_s),
        percentile(ages, 0.5),
        percentile(ages, 0.99),
        max(ages, default=None),
        counts,
    )


def staleness(history: History | Index) -> Staleness:
    """How old what was read is."""
    index = indexed(history)
    return distribution(len(index.reads), [found.age_s for found in stale(index)])


def staleness_by_region(
    history: History | Index, known: list[Stale] | None = None
) -> dict[str, Staleness]:
    """The same for the reads that each region served; `known` saves looking again."""
    index = indexed(history)
    reads: dict[str, int] = {}
    ages: dict[str, list[float]] = {}
    for read in index.reads:
        reads[read.served_by] = reads.get(read.served_by, 0) + 1
    for found in stale(index) if known is None else known:
        ages.setdefault(found.read.served_by, []).append(found.age_s)
    return {region: distribution(reads[region], ages.get(region, [])) for region in sorted(reads)}
