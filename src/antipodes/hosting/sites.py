"""The host of the customer's sites: doors at private addresses, behind which programs listen.

A connection to an address at which a site listens goes on to a port of the user's own machine, so
that people run there what stands in their data centre: nothing leaves 127.0.0.1. The distance lies
between the asker and the site; between the site and the program there is none. A program that does
not run refuses, as a machine does on which nothing listens. The same goes for datagrams: those of
one source come to the program from one port until nothing has moved for a while.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from antipodes.hosting.links import LAPTOP, SITE
from antipodes.runtime.contract import (
    Accepted,
    Address,
    Datagram,
    DatagramDoor,
    Receiver,
    Runtime,
)
from antipodes.service.conversations import Conversations
from antipodes.service.programs import passed_to
from antipodes.world.world import World

DATAGRAMS_IDLE_S = 180.0  # as long as a stateful firewall at a site would remember, or longer


class SiteHost:
    """All sites of a world, alive."""

    def __init__(self, runtime: Runtime, world: World) -> None:
        self.place = SITE
        self.runtime = runtime
        self.world = world
        self._conversations = Conversations(runtime, DATAGRAMS_IDLE_S)

    async def start(self) -> None:
        """Open the doors of all sites."""
        for site in self.world.sites:
            standing = self.runtime.at(site.place)
            for end, program in site.listen:
                address, to = Address(site.place, end), Address(LAPTOP, program)
                await standing.listen(address, partial(self._accept, program))
                await self._listen_datagrams(standing, address, to)

    def _accept(self, program: str, accepted: Accepted) -> Receiver:
        standing = self.runtime.at(accepted.local.place)
        return passed_to(standing, program, accepted, "site.nobody-listens")

    async def _listen_datagrams(self, standing: Runtime, address: Address, to: Address) -> None:
        def take(datagram: Datagram) -> None:
            self._conversations.take(datagram, partial(self._begin, to, door.reply))

        door = await standing.listen_datagrams(address, take)

    def _begin(
        self, to: Address, reply: Callable[[Datagram, bytes], None], first: Datagram
    ) -> None:
        self._conversations.begin(first, self._open_port, to, reply)

    def _open_port(self, receive: Callable[[Datagram], None]) -> Awaitable[DatagramDoor]:
        """Open a port from which a program is spoken to."""
        if self.runtime.virtual:
            return self.runtime.listen_datagrams(Address(LAPTOP, ""), receive)
        return self.runtime.listen_loopback_datagrams(0, receive)

    async def stop(self) -> None:
        """Nothing outlives the host."""

    def status(self) -> dict[str, Any]:
        """What there is to say about the sites."""
        return {
            "place": self.place,
            "sites": {site.name: dict(site.listen) for site in self.world.sites},
        }
