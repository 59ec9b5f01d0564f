"""EC2's operations on route tables, and on what goes by them.

A subnet without a table of its own goes by its network's main one, whichever that is at the time. A
gateway's table says where what comes in by it goes; it holds less than others (`routes`).
"""

from typing import NamedTuple

import msgspec

from antipodes.regional.ec2 import defaults, endpoints, kinds, routefilters, routes, shownroutes
from antipodes.regional.ec2.answering import check_dry_run, described, not_offered
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.model import Route, RouteTable, Subnet
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.shown import for_account
from antipodes.regional.ec2.tags import tags_given
from antipodes.regional.ec2.tokens import repeated, token_of
from antipodes.service.contract import Call, Request, Response, ServiceError

TABLES_MAX = 200  # of a VPC, the main one among them, by AWS's default quota
_PREFIX = "rtbassoc"


@operations("CreateRouteTable")
def create_route_table(service: Ec2, call: Call, request: Request) -> Response:
    estate, account = service.estate, call.account
    vpc = estate.vpcs.get(account, request["VpcId"])
    tags = tags_given(request.get("TagSpecifications") or [], kinds.ROUTE_TABLE.resource)
    token = token_of(request)
    again: Response = {"ClientToken": token.name} if token is not None else {}
    for one in repeated(estate.tables.list(account), token):
        return {"RouteTable": _shown(estate, one)} | again
    if sum(one.vpc == vpc.id for one in estate.tables.list(account)) >= TABLES_MAX:
        raise ServiceError(
            "RouteTableLimitExceeded", "The maximum number of route tables has been reached."
        )
    check_dry_run(request)
    local = tuple(Route(prefix, "local", defaults.LOCAL_ORIGIN) for prefix in routes.own(vpc))
    made = RouteTable(estate.tables.new_id(), account, vpc.id, local, token=token)
    estate.tables.put(account, made.id, made)
    estate.tag(account, made.id, tags)
    return {"RouteTable": _shown(estate, made)} | again


def _shown(estate: Estate, of: RouteTable) -> Thing:
    return shownroutes.table(estate, of, estate.subnets.list(of.account))


