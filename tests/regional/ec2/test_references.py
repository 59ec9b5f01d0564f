"""Rules that name groups of other VPCs, what joins them, and what happens when that goes."""

from typing import Any

import pytest

from tests.regional.ec2.worlds import refusal
from tests.regional.elbv2.hosts import ACCOUNT, Region

OTHER = "111111111111"


class Side:
    """A VPC, with a group."""

    def __init__(self, ec2: Any, prefix: str, account: str = ACCOUNT) -> None:
        self.ec2, self.account = ec2, account
        self.vpc = str(ec2.create_vpc(CidrBlock=prefix)["Vpc"]["VpcId"])
        made = ec2.create_security_group(GroupName="g", Description="d", VpcId=self.vpc)
        self.group = str(made["GroupId"])

    def asked(self, other: "Side", **more: str) -> dict[str, Any]:
        pair = {"GroupId": other.group, "UserId": other.account, **more}
        permission = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [pair]}
        return {"GroupId": self.group, "IpPermissions": [permission]}

    def authorise(self, other: "Side", **more: str) -> None:
        self.ec2.authorize_security_group_ingress(**self.asked(other, **more))

    def inbound(self) -> list[Any]:
        [found] = self.ec2.describe_security_groups(GroupIds=[self.group])["SecurityGroups"]
        return [pair for one in found["IpPermissions"] for pair in one["UserIdGroupPairs"]]

    def stale(self) -> list[Any]:
        told = self.ec2.describe_stale_security_groups(VpcId=self.vpc)
        return list(told["StaleSecurityGroupSet"])

    def references(self) -> list[Any]:
        told = self.ec2.describe_security_group_references(GroupId=[self.group])
        return list(told["SecurityGroupReferenceSet"])

    def peer(self, other: "Side") -> str:
        asked = {"VpcId": self.vpc, "PeerVpcId": other.vpc, "PeerOwnerId": other.account}
        made = self.ec2.create_vpc_peering_connection(**asked)["VpcPeeringConnection"]
        name: str = made["VpcPeeringConnectionId"]
        other.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=name)
        return name


@pytest.fixture(params=[ACCOUNT, OTHER], ids=["own", "another account's"])
def sides(request: pytest.FixtureRequest, region: Region) -> tuple[Side, Side]:
    """Two VPCs of one account, or of two."""
    theirs = region.client("ec2", account=request.param)
    near = Side(region.client("ec2"), "10.0.0.0/16")
    return near, Side(theirs, "10.1.0.0/16", request.param)


def test_a_group_is_named_across_an_active_peering_only(sides: tuple[Side, Side]) -> None:
    near, far = sides
    for side, other in (sides, sides[::-1]):
        code = refusal(side.authorise, other=other)
        assert code == "InvalidGroup.NotFound"
    peering = near.peer(far)
    near.authorise(far, VpcId=far.vpc, VpcPeeringConnectionId=peering)
    code = refusal(near.authorise, other=far)
    assert code == "InvalidPermission.Duplicate"
    assert refusal(far.authorise, other=near, VpcId=far.vpc) == "InvalidGroup.NotFound"
    code = refusal(far.authorise, other=near, VpcPeeringConnectionId="pcx-1")
    assert code == "InvalidGroup.NotFound"
    pair = {
        "GroupId": far.group,
        "UserId": far.account,
        "VpcId": far.vpc,
        "VpcPeeringConnectionId": peering,
        "PeeringStatus": "active",
    }
    assert near.inbound() == [pair]
    assert (near.stale(), near.references()) == ([], [])
    assert far.references() == [
        {
            "GroupId": far.group,
            "ReferencingVpcId": near.vpc,
            "VpcPeeringConnectionId": peering,
        }
    ]


