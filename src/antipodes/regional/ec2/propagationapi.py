"""EC2's operations on what VPN gateways propagate to route tables."""

import msgspec

from antipodes.regional.ec2.answering import check_dry_run
from antipodes.regional.ec2.model import RouteTable
from antipodes.regional.ec2.modelvpn import VpnGateway
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.service.contract import Call, Request, Response, ServiceError


def _asked(service: Ec2, call: Call, request: Request) -> tuple[VpnGateway, RouteTable]:
    gateway = service.estate.vpn_gateways.get(call.account, request["GatewayId"])
    return gateway, service.estate.tables.get(call.account, request["RouteTableId"])


@operations("EnableVgwRoutePropagation")
def enable_vgw_route_propagation(service: Ec2, call: Call, request: Request) -> Response:
    """Have a table learn of a gateway; that it does already is no mistake."""
    gateway, table = _asked(service, call, request)
    if gateway.vpc != table.vpc:
        raise ServiceError(
            "Gateway.NotAttached", f"resource {gateway.id} is not attached to network {table.vpc}"
        )
    if table.gateways:
        raise ServiceError(
            "RouteNotSupported",
            f"{table.id} is the route table of a gateway: no routes are propagated to it.",
        )
    check_dry_run(request)
    propagates = tuple(dict.fromkeys((*table.propagates, gateway.id)))
    changed = msgspec.structs.replace(table, propagates=propagates)
    service.estate.tables.put(table.account, table.id, changed)
    return {}


@operations("DisableVgwRoutePropagation")
def disable_vgw_route_propagation(service: Ec2, call: Call, request: Request) -> Response:
    gateway, table = _asked(service, call, request)
    check_dry_run(request)
    kept = tuple(name for name in table.propagates if name != gateway.id)
    changed = msgspec.structs.replace(table, propagates=kept)
    service.estate.tables.put(table.account, table.id, changed)
    return {}
