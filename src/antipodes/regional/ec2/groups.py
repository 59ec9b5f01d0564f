"""Security groups: found as requests name them, made, referred to, and removed.

Names are told apart without their case, and count in the account's default VPC only; elsewhere a
group goes by its id. A group that others of its VPC name is kept; those of other VPCs do not count.

Source: Amazon VPC User Guide, "Security groups"; botocore's model.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from antipodes.regional.ec2 import defaults, ipv6, prefixlists, references, rules
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.model import GroupRule, SecurityGroup, Vpc
from antipodes.service.contract import Request, ServiceError

GROUPS_MAX = 2500  # of an account in a region, by AWS's default quota
_NAME = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{1,255}")
_PORTS = ("IpProtocol", "FromPort", "ToPort")
_FLAT = (*_PORTS, "CidrIp", "SourceSecurityGroupName", "SourceSecurityGroupOwnerId")
# What a source that is only named may send: everything that EC2 once knew of.
_FULL = (("tcp", 0, 65535), ("udp", 0, 65535), ("icmp", -1, -1))


def by_id(estate: Estate, account: str, name: str) -> SecurityGroup:
    """A group of an account, by its id."""
    check_id(name)
    return estate.groups.get(account, name)


def check_id(name: str) -> None:
    """Refuse what is no group's id."""
    if not name.startswith("sg-"):
        raise ServiceError("InvalidGroupId.Malformed", f'Invalid id: "{name}" (expecting "sg-...")')


def default_vpc(estate: Estate, account: str) -> Vpc:
    """The VPC in which groups have names."""
    for vpc in estate.vpcs.list(account):
        if vpc.default:
            return vpc
    raise ServiceError("VPCIdNotSpecified", "No default VPC for this user")


def by_name(estate: Estate, account: str, name: str) -> SecurityGroup:
    """A group of an account's default VPC, by its name."""
    vpc = default_vpc(estate, account)
    same = [one for one in estate.groups.list(account) if one.name.lower() == name.lower()]
    for group in same:
        if group.vpc == vpc.id:
            return group
    if same:
        raise ServiceError(
            "InvalidParameterValue",
            f"Invalid value '{name}' for groupName. A security group of a VPC that is not the "
            "default one goes by its id.",
        )
    raise ServiceError(
        "InvalidGroup.NotFound",
        f"The security group '{name}' does not exist in default VPC '{vpc.id}'",
    )


def asked(estate: Estate, account: str, request: Request) -> SecurityGroup:
    """The group that a request is about, by its id or its name."""
    name, text = request.get("GroupId"), request.get("GroupName")
    if name and text:
        raise ServiceError(
            "InvalidParameterCombination",
            "The parameter groupName cannot be used with the parameter groupId",
        )
    if not (name or text):
        raise ServiceError(
            "MissingParameter", "The request must contain the parameter groupName or groupId"
        )
    return by_id(estate, account, name) if name else by_name(estate, account, text or "")


def check_new(estate: Estate, account: str, vpc: str, name: str, description: str) -> None:
    """Refuse a group that a VPC cannot have."""
    if _NAME.fullmatch(name) is None or name.lower().startswith("sg-"):
        raise ServiceError(
            "InvalidParameterValue",
            f"Invalid value '{name}' for groupName. It must have 1 to 255 characters from the "
            "following set: a-zA-Z0-9. _-:/()#,@[]+=&;{}!$* and must not start with sg-",
        )
    if name.lower() == "default":
        raise ServiceError(
            "InvalidParameterValue", f"Cannot use reserved security group name: {name}"
        )
    if not description or rules.DESCRIPTION.fullmatch(description) is None:
        raise ServiceError(
            "InvalidParameterValue",
            "Invalid security group description. Valid descriptions are strings less than 256 "
            "characters from the following set: a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
        )
    own = estate.groups.list(account)
    if any(one.vpc == vpc and one.name.lower() == name.lower() for one in own):
        raise ServiceError(
            "InvalidGroup.Duplicate",
            f"The security group '{name}' already exists for VPC '{vpc}'",
        )
    if len(own) >= GROUPS_MAX:
        raise ServiceError(
            "SecurityGroupLimitExceeded",
            f"The maximum number of security groups for this account is {GROUPS_MAX}.",
        )


def make(estate: Estate, account: str, vpc: Vpc, name: str, description: str) -> SecurityGroup:
    """Make a group that lets everything out, and nothing in."""
    everything = [
        GroupRule(estate.new_id("sgr"), egress=True, protocol=rules.ALL, prefix=defaults.ANYWHERE)
    ]
    if vpc.prefixes6:
        everything.append(ipv6.everything_out(estate))
    made = SecurityGroup(
        estate.groups.new_id(), account, vpc.id, name, description, rules=tuple(everything)
    )
    estate.groups.put(account, made.id, made)
    return made


def replace(estate: Estate, group: SecurityGroup, kept: Sequence[GroupRule]) -> None:
    """Give a group other rules; those that go lose their tags."""
    ids = {rule.id for rule in kept}
    changed = msgspec.structs.replace(group, rules=tuple(kept))
    estate.groups.put(group.account, group.id, changed)
    for rule in group.rules:
        if rule.id not in ids:
            estate.tag(group.account, rule.id, {})


def remove(estate: Estate, group: SecurityGroup) -> None:
    """Forget a group, its rules, and their tags."""
    replace(estate, group, ())
    estate.remove(estate.groups, group.account, group.id)


