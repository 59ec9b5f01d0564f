"""EC2's operations on the routes of a table."""

import msgspec

from antipodes.regional.ec2 import endpoints, leading, routes, targets
from antipodes.regional.ec2.answering import check_dry_run
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.model import Route, RouteTable
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.shownroutes import destination_member
from antipodes.service.contract import Call, Request, Response, ServiceError


def _target(service: Ec2, call: Call, request: Request) -> str:
    target = targets.given(service.estate, call.account, request)
    if not target:
        raise ServiceError("MissingParameter", "The request must contain a target of the route")
    return target


@operations("CreateRoute")
def create_route(service: Ec2, call: Call, request: Request) -> Response:
    estate, account = service.estate, call.account
    table = estate.tables.get(account, request["RouteTableId"])
    to = routes.destination(estate, account, request)
    target = _target(service, call, request)
    if routes.index(table, to) is not None or _of_endpoint(estate, table, to) is not None:
        raise ServiceError("RouteAlreadyExists", f"The route identified by {to} already exists.")
    routes.check(estate, table, to, target)
    added = (*table.routes, Route(to, target))
    routes.check_number(estate, table, (*added, *endpoints.routes(estate, table)))
    check_dry_run(request)
    estate.tables.put(account, table.id, msgspec.structs.replace(table, routes=added))
    return {"Return": True}


@operations("ReplaceRoute")
def replace_route(service: Ec2, call: Call, request: Request) -> Response:
    """Lead a destination elsewhere; of a local route that is the one thing to be changed."""
    estate, account = service.estate, call.account
    table = estate.tables.get(account, request["RouteTableId"])
    to = routes.destination(estate, account, request)
    is_own = to in routes.own(estate.vpcs.get(account, table.vpc))
    found = routes.index(table, to)
    _check_is_own(estate, table, to)
    if found is None:
        raise ServiceError(
            "InvalidParameterValue",
            f"There is no route defined for '{to}' in the route table. Use CreateRoute instead.",
        )
    had = table.routes[found]
    if request.get("LocalTarget"):
        if targets.given(estate, account, request):
            raise ServiceError(
                "InvalidParameterCombination", "A route is reset to local, or has a target"
            )
        if not is_own:
            raise ServiceError(
                "InvalidParameterValue",
                f"{to} is not a CIDR block of the VPC: its target cannot be local",
            )
        target = targets.LOCAL
    else:
        target = _target(service, call, request)
    routes.check(estate, table, to, target)
    check_dry_run(request)
    changed = list(table.routes)
    changed[found] = msgspec.structs.replace(had, target=target)
    estate.tables.put(account, table.id, msgspec.structs.replace(table, routes=tuple(changed)))
    return {}


@operations("DeleteRoute")
def delete_route(service: Ec2, call: Call, request: Request) -> Response:
    estate, account = service.estate, call.account
    table = estate.tables.get(account, request["RouteTableId"])
    to = routes.destination(estate, account, request)
    found = routes.index(table, to)
    _check_is_own(estate, table, to)
    if found is None:
        member = destination_member(to)
        raise ServiceError(
            "InvalidRoute.NotFound", f"no route with {member} {to} in route table {table.id}"
        )
    if to in routes.own(estate.vpcs.get(account, table.vpc)):
        raise ServiceError(
            "InvalidParameterValue", f"cannot remove local route {to} in route table {table.id}"
        )
    check_dry_run(request)
    kept = table.routes[:found] + table.routes[found + 1 :]
    estate.tables.put(account, table.id, msgspec.structs.replace(table, routes=kept))
    return {}


def _of_endpoint(estate: Estate, table: RouteTable, to: str) -> Route | None:
    """What a gateway endpoint has put into a table for a destination."""
    return next((one for one in endpoints.routes(estate, table) if one.destination == to), None)


def _check_is_own(estate: Estate, table: RouteTable, to: str) -> None:
    """Refuse to change what only a gateway endpoint has put there, or a VPN gateway propagates."""
    if routes.index(table, to) is not None:
        return
    others = (*endpoints.routes(estate, table), *leading.propagated(estate, table))
    for route in others:
        if route.destination == to:
            raise ServiceError(
                "InvalidParameterValue",
                f"cannot change the route {to} of {route.target} in route table {table.id}",
            )
