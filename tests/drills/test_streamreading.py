"""Drills read the tables' streams at the end, whole or not at all, and what is missing is found."""

from typing import Any

import msgspec
import pytest

from antipodes.drills.simulated import Simulated
from antipodes.drills.streamreading import reading
from antipodes.drills.verdict import Verdict
from antipodes.regional.dynamodb import streams
from tests.drills.plays import E, W, play, small

LOAD = {"writes": 0.7, "fresh": 0.3, "keys": 6, "rate": 4.0}
CUT = [
    {"at_s": 10, "phase": "cut", "fault": {"kind": "cut-link", "a": W, "b": E}},
    {"at_s": 25, "phase": "healed", "heal": True},
]


def played(seed: int = 1, **more: Any) -> Simulated:
    """A minute in which both regions write the same keys, with a cut."""
    return play(small(load=LOAD, timeline=CUT, expect={"stream_gaps": 0}, **more), seed=seed)


def verdict(seen: Simulated) -> tuple[Verdict, str]:
    (finding,) = [f for f in seen.judgement.findings if "streams" in f.expectation]
    return finding.verdict, finding.witness


@pytest.mark.slow
@pytest.mark.simulation
def test_the_streams_of_a_sound_world_are_whole() -> None:
    seen = played()
    assert verdict(seen) == (Verdict.PASS, "")
    recorded = seen.history.streams
    assert set(recorded) == {W, E}
    assert min(map(len, recorded.values())) > 50
    assert {record.event for record in recorded[W]} >= {"INSERT", "MODIFY"}


@pytest.mark.slow
@pytest.mark.simulation
@pytest.mark.parametrize("flaw", ["forgets", "doubles", "only its own"])
def test_a_stream_that_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch, flaw: str) -> None:
    note = streams.Streams.note
    seen: list[None] = []

    def wrong(self: streams.Streams, change: Any) -> None:
        seen.append(None)
        if flaw == "forgets" and len(seen) % 40 == 0:
            return
        if flaw == "only its own" and change.by:
            return
        note(self, change)
        if flaw == "doubles" and len(seen) % 40 == 0:
            note(self, change._replace(old=None))

    monkeypatch.setattr(streams.Streams, "note", wrong)
    found, witness = verdict(played())
    assert found is Verdict.FAIL
    assert " in " in witness


@pytest.mark.slow
@pytest.mark.simulation
def test_streams_are_not_read_where_nothing_is_expected_of_them() -> None:
    seen = play(small())
    assert seen.history.streams == {}
    assert not any("streams" in finding.expectation for finding in seen.judgement.findings)


ARN = "arn:aws:dynamodb:us-west-2:000000000000:table/App/stream/2026-01-01T00:00:00.000"
LISTED: dict[str, Any] = {"Streams": [{"StreamArn": ARN}]}


def described(*shards: tuple[str, int], **more: Any) -> dict[str, Any]:
    """A stream with shards that begin at some number."""
    return {
        "StreamDescription": {
            "StreamViewType": "NEW_IMAGE",
            "CreationRequestDateTime": 1000.0,
            "Shards": [
                {"ShardId": name, "SequenceNumberRange": {"StartingSequenceNumber": f"{start}"}}
                for name, start in shards
            ],
            **more,
        }
    }


def record(number: int, event: str, key: str, value: str = "") -> dict[str, Any]:
    image = {"key": {"S": key}, **({"value": {"S": value}} if value else {})}
    shown = {} if event == "REMOVE" else {"NewImage": image}
    change = {"Keys": {"key": {"S": key}}, "SequenceNumber": f"{number}", **shown}
    return {"eventName": event, "dynamodb": change}


def asked(*answers: dict[str, Any], since: float = 0.0) -> tuple[list[Any], Any]:
    """What is asked when these are the answers, and what comes of it."""
    steps = reading(small(), W, since)
    questions = [next(steps)]
    for answer in answers:
        try:
            questions.append(steps.send(answer))
        except StopIteration as end:
            assert answer is answers[-1], "it ended before it had heard everything"
            return questions, end.value
    raise AssertionError(f"it goes on asking: {questions[-1]}")


def test_shards_are_read_to_their_ends_parents_first() -> None:
    questions, found = asked(
        LISTED,
        described(("child", 7), LastEvaluatedShardId="child"),
        described(("parent", 1)),
        {"ShardIterator": "p0"},
        {"Records": [record(2, "INSERT", "a", "x")], "NextShardIterator": "p1"},
        {"Records": [record(3, "REMOVE", "a")]},
        {"ShardIterator": "c0"},
        {"Records": [record(8, "INSERT", "a")], "NextShardIterator": "c1"},
        {"Records": [], "NextShardIterator": "c2"},
    )
    assert [msgspec.structs.astuple(one) for one in found] == [
        (W, "2", "INSERT", "a", "x"),
        (W, "3", "REMOVE", "a", None),
        (W, "8", "INSERT", "a", None),
    ]
    iterators = [r["ShardIterator"] for operation, r in questions if operation == "GetRecords"]
    assert iterators == ["p0", "p1", "c0", "c1"]


@pytest.mark.parametrize(
    ("answers", "since"),
    [
        ([{"Streams": []}], 0.0),
        ([{"Streams": [{"StreamArn": ARN}, {"StreamArn": ARN + "1"}]}], 0.0),
        ([LISTED, described(("one", 1), StreamViewType="KEYS_ONLY")], 0.0),
        ([LISTED, described(("one", 1))], 1000.5),
    ],
)
def test_what_is_not_whole_is_not_judged(answers: list[dict[str, Any]], since: float) -> None:
    assert asked(*answers, since=since)[1] is None
