"""EC2's operations on VPN gateways (virtual private gateways): VPCs' ways to customers' sites."""

import msgspec

from antipodes.regional.ec2 import hubs, kinds, shownvpn, vpnfilters, vpns
from antipodes.regional.ec2.answering import check_dry_run, described
from antipodes.regional.ec2.modelvpn import VpnGateway
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.tags import tags_given
from antipodes.service.contract import Call, Request, Response, ServiceError

GATEWAYS_MAX = 5  # of an account in a region, by AWS's default quota


@operations("CreateVpnGateway")
def create_vpn_gateway(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    vpns.check_type(request)
    number = hubs.asn(request, VpnGateway("", "").asn)
    zone = request.get("AvailabilityZone") or ""
    if zone and zone not in {one.name for one in service.region.zones}:
        raise ServiceError(
            "InvalidZone.NotFound", f"The availability zone '{zone}' does not exist."
        )
    tags = tags_given(request.get("TagSpecifications") or [], kinds.VPN_GATEWAY.resource)
    if estate.vpn_gateways.count(call.account) >= GATEWAYS_MAX:
        raise ServiceError(
            "VpnGatewayLimitExceeded", "The maximum number of VPN gateways has been reached."
        )
    check_dry_run(request)
    made = VpnGateway(estate.vpn_gateways.new_id(), call.account, number, zone)
    estate.vpn_gateways.put(call.account, made.id, made)
    estate.tag(call.account, made.id, tags)
    return {"VpnGateway": shownvpn.vpn_gateway(estate, made)}


@operations("DescribeVpnGateways")
def describe_vpn_gateways(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    seen = hubs.seen(estate, estate.vpn_gateways, estate.ended_vpn_gateways, call.account)
    found = [shownvpn.vpn_gateway(estate, one) for one in seen]
    return described(kinds.VPN_GATEWAY, found, request, vpnfilters.GATEWAY_FILTERS)


@operations("AttachVpnGateway")
def attach_vpn_gateway(service: Ec2, call: Call, request: Request) -> Response:
    estate, account = service.estate, call.account
    gateway = estate.vpn_gateways.get(account, request["VpnGatewayId"])
    vpc = estate.vpcs.get(account, request["VpcId"])
    if gateway.vpc:
        raise ServiceError(
            "VpnGatewayAttachmentLimitExceeded",
            f"The VPN gateway {gateway.id} is attached to {gateway.vpc}.",
        )
    if any(one.vpc == vpc.id for one in estate.vpn_gateways.list(account)):
        raise ServiceError(
            "InvalidVpcState", f"{vpc.id} already has a virtual private gateway attached to it"
        )
    check_dry_run(request)
    estate.vpn_gateways.put(account, gateway.id, msgspec.structs.replace(gateway, vpc=vpc.id))
    return {"VpcAttachment": {"VpcId": vpc.id, "State": "attaching"}}


@operations("DetachVpnGateway")
def detach_vpn_gateway(service: Ec2, call: Call, request: Request) -> Response:
    """Routes to the gateway stay, and lead nowhere; what it propagated is gone."""
    estate, account = service.estate, call.account
    gateway = estate.vpn_gateways.get(account, request["VpnGatewayId"])
    vpc = estate.vpcs.get(account, request["VpcId"])
    if gateway.vpc != vpc.id:
        raise ServiceError(
            "InvalidVpnGatewayAttachment.NotFound",
            f"The attachment with vpn gateway ID '{gateway.id}' and vpc ID '{vpc.id}' does not "
            "exist",
        )
    for table in estate.tables.list(account):
        if any(name == gateway.id for _, name in table.gateways):
            raise ServiceError(
                "DependencyViolation",
                f"{gateway.id} is associated with route table {table.id} and cannot be detached.",
            )
    check_dry_run(request)
    for table in estate.tables.list(account):
        if gateway.id in table.propagates:
            kept = tuple(name for name in table.propagates if name != gateway.id)
            changed = msgspec.structs.replace(table, propagates=kept)
            estate.tables.put(table.account, table.id, changed)
    estate.vpn_gateways.put(account, gateway.id, msgspec.structs.replace(gateway, vpc=""))
    return {}


@operations("DeleteVpnGateway")
def delete_vpn_gateway(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    gateway = estate.vpn_gateways.get(call.account, request["VpnGatewayId"])
    account = call.account
    used = {one.gateway for one in estate.vpns.list(account)}
    used |= {one.gateway for one in estate.lines.of(account)}
    used |= {one.gateway for one in estate.lines.joined(account)}
    if gateway.vpc or gateway.id in used:
        raise ServiceError("IncorrectState", "The VPN gateway is in use.")
    check_dry_run(request)
    hubs.end(estate, estate.vpn_gateways, estate.ended_vpn_gateways, gateway)
    return {}
