"""Whether anything gets from one thing to another: AWS's Reachability Analyzer, over our model.

All packets that the question allows are followed at once. If any arrives, the shortest way that one
takes is shown, and its answer's; if none does, the way of those that came furthest, and what
stopped them. Only what this region knows is looked at.

Sources: Reachability Analyzer guide, "How Reachability Analyzer works", "Explanation codes".
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from ipaddress import ip_address
from typing import Any, NamedTuple

from antipodes.fabric.network import outcomes, packets, spaces
from antipodes.fabric.network import topology as told
from antipodes.fabric.network.fabric import ON_THE_INTERNET, Fabric, from_interface
from antipodes.fabric.network.gateways import PRIVATE
from antipodes.fabric.network.nodes import End, Hop, Key, Rule
from antipodes.fabric.network.packets import Packet
from antipodes.fabric.network.reaching import Reached, reach
from antipodes.fabric.network.spaces import Box, Range
from antipodes.fabric.network.walking import Memory, Step, walk
from antipodes.regional.ec2 import inspections
from antipodes.regional.ec2.modelinsights import InsightsPath

Thing = dict[str, Any]
PROTOCOLS = {"tcp": packets.TCP, "udp": packets.UDP}
_NAMES = {told.ANY: "all", packets.TCP: "tcp", packets.UDP: "udp", packets.ICMP: "icmp"}
_EPHEMERAL = (1024, 65535)
_FOUR = 4
_TABLE, _HUB_TABLE, _RELAY = "table", "hub table", "relay"
_APPLIANCE, _ATTACHMENT = "appliance", "attachment"
_CODES = {
    outcomes.REFUSED_BY_FILTER: "SUBNET_ACL_RESTRICTION",
    outcomes.REFUSED_BY_GROUPS: "ENI_SG_RULES_MISMATCH",
    outcomes.SOURCE_CHECK: "ENI_SOURCE_DEST_CHECK_RESTRICTION",
    outcomes.TARGET_CHECK: "ENI_SOURCE_DEST_CHECK_RESTRICTION",
    outcomes.NOT_FORWARDED: "ENI_ADDRESS_RESTRICTION",
    outcomes.NO_SUBNET: "NO_POSSIBLE_DESTINATION",
    outcomes.NO_ADDRESS: "UNKNOWN_DESTINATION",
    outcomes.NO_PUBLIC_ADDRESS: "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS",
    outcomes.REDIRECTED: "INGRESS_RTB_TRAFFIC_REDIRECTION",
    outcomes.PRIVATE_ADDRESS: "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS",
    outcomes.NOT_TRANSLATED: "NGW_DEST_ADDRESS_PRESERVATION",
    outcomes.NOT_JOINED: "BAD_STATE",
    outcomes.NOT_IN_PEER: "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR",
    outcomes.NOT_IN_ZONE: "TGW_ATTACH_VPC_AZ_RESTRICTION",
    outcomes.NOT_ATTACHED: "UNASSOCIATED_COMPONENT",
    outcomes.NOT_ASSOCIATED: "TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION",
    outcomes.REFUSED_BY_FIREWALL: "FIREWALL_RULES_RESTRICTION",
    outcomes.NO_APPLIANCE: "ELBV2_NO_TARGETS_IN_AZ",
    outcomes.NOT_OFFERED: "VPCE_GATEWAY_PROTOCOL_RESTRICTION",
    outcomes.NO_TARGET: "ELBV2_NO_TARGETS_IN_AZ",
    outcomes.NOT_RUNNING: "BAD_STATE",
    outcomes.UNKNOWN: "UNKNOWN_RESOURCE",
}
_WITH_TUNNELS = (  # ids of what has a part for each
    *("vpn-", "dxvif-", "tgw-attach-", "tgw-connect-peer-"),
)
_MEMBERS = {  # what explanations and components call a kind of hop
    "interface": "NetworkInterface",
    "filter": "Acl",
    _TABLE: "RouteTable",
    "gateway": "InternetGateway",
    "translator": "NatGateway",
    "peering": "VpcPeeringConnection",
    "hub": "TransitGateway",
    _ATTACHMENT: "TransitGatewayAttachment",
    _HUB_TABLE: "TransitGatewayRouteTable",
    "private gateway": "VpnGateway",
    "line": "VpnConnection",
    "network": "Vpc",
    "subnet": "Subnet",
    "inspection": "VpcEndpoint",
    _APPLIANCE: "Component",
}


class Ends(NamedTuple):
    """Where packets of a question begin, what they are, and where they are to come."""

    start: Key
    boxes: tuple[Box, ...]
    source: str  # an interface's id, or a gateway's
    target: str


def ends_of(topology: told.Topology, path: InsightsPath) -> Ends | None:
    """Where a question begins and ends; None where one of them is not there."""
    everything = spaces.everything(4)
    box = spaces.replaced(everything, spaces.PROTOCOL, (PROTOCOLS[path.protocol],) * 2)
    sent = path.at_source
    box = spaces.replaced(box, spaces.SOURCE_PORT, sent.source_ports or _EPHEMERAL)
    ports = (path.port, path.port) if path.port else sent.destination_ports
    if ports:
        box = spaces.replaced(box, spaces.TARGET_PORT, ports)
    source = interface_of(topology, path.source)
    target = interface_of(topology, path.destination)
    if path.source not in topology.gateways and source is None:
        return None
    if path.destination and path.destination not in topology.gateways and target is None:
        return None
    start = ON_THE_INTERNET
    if source is not None:
        start = from_interface(source.id)
        own = path.source_ip or sent.source or source.addresses[0]
        box = spaces.replaced(box, spaces.SOURCE, _one(own))
    elif path.source_ip or sent.source:
        box = spaces.replaced(box, spaces.SOURCE, _one(path.source_ip or sent.source))
    where = path.destination_ip or sent.destination
    if not where and target is not None:
        from_outside = source is None
        wanted = path.at_destination.destination
        own = wanted if wanted in target.addresses else target.addresses[0]
        public = target.public.get(own, "") or next(iter(target.public.values()), "")
        where = public if from_outside else own
        if from_outside and not public:
            return None
    boxes = [box]
    if where:
        boxes = [spaces.replaced(box, spaces.TARGET, _one(where))]
    elif path.destination in topology.gateways:
        boxes = _outside(topology, box)
    name = target.id if target is not None else path.destination
    return Ends(start, tuple(boxes), source.id if source is not None else path.source, name)


def _outside(topology: told.Topology, box: Box) -> list[Box]:
    """Those packets that are not for networks here, nor for private addresses."""
    own = [prefix for network in topology.networks.values() for prefix in network.prefixes]
    inside = [spaces.prefix(prefix) for prefix in (*own, *PRIVATE)]
    everything = spaces.everything(4)
    taken = [spaces.replaced(everything, spaces.TARGET, one) for six, one in inside if six == _FOUR]
    return spaces.minus_all([box], taken)


def interface_of(topology: told.Topology, name: str) -> told.Interface | None:
    """An interface, by its id or by its instance's."""
    found = topology.interfaces.get(name)
    if found is not None or not name.startswith("i-"):
        return found
    return next((one for one in topology.interfaces.values() if one.of == name), None)


