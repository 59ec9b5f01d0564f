"""Space-time diagrams: of runs made by hand, and of a real one."""

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.drills.diagram import label, render
from antipodes.drills.history import History, Operation, Outcome
from antipodes.drills.observations import told as told_call
from antipodes.drills.simulate import simulate
from antipodes.drills.simulated import Simulated
from antipodes.drills.spacetime import lay_out
from antipodes.drills.verdict import Finding, Verdict
from antipodes.drills.witness import journal_around, named, relevant, told, violation
from antipodes.runtime.messages import Message
from tests.drills.fakeplays import simulated
from tests.drills.histories import operation
from tests.drills.plays import E, W, library, small
from tests.drills.test_shrink import unsynced

STARTED = 60.0
BATCH = '....batch..dynamodb/item..{"key":{"S":"hot-001"}}'


def message(  # noqa: PLR0913 - a test says what matters
    sent: float,
    arrived: float,
    source: str,
    destination: str,
    head: str = "",
    *,
    trace: str = "",
    kind: str = "data",
) -> Message:
    return Message(
        STARTED + sent, STARTED + arrived, source, destination, kind, len(head), head, trace
    )


def entry(at: float, kind: str, **fields: Any) -> dict[str, Any]:
    return {"at": STARTED + at, "kind": kind, **fields}


WRITE = operation("write", "hot-001", "v1", 10.0, 10.1, city="seattle", trace="t-1")
LOST = operation("write", "hot-001", "v2", 12.0, 12.1, city="seattle", trace="t-2")
MISSED = operation(
    "read", "hot-001", None, 13.0, 14.0, city="frankfurt", outcome=Outcome.FAILED, trace="t-3"
)
OTHER = operation("write", "hot-002", "v3", 12.0, 12.5, city="frankfurt", trace="t-4")
MESSAGES = [
    message(12.0, 12.003, "city/seattle", "edge/SEA", "PUT /put/hot-001 HTTP/1.1", trace="t-2"),
    message(12.003, 12.006, "edge/SEA", W, "PUT /put/hot-001 HTTP/1.1", trace="t-2"),
    message(12.0, 12.003, "city/seattle", "edge/SEA", trace="t-2", kind="open"),
    message(12.01, 12.013, W, "edge/SEA", "HTTP/1.1 200 OK", trace="t-2"),
    message(12.013, 12.016, "edge/SEA", "city/seattle", "HTTP/1.1 200 OK", trace="t-2"),
    message(10.05, 10.12, W, E, BATCH),
    message(12.2, 14.9, W, E, BATCH),
    message(12.3, 12.301, "us-west-2/usw2-az1", W, BATCH),
    message(12.4, 12.47, E, W, "....beat.."),
    message(13.0, 13.07, W, E, kind="reset"),
    message(12.1, 12.2, "city/frankfurt", "edge/FRA", "PUT /put/hot-002", trace="t-4"),
    message(99.0, 99.1, W, E, BATCH),
]
ENTRIES = [
    entry(1.0, "boot", host=W),
    entry(
        11.0, "fault", handle="fault-1", fault={"kind": "slow-link", "a": W, "b": E, "extra_ms": 9}
    ),
    entry(12.5, "kill", host=W),
    entry(13.5, "boot", host=W),
    entry(13.6, "pause", host=E),
    entry(13.9, "resume", host=E),
    entry(14.0, "heal", handle="fault-1"),
    entry(14.1, "elb.health", target="arn:aws:lambda:us-west-2:000000000000:function:App"),
    entry(90.0, "kill", host=E),
]


def run(witness: str = "hot-001", **changes: Any) -> Simulated:
    history = History([WRITE, LOST, MISSED, OTHER], [], [], [], {W: {"hot-001": "v1"}, E: {}})
    found = simulated(small(), Verdict.FAIL, history)
    finding = Finding("writes lost", "at most 0", "1", Verdict.FAIL, witness=witness)
    judgement = msgspec.structs.replace(found.judgement, findings=[finding])
    return msgspec.structs.replace(
        found, judgement=judgement, messages=MESSAGES, entries=ENTRIES, **changes
    )


