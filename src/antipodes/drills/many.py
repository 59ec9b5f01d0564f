"""Many seeds of one drill: played by many processes or machines, and added up.

One seed is one day in the life of the world; many say how bad a day can be. The worst verdict
wins; every figure comes as its spread. Only what is added up travels between processes: no
history, no journal. Whatever there is to say of one seed is had by playing it again.

The sum does not depend on how many processes made it, or on which was done first; only `wall_s`
and what is derived of it does.
"""

import math
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import msgspec

from antipodes.drills import coverage
from antipodes.drills.coverage import FaultCovered, SeedCovered
from antipodes.drills.history import Outcome
from antipodes.drills.model import Drill, DrillError
from antipodes.drills.simulated import Simulated
from antipodes.drills.swarm import draw, drawn_kinds
from antipodes.drills.table import grid
from antipodes.drills.verdict import Finding, Verdict, worst
from antipodes.runtime.farm import Broken, Farm, stopwatch
from antipodes.runtime.parcel import Parcel, pack

SEED_S_MAX = 1800.0  # of the machine's own time: a seed that takes longer will never end
DEPTH_MAX = 2  # of the tables of figures that the terminal shows
SHOWN_MAX = 10  # seeds that did not pass, in the terminal
_TABLES = frozenset({"seed", "speed", "served_by", "missed"})  # numbers, but no figures
_MARKS = {Verdict.FAIL: "NO", Verdict.UNKNOWN: "??"}


class Play(Protocol):
    """Plays a drill in simulation, as `simulate` does."""

    def __call__(self, drill: Drill, directory: Path, *, seed: int) -> Simulated: ...


class SeedPlayed(msgspec.Struct, frozen=True):
    """What is left of one seed."""

    seed: int
    verdict: Verdict
    digest: str = ""
    figures: dict[str, Any] = {}  # the numbers only
    findings: list[Finding] = []  # those that did not pass
    covered: SeedCovered = SeedCovered((), {}, 0, 0)
    virtual_s: float = 0.0
    error: str = ""  # why there is nothing to judge


class Many(msgspec.Struct, frozen=True):
    """All seeds of a drill."""

    drill: str
    played: list[SeedPlayed]  # by seed
    faults: list[FaultCovered]
    wall_s: float

    @property
    def verdict(self) -> Verdict:
        """The worst of all."""
        return worst([seed.verdict for seed in self.played])

    @property
    def failed_seeds(self) -> list[int]:
        """Those that failed."""
        return [seed.seed for seed in self.played if seed.verdict is Verdict.FAIL]

    @property
    def unknown_seeds(self) -> list[int]:
        """Those that could not be judged."""
        return [seed.seed for seed in self.played if seed.verdict is Verdict.UNKNOWN]

    @property
    def requests(self) -> int:
        """All that people asked, over all seeds."""
        return sum(seed.covered.requests for seed in self.played)

    def markers(self) -> dict[str, int]:
        """How often each rare path was taken, over all seeds."""
        return coverage.markers_summed(seed.covered for seed in self.played)

    def document(self) -> dict[str, Any]:
        """Everything, as JSON: the figures as {"min": ..., "p50": ..., "p99": ..., "max": ...}."""
        markers = self.markers()
        return {
            "drill": self.drill,
            "verdict": str(self.verdict),
            "seeds": len(self.played),
            "failed_seeds": self.failed_seeds,
            "unknown_seeds": self.unknown_seeds,
            "figures": spreads([seed.figures for seed in self.played if not seed.error]),
            "requests": self.requests,
            "virtual_s": round(math.fsum(seed.virtual_s for seed in self.played), 3),
            "wall_s": round(self.wall_s, 3),
            "faults": [
                {**msgspec.to_builtins(fault), "mattered": fault.mattered} for fault in self.faults
            ],
            "markers": markers,
            "markers_never": coverage.never_taken(markers),
            "digests": {str(seed.seed): seed.digest for seed in self.played},
            "not_passed": [
                {
                    "seed": seed.seed,
                    "verdict": str(seed.verdict),
                    "error": seed.error,
                    "kinds": list(seed.covered.kinds),
                    "findings": [msgspec.to_builtins(finding) for finding in seed.findings],
                }
                for seed in self.played
                if seed.verdict is not Verdict.PASS
            ],
        }


def play_many(  # noqa: PLR0913 - spelled out on purpose
    drill: Drill,
    directory: Path,
    seeds: Iterable[int],
    *,
    jobs: int,
    play: Play,
    cluster: str = "",
    progress: Callable[[str], None] = lambda _: None,
) -> Many:
    """Play a drill with every seed, each with what it draws, and add it all up.

    Processes, where there is more than one job, need `play` to be a function of a module, or a
    `partial` of one. To a cluster the application's directory is sent along. Raises RuntimeFailure
    where it is too large for that, or there is no cluster at that address.
    """
    watch = stopwatch()
    farm = Farm(jobs, cluster, SEED_S_MAX)
    wanted = list(dict.fromkeys(seeds))
    played = []
    work = partial(play_seed, play, drill, pack(directory) if cluster else directory)
    for seed, result in farm.run(work, wanted):
        if isinstance(result, Broken):
            result = SeedPlayed(seed, Verdict.UNKNOWN, error=result.why)  # noqa: PLW2901 - of it
        played.append(result)
        if result.verdict is not Verdict.PASS:
            progress(_told(result))
        progress(f"\r{len(played)} of {len(wanted)} seeds, {watch():.0f} s")
    played.sort(key=lambda result: result.seed)
    kinds = drill.swarm.faults if drill.swarm is not None else ()
    judged = [result.covered for result in played if not result.error]
    return Many(drill.name, played, coverage.faults_covered(kinds, judged), watch())


