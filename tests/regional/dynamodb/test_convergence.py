"""Whatever happens, in whatever order: replicas end alike, with their indexes and their streams."""

from typing import Any

import pytest

from antipodes.regional.dynamodb import rows, tombstones
from antipodes.replication.versions import TIME_MAX, Version
from antipodes.runtime.contract import Chance
from antipodes.service.contract import ServiceError, Settings
from tests.regional.dynamodb.indexchecks import check_agreement
from tests.regional.dynamodb.replicas import E, Planet, Region, S, W, play
from tests.regional.dynamodb.streamreaders import Reader, everything
from tests.regional.dynamodb.test_pauses import pause

PAIRS = ((W, E), (W, S), (E, S))
INDEX = {
    "IndexName": "ByValue",
    "KeySchema": [{"AttributeName": "v", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}


class Trouble:
    """Does things to a planet, and to the items of its table."""

    def __init__(self, planet: Planet, chance: Chance) -> None:
        self._planet = planet
        self._chance = chance
        self._step = 0
        self.indexed = 0  # how often an index was made or deleted
        self.last: dict[str, str] = {}  # of keys that one region alone writes

    def _any(self) -> Region:
        return self._planet.regions[self._chance.choice((W, E, S))]

    async def write(self) -> None:
        """Put or delete an item that only this region writes, or one that all write."""
        region, chance = self._any(), self._chance
        self._step += 1
        owned = chance.random() < 0.5
        key = f"{region.place} {chance.randrange(6)}" if owned else f"{chance.randrange(6)}"
        if chance.random() < 0.3:
            await region.delete(key)
            self.last.pop(key, None)
        else:
            value = f"{self._step % 5}"
            await region.put(key, value)
            if owned:
                self.last[key] = value

    async def hurt(self) -> None:
        """Cut, heal, kill, pause, put a clock wrong, choose a delay, or change an index."""
        planet, chance = self._planet, self._chance
        match chance.randrange(15):
            case 0 | 1:
                planet.cut(*chance.choice(PAIRS))
            case 2 | 3 | 4:
                planet.heal(*chance.choice(PAIRS))
            case 5 | 6:
                place = self._any().place
                planet.kill(place)
                await planet.outside.sleep(chance.uniform(0, 2))
                await planet.start(place)
            case 7:
                await pause(self._any(), f"{self._step}", chance.uniform(1, 20))
            case 8 | 9:
                offset_s = chance.choice((0.0, 0.0, chance.uniform(-300, 300)))
                planet.simulation.set_clock(self._any().place, offset_s, 0.0)
            case 10:
                delay = chance.choice(("link", "link", "aws", "2"))
                self._any().dynamodb.globaltables.held.choose(delay)
            case _:
                await self._change_index()

    async def _change_index(self) -> None:
        region = self._any()
        there = any(index.status != "DELETING" for index in region.table().indexes)
        update: dict[str, Any] = (
            {"Delete": {"IndexName": "ByValue"}} if there else {"Create": INDEX}
        )
        request: dict[str, Any] = {"GlobalSecondaryIndexUpdates": [update]}
        if not there:
            request["AttributeDefinitions"] = [{"AttributeName": "v", "AttributeType": "S"}]
        try:
            await region.do("UpdateTable", **request)
        except ServiceError as error:
            if error.code not in {"ResourceInUseException", "LimitExceededException"}:
                raise
        else:
            self.indexed += 1

    async def end(self) -> None:
        """Heal everything, and wait until all is quiet."""
        for pair in PAIRS:
            self._planet.heal(*pair)
        for place in (W, E, S):
            self._planet.simulation.set_clock(place, 0.0, 0.0)
        await self._planet.outside.sleep(700)  # clocks that were ahead have to be caught up with
        await self._planet.wait_until(self._planet.agree)
        await self._planet.wait_until(self._quiet)

    def _quiet(self) -> bool:
        indexes = [
            [(index.name, index.status) for index in region.table().indexes]
            for region in self._planet.regions.values()
        ]
        return all(one == indexes[0] and all(s == "ACTIVE" for _, s in one) for one in indexes)


async def check_stream(region: Region) -> None:
    """Each item's records follow one another without a gap, and end as the item is."""
    table = region.table()
    arn = f"{table.arn}/stream/{table.stream_label}"
    items: dict[str, str | None] = {}
    for record in await everything(Reader(region), arn):
        told = record["dynamodb"]
        key = told["Keys"]["k"]["S"]
        old = told["OldImage"]["v"]["S"] if "OldImage" in told else None
        assert items.get(key) == old, (key, record)
        items[key] = told["NewImage"]["v"]["S"] if "NewImage" in told else None
    assert {key: value for key, value in items.items() if value is not None} == region.items()


async def check_all(planet: Planet, trouble: Trouble) -> None:
    """Nothing acknowledged is lost; replicas, indexes, counts and streams agree."""
    items = planet.regions[W].items()
    assert {key: value for key, value in items.items() if " " in key} == trouble.last
    for region in planet.regions.values():
        assert region.items() == items
        check_agreement(region.store, region.table())
        await check_stream(region)


def check_trouble(seed: int, steps: int = 250) -> None:
    """Make trouble for a while, then look at everything."""

    async def scenario(planet: Planet, *_: Region) -> None:
        await planet.global_table(W, E, S)
        chance = planet.outside.chance("trouble")
        trouble = Trouble(planet, chance)
        for _step in range(steps):
            await (trouble.hurt() if chance.random() < 0.3 else trouble.write())
            await planet.outside.sleep(chance.choice((0.0, 0.01, 0.2, 3.0)))
        await trouble.end()
        assert trouble.indexed > 1
        await check_all(planet, trouble)

    play(scenario, W, E, S, seed=seed, settings=Settings())


@pytest.mark.parametrize("seed", range(4))
def test_replicas_indexes_and_streams_agree_whatever_happened(seed: int) -> None:
    check_trouble(seed)


def test_replicas_that_took_whatever_comes_would_be_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rows, "version_of", lambda _: Version(0, ""))
    with pytest.raises(AssertionError):
        check_trouble(1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 130))
