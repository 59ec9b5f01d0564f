"""VPC endpoints: gateway endpoints are routes in tables, interface endpoints are interfaces.

A gateway endpoint's routes are kept with the endpoint: `routes` says which ones a table has from
them, to the prefix list of the service. Nobody may change or delete such a route otherwise.

Source: AWS PrivateLink Guide, "Gateway endpoints", "Configure an interface endpoint", quotas.
"""

import json
from collections.abc import Iterable, Sequence

import msgspec

from antipodes.regional.ec2 import endpointservices, links, prefixlists
from antipodes.regional.ec2.endpointservices import GATEWAY, INSPECTED, INTERFACE, EndpointService
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.interfaces import Interfaces, Plan, Wanted
from antipodes.regional.ec2.model import Route, RouteTable, Subnet, Vpc
from antipodes.regional.ec2.modellinks import LinkService
from antipodes.regional.ec2.modelpeers import Endpoint, EndpointInterface
from antipodes.regional.ec2.routes import check_served
from antipodes.service import policydocuments
from antipodes.service.contract import Call, ServiceError

GATEWAYS_MAX = 20  # of an account in a region, by AWS's default quota
INTERFACES_MAX = 50  # of a VPC, likewise, those to appliances among them
POLICY_LENGTH_MAX = 20480
DEFAULT_POLICY = '{"Statement":[{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}]}'
MANAGER = "vpc-endpoint"  # of an endpoint's interfaces
_INTERFACES = {INTERFACE: "vpc_endpoint", INSPECTED: "gateway_load_balancer_endpoint"}
_UNLIKE = ("Resource", "ServiceNetwork", "Tunnel")


def invalid(message: str) -> ServiceError:
    """What endpoints answer to most mistakes."""
    return ServiceError("InvalidParameter", message)


def routes(estate: Estate, table: RouteTable) -> list[Route]:
    """The routes that a table has from gateway endpoints."""
    return [
        Route(list_id(estate, endpoint.service), endpoint.id)
        for endpoint in estate.endpoints.list(table.account)
        if table.id in endpoint.tables
    ]


def prefixes(estate: Estate, of: Endpoint) -> tuple[str, ...]:
    """The addresses of an endpoint's service in this region."""
    return prefixlists.prefixes_of(estate, of.account, list_id(estate, of.service))


def list_id(estate: Estate, service: str) -> str:
    """The prefix list that stands for a service's addresses in this region."""
    full = endpointservices.named(service).full(estate.host.place)
    return next(one.id for one in prefixlists.of_services(estate) if one.name == full)


def service_of(
    estate: Estate, call: Call, name: str, kind: str
) -> tuple[EndpointService, LinkService | None]:
    """The service that a request names, which has endpoints of that type.

    Where it is a customer's, what is kept of it as well.
    """
    if kind in _UNLIKE:
        raise ServiceError("UnsupportedOperation", f"{kind} endpoints are not offered here")
    region = estate.host.place
    link = links.by_name(estate, endpointservices.customers(region, name))
    if link is not None and links.is_permitted(link, call):
        _check_type(kind, (link.type,))
        return endpointservices.named(link.id), link
    found = check_service(region, name)
    _check_type(kind, found.types)
    return found, None


def _check_type(kind: str, offered: Sequence[str]) -> None:
    if kind not in offered:
        types = ", ".join(offered)
        raise invalid(f"Endpoint type ({kind}) does not match available service types ([{types}]).")


def check_service(region: str, name: str) -> EndpointService:
    """A service of a region."""
    found = endpointservices.find(region, name)
    if found is None:
        raise no_service(name)
    return found


def no_service(name: str) -> ServiceError:
    """What is answered to the name of no service."""
    return ServiceError("InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist")


def check_number(estate: Estate, vpc: Vpc, kind: str) -> None:
    """Refuse more endpoints than there may be."""
    there = estate.endpoints.list(vpc.account)
    alike = [one for one in there if one.type == kind]
    if kind != GATEWAY:
        alike = [one for one in there if one.vpc == vpc.id and one.type != GATEWAY]
    if len(alike) >= (GATEWAYS_MAX if kind == GATEWAY else INTERFACES_MAX):
        raise ServiceError(
            "VpcEndpointLimitExceeded", f"The maximum number of {kind} endpoints has been reached."
        )


def checked_policy(text: str, *, enforced: bool) -> str:
    """A policy: a document in JSON with statements, which can be judged if it is to be."""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not document.get("Statement"):
        raise ServiceError("InvalidPolicyDocument", "The policy document is not valid JSON.")
    if len(text) > POLICY_LENGTH_MAX:
        raise ServiceError(
            "InvalidPolicyDocument", f"A policy has at most {POLICY_LENGTH_MAX} characters."
        )
    problem = policydocuments.problem(text) if enforced else ""
    if problem:
        raise ServiceError("InvalidPolicyDocument", problem)
    return text


def check_tables(
    estate: Estate, vpc: Vpc, service: str, tables: Iterable[str], besides: str = ""
) -> None:
    """Refuse tables of other networks, and those that have a route to the service, or no room.

    `besides` is the endpoint that is changed.
    """
    wanted = list_id(estate, service)
    others = [one for one in estate.endpoints.list(vpc.account) if one.id != besides]
    for name in tables:
        table = estate.tables.get(vpc.account, name)
        if table.vpc != vpc.id:
            raise invalid(f"Route table {name} does not belong to VPC {vpc.id}.")
        taken = any(one.destination == wanted for one in table.routes)
        if taken or any(name in one.tables and one.service == service for one in others):
            raise ServiceError(
                "RouteAlreadyExists",
                f"route table {name} already has a route with destination-prefix-list-id {wanted}",
            )
        served = [one for one in routes(estate, table) if one.target != besides]
        check_served(estate, table, served, wanted)


