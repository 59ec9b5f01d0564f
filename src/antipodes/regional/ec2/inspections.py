"""Endpoints that hand packets to appliances: of Gateway Load Balancers, and of managed firewalls.

Such an endpoint is one interface in one subnet, which routes may lead to. What stands behind it is
another service's to tell (`service.appliances`): the appliances of the load balancer that has a
node in the endpoint's zone, or a firewall's rules. An instance is an appliance while it runs.

Sources: AWS PrivateLink Guide, "Access virtual appliances through AWS PrivateLink", "Gateway Load
Balancer endpoints"; Network Firewall Developer Guide, "Firewall endpoints".
"""

from collections.abc import Iterator

import msgspec

from antipodes.fabric.network import packets
from antipodes.fabric.network import topology as told
from antipodes.regional.ec2 import defaults, endpoints, endpointservices
from antipodes.regional.ec2.endpoints import invalid
from antipodes.regional.ec2.endpointservices import INSPECTED
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.interfaces import Interfaces
from antipodes.regional.ec2.model import Subnet, Vpc
from antipodes.regional.ec2.modelpeers import Endpoint
from antipodes.service.appliances import INSTANCE, Appliance, KnownAppliances, KnownFirewalls
from antipodes.service.contract import Request

_RUNNING = "running"
_ACTIONS = {told.PASS: "pass", told.DROP: "drop", told.LOOK: "forward_to_sfe"}
_PROTOCOLS = {
    (packets.TCP,): "tcp",
    (packets.UDP,): "udp",
    (packets.ICMP, packets.ICMPV6): "icmp",
}
_NOT_VALID = (
    *("SecurityGroupIds", "SubnetConfigurations", "PrivateDnsEnabled", "DnsOptions"),
    *("RouteTableIds", "AddRouteTableIds", "RemoveRouteTableIds", "PolicyDocument"),
    *("AddSecurityGroupIds", "RemoveSecurityGroupIds", "ResetPolicy"),
)


def check_members(request: Request) -> None:
    """Refuse what endpoints of Gateway Load Balancers do not have."""
    for member in _NOT_VALID:
        if request.get(member):
            raise invalid(f"{member} is not valid for endpoints of type {INSPECTED}.")


def check_one_subnet(subnets: list[Subnet]) -> None:
    """Refuse an endpoint in no subnet, or in more than one."""
    if len(subnets) != 1:
        raise invalid(f"An endpoint of type {INSPECTED} is in exactly one subnet.")


# Of managed firewalls.


def open_for_firewall(interfaces: Interfaces, vpc: Vpc, subnet: Subnet, firewall: str) -> Endpoint:
    """Make the endpoint of a managed firewall in a subnet; raises as any endpoint does."""
    estate = interfaces.estate
    endpoints.check_number(estate, vpc, INSPECTED)
    of = Endpoint(
        estate.endpoints.new_id(),
        vpc.account,
        vpc.id,
        defaults.identifier(endpointservices.OF_CUSTOMERS.rstrip("-"), firewall),
        INSPECTED,
        made_at=estate.host.runtime.wall(),
        firewall=firewall,
    )
    planned, own = endpoints.plan(interfaces, of, [subnet], {})
    planned.keep()
    made = msgspec.structs.replace(of, interfaces=own)
    estate.endpoints.put(made.account, made.id, made)
    zones = estate.host.world.atlas.region(estate.host.place).zones
    zone = next(one.name for one in zones if one.id == subnet.zone)
    name = f"{firewall.rpartition('/')[2]} ({zone})"
    tags = {"AWSNetworkFirewallManaged": "true", "Firewall": firewall, "Name": name}
    estate.tag(made.account, made.id, tags)
    return made


def check_own(of: Endpoint) -> None:
    """Refuse to change an endpoint that a firewall manages."""
    if of.firewall:
        raise invalid(
            f"Operation is not allowed for {of.id}, a requester-managed endpoint of {of.firewall}."
        )


