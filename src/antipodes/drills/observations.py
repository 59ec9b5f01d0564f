"""What the oracles saw in one history, each with its number, its doubts, and its witness.

An observation has the name of the expectation that bounds it. Where what an oracle needs was not
recorded, or nothing happened that it could have caught, it has no number and says why. `doubtful`
counts what may or may not be a violation.
"""

from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from antipodes.drills import oracles
from antipodes.drills.history import Operation
from antipodes.drills.model import Drill
from antipodes.drills.oracles import Index

WITNESSES_MAX = 3
TITLES = {
    "resurrected": "deleted items that are back",
    "older_won": "writes that lost to older ones",
    "overruled": "writes that lost to one of another region that did not know of them",
    "stale_reads": "stale reads",
    "staleness_p99_s": "age of what was read, p99",
    "staleness_max_s": "age of what was read, at most",
    "read_your_writes": "reads that missed the reader's own writes",
    "monotonic_reads": "reads that went back in time",
    "linearizable": "keys that are not linearizable",
    "counters_lost": "acknowledged increments lost",
    "counters_gained": "counts above what can have been",
    "half_transactions": "reads that saw half of a transaction",
    "stream_gaps": "records missing from streams, doubled or out of order",
    "cost_usd": "cost of the traffic moved",
    "cross_region_calls": "traced requests that waited for another region",
    "residency": "bytes that went where they must not be",
}


class Observation(msgspec.Struct, frozen=True):
    """What one oracle saw."""

    name: str
    title: str
    found: float | None  # None: it cannot be told, see `why`
    why: str = ""
    doubtful: int = 0
    unit: str = ""
    witness: list[str] = []


@dataclass(frozen=True)
class _Seen:
    """What several observations share."""

    drill: Drill
    index: Index
    stale: list[oracles.Stale]
    staleness: oracles.Staleness


class Observed(NamedTuple):
    """All observations by name, and further figures for the JSON document."""

    observations: dict[str, Observation]
    figures: dict[str, object]


def observe(drill: Drill, index: Index) -> Observed:
    """Ask every oracle."""
    stale = oracles.stale(index)
    ages = [found.age_s for found in stale]
    seen = _Seen(drill, index, stale, oracles.distribution(len(index.reads), ages))
    found = [
        *_writes(seen),
        *_ages(seen),
        *_sessions(seen),
        _linearizable(seen),
        *_counters(seen),
        _halves(seen),
        _streams(seen),
        _cost(seen),
        _crossings(seen),
        _residency(seen),
    ]
    figures: dict[str, object] = {
        observation.name: _figure(observation)
        for observation in found
        if not observation.name.startswith("staleness")
    }
    wrong = figures["linearizable"]
    by_region = oracles.staleness_by_region(index, stale)
    return Observed(
        {observation.name: observation for observation in found},
        {
            **figures,
            "linearizable": None if wrong is None else not wrong,
            "stale_reads": len(stale),
            "staleness_s": _spread(seen.staleness),
            "staleness_s_by_region": {region: _spread(s) for region, s in by_region.items()},
            "stale_reads_by_age": seen.staleness.counts,
            "bytes_moved": oracles.cost(index).bytes if index.history.transfers else None,
            "requests_traced": oracles.requests_traced(index),
        },
    )


def told(operation: Operation) -> str:
    """A call in words."""
    value = f"={operation.value}" if operation.value is not None else ""
    what = f"{'strong ' * operation.strong}{operation.kind} {operation.key}{value}"
    at = f"{operation.start_s:.3f} to {operation.end_s:.3f} s"
    who = operation.session or operation.city
    where = operation.served_by or str(operation.outcome)
    return f"{what} ({who}, {at}, {where})"


def _figure(seen: Observation) -> float | None:
    """The number, unless it may be another."""
    return (
        None if seen.found is None or (not seen.found and seen.doubtful) else round(seen.found, 6)
    )


def _spread(staleness: oracles.Staleness) -> dict[str, float | None]:
    values = {"p50": staleness.p50_s, "p99": staleness.p99_s, "max": staleness.max_s}
    return {name: None if s is None else round(s, 3) for name, s in values.items()}


def unread(drill: Drill, index: Index) -> str:
    """Why what the replicas hold in the end cannot be judged; empty if it can."""
    there, wanted = len(index.history.final), len(drill.world.regions)
    return "" if there >= wanted else f"{there} of {wanted} replicas could be read"


def _writes(seen: _Seen) -> list[Observation]:
    drill, index = seen.drill, seen.index
    why = unread(drill, index)
    deleted = any(oracles.served(o) for o in index.of_kind("delete"))
    back = oracles.resurrected(index)
    older = oracles.older_won(index, drill.expect.clock_tolerance_s)
    overruled = oracles.overruled_writes(index)
    written = any(oracles.served(o) for key in index.keys.values() for o in key.mutations)
    return [
        _counted(
            "resurrected",
            why or ("" if deleted else "no deletion was acknowledged"),
            len(back),
            [f"{r.key}={r.value} in {r.region} after {told(r.deletion)}" for r in back],
        ),
        _counted(
            "older_won",
            why or ("" if written else "no write was acknowledged"),
            len(older),
            [f"in {o.region} {told(o.winner)} won over {told(o.loser)}" for o in older],
        ),
        _counted(
            "overruled",
            "" if written else "no write was acknowledged",
            len(overruled),
            [told(write) for write in overruled],
        ),
    ]


