"""DNS for the laptop: each city's resolver, and the edge as it is asked directly.

A city's port number speaks DNS beside HTTP and SOCKS5, and so does the front door's. A program that
asks a city gets what the city's resolver says: from its cache, if it can, and through CNAMEs.
Whoever asks the front door asks the edge location nearest to the laptop, over the world, and gets
its own, authoritative word. A message over TCP begins with its length, whose first byte is below
`DNS_BELOW` for every question there is; no other protocol spoken at these ports begins so.
"""

from typing import Protocol

from antipodes.fabric.dns.message import AA, SERVFAIL, Query, encode_answer
from antipodes.hosting.resolver import DOOR, TRIES_S
from antipodes.runtime.contract import (
    Address,
    Datagram,
    DatagramDoor,
    Gone,
    Listener,
    ReceiverFactory,
    Runtime,
    TimedOut,
)
from antipodes.service.dnsclient import DnsClient
from antipodes.service.dnsserver import Asker, DnsServer, Door
from antipodes.world import addresses
from antipodes.world.world import World

DNS_BELOW = 4
PORT_TRIES = 20


def is_dns(data: bytes) -> bool:
    """Whether a connection that begins so carries DNS."""
    return data[0] < DNS_BELOW


class EdgeNames:
    """The edge location nearest to somebody, asked over the world."""

    def __init__(self, runtime: Runtime, world: World) -> None:
        self._runtime = runtime
        self._world = world
        self._client = DnsClient(runtime)
        self._source_ip = addresses.client_ip(runtime.place, 0)
        self.server = DnsServer(runtime, self._ask)

    async def _ask(self, query: Query, asker: Asker) -> bytes:
        del asker
        for try_s in TRIES_S:
            edge = Address(self._world.anycast_edge(self._runtime.place), DOOR)
            try:
                answer = await self._client.ask(
                    edge,
                    query.name,
                    query.rtype,
                    subnet=query.subnet,
                    timeout_s=try_s,
                    tries=1,
                    source_ip=self._source_ip,
                )
            except (Gone, TimedOut):
                continue
            return encode_answer(
                query,
                answer.rcode,
                answer.answers,
                answer.authority,
                answer.additional,
                authoritative=bool(answer.flags & AA),
                scope=answer.subnet.scope if answer.subnet is not None else 0,
            )
        return encode_answer(query, SERVFAIL)


async def open_port(
    runtime: Runtime, factory: ReceiverFactory, names: DnsServer
) -> tuple[Listener, DatagramDoor]:
    """Open a port number of 127.0.0.1 that is free for connections and for datagrams."""
    for _ in range(PORT_TRIES):
        listener = await runtime.listen_loopback(factory)
        try:
            return listener, await hear_datagrams(runtime, listener.port, names)
        except Gone:
            listener.close()
    raise Gone("no port number of 127.0.0.1 is free for both TCP and UDP")


class Names(Protocol):
    """Who answers datagrams."""

    def take(self, datagram: Datagram, door: Door) -> None: ...


async def hear_datagrams(runtime: Runtime, port: int, names: Names) -> DatagramDoor:
    """Open a UDP port of 127.0.0.1 for a server of names. Raises Gone where it is taken."""

    def take(datagram: Datagram) -> None:
        names.take(datagram, door)

    door = await runtime.listen_loopback_datagrams(port, take)
    return door
