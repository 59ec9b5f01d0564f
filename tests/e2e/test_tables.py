"""Tables and backups in a world of real processes, with boto3's own waiters."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.worlds import RunningWorld, kill, wait

W = "us-west-2"
TABLE: dict[str, Any] = {
    "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}
SOON = {"Delay": 1, "MaxAttempts": 30}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world() -> Iterator[RunningWorld]:
    with RunningWorld("--control-plane-delay", "1", "--throttling", regions=(W,)) as running:
        yield running


def make(client: Any, name: str, **more: Any) -> None:
    """Make a table, and wait for it as any program would."""
    made = client.create_table(TableName=name, **{**TABLE, **more})
    assert made["TableDescription"]["TableStatus"] == "CREATING"
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig=SOON)


def everything(client: Any, table: str) -> dict[str, str]:
    pages = client.get_paginator("scan").paginate(TableName=table)
    return {item["k"]["S"]: item["v"]["S"] for page in pages for item in page["Items"]}


def restart(world: RunningWorld) -> None:
    """Kill the region, and wait for it."""
    process = world.pids()[W]
    kill(process)
    wait(lambda: world.pids().get(W) not in {None, process})
    world.wait_up()


def test_waiters_see_a_table_come_and_go(world: RunningWorld) -> None:
    client = world.client("dynamodb")
    client.create_table(TableName="Comes", **TABLE)
    with pytest.raises(ClientError) as early:
        client.put_item(TableName="Comes", Item={"k": {"S": "a"}})
    assert early.value.response["Error"]["Code"] == "ResourceNotFoundException"
    client.get_waiter("table_exists").wait(TableName="Comes", WaiterConfig=SOON)
    client.put_item(TableName="Comes", Item={"k": {"S": "a"}})
    gone = client.delete_table(TableName="Comes")
    assert gone["TableDescription"]["TableStatus"] == "DELETING"
    assert client.describe_table(TableName="Comes")["Table"]["TableStatus"] == "DELETING"
    restart(world)
    client = world.client("dynamodb")
    client.get_waiter("table_not_exists").wait(TableName="Comes", WaiterConfig=SOON)
    make(client, "Comes")
    assert everything(client, "Comes") == {}


def test_a_backup_is_restored_after_its_table_and_a_crash(world: RunningWorld) -> None:
    client = world.client("dynamodb")
    make(client, "Kept")
    written = {f"k{n}": f"{n}" for n in range(300)}
    for key, value in written.items():
        client.put_item(TableName="Kept", Item={"k": {"S": key}, "v": {"S": value}})
    backup = client.create_backup(TableName="Kept", BackupName="before")["BackupDetails"]
    arn = backup["BackupArn"]
    client.put_item(TableName="Kept", Item={"k": {"S": "late"}, "v": {"S": "x"}})
    client.delete_table(TableName="Kept")
    restart(world)
    client = world.client("dynamodb")

    def available() -> bool:
        shown = client.describe_backup(BackupArn=arn)["BackupDescription"]
        return bool(shown["BackupDetails"]["BackupStatus"] == "AVAILABLE")

    wait(available)
    listed = client.list_backups(TableName="Kept")["BackupSummaries"]
    assert [summary["BackupName"] for summary in listed] == ["before"]
    made = client.restore_table_from_backup(TargetTableName="Again", BackupArn=arn)
    assert made["TableDescription"]["RestoreSummary"]["RestoreInProgress"] is True
    client.get_waiter("table_exists").wait(TableName="Again", WaiterConfig=SOON)
    assert everything(client, "Again") == written
    client.delete_backup(BackupArn=arn)
    with pytest.raises(client.exceptions.BackupNotFoundException):
        client.describe_backup(BackupArn=arn)


def test_a_table_is_restored_to_a_moment_that_was() -> None:
    # Five minutes of lag pass in three seconds.
    with RunningWorld("--speed", "100", regions=(W,)) as world:
        client = world.client("dynamodb")
        make(client, "Timed")
        client.put_item(TableName="Timed", Item={"k": {"S": "a"}, "v": {"S": "before"}})
        recovery = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7}
        client.update_continuous_backups(
            TableName="Timed", PointInTimeRecoverySpecification=recovery
        )
        moment = time.time() + 1  # a request tells whole seconds
        wait(lambda: time.time() > moment + 1)
        client.put_item(TableName="Timed", Item={"k": {"S": "a"}, "v": {"S": "after"}})
        client.put_item(TableName="Timed", Item={"k": {"S": "b"}, "v": {"S": "after"}})

        def restorable() -> bool:
            told = client.describe_continuous_backups(TableName="Timed")
            window = told["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
            return bool(window["LatestRestorableDateTime"].timestamp() > moment + 1)

        wait(restorable)
        client.restore_table_to_point_in_time(
            SourceTableName="Timed", TargetTableName="Then", RestoreDateTime=moment
        )
        client.get_waiter("table_exists").wait(TableName="Then", WaiterConfig=SOON)
        assert everything(client, "Then") == {"a": "before"}
        assert everything(client, "Timed") == {"a": "after", "b": "after"}


def test_a_throttled_client_is_told_and_may_try_again(world: RunningWorld) -> None:
    client = world.client("dynamodb")
    units = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 2}
    make(client, "Short", BillingMode="PROVISIONED", ProvisionedThroughput=units)
    item = {"k": {"S": "a"}}

    def exhaust() -> None:
        for _ in range(600):  # more than was saved since the table was made
            client.put_item(TableName="Short", Item=item)

    with pytest.raises(client.exceptions.ProvisionedThroughputExceededException) as refused:
        exhaust()
    (reason,) = refused.value.response["ThrottlingReasons"]
    assert reason["reason"] == "TableWriteProvisionedThroughputExceeded"

    def admitted() -> bool:
        try:
            client.put_item(TableName="Short", Item=item)
        except client.exceptions.ProvisionedThroughputExceededException:
            return False
        return True

    wait(admitted)
    assert client.scan(TableName="Short")["Count"] == 1
