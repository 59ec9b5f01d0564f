"""Where whoever names no city stands: in the one nearest to the first region.

What comes to the front door for a host inside the world leaves from there, and so do questions of
DNS. The place is found when it is first needed, since a world has to be up at once.
"""

from collections.abc import Mapping
from functools import cached_property

from antipodes.fabric.dns.cache import Behaviour
from antipodes.hosting.cities import FRONT_DOOR_PORT, CityProxy
from antipodes.hosting.nameservers import EdgeNames
from antipodes.runtime.contract import Accepted, Datagram, Receiver, Runtime
from antipodes.service.dnsserver import Door
from antipodes.world.world import World


class Laptop:
    """The way into the world for those who are nowhere in particular."""

    def __init__(self, runtime: Runtime, world: World, chosen: Mapping[str, Behaviour]) -> None:
        self._runtime = runtime
        self._world = world
        self._chosen = chosen
        self.port = FRONT_DOOR_PORT  # the one that was really opened, once it is

    @cached_property
    def _standing(self) -> Runtime:
        region = self._world.regions[0]
        cities = [city.place for city in self._world.atlas.cities]
        rtt_ms = self._world.rtt_ms
        return self._runtime.at(min(cities, key=lambda city: (rtt_ms(city, region), city)))

    @cached_property
    def _city(self) -> CityProxy:
        return CityProxy(self._standing, self._world, self._chosen, front_port=self.port)

    @cached_property
    def _names(self) -> EdgeNames:
        return EdgeNames(self._standing, self._world)

    def receiver(self, accepted: Accepted) -> Receiver:
        """Take a connection that speaks HTTP, for a host inside the world."""
        return self._city.receiver(accepted)

    def names_receiver(self, accepted: Accepted) -> Receiver:
        """Take a connection that speaks DNS."""
        return self._names.receiver(accepted)

    def take(self, datagram: Datagram, door: Door) -> None:
        """Take a question of DNS."""
        self._names.take(datagram, door)

    async def knows(self, host: str) -> bool:
        """Whether a Host header names something inside the world."""
        return await self._city.resolver.knows(host)
