"""A region is killed again and again while it is written to: nothing acknowledged is ever missing.

`make crashes` does it fifty times; the tests a few times.
"""

import os
import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.e2e.worlds import RunningWorld, kill, wait

W = "us-west-2"
TIMES = int(os.environ.get("ANTIPODES_CRASHES", "5"))
WRITERS, KEYS = 4, 25
TABLE = "Crashes"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120 + 20 * TIMES)]

Item = dict[str, Any]


def state(key: str, step: int) -> Item | None:
    """What an item is after its writer's so many steps."""
    if step == 0 or step % 7 == 0:
        return None
    return {"k": {"S": key}, "v": {"N": str(step)}, "g": {"S": f"g{step % 5}"}}


class Writer(threading.Thread):
    """Somebody who changes items of their own, one after another."""

    def __init__(self, world: RunningWorld, number: int) -> None:
        super().__init__()
        self.client = world.client("dynamodb", read_timeout=5)
        self.keys = [f"{number}-{n}" for n in range(KEYS)]
        self.acknowledged = dict.fromkeys(self.keys, 0)
        self.attempted = dict.fromkeys(self.keys, 0)
        self.over = threading.Event()
        self.problems: list[Exception] = []
        self.count = 0  # of acknowledged writes

    def run(self) -> None:
        chance = random.Random(self.keys[0])
        while not self.over.is_set():
            key = chance.choice(self.keys)
            step = self.attempted[key] = self.attempted[key] + 1
            item = state(key, step)
            try:
                if item is None:
                    self.client.delete_item(TableName=TABLE, Key={"k": {"S": key}})
                else:
                    self.client.put_item(TableName=TABLE, Item=item)
            except BotoCoreError:
                continue  # the region is down, or went down before its answer
            except ClientError as problem:
                if problem.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                    self.problems.append(problem)
            else:
                self.acknowledged[key] = step
                self.count += 1

    def may_be(self, key: str) -> list[Item | None]:
        """What an item can be: what was acknowledged, or anything tried since."""
        steps = range(self.acknowledged[key], self.attempted[key] + 1)
        return [state(key, step) for step in steps]


@pytest.fixture
def world() -> Iterator[RunningWorld]:
    with RunningWorld(regions=(W,)) as running:
        running.client("dynamodb").create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "k", "AttributeType": "S"},
                {"AttributeName": "g", "AttributeType": "S"},
            ],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-group",
                    "KeySchema": [
                        {"AttributeName": "g", "KeyType": "HASH"},
                        {"AttributeName": "k", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        running.client("dynamodb").get_waiter("table_exists").wait(
            TableName=TABLE, WaiterConfig={"Delay": 1}
        )
        yield running


def scanned(world: RunningWorld, **index: str) -> dict[str, Item]:
    """All items of the table, or of an index of it."""
    pages = world.client("dynamodb").get_paginator("scan").paginate(TableName=TABLE, **index)
    items = [item for page in pages for item in page["Items"]]
    found = {item["k"]["S"]: item for item in items}
    assert len(found) == len(items), "an item is there twice"
    return found


def replayed(world: RunningWorld) -> dict[str, Item]:
    """The items that the stream's records make; every record goes on from the one before."""
    client, streams = world.client("dynamodb"), world.client("dynamodbstreams")
    arn = client.describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
    found: dict[str, Item] = {}
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        at = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while at is not None:
            page = streams.get_records(ShardIterator=at)
            for record in page["Records"]:
                change = record["dynamodb"]
                key = change["Keys"]["k"]["S"]
                assert change.get("OldImage") == found.get(key)
                if "NewImage" in change:
                    found[key] = change["NewImage"]
                else:
                    del found[key]
            at = page.get("NextShardIterator") if page["Records"] else None
    return found


def test_no_acknowledged_write_is_ever_missing(world: RunningWorld) -> None:
    """Slow: a process is killed and started again several times."""
    chance = random.Random(1)
    for _ in range(TIMES):
        writers = [Writer(world, number) for number in range(WRITERS)]
        before = scanned(world)
        for writer in writers:  # the items of earlier rounds go, so that steps count from nothing
            for key in writer.keys:
                if key in before:
                    writer.client.delete_item(TableName=TABLE, Key={"k": {"S": key}})
            writer.start()
        some = chance.randrange(10, 300)
        wait(lambda: sum(writer.count for writer in writers) >= some)  # noqa: B023 - called at once
        process = world.pids()[W]
        kill(process)
        wait(lambda process=process: world.pids().get(W) not in {None, process})  # type: ignore[misc] # mypy cannot infer a lambda's default
        world.wait_up()
        for writer in writers:
            writer.over.set()
        for writer in writers:
            writer.join()
            assert writer.problems == []
        items = scanned(world)
        for writer in writers:
            for key in writer.keys:
                assert items.get(key) in writer.may_be(key), key
        assert scanned(world, IndexName="by-group") == items
    assert replayed(world) == scanned(world)
    counted = world.client("dynamodb").describe_table(TableName=TABLE)["Table"]
    assert counted["ItemCount"] == len(scanned(world))
