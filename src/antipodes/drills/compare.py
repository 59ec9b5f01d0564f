"""Architectures side by side: every variant of a drill played in simulation, in one table.

Latencies are by phase, as people saw them, the first table's those of the steady one; the time to
recover is that of the slowest city and of the middle one, since a resolver that keeps an answer for
too long is somebody's only; the cost is that of a month (costs.py).
"""

from pathlib import Path
from typing import Any, NamedTuple

from antipodes.drills import costs
from antipodes.drills.costs import Line
from antipodes.drills.history import History
from antipodes.drills.oracles import percentile
from antipodes.drills.run import Progress
from antipodes.drills.simulate import simulate
from antipodes.drills.table import grid
from antipodes.drills.variants import Variant
from antipodes.drills.verdict import Judgement


class City(NamedTuple):
    """What one city saw; None: never. Latencies are p50 and p99 in milliseconds, by phase."""

    latency_ms: dict[str, tuple[float | None, float | None]]
    rto_s: float | None


class Compared(NamedTuple):
    """One variant and what came of it."""

    name: str
    verdict: str
    p50_ms: float | None
    p99_ms: float | None
    availability: float
    rto_s_middle: float | None
    rto_s: float | None
    cities: dict[str, City]
    bill: list[Line]
    digest: str

    @property
    def usd(self) -> float | None:
        """The whole bill of a month."""
        return sum(line.usd for line in self.bill) if self.bill else None

    def document(self) -> dict[str, Any]:
        """Everything, for JSON."""
        cities = {city: seen._asdict() for city, seen in self.cities.items()}
        bill = [line._asdict() for line in self.bill]
        return {**self._asdict(), "cities": cities, "bill": bill, "usd_month": self.usd}


def compare(
    variants: list[Variant], directory: Path, *, seed: int | None, progress: Progress
) -> list[Compared]:
    """Play every variant and see what came of it; with the file's own seed by default."""
    found = []
    for variant in variants:
        progress(f"playing {variant.name}")
        drill = variant.drill
        chosen = drill.world.seed if seed is None else seed
        played = simulate(drill, directory, seed=chosen, progress=progress)
        seeded = Variant(variant.name, played.drill)
        found.append(compared(seeded, played.history, played.judgement, played.digest))
    return found


def compared(variant: Variant, history: History, judgement: Judgement, digest: str) -> Compared:
    """Sum up one variant's run."""
    drill, figures = variant.drill, judgement.figures
    steady = [operation.latency_ms for operation in costs.steady(drill, history)]
    by_phase = figures["latency_ms_by_phase"]
    recovered = figures["rto_s_by_city"]
    cities = {
        city: City(
            {name: (seen[city]["p50"], seen[city]["p99"]) for name, seen in by_phase.items()},
            recovered[city],
        )
        for city in drill.load.cities
    }
    return Compared(
        name=variant.name,
        verdict=str(judgement.verdict),
        p50_ms=percentile(steady, 0.5),
        p99_ms=percentile(steady, 0.99),
        availability=figures["availability"],
        rto_s_middle=_middle([city.rto_s for city in cities.values()]),
        rto_s=figures["rto_s"],
        cities=cities,
        bill=costs.monthly(drill, costs.served(drill, history)) if drill.monthly else [],
        digest=digest,
    )


def _middle(values: list[float | None]) -> float | None:
    """The upper median; those that never recovered come last."""
    ordered = sorted(values, key=lambda value: (value is None, value))
    return ordered[len(ordered) // 2]


def render(found: list[Compared]) -> str:
    """The comparison as text: the variants, then cities by variants, then the bills."""
    heads = ["", "p50", "p99", "RTO, middle city", "RTO, slowest", "available", "USD a month"]
    rows = [
        [
            one.name,
            _ms(one.p50_ms),
            _ms(one.p99_ms),
            _s(one.rto_s_middle),
            _s(one.rto_s),
            f"{one.availability:.2%}",
            "" if one.usd is None else f"{one.usd:,.0f}",
        ]
        for one in found
    ]
    names = [one.name for one in found]
    parts = ["", *grid([heads, *rows])]
    for phase in _phases(found):
        parts += ["", *grid([[f"{phase}: p50 / p99", *names], *_cities(found, phase)])]
    if any(city.rto_s != 0 for one in found for city in one.cities.values()):
        parts += ["", *grid([["RTO", *names], *_cities(found, "")])]
    if any(one.bill for one in found):
        parts += ["", *grid([["USD a month", *names], *_bills(found)]), *_notes(found)]
    return "\n".join(parts)


def _bills(found: list[Compared]) -> list[list[str]]:
    bills = [{line.what: line.usd for line in one.bill} for one in found]
    whats = dict.fromkeys(what for bill in bills for what in bill)
    return [
        [what, *("" if what not in bill else f"{bill[what]:,.2f}" for bill in bills)]
        for what in whats
    ]


def _notes(found: list[Compared]) -> list[str]:
    said = [f"{line.what}: {line.note}" for one in found for line in one.bill if line.note]
    return ["", *dict.fromkeys(said)] if said else []


def _phases(found: list[Compared]) -> list[str]:
    named = (name for one in found for city in one.cities.values() for name in city.latency_ms)
    return list(dict.fromkeys(named))


def _cities(found: list[Compared], phase: str) -> list[list[str]]:
    """What each city saw in a phase, by variant; without one, its time to recover."""
    cities = dict.fromkeys(city for one in found for city in one.cities)
    return [[city, *(_city(one.cities.get(city), phase) for one in found)] for city in cities]


def _city(seen: City | None, phase: str) -> str:
    if seen is None or (phase and phase not in seen.latency_ms):
        return ""
    if not phase:
        return _s(seen.rto_s)
    middle, slow = seen.latency_ms[phase]
    return f"{_ms(middle)} / {_ms(slow)}"


def _ms(value: float | None) -> str:
    return "never" if value is None else f"{value:.0f} ms"


def _s(value: float | None) -> str:
    return "never" if value is None else f"{value:.0f} s"
