"""Network interfaces and their private addresses, made, changed and deleted by boto3."""

from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.regional.ec2.interfaces import Addresses
from antipodes.regional.ec2.model import Subnet
from antipodes.service.contract import ServiceError
from tests.regional.ec2.worlds import named, refusal, tagged
from tests.regional.elbv2.hosts import Region


@pytest.fixture
def subnet(ec2: Any) -> str:
    """A subnet 10.0.0.0/24 of a VPC of its own."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone="us-west-2a")
    name: str = made["Subnet"]["SubnetId"]
    return name


@pytest.fixture(scope="module")
def still_subnet(still: Any) -> str:
    """A subnet 10.0.0.0/24 in which an interface has the lowest address."""
    vpc = still.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = still.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")
    name: str = made["Subnet"]["SubnetId"]
    make(still, name)
    return name


def make(ec2: Any, subnet: str, **more: Any) -> dict[str, Any]:
    answer = ec2.create_network_interface(SubnetId=subnet, **more)
    interface: dict[str, Any] = answer["NetworkInterface"]
    return interface


def shown(ec2: Any, name: str) -> dict[str, Any]:
    [found] = ec2.describe_network_interfaces(NetworkInterfaceIds=[name])["NetworkInterfaces"]
    one: dict[str, Any] = found
    return one


def addresses(interface: dict[str, Any]) -> list[str]:
    return [one["PrivateIpAddress"] for one in interface["PrivateIpAddresses"]]


def launch(ec2: Any, subnet: str, **more: Any) -> dict[str, Any]:
    request = {"MinCount": 1, "MaxCount": 1, "ImageId": "ami-12345678", "SubnetId": subnet}
    if "NetworkInterfaces" in more:
        del request["SubnetId"]
    instance: dict[str, Any] = ec2.run_instances(**request, **more)["Instances"][0]
    return instance


def test_an_interface_is_there_after_a_restart(region: Region, subnet: str) -> None:
    ec2 = region.client("ec2")
    made = make(
        ec2,
        subnet,
        Description="mine",
        SecondaryPrivateIpAddressCount=2,
        TagSpecifications=tagged("network-interface", Name="one"),
    )
    assert made["Status"] == "pending"
    assert addresses(made) == ["10.0.0.4", "10.0.0.5", "10.0.0.6"]
    assert [one["Primary"] for one in made["PrivateIpAddresses"]] == [True, False, False]
    region.restart()
    ec2 = region.client("ec2")
    found = shown(ec2, made["NetworkInterfaceId"])
    assert found == made | {"Status": "available"}
    assert found["TagSet"] == [{"Key": "Name", "Value": "one"}]
    assert (found["AvailabilityZone"], found["InterfaceType"]) == ("us-west-2a", "interface")
    assert [group["GroupName"] for group in found["Groups"]] == ["default"]
    assert found["MacAddress"].startswith("02:")
    assert "PrivateDnsName" not in found
    ec2.get_waiter("network_interface_available").wait(
        NetworkInterfaceIds=[made["NetworkInterfaceId"]]
    )


def test_a_subnet_counts_the_addresses_that_interfaces_have(ec2: Any, subnet: str) -> None:
    def free() -> int:
        [found] = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
        count: int = found["AvailableIpAddressCount"]
        return count

    assert free() == 251
    made = make(ec2, subnet, SecondaryPrivateIpAddressCount=3)
    assert free() == 247
    assert refusal(ec2.delete_subnet, SubnetId=subnet) == "DependencyViolation"
    ec2.delete_network_interface(NetworkInterfaceId=made["NetworkInterfaceId"])
    assert free() == 251
    ec2.delete_subnet(SubnetId=subnet)


def test_a_full_subnet_has_no_room(ec2: Any) -> None:
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/28")["Vpc"]["VpcId"]
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/28")
    subnet = made["Subnet"]["SubnetId"]
    make(ec2, subnet, SecondaryPrivateIpAddressCount=9)
    code = refusal(ec2.create_network_interface, SubnetId=subnet, SecondaryPrivateIpAddressCount=1)
    assert code == "InsufficientFreeAddressesInSubnet"
    assert addresses(make(ec2, subnet)) == ["10.0.0.14"]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"SubnetId": "subnet-1"}, "InvalidSubnetID.NotFound"),
        ({"PrivateIpAddress": "10.0.1.9"}, "InvalidParameterValue"),
        ({"PrivateIpAddress": "10.0.0.2"}, "InvalidParameterValue"),
        ({"PrivateIpAddress": "10.0.0.255"}, "InvalidParameterValue"),
        ({"PrivateIpAddress": "ten"}, "InvalidParameterValue"),
        ({"PrivateIpAddress": "10.0.0.4"}, "InvalidIPAddress.InUse"),
        ({"SecondaryPrivateIpAddressCount": 50}, "PrivateIpAddressLimitExceeded"),
        ({"SecondaryPrivateIpAddressCount": -1}, "InvalidParameterValue"),
        (
            {
                "PrivateIpAddress": "10.0.0.9",
                "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.8", "Primary": True}],
            },
            "InvalidParameterCombination",
        ),
        (
            {
                "SecondaryPrivateIpAddressCount": 1,
                "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.8"}],
            },
            "InvalidParameterCombination",
        ),
        ({"Groups": ["sg-1"]}, "InvalidGroup.NotFound"),
        ({"Groups": [f"sg-{n}" for n in range(6)]}, "SecurityGroupsPerInterfaceLimitExceeded"),
        ({"InterfaceType": "efa"}, "UnsupportedOperation"),
        ({"Ipv6AddressCount": 1}, "InvalidParameterValue"),
        ({"TagSpecifications": tagged("vpc", a="b")}, "InvalidParameterValue"),
        ({"DryRun": True}, "DryRunOperation"),
    ],
)
def test_an_interface_that_cannot_be(
    still: Any, still_subnet: str, request_: dict[str, Any], code: str
) -> None:
    request = {"SubnetId": still_subnet, **request_}
    assert refusal(still.create_network_interface, **request) == code
    assert len(still.describe_network_interfaces()["NetworkInterfaces"]) == 1


def test_groups_are_of_the_interfaces_own_network(ec2: Any, subnet: str) -> None:
    [other] = ec2.describe_security_groups(
        Filters=named(
            "vpc-id", ec2.describe_vpcs(Filters=named("is-default", "true"))["Vpcs"][0]["VpcId"]
        )
    )["SecurityGroups"]
    code = refusal(ec2.create_network_interface, SubnetId=subnet, Groups=[other["GroupId"]])
    assert code == "InvalidGroup.NotFound"


def test_a_request_sent_again_finds_what_it_made(ec2: Any, subnet: str) -> None:
    first = make(ec2, subnet, ClientToken="again")
    again = ec2.create_network_interface(SubnetId=subnet, ClientToken="again")
    assert again["NetworkInterface"]["NetworkInterfaceId"] == first["NetworkInterfaceId"]
    assert again["ClientToken"] == "again"
    code = refusal(
        ec2.create_network_interface, SubnetId=subnet, ClientToken="again", Description="x"
    )
    assert code == "IdempotentParameterMismatch"
    assert len(ec2.describe_network_interfaces()["NetworkInterfaces"]) == 1


def test_attributes_of_an_interface(ec2: Any, subnet: str) -> None:
    name = make(ec2, subnet)["NetworkInterfaceId"]

    def attribute(asked: str, member: str) -> Any:
        told = ec2.describe_network_interface_attribute(NetworkInterfaceId=name, Attribute=asked)
        return told.get(member)

    def modify(**more: Any) -> None:
        ec2.modify_network_interface_attribute(NetworkInterfaceId=name, **more)

    assert attribute("sourceDestCheck", "SourceDestCheck") == {"Value": True}
    modify(SourceDestCheck={"Value": False})
    assert attribute("sourceDestCheck", "SourceDestCheck") == {"Value": False}
    code = refusal(ec2.reset_network_interface_attribute, NetworkInterfaceId=name, DryRun=True)
    assert code == "DryRunOperation"
    assert not shown(ec2, name)["SourceDestCheck"]
    ec2.reset_network_interface_attribute(NetworkInterfaceId=name, SourceDestCheck="true")
    assert attribute("sourceDestCheck", "SourceDestCheck") == {"Value": True}
    modify(Description={"Value": "now"})
    assert attribute("description", "Description") == {"Value": "now"}
    vpc = shown(ec2, name)["VpcId"]
    web = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
    modify(Groups=[web])
    assert attribute("groupSet", "Groups") == [{"GroupId": web, "GroupName": "web"}]
    assert attribute("attachment", "Attachment") is None
    assert attribute("associatePublicIpAddress", "AssociatePublicIpAddress") is False
    asked = {"NetworkInterfaceId": name}
    both = {"Groups": [web], "Description": {"Value": "x"}}
    modified = ec2.modify_network_interface_attribute
    assert refusal(modified, **asked) == "MissingParameter"
    assert refusal(modified, **asked, **both) == "InvalidParameterCombination"
    assert refusal(modified, **asked, Groups=["sg-1"]) == "InvalidGroup.NotFound"
    code = refusal(modified, **asked, Attachment={"AttachmentId": "eni-attach-1"})
    assert code == "InvalidAttachmentID.NotFound"
    code = refusal(modified, **asked, DryRun=True, Description={"Value": "x"})
    assert code == "DryRunOperation"
    code = refusal(modified, **asked, AssociatePublicIpAddress=True)
    assert code == "UnsupportedOperation"
    assert attribute("description", "Description") == {"Value": "now"}


def test_filters_over_interfaces(ec2: Any, subnet: str) -> None:
    first = make(ec2, subnet, Description="a")["NetworkInterfaceId"]
    make(ec2, subnet, Description="b", TagSpecifications=tagged("network-interface", k="v"))

    def found(name: str, *values: str) -> list[str]:
        answer = ec2.describe_network_interfaces(Filters=named(name, *values))
        return [one["Description"] for one in answer["NetworkInterfaces"]]

    assert found("network-interface-id", first) == ["a"]
    assert found("private-ip-address", "10.0.0.5") == ["b"]
    assert found("addresses.primary", "false") == []
    assert found("tag:k", "v") == ["b"]
    assert sorted(found("group-name", "default")) == ["a", "b"]
    assert found("attachment.instance-id", "*") == []
    assert found("status", "in-use") == []
    code = refusal(ec2.describe_network_interfaces, Filters=named("colour", "red"))
    assert code == "InvalidParameterValue"


def test_an_interface_is_attached_and_detached(region: Region, subnet: str) -> None:
    ec2 = region.client("ec2")
    instance = launch(ec2, subnet)["InstanceId"]
    name = make(ec2, subnet)["NetworkInterfaceId"]
    asked = {"NetworkInterfaceId": name, "InstanceId": instance}
    assert refusal(ec2.attach_network_interface, **asked, DeviceIndex=0) == "InvalidParameterValue"
    assert refusal(ec2.attach_network_interface, **asked, DeviceIndex=-1) == "InvalidParameterValue"
    dry = refusal(ec2.attach_network_interface, **asked, DeviceIndex=1, DryRun=True)
    assert dry == "DryRunOperation"
    attachment = ec2.attach_network_interface(**asked, DeviceIndex=1)["AttachmentId"]
    region.restart()
    ec2 = region.client("ec2")
    found = shown(ec2, name)
    assert (found["Status"], found["Attachment"]["AttachmentId"]) == ("in-use", attachment)
    assert found["Attachment"]["InstanceId"] == instance
    assert not found["Attachment"]["DeleteOnTermination"]
    code = refusal(ec2.attach_network_interface, **asked, DeviceIndex=2)
    assert code == "InvalidNetworkInterface.InUse"
    code = refusal(ec2.delete_network_interface, NetworkInterfaceId=name)
    assert code == "InvalidParameterValue"
    ec2.modify_network_interface_attribute(
        NetworkInterfaceId=name,
        Attachment={"AttachmentId": attachment, "DeleteOnTermination": True},
    )
    assert shown(ec2, name)["Attachment"]["DeleteOnTermination"]
    code = refusal(ec2.detach_network_interface, AttachmentId=attachment, DryRun=True)
    assert code == "DryRunOperation"
    ec2.detach_network_interface(AttachmentId=attachment, Force=True)
    assert shown(ec2, name)["Status"] == "available"
    code = refusal(ec2.detach_network_interface, AttachmentId=attachment)
    assert code == "InvalidAttachmentID.NotFound"
    code = refusal(ec2.delete_network_interface, NetworkInterfaceId=name, DryRun=True)
    assert code == "DryRunOperation"
    ec2.delete_network_interface(NetworkInterfaceId=name)
    code = refusal(ec2.delete_network_interface, NetworkInterfaceId=name)
    assert code == "InvalidNetworkInterfaceID.NotFound"


def test_what_is_not_attached(ec2: Any, subnet: str) -> None:
    instance = launch(ec2, subnet)
    first = instance["NetworkInterfaces"][0]["Attachment"]["AttachmentId"]
    code = refusal(ec2.detach_network_interface, AttachmentId=first)
    assert code == "OperationNotPermitted"
    vpc = instance["VpcId"]
    far = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.9.0/24", AvailabilityZone="us-west-2b")
    elsewhere = make(ec2, far["Subnet"]["SubnetId"])["NetworkInterfaceId"]
    asked = {"InstanceId": instance["InstanceId"], "DeviceIndex": 1}
    code = refusal(ec2.attach_network_interface, NetworkInterfaceId=elsewhere, **asked)
    assert code == "InvalidParameterCombination"
    large = make(ec2, subnet, SecondaryPrivateIpAddressCount=40)["NetworkInterfaceId"]
    code = refusal(ec2.attach_network_interface, NetworkInterfaceId=large, **asked)
    assert code == "PrivateIpAddressLimitExceeded"
    for device in (1, 2):  # a small instance has three
        ec2.attach_network_interface(
            NetworkInterfaceId=make(ec2, subnet)["NetworkInterfaceId"],
            InstanceId=instance["InstanceId"],
            DeviceIndex=device,
        )
    one = make(ec2, subnet)["NetworkInterfaceId"]
    code = refusal(
        ec2.attach_network_interface, **asked | {"DeviceIndex": 3}, NetworkInterfaceId=one
    )
    assert code == "AttachmentLimitExceeded"
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    code = refusal(ec2.attach_network_interface, NetworkInterfaceId=one, **asked)
    assert code == "IncorrectInstanceState"


def test_addresses_are_assigned_and_taken_away(ec2: Any, subnet: str) -> None:
    name = make(ec2, subnet)["NetworkInterfaceId"]
    other = make(ec2, subnet, SecondaryPrivateIpAddressCount=1)["NetworkInterfaceId"]
    assert addresses(shown(ec2, other)) == ["10.0.0.5", "10.0.0.6"]
    told = ec2.assign_private_ip_addresses(
        NetworkInterfaceId=name, SecondaryPrivateIpAddressCount=2
    )
    given = [one["PrivateIpAddress"] for one in told["AssignedPrivateIpAddresses"]]
    assert given == ["10.0.0.7", "10.0.0.8"]
    ec2.assign_private_ip_addresses(NetworkInterfaceId=name, PrivateIpAddresses=["10.0.0.99"])
    assert addresses(shown(ec2, name)) == ["10.0.0.4", *given, "10.0.0.99"]
    asked = {"NetworkInterfaceId": name}
    assign, unassign = ec2.assign_private_ip_addresses, ec2.unassign_private_ip_addresses
    code = refusal(assign, **asked, PrivateIpAddresses=["10.0.0.6"])
    assert code == "InvalidIPAddress.InUse"
    code = refusal(assign, **asked, PrivateIpAddresses=["10.0.0.5"], AllowReassignment=True)
    assert code == "InvalidIPAddress.InUse"  # a primary one stays where it is
    assign(**asked, PrivateIpAddresses=["10.0.0.6"], AllowReassignment=True)
    assert addresses(shown(ec2, other)) == ["10.0.0.5"]
    assert addresses(shown(ec2, name))[-1] == "10.0.0.6"
    unassign(**asked, PrivateIpAddresses=["10.0.0.99", "10.0.0.6"])
    assert addresses(shown(ec2, name)) == ["10.0.0.4", *given]
    assert refusal(assign, **asked) == "MissingParameter"
    both = {"PrivateIpAddresses": ["10.0.0.50"], "SecondaryPrivateIpAddressCount": 1}
    assert refusal(assign, **asked, **both) == "InvalidParameterCombination"
    assert refusal(assign, **asked, SecondaryPrivateIpAddressCount=0) == "InvalidParameterValue"
    code = refusal(assign, **asked, SecondaryPrivateIpAddressCount=48)
    assert code == "PrivateIpAddressLimitExceeded"
    code = refusal(unassign, **asked, PrivateIpAddresses=["10.0.0.4"])
    assert code == "InvalidParameterValue"
    code = refusal(unassign, **asked, PrivateIpAddresses=["10.0.0.5"])
    assert code == "InvalidParameterValue"
    assert refusal(unassign, **asked) == "MissingParameter"


def test_an_instances_interface_has_as_many_addresses_as_its_size_has(
    ec2: Any, subnet: str
) -> None:
    instance = launch(ec2, subnet, InstanceType="t3.micro")
    name = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]
    assign = ec2.assign_private_ip_addresses
    code = refusal(assign, NetworkInterfaceId=name, SecondaryPrivateIpAddressCount=2)
    assert code == "PrivateIpAddressLimitExceeded"
    assign(NetworkInterfaceId=name, SecondaryPrivateIpAddressCount=1)
    assert len(addresses(shown(ec2, name))) == 2


@given(
    prefix=st.integers(24, 28),
    taken=st.sets(st.integers(0, 255)),
    wanted=st.lists(st.one_of(st.none(), st.integers(0, 255)), max_size=40),
)
def test_no_two_have_one_address_and_the_lowest_goes_first(
    prefix: int, taken: set[int], wanted: list[int | None]
) -> None:
    network = IPv4Network(f"10.0.0.0/{prefix}")
    subnet = Subnet("subnet-1", "1", "vpc-1", "usw2-az1", str(network), "acl-1")
    usable = {str(one) for one in list(network)[4:-1]}
    had = {f"10.0.0.{number}" for number in taken}
    addresses = Addresses(subnet, had)
    for number in wanted:
        text = "" if number is None else f"10.0.0.{number}"
        free = usable - had
        expected = min(free, key=lambda one: int(one.rpartition(".")[2]), default="")
        if (text and text not in free) or (not text and not free):
            with pytest.raises(ServiceError):
                addresses.take(text)
        else:
            found = addresses.take(text)
            assert found == (text or expected)
            had.add(found)
