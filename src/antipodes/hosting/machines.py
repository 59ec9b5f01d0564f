"""Standing on an instance: whatever runs through it goes the way that its networks let it.

No machine is started for an instance, but a program can stand where it would be. Names are those
of its network's resolver. Before anything is sent, the packet that would begin the connection is
walked, and its answer: where they get through, the connection is made, from the instance's region
and with the address that it would be seen by; where they do not, nothing answers, and after some
patience it is said why. What was connected stays so, as a flow that is tracked does.
"""

import re
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Any, NamedTuple

from antipodes.fabric.network.fabric import Both, Fabric, from_interface
from antipodes.fabric.network.nodes import End
from antipodes.fabric.network.packets import TCP, Packet, text
from antipodes.fabric.network.topology import Topology
from antipodes.hosting.capturing import Captures, Flow, Seen
from antipodes.hosting.cities import FRONT_DOOR_PORT, CityProxy, Way
from antipodes.hosting.resolver import NetworkResolver, NoSuchName
from antipodes.regional.ec2.prefixlists import in_region
from antipodes.runtime.contract import Address, Runtime, TimedOut
from antipodes.service.programs import instance_door
from antipodes.world.addresses import place_of
from antipodes.world.world import World

EPHEMERAL_FIRST, EPHEMERAL_LAST = 32_768, 60_999  # as Linux chooses them
HTTPS_PORT = 443
PATIENCE_S = 5.0
ELSEWHERE = "192.0.2.1"  # of a service of Amazon's that has no addresses of its own here (RFC 5737)
_DNS_PORT = 53
_FOUR = 4
MACHINE = re.compile(r"(i|eni)-[0-9a-f]+")
TopologyOf = Callable[[], Awaitable[Topology]]


class Machine(NamedTuple):
    """An instance, or an interface, as somewhere to stand."""

    name: str
    interface: str
    address: str
    network: str
    region: str


def machine(topology: Topology, name: str) -> Machine | None:
    """What has that id: an interface, or an instance by its first one."""
    for interface in topology.interfaces.values():
        four = next((one for one in interface.addresses if ip_address(one).version == _FOUR), None)
        if four is not None and name in {interface.id, interface.of}:
            network = topology.networks[topology.subnets[interface.subnet].network]
            return Machine(name, interface.id, four, network.id, network.region)
    return None


class MachineProxy(CityProxy):
    """A machine in a network, and how it reaches the world."""

    def __init__(  # noqa: PLR0913 - all that a machine stands in
        self,
        runtime: Runtime,
        world: World,
        standing: Machine,
        topology: TopologyOf,
        captures: Captures,
        *,
        front_port: int = FRONT_DOOR_PORT,
    ) -> None:
        """`topology` gets the networks as they are now."""
        server = f"{standing.network}:{_DNS_PORT}"
        resolver = NetworkResolver(runtime, world, server=server, address=standing.address)
        seen: Any = Seen(runtime, self._flow)
        super().__init__(seen, world, front_port=front_port, resolver=resolver)
        self._standing = standing
        self._topology = topology
        self._captures = captures
        self._walks: dict[Way, Both] = {}  # by which connections were last found to get through
        self._ports = EPHEMERAL_FIRST

    def _flow(self, door: Address, source_ip: str) -> Flow | None:
        both = self._walks.pop(Way(door, source_ip), None)
        if both is None or not self._captures:
            return None
        return Flow(self._captures, self.runtime.wall, both)

    def _by(self, door: Address, both: Both) -> Way:
        packet = both.there.packet
        found = Way(door, text(packet.version, packet.source))
        if self._captures:
            self._walks[found] = both
        return found

    async def way(self, host: str, port: int) -> Way:
        """The way to a host. Raises NoSuchName, Gone, TimedOut where nothing comes back."""
        address = await self.resolver.resolve(host)
        topology, both = await self._passed(address, port)
        packet, hop = both.there.packet, both.there.end.hop
        target = text(packet.version, packet.target)
        if hop.kind == "interface":
            door = _door_at(topology, hop.id, target, packet.target_port)
        elif hop.kind == "service":
            door = Address(self._standing.region, "api")
        else:
            door = self.resolver.door(target, packet.target_port)
        return self._by(door, both)

    async def api_way(self, region: str, service: str) -> Way:
        """The way to the API of a service, by the name that its customers call."""
        try:
            address = await self.resolver.resolve(f"{service or 'api'}.{region}.amazonaws.com")
        except NoSuchName:
            address = self._public(region, service)
        _, both = await self._passed(address, HTTPS_PORT)
        return self._by(Address(region, "api"), both)

    def _public(self, region: str, service: str) -> str:
        """An address of a service of Amazon's."""
        for found in in_region(region, self.world.atlas):
            if found.name == f"com.amazonaws.{region}.{service}":
                return found.prefixes[0].partition("/")[0]
        return ELSEWHERE

    def _own_port(self) -> int:
        self._ports = self._ports + 1 if self._ports < EPHEMERAL_LAST else EPHEMERAL_FIRST
        return self._ports

    async def _passed(self, address: str, port: int) -> tuple[Topology, Both]:
        """How a packet gets there, if its answer comes back as well."""
        topology = await self._topology()
        version = ip_address(address).version
        if self._standing.interface not in topology.interfaces or version != _FOUR:
            raise NoSuchName(f"{address}: {self._standing.name} is not there, or has no IPv6")
        start = from_interface(self._standing.interface)
        own_port = self._own_port()
        packet = Packet.of(self._standing.address, address, TCP, port, port=own_port)
        both = Fabric(topology, version).walk(start, packet)
        there, back = both
        if back is not None and back.passed:
            return topology, both
        Flow(self._captures, self.runtime.wall, both).fail()
        await self.runtime.sleep(self.runtime.deadline(PATIENCE_S))
        failed = there if back is None else back
        raise TimedOut(f"{address}:{port} does not answer: {_ended(failed.end)}")


def _door_at(topology: Topology, interface: str, address: str, port: int) -> Address:
    """Where whoever has an interface takes connections: a program, an API, a service's node."""
    found = topology.interfaces[interface]
    subnet = topology.subnets[found.subnet]
    region = topology.networks[subnet.network].region
    if found.of.startswith("vpce-"):
        return Address(region, "api")
    if found.of.startswith("arn:"):  # a load balancer's node
        public = found.public.get(address, "")
        if public:  # by which alone it is open
            return Address(place_of(public) or subnet.zone, f"{public}:{port}")
        return Address(subnet.zone, f"{address}:{port}")
    if not found.of or found.of.startswith("i-"):
        return instance_door(region, interface, port)
    return Address(region, f"{address}:{port}")


def _ended(end: End) -> str:
    rule = f" by {end.rule.name}" if end.rule is not None else ""
    return f"{end.outcome}, {end.hop.kind} {end.hop.id}{rule}"
