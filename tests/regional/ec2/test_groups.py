"""Security groups and their rules made, changed and deleted by boto3, and what is refused."""

from typing import Any

import pytest

from antipodes.regional.ec2.model import SecurityGroup
from tests.regional.ec2.worlds import named, refusal, tagged
from tests.regional.elbv2.hosts import ACCOUNT, Region

WEB: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}
ANYWHERE: dict[str, Any] = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def make(ec2: Any, name: str = "web", **more: Any) -> str:
    made = ec2.create_security_group(GroupName=name, Description="for tests", **more)
    return str(made["GroupId"])


def vpc_of(ec2: Any) -> str:
    return str(ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"])


def shown(ec2: Any, group: str) -> Any:
    [found] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return found


def ids(ec2: Any, **request: Any) -> list[str]:
    found = ec2.describe_security_groups(**request)["SecurityGroups"]
    return [one["GroupId"] for one in found]


def test_a_created_group_lets_all_out_and_nothing_in_and_survives_a_restart(
    region: Region,
) -> None:
    ec2 = region.client("ec2")
    vpc = vpc_of(ec2)
    made = ec2.create_security_group(
        GroupName="web  ",
        Description="for tests",
        VpcId=vpc,
        TagSpecifications=tagged("security-group", use="tests"),
    )
    assert made["Tags"] == [{"Key": "use", "Value": "tests"}]
    region.restart()
    ec2 = region.client("ec2")
    found = shown(ec2, made["GroupId"])
    assert (found["GroupName"], found["VpcId"]) == ("web", vpc)
    assert found["SecurityGroupArn"] == made["SecurityGroupArn"]
    assert found["IpPermissions"] == []
    [out] = found["IpPermissionsEgress"]
    assert (out["IpProtocol"], out["IpRanges"]) == ("-1", [{"CidrIp": "0.0.0.0/0"}])
    assert "FromPort" not in out
    ec2.get_waiter("security_group_exists").wait(GroupIds=[made["GroupId"]])
    told = ec2.delete_security_group(GroupId=made["GroupId"])
    assert (told["Return"], told["GroupId"]) == (True, made["GroupId"])
    assert refusal(shown, ec2=ec2, group=made["GroupId"]) == "InvalidGroup.NotFound"
    assert ec2.describe_tags()["Tags"] == []


def test_names_count_in_the_default_vpc_and_without_their_case(ec2: Any) -> None:
    vpc = vpc_of(ec2)
    web, other = make(ec2, "web"), make(ec2, "other", VpcId=vpc)
    elsewhere = make(ec2, "Web", VpcId=vpc)
    assert refusal(make, ec2=ec2, name="WEB") == "InvalidGroup.Duplicate"
    assert refusal(make, ec2=ec2, name="wEB", VpcId=vpc) == "InvalidGroup.Duplicate"
    assert ids(ec2, GroupNames=["web"]) == [web]
    assert set(ids(ec2, Filters=named("group-name", "?eb"))) == {web, elsewhere}
    assert refusal(ids, ec2=ec2, GroupNames=["other"]) == "InvalidParameterValue"
    assert refusal(ids, ec2=ec2, GroupNames=["none"]) == "InvalidGroup.NotFound"
    code = refusal(ids, ec2=ec2, GroupNames=["web"], GroupIds=[web])
    assert code == "InvalidParameterCombination"
    assert refusal(ec2.delete_security_group, GroupName="other") == "InvalidParameterValue"
    ec2.delete_security_group(GroupName="web")
    code = refusal(ec2.delete_security_group, GroupId=other, GroupName="other")
    assert code == "InvalidParameterCombination"
    assert refusal(ec2.delete_security_group) == "MissingParameter"


def test_groups_that_cannot_be(ec2: Any) -> None:
    before = ids(ec2)
    for request, code in (
        ({"GroupName": "default"}, "InvalidParameterValue"),
        ({"GroupName": "sg-web"}, "InvalidParameterValue"),
        ({"GroupName": "n" * 256}, "InvalidParameterValue"),
        ({"GroupName": "größe"}, "InvalidParameterValue"),
        ({"GroupName": " "}, "InvalidParameterValue"),
        ({"Description": "d" * 256}, "InvalidParameterValue"),
        ({"Description": "a\nb"}, "InvalidParameterValue"),
        ({"Description": ""}, "InvalidParameterValue"),
        ({"VpcId": "vpc-1"}, "InvalidVpcID.NotFound"),
        ({"TagSpecifications": tagged("vpc", a="b")}, "InvalidParameterValue"),
        ({"DryRun": True}, "DryRunOperation"),
    ):
        asked = {"GroupName": "web", "Description": "d", **request}
        assert refusal(ec2.create_security_group, **asked) == code, request
    assert ids(ec2) == before


def test_2500_groups_to_an_account(region: Region) -> None:
    ec2 = region.client("ec2")
    service: Any = region.host.services["ec2"]
    vpc, groups = vpc_of(ec2), service.estate.groups
    names = [f"sg-{number:017x}" for number in range(2500 - len(ids(ec2)))]
    for name in names:
        groups.put(ACCOUNT, name, SecurityGroup(name, ACCOUNT, vpc, name[3:], "d", ()))
    assert refusal(make, ec2=ec2) == "SecurityGroupLimitExceeded"
    ec2.delete_security_group(GroupId=names[0])
    make(ec2)


def test_groups_in_use_are_not_deleted(ec2: Any) -> None:
    [default] = ec2.describe_security_groups()["SecurityGroups"]
    assert refusal(ec2.delete_security_group, GroupName="default") == "CannotDelete"
    web, backend = make(ec2, "web"), make(ec2, "backend")
    pair = [{"GroupId": web}]
    ec2.authorize_security_group_ingress(
        GroupId=backend, IpPermissions=[{**WEB, "UserIdGroupPairs": pair}]
    )
    ec2.authorize_security_group_ingress(
        GroupId=web, IpPermissions=[{**WEB, "UserIdGroupPairs": pair}]
    )
    assert refusal(ec2.delete_security_group, GroupId=web) == "DependencyViolation"
    assert refusal(ec2.delete_security_group, GroupId=backend, DryRun=True) == "DryRunOperation"
    [subnet, *_] = ec2.describe_subnets()["Subnets"]
    interface = ec2.create_network_interface(SubnetId=subnet["SubnetId"], Groups=[backend])
    assert refusal(ec2.delete_security_group, GroupId=backend) == "DependencyViolation"
    name = interface["NetworkInterface"]["NetworkInterfaceId"]
    ec2.delete_network_interface(NetworkInterfaceId=name)
    ec2.delete_security_group(GroupId=backend)
    ec2.delete_security_group(GroupId=web)
    assert ids(ec2) == [default["GroupId"]]


def test_the_flat_forms_of_an_inbound_rule(ec2: Any) -> None:
    web = make(ec2)
    told = ec2.authorize_security_group_ingress(GroupName="Web", CidrIp="10.1.2.3/8", **WEB)
    [rule] = told["SecurityGroupRules"]
    assert (rule["GroupId"], rule["CidrIpv4"], rule["IsEgress"]) == (web, "10.0.0.0/8", False)
    told = ec2.authorize_security_group_ingress(
        GroupId=web, SourceSecurityGroupName="default", SourceSecurityGroupOwnerId=ACCOUNT
    )
    [default] = ids(ec2, GroupNames=["default"])
    rules = [
        (one["IpProtocol"], one["FromPort"], one["ToPort"], one["ReferencedGroupInfo"])
        for one in told["SecurityGroupRules"]
    ]
    source = {"GroupId": default, "UserId": ACCOUNT}
    assert rules == [
        ("tcp", 0, 65535, source),
        ("udp", 0, 65535, source),
        ("icmp", -1, -1, source),
    ]
    ec2.revoke_security_group_ingress(GroupId=web, SourceSecurityGroupName="default")
    told = ec2.revoke_security_group_ingress(GroupId=web, CidrIp="10.0.0.0/8", **WEB)
    assert (
        told["RevokedSecurityGroupRules"][0]["SecurityGroupRuleId"] == (rule["SecurityGroupRuleId"])
    )
    assert shown(ec2, web)["IpPermissions"] == []


def test_what_is_not_authorised(ec2: Any) -> None:
    web, apart = make(ec2), make(ec2, VpcId=vpc_of(ec2))
    before = shown(ec2, web)
    permission = {**WEB, **ANYWHERE}
    for request, code in (
        ({}, "MissingParameter"),
        ({"IpPermissions": [permission], "CidrIp": "0.0.0.0/0"}, "InvalidParameterCombination"),
        ({"SourceSecurityGroupName": "default", **WEB}, "InvalidParameterCombination"),
        ({"SourceSecurityGroupOwnerId": ACCOUNT}, "InvalidParameterCombination"),
        (WEB, "MissingParameter"),
        ({"CidrIp": "0.0.0.0/0", "IpProtocol": "tcp"}, "InvalidParameterValue"),
        ({"CidrIp": "0.0.0.0/0"}, "InvalidParameterValue"),
        ({"IpPermissions": [permission], "GroupName": "web"}, "InvalidParameterCombination"),
        ({"IpPermissions": [permission], "DryRun": True}, "DryRunOperation"),
        (
            {"IpPermissions": [permission], "TagSpecifications": tagged("security-group", a="b")},
            "InvalidParameterValue",
        ),
    ):
        asked = {"GroupId": web, **request}
        assert refusal(ec2.authorize_security_group_ingress, **asked) == code, request
    for pair, code in (
        ({"GroupId": "sg-1"}, "InvalidGroup.NotFound"),
        ({"GroupId": "web"}, "InvalidGroupId.Malformed"),
        ({"GroupName": "none"}, "InvalidGroup.NotFound"),
        ({"GroupId": web, "GroupName": "web"}, "InvalidParameterCombination"),
        ({"GroupId": web, "UserId": "111111111111"}, "InvalidGroup.NotFound"),
        ({"GroupId": apart}, "InvalidGroup.NotFound"),
        ({}, "MissingParameter"),
    ):
        asked = {"GroupId": web, "IpPermissions": [{**WEB, "UserIdGroupPairs": [pair]}]}
        assert refusal(ec2.authorize_security_group_ingress, **asked) == code, pair
    lists = [{**WEB, "PrefixListIds": [{"PrefixListId": "pl-1"}]}]
    code = refusal(ec2.authorize_security_group_egress, GroupId=web, IpPermissions=lists)
    assert code == "InvalidPrefixListID.NotFound"
    flat = {"CidrIp": "0.0.0.0/0", **WEB}
    code = refusal(ec2.authorize_security_group_egress, GroupId=web, **flat)
    assert code == "InvalidParameterValue"
    code = refusal(ec2.authorize_security_group_ingress, GroupId="web", **flat)
    assert code == "InvalidGroupId.Malformed"
    assert shown(ec2, web) == before


def test_a_rule_that_is_there_is_a_duplicate_whatever_its_description(ec2: Any) -> None:
    web = make(ec2)
    for protocol, text, code in (
        ("tcp", "one", ""),
        ("6", "two", "InvalidPermission.Duplicate"),
        ("udp", "one", ""),
    ):
        ranges = [{"CidrIp": "10.0.0.0/8", "Description": text}]
        permission = {**WEB, "IpProtocol": protocol, "IpRanges": ranges}
        asked = {"GroupId": web, "IpPermissions": [permission]}
        if code:
            assert refusal(ec2.authorize_security_group_ingress, **asked) == code
        else:
            ec2.authorize_security_group_ingress(**asked)
    assert [one["IpProtocol"] for one in shown(ec2, web)["IpPermissions"]] == ["tcp", "udp"]


def test_sixty_rules_each_way_are_refused_in_whole(ec2: Any) -> None:
    web = make(ec2)
    ranges = [{"CidrIp": f"10.0.{number}.0/24"} for number in range(59)]
    asked = [{"IpProtocol": "-1", "IpRanges": ranges}]
    ec2.authorize_security_group_egress(GroupId=web, IpPermissions=asked)
    more = [{"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}]
    ec2.authorize_security_group_egress(GroupId=web, IpPermissions=more)
    own = [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": web}]}]
    code = refusal(ec2.authorize_security_group_egress, GroupId=web, IpPermissions=own)
    assert code == "RulesPerSecurityGroupLimitExceeded"
    ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=own)


def test_missing_rules_are_an_error_outside_of_the_default_vpc_only(ec2: Any) -> None:
    there, missing = {**WEB, **ANYWHERE}, {**WEB, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    for more in ({}, {"VpcId": vpc_of(ec2)}):
        web = make(ec2, **more)
        ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[there])
        asked = {"GroupId": web, "IpPermissions": [there, missing]}
        if more:
            code = refusal(ec2.revoke_security_group_ingress, **asked)
            assert code == "InvalidPermission.NotFound"
            assert len(shown(ec2, web)["IpPermissions"]) == 1
        else:
            told = ec2.revoke_security_group_ingress(**asked)
            [unknown] = told["UnknownIpPermissions"]
            assert (unknown["FromPort"], unknown["IpRanges"]) == (80, [{"CidrIp": "10.0.0.0/8"}])
            assert shown(ec2, web)["IpPermissions"] == []


def test_rules_are_revoked_by_their_ids(ec2: Any) -> None:
    web = make(ec2)
    told = ec2.authorize_security_group_ingress(
        GroupId=web,
        IpPermissions=[{**WEB, **ANYWHERE}],
        TagSpecifications=tagged("security-group-rule", use="tests"),
    )
    [rule] = told["SecurityGroupRules"]
    assert rule["Tags"] == [{"Key": "use", "Value": "tests"}]
    name = {"SecurityGroupRuleIds": [rule["SecurityGroupRuleId"]]}
    [found] = ec2.describe_security_group_rules(**name)["SecurityGroupRules"]
    assert found == rule
    [found] = ec2.describe_tags()["Tags"]
    assert found["ResourceType"] == "security-group-rule"
    missing = "InvalidSecurityGroupRuleId.NotFound"
    assert refusal(ec2.revoke_security_group_egress, GroupId=web, **name) == missing
    asked = {"GroupId": web, "IpPermissions": [{**WEB, **ANYWHERE}], **name}
    code = refusal(ec2.revoke_security_group_ingress, **asked)
    assert code == "InvalidParameterCombination"
    assert refusal(ec2.revoke_security_group_ingress, GroupId=web) == "MissingParameter"
    code = refusal(ec2.revoke_security_group_ingress, GroupId=web, DryRun=True, **name)
    assert code == "DryRunOperation"
    ec2.revoke_security_group_ingress(GroupId=web, **name)
    assert refusal(ec2.revoke_security_group_ingress, GroupId=web, **name) == missing
    assert refusal(ec2.describe_security_group_rules, **name) == missing
    tag = {"Resources": name["SecurityGroupRuleIds"], "Tags": [{"Key": "a", "Value": "b"}]}
    assert refusal(ec2.create_tags, **tag) == missing
    assert ec2.describe_tags()["Tags"] == []


def test_rules_are_modified_in_place(region: Region) -> None:
    ec2 = region.client("ec2")
    web = make(ec2)
    ranges = [{"CidrIp": "10.0.0.0/8", "Description": "old"}, {"CidrIp": "11.0.0.0/8"}]
    told = ec2.authorize_security_group_ingress(
        GroupId=web, IpPermissions=[{**WEB, "IpRanges": ranges}]
    )
    first, second = (one["SecurityGroupRuleId"] for one in told["SecurityGroupRules"])

    def update(name: str, **rule: Any) -> dict[str, Any]:
        one = {"SecurityGroupRuleId": name, "SecurityGroupRule": {**WEB, **rule}}
        return {"GroupId": web, "SecurityGroupRules": [one]}

    for asked, code in (
        (update(first), "MissingParameter"),
        (update(first, CidrIpv4="10.0.0.0/8", CidrIpv6="::/0"), "InvalidParameterCombination"),
        (update(first, CidrIpv6="::/0"), "InvalidParameterValue"),
        (update(first, ReferencedGroupId=web), "InvalidParameterValue"),
        (update(first, CidrIpv4="11.1.0.0/8"), "InvalidPermission.Duplicate"),
        (update(first, CidrIpv4="ten"), "InvalidParameterValue"),
        (update("sgr-1", CidrIpv4="12.0.0.0/8"), "InvalidSecurityGroupRuleId.NotFound"),
        (update(first, CidrIpv4="12.0.0.0/8") | {"DryRun": True}, "DryRunOperation"),
    ):
        assert refusal(ec2.modify_security_group_rules, **asked) == code, asked
    none = {"GroupId": web, "SecurityGroupRules": []}
    assert refusal(ec2.modify_security_group_rules, **none) == "MissingParameter"
    twice = update(first, CidrIpv4="12.0.0.0/8")
    twice["SecurityGroupRules"] *= 2
    assert refusal(ec2.modify_security_group_rules, **twice) == "InvalidParameterValue"
    change = update(first, CidrIpv4="11.0.0.0/8", FromPort=1, Description="new")
    change["SecurityGroupRules"] += update(second, CidrIpv4="10.0.0.0/8")["SecurityGroupRules"]
    ec2.modify_security_group_rules(**change)
    region.restart()
    ec2 = region.client("ec2")
    told = ec2.describe_security_group_rules(SecurityGroupRuleIds=[first, second])
    rules = [
        (one["CidrIpv4"], one["FromPort"], one.get("Description"))
        for one in told["SecurityGroupRules"]
    ]
    assert rules == [("11.0.0.0/8", 1, "new"), ("10.0.0.0/8", 80, None)]


def test_descriptions_of_rules(ec2: Any) -> None:
    web = make(ec2)
    told = ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[{**WEB, **ANYWHERE}])
    [name] = [one["SecurityGroupRuleId"] for one in told["SecurityGroupRules"]]

    def text() -> str | None:
        [one] = shown(ec2, web)["IpPermissions"][0]["IpRanges"]
        found: str | None = one.get("Description")
        return found

    inbound = ec2.update_security_group_rule_descriptions_ingress
    ranges = [{"CidrIp": "0.0.0.0/0", "Description": "all"}]
    inbound(GroupName="web", IpPermissions=[{**WEB, "IpRanges": ranges}])
    assert text() == "all"
    by_id = [{"SecurityGroupRuleId": name, "Description": "any"}]
    inbound(GroupId=web, SecurityGroupRuleDescriptions=by_id)
    assert text() == "any"
    for request, code in (
        ({"IpPermissions": [{**WEB, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}]}, "NotFound"),
        ({"SecurityGroupRuleDescriptions": [{"SecurityGroupRuleId": "sgr-1"}]}, "NotFound"),
        ({}, "MissingParameter"),
        (
            {"SecurityGroupRuleDescriptions": by_id, "IpPermissions": [{**WEB, **ANYWHERE}]},
            "InvalidParameterCombination",
        ),
        ({"SecurityGroupRuleDescriptions": by_id * 2}, "InvalidParameterValue"),
        ({"IpPermissions": [{**WEB, **ANYWHERE}], "DryRun": True}, "DryRunOperation"),
    ):
        assert refusal(inbound, GroupId=web, **request).endswith(code), request
    outbound = ec2.update_security_group_rule_descriptions_egress
    code = refusal(outbound, GroupId=web, SecurityGroupRuleDescriptions=by_id)
    assert code == "InvalidSecurityGroupRuleId.NotFound"
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "out"}]}
    outbound(GroupId=web, IpPermissions=[everything])
    [out] = shown(ec2, web)["IpPermissionsEgress"]
    assert out["IpRanges"][0]["Description"] == "out"
    assert text() == "any"
    inbound(GroupId=web, IpPermissions=[{**WEB, **ANYWHERE}])
    assert text() is None


