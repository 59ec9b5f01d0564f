"""Security groups that are used in further VPCs of their region."""

from typing import Any

import pytest

from tests.regional.ec2.networks import Networks
from tests.regional.ec2.worlds import named, refusal
from tests.regional.elbv2.hosts import Region

BOTH = ("delivered", "delivered")
WEB = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}


class Shared(Networks):
    """Two networks, and a group of the first that is used in the second as well."""

    def __init__(self, region: Region) -> None:
        super().__init__(region)
        self.own, self.other = self.vpc("10.0.0.0/16"), self.vpc("10.1.0.0/16")
        self.here = self.subnet(self.own, "10.0.0.0/24")
        self.there = self.subnet(self.other, "10.1.0.0/24")
        made = self.ec2.create_security_group(
            VpcId=self.own, GroupName="shared", Description="shared"
        )
        self.shared: str = made["GroupId"]

    def associate(self) -> str:
        answer = self.ec2.associate_security_group_vpc(GroupId=self.shared, VpcId=self.other)
        state: str = answer["State"]
        return state

    def associations(self, **more: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ec2.describe_security_group_vpc_associations(**more)[
            "SecurityGroupVpcAssociations"
        ]
        return found

    def named_by(self, group: str, other: str) -> None:
        pair = WEB | {"UserIdGroupPairs": [{"GroupId": other}]}
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[pair])


@pytest.fixture
def shared(region: Region) -> Shared:
    return Shared(region)


def test_a_group_is_used_where_it_is_associated(region: Region, shared: Shared) -> None:
    launch = shared.instance
    first = launch(shared.here, shared.shared)
    assert (
        refusal(shared.ec2.create_network_interface, SubnetId=shared.there, Groups=[shared.shared])
        == "InvalidGroup.NotFound"
    )
    assert (shared.associate(), shared.associate()) == ("associating", "associating")
    region.restart()
    shared.ec2 = region.client("ec2")
    [found] = shared.associations(Filters=named("vpc-id", shared.other))
    assert (found["GroupId"], found["State"]) == (shared.shared, "associated")
    assert shared.associations(Filters=named("group-id", "sg-1")) == []
    for_vpc = shared.ec2.get_security_groups_for_vpc(VpcId=shared.other)["SecurityGroupForVpcs"]
    primary = {one["GroupId"]: one["PrimaryVpcId"] for one in for_vpc}
    assert primary[shared.shared] == shared.own
    interface = shared.ec2.create_network_interface(SubnetId=shared.there, Groups=[shared.shared])[
        "NetworkInterface"
    ]["NetworkInterfaceId"]
    leave = {"GroupId": shared.shared, "VpcId": shared.other}
    disassociate = shared.ec2.disassociate_security_group_vpc
    assert refusal(disassociate, **leave) == "DependencyViolation"
    shared.ec2.delete_network_interface(NetworkInterfaceId=interface)
    shared.ec2.terminate_instances(InstanceIds=[first])
    delete = shared.ec2.delete_security_group
    assert refusal(delete, GroupId=shared.shared) == "DependencyViolation"
    assert refusal(disassociate, **leave, DryRun=True) == "DryRunOperation"
    assert disassociate(**leave)["State"] == "disassociating"
    assert shared.associations() == []
    delete(GroupId=shared.shared)


