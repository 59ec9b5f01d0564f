"""Elastic addresses mapped to private ones, and public addresses that instances are lent."""

from typing import Any

import pytest

from antipodes.regional.elbv2.model import NETWORK
from tests.regional.ec2.worlds import named, refusal
from tests.regional.elbv2.hosts import Region

IMAGE = {"ImageId": "ami-12345678", "MinCount": 1, "MaxCount": 1}


@pytest.fixture(scope="module")
def allocation(still: Any) -> str:
    """An elastic address that is mapped to nothing."""
    name: str = still.allocate_address()["AllocationId"]
    return name


def launch(ec2: Any, **more: Any) -> dict[str, Any]:
    """An instance in the default network, which maps public addresses."""
    instance: dict[str, Any] = ec2.run_instances(**IMAGE | more)["Instances"][0]
    return instance


def public(ec2: Any, instance: str) -> str:
    """The public address of an instance."""
    told = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    address: str = told.get("PublicIpAddress", "")
    return address


def interface(ec2: Any) -> str:
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    name: str = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"][
        "NetworkInterfaceId"
    ]
    return name


def address_of(ec2: Any, allocation: str) -> dict[str, Any]:
    [found] = ec2.describe_addresses(AllocationIds=[allocation])["Addresses"]
    one: dict[str, Any] = found
    return one


def test_an_elastic_address_is_mapped_and_unmapped(region: Region) -> None:
    ec2 = region.client("ec2")
    made, name = ec2.allocate_address(), interface(ec2)
    allocation = made["AllocationId"]
    asked = {"AllocationId": allocation, "NetworkInterfaceId": name}
    assert refusal(ec2.associate_address, **asked, DryRun=True) == "DryRunOperation"
    association = ec2.associate_address(**asked)["AssociationId"]
    assert ec2.associate_address(**asked)["AssociationId"] == association
    region.restart()
    ec2 = region.client("ec2")
    found = address_of(ec2, allocation)
    assert (found["AssociationId"], found["NetworkInterfaceId"]) == (association, name)
    [shown] = ec2.describe_network_interfaces(
        Filters=named("association.public-ip", made["PublicIp"])
    )["NetworkInterfaces"]
    dashed = made["PublicIp"].replace(".", "-")
    assert shown["Association"] == {
        "AllocationId": allocation,
        "AssociationId": association,
        "IpOwnerId": "000000000000",
        "PublicDnsName": f"ec2-{dashed}.us-west-2.compute.amazonaws.com",
        "PublicIp": made["PublicIp"],
    }
    assert found["PrivateIpAddress"] == shown["PrivateIpAddress"]
    assert ec2.describe_addresses(Filters=named("association-id", association))["Addresses"]
    code = refusal(ec2.release_address, AllocationId=allocation)
    assert code == "InvalidIPAddress.InUse"
    code = refusal(ec2.disassociate_address, AssociationId=association, DryRun=True)
    assert code == "DryRunOperation"
    ec2.disassociate_address(AssociationId=association)
    code = refusal(ec2.disassociate_address, AssociationId=association)
    assert code == "InvalidAssociationID.NotFound"
    assert "AssociationId" not in address_of(ec2, allocation)
    assert refusal(ec2.release_address, AllocationId=allocation, DryRun=True) == "DryRunOperation"
    ec2.release_address(AllocationId=allocation)


def test_an_address_moves_unless_it_may_not(ec2: Any) -> None:
    made, first, second = ec2.allocate_address(), interface(ec2), interface(ec2)
    allocation = made["AllocationId"]
    ec2.associate_address(AllocationId=allocation, NetworkInterfaceId=first)
    asked = {"AllocationId": allocation, "NetworkInterfaceId": second}
    code = refusal(ec2.associate_address, **asked, AllowReassociation=False)
    assert code == "Resource.AlreadyAssociated"
    ec2.associate_address(**asked)
    assert address_of(ec2, allocation)["NetworkInterfaceId"] == second
    other = ec2.allocate_address()["AllocationId"]
    ec2.associate_address(AllocationId=other, NetworkInterfaceId=second)
    assert "AssociationId" not in address_of(ec2, allocation)
    ec2.delete_network_interface(NetworkInterfaceId=second)
    assert "AssociationId" not in address_of(ec2, other)
    assert refusal(ec2.disassociate_address, PublicIp=made["PublicIp"]) == (
        "InvalidAddress.NotFound"
    )


def test_an_address_is_mapped_to_a_secondary_one_and_moves_with_it(ec2: Any) -> None:
    made, first, second = ec2.allocate_address(), interface(ec2), interface(ec2)
    told = ec2.assign_private_ip_addresses(
        NetworkInterfaceId=first, SecondaryPrivateIpAddressCount=1
    )
    private = told["AssignedPrivateIpAddresses"][0]["PrivateIpAddress"]
    asked = {"PublicIp": made["PublicIp"], "NetworkInterfaceId": first}
    code = refusal(ec2.associate_address, **asked, PrivateIpAddress="10.9.9.9")
    assert code == "InvalidParameterValue"
    association = ec2.associate_address(**asked, PrivateIpAddress=private)["AssociationId"]
    ec2.assign_private_ip_addresses(
        NetworkInterfaceId=second, PrivateIpAddresses=[private], AllowReassignment=True
    )
    found = address_of(ec2, made["AllocationId"])
    assert (found["NetworkInterfaceId"], found["PrivateIpAddress"]) == (second, private)
    assert found["AssociationId"] == association
    ec2.unassign_private_ip_addresses(NetworkInterfaceId=second, PrivateIpAddresses=[private])
    assert "AssociationId" not in address_of(ec2, made["AllocationId"])


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({}, "MissingParameter"),
        ({"AllocationId": "eipalloc-1"}, "InvalidAllocationID.NotFound"),
        ({"PublicIp": "203.0.113.9"}, "InvalidAddress.NotFound"),
        ({"AllocationId": "OWN"}, "MissingParameter"),
        ({"AllocationId": "OWN", "PublicIp": "203.0.113.9"}, "InvalidParameterCombination"),
        (
            {"AllocationId": "OWN", "NetworkInterfaceId": "eni-1"},
            "InvalidNetworkInterfaceID.NotFound",
        ),
        ({"AllocationId": "OWN", "InstanceId": "i-1"}, "InvalidInstanceID.NotFound"),
        (
            {"AllocationId": "OWN", "InstanceId": "i-1", "NetworkInterfaceId": "eni-1"},
            "InvalidParameterCombination",
        ),
    ],
)
def test_an_address_that_is_not_mapped(
    still: Any, allocation: str, request_: dict[str, Any], code: str
) -> None:
    request = {name: allocation if value == "OWN" else value for name, value in request_.items()}
    assert refusal(still.associate_address, **request) == code
    assert "AssociationId" not in address_of(still, allocation)


