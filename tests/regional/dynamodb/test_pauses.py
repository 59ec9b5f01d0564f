"""Replication of a table paused at one region: kept, not lost; and nothing else is held up."""

import pytest

from tests.regional.dynamodb.replicas import ACCOUNT, E, Planet, Region, S, W, make_table, play

TABLE = "Items"


async def pause(region: Region, name: str = "p", seconds: float = 600.0) -> None:
    """Pause the table at a region."""
    region.dynamodb.globaltables.pauses.pause(ACCOUNT, TABLE, name, seconds)
    await region.store.committed()


async def resume(region: Region, name: str = "p") -> None:
    """End a pause of a region's own."""
    region.dynamodb.globaltables.pauses.resume(ACCOUNT, TABLE, name)
    await region.store.committed()


def paused(region: Region) -> dict[str, list[str]]:
    """What a region does not take now, by source."""
    status = region.dynamodb.globaltables.status()
    return {way["source"]: way["paused"] for way in status}


def test_nothing_passes_in_or_out_of_the_region_and_the_others_go_on() -> None:
    async def scenario(planet: Planet, west: Region, east: Region, south: Region) -> None:
        await planet.global_table(W, E, S)
        await pause(west)
        await planet.wait_until(lambda: paused(east)[W] == [TABLE])
        assert paused(west) == {E: [TABLE], S: [TABLE]}
        assert paused(east)[S] == []
        for region in (west, east, south):
            await region.put(region.place, "x")
        await planet.wait_until(lambda: set(east.items()) == {E, S}, within_s=1)
        await planet.outside.sleep(60)
        assert set(west.items()) == {W}
        assert set(east.items()) == set(south.items()) == {E, S}
        await resume(west)
        await planet.wait_until(planet.agree, within_s=1)
        assert set(west.items()) == {W, E, S}
        assert paused(west) == {E: [], S: []}

    play(scenario, W, E, S)


def test_the_greater_version_wins_whatever_was_kept() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        await east.put("deleted", "old")
        await planet.wait_until(planet.agree)
        await pause(west)
        await planet.outside.sleep(1)
        await east.put("both", "east")
        await east.put("deleted", "east")
        await planet.outside.sleep(1)
        await west.put("both", "west")
        await west.delete("deleted")
        await planet.outside.sleep(120)  # long enough for a tombstone to go, if it might
        await resume(west)
        await planet.wait_until(planet.agree, within_s=1)
        assert west.items() == {"both": "west"}
        await planet.wait_until(lambda: west.markers() == east.markers() == 0, within_s=120)

    play(scenario)


def test_other_tables_are_replicated_meanwhile() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        await make_table(west, "Other")
        updates = [{"Create": {"RegionName": E}}]
        await west.do("UpdateTable", "Other", ReplicaUpdates=updates)
        await planet.outside.sleep(5)
        await pause(west)
        await planet.outside.sleep(1)
        await west.put("a", "1", "Other")
        await west.put("a", "1")
        await planet.outside.sleep(1)
        found = await east.do("GetItem", "Other", Key={"k": {"S": "a"}})
        assert found["Item"]["v"] == {"S": "1"}
        assert east.items() == {}

    play(scenario)


def test_a_pause_ends_by_itself_also_where_its_region_is_lost() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        await pause(west, seconds=120)
        await west.put("a", "1")
        await planet.wait_until(lambda: paused(east)[W] == [TABLE])
        await planet.outside.sleep(5)
        planet.kill(W)
        assert east.items() == {}
        await planet.wait_until(lambda: east.items() == {"a": "1"}, within_s=120)
        await east.put("b", "2")
        west = await planet.start(W)
        await planet.wait_until(planet.agree, within_s=5)
        assert west.items() == {"a": "1", "b": "2"}

    play(scenario)


def test_what_is_kept_survives_a_crash_of_who_keeps_it() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        await pause(west)
        await planet.wait_until(lambda: paused(east)[W] == [TABLE])
        for number in range(500):
            await west.put(f"{number}", "w")
        await planet.outside.sleep(1)
        planet.kill(E)
        east = await planet.start(E)
        await planet.outside.sleep(10)
        assert east.items() == {}
        await resume(west)
        await planet.wait_until(planet.agree, within_s=5)
        assert len(east.items()) == 500

    play(scenario)


def test_pauses_overlap_and_replicas_cannot_change_meanwhile() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        await pause(west, "one")
        await pause(west, "two")
        with pytest.raises(Exception, match="ResourceInUseException"):
            await west.replica("Delete", E)
        await resume(west, "one")
        await west.put("a", "1")
        await planet.outside.sleep(30)
        assert east.items() == {}
        await resume(west, "two")
        await planet.wait_until(planet.agree, within_s=1)
        assert east.items() == {"a": "1"}

    play(scenario)


@pytest.mark.parametrize("seed", range(3))
def test_pauses_crashes_and_writes_end_alike(seed: int) -> None:
    async def scenario(planet: Planet, *_: Region) -> None:
        chance = planet.outside.chance("what happens")
        await planet.global_table(W, E, S)
        for step in range(60):
            name = chance.choice((W, E, S))
            region = planet.regions[name]
            action = chance.random()
            if action < 0.1:
                planet.kill(name)
                await planet.start(name)
            elif action < 0.2:
                await pause(region, f"{step}", chance.uniform(1, 60))
            elif action < 0.4:
                await region.delete(f"{chance.randrange(8)}")
            else:
                await region.put(f"{chance.randrange(8)}", f"{step}")
            await planet.outside.sleep(chance.uniform(0, 6))

        def over() -> bool:
            return not any(any(paused(region).values()) for region in planet.regions.values())

        await planet.wait_until(lambda: over() and planet.agree(), within_s=120)
        assert planet.regions[W].dynamodb.globaltables.pauses.any is False

    play(scenario, W, E, S, seed=seed)
