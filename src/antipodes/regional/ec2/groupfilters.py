"""Filters over security groups and their rules."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from antipodes.regional.ec2.filters import GROUP_FILTERS, Filters, Thing

_PEERS = (
    ("cidr", "IpRanges", "CidrIp"),
    ("ipv6-cidr", "Ipv6Ranges", "CidrIpv6"),
    ("prefix-list-id", "PrefixListIds", "PrefixListId"),
    ("group-id", "UserIdGroupPairs", "GroupId"),
    ("user-id", "UserIdGroupPairs", "UserId"),
)
_MEMBERS = (("protocol", "IpProtocol"), ("from-port", "FromPort"), ("to-port", "ToPort"))
RULE_FILTERS: Filters = {
    "group-id": lambda thing: [thing["GroupId"]],
    "security-group-rule-id": lambda thing: [thing["SecurityGroupRuleId"]],
    "tag-key": GROUP_FILTERS["tag-key"],
}
FOR_VPC_FILTERS: Filters = {
    "primary-vpc-id": lambda thing: [thing["PrimaryVpcId"]],
    **{
        name: GROUP_FILTERS[name]
        for name in ("group-id", "group-name", "description", "owner-id", "tag-key")
    },
}


def group_filters(names: Mapping[str, str]) -> Filters:
    """The filters over security groups; `names` are those of the groups that rules may name."""
    found = dict(GROUP_FILTERS)
    for prefix, member in (("", "IpPermissions"), ("egress.", "IpPermissionsEgress")):
        start = f"{prefix}ip-permission"
        for name, asked in _MEMBERS:
            found[f"{start}.{name}"] = _of_permissions(member, asked)
        for name, peers, asked in _PEERS:
            found[f"{start}.{name}"] = _of_peers(member, peers, asked)
        found[f"{start}.group-name"] = _of_names(member, names)
    return found


def _of_permissions(member: str, asked: str) -> Callable[[Thing], Iterable[Any]]:
    return lambda thing: [one[asked] for one in thing[member] if asked in one]


def _of_peers(member: str, peers: str, asked: str) -> Callable[[Thing], Iterable[Any]]:
    return lambda thing: [peer[asked] for one in thing[member] for peer in one[peers]]


def _of_names(member: str, names: Mapping[str, str]) -> Callable[[Thing], Iterable[Any]]:
    ids = _of_peers(member, "UserIdGroupPairs", "GroupId")
    return lambda thing: [names[name] for name in ids(thing) if name in names]
