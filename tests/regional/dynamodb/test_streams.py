"""What is in a table's stream, and how it is read."""

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.regional.dynamodb.streamsettings import new_label
from antipodes.service.contract import ServiceError
from tests.regional.dynamodb.streamreaders import (
    ARNS,
    described,
    drained,
    everything,
    folded,
    iterator,
    streaming,
    told,
)
from tests.regional.dynamodb.tablehost import TableHost, with_tables


async def put(host: TableHost, p: str, v: str, table: str = "Things") -> None:
    await host.ask("PutItem", TableName=table, Item={"p": {"S": p}, "v": {"S": v}})


async def delete(host: TableHost, p: str) -> None:
    await host.ask("DeleteItem", TableName="Things", Key={"p": {"S": p}})


def refused(answer: Any, code: str, message: str) -> None:
    assert isinstance(answer, ServiceError), answer
    assert answer.code == code
    assert message in answer.message


def test_a_stream_has_every_change_once_in_order_and_nothing_else() -> None:
    async def scenario(host: TableHost) -> None:
        arn = await streaming(host)
        await put(host, "a", "1")
        await put(host, "a", "2")
        await put(host, "a", "2")  # changes nothing
        await put(host, "b", "1")
        await delete(host, "a")
        await delete(host, "a")  # is not there
        failing: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(p)"}
        await host.ask("PutItem", TableName="Things", Item={"p": {"S": "b"}}, **failing)
        update: dict[str, Any] = {
            "ExpressionAttributeValues": {":v": {"S": "2"}},
            "Key": {"p": {"S": "b"}},
        }
        await host.ask("UpdateItem", TableName="Things", UpdateExpression="SET v = :v", **update)
        records = await everything(host, arn)
        assert [told(record) for record in records] == [
            ("INSERT", "a", None, "1"),
            ("MODIFY", "a", "1", "2"),
            ("INSERT", "b", None, "1"),
            ("REMOVE", "a", "2", None),
            ("MODIFY", "b", "1", "2"),
        ]
        numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in records]
        assert numbers == sorted(set(numbers))
        assert all(21 <= len(str(number)) <= 40 for number in numbers)
        assert len({record["eventID"] for record in records}) == len(records)
        first = records[0]
        assert first["eventVersion"] == "1.1"
        assert (first["eventSource"], first["awsRegion"]) == ("aws:dynamodb", host.place)
        assert first["dynamodb"]["SizeBytes"] == 2 + 4  # keys, and the new image
        at = first["dynamodb"]["ApproximateCreationDateTime"]
        assert at == int(at) <= host.runtime.wall() < at + 2
        assert not any("userIdentity" in record for record in records)

    with_tables(scenario)


@pytest.mark.parametrize(
    ("view", "images"),
    [
        ("KEYS_ONLY", [set(), set(), set()]),
        ("NEW_IMAGE", [{"NewImage"}, {"NewImage"}, set()]),
        ("OLD_IMAGE", [set(), {"OldImage"}, {"OldImage"}]),
        ("NEW_AND_OLD_IMAGES", [{"NewImage"}, {"OldImage", "NewImage"}, {"OldImage"}]),
    ],
)
def test_a_view_shows_its_images_and_always_the_keys(view: str, images: list[set[str]]) -> None:
    async def scenario(host: TableHost) -> None:
        arn = await streaming(host, view=view, sort="B")
        key = {"p": {"S": "a"}, "s": {"B": b"\x00\xff"}}
        for value in ("1", "2"):
            await host.ask("PutItem", TableName="Things", Item={**key, "v": {"N": value}})
        await host.ask("DeleteItem", TableName="Things", Key=key)
        records = [record["dynamodb"] for record in await everything(host, arn)]
        assert [{"NewImage", "OldImage"} & record.keys() for record in records] == images
        assert all(record["Keys"] == key for record in records)
        assert all(record["StreamViewType"] == view for record in records)
        if view in {"NEW_IMAGE", "NEW_AND_OLD_IMAGES"}:
            assert records[0]["NewImage"] == {**key, "v": {"N": "1"}}

    with_tables(scenario)


def test_batches_and_transactions_give_one_record_for_each_item() -> None:
    async def scenario(host: TableHost) -> None:
        arn = await streaming(host)
        puts = [{"PutRequest": {"Item": {"p": {"S": p}}}} for p in "ab"]
        await host.ask("BatchWriteItem", RequestItems={"Things": puts})
        writes = [
            {"Put": {"TableName": "Things", "Item": {"p": {"S": "c"}}}},
            {"Delete": {"TableName": "Things", "Key": {"p": {"S": "a"}}}},
        ]
        await host.ask("TransactWriteItems", TransactItems=writes)
        seen = [told(record)[:2] for record in await everything(host, arn)]
        assert sorted(seen) == [("INSERT", "a"), ("INSERT", "b"), ("INSERT", "c"), ("REMOVE", "a")]

    with_tables(scenario)