def drawn(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - our own


def of_class(root: ET.Element, name: str) -> Iterator[ET.Element]:
    return (node for node in root.iter() if name in node.get("class", "").split())


def words(root: ET.Element) -> str:
    return "\n".join(node.text or "" for node in root.iter() if node.tag.endswith("text"))


def test_the_witness_names_the_calls() -> None:
    operations = [WRITE, LOST, MISSED, OTHER]
    assert named("hot-001", operations) == [LOST]
    assert named("hot-001=v1 in us-west-2", operations) == [WRITE]
    assert named("t-4: Invoke from us-west-2 to eu-central-1", operations) == [OTHER]
    assert named(f"{told_call(MISSED)}; then {told_call(WRITE)}", operations) == [WRITE]
    assert named("nothing that is known", operations) == []
    twice = msgspec.structs.replace(WRITE, start_s=20.0, end_s=20.1, kind="read")
    assert named(told_call(twice), [*operations, twice]) == [twice]


def test_the_violation_is_the_worst_findings() -> None:
    seen = violation(run())
    assert (seen.own, seen.key) == ([LOST], "hot-001")
    assert seen.neighbours == [MISSED]
    assert seen.begin_s < 11.0
    assert 14.1 < seen.end_s < 90


def test_without_a_witness_the_first_call_that_was_not_served_is_shown() -> None:
    assert violation(run(witness="")).own == [MISSED]
    calm = run(witness="", history=History([WRITE], [], [], [], {}))
    seen = violation(calm)
    assert seen.own == []
    assert seen.begin_s < seen.end_s
    drawn(render(calm))


def test_messages_that_did_it_come_first() -> None:
    found = run()
    kept = relevant(found, violation(found), 100)
    assert [m.head for m in kept].count("PUT /put/hot-002") == 0
    assert all(m.kind != "open" and m.sent_s < STARTED + 20 for m in kept)
    assert not any(m.source.startswith("us-west-2/") for m in kept)
    few = relevant(found, violation(found), 4)
    assert {m.trace for m in few} == {"t-2"}
    assert few == sorted(few, key=lambda m: m.sent_s)


def test_a_diagram_shows_all_that_happened() -> None:
    root = drawn(render(run()))
    assert root.get("viewBox")
    text = words(root)
    for said in (
        *("seattle", "SEA", W, E, "people", "edge", "regions", "Small, seed 1"),
        "writes lost: wanted at most 0, found 1 (hot-001)",
        *("us-west-2 killed", "us-west-2 starts", "eu-central-1 paused", "eu-central-1 resumed"),
        "9 ms more each way between us-west-2 and eu-central-1",
        "no longer: 9 ms more each way between us-west-2 and eu-central-1",
        *("elb.health target=function:App", "PUT /put/hot-001", "200 OK", "batch hot-001 +2.70 s"),
        *("refused", "in the end", "v1", "nothing", "write hot-001 = v2", "12.000 to 12.100"),
    ):
        assert said in text
    assert len(list(of_class(root, "own"))) == 4
    assert len(list(of_class(root, "late"))) == 1
    assert len(list(of_class(root, "bar-own"))) == 1
    assert len(list(of_class(root, "bar"))) == 1
    assert len(list(of_class(root, "cross"))) == 2  # a host, and a call that was not answered
    assert len(list(of_class(root, "paused"))) == 1
    assert len(list(of_class(root, "slow"))) == 1


def test_places_stand_in_their_groups() -> None:
    found = run()
    seen = violation(found)
    picture = lay_out(found, seen, relevant(found, seen, 100))
    assert picture.columns == ["city/seattle", "city/frankfurt", "edge/SEA", W, E]
    assert picture.ends(W) == [12.5]
    assert [picture.is_up(W, at) for at in (12.4, 12.5, 12.6, 13.5)] == [True, True, False, True]


def test_a_long_run_is_kept_to_the_messages_allowed() -> None:
    crowd = [
        message(12.0 + n / 1000, 12.07 + n / 1000, *((W, E) if n % 2 else (E, W)), BATCH)
        for n in range(1000)
    ]
    root = drawn(render(msgspec.structs.replace(run(), messages=crowd)))
    assert len(list(of_class(root, "arrow"))) == 150
    height = float(root.get("height") or "0")
    assert height < 2200


def test_what_names_contain_does_no_harm() -> None:
    found = run(witness='<&>"\x00 hot-001 ]]>')
    messages = [m._replace(head='<b>&"\x07' + m.head) for m in MESSAGES]
    drill = msgspec.structs.replace(found.drill, name="<script>\x1b & co")
    root = drawn(render(msgspec.structs.replace(found, drill=drill, messages=messages)))
    assert "<script>· & co, seed 1" in words(root)
    assert not any(node.tag.endswith("script") for node in root.iter())


@pytest.mark.parametrize(
    ("head", "trace", "said"),
    [
        ("GET /get/hot-001 HTTP/1.1", "t", "GET /get/hot-001"),
        ("HTTP/1.1 503 Service Unavailable", "t", "503 Service Unavailable"),
        ("...\ufffdbatch\ufffd{hot-001}", "", "batch hot-001"),
        ("....\ufffdack.)", "", "ack"),
        ("", "", ""),
    ],
)
def test_messages_are_labelled_by_what_they_say(head: str, trace: str, said: str) -> None:
    assert label(message(0, 1, W, E, head, trace=trace), "hot-001") == said


@settings(max_examples=50, deadline=None)
@given(
    spans=st.lists(st.tuples(st.floats(4.1, 15.0), st.floats(0.0, 3.0)), min_size=1, max_size=20)
)
def test_time_goes_down(spans: list[tuple[float, float]]) -> None:
    """What is later is never above what is earlier, and all is on the page."""
    messages = [message(at, at + took, W, E, BATCH) for at, took in spans]
    found = msgspec.structs.replace(run(), messages=messages)
    seen = violation(found)
    picture = lay_out(found, seen, messages)
    instants = sorted([at for at, _ in spans] + [at + took for at, took in spans])
    rows = [picture.y(at) for at in instants]
    assert rows == sorted(rows)
    assert picture.rows[0] <= rows[0] <= rows[-1] <= picture.bottom
    drawn(render(found))


def test_the_journal_around_a_time() -> None:
    lines = journal_around(run(), 12.5, 3.1)
    assert [line.split()[2] for line in lines] == [
        "fault",
        "kill",
        "boot",
        "pause",
        "resume",
        "heal",
    ]
    assert lines[0] == (
        "    11.000 s  fault handle=fault-1 kind=slow-link a=us-west-2 b=eu-central-1 extra_ms=9"
    )
    assert told(ENTRIES[7]) == "elb.health target=function:App"
    assert journal_around(run(), 50.0, 1.0) == []


@pytest.mark.slow
@pytest.mark.simulation
def test_a_real_loss_is_drawn() -> None:
    """Both regions lose power, one after the other, with what was not synced."""
    timeline = [{"at_s": 3.5, "kill": E, "for_s": 1.4}, {"at_s": 5.1, "kill": W, "for_s": 0.6}]
    load = {"cities": ["seattle"], "rate": 3.0, "writes": 0.9}
    drill = small(duration_s=8.0, timeline=timeline, load=load)
    found = simulate(drill, library(), seed=5, tamper=unsynced, messages=10_000)
    assert found.judgement.verdict is Verdict.FAIL
    seen = violation(found)
    lost: Operation = seen.own[0]
    assert lost.kind == "write"
    root = drawn(render(found))
    text = words(root)
    assert f"write {lost.key} = {lost.value}" in text
    assert "us-west-2 loses power" in text
    assert len(list(of_class(root, "own"))) >= 4
    assert any("power-cut host=us-west-2" in line for line in journal_around(found, 5.0, 4.0))
