"""Whether the region's networks let something through that a service is about to send or take.

Services ask where a world enforces its networks (`network_enforce`); otherwise nothing is held
back. What is asked is a walk of the first packet and of its answer, over everything that accounts
have in the region. Networks are looked at anew after a second at most, as AWS's changes take a
moment; what is connected stays so. What leads to another region's network is let through: that
region knows what it would refuse.
"""

from ipaddress import ip_address

import msgspec

from antipodes.fabric.network import outcomes
from antipodes.fabric.network.fabric import (
    ON_THE_INTERNET,
    Both,
    Fabric,
    from_interface,
    into_groups,
)
from antipodes.fabric.network.measures import measured
from antipodes.fabric.network.nodes import Key
from antipodes.fabric.network.packets import TCP, Packet
from antipodes.fabric.network.together import together
from antipodes.fabric.network.walking import Walk
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.modelpeers import Endpoint
from antipodes.regional.ec2.topology import topology

OLD_S = 1.0
EPHEMERAL_PORT = 49152
_FOUR = 4


class Guard:
    """The networks of one region, asked by its services."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._runtime = estate.host.runtime
        self.enforces = estate.host.settings.network_enforce
        self._fabric: Fabric | None = None
        self._looked_at = 0.0

    def from_internet(self, source: str, target: str, port: int, protocol: int = TCP) -> str:
        """Why somebody on the internet does not reach a public address; "" if they do."""
        return self._judged(
            ON_THE_INTERNET, source, target, port, protocol, answers=not self._is_ours(source)
        )

    def from_interface(
        self, interface: str, source: str, target: str, port: int, protocol: int = TCP
    ) -> str:
        """Why an interface does not reach an address from its own; "" if it does."""
        if not self._knows(interface):
            return outcomes.NO_ADDRESS
        return self._judged(from_interface(interface), source, target, port, protocol)

    def for_somebody(
        self, interface: str, source: str, target: str, port: int, protocol: int = TCP
    ) -> str:
        """Why what an interface sends with somebody else's address does not arrive; "" if it does.

        The answer is the sender's to find: whoever keeps an address knows where it came from.
        """
        return self._one_way(from_interface(interface), interface, source, target, port, protocol)

    def into_interface(
        self, interface: str, source: str, target: str, port: int, protocol: int = TCP
    ) -> str:
        """Why an interface's groups do not take what has come to it otherwise; "" if they do."""
        return self._one_way(into_groups(interface), interface, source, target, port, protocol)

    def way(self, interface: str, source: str, target: str, port: int) -> Both:
        """The way itself, from an interface that is there, and its answer's."""
        packet = Packet.of(source, target, TCP, port, port=EPHEMERAL_PORT)
        return self.fabric().walk(from_interface(interface), packet)

    def endpoint(self, interface: str, source: str, target: str, port: int) -> Endpoint | None:
        """The VPC endpoint that takes what an interface sends to an address, if it is one."""
        hop = self.way(interface, source, target, port).there.end.hop
        there = self.fabric().index.topology.interfaces.get(hop.id)
        name = there.of if there is not None else hop.id
        return next((one for one in self._estate.endpoints.all() if one.id == name), None)

    def takes_s(self, way: Walk | None, size: int) -> float:
        """How long so many bytes of a flow take by a way, in one direction, if it is known."""
        if way is None:
            return 0.0
        world = self._estate.host.world
        found = measured(way.steps, lambda one, other: world.rtt_ms(one, other) / 2)
        return found.latency_ms / 1e3 + (size * 8 / (found.gbps * 1e9) if found.gbps else 0.0)

    def _knows(self, interface: str) -> bool:
        """Whether an interface is there; one that was not a moment ago is looked for again."""
        if interface in self.fabric().index.topology.interfaces:
            return True
        if self._looked_at < self._runtime.now():
            self._fabric = None
        return interface in self.fabric().index.topology.interfaces

    def fabric(self) -> Fabric:
        """The networks as they were a moment ago."""
        now = self._runtime.now()
        if self._fabric is None or now - self._looked_at >= OLD_S:
            estate = self._estate
            told = [msgspec.to_builtins(topology(estate, one)) for one in estate.accounts()]
            self._fabric, self._looked_at = Fabric(together(told), _FOUR), now
        return self._fabric

    def _is_ours(self, address: str) -> bool:
        """Whether a public address is of these networks: its way out was walked, not from here."""
        if not self.enforces:
            return False
        number = int(ip_address(address))
        published = self.fabric().index.public.values()
        return any(number == public for pairs in published for _, public in pairs)

    def _one_way(  # noqa: PLR0913, PLR0917 - a packet, and where it begins
        self, start: Key, interface: str, source: str, target: str, port: int, protocol: int
    ) -> str:
        if not self._knows(interface):
            return outcomes.NO_ADDRESS
        return self._judged(start, source, target, port, protocol, answers=False)

    def _judged(  # noqa: PLR0913 - a packet, and where it begins
        self,
        start: Key,
        source: str,
        target: str,
        port: int,
        protocol: int,
        *,
        answers: bool = True,
    ) -> str:
        """Why a packet does not come to its end, or its answer where that counts."""
        if not self.enforces:
            return ""
        packet = Packet.of(source, target, protocol, port, port=EPHEMERAL_PORT)
        there, back = self.fabric().walk(start, packet)
        failed = there if back is None or not answers else back
        if failed.passed and (back is not None or not answers):
            return ""
        if there.end.outcome == outcomes.UNKNOWN:
            return ""
        if failed.end.outcome == outcomes.UNKNOWN:
            return ""
        return f"{failed.end.outcome}, {failed.end.hop.kind} {failed.end.hop.id}"
