"""What is kept of networks, told in the words of `fabric.network`.

Ids stay what they are; zones become places (`us-west-2/usw2-az1`). What a rule or a route names and
is not there any more stands for nothing, or for a blackhole.
"""

from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from antipodes.fabric.network import packets
from antipodes.fabric.network import topology as told
from antipodes.fabric.network.together import together
from antipodes.regional.ec2 import (
    endpoints,
    hubroutes,
    inspections,
    leading,
    prefixlists,
    relaying,
    shownroutes,
    targets,
    toldsites,
)
from antipodes.regional.ec2.endpointservices import GATEWAY
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.hubs import vpcs_of
from antipodes.regional.ec2.model import (
    AclEntry,
    GroupRule,
    Interface,
    NetworkAcl,
    Route,
    RouteTable,
    SecurityGroup,
    Subnet,
    Vpc,
)
from antipodes.regional.ec2.modelhubs import AVAILABLE
from antipodes.regional.ec2.modelpeers import Peering

_PROTOCOLS = {
    "-1": told.ANY,
    "tcp": packets.TCP,
    "udp": packets.UDP,
    "icmp": packets.ICMP,
    "icmpv6": packets.ICMPV6,
}
_WITH_PORTS = frozenset({packets.TCP, packets.UDP})
_TARGETS = {
    "igw": told.GATEWAY,
    "eigw": told.EGRESS,
    "nat": told.TRANSLATOR,
    "eni": told.INTERFACE,
    "tgw": told.HUB,
    "pcx": told.PEERING,
    "vpce": told.SERVICE,
    "vgw": told.PRIVATE,
}
_ALL_PORTS = (0, 65535)
_CARRIERS = frozenset({"transit_gateway", "gateway_load_balancer_endpoint"})
_WITHOUT_GROUPS = _CARRIERS | {"nat_gateway"}


def topology(estate: Estate, account: str) -> told.Topology:
    """All networks of an account in a region."""
    region = estate.host.place
    tables = estate.tables.list(account)
    there = _primary_first(estate, account)
    idle = {one.id for one in estate.instances.list(account) if one.state != targets.RUNNING}
    return told.Topology(
        networks={one.id: _network(one, region) for one in estate.vpcs.list(account)},
        subnets={one.id: _subnet(one, region) for one in estate.subnets.list(account)},
        tables={one.id: _table(estate, one) for one in tables},
        filters={one.id: _filter(one) for one in estate.acls.list(account)},
        groups={one.id: _group(estate, one) for one in estate.groups.list(account)},
        gateways={
            one.id: told.Gateway(one.id, one.vpc, toldsites.edge(one.id, tables))
            for one in estate.gateways.list(account)
            if one.vpc
        }
        | {
            one.id: told.Gateway(one.id, one.vpc, egress_only=True)
            for one in estate.egress_gateways.list(account)
        },
        translators={
            one.id: told.Translator(one.id, one.interface)
            for one in estate.nats.list(account)
            if one.interface
        },
        peerings={
            one.id: told.Peering(one.id, (one.requester.vpc, one.accepter.vpc), _joins(one))
            for one in estate.peerings.list(account)
        },
        services={
            one.id: told.Service(one.id, one.vpc, endpoints.prefixes(estate, one))
            for one in estate.endpoints.list(account)
            if one.type == GATEWAY
        },
        inspections=inspections.told_of(estate, account),
        firewalls=inspections.firewalls(estate, account),
        names=_names(estate, account),
        **relaying.parts(estate, account, {one.id: _interface(one, idle) for one in there}),
        **_hubs(estate, account),
        **toldsites.told_sites(estate, account),
    )


def around(estate: Estate, account: str) -> told.Topology:
    """What an account can know: its own, its guests' and hosts', and all that they stand in."""
    accounts = estate.shared.around(account)
    if len(accounts) == 1:
        return topology(estate, account)
    found = together(msgspec.to_builtins(topology(estate, one)) for one in accounts)
    known = {name: one for name, one in found.interfaces.items() if one.subnet in found.subnets}
    return msgspec.structs.replace(found, interfaces=known)


