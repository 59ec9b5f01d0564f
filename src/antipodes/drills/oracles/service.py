"""How people were served: for how long not, how often, by whom, how fast.

A request is *served* if it was answered as its caller wished within the caller's patience; one of
unknown outcome was not served, whatever became of it. RTO of a city, for a fault at time F: from F
to the start of the first request after the last one that was not served, up to the next phase; 0
where all were served; None where the last one was not.
"""

import math
from collections import Counter

from antipodes.drills.history import History, Operation, Outcome
from antipodes.drills.oracles.index import Index, served

REASONS_MAX = 5


def percentile(values: list[float], share: float) -> float | None:
    """The nearest-rank percentile; None of nothing."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _plain(history: History | Index) -> History:
    return history.history if isinstance(history, Index) else history


def _of_city(history: History | Index, city: str) -> list[Operation]:
    if isinstance(history, Index):
        return history.by_city.get(city, [])
    return [o for o in history.operations if o.city == city]


def _watched(
    history: History | Index, city: str, fault_s: float, until_s: float
) -> list[Operation]:
    """The requests of a city that a fault may have hit; one under way at the fault is one."""
    hit = [o for o in _of_city(history, city) if o.start_s < until_s and o.end_s >= fault_s]
    return sorted(hit, key=lambda o: (o.start_s, o.number))


def rto_by_city(
    history: History | Index, cities: tuple[str, ...], fault_s: float, until_s: float
) -> dict[str, float | None]:
    """How long each city was not served after a fault."""
    found: dict[str, float | None] = {}
    for city in cities:
        window = _watched(history, city, fault_s, until_s)
        missed = [index for index, o in enumerate(window) if not served(o)]
        if not missed:
            found[city] = 0.0
        elif missed[-1] + 1 < len(window):
            found[city] = max(0.0, window[missed[-1] + 1].start_s - fault_s)
        else:
            found[city] = None
    return found


def rto_unseen(
    history: History | Index, cities: tuple[str, ...], fault_s: float, until_s: float
) -> dict[str, str]:
    """The cities of which the recovery from a fault cannot be told, and why."""
    found = {}
    for city in cities:
        own = _of_city(history, city)
        before = [o for o in own if o.end_s < fault_s]
        if not _watched(history, city, fault_s, until_s):
            found[city] = "asked nothing after the fault"
        elif before and not any(served(o) for o in before):
            found[city] = "was not served before the fault either"
    return found


def served_by_phase(
    history: History | Index, phases: list[tuple[str, float, float]]
) -> dict[str, dict[str, int]]:
    """How many requests each region served in each phase."""
    operations = [o for o in _plain(history).operations if served(o) and o.served_by]
    return {
        name: dict(
            sorted(Counter(o.served_by for o in operations if start <= o.start_s < end).items())
        )
        for name, start, end in phases
    }


def last_served_by(history: History | Index, city: str, start_s: float, end_s: float) -> str:
    """Who served the last answered request of a city in a phase; empty where none was."""
    answered = [
        o
        for o in _of_city(history, city)
        if start_s <= o.start_s < end_s and served(o) and o.served_by
    ]
    return max(answered, key=lambda o: (o.start_s, o.number)).served_by if answered else ""


def missed_by_reason(
    history: History | Index, phases: list[tuple[str, float, float]]
) -> dict[str, dict[str, int]]:
    """How many requests were not served in each phase, and what was heard instead."""
    missed = [o for o in _plain(history).operations if not served(o)]
    return {
        name: dict(
            Counter(
                o.error or f"HTTP {o.status}" for o in missed if start <= o.start_s < end
            ).most_common(REASONS_MAX)
        )
        for name, start, end in phases
    }


def _share(operations: list[Operation]) -> float | None:
    if not operations:
        return None
    return sum(o.outcome is Outcome.OK for o in operations) / len(operations)


def availability(history: History | Index) -> float | None:
    """The share of requests that were served."""
    return _share(_plain(history).operations)


def availability_by_city(
    history: History | Index, cities: tuple[str, ...]
) -> dict[str, float | None]:
    """The same for each city; None where nothing was asked."""
    return {city: _share(_of_city(history, city)) for city in cities}


def latency_by_city(
    history: History | Index, cities: tuple[str, ...]
) -> dict[str, dict[str, float | None]]:
    """Median and 99th percentile of served requests, in physical milliseconds."""
    found = {}
    for city in cities:
        values = [o.latency_ms for o in _of_city(history, city) if served(o)]
        found[city] = {"p50": percentile(values, 0.5), "p99": percentile(values, 0.99)}
    return found
