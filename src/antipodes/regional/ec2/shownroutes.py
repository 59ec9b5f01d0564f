"""Route tables, gateways and DHCP options as the API shows them."""

from collections.abc import Iterable

from antipodes.regional.ec2 import endpoints, leading, tags, targets
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.model import (
    DhcpOptions,
    EgressGateway,
    InternetGateway,
    Route,
    RouteTable,
    Subnet,
)


def gateway(estate: Estate, of: InternetGateway) -> Thing:
    """An internet gateway."""
    attachments = [{"VpcId": of.vpc, "State": "available"}] if of.vpc else []
    return {
        "InternetGatewayId": of.id,
        "OwnerId": of.account,
        "Attachments": attachments,
        "Tags": tags.shown(estate.tags(of.account, of.id)),
    }


def egress_gateway(estate: Estate, of: EgressGateway) -> Thing:
    """An egress-only internet gateway."""
    return {
        "EgressOnlyInternetGatewayId": of.id,
        "Attachments": [{"VpcId": of.vpc, "State": "attached"}],
        "Tags": tags.shown(estate.tags(of.account, of.id)),
    }


def options(estate: Estate, of: DhcpOptions) -> Thing:
    """A set of DHCP options."""
    return {
        "DhcpOptionsId": of.id,
        "OwnerId": of.account,
        "DhcpConfigurations": [
            {"Key": key, "Values": [{"Value": value} for value in values]}
            for key, values in of.options.items()
        ],
        "Tags": tags.shown(estate.tags(of.account, of.id)),
    }


def tables(estate: Estate, account: str) -> list[Thing]:
    """All route tables that an account sees."""
    found = estate.tables.all_usable(account)
    owners = dict.fromkeys(one.account for one in found)
    subnets = {owner: estate.subnets.list(owner) for owner in owners}
    return [table(estate, one, subnets[one.account]) for one in found]


def table(estate: Estate, of: RouteTable, subnets: Iterable[Subnet]) -> Thing:
    """A route table, and which of some subnets go by it."""
    return {
        "RouteTableId": of.id,
        "VpcId": of.vpc,
        "OwnerId": of.account,
        "Associations": associations(of, subnets),
        "PropagatingVgws": [{"GatewayId": name} for name in of.propagates],
        "Routes": [route(estate, of, one) for one in all_routes(estate, of)],
        "Tags": tags.shown(estate.tags(of.account, of.id)),
    }


def all_routes(estate: Estate, of: RouteTable) -> tuple[Route, ...]:
    """The routes of a table, those among them that endpoints and VPN gateways put there."""
    return (*of.routes, *endpoints.routes(estate, of), *leading.propagated(estate, of))


def associations(of: RouteTable, subnets: Iterable[Subnet]) -> list[Thing]:
    """What goes by a table: a network's subnets without one, subnets, and gateways."""
    found = [
        _association(of, one.table_association, {"SubnetId": one.id})
        for one in subnets
        if one.table == of.id
    ]
    found += [_association(of, name, {"GatewayId": gateway}) for name, gateway in of.gateways]
    if of.main_association:
        found.insert(0, _association(of, of.main_association, {}))
    return found


def _association(of: RouteTable, name: str, what: Thing) -> Thing:
    return {
        "Main": not what,
        "RouteTableAssociationId": name,
        "RouteTableId": of.id,
        "AssociationState": {"State": "associated"},
        **what,
    }


def destination_member(destination: str) -> str:
    """How a destination is called in requests and descriptions."""
    if destination.startswith("pl-"):
        return "DestinationPrefixListId"
    return "DestinationIpv6CidrBlock" if ":" in destination else "DestinationCidrBlock"


def route(estate: Estate, table: RouteTable, of: Route) -> Thing:
    """A route: a blackhole where what it leads to is gone."""
    works = targets.is_there(estate, table.account, table.vpc, of.target)
    return {
        destination_member(of.destination): of.destination,
        "Origin": of.origin,
        "State": "active" if works else "blackhole",
        **targets.shown(estate, table.account, of.target),
    }