@operations("DescribeRouteTables")
def describe_route_tables(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    found = for_account(call.account, shownroutes.tables(estate, call.account))
    return described(kinds.ROUTE_TABLE, found, request, routefilters.TABLE_FILTERS)


@operations("DeleteRouteTable")
def delete_route_table(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    table = estate.tables.get(call.account, request["RouteTableId"])
    if shownroutes.associations(table, estate.subnets.list(call.account)):
        raise ServiceError(
            "DependencyViolation",
            f"The routeTable '{table.id}' has dependencies and cannot be deleted.",
        )
    check_dry_run(request)
    estate.remove(estate.tables, call.account, table.id)
    return {}


@operations("AssociateRouteTable")
def associate_route_table(service: Ec2, call: Call, request: Request) -> Response:
    not_offered(request, ("PublicIpv4Pool",))
    estate, account = service.estate, call.account
    table = estate.tables.get(account, request["RouteTableId"])
    subnet, gateway = request.get("SubnetId"), request.get("GatewayId")
    if bool(subnet) == bool(gateway):
        code = "InvalidParameterCombination" if subnet else "MissingParameter"
        raise ServiceError(code, "The request must contain exactly one of subnetId and gatewayId")
    if subnet:
        made = _with_subnet(estate, table, estate.subnets.get(account, subnet), request)
    else:
        made = _with_gateway(estate, table, str(gateway), request)
    return {"AssociationId": made, "AssociationState": {"State": "associated"}}


def _with_subnet(estate: Estate, table: RouteTable, subnet: Subnet, request: Request) -> str:
    if subnet.vpc != table.vpc:
        raise _apart(table, f"subnet {subnet.id}")
    if subnet.table and subnet.table != table.id:
        raise _conflicting(table)
    check_dry_run(request)
    return subnet.table_association if subnet.table else _lead(estate, subnet, table)


def _lead(estate: Estate, subnet: Subnet, table: RouteTable | None) -> str:
    """Have a subnet go by a table, or by its network's main one; the association's new id."""
    made = estate.new_id(_PREFIX) if table is not None else ""
    name = table.id if table is not None else ""
    changed = msgspec.structs.replace(subnet, table=name, table_association=made)
    estate.subnets.put(subnet.account, subnet.id, changed)
    return made


def _with_gateway(estate: Estate, table: RouteTable, gateway: str, request: Request) -> str:
    _check_edge(estate, table, gateway)
    for other in estate.tables.list(table.account):
        for name, known in other.gateways:
            if known == gateway and other.id == table.id:
                check_dry_run(request)
                return name
            if known == gateway:
                raise _conflicting(table)
    check_dry_run(request)
    return _admit(estate, table, gateway)


def _admit(estate: Estate, table: RouteTable, gateway: str) -> str:
    """Have what comes in by a gateway go by a table; the association's new id."""
    made = estate.new_id(_PREFIX)
    changed = msgspec.structs.replace(table, gateways=(*table.gateways, (made, gateway)))
    estate.tables.put(table.account, table.id, changed)
    return made


def _check_edge(estate: Estate, table: RouteTable, gateway: str) -> None:
    """Refuse a gateway that is not the network's, and a table that cannot be one of a gateway."""
    routes.check_gateway(estate, table, gateway)
    if table.main_association:
        raise ServiceError(
            "InvalidParameterValue",
            f"{table.id} is the main route table of {table.vpc}, and cannot be a gateway's.",
        )
    if table.propagates:
        raise ServiceError(
            "RouteNotSupported", f"Routes are propagated to {table.id}: it cannot be a gateway's."
        )
    for route in (*table.routes, *endpoints.routes(estate, table)):
        routes.check_edge(estate, table, route)


@operations("DisassociateRouteTable")
def disassociate_route_table(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    known = _known(estate, call.account, request["AssociationId"])
    if known.is_main:
        raise ServiceError(
            "InvalidParameterValue",
            f"cannot disassociate the main route table association {request['AssociationId']}",
        )
    check_dry_run(request)
    _release(estate, known)
    return {}


def _release(estate: Estate, known: "_Known") -> None:
    if known.subnet is not None:
        _lead(estate, known.subnet, None)
        return
    kept = tuple(one for one in known.table.gateways if one[1] != known.gateway)
    changed = msgspec.structs.replace(known.table, gateways=kept)
    estate.tables.put(changed.account, changed.id, changed)


@operations("ReplaceRouteTableAssociation")
def replace_route_table_association(service: Ec2, call: Call, request: Request) -> Response:
    estate, account = service.estate, call.account
    known = _known(estate, account, request["AssociationId"])
    table = estate.tables.get(account, request["RouteTableId"])
    if table.vpc != known.table.vpc:
        raise _apart(table, f"route table {known.table.id}")
    if known.gateway:
        _check_edge(estate, table, known.gateway)
    if known.is_main and table.gateways:
        raise ServiceError(
            "InvalidParameterValue",
            f"{table.id} is the route table of a gateway, and cannot be a VPC's main one.",
        )
    check_dry_run(request)
    if known.is_main:
        made = _rule(estate, known.table, table)
    elif known.subnet is not None:
        made = _lead(estate, known.subnet, table)
    else:
        _release(estate, known)
        made = _admit(estate, estate.tables.get(account, table.id), known.gateway)
    return {"NewAssociationId": made, "AssociationState": {"State": "associated"}}


def _rule(estate: Estate, before: RouteTable, table: RouteTable) -> str:
    """Make a table the main one of its network; the association's new id."""
    made = estate.new_id(_PREFIX)
    put = estate.tables.put
    put(before.account, before.id, msgspec.structs.replace(before, main_association=""))
    put(table.account, table.id, msgspec.structs.replace(table, main_association=made))
    vpc = estate.vpcs.get(table.account, table.vpc)
    estate.vpcs.put(vpc.account, vpc.id, msgspec.structs.replace(vpc, table=table.id))
    return made


class _Known(NamedTuple):
    """An association: of a table with a subnet, a gateway, or else as its network's main one."""

    table: RouteTable
    subnet: Subnet | None = None
    gateway: str = ""

    @property
    def is_main(self) -> bool:
        return self.subnet is None and not self.gateway


def _known(estate: Estate, account: str, name: str) -> _Known:
    """The association of that id; raises InvalidAssociationID.NotFound."""
    for subnet in estate.subnets.list(account):
        if name and subnet.table_association == name:
            return _Known(estate.tables.get(account, subnet.table), subnet)
    for table in estate.tables.list(account):
        if name and table.main_association == name:
            return _Known(table)
        for association, gateway in table.gateways:
            if association == name:
                return _Known(table, gateway=gateway)
    raise ServiceError(
        "InvalidAssociationID.NotFound", f"The association ID '{name}' does not exist"
    )


def _apart(table: RouteTable, what: str) -> ServiceError:
    return ServiceError(
        "InvalidParameterValue",
        f"route table {table.id} and {what} belong to different networks",
    )


def _conflicting(table: RouteTable) -> ServiceError:
    return ServiceError(
        "Resource.AlreadyAssociated",
        f"the specified association for route table {table.id} conflicts with an existing "
        "association",
    )
