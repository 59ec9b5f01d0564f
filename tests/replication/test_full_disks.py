"""Disks that fill up under load: nothing that was acknowledged is lost, and copies agree."""

from typing import Any

import orjson
import pytest

from antipodes.hosting.simulated import SimulatedWorld
from antipodes.runtime.contract import Address, DiskFull
from antipodes.service.http import HttpClient
from tests.regional.dynamodb.replicas import E, Planet, Region, S, W, play
from tests.replication.worlds import Stage
from tests.replication.worlds import play as play_stage


class Writer:
    """Writes one item after the other, and remembers what it was told."""

    def __init__(self, planet: Planet, name: str) -> None:
        self._planet = planet
        self._name = name
        self.acknowledged: dict[str, str] = {}
        self.refused = 0

    async def write(self, count: int) -> None:
        chance = self._planet.outside.chance(f"writer/{self._name}")
        for number in range(count):
            key, value = f"{self._name}{number % 30}", f"{number}"
            try:
                await self._planet.regions[self._name].put(key, value)
                self.acknowledged[key] = value
            except DiskFull:
                self.refused += 1
            await self._planet.outside.sleep(chance.uniform(0, 0.1))


@pytest.mark.parametrize("seed", range(4))
def test_regions_whose_disks_fill_up_under_load_lose_nothing_and_converge(seed: int) -> None:
    async def scenario(planet: Planet, *started: Region) -> None:
        await planet.global_table(W, E, S)
        assert len(started) == len(planet.names)
        chance = planet.outside.chance("disks")
        writers = [Writer(planet, name) for name in planet.names]
        async with planet.outside.nursery() as nursery:
            for writer in writers:
                nursery.spawn(writer.write(600), "write")
            for _ in range(6):
                name: str = chance.choice(planet.names)
                planet.simulation.set_disk(name, full=True, slow_s=chance.choice([0, 0.05]))
                await planet.outside.sleep(chance.uniform(0.5, 8))
                planet.simulation.set_disk(name, full=False)
        assert sum(writer.refused for writer in writers) > 10
        await planet.wait_until(planet.agree)
        found = planet.regions[W].items()
        for writer in writers:
            assert writer.acknowledged.items() <= found.items(), "an acknowledged write is lost"
        markers = planet.simulation.journal.markers()
        assert markers["replication.disk-full"] > 0
        assert markers["dynamodb.mark-put-off"] > 0

    play(scenario, W, E, S, seed=seed)


def test_a_region_with_a_full_disk_serves_reads_and_sends_what_it_has() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        planet.cut(W, E)
        await west.put("k", "1")
        planet.simulation.set_disk(W, full=True)
        with pytest.raises(DiskFull):
            await west.put("k", "2")
        with pytest.raises(DiskFull):
            await west.delete("k")
        planet.heal(W, E)
        await planet.wait_until(lambda: east.items() == {"k": "1"})
        assert west.items() == {"k": "1"}
        await east.put("k", "3")
        await planet.outside.sleep(60)
        assert west.items() == {"k": "1"}
        planet.simulation.set_disk(W, full=False)
        await planet.wait_until(planet.agree, within_s=5)
        assert west.items() == {"k": "3"}

    play(scenario)


def test_a_copy_to_a_full_disk_waits_for_space() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W)
        for number in range(200):
            await west.put(f"k{number}", "x" * 100)
        planet.simulation.set_disk(E, slow_s=0.2)
        await west.replica("Create", E)
        await planet.wait_until(lambda: len(east.items()) > 64)  # the second page
        planet.simulation.set_disk(E, full=True)
        await planet.outside.sleep(90)
        assert 0 < len(east.items()) < 200, "nothing was left to be copied, or nothing came"
        assert east.statuses()[E] == "CREATING"
        planet.simulation.set_disk(E, full=False, slow_s=0)
        await planet.wait_until(lambda: planet.all_active(W, E))
        assert planet.agree()
        assert len(east.items()) == 200

    play(scenario)


def test_a_region_restarts_with_a_full_disk_and_recovers() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        await west.put("k", "1")
        planet.simulation.set_disk(W, full=True)
        planet.kill(W)
        await planet.outside.sleep(1)
        west = await planet.start(W)
        await east.put("k", "2")
        await planet.outside.sleep(45)
        assert west.items() == {"k": "1"}
        planet.simulation.set_disk(W, full=False)
        await planet.wait_until(planet.agree)
        assert west.items() == {"k": "2"}

    play(scenario)


def test_the_log_of_a_full_disk_is_trimmed_when_there_is_space() -> None:
    async def scenario(stage: Stage) -> None:
        source, copy = await stage.source(), stage.copy()
        for number in range(12_000):
            source.changes.append("t/n", number)
        await stage.wait_until(lambda: copy.follower.position > 0)
        stage.simulation.set_disk("a", full=True)
        await stage.wait_until(lambda: copy.follower.position == 12_000)
        await stage.outside.sleep(60)
        assert source.changes.first == 1
        stage.simulation.set_disk("a", full=False)
        await stage.wait_until(lambda: source.changes.first == 2_001)
        assert stage.simulation.journal.markers()["replication.trimming-put-off"] > 0

    play_stage(scenario)


