"""Where somebody stands who names no city: in the city nearest to the first region."""

from collections.abc import Sequence

from antipodes.world.atlas import load_atlas
from antipodes.world.world import World


def nearest_city(world: World) -> str:
    """The city nearest to the first region of a world."""
    cities = [city.place for city in world.atlas.cities]
    return min(cities, key=lambda city: (world.rtt_ms(city, world.regions[0]), city))


def nearest_city_of(regions: Sequence[str]) -> str:
    """As `nearest_city`, for a world that runs elsewhere."""
    return nearest_city(World(load_atlas(), regions)).removeprefix("city/")
