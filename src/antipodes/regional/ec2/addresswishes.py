"""The private addresses that a request wants an interface to have.

CreateNetworkInterface and RunInstances ask in the same words: one address, a list that may say
which is the primary one, or a number of secondary ones.
"""

from typing import NamedTuple

from antipodes.service.contract import Request, ServiceError

_NOT_OFFERED = (
    "Ipv4Prefixes",
    "Ipv4PrefixCount",
    "Ipv6Prefixes",
    "Ipv6PrefixCount",
    "Ipv6Addresses",
    "Ipv6AddressCount",
    "ConnectionTrackingSpecification",
)


class Wishes(NamedTuple):
    """Addresses that are chosen (none: whichever is free), and how many more are to be found."""

    address: str = ""
    others: tuple[str, ...] = ()
    number: int = 0


def wishes(request: Request) -> Wishes:
    """What a request, or its specification of an interface, says of private addresses."""
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
    return Wishes(first[0] if first else "", others, number)
