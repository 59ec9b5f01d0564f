"""EC2's operations on VPN connections."""

import msgspec

from antipodes.regional.ec2 import (
    hubs,
    kinds,
    prefixlists,
    shownvpn,
    tunnels,
    vpnfilters,
    vpns,
)
from antipodes.regional.ec2.answering import check_dry_run, described, not_offered
from antipodes.regional.ec2.hubroutes import VPN
from antipodes.regional.ec2.modelhubs import HubAttachment
from antipodes.regional.ec2.modelvpn import VpnConnection
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.tags import tags_given
from antipodes.service.contract import Call, Request, Response, ServiceError

_NOT_OFFERED = ("VpnConcentratorId",)


@operations("CreateVpnConnection")
def create_vpn_connection(service: Ec2, call: Call, request: Request) -> Response:
    """Make a connection; between the same two gateways there is one only."""
    estate, account = service.estate, call.account
    not_offered(request, _NOT_OFFERED)
    if request.get("PreSharedKeyStorage") not in {None, "", "Standard"}:
        raise ServiceError("UnsupportedOperation", "SecretsManager is not offered here")
    vpns.check_type(request)
    customer = estate.customers.get(account, request["CustomerGatewayId"])
    gateway, hub = vpns.target(estate, account, request)
    if not gateway and not hub:
        raise ServiceError(
            "MissingParameter", "Either VpnGatewayId or TransitGatewayId is required."
        )
    options = request.get("Options") or {}
    vpns.check_options(options)
    wanted = tunnels.wanted(options.get("TunnelOptions") or [])
    large = vpns.is_large(options, hub)
    local = vpns.selector(options, "LocalIpv4NetworkCidr", vpns.EVERYTHING)
    remote = vpns.selector(options, "RemoteIpv4NetworkCidr", vpns.EVERYTHING)
    tags = tags_given(request.get("TagSpecifications") or [], kinds.VPN_CONNECTION.resource)
    beside = [one for one in estate.vpns.list(account) if gateway and one.gateway == gateway]
    for one in beside:
        if one.customer == customer.id:
            check_dry_run(request)
            return _answer(service, one)
    taken = [tunnel.inside for one in beside for tunnel in one.tunnels]
    for tunnel in wanted:
        if tunnel.inside in taken:
            raise _taken(tunnel.inside)
    vpns.check_number(estate, account, gateway)
    number = vpns.free_number(estate)
    check_dry_run(request)
    outside = tunnels.outside(service.region.position, number)
    first, second = tunnels.made(wanted, outside, taken, service.host.runtime.chance("ec2/tunnels"))
    made = VpnConnection(
        estate.vpns.new_id(),
        account,
        customer.id,
        (first, second),
        gateway,
        hub,
        static=bool(options.get("StaticRoutesOnly")),
        large=large,
        local=local,
        remote=remote,
        number=number,
        made_at=service.host.runtime.wall(),
    )
    estate.vpns.put(account, made.id, made)
    estate.tag(account, made.id, tags)
    if hub:
        _attach(service, made)
    return _answer(service, made)


def _taken(inside: str) -> ServiceError:
    return ServiceError(
        "InvalidParameterValue", f"The inside CIDR block {inside} is another tunnel's."
    )


def _attach(service: Ec2, of: VpnConnection) -> None:
    """Attach a connection to its transit gateway."""
    estate = service.estate
    hub = estate.hubs.get(of.account, of.hub)
    made = HubAttachment(
        *(estate.attachments.new_id(), of.account, hub.id, VPN, of.id, hub.attached + 1),
        made_at=service.host.runtime.wall(),
    )
    estate.hubs.put(of.account, hub.id, msgspec.structs.replace(hub, attached=made.number))
    hubs.start(estate, made)


def _detach(service: Ec2, of: VpnConnection) -> None:
    """Take a connection from its transit gateway, if it has one."""
    if of.hub:
        attachment = vpns.attachment_of(service.estate, of)
        hubs.end_attachment(service.estate, attachment, hubs.DELETED)


def _answer(service: Ec2, of: VpnConnection, state: str = "pending") -> Response:
    return {"VpnConnection": shownvpn.connection(service.estate, of) | {"State": state}}


