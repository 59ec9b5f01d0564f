"""Direct Connect's operations on virtual interfaces, private and transit."""

from ipaddress import AddressValueError, IPv4Interface, IPv4Network, NetmaskValueError
from typing import Any

from antipodes.regional.directconnect import shown, tags
from antipodes.regional.directconnect.answering import asn_of, not_offered, page, vpn_gateway
from antipodes.regional.directconnect.model import (
    PRIVATE,
    TRANSIT,
    TRANSIT_GATEWAY,
    VPN_GATEWAY,
    Connection,
    Interface,
    changed,
)
from antipodes.regional.directconnect.service import DirectConnect, operations, refused
from antipodes.service.contract import Call, Request, Response

MOST = {PRIVATE: 50, TRANSIT: 4}  # of a connection, by AWS's default quotas
PER_GATEWAY_MAX = 30  # of a Direct Connect gateway, likewise
_MTUS = {PRIVATE: (1500, 9001), TRANSIT: (1500, 8500)}
_VLANS = range(1, 4095)
_NAMES = {PRIVATE: VPN_GATEWAY, TRANSIT: TRANSIT_GATEWAY}  # what each may lead to
_INSIDE = IPv4Network("169.254.0.0/16")
_NOT_OFFERED = (
    "enableSiteLink",
    "prefixPoolAllocatedCountIpv4",
    "prefixPoolAllocatedCountIpv6",
    "rateLimit",
)


@operations("CreatePrivateVirtualInterface")
async def create_private_virtual_interface(
    service: DirectConnect, call: Call, request: Request
) -> Response:
    wanted = request["newPrivateVirtualInterface"]
    direct, via = wanted.get("virtualGatewayId"), wanted.get("directConnectGatewayId")
    if bool(direct) == bool(via):
        raise refused("A private virtual interface has one of both gateways.")
    number = 0
    if direct:
        gateway = await vpn_gateway(service, call, direct)
        number = gateway["AmazonSideAsn"]
    return _made(service, call, request["connectionId"], wanted, PRIVATE, number)


@operations("CreateTransitVirtualInterface")
def create_transit_virtual_interface(
    service: DirectConnect, call: Call, request: Request
) -> Response:
    wanted = request["newTransitVirtualInterface"]
    if not wanted.get("directConnectGatewayId"):
        raise refused("A transit virtual interface leads to a Direct Connect gateway.")
    made = _made(service, call, request["connectionId"], wanted, TRANSIT, 0)
    return {"virtualInterface": made}


def _made(  # noqa: PLR0913, PLR0917 - who asks for what
    service: DirectConnect, call: Call, connection: str, wanted: Request, kind: str, number: int
) -> Response:
    """Make an interface of a connection; `number` is of the VPN gateway's AS, if it has one."""
    at = service.connection(call, connection)
    not_offered(wanted, _NOT_OFFERED)
    if wanted.get("addressFamily") == "ipv6":
        raise refused("addressFamily ipv6 is not offered here.")
    beside = [one for one in service.interfaces.live(call.account) if one.connection == at.id]
    vlan: int = wanted.get("vlan") or 0
    if vlan not in _VLANS or any(one.vlan == vlan for one in beside):
        raise refused(f"VLAN {vlan} is not valid, or another virtual interface's.")
    mtu = wanted.get("mtu") or _MTUS[kind][0]
    if mtu not in _MTUS[kind]:
        raise refused(f"MTU {mtu} is none of {_MTUS[kind]}.")
    if sum(one.kind == kind for one in beside) >= MOST[kind]:
        raise refused(f"A connection has at most {MOST[kind]} {kind} virtual interfaces.")
    via = wanted.get("directConnectGatewayId") or ""
    if via:
        number = _gateway_asn(service, call, via, kind)
    asn = asn_of(wanted)
    pairs = tags.given(wanted.get("tags") or [])
    amazon, customer = _addresses(service, wanted, beside)
    made = Interface(
        service.new_id("dxvif"),
        call.account,
        service.place,
        pairs,
        kind=kind,
        connection=at.id,
        name=wanted.get("virtualInterfaceName") or "",
        vlan=vlan,
        asn=asn,
        mtu=mtu,
        key=wanted.get("authKey") or service.new_key(),
        amazon=amazon,
        customer=customer,
        gateway=wanted.get("virtualGatewayId") or "",
        via=via,
        amazon_asn=number,
    )
    service.interfaces.keep(made)
    return shown.interface(made, at, "pending")


def _gateway_asn(service: DirectConnect, call: Call, via: str, kind: str) -> int:
    """The number of a Direct Connect gateway that may have one more interface of a kind."""
    gateway = service.gateways.find(call.account, via)
    own = [one for one in service.interfaces.live(call.account) if one.via == via]
    if len(own) >= PER_GATEWAY_MAX:
        raise refused(f"A Direct Connect gateway has at most {PER_GATEWAY_MAX} virtual interfaces.")
    associated = [one for one in service.associations.live(call.account) if one.via == via]
    if any(one.kind != kind for one in own) or any(one.kind != _NAMES[kind] for one in associated):
        raise refused(f"{via} has gateways or virtual interfaces of the other kind.")
    return gateway.asn


def _addresses(service: DirectConnect, wanted: Request, beside: list[Interface]) -> tuple[str, str]:
    """The addresses of both ends of the session of BGP: those given, or any that are free."""
    given = [wanted.get(member) for member in ("amazonAddress", "customerAddress")]
    if not any(given):
        network = service.free_network(_INSIDE, {one.amazon for one in beside})
        return f"{network[1]}/{network.prefixlen}", f"{network[2]}/{network.prefixlen}"
    try:
        amazon, customer = (IPv4Interface(text or "") for text in given)
    except (AddressValueError, NetmaskValueError, ValueError):
        raise refused("amazonAddress and customerAddress are two addresses of IPv4.") from None
    if amazon.network != customer.network or amazon.ip == customer.ip:
        raise refused("amazonAddress and customerAddress are two addresses of one network.")
    return str(amazon), str(customer)


@operations("DescribeVirtualInterfaces")
def describe_virtual_interfaces(service: DirectConnect, call: Call, request: Request) -> Response:
    found = service.interfaces.here(call.account)
    if request.get("virtualInterfaceId"):
        found = [service.interface(call, request["virtualInterfaceId"])]
    if request.get("connectionId"):
        found = [one for one in found if one.connection == request["connectionId"]]
    shown_: list[Any] = [shown.interface(one, _of(service, one)) for one in found]
    return page(shown_, request, "virtualInterfaces")


def _of(service: DirectConnect, one: Interface) -> Connection:
    return service.connections.find(one.account, one.connection)


@operations("DeleteVirtualInterface")
def delete_virtual_interface(service: DirectConnect, call: Call, request: Request) -> Response:
    gone = service.interface(call, request["virtualInterfaceId"])
    service.interfaces.keep(changed(gone, ended=True))
    return {"virtualInterfaceState": "deleting"}
