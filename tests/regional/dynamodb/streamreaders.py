"""Readers of streams, as a customer would write them."""

from typing import Any, Protocol

from antipodes.regional.dynamodb.streamsapi import DynamoDBStreams
from antipodes.service.contract import Call, Host, ServiceError

ACCOUNT = "000000000000"
ARNS = "arn:aws:dynamodb:us-west-2:000000000000:table/Things"


class Asked(Protocol):
    """A host that answers operations by name."""

    async def ask(self, operation: str, account: str = ..., **request: Any) -> Any: ...


class Reader:
    """Whoever reads the streams of a host that offers no operations by name."""

    def __init__(self, host: Host) -> None:
        self._service = DynamoDBStreams(host)

    async def ask(self, operation: str, account: str = ACCOUNT, **request: Any) -> Any:
        """Call an operation; the answer, or the error as a value."""
        handler = DynamoDBStreams.operations.get(operation)
        assert handler is not None, operation
        try:
            return handler(self._service, Call(account, self._service.host.place, "r"), request)
        except ServiceError as error:
            return error


async def streaming(
    host: Asked,
    name: str = "Things",
    view: str = "NEW_AND_OLD_IMAGES",
    *,
    sort: str = "",
    units: int = 1,
) -> str:
    """Make a table with a stream (of one shard, unless its throughput asks for more)."""
    keys = [("p", "HASH", "S")] + ([("s", "RANGE", sort)] if sort else [])
    made = await host.ask(
        "CreateTable",
        TableName=name,
        KeySchema=[{"AttributeName": n, "KeyType": k} for n, k, _ in keys],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": t} for n, _, t in keys],
        ProvisionedThroughput={"ReadCapacityUnits": units, "WriteCapacityUnits": units},
        StreamSpecification={"StreamEnabled": True, "StreamViewType": view},
    )
    arn: str = made["TableDescription"]["LatestStreamArn"]
    return arn


async def described(host: Asked, arn: str) -> dict[str, Any]:
    """A stream, with all of its shards."""
    found: dict[str, Any] = {}
    shards: list[Any] = []
    more: dict[str, Any] = {}
    while True:
        page = (await host.ask("DescribeStream", StreamArn=arn, **more))["StreamDescription"]
        shards += page["Shards"]
        found = found or page
        if "LastEvaluatedShardId" not in page:
            return {**found, "Shards": shards}
        more = {"ExclusiveStartShardId": page["LastEvaluatedShardId"]}


async def iterator(
    host: Asked, arn: str, shard: str, kind: str = "TRIM_HORIZON", **more: Any
) -> Any:
    """A shard iterator, or the error."""
    found = await host.ask(
        "GetShardIterator", StreamArn=arn, ShardId=shard, ShardIteratorType=kind, **more
    )
    return found["ShardIterator"] if isinstance(found, dict) else found


async def drained(host: Asked, at: str | None, limit: int | None = None) -> list[dict[str, Any]]:
    """The records of a shard from an iterator on, until there are none (yet)."""
    records: list[dict[str, Any]] = []
    asked: dict[str, Any] = {} if limit is None else {"Limit": limit}
    while at is not None:
        page = await host.ask("GetRecords", ShardIterator=at, **asked)
        records += page["Records"]
        if not page["Records"]:
            break
        at = page.get("NextShardIterator")
    return records


async def everything(host: Asked, arn: str, limit: int | None = None) -> list[dict[str, Any]]:
    """All records of a stream, parents before children."""
    shards = {shard["ShardId"]: shard for shard in (await described(host, arn))["Shards"]}
    read: dict[str, None] = {}
    records: list[dict[str, Any]] = []

    async def take(shard: dict[str, Any]) -> None:
        if shard["ShardId"] in read:
            return
        read[shard["ShardId"]] = None
        if shard.get("ParentShardId") in shards:
            await take(shards[shard["ParentShardId"]])
        records.extend(await drained(host, await iterator(host, arn, shard["ShardId"]), limit))

    for shard in shards.values():
        await take(shard)
    return records


def told(record: dict[str, Any]) -> tuple[str, str, str | None, str | None]:
    """A record in short: what happened to which partition key, and its attribute v."""
    images = [record["dynamodb"].get(name) for name in ("OldImage", "NewImage")]
    old, new = [image and image.get("v", {}).get("S", "") for image in images]
    return record["eventName"], record["dynamodb"]["Keys"]["p"]["S"], old, new


def folded(records: list[dict[str, Any]], *names: str) -> dict[tuple[str, ...], Any]:
    """The items that records leave, by the values of their keys."""
    items: dict[tuple[str, ...], Any] = {}
    for record in records:
        key = tuple(str(record["dynamodb"]["Keys"][name]) for name in names)
        assert (key in items) == (record["eventName"] != "INSERT"), record
        assert items.get(key) == record["dynamodb"].get("OldImage"), record
        if record["eventName"] == "REMOVE":
            del items[key]
        else:
            items[key] = record["dynamodb"]["NewImage"]
    return items
