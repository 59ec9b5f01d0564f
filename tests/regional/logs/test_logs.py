"""Log groups, streams and events, in a simulation."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.regional.logs import model, patterns
from antipodes.service.contract import ServiceError
from tests.regional.lambda_.hosts import SmallHost, in_virtual

Do = Callable[..., Awaitable[Any]]


def with_stream(scenario: Callable[[SmallHost, Do, int], Awaitable[None]]) -> None:
    """Run with a group `g`, a stream `s` and the time in milliseconds."""

    async def whole(host: SmallHost) -> None:
        async def do(operation: str, **request: Any) -> Any:
            return await host.do(operation, service="logs", **request)

        await do("CreateLogGroup", logGroupName="g")
        await do("CreateLogStream", logGroupName="g", logStreamName="s")
        await scenario(host, do, int(host.runtime.wall() * 1000))

    in_virtual(whole)


def events(now_ms: int, *messages: str) -> list[dict[str, Any]]:
    return [{"timestamp": now_ms + n, "message": m} for n, m in enumerate(messages)]


NAMES = {"logGroupName": "g", "logStreamName": "s"}


def test_events_are_read_back_in_order_page_by_page() -> None:
    async def scenario(_host: SmallHost, do: Do, now_ms: int) -> None:
        await do("PutLogEvents", **NAMES, logEvents=events(now_ms, "a", "b", "c"))
        await do("PutLogEvents", **NAMES, logEvents=events(now_ms + 3, "d", "e"))
        seen, token = [], None
        for _ in range(4):
            more = {"nextToken": token} if token else {"startFromHead": True}
            page = await do("GetLogEvents", **NAMES, limit=2, **more)
            seen += [event["message"] for event in page["events"]]
            token = page["nextForwardToken"]
        assert seen == ["a", "b", "c", "d", "e"]
        assert (await do("GetLogEvents", **NAMES, nextToken=token))["nextForwardToken"] == token
        last = await do("GetLogEvents", **NAMES, limit=2)
        assert [event["message"] for event in last["events"]] == ["d", "e"]
        before = await do("GetLogEvents", **NAMES, limit=2, nextToken=last["nextBackwardToken"])
        assert [event["message"] for event in before["events"]] == ["b", "c"]
        some = await do("GetLogEvents", **NAMES, startTime=now_ms + 1, endTime=now_ms + 3)
        assert [event["message"] for event in some["events"]] == ["b", "c"]

    with_stream(scenario)


def test_groups_and_streams_are_described() -> None:
    async def scenario(host: SmallHost, do: Do, now_ms: int) -> None:
        await do("CreateLogGroup", logGroupName="g2", tags={"a": "b"})
        groups = (await do("DescribeLogGroups", logGroupNamePrefix="g"))["logGroups"]
        assert [group["logGroupName"] for group in groups] == ["g", "g2"]
        assert groups[0]["arn"] == "arn:aws:logs:us-west-2:000000000000:log-group:g:*"
        first = await do("DescribeLogGroups", limit=1)
        rest = await do("DescribeLogGroups", nextToken=first["nextToken"])
        assert [group["logGroupName"] for group in rest["logGroups"]] == ["g2"]
        tags = await do("ListTagsForResource", resourceArn=groups[1]["logGroupArn"])
        assert tags == {"tags": {"a": "b"}}
        await do("CreateLogStream", logGroupName="g", logStreamName="early")
        await do("PutLogEvents", **NAMES, logEvents=events(now_ms, "x"))
        streams = await do(
            "DescribeLogStreams", logGroupName="g", orderBy="LastEventTime", descending=True
        )
        assert [stream["logStreamName"] for stream in streams["logStreams"]] == ["s", "early"]
        assert streams["logStreams"][0]["lastEventTimestamp"] == now_ms
        await do("DeleteLogStream", **NAMES)
        await do("DeleteLogGroup", logGroupName="g")
        await do("DeleteLogGroup", logGroupName="g2")
        assert host.store.scan(b"logs/", b"logs0") == []

    with_stream(scenario)


def test_filtering_merges_streams_by_time() -> None:
    async def scenario(_host: SmallHost, do: Do, now_ms: int) -> None:
        await do("CreateLogStream", logGroupName="g", logStreamName="t")
        other = {**NAMES, "logStreamName": "t"}
        await do("PutLogEvents", **NAMES, logEvents=events(now_ms, "ERROR one", "fine", "ERROR 3"))
        await do("PutLogEvents", **other, logEvents=events(now_ms + 1, "ERROR two"))
        found = await do("FilterLogEvents", logGroupName="g", filterPattern="ERROR", limit=2)
        assert [event["message"] for event in found["events"]] == ["ERROR one", "ERROR two"]
        assert [event["logStreamName"] for event in found["events"]] == ["s", "t"]
        rest = await do(
            "FilterLogEvents",
            logGroupName="g",
            filterPattern="ERROR",
            nextToken=found["nextToken"],
        )
        assert [event["message"] for event in rest["events"]] == ["ERROR 3"]
        assert "nextToken" not in rest
        only = await do("FilterLogEvents", logGroupName="g", logStreamNames=["t"])
        assert [event["message"] for event in only["events"]] == ["ERROR two"]

    with_stream(scenario)


def test_retention_hides_and_refuses_what_is_too_old() -> None:
    async def scenario(host: SmallHost, do: Do, now_ms: int) -> None:
        await do("PutLogEvents", **NAMES, logEvents=events(now_ms, "old"))
        await do("PutRetentionPolicy", logGroupName="g", retentionInDays=1)
        await host.runtime.sleep(86_401)
        assert (await do("GetLogEvents", **NAMES))["events"] == []
        later_ms = int(host.runtime.wall() * 1000)
        put = await do(
            "PutLogEvents",
            **NAMES,
            logEvents=[*events(now_ms, "old"), *events(later_ms, "new")][:1],
        )
        assert put["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
        await do("DeleteRetentionPolicy", logGroupName="g")
        assert len((await do("GetLogEvents", **NAMES))["events"]) == 1

    with_stream(scenario)


def test_a_stream_keeps_its_newest_events() -> None:
    async def scenario(_host: SmallHost, do: Do, now_ms: int) -> None:
        for start in range(0, model.EVENTS_MAX + 1_000, 1_000):
            batch = [{"timestamp": now_ms, "message": f"{n}"} for n in range(start, start + 1_000)]
            await do("PutLogEvents", **NAMES, logEvents=batch)
        kept = (await do("GetLogEvents", **NAMES, startFromHead=True))["events"]
        assert len(kept) == model.EVENTS_MAX
        assert kept[0]["message"] == "1000"
        assert kept[-1]["message"] == f"{model.EVENTS_MAX + 999}"

    with_stream(scenario)


@pytest.mark.parametrize(
    ("operation", "request_", "code"),
    [
        ("CreateLogGroup", {"logGroupName": "g"}, "ResourceAlreadyExistsException"),
        ("CreateLogGroup", {"logGroupName": "a b"}, "InvalidParameterException"),
        ("CreateLogGroup", {"logGroupName": "h", "kmsKeyId": "k"}, "InvalidParameterException"),
        ("CreateLogStream", NAMES, "ResourceAlreadyExistsException"),
        ("CreateLogStream", {**NAMES, "logStreamName": "a:b"}, "InvalidParameterException"),
        ("DescribeLogStreams", {"logGroupName": "none"}, "ResourceNotFoundException"),
        ("GetLogEvents", {**NAMES, "logStreamName": "n"}, "ResourceNotFoundException"),
        ("GetLogEvents", {**NAMES, "nextToken": "f/zz"}, "InvalidParameterException"),
        ("PutRetentionPolicy", {"logGroupName": "g", "retentionInDays": 2}, ""),
        ("FilterLogEvents", {"logGroupName": "g", "filterPattern": '{ $.a = "b" }'}, ""),
        ("FilterLogEvents", {"logGroupName": "g", "filterPattern": "%a%"}, ""),
        ("PutLogEvents", {**NAMES, "logEvents": [*events(5, "a"), *events(4, "b")]}, ""),
        ("PutLogEvents", {**NAMES, "logEvents": events(5, *["x" * 600_000] * 2)}, ""),
    ],
)
def test_what_is_refused(operation: str, request_: dict[str, Any], code: str) -> None:
    async def scenario(host: SmallHost, do: Do, _now_ms: int) -> None:
        before = host.store.scan(b"logs/", b"logs0")
        with pytest.raises(ServiceError) as caught:
            await do(operation, **request_)
        assert caught.value.code == (code or "InvalidParameterException")
        assert caught.value.status == 400
        assert host.store.scan(b"logs/", b"logs0") == before

    with_stream(scenario)


def test_accounts_do_not_see_each_other() -> None:
    async def scenario(_host: SmallHost, do: Do, now_ms: int) -> None:
        await do("CreateLogGroup", logGroupName="g", account="123456789012")
        await do("PutLogEvents", **NAMES, logEvents=events(now_ms, "ours"))
        with pytest.raises(ServiceError, match="log stream does not exist"):
            await do("GetLogEvents", **NAMES, account="123456789012")
        await do("DeleteLogGroup", logGroupName="g", account="123456789012")
        assert len((await do("GetLogEvents", **NAMES))["events"]) == 1

    with_stream(scenario)


@pytest.mark.parametrize(
    ("pattern", "message", "passes"),
    [
        ("", "anything", True),
        ("ERROR", "an ERROR here", True),
        ("ERROR", "an error here", False),
        ("a b", "b and a", True),
        ("a b", "only x", False),
        ('"a b"', "b a", False),
        ('"a b"', "xa by", True),
        ("?x ?y", "has y", True),
        ("?x ?y", "neither", False),
        ("a -b", "a", True),
        ("a -b", "a b", False),
        (r'"say \"hi\""', 'we say "hi" now', True),
    ],
)
def test_patterns_of_terms(pattern: str, message: str, passes: bool) -> None:
    assert patterns.parse(pattern).matches(message) is passes


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_pattern_is_parsed_or_refused(pattern: str, message: str) -> None:
    try:
        parsed = patterns.parse(pattern)
    except ServiceError as error:
        assert error.code == "InvalidParameterException"  # noqa: PT017 - it may also pass
    else:
        assert parsed.matches(message) in {True, False}