def play_seed(play: Play, drill: Drill, directory: Path | Parcel, seed: int) -> SeedPlayed:
    """Play one seed with what it draws; keep what is added up."""
    if isinstance(directory, Parcel):
        directory = directory.folder_here()
    try:
        simulated = play(draw(drill, seed), directory, seed=seed)
    except DrillError as error:
        return SeedPlayed(seed, Verdict.UNKNOWN, error=str(error))
    judgement, operations = simulated.judgement, simulated.history.operations
    return SeedPlayed(
        seed,
        judgement.verdict,
        digest=simulated.digest,
        figures=numbers(judgement.figures),
        findings=[f for f in judgement.findings if f.verdict is not Verdict.PASS],
        covered=SeedCovered(
            drawn_kinds(simulated.drill),
            simulated.markers,
            len(operations),
            sum(operation.outcome is not Outcome.OK for operation in operations),
        ),
        virtual_s=simulated.virtual_s,
    )


def numbers(figures: dict[str, Any]) -> dict[str, Any]:
    """The numbers of a document, those that are missing included, and the tables of such."""
    found: dict[str, Any] = {}
    for name, value in figures.items():
        if name in _TABLES:
            continue
        if isinstance(value, dict):
            inner = numbers(value)
            if inner:
                found[name] = inner
        elif value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            found[name] = value
    return found


def spreads(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """The spread of each number over many documents of the same shape.

    `none` counts the documents in which it is missing (as an RTO is where service never returned).
    """
    names = dict.fromkeys(name for document in documents for name in document)
    found: dict[str, Any] = {}
    for name in names:
        values = [document[name] for document in documents if name in document]
        tables = [value for value in values if isinstance(value, dict)]
        found[name] = spreads(tables) if tables else _spread(values)
    return found


def _spread(values: list[float | None]) -> dict[str, Any]:
    known = sorted(value for value in values if value is not None)
    missing = {"none": len(values) - len(known)} if len(known) < len(values) else {}
    if not known:
        return {"min": None, "p50": None, "p99": None, "max": None, **missing}
    return {
        "min": known[0],
        "p50": _percentile(known, 50),
        "p99": _percentile(known, 99),
        "max": known[-1],
        **missing,
    }


def _percentile(ordered: list[float], percent: int) -> float:
    """The smallest value that so many percent are not above (nearest rank)."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


# In the terminal.


def render(many: Many) -> str:
    """All seeds as text."""
    document = many.document()
    rate = many.requests / many.wall_s if many.wall_s else 0.0
    rows = [["figure", "min", "p50", "p99", "max"], *_rows(document["figures"], "")]
    lines = [
        "",
        (
            f"{many.drill}: {len(many.played)} seeds, {many.requests:,} requests in "
            f"{document['virtual_s'] / 3600:.1f} hours of the world; {many.wall_s:.1f} s here, "
            f"{rate:,.0f} requests a second"
        ),
        "",
        *(grid(rows) if len(rows) > 1 else []),
        "",
        *_faults(many.faults),
        *_markers(document),
        *_not_passed(many),
        f"verdict: {many.verdict.upper()}",
    ]
    return "\n".join(lines)


def _rows(spread: dict[str, Any], before: str) -> list[list[str]]:
    """The figures that say something, none of those that come by phase: the document has all."""
    rows = []
    for name, value in spread.items():
        if "p50" not in value or isinstance(value["p50"], dict):
            if before.count(".") < DEPTH_MAX:
                rows += _rows(value, f"{before}{name}.")
        elif value["max"] is not None and (value["max"] or value["min"] or not before):
            cells = [_cell(value[column]) for column in ("min", "p50", "p99", "max")]
            if value.get("none"):
                cells[-1] += f" ({value['none']} x none)"
            rows.append([before + name, *cells])
    return rows


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def _faults(faults: list[FaultCovered]) -> list[str]:
    if not faults:
        return []
    rows = [["fault", "seeds", "not served", "without it", "more often taken with it"]]
    for fault in faults:
        shares = [_percent(share) for share in (fault.missed, fault.missed_without)]
        rows.append([fault.kind, str(fault.seeds), *shares, ", ".join(fault.paths) or "-"])
    idle = [fault.kind for fault in faults if not fault.mattered]
    return [*grid(rows), *[f"never mattered: {', '.join(idle)}"] * bool(idle), ""]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"


def _markers(document: dict[str, Any]) -> list[str]:
    lines = [f"{name} {count}" for name, count in document["markers"].items()]
    found = [f"rare paths taken: {', '.join(lines)}"] if lines else []
    if document["markers_never"]:
        found.append(f"never taken: {', '.join(document['markers_never'])}")
    return [*found, ""]


def _not_passed(many: Many) -> list[str]:
    wrong = [seed for seed in many.played if seed.verdict is not Verdict.PASS]
    wrong.sort(key=lambda seed: (seed.verdict is not Verdict.FAIL, seed.seed))
    lines = [_told(seed) for seed in wrong[:SHOWN_MAX]]
    if len(wrong) > SHOWN_MAX:
        seeds = ", ".join(str(seed.seed) for seed in wrong[SHOWN_MAX:])
        lines.append(f"    and the seeds {seeds}")
    return [*lines, ""] if lines else []


def _told(seed: SeedPlayed) -> str:
    """One seed that did not pass, on one line."""
    said = [
        f"{f.expectation}: wanted {f.wanted}, found {f.found}" + f" ({f.witness})" * bool(f.witness)
        for f in seed.findings
    ]
    said += seed.error.splitlines()[:1]
    return f"{_MARKS[seed.verdict]}  seed {seed.seed}: {'; '.join(said)}"
