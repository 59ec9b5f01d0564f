"""Pure functions from a history to findings.

Definitions, for one fault at time F:

- RTO of a city: from F to the start of the first request after the last one that was not served, up
  to the next moment of the timeline; 0 where all were served; None where the last one was not.
- RPO: writes that the lost region had acknowledged before F and no survivor had while it was away;
  in seconds, the age at F of the oldest of them.
- Lost: a write that was acknowledged, and after healing neither it nor a write that may have come
  later is there. A write may have come later unless it ended before the lost one began.
- Stale read: a read that began after a write was acknowledged and returned an older one.
"""

import math
from collections import Counter

from antipodes.drills.history import History, Loss, Operation, Outcome

REASONS_MAX = 5


def percentile(values: list[float], share: float) -> float | None:
    """The nearest-rank percentile; None of nothing."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def served(operation: Operation) -> bool:
    """Whether the caller was served."""
    return operation.outcome is Outcome.OK


def rto_by_city(
    history: History, cities: tuple[str, ...], fault_s: float, until_s: float
) -> dict[str, float | None]:
    """How long each city was not served after a fault."""
    found: dict[str, float | None] = {}
    for city in cities:
        window = sorted(
            (o for o in history.operations if o.city == city and o.start_s < until_s),
            key=lambda o: (o.start_s, o.number),
        )
        # A request under way at the fault counts as after it.
        window = [o for o in window if o.end_s >= fault_s]
        missed = [index for index, o in enumerate(window) if not served(o)]
        if not missed:
            found[city] = 0.0
        elif missed[-1] + 1 < len(window):
            found[city] = max(0.0, window[missed[-1] + 1].start_s - fault_s)
        else:
            found[city] = None
    return found


def _may_follow(later: Operation | None, earlier: Operation) -> bool:
    """Whether a write may have taken effect after another."""
    if later is None:
        return False
    return later.outcome is Outcome.UNKNOWN or later.end_s >= earlier.start_s


def _writes_by_value(history: History) -> dict[str, Operation]:
    return {o.value: o for o in history.operations if o.kind == "write" and o.value is not None}


def _kept(write: Operation, found: str | None, by_value: dict[str, Operation]) -> bool:
    if found is None:
        return False
    return found == write.value or _may_follow(by_value.get(found), write)


def unreplicated(history: History, loss: Loss) -> list[Operation]:
    """The acknowledged writes of a lost region that no survivor had, oldest first."""
    by_value = _writes_by_value(history)
    missing = []
    for write in history.operations:
        mine = write.kind == "write" and served(write) and write.served_by == loss.region
        if not mine or write.end_s > loss.at_s:
            continue
        copies = [content.get(write.key) for content in loss.found.values()]
        if not any(_kept(write, copy, by_value) for copy in copies):
            missing.append(write)
    return sorted(missing, key=lambda o: o.end_s)


def lost_writes(history: History) -> list[Operation]:
    """The acknowledged writes that are in none of the replicas after healing."""
    by_value = _writes_by_value(history)
    return [
        write
        for write in history.operations
        if write.kind == "write"
        and served(write)
        and not any(
            _kept(write, content.get(write.key), by_value) for content in history.final.values()
        )
    ]


def diverged_keys(history: History) -> list[str]:
    """The keys whose value differs between replicas after healing and quiet."""
    keys = sorted({key for content in history.final.values() for key in content})
    return [
        key for key in keys if len({content.get(key) for content in history.final.values()}) > 1
    ]


def stale_reads(history: History) -> list[Operation]:
    """The reads that returned something older than what had been acknowledged before they began."""
    by_value = _writes_by_value(history)
    acknowledged: dict[str, list[Operation]] = {}
    for write in history.operations:
        if write.kind == "write" and served(write):
            acknowledged.setdefault(write.key, []).append(write)
    stale = []
    for read in history.operations:
        if read.kind != "read" or not served(read):
            continue
        source = by_value.get(read.value) if read.value is not None else None
        for write in acknowledged.get(read.key, ()):
            newer_known = write.end_s < read.start_s and write.value != read.value
            if newer_known and not (source is not None and _may_follow(source, write)):
                stale.append(read)
                break
    return stale


def served_by_phase(
    history: History, phases: list[tuple[str, float, float]]
) -> dict[str, dict[str, int]]:
    """How many requests each region served in each phase."""
    return {
        name: dict(
            sorted(
                Counter(
                    o.served_by
                    for o in history.operations
                    if served(o) and start <= o.start_s < end and o.served_by
                ).items()
            )
        )
        for name, start, end in phases
    }


def last_served_by(history: History, city: str, start_s: float, end_s: float) -> str:
    """Who served the last answered request of a city in a phase; empty where none was."""
    answered = [
        o
        for o in history.operations
        if o.city == city and start_s <= o.start_s < end_s and served(o) and o.served_by
    ]
    return max(answered, key=lambda o: (o.start_s, o.number)).served_by if answered else ""


def missed_by_reason(
    history: History, phases: list[tuple[str, float, float]]
) -> dict[str, dict[str, int]]:
    """How many requests were not served in each phase, and what was heard instead."""
    return {
        name: dict(
            Counter(
                o.error or f"HTTP {o.status}"
                for o in history.operations
                if not served(o) and start <= o.start_s < end
            ).most_common(REASONS_MAX)
        )
        for name, start, end in phases
    }


def availability(history: History) -> float | None:
    """The share of requests that were served."""
    total = len(history.operations)
    return sum(served(o) for o in history.operations) / total if total else None


def latency_by_city(
    history: History, cities: tuple[str, ...]
) -> dict[str, dict[str, float | None]]:
    """Median and 99th percentile of served requests, in physical milliseconds."""
    found = {}
    for city in cities:
        values = [o.latency_ms for o in history.operations if o.city == city and served(o)]
        found[city] = {"p50": percentile(values, 0.5), "p99": percentile(values, 0.99)}
    return found