def test_iterators_begin_where_they_say() -> None:
    async def scenario(host: TableHost) -> None:
        arn = await streaming(host)
        for n in range(3):
            await put(host, f"k{n}", "v")
            await host.runtime.sleep(10)
        [shard] = [shard["ShardId"] for shard in (await described(host, arn))["Shards"]]
        all_records = await drained(host, await iterator(host, arn, shard))
        middle = {"SequenceNumber": all_records[1]["dynamodb"]["SequenceNumber"]}
        latest = await iterator(host, arn, shard, "LATEST")
        second = all_records[1]["dynamodb"]["ApproximateCreationDateTime"]
        for at, expected in (
            (await iterator(host, arn, shard, "AT_SEQUENCE_NUMBER", **middle), [1, 2]),
            (await iterator(host, arn, shard, "AFTER_SEQUENCE_NUMBER", **middle), [2]),
            (await iterator(host, arn, shard, "AT_TIMESTAMP", Timestamp=second), [1, 2]),
            (await iterator(host, arn, shard, "AT_TIMESTAMP", Timestamp=second + 60), []),
            (await iterator(host, arn, shard, "AT_TIMESTAMP", Timestamp=0), [0, 1, 2]),
            (latest, []),
        ):
            assert await drained(host, at, 1) == [all_records[n] for n in expected]
        await put(host, "new", "v")
        assert [told(record)[1] for record in await drained(host, latest)] == ["new"]

    with_tables(scenario)


def test_pages_of_records_end_at_a_thousand_at_a_megabyte_or_as_asked() -> None:
    async def scenario(host: TableHost) -> None:
        arn = await streaming(host)
        [shard] = [shard["ShardId"] for shard in (await described(host, arn))["Shards"]]
        start = await iterator(host, arn, shard)
        for n in range(1001):
            await put(host, f"{n}", "v")
        page = await host.ask("GetRecords", ShardIterator=start)
        assert len(page["Records"]) == 1000
        rest = await host.ask("GetRecords", ShardIterator=page["NextShardIterator"])
        assert len(rest["Records"]) == 1
        assert len((await host.ask("GetRecords", ShardIterator=start, Limit=7))["Records"]) == 7
        for n in range(4):
            await put(host, f"large {n}", "v" * 390_000)
        large = await host.ask("GetRecords", ShardIterator=rest["NextShardIterator"])
        assert [told(record)[1] for record in large["Records"]] == ["large 0", "large 1"]
        last = await drained(host, large["NextShardIterator"])
        assert [told(record)[1] for record in last] == ["large 2", "large 3"]

    with_tables(scenario)


def test_streams_and_shards_are_listed_in_pages() -> None:
    async def scenario(host: TableHost) -> None:
        arns = [await streaming(host, name, units=2500) for name in ("Aaa", "Bbb", "Ccc")]
        first = await host.ask("ListStreams", Limit=2)
        assert [stream["StreamArn"] for stream in first["Streams"]] == arns[:2]
        assert first["LastEvaluatedStreamArn"] == arns[1]
        second = await host.ask("ListStreams", ExclusiveStartStreamArn=arns[1])
        label = arns[2].rpartition("/")[2]
        assert second == {
            "Streams": [{"StreamArn": arns[2], "TableName": "Ccc", "StreamLabel": label}]
        }
        assert len((await host.ask("ListStreams", TableName="Bbb"))["Streams"]) == 1
        assert (await host.ask("ListStreams", TableName="Nope"))["Streams"] == []
        whole = (await host.ask("DescribeStream", StreamArn=arns[0]))["StreamDescription"]
        assert whole["StreamStatus"] == "ENABLED"
        assert whole["KeySchema"] == [{"AttributeName": "p", "KeyType": "HASH"}]
        assert len(whole["Shards"]) == 4  # as many as AWS has partitions for such throughput
        assert all("EndingSequenceNumber" not in s["SequenceNumberRange"] for s in whole["Shards"])
        paged = []
        more: dict[str, Any] = {}
        while True:
            page = await host.ask("DescribeStream", StreamArn=arns[0], Limit=1, **more)
            paged += page["StreamDescription"]["Shards"]
            if "LastEvaluatedShardId" not in page["StreamDescription"]:
                break
            more = {"ExclusiveStartShardId": page["StreamDescription"]["LastEvaluatedShardId"]}
        assert paged == whole["Shards"]

    with_tables(scenario)


