"""Streams and time to live in a world of real processes, read by an unmodified boto3."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.worlds import RunningWorld, kill, wait

W, E = "us-west-2", "eu-central-1"
TABLE = {
    "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}
BOTH = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world() -> Iterator[RunningWorld]:
    with RunningWorld("--speed", "20") as running:
        yield running


def read(streams: Any, arn: str) -> list[dict[str, Any]]:
    """All records of a stream, shard by shard."""
    records: list[dict[str, Any]] = []
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        at = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while at is not None:
            page = streams.get_records(ShardIterator=at)
            records += page["Records"]
            at = page.get("NextShardIterator") if page["Records"] else None
    return sorted(records, key=lambda record: int(record["dynamodb"]["SequenceNumber"]))


def names(records: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(record["eventName"], record["dynamodb"]["Keys"]["k"]["S"]) for record in records]


def test_a_stream_is_read_as_it_was_written_through_a_crash(world: RunningWorld) -> None:
    client, streams = world.client("dynamodb"), world.client("dynamodbstreams")
    made = client.create_table(TableName="Streamed", StreamSpecification=BOTH, **TABLE)
    arn = made["TableDescription"]["LatestStreamArn"]
    assert [s["StreamArn"] for s in streams.list_streams(TableName="Streamed")["Streams"]] == [arn]
    for n in range(25):
        item = {"k": {"S": f"k{n}"}, "b": {"B": b"\x00\xff"}, "n": {"N": f"{n}"}}
        client.put_item(TableName="Streamed", Item=item)
    client.delete_item(TableName="Streamed", Key={"k": {"S": "k7"}})
    process = world.pids()[W]
    kill(process)
    wait(lambda: world.pids().get(W) not in {None, process})
    world.wait_up()
    records = read(world.client("dynamodbstreams"), arn)
    assert names(records) == [*(("INSERT", f"k{n}") for n in range(25)), ("REMOVE", "k7")]
    assert records[3]["dynamodb"]["NewImage"]["b"] == {"B": b"\x00\xff"}
    assert records[-1]["dynamodb"]["OldImage"]["n"] == {"N": "7"}
    with pytest.raises(ClientError, match="Invalid ShardIterator"):
        streams.get_records(ShardIterator="nonsense")
    described = client.describe_table(TableName="Streamed")["Table"]
    assert described["LatestStreamArn"] == arn
    assert described["StreamSpecification"] == BOTH


def test_what_expires_is_gone_in_every_region_and_marked_in_one(world: RunningWorld) -> None:
    west, east = world.client("dynamodb", W), world.client("dynamodb", E)
    west.create_table(TableName="Sessions", **TABLE)
    west.update_table(TableName="Sessions", ReplicaUpdates=[{"Create": {"RegionName": E}}])
    wait(lambda: "Sessions" in east.list_tables()["TableNames"])
    east.get_waiter("table_exists").wait(TableName="Sessions", WaiterConfig={"Delay": 1})
    wait(
        lambda: all(
            replica["ReplicaStatus"] == "ACTIVE"
            for replica in west.describe_table(TableName="Sessions")["Table"]["Replicas"]
        )
    )
    specification = {"AttributeName": "until", "Enabled": True}
    west.update_time_to_live(TableName="Sessions", TimeToLiveSpecification=specification)
    wait(
        lambda: (
            east.describe_time_to_live(TableName="Sessions")["TimeToLiveDescription"]
            == {"TimeToLiveStatus": "ENABLED", "AttributeName": "until"}
        )
    )
    past = str(int(time.time()) - 5)
    west.put_item(TableName="Sessions", Item={"k": {"S": "over"}, "until": {"N": past}})
    west.put_item(TableName="Sessions", Item={"k": {"S": "stays"}})
    wait(lambda: names_in(east) == names_in(west) == ["stays"])
    seen = {}
    for region, client in ((W, west), (E, east)):
        arn = client.describe_table(TableName="Sessions")["Table"]["LatestStreamArn"]
        records = read(world.client("dynamodbstreams", region), arn)
        seen[region] = [
            record.get("userIdentity") for record in records if record["eventName"] == "REMOVE"
        ]
    identity = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
    assert seen == {W: [identity], E: [None]}


def names_in(client: Any) -> list[str]:
    return [item["k"]["S"] for item in client.scan(TableName="Sessions")["Items"]]
