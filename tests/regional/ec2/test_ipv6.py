"""IPv6: prefixes of networks and subnets, addresses of interfaces, and what goes with them."""

from collections.abc import Iterator
from ipaddress import IPv6Network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.regional.ec2.interfaces import Addresses
from antipodes.regional.ec2.model import Association, Subnet
from antipodes.service.contract import ServiceError
from antipodes.world.addresses import network_prefix6
from antipodes.world.atlas import load_atlas
from tests.regional.ec2.worlds import named, refusal
from tests.regional.elbv2.hosts import Region


def provided(vpc: dict[str, Any]) -> str:
    [one] = vpc["Ipv6CidrBlockAssociationSet"]
    return str(one["Ipv6CidrBlock"])


def subnet_prefix(vpc_prefix: str, number: int = 0) -> str:
    return str(list(IPv6Network(vpc_prefix).subnets(new_prefix=64))[number])


class Six:
    """A network with IPv6, and a subnet of it that has both families."""

    def __init__(self, ec2: Any) -> None:
        self.ec2 = ec2
        made = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
        self.vpc: str = made["VpcId"]
        self.prefix = provided(made)
        self.inside = subnet_prefix(self.prefix)
        self.subnet: str = ec2.create_subnet(
            VpcId=self.vpc, CidrBlock="10.0.0.0/24", Ipv6CidrBlock=self.inside
        )["Subnet"]["SubnetId"]

    def described(self) -> dict[str, Any]:
        [vpc] = self.ec2.describe_vpcs(VpcIds=[self.vpc])["Vpcs"]
        found: dict[str, Any] = vpc
        return found

    def shown(self) -> dict[str, Any]:
        [subnet] = self.ec2.describe_subnets(SubnetIds=[self.subnet])["Subnets"]
        found: dict[str, Any] = subnet
        return found

    def interface(self, **more: Any) -> dict[str, Any]:
        made = self.ec2.create_network_interface(SubnetId=self.subnet, **more)
        found: dict[str, Any] = made["NetworkInterface"]
        return found

    def address(self, number: int) -> str:
        return str(IPv6Network(self.inside)[number])


@pytest.fixture
def six(region: Region) -> Six:
    return Six(region.client("ec2"))


@pytest.fixture(scope="module")
def kept() -> Iterator[Six]:
    """A network that a module's refusals leave as it is."""
    region = Region()
    yield Six(region.client("ec2"))
    region.close()


def own(interface: dict[str, Any]) -> list[str]:
    return [one["Ipv6Address"] for one in interface["Ipv6Addresses"]]


# Networks.


def test_amazon_provides_a_prefix_that_no_other_network_has(region: Region, six: Six) -> None:
    other = region.client("ec2", account="222222222222")
    vpc = other.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
    assert vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlockState"]["State"] == "associating"
    assert IPv6Network(provided(vpc)).prefixlen == 56
    assert not IPv6Network(provided(vpc)).overlaps(IPv6Network(six.prefix))
    [one] = six.described()["Ipv6CidrBlockAssociationSet"]
    assert one["Ipv6CidrBlockState"] == {"State": "associated"}
    assert (one["Ipv6Pool"], one["NetworkBorderGroup"]) == ("Amazon", "us-west-2")
    wanted = named("ipv6-cidr-block-association.ipv6-cidr-block", six.prefix)
    assert [vpc["VpcId"] for vpc in six.ec2.describe_vpcs(Filters=wanted)["Vpcs"]] == [six.vpc]


@settings(max_examples=30)
@given(st.data())
def test_prefixes_of_networks_are_apart_everywhere(data: st.DataObject) -> None:
    codes = [one.code for one in load_atlas().regions]
    left, right = (
        (data.draw(st.sampled_from(codes)), data.draw(st.integers(0, (1 << 18) - 1)))
        for _ in range(2)
    )
    prefixes = [IPv6Network(network_prefix6(*one)) for one in (left, right)]
    assert prefixes[0].overlaps(prefixes[1]) == (left == right)