def test_filters_over_groups_and_their_rules(ec2: Any) -> None:
    web, backend = make(ec2, "web"), make(ec2, "backend", VpcId=vpc_of(ec2))
    ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[{**WEB, **ANYWHERE}])
    ec2.authorize_security_group_ingress(
        GroupId=web, IpPermissions=[{**WEB, "UserIdGroupPairs": [{"GroupName": "web"}]}]
    )
    ec2.authorize_security_group_egress(
        GroupId=backend,
        IpPermissions=[
            {"IpProtocol": protocol, "Ipv6Ranges": [{"CidrIpv6": "fd00::/8"}]}
            for protocol in ("50", "51")
        ],
    )
    for name, value, found in (
        ("ip-permission.cidr", "0.0.0.0/0", [web]),
        ("ip-permission.protocol", "tcp", [web]),
        ("ip-permission.from-port", "80", [web]),
        ("ip-permission.to-port", "81", []),
        ("ip-permission.group-id", web, [web]),
        ("ip-permission.group-name", "web", [web]),
        ("ip-permission.user-id", "111111111111", []),
        ("egress.ip-permission.ipv6-cidr", "fd00::/8", [backend]),
        ("egress.ip-permission.protocol", "50", [backend]),
        ("egress.ip-permission.prefix-list-id", "pl-*", []),
        ("group-id", backend, [backend]),
        ("description", "for tests", [web, backend]),
    ):
        assert sorted(ids(ec2, Filters=named(name, value))) == sorted(found), name
    assert refusal(ids, ec2=ec2, Filters=named("ip-permission.x", "1")) == "InvalidParameterValue"
    rules = ec2.describe_security_group_rules(Filters=named("group-id", web))
    assert len(rules["SecurityGroupRules"]) == 3
    pages = ec2.get_paginator("describe_security_group_rules").paginate(
        Filters=named("group-id", web, backend), PaginationConfig={"PageSize": 5}
    )
    assert [len(one["SecurityGroupRules"]) for one in pages] == [5, 1]