def _counted(
    name: str, why: str, found: float, witness: list[str], doubtful: int = 0
) -> Observation:
    """What was counted, unless it cannot be told."""
    if why:
        return Observation(name, TITLES[name], None, why)
    shown = witness[:WITNESSES_MAX] if found else []
    return Observation(name, TITLES[name], found, doubtful=doubtful, witness=shown)


def _ages(seen: _Seen) -> list[Observation]:
    why = "" if oracles.can_be_stale(seen.index) else "nothing was read after it had been written"
    oldest = sorted(seen.stale, key=lambda s: -s.age_s)
    witness = [f"{told(s.read)} missed {told(s.missed)}" for s in oldest[:WITNESSES_MAX]]
    found = [_counted("stale_reads", why, len(seen.stale), witness)]
    for name, age in (
        ("staleness_p99_s", seen.staleness.p99_s),
        ("staleness_max_s", seen.staleness.max_s),
    ):
        observation = _counted(name, why, age or 0.0, witness)
        found.append(msgspec.structs.replace(observation, unit=" s"))
    return found


def _sessions(seen: _Seen) -> list[Observation]:
    index = seen.index
    missed, backwards = oracles.read_your_writes(index), oracles.monotonic_reads(index)
    return [
        _counted(
            "read_your_writes",
            "" if oracles.own_reads(index) else "nobody read what they had written",
            len(missed),
            [_broken(broken) for broken in missed],
        ),
        _counted(
            "monotonic_reads",
            "" if oracles.repeated_reads(index) else "nobody read anything twice",
            len(backwards),
            [_broken(broken) for broken in backwards],
        ),
    ]


def _broken(broken: oracles.Broken) -> str:
    calls = (broken.earlier, broken.between, broken.later)
    return "; then ".join(told(call) for call in calls if call is not None)


def _linearizable(seen: _Seen) -> Observation:
    found = oracles.linearizable(seen.index)
    return _counted(
        "linearizable",
        "" if found.keys else "no strongly consistent read was answered",
        len(found.anomalies),
        [f"{a.why}: {'; '.join(told(call) for call in a.calls)}" for a in found.anomalies],
        len(found.undecided),
    )


def _counters(seen: _Seen) -> list[Observation]:
    index = seen.index
    found = oracles.counters(index)
    why = unread(seen.drill, index)
    if not any(counter.acknowledged for counter in found):
        why = "no increment was acknowledged"
    elif oracles.counters_unseen(index):
        why = "what was read of the replicas has no counter"
    lost = [_missing(counter) for counter in found if counter.lost]
    gained = [_missing(counter) for counter in found if counter.gained]
    over = oracles.overcounts(index)
    gained += [f"{told(o.seen)}, but {o.possible} possible" for o in over]
    return [
        _counted("counters_lost", why, sum(counter.lost for counter in found), lost),
        _counted("counters_gained", why, len(gained), gained),
    ]


def _missing(counter: oracles.Counter) -> str:
    who = " and ".join(counter.regions)
    return (
        f"{counter.key}: {counter.acknowledged} acknowledged by {who}, "
        f"{counter.possible} possible, {counter.lowest} to {counter.highest} there"
    )


def _halves(seen: _Seen) -> Observation:
    found = oracles.half_transactions(seen.index)
    return _counted(
        "half_transactions",
        "" if found.read else "no pair was read",
        len(found.torn),
        [
            "; ".join(told(o) for o in (half.first, half.second, half.read) if o is not None)
            for half in found.torn
        ],
        len(found.undecided),
    )


def _streams(seen: _Seen) -> Observation:
    recorded, wanted = len(seen.index.history.streams), len(seen.drill.world.regions)
    why = "" if recorded >= wanted else f"the streams of {recorded} of {wanted} regions were read"
    found = [] if why else oracles.stream_flaws(seen.index)
    return _counted(
        "stream_gaps",
        why,
        len(found),
        [f"{flaw.key} in {flaw.region}: {flaw.what}" for flaw in found],
    )


def _cost(seen: _Seen) -> Observation:
    if not seen.index.history.transfers:
        return _counted("cost_usd", "traffic was not recorded", 0, [])
    found = oracles.cost(seen.index)
    if found.unpriced:
        why = f"there is no price for {', '.join(found.unpriced[:WITNESSES_MAX])}"
        return _counted("cost_usd", why, 0, [])
    return Observation("cost_usd", TITLES["cost_usd"], found.usd, unit=" USD")


def _crossings(seen: _Seen) -> Observation:
    found = oracles.cross_region_calls(seen.index)
    return _counted(
        "cross_region_calls",
        "" if oracles.requests_traced(seen.index) else "no request left a trace in a region",
        len(found),
        [f"{c.trace}: {c.name} from {c.source} to {c.target}" for c in found],
    )


def _residency(seen: _Seen) -> Observation:
    allowed = seen.drill.expect.residency
    why = "" if seen.index.history.transfers else "traffic was not recorded"
    if not allowed:
        why = "nothing is bound to any region"
    found = oracles.residency(seen.index, allowed)
    observation = _counted(
        "residency",
        why,
        sum(departure.bytes for departure in found.departures),
        [f"{d.bytes} bytes of {d.what} from {d.source} to {d.region}" for d in found.departures],
    )
    if found.untold and not found.departures and not why:
        return _counted("residency", "; ".join(found.untold), 0, [])
    return observation
