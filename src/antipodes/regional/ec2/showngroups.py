"""Security groups and their rules, as the API shows them.

A group of another VPC is shown with that, and with the peering by which it is named; without its
account once it is gone.
"""

from collections.abc import Iterable

from antipodes.regional.ec2 import peering, references, rules, tags
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.model import GroupRule, SecurityGroup, Vpc


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
        "IpPermissions": permissions(estate, of, [one for one in of.rules if not one.egress]),
        "IpPermissionsEgress": permissions(estate, of, [one for one in of.rules if one.egress]),
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


def association(of: SecurityGroup, vpc: Vpc) -> Thing:
    """That a group is used in a VPC besides its own."""
    return {
        "GroupId": of.id,
        "GroupOwnerId": of.account,
        "VpcId": vpc.id,
        "VpcOwnerId": vpc.account,
        "State": "associated",
    }


def permissions(estate: Estate, group: SecurityGroup, of: Iterable[GroupRule]) -> list[Thing]:
    """Rules of one direction of a group, put together by protocol and ports."""
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
            if one.protocol in rules.WITH_PORTS:
                found[key] |= {"FromPort": one.low, "ToPort": one.high}
        member, peer = _peer(estate, group, one)
        described = {"Description": one.description} if one.description else {}
        found[key][member].append(peer | described)
    return list(found.values())


def _peer(estate: Estate, group: SecurityGroup, of: GroupRule) -> tuple[str, Thing]:
    if of.group:
        return "UserIdGroupPairs", _referenced(estate, group, of)
    if of.list:
        return "PrefixListIds", {"PrefixListId": of.list}
    if ":" in of.prefix:
        return "Ipv6Ranges", {"CidrIpv6": of.prefix}
    return "IpRanges", {"CidrIp": of.prefix}


def _referenced(estate: Estate, group: SecurityGroup, of: GroupRule) -> Thing:
    """The group that a rule names."""
    found: Thing = {"UserId": of.group_account, "GroupId": of.group}
    if of.group_vpc:
        found["VpcId"] = of.group_vpc
        if estate.groups.find(of.group_account, of.group) is None:
            del found["UserId"]
        peered = references.peered(estate, group, of)
        if peered is not None:
            found["VpcPeeringConnectionId"] = peered.id
            found["PeeringStatus"] = peering.code(peered, estate.host.runtime.wall())
    return found


def stale(estate: Estate, of: SecurityGroup) -> Thing | None:
    """The stale rules of a security group, if it has some."""
    gone = [one for one in of.rules if references.is_stale(estate, of, one)]
    if not gone:
        return None
    return {
        "GroupId": of.id,
        "GroupName": of.name,
        "Description": of.description,
        "VpcId": of.vpc,
        "StaleIpPermissions": _stale(estate, of, [one for one in gone if not one.egress]),
        "StaleIpPermissionsEgress": _stale(estate, of, [one for one in gone if one.egress]),
    }


def _stale(estate: Estate, group: SecurityGroup, of: Iterable[GroupRule]) -> list[Thing]:
    found = permissions(estate, group, of)
    return [{key: one[key] for key in one if key != "Ipv6Ranges"} for one in found]


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
        found["ReferencedGroupInfo"] = _referenced(estate, group, of)
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