@operations("DescribeVpnConnections")
def describe_vpn_connections(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    seen = hubs.seen(estate, estate.vpns, estate.ended_vpns, call.account)
    found = [shownvpn.connection(estate, one) for one in seen]
    known = vpnfilters.connections(estate, call.account)
    return described(kinds.VPN_CONNECTION, found, request, known)


@operations("DeleteVpnConnection")
def delete_vpn_connection(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    gone = estate.vpns.get(call.account, request["VpnConnectionId"])
    check_dry_run(request)
    _detach(service, gone)
    hubs.end(estate, estate.vpns, estate.ended_vpns, gone)
    return {}


@operations("ModifyVpnConnection")
def modify_vpn_connection(service: Ec2, call: Call, request: Request) -> Response:
    """Lead a connection from another customer gateway, or to another gateway; tunnels stay."""
    estate, account = service.estate, call.account
    had = estate.vpns.get(account, request["VpnConnectionId"])
    gateway, hub = vpns.target(estate, account, request)
    customer = request.get("CustomerGatewayId") or ""
    if sum(map(bool, (gateway, hub, customer))) != 1:
        raise ServiceError(
            "InvalidParameterCombination",
            "The request must contain exactly one of CustomerGatewayId, VpnGatewayId and "
            "TransitGatewayId.",
        )
    if customer:
        changed = msgspec.structs.replace(had, customer=estate.customers.get(account, customer).id)
    else:
        vpns.check_move(estate, had, gateway, hub)
        changed = msgspec.structs.replace(had, gateway=gateway, hub=hub)
    check_dry_run(request)
    if changed.hub != had.hub:
        _detach(service, had)
    estate.vpns.put(account, had.id, changed)
    if changed.hub and changed.hub != had.hub:
        _attach(service, changed)
    return _answer(service, changed, "modifying")


@operations("ModifyVpnConnectionOptions")
def modify_vpn_connection_options(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    had = estate.vpns.get(call.account, request["VpnConnectionId"])
    vpns.check_options(request)
    changed = msgspec.structs.replace(
        had,
        local=vpns.selector(request, "LocalIpv4NetworkCidr", had.local),
        remote=vpns.selector(request, "RemoteIpv4NetworkCidr", had.remote),
        large=vpns.is_large(request, had.hub, had.large),
    )
    check_dry_run(request)
    estate.vpns.put(call.account, had.id, changed)
    return _answer(service, changed, "modifying")


@operations("ModifyVpnTunnelOptions")
def modify_vpn_tunnel_options(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    not_offered(request, ("PreSharedKeyStorage", "SkipTunnelReplacement"))
    had = estate.vpns.get(call.account, request["VpnConnectionId"])
    address = request["VpnTunnelOutsideIpAddress"]
    found = [one for one in had.tunnels if one.outside == address]
    if not found:
        raise ServiceError(
            "InvalidParameterValue", f"The VPN connection {had.id} has no tunnel at {address}."
        )
    after = tunnels.modified(found[0], request["TunnelOptions"])
    beside = [
        tunnel.inside
        for one in estate.vpns.list(call.account)
        for tunnel in one.tunnels
        if tunnel.outside != address
        and (one.id == had.id or (had.gateway and one.gateway == had.gateway))
    ]
    if after.inside in beside:
        raise _taken(after.inside)
    check_dry_run(request)
    first, second = (after if one.outside == address else one for one in had.tunnels)
    changed = msgspec.structs.replace(had, tunnels=(first, second))
    estate.vpns.put(call.account, had.id, changed)
    return _answer(service, changed, "modifying")


@operations("CreateVpnConnectionRoute")
def create_vpn_connection_route(service: Ec2, call: Call, request: Request) -> Response:
    """Add a static route; one that is there already is no mistake."""
    estate = service.estate
    had = estate.vpns.get(call.account, request["VpnConnectionId"])
    to = str(prefixlists.parsed(request["DestinationCidrBlock"], "destinationCidrBlock", 4))
    if not had.static or not had.gateway:
        raise ServiceError(
            "InvalidVpnConnection.InvalidType",
            f"The VPN connection {had.id} does not support static routes.",
        )
    if to in had.routes:
        return {}
    if len(had.routes) >= vpns.ROUTES_MAX:
        raise ServiceError(
            "ResourceCountLimitExceeded",
            f"A VPN connection has at most {vpns.ROUTES_MAX} static routes.",
        )
    changed = msgspec.structs.replace(had, routes=(*had.routes, to))
    estate.vpns.put(call.account, had.id, changed)
    return {}


@operations("DeleteVpnConnectionRoute")
def delete_vpn_connection_route(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    had = estate.vpns.get(call.account, request["VpnConnectionId"])
    to = str(prefixlists.parsed(request["DestinationCidrBlock"], "destinationCidrBlock", 4))
    if to not in had.routes:
        raise ServiceError(
            "InvalidRoute.NotFound", f"The VPN connection {had.id} has no static route to {to}"
        )
    kept = tuple(one for one in had.routes if one != to)
    estate.vpns.put(call.account, had.id, msgspec.structs.replace(had, routes=kept))
    return {}