def test_a_rule_grows_stale_with_its_peering_and_is_healed_by_another(
    sides: tuple[Side, Side],
) -> None:
    near, far = sides
    first = near.peer(far)
    near.authorise(far)
    far.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=first)
    [stale] = near.stale()
    assert (stale["GroupId"], stale["VpcId"]) == (near.group, near.vpc)
    assert stale["StaleIpPermissionsEgress"] == []
    [permission] = stale["StaleIpPermissions"]
    assert (permission["IpProtocol"], permission["FromPort"]) == ("tcp", 80)
    [pair] = permission["UserIdGroupPairs"]
    assert (pair["VpcPeeringConnectionId"], pair["PeeringStatus"]) == (first, "deleted")
    assert near.inbound() == [pair]
    assert far.references() == []
    second = near.peer(far)
    assert near.stale() == []
    assert [one["VpcPeeringConnectionId"] for one in near.inbound()] == [second]
    assert [one["VpcPeeringConnectionId"] for one in far.references()] == [second]


def test_a_group_that_another_vpc_names_can_be_deleted_and_leaves_a_stale_rule(
    region: Region, sides: tuple[Side, Side]
) -> None:
    near, far = sides
    near.peer(far)
    near.authorise(far)
    far.ec2.delete_security_group(GroupId=far.group)
    region.restart()
    near.ec2 = region.client("ec2")
    [stale] = near.stale()
    [permission] = stale["StaleIpPermissions"]
    [pair] = permission["UserIdGroupPairs"]
    assert "UserId" not in pair
    assert (pair["GroupId"], pair["VpcId"]) == (far.group, far.vpc)
    near.ec2.revoke_security_group_ingress(GroupId=near.group, IpPermissions=[permission])
    assert (near.stale(), near.inbound()) == ([], [])


def test_a_group_is_named_over_a_transit_gateway_where_all_support_it(ec2: Any) -> None:
    near, far = Side(ec2, "10.0.0.0/16"), Side(ec2, "10.1.0.0/16")
    made = ec2.create_transit_gateway(Options={"SecurityGroupReferencingSupport": "enable"})
    hub = made["TransitGateway"]["TransitGatewayId"]
    attachments = []
    for side, prefix in ((near, "10.0.0.0/24"), (far, "10.1.0.0/24")):
        assert refusal(near.authorise, other=far) == "InvalidGroup.NotFound"
        subnet = ec2.create_subnet(VpcId=side.vpc, CidrBlock=prefix)["Subnet"]["SubnetId"]
        asked = {"TransitGatewayId": hub, "VpcId": side.vpc, "SubnetIds": [subnet]}
        attached = ec2.create_transit_gateway_vpc_attachment(**asked)
        told = attached["TransitGatewayVpcAttachment"]
        attachments.append(told["TransitGatewayAttachmentId"])
    code = refusal(ec2.authorize_security_group_egress, **near.asked(far))
    assert code == "InvalidGroup.NotFound"  # inbound rules only
    near.authorise(far)
    assert near.inbound() == [{"GroupId": far.group, "UserId": ACCOUNT, "VpcId": far.vpc}]
    found = {"GroupId": far.group, "ReferencingVpcId": near.vpc, "TransitGatewayId": hub}
    assert (near.stale(), far.references()) == ([], [found])
    ec2.modify_transit_gateway_vpc_attachment(
        TransitGatewayAttachmentId=attachments[1],
        Options={"SecurityGroupReferencingSupport": "disable"},
    )
    assert [one["GroupId"] for one in near.stale()] == [near.group]
    assert far.references() == []


def test_what_is_asked_about_references_must_be_there(ec2: Any) -> None:
    code = refusal(ec2.describe_security_group_references, GroupId=["sg-1"])
    assert code == "InvalidGroup.NotFound"
    code = refusal(ec2.describe_stale_security_groups, VpcId="vpc-1")
    assert code == "InvalidVpcID.NotFound"
    [default] = ec2.describe_security_groups()["SecurityGroups"]
    asked = {"GroupId": [default["GroupId"]], "DryRun": True}
    assert refusal(ec2.describe_security_group_references, **asked) == "DryRunOperation"
    asked = {"VpcId": default["VpcId"], "DryRun": True}
    assert refusal(ec2.describe_stale_security_groups, **asked) == "DryRunOperation"