# What is behind them.


def told_of(estate: Estate, account: str) -> dict[str, told.Inspection]:
    """An account's endpoints that hand packets to appliances."""
    return {
        one.id: _inspection(estate, one)
        for one in estate.endpoints.list(account)
        if one.type == INSPECTED
    }


def firewalls(estate: Estate, account: str) -> dict[str, told.Firewall]:
    """The managed firewalls of an account, with their rules."""
    return {one.id: one for one in KnownFirewalls(estate.host.store).list(account)}


def names(estate: Estate, account: str) -> dict[str, str]:
    """What the managed firewalls of an account are called, by their ARNs."""
    return {arn: arn.rpartition("/")[2] for arn in firewalls(estate, account)}


def _inspection(estate: Estate, of: Endpoint) -> told.Inspection:
    [interface] = of.interfaces
    place = f"{estate.host.place}/{interface.zone}"
    if of.firewall:
        own = (told.Appliance(of.firewall, place),)
        return told.Inspection(of.id, interface.interface, of.firewall, own, "firewall")
    found = tuple(_appliances(estate, of, interface.zone))
    return told.Inspection(of.id, interface.interface, of.service, found)


def _appliances(estate: Estate, of: Endpoint, zone: str) -> Iterator[told.Appliance]:
    """Those that take flows from a zone: of the first load balancer that has a node there."""
    link = estate.links.find(of.provider, of.service)
    if link is None:
        return
    region = estate.host.world.atlas.region(estate.host.place)
    name = next(one.name for one in region.zones if one.id == zone)
    places = {one.name: one.place for one in region.zones}
    known = KnownAppliances(estate.host.store)
    for arn in link.balancers:
        behind = known.behind(of.provider, arn)
        if behind is not None and name in behind.zones:
            for one in behind.zones[name]:
                if _is_there(estate, of.provider, one):
                    yield told.Appliance(one.id, places.get(one.zone, region.code))
            return


def _is_there(estate: Estate, account: str, of: Appliance) -> bool:
    if of.kind != INSTANCE:
        return True
    instance = estate.instances.find(account, of.id)
    return instance is not None and instance.state == _RUNNING


def splits_flows(topology: told.Topology, attachment: str) -> bool:
    """Whether a hub may bring the two directions of a flow to appliances of different zones."""
    found = topology.attachments.get(attachment)
    if found is None or found.kind != told.NETWORK or found.sticky or len(found.interfaces) == 1:
        return False
    interfaces = (topology.interfaces[one.interface] for one in topology.inspections.values())
    return any(topology.subnets[one.subnet].network == found.of for one in interfaces)


# Their rules, as the Reachability Analyzer shows them.


def rule_shown(firewall: told.Firewall, name: str) -> Thing:
    """The rule of a rule group by its name, which is that of its group and its own number."""
    group, _, number = name.partition(" ")
    rule = next((one for one in (*firewall.screen, *firewall.rules) if one.name == name), None)
    if rule is None or not number.isdecimal():  # what is done with all else is no group's
        return {}
    kind = "stateless" if rule in firewall.screen else "stateful"
    shown: Thing = {
        "RuleGroupArn": f"{firewall.id.rpartition(':')[0]}:{kind}-rulegroup/{group}",
        "Sources": list(rule.sources),
        "Destinations": list(rule.targets),
        "SourcePorts": [{"From": low, "To": high} for low, high in rule.source_ports],
        "DestinationPorts": [{"From": low, "To": high} for low, high in rule.target_ports],
        "RuleAction": _ACTIONS[rule.verdict],
    }
    if kind == "stateful":
        shown["Protocol"] = _PROTOCOLS.get(rule.protocols, "ip")
        return {"FirewallStatefulRule": shown}
    more = {"Protocols": list(rule.protocols), "Priority": int(number)}
    return {"FirewallStatelessRule": shown | more}
