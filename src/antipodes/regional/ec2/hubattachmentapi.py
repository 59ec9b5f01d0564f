"""EC2's operations on what is attached to transit gateways: VPCs."""

from typing import Any

import msgspec

from antipodes.regional.ec2 import filters, hubs, kinds, shownhubs
from antipodes.regional.ec2.answering import check_dry_run, described
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.hubroutes import VPC
from antipodes.regional.ec2.modelhubs import Hub, HubAttachment
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.tags import tags_given
from antipodes.service.contract import Call, Request, Response, ServiceError

_OF_VPCS = kinds.HUB_ATTACHMENT._replace(many="TransitGatewayVpcAttachments")


@operations("CreateTransitGatewayVpcAttachment")
def create_transit_gateway_vpc_attachment(service: Ec2, call: Call, request: Request) -> Response:
    estate, options = service.estate, request.get("Options") or {}
    hub = estate.hubs.get(call.account, request["TransitGatewayId"])
    vpc = estate.vpcs.get(call.account, request["VpcId"])
    subnets = hubs.subnets_given(estate, call.account, vpc.id, request["SubnetIds"])
    tags = tags_given(request.get("TagSpecifications") or [], kinds.HUB_ATTACHMENT.resource)
    _check_new(estate, hub, vpc.id)
    name = estate.attachments.new_id()
    planned = hubs.plan(service.interfaces, call.account, name, subnets)
    switched: dict[str, Any] = hubs.switches(options, hubs.ATTACHMENT_SWITCHES)
    check_dry_run(request)
    made = HubAttachment(
        name,
        call.account,
        hub.id,
        VPC,
        vpc.id,
        hub.attached + 1,
        tuple(one.id for one in subnets),
        hub.associates,
        made_at=service.host.runtime.wall(),
        **switched,
    )
    estate.hubs.put(call.account, hub.id, msgspec.structs.replace(hub, attached=made.number))
    estate.attachments.put(call.account, made.id, made)
    estate.tag(call.account, made.id, tags)
    planned.keep()
    if hub.propagates:
        table = estate.hub_tables.get(call.account, hub.propagates)
        learns = (*table.learns, made.id)
        changed = msgspec.structs.replace(table, learns=learns)
        estate.hub_tables.put(call.account, table.id, changed)
    return _answer(estate, made, "pending")


def _check_new(estate: Estate, hub: Hub, vpc: str) -> None:
    """Refuse a VPC that is attached to the hub already."""
    if any(one.of == vpc for one in hubs.attachments_of(estate, hub)):
        raise ServiceError(
            "DuplicateTransitGatewayAttachment",
            f"{hub.id} has non-deleted Transit Gateway Attachments with same VPC ID.",
        )


def _answer(estate: Estate, of: HubAttachment, state: str) -> Response:
    shown = shownhubs.vpc_attachment(estate, of) | {"State": state}
    return {"TransitGatewayVpcAttachment": shown}


def _find(estate: Estate, call: Call, request: Request) -> HubAttachment:
    """The attachment of a VPC that a request names."""
    found = estate.attachments.get(call.account, request["TransitGatewayAttachmentId"])
    if found.kind != VPC:
        raise estate.attachments.missing(found.id)
    return found


@operations("DescribeTransitGatewayVpcAttachments")
def describe_transit_gateway_vpc_attachments(
    service: Ec2, call: Call, request: Request
) -> Response:
    estate = service.estate
    seen = hubs.seen(estate, estate.attachments, estate.ended_attachments, call.account)
    found = [shownhubs.vpc_attachment(estate, one) for one in seen if one.kind == VPC]
    return described(_OF_VPCS, found, request, filters.HUB_VPC_FILTERS)


@operations("DescribeTransitGatewayAttachments")
def describe_transit_gateway_attachments(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    seen = hubs.seen(estate, estate.attachments, estate.ended_attachments, call.account)
    found = [shownhubs.attachment(estate, one) for one in seen]
    return described(kinds.HUB_ATTACHMENT, found, request, filters.HUB_ATTACHMENT_FILTERS)


@operations("ModifyTransitGatewayVpcAttachment")
def modify_transit_gateway_vpc_attachment(service: Ec2, call: Call, request: Request) -> Response:
    estate, options = service.estate, request.get("Options") or {}
    had = _find(estate, call, request)
    removed = request.get("RemoveSubnetIds") or []
    for name in removed:
        if name not in had.subnets:
            raise ServiceError(
                "InvalidSubnetID.NotFound",
                f"{name} is not attached but supplied in RemoveSubnets",
            )
    kept = tuple(name for name in had.subnets if name not in removed)
    names = request.get("AddSubnetIds") or []
    added = hubs.subnets_given(estate, call.account, had.of, names, kept)
    if not kept and not added:
        raise ServiceError("InsufficientSubnetsException", "Insufficient Subnets")
    planned = hubs.plan(service.interfaces, call.account, had.id, added)
    check_dry_run(request)
    hubs.withdraw(estate, had, removed)
    planned.keep()
    changed = msgspec.structs.replace(
        had,
        subnets=(*kept, *(one.id for one in added)),
        **hubs.switches(options, hubs.ATTACHMENT_SWITCHES),
    )
    estate.attachments.put(call.account, had.id, changed)
    return _answer(estate, changed, "modifying")


@operations("DeleteTransitGatewayVpcAttachment")
def delete_transit_gateway_vpc_attachment(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    gone = _find(estate, call, request)
    check_dry_run(request)
    shown = _answer(estate, gone, "deleting")
    hubs.withdraw(estate, gone, gone.subnets)
    for table in estate.hub_tables.list(call.account):
        if gone.id in table.learns:
            learns = tuple(name for name in table.learns if name != gone.id)
            changed = msgspec.structs.replace(table, learns=learns)
            estate.hub_tables.put(call.account, table.id, changed)
    ended = msgspec.structs.replace(gone, state=hubs.DELETED)
    hubs.end(estate, estate.attachments, estate.ended_attachments, ended)
    return shown
