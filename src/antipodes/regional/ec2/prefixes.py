"""Prefixes, as requests give them, and what AWS lets a network and a subnet have.

Host bits are taken away, as AWS does: 100.68.0.18/18 becomes 100.68.0.0/18. A network may be joined
by further prefixes only as its own ones allow.

Source: Amazon VPC User Guide, "VPC CIDR blocks", "Subnet CIDR blocks".
"""

from collections.abc import Iterable
from ipaddress import AddressValueError, IPv4Network, NetmaskValueError

from antipodes.service.contract import ServiceError

LENGTH_MIN, LENGTH_MAX = 16, 28
_TEN, _ONE_SEVENTY_TWO, _ONE_NINETY_TWO = (
    IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
)
_BENCHMARK = IPv4Network("198.19.0.0/16")
_LINK_LOCAL = IPv4Network("169.254.0.0/16")
_PRIVATE = (_TEN, _ONE_SEVENTY_TWO, _ONE_NINETY_TWO)
# What a network with a prefix in the first may not be joined by.
_APART = (
    (_TEN, (_ONE_SEVENTY_TWO, _ONE_NINETY_TWO, _BENCHMARK)),
    (_ONE_SEVENTY_TWO, (_TEN, _ONE_NINETY_TWO, _BENCHMARK, IPv4Network("172.31.0.0/16"))),
    (_ONE_NINETY_TWO, (_TEN, _ONE_SEVENTY_TWO, _BENCHMARK)),
    (_BENCHMARK, _PRIVATE),
    (IPv4Network("10.0.0.0/15"), (IPv4Network("10.0.0.0/16"),)),
)


def parsed(text: str, parameter: str) -> IPv4Network:
    """A prefix of IPv4; refuse what is none."""
    try:
        network = IPv4Network(text, strict=False)
    except (AddressValueError, NetmaskValueError, ValueError):
        network = None
    if network is None or "/" not in text:
        raise ServiceError(
            "InvalidParameterValue",
            f"Value ({text}) for parameter {parameter} is invalid. This is not a valid CIDR block.",
        )
    return network


def of_network(text: str) -> IPv4Network:
    """A network's prefix: from /16 to /28."""
    network = parsed(text, "cidrBlock")
    is_one = LENGTH_MIN <= network.prefixlen <= LENGTH_MAX
    if not is_one or network.overlaps(_LINK_LOCAL):
        raise ServiceError("InvalidVpc.Range", f"The CIDR '{text}' is invalid.")
    return network


def of_subnet(text: str, own: Iterable[str], others: Iterable[str]) -> IPv4Network:
    """A subnet's prefix: inside one of its network's own, and beside the other subnets."""
    network = parsed(text, "cidrBlock")
    inside = any(network.subnet_of(IPv4Network(prefix)) for prefix in own)
    if not inside or not LENGTH_MIN <= network.prefixlen <= LENGTH_MAX:
        raise ServiceError("InvalidSubnet.Range", f"The CIDR '{text}' is invalid.")
    if any(network.overlaps(IPv4Network(other)) for other in others):
        raise ServiceError(
            "InvalidSubnet.Conflict", f"The CIDR '{text}' conflicts with another subnet"
        )
    return network


def further(text: str, own: Iterable[str], routed: Iterable[str]) -> IPv4Network:
    """One more prefix of a network that has some, whose tables have routes to others."""
    network = of_network(text)
    had = [IPv4Network(prefix) for prefix in own]
    if any(network.overlaps(other) for other in had):
        raise ServiceError(
            "InvalidVpc.Range", f"The CIDR '{text}' overlaps with an existing CIDR of the VPC."
        )
    for mine, apart in _APART:
        if any(one.subnet_of(mine) for one in had) and any(network.overlaps(one) for one in apart):
            raise _restricted(text)
    if not any(one.subnet_of(private) for one in had[:1] for private in _PRIVATE) and any(
        network.subnet_of(private) for private in _PRIVATE
    ):
        raise _restricted(text)
    if any(IPv4Network(route).subnet_of(network) for route in routed):
        raise ServiceError(
            "InvalidVpc.Range",
            f"The CIDR '{text}' is the same as or larger than a route's destination in a route "
            "table of the VPC.",
        )
    return network


def _restricted(text: str) -> ServiceError:
    return ServiceError("InvalidVpc.Range", f"The CIDR '{text}' is restricted for this VPC.")
