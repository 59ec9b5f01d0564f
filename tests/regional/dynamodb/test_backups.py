"""Backups, restores and point-in-time recovery: items as they were, whatever happens meanwhile."""

from typing import Any

import pytest

from tests.regional.dynamodb.lives import (
    DAY,
    LONG,
    RANGED,
    Items,
    Lives,
    delete,
    items,
    put,
    switch,
    wait_active,
    wait_available,
)
from tests.regional.dynamodb.tablehost import ACCOUNT, TableHost, with_tables
from tests.regional.dynamodb.test_operations import failure
from tests.regional.dynamodb.test_tables import KEYS, ON_DEMAND, status


@pytest.mark.parametrize("seed", range(6))
def test_a_backup_is_of_its_moment_whatever_is_written_and_killed_meanwhile(seed: int) -> None:
    keys = [
        f"{letter}{number}{tail}"
        for letter in "abcd"
        for number in range(90)
        for tail in ("", LONG)
    ]
    model: Items = {}
    lives = Lives(seed)
    chance = lives.chance

    async def change(host: TableHost) -> None:
        key = chance.choice(keys)
        if chance.random() < 0.3:
            model.pop(key, None)
            await delete(host, "Things", key)
        else:
            model[key] = str(chance.random())
            await put(host, "Things", key, model[key])

    async def begin(host: TableHost) -> tuple[str, Items]:
        await host.ask("CreateTable", TableName="Things", **RANGED)
        for _ in range(600):
            await change(host)
        answer = await host.ask("CreateBackup", TableName="Things", BackupName="before")
        assert answer["BackupDetails"]["BackupStatus"] == "CREATING"
        moment = dict(model)
        for _ in range(chance.randrange(40)):
            await change(host)
        await host.store.committed()
        return answer["BackupDetails"]["BackupArn"], moment

    async def go_on(host: TableHost) -> None:
        for _ in range(chance.randrange(60)):
            await change(host)
            if chance.random() < 0.1:
                await host.store.committed()
        await host.store.committed()

    async def end(host: TableHost) -> None:
        described = await wait_available(host, arn)
        assert described["SourceTableDetails"]["ItemCount"] == len(moment)
        await host.ask("RestoreTableFromBackup", TargetTableName="Again", BackupArn=arn)
        await wait_active(host, "Again")
        assert await items(host, "Again") == moment
        assert await items(host, "Things") == model

    arn, moment = lives.live(begin)
    for _ in range(3):
        lives.live(go_on)
    lives.live(end)
    lives.simulation.close()


@pytest.mark.parametrize("seed", range(6))
def test_a_table_is_restored_to_any_moment_of_its_recovery_period(seed: int) -> None:
    keys = [f"{letter}{number}" for letter in "abc" for number in range(20)]
    model: Items = {}
    history: list[tuple[float, Items]] = []
    lives = Lives(seed)
    chance = lives.chance

    async def change(host: TableHost) -> None:
        for key in chance.sample(keys, 5):
            if chance.random() < 0.4:
                model.pop(key, None)
                await delete(host, "Things", key)
            else:
                model[key] = str(chance.random())
                await put(host, "Things", key, model[key])
        history.append((host.runtime.wall(), dict(model)))
        await host.runtime.sleep(chance.choice([1, 7, 60]))

    async def write(host: TableHost) -> None:
        if await status(host) == "ResourceNotFoundException":
            await host.ask("CreateTable", TableName="Things", **RANGED)
            for _ in range(5):
                await change(host)
            history.clear()
            history.append((host.runtime.wall(), dict(model)))
            await switch(host)
            await host.runtime.sleep(1)
        for _ in range(30):
            await change(host)
        await host.store.committed()

    async def restore(host: TableHost) -> None:
        await host.runtime.sleep(300)
        for number, (at, expected) in enumerate(chance.sample(history, 6)):
            moment = at + 0.5
            await change(host)
            answer = await host.ask(
                "RestoreTableToPointInTime",
                SourceTableName="Things",
                TargetTableName=f"Again{number}",
                RestoreDateTime=moment,
            )
            assert answer["TableDescription"]["RestoreSummary"]["RestoreInProgress"] is True
            await change(host)
            await wait_active(host, f"Again{number}")
            assert await items(host, f"Again{number}") == expected
        assert host.dynamodb.backups.listed(ACCOUNT) == []

    lives.live(write)
    lives.live(write)
    lives.live(restore)
    lives.simulation.close()