def test_the_same_with_many_seeds(seed: int) -> None:
    """Slow: thirty worlds."""
    check_trouble(seed, steps=400)


def check_shuffled(seed: int) -> None:
    """Write, delete, cut, kill, add and remove a replica at random, over an hour; then compare."""

    async def scenario(planet: Planet, *_: Region) -> None:
        await planet.global_table(W, E)
        chance = planet.outside.chance("faults")
        pairs = ((W, E), (W, S), (E, S))
        purged = 0
        for number in range(150):
            region = planet.regions[chance.choice((W, E, S))]
            if region.statuses().get(region.place) not in {None, "CREATING"}:
                key = f"{chance.randrange(40)}"  # few writes each: none repairs what went wrong
                if chance.random() < 0.5:
                    await region.delete(key)
                else:
                    await region.put(key, str(number))
            await planet.outside.sleep(chance.choice((0.01, 0.2, 20)))
            dice, west = chance.random(), planet.regions[W]
            if dice < 0.15:
                planet.cut(*chance.choice(pairs))
            elif dice < 0.4:
                planet.heal(*chance.choice(pairs))
            elif dice < 0.45:
                planet.kill(E)
                await planet.outside.sleep(chance.uniform(0, 3))
                await planet.start(E)
            elif set(west.statuses().values()) == {"ACTIVE"}:
                if S not in west.statuses():
                    await west.replica("Create", S)
                elif dice < 0.55:
                    await west.replica("Delete", S)
            purged += west.markers() == 0
        for pair in pairs:
            planet.heal(*pair)
        await planet.wait_until(lambda: {"UPDATING"} != {*planet.regions[W].statuses().values()})
        await planet.outside.sleep(200)
        holding = [r for r in planet.regions.values() if r.table() is not None]
        assert len(holding) >= 2
        assert all(region.items() == holding[0].items() for region in holding)
        assert [region.markers() for region in holding] == [0] * len(holding)
        assert purged > 1, "no tombstone ever went"

    play(scenario, W, E, S, seed=seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [4, 5, 7, 8])
def test_no_delete_is_undone_while_tombstones_go_and_replicas_come_and_leave(seed: int) -> None:
    """Slow: an hour of three regions. The seeds are those that catch purging too early."""
    check_shuffled(seed)


@pytest.mark.slow
def test_tombstones_that_went_too_early_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow as the one above: the same, in a broken system."""
    monkeypatch.setattr(tombstones, "settled", lambda *_: TIME_MAX // 2)
    with pytest.raises(AssertionError):
        check_shuffled(4)
