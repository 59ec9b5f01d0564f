"""Replicas, streams and statements as a suite written against AWS expects them."""

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.e2e.strangers import ON_DEMAND, answer, fresh, invalid, keys, number, refusal, text
from tests.e2e.worlds import RunningWorld, wait

ONE, TWO, THREE = "us-east-1", "us-east-2", "us-west-2"
A = {"p": text("a")}
IMAGES = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
ENABLED = {"Enabled": True, "AttributeName": "e"}
INSERT = """INSERT INTO "{t}" VALUE {{'p':'a','c':1,'s':<<'x','y'>>,'l':[1,{{'m':null}}]}}"""
SELECT = 'SELECT * FROM "{t}" WHERE p = ? AND c = ?'
UPDATE = 'UPDATE "{t}" SET n = 1 REMOVE s WHERE p = ? AND c = ?'
DELETE = 'DELETE FROM "{t}" WHERE p = ? AND c = ?'
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world() -> Iterator[RunningWorld]:
    with RunningWorld(regions=(ONE, TWO, THREE)) as running:
        yield running


@pytest.fixture(scope="module")
def clients(world: RunningWorld) -> dict[str, Any]:
    return {region: world.client("dynamodb", region) for region in (ONE, TWO, THREE)}


def settled(client: Any, table: str) -> dict[str, Any]:
    """Wait until a table and all of its replicas are active; return its description."""

    def found() -> Any:
        shown = client.describe_table(TableName=table)["Table"]
        states = {one["ReplicaStatus"] for one in shown.get("Replicas", [])}
        return shown if {*states, shown["TableStatus"]} == {"ACTIVE"} else None

    shown: dict[str, Any] = wait(found)
    return shown


