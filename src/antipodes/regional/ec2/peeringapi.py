"""EC2's operations on peering connections of VPCs."""

import re
from typing import Any

from antipodes.regional.ec2 import filters, kinds, peering, shownpeering
from antipodes.regional.ec2.answering import check_dry_run, described, not_offered
from antipodes.regional.ec2.modelpeers import PeeredNetwork, Peering
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.tags import tags_given
from antipodes.service.contract import Call, Request, Response, ServiceError

_ACCOUNT = re.compile(r"[0-9]{12}")
_NOT_OFFERED = (
    "AllowEgressFromLocalClassicLinkToRemoteVpc",
    "AllowEgressFromLocalVpcToRemoteClassicLink",
    "AllowMultipathResilience",
    "MultipathResilienceMode",
)
_OPTIONS = {
    "RequesterPeeringConnectionOptions": peering.REQUESTER,
    "AccepterPeeringConnectionOptions": peering.ACCEPTER,
}


@operations("CreateVpcPeeringConnection")
def create_vpc_peering_connection(service: Ec2, call: Call, request: Request) -> Response:
    not_offered(request.get("RequesterPeeringConnectionOptions") or {}, _NOT_OFFERED)
    vpc = service.estate.vpcs.get(call.account, request["VpcId"])
    peer = _peer(service, call, request)
    tags = tags_given(request.get("TagSpecifications") or [], kinds.PEERING.resource)
    service.peerings.check_request(vpc, peer.vpc)
    check_dry_run(request)
    made = service.peerings.request(vpc, peer)
    service.estate.tag(call.account, made.id, tags)
    found = shownpeering.connection(service.estate, call.account, made, peering.INITIATING)
    return {"VpcPeeringConnection": found}


def _peer(service: Ec2, call: Call, request: Request) -> PeeredNetwork:
    """The VPC that a request asks for; whether it is there, its region says."""
    here = service.region.code
    account, region = request.get("PeerOwnerId") or call.account, request.get("PeerRegion") or here
    if not request.get("PeerVpcId"):
        raise ServiceError("MissingParameter", "The request must contain the parameter peerVpcId")
    if _ACCOUNT.fullmatch(account) is None:
        raise ServiceError("InvalidParameterValue", f"Invalid account: '{account}'")
    if region not in service.host.world.regions:
        raise ServiceError("InvalidParameterValue", f"Unsupported region: '{region}'")
    return PeeredNetwork(account, region, request["PeerVpcId"])


@operations("DescribeVpcPeeringConnections")
def describe_vpc_peering_connections(service: Ec2, call: Call, request: Request) -> Response:
    found = [_shown(service, call, one) for one in service.peerings.seen(call.account)]
    return described(kinds.PEERING, found, request, filters.PEERING_FILTERS)


def _shown(service: Ec2, call: Call, of: Peering) -> dict[str, Any]:
    code = service.peerings.code(of)
    return shownpeering.connection(service.estate, call.account, of, code)


@operations("AcceptVpcPeeringConnection")
def accept_vpc_peering_connection(service: Ec2, call: Call, request: Request) -> Response:
    found = service.peerings.get(call.account, request["VpcPeeringConnectionId"])
    accepted = service.peerings.accepted(call.account, found)
    check_dry_run(request)
    service.peerings.keep(accepted)
    shown = shownpeering.connection(service.estate, call.account, accepted, peering.PROVISIONING)
    return {"VpcPeeringConnection": shown}


@operations("RejectVpcPeeringConnection")
def reject_vpc_peering_connection(service: Ec2, call: Call, request: Request) -> Response:
    found = service.peerings.get(call.account, request["VpcPeeringConnectionId"])
    rejected = service.peerings.rejected(call.account, found)
    check_dry_run(request)
    service.peerings.keep(rejected)
    return {"Return": True}


@operations("DeleteVpcPeeringConnection")
def delete_vpc_peering_connection(service: Ec2, call: Call, request: Request) -> Response:
    found = service.peerings.get(call.account, request["VpcPeeringConnectionId"])
    deleted = service.peerings.deleted(call.account, found)
    check_dry_run(request)
    service.peerings.keep(deleted)
    return {"Return": True}


@operations("ModifyVpcPeeringConnectionOptions")
def modify_vpc_peering_connection_options(service: Ec2, call: Call, request: Request) -> Response:
    found = service.peerings.get(call.account, request["VpcPeeringConnectionId"])
    wanted: dict[str, bool] = {}
    for member, role in _OPTIONS.items():
        options = request.get(member) or {}
        not_offered(options, _NOT_OFFERED)
        if options.get("AllowDnsResolutionFromRemoteVpc") is not None:
            wanted[role] = bool(options["AllowDnsResolutionFromRemoteVpc"])
    if not wanted:
        raise ServiceError("MissingParameter", "The request must contain options to modify")
    changed = service.peerings.configured(call.account, found, wanted)
    check_dry_run(request)
    service.peerings.keep(changed)
    return {
        member: shownpeering.options(getattr(changed, role))
        for member, role in _OPTIONS.items()
        if role in wanted
    }