def _one(address: str) -> Range:
    value = int(ip_address(address))
    return value, value


def analysed(topology: told.Topology, path: InsightsPath) -> Thing:
    """The answer to a question, as a description shows it."""
    ends = ends_of(topology, path)
    if ends is None:
        why = {"ExplanationCode": "NO_SOURCE_OR_DESTINATION"}
        return {"NetworkPathFound": False, "Explanations": [why]}
    fabric = Fabric(topology)
    best: Reached | None = None
    for one in (one for box in ends.boxes for one in reach(fabric.node, ends.start, box)):
        if _arrives(topology, one, ends):
            return found(topology, fabric, ends, one.witness(4))
        if best is None or len(one.passages) > len(best.passages):
            best = one
    if best is None:
        return {"NetworkPathFound": False, "Explanations": [{"ExplanationCode": "NO_PATH"}]}
    return {
        "NetworkPathFound": False,
        "ForwardPathComponents": components(topology, _steps(fabric, ends, best)),
        "Explanations": [explained(topology, best.end, ends)],
    }


def _arrives(topology: told.Topology, one: Reached, ends: Ends) -> bool:
    return comes_to(topology, one.end, {passage.hop.id for passage in one.passages}, ends)


def comes_to(topology: told.Topology, end: End, passed: AbstractSet[str], ends: Ends) -> bool:
    """Whether an end is the one that was asked for, or behind the door that was."""
    if end.outcome == outcomes.LEFT:
        return not ends.target or ends.target in passed
    if ends.target in topology.doors and ends.target in passed:
        return end.passed
    return end.passed and (not ends.target or end.hop.id == ends.target)