def test_a_restore_goes_on_after_a_kill_and_is_not_seen_before_its_end() -> None:
    lives = Lives()

    async def begin(host: TableHost) -> str:
        await host.ask("CreateTable", TableName="Things", **RANGED)
        for number in range(700):
            await put(host, "Things", f"a{number}", "v")
        answer = await host.ask("CreateBackup", TableName="Things", BackupName="before")
        arn = str(answer["BackupDetails"]["BackupArn"])
        await wait_available(host, arn)
        await host.ask("RestoreTableFromBackup", TargetTableName="Again", BackupArn=arn)
        failure(await host.ask("Scan", TableName="Again"), "ResourceNotFoundException")
        again = await host.ask("RestoreTableFromBackup", TargetTableName="Again", BackupArn=arn)
        failure(again, "TableInUseException", "already being restored from backup")
        other = await host.ask("RestoreTableFromBackup", TargetTableName="Other", BackupArn=arn)
        failure(other, "BackupInUseException", "used to restore another table")
        failure(await host.ask("DeleteBackup", BackupArn=arn), "BackupInUseException")
        made = await host.ask("CreateTable", TableName="Again", **ON_DEMAND)
        failure(made, "ResourceInUseException", "Table is being used: Again")
        await host.store.committed()
        return arn

    async def end(host: TableHost) -> None:
        assert await status(host, "Again") == "CREATING"
        await wait_active(host, "Again")
        assert len(await items(host, "Again")) == 700
        shown = (await host.ask("DescribeTable", TableName="Again"))["Table"]
        assert "RestoreSummary" not in shown
        gone = await host.ask("DeleteBackup", BackupArn=arn)
        assert gone["BackupDescription"]["BackupDetails"]["BackupStatus"] == "DELETED"
        failure(await host.ask("DescribeBackup", BackupArn=arn), "BackupNotFoundException")
        await host.runtime.sleep(120)
        assert host.store.scan(b"b", b"c") == []

    arn = lives.live(begin)
    lives.live(end)
    lives.simulation.close()


def test_a_deleted_table_with_recovery_leaves_a_backup_for_35_days() -> None:
    async def scenario(host: TableHost) -> None:
        host.dynamodb.backups.start()
        await host.ask("CreateTable", TableName="Things", **RANGED)
        await switch(host)
        for number in range(500):
            await put(host, "Things", f"a{number}", "v")
        await host.ask("DeleteTable", TableName="Things")
        assert (await host.ask("ListBackups"))["BackupSummaries"] == []
        (left,) = (await host.ask("ListBackups", BackupType="ALL"))["BackupSummaries"]
        assert (left["BackupName"], left["BackupType"]) == ("Things$DeletedTableBackup", "SYSTEM")
        arn = left["BackupArn"]
        await wait_available(host, arn)
        refused = await host.ask("DeleteBackup", BackupArn=arn)
        failure(refused, "ValidationException", "not allowed to delete the system backup")
        await host.ask("RestoreTableFromBackup", TargetTableName="Things", BackupArn=arn)
        await wait_active(host, "Things")
        assert len(await items(host, "Things")) == 500
        await host.runtime.sleep(120)
        assert host.store.scan(b"u", b"v") == []
        await host.runtime.sleep(35 * DAY)
        failure(await host.ask("DescribeBackup", BackupArn=arn), "BackupNotFoundException")

    with_tables(scenario)


