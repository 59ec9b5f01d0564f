"""Instances launched, stopped, started and terminated by boto3: places, without machines."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.regional.ec2.instancetypes import architecture, check_room, check_type
from antipodes.service.contract import ServiceError, Settings
from antipodes.wire import models
from tests.regional.ec2.worlds import named, refusal, tagged
from tests.regional.elbv2.hosts import ACCOUNT, Region

IMAGE = {"ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 1}


@pytest.fixture
def subnet(ec2: Any) -> str:
    """A subnet 10.0.0.0/24 of a VPC of its own."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone="us-west-2a")
    name: str = made["Subnet"]["SubnetId"]
    return name


def launch(ec2: Any, **more: Any) -> dict[str, Any]:
    instance: dict[str, Any] = ec2.run_instances(**IMAGE | more)["Instances"][0]
    return instance


def shown(ec2: Any, name: str) -> dict[str, Any]:
    [found] = ec2.describe_instances(InstanceIds=[name])["Reservations"]
    [instance] = found["Instances"]
    one: dict[str, Any] = instance
    return one


def state(ec2: Any, name: str) -> str:
    text: str = shown(ec2, name)["State"]["Name"]
    return text


def test_an_instance_is_a_place_and_is_there_after_a_restart(region: Region) -> None:
    ec2 = region.client("ec2")
    tags = [*tagged("instance", Name="one"), *tagged("network-interface", of="one")]
    answer = ec2.run_instances(**IMAGE, InstanceType="m6g.large", TagSpecifications=tags)
    [made] = answer["Instances"]
    assert made["State"] == {"Name": "pending", "Code": 0}
    assert (answer["OwnerId"], answer["Groups"]) == (ACCOUNT, [])
    assert (made["InstanceType"], made["Architecture"]) == ("m6g.large", "arm64")
    region.restart()
    ec2 = region.client("ec2")
    name = made["InstanceId"]
    found = shown(ec2, name)
    assert found == made | {"State": {"Name": "running", "Code": 16}}
    assert found["Tags"] == [{"Key": "Name", "Value": "one"}]
    [interface] = ec2.describe_network_interfaces(Filters=named("attachment.instance-id", name))[
        "NetworkInterfaces"
    ]
    assert interface["TagSet"] == [{"Key": "of", "Value": "one"}]
    assert interface["Attachment"]["DeleteOnTermination"]
    assert found["PrivateIpAddress"] == interface["PrivateIpAddress"]
    dashed = found["PrivateIpAddress"].replace(".", "-")
    assert found["PrivateDnsName"] == f"ip-{dashed}.us-west-2.compute.internal"
    assert found["SourceDestCheck"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[name])
    ec2.get_waiter("instance_status_ok").wait(InstanceIds=[name])


