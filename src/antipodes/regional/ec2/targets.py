"""What routes lead to: known by the prefix of its id, found by whoever keeps it.

Each kind has a line in `TARGETS` that says how a request and a description call it, how one is
missed, and how it is found. A route whose target is gone, is not joined to the table's network any
more, or does not work (yet) is a `blackhole`: that is asked each time, never kept.

Source: Amazon VPC User Guide, "Route tables"; botocore's CreateRoute.
"""

from collections.abc import Callable
from typing import NamedTuple

from antipodes.regional.ec2 import links, nats, peering
from antipodes.regional.ec2.endpointservices import INSPECTED
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.model import Interface, RouteTable
from antipodes.regional.ec2.modelhubs import AVAILABLE
from antipodes.service.contract import Request, ServiceError

LOCAL = "local"
RUNNING = "running"
_NOT_OFFERED = ("CarrierGatewayId", "LocalGatewayId", "CoreNetworkArn", "OdbNetworkArn")


class Found(NamedTuple):
    """A target: the networks whose tables may lead to it, and whether it takes packets now."""

    vpcs: tuple[str, ...]
    works: bool = True
    routable: bool = True  # no: an endpoint that no route may name


Find = Callable[[Estate, str, str], Found | None]


class Target(NamedTuple):
    """One kind of target."""

    prefix: str  # of its ids
    asked: str  # in requests
    shown: str  # in descriptions
    unknown: str  # the error where there is no such thing
    noun: str  # in that error's message
    find: Find


def _absent(_estate: Estate, _account: str, _name: str) -> None:
    """Nothing of this kind can be made here."""


def _gateway(estate: Estate, account: str, name: str) -> Found | None:
    gateway = estate.gateways.find(account, name)
    return None if gateway is None else Found((gateway.vpc,))


def _vpn_gateway(estate: Estate, account: str, name: str) -> Found | None:
    gateway = estate.vpn_gateways.find(account, name)
    return None if gateway is None else Found((gateway.vpc,))


def _egress_gateway(estate: Estate, account: str, name: str) -> Found | None:
    gateway = estate.egress_gateways.find(account, name)
    return None if gateway is None else Found((gateway.vpc,))


def _interface(estate: Estate, account: str, name: str) -> Found | None:
    """One takes packets that a service manages, or that a running instance has."""
    interface = estate.interfaces.find(account, name)
    if interface is None:
        return None
    attached = interface.attached
    instance = estate.instances.find(account, attached.instance) if attached is not None else None
    runs = instance is not None and instance.state == RUNNING
    return Found((interface.vpc,), works=runs or interface.manager != "")


def _translator(estate: Estate, account: str, name: str) -> Found | None:
    """One that has failed or was deleted is seen for a while, and is not there."""
    found = estate.nats.find(account, name)
    if found is None or not nats.is_there(found):
        return None
    return Found((found.vpc,))


def _hub(estate: Estate, account: str, name: str) -> Found | None:
    """Tables lead to it from the networks that are attached."""
    attached = [one for one in estate.attachments.list(account) if one.hub == name]
    if not attached and name not in {one.id for one in estate.hubs.all_usable(account)}:
        return None
    return Found(tuple(one.of for one in attached if one.kind == "vpc" and one.state == AVAILABLE))


def _peering(estate: Estate, account: str, name: str) -> Found | None:
    """Tables may lead to it once it is asked for; it works once that is accepted."""
    found = estate.peerings.find(account, name)
    if found is None:
        return None
    code = peering.code(found, estate.host.runtime.wall())
    if code not in peering.LIVE:
        return None
    here = account, estate.host.place
    sides = found.requester, found.accepter
    vpcs = tuple(one.vpc for one in sides if (one.account, one.region) == here)
    return Found(vpcs, works=code == peering.ACTIVE)


def _endpoint(estate: Estate, account: str, name: str) -> Found | None:
    """Routes lead to what hands packets to appliances; it works once its provider accepts it."""
    endpoint = estate.endpoints.find(account, name)
    if endpoint is None:
        return None
    works = endpoint.standing == links.AVAILABLE
    return Found((endpoint.vpc,), works, routable=endpoint.type == INSPECTED)


