"""Every oracle's expectation can pass, fail, and be unknown; and what cannot be judged is told."""

from typing import Any

import msgspec
import pytest

from antipodes.drills.expectations import Expectations
from antipodes.drills.format import library_drills, load_drill, parse_drill
from antipodes.drills.history import History, Loss, Operation, Outcome, Span, StreamRecord, Transfer
from antipodes.drills.judgeable import unjudgeable
from antipodes.drills.model import Drill
from antipodes.drills.observations import TITLES
from antipodes.drills.oracles.traffic import GB
from antipodes.drills.verdict import Verdict, judge
from tests.drills.histories import history, operation

W, E = "us-west-2", "eu-central-1"
NO_WRITES: dict[str, Any] = {"writes_lost": None, "diverged": None}


def drill(expect: dict[str, Any], **changes: Any) -> Drill:
    plain = {
        "name": "A drill",
        "duration_s": 100.0,
        "world": {"regions": [W, E]},
        "application": {"deploy": "d.py", "table": {"name": "T", "key": "k", "value": "v"}},
        "load": {"cities": ["frankfurt"], "rate": 1.0},
        "timeline": [{"at_s": 10.0, "phase": "cut", "fault": {"kind": "dark-place", "place": W}}],
    }
    made = parse_drill({**plain, **changes}, "test")
    expected = msgspec.convert({**NO_WRITES, **expect}, Expectations)
    return msgspec.structs.replace(made, expect=expected)


def seen(*operations: Operation, **changes: Any) -> History:
    final: dict[str, dict[str, str]] = {W: {}, E: {}}
    return msgspec.structs.replace(history(*operations, final=final), **changes)


def write(value: str, start: float, **changes: Any) -> Operation:
    return operation("write", "k", value, start, start + 1, session="ann", **changes)


def read(value: str | None, start: float, **changes: Any) -> Operation:
    return operation("read", "k", value, start, start + 1, session="ann", **changes)


def strong(value: str | None, start: float) -> Operation:
    return read(value, start, strong=True)


def both(content: dict[str, str]) -> dict[str, dict[str, str]]:
    return {W: dict(content), E: dict(content)}


def moved(what: str, source: str = E, destination: str = W) -> dict[str, Any]:
    return {"transfers": [Transfer(source, destination, what, GB)]}


def traced(target: str = "") -> dict[str, Any]:
    return {"spans": [Span("t", "lambda.invoke", E, 0, 1, target)]}


V1, V2 = write("v1", 0), write("v2", 2)
GONE = operation("delete", "k", None, 2, 3)
MORE = operation("increment", "c", None, 0, 1)
PAIR, PAIRS = "pair-write", "pair-read"
PAIR_A = operation(PAIR, "p", "a", 0, 1)
PAIR_B = operation(PAIR, "p", "b", 2, 3)
MAY_B = operation(PAIR, "p", "b", 2, 3, outcome=Outcome.UNKNOWN, served_by="")
RECORDS = [StreamRecord(E, str(n), "MODIFY", "k", f"v{n}") for n in (1, 2)]
STREAMS = {W: RECORDS[1:], E: RECORDS}