def test_a_network_has_five_and_each_is_local_in_all_its_tables(region: Region) -> None:
    ec2 = region.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    first = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    made = [
        ec2.associate_vpc_cidr_block(VpcId=vpc, AmazonProvidedIpv6CidrBlock=True) for _ in range(5)
    ]
    told = [one["Ipv6CidrBlockAssociation"] for one in made]
    assert {one["Ipv6CidrBlockState"]["State"] for one in told} == {"associating"}
    associate = {"VpcId": vpc, "AmazonProvidedIpv6CidrBlock": True}
    assert refusal(ec2.associate_vpc_cidr_block, **associate) == "CidrBlockLimitExceeded"
    ec2.disassociate_vpc_cidr_block(AssociationId=told[1]["AssociationId"])
    left = [one["Ipv6CidrBlock"] for one in (told[0], *told[2:])]
    region.restart()
    ec2 = region.client("ec2")
    tables = ec2.describe_route_tables(Filters=named("vpc-id", vpc))["RouteTables"]
    assert first in [table["RouteTableId"] for table in tables]
    for table in tables:
        local = [
            one["DestinationIpv6CidrBlock"]
            for one in table["Routes"]
            if one["GatewayId"] == "local" and "DestinationIpv6CidrBlock" in one
        ]
        assert local == left
    again = ec2.associate_vpc_cidr_block(**associate)["Ipv6CidrBlockAssociation"]
    assert again["Ipv6CidrBlock"] == told[1]["Ipv6CidrBlock"]


def test_the_default_acl_and_group_let_it_through(six: Six) -> None:
    of = named("vpc-id", six.vpc)
    [acl] = six.ec2.describe_network_acls(Filters=of)["NetworkAcls"]
    numbers = [
        (one["RuleNumber"], one["RuleAction"]) for one in acl["Entries"] if not one["Egress"]
    ]
    assert numbers == [(100, "allow"), (101, "allow"), (32767, "deny"), (32768, "deny")]
    made = six.ec2.create_security_group(VpcId=six.vpc, GroupName="new", Description="new")
    groups = six.ec2.describe_security_groups(Filters=of)["SecurityGroups"]
    assert made["GroupId"] in [group["GroupId"] for group in groups]
    for group in groups:
        [out] = group["IpPermissionsEgress"]
        assert out["Ipv6Ranges"] == [{"CidrIpv6": "::/0"}]
        assert out["IpRanges"] == [{"CidrIp": "0.0.0.0/0"}]


def test_what_was_changed_is_not_opened_to_it(region: Region) -> None:
    ec2 = region.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    [acl] = ec2.describe_network_acls(Filters=named("vpc-id", vpc))["NetworkAcls"]
    ec2.delete_network_acl_entry(NetworkAclId=acl["NetworkAclId"], RuleNumber=100, Egress=False)
    [group] = ec2.describe_security_groups(Filters=named("vpc-id", vpc))["SecurityGroups"]
    everything = group["IpPermissionsEgress"]
    ec2.revoke_security_group_egress(GroupId=group["GroupId"], IpPermissions=everything)
    ec2.associate_vpc_cidr_block(VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)
    [acl] = ec2.describe_network_acls(Filters=named("vpc-id", vpc))["NetworkAcls"]
    numbers = {egress: [] for egress in (False, True)}  # type: dict[bool, list[int]]
    for one in acl["Entries"]:
        numbers[one["Egress"]].append(one["RuleNumber"])
    assert numbers == {False: [32767, 32768], True: [100, 101, 32767, 32768]}
    [group] = ec2.describe_security_groups(Filters=named("vpc-id", vpc))["SecurityGroups"]
    assert group["IpPermissionsEgress"] == []


def test_a_prefix_stays_while_a_subnet_has_some_of_it(kept: Six) -> None:
    [one] = kept.described()["Ipv6CidrBlockAssociationSet"]
    name = one["AssociationId"]
    assert refusal(kept.ec2.disassociate_vpc_cidr_block, AssociationId=name) == (
        "InvalidCidrBlock.InUse"
    )


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({}, "MissingParameter"),
        (
            {"CidrBlock": "10.1.0.0/16", "AmazonProvidedIpv6CidrBlock": True},
            "InvalidParameterCombination",
        ),
        ({"Ipv6CidrBlock": "2600::/56"}, "UnsupportedOperation"),
        (
            {
                "AmazonProvidedIpv6CidrBlock": True,
                "Ipv6CidrBlockNetworkBorderGroup": "us-west-2-lax-1",
            },
            "UnsupportedOperation",
        ),
    ],
)
def test_prefixes_that_a_network_cannot_have(kept: Six, request_: Any, code: str) -> None:
    before = kept.described()
    assert refusal(kept.ec2.associate_vpc_cidr_block, VpcId=kept.vpc, **request_) == code
    assert kept.described() == before


# Subnets.


