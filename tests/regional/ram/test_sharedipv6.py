"""IPv6, and groups of one's own, in a subnet of another account."""

from ipaddress import IPv6Network

import pytest

from tests.regional.ec2.worlds import named, refusal
from tests.regional.elbv2.hosts import ACCOUNT, Region
from tests.regional.ram.accounts import OTHER
from tests.regional.ram.test_sharedsubnets import House


@pytest.fixture
def house(region: Region) -> House:
    return House(region)


def test_owner_and_guest_take_addresses_of_one_subnet(house: House) -> None:
    owner, guest = house.owner.ec2, house.guest.ec2
    made = owner.associate_vpc_cidr_block(VpcId=house.vpc, AmazonProvidedIpv6CidrBlock=True)
    whole = made["Ipv6CidrBlockAssociation"]["Ipv6CidrBlock"]
    refused = {"VpcId": house.vpc, "AmazonProvidedIpv6CidrBlock": True}
    assert refusal(guest.associate_vpc_cidr_block, **refused) == "UnauthorizedOperation"
    inside = whole.replace("/56", "/64")
    associated = owner.associate_subnet_cidr_block(SubnetId=house.front, Ipv6CidrBlock=inside)
    name = associated["Ipv6CidrBlockAssociation"]["AssociationId"]
    group = guest.create_security_group(VpcId=house.vpc, GroupName="own", Description="own")
    guests = guest.create_network_interface(
        SubnetId=house.front, Groups=[group["GroupId"]], Ipv6AddressCount=1
    )["NetworkInterface"]
    owners = owner.create_network_interface(SubnetId=house.front)["NetworkInterface"]
    given = owner.assign_ipv6_addresses(
        NetworkInterfaceId=owners["NetworkInterfaceId"], Ipv6AddressCount=1
    )
    assert [one["Ipv6Address"] for one in guests["Ipv6Addresses"]] == [str(IPv6Network(inside)[4])]
    assert given["AssignedIpv6Addresses"] == [str(IPv6Network(inside)[5])]
    owner.delete_network_interface(NetworkInterfaceId=owners["NetworkInterfaceId"])
    leave = owner.disassociate_subnet_cidr_block
    assert refusal(leave, AssociationId=name) == "InvalidCidrBlock.InUse"
    more = guest.assign_ipv6_addresses(
        NetworkInterfaceId=guests["NetworkInterfaceId"], Ipv6AddressCount=1
    )
    assert more["AssignedIpv6Addresses"] == [str(IPv6Network(inside)[5])]


def test_a_guests_group_is_associated_with_the_network(house: House) -> None:
    owner, guest = house.owner.ec2, house.guest.ec2
    own = house.guest.vpc("10.9.0.0/16")
    group = guest.create_security_group(VpcId=own, GroupName="own", Description="own")["GroupId"]
    guest.associate_security_group_vpc(GroupId=group, VpcId=house.vpc)
    told = {
        "GroupId": group,
        "GroupOwnerId": OTHER,
        "VpcId": house.vpc,
        "VpcOwnerId": ACCOUNT,
        "State": "associated",
    }
    for client in (owner, guest):
        found = client.describe_security_group_vpc_associations()
        assert found["SecurityGroupVpcAssociations"] == [told]
    groups = guest.get_security_groups_for_vpc(VpcId=house.vpc)["SecurityGroupForVpcs"]
    assert [one["GroupId"] for one in groups] == [group]
    interface = guest.create_network_interface(SubnetId=house.front, Groups=[group])
    name = interface["NetworkInterface"]["NetworkInterfaceId"]
    leave = {"GroupId": group, "VpcId": house.vpc}
    assert refusal(guest.disassociate_security_group_vpc, **leave) == "DependencyViolation"
    guest.delete_network_interface(NetworkInterfaceId=name)
    for subnet in owner.describe_subnets(Filters=named("vpc-id", house.vpc))["Subnets"]:
        owner.delete_subnet(SubnetId=subnet["SubnetId"])
    assert refusal(owner.delete_vpc, VpcId=house.vpc) == "DependencyViolation"
    guest.disassociate_security_group_vpc(**leave)
    owner.delete_vpc(VpcId=house.vpc)
