"""Rules of security groups: what permissions say, and what becomes of rules over time."""

from ipaddress import IPv4Network, IPv6Network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.regional.ec2 import rules
from antipodes.regional.ec2.model import GroupRule
from antipodes.service.contract import ServiceError
from tests.regional.elbv2.hosts import ACCOUNT, Region


def said(*permissions: dict[str, Any], egress: bool = False) -> list[GroupRule]:
    def referenced(pair: Any) -> dict[str, str]:
        return {"group": pair["GroupId"], "group_account": ACCOUNT}

    return rules.said(permissions, egress=egress, referenced=referenced)


def permission(protocol: str | None = "tcp", low: Any = 80, high: Any = 80, **more: Any) -> Any:
    found = {"IpProtocol": protocol, "FromPort": low, "ToPort": high}
    kept = {member: value for member, value in found.items() if value is not None}
    return kept | (more or {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]})


@pytest.mark.parametrize(
    ("asked", "protocol", "ports"),
    [
        (permission("TCP", 1, 65535), "tcp", (1, 65535)),
        (permission("6", 80, 81), "tcp", (80, 81)),
        (permission("017", 0, 0), "udp", (0, 0)),
        (permission("icmp", 8, -1), "icmp", (8, -1)),
        (permission("1", -1, -1), "icmp", (-1, -1)),
        (permission("icmpv6", None, None), "icmpv6", (-1, -1)),
        (permission("58", 128, 0), "icmpv6", (128, 0)),
        (permission("-1", 80, 81), "-1", (-1, -1)),
        (permission("50", 80, 81), "50", (-1, -1)),
        (permission("0", None, None), "0", (-1, -1)),
    ],
)
def test_protocols_go_by_name_or_number(
    asked: dict[str, Any], protocol: str, ports: tuple[int, int]
) -> None:
    [rule] = said(asked)
    assert (rule.protocol, (rule.low, rule.high)) == (protocol, ports)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (permission(None), "InvalidParameterValue"),
        (permission("256"), "InvalidParameterValue"),
        (permission("-2"), "InvalidParameterValue"),
        (permission("esp"), "InvalidParameterValue"),
        (permission("9" * 5000), "InvalidParameterValue"),
        (permission("tcp", None, 80), "InvalidParameterValue"),
        (permission("udp", 80, None), "InvalidParameterValue"),
        (permission("tcp", 81, 80), "InvalidParameterValue"),
        (permission("tcp", -1, -1), "InvalidPermission.Malformed"),
        (permission("tcp", 0, 65536), "InvalidPermission.Malformed"),
        (permission("icmp", None, None), "InvalidParameterValue"),
        (permission("icmpv6", 1, None), "InvalidParameterValue"),
        (permission("icmp", 0, 65535), "InvalidParameterValue"),
        (permission("icmp", 256, 0), "InvalidParameterValue"),
        (permission("icmp", -1, 0), "InvalidParameterValue"),
        (permission(IpRanges=[{}]), "InvalidParameterValue"),
        (permission(IpRanges=[{"CidrIp": "10.0.0.1"}]), "InvalidParameterValue"),
        (permission(IpRanges=[{"CidrIp": "10.0.0.0/33"}]), "InvalidParameterValue"),
        (permission(IpRanges=[{"CidrIp": "10.0.0.0/255.0.0.0"}]), "InvalidParameterValue"),
        (permission(IpRanges=[{"CidrIp": "fd00::/8"}]), "InvalidParameterValue"),
        (permission(IpRanges=[{"CidrIp": "sg-12345678"}]), "InvalidParameterValue"),
        (permission(Ipv6Ranges=[{"CidrIpv6": "10.0.0.0/8"}]), "InvalidParameterValue"),
        (permission(Ipv6Ranges=[{"CidrIpv6": "fe80::1%eth0/64"}]), "InvalidParameterValue"),
        (permission(PrefixListIds=[{}]), "MissingParameter"),
        (permission(IpRanges=[]), "MissingParameter"),
        (
            permission(IpRanges=[{"CidrIp": "10.0.0.0/8", "Description": "<b>"}]),
            "InvalidParameterValue",
        ),
        (
            permission(IpRanges=[{"CidrIp": "10.0.0.0/8", "Description": "d" * 256}]),
            "InvalidParameterValue",
        ),
    ],
)
def test_what_no_permission_may_say(asked: dict[str, Any], code: str) -> None:
    with pytest.raises(ServiceError) as caught:
        said(asked)
    assert caught.value.code == code


