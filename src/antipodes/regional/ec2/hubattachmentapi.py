"""EC2's operations on what is attached to transit gateways: VPCs."""

from typing import Any

import msgspec

from antipodes.regional.ec2 import connects, filters, hubs, kinds, shownhubs
from antipodes.regional.ec2.answering import check_dry_run, described
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.hubroutes import VPC
from antipodes.regional.ec2.model import Vpc
from antipodes.regional.ec2.modelhubs import Hub, HubAttachment
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.table import unauthorized
from antipodes.regional.ec2.tags import tags_given
from antipodes.service.contract import Call, Request, Response, ServiceError

_OF_VPCS = kinds.HUB_ATTACHMENT._replace(many="TransitGatewayVpcAttachments")


@operations("CreateTransitGatewayVpcAttachment")
def create_transit_gateway_vpc_attachment(service: Ec2, call: Call, request: Request) -> Response:
    """To another account's gateway, the attachment waits until that accepts it, or it does so."""
    estate, account, options = service.estate, call.account, request.get("Options") or {}
    hub = estate.hubs.usable(account, request["TransitGatewayId"])
    vpc = estate.vpcs.get(account, request["VpcId"])
    subnets = hubs.subnets_given(estate, account, vpc.id, request["SubnetIds"])
    tags = tags_given(request.get("TagSpecifications") or [], kinds.HUB_ATTACHMENT.resource)
    _check_new(estate, hub, vpc)
    name = estate.attachments.new_id()
    planned = hubs.plan(service.interfaces, account, name, subnets)
    switched: dict[str, Any] = hubs.switches(options, hubs.ATTACHMENT_SWITCHES)
    check_dry_run(request)
    made = HubAttachment(
        name,
        hub.account,
        hub.id,
        VPC,
        vpc.id,
        hub.attached + 1,
        tuple(one.id for one in subnets),
        made_at=service.host.runtime.wall(),
        state=hubs.PENDING,
        owner=account if account != hub.account else "",
        **switched,
    )
    estate.hubs.put(hub.account, hub.id, msgspec.structs.replace(hub, attached=made.number))
    planned.keep()
    estate.tag(account, made.id, tags)
    if account != hub.account and not hub.accepts:
        hubs.keep(estate, made)
        return _answer(estate, call, made, hubs.PENDING)
    return _answer(estate, call, hubs.start(estate, made), "pending")


def _check_new(estate: Estate, hub: Hub, vpc: Vpc) -> None:
    """Refuse a VPC that is attached to the hub already, or to too many."""
    attached = [one for one in estate.attachments.list(vpc.account) if one.of == vpc.id]
    if any(one.hub == hub.id for one in attached):
        raise ServiceError(
            "DuplicateTransitGatewayAttachment",
            f"{hub.id} has non-deleted Transit Gateway Attachments with same VPC ID.",
        )
    if len(attached) >= hubs.HUBS_OF_VPC_MAX:
        raise ServiceError(
            "TransitGatewayAttachmentLimitExceeded",
            f"A VPC is attached to at most {hubs.HUBS_OF_VPC_MAX} transit gateways.",
        )


def _answer(estate: Estate, call: Call, of: HubAttachment, state: str) -> Response:
    shown = shownhubs.vpc_attachment(estate, of, call.account) | {"State": state}
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
    found = [shownhubs.vpc_attachment(estate, one, call.account) for one in seen if one.kind == VPC]
    return described(_OF_VPCS, found, request, filters.HUB_VPC_FILTERS)


@operations("DescribeTransitGatewayAttachments")
def describe_transit_gateway_attachments(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    seen = hubs.seen(estate, estate.attachments, estate.ended_attachments, call.account)
    found = [shownhubs.attachment(estate, one, call.account) for one in seen]
    return described(kinds.HUB_ATTACHMENT, found, request, filters.HUB_ATTACHMENT_FILTERS)


@operations("ModifyTransitGatewayVpcAttachment")
def modify_transit_gateway_vpc_attachment(service: Ec2, call: Call, request: Request) -> Response:
    estate, options = service.estate, request.get("Options") or {}
    had = _find(estate, call, request)
    if (had.owner or had.account) != call.account:
        raise unauthorized()
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
    hubs.keep(estate, changed)
    return _answer(estate, call, changed, "modifying")


@operations("DeleteTransitGatewayVpcAttachment")
def delete_transit_gateway_vpc_attachment(service: Ec2, call: Call, request: Request) -> Response:
    gone = _find(service.estate, call, request)
    connects.check_carries_none(service.estate, gone)
    check_dry_run(request)
    shown = _answer(service.estate, call, gone, "deleting")
    hubs.end_attachment(service.estate, gone, hubs.DELETED)
    return shown


def _pending(estate: Estate, call: Call, request: Request) -> HubAttachment:
    """An attachment to the caller's own gateway that waits for its answer."""
    found = _find(estate, call, request)
    if found.account != call.account:
        raise unauthorized()
    if found.state != hubs.PENDING:
        raise ServiceError("IncorrectState", f"{found.id} is in invalid state")
    return found


@operations("AcceptTransitGatewayVpcAttachment")
def accept_transit_gateway_vpc_attachment(service: Ec2, call: Call, request: Request) -> Response:
    found = _pending(service.estate, call, request)
    check_dry_run(request)
    return _answer(service.estate, call, hubs.start(service.estate, found), "pending")


@operations("RejectTransitGatewayVpcAttachment")
def reject_transit_gateway_vpc_attachment(service: Ec2, call: Call, request: Request) -> Response:
    found = _pending(service.estate, call, request)
    check_dry_run(request)
    shown = _answer(service.estate, call, found, hubs.REJECTED)
    hubs.end_attachment(service.estate, found, hubs.REJECTED)
    return shown
