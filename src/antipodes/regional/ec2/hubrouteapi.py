"""EC2's operations on the routes of transit gateways' tables."""

import msgspec

from antipodes.regional.ec2 import filters, hubroutes, hubs, shownhubs
from antipodes.regional.ec2.answering import check_dry_run, page
from antipodes.regional.ec2.modelhubs import HubAttachment, HubRoute, HubTable
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.service.contract import Call, Request, Response, ServiceError

FOUND_MAX = 1000  # routes of a search


def _table(service: Ec2, call: Call, request: Request) -> HubTable:
    return service.estate.hub_tables.get(call.account, request["TransitGatewayRouteTableId"])


def _destination(request: Request) -> str:
    """The prefix that a request speaks of, in canonical form."""
    text: str = request["DestinationCidrBlock"]
    found = hubroutes.network(text, "destinationCidrBlock")
    if "/" not in text:
        raise ServiceError(
            "InvalidParameterValue",
            f"Value ({text}) for parameter destinationCidrBlock is invalid. This is not a valid "
            "CIDR block.",
        )
    return str(found)


def _wanted(service: Ec2, table: HubTable, request: Request) -> HubRoute:
    """The route that a request describes: over an attachment, or a blackhole."""
    estate, destination = service.estate, _destination(request)
    found = HubRoute(destination, hubs.attachment_asked(estate, table, request))
    if all(one.destination != destination for one in table.routes):
        hubs.check_routes(estate, table, 1)
    return found


def _put(service: Ec2, table: HubTable, route: HubRoute) -> Response:
    """Keep a route, instead of one that is there."""
    kept = (one for one in table.routes if one.destination != route.destination)
    changed = msgspec.structs.replace(table, routes=(*kept, route))
    service.estate.hub_tables.put(table.account, table.id, changed)
    over = (route.attachment,) if route.attachment else ()
    entry = hubroutes.Entry(route.destination, over)
    return {"Route": shownhubs.route(entry, _attachments(service, table))}


def _attachments(service: Ec2, table: HubTable) -> dict[str, HubAttachment]:
    return {one.id: one for one in service.estate.attachments.list(table.account)}


@operations("CreateTransitGatewayRoute")
def create_transit_gateway_route(service: Ec2, call: Call, request: Request) -> Response:
    table = _table(service, call, request)
    route = _wanted(service, table, request)
    if any(one.destination == route.destination for one in table.routes):
        raise ServiceError(
            "RouteAlreadyExists",
            f"Route {route.destination} already exists in Transit Gateway Route Table {table.id}.",
        )
    check_dry_run(request)
    return _put(service, table, route)


@operations("ReplaceTransitGatewayRoute")
def replace_transit_gateway_route(service: Ec2, call: Call, request: Request) -> Response:
    """Put a route in the place of another; AWS also makes one where there was none."""
    table = _table(service, call, request)
    route = _wanted(service, table, request)
    check_dry_run(request)
    return _put(service, table, route)


@operations("DeleteTransitGatewayRoute")
def delete_transit_gateway_route(service: Ec2, call: Call, request: Request) -> Response:
    table = _table(service, call, request)
    destination = _destination(request)
    kept = tuple(one for one in table.routes if one.destination != destination)
    if len(kept) == len(table.routes):
        raise ServiceError(
            "InvalidRoute.NotFound",
            f"The route {destination} does not exist in Transit Gateway Route Table {table.id}.",
        )
    check_dry_run(request)
    changed = msgspec.structs.replace(table, routes=kept)
    service.estate.hub_tables.put(call.account, table.id, changed)
    shown = {"DestinationCidrBlock": destination, "Type": "static", "State": "deleted"}
    return {"Route": shown}


@operations("SearchTransitGatewayRoutes")
def search_transit_gateway_routes(service: Ec2, call: Call, request: Request) -> Response:
    """Each search by prefix is of the whole table; a route is told if all filters find it."""
    estate, table = service.estate, _table(service, call, request)
    wanted = request.get("Filters") or []
    if not wanted:
        raise ServiceError("MissingParameter", "The request must contain the parameter Filters")
    attachments, routes = _attachments(service, table), hubs.routes(estate, table)
    searches = [one for one in wanted if one.get("Name") in hubroutes.SEARCHES]
    found = list(routes)
    for one in searches:
        matching = hubroutes.found_by(routes, one["Name"], one.get("Values") or [])
        prefixes = {route.prefix for route in matching}
        found = [route for route in found if route.prefix in prefixes]
    asked = request | {
        "Filters": [one for one in wanted if one not in searches],
        "MaxResults": request.get("MaxResults") or FOUND_MAX,
    }
    shown = [shownhubs.route(one, attachments) for one in found]
    told = page(shown, asked, filters.HUB_ROUTE_FILTERS, "Routes")
    return told | {"AdditionalRoutesAvailable": "NextToken" in told}