TARGETS = (
    Target(
        *("igw", "GatewayId", "GatewayId", "InvalidInternetGatewayID.NotFound"),
        *("internetGateway ID", _gateway),
    ),
    Target(
        *("vgw", "GatewayId", "GatewayId", "InvalidVpnGatewayID.NotFound"),
        *("vpnGateway ID", _vpn_gateway),
    ),
    Target(
        *("eni", "NetworkInterfaceId", "NetworkInterfaceId"),
        *("InvalidNetworkInterfaceID.NotFound", "networkInterface ID", _interface),
    ),
    Target(
        *("nat", "NatGatewayId", "NatGatewayId", "NatGatewayNotFound"),
        *("NAT gateway", _translator),
    ),
    Target(
        *("eigw", "EgressOnlyInternetGatewayId", "EgressOnlyInternetGatewayId"),
        *("InvalidGatewayID.NotFound", "egressOnlyInternetGateway ID", _egress_gateway),
    ),
    Target(
        *("tgw", "TransitGatewayId", "TransitGatewayId", "InvalidTransitGatewayID.NotFound"),
        *("transitGateway ID", _hub),
    ),
    Target(
        *("pcx", "VpcPeeringConnectionId", "VpcPeeringConnectionId"),
        *("InvalidVpcPeeringConnectionID.NotFound", "vpcPeeringConnection ID", _peering),
    ),
    Target(
        *("vpce", "VpcEndpointId", "GatewayId", "InvalidVpcEndpointId.NotFound"),
        *("VPC endpoint ID", _endpoint),
    ),
)


def kind_of(target: str) -> Target | None:
    """The kind of a target's id."""
    return next((one for one in TARGETS if target.startswith(f"{one.prefix}-")), None)


def is_there(estate: Estate, account: str, vpc: str, target: str) -> bool:
    """Whether what a route of a network's table leads to takes its packets."""
    if target == LOCAL:
        return True
    kind = kind_of(target)
    found = kind.find(estate, account, target) if kind is not None else None
    return found is not None and vpc in found.vpcs and found.works


def given(estate: Estate, account: str, request: Request) -> str:
    """The one target that a request names, an instance by its interface; nothing if none."""
    for member in _NOT_OFFERED:
        if request.get(member):
            raise ServiceError("UnsupportedOperation", f"{member} is not offered here")
    members = dict.fromkeys(["InstanceId", *(one.asked for one in TARGETS)])
    named = [member for member in members if request.get(member)]
    if len(named) > 1:
        raise ServiceError(
            "InvalidParameterCombination",
            f"A route has exactly one target; the request names {' and '.join(named)}",
        )
    if not named:
        return ""
    name = str(request[named[0]])
    if named[0] == "InstanceId":
        return _of_instance(estate, account, name).id
    kind = kind_of(name)
    if kind is not None and kind.asked == named[0]:
        return name
    kinds = [one for one in TARGETS if one.asked == named[0]]
    if len(kinds) > 1:
        raise ServiceError("InvalidGatewayID.NotFound", f"The gateway ID '{name}' does not exist")
    raise _missing(kinds[0], name)


def check(estate: Estate, table: RouteTable, target: str) -> None:
    """Refuse a target that is not there, or is not joined to the network of a table."""
    kind = kind_of(target)
    assert kind is not None, target
    found = kind.find(estate, table.account, target)
    if found is None:
        raise _missing(kind, target)
    if not found.routable:
        raise ServiceError(
            "RouteNotSupported",
            f"Route table contains unsupported route target: {target}. VPC Endpoints of this type "
            "cannot be used as route targets.",
        )
    if table.vpc in found.vpcs:
        return
    if kind.prefix == "tgw":
        raise _missing(kind, target)
    raise ServiceError(
        "InvalidParameterValue",
        f"route table {table.id} and {kind.noun} {target} belong to different networks",
    )


def shown(estate: Estate, account: str, target: str) -> Thing:
    """A target, as a route is shown with it."""
    kind = kind_of(target)
    if target == LOCAL or kind is None:
        return {"GatewayId": target}
    told: Thing = {kind.shown: target}
    interface = estate.interfaces.find(account, target) if kind.prefix == "eni" else None
    if interface is not None and interface.attached is not None and interface.attached.instance:
        told |= {
            "InstanceId": interface.attached.instance,
            "InstanceOwnerId": interface.attached.owner,
        }
    return told


def _missing(kind: Target, name: str) -> ServiceError:
    return ServiceError(kind.unknown, f"The {kind.noun} '{name}' does not exist")


def _of_instance(estate: Estate, account: str, name: str) -> Interface:
    """The one interface of an instance; one that has several is not a target."""
    attached = [
        one
        for one in estate.interfaces.list(account)
        if one.attached is not None and one.attached.instance == name
    ]
    if not attached:
        raise ServiceError("InvalidInstanceID.NotFound", f"The instance ID '{name}' does not exist")
    if len(attached) > 1:
        raise ServiceError(
            "InvalidInstanceID",
            f"There are multiple interfaces attached to instance '{name}'. Please specify an "
            "interface ID for the operation instead.",
        )
    return attached[0]
