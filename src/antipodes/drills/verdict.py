"""Weighing: findings against expectations; the worst verdict wins, with the smallest witness."""

from enum import StrEnum
from typing import Any

import msgspec

from antipodes.drills import oracles
from antipodes.drills.history import History
from antipodes.drills.model import Drill

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
    """The figures and the findings of one run."""

    figures: dict[str, Any]
    findings: list[Finding]
    verdict: Verdict


def judge(drill: Drill, history: History) -> Judgement:
    """Judge a history; what could not be seen is unknown, never passed."""
    figures = _figures(drill, history)
    findings = [
        *_judge_recovery(drill, history, figures),
        *_judge_writes(drill, history, figures),
        *_judge_service(drill, history, figures),
    ]
    verdict = worst([finding.verdict for finding in findings])
    return Judgement({"verdict": str(verdict), **figures}, findings, verdict)


def _recovery(drill: Drill, history: History) -> dict[str, float | None]:
    """The longest time to recovery of each city, over all phases that begin with a fault."""
    found: dict[str, float | None] = dict.fromkeys(drill.load.cities, 0.0)
    for _, start, end in drill.watched():
        after = oracles.rto_by_city(history, drill.load.cities, start, end)
        for city, took in after.items():
            known = found[city]
            found[city] = None if took is None or known is None else max(known, took)
    return found


def _figures(drill: Drill, history: History) -> dict[str, Any]:
    cities = drill.load.cities
    by_city = _recovery(drill, history)
    known = [value for value in by_city.values() if value is not None]
    missing = [write for loss in history.losses for write in oracles.unreplicated(history, loss)]
    ages = [
        loss.at_s - write.end_s
        for loss in history.losses
        for write in oracles.unreplicated(history, loss)
    ]
    lost = oracles.lost_writes(history)
    writes = [o for o in history.operations if o.kind == "write" and oracles.served(o)]
    share = oracles.availability(history)
    return {
        "drill": drill.name,
        "rto_s": round(max(known), 3) if len(known) == len(by_city) else None,
        "rto_s_by_city": {c: None if v is None else round(v, 3) for c, v in by_city.items()},
        "rpo": {
            "writes_unreplicated": len(missing),
            "oldest_age_s": round(max(ages), 3) if ages else 0.0,
        },
        "writes_acknowledged": len(writes),
        "writes_lost": len(lost),
        "lost_keys": sorted({write.key for write in lost}),
        "diverged_keys": oracles.diverged_keys(history),
        "stale_reads": len(oracles.stale_reads(history)),
        "requests": len(history.operations),
        "availability": None if share is None else round(share, 5),
        "latency_ms": {
            city: {name: None if v is None else round(v, 2) for name, v in row.items()}
            for city, row in oracles.latency_by_city(history, cities).items()
        },
        "served_by": oracles.served_by_phase(history, drill.phases()),
        "missed": oracles.missed_by_reason(history, drill.phases()),
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
    if expect.rpo_writes is None and expect.rpo_s is None:
        return findings
    killed = sum(1 for event in drill.timeline if event.kill)
    if sum(1 for loss in history.losses if loss.found) < killed:
        return [
            *findings,
            Finding("RPO", "to be seen", "the survivors could not be read", Verdict.UNKNOWN),
        ]
    rpo = figures["rpo"]
    findings += _compare("RPO, writes", expect.rpo_writes, rpo["writes_unreplicated"])
    findings += _compare("RPO, age", expect.rpo_s, rpo["oldest_age_s"], " s")
    return findings


def _judge_writes(drill: Drill, history: History, figures: dict[str, Any]) -> list[Finding]:
    expect = drill.expect
    if expect.writes_lost is None and expect.diverged is None:
        return []
    if len(history.final) < len(drill.world.regions):
        text = f"{len(history.final)} of {len(drill.world.regions)} replicas could be read"
        return [Finding("writes lost", "to be seen", text, Verdict.UNKNOWN)]
    if figures["writes_acknowledged"] < ACKNOWLEDGED_MIN and drill.load.writes > 0:
        text = "no write was acknowledged at all"
        return [Finding("writes lost", "to be seen", text, Verdict.UNKNOWN)]
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
        share = figures["availability"]
        if share is None:
            verdict = Verdict.UNKNOWN
        else:
            verdict = Verdict.PASS if share >= expect.availability else Verdict.FAIL
        wanted = f"at least {expect.availability:.2%}"
        found = "nothing was asked" if share is None else f"{share:.2%}"
        findings.append(Finding("availability", wanted, found, verdict))
    spans = {name: (start, end) for name, start, end in drill.phases()}
    for phase, cities in expect.served_by.items():
        for city, region in cities.items():
            found = oracles.last_served_by(history, city, *spans[phase])
            verdict = Verdict.PASS if found == region else Verdict.FAIL
            name = f"{city} at the end of {phase}"
            findings.append(Finding(name, f"served by {region}", found or "not served", verdict))
    return findings
