"""The default network, asked by boto3."""

from ipaddress import IPv4Network
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from antipodes.regional.ec2 import filters
from antipodes.regional.ec2.elastic import ElasticAddresses
from antipodes.regional.ec2.estate import Estate
from antipodes.service.contract import ServiceError
from antipodes.world.addresses import checker_address
from antipodes.world.atlas import load_atlas
from tests.regional.ec2.worlds import named, refusal
from tests.regional.elbv2.hosts import Region


def test_regions_are_those_of_the_world(region: Region) -> None:
    ec2 = region.client("ec2")
    told = ec2.describe_regions()["Regions"]
    assert [one["RegionName"] for one in told] == ["us-west-2", "eu-central-1"]
    assert told[0]["Endpoint"] == "ec2.us-west-2.amazonaws.com"
    [one] = ec2.describe_regions(Filters=named("region-name", "eu-*"))["Regions"]
    assert one["RegionName"] == "eu-central-1"
    assert refusal(ec2.describe_regions, RegionNames=["mars-1"]) == "InvalidParameterValue"


def test_zones_are_those_of_the_atlas(region: Region) -> None:
    ec2 = region.client("ec2")
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    expected = [(zone.name, zone.id) for zone in load_atlas().region("us-west-2").zones]
    assert [(zone["ZoneName"], zone["ZoneId"]) for zone in zones] == expected
    [one] = ec2.describe_availability_zones(ZoneNames=["us-west-2b"])["AvailabilityZones"]
    assert one["ZoneName"] == "us-west-2b"


def test_the_default_network_has_a_subnet_in_each_zone(region: Region) -> None:
    ec2 = region.client("ec2")
    [vpc] = ec2.describe_vpcs(Filters=named("is-default", "true"))["Vpcs"]
    assert (vpc["CidrBlock"], vpc["IsDefault"]) == ("172.31.0.0/16", True)
    assert ec2.describe_vpcs(Filters=named("isDefault", "false"))["Vpcs"] == []
    subnets = ec2.describe_subnets(Filters=named("vpc-id", vpc["VpcId"]))["Subnets"]
    defaults = ec2.describe_subnets(Filters=named("default-for-az", "true"))["Subnets"]
    assert subnets == defaults
    zones = [subnet["AvailabilityZone"] for subnet in subnets]
    assert zones == ["us-west-2a", "us-west-2b", "us-west-2c", "us-west-2d"]
    networks = [IPv4Network(subnet["CidrBlock"]) for subnet in subnets]
    assert all(network.subnet_of(IPv4Network("172.31.0.0/16")) for network in networks)
    assert not any(a.overlaps(b) for a in networks for b in networks if a is not b)
    names = ["default", "other"]
    [group] = ec2.describe_security_groups(Filters=named("group-name", *names))["SecurityGroups"]
    assert group["VpcId"] == vpc["VpcId"]


def test_each_account_has_its_own_and_the_same_after_a_restart(region: Region) -> None:
    def vpc(account: str) -> str:
        return str(region.client("ec2", account=account).describe_vpcs()["Vpcs"][0]["VpcId"])

    first, second = vpc("111111111111"), vpc("222222222222")
    assert first != second
    region.restart()
    assert vpc("111111111111") == first


def test_a_filter_that_is_not_known_is_refused_by_name(region: Region) -> None:
    ec2 = region.client("ec2")
    with pytest.raises(ClientError, match="'outpost-arn' is invalid"):
        ec2.describe_subnets(Filters=named("outpost-arn", "true"))
    assert ec2.describe_subnets(Filters=named("tag:Name", "a"))["Subnets"] == []


@pytest.mark.parametrize(
    ("operation", "member", "value", "code"),
    [
        ("describe_vpcs", "VpcIds", "vpc-1", "InvalidVpcID.NotFound"),
        ("describe_subnets", "SubnetIds", "subnet-1", "InvalidSubnetID.NotFound"),
        ("describe_security_groups", "GroupIds", "sg-1", "InvalidGroup.NotFound"),
        ("describe_security_groups", "GroupNames", "web", "InvalidGroup.NotFound"),
    ],
)
def test_what_is_not_there(
    region: Region, operation: str, member: str, value: str, code: str
) -> None:
    assert refusal(getattr(region.client("ec2"), operation), **{member: [value]}) == code


def test_a_dry_run_and_a_bad_page_are_refused(region: Region) -> None:
    ec2 = region.client("ec2")
    assert refusal(ec2.describe_vpcs, DryRun=True) == "DryRunOperation"
    assert refusal(ec2.describe_vpcs, NextToken="x") == "InvalidParameterValue"


