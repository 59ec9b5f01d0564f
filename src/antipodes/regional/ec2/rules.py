"""Rules of security groups: as requests say them, and which of them may stand together.

A request says several rules at once, as permissions: a protocol, ports, and any number of peers. A
rule has one peer. Two rules are the same where everything is but their ids and descriptions.

Protocols are kept by name where EC2 shows a name, and by number otherwise; only TCP, UDP and the
two ICMPs have ports (or a type and a code), and others have them taken away. Prefixes lose their
host bits.

Source: Amazon VPC User Guide, "Security group rules" and "Amazon VPC quotas"; botocore's model.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Any, NamedTuple

import msgspec

from antipodes.regional.ec2.model import GroupRule
from antipodes.service.contract import ServiceError

RULES_MAX = 60  # of a group in one direction, for each family, by AWS's default quota
DESCRIPTION = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}")
ALL = "-1"
_NUMBER = re.compile(r"[0-9]{1,3}")
PORT_MAX, ICMP_MAX, PROTOCOL_MAX = 65535, 255, 255
_NAMES = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}
_ICMP = ("icmp", "icmpv6")
WITH_PORTS = tuple(_NAMES.values())

Given = Mapping[str, Any]
# The group that a pair in a permission names, as a rule keeps it.
Referenced = Callable[[Given], dict[str, str]]


class Identity(NamedTuple):
    """What makes a rule another one."""

    egress: bool
    protocol: str
    low: int
    high: int
    prefix: str
    list: str
    group: str


def identity(rule: GroupRule) -> Identity:
    """Return what tells a rule from others of its group."""
    return Identity(
        *(rule.egress, rule.protocol, rule.low, rule.high),
        *(rule.prefix, rule.list, rule.group),
    )


def said(permissions: Iterable[Given], *, egress: bool, referenced: Referenced) -> list[GroupRule]:
    """Return the rules that permissions say, without ids, each once; refuse what cannot be."""
    found: dict[Identity, GroupRule] = {}
    for permission in permissions:
        protocol = protocol_of(permission.get("IpProtocol"))
        low, high = ports_of(protocol, permission.get("FromPort"), permission.get("ToPort"))
        peers = list(_peers(permission, referenced))
        if not peers:
            raise ServiceError(
                "MissingParameter",
                "Each permission must have a CIDR block, a prefix list or a security group.",
            )
        for peer in peers:
            rule = GroupRule("", egress, protocol, low, high, **peer)
            if identity(rule) in found:
                raise ServiceError(
                    "InvalidParameterValue", "The same permission must not appear multiple times"
                )
            found[identity(rule)] = rule
    return list(found.values())


def _peers(permission: Given, referenced: Referenced) -> Iterator[dict[str, str]]:
    for one in permission.get("IpRanges") or ():
        yield {"prefix": prefix4(one.get("CidrIp"))} | _description(one)
    for one in permission.get("Ipv6Ranges") or ():
        yield {"prefix": prefix6(one.get("CidrIpv6"))} | _description(one)
    for one in permission.get("PrefixListIds") or ():
        if not one.get("PrefixListId"):
            raise ServiceError("MissingParameter", "The request must contain a prefix list ID")
        yield {"list": one["PrefixListId"]} | _description(one)
    for one in permission.get("UserIdGroupPairs") or ():
        yield referenced(one) | _description(one)


def _description(given: Given) -> dict[str, str]:
    return {"description": checked_description(given.get("Description"))}


def checked_description(text: str | None) -> str:
    """The description of a rule; refuse one with what none may have."""
    if text is not None and DESCRIPTION.fullmatch(text) is None:
        raise ServiceError(
            "InvalidParameterValue",
            "Invalid rule description. Valid descriptions are strings less than 256 characters "
            "from the following set: a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
        )
    return text or ""


def prefix4(text: str | None) -> str:
    """A prefix of IPv4 in canonical form."""
    try:
        return str(IPv4Network(_with_length(text), strict=False))
    except ValueError:
        raise _malformed(text) from None


def prefix6(text: str | None) -> str:
    """A prefix of IPv6 in canonical form."""
    try:
        return str(IPv6Network(_with_length(text), strict=False))
    except ValueError:
        raise _malformed(text) from None


def _with_length(text: str | None) -> str:
    """Prefixes have their length, in figures: Python would take a mask, or none."""
    address, _, length = (text or "").partition("/")
    if _NUMBER.fullmatch(length) is None or "%" in address:
        raise ValueError(address)
    return f"{address}/{int(length)}"


def _malformed(text: str | None) -> ServiceError:
    return ServiceError("InvalidParameterValue", f"CIDR block {text} is malformed")


def protocol_of(text: str | None) -> str:
    """The protocol that a permission names, by name or number, as EC2 shows it."""
    if not text:
        raise ServiceError(
            "InvalidParameterValue",
            "Invalid value 'null' for protocol. VPC security group rules must specify protocols "
            "explicitly.",
        )
    name = text.lower()
    if name == ALL or name in WITH_PORTS:
        return name
    if _NUMBER.fullmatch(name) is not None and int(name) <= PROTOCOL_MAX:
        number = str(int(name))
        return _NAMES.get(number, number)
    raise ServiceError(
        "InvalidParameterValue", f"Invalid value '{text}' for IP protocol. Unknown protocol"
    )


def ports_of(protocol: str, low: int | None, high: int | None) -> tuple[int, int]:
    """The ports of a permission, or its type and code; -1 where the protocol has none."""
    if protocol not in WITH_PORTS or (protocol == "icmpv6" and low is None and high is None):
        return -1, -1
    if low is None or high is None:
        noun = "ICMP" if protocol in _ICMP else "TCP/UDP"
        raise ServiceError(
            "InvalidParameterValue",
            f"Invalid value 'Must specify both from and to ports with {noun}.' for portRange.",
        )
    if protocol in _ICMP:
        check_icmp(low, high)
    else:
        _check_ports(low, high)
    return low, high


def _check_ports(low: int, high: int) -> None:
    for port in (low, high):
        if not 0 <= port <= PORT_MAX:
            raise ServiceError("InvalidPermission.Malformed", f"TCP/UDP port ({port}) out of range")
    if low > high:
        raise ServiceError("InvalidParameterValue", f"Invalid TCP/UDP port range ({low}:{high})")


def check_icmp(kind: int, code: int) -> None:
    """Refuse a type or code of ICMP that is none; -1 is any, and all types have all codes."""
    for noun, value in (("type", kind), ("code", code)):
        if not -1 <= value <= ICMP_MAX:
            raise ServiceError("InvalidParameterValue", f"ICMP {noun} ({value}) out of range")
    if kind == -1 and code != -1:
        raise ServiceError(
            "InvalidParameterValue", f"ICMP code ({code}) out of range for all types (-1)"
        )


def check_together(rules: Sequence[GroupRule], sizes: Mapping[str, int]) -> None:
    """Refuse two rules of a group that are the same, and too many.

    A rule counts once for its family, or, where it names a group, for both; one that names a
    prefix list counts as often as that has room for entries (`sizes`).
    """
    seen: set[Identity] = set()
    for rule in rules:
        if identity(rule) in seen:
            raise ServiceError(
                "InvalidPermission.Duplicate", f'the specified rule "{told(rule)}" already exists'
            )
        seen.add(identity(rule))
    for egress in (False, True):
        for apart in ("CidrIpv6", "CidrIpv4"):
            count = sum(
                sizes.get(rule.list, 1) if rule.list else 1
                for rule in rules
                if rule.egress == egress and kind_of_peer(rule) != apart
            )
            if count > RULES_MAX:
                raise ServiceError(
                    "RulesPerSecurityGroupLimitExceeded",
                    "The maximum number of rules per security group has been reached.",
                )


def told(rule: GroupRule) -> str:
    """A rule, as an error tells of it."""
    peer = rule.prefix or rule.list or rule.group
    if rule.protocol == ALL:
        return f"peer: {peer}, ALL, ALLOW"
    names = ("type", "code") if rule.protocol in _ICMP else ("from port", "to port")
    ports = f"{names[0]}: {rule.low}, {names[1]}: {rule.high}, "
    if rule.protocol not in WITH_PORTS:
        ports = ""
    return f"peer: {peer}, {rule.protocol.upper()}, {ports}ALLOW"


class Taken(NamedTuple):
    """What is left of a group's rules, and what became of those that were to go."""

    kept: tuple[GroupRule, ...]
    gone: list[GroupRule]
    unknown: list[GroupRule]