def check_subnets(
    estate: Estate, vpc: Vpc, subnets: Sequence[str], there: Sequence[EndpointInterface] = ()
) -> list[Subnet]:
    """Subnets of a network, one in each zone, those besides that an endpoint is in."""
    found = [estate.subnets.get(vpc.account, name) for name in subnets]
    zones = {one.zone: one.subnet for one in there}
    for subnet in found:
        if subnet.vpc != vpc.id:
            raise invalid(f"Subnet {subnet.id} does not belong to VPC {vpc.id}.")
        if subnet.zone in zones:
            raise ServiceError(
                "DuplicateSubnetsInSameZone",
                "Found another VPC endpoint subnet in the availability zone of "
                f"{zones[subnet.zone]}",
            )
        zones[subnet.zone] = subnet.id
    return found


def check_private_names(estate: Estate, vpc: Vpc, of: Endpoint) -> None:
    """Refuse private names that a service has not, a VPC does not resolve, or another one has."""
    service, region = endpointservices.named(of.service), estate.host.place
    if of.private_for_inbound:
        _check_inbound(estate, of)
    if not of.private_names:
        return
    if not service.is_private:
        raise invalid(
            f"Private DNS can't be enabled because the service {service.full(region)} does not "
            "provide a private DNS name."
        )
    if not (vpc.dns_support and vpc.dns_hostnames):
        raise invalid(
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC "
            f"attributes set to true for {vpc.id}"
        )
    for one in estate.endpoints.list(of.account):
        if (one.vpc, one.service, one.private_names) == (vpc.id, of.service, True) and (
            one.id != of.id
        ):
            raise invalid(
                "private-dns-enabled cannot be set because there is already a conflicting DNS "
                f"domain for {service.public(region)} in the VPC {vpc.id}"
            )


def _check_inbound(estate: Estate, of: Endpoint) -> None:
    """Private names for those outside only need a gateway endpoint for those inside."""
    service = endpointservices.named(of.service)
    if not (of.private_names and GATEWAY in service.types):
        raise invalid(
            "PrivateDnsOnlyForInboundResolverEndpoint needs private DNS, and a service that has "
            "gateway endpoints too."
        )
    if not gateways(estate, of):
        raise invalid(
            f"To set PrivateDnsOnlyForInboundResolverEndpoint to true, the VPC {of.vpc} must have "
            "a Gateway endpoint for the service."
        )


def gateways(estate: Estate, of: Endpoint) -> list[Endpoint]:
    """The gateway endpoints of a service in an endpoint's network."""
    return [
        one
        for one in estate.endpoints.list(of.account)
        if (one.vpc, one.service, one.type) == (of.vpc, of.service, GATEWAY)
    ]


def plan(
    interfaces: Interfaces, of: Endpoint, subnets: Sequence[Subnet], addresses: dict[str, str]
) -> tuple[Plan, tuple[EndpointInterface, ...]]:
    """Plan the interfaces of an endpoint in subnets, at the addresses that are chosen."""
    planned = Plan(interfaces, of.account)
    found = []
    for subnet in subnets:
        wanted = Wanted(
            _INTERFACES[of.type],
            f"VPC Endpoint Interface {of.id}",
            of.groups,
            addresses.get(subnet.id, ""),
            manager=MANAGER,
            of=of.id,
        )
        made = planned.add(subnet, wanted)
        found.append(EndpointInterface(subnet.id, subnet.zone, made.id))
    return planned, tuple(found)


def hands_on(estate: Estate, account: str, name: str) -> bool:
    """Whether an endpoint hands packets to appliances."""
    found = estate.endpoints.find(account, name)
    return found is not None and found.type == INSPECTED


def regroup(estate: Estate, of: Endpoint) -> None:
    """Give an endpoint's interfaces its groups."""
    for one in of.interfaces:
        interface = estate.interfaces.find(of.account, one.interface)
        if interface is not None:
            changed = msgspec.structs.replace(interface, groups=of.groups)
            estate.interfaces.put(of.account, interface.id, changed)


def remove_interfaces(estate: Estate, of: Endpoint, gone: Iterable[EndpointInterface]) -> None:
    """Delete interfaces of an endpoint."""
    for one in gone:
        estate.remove(estate.interfaces, of.account, one.interface)


def remove(estate: Estate, of: Endpoint) -> None:
    """Delete an endpoint; a gateway that private names for others lean on cannot be."""
    for one in estate.endpoints.list(of.account):
        leans = one.private_for_inbound and (one.vpc, one.service) == (of.vpc, of.service)
        if leans and of.type == GATEWAY and len(gateways(estate, of)) == 1:
            raise ServiceError(
                "OperationNotPermitted",
                f"{of.id} cannot be deleted while {one.id} has private DNS for inbound Resolver "
                "endpoints only.",
            )
    remove_interfaces(estate, of, of.interfaces)
    estate.remove(estate.endpoints, of.account, of.id)
