"""Network ACLs as the API shows them, and filters over them."""

from collections.abc import Callable, Iterable
from typing import Any

from antipodes.regional.ec2 import acls, tags
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.filters import GROUP_FILTERS, Filters, Thing
from antipodes.regional.ec2.model import AclEntry, NetworkAcl, Subnet

_PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp"}


def acl(estate: Estate, of: NetworkAcl) -> Thing:
    """A network ACL, with the subnets that go by it."""
    vpc = estate.vpcs.get(of.account, of.vpc)
    ipv6 = bool(vpc.prefixes6) or any(":" in one.prefix for one in of.entries)
    return {
        "NetworkAclId": of.id,
        "VpcId": of.vpc,
        "OwnerId": of.account,
        "IsDefault": of.default,
        "Associations": [_association(one) for one in acls.subnets(estate, of)],
        "Entries": [_entry(one) for one in acls.ordered(of.entries, ipv6=ipv6)],
        "Tags": tags.shown(estate.tags(of.account, of.id)),
    }


def _association(of: Subnet) -> Thing:
    return {
        "NetworkAclAssociationId": of.acl_association,
        "NetworkAclId": of.acl,
        "SubnetId": of.id,
    }


def _entry(of: AclEntry) -> Thing:
    found: Thing = {
        "RuleNumber": of.number,
        "Egress": of.egress,
        "RuleAction": "allow" if of.allows else "deny",
        "Protocol": of.protocol,
        "Ipv6CidrBlock" if ":" in of.prefix else "CidrBlock": of.prefix,
    }
    if of.ports is not None:
        found["PortRange"] = {"From": of.ports[0], "To": of.ports[1]}
    if of.icmp is not None:
        found["IcmpTypeCode"] = {"Type": of.icmp[0], "Code": of.icmp[1]}
    return found


def _each(many: str, *path: str) -> Callable[[Thing], Iterable[Any]]:
    """What each part of an ACL has at the end of a path, where it has it."""

    def read(thing: Thing) -> Iterable[Any]:
        for part in thing[many]:
            found: Any = part
            for member in path:
                found = found.get(member) if found is not None else None
            if found is not None:
                yield found

    return read


def _protocols(thing: Thing) -> Iterable[Any]:
    for one in thing["Entries"]:
        number = one["Protocol"]
        yield from (number, _PROTOCOLS.get(number, number))


ACL_FILTERS: Filters = {
    "network-acl-id": lambda thing: [thing["NetworkAclId"]],
    "vpc-id": GROUP_FILTERS["vpc-id"],
    "owner-id": GROUP_FILTERS["owner-id"],
    "tag-key": GROUP_FILTERS["tag-key"],
    "default": lambda thing: [thing["IsDefault"]],
    "association.association-id": _each("Associations", "NetworkAclAssociationId"),
    "association.network-acl-id": _each("Associations", "NetworkAclId"),
    "association.subnet-id": _each("Associations", "SubnetId"),
    "entry.cidr": _each("Entries", "CidrBlock"),
    "entry.ipv6-cidr": _each("Entries", "Ipv6CidrBlock"),
    "entry.egress": _each("Entries", "Egress"),
    "entry.icmp.code": _each("Entries", "IcmpTypeCode", "Code"),
    "entry.icmp.type": _each("Entries", "IcmpTypeCode", "Type"),
    "entry.port-range.from": _each("Entries", "PortRange", "From"),
    "entry.port-range.to": _each("Entries", "PortRange", "To"),
    "entry.protocol": _protocols,
    "entry.rule-action": _each("Entries", "RuleAction"),
    "entry.rule-number": _each("Entries", "RuleNumber"),
}