def _steps(fabric: Fabric, ends: Ends, one: Reached) -> tuple[Step, ...]:
    return walk(fabric.node, ends.start, one.witness(4), Memory()).steps


def found(topology: told.Topology, fabric: Fabric, ends: Ends, witness: Packet) -> Thing:
    """The answer where a packet arrives: its way, and its answer's."""
    both = fabric.walk(ends.start, witness)
    shown: Thing = {
        "NetworkPathFound": True,
        "ForwardPathComponents": components(topology, both.there.steps),
    }
    if both.back is not None and both.back.passed:
        shown["ReturnPathComponents"] = components(topology, both.back.steps)
    return shown


# As AWS shows it.


def components(topology: told.Topology, steps: Sequence[Step]) -> list[Thing]:
    """The parts of a way, in order; an interface is told once for each time that it is passed."""
    found: list[Thing] = []
    for number, step in enumerate(steps):
        before = steps[number - 1] if number else None
        arrives = number == len(steps) - 1
        if step.hop.kind == "interface":
            found += _interface(topology, step, before, arrives=arrives)
        else:
            found.append(_component(topology, step))
    for number, one in enumerate(found, 1):
        one["SequenceNumber"] = number
    return found


def _interface(
    topology: told.Topology, step: Step, before: Step | None, *, arrives: bool
) -> Iterable[Thing]:
    """An interface, its group's rule, and the instance behind it, outwards or inwards."""
    interface = topology.interfaces[step.hop.id]
    subnet = topology.subnets[interface.subnet]
    own: Thing = {
        "Component": {"Id": interface.id},
        "Subnet": {"Id": subnet.id},
        "Vpc": {"Id": subnet.network},
        "OutboundHeader": header(step.packet),
    }
    instance = [{"Component": {"Id": interface.of}}] if interface.of.startswith("i-") else []
    if arrives:
        return [own, *instance]
    group = group_rule(topology, step.rule)
    if before is None:
        return [*instance, own, *group]
    return [own, *group] if before.hop.id == interface.id else group


def group_rule(topology: told.Topology, rule: Rule | None) -> list[Thing]:
    """The security group whose rule let a packet pass; none for a reply that is known."""
    group = topology.groups.get(rule.of) if rule is not None else None
    if group is None or rule is None:
        return []
    found = next(one for one in (*group.inbound, *group.outbound) if one.name == rule.name)
    direction = "ingress" if found in group.inbound else "egress"
    shown: Thing = {"Direction": direction, "SecurityGroupId": group.id}
    shown["Protocol"] = _NAMES.get(found.protocol) or str(found.protocol)
    if found.prefixes:
        shown["Cidr"] = found.prefixes[0]
    if found.protocol != told.ANY:
        shown["PortRange"] = ports_shown(found.ports)
    return [{"Component": {"Id": group.id}, "SecurityGroupRule": shown}]


def _component(topology: told.Topology, step: Step) -> Thing:
    own: Thing = {"Component": {"Id": id_shown(step.hop.id)}, "OutboundHeader": header(step.packet)}
    if step.hop.kind == _ATTACHMENT and inspections.splits_flows(topology, step.hop.id):
        own["AdditionalDetails"] = [
            {"AdditionalDetailType": "TRANSIT_GATEWAY_APPLIANCE_MODE_RECOMMENDED"}
        ]
    return own | rule_shown(topology, step.hop, step.rule)


def rule_shown(topology: told.Topology, hop: Hop, rule: Rule | None) -> Thing:
    """The entry or the route by which something let a packet pass."""
    if rule is None:
        return {}
    if hop.kind == "filter":
        return {"AclRule": _acl_rule(topology, hop.id, rule.name)}
    if hop.kind == _TABLE:
        return {"RouteTableRoute": _route(topology, hop.id, rule.name)}
    if hop.kind == _HUB_TABLE:
        shown = {"DestinationCidr": rule.name, "State": "active"}
        return {"TransitGatewayRouteTableRoute": shown}
    if hop.kind == _APPLIANCE and rule.of in topology.firewalls:
        return inspections.rule_shown(topology.firewalls[rule.of], rule.name)
    return {}