def test_bad_requests_of_readers_get_awss_errors() -> None:
    async def scenario(host: TableHost) -> None:
        arn = await streaming(host)
        [shard] = [shard["ShardId"] for shard in (await described(host, arn))["Shards"]]
        at = await iterator(host, arn, shard)
        none, wrong = f"{ARNS}/stream/2020-01-01T00:00:00.000", "x" * 40
        nowhere = arn.replace("us-west-2", "eu-west-1")
        for operation, request, code, message in (
            ("DescribeStream", {"StreamArn": none}, "ResourceNotFoundException", "Stream: arn"),
            ("DescribeStream", {"StreamArn": nowhere}, "ResourceNotFoundException", "not found"),
            ("DescribeStream", {"StreamArn": wrong}, "ValidationException", "Invalid StreamArn"),
            ("DescribeStream", {"StreamArn": arn, "Limit": 101}, "ValidationException", "to 100"),
            ("DescribeStream", {"StreamArn": arn, "Limit": 0}, "ValidationException", "equal to 1"),
            ("ListStreams", {"Limit": 101}, "ValidationException", "equal to 100"),
            ("ListStreams", {"ExclusiveStartStreamArn": wrong}, "ValidationException", "Invalid"),
            ("GetRecords", {"ShardIterator": at, "Limit": 1001}, "ValidationException", "to 1000"),
            ("GetRecords", {"ShardIterator": "x"}, "ValidationException", "Invalid ShardIterator"),
            ("GetRecords", {"ShardIterator": at[:-8]}, "ValidationException", "Invalid Shard"),
            (
                "GetRecords",
                {"ShardIterator": at.replace("Things", "Thongs")},
                "ValidationException",
                "Invalid ShardIterator",
            ),
        ):
            refused(await host.ask(operation, **request), code, message)
        other = {"ShardId": "shardId-00000000000000000000-00000000"}
        number = {"SequenceNumber": "1" * 25}
        for kind, given_, code, message in (
            ("LATEST", other, "ResourceNotFoundException", "Shard does not exist"),
            ("AT_SEQUENCE_NUMBER", {}, "ValidationException", "SequenceNumber"),
            ("AT_SEQUENCE_NUMBER", number, "ValidationException", "Invalid SequenceNumber"),
            ("LATEST", number, "ValidationException", "SequenceNumber"),
            ("TRIM_HORIZON", number, "ValidationException", "SequenceNumber"),
            ("AT_TIMESTAMP", {}, "ValidationException", "Timestamp"),
            ("SOMETIMES", {}, "ValidationException", "enum value set"),
        ):
            request = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": kind, **given_}
            refused(await host.ask("GetShardIterator", **request), code, message)
        stranger = await host.ask("DescribeStream", "111111111111", StreamArn=arn)
        refused(stranger, "ResourceNotFoundException", "not found")
        assert (await host.ask("GetRecords", ShardIterator=at, Limit=1000))["Records"] == []

    with_tables(scenario)


