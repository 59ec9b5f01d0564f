"""Security groups and their rules, as the API shows them."""

from collections.abc import Iterable

from antipodes.regional.ec2 import rules, tags
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.model import GroupRule, SecurityGroup

# Protocols whose rules are shown with ports, or a type and a code.
_WITH_PORTS = ("tcp", "udp", "icmp", "icmpv6")


def arn(estate: Estate, of: SecurityGroup) -> str:
    """The name of a group."""
    return f"arn:aws:ec2:{estate.host.place}:{of.account}:security-group/{of.id}"


def group(estate: Estate, of: SecurityGroup) -> Thing:
    """A security group, its rules put together by protocol and ports."""
    return {
        "GroupId": of.id,
        "GroupName": of.name,
        "Description": of.description,
        "OwnerId": of.account,
        "VpcId": of.vpc,
        "SecurityGroupArn": arn(estate, of),
        "IpPermissions": permissions([rule for rule in of.rules if not rule.egress]),
        "IpPermissionsEgress": permissions([rule for rule in of.rules if rule.egress]),
        "Tags": tags.shown(estate.tags(of.account, of.id)),
    }


def for_vpc(estate: Estate, of: SecurityGroup) -> Thing:
    """A security group, as one that interfaces of a VPC may have."""
    return {
        "GroupId": of.id,
        "GroupName": of.name,
        "Description": of.description,
        "OwnerId": of.account,
        "PrimaryVpcId": of.vpc,
        "Tags": tags.shown(estate.tags(of.account, of.id)),
    }


def permissions(of: Iterable[GroupRule]) -> list[Thing]:
    """Rules of one direction, put together by protocol and ports."""
    found: dict[tuple[str, int, int], Thing] = {}
    for one in of:
        key = one.protocol, one.low, one.high
        if key not in found:
            found[key] = {
                "IpProtocol": one.protocol,
                "IpRanges": [],
                "Ipv6Ranges": [],
                "PrefixListIds": [],
                "UserIdGroupPairs": [],
            }
            if one.protocol in _WITH_PORTS:
                found[key] |= {"FromPort": one.low, "ToPort": one.high}
        member, peer = _peer(one)
        described = {"Description": one.description} if one.description else {}
        found[key][member].append(peer | described)
    return list(found.values())


def _peer(of: GroupRule) -> tuple[str, Thing]:
    if of.group:
        return "UserIdGroupPairs", {"UserId": of.group_account, "GroupId": of.group}
    if of.list:
        return "PrefixListIds", {"PrefixListId": of.list}
    if ":" in of.prefix:
        return "Ipv6Ranges", {"CidrIpv6": of.prefix}
    return "IpRanges", {"CidrIp": of.prefix}


def rule(estate: Estate, group: SecurityGroup, of: GroupRule) -> Thing:
    """A rule by itself."""
    found = _bare(group, of) | {
        "GroupOwnerId": group.account,
        "SecurityGroupRuleArn": (
            f"arn:aws:ec2:{estate.host.place}:{group.account}:security-group-rule/{of.id}"
        ),
        "Tags": tags.shown(estate.tags(group.account, of.id)),
    }
    if of.group:
        found["ReferencedGroupInfo"] = {"GroupId": of.group, "UserId": of.group_account}
    return found


def revoked(group: SecurityGroup, of: GroupRule) -> Thing:
    """A rule that is gone."""
    return _bare(group, of) | ({"ReferencedGroupId": of.group} if of.group else {})


def _bare(group: SecurityGroup, of: GroupRule) -> Thing:
    found: Thing = {
        "SecurityGroupRuleId": of.id,
        "GroupId": group.id,
        "IsEgress": of.egress,
        "IpProtocol": of.protocol,
        "FromPort": of.low,
        "ToPort": of.high,
    }
    if not of.group:
        found[rules.kind_of_peer(of)] = of.prefix or of.list
    if of.description:
        found["Description"] = of.description
    return found