def test_its_rules_hold_in_both_networks(region: Region) -> None:
    shared = Shared(region)
    shared.associate()
    anybody = WEB | {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    shared.ec2.authorize_security_group_ingress(GroupId=shared.shared, IpPermissions=[anybody])
    near, far = (shared.instance(one, shared.shared) for one in (shared.there, shared.there))
    assert shared.outcomes(near, far) == BOTH
    assert shared.outcomes(near, far, port=22)[0] == "refused by groups"


def test_rules_of_groups_that_share_a_network_name_each_other(shared: Shared) -> None:
    ec2 = shared.ec2
    theirs = ec2.create_security_group(VpcId=shared.other, GroupName="own", Description="own")
    group = theirs["GroupId"]
    pair = WEB | {"UserIdGroupPairs": [{"GroupId": shared.shared}]}
    name = {"GroupId": group, "IpPermissions": [pair]}
    assert refusal(ec2.authorize_security_group_ingress, **name) == "InvalidGroup.NotFound"
    shared.associate()
    shared.named_by(group, shared.shared)
    server, client = (
        shared.instance(shared.there, group),
        shared.instance(shared.there, shared.shared),
    )
    stranger = shared.instance(shared.there, group)
    assert shared.outcomes(client, server) == BOTH
    assert shared.outcomes(stranger, server)[0] == "refused by groups"
    references = ec2.describe_security_group_references(GroupId=[shared.shared])
    assert references["SecurityGroupReferenceSet"] == []
    stale = ec2.describe_stale_security_groups
    assert stale(VpcId=shared.other)["StaleSecurityGroupSet"] == []
    ec2.terminate_instances(InstanceIds=[client])
    ec2.disassociate_security_group_vpc(GroupId=shared.shared, VpcId=shared.other)
    assert [one["GroupId"] for one in stale(VpcId=shared.other)["StaleSecurityGroupSet"]] == [group]


def test_members_in_a_network_that_is_not_joined_do_not_count(shared: Shared) -> None:
    """What a rule names are the members that its own network is joined with, and no others."""
    ec2, third = shared.ec2, shared.vpc("10.2.0.0/16")
    shared.associate()
    shared.named_by(shared.shared, shared.shared)
    near = shared.instance(shared.here, shared.shared)
    far = shared.instance(shared.there, shared.shared)
    hub = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    for vpc, subnet, beyond in (
        (shared.own, shared.here, "10.1.0.0/16"),
        (shared.other, shared.there, "10.0.0.0/16"),
    ):
        ec2.create_transit_gateway_vpc_attachment(
            TransitGatewayId=hub, VpcId=vpc, SubnetIds=[subnet]
        )
        shared.route(vpc, beyond, TransitGatewayId=hub)
    assert shared.outcomes(near, far)[0] == "refused by groups"
    assert shared.outcomes(near, shared.instance(shared.here, shared.shared)) == BOTH
    made = ec2.create_vpc_peering_connection(VpcId=shared.own, PeerVpcId=shared.other)
    name = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=name)
    for vpc, prefix in ((shared.own, "10.1.0.0/24"), (shared.other, "10.0.0.0/24")):
        shared.route(vpc, prefix, VpcPeeringConnectionId=name)
    assert shared.outcomes(near, far) == BOTH
    assert (
        refusal(
            ec2.create_network_interface,
            SubnetId=shared.subnet(third, "10.2.0.0/24"),
            Groups=[shared.shared],
        )
        == "InvalidGroup.NotFound"
    )


def test_groups_and_networks_that_cannot_be_associated(shared: Shared) -> None:
    ec2 = shared.ec2
    [own] = ec2.describe_security_groups(
        Filters=[*named("vpc-id", shared.own), *named("group-name", "default")]
    )["SecurityGroups"]
    [default] = ec2.describe_vpcs(Filters=named("is-default", "true"))["Vpcs"]
    associate = ec2.associate_security_group_vpc
    for request, code in (
        ({"GroupId": own["GroupId"]}, "InvalidParameterValue"),
        ({"VpcId": default["VpcId"]}, "InvalidParameterValue"),
        ({"VpcId": shared.own}, "InvalidParameterValue"),
        ({"VpcId": "vpc-1"}, "InvalidVpcID.NotFound"),
        ({"GroupId": "sg-1"}, "InvalidGroup.NotFound"),
        ({"DryRun": True}, "DryRunOperation"),
    ):
        wanted = {"GroupId": shared.shared, "VpcId": shared.other} | request
        assert refusal(associate, **wanted) == code
    wanted = {"GroupId": shared.shared, "VpcId": shared.other}
    assert refusal(ec2.disassociate_security_group_vpc, **wanted) == "InvalidVpcID.NotFound"
    assert shared.associations() == []
    shared.associate()
    ec2.delete_subnet(SubnetId=shared.there)
    assert refusal(ec2.delete_vpc, VpcId=shared.other) == "DependencyViolation"


def test_a_balancer_has_a_group_that_is_associated_with_its_network(
    region: Region, shared: Shared
) -> None:
    elb = region.client("elbv2")
    subnets = [shared.there, shared.subnet(shared.other, "10.1.1.0/24", "us-west-2b")]
    gateway = shared.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    shared.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=shared.other)
    request = {"Name": "app", "Subnets": subnets, "SecurityGroups": [shared.shared]}
    assert refusal(elb.create_load_balancer, **request) == "InvalidConfigurationRequest"
    shared.associate()
    [made] = elb.create_load_balancer(**request)["LoadBalancers"]
    assert made["SecurityGroups"] == [shared.shared]
