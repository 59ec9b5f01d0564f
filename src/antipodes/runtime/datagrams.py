"""Messages without a connection, and what a way between places does to them.

A datagram arrives, or does not, and nobody says so: over a cut it is lost, and lost too if the way
is cut while it travels; loss drops it; a way that duplicates delivers it twice; jitter lets one
overtake another, and a way that reorders holds some back. On a narrowed way datagrams queue, and
what would wait longer than `QUEUE_S_MAX` is dropped, as a router does. Where nobody listens they
end in silence. Nothing is cut into pieces: a datagram of any size allowed is one.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from antipodes.runtime.contract import (
    DATAGRAM_BYTES_MAX,
    Address,
    Condition,
    Datagram,
    Gone,
    doors_for,
)
from antipodes.runtime.delayline import DelayLines

QUEUE_S_MAX = 1.0
FOUND_MAX = 10_000
Owner = TypeVar("Owner")


class Door(NamedTuple, Generic[Owner]):
    """Who listens."""

    owner: Owner
    receive: Callable[[Datagram], None]


class DatagramDoors(Generic[Owner]):
    """Which doors for datagrams are open, and whose they are."""

    def __init__(self) -> None:
        self._doors: dict[Address, Door[Owner]] = {}
        self._found: dict[Address, Door[Owner] | None] = {}  # since one was opened or closed
        self._opened = 0

    def open(
        self,
        owner: Owner,
        address: Address,
        receive: Callable[[Datagram], None],
        life: int,
        host: str = "",
    ) -> Address:
        """Open a door; without a port, one that no other has, in this life of the host or before.

        `host` ends the port that it is given. Raises Gone where one is open already.
        """
        if not address.port:
            self._opened += 1
            address = Address(address.place, f"datagrams-{life}-{self._opened}{host}")
        if address in self._doors:
            raise Gone(f"address in use: {address.place} {address.port}")
        self._doors[address] = Door(owner, receive)
        self._found.clear()
        return address

    def close(self, address: Address) -> None:
        """Close a door."""
        self._doors.pop(address, None)
        self._found.clear()

    def close_all(self, owner: Owner) -> None:
        """Close the doors of one owner."""
        for address in [a for a, door in self._doors.items() if door.owner is owner]:
            del self._doors[address]
        self._found.clear()

    def find(self, address: Address) -> Door[Owner] | None:
        """The door at an address, exact or wider."""
        found = self._found
        if address not in found:
            if len(found) >= FOUND_MAX:
                found.clear()
            doors = self._doors
            known = (doors[door] for door in doors_for(address) if door in doors)
            found[address] = next(known, None)
        return found[address]


def checked(data: bytes) -> bytes:
    """Refuse a datagram that is larger than one can be."""
    if len(data) > DATAGRAM_BYTES_MAX:
        raise ValueError(f"a datagram of {len(data)} bytes: {DATAGRAM_BYTES_MAX} is the most")
    return bytes(data)


def sender(door: Address) -> Address:
    """The address that a door sends from."""
    if "*" in door.place or "*" in door.port:
        raise ValueError(f"{door.place} {door.port} is many doors: only a reply leaves from one")
    return door


class Ways:
    """Carries datagrams from place to place, as the links are."""

    def __init__(self, lines: DelayLines, chance: random.Random) -> None:
        self._lines = lines
        self._chance = chance
        self._free_at: dict[tuple[str, str], float] = {}

    def carry(self, datagram: Datagram, deliver: Callable[[Datagram], None]) -> None:
        """Deliver a datagram that was just sent: later, once, twice or never."""
        way = (datagram.source.place, datagram.local.place)
        condition, chance = self._condition(way, datagram), self._chance
        if condition.cut or (condition.loss > 0 and chance.random() < condition.loss):
            return
        queueing_s = 0.0
        if condition.bandwidth_bytes_s > 0:
            now = self._lines.now()
            free_at = max(self._free_at.get(way, 0.0), now)
            queueing_s = free_at - now + len(datagram.data) / condition.bandwidth_bytes_s
            if free_at - now > QUEUE_S_MAX:
                return
            self._free_at[way] = now + queueing_s
        twice = condition.duplicated > 0 and chance.random() < condition.duplicated
        for _ in range(1 + twice):
            delay_s = queueing_s + condition.delay_s
            if condition.jitter_s > 0:
                delay_s += abs(chance.gauss(0.0, condition.jitter_s))
            if condition.held > 0 and chance.random() < condition.held:
                delay_s += condition.held_s
            version = self._lines.version
            self._lines.later(delay_s, partial(self._arrive, version, datagram, deliver))

    def _arrive(
        self, version: int, datagram: Datagram, deliver: Callable[[Datagram], None]
    ) -> None:
        if version != self._lines.version:  # the world has changed while it was under way
            way = (datagram.source.place, datagram.local.place)
            if self._condition(way, datagram).cut:
                return
        deliver(datagram)

    def _condition(self, way: tuple[str, str], datagram: Datagram) -> Condition:
        """The state of the way; an answer comes from the door that the question went to."""
        condition = self._lines.condition(way, datagram.local)
        return condition if condition.cut else self._lines.condition(way, datagram.source)