def test_a_subnet_takes_one_and_gives_it_back(region: Region, six: Six) -> None:
    [one] = six.shown()["Ipv6CidrBlockAssociationSet"]
    assert (one["Ipv6CidrBlock"], one["Ipv6CidrBlockState"]["State"]) == (six.inside, "associated")
    name = one["AssociationId"]
    assert (
        refusal(
            six.ec2.associate_subnet_cidr_block,
            SubnetId=six.subnet,
            Ipv6CidrBlock=subnet_prefix(six.prefix, 1),
        )
        == "InvalidSubnet.Conflict"
    )
    gone = six.ec2.disassociate_subnet_cidr_block(AssociationId=name)
    assert gone["Ipv6CidrBlockAssociation"]["Ipv6CidrBlockState"]["State"] == "disassociating"
    assert six.shown()["Ipv6CidrBlockAssociationSet"] == []
    assert refusal(six.ec2.disassociate_subnet_cidr_block, AssociationId=name) == (
        "InvalidSubnetCidrBlockAssociationID.NotFound"
    )
    wider = str(IPv6Network(six.prefix).supernet(new_prefix=56)).replace("/56", "/60")
    made = six.ec2.associate_subnet_cidr_block(SubnetId=six.subnet, Ipv6CidrBlock=wider)
    assert made["Ipv6CidrBlockAssociation"]["Ipv6CidrBlockState"]["State"] == "associating"
    region.restart()
    six.ec2 = region.client("ec2")
    wanted = named("ipv6-cidr-block-association.ipv6-cidr-block", wider)
    found = six.ec2.describe_subnets(Filters=wanted)["Subnets"]
    assert [one["SubnetId"] for one in found] == [six.subnet]


@pytest.mark.parametrize(
    ("prefix", "code"),
    [
        ("2001:db9::/64", "InvalidSubnet.Range"),
        ("{prefix}/62", "InvalidSubnet.Range"),
        ("{prefix}/52", "InvalidSubnet.Range"),
        ("{prefix}/64", "InvalidSubnet.Conflict"),
        ("{prefix}/60", "InvalidSubnet.Conflict"),
        ("nonsense", "InvalidParameterValue"),
    ],
)
def test_prefixes_that_a_subnet_cannot_have(kept: Six, prefix: str, code: str) -> None:
    text = prefix.format(prefix=kept.prefix.partition("/")[0])
    request = {"VpcId": kept.vpc, "CidrBlock": "10.0.9.0/24", "Ipv6CidrBlock": text}
    assert refusal(kept.ec2.create_subnet, **request) == code


def test_addresses_are_given_out_where_the_subnet_says_so(six: Six) -> None:
    ec2, assigns = six.ec2, {"AssignIpv6AddressOnCreation": {"Value": True}}
    without = ec2.create_subnet(VpcId=six.vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    modify = ec2.modify_subnet_attribute
    assert refusal(modify, SubnetId=without, **assigns) == "InvalidParameterValue"
    modify(SubnetId=six.subnet, **assigns)
    assert six.shown()["AssignIpv6AddressOnCreation"] is True
    assert own(six.interface()) == [six.address(4)]
    assert own(six.interface(Ipv6AddressCount=0)) == []
    made = ec2.run_instances(ImageId="ami-12345678", MinCount=2, MaxCount=2, SubnetId=six.subnet)[
        "Instances"
    ]
    assert [one["Ipv6Address"] for one in made] == [six.address(5), six.address(6)]
    [one] = six.shown()["Ipv6CidrBlockAssociationSet"]
    leave = ec2.disassociate_subnet_cidr_block
    assert refusal(leave, AssociationId=one["AssociationId"]) == "InvalidCidrBlock.InUse"
    modify(SubnetId=six.subnet, AssignIpv6AddressOnCreation={"Value": False})
    assert refusal(leave, AssociationId=one["AssociationId"]) == "InvalidCidrBlock.InUse"


# Interfaces.


def test_interfaces_take_the_lowest_addresses_or_chosen_ones(region: Region, six: Six) -> None:
    first = six.interface(Ipv6AddressCount=2)
    assert own(first) == [six.address(4), six.address(5)]
    chosen = six.interface(Ipv6Addresses=[{"Ipv6Address": six.address(9)}])
    assert own(chosen) == [six.address(9)]
    name = first["NetworkInterfaceId"]
    given = six.ec2.assign_ipv6_addresses(NetworkInterfaceId=name, Ipv6AddressCount=1)
    assert given["AssignedIpv6Addresses"] == [six.address(6)]
    given = six.ec2.assign_ipv6_addresses(NetworkInterfaceId=name, Ipv6Addresses=[six.address(8)])
    assert given["AssignedIpv6Addresses"] == [six.address(8)]
    gone = six.ec2.unassign_ipv6_addresses(
        NetworkInterfaceId=name, Ipv6Addresses=[six.address(4), six.address(6)]
    )
    assert gone["UnassignedIpv6Addresses"] == [six.address(4), six.address(6)]
    region.restart()
    six.ec2 = region.client("ec2")
    wanted = named("ipv6-addresses.ipv6-address", six.address(8))
    [found] = six.ec2.describe_network_interfaces(Filters=wanted)["NetworkInterfaces"]
    assert (found["NetworkInterfaceId"], own(found)) == (name, [six.address(5), six.address(8)])
    assert own(six.interface(Ipv6AddressCount=1)) == [six.address(4)]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (
            {"Ipv6AddressCount": 1, "Ipv6Addresses": [{"Ipv6Address": "2001:db8::9"}]},
            "InvalidParameterCombination",
        ),
        ({"Ipv6AddressCount": -1}, "InvalidParameterValue"),
        ({"Ipv6AddressCount": 51}, "PrivateIpAddressLimitExceeded"),
        ({"Ipv6Addresses": [{"Ipv6Address": "2001:db9::9"}]}, "InvalidParameterValue"),
        ({"Ipv6Addresses": [{"Ipv6Address": "10.0.0.9"}]}, "InvalidParameterValue"),
        ({"Ipv6PrefixCount": 1}, "UnsupportedOperation"),
        ({"EnablePrimaryIpv6": True}, "UnsupportedOperation"),
    ],
)
def test_addresses_that_an_interface_cannot_have(kept: Six, request_: Any, code: str) -> None:
    request = {"SubnetId": kept.subnet, **request_}
    assert refusal(kept.ec2.create_network_interface, **request) == code


