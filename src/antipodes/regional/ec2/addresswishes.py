"""The addresses that a request wants an interface to have.

CreateNetworkInterface and RunInstances ask in the same words: one private address, a list that may
say which is the primary one, or a number of secondary ones; of IPv6 a list, or a number.
"""

from collections.abc import Sequence
from typing import NamedTuple

from antipodes.service.contract import Request, ServiceError

_NOT_OFFERED = (
    "Ipv4Prefixes",
    "Ipv4PrefixCount",
    "Ipv6Prefixes",
    "Ipv6PrefixCount",
    "ConnectionTrackingSpecification",
)


class Wishes(NamedTuple):
    """Addresses that are chosen (none: whichever is free), and how many more are to be found.

    A number of IPv6 that is None is the subnet's to say.
    """

    address: str = ""
    others: tuple[str, ...] = ()
    number: int = 0
    chosen6: tuple[str, ...] = ()
    number6: int | None = None


def wishes(request: Request) -> Wishes:
    """What a request, or its specification of an interface, says of addresses."""
    for member in _NOT_OFFERED:
        if request.get(member):
            raise ServiceError("UnsupportedOperation", f"{member} is not offered here")
    chosen = request.get("PrivateIpAddresses") or []
    number = request.get("SecondaryPrivateIpAddressCount") or 0
    first = [request["PrivateIpAddress"]] if request.get("PrivateIpAddress") else []
    first += [one.get("PrivateIpAddress") or "" for one in chosen if one.get("Primary")]
    others = tuple(one.get("PrivateIpAddress") or "" for one in chosen if not one.get("Primary"))
    if len(first) > 1:
        raise ServiceError(
            "InvalidParameterCombination", "Only one primary private IP address can be specified."
        )
    if number and others:
        raise ServiceError(
            "InvalidParameterCombination",
            "A number of secondary addresses cannot be specified together with some of them.",
        )
    if number < 0:
        raise ServiceError(
            "InvalidParameterValue", f"Value ({number}) for secondaryPrivateIpAddressCount."
        )
    chosen6 = tuple(one.get("Ipv6Address") or "" for one in request.get("Ipv6Addresses") or [])
    number6 = request.get("Ipv6AddressCount")
    check_six(chosen6, number6)
    return Wishes(first[0] if first else "", others, number, chosen6, number6)


def check_six(chosen: Sequence[str], number: int | None) -> None:
    """Refuse addresses of IPv6 together with a number of them, and a number that is none."""
    if chosen and number is not None:
        raise ServiceError(
            "InvalidParameterCombination",
            "The parameter ipv6AddressCount cannot be used with the parameter ipv6Addresses",
        )
    if number is not None and number < 0:
        raise ServiceError("InvalidParameterValue", f"Value ({number}) for ipv6AddressCount.")
