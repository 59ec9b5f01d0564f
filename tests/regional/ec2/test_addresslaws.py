"""Whatever is made and undone in whatever order, no address is anybody else's too."""

from collections import Counter
from contextlib import suppress
from ipaddress import IPv4Network
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.service.contract import Call, ServiceError
from tests.regional.elbv2.hosts import ACCOUNT, Region

SUBNETS = ("10.0.0.0/28", "10.0.1.0/28")
STEPS = (
    *("launch", "stop", "start", "terminate", "make", "delete", "assign", "allocate", "map"),
    *("unmap", "release", "translate", "untranslate"),
)


class World:
    """Operations called as the host calls them, and what was made so far."""

    def __init__(self, region: Region) -> None:
        self.service: Any = region.host.services["ec2"]
        self.region = region
        self.vpc = self.call("CreateVpc", CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        gateway = self.call("CreateInternetGateway")["InternetGateway"]["InternetGatewayId"]
        self.call("AttachInternetGateway", InternetGatewayId=gateway, VpcId=self.vpc)
        self.subnets = [
            self.call("CreateSubnet", VpcId=self.vpc, CidrBlock=prefix)["Subnet"]["SubnetId"]
            for prefix in SUBNETS
        ]
        value = {"Value": True}
        self.call("ModifySubnetAttribute", SubnetId=self.subnets[0], MapPublicIpOnLaunch=value)

    def call(self, operation: str, **request: Any) -> Any:
        """Call an operation, which may wait."""
        handler = self.service.operations.get(operation)
        answer = handler(self.service, Call(ACCOUNT, "us-west-2", "r"), request)
        return answer if isinstance(answer, dict) else self.region.run(answer)

    def known(self, operation: str, many: str, name: str) -> list[str]:
        return [one[name] for one in self.call(operation)[many]]

    def step(self, step: str, number: int) -> None:
        """Do something to what a number picks, if there is any such thing."""
        subnet = self.subnets[number % 2]
        instances = [
            one["InstanceId"]
            for reservation in self.call("DescribeInstances")["Reservations"]
            for one in reservation["Instances"]
        ]
        interfaces = self.known(
            "DescribeNetworkInterfaces", "NetworkInterfaces", "NetworkInterfaceId"
        )
        elastic = self.known("DescribeAddresses", "Addresses", "AllocationId")
        mapped = [
            one["AssociationId"]
            for one in self.call("DescribeAddresses")["Addresses"]
            if "AssociationId" in one
        ]
        nats = self.known("DescribeNatGateways", "NatGateways", "NatGatewayId")

        def one_of(things: list[str]) -> str:
            return things[number % len(things)] if things else "none-1"

        image = {"ImageId": "ami-12345678", "MinCount": 1, "MaxCount": 1 + number % 3}
        requests: dict[str, tuple[str, dict[str, Any]]] = {
            "launch": ("RunInstances", image | {"SubnetId": subnet}),
            "stop": ("StopInstances", {"InstanceIds": [one_of(instances)]}),
            "start": ("StartInstances", {"InstanceIds": [one_of(instances)]}),
            "terminate": ("TerminateInstances", {"InstanceIds": [one_of(instances)]}),
            "make": ("CreateNetworkInterface", {"SubnetId": subnet}),
            "delete": ("DeleteNetworkInterface", {"NetworkInterfaceId": one_of(interfaces)}),
            "assign": (
                "AssignPrivateIpAddresses",
                {
                    "NetworkInterfaceId": one_of(interfaces),
                    "PrivateIpAddresses": [f"10.0.{number % 2}.{number % 16}"],
                    "AllowReassignment": True,
                },
            ),
            "allocate": ("AllocateAddress", {}),
            "map": (
                "AssociateAddress",
                {"AllocationId": one_of(elastic), "NetworkInterfaceId": one_of(interfaces)},
            ),
            "unmap": ("DisassociateAddress", {"AssociationId": one_of(mapped)}),
            "release": ("ReleaseAddress", {"AllocationId": one_of(elastic)}),
            "translate": (
                "CreateNatGateway",
                {"SubnetId": subnet, "AllocationId": one_of(elastic)},
            ),
            "untranslate": ("DeleteNatGateway", {"NatGatewayId": one_of(nats)}),
        }
        operation, request = requests[step]
        self.call(operation, **request)

    def assert_sound(self) -> None:
        """What must hold after every step."""
        interfaces = self.call("DescribeNetworkInterfaces")["NetworkInterfaces"]
        private = [a for one in interfaces for a in one["PrivateIpAddresses"]]
        used = Counter(one["PrivateIpAddress"] for one in private)
        assert not [address for address, times in used.items() if times > 1]
        public = [one["Association"] for one in private if "Association" in one]
        elastic = self.call("DescribeAddresses")["Addresses"]
        lent = [one["PublicIp"] for one in public if "AllocationId" not in one]
        all_public = lent + [one["PublicIp"] for one in elastic]
        assert len({*all_public}) == len(all_public)
        told = {one["AllocationId"]: one.get("AssociationId") for one in elastic}
        assert {
            one["AllocationId"]: one["AssociationId"] for one in public if "AllocationId" in one
        } == {name: association for name, association in told.items() if association}
        for subnet in self.call("DescribeSubnets", SubnetIds=self.subnets)["Subnets"]:
            network = IPv4Network(subnet["CidrBlock"])
            inside = [one for one in used if one in map(str, network)]
            assert subnet["AvailableIpAddressCount"] == 16 - 5 - len(inside)
        attached = Counter(
            one["Attachment"]["InstanceId"]
            for one in interfaces
            if "InstanceId" in one.get("Attachment", {})
        )
        for reservation in self.call("DescribeInstances")["Reservations"]:
            for one in reservation["Instances"]:
                there = one["State"]["Name"] != "terminated"
                assert attached[one["InstanceId"]] == there
                is_stopped = one["State"]["Name"] == "stopped"
                owners = [
                    address["Association"]["IpOwnerId"]
                    for interface in one["NetworkInterfaces"]
                    for address in interface["PrivateIpAddresses"]
                    if "Association" in address
                ]
                assert not (is_stopped and "amazon" in owners)


@settings(max_examples=15, deadline=None)
@given(
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 63)), min_size=10, max_size=25)
)
def test_no_address_is_anybody_elses_too(steps: list[tuple[str, int]]) -> None:
    region = Region()
    try:
        world = World(region)
        for step, number in steps:
            with suppress(ServiceError):
                world.step(step, number)
            world.assert_sound()
    finally:
        region.close()
