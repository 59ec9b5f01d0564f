"""Backups and recovery of a replica: what it holds, wherever that was written, for its region."""

import orjson
import pytest

from tests.regional.dynamodb.replicas import ACCOUNT, E, Planet, Region, W, play


def holds(region: Region, name: str) -> dict[str, str]:
    """The items of a table of a region."""
    table = region.table(name)
    found = {}
    for _, _, _, body in region.dynamodb.items.read_page(table, b"", 10_000):
        if body is not None:
            item = orjson.loads(body)
            found[item["k"]["S"]] = item["v"]["S"]
    return found


async def write(region: Region, count: int) -> None:
    """Write and delete items, two in a hundredth of a second."""
    chance = region.runtime.chance("writes")
    for number in range(count):
        key = f"{region.place}{number % 90}"
        if chance.random() < 0.2:
            await region.delete(key)
        else:
            await region.put(key, str(number))
        if number % 2:
            await region.runtime.sleep(0.01)


def active(region: Region, name: str) -> bool:
    """Whether a table can be used."""
    return bool(region.table(name).status(region.runtime.wall()) == "ACTIVE")


@pytest.mark.parametrize("seed", range(4))
def test_a_replica_is_backed_up_as_it_is_while_writes_come_from_elsewhere(seed: int) -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        await write(west, 200)
        async with planet.outside.nursery() as nursery:
            nursery.spawn(write(west, 400), "write")
            nursery.spawn(write(east, 400), "write")
            await planet.outside.sleep(0.5)
            moment = holds(east, "Items")
            answer = await east.do("CreateBackup", BackupName="before")
        arn = answer["BackupDetails"]["BackupArn"]
        assert holds(east, "Items") != moment
        await east.do("RestoreTableFromBackup", TargetTableName="Again", BackupArn=arn)
        await planet.wait_until(lambda: active(east, "Again"))
        assert holds(east, "Again") == moment
        assert east.table("Again").replicas == ()
        assert west.dynamodb.tables.get(ACCOUNT, "Again") is None
        await planet.wait_until(planet.agree)

    play(scenario, seed=seed)


@pytest.mark.parametrize("seed", range(4))
def test_a_replica_is_restored_to_a_moment_as_it_was_there_then(seed: int) -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        on = {"PointInTimeRecoveryEnabled": True}
        await east.do("UpdateContinuousBackups", PointInTimeRecoverySpecification=on)
        assert not west.table().recovery.days
        async with planet.outside.nursery() as nursery:
            nursery.spawn(write(west, 600), "write")
            await planet.outside.sleep(1.505)
            at, moment = east.runtime.wall(), holds(east, "Items")
        await planet.outside.sleep(400)
        await east.do(
            "RestoreTableToPointInTime",
            SourceTableName="Items",
            TargetTableName="Then",
            RestoreDateTime=at,
        )
        await planet.wait_until(lambda: active(east, "Then"))
        assert holds(east, "Then") == moment != holds(east, "Items")

    play(scenario, seed=seed)


def test_a_replica_that_is_removed_leaves_a_backup_where_recovery_was_on() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        on = {"PointInTimeRecoveryEnabled": True}
        await east.do("UpdateContinuousBackups", PointInTimeRecoverySpecification=on)
        await west.put("a", "1")
        await planet.wait_until(planet.agree)
        await west.replica("Delete", E)
        await planet.wait_until(lambda: east.dynamodb.tables.get(ACCOUNT, "Items") is None)
        (backup,) = east.dynamodb.backups.listed(ACCOUNT)
        assert (backup.kind, backup.name) == ("SYSTEM", "Items$DeletedTableBackup")
        await planet.wait_until(lambda: east.dynamodb.backups.listed(ACCOUNT)[0].available)
        await east.do("RestoreTableFromBackup", TargetTableName="Again", BackupArn=backup.arn)
        await planet.wait_until(lambda: active(east, "Again"))
        assert holds(east, "Again") == {"a": "1"}

    play(scenario)
