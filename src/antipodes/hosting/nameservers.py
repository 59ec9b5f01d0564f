"""DNS for the laptop: each city's resolver, and the edge as it is asked directly.

A city's port number speaks DNS beside HTTP and SOCKS5, and so does the front door's. A program that
asks a city gets what the city's resolver says: from its cache, if it can, and through CNAMEs.
Whoever asks the front door asks the edge location nearest to the laptop, over the world, and gets
its own, authoritative word. A message over TCP begins with its length, whose first byte is below
`DNS_BELOW` for every question there is; no other protocol spoken at these ports begins so.
"""

from typing import Protocol

from antipodes.fabric.dns.message import AA, QUESTION_AT, SERVFAIL, Query, encode_answer
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
EARLY_MAX, PASSED_MAX = 100, 10_000  # questions that wait; of more, the oldest are forgotten


def is_dns(data: bytes) -> bool:
    """Whether a connection that begins so carries DNS."""
    return data[0] < DNS_BELOW


class EdgeNames:
    """The edge location nearest to somebody, asked over the world.

    What comes as a datagram is passed on as it is, but for its id, and so is what is answered: it
    is the edge's own word in every bit. Nothing is asked again, since whoever asks does so himself.
    Questions on streams are asked anew.
    """

    def __init__(self, runtime: Runtime, world: World) -> None:
        self._runtime = runtime
        self._world = world
        self._client = DnsClient(runtime)
        self._source_ip = addresses.client_ip(runtime.place, 0)
        self._server = DnsServer(runtime, self._ask)
        self.receiver = self._server.receiver
        self._way: DatagramDoor | None = None
        self._early: list[tuple[Datagram, Door]] = []  # came before the way was open
        self._passed: dict[int, tuple[Datagram, Door]] = {}  # the oldest first
        self._last_id = 0

    def take(self, datagram: Datagram, door: Door) -> None:
        """Take a question of somebody's, and answer by a door."""
        if self._way is not None:
            self._pass_on(self._way, datagram, door)
        elif len(self._early) < EARLY_MAX:
            self._early.append((datagram, door))
            if len(self._early) == 1:
                self._runtime.spawn(self._open_way(), "open a way to the edge's names")

    async def _open_way(self) -> None:
        way = await self._runtime.listen_datagrams(Address(self._runtime.place, ""), self._answer)
        self._way = way
        early, self._early = self._early, []
        for datagram, door in early:
            self._pass_on(way, datagram, door)

    def _pass_on(self, way: DatagramDoor, datagram: Datagram, door: Door) -> None:
        data, passed = datagram.data, self._passed
        if len(data) < QUESTION_AT or data[2] & 0x80:
            return  # no question
        if len(passed) >= PASSED_MAX:
            del passed[next(iter(passed))]
        identifier = self._last_id = (self._last_id + 1) & 0xFFFF
        passed[identifier] = datagram, door
        edge = Address(self._world.anycast_edge(self._runtime.place), DOOR)
        way.send(edge, identifier.to_bytes(2, "big") + data[2:], source_ip=self._source_ip)

    def _answer(self, datagram: Datagram) -> None:
        data = datagram.data
        found = self._passed.pop(int.from_bytes(data[:2], "big"), None)
        if found is not None:
            question, door = found
            door.reply(question, question.data[:2] + data[2:])

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
