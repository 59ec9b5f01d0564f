"""Network ACLs made, changed and deleted by boto3, and what is refused."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.regional.ec2 import acls
from antipodes.regional.ec2.model import AclEntry, NetworkAcl
from antipodes.service.contract import ServiceError
from tests.regional.ec2.worlds import named, refusal, tagged
from tests.regional.elbv2.hosts import ACCOUNT, Region

LAST = [(32767, True, "deny", "0.0.0.0/0"), (32767, False, "deny", "0.0.0.0/0")]
WEB: dict[str, Any] = {
    "RuleNumber": 100,
    "Protocol": "6",
    "RuleAction": "allow",
    "Egress": False,
    "CidrBlock": "10.1.2.3/8",
    "PortRange": {"From": 80, "To": 443},
}


def network(ec2: Any) -> tuple[str, str]:
    vpc: str = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]
    return vpc, made["SubnetId"]


def make(ec2: Any, vpc: str, **more: Any) -> str:
    return str(ec2.create_network_acl(VpcId=vpc, **more)["NetworkAcl"]["NetworkAclId"])


def shown(ec2: Any, acl: str) -> Any:
    [found] = ec2.describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"]
    return found


def entries(of: Any) -> list[tuple[Any, ...]]:
    return [
        (
            one["RuleNumber"],
            one["Egress"],
            one["RuleAction"],
            one.get("CidrBlock") or one["Ipv6CidrBlock"],
        )
        for one in of["Entries"]
    ]


def test_a_default_acl_allows_all_and_a_created_one_denies_all(region: Region) -> None:
    ec2 = region.client("ec2")
    vpc, subnet = network(ec2)
    [default] = ec2.describe_network_acls(Filters=named("vpc-id", vpc))["NetworkAcls"]
    assert default["IsDefault"]
    assert entries(default) == [
        (100, True, "allow", "0.0.0.0/0"),
        LAST[0],
        (100, False, "allow", "0.0.0.0/0"),
        LAST[1],
    ]
    assert [one["SubnetId"] for one in default["Associations"]] == [subnet]
    made = ec2.create_network_acl(
        VpcId=vpc, TagSpecifications=tagged("network-acl", use="tests"), ClientToken="t"
    )
    again = ec2.create_network_acl(
        VpcId=vpc, TagSpecifications=tagged("network-acl", use="tests"), ClientToken="t"
    )
    assert (made["ClientToken"], again["NetworkAcl"]) == ("t", made["NetworkAcl"])
    acl = made["NetworkAcl"]
    assert (acl["IsDefault"], acl["Associations"], entries(acl)) == (False, [], LAST)
    ec2.create_network_acl_entry(NetworkAclId=acl["NetworkAclId"], **WEB)
    region.restart()
    ec2 = region.client("ec2")
    found = shown(ec2, acl["NetworkAclId"])
    assert entries(found) == [LAST[0], (100, False, "allow", "10.0.0.0/8"), LAST[1]]
    assert found["Entries"][1]["PortRange"] == {"From": 80, "To": 443}
    assert found["Tags"] == [{"Key": "use", "Value": "tests"}]


def test_a_client_token_means_one_request(ec2: Any) -> None:
    vpc, _ = network(ec2)
    [default] = ec2.describe_vpcs(Filters=named("is-default", "true"))["Vpcs"]
    make(ec2, vpc, ClientToken="t")
    code = refusal(ec2.create_network_acl, VpcId=default["VpcId"], ClientToken="t")
    assert code == "IdempotentParameterMismatch"


def test_acls_that_cannot_be_made_or_deleted(ec2: Any) -> None:
    vpc, subnet = network(ec2)
    assert refusal(ec2.create_network_acl, VpcId="vpc-1") == "InvalidVpcID.NotFound"
    assert refusal(ec2.create_network_acl, VpcId=vpc, DryRun=True) == "DryRunOperation"
    [default] = ec2.describe_network_acls(Filters=named("vpc-id", vpc))["NetworkAcls"]
    name = {"NetworkAclId": default["NetworkAclId"]}
    assert refusal(ec2.delete_network_acl, **name) == "InvalidParameterValue"
    [association] = default["Associations"]
    acl = make(ec2, vpc)
    told = ec2.replace_network_acl_association(
        AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl
    )
    assert refusal(ec2.delete_network_acl, NetworkAclId=acl) == "DependencyViolation"
    assert refusal(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    ec2.delete_subnet(SubnetId=subnet)
    assert refusal(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    assert refusal(ec2.delete_network_acl, NetworkAclId=acl, DryRun=True) == "DryRunOperation"
    ec2.delete_network_acl(NetworkAclId=acl)
    assert refusal(ec2.delete_network_acl, NetworkAclId=acl) == "InvalidNetworkAclID.NotFound"
    gone = {"AssociationId": told["NewAssociationId"], **name}
    code = refusal(ec2.replace_network_acl_association, **gone)
    assert code == "InvalidAssociationID.NotFound"
    ec2.delete_vpc(VpcId=vpc)


def test_200_acls_to_a_vpc(region: Region) -> None:
    ec2 = region.client("ec2")
    vpc, _ = network(ec2)
    service: Any = region.host.services["ec2"]
    names = [f"acl-{number:017x}" for number in range(199)]
    for name in names:
        service.estate.acls.put(ACCOUNT, name, NetworkAcl(name, ACCOUNT, vpc, ()))
    assert refusal(ec2.create_network_acl, VpcId=vpc) == "NetworkAclLimitExceeded"
    ec2.delete_network_acl(NetworkAclId=names[0])
    assert shown(ec2, make(ec2, vpc))["VpcId"] == vpc


def test_a_subnet_goes_by_one_acl(region: Region) -> None:
    ec2 = region.client("ec2")
    vpc, subnet = network(ec2)
    [default] = ec2.describe_network_acls(Filters=named("association.subnet-id", subnet))[
        "NetworkAcls"
    ]
    [first] = default["Associations"]
    acl = make(ec2, vpc)
    asked = {"AssociationId": first["NetworkAclAssociationId"], "NetworkAclId": acl}
    code = refusal(ec2.replace_network_acl_association, DryRun=True, **asked)
    assert code == "DryRunOperation"
    second = ec2.replace_network_acl_association(**asked)["NewAssociationId"]
    assert second != first["NetworkAclAssociationId"]
    code = refusal(ec2.replace_network_acl_association, **asked)
    assert code == "InvalidAssociationID.NotFound"
    again = ec2.replace_network_acl_association(AssociationId=second, NetworkAclId=acl)
    assert again["NewAssociationId"] == second
    region.restart()
    ec2 = region.client("ec2")
    assert shown(ec2, default["NetworkAclId"])["Associations"] == []
    assert shown(ec2, acl)["Associations"] == [
        {"NetworkAclAssociationId": second, "NetworkAclId": acl, "SubnetId": subnet}
    ]
    [home] = ec2.describe_vpcs(Filters=named("is-default", "true"))["Vpcs"]
    [other] = ec2.describe_network_acls(Filters=named("vpc-id", home["VpcId"]))["NetworkAcls"]
    elsewhere = {"AssociationId": second, "NetworkAclId": other["NetworkAclId"]}
    code = refusal(ec2.replace_network_acl_association, **elsewhere)
    assert code == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"RuleNumber": 0}, "InvalidParameterValue"),
        ({"RuleNumber": 32767}, "InvalidParameterValue"),
        ({"Protocol": "tcp"}, "InvalidParameterValue"),
        ({"Protocol": "256"}, "InvalidParameterValue"),
        ({"CidrBlock": None}, "MissingParameter"),
        ({"Ipv6CidrBlock": "::/0"}, "InvalidParameterCombination"),
        ({"CidrBlock": "10.0.0.0"}, "InvalidParameterValue"),
        ({"CidrBlock": None, "Ipv6CidrBlock": "10.0.0.0/8"}, "InvalidParameterValue"),
        ({"PortRange": None}, "InvalidParameterValue"),
        ({"PortRange": {"From": 1}}, "InvalidParameterValue"),
        ({"PortRange": {"From": 2, "To": 1}}, "InvalidParameterValue"),
        ({"PortRange": {"From": 0, "To": 65536}}, "InvalidParameterValue"),
        ({"Protocol": "1"}, "InvalidParameterValue"),
        ({"Protocol": "1", "IcmpTypeCode": {"Type": 8}}, "InvalidParameterValue"),
        ({"Protocol": "1", "IcmpTypeCode": {"Type": -1, "Code": 0}}, "InvalidParameterValue"),
        ({"Protocol": "1", "IcmpTypeCode": {"Type": 256, "Code": 0}}, "InvalidParameterValue"),
        ({"Protocol": "58", "CidrBlock": None, "Ipv6CidrBlock": "::/0"}, "InvalidParameterValue"),
    ],
)
def test_entries_that_cannot_be(more: dict[str, Any], code: str) -> None:
    with pytest.raises(ServiceError) as caught:
        acls.entry(WEB | more)
    assert caught.value.code == code


def test_an_entry_keeps_what_its_protocol_has() -> None:
    icmp = {"IcmpTypeCode": {"Type": 8, "Code": -1}}
    six = {"CidrBlock": None, "Ipv6CidrBlock": "FD00::1/8"}
    for more, protocol, ports, type_code in (
        ({}, "6", (80, 443), None),
        ({"Protocol": "017"}, "17", (80, 443), None),
        ({"Protocol": "-1"}, "-1", None, None),
        ({"Protocol": "50"}, "50", None, None),
        ({"Protocol": "1", **icmp}, "1", None, (8, -1)),
        ({"Protocol": "58", **icmp}, "58", None, None),
        ({"Protocol": "58", **icmp, **six}, "58", None, (8, -1)),
    ):
        made = acls.entry(WEB | more)
        assert (made.protocol, made.ports, made.icmp) == (protocol, ports, type_code)
        assert made.prefix == ("fd00::/8" if "Ipv6CidrBlock" in more else "10.0.0.0/8")


def test_entries_are_created_replaced_and_deleted(ec2: Any) -> None:
    vpc, _ = network(ec2)
    acl = make(ec2, vpc)
    asked = {"NetworkAclId": acl, **WEB}
    missing = "InvalidNetworkAclEntry.NotFound"
    at = {"NetworkAclId": acl, "RuleNumber": 100, "Egress": False}
    assert refusal(ec2.replace_network_acl_entry, **asked) == missing
    assert refusal(ec2.delete_network_acl_entry, **at) == missing
    assert refusal(ec2.create_network_acl_entry, DryRun=True, **asked) == "DryRunOperation"
    code = refusal(ec2.create_network_acl_entry, **{**asked, "NetworkAclId": "acl-1"})
    assert code == "InvalidNetworkAclID.NotFound"
    ec2.create_network_acl_entry(**asked)
    assert refusal(ec2.create_network_acl_entry, **asked) == "NetworkAclEntryAlreadyExists"
    ec2.create_network_acl_entry(**{**asked, "Egress": True})
    assert refusal(ec2.replace_network_acl_entry, DryRun=True, **asked) == "DryRunOperation"
    ec2.replace_network_acl_entry(**{**asked, "RuleAction": "deny", "Protocol": "-1"})
    assert entries(shown(ec2, acl)) == [
        (100, True, "allow", "10.0.0.0/8"),
        LAST[0],
        (100, False, "deny", "10.0.0.0/8"),
        LAST[1],
    ]
    assert "PortRange" not in shown(ec2, acl)["Entries"][2]
    assert refusal(ec2.delete_network_acl_entry, DryRun=True, **at) == "DryRunOperation"
    ec2.delete_network_acl_entry(**at)
    assert refusal(ec2.delete_network_acl_entry, **at) == missing
    last = {**at, "RuleNumber": 32767}
    assert refusal(ec2.delete_network_acl_entry, **last) == missing


def test_twenty_entries_each_way_with_the_last(ec2: Any) -> None:
    vpc, _ = network(ec2)
    acl = make(ec2, vpc)
    asked = {"NetworkAclId": acl, **WEB}
    for number in range(1, 20):
        ec2.create_network_acl_entry(**{**asked, "RuleNumber": number})
    code = refusal(ec2.create_network_acl_entry, **{**asked, "RuleNumber": 20})
    assert code == "NetworkAclEntryLimitExceeded"
    ec2.create_network_acl_entry(**{**asked, "RuleNumber": 20, "Egress": True})
    six = {key: value for key, value in asked.items() if key != "CidrBlock"}
    ec2.create_network_acl_entry(**{**six, "RuleNumber": 20, "Ipv6CidrBlock": "::/0"})
    ends = [one[0] for one in entries(shown(ec2, acl)) if one[0] > 32766]
    assert ends == [32767, 32768, 32767, 32768]
    ec2.replace_network_acl_entry(**{**asked, "RuleNumber": 19})


def test_filters_over_acls(ec2: Any) -> None:
    vpc, subnet = network(ec2)
    acl = make(ec2, vpc)
    ec2.create_network_acl_entry(NetworkAclId=acl, **WEB)
    icmp = {"Protocol": "1", "IcmpTypeCode": {"Type": 8, "Code": 0}, "RuleNumber": 90}
    asked = {key: value for key, value in WEB.items() if key != "PortRange"} | icmp
    ec2.create_network_acl_entry(NetworkAclId=acl, **asked)
    [default] = ec2.describe_network_acls(
        Filters=[*named("vpc-id", vpc), *named("default", "true")]
    )["NetworkAcls"]
    for name, value, found in (
        ("entry.cidr", "10.0.0.0/8", [acl]),
        ("entry.port-range.from", "80", [acl]),
        ("entry.port-range.to", "443", [acl]),
        ("entry.icmp.type", "8", [acl]),
        ("entry.icmp.code", "0", [acl]),
        ("entry.protocol", "tcp", [acl]),
        ("entry.protocol", "6", [acl]),
        ("entry.rule-number", "90", [acl]),
        ("entry.ipv6-cidr", "*", []),
        ("association.subnet-id", subnet, [default["NetworkAclId"]]),
        ("association.network-acl-id", acl, []),
        ("network-acl-id", acl, [acl]),
    ):
        told = ec2.describe_network_acls(Filters=[*named("vpc-id", vpc), *named(name, value)])
        assert [one["NetworkAclId"] for one in told["NetworkAcls"]] == found, name
    code = refusal(ec2.describe_network_acls, Filters=named("entry.x", "1"))
    assert code == "InvalidParameterValue"


@settings(max_examples=40)
@given(
    st.lists(
        st.builds(
            AclEntry,
            st.integers(1, 32766),
            st.booleans(),
            st.booleans(),
            st.sampled_from(["0.0.0.0/0", "10.0.0.0/8", "::/0"]),
        ),
        unique_by=lambda one: (one.number, one.egress),
    ),
    st.randoms(use_true_random=False),
)
def test_entries_decide_in_the_order_of_their_numbers_however_they_came(
    kept: list[AclEntry], random: Any
) -> None:
    ordered = acls.ordered(kept, ipv6=True)
    random.shuffle(kept)
    assert acls.ordered(kept, ipv6=True) == ordered
    for egress in (False, True):
        numbers = [one.number for one in ordered if one.egress == egress]
        assert numbers == sorted(numbers)
        assert numbers[-2:] == [32767, 32768]
    shown = [one for one in ordered if one.number <= 32766]
    assert len(shown) == len(kept)
    acl = NetworkAcl("acl-1", "1", "vpc-1", tuple(kept))
    assert all(acls.at(acl, one.number, egress=one.egress) == one for one in shown)