def test_nobody_is_told_that_a_machine_runs(ec2: Any) -> None:
    made = launch(ec2)
    assert "No machine is started" in made["StateReason"]["Message"]
    told = ec2.get_console_output(InstanceId=made["InstanceId"])
    assert "No machine is started" in told["Output"]
    code = refusal(ec2.get_console_output, InstanceId="i-1")
    assert code == "InvalidInstanceID.NotFound"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"ImageId": ""}, "MissingParameter"),
        ({"ImageId": "debian"}, "InvalidAMIID.Malformed"),
        ({"MinCount": 0}, "InvalidParameterValue"),
        ({"MinCount": 2}, "InvalidParameterValue"),
        ({"InstanceType": "huge"}, "InvalidParameterValue"),
        ({"SubnetId": "subnet-1"}, "InvalidSubnetID.NotFound"),
        ({"SecurityGroupIds": ["sg-1"]}, "InvalidGroup.NotFound"),
        ({"SecurityGroups": ["web"]}, "InvalidGroup.NotFound"),
        ({"PrivateIpAddress": "10.0.0.9"}, "InvalidParameterValue"),
        ({"PrivateIpAddress": "172.31.0.9", "MaxCount": 2}, "InvalidParameterCombination"),
        ({"Placement": {"AvailabilityZone": "mars-1a"}}, "InvalidParameterValue"),
        ({"Placement": {"Tenancy": "host"}}, "UnsupportedOperation"),
        ({"Placement": {"GroupName": "near"}}, "UnsupportedOperation"),
        ({"IamInstanceProfile": {"Name": "role"}}, "UnsupportedOperation"),
        ({"BlockDeviceMappings": [{"DeviceName": "/dev/xvda"}]}, "UnsupportedOperation"),
        ({"Monitoring": {"Enabled": True}}, "UnsupportedOperation"),
        ({"InstanceInitiatedShutdownBehavior": "terminate"}, "UnsupportedOperation"),
        ({"UserData": "x" * 20000}, "InvalidUserData.Malformed"),
        ({"TagSpecifications": tagged("volume", a="b")}, "InvalidParameterValue"),
        ({"NetworkInterfaces": [{"Description": "x"}]}, "InvalidParameterValue"),
        ({"NetworkInterfaces": [{"DeviceIndex": 1}]}, "InvalidParameterValue"),
        (
            {"NetworkInterfaces": [{"DeviceIndex": 0}, {"DeviceIndex": 0}]},
            "InvalidParameterValue",
        ),
        (
            {
                "NetworkInterfaces": [
                    {"DeviceIndex": 0, "AssociatePublicIpAddress": True},
                    {"DeviceIndex": 1},
                ]
            },
            "InvalidParameterCombination",
        ),
        (
            {"NetworkInterfaces": [{"DeviceIndex": 0}], "SecurityGroupIds": ["sg-1"]},
            "InvalidParameterCombination",
        ),
        (
            {"NetworkInterfaces": [{"DeviceIndex": number} for number in range(4)]},
            "AttachmentLimitExceeded",
        ),
        (
            {"NetworkInterfaces": [{"DeviceIndex": 0, "NetworkInterfaceId": "eni-1"}]},
            "InvalidNetworkInterfaceID.NotFound",
        ),
        (
            {"NetworkInterfaces": [{"DeviceIndex": 0, "InterfaceType": "efa"}]},
            "UnsupportedOperation",
        ),
        ({"DryRun": True}, "DryRunOperation"),
    ],
)
def test_an_instance_that_cannot_be(still: Any, request_: dict[str, Any], code: str) -> None:
    request = {name: value for name, value in (IMAGE | request_).items() if value != ""}
    assert refusal(still.run_instances, **request) == code
    assert still.describe_instances()["Reservations"] == []
    assert still.describe_network_interfaces()["NetworkInterfaces"] == []


def test_as_many_are_made_as_there_is_room_for(ec2: Any) -> None:
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/28")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/28")["Subnet"]["SubnetId"]
    many = IMAGE | {"SubnetId": subnet, "MaxCount": 20}
    code = refusal(ec2.run_instances, **many | {"MinCount": 12})
    assert code == "InsufficientFreeAddressesInSubnet"
    made = ec2.run_instances(**many | {"MinCount": 5})
    assert [one["AmiLaunchIndex"] for one in made["Instances"]] == list(range(11))
    assert len({one["PrivateIpAddress"] for one in made["Instances"]}) == 11
    [told] = ec2.describe_instances(Filters=named("reservation-id", made["ReservationId"]))[
        "Reservations"
    ]
    ids = [one["InstanceId"] for one in made["Instances"]]
    assert [one["InstanceId"] for one in told["Instances"]] == ids


def test_a_default_subnet_is_of_the_zone_asked_for(ec2: Any) -> None:
    placement = {"AvailabilityZone": "us-west-2c"}
    made = launch(ec2, Placement=placement, SecurityGroups=["default"])
    assert made["Placement"]["AvailabilityZone"] == "us-west-2c"
    assert [group["GroupName"] for group in made["SecurityGroups"]] == ["default"]
    other = ec2.describe_subnets(Filters=named("availability-zone", "us-west-2a"))["Subnets"][0]
    code = refusal(ec2.run_instances, **IMAGE, Placement=placement, SubnetId=other["SubnetId"])
    assert code == "InvalidParameterValue"


