"""Weighing: findings against expectations; the worst verdict wins, with the smallest witness.

What could not be seen is unknown and says why, never passed: neither where nothing of the kind
happened, nor where what may be a violation would make it one too many.
"""

from enum import StrEnum
from typing import Any

import msgspec

from antipodes.drills import oracles
from antipodes.drills.history import History
from antipodes.drills.model import Drill
from antipodes.drills.observations import Observation, observe, unread
from antipodes.drills.oracles import Index
from antipodes.drills.phases import by_phase

ACKNOWLEDGED_MIN = 1


class Verdict(StrEnum):
    """How a drill, or one expectation, came out."""

    PASS = "pass"  # noqa: S105 - a verdict
    UNKNOWN = "unknown"
    FAIL = "fail"


_ORDER = [Verdict.PASS, Verdict.UNKNOWN, Verdict.FAIL]
EXIT_STATUS = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.UNKNOWN: 2}


class Finding(msgspec.Struct, frozen=True):
    """One expectation and what came of it."""

    expectation: str
    wanted: str
    found: str
    verdict: Verdict
    witness: str = ""


def worst(verdicts: list[Verdict]) -> Verdict:
    """The worst of several; nothing judged is unknown."""
    return max(verdicts, key=_ORDER.index, default=Verdict.UNKNOWN)


class Judgement(msgspec.Struct, frozen=True):
    """The figures, the findings and all that the oracles saw of one run."""

    figures: dict[str, Any]
    findings: list[Finding]
    verdict: Verdict
    observations: list[Observation] = []


def judge(drill: Drill, history: History) -> Judgement:
    """Judge a history; what could not be seen is unknown, never passed."""
    index = Index(history)
    observed = observe(drill, index)
    figures = {**_figures(drill, index), **by_phase(drill, history), **observed.figures}
    findings = [
        *_judge_recovery(drill, history, figures),
        *_judge_writes(drill, index, figures),
        *_judge_service(drill, history, figures),
        *_judge_observations(drill, observed.observations),
    ]
    verdict = worst([finding.verdict for finding in findings])
    observations = list(observed.observations.values())
    return Judgement({"verdict": str(verdict), **figures}, findings, verdict, observations)


def _watched(drill: Drill) -> list[tuple[str, float, float]]:
    """What people have to recover from: the phase, when it broke, and until when it is watched."""
    phases = {name: (start, end) for name, start, end in drill.phases()}
    return [(event.phase, *phases[event.phase]) for event in drill.timeline if event.watched]


def _recovery(drill: Drill, index: Index) -> dict[str, Any]:
    """The times to recover: by phase and city, the slowest of a city, the slowest of all."""
    cities = drill.load.cities
    by_phase = {}
    unseen: dict[str, str] = {}
    by_city: dict[str, float | None] = dict.fromkeys(cities, 0.0)
    for phase, start, end in _watched(drill):
        found = oracles.rto_by_city(index, cities, start, end)
        by_phase[phase] = {city: _rounded(value) for city, value in found.items()}
        for city, value in found.items():
            known = by_city[city]
            by_city[city] = None if value is None or known is None else max(value, known)
        for city, why in oracles.rto_unseen(index, cities, start, end).items():
            unseen.setdefault(city, f"{city} {why} ({phase})")
    values = [value for value in by_city.values() if value is not None]
    return {
        "rto_s": _rounded(max(values)) if len(values) == len(by_city) else None,
        "rto_s_by_city": {city: _rounded(value) for city, value in by_city.items()},
        "rto_s_by_phase": by_phase,
        "rto_unseen": unseen,
    }


def _rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)


def _figures(drill: Drill, index: Index) -> dict[str, Any]:
    cities, history = drill.load.cities, index.history
    missing = [
        (loss, write) for loss in history.losses for write in oracles.unreplicated(index, loss)
    ]
    ages = [max(0.0, loss.at_s - write.end_s) for loss, write in missing]
    lost = oracles.lost_writes(index)
    return {
        "drill": drill.name,
        **_recovery(drill, index),
        "rpo": {
            "writes_unreplicated": len(missing),
            "oldest_age_s": round(max(ages), 3) if ages else 0.0,
        },
        "writes_acknowledged": sum(oracles.served(o) for o in index.of_kind("write")),
        "writes_lost": len(lost),
        "lost_keys": sorted({write.key for write in lost}),
        "diverged_keys": oracles.diverged_keys(index),
        "requests": len(history.operations),
        "availability": _rounded(oracles.availability(index), 5),
        "availability_by_city": {
            city: _rounded(share, 5)
            for city, share in oracles.availability_by_city(index, cities).items()
        },
        "latency_ms": {
            city: {name: _rounded(value, 2) for name, value in row.items()}
            for city, row in oracles.latency_by_city(index, cities).items()
        },
        "served_by": oracles.served_by_phase(index, drill.phases()),
        "missed": oracles.missed_by_reason(index, drill.phases()),
        "seed": drill.world.seed,
        "speed": drill.world.speed,
    }


def _compare(name: str, wanted: float | None, found: float | None, unit: str = "") -> list[Finding]:
    """At most so much; nothing found where something had to be is a failure."""
    if wanted is None:
        return []
    if found is None:
        verdict, text = Verdict.FAIL, "not within the time watched"
    else:
        verdict = Verdict.PASS if found <= wanted else Verdict.FAIL
        text = f"{found:g}{unit}"
    return [Finding(name, f"at most {wanted:g}{unit}", text, verdict)]