def without(rules: Sequence[GroupRule], unwanted: Iterable[GroupRule]) -> Taken:
    """Take rules away from those of a group."""
    going = {identity(rule): rule for rule in unwanted}
    gone = [rule for rule in rules if identity(rule) in going]
    found = {identity(rule) for rule in gone}
    return Taken(
        tuple(rule for rule in rules if identity(rule) not in going),
        gone,
        [rule for name, rule in going.items() if name not in found],
    )


def modified(rule: GroupRule, given: Given, referenced: Referenced) -> GroupRule:
    """A rule as a request modifies it: all anew but for its id, direction and kind of peer."""
    members = ("CidrIpv4", "CidrIpv6", "PrefixListId", "ReferencedGroupId")
    named = [member for member in members if given.get(member)]
    if len(named) != 1:
        code = "InvalidParameterCombination" if named else "MissingParameter"
        raise ServiceError(
            code, f"Exactly one of {', '.join(members)} must be specified for rule {rule.id}."
        )
    if named[0] != kind_of_peer(rule):
        raise ServiceError(
            "InvalidParameterValue",
            f"You may not specify {named[0]} for the existing rule {rule.id}, which has "
            f"{kind_of_peer(rule)}.",
        )
    protocol = protocol_of(given.get("IpProtocol"))
    low, high = ports_of(protocol, given.get("FromPort"), given.get("ToPort"))
    value = given[named[0]]
    if named[0] == "ReferencedGroupId":
        peer = referenced({"GroupId": value})
    elif named[0] == "PrefixListId":
        peer = {"list": value}
    else:
        peer = {"prefix": (prefix4 if named[0] == "CidrIpv4" else prefix6)(value)}
    made = GroupRule(rule.id, rule.egress, protocol, low, high, **peer)
    return described(made, given.get("Description"))


def kind_of_peer(rule: GroupRule) -> str:
    """The member that shows a rule's peer."""
    if rule.group:
        return "ReferencedGroupId"
    if rule.list:
        return "PrefixListId"
    return "CidrIpv6" if ":" in rule.prefix else "CidrIpv4"


def described(rule: GroupRule, text: str | None) -> GroupRule:
    """A rule with another description, or none."""
    return msgspec.structs.replace(rule, description=checked_description(text))