def test_without_a_default_network_a_subnet_is_asked_for(ec2: Any, subnet: str) -> None:
    [vpc] = ec2.describe_vpcs(Filters=named("is-default", "true"))["Vpcs"]
    for one in ec2.describe_subnets(Filters=named("vpc-id", vpc["VpcId"]))["Subnets"]:
        ec2.delete_subnet(SubnetId=one["SubnetId"])
    assert refusal(ec2.run_instances, **IMAGE) == "MissingInput"
    code = refusal(ec2.run_instances, **IMAGE, SubnetId=subnet, SecurityGroups=["default"])
    assert code == "InvalidParameterCombination"
    [gateway] = ec2.describe_internet_gateways()["InternetGateways"]
    name = gateway["InternetGatewayId"]
    ec2.detach_internet_gateway(InternetGatewayId=name, VpcId=vpc["VpcId"])
    ec2.delete_vpc(VpcId=vpc["VpcId"])
    assert refusal(ec2.run_instances, **IMAGE) == "VPCIdNotSpecified"


def test_a_launch_sent_again_finds_its_instances(ec2: Any) -> None:
    first = launch(ec2, ClientToken="again")
    again = launch(ec2, ClientToken="again")
    assert again["InstanceId"] == first["InstanceId"]
    assert again["ClientToken"] == "again"
    code = refusal(ec2.run_instances, **IMAGE | {"MaxCount": 2}, ClientToken="again")
    assert code == "IdempotentParameterMismatch"
    code = refusal(ec2.run_instances, **IMAGE, ClientToken="a" * 65)
    assert code == "InvalidParameterValue"
    assert launch(ec2)["InstanceId"] != first["InstanceId"]


def test_an_instance_with_several_interfaces(ec2: Any, subnet: str) -> None:
    there = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
    name = there["NetworkInterfaceId"]
    slots = [
        {"DeviceIndex": 1, "NetworkInterfaceId": name},
        {
            "DeviceIndex": 0,
            "SubnetId": subnet,
            "PrivateIpAddresses": [
                {"PrivateIpAddress": "10.0.0.20", "Primary": True},
                {"PrivateIpAddress": "10.0.0.21"},
            ],
            "Description": "first",
        },
    ]
    made = launch(ec2, NetworkInterfaces=slots)
    first, second = made["NetworkInterfaces"]
    assert (made["PrivateIpAddress"], first["Description"]) == ("10.0.0.20", "first")
    assert [one["PrivateIpAddress"] for one in first["PrivateIpAddresses"]] == [
        "10.0.0.20",
        "10.0.0.21",
    ]
    assert second["NetworkInterfaceId"] == name
    assert "PublicIpAddress" not in made
    code = refusal(ec2.run_instances, **IMAGE, NetworkInterfaces=slots)
    assert code == "InvalidNetworkInterface.InUse"
    code = refusal(ec2.run_instances, **IMAGE | {"MaxCount": 2}, NetworkInterfaces=slots[1:])
    assert code == "InvalidParameterCombination"
    instance = made["InstanceId"]
    check = {"SourceDestCheck": {"Value": False}}
    assert refusal(ec2.modify_instance_attribute, InstanceId=instance, **check) == (
        "InvalidInstanceID"
    )
    allocation = ec2.allocate_address()["AllocationId"]
    code = refusal(ec2.associate_address, AllocationId=allocation, InstanceId=instance)
    assert code == "InvalidInstanceID"
    ec2.terminate_instances(InstanceIds=[instance])
    [left] = ec2.describe_network_interfaces()["NetworkInterfaces"]
    assert (left["NetworkInterfaceId"], left["Status"]) == (name, "available")


def test_a_public_address_may_be_asked_for_or_declined(ec2: Any) -> None:
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    slot = {"DeviceIndex": 0, "SubnetId": subnet, "AssociatePublicIpAddress": False}
    assert "PublicIpAddress" not in launch(ec2, NetworkInterfaces=[slot])
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": False})
    assert "PublicIpAddress" not in launch(ec2, SubnetId=subnet)
    wanted = slot | {"AssociatePublicIpAddress": True}
    assert "PublicIpAddress" in launch(ec2, NetworkInterfaces=[wanted])