def _names(estate: Estate, account: str) -> dict[str, str]:
    """What an account calls its things: their tag `Name`."""
    tagged = estate.all_tags(account)
    found = {name: tags["Name"] for name, tags in tagged if tags.get("Name")}
    found |= inspections.names(estate, account)
    sides = (name for name in _far_hubs(estate, account) if name in found)
    return found | {f"{name}@{estate.host.place}": found[name] for name in sides}


def _primary_first(estate: Estate, account: str) -> list[Interface]:
    """An account's interfaces, those before others that an instance sends by unless told."""
    return sorted(
        estate.interfaces.list(account),
        key=lambda one: (one.attached.device if one.attached is not None else 0, one.id),
    )


def _joins(of: Peering) -> bool:
    return of.standing.code == "active"


def _hubs(estate: Estate, account: str) -> dict[str, Any]:
    """Transit gateways, their tables with what they have learnt, and what is attached to them."""
    region = estate.host.place
    hubs = {one.id: one for one in estate.hubs.list(account)}
    attached = {one.id: one for one in estate.attachments.list(account) if one.hub in hubs}
    far = _far_hubs(estate, account)
    names = {name: f"{name}@{region}" if name in far else name for name in attached}
    vpcs = vpcs_of(estate, attached.values())
    carriers: dict[str, list[str]] = {name: [] for name in attached}
    for owner in dict.fromkeys((account, *(vpc.account for vpc in vpcs.values()))):
        for interface in estate.interfaces.list(owner):
            if interface.of in carriers:
                carriers[interface.of].append(interface.id)
    announced = leading.announced_over(estate, account)
    parts = toldsites.parts(estate, account)
    tables = {}
    for table in estate.hub_tables.list(account):
        beside = {
            name: one
            for name, one in attached.items()
            if one.hub == table.hub and one.state == AVAILABLE
        }
        lists = {
            one.list: prefixlists.prefixes_of(estate, account, one.list) for one in table.lists
        }
        spreads = hubs[table.hub].spreads
        found = hubroutes.routes_of(
            *(table, beside, vpcs), lists=lists, announced=announced, spreads=spreads
        )
        routes = tuple(
            told.HubRoute(one.prefix, (one.prefix,), over, one.origin, not over)
            for one in (*found, *hubroutes.standby(table, beside, announced, spreads=spreads))
            for over in toldsites.ways(one.prefix, one.attachments, names, parts)
        )
        tables[table.id] = told.HubTable(table.id, table.hub, routes)
    return {
        "hubs": {one.id: told.Hub(one.id, region, one.references) for one in hubs.values()},
        "hub_tables": tables,
        "attachments": {
            names[one.id]: told.Attachment(
                *(names[one.id], one.hub, told.FAR_HUB if one.id in far else told.NETWORK),
                *(far.get(one.id, one.of), tuple(carriers[one.id]), one.table),
                *(one.appliance, one.references, one.state == AVAILABLE),
                ipv6=one.ipv6 or one.kind != hubroutes.VPC,
            )
            for one in attached.values()
            if one.id not in parts
        }
        | toldsites.attachments(parts, attached),
    }


def _far_hubs(estate: Estate, account: str) -> dict[str, str]:
    """What is on the other side of peerings' attachments; an id says where, for both have one."""
    found = {}
    for one in estate.hub_peerings.list(account):
        for own, far in ((one.requester, one.accepter), (one.accepter, one.requester)):
            if (own.account, own.region) == (account, estate.host.place):
                found[own.attachment] = f"{far.attachment}@{far.region}"
    return found


def _network(of: Vpc, region: str) -> told.Network:
    prefixes = tuple(one.prefix for one in (*of.prefixes, *of.prefixes6))
    return told.Network(of.id, region, prefixes, of.table, of.account)


def _subnet(of: Subnet, region: str) -> told.Subnet:
    prefixes = of.prefix, *(one.prefix for one in of.prefixes6)
    return told.Subnet(of.id, of.vpc, f"{region}/{of.zone}", prefixes, of.acl, of.table)