def check_removable(estate: Estate, group: SecurityGroup) -> None:
    """Refuse to delete a VPC's default group, and one that something goes by, or that is shared."""
    vpc = estate.vpcs.find(group.account, group.vpc)
    if vpc is not None and group.id == vpc.group:
        raise ServiceError(
            "CannotDelete",
            f'the specified group: "{group.id}" name: "{group.name}" cannot be deleted by a user',
        )
    used = any(group.id in one.groups for one in estate.interfaces.all())
    named = any(group.vpc in (one.vpc, *one.others) for one, _ in referring(estate, group.id))
    if used or named or group.others:
        raise ServiceError("DependencyViolation", f"resource {group.id} has a dependent object")


def referring(estate: Estate, name: str) -> Iterator[tuple[SecurityGroup, GroupRule]]:
    """The rules of other groups, whosever they are, that name a group."""
    for group in estate.groups.all():
        if group.id != name:
            yield from ((group, rule) for rule in group.rules if rule.group == name)


def referenced(
    estate: Estate, of: SecurityGroup, pair: Mapping[str, Any], *, egress: bool
) -> dict[str, str]:
    """The group that a new rule of a group names; it must be there, and within reach."""
    found = mentioned(estate, of, pair)
    other = estate.groups.find(found["group_account"], found["group"])
    if other is None or pair.get("VpcId") not in {None, "", other.vpc}:
        raise estate.groups.missing(found["group"])
    if other.vpc == of.vpc:
        return found
    wanted = pair.get("VpcPeeringConnectionId") or ""
    ways = references.ways(estate, of, other, egress=egress)
    if not any(wanted in {"", way.peering} for way in ways):
        raise ServiceError(
            "InvalidGroup.NotFound",
            "You have specified two resources that belong to different networks.",
        )
    return found | {"group_vpc": other.vpc}


def mentioned(estate: Estate, of: SecurityGroup, pair: Mapping[str, Any]) -> dict[str, str]:
    """The group that a pair names, as a rule keeps it; with an id it need not be there."""
    name, text = pair.get("GroupId"), pair.get("GroupName")
    account = pair.get("UserId") or of.account
    if name and text:
        raise ServiceError(
            "InvalidParameterCombination",
            "The parameter groupName cannot be used with the parameter groupId",
        )
    if text:
        name = by_name(estate, account, text).id
    if not name:
        raise ServiceError("MissingParameter", "Source group ID missing.")
    if not name.startswith("sg-"):
        raise ServiceError("InvalidGroupId.Malformed", f'Invalid id: "{name}" (expecting "sg-...")')
    return {"group": name, "group_account": account}


def check_rules(
    estate: Estate, account: str, kept: Sequence[GroupRule], new: Sequence[GroupRule]
) -> None:
    """Refuse new rules of a group that cannot stand beside the others, or name no prefix list."""
    for rule in new:
        if rule.list:
            prefixlists.find(estate, account, rule.list)
    rules.check_together((*kept, *new), sizes(estate, account, (*kept, *new)))


def sizes(estate: Estate, account: str, of: Iterable[GroupRule]) -> dict[str, int]:
    """How many rules each prefix list counts as that rules name."""
    names = dict.fromkeys(rule.list for rule in of if rule.list)
    return {name: prefixlists.weight(estate, account, name) for name in names}


def says_rules(request: Request) -> bool:
    """Whether a request says rules by their properties."""
    return any(request.get(member) is not None for member in ("IpPermissions", *_FLAT))


def permissions(request: Request, *, egress: bool) -> list[dict[str, Any]]:
    """The permissions of a request, of which an inbound one may say a few by members of its own."""
    flat = [member for member in _FLAT if request.get(member) is not None]
    given: list[dict[str, Any]] = request.get("IpPermissions") or []
    if given and flat:
        raise ServiceError(
            "InvalidParameterCombination",
            f"The parameter ipPermissions cannot be used with the parameter {flat[0]}",
        )
    if given:
        return given
    if not flat:
        raise ServiceError(
            "MissingParameter", "The request must contain the parameter ipPermissions"
        )
    if egress:
        raise ServiceError(
            "InvalidParameterValue",
            f"The parameter {flat[0]} is not supported for outbound rules; use ipPermissions",
        )
    return _from_flat(request, flat)


def _from_flat(request: Request, flat: Sequence[str]) -> list[dict[str, Any]]:
    source = request.get("SourceSecurityGroupName")
    if source is None and "SourceSecurityGroupOwnerId" not in flat:
        permission = {
            member: request.get(member) for member in ("IpProtocol", "FromPort", "ToPort")
        }
        ranges = [{"CidrIp": request["CidrIp"]}] if "CidrIp" in flat else []
        return [permission | {"IpRanges": ranges}]
    apart = [member for member in flat if not member.startswith("Source")]
    if source is None or apart:
        raise ServiceError(
            "InvalidParameterCombination",
            "sourceSecurityGroupName is used alone, or with sourceSecurityGroupOwnerId only; use "
            "ipPermissions for a protocol and ports",
        )
    pair = {"GroupName": source, "UserId": request.get("SourceSecurityGroupOwnerId")}
    return [
        {"IpProtocol": protocol, "FromPort": low, "ToPort": high, "UserIdGroupPairs": [pair]}
        for protocol, low, high in _FULL
    ]
