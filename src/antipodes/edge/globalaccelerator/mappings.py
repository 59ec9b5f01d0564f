"""Custom routing: which address and port of a subnet a listener's port stands for. Pure arithmetic.

A subnet that is added takes as many free ports of its listener as its group's destinations need,
lowest first, and keeps them while it is there: the n-th of them is the n-th pair of address and
port. AWS keeps five addresses of a subnet (the first four and the last), which have no ports.
"""

from collections.abc import Iterator
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import NamedTuple

import msgspec

from antipodes.edge.globalaccelerator.errors import invalid, limited
from antipodes.edge.globalaccelerator.model import Destinations, Group, Listener, Opened, Subnet

RESERVED_FIRST, RESERVED_LAST = 4, 1
PREFIX_MIN, PREFIX_MAX = 17, 28


class Target(NamedTuple):
    """What a port stands for."""

    port: int  # of the accelerator
    group: Group
    subnet: Subnet
    address: str
    destination_port: int
    protocols: tuple[str, ...]

    @property
    def is_open(self) -> bool:
        """Whether traffic is allowed to it."""
        return is_open(self.subnet, self.address, self.destination_port)


def check_network(cidr: str) -> IPv4Network:
    """Return a subnet's network; raises InvalidArgumentException if it is too large or small."""
    network = IPv4Network(cidr)
    if not PREFIX_MIN <= network.prefixlen <= PREFIX_MAX:
        raise invalid(f"A subnet of {cidr} is not between /{PREFIX_MIN} and /{PREFIX_MAX}")
    return network


def address_count(network: IPv4Network) -> int:
    """How many addresses of a subnet have ports."""
    return network.num_addresses - RESERVED_FIRST - RESERVED_LAST


def port_count(destinations: tuple[Destinations, ...]) -> int:
    """How many ports each address has."""
    return sum(part.high - part.low + 1 for part in destinations)


def take_ports(listener: Listener, wanted: int) -> tuple[tuple[int, int], ...]:
    """Return free ports of a listener, as ranges; raises LimitExceededException."""
    subnets = [subnet for group in listener.groups for subnet in group.subnets]
    taken = sorted(segment for subnet in subnets for segment in subnet.segments)
    found: list[tuple[int, int]] = []
    for low, high in sorted(listener.ports):
        start = low
        for a, b in [*taken, (high + 1, high + 1)]:
            end = min(a - 1, high, start + wanted - 1)
            if start <= end:
                found.append((start, end))
                wanted -= end - start + 1
            start = max(start, b + 1)
    if wanted:
        raise limited(f"The listener has {wanted} ports too few for the subnet")
    return tuple(found)


def target(listener: Listener, port: int) -> Target | None:
    """What a listener's port stands for; nothing if no subnet has it."""
    for group in listener.groups:
        for subnet in group.subnets:
            before = 0
            for low, high in subnet.segments:
                if low <= port <= high:
                    return _target(group, subnet, port, before + port - low)
                before += high - low + 1
    return None


def _target(group: Group, subnet: Subnet, port: int, number: int) -> Target:
    address, rest = divmod(number, port_count(group.destinations))
    ip = str(IPv4Address(_first(subnet.network) + address))
    for part in group.destinations:
        size = part.high - part.low + 1
        if rest < size:
            return Target(port, group, subnet, ip, part.low + rest, part.protocols)
        rest -= size
    raise AssertionError(f"port {port} lies outside of its subnet's mapping")


@lru_cache(1 << 10)
def _first(network: str) -> int:
    """The first address of a network that has ports."""
    return int(IPv4Network(network).network_address) + RESERVED_FIRST


def targets(group: Group, subnet: Subnet, numbers: range) -> Iterator[Target]:
    """Yield what some of a subnet's ports stand for, which are counted from 0."""
    before = 0
    for low, high in subnet.segments:
        size = high - low + 1
        for number in range(max(numbers.start, before), min(numbers.stop, before + size)):
            yield _target(group, subnet, low + number - before, number)
        before += size


def numbers_of(subnet: Subnet) -> range:
    """All of a subnet's ports."""
    return range(sum(high - low + 1 for low, high in subnet.segments))


def numbers_of_address(group: Group, subnet: Subnet, address: str) -> range:
    """Which of a subnet's ports stand for one address; none if it has none."""
    try:
        ip = int(IPv4Address(address))
    except AddressValueError:
        raise invalid(f"DestinationAddress {address} is not an IPv4 address") from None
    ports = port_count(group.destinations)
    first = (ip - _first(subnet.network)) * ports
    return range(first, first + ports) if first in numbers_of(subnet) else range(0)


# What is allowed.


def is_open(subnet: Subnet, address: str, port: int) -> bool:
    """Whether traffic may go to an address and port."""
    exception = subnet.exceptions.get(address)
    if exception is None:
        return subnet.is_open
    return exception.is_open != (port in exception.ports)


def with_all(subnet: Subnet, *, is_open: bool) -> Subnet:
    """The subnet with all traffic allowed, or none."""
    return msgspec.structs.replace(subnet, is_open=is_open, exceptions={})


def with_some(
    group: Group, subnet: Subnet, addresses: list[str], ports: list[int], *, is_open: bool
) -> Subnet:
    """The subnet with some addresses' ports (none: all of them) allowed, or denied."""
    exceptions = dict(subnet.exceptions)
    for address in addresses:
        if not numbers_of_address(group, subnet, address):
            raise invalid(f"{address} is not a destination address of {subnet.id}")
        known = exceptions.get(address, Opened(subnet.is_open))
        if not ports:
            known = Opened(is_open)
        elif known.is_open == is_open:
            known = Opened(known.is_open, tuple(p for p in known.ports if p not in ports))
        else:
            known = Opened(known.is_open, tuple(sorted({*known.ports, *ports})))
        exceptions[address] = known
        if known == Opened(subnet.is_open):
            del exceptions[address]
    return msgspec.structs.replace(subnet, exceptions=exceptions)
