"""Groups by tags, asked by boto3, over what EC2 has."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from antipodes.regional.resourcegroups.api import ResourceGroups
from tests.regional.ec2.worlds import refusal, tagged
from tests.regional.elbv2.hosts import ACCOUNT, REGION, Region

ARN = f"arn:aws:resource-groups:{REGION}:{ACCOUNT}:group"
ALL = "AWS::AllSupported"
INVALID = "BadRequestException"


class Grouped(Region):
    kinds = (*Region.kinds, ResourceGroups)


@pytest.fixture
def region() -> Iterator[Grouped]:
    region = Grouped()
    yield region
    region.close()


@pytest.fixture
def groups(region: Grouped) -> Any:
    return region.client("resource-groups")


def query(*types: str, **tags: list[str]) -> dict[str, str]:
    filters = [{"Key": key, "Values": values} for key, values in tags.items()]
    text = json.dumps({"ResourceTypeFilters": types or [ALL], "TagFilters": filters})
    return {"Type": "TAG_FILTERS_1_0", "Query": text}


def test_a_group_is_made_shown_changed_and_deleted(region: Grouped, groups: Any) -> None:
    wanted = query(Stage=["test"])
    made = groups.create_group(
        Name="test", Description="on trial", ResourceQuery=wanted, Tags={"a": "1"}
    )
    group = {"GroupArn": f"{ARN}/test", "Name": "test", "Description": "on trial"}
    assert (made["Group"], made["ResourceQuery"], made["Tags"]) == (group, wanted, {"a": "1"})
    region.restart()
    groups = region.client("resource-groups")
    for name in ("test", f"{ARN}/test"):
        assert groups.get_group(Group=name)["Group"] == group
    assert groups.get_group(GroupName="test")["Group"] == group
    changed = query("AWS::EC2::VPC")
    assert groups.update_group_query(Group="test", ResourceQuery=changed)["GroupQuery"] == {
        "GroupName": "test",
        "ResourceQuery": changed,
    }
    assert groups.get_group_query(Group="test")["GroupQuery"]["ResourceQuery"] == changed
    assert groups.update_group(Group="test", Description="")["Group"] == {
        "GroupArn": f"{ARN}/test",
        "Name": "test",
    }
    assert groups.delete_group(Group="test")["Group"]["Name"] == "test"
    for operation in (groups.get_group, groups.get_group_query, groups.list_group_resources):
        assert refusal(operation, Group="test") == "NotFoundException"


def test_members_have_all_of_the_tags(region: Grouped, groups: Any) -> None:
    ec2 = region.client("ec2")
    vpcs = [
        ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16", TagSpecifications=tagged("vpc", **tags))
        for number, tags in enumerate(
            ({"Stage": "test", "Team": "a"}, {"Stage": "test"}, {"Stage": "live"})
        )
    ]
    first, second, third = (one["Vpc"]["VpcId"] for one in vpcs)
    gateway = ec2.create_internet_gateway(
        TagSpecifications=tagged("internet-gateway", Stage="test")
    )["InternetGateway"]["InternetGatewayId"]

    def members(*types: str, **tags: list[str]) -> set[str]:
        wanted = query(*types, **tags)
        found = groups.search_resources(ResourceQuery=wanted)["ResourceIdentifiers"]
        groups.create_group(Name="some", ResourceQuery=wanted)
        told = groups.list_group_resources(Group="some")
        assert told["ResourceIdentifiers"] == found
        assert [one["Identifier"] for one in told["Resources"]] == found
        groups.delete_group(Group="some")
        return {one["ResourceArn"].rpartition("/")[2] for one in found}

    assert members(Stage=["test"]) == {first, second, gateway}
    assert members("AWS::EC2::VPC", Stage=["test", "live"]) == {first, second, third}
    assert members("AWS::EC2::VPC", Stage=["test"], Team=[]) == {first}
    assert members(Stage=["none"]) == set()
    assert members() == {first, second, third, gateway}
    assert members("AWS::S3::Bucket") == set()
    assert members("AWS::EC2::InternetGateway") == {gateway}
    [found] = groups.search_resources(ResourceQuery=query("AWS::EC2::InternetGateway"))[
        "ResourceIdentifiers"
    ]
    assert found == {
        "ResourceArn": f"arn:aws:ec2:{REGION}:{ACCOUNT}:internet-gateway/{gateway}",
        "ResourceType": "AWS::EC2::InternetGateway",
    }
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    assert members(Stage=["test"]) == {first, second}


def test_members_in_pages_and_by_type(region: Grouped, groups: Any) -> None:
    ec2 = region.client("ec2")
    for _ in range(3):
        ec2.create_internet_gateway(TagSpecifications=tagged("internet-gateway", a="1"))
    gateway, bucket = "AWS::EC2::InternetGateway", "AWS::S3::Bucket"
    groups.create_group(Name="some", ResourceQuery=query(gateway, bucket, a=[]))
    every = groups.list_group_resources(Group="some")
    assert len(every["Resources"]) == 3
    [error] = every["QueryErrors"]
    assert error["ErrorCode"] == "RESOURCE_TYPE_NOT_SUPPORTED"
    pages = [
        *groups.get_paginator("list_group_resources").paginate(
            Group="some", PaginationConfig={"PageSize": 2}
        )
    ]
    assert [len(one["Resources"]) for one in pages] == [2, 1]

    def by_type(kind: str) -> dict[str, Any]:
        return {"Group": "some", "Filters": [{"Name": "resource-type", "Values": [kind]}]}

    assert len(groups.list_group_resources(**by_type(gateway))["Resources"]) == 3
    assert groups.list_group_resources(**by_type(bucket))["Resources"] == []
    assert refusal(groups.list_group_resources, **by_type("AWS::EC2::VPC")) == INVALID
    code = refusal(groups.list_group_resources, Group="some", NextToken="9")
    assert code == INVALID


def test_groups_are_listed_in_pages_and_by_the_types_in_their_queries(groups: Any) -> None:
    for name, kind in (("a", "AWS::EC2::VPC"), ("b", "AWS::EC2::Subnet"), ("c", ALL)):
        groups.create_group(Name=name, ResourceQuery=query(kind), Description=f"of {name}")
    first = groups.list_groups(MaxResults=2)
    assert [one["Name"] for one in first["Groups"]] == ["a", "b"]
    second = groups.list_groups(NextToken=first["NextToken"])
    assert second["GroupIdentifiers"] == [
        {"GroupName": "c", "GroupArn": f"{ARN}/c", "Description": "of c"}
    ]
    assert "NextToken" not in second

    def named(name: str, *values: str) -> list[str]:
        found = groups.list_groups(Filters=[{"Name": name, "Values": list(values)}])["Groups"]
        return [one["Name"] for one in found]

    assert named("resource-type", "AWS::EC2::VPC", "AWS::EC2::Subnet") == ["a", "b"]
    assert named("configuration-type", "AWS::EC2::CapacityReservationPool") == []


def test_tags_of_groups(groups: Any) -> None:
    groups.create_group(Name="some", ResourceQuery=query(), Tags={"a": "1"})
    arn = f"{ARN}/some"
    assert groups.tag(Arn=arn, Tags={"b": "2"})["Tags"] == {"b": "2"}
    assert groups.get_tags(Arn=arn)["Tags"] == {"a": "1", "b": "2"}
    assert groups.untag(Arn=arn, Keys=["a"])["Keys"] == ["a"]
    assert groups.get_tags(Arn=arn)["Tags"] == {"b": "2"}
    assert refusal(groups.tag, Arn=arn, Tags={"aws:a": "1"}) == INVALID
    assert refusal(groups.tag, Arn=arn, Tags={"a": "1" * 257}) == INVALID
    assert refusal(groups.tag, Arn=arn, Tags={str(n): "" for n in range(51)}) == INVALID
    assert refusal(groups.get_tags, Arn=f"{ARN}/other") == "NotFoundException"


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", '{"ResourceTypeFilters": []}', '{"ResourceTypeFilters": ["vpc"]}'),
        '{"ResourceTypeFilters": ["AWS::EC2::VPC"], "TagFilters": [{"Key": ""}]}',
        '{"ResourceTypeFilters": ["AWS::EC2::VPC"], "TagFilters": [{"Values": ["a"]}]}',
        '{"ResourceTypeFilters": ["AWS::EC2::VPC"], "More": 1}',
        '{"ResourceTypeFilters": ["AWS::AllSupported"]}' + " " * 4096,
    ],
)
def test_queries_that_are_none(groups: Any, text: str) -> None:
    wanted = {"Type": "TAG_FILTERS_1_0", "Query": text}
    assert refusal(groups.create_group, Name="some", ResourceQuery=wanted) == INVALID
    assert refusal(groups.search_resources, ResourceQuery=wanted) == INVALID
    assert groups.list_groups()["Groups"] == []


def test_what_cannot_be_made(groups: Any) -> None:
    create, usual = groups.create_group, {"Name": "some", "ResourceQuery": query()}
    for name in ("AWSome", "a b", "a" * 301):
        assert refusal(create, **usual | {"Name": name}) == INVALID
    stack = {"Type": "CLOUDFORMATION_STACK_1_0", "Query": "{}"}
    assert refusal(create, **usual | {"ResourceQuery": stack}) == INVALID
    assert refusal(create, Name="some") == INVALID
    configuration = [{"Type": "AWS::EC2::CapacityReservationPool"}]
    for more in ({"Configuration": configuration}, {"Owner": "me"}, {"Description": "a!"}):
        assert refusal(create, **usual, **more) == INVALID
    create(**usual)
    assert refusal(create, **usual) == INVALID
    assert refusal(groups.update_group, Group="some", Criticality=1) == INVALID
    assert refusal(groups.get_group) == INVALID
    assert refusal(groups.list_groups, NextToken="9") == INVALID