def test_the_life_of_an_instance(region: Region) -> None:
    ec2 = region.client("ec2")
    name = launch(ec2)["InstanceId"]
    several = {"InstanceIds": [name]}
    assert refusal(ec2.stop_instances, **several, DryRun=True) == "DryRunOperation"
    [told] = ec2.stop_instances(**several)["StoppingInstances"]
    assert (told["PreviousState"]["Name"], told["CurrentState"]["Name"]) == (
        "running",
        "stopping",
    )
    region.restart()
    ec2 = region.client("ec2")
    assert state(ec2, name) == "stopped"
    assert "User initiated" in shown(ec2, name)["StateTransitionReason"]
    assert refusal(ec2.reboot_instances, **several) == "IncorrectInstanceState"
    assert ec2.describe_instance_status()["InstanceStatuses"] == []
    [status] = ec2.describe_instance_status(IncludeAllInstances=True)["InstanceStatuses"]
    assert status["InstanceStatus"]["Status"] == "not-applicable"
    region.wait(60.0)
    started = shown(ec2, name)["LaunchTime"]
    assert refusal(ec2.start_instances, **several, DryRun=True) == "DryRunOperation"
    [told] = ec2.start_instances(**several)["StartingInstances"]
    assert (told["PreviousState"]["Name"], told["CurrentState"]["Name"]) == ("stopped", "pending")
    assert state(ec2, name) == "running"
    assert (shown(ec2, name)["LaunchTime"] - started).total_seconds() >= 60.0
    [told] = ec2.start_instances(**several)["StartingInstances"]
    assert told["CurrentState"]["Name"] == "running"
    assert refusal(ec2.reboot_instances, **several, DryRun=True) == "DryRunOperation"
    ec2.reboot_instances(**several)
    assert refusal(ec2.terminate_instances, **several, DryRun=True) == "DryRunOperation"
    [told] = ec2.terminate_instances(**several)["TerminatingInstances"]
    assert told["CurrentState"] == {"Name": "shutting-down", "Code": 32}
    gone = shown(ec2, name)
    assert (gone["State"]["Name"], gone["NetworkInterfaces"]) == ("terminated", [])
    assert "VpcId" not in gone
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    [told] = ec2.terminate_instances(**several)["TerminatingInstances"]
    assert told["CurrentState"]["Name"] == "terminated"
    for operation in (ec2.start_instances, ec2.stop_instances, ec2.reboot_instances):
        assert refusal(operation, **several) == "IncorrectInstanceState"
    ec2.get_waiter("instance_terminated").wait(**several)


def test_what_is_terminated_is_seen_for_an_hour(region: Region) -> None:
    ec2 = region.client("ec2")
    name = launch(ec2, TagSpecifications=tagged("instance", a="b"))["InstanceId"]
    ec2.terminate_instances(InstanceIds=[name])
    region.wait(3599.0)
    assert state(ec2, name) == "terminated"
    region.wait(2.0)
    assert ec2.describe_instances()["Reservations"] == []
    code = refusal(ec2.describe_instances, InstanceIds=[name])
    assert code == "InvalidInstanceID.NotFound"
    code = refusal(ec2.terminate_instances, InstanceIds=[name])
    assert code == "InvalidInstanceID.NotFound"
    launch(ec2)
    assert ec2.describe_tags()["Tags"] == []


def test_where_changes_take_a_while_states_are_passed_through() -> None:
    region = Region(settings=Settings(account=ACCOUNT, control_plane_delay_s=30.0))
    ec2 = region.client("ec2")
    name = launch(ec2)["InstanceId"]
    several = {"InstanceIds": [name]}
    assert state(ec2, name) == "pending"
    [status] = ec2.describe_instance_status(IncludeAllInstances=True)["InstanceStatuses"]
    assert status["InstanceStatus"]["Status"] == "initializing"
    assert refusal(ec2.stop_instances, **several) == "IncorrectInstanceState"
    region.wait(31.0)
    assert state(ec2, name) == "running"
    ec2.stop_instances(**several)
    assert state(ec2, name) == "stopping"
    assert refusal(ec2.start_instances, **several) == "IncorrectInstanceState"
    region.wait(31.0)
    assert state(ec2, name) == "stopped"
    ec2.terminate_instances(**several)
    assert state(ec2, name) == "shutting-down"
    region.wait(31.0)
    assert state(ec2, name) == "terminated"
    region.close()


def test_one_that_is_not_there_keeps_all_from_changing(ec2: Any) -> None:
    name = launch(ec2)["InstanceId"]
    for operation in (ec2.stop_instances, ec2.terminate_instances, ec2.start_instances):
        code = refusal(operation, InstanceIds=[name, "i-1"])
        assert code == "InvalidInstanceID.NotFound"
    assert state(ec2, name) == "running"
    assert refusal(ec2.stop_instances, InstanceIds=[name], Hibernate=True) == "UnsupportedOperation"


