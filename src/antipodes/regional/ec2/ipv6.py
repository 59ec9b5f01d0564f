"""IPv6 in a network: the prefixes that Amazon provides, those of subnets, and what goes with them.

A network's prefix is the lowest /56 of its region's block that no network has, whoever's it is, so
none overlap. With the first of them come a local route in each table, and what lets IPv6 in and out
as IPv4: entries of the default network ACL and a rule of the default group, each only where nobody
has changed that direction.

Sources: Amazon VPC User Guide, "VPC CIDR blocks", "Subnet CIDR blocks", "Default network ACL for a
VPC", "Default security groups for your VPCs".
"""

from collections.abc import Iterable
from ipaddress import IPv6Network

import msgspec

from antipodes.regional.ec2 import defaults, prefixlists, rules
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.model import Association, GroupRule, Interface, Route, Subnet, Vpc
from antipodes.service.contract import ServiceError
from antipodes.world.addresses import NETWORKS6_MAX, network_prefix6

PREFIXES_MAX = 5  # of a VPC, by AWS's default quota
LENGTHS = range(44, 65, 4)  # of subnets' prefixes


def provided(estate: Estate) -> str:
    """The prefix that a network would get."""
    taken = {one.prefix for vpc in estate.vpcs.all() for one in vpc.prefixes6}
    for number in range(NETWORKS6_MAX):
        prefix = network_prefix6(estate.host.place, number)
        if prefix not in taken:
            return prefix
    raise ServiceError("InsufficientCidrBlocks", "The region has no more IPv6 CIDR blocks.")


def check_number(vpc: Vpc) -> None:
    """Refuse one more prefix than a network may have."""
    if len(vpc.prefixes6) >= PREFIXES_MAX:
        raise ServiceError(
            "CidrBlockLimitExceeded", f"A VPC has at most {PREFIXES_MAX} IPv6 CIDR blocks."
        )


def join(estate: Estate, vpc: Vpc) -> tuple[Vpc, Association]:
    """Give a network a prefix, and what goes with it."""
    made = Association(
        estate.new_id("vpc-cidr-assoc"), provided(estate), estate.host.runtime.wall()
    )
    changed = msgspec.structs.replace(vpc, prefixes6=(*vpc.prefixes6, made))
    estate.vpcs.put(vpc.account, vpc.id, changed)
    for table in estate.tables.list(vpc.account):
        if table.vpc == vpc.id:
            routes = (*table.routes, Route(made.prefix, "local", defaults.LOCAL_ORIGIN))
            with_local = msgspec.structs.replace(table, routes=routes)
            estate.tables.put(vpc.account, table.id, with_local)
    _open_acl(estate, vpc)
    _open_group(estate, vpc)
    return changed, made


def _open_acl(estate: Estate, vpc: Vpc) -> None:
    acl = estate.acls.get(vpc.account, vpc.acl)
    entries, wanted = acl.entries, defaults.open_entries(ipv6=True)
    for egress in (False, True):
        own = [one for one in acl.entries if one.egress == egress]
        if own == [one for one in defaults.open_entries() if one.egress == egress]:
            entries += tuple(one for one in wanted if one.egress == egress and one not in own)
    estate.acls.put(acl.account, acl.id, msgspec.structs.replace(acl, entries=entries))


def _open_group(estate: Estate, vpc: Vpc) -> None:
    group = estate.groups.get(vpc.account, vpc.group)
    outbound = [(one.protocol, one.prefix) for one in group.rules if one.egress]
    if outbound == [(rules.ALL, defaults.ANYWHERE)]:
        kept = (*group.rules, everything_out(estate))
        estate.groups.put(group.account, group.id, msgspec.structs.replace(group, rules=kept))


def everything_out(estate: Estate) -> GroupRule:
    """A group's rule that lets all of IPv6 out."""
    name = estate.new_id("sgr")
    return GroupRule(name, egress=True, protocol=rules.ALL, prefix=defaults.ANYWHERE6)


def leave(estate: Estate, vpc: Vpc, gone: Association) -> Vpc:
    """Take a prefix from a network, with its local routes; refuse while a subnet has some of it."""
    for subnet in estate.subnets.list(vpc.account):
        if subnet.vpc == vpc.id and any(
            _is_in(one.prefix, gone.prefix) for one in subnet.prefixes6
        ):
            raise ServiceError(
                "InvalidCidrBlock.InUse",
                f"The vpc {vpc.id} currently has a subnet within CIDR block {gone.prefix}",
            )
    kept = tuple(one for one in vpc.prefixes6 if one is not gone)
    changed = msgspec.structs.replace(vpc, prefixes6=kept)
    estate.vpcs.put(vpc.account, vpc.id, changed)
    for table in estate.tables.list(vpc.account):
        if table.vpc == vpc.id:
            routes = tuple(one for one in table.routes if one.destination != gone.prefix)
            without = msgspec.structs.replace(table, routes=routes)
            estate.tables.put(vpc.account, table.id, without)
    return changed


def _is_in(inner: str, outer: str) -> bool:
    return IPv6Network(inner).subnet_of(IPv6Network(outer))


def of_subnet(text: str, vpc: Vpc, beside: Iterable[Subnet]) -> str:
    """A subnet's prefix: inside one of its network's, and beside those of the other subnets."""
    network = str(prefixlists.parsed(text, "ipv6CidrBlock", 6))
    length = IPv6Network(network).prefixlen
    if length not in LENGTHS or not any(_is_in(network, one.prefix) for one in vpc.prefixes6):
        raise ServiceError("InvalidSubnet.Range", f"The IPv6 CIDR '{text}' is invalid.")
    others = [one.prefix for subnet in beside for one in subnet.prefixes6]
    if any(IPv6Network(network).overlaps(IPv6Network(other)) for other in others):
        raise ServiceError(
            "InvalidSubnet.Conflict", f"The IPv6 CIDR '{text}' conflicts with another subnet"
        )
    return network


def check_free(subnet: Subnet, gone: Association, inside: Iterable[Interface]) -> None:
    """Refuse to take away a subnet's prefix while addresses of it are in use, or given out.

    `inside` are the interfaces in the subnet.
    """
    why = ""
    if subnet.assigns_ipv6:
        why = "its subnet has assign-ipv6-address-on-creation set to true."
    elif any(one.addresses6 for one in inside):
        why = "it is in use by network interfaces."
    if why:
        raise ServiceError(
            "InvalidCidrBlock.InUse",
            f"The subnet IPv6 CIDR block with association ID {gone.id} may not be disassociated, "
            f"because {why}",
        )