def test_a_replica_comes_with_its_items_and_goes(clients: dict[str, Any]) -> None:
    here, there = clients[ONE], clients[TWO]
    table = fresh(here)
    here.put_item(TableName=table, Item=A)
    here.update_time_to_live(TableName=table, TimeToLiveSpecification=ENABLED)
    create = [{"Create": {"RegionName": TWO}}]
    adding = here.update_table(TableName=table, ReplicaUpdates=create)["TableDescription"]
    assert adding["TableStatus"] == "UPDATING"
    assert adding["Replicas"][0]["ReplicaStatus"] == "CREATING"
    shown = settled(here, table)
    assert shown["GlobalTableVersion"] == "2019.11.21"
    assert shown["StreamSpecification"] == IMAGES
    assert [one["RegionName"] for one in shown["Replicas"]] == [TWO]
    other = settled(there, table)
    assert [one["RegionName"] for one in other["Replicas"]] == [ONE]
    assert other["TableId"] != shown["TableId"]
    assert answer(there.get_item, TableName=table, Key=A) == {"Item": A}
    told = there.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert told == {"TimeToLiveStatus": "ENABLED", "AttributeName": "e"}
    there.delete_item(TableName=table, Key=A)
    wait(lambda: "Item" not in here.get_item(TableName=table, Key=A))
    disabled = invalid(
        here.update_table, TableName=table, StreamSpecification={"StreamEnabled": False}
    )
    assert "Global Table" in disabled
    legacy = refusal(here.describe_global_table, GlobalTableName=table)
    assert legacy.code == "GlobalTableNotFoundException"
    here.update_table(TableName=table, ReplicaUpdates=[{"Delete": {"RegionName": TWO}}])
    there.get_waiter("table_not_exists").wait(
        TableName=table, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    wait(lambda: "Replicas" not in here.describe_table(TableName=table)["Table"])


def test_what_replicas_cannot_be_asked_for(clients: dict[str, Any]) -> None:
    client = clients[ONE]
    table = fresh(client)
    update = partial(invalid, client.update_table, TableName=table)
    wrong: list[list[dict[str, Any]]] = [
        [{}],
        [{"Create": {"RegionName": "mars-1"}}],
        [{"Create": {"RegionName": ONE}}],
        [{"Delete": {"RegionName": TWO}}],
        [{"Create": {"RegionName": TWO}}, {"Create": {"RegionName": THREE}}],
    ]
    for updates in wrong:
        assert update(ReplicaUpdates=updates)
    shown = client.describe_table(TableName=table)["Table"]
    assert shown["TableStatus"] == "ACTIVE"
    assert shown.keys().isdisjoint({"Replicas", "GlobalTableVersion", "StreamSpecification"})


def test_a_global_table_of_2017_stamps_its_items(clients: dict[str, Any]) -> None:
    here, there = clients[ONE], clients[TWO]
    group = [{"RegionName": ONE}, {"RegionName": TWO}]
    create = partial(here.create_global_table, GlobalTableName="of-2017", ReplicationGroup=group)
    for client in (here, there):
        assert refusal(create).code == "TableNotFoundException"
        client.create_table(TableName="of-2017", **keys(), **ON_DEMAND, StreamSpecification=IMAGES)
        client.get_waiter("table_exists").wait(TableName="of-2017")
    made = create()["GlobalTableDescription"]
    assert made["GlobalTableArn"] == "arn:aws:dynamodb::000000000000:global-table/of-2017"

    def described() -> Any:
        told = here.describe_global_table(GlobalTableName="of-2017")["GlobalTableDescription"]
        return told["GlobalTableStatus"] == "ACTIVE" and told

    regions = [one["RegionName"] for one in wait(described)["ReplicationGroup"]]
    assert sorted(regions) == [ONE, TWO]
    assert refusal(create).code == "GlobalTableAlreadyExistsException"
    here.put_item(TableName="of-2017", Item=A)
    item = wait(lambda: there.get_item(TableName="of-2017", Key=A).get("Item"))
    assert item["aws:rep:updateregion"] == text(ONE)
    assert item["aws:rep:deleting"] == {"BOOL": False}
    assert float(item["aws:rep:updatetime"]["N"]) > 0
    change = partial(refusal, here.update_global_table, GlobalTableName="of-2017")
    twice = change(ReplicaUpdates=[{"Create": {"RegionName": TWO}}])
    absent = change(ReplicaUpdates=[{"Delete": {"RegionName": THREE}}])
    assert twice.code == "ReplicaAlreadyExistsException"
    assert absent.code == "ReplicaNotFoundException"


def test_a_strong_table_reads_everywhere_what_was_written_anywhere(
    clients: dict[str, Any],
) -> None:
    client = clients[ONE]
    table = fresh(client)
    others = [{"Create": {"RegionName": region}} for region in (TWO, THREE)]
    strong = {"TableName": table, "MultiRegionConsistency": "STRONG"}
    assert invalid(client.update_table, **strong, ReplicaUpdates=others[:1])
    client.update_table(**strong, ReplicaUpdates=others)
    shown = settled(client, table)
    assert shown["MultiRegionConsistency"] == "STRONG"
    assert "StreamSpecification" not in shown
    for other in clients.values():
        settled(other, table)
    add = {
        "TableName": table,
        "Key": A,
        "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": {":one": number(1)},
    }
    for n, (writer, reader) in enumerate(itertools.permutations(clients.values(), 2), 1):
        writer.update_item(**add)
        read = reader.get_item(TableName=table, Key=A, ConsistentRead=True)
        assert read["Item"]["n"] == number(n)
        scan = reader.scan(TableName=table, ConsistentRead=True)
        assert scan["Items"] == [read["Item"]]
    exists = "attribute_not_exists(p)"
    failed = refusal(clients[TWO].put_item, TableName=table, Item=A, ConditionExpression=exists)
    assert failed.code == "ConditionalCheckFailedException"
    put = {"Put": {"TableName": table, "Item": A}}
    get = {"Get": {"TableName": table, "Key": A}}
    assert invalid(client.transact_write_items, TransactItems=[put])
    assert invalid(client.transact_get_items, TransactItems=[get])
    assert invalid(client.update_time_to_live, TableName=table, TimeToLiveSpecification=ENABLED)


def test_a_stream_tells_each_change_once(world: RunningWorld, clients: dict[str, Any]) -> None:
    client, streams = clients[ONE], world.client("dynamodbstreams", ONE)
    table = fresh(client, StreamSpecification=IMAGES)
    arn = client.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    old, new = ({**A, "n": number(n)} for n in (1, 2))
    client.put_item(TableName=table, Item={**A, "n": number("1.0")})
    client.put_item(TableName=table, Item=old)  # changes nothing
    client.put_item(TableName=table, Item=new)
    client.delete_item(TableName=table, Key=A)
    client.delete_item(TableName=table, Key=A)
    shards = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    records = []
    for shard in shards:
        start = {"StreamArn": arn, "ShardId": shard["ShardId"]}
        iterator = streams.get_shard_iterator(**start, ShardIteratorType="TRIM_HORIZON")
        read = streams.get_records(ShardIterator=iterator["ShardIterator"])
        assert read["NextShardIterator"]
        records += read["Records"]
    told = [
        (one["eventName"], one["dynamodb"].get("OldImage"), one["dynamodb"].get("NewImage"))
        for one in records
    ]
    assert told == [("INSERT", None, old), ("MODIFY", old, new), ("REMOVE", new, None)]
    numbers = [int(one["dynamodb"]["SequenceNumber"]) for one in records]
    assert numbers == sorted(set(numbers))
    assert {one["dynamodb"]["StreamViewType"] for one in records} == {"NEW_AND_OLD_IMAGES"}
    assert all("userIdentity" not in one for one in records)
    client.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    shown = client.describe_table(TableName=table)["Table"]
    assert shown["LatestStreamArn"] == arn
    assert "StreamSpecification" not in shown
    client.update_table(TableName=table, StreamSpecification=IMAGES)
    again = client.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    listed = streams.list_streams(TableName=table)["Streams"]
    assert {one["StreamArn"] for one in listed} == {arn, again}
    assert arn != again


def test_statements_answer_as_the_operations_they_stand_for(clients: dict[str, Any]) -> None:
    client = clients[ONE]
    table = fresh(client, "S", "N")

    def run(statement: str, *given: Any) -> Any:
        more = {"Parameters": list(given)} if given else {}
        made = answer(client.execute_statement, Statement=statement.format(t=table), **more)
        return made.get("Items")

    insert = INSERT.format(t=table)
    assert run(INSERT) == []
    again = refusal(client.execute_statement, Statement=insert)
    assert (again.code, again.status) == ("DuplicateItemException", 400)
    listed = {"L": [number(1), {"M": {"m": {"NULL": True}}}]}
    item = {**A, "c": number(1), "s": {"SS": ["x", "y"]}, "l": listed}
    assert run(SELECT, A["p"], number(1)) == [item]
    assert run(UPDATE + " RETURNING ALL OLD *", A["p"], number(1)) == [item]
    assert run(DELETE, A["p"], number(9)) == []
    absent = refusal(partial(run, UPDATE, A["p"], number(9)))
    assert absent.code == "ConditionalCheckFailedException"
    reads = [
        {"Statement": SELECT.format(t=table), "Parameters": [A["p"], number(n)]} for n in (1, 2)
    ]
    batch = client.batch_execute_statement(Statements=reads)["Responses"]
    assert batch[0]["Item"]["n"] == number(1)
    assert batch[1] == {"TableName": table}
    mixed = [reads[0], {"Statement": insert}]
    assert invalid(client.batch_execute_statement, Statements=mixed)
    assert invalid(client.execute_transaction, TransactStatements=mixed)
    cancelled = refusal(client.execute_transaction, TransactStatements=mixed[1:])
    assert cancelled.code == "TransactionCanceledException"
    assert cancelled.message.endswith("[DuplicateItem]")