def test_an_instance_may_be_kept_from_ending(ec2: Any) -> None:
    made = launch(ec2, DisableApiTermination=True, DisableApiStop=True)
    name = made["InstanceId"]
    other = launch(ec2)["InstanceId"]
    code = refusal(ec2.terminate_instances, InstanceIds=[other, name])
    assert code == "OperationNotPermitted"
    assert refusal(ec2.stop_instances, InstanceIds=[name]) == "OperationNotPermitted"
    assert state(ec2, other) == "running"
    modify = ec2.modify_instance_attribute
    modify(InstanceId=name, DisableApiTermination={"Value": False})
    modify(InstanceId=name, Attribute="disableApiStop", Value="false")
    ec2.stop_instances(InstanceIds=[name])
    ec2.terminate_instances(InstanceIds=[name])


def test_attributes_of_an_instance(ec2: Any, subnet: str) -> None:
    data = base64.b64encode(b"#!/bin/sh").decode()
    name = launch(ec2, SubnetId=subnet, UserData="#!/bin/sh", KeyName="mine")["InstanceId"]

    def attribute(asked: str, member: str) -> Any:
        told = ec2.describe_instance_attribute(InstanceId=name, Attribute=asked)
        return told[member]

    def modify(**more: Any) -> None:
        ec2.modify_instance_attribute(InstanceId=name, **more)

    assert attribute("userData", "UserData") == {"Value": data}
    assert attribute("disableApiTermination", "DisableApiTermination") == {"Value": False}
    assert attribute("instanceInitiatedShutdownBehavior", "InstanceInitiatedShutdownBehavior") == {
        "Value": "stop"
    }
    assert shown(ec2, name)["KeyName"] == "mine"
    modify(SourceDestCheck={"Value": False})
    assert attribute("sourceDestCheck", "SourceDestCheck") == {"Value": False}
    assert not shown(ec2, name)["SourceDestCheck"]
    vpc = shown(ec2, name)["VpcId"]
    web = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
    modify(Groups=[web])
    assert attribute("groupSet", "Groups") == [{"GroupId": web, "GroupName": "web"}]
    modified = ec2.modify_instance_attribute
    asked = {"InstanceId": name}
    larger = {"InstanceType": {"Value": "c5.large"}}
    assert refusal(modified, **asked, **larger) == "IncorrectInstanceState"
    ec2.stop_instances(InstanceIds=[name])
    assert refusal(modified, **asked, **larger, DryRun=True) == "DryRunOperation"
    modify(**larger)
    assert attribute("instanceType", "InstanceType") == {"Value": "c5.large"}
    assert refusal(modified, **asked, InstanceType={"Value": "x"}) == "InvalidParameterValue"
    assert refusal(modified, **asked) == "MissingParameter"
    both = {"Groups": [web], "SourceDestCheck": {"Value": True}}
    assert refusal(modified, **asked, **both) == "InvalidParameterCombination"
    assert refusal(modified, **asked, Groups=["sg-1"]) == "InvalidGroup.NotFound"
    assert refusal(modified, **asked, EbsOptimized={"Value": True}) == "UnsupportedOperation"
    code = refusal(modified, **asked, Attribute="kernel", Value="x")
    assert code == "UnsupportedOperation"
    code = refusal(modified, **asked, Attribute="sourceDestCheck", Value="perhaps")
    assert code == "InvalidParameterValue"
    described = ec2.describe_instance_attribute
    assert refusal(described, **asked, Attribute="kernel") == "UnsupportedOperation"
    assert refusal(described, **asked, Attribute="userData", DryRun=True) == "DryRunOperation"
    ec2.terminate_instances(InstanceIds=[name])
    code = refusal(modified, **asked, Groups=[web])
    assert code == "IncorrectInstanceState"
    code = refusal(described, **asked, Attribute="groupSet")
    assert code == "IncorrectInstanceState"


