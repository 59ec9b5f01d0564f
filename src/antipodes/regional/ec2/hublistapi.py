"""EC2's operations on prefix lists that transit gateways' tables refer to."""

import msgspec

from antipodes.regional.ec2 import filters, hubs, prefixlists, shownhubs
from antipodes.regional.ec2.answering import check_dry_run, page
from antipodes.regional.ec2.modelhubs import HubReference, HubTable
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.service.contract import Call, Request, Response, ServiceError


def _table(service: Ec2, call: Call, request: Request) -> HubTable:
    return service.estate.hub_tables.get(call.account, request["TransitGatewayRouteTableId"])


def _wanted(service: Ec2, table: HubTable, request: Request) -> HubReference:
    """The reference that a request describes: over an attachment, or a blackhole."""
    known = prefixlists.find(service.estate, table.account, request["PrefixListId"])
    return HubReference(known.id, hubs.attachment_asked(service.estate, table, request))


def _find(table: HubTable, name: str) -> HubReference | None:
    return next((one for one in table.lists if one.list == name), None)


def _missing(table: HubTable, name: str) -> ServiceError:
    return ServiceError(
        "InvalidRoute.NotFound",
        f"Transit Gateway Route Table {table.id} has no reference to prefix list {name}.",
    )


def _put(service: Ec2, table: HubTable, of: HubReference, state: str) -> Response:
    """Keep a reference, instead of one that is there."""
    kept = (one for one in table.lists if one.list != of.list)
    changed = msgspec.structs.replace(table, lists=(*kept, of))
    service.estate.hub_tables.put(table.account, table.id, changed)
    return _answer(service, table, of, state)


def _answer(service: Ec2, table: HubTable, of: HubReference, state: str) -> Response:
    shown = shownhubs.reference(service.estate, table, of) | {"State": state}
    return {"TransitGatewayPrefixListReference": shown}


@operations("CreateTransitGatewayPrefixListReference")
def create_transit_gateway_prefix_list_reference(
    service: Ec2, call: Call, request: Request
) -> Response:
    table = _table(service, call, request)
    wanted = _wanted(service, table, request)
    if _find(table, wanted.list) is not None:
        raise ServiceError(
            "RouteAlreadyExists",
            f"Transit Gateway Route Table {table.id} refers to prefix list {wanted.list} already.",
        )
    more = prefixlists.weight(service.estate, call.account, wanted.list)
    hubs.check_routes(service.estate, table, more)
    check_dry_run(request)
    return _put(service, table, wanted, "pending")


@operations("ModifyTransitGatewayPrefixListReference")
def modify_transit_gateway_prefix_list_reference(
    service: Ec2, call: Call, request: Request
) -> Response:
    table = _table(service, call, request)
    wanted = _wanted(service, table, request)
    if _find(table, wanted.list) is None:
        raise _missing(table, wanted.list)
    check_dry_run(request)
    return _put(service, table, wanted, "modifying")


@operations("DeleteTransitGatewayPrefixListReference")
def delete_transit_gateway_prefix_list_reference(
    service: Ec2, call: Call, request: Request
) -> Response:
    table = _table(service, call, request)
    gone = _find(table, request["PrefixListId"])
    if gone is None:
        raise _missing(table, request["PrefixListId"])
    check_dry_run(request)
    kept = tuple(one for one in table.lists if one is not gone)
    changed = msgspec.structs.replace(table, lists=kept)
    service.estate.hub_tables.put(call.account, table.id, changed)
    return _answer(service, table, gone, "deleting")


@operations("GetTransitGatewayPrefixListReferences")
def get_transit_gateway_prefix_list_references(
    service: Ec2, call: Call, request: Request
) -> Response:
    table = _table(service, call, request)
    found = [shownhubs.reference(service.estate, table, one) for one in table.lists]
    member = "TransitGatewayPrefixListReferences"
    return page(found, request, filters.HUB_REFERENCE_FILTERS, member)