# expectation -> (what passes, what fails, what is unknown)
CASES: dict[str, tuple[dict[str, Any], History, History, History]] = {
    "resurrected": (
        {"resurrected": 0},
        seen(V1, GONE),
        seen(V1, GONE, final=both({"k": "v1"})),
        seen(V1),
    ),
    "older_won": (
        {"older_won": 0},
        seen(V1, V2, final=both({"k": "v2"})),
        seen(V1, V2, final=both({"k": "v1"})),
        seen(V1, V2, final={E: {"k": "v2"}}),
    ),
    "overruled": (
        {"overruled": 0},
        seen(V1, V2),
        seen(write("x", 0, served_by=W), write("y", 1.1)),
        seen(read(None, 0)),
    ),
    "stale_reads": (
        {"stale_reads": 0},
        seen(V1, V2, read("v2", 4)),
        seen(V1, V2, read("v1", 4)),
        seen(V1, V2, read("v1", 0)),
    ),
    "staleness_p99_s": (
        {"staleness_p99_s": 1.0},
        seen(V1, V2, read("v1", 3.5)),
        seen(V1, V2, read("v1", 4.5)),
        seen(read("v1", 0)),
    ),
    "staleness_max_s": (
        {"staleness_max_s": 1.0},
        seen(V1, V2, read("v1", 3.5)),
        seen(V1, V2, read("v1", 4.5)),
        seen(),
    ),
    "read_your_writes": (
        {"read_your_writes": 0},
        seen(V1, read("v1", 4)),
        seen(V1, V2, read("v1", 4)),
        seen(V1, msgspec.structs.replace(read("v1", 4), session="bob")),
    ),
    "monotonic_reads": (
        {"monotonic_reads": 0},
        seen(V1, V2, read("v1", 4), read("v2", 6)),
        seen(V1, V2, read("v2", 4), read("v1", 6)),
        seen(V1, V2, read("v2", 4), read("v1", 4.5)),
    ),
    "linearizable": (
        {"linearizable": True},
        seen(V1, V2, strong("v2", 4)),
        seen(V1, V2, strong("v1", 4)),
        seen(V1, V2, read("v1", 4)),
    ),
    "counters_lost": (
        {"counters_lost": 0},
        seen(MORE, final=both({"c": "1"})),
        seen(MORE, final=both({"c": "0"})),
        seen(MORE, final=both({"k": "v"})),
    ),
    "counters_gained": (
        {"counters_lost": 5},
        seen(MORE, final=both({"c": "1"})),
        seen(MORE, final=both({"c": "2"})),
        seen(),
    ),
    "half_transactions": (
        {"half_transactions": 0},
        seen(PAIR_A, PAIR_B, operation(PAIRS, "p", "b|b", 5, 6)),
        seen(PAIR_A, PAIR_B, operation(PAIRS, "p", "a|b", 5, 6)),
        seen(PAIR_A, MAY_B, operation(PAIRS, "p", "a|b", 5, 6)),
    ),
    "stream_gaps": (
        {"stream_gaps": 0},
        seen(V1, V2, final=both({"k": "v2"}), streams=STREAMS),
        seen(V1, V2, final=both({"k": "v2"}), streams={**STREAMS, E: RECORDS[1:]}),
        seen(V1, V2, final=both({"k": "v2"}), streams={E: RECORDS}),
    ),
    "cost_usd": (
        {"cost_usd": 0.02},
        seen(**moved("traffic")),
        seen(**moved("traffic", E, "edge/FRA")),
        seen(**moved("traffic", "sa-west-1")),
    ),
    "cross_region_calls": (
        {"cross_region_calls": 0},
        seen(**traced(E)),
        seen(**traced(W)),
        seen(),
    ),
    "residency": (
        {"residency": {"table/T": [E, W]}},
        seen(**moved("table/T")),
        seen(**moved("table/T", E, "us-east-1")),
        seen(**moved("traffic", E, "us-east-1")),
    ),
}


def test_every_oracle_has_its_cases() -> None:
    assert set(CASES) == set(TITLES)


@pytest.mark.parametrize("name", CASES)
def test_every_oracle_passes_fails_with_a_witness_or_says_why_it_cannot_tell(name: str) -> None:
    expect, fine, broken, untold = CASES[name]
    found = {}
    for verdict, made in zip(Verdict, (fine, untold, broken), strict=True):
        judgement = judge(drill(expect), made)
        (found[verdict],) = [f for f in judgement.findings if f.expectation == TITLES[name]]
        assert found[verdict].verdict is verdict, found[verdict]
    assert judge(drill(expect), untold).verdict is not Verdict.PASS
    assert bool(found[Verdict.FAIL].witness) == (name != "cost_usd")
    assert found[Verdict.UNKNOWN].found


@pytest.mark.parametrize("name", CASES)
def test_what_cannot_be_told_is_no_number_in_the_figures(name: str) -> None:
    expect, fine, broken, untold = CASES[name]
    figure = {"staleness_p99_s": "staleness_s", "staleness_max_s": "staleness_s"}.get(name, name)
    assert (
        judge(drill(expect), fine).figures[figure] != judge(drill(expect), broken).figures[figure]
    )
    if name not in {"stale_reads", "staleness_p99_s", "staleness_max_s"}:
        assert judge(drill(expect), untold).figures[figure] is None


def test_a_clock_may_be_wrong_by_the_tolerance() -> None:
    broken = CASES["older_won"][2]
    assert judge(drill({"older_won": 0, "clock_tolerance_s": 1}), broken).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("expect", "verdict"),
    [
        ({"availability_by_city": {"frankfurt": 0.5}}, Verdict.PASS),
        ({"availability_by_city": {"frankfurt": 0.6}}, Verdict.FAIL),
        ({"availability_by_city": {"lima": 0.5}}, Verdict.UNKNOWN),
        ({"latency_p99_ms": {"frankfurt": 1000}}, Verdict.PASS),
        ({"latency_p99_ms": {"frankfurt": 999}}, Verdict.FAIL),
        ({"latency_p99_ms": {"lima": 999}}, Verdict.UNKNOWN),
        ({"rto_s": 5}, Verdict.FAIL),
        ({"rpo_writes": 0}, Verdict.UNKNOWN),
    ],
)
def test_service_is_judged_by_city(expect: dict[str, Any], verdict: Verdict) -> None:
    made = seen(read("v", 5), read(None, 20, outcome=Outcome.FAILED))
    assert judge(drill(expect), made).verdict is verdict