@pytest.mark.parametrize(
    ("operation", "specification", "message"),
    [
        ("CreateTable", {"StreamEnabled": True}, "created with a stream enabled, UpdateViewType"),
        (
            "CreateTable",
            {"StreamEnabled": False, "StreamViewType": "NEW_IMAGE"},
            "created with a stream disabled, UpdateViewType should not",
        ),
        ("UpdateTable", {"StreamEnabled": True}, "enabled then UpdateViewType is required"),
        (
            "UpdateTable",
            {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
            "Table already has an enabled stream: TableName: Things",
        ),
        (
            "UpdateTable",
            {"StreamEnabled": False, "StreamViewType": "KEYS_ONLY"},
            "disabled, then UpdateViewType must not",
        ),
    ],
)
def test_stream_specifications_that_make_no_sense_are_refused(
    operation: str, specification: dict[str, Any], message: str
) -> None:
    async def scenario(host: TableHost) -> None:
        await streaming(host)
        request: dict[str, Any] = {"TableName": "Things", "StreamSpecification": specification}
        if operation == "CreateTable":
            request |= {
                "TableName": "Other",
                "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "p", "AttributeType": "S"}],
                "BillingMode": "PAY_PER_REQUEST",
            }
        refused(await host.ask(operation, **request), "ValidationException", message)
        assert len((await host.ask("ListStreams"))["Streams"]) == 1

    with_tables(scenario)


async def switch(host: TableHost, view: str = "") -> Any:
    """Turn a stream off, or on with a view."""
    specification: dict[str, Any] = {"StreamEnabled": bool(view)}
    if view:
        specification["StreamViewType"] = view
    return await host.ask("UpdateTable", TableName="Things", StreamSpecification=specification)


def test_a_disabled_stream_stays_readable_and_enabling_makes_another() -> None:
    async def scenario(host: TableHost) -> None:
        first = await streaming(host)
        await put(host, "a", "1")
        [shard] = [shard["ShardId"] for shard in (await described(host, first))["Shards"]]
        latest = await iterator(host, first, shard, "LATEST")
        off = (await switch(host))["TableDescription"]
        assert "StreamSpecification" not in off
        assert off["LatestStreamArn"] == first
        refused(await switch(host), "ValidationException", "Table has no stream to disable")
        await put(host, "b", "1")
        then = await described(host, first)
        assert then["StreamStatus"] == "DISABLED"
        assert "EndingSequenceNumber" in then["Shards"][0]["SequenceNumberRange"]
        assert [told(record)[1] for record in await everything(host, first)] == ["a"]
        end = await host.ask("GetRecords", ShardIterator=latest)
        assert end == {"Records": []}  # no further iterator: the shard is closed
        on = (await switch(host, "KEYS_ONLY"))["TableDescription"]
        second = on["LatestStreamArn"]
        assert second > first
        await put(host, "c", "1")
        assert [told(record)[1] for record in await everything(host, second)] == ["c"]
        assert [told(record)[1] for record in await everything(host, first)] == ["a"]
        assert len((await host.ask("ListStreams", TableName="Things"))["Streams"]) == 2

    with_tables(scenario)


def test_a_deleted_tables_stream_stays_and_its_successors_is_another() -> None:
    async def scenario(host: TableHost) -> None:
        first = await streaming(host)
        await put(host, "a", "1")
        await host.ask("DeleteTable", TableName="Things")
        assert (await described(host, first))["StreamStatus"] == "DISABLED"
        second = await streaming(host)
        assert second != first
        await put(host, "b", "1")
        assert [told(record)[:2] for record in await everything(host, first)] == [("INSERT", "a")]
        assert [told(record)[:2] for record in await everything(host, second)] == [("INSERT", "b")]

    with_tables(scenario)


def test_labels_of_one_millisecond_differ() -> None:
    first = new_label(1_700_000_000.25)
    assert first == "2023-11-14T22:13:20.250"
    assert new_label(1_700_000_000.25, first) == "2023-11-14T22:13:20.251"
    assert new_label(1_600_000_000.0, first) > first


ODD = st.one_of(st.text(max_size=60), st.text("0123456789", min_size=21, max_size=40), st.binary())


@settings(max_examples=150, deadline=None)
@given(ODD, st.sampled_from(["StreamArn", "ShardId", "SequenceNumber", "ShardIterator"]))
def test_whatever_is_sent_is_answered_or_refused(odd: str | bytes, member: str) -> None:
    text = odd if isinstance(odd, str) else base64.b64encode(odd).decode()

    async def scenario(host: TableHost) -> None:
        arn = await streaming(host)
        [shard] = [shard["ShardId"] for shard in (await described(host, arn))["Shards"]]
        kind = "AT_SEQUENCE_NUMBER"
        request = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": kind}
        for sent in (text, f"{arn}|1|{text}"):
            if member == "ShardIterator":
                answer = await host.ask("GetRecords", ShardIterator=sent)
            else:
                answer = await host.ask("GetShardIterator", **{**request, member: sent})
            assert isinstance(answer, ServiceError)
            assert answer.code in {"ValidationException", "ResourceNotFoundException"}

    with_tables(scenario)


KEYS = st.sampled_from([("a", "1"), ("a", "2"), ("b", "1"), ("c", "10"), ("d", "-1"), ("e", "0")])
ACTS = st.lists(
    st.tuples(st.sampled_from(["put", "put", "delete", "update"]), KEYS, st.sampled_from("xyz")),
    max_size=60,
)


@settings(max_examples=30, deadline=None)
@given(ACTS, st.sampled_from([1, 2500]), st.integers(1, 5))
def test_the_records_of_a_stream_replayed_give_the_table(
    acts: list[tuple[str, tuple[str, str], str]], units: int, limit: int
) -> None:
    async def scenario(host: TableHost) -> None:
        arn = await streaming(host, sort="N", units=units)
        for act, (p, s), v in acts:
            key = {"p": {"S": p}, "s": {"N": s}}
            if act == "put":
                await host.ask("PutItem", TableName="Things", Item={**key, "v": {"S": v}})
            elif act == "delete":
                await host.ask("DeleteItem", TableName="Things", Key=key)
            else:
                await host.ask(
                    "UpdateItem",
                    TableName="Things",
                    Key=key,
                    UpdateExpression="SET w = if_not_exists(w, :zero) + :one, u = :v",
                    ExpressionAttributeValues={
                        ":zero": {"N": "0"},
                        ":one": {"N": "1" if v == "x" else "0"},
                        ":v": {"S": v},
                    },
                )
        items = (await host.ask("Scan", TableName="Things"))["Items"]
        replayed = folded(await everything(host, arn, limit), "p", "s")
        assert replayed == {(str(item["p"]), str(item["s"])): item for item in items}

    with_tables(scenario)