def test_a_network_without_a_way_out_has_no_public_addresses(ec2: Any) -> None:
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    name = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    allocation = ec2.allocate_address()["AllocationId"]
    asked = {"AllocationId": allocation, "NetworkInterfaceId": name}
    assert refusal(ec2.associate_address, **asked) == "Gateway.NotAttached"
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.associate_address(**asked)
    code = refusal(ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc)
    assert code == "DependencyViolation"


def test_a_load_balancers_address_is_not_an_instances(region: Region) -> None:
    ec2 = region.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    balancers, instances = (ec2.allocate_address()["AllocationId"] for _ in range(2))
    ec2.associate_address(AllocationId=instances, NetworkInterfaceId=interface(ec2))

    def balancer(allocation: str) -> Any:
        mapping = [{"SubnetId": subnet, "AllocationId": allocation}]
        return {"Name": "n", "Type": NETWORK, "SubnetMappings": mapping}

    elbv2 = region.client("elbv2")
    elbv2.create_load_balancer(**balancer(balancers))
    asked = {"AllocationId": balancers, "NetworkInterfaceId": interface(ec2)}
    assert refusal(ec2.associate_address, **asked) == "AuthFailure"
    other = balancer(instances) | {"Name": "m"}
    assert refusal(elbv2.create_load_balancer, **other) == "ResourceInUse"


def test_an_instance_is_lent_an_address_while_it_runs(region: Region) -> None:
    ec2 = region.client("ec2")
    name = launch(ec2)["InstanceId"]
    lent = public(ec2, name)
    assert lent.startswith("198.19.")
    told = ec2.describe_instances(InstanceIds=[name])["Reservations"][0]["Instances"][0]
    assert told["NetworkInterfaces"][0]["Association"]["IpOwnerId"] == "amazon"
    assert told["PublicDnsName"] == f"ec2-{lent.replace('.', '-')}.us-west-2.compute.amazonaws.com"
    assert ec2.describe_addresses()["Addresses"] == []
    region.restart()
    ec2 = region.client("ec2")
    assert public(ec2, name) == lent
    ec2.stop_instances(InstanceIds=[name])
    assert public(ec2, name) == ""
    assert ec2.allocate_address()["PublicIp"] == lent
    ec2.start_instances(InstanceIds=[name])
    assert public(ec2, name) not in {"", lent}
    ec2.terminate_instances(InstanceIds=[name])
    other = launch(ec2)["InstanceId"]
    assert public(ec2, other) not in {"", lent}


def test_an_elastic_address_takes_the_place_of_a_lent_one(ec2: Any) -> None:
    name = launch(ec2)["InstanceId"]
    lent, made = public(ec2, name), ec2.allocate_address()
    ec2.associate_address(AllocationId=made["AllocationId"], InstanceId=name)
    assert public(ec2, name) == made["PublicIp"]
    assert address_of(ec2, made["AllocationId"])["InstanceId"] == name
    ec2.stop_instances(InstanceIds=[name])
    assert public(ec2, name) == made["PublicIp"]
    ec2.start_instances(InstanceIds=[name])
    assert public(ec2, name) == made["PublicIp"]
    ec2.disassociate_address(PublicIp=made["PublicIp"])
    assert public(ec2, name) == lent
    ec2.associate_address(AllocationId=made["AllocationId"], InstanceId=name)
    ec2.terminate_instances(InstanceIds=[name])
    assert "AssociationId" not in address_of(ec2, made["AllocationId"])
    code = refusal(ec2.associate_address, AllocationId=made["AllocationId"], InstanceId=name)
    assert code == "InvalidInstanceID"


def test_a_region_has_fifty_three_public_addresses(ec2: Any) -> None:
    made = ec2.run_instances(**IMAGE | {"MaxCount": 60})["Instances"]
    assert len(made) == 53
    assert len({public(ec2, one["InstanceId"]) for one in made[:3]}) == 3
    assert refusal(ec2.allocate_address) == "InsufficientAddressCapacity"
    assert refusal(ec2.run_instances, **IMAGE) == "InsufficientAddressCapacity"
    ec2.stop_instances(InstanceIds=[made[0]["InstanceId"]])
    ec2.allocate_address()
    code = refusal(ec2.start_instances, InstanceIds=[made[0]["InstanceId"]])
    assert code == "InsufficientAddressCapacity"
    assert len(ec2.describe_network_interfaces()["NetworkInterfaces"]) == 53