def test_recovery_is_measured_for_everything_that_breaks() -> None:
    timeline = [
        {"at_s": 10.0, "phase": "one", "fault": {"kind": "dark-place", "place": W}},
        {"at_s": 15.0, "fault": {"kind": "dark-place", "place": E}, "for_s": 2.0},
        {"at_s": 40.0, "phase": "well", "heal": True},
        {"at_s": 50.0, "phase": "two", "fault": {"kind": "dark-place", "place": W}},
    ]
    made = seen(
        read("v", 5),
        read(None, 12, outcome=Outcome.FAILED),
        read("v", 16),
        read(None, 45, outcome=Outcome.FAILED),
        read(None, 52, outcome=Outcome.FAILED),
        read("v", 60),
    )
    figures = judge(drill({"rto_s": 30}, timeline=timeline), made).figures
    assert figures["rto_s_by_phase"] == {"one": {"frankfurt": 6}, "two": {"frankfurt": 10}}
    assert (figures["rto_s"], figures["rto_s_by_city"]) == (10, {"frankfurt": 10})


@pytest.mark.parametrize(
    ("operations", "why"),
    [
        ([read("v", 5)], "asked nothing after the fault"),
        ([read(None, 5, outcome=Outcome.FAILED), read("v", 20)], "was not served before"),
    ],
)
def test_recovery_that_nobody_saw_is_unknown(operations: list[Operation], why: str) -> None:
    judgement = judge(drill({"rto_s": 30}), seen(*operations))
    assert judgement.verdict is Verdict.UNKNOWN
    assert why in judgement.findings[0].found


def test_a_kill_of_the_edge_loses_no_region() -> None:
    timeline = [
        {"at_s": 10.0, "phase": "lost", "kill": W},
        {"at_s": 20.0, "phase": "edge", "kill": "edge"},
    ]
    made = seen(read("v", 5), losses=[Loss(W, 10.0, {E: {}})])
    assert judge(drill({"rpo_writes": 0}, timeline=timeline), made).verdict is Verdict.PASS


BASE = {"cities": ["frankfurt"], "rate": 1.0}
CALLS = {
    kind: f"GET /{kind}/{{key}}"
    for kind in ("strong-read", "delete", "increment", "pair-write", "pair-read")
}


@pytest.mark.parametrize(
    ("expect", "lacking", "enough"),
    [
        ({"resurrected": 0}, {}, {"mix": {"delete": 0.1}}),
        ({"linearizable": True}, {}, {"mix": {"strong-read": 0.1}}),
        ({"linearizable": True}, {"mix": {"strong-read": 0.1}, "fresh": 1.0}, None),
        ({"counters_lost": 0}, {}, {"mix": {"increment": 0.1}}),
        ({"half_transactions": 0}, {"mix": {"pair-read": 0.1}}, None),
        ({"half_transactions": 0}, {}, {"mix": {"pair-read": 0.1, "pair-write": 0.1}}),
        ({"read_your_writes": 0}, {"writes": 0.0}, {}),
        ({"stale_reads": 0}, {"fresh": 1.0}, {}),
        ({"staleness_p99_s": 1}, {"writes": 1.0}, {"writes": 1.0, "mix": {"strong-read": 0.1}}),
        ({"monotonic_reads": 0}, {"writes": 1.0}, {}),
        ({"older_won": 0}, {"writes": 0.0}, {}),
        ({"availability_by_city": {"lima": 1}}, {}, None),
        ({"latency_p99_ms": {"lima": 1}}, {}, None),
        ({"rpo_s": 1}, {}, None),
        ({"stream_gaps": 0}, {"writes": 0.0}, {}),
    ],
)
def test_what_the_load_cannot_show_is_told_before(
    expect: dict[str, Any], lacking: dict[str, Any], enough: dict[str, Any] | None
) -> None:
    def told(load: dict[str, Any]) -> list[tuple[str, str]]:
        return unjudgeable(drill(expect, load={**BASE, "calls": CALLS, **load}))

    ((field, why),) = told(lacking)
    assert field.split(".")[0] == next(iter(expect))
    assert why
    if enough is not None:
        assert told(enough) == []


def test_recovery_from_nothing_cannot_be_judged_unless_a_swarm_draws_it() -> None:
    assert [field for field, _ in unjudgeable(drill({"rto_s": 1}, timeline=[]))] == ["rto_s"]
    swarm = {"faults": ["kill"]}
    assert unjudgeable(drill({"rto_s": 1, "rpo_s": 1}, timeline=[], swarm=swarm)) == []


@pytest.mark.parametrize("name", library_drills())
def test_the_library_can_be_judged(name: str) -> None:
    assert unjudgeable(load_drill(name)[0]) == []