def test_a_permission_says_a_rule_for_each_of_its_peers() -> None:
    asked = permission(
        IpRanges=[{"CidrIp": "100.68.0.18/18", "Description": "one"}, {"CidrIp": "0.0.0.0/0"}],
        Ipv6Ranges=[{"CidrIpv6": "2001:DB8:0::1/32"}],
        PrefixListIds=[{"PrefixListId": "pl-1"}],
        UserIdGroupPairs=[{"GroupId": "sg-1", "Description": "two"}],
    )
    peers = [
        (one.prefix or one.list or one.group, one.description) for one in said(asked, egress=True)
    ]
    assert peers == [
        ("100.68.0.0/18", "one"),
        ("0.0.0.0/0", ""),
        ("2001:db8::/32", ""),
        ("pl-1", ""),
        ("sg-1", "two"),
    ]
    assert all(one.egress for one in said(asked, egress=True))


def test_one_request_does_not_say_a_rule_twice() -> None:
    twice = permission(IpRanges=[{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "10.1.2.3/8"}])
    for asked in ((twice,), (permission("tcp"), permission("6"))):
        with pytest.raises(ServiceError, match="multiple times") as caught:
            said(*asked)
        assert caught.value.code == "InvalidParameterValue"


@given(st.integers(0, 2**32 - 1), st.integers(0, 32), st.integers(0, 2**128 - 1))
def test_prefixes_lose_their_host_bits_once(address: int, length: int, address6: int) -> None:
    text = rules.prefix4(f"{IPv4Network(address)[0]}/{length}")
    assert rules.prefix4(text) == text == str(IPv4Network(text))
    text6 = rules.prefix6(f"{IPv6Network(address6)[0]}/{length * 4}")
    assert rules.prefix6(text6) == text6 == str(IPv6Network(text6))


def rule(number: int, *, egress: bool = False, kind: str = "4") -> GroupRule:
    peers: dict[str, dict[str, Any]] = {
        "4": {"prefix": f"10.0.{number}.0/24"},
        "6": {"prefix": f"fd00:{number:x}::/32"},
        "group": {"group": f"sg-{number}"},
        "list": {"list": f"pl-{number}"},
    }
    return GroupRule(f"sgr-{number}", egress, "-1", **peers[kind])


_COUNTS = st.integers(0, 35)


@settings(max_examples=40)
@given(_COUNTS, _COUNTS, _COUNTS, st.lists(st.integers(1, 30), max_size=2), st.booleans())
def test_sixty_rules_of_a_family_each_way(
    four: int, six: int, referring: int, sizes: list[int], egress: bool
) -> None:
    some = [
        *(rule(number, egress=egress) for number in range(four)),
        *(rule(number, egress=egress, kind="6") for number in range(six)),
        *(rule(number, egress=egress, kind="group") for number in range(referring)),
        *(rule(number, egress=egress, kind="list") for number in range(len(sizes))),
        *(rule(number, egress=not egress) for number in range(60)),
    ]
    named = {f"pl-{number}": size for number, size in enumerate(sizes)}
    if max(four, six) + referring + sum(sizes) > 60:
        with pytest.raises(ServiceError) as caught:
            rules.check_together(some, named)
        assert caught.value.code == "RulesPerSecurityGroupLimitExceeded"
    else:
        rules.check_together(some, named)
        assert len({rules.identity(one) for one in some}) == len(some)


# The rules of a group over time, as the API shows them.

_PEERS = (
    ("IpRanges", {"CidrIp": "10.0.0.0/8"}),
    ("IpRanges", {"CidrIp": "0.0.0.0/0"}),
    ("Ipv6Ranges", {"CidrIpv6": "::/0"}),
    ("UserIdGroupPairs", {"GroupId": ""}),  # the group itself
)
_PROTOCOLS = (("tcp", 80, 80), ("tcp", 80, 443), ("icmp", 8, -1), ("-1", None, None), ("50", 1, 2))
_CHOICES = [(protocol, peer) for protocol in _PROTOCOLS for peer in _PEERS]
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["Authorize", "Revoke"]),
        st.sampled_from(["Ingress", "Egress"]),
        st.lists(st.sampled_from(_CHOICES), min_size=1, max_size=4),
    ),
    max_size=12,
)
Shown = tuple[Any, ...]