def test_recovery_is_switched_and_its_window_moves() -> None:
    async def scenario(host: TableHost) -> None:
        host.dynamodb.backups.start()
        await host.ask("CreateTable", TableName="Things", **RANGED)
        shown = await host.ask("DescribeContinuousBackups", TableName="Things")
        assert shown["ContinuousBackupsDescription"] == {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"},
        }
        refused = await host.ask(
            "RestoreTableToPointInTime",
            SourceTableName="Things",
            TargetTableName="Again",
            UseLatestRestorableTime=True,
        )
        failure(refused, "PointInTimeRecoveryUnavailableException", "is not enabled for table")

        async def window(**days: int) -> tuple[float, float]:
            told = (await switch(host, **days))["ContinuousBackupsDescription"]
            recovery = told["PointInTimeRecoveryDescription"]
            assert recovery["RecoveryPeriodInDays"] == days.get("RecoveryPeriodInDays", 35)
            return recovery["EarliestRestorableDateTime"], recovery["LatestRestorableDateTime"]

        since = host.runtime.wall()
        assert await window(RecoveryPeriodInDays=2) == (since, since)
        await host.runtime.sleep(DAY)
        assert await window() == (since, since + DAY - 300)
        for _ in range(4):
            await put(host, "Things", "a", str(host.runtime.wall()))
            await host.runtime.sleep(DAY)
        earliest, latest = await window(RecoveryPeriodInDays=2)
        assert (earliest, latest) == (since + 3 * DAY, since + 5 * DAY - 300)
        await host.runtime.sleep(61)
        assert len(host.store.scan(b"u", b"v")) == 1
        for moment in (earliest - 60, latest + 120, 0, -1e300, 1e300):
            refused = await host.ask(
                "RestoreTableToPointInTime",
                SourceTableName="Things",
                TargetTableName="Again",
                RestoreDateTime=moment,
            )
            failure(refused, "InvalidRestoreTimeException", "must be within Earliest")
        off = {"PointInTimeRecoveryEnabled": False}
        refused = await host.ask(
            "UpdateContinuousBackups",
            TableName="Things",
            PointInTimeRecoverySpecification={**off, "RecoveryPeriodInDays": 3},
        )
        failure(refused, "ValidationException", "Cannot specify RecoveryPeriodInDays when")
        told = await host.ask(
            "UpdateContinuousBackups", TableName="Things", PointInTimeRecoverySpecification=off
        )
        recovery = told["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        assert recovery == {"PointInTimeRecoveryStatus": "DISABLED"}
        await put(host, "Things", "a", "unseen")
        await host.runtime.sleep(61)
        assert host.store.scan(b"u", b"v") == []

    with_tables(scenario)


def test_backups_outlive_their_table_and_are_listed_in_pages_and_by_time() -> None:
    async def scenario(host: TableHost) -> None:
        arns, times = [], []
        for life in range(2):
            await host.ask("CreateTable", TableName="Things", **KEYS, BillingMode="PAY_PER_REQUEST")
            for _ in range(2):
                answer = await host.ask("CreateBackup", TableName="Things", BackupName="same")
                arns.append(answer["BackupDetails"]["BackupArn"])
                times.append(answer["BackupDetails"]["BackupCreationDateTime"])
                await host.runtime.sleep(1)
            await host.ask("DeleteTable", TableName="Things")
            missing = await host.ask("CreateBackup", TableName="Things", BackupName="same")
            failure(missing, "TableNotFoundException", "Table not found: Things")
            assert len(arns) == 2 * (life + 1)

        async def listed(**more: Any) -> list[str]:
            answer = await host.ask("ListBackups", TableName="Things", **more)
            return [backup["BackupArn"] for backup in answer["BackupSummaries"]]

        assert await listed() == arns
        page = await host.ask("ListBackups", Limit=3)
        assert page["LastEvaluatedBackupArn"] == arns[2]
        assert await listed(ExclusiveStartBackupArn=arns[2]) == arns[3:]
        assert await listed(TimeRangeLowerBound=times[1], TimeRangeUpperBound=times[3]) == arns[1:3]
        assert await listed(BackupType="SYSTEM") == []
        refused = await host.ask("ListBackups", TimeRangeLowerBound=2, TimeRangeUpperBound=1)
        failure(refused, "ValidationException", "Time range lower bound must be less")
        shown = (await host.ask("ListBackups"))["BackupSummaries"]
        assert len({backup["TableId"] for backup in shown}) == 2

    with_tables(scenario)