def test_addresses_that_cannot_be_assigned_or_taken_away(six: Six) -> None:
    name = six.interface(Ipv6AddressCount=1)["NetworkInterfaceId"]
    other = six.interface()["NetworkInterfaceId"]
    assign, unassign = six.ec2.assign_ipv6_addresses, six.ec2.unassign_ipv6_addresses
    assert refusal(assign, NetworkInterfaceId=other) == "MissingParameter"
    for number, code in ((4, "InvalidIPAddress.InUse"), (1, "InvalidParameterValue")):
        wanted = [six.address(number)]
        assert refusal(assign, NetworkInterfaceId=other, Ipv6Addresses=wanted) == code
    taken = {"NetworkInterfaceId": other, "Ipv6Addresses": [six.address(4)]}
    assert refusal(unassign, **taken) == "InvalidParameterValue"
    assert refusal(unassign, NetworkInterfaceId=name, Ipv6Addresses=["x"]) == (
        "InvalidParameterValue"
    )
    assert refusal(unassign, NetworkInterfaceId=name) == "MissingParameter"
    plain = six.ec2.create_subnet(VpcId=six.vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    made = six.ec2.create_network_interface(SubnetId=plain)["NetworkInterface"]
    of = made["NetworkInterfaceId"]
    assert refusal(assign, NetworkInterfaceId=of, Ipv6AddressCount=1) == "InvalidParameterValue"


@settings(max_examples=30)
@given(st.sets(st.integers(0, 30), max_size=12), st.integers(1, 10))
def test_the_lowest_free_address_of_either_family(numbers: set[int], count: int) -> None:
    prefix = Association("subnet-cidr-assoc-1", "2001:db8::/64")
    subnet = Subnet("subnet-1", "1", "vpc-1", "z", "10.0.0.0/27", "acl-1", prefixes6=(prefix,))
    for six, start in ((False, "10.0.0."), (True, "2001:db8::")):
        names = {f"{start}{n:x}" if six else f"{start}{n}": n for n in numbers}
        free = Addresses(subnet, names, six=six)
        expected = [n for n in range(4, 31 if not six else 99) if n not in numbers][:count]
        for n in expected:
            assert free.take() == (f"{start}{n:x}" if six else f"{start}{n}")
        if len(expected) < count:
            with pytest.raises(ServiceError):
                free.take()


def test_instances_of_one_request_cannot_share_an_address(six: Six) -> None:
    request = {"ImageId": "ami-12345678", "MinCount": 2, "MaxCount": 2, "SubnetId": six.subnet}
    chosen = [{"Ipv6Address": six.address(7)}]
    assert refusal(six.ec2.run_instances, **request, Ipv6Addresses=chosen) == (
        "InvalidParameterCombination"
    )
    made = six.ec2.run_instances(**request | {"MinCount": 1, "MaxCount": 1}, Ipv6Addresses=chosen)
    assert made["Instances"][0]["Ipv6Address"] == six.address(7)
    wanted = named("ipv6-address", six.address(7))
    [found] = six.ec2.describe_instances(Filters=wanted)["Reservations"]
    assert own(found["Instances"][0]["NetworkInterfaces"][0]) == [six.address(7)]
