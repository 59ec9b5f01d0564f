"""How news reaches one edge location: late, in order, and not through a cut."""

import functools

from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.edge.globalaccelerator.locations import Location
from antipodes.hosting.links import WorldLinks
from antipodes.runtime.virtual import Simulation
from antipodes.world.atlas import load_atlas
from antipodes.world.faults import CutLink
from antipodes.world.world import World

HOME, PLACE = "us-west-2", "edge/GRU"
PROPAGATION_S = 60.0
ATLAS = load_atlas()


@given(st.lists(st.tuples(st.floats(0, 90), st.booleans()), min_size=1, max_size=12), st.integers())
@settings(max_examples=60, deadline=None)
def test_news_arrives_once_in_order_and_no_sooner_than_half_the_time(
    news: list[tuple[float, bool]], seed: int
) -> None:
    """Each piece of news comes a while after the one before; the way may be cut meanwhile."""
    world = World(ATLAS, (HOME,), seed=1)
    simulation = Simulation(WorldLinks(world), seed=seed)
    runtime = simulation.boot("edge")
    sent: list[float] = []
    arrived: list[tuple[int, float]] = []

    async def main() -> None:
        location = Location(runtime, world, PLACE, PROPAGATION_S)
        world.on_change(location.reconsider)
        for number, (after_s, is_cut) in enumerate(news):
            handle = world.install(CutLink(HOME, PLACE)) if is_cut else ""
            await runtime.sleep(after_s / 2)
            sent.append(runtime.now())
            note = functools.partial(_note, number)
            location.hear((HOME,), note)
            await runtime.sleep(after_s / 2)
            if handle:
                world.heal(handle)
        last = runtime.now()
        await runtime.sleep(PROPAGATION_S + 1)
        assert location.pending == 0
        assert arrived[-1][1] <= last + PROPAGATION_S + 1

    def _note(number: int, _: Location) -> None:
        arrived.append((number, runtime.now()))

    async def spawned() -> None:
        await runtime.spawn(main(), "main")

    try:
        simulation.run(spawned())
    finally:
        simulation.close()
    assert [number for number, _ in arrived] == list(range(len(news)))
    for number, at in arrived:
        assert at - sent[number] >= PROPAGATION_S / 2