def _judge_recovery(drill: Drill, history: History, figures: dict[str, Any]) -> list[Finding]:
    expect = drill.expect
    findings = _compare("RTO", expect.rto_s, figures["rto_s"], " s")
    unseen = list(figures["rto_unseen"].values())
    if findings and not _watched(drill) and drill.swarm is None:
        unseen = ["nothing broke that is watched"]
    if unseen and all(finding.verdict is Verdict.PASS for finding in findings):
        findings = [
            Finding(f.expectation, f.wanted, "; ".join(unseen), Verdict.UNKNOWN) for f in findings
        ]
    if expect.rpo_writes is None and expect.rpo_s is None:
        return findings
    killed = sum(1 for event in drill.timeline if event.kill in drill.world.regions)
    if not killed and drill.swarm is not None:
        return findings  # this seed drew no kill
    if not killed or sum(1 for loss in history.losses if loss.found) < killed:
        why = "the survivors could not be read" if killed else "no region was killed"
        return [*findings, Finding("RPO", "to be seen", why, Verdict.UNKNOWN)]
    rpo = figures["rpo"]
    findings += _compare("RPO, writes", expect.rpo_writes, rpo["writes_unreplicated"])
    findings += _compare("RPO, age", expect.rpo_s, rpo["oldest_age_s"], " s")
    return findings


def _judge_writes(drill: Drill, index: Index, figures: dict[str, Any]) -> list[Finding]:
    expect = drill.expect
    if expect.writes_lost is None and expect.diverged is None:
        return []
    if drill.load.session is not None:
        return []  # who types writes nothing
    why = unread(drill, index)
    if figures["writes_acknowledged"] < ACKNOWLEDGED_MIN and drill.load.writes > 0:
        why = why or "no write was acknowledged at all"
    if why:
        return [Finding("writes lost", "to be seen", why, Verdict.UNKNOWN)]
    findings = []
    for name, wanted, keys in (
        ("writes lost", expect.writes_lost, figures["lost_keys"]),
        ("keys diverged", expect.diverged, figures["diverged_keys"]),
    ):
        count = figures["writes_lost"] if name == "writes lost" else len(keys)
        for finding in _compare(name, wanted, count):
            witness = ", ".join(keys[:5]) if finding.verdict is Verdict.FAIL else ""
            findings.append(msgspec.structs.replace(finding, witness=witness))
    return findings


def _judge_service(drill: Drill, history: History, figures: dict[str, Any]) -> list[Finding]:
    expect = drill.expect
    findings = []
    if expect.availability is not None:
        findings.append(_judge_share("availability", expect.availability, figures["availability"]))
    for city, wanted in expect.availability_by_city.items():
        share = figures["availability_by_city"].get(city)
        findings.append(_judge_share(f"availability in {city}", wanted, share))
    for city, most in expect.latency_p99_ms.items():
        p99 = figures["latency_ms"].get(city, {}).get("p99")
        name = f"latency in {city}, p99"
        if p99 is None:
            bound = f"at most {most:g} ms"
            findings.append(Finding(name, bound, "nobody was served", Verdict.UNKNOWN))
        else:
            findings += _compare(name, most, p99, " ms")
    spans = {name: (start, end) for name, start, end in drill.phases()}
    for phase, cities in expect.served_by.items():
        for city, region in cities.items():
            found = oracles.last_served_by(history, city, *spans[phase])
            verdict = Verdict.PASS if found == region else Verdict.FAIL
            name = f"{city} at the end of {phase}"
            findings.append(Finding(name, f"served by {region}", found or "not served", verdict))
    return findings


def _judge_share(name: str, wanted: float, share: float | None) -> Finding:
    bound = f"at least {wanted:.2%}"
    if share is None:
        return Finding(name, bound, "nothing was asked", Verdict.UNKNOWN)
    verdict = Verdict.PASS if share >= wanted else Verdict.FAIL
    return Finding(name, bound, f"{share:.2%}", verdict)


def _judge_observations(drill: Drill, seen: dict[str, Observation]) -> list[Finding]:
    """What is bounded by a number; all of it at most."""
    expect = drill.expect
    bounds: dict[str, float | None] = {
        name: getattr(expect, name)
        for name in seen
        if name not in {"linearizable", "residency", "counters_gained"}
    }
    bounds["linearizable"] = 0 if expect.linearizable else None
    bounds["residency"] = 0 if expect.residency else None
    bounds["counters_gained"] = None if expect.counters_lost is None else 0
    return [
        _weighed(observation, bound)
        for name, observation in seen.items()
        if (bound := bounds[name]) is not None
    ]


def _weighed(seen: Observation, wanted: float) -> Finding:
    bound = f"at most {wanted:g}{seen.unit}"
    if seen.found is None:
        return Finding(seen.title, bound, seen.why, Verdict.UNKNOWN)
    text = f"{seen.found:g}{seen.unit}"
    if seen.found > wanted:
        return Finding(seen.title, bound, text, Verdict.FAIL, (seen.witness or [""])[0])
    if seen.found + seen.doubtful > wanted:
        text = f"{text}, and {seen.doubtful} that cannot be decided"
        return Finding(seen.title, bound, text, Verdict.UNKNOWN)
    return Finding(seen.title, bound, text, Verdict.PASS)
