"""A strongly consistent table in a world of processes, spoken to by boto3."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.worlds import RunningWorld, kill

REGIONS = ("us-east-1", "us-east-2", "us-west-2")
pytestmark = pytest.mark.slow
COUNTS = 10


def test_three_regions_agree_and_one_may_be_killed() -> None:
    """Slow: a world of processes."""
    with RunningWorld(regions=REGIONS) as world:
        clients = {region: world.client("dynamodb", region) for region in REGIONS}
        first = clients[REGIONS[0]]
        first.create_table(
            TableName="Items",
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        first.update_table(
            TableName="Items",
            MultiRegionConsistency="STRONG",
            ReplicaUpdates=[{"Create": {"RegionName": region}} for region in REGIONS[1:]],
        )
        end = time.monotonic() + 60
        while first.describe_table(TableName="Items")["Table"]["TableStatus"] != "ACTIVE":
            assert time.monotonic() < end

        def count(region: str) -> None:
            left = COUNTS
            while left:
                try:
                    clients[region].update_item(
                        TableName="Items",
                        Key={"k": {"S": "n"}},
                        UpdateExpression="ADD n :one",
                        ExpressionAttributeValues={":one": {"N": "1"}},
                    )
                except first.exceptions.ReplicatedWriteConflictException:
                    continue  # as an SDK does by itself
                left -= 1

        def counted(region: str) -> int:
            found = clients[region].get_item(
                TableName="Items", Key={"k": {"S": "n"}}, ConsistentRead=True
            )
            return int(found["Item"]["n"]["N"])

        with ThreadPoolExecutor() as pool:
            list(pool.map(count, REGIONS))
        assert {counted(region) for region in REGIONS} == {COUNTS * len(REGIONS)}
        kill(world.pids()[REGIONS[1]])
        item = {"k": {"S": "x"}, "v": {"S": "after"}}
        clients[REGIONS[2]].put_item(TableName="Items", Item=item)
        found = first.get_item(TableName="Items", Key={"k": {"S": "x"}}, ConsistentRead=True)
        assert found["Item"] == item
