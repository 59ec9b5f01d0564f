"""Network ACLs: numbered entries as requests say them, and where ACLs and subnets meet.

The entries that deny what nothing else has decided are not kept: each direction ends with one for
IPv4 and, in a VPC with IPv6, one for IPv6.

Source: Amazon VPC User Guide, "Network ACLs" and "Amazon VPC quotas"; botocore's model.
"""

import re
from collections.abc import Iterable, Sequence

from antipodes.regional.ec2 import rules
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.model import AclEntry, NetworkAcl, Subnet
from antipodes.service.contract import Request, ServiceError

ACLS_MAX = 200  # of a VPC, by AWS's default quota
ENTRIES_MAX = 20  # of an ACL in one direction, for each family, with the one that denies the rest
NUMBER_MIN, NUMBER_MAX = 1, 32766
LAST, LAST6 = 32767, 32768
_NUMBER = re.compile(r"[0-9]{1,3}")
_ICMP, _TCP, _UDP, _ICMP6 = "1", "6", "17", "58"


def entry(request: Request) -> AclEntry:
    """The entry that a request says."""
    number, protocol = request["RuleNumber"], _protocol(request["Protocol"])
    if not NUMBER_MIN <= number <= NUMBER_MAX:
        raise ServiceError(
            "InvalidParameterValue",
            f"Value ({number}) for parameter ruleNumber is invalid. It must be from {NUMBER_MIN} "
            f"to {NUMBER_MAX}.",
        )
    text, text6 = request.get("CidrBlock"), request.get("Ipv6CidrBlock")
    if text and text6:
        raise ServiceError(
            "InvalidParameterCombination",
            "The parameter cidrBlock cannot be used with the parameter ipv6CidrBlock",
        )
    if not (text or text6):
        raise ServiceError("MissingParameter", "Either 'cidrBlock' or 'ipv6CidrBlock' is required")
    with_icmp = protocol == _ICMP or (protocol == _ICMP6 and bool(text6))
    return AclEntry(
        number,
        bool(request["Egress"]),
        request["RuleAction"] == "allow",
        rules.prefix4(text) if text else rules.prefix6(text6),
        protocol,
        ports=_ports(request) if protocol in {_TCP, _UDP} else None,
        icmp=_icmp(request) if with_icmp else None,
    )


def _protocol(text: str) -> str:
    if text == rules.ALL:
        return text
    if _NUMBER.fullmatch(text) is not None and int(text) <= rules.PROTOCOL_MAX:
        return str(int(text))
    raise ServiceError(
        "InvalidParameterValue",
        f"Invalid value '{text}' for IP protocol. It must be a protocol's number, or -1.",
    )


def _ports(request: Request) -> tuple[int, int]:
    given = request.get("PortRange") or {}
    low, high = given.get("From"), given.get("To")
    if low is None or high is None:
        raise ServiceError(
            "InvalidParameterValue",
            "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.",
        )
    if not 0 <= low <= high <= rules.PORT_MAX:
        raise ServiceError("InvalidParameterValue", f"Invalid TCP/UDP port range ({low}:{high})")
    return low, high


def _icmp(request: Request) -> tuple[int, int]:
    given = request.get("IcmpTypeCode") or {}
    kind, code = given.get("Type"), given.get("Code")
    if kind is None or code is None:
        raise ServiceError(
            "InvalidParameterValue",
            "Invalid value 'Must specify both type and code with ICMP.' for icmpTypeCode.",
        )
    rules.check_icmp(kind, code)
    return kind, code


def check_number(acl: NetworkAcl, entries: Iterable[AclEntry]) -> None:
    """Refuse more entries than an ACL may have."""
    counts: dict[tuple[bool, bool], int] = {}
    for one in entries:
        key = one.egress, ":" in one.prefix
        counts[key] = counts.get(key, 1) + 1
    if any(count > ENTRIES_MAX for count in counts.values()):
        raise ServiceError(
            "NetworkAclEntryLimitExceeded",
            f"The network ACL '{acl.id}' has reached its maximum number of entries.",
        )


def at(acl: NetworkAcl, number: int, *, egress: bool) -> AclEntry | None:
    """The entry of that number, if there is one."""
    for one in acl.entries:
        if (one.number, one.egress) == (number, egress):
            return one
    return None


def entry_missing(acl: NetworkAcl, number: int) -> ServiceError:
    """The error for a number that no entry has."""
    return ServiceError(
        "InvalidNetworkAclEntry.NotFound",
        f"The network acl entry identified by {number} does not exist in '{acl.id}'.",
    )


def without(acl: NetworkAcl, number: int, *, egress: bool) -> tuple[AclEntry, ...]:
    """All entries but the one of that number."""
    return tuple(one for one in acl.entries if (one.number, one.egress) != (number, egress))


def subnets(estate: Estate, acl: NetworkAcl) -> list[Subnet]:
    """The subnets whose edge an ACL guards."""
    return [one for one in estate.subnets.list(acl.account) if one.acl == acl.id]


def check_removable(estate: Estate, acl: NetworkAcl) -> None:
    """Refuse to delete a VPC's default ACL, and one that subnets go by."""
    if acl.default:
        raise ServiceError("InvalidParameterValue", f"cannot delete default network ACL {acl.id}")
    if subnets(estate, acl):
        raise ServiceError(
            "DependencyViolation",
            f"The networkAcl '{acl.id}' has dependencies and cannot be deleted.",
        )


def associated(estate: Estate, account: str, association: str) -> Subnet:
    """The subnet of an association."""
    for one in estate.subnets.list(account):
        if one.acl_association == association:
            return one
    raise ServiceError(
        "InvalidAssociationID.NotFound", f"The association ID '{association}' does not exist"
    )


def ordered(entries: Sequence[AclEntry], *, ipv6: bool) -> list[AclEntry]:
    """Entries in the order in which they decide, outbound first, each direction with its last."""
    found: list[AclEntry] = []
    for egress in (True, False):
        found += sorted(
            (one for one in entries if one.egress == egress), key=lambda one: one.number
        )
        found.append(AclEntry(LAST, egress, allows=False, prefix="0.0.0.0/0"))
        if ipv6:
            found.append(AclEntry(LAST6, egress, allows=False, prefix="::/0"))
    return found
