"""A Resolver rule that another account's VPC goes by, and balancers in shared subnets."""

from typing import Any

import pytest

from antipodes.service.contract import ServiceError
from tests.regional.ec2.networks import Networks
from tests.regional.elbv2.hosts import Region
from tests.regional.ram.accounts import OTHER, lend
from tests.regional.route53resolver.test_resolving import OFFICE, Stage, W, play


async def theirs(stage: Stage, operation: str, **request: Any) -> Any:
    """Call a service as the other account."""
    service, _, name = operation.rpartition(":")
    service = service or "route53resolver"
    return await stage.simulated.call(W, service, name, request, OTHER)


async def shared(stage: Stage, arn: str) -> str:
    """Share something, with the other account's consent; the share's ARN."""
    made = await stage.call(
        "ram:CreateResourceShare", name="ours", resourceArns=[arn], principals=[OTHER]
    )
    found = await theirs(stage, "ram:GetResourceShareInvitations")
    [invitation] = found["resourceShareInvitations"]
    name = invitation["resourceShareInvitationArn"]
    await theirs(stage, "ram:AcceptResourceShareInvitation", resourceShareInvitationArn=name)
    return str(made["resourceShare"]["resourceShareArn"])


def test_a_vpc_goes_by_the_rule_of_another_account_while_that_is_shared() -> None:
    async def scenario(stage: Stage) -> None:
        endpoint, ips = await stage.endpoint("OUTBOUND")
        rule = await stage.rule("corp.example.com", OFFICE[1], endpoint=endpoint)
        await stage.wait(60.0)
        named = {"ResolverRuleId": rule}
        made = (await stage.call("GetResolverRule", **named))["ResolverRule"]
        assert made["ShareStatus"] == "NOT_SHARED"
        share = await shared(stage, made["Arn"])
        made = (await stage.call("GetResolverRule", **named))["ResolverRule"]
        assert made["ShareStatus"] == "SHARED_BY_ME"
        listed = (await theirs(stage, "ListResolverRules"))["ResolverRules"]
        assert [one["ShareStatus"] for one in listed if one["Id"] == rule] == ["SHARED_WITH_ME"]
        with pytest.raises(ServiceError, match="AccessDeniedException"):
            await theirs(stage, "DeleteResolverRule", **named)
        [vpc] = (await theirs(stage, "ec2:DescribeVpcs"))["Vpcs"]
        await theirs(stage, "AssociateResolverRule", **named, VPCId=vpc["VpcId"])
        assert await stage.address("db.corp.example.com", ip=vpc["VpcId"]) == "10.9.9.9"
        assert stage.asked[-1][1] in ips  # by the owner's endpoint
        asked = len(stage.asked)
        await stage.call("ram:DeleteResourceShare", resourceShareArn=share)
        told = await theirs(stage, "ListResolverRuleAssociations")
        assert told["ResolverRuleAssociations"] == []
        await stage.address("db.corp.example.com", ip=vpc["VpcId"])
        assert len(stage.asked) == asked

    play(scenario)


def test_balancers_and_endpoints_in_a_shared_subnet(region: Region) -> None:
    """A guest's load balancer stands in it; Resolver endpoints are for the network's owner."""
    owner, guest = Networks(region), region.client("elbv2", account=OTHER)
    subnet = owner.subnet(owner.vpc("10.1.0.0/16"), "10.1.0.0/24")
    [found] = owner.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
    lend(region, found["SubnetArn"])
    made = guest.create_load_balancer(
        Name="inside", Type="network", Scheme="internal", Subnets=[subnet]
    )["LoadBalancers"]
    assert made[0]["AvailabilityZones"][0]["SubnetId"] == subnet
    [seen] = owner.ec2.describe_network_interfaces()["NetworkInterfaces"]
    assert (seen["OwnerId"], seen["RequesterManaged"]) == (OTHER, True)
    guest.delete_load_balancer(LoadBalancerArn=made[0]["LoadBalancerArn"])
    assert owner.ec2.describe_network_interfaces()["NetworkInterfaces"] == []
