"""What was decided of replicas whose region was lost, emptied, or restored from a backup."""

import copy
from typing import Any

import pytest

from antipodes.service.contract import ServiceError
from tests.regional.dynamodb.replicas import ACCOUNT, E, Planet, Region, S, W, play

LONG_S = 3600.0


async def ask(region: Region, operation: str, **request: Any) -> dict[str, Any]:
    found: dict[str, Any] = await region.call("dynamodb", operation, request, account=ACCOUNT)
    return found


def empty(planet: Planet, name: str) -> None:
    """Lose a region with its disk."""
    planet.kill(name)
    planet.simulation.disk(f"{name}/main").wipe()


def test_a_region_that_was_lost_for_long_undoes_no_delete() -> None:
    async def scenario(planet: Planet, west: Region, _: Region, south: Region) -> None:
        await planet.global_table(W, E, S)
        for number in range(50):
            await west.put(f"{number}", "1")
        await planet.wait_until(planet.agree)
        planet.kill(E)
        for number in range(0, 50, 2):
            await west.delete(f"{number}")
        await planet.outside.sleep(LONG_S)
        assert west.markers() == south.markers() == 25, "tombstones went though one has not heard"
        west.store.trim_log(west.store.head)  # as if a million entries had followed
        await west.store.committed()
        await planet.start(E)
        await planet.wait_until(planet.agree)
        assert len(south.items()) == 25
        await planet.wait_until(lambda: west.markers() == 0, within_s=120)

    play(scenario, W, E, S)


def test_a_replica_is_removed_when_its_region_hears_of_it() -> None:
    async def scenario(planet: Planet, west: Region, *_: Region) -> None:
        await planet.global_table(W, S, E)
        planet.kill(E)
        await west.replica("Delete", E)
        await planet.outside.sleep(600)
        assert west.statuses()[E] == "DELETING"
        await west.put("x", "1")
        with pytest.raises(ServiceError, match="ResourceInUseException"):
            await west.replica("Delete", S)
        east = await planet.start(E)
        await planet.wait_until(lambda: E not in west.statuses())
        assert east.table() is None
        assert west.statuses() == {W: "ACTIVE", S: "ACTIVE"}

    play(scenario, W, E, S)


def test_a_region_whose_disk_was_emptied_gets_its_replicas_again() -> None:
    async def scenario(planet: Planet, west: Region, *_: Region) -> None:
        await planet.global_table(W, E, S)
        for number in range(100):
            await west.put(f"{number}", "1")
        await planet.wait_until(planet.agree)
        await west.delete("0")
        empty(planet, E)
        await west.put("meanwhile", "2")
        await planet.outside.sleep(10)
        east = await planet.start(E)
        await planet.wait_until(lambda: planet.all_active(W, E, S), within_s=120)
        await planet.wait_until(planet.agree)
        assert len(east.items()) == 100
        await east.put("after", "3")
        await west.delete("1")
        await planet.wait_until(planet.agree)
        assert west.items()["after"] == "3"
        await planet.wait_until(lambda: west.markers() == east.markers() == 0, within_s=120)

    play(scenario, W, E, S)


def test_a_replica_that_was_removed_does_not_come_back_with_an_emptied_disk() -> None:
    async def scenario(planet: Planet, *_: Region) -> None:
        await planet.global_table(W, E)
        await planet.regions[W].replica("Delete", E)
        await planet.wait_until(lambda: planet.regions[E].table() is None)
        await planet.outside.sleep(5)
        empty(planet, E)
        east = await planet.start(E)
        await planet.outside.sleep(120)
        assert east.table() is None
        assert planet.regions[W].statuses() == {W: "ACTIVE"}

    play(scenario)


def test_a_restored_replica_is_a_table_of_its_own_and_may_begin_a_global_table_anew() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        await west.put("x", "1")
        await planet.wait_until(planet.agree)
        made = await ask(east, "CreateBackup", TableName="Items", BackupName="one")
        arn = made["BackupDetails"]["BackupArn"]
        await planet.outside.sleep(60)
        await west.put("x", "2")
        await planet.wait_until(planet.agree)
        with pytest.raises(ServiceError, match="TableAlreadyExistsException"):
            await ask(east, "RestoreTableFromBackup", TargetTableName="Items", BackupArn=arn)
        await east.do("DeleteTable")
        await planet.wait_until(lambda: west.statuses() == {W: "ACTIVE"})
        await ask(east, "RestoreTableFromBackup", TargetTableName="Items", BackupArn=arn)
        await planet.wait_until(lambda: east.statuses() == {E: "ACTIVE"})
        assert (west.items(), east.items()) == ({"x": "2"}, {"x": "1"})
        await west.put("y", "3")
        await planet.outside.sleep(30)
        assert east.items() == {"x": "1"}
        with pytest.raises(ServiceError, match="already existed as tables"):
            await west.replica("Create", E)
        await west.do("DeleteTable")
        await east.replica("Create", W)
        await planet.wait_until(lambda: planet.all_active(W, E))
        await planet.wait_until(planet.agree)
        assert planet.regions[W].items() == {"x": "1"}

    play(scenario)


class Older:
    """A copy of a region's disk, as it is while the region is down."""

    def __init__(self, planet: Planet, name: str) -> None:
        self._disk = planet.simulation.disk(f"{name}/main")
        self._durable = copy.deepcopy(self._disk.__dict__)

    def bring_back(self) -> None:
        """Put it in the place of the disk."""
        self._disk.__dict__.update(copy.deepcopy(self._durable))


def test_a_disk_that_went_back_gets_what_it_had_forgotten_and_brings_nothing_back() -> None:
    async def scenario(planet: Planet, west: Region, *_: Region) -> None:
        await planet.global_table(W, E, S)
        for number in range(20):
            await west.put(f"{number}", "old")
        await planet.wait_until(planet.agree)
        planet.kill(E)
        older = Older(planet, E)
        east = await planet.start(E)
        for number in range(10):
            await west.delete(f"{number}")
        for number in range(30):
            await east.put(f"own {number}", "new")
        await planet.outside.sleep(120)
        assert west.markers() == 0, "tombstones are still there: nothing would be shown"
        wanted = west.items()
        planet.cut(W, E)
        planet.cut(S, E)
        planet.kill(E)
        older.bring_back()
        east = await planet.start(E)
        assert "own 0" not in east.items()
        assert "0" in east.items()
        for number in range(60):  # more than it had before: the numbers of its log are used again
            await east.put(f"again {number}", "newest")
            wanted[f"again {number}"] = "newest"
        planet.heal(W, E)
        planet.heal(S, E)
        await planet.wait_until(lambda: east.items() == wanted)
        await planet.outside.sleep(150)
        assert planet.agree()
        assert west.items() == wanted
        assert [region.markers() for region in planet.regions.values()] == [0, 0, 0]

    play(scenario, W, E, S)
