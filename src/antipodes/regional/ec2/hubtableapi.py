"""EC2's operations on transit gateways' route tables: who goes by them, and whom they learn from.

An attachment's packets go by the one table that it is associated with; any number of tables learn
its prefixes. Neither follows from the other.
"""

import msgspec

from antipodes.regional.ec2 import filters, hubs, kinds, shownhubs
from antipodes.regional.ec2.answering import check_dry_run, described, not_offered, page
from antipodes.regional.ec2.modelhubs import HubAttachment, HubTable
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.tags import tags_given
from antipodes.service.contract import Call, Request, Response, ServiceError

_ANNOUNCEMENT = ("TransitGatewayRouteTableAnnouncementId",)


@operations("CreateTransitGatewayRouteTable")
def create_transit_gateway_route_table(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    hub = estate.hubs.get(call.account, request["TransitGatewayId"])
    tags = tags_given(request.get("TagSpecifications") or [], kinds.HUB_TABLE.resource)
    if len(hubs.tables_of(estate, hub)) >= hubs.TABLES_MAX:
        raise ServiceError(
            "TransitGatewayRouteTableLimitExceeded",
            "The maximum number of route tables of the transit gateway has been reached.",
        )
    check_dry_run(request)
    name, now = estate.hub_tables.new_id(), service.host.runtime.wall()
    made = HubTable(name, call.account, hub.id, made_at=now)
    estate.hub_tables.put(call.account, name, made)
    estate.tag(call.account, name, tags)
    return {"TransitGatewayRouteTable": shownhubs.table(estate, made) | {"State": "pending"}}


@operations("DescribeTransitGatewayRouteTables")
def describe_transit_gateway_route_tables(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    seen = hubs.seen(estate, estate.hub_tables, estate.ended_hub_tables, call.account)
    found = [shownhubs.table(estate, one) for one in seen]
    return described(kinds.HUB_TABLE, found, request, filters.HUB_TABLE_FILTERS)


@operations("DeleteTransitGatewayRouteTable")
def delete_transit_gateway_route_table(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    table = estate.hub_tables.get(call.account, request["TransitGatewayRouteTableId"])
    hub = estate.hubs.get(call.account, table.hub)
    for verb, default in (("association", hub.associates), ("propagation", hub.propagates)):
        if default == table.id:
            raise ServiceError(
                "IncorrectState", f"{table.id} is set as default {verb} route table for {hub.id}"
            )
    if _associated(service, table):
        raise ServiceError("IncorrectState", f"{table.id} has associated attachments")
    check_dry_run(request)
    shown = shownhubs.table(estate, table) | {"State": "deleting"}
    hubs.end(estate, estate.hub_tables, estate.ended_hub_tables, table)
    return {"TransitGatewayRouteTable": shown}


def _associated(service: Ec2, table: HubTable) -> list[HubAttachment]:
    """The attachments that go by a table."""
    found = service.estate.attachments.list(table.account)
    return [one for one in found if one.table == table.id]


def _asked(service: Ec2, call: Call, request: Request) -> tuple[HubTable, HubAttachment]:
    """The table and the attachment that a request speaks of."""
    not_offered(request, _ANNOUNCEMENT)
    if not request.get("TransitGatewayAttachmentId"):
        raise ServiceError(
            "MissingParameter",
            "The request must contain the parameter TransitGatewayAttachmentId",
        )
    table = service.estate.hub_tables.get(call.account, request["TransitGatewayRouteTableId"])
    name = request["TransitGatewayAttachmentId"]
    return table, hubs.attachment_in(service.estate, table, name)


def _pair(table: HubTable, attachment: HubAttachment, state: str) -> Response:
    named = {"TransitGatewayRouteTableId": table.id, "State": state}
    return named | shownhubs.resource(attachment)


@operations("AssociateTransitGatewayRouteTable")
def associate_transit_gateway_route_table(service: Ec2, call: Call, request: Request) -> Response:
    table, attachment = _asked(service, call, request)
    if attachment.table:
        raise ServiceError(
            "Resource.AlreadyAssociated",
            f"Transit Gateway Attachment {attachment.id} is already associated to a route table.",
        )
    check_dry_run(request)
    changed = msgspec.structs.replace(attachment, table=table.id)
    hubs.keep(service.estate, changed)
    return {"Association": _pair(table, attachment, "associating")}


@operations("DisassociateTransitGatewayRouteTable")
def disassociate_transit_gateway_route_table(
    service: Ec2, call: Call, request: Request
) -> Response:
    table, attachment = _asked(service, call, request)
    if attachment.table != table.id:
        raise ServiceError(
            "InvalidAssociation.NotFound",
            f"Transit Gateway Attachment {attachment.id} is not associated with route table "
            f"{table.id}.",
        )
    check_dry_run(request)
    changed = msgspec.structs.replace(attachment, table="")
    hubs.keep(service.estate, changed)
    return {"Association": _pair(table, attachment, "disassociating")}


@operations("EnableTransitGatewayRouteTablePropagation")
def enable_transit_gateway_route_table_propagation(
    service: Ec2, call: Call, request: Request
) -> Response:
    table, attachment = _asked(service, call, request)
    if attachment.kind == hubs.PEERING:
        raise ServiceError(
            "UnsupportedOperation",
            f"{attachment.id} is a peering attachment, whose routes are not propagated.",
        )
    if attachment.id in table.learns:
        raise ServiceError(
            "TransitGatewayRouteTablePropagation.Duplicate",
            f"Propagation {attachment.id} already exists in Transit Gateway Route Table "
            f"{table.id}.",
        )
    check_dry_run(request)
    changed = msgspec.structs.replace(table, learns=(*table.learns, attachment.id))
    service.estate.hub_tables.put(call.account, table.id, changed)
    return {"Propagation": _pair(table, attachment, "enabled")}


@operations("DisableTransitGatewayRouteTablePropagation")
def disable_transit_gateway_route_table_propagation(
    service: Ec2, call: Call, request: Request
) -> Response:
    table, attachment = _asked(service, call, request)
    if attachment.id not in table.learns:
        raise ServiceError(
            "TransitGatewayRouteTablePropagation.NotFound",
            f"Propagation {attachment.id} does not exist in Transit Gateway Route Table "
            f"{table.id}.",
        )
    check_dry_run(request)
    learns = tuple(name for name in table.learns if name != attachment.id)
    changed = msgspec.structs.replace(table, learns=learns)
    service.estate.hub_tables.put(call.account, table.id, changed)
    return {"Propagation": _pair(table, attachment, "disabled")}


@operations("GetTransitGatewayRouteTableAssociations")
def get_transit_gateway_route_table_associations(
    service: Ec2, call: Call, request: Request
) -> Response:
    table = service.estate.hub_tables.get(call.account, request["TransitGatewayRouteTableId"])
    found = [
        shownhubs.resource(one) | {"State": "associated"} for one in _associated(service, table)
    ]
    return page(found, request, filters.HUB_RESOURCE_FILTERS, "Associations")


@operations("GetTransitGatewayRouteTablePropagations")
def get_transit_gateway_route_table_propagations(
    service: Ec2, call: Call, request: Request
) -> Response:
    estate = service.estate
    table = estate.hub_tables.get(call.account, request["TransitGatewayRouteTableId"])
    found = [
        shownhubs.resource(estate.attachments.get(call.account, name)) | {"State": "enabled"}
        for name in table.learns
    ]
    member = "TransitGatewayRouteTablePropagations"
    return page(found, request, filters.HUB_RESOURCE_FILTERS, member)


@operations("GetTransitGatewayAttachmentPropagations")
def get_transit_gateway_attachment_propagations(
    service: Ec2, call: Call, request: Request
) -> Response:
    estate = service.estate
    attachment = estate.attachments.get(call.account, request["TransitGatewayAttachmentId"])
    found = [
        {"TransitGatewayRouteTableId": table.id, "State": "enabled"}
        for table in estate.hub_tables.list(call.account)
        if attachment.id in table.learns
    ]
    member = "TransitGatewayAttachmentPropagations"
    return page(found, request, filters.HUB_PROPAGATION_FILTERS, member)
