"""A prefix list that another account names."""

from typing import Any

from tests.regional.ec2.networks import Networks
from tests.regional.ec2.worlds import refusal
from tests.regional.elbv2.hosts import ACCOUNT, Region
from tests.regional.ram.accounts import OTHER, lend


def made(region: Region, size: int = 2) -> tuple[str, str]:
    """A list that the other account may use, and the share that says so."""
    listed = region.client("ec2").create_managed_prefix_list(
        PrefixListName="offices",
        AddressFamily="IPv4",
        MaxEntries=size,
        Entries=[{"Cidr": "10.8.0.0/16"}],
    )["PrefixList"]
    return str(listed["PrefixListId"]), lend(region, listed["PrefixListArn"])


def grouped(region: Region, name: str) -> str:
    """A group of the other account's that lets in what a list stands for."""
    theirs: Any = region.client("ec2", account=OTHER)
    vpc = theirs.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
    group: str = theirs.create_security_group(VpcId=vpc, GroupName="x", Description="x")["GroupId"]
    rule = {"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": name}]}
    theirs.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    return group


def test_a_shared_list_is_read_and_named_and_is_its_owners(region: Region) -> None:
    name, _ = made(region)
    region.restart()
    theirs = region.client("ec2", account=OTHER)
    found = theirs.describe_managed_prefix_lists(PrefixListIds=[name])["PrefixLists"]
    assert [one["OwnerId"] for one in found] == [ACCOUNT]
    entries = theirs.get_managed_prefix_list_entries(PrefixListId=name)["Entries"]
    assert [one["Cidr"] for one in entries] == ["10.8.0.0/16"]
    for call, more in (
        (theirs.delete_managed_prefix_list, {}),
        (theirs.modify_managed_prefix_list, {"PrefixListName": "mine"}),
    ):
        assert refusal(call, PrefixListId=name, **more) == "UnauthorizedOperation"
    group = grouped(region, name)
    mine = region.client("ec2")
    for client in (mine, theirs):
        told = client.get_managed_prefix_list_associations(PrefixListId=name)
        assert told["PrefixListAssociations"] == [{"ResourceId": group, "ResourceOwner": OTHER}]
    assert refusal(mine.delete_managed_prefix_list, PrefixListId=name) == "DependencyViolation"
    grow = {"PrefixListId": name, "MaxEntries": 61}
    assert refusal(mine.modify_managed_prefix_list, **grow) == "RulesPerSecurityGroupLimitExceeded"


def test_who_names_a_list_goes_by_it_still_when_it_is_not_shared(region: Region) -> None:
    name, arn = made(region)
    networks = Networks(region, OTHER)
    vpc = networks.vpc("10.2.0.0/16")
    subnet = networks.subnet(vpc, "10.2.0.0/24")
    sender = networks.instance(subnet, networks.group(vpc, "10.0.0.0/8"))
    other = networks.instance(subnet, *_only(networks, vpc, name))
    region.client("ram").delete_resource_share(resourceShareArn=arn)
    assert networks.outcomes(sender, other)[0] == "refused by groups"
    region.client("ec2").modify_managed_prefix_list(
        PrefixListId=name, CurrentVersion=1, AddEntries=[{"Cidr": "10.2.0.0/24"}]
    )
    assert networks.outcomes(sender, other) == ("delivered", "delivered")
    theirs = region.client("ec2", account=OTHER)
    entries = theirs.get_managed_prefix_list_entries
    assert refusal(entries, PrefixListId=name) == "InvalidPrefixListID.NotFound"


def _only(networks: Networks, vpc: str, name: str) -> list[str]:
    """A group that lets in what a list stands for, and nothing else."""
    group: str = networks.ec2.create_security_group(
        VpcId=vpc, GroupName="listed", Description="listed"
    )["GroupId"]
    rule = {"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": name}]}
    networks.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    return [group]
