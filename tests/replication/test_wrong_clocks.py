"""Global tables whose regions' clocks are wrong by minutes: what the last writer is then."""

from collections.abc import Callable

import pytest

from tests.regional.dynamodb.replicas import E, Planet, Region, S, W, play

AHEAD_S = 300.0


def test_a_write_of_a_region_ahead_wins_over_later_ones_that_had_not_heard_of_it() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        planet.simulation.set_clock(W, AHEAD_S)
        planet.cut(W, E)
        await west.put("k", "earlier, from the future")
        await planet.outside.sleep(AHEAD_S - 60)
        await east.put("k", "later")
        planet.heal(W, E)
        await planet.wait_until(planet.agree)
        assert east.items() == {"k": "earlier, from the future"}

    play(scenario)


def test_once_a_region_has_heard_of_the_future_its_writes_win_again() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        planet.simulation.set_clock(W, AHEAD_S)
        await west.put("k", "from the future")
        await planet.wait_until(lambda: east.items() == {"k": "from the future"})
        await east.put("k", "heard of it")
        await east.put("other", "above it as well")
        await planet.wait_until(planet.agree)
        assert west.items() == {"k": "heard of it", "other": "above it as well"}
        (one, _), (other, _) = east.everything()["k"], east.everything()["other"]
        assert one.wall_s == pytest.approx(west.runtime.wall(), abs=5), "not pushed ahead"
        assert other > one
        markers = planet.simulation.journal.markers()
        assert markers["replication.clock-pushed-ahead"] > 0
        assert markers["replication.version-ahead-of-the-clock"] > 0

    play(scenario)


def test_when_the_wall_has_caught_up_versions_are_wall_time_again() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        planet.simulation.set_clock(W, AHEAD_S)
        await west.put("k", "x")
        await planet.wait_until(planet.agree)
        planet.simulation.set_clock(W)
        await planet.outside.sleep(AHEAD_S + 30)
        for region in (west, east):
            await region.put("k", "y")
            assert region.everything()["k"][0].wall_s == pytest.approx(region.runtime.wall(), abs=1)
            await planet.wait_until(planet.agree)

    play(scenario)


@pytest.mark.parametrize("restarts", [False, True])
def test_a_clock_that_is_put_back_undoes_no_write(restarts: bool) -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        await west.put("k", "first")
        await west.put("gone", "first")
        await planet.outside.sleep(60)
        planet.simulation.set_clock(W, -AHEAD_S)
        if restarts:
            planet.kill(W)
            west = await planet.start(W)
        await west.put("k", "second")
        await west.delete("gone")
        await planet.wait_until(planet.agree)
        assert east.items() == {"k": "second"}
        assert west.statuses() == {W: "ACTIVE", E: "ACTIVE"}

    play(scenario)


def _settled(planet: Planet) -> Callable[[], bool]:
    return lambda: planet.agree() and all(r.markers() == 0 for r in planet.regions.values())


@pytest.mark.parametrize("seed", range(4))
def test_replicas_converge_and_tombstones_go_however_wrong_the_clocks_are(seed: int) -> None:
    async def scenario(planet: Planet, *_: Region) -> None:
        chance = planet.outside.chance("clocks")
        await planet.global_table(W, E, S)
        for number in range(150):
            name = chance.choice(planet.names)
            dice = chance.random()
            if dice < 0.1:
                offset_s = chance.uniform(-AHEAD_S, AHEAD_S)
                planet.simulation.set_clock(name, offset_s, chance.uniform(-5e4, 5e4))
            elif dice < 0.15:
                planet.kill(name)
                await planet.outside.sleep(chance.uniform(0, 2))
                await planet.start(name)
            elif dice < 0.4:
                await planet.regions[name].delete(f"k{chance.randrange(8)}")
            else:
                await planet.regions[name].put(f"k{chance.randrange(8)}", f"{number}")
            await planet.outside.sleep(chance.uniform(0, 1))
        await planet.wait_until(_settled(planet), within_s=2 * AHEAD_S)
        assert planet.agree()

    play(scenario, W, E, S, seed=seed)
