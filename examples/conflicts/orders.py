"""Two regions take orders for the same item, and two kinds of global tables settle it differently.

Ordinary boto3: `make`, `sell REGION WHO TABLE` and `show TABLE` are what the tutorial runs.
"""

import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

HOME, NEAR, FAR = "us-east-1", "us-east-2", "us-west-2"
LAST, STRONG = "LastWriterWins", "StronglyConsistent"
KEY = {"seat": {"S": "12A"}}


def client(region):
    """A client as most are: it tries again where the answer says that it may help."""
    retries = {"total_max_attempts": 3, "mode": "standard"}
    return boto3.client("dynamodb", region_name=region, config=Config(retries=retries))


def create(table, replicas):
    """Make a table in one region, and replicas of it in others."""
    home = client(HOME)
    home.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "seat", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "seat", "KeyType": "HASH"}],
    )
    home.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1})
    home.update_table(TableName=table, **replicas)
    while True:
        described = home.describe_table(TableName=table)["Table"]
        found = described.get("Replicas", [])
        if found and {r["ReplicaStatus"] for r in found} == {"ACTIVE"}:
            break
        time.sleep(0.2)
    consistency = described.get("MultiRegionConsistency", "EVENTUAL")
    print(table, consistency, "also in", *(r["RegionName"] for r in found))


def make():
    """A table where the last writer wins, and one where all regions agree on every write."""
    to = [{"Create": {"RegionName": region}} for region in (NEAR, FAR)]
    create(LAST, {"ReplicaUpdates": to[1:]})
    create(STRONG, {"ReplicaUpdates": to, "MultiRegionConsistency": "STRONG"})


def sell(region, who, table):
    """Sell the seat to somebody, if nobody has it."""
    asked = client(region)
    asked.describe_table(TableName=table)  # the first call connects, and is not what is timed
    started = time.monotonic()
    try:
        asked.put_item(
            TableName=table,
            Item={**KEY, "passenger": {"S": who}},
            ConditionExpression="attribute_not_exists(seat)",
        )
        outcome = "sold"
    except ClientError as error:
        outcome = error.response["Error"]["Code"]
    print(f"{region}: {who}: {outcome}  ({(time.monotonic() - started) * 1e3:.0f} ms)")


def show(table):
    """Who has the seat, as each region knows."""
    for region in (HOME, FAR):
        item = client(region).get_item(TableName=table, Key=KEY).get("Item", {})
        print(f"{region}: {item.get('passenger', {}).get('S', 'nobody')}")


if __name__ == "__main__":
    {"make": make, "sell": sell, "show": show}[sys.argv[1]](*sys.argv[2:])