@given(st.text("ab*?\\", max_size=8))
def test_a_value_matches_itself_once_its_wildcards_are_quoted(text: str) -> None:
    quoted = "".join(f"\\{c}" if c in "*?\\" else c for c in text)
    thing = {"RegionName": text}
    wanted = [{"Name": "region-name", "Values": [quoted]}]
    assert filters.filtered([thing], wanted, filters.REGION_FILTERS) == [thing]
    other = {"RegionName": text + "c"}
    assert filters.filtered([other], wanted, filters.REGION_FILTERS) == []
    open_ended = [{"Name": "region-name", "Values": [quoted + "?"]}]
    assert filters.filtered([other], open_ended, filters.REGION_FILTERS) == [other]


def test_elastic_addresses_are_had_described_and_given_back(region: Region) -> None:
    ec2 = region.client("ec2")
    tags = [{"ResourceType": "elastic-ip", "Tags": [{"Key": "use", "Value": "desk"}]}]
    made = [ec2.allocate_address(TagSpecifications=tags) for _ in range(5)]
    assert refusal(ec2.allocate_address) == "AddressLimitExceeded"
    found = ec2.describe_addresses(Filters=named("tag:use", "desk"))["Addresses"]
    assert {one["PublicIp"] for one in found} == {one["PublicIp"] for one in made}
    assert len({one["PublicIp"] for one in found}) == 5
    first = made[0]["AllocationId"]
    [one] = ec2.describe_addresses(AllocationIds=[first])["Addresses"]
    assert (one["PublicIp"], one["Domain"]) == (made[0]["PublicIp"], "vpc")
    ec2.release_address(AllocationId=first)
    code = refusal(ec2.describe_addresses, AllocationIds=[first])
    assert code == "InvalidAllocationID.NotFound"
    assert refusal(ec2.release_address, AllocationId=first) == "InvalidAllocationID.NotFound"
    assert ec2.allocate_address()["PublicIp"] == made[0]["PublicIp"]


@pytest.mark.parametrize(
    "specification",
    [
        {"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "1"}]},
        {"ResourceType": "elastic-ip", "Tags": [{"Key": "aws:a", "Value": "1"}]},
        {"ResourceType": "elastic-ip", "Tags": [{"Key": "a"}, {"Key": "a"}]},
        {"ResourceType": "elastic-ip", "Tags": [{"Value": "1"}]},
    ],
)
def test_an_elastic_address_is_not_had_with_tags_that_are_none(
    region: Region, specification: dict[str, Any]
) -> None:
    ec2 = region.client("ec2")
    code = refusal(ec2.allocate_address, TagSpecifications=[specification])
    assert code == "InvalidParameterValue"
    assert ec2.describe_addresses()["Addresses"] == []


def test_tags_and_their_values_may_be_left_out(region: Region) -> None:
    ec2 = region.client("ec2")
    ec2.allocate_address(TagSpecifications=[{"ResourceType": "elastic-ip"}])
    tags = [{"ResourceType": "elastic-ip", "Tags": [{"Key": "a"}]}]
    ec2.allocate_address(TagSpecifications=tags)
    [one] = ec2.describe_addresses(Filters=named("tag-key", "a"))["Addresses"]
    assert one["Tags"] == [{"Key": "a", "Value": ""}]


def test_a_region_runs_out_of_addresses_before_it_hands_out_its_health_checkers(
    region: Region,
) -> None:
    addresses = ElasticAddresses(Estate(region.host))
    had = [addresses.allocate(f"{number // 5:012}", {})["PublicIp"] for number in range(53)]
    with pytest.raises(ServiceError, match="has 1 to 53") as caught:
        addresses.allocate("999999999999", {})
    assert caught.value.code == "InsufficientAddressCapacity"
    theirs = [checker_address(region.host.place, n) for n in (1, 2)]
    assert len({*had, *theirs}) == 53 + 2


def test_addresses_from_elsewhere_are_refused_by_name(region: Region) -> None:
    ec2 = region.client("ec2")
    for more in ({"Address": "203.0.113.7"}, {"PublicIpv4Pool": "p"}, {"Domain": "standard"}):
        assert refusal(ec2.allocate_address, **more) == "UnsupportedOperation"
    assert refusal(ec2.release_address, PublicIp="203.0.113.7") == "MissingParameter"
    assert ec2.describe_addresses()["Addresses"] == []
