"""EC2's operations on peerings of transit gateways."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from antipodes.regional.ec2 import filters, kinds, shownhubs
from antipodes.regional.ec2.answering import check_dry_run, described, not_offered
from antipodes.regional.ec2.filters import Filters, Thing
from antipodes.regional.ec2.modelhubs import HubPeering
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.tags import tags_given
from antipodes.service.contract import Call, Request, Response, ServiceError

_ACCOUNT = re.compile(r"[0-9]{12}")
_SIDES = ("RequesterTgwInfo", "AccepterTgwInfo")


@operations("CreateTransitGatewayPeeringAttachment")
def create_transit_gateway_peering_attachment(
    service: Ec2, call: Call, request: Request
) -> Response:
    options = request.get("Options") or {}
    not_offered(options, ("AllowMultipathResilience", "MultipathResilienceMode"))
    if options.get("DynamicRouting") == "enable":
        raise ServiceError("IncorrectState", "You cannot create a dynamic peering attachment.")
    hub = service.estate.hubs.get(call.account, request["TransitGatewayId"])
    account, region = request["PeerAccountId"], request["PeerRegion"]
    if _ACCOUNT.fullmatch(account) is None:
        raise ServiceError("InvalidParameterValue", f"Invalid account: '{account}'")
    if region not in service.host.world.regions:
        raise ServiceError("InvalidParameterValue", f"Unsupported region: '{region}'")
    tags = tags_given(request.get("TagSpecifications") or [], kinds.HUB_ATTACHMENT.resource)
    peer = request["PeerTransitGatewayId"]
    service.hub_peerings.check_request(hub, peer)
    check_dry_run(request)
    made = service.hub_peerings.request(hub, account, region, peer)
    service.estate.tag(call.account, made.id, tags)
    return _answer(service, call, made)


def _answer(service: Ec2, call: Call, of: HubPeering, **more: Any) -> Response:
    shown = shownhubs.hub_peering(service.estate, call.account, of)
    return {"TransitGatewayPeeringAttachment": shown | more}


@operations("DescribeTransitGatewayPeeringAttachments")
def describe_transit_gateway_peering_attachments(
    service: Ec2, call: Call, request: Request
) -> Response:
    found = [
        shownhubs.hub_peering(service.estate, call.account, one)
        for one in service.hub_peerings.seen(call.account)
    ]
    return described(kinds.HUB_PEERING, found, request, _filters(service, call))


def _filters(service: Ec2, call: Call) -> Filters:
    """Filters that tell the sides apart: whose hub is here, and whose is not."""

    def of_sides(member: str, *, local: bool) -> Callable[[Thing], Iterable[Any]]:
        def read(thing: Thing) -> Iterable[Any]:
            for side in (thing[name] for name in _SIDES):
                here = side["OwnerId"] == call.account and side["Region"] == service.host.place
                if here == local:
                    yield side[member]

        return read

    return {
        **filters.HUB_PEERING_FILTERS,
        "local-owner-id": of_sides("OwnerId", local=True),
        "remote-owner-id": of_sides("OwnerId", local=False),
        "transit-gateway-id": of_sides("TransitGatewayId", local=True),
    }


def _asked(service: Ec2, call: Call, request: Request) -> HubPeering:
    return service.hub_peerings.get(call.account, request["TransitGatewayAttachmentId"])


@operations("AcceptTransitGatewayPeeringAttachment")
def accept_transit_gateway_peering_attachment(
    service: Ec2, call: Call, request: Request
) -> Response:
    of = service.hub_peerings.accepted(call.account, _asked(service, call, request))
    check_dry_run(request)
    service.hub_peerings.keep(of)
    return _answer(service, call, of, State="pending")


@operations("RejectTransitGatewayPeeringAttachment")
def reject_transit_gateway_peering_attachment(
    service: Ec2, call: Call, request: Request
) -> Response:
    of = service.hub_peerings.rejected(call.account, _asked(service, call, request))
    check_dry_run(request)
    service.hub_peerings.keep(of)
    return _answer(service, call, of)


@operations("DeleteTransitGatewayPeeringAttachment")
def delete_transit_gateway_peering_attachment(
    service: Ec2, call: Call, request: Request
) -> Response:
    of = service.hub_peerings.deleted(call.account, _asked(service, call, request))
    check_dry_run(request)
    shown = _answer(service, call, of, State="deleting")
    service.hub_peerings.keep(of)
    return shown