def test_a_new_follower_of_a_full_source_is_remembered_later() -> None:
    async def scenario(stage: Stage) -> None:
        source = await stage.source()
        await source.append("t/n", 1)
        stage.simulation.set_disk("a", full=True)
        copy = stage.copy()
        await stage.wait_until(lambda: copy.applied == ["1"])
        stage.simulation.set_disk("a", full=False)
        await stage.outside.sleep(30)
        stage.simulation.kill("a")
        source = await stage.source()
        assert source.changes.followers["b/copy"].position == 1

    play_stage(scenario)


@pytest.mark.parametrize("seed", range(4))
def test_a_follower_whose_disk_fills_up_repeats_nothing_and_misses_nothing(seed: int) -> None:
    async def scenario(stage: Stage) -> None:
        chance = stage.outside.chance("disk")
        source, copy = await stage.source(), stage.copy()
        for number in range(400):
            await source.append("t/n", number)
            if chance.random() < 0.1:
                full = chance.random() < 0.5
                stage.simulation.set_disk("b", full=full, slow_s=chance.choice([0, 0.01]))
            await stage.outside.sleep(chance.uniform(0, 0.05))
        stage.simulation.set_disk("b", full=False, slow_s=0)
        await stage.wait_until(lambda: len(copy.applied) == 400)
        assert copy.applied == [str(number) for number in range(400)]
        assert copy.most_times == 1

    play_stage(scenario, seed)


@pytest.mark.parametrize("power", [True, False])
def test_power_cuts_of_a_follower_repeat_nothing_and_miss_nothing(power: bool) -> None:
    async def scenario(stage: Stage) -> None:
        chance = stage.outside.chance("power")
        source, copy = await stage.source(), stage.copy()
        for number in range(400):
            await source.append("t/n", number)
            await stage.outside.sleep(chance.uniform(0, 0.02))
            if chance.random() < 0.03:
                stage.simulation.cut_power("b")
                await stage.outside.sleep(chance.uniform(0, 2))
                copy = stage.copy()
        await stage.wait_until(lambda: len(copy.applied) == 400)
        assert copy.most_times == 1

    stage = Stage(seed=5)
    stage.simulation.machine("b").disk_state.power = power
    stage.run(scenario)


# Through the API's door.


async def put(client: HttpClient, region: str, value: str) -> tuple[int, dict[str, Any]]:
    signed = f"Credential=test/20260101/{region}/dynamodb/aws4_request, SignedHeaders=host"
    answer = await client.request(
        Address(region, "api"),
        "POST",
        "/",
        headers={
            "x-amz-target": "DynamoDB_20120810.PutItem",
            "content-type": "application/x-amz-json-1.0",
            "authorization": f"AWS4-HMAC-SHA256 {signed}, Signature=0",
        },
        body=orjson.dumps({"TableName": "Items", "Item": {"k": {"S": "k"}, "v": {"S": value}}}),
    )
    return answer.status, orjson.loads(answer.body or b"{}")


def test_the_api_of_a_full_disk_answers_500_until_there_is_space() -> None:
    world = SimulatedWorld((W,), seed=1)

    async def scenario() -> list[tuple[int, str]]:
        client = HttpClient(world.outside)
        seen: list[tuple[int, str]] = []
        for full, slow_s in ((False, 0.0), (True, 0.0), (False, 0.1), (False, 0.0)):
            world.simulation.set_disk(W, full=full, slow_s=slow_s)
            asking = world.outside.spawn(put(client, W, str(len(seen))), "put")
            if slow_s:  # it fills up while the group is open
                await world.outside.sleep(0.05)
                world.simulation.set_disk(W, full=True)
            status, body = await asking
            seen.append((status, body.get("__type", "").rpartition("#")[2]))
        return seen

    async def main() -> list[tuple[int, str]]:
        await world.start()
        await world.call(
            W,
            "dynamodb",
            "CreateTable",
            {
                "TableName": "Items",
                "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
                "BillingMode": "PAY_PER_REQUEST",
            },
        )
        seen: list[tuple[int, str]] = await world.outside.spawn(scenario(), "scenario")
        item = await world.call(
            W, "dynamodb", "GetItem", {"TableName": "Items", "Key": {"k": {"S": "k"}}}
        )
        assert item["Item"]["v"]["S"] == "3"
        return seen

    try:
        seen = world.run(main())
    finally:
        world.close()
    assert seen == [(200, ""), (500, "InternalServerError"), (500, ""), (200, "")]