def _interface(of: Interface, idle: AbstractSet[str]) -> told.Interface:
    """One that checks nothing is taken for an appliance, which forwards what is not for it.

    `idle` are instances that do not run; what is attached to nothing is taken for a host.
    """
    kind = told.HOST if of.checks else told.FORWARDER
    if of.kind in _CARRIERS:
        kind = told.CARRIER
    elif of.kind == "nat_gateway":
        kind = told.TRANSLATOR
    instance = of.attached.instance if of.attached is not None else ""
    return told.Interface(
        of.id,
        of.subnet,
        (*(one.address for one in of.addresses), *of.addresses6),
        {one.address: one.public for one in of.addresses if one.public},
        None if of.kind in _WITHOUT_GROUPS else of.groups,
        of.checks and of.kind not in _WITHOUT_GROUPS,
        kind,
        of.of or instance,
        up=instance not in idle,
    )


def _table(estate: Estate, of: RouteTable) -> told.Table:
    routes = shownroutes.all_routes(estate, of)
    return told.Table(of.id, tuple(_route(estate, of, one) for one in routes))


def _route(estate: Estate, table: RouteTable, of: Route) -> told.Route:
    prefixes: tuple[str, ...] = (of.destination,)
    origin = told.PROPAGATED if of.origin == leading.PROPAGATED_ORIGIN else told.STATIC
    if of.destination.startswith("pl-"):
        origin = told.LISTED
        prefixes = prefixlists.prefixes_of(estate, table.account, of.destination)
    if of.target == targets.LOCAL:
        return told.Route(of.destination, prefixes, told.Ref(told.LOCAL), origin)
    kind = _TARGETS[of.target.partition("-")[0]]
    if kind == told.SERVICE and endpoints.hands_on(estate, table.account, of.target):
        kind = told.INSPECTION
    to = told.Ref(kind, of.target)
    gone = not targets.is_there(estate, table.account, table.vpc, of.target)
    return told.Route(of.destination, prefixes, to, origin, gone)


def _filter(of: NetworkAcl) -> told.Filter:
    def entries(*, egress: bool) -> tuple[told.FilterEntry, ...]:
        chosen = (one for one in of.entries if one.egress == egress)
        return tuple(_entry(one) for one in sorted(chosen, key=lambda one: one.number))

    return told.Filter(of.id, entries(egress=False), entries(egress=True))


def _entry(of: AclEntry) -> told.FilterEntry:
    protocol = int(of.protocol)
    ports = of.ports or _ALL_PORTS
    if of.icmp is not None:
        ports = icmp_range(*of.icmp)
    name = f"{'outbound' if of.egress else 'inbound'} {of.number}"
    return told.FilterEntry(name, of.prefix, of.allows, protocol, ports)


def icmp_range(kind: int, code: int) -> tuple[int, int]:
    """A type and a code of ICMP, -1 for any, as a range of what stands for ports."""
    if kind < 0:
        return _ALL_PORTS
    return (kind << 8, kind << 8 | 255) if code < 0 else (kind << 8 | code,) * 2


def _group(estate: Estate, of: SecurityGroup) -> told.Group:
    def rules(*, egress: bool) -> tuple[told.GroupRule, ...]:
        return tuple(_rule(estate, of, one) for one in of.rules if one.egress == egress)

    return told.Group(of.id, of.vpc, rules(egress=False), rules(egress=True), of.others)


def _rule(estate: Estate, group: SecurityGroup, of: GroupRule) -> told.GroupRule:
    protocol = _PROTOCOLS[of.protocol] if of.protocol in _PROTOCOLS else int(of.protocol)
    ports = _ALL_PORTS
    if protocol in _WITH_PORTS and of.low >= 0:
        ports = of.low, of.high
    elif protocol in {packets.ICMP, packets.ICMPV6}:
        ports = icmp_range(of.low, of.high)
    prefixes: tuple[str, ...] = (of.prefix,) if of.prefix else ()
    if of.list:
        prefixes = prefixlists.prefixes_of(estate, group.account, of.list)
    return told.GroupRule(of.id, prefixes, of.group, protocol, ports)
