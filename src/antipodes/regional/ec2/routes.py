"""Routes: what a table may have, and what the table of a gateway may.

A prefix that lies inside of the network is led away from `local` only as a whole: the network's own
prefix, by changing the target of its local route, or a subnet's; and only to an interface, a NAT
gateway or an endpoint of a Gateway Load Balancer. What a gateway's table holds is less still. A
prefix list counts as many routes as it may ever have entries.

Source: Amazon VPC User Guide, "Route tables", "Gateway route tables", "Amazon VPC quotas".
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from antipodes.regional.ec2 import prefixlists, targets
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.model import Route, RouteTable, Vpc
from antipodes.service.contract import Request, ServiceError

ROUTES_MAX = 50  # of a table and a family, by AWS's default quota
_DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
_RESERVED = ("169.254.168.0/22", "fd00:ec2::/32")
_NAT64 = "64:ff9b::/96"
_INSIDE = ("eni", "nat", "vpce")  # what leads on from inside of a network
_EDGE = ("eni", "vpce")  # what leads on from a gateway
_GATEWAYS = ("igw", "vgw")  # that can have a table


def destination(estate: Estate, account: str, request: Request) -> str:
    """The one destination of a request, in canonical form."""
    given = [member for member in _DESTINATIONS if request.get(member)]
    if len(given) != 1:
        code = "InvalidParameterCombination" if given else "MissingParameter"
        raise ServiceError(
            code, f"The request must contain exactly one of {', '.join(_DESTINATIONS)}"
        )
    text = str(request[given[0]])
    if given[0] == "DestinationPrefixListId":
        prefixlists.find(estate, account, text)
        return text
    parameter = given[0][0].lower() + given[0][1:]
    network = prefixlists.parsed(text, parameter, 4 if given[0] == _DESTINATIONS[0] else 6)
    return str(network)


def own(vpc: Vpc) -> list[str]:
    """The prefixes of a network, each with a local route in all of its tables."""
    return [one.prefix for one in (*vpc.prefixes, *vpc.prefixes6)]


def check(estate: Estate, table: RouteTable, to: str, target: str) -> None:
    """Refuse a route that a table may not have."""
    vpc = estate.vpcs.get(table.account, table.vpc)
    if target != targets.LOCAL:
        targets.check(estate, table, target)
        _check_family(estate, table.account, to, target)
    if not to.startswith("pl-"):
        _check_reserved(to)
        _check_inside(estate, vpc, to, target)
    if table.gateways:
        check_edge(estate, table, Route(to, target))


def _check_reserved(to: str) -> None:
    for reserved in _RESERVED:
        if _is_within(to, reserved):
            raise ServiceError(
                "InvalidParameterValue", f"The destination {to} is in {reserved}, which is reserved"
            )


def _check_family(estate: Estate, account: str, to: str, target: str) -> None:
    """Refuse what translates one family only as the target of the other one."""
    kind = target.partition("-")[0]
    six = prefixlists.is_six(estate, account, to)
    if (kind == "nat" and six and to != _NAT64) or (kind == "eigw" and not six):
        raise ServiceError(
            "InvalidParameterValue",
            f"{target} takes no packets to {to}, which are of the other address family",
        )


def _check_inside(estate: Estate, vpc: Vpc, to: str, target: str) -> None:
    """Refuse to lead a part of a network away, unless it is a whole subnet and goes somewhere."""
    if not any(_is_within(to, prefix) for prefix in own(vpc)) or target == targets.LOCAL:
        return
    if target.partition("-")[0] not in _INSIDE:
        raise ServiceError(
            "InvalidParameterValue",
            f"The destination CIDR block {to} is equal to or more specific than one of this VPC's "
            "CIDR blocks. Its target can only be a network interface, a NAT gateway or a Gateway "
            "Load Balancer endpoint.",
        )
    if to not in own(vpc) and to not in subnets(estate, vpc):
        raise ServiceError(
            "InvalidParameterValue",
            f"The destination CIDR block {to} is more specific than one of this VPC's CIDR blocks, "
            "and is not the CIDR block of one of its subnets.",
        )


def subnets(estate: Estate, vpc: Vpc) -> list[str]:
    """The prefixes of a network's subnets."""
    found = [one for one in estate.subnets.list(vpc.account) if one.vpc == vpc.id]
    return [
        prefix
        for one in found
        for prefix in (one.prefix, *(further.prefix for further in one.prefixes6))
    ]


def _is_within(inner: str, outer: str) -> bool:
    one, other = ip_network(inner), ip_network(outer)
    if isinstance(one, IPv4Network):
        return isinstance(other, IPv4Network) and one.subnet_of(other)
    return isinstance(other, IPv6Network) and one.subnet_of(other)


def check_gateway(estate: Estate, table: RouteTable, gateway: str) -> None:
    """Refuse what is not a gateway of a table's network that can have a table."""
    if gateway.partition("-")[0] not in _GATEWAYS:
        raise ServiceError(
            "InvalidGatewayID.NotFound", f"The gateway ID '{gateway}' does not exist"
        )
    targets.check(estate, table, gateway)


def check_edge(estate: Estate, table: RouteTable, route: Route) -> None:
    """Refuse a route that the table of a gateway may not have."""
    vpc = estate.vpcs.get(table.account, table.vpc)
    if route.destination not in (*own(vpc), *subnets(estate, vpc)):
        raise ServiceError(
            "RouteNotSupported",
            f"Route table contains unsupported route destination: {route.destination}. The table "
            "of a gateway leads to the VPC's CIDR blocks and those of its subnets only.",
        )
    if route.target != targets.LOCAL and route.target.partition("-")[0] not in _EDGE:
        raise ServiceError(
            "RouteNotSupported",
            f"Route table contains unsupported route target: {route.target}.",
        )


def check_number(
    estate: Estate,
    table: RouteTable,
    routes: Iterable[Route],
    resized: dict[str, int] | None = None,
) -> None:
    """Refuse more routes than a table may have; `resized` is how much lists are to count."""
    vpc = estate.vpcs.get(table.account, table.vpc)
    counts = {False: 0, True: 0}
    for one in routes:
        if one.destination in own(vpc):
            continue
        six = prefixlists.is_six(estate, table.account, one.destination)
        weight = 1
        if one.destination.startswith("pl-"):
            weight = (resized or {}).get(one.destination) or prefixlists.weight(
                estate, table.account, one.destination
            )
        counts[six] += weight
    if max(counts.values()) > ROUTES_MAX:
        raise ServiceError(
            "RouteLimitExceeded",
            f"A route table has at most {ROUTES_MAX} routes of each address family.",
        )


def check_served(estate: Estate, table: RouteTable, served: Iterable[Route], wanted: str) -> None:
    """Refuse one more route to a service's list, beside those `served` by gateway endpoints."""
    route = Route(wanted, targets.LOCAL)
    if table.gateways:
        check_edge(estate, table, route)
    check_number(estate, table, (*table.routes, *served, route))


def index(table: RouteTable, to: str) -> int | None:
    """Where in a table the route to a destination is, if it is there."""
    return next((n for n, one in enumerate(table.routes) if one.destination == to), None)
