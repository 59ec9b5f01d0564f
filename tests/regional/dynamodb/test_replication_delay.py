"""A replication delay of choice: late, in order, never lost, and together with everything else."""

import pytest

from antipodes.service.contract import Settings
from tests.regional.dynamodb.replicas import ACCOUNT, E, Planet, Region, S, W, play
from tests.regional.dynamodb.test_pauses import pause, resume

TWO = Settings(replication_delay="2")
AWS = Settings(replication_delay="aws")


async def seconds_until(planet: Planet, region: Region, key: str, value: str) -> float:
    """How long it takes from now until an item is there."""
    began = planet.outside.now()
    while region.items().get(key) != value:
        assert planet.outside.now() < began + 60
        await planet.outside.sleep(0.01)
    return planet.outside.now() - began


def test_a_number_of_seconds_is_added_to_the_way() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        await west.put("x", "1")
        took = await seconds_until(planet, east, "x", "1")
        assert 2.07 <= took < 2.12
        await west.put("x", "2")
        await planet.outside.sleep(1)
        await west.delete("x")
        assert east.dynamodb.globaltables.status()[0]["held"] == 1
        assert 1.06 < await seconds_until(planet, east, "x", "2") < 1.12
        await planet.outside.sleep(1.1)
        assert east.items() == {}
        assert east.dynamodb.globaltables.status()[0]["held"] == 0

    play(scenario, settings=TWO)


def test_aws_takes_about_a_second_and_keeps_no_order_between_items() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        waited: list[float] = []
        for number in range(60):
            await west.put("x", f"{number}")
            waited.append(await seconds_until(planet, east, "x", f"{number}"))
        assert 0.6 < sorted(waited)[30] < 1.2
        assert max(waited) > 1.3 * min(waited)
        overtaken = False
        for number in range(30):
            await west.put(f"a{number}", "1")
            await planet.outside.sleep(0.01)
            await west.put(f"b{number}", "1")
            while f"a{number}" not in east.items():
                overtaken |= f"b{number}" in east.items()
                await planet.outside.sleep(0.01)
        assert overtaken
        await planet.wait_until(planet.agree, within_s=15)

    play(scenario, settings=AWS)


def test_what_is_delayed_survives_crashes_of_both_sides_and_a_trimmed_log() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        wanted = {}
        for number in range(100):
            await west.put(f"{number % 40}", f"{number}")
            wanted[f"{number % 40}"] = f"{number}"
        await planet.outside.sleep(0.5)
        assert east.items() == {}
        west.store.trim_log(west.store.head)
        await west.store.committed()
        planet.kill(W)
        planet.kill(E)
        east = await planet.start(E)
        assert east.dynamodb.globaltables.held.count(W) == 100
        await planet.wait_until(lambda: east.items() == wanted, within_s=3)
        await planet.start(W)
        await planet.wait_until(planet.agree)

    play(scenario, settings=TWO)


def test_a_table_of_its_own_and_another_choice_at_run_time() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        await west.put("x", "1")
        await planet.outside.sleep(1)
        assert east.items() == {}
        east.dynamodb.globaltables.held.choose("link")
        await planet.wait_until(planet.agree, within_s=0.1)
        await west.put("x", "2")
        assert await seconds_until(planet, east, "x", "2") < 0.1
        with pytest.raises(ValueError, match="no replication delay"):
            east.dynamodb.globaltables.held.choose("later")
        assert east.dynamodb.globaltables.status()[0]["delay"] == "link"

    play(scenario, settings=Settings(replication_delay="link,Items=30"))


def test_a_pause_holds_what_a_delay_has_held() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        await west.put("x", "1")
        await planet.outside.sleep(1)
        await pause(west)
        await west.put("y", "2")
        await planet.outside.sleep(60)
        assert east.items() == {}
        await east.put("z", "3")
        await resume(west)
        await planet.wait_until(planet.agree, within_s=3)
        assert west.items() == {"x": "1", "y": "2", "z": "3"}

    play(scenario, settings=TWO)


def test_a_copy_waits_for_the_end_of_a_pause() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        await west.put("x", "1")
        planet.cut(W, E)
        await planet.outside.sleep(6)
        await west.put("y", "1")
        west.store.trim_log(west.store.head)
        await west.store.committed()
        await pause(east, "p", 60)
        planet.heal(W, E)
        await planet.outside.sleep(30)
        assert "y" not in east.items(), "copied in spite of the pause"
        await planet.wait_until(planet.agree)
        assert set(east.items()) == {"x", "y"}

    play(scenario)


@pytest.mark.parametrize("delay", ["2", "aws"])
def test_tombstones_go_under_a_delay_and_lasting_writes(delay: str) -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        for number in range(150):
            await west.put(f"{number}", "1")
            await east.put("busy", f"{number}")
            await west.delete(f"{number}")
            await planet.outside.sleep(0.7)
        assert west.markers() < 80
        assert west.dynamodb.globaltables.held.any
        await planet.outside.sleep(60)
        assert west.markers() == east.markers() == 0
        assert planet.agree()

    play(scenario, settings=Settings(replication_delay=delay))


@pytest.mark.parametrize("seed", range(4))
def test_delays_pauses_cuts_and_crashes_end_alike(seed: int) -> None:
    async def scenario(planet: Planet, *_: Region) -> None:
        chance = planet.outside.chance("what happens")
        await planet.global_table(W, E, S)
        last: dict[str, str] = {}
        for step in range(120):
            name = chance.choice((W, E, S))
            region = planet.regions[name]
            action = chance.random()
            if action < 0.1:
                planet.kill(name)
                await planet.start(name)
            elif action < 0.2:
                await pause(region, f"{step}", chance.uniform(1, 40))
            elif action < 0.25:
                planet.cut(W, E)
            elif action < 0.35:
                planet.heal(W, E)
            elif action < 0.4:
                region.dynamodb.globaltables.held.choose(chance.choice(("aws", "3", "link")))
            key = f"{name} {chance.randrange(8)}"
            if action > 0.8:
                await planet.regions[name].delete(key)
                last.pop(key, None)
            else:
                await planet.regions[name].put(key, f"{step}")
                last[key] = f"{step}"
            await planet.outside.sleep(chance.uniform(0, 4))
        planet.heal(W, E)
        await planet.outside.sleep(60)
        await planet.wait_until(planet.agree, within_s=60)
        assert planet.regions[W].items() == last
        await planet.wait_until(lambda: planet.regions[W].markers() == 0, within_s=120)
        for region in planet.regions.values():
            assert not region.dynamodb.globaltables.held.any
            assert region.table().account == ACCOUNT

    play(scenario, W, E, S, seed=seed, settings=AWS)