def id_shown(name: str) -> str:
    """Without the region that tells the two sides of a peering of hubs apart, or the tunnel."""
    if name.startswith(_WITH_TUNNELS):
        return name.partition("/")[0]
    return name.partition("@")[0]


def _acl_rule(topology: told.Topology, acl: str, name: str) -> Thing:
    found = topology.filters[acl]
    entry = next(one for one in (*found.inbound, *found.outbound) if one.name == name)
    direction, _, number = name.partition(" ")
    shown: Thing = {
        "Egress": direction == "outbound",
        "Cidr": entry.prefix,
        "Protocol": _protocol(entry.protocol),
        "RuleAction": "allow" if entry.allows else "deny",
        "RuleNumber": int(number),
    }
    if entry.protocol != told.ANY:
        shown["PortRange"] = ports_shown(entry.ports)
    return shown


def _route(topology: told.Topology, table: str, name: str) -> Thing:
    route = next(one for one in topology.tables[table].routes if one.name == name)
    shown: Thing = {"State": "blackhole" if route.blackhole else "active"}
    shown["DestinationPrefixListId" if name.startswith("pl-") else "DestinationCidr"] = name
    targets = {
        told.INTERFACE: "NetworkInterfaceId",
        told.TRANSLATOR: "NatGatewayId",
        told.HUB: "TransitGatewayId",
        told.PEERING: "VpcPeeringConnectionId",
        told.EGRESS: "EgressOnlyInternetGatewayId",
    }
    shown[targets.get(route.to.kind, "GatewayId")] = route.to.id or "local"
    return shown


def _protocol(number: int) -> str:
    return "all" if number == told.ANY else str(number)


def ports_shown(ports: tuple[int, int]) -> Thing:
    """A range of ports."""
    return {"From": ports[0], "To": ports[1]}


def header(packet: Packet) -> Thing:
    """A packet's header."""
    return {
        "Protocol": str(packet.protocol),
        "SourceAddresses": [f"{packets.text(4, packet.source)}/32"],
        "SourcePortRanges": [ports_shown((packet.source_port, packet.source_port))],
        "DestinationAddresses": [f"{packets.text(4, packet.target)}/32"],
        "DestinationPortRanges": [ports_shown((packet.target_port, packet.target_port))],
    }


def explained(topology: told.Topology, end: End, ends: Ends) -> Thing:
    """Why packets went no further."""
    shown: Thing = {"ExplanationCode": code_of(end)}
    member = _MEMBERS.get(end.hop.kind)
    if member is not None:
        shown[member] = {"Id": id_shown(end.hop.id)}
    interface = topology.interfaces.get(end.hop.id)
    if interface is not None:
        outwards = end.hop.id == ends.source
        shown["Direction"] = "egress" if outwards else "ingress"
        shown["Subnet"] = {"Id": interface.subnet}
        shown["Vpc"] = {"Id": topology.subnets[interface.subnet].network}
        if end.outcome == outcomes.REFUSED_BY_GROUPS:
            shown["SecurityGroups"] = [{"Id": group} for group in interface.groups or ()]
    if end.rule is not None and end.hop.kind == _TABLE:
        shown["RouteTableRoute"] = _route(topology, end.hop.id, end.rule.name)
    return shown


def code_of(end: End) -> str:
    """AWS's explanation code for how a way ended."""
    beyond = end.hop.kind == _HUB_TABLE
    if end.outcome == outcomes.NO_PUBLIC_ADDRESS and end.hop.kind == _TABLE:
        return "INGRESS_RTB_NO_PUBLIC_IP"
    if end.outcome == outcomes.NO_ROUTE:
        return "TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT" if beyond else "NO_ROUTE_TO_DESTINATION"
    if end.outcome == outcomes.BLACKHOLE:
        return "TGW_RTB_BAD_STATE_ROUTE" if beyond else "BAD_STATE_ROUTE"
    if end.outcome == outcomes.NOT_OFFERED and end.hop.kind == _RELAY:
        return "ELBV2_LISTENER_PORT_RESTRICTION"
    return _CODES.get(end.outcome, "NO_PATH")
