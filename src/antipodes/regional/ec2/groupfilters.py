"""Filters over security groups and their rules."""

from collections.abc import Callable, Iterable
from typing import Any

from antipodes.regional.ec2.estate import Estate
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
ASSOCIATION_FILTERS: Filters = {
    "group-id": lambda thing: [thing["GroupId"]],
    "group-owner-id": lambda thing: [thing["GroupOwnerId"]],
    "vpc-id": lambda thing: [thing["VpcId"]],
    "vpc-owner-id": lambda thing: [thing["VpcOwnerId"]],
    "state": lambda thing: [thing["State"]],
}


def group_filters(estate: Estate) -> Filters:
    """The filters over security groups, of which one asks for the groups that rules name."""
    found = dict(GROUP_FILTERS)
    for prefix, member in (("", "IpPermissions"), ("egress.", "IpPermissionsEgress")):
        start = f"{prefix}ip-permission"
        for name, asked in _MEMBERS:
            found[f"{start}.{name}"] = _of_permissions(member, asked)
        for name, peers, asked in _PEERS:
            found[f"{start}.{name}"] = _of_peers(member, peers, asked)
        found[f"{start}.group-name"] = _of_names(member, estate)
    return found


def _of_permissions(member: str, asked: str) -> Callable[[Thing], Iterable[Any]]:
    return lambda thing: [one[asked] for one in thing[member] if asked in one]


def _of_peers(member: str, peers: str, asked: str) -> Callable[[Thing], Iterable[Any]]:
    return lambda thing: [
        peer[asked] for one in thing[member] for peer in one[peers] if asked in peer
    ]


def _of_names(member: str, estate: Estate) -> Callable[[Thing], Iterable[Any]]:
    def read(thing: Thing) -> Iterable[Any]:
        for one in thing[member]:
            for pair in one["UserIdGroupPairs"]:
                found = estate.groups.find(pair.get("UserId") or "", pair["GroupId"])
                if found is not None:
                    yield found.name

    return read
