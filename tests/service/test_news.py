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
        place.hear((SOURCE,), lambda here: here.learn("on its way"), about="a")
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