def test_pages_and_filters_of_instances(ec2: Any, subnet: str) -> None:
    first = ec2.run_instances(**IMAGE | {"MaxCount": 6}, SubnetId=subnet)
    ids = [one["InstanceId"] for one in first["Instances"]]
    assert refusal(ec2.describe_instances, MaxResults=1) == "InvalidParameterValue"
    code = refusal(ec2.describe_instances, MaxResults=5, InstanceIds=ids[:1])
    assert code == "InvalidParameterCombination"
    pages = ec2.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 5})
    told = [
        [one["InstanceId"] for r in page["Reservations"] for one in r["Instances"]]
        for page in pages
    ]
    assert told == [ids[:5], ids[5:]]
    ec2.stop_instances(InstanceIds=ids[:2])

    def found(name: str, *values: str) -> list[str]:
        answer = ec2.describe_instances(Filters=named(name, *values))
        return [one["InstanceId"] for r in answer["Reservations"] for one in r["Instances"]]

    assert found("instance-state-name", "stopped") == ids[:2]
    assert found("instance-state-code", "16") == ids[2:]
    assert found("private-ip-address", "10.0.0.4") == ids[:1]
    assert found("network-interface.addresses.private-ip-address", "10.0.0.5") == ids[1:2]
    assert found("subnet-id", subnet) == ids
    assert found("launch-index", "3") == ids[3:4]
    assert refusal(ec2.describe_instances, Filters=named("x", "y")) == "InvalidParameterValue"
    told = ec2.describe_instance_status(Filters=named("instance-status.status", "ok"))
    assert [one["InstanceId"] for one in told["InstanceStatuses"]] == sorted(ids[2:], key=ids.index)


def test_an_instance_is_a_target_of_a_load_balancer(region: Region) -> None:
    ec2 = region.client("ec2")
    made = launch(ec2)
    elbv2 = region.client("elbv2")
    group = elbv2.create_target_group(
        Name="g", Protocol="TCP", Port=80, VpcId=made["VpcId"], TargetType="instance"
    )["TargetGroups"][0]["TargetGroupArn"]
    elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": made["InstanceId"]}])
    [told] = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    assert told["Target"]["Id"] == made["InstanceId"]
    ec2.stop_instances(InstanceIds=[made["InstanceId"]])
    other = {"TargetGroupArn": group, "Targets": [{"Id": launch(ec2)["InstanceId"], "Port": 81}]}
    elbv2.register_targets(**other)
    stopped = {"TargetGroupArn": group, "Targets": [{"Id": made["InstanceId"], "Port": 81}]}
    assert refusal(elbv2.register_targets, **stopped) == "InvalidTarget"


def test_whatever_has_an_id_can_be_tagged(ec2: Any, subnet: str) -> None:
    made = launch(ec2, SubnetId=subnet)
    interface = made["NetworkInterfaces"][0]["NetworkInterfaceId"]
    answer = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")
    names = [made["InstanceId"], interface, answer["NatGateway"]["NatGatewayId"]]
    ec2.create_tags(Resources=names, Tags=[{"Key": "k", "Value": "v"}])
    told = ec2.describe_tags(Filters=named("key", "k"))["Tags"]
    assert {one["ResourceId"]: one["ResourceType"] for one in told} == dict(
        zip(names, ("instance", "network-interface", "natgateway"), strict=True)
    )
    ec2.terminate_instances(InstanceIds=names[:1])
    told = ec2.describe_tags(Filters=named("key", "k"))["Tags"]
    assert [one["ResourceId"] for one in told] == [names[0], names[2]]


def test_every_type_of_aws_is_of_its_form() -> None:
    names = models.service("ec2").shape("InstanceType").enum
    assert tuple(check_type(name) for name in names) == names
    assert len(names) > 1000
    for name in ("t4g.nano", "c6gn.large", "im4gn.large", "a1.metal", "hpc7g.4xlarge"):
        assert architecture(name) == "arm64", name
    for name in ("g4dn.xlarge", "m5.large", "t3.micro", "u-6tb1.metal", "mac1.metal"):
        assert architecture(name) == "x86_64", name


@given(st.text("abm5.-xlarge0", max_size=12))
def test_a_name_is_a_type_or_refused(name: str) -> None:
    family, dot, size = name.partition(".")
    could_be = bool(family and dot and size) and "." not in size
    if not could_be or not family[0].isalpha():
        with pytest.raises(ServiceError):
            check_type(name)
    elif family.isalnum() and size in {"large", "xlarge", "5xlarge"}:
        check_room(check_type(name), [1])