def test_the_groups_that_interfaces_of_a_vpc_may_have(ec2: Any) -> None:
    vpc = vpc_of(ec2)
    make(ec2, "elsewhere")
    web = make(ec2, "web", VpcId=vpc)
    found = ec2.get_security_groups_for_vpc(VpcId=vpc)["SecurityGroupForVpcs"]
    assert {one["GroupName"]: one["PrimaryVpcId"] for one in found} == {"default": vpc, "web": vpc}
    for name, value in (("group-name", "web"), ("group-id", web)):
        [one] = ec2.get_security_groups_for_vpc(VpcId=vpc, Filters=named(name, value))[
            "SecurityGroupForVpcs"
        ]
        assert (one["GroupId"], one["OwnerId"]) == (web, ACCOUNT)
    code = refusal(ec2.get_security_groups_for_vpc, VpcId="vpc-1")
    assert code == "InvalidVpcID.NotFound"


def test_a_vpc_is_deleted_with_its_default_group_and_that_groups_tags(ec2: Any) -> None:
    vpc = vpc_of(ec2)
    [default] = ids(ec2, Filters=named("vpc-id", vpc))
    told = ec2.describe_security_group_rules(Filters=named("group-id", default))
    names = [one["SecurityGroupRuleId"] for one in told["SecurityGroupRules"]]
    ec2.create_tags(Resources=[default, *names], Tags=[{"Key": "a", "Value": "b"}])
    web = make(ec2, VpcId=vpc)
    assert refusal(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    ec2.delete_security_group(GroupId=web)
    ec2.delete_vpc(VpcId=vpc)
    assert ec2.describe_tags()["Tags"] == []


@pytest.mark.parametrize("member", ["GroupIds", "GroupNames"])
def test_groups_are_each_accounts_own(region: Region, member: str) -> None:
    mine, theirs = region.client("ec2"), region.client("ec2", account="111111111111")
    web = make(mine)
    value = {"GroupIds": web, "GroupNames": "web"}[member]
    assert refusal(ids, ec2=theirs, **{member: [value]}) == "InvalidGroup.NotFound"
    assert ids(mine, **{member: [value]}) == [web]
