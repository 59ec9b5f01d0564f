"""What operations have in common: what is not offered, pages, and what EC2 has."""

from collections.abc import Iterable, Sequence
from typing import Any

from antipodes.regional.directconnect.service import DirectConnect, refused
from antipodes.service.contract import Call, Request, Response, ServiceError
from antipodes.service.paging import InvalidToken, page_at

PAGE_MAX = 100
_ASNS = range(1, 4_294_967_295)
_PRIVATE_ASNS = (range(64512, 65535), range(4_200_000_000, 4_294_967_295))


def not_offered(request: Request, members: Sequence[str]) -> None:
    """Refuse, by name, what a request asks for and is not here."""
    for member in members:
        if request.get(member):
            raise refused(f"{member} is not offered here.")


def page(things: Iterable[Any], request: Request, member: str) -> Response:
    """A page of things."""
    size = request.get("maxResults") or PAGE_MAX
    try:
        found, following = page_at(list(things), request.get("nextToken") or None, size)
    except InvalidToken:
        raise refused("nextToken is not valid.") from None
    return {member: list(found)} | ({"nextToken": following} if following else {})


def asn_of(request: Request) -> int:
    """The number of a customer's AS."""
    number: int = request.get("asnLong") or request.get("asn") or 0
    if number not in _ASNS:
        raise refused(f"The ASN {number} is not valid.")
    return number


def amazon_asn(request: Request, otherwise: int) -> int:
    """The number of Amazon's side: a private one."""
    number: int = request.get("amazonSideAsn") or otherwise
    if not any(number in numbers for numbers in _PRIVATE_ASNS):
        raise refused(f"The Amazon side ASN {number} is not a private one.")
    return number


async def vpn_gateway(service: DirectConnect, call: Call, name: str) -> Response:
    """A VPN gateway of this region, as EC2 describes it."""
    found = await _ec2(service, call, "DescribeVpnGateways", {"VpnGatewayIds": [name]})
    shown: Response = found["VpnGateways"][0]
    if shown["State"] != "available":
        raise refused(f"The virtual private gateway {name} is not available.")
    return shown


async def transit_gateway(service: DirectConnect, call: Call, name: str) -> Response:
    """A transit gateway of this region, as EC2 describes it."""
    found = await _ec2(service, call, "DescribeTransitGateways", {"TransitGatewayIds": [name]})
    shown: Response = found["TransitGateways"][0]
    if shown["State"] != "available" or shown["OwnerId"] != call.account:
        raise refused(f"The transit gateway {name} is not available.")
    return shown


async def _ec2(service: DirectConnect, call: Call, operation: str, asked: Request) -> Response:
    try:
        return await service.host.call(
            "ec2", operation, asked, account=call.account, trace=call.trace
        )
    except ServiceError as error:
        raise refused(error.message) from None
