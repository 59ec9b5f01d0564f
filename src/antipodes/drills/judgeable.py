"""Which expectations cannot be judged from what a drill will record: known before it starts.

What only the run can tell (a replica that could not be read, a price that is missing) comes out as
unknown afterwards.
"""

from collections.abc import Callable

from antipodes.drills.model import Drill, LoadPart


def unjudgeable(drill: Drill) -> list[tuple[str, str]]:
    """The expectations that cannot be judged: the name of the field, and why."""
    expect, load = drill.expect, drill.load
    found = []
    for field, lacking in _NEEDS.items():
        bound = getattr(expect, field)
        if bound is not None and bound is not False and (why := lacking(load)):
            found.append((field, why))
    found += _recovery(drill)
    cities = {
        "availability_by_city": list(expect.availability_by_city),
        "latency_p99_ms": list(expect.latency_p99_ms),
        **{f"served_by.{phase}": list(served) for phase, served in expect.served_by.items()},
    }
    found += [
        (f"{field}.{city}", f"nobody asks from {city}")
        for field, named in cities.items()
        for city in named
        if city not in load.cities
    ]
    return found


def _recovery(drill: Drill) -> list[tuple[str, str]]:
    """Recovery is from something; a swarm draws what."""
    if drill.swarm is not None:
        return []
    found = []
    if drill.expect.rto_s is not None and not any(event.watched for event in drill.timeline):
        found.append(("rto_s", "no event begins a phase to recover in"))
    if not any(event.kill in drill.world.regions for event in drill.timeline):
        found += [
            (field, "no region is killed")
            for field in ("rpo_writes", "rpo_s")
            if getattr(drill.expect, field) is not None
        ]
    return found


def _share(load: LoadPart, kind: str) -> float:
    """The share of calls of a kind; who only types makes none."""
    if load.session is not None:
        return 0.0
    rest = 1.0 - sum(load.mix.values())
    match kind:
        case "write":
            return max(0.0, rest) * load.writes
        case "read":
            return max(0.0, rest) * (1.0 - load.writes) + load.mix.get("strong-read", 0.0)
        case _:
            return load.mix.get(kind, 0.0)


def _no_reads_of_writes(load: LoadPart) -> str:
    if load.follow is not None and _share(load, "write") > 0:
        return ""
    if _share(load, "read") <= 0:
        return "the load reads nothing"
    if _share(load, "delete") > 0 or (_share(load, "write") > 0 and load.fresh < 1):
        return ""
    return "the load writes nothing that it reads"


def _no_reads(load: LoadPart) -> str:
    return "" if _share(load, "read") > 0 else "the load reads nothing"


def _no_deletes(load: LoadPart) -> str:
    return "" if _share(load, "delete") > 0 else "the load deletes nothing"


def _no_writes(load: LoadPart) -> str:
    return "" if _share(load, "write") + _share(load, "delete") > 0 else "the load writes nothing"


def _no_increments(load: LoadPart) -> str:
    return "" if _share(load, "increment") > 0 else "the load increments nothing"


def _no_pairs(load: LoadPart) -> str:
    both = _share(load, "pair-write") > 0 and _share(load, "pair-read") > 0
    return "" if both else "the load has to write pairs and to read them"


def _no_strong_reads(load: LoadPart) -> str:
    if _share(load, "strong-read") <= 0:
        return "the load has no strongly consistent reads"
    return _no_reads_of_writes(load)


_NEEDS: dict[str, Callable[[LoadPart], str]] = {
    "stream_gaps": _no_writes,
    "resurrected": _no_deletes,
    "older_won": _no_writes,
    "overruled": _no_writes,
    "stale_reads": _no_reads_of_writes,
    "staleness_p99_s": _no_reads_of_writes,
    "staleness_max_s": _no_reads_of_writes,
    "read_your_writes": _no_reads_of_writes,
    "monotonic_reads": _no_reads,
    "linearizable": _no_strong_reads,
    "counters_lost": _no_increments,
    "half_transactions": _no_pairs,
}
