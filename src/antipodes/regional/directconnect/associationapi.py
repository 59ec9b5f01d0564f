"""Direct Connect's operations on what is associated with its gateways.

With a VPN gateway the allowed prefixes are a filter of what its VPC has; with a transit gateway
they are what sites hear, whatever is attached there. AWS finds the gateway in whatever region it
is; here it is asked for in its own.
"""

from collections.abc import Iterable, Sequence
from ipaddress import AddressValueError, IPv4Network, NetmaskValueError

from antipodes.regional.directconnect import shown
from antipodes.regional.directconnect.answering import page, transit_gateway, vpn_gateway
from antipodes.regional.directconnect.model import (
    PRIVATE,
    TRANSIT,
    TRANSIT_GATEWAY,
    VPN_GATEWAY,
    Association,
    Gateway,
    changed,
)
from antipodes.regional.directconnect.service import DirectConnect, operations, refused
from antipodes.service.contract import Call, Request, Response

MOST = {VPN_GATEWAY: 20, TRANSIT_GATEWAY: 6}  # of a Direct Connect gateway, by AWS's quotas
PREFIXES_MAX = 200  # of an association with a transit gateway
_NEEDS = {VPN_GATEWAY: PRIVATE, TRANSIT_GATEWAY: TRANSIT}  # virtual interfaces


@operations("CreateDirectConnectGatewayAssociation")
async def create_direct_connect_gateway_association(
    service: DirectConnect, call: Call, request: Request
) -> Response:
    name = request.get("gatewayId") or request.get("virtualGatewayId") or ""
    kind = TRANSIT_GATEWAY if name.startswith("tgw-") else VPN_GATEWAY
    gateway = service.gateways.find(call.account, request["directConnectGatewayId"])
    allowed = _prefixes(request.get("addAllowedPrefixesToDirectConnectGateway") or [])
    if kind == TRANSIT_GATEWAY:
        found = await transit_gateway(service, call, name)
        if found["Options"]["AmazonSideAsn"] == gateway.asn:
            raise refused(f"{name} and {gateway.id} have the same ASN.")
    else:
        found = await vpn_gateway(service, call, name)
        if not found["VpcAttachments"]:
            raise refused(f"The virtual private gateway {name} is not attached to a VPC.")
    made = Association(
        service.new_uuid(),
        call.account,
        service.place,
        via=gateway.id,
        gateway=name,
        kind=kind,
        allowed=allowed,
    )
    _check(service, gateway, made)
    service.associations.keep(made)
    return {"directConnectGatewayAssociation": shown.association(made, "associating")}


def _prefixes(given: Iterable[Request]) -> tuple[str, ...]:
    texts = [one.get("cidr") or "" for one in given]
    try:
        return tuple(dict.fromkeys(str(IPv4Network(text)) for text in texts))
    except (AddressValueError, NetmaskValueError, ValueError):
        raise refused(f"Allowed prefixes are prefixes of IPv4, not {', '.join(texts)}.") from None


def _check(service: DirectConnect, gateway: Gateway, made: Association) -> None:
    """Refuse what a Direct Connect gateway cannot be associated with, beside what it has."""
    account = made.account
    beside = [
        one
        for one in service.associations.live(account)
        if one.via == gateway.id and one.id != made.id
    ]
    if any(one.gateway == made.gateway for one in beside):
        raise refused(f"{made.gateway} is associated with {gateway.id} already.")
    attached = [one for one in service.interfaces.live(account) if one.via == gateway.id]
    if any(one.kind != made.kind for one in beside) or any(
        one.kind != _NEEDS[made.kind] for one in attached
    ):
        raise refused(f"{gateway.id} has gateways or virtual interfaces of the other kind.")
    if len(beside) >= MOST[made.kind]:
        raise refused(f"A Direct Connect gateway has at most {MOST[made.kind]} of these.")
    if made.kind == TRANSIT_GATEWAY:
        _check_allowed(made.allowed, [prefix for one in beside for prefix in one.allowed])


def _check_allowed(allowed: Sequence[str], beside: Iterable[str]) -> None:
    """Refuse what sites cannot hear of a transit gateway: nothing, too much, or another's."""
    if not 0 < len(allowed) <= PREFIXES_MAX:
        raise refused(f"A transit gateway has 1 to {PREFIXES_MAX} allowed prefixes.")
    others = [IPv4Network(one) for one in beside]
    for prefix in map(IPv4Network, allowed):
        if any(prefix.overlaps(one) for one in others):
            raise refused(f"The allowed prefix {prefix} overlaps another transit gateway's.")


@operations("UpdateDirectConnectGatewayAssociation")
def update_direct_connect_gateway_association(
    service: DirectConnect, call: Call, request: Request
) -> Response:
    had = service.associations.find(call.account, request.get("associationId") or "")
    added = _prefixes(request.get("addAllowedPrefixesToDirectConnectGateway") or [])
    removed = _prefixes(request.get("removeAllowedPrefixesToDirectConnectGateway") or [])
    kept = [one for one in had.allowed if one not in removed]
    after = changed(had, allowed=tuple(dict.fromkeys((*kept, *added))))
    _check(service, service.gateways.find(call.account, had.via), after)
    service.associations.keep(after)
    return {"directConnectGatewayAssociation": shown.association(after, "updating")}


@operations("DescribeDirectConnectGatewayAssociations")
def describe_direct_connect_gateway_associations(
    service: DirectConnect, call: Call, request: Request
) -> Response:
    wanted = {
        "id": request.get("associationId"),
        "via": request.get("directConnectGatewayId"),
        "gateway": request.get("associatedGatewayId") or request.get("virtualGatewayId"),
    }
    if not any(wanted.values()):
        raise refused("The request names an association, or a gateway.")
    found = [
        shown.association(one)
        for one in service.associations.live(call.account)
        if all(value in {None, "", getattr(one, field)} for field, value in wanted.items())
    ]
    return page(found, request, "directConnectGatewayAssociations")


@operations("DeleteDirectConnectGatewayAssociation")
def delete_direct_connect_gateway_association(
    service: DirectConnect, call: Call, request: Request
) -> Response:
    pair = request.get("directConnectGatewayId"), request.get("virtualGatewayId")
    name = request.get("associationId") or next(
        (
            one.id
            for one in service.associations.live(call.account)
            if (one.via, one.gateway) == pair
        ),
        "",
    )
    gone = service.associations.find(call.account, name)
    service.associations.keep(changed(gone, ended=True))
    return {"directConnectGatewayAssociation": shown.association(gone, "disassociating")}
