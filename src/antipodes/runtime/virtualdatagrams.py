"""Datagrams between the hosts of a simulation."""

import random
from collections.abc import Callable

from antipodes.runtime.contract import Address, Datagram
from antipodes.runtime.datagrams import DatagramDoors, Ways, checked, sender
from antipodes.runtime.delayline import DelayLines
from antipodes.runtime.virtualnetwork import VirtualNetwork
from antipodes.runtime.virtualstream import NetworkHost


class VirtualDatagrams:
    """The doors for datagrams of all hosts, and what is under way to them."""

    def __init__(self, network: VirtualNetwork, lines: DelayLines, seed: int) -> None:
        self._network = network
        self._lines = lines
        chance = random.Random(f"{seed}/datagrams")  # noqa: S311 - repeatable on purpose
        self._ways = Ways(lines, chance)
        self._doors: DatagramDoors[NetworkHost] = DatagramDoors()

    def listen(
        self, host: NetworkHost, address: Address, receive: Callable[[Datagram], None], life: int
    ) -> "VirtualDatagramDoor":
        """Open a door of a host."""
        return VirtualDatagramDoor(self, host, self._doors.open(host, address, receive, life))

    def close(self, address: Address) -> None:
        """Close a door."""
        self._doors.close(address)

    def host_died(self, host: NetworkHost) -> None:
        """Close the doors of a dead host; what it has sent still arrives."""
        self._doors.close_all(host)

    def send(self, datagram: Datagram) -> None:
        """Put a datagram on its way."""
        sent = self._lines.now()
        self._ways.carry(datagram, lambda arrived: self._deliver(arrived, sent))

    def _deliver(self, datagram: Datagram, sent: float) -> None:
        network, way = self._network, (datagram.source.place, datagram.local.place)
        network.count(way, datagram.data)
        network.show(way, datagram.trace, ("data", datagram.data, sent))
        door = self._doors.find(datagram.local)
        if door is not None:
            host = door.owner
            network.loop.hold(host, host.context, door.receive, (datagram,))


class VirtualDatagramDoor:
    """An open door for datagrams."""

    def __init__(self, datagrams: VirtualDatagrams, host: NetworkHost, address: Address) -> None:
        self._datagrams = datagrams
        self._host = host
        self.address = address

    def send(self, to: Address, data: bytes, *, source_ip: str = "", trace: str = "") -> None:
        """Send; whether it arrives, nobody says."""
        source = sender(self.address)
        if self._host.alive:
            self._datagrams.send(Datagram(checked(data), source, source_ip, to, trace))

    def reply(self, to: Datagram, data: bytes) -> None:
        """Answer a datagram, from the address that it was sent to."""
        if self._host.alive:
            answer = Datagram(checked(data), to.local, "", to.source, to.trace)
            self._datagrams.send(answer)

    def close(self) -> None:
        """Take no more."""
        self._datagrams.close(self.address)
