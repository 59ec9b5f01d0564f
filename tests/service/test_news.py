"""News on its way to a place."""

from functools import partial

from antipodes.hosting.simulated import SimulatedWorld
from antipodes.service.news import Hearer

PLACE, SOURCE = "edge/NRT", "us-west-2"


class Place(Hearer):
    """Remembers what it has heard, in order."""

    def learn(self, what: str) -> None:
        """Take a piece of news."""
        self.known = [*getattr(self, "known", []), what]


def test_what_waits_for_a_cut_to_heal_is_the_newest_about_each_thing() -> None:
    simulated = SimulatedWorld((SOURCE,), seed=1)

    async def main() -> None:
        place = Place(simulated.outside, simulated.world, PLACE, 10.0)
        simulated.world.on_change(place.reconsider)
        for news in ("replaced on its way", "on its way"):
            place.hear((SOURCE,), partial(Place.learn, what=news), about="a")
        handle = simulated.install({"kind": "cut-link", "a": SOURCE, "b": PLACE})
        for number in range(1000):
            for about in ("b", "c"):
                news = f"{about}{number}"
                place.hear((SOURCE,), partial(Place.learn, what=news), about=about)
        place.hear((SOURCE,), lambda here: here.learn("an edit"))
        assert place.pending == 4
        await simulated.heal(handle)
        await simulated.outside.sleep(30)
        assert place.known == ["on its way", "b999", "c999", "an edit"]

    try:
        simulated.run(main())
    finally:
        simulated.close()


def test_what_is_deployed_sooner_does_not_wait_for_what_takes_longer() -> None:
    simulated = SimulatedWorld((SOURCE,), seed=1)

    async def main() -> None:
        place = Place(simulated.outside, simulated.world, PLACE, 60.0)
        for news in ("an edit", "another"):
            place.hear((SOURCE,), partial(Place.learn, what=news))
        for news in ("ill", "well"):
            place.hear((SOURCE,), partial(Place.learn, what=news), propagation_s=10.0)
        await simulated.outside.sleep(11)
        assert place.known == ["ill", "well"]
        await simulated.outside.sleep(50)
        assert place.known == ["ill", "well", "an edit", "another"]

    try:
        simulated.run(main())
    finally:
        simulated.close()