class Group:
    """A group of the default VPC, asked from within."""

    def __init__(self, region: Region, number: int) -> None:
        self._region = region
        made = self.ask("CreateSecurityGroup", GroupName=f"g{number}", Description="d")
        self.id = made["GroupId"]
        self.ask("RevokeSecurityGroupEgress", **self.request([_EVERYTHING]))

    def ask(self, operation: str, **request: Any) -> Any:
        return self._region.run(self._region.host.call("ec2", operation, request, account=ACCOUNT))

    def request(self, chosen: list[Any]) -> dict[str, Any]:
        found = []
        for (protocol, low, high), (member, peer) in chosen:
            own = {"GroupId": self.id} if member == "UserIdGroupPairs" else peer
            found.append(permission(protocol, low, high, **{member: [own]}))
        return {"GroupId": self.id, "IpPermissions": found}

    def permissions(self) -> dict[str, list[Any]]:
        [found] = self.ask("DescribeSecurityGroups", GroupIds=[self.id])["SecurityGroups"]
        return {"Ingress": found["IpPermissions"], "Egress": found["IpPermissionsEgress"]}

    def shown(self) -> list[Shown]:
        """What the group's permissions say, rule by rule."""
        return sorted(
            (way, one["IpProtocol"], one.get("FromPort", -1), one.get("ToPort", -1), *peer.values())
            for way, found in self.permissions().items()
            for one in found
            for member in ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs")
            for peer in one[member]
        )

    def kept(self) -> dict[str, Shown]:
        """The rules by themselves, by id."""
        filters = [{"Name": "group-id", "Values": [self.id]}]
        found = self.ask("DescribeSecurityGroupRules", Filters=filters)["SecurityGroupRules"]
        return {one["SecurityGroupRuleId"]: self._of(one) for one in found}

    def _of(self, one: dict[str, Any]) -> Shown:
        info = one.get("ReferencedGroupInfo")
        peer = (
            (info["UserId"], info["GroupId"])
            if info
            else (one.get("CidrIpv4") or one.get("CidrIpv6"),)
        )
        way = "Egress" if one["IsEgress"] else "Ingress"
        return way, one["IpProtocol"], one["FromPort"], one["ToPort"], *peer


_EVERYTHING = (("-1", None, None), ("IpRanges", {"CidrIp": "0.0.0.0/0"}))


def key(way: str, chosen: Any) -> Any:
    (protocol, low, high), (member, peer) = chosen
    return way, protocol, low, high, member, *peer.values()


def test_the_rules_shown_together_are_the_rules_kept_in_whatever_order_they_came(
    region: Region,
) -> None:
    made = iter(range(10**6))

    @settings(max_examples=20)
    @given(_STEPS, st.randoms(use_true_random=False))
    def holds(steps: Any, random: Any) -> None:
        group, model = Group(region, next(made)), dict[Any, Any]()
        for verb, way, chosen in steps:
            before = group.kept()
            keys = [key(way, one) for one in chosen]
            twice = len(set(keys)) < len(keys)
            clash = verb == "Authorize" and any(one in model for one in keys)
            if twice or clash:
                with pytest.raises(ServiceError) as caught:
                    group.ask(f"{verb}SecurityGroup{way}", **group.request(chosen))
                expected = "InvalidParameterValue" if twice else "InvalidPermission.Duplicate"
                assert caught.value.code == expected
                assert group.kept() == before
                continue
            told = group.ask(f"{verb}SecurityGroup{way}", **group.request(chosen))
            if verb == "Authorize":
                model |= dict(zip(keys, chosen, strict=True))
                assert [one["IsEgress"] for one in told["SecurityGroupRules"]] == [
                    way == "Egress"
                ] * len(keys)
            else:
                gone = [one for one in keys if model.pop(one, None) is not None]
                assert len(told["RevokedSecurityGroupRules"]) == len(gone)
                assert ("UnknownIpPermissions" in told) == (len(gone) < len(keys))
            after = group.kept()
            assert all(after[name] == before[name] for name in before if name in after)
        assert len(model) == len(group.kept())
        assert group.shown() == sorted(group.kept().values())
        other = Group(region, next(made))
        left = list(model.items())
        random.shuffle(left)
        for (way, *_), chosen in left:
            other.ask(f"AuthorizeSecurityGroup{way}", **other.request([chosen]))
        renamed = [
            tuple(group.id if part == other.id else part for part in one) for one in other.shown()
        ]
        assert sorted(renamed) == group.shown()
        for way, permissions in other.permissions().items():
            if permissions:  # what is shown can be said again
                request = {"GroupId": other.id, "IpPermissions": permissions}
                told = other.ask(f"RevokeSecurityGroup{way}", **request)
                assert "UnknownIpPermissions" not in told
        assert other.kept() == {}
        for one in (group, other):
            one.ask("DeleteSecurityGroup", GroupId=one.id)

    holds()
