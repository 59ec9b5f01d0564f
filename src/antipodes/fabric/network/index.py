"""A topology of one family of addresses, with what is asked of it most at hand."""

from collections.abc import Callable, Hashable, Iterable
from functools import cached_property, lru_cache
from ipaddress import IPv6Address
from typing import Any, TypeVar

from antipodes.fabric.network.spaces import Range, prefix
from antipodes.fabric.network.topology import (
    NETWORK,
    Attachment,
    Interface,
    Network,
    Subnet,
    Topology,
)

T = TypeVar("T")
KEPT = 100_000  # texts, with what they say

_prefix = lru_cache(KEPT)(prefix)


@lru_cache(KEPT)
def _address(text: str) -> tuple[int, int]:
    if ":" in text:
        return 6, int(IPv6Address(text))
    first, second, third, last = text.split(".")  # by hand, since it is done for each address
    return 4, int(first) << 24 | int(second) << 16 | int(third) << 8 | int(last)


class Index:
    """A snapshot, and what follows from it."""

    def __init__(self, topology: Topology, version: int) -> None:
        self.topology = topology
        self.version = version
        self._made: dict[Hashable, Any] = {}

    def once(self, name: Hashable, make: Callable[[], T]) -> T:
        """What several points have in common, made for the first of them."""
        if name not in self._made:
            self._made[name] = make()
        found: T = self._made[name]
        return found

    def ranges(self, prefixes: Iterable[str]) -> list[Range]:
        """The ranges of those prefixes that are of this family."""
        return [one for version, one in map(_prefix, prefixes) if version == self.version]

    def addresses(self, texts: Iterable[str]) -> list[int]:
        """Those addresses that are of this family."""
        return [value for version, value in map(_address, texts) if version == self.version]

    def subnet_of(self, interface: Interface) -> Subnet:
        """The subnet of an interface."""
        return self.topology.subnets[interface.subnet]

    def network_of(self, interface: Interface) -> Network:
        """The network of an interface."""
        return self.topology.networks[self.subnet_of(interface).network]

    @cached_property
    def interfaces_in(self) -> dict[str, list[Interface]]:
        """The interfaces of each subnet."""
        found: dict[str, list[Interface]] = {subnet: [] for subnet in self.topology.subnets}
        for interface in self.topology.interfaces.values():
            found[interface.subnet].append(interface)
        return found

    @cached_property
    def subnets_in(self) -> dict[str, list[Subnet]]:
        """The subnets of each network."""
        found: dict[str, list[Subnet]] = {network: [] for network in self.topology.networks}
        for subnet in self.topology.subnets.values():
            found[subnet.network].append(subnet)
        return found

    @cached_property
    def members_of(self) -> dict[str, list[Interface]]:
        """The interfaces in each group."""
        found: dict[str, list[Interface]] = {group: [] for group in self.topology.groups}
        for interface in self.topology.interfaces.values():
            for group in interface.groups or ():
                found.setdefault(group, []).append(interface)
        return found

    @cached_property
    def public(self) -> dict[str, list[tuple[int, int]]]:
        """The private addresses of each network with the public ones that they have."""
        found: dict[str, list[tuple[int, int]]] = {
            network: [] for network in self.topology.networks
        }
        for interface in self.topology.interfaces.values():
            mapped = found[self.topology.subnets[interface.subnet].network]
            for private, public in interface.public.items():
                inside, outside = self.addresses((private,)), self.addresses((public,))
                mapped += zip(inside, outside, strict=True)
        return found

    @cached_property
    def gateway_of(self) -> dict[str, str]:
        """The internet gateway of each network that has one."""
        return {
            gateway.network: gateway.id
            for gateway in self.topology.gateways.values()
            if not gateway.egress_only
        }

    @cached_property
    def egress_of(self) -> dict[str, str]:
        """The gateway that only lets out, of each network that has one."""
        return {
            gateway.network: gateway.id
            for gateway in self.topology.gateways.values()
            if gateway.egress_only
        }

    @cached_property
    def attached(self) -> dict[tuple[str, str], str]:
        """The attachment of each hub and network."""
        return {
            (attachment.hub, attachment.of): attachment.id
            for attachment in self.topology.attachments.values()
            if attachment.kind == NETWORK
        }

    def zones_of(self, attachment: Attachment) -> dict[str, Interface]:
        """The interfaces of a network's attachment, those that are known, by zone."""
        known = self.topology.interfaces
        interfaces = (known[one] for one in attachment.interfaces if one in known)
        return {self.subnet_of(one).zone: one for one in interfaces}

    def counts_across(self, hub: str, one: str, other: str) -> bool:
        """Whether members of groups in one network count in another's rules, across a hub."""
        attachments = (self.attached.get((hub, network)) for network in (one, other))
        return self.topology.hubs[hub].references and all(
            attachment is not None and self.topology.attachments[attachment].references
            for attachment in attachments
        )

    def are_joined(self, one: str, other: str) -> bool:
        """Whether members of groups in one network count in the other's rules."""
        if one == other:
            return True
        regions = {self.topology.networks[network].region for network in (one, other)}
        return len(regions) == 1 and any(
            peering.active and set(peering.networks) == {one, other}
            for peering in self.topology.peerings.values()
        )
