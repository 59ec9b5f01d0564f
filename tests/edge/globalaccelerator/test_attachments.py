"""Cross-account attachments: who may use whose resources, and what happens when that ends."""

from typing import Any

import pytest

from antipodes.service.contract import ServiceError
from tests.edge.globalaccelerator.requests import create, grouped, listen, refused
from tests.edge.globalaccelerator.worlds import ACCOUNT, E, Stage, W, play

OWNER = "111111111111"
OTHER = "222222222222"


async def call_as(stage: Stage, account: str, operation: str, **request: Any) -> Any:
    return await stage.simulated.call(W, "globalaccelerator", operation, request, account)


async def owned_balancer(stage: Stage) -> str:
    """A load balancer of the owner's."""
    subnets = await stage.simulated.call(E, "ec2", "DescribeSubnets", {}, OWNER)
    made = await stage.simulated.call(
        E,
        "elbv2",
        "CreateLoadBalancer",
        {"Name": "lent", "Subnets": [one["SubnetId"] for one in subnets["Subnets"]]},
        OWNER,
    )
    arn: str = made["LoadBalancers"][0]["LoadBalancerArn"]
    return arn


async def lend(stage: Stage, balancer: str, *principals: str, name: str = "t") -> str:
    made = await call_as(
        stage,
        OWNER,
        "CreateCrossAccountAttachment",
        Name="lent",
        Principals=list(principals),
        Resources=[{"EndpointId": balancer}],
        IdempotencyToken=name,
    )
    arn: str = made["CrossAccountAttachment"]["AttachmentArn"]
    return arn


async def build(stage: Stage) -> tuple[str, str, str]:
    """The owner's load balancer, somebody's accelerator and its empty group in that region."""
    balancer = await owned_balancer(stage)
    accelerator = (await create(stage))["AcceleratorArn"]
    listener = (await listen(stage, accelerator, 80))["Listener"]["ListenerArn"]
    group = (await grouped(stage, listener, E))["EndpointGroupArn"]
    return balancer, accelerator, group


async def endpoints(stage: Stage, group: str) -> list[str]:
    found = await stage.call("DescribeEndpointGroup", EndpointGroupArn=group)
    return [one["EndpointId"] for one in found["EndpointGroup"]["EndpointDescriptions"]]


@pytest.mark.parametrize("by", ["account", "accelerator"])
def test_what_is_lent_can_be_used_and_is_removed_when_that_ends(by: str) -> None:
    async def scenario(stage: Stage) -> None:
        balancer, accelerator, group = await build(stage)
        attachment = await lend(stage, balancer, ACCOUNT if by == "account" else accelerator)
        part = {"EndpointId": balancer, "AttachmentArn": attachment}
        await stage.call("AddEndpoints", EndpointGroupArn=group, EndpointConfigurations=[part])
        assert await endpoints(stage, group) == [balancer]
        listed = await stage.call("ListCrossAccountResourceAccounts")
        assert listed["ResourceOwnerAwsAccountIds"] == [OWNER]
        for more in ({}, {"AcceleratorArn": accelerator}):
            listed = await stage.call(
                "ListCrossAccountResources", ResourceOwnerAwsAccountId=OWNER, **more
            )
            assert listed["CrossAccountResources"] == [part]
        await call_as(stage, OWNER, "DeleteCrossAccountAttachment", AttachmentArn=attachment)
        assert await endpoints(stage, group) == []
        listed = await stage.call("ListCrossAccountResourceAccounts")
        assert listed["ResourceOwnerAwsAccountIds"] == []

    play(scenario)


def test_an_update_takes_back_only_what_it_names() -> None:
    async def scenario(stage: Stage) -> None:
        balancer, _, group = await build(stage)
        attachment = await lend(stage, balancer, ACCOUNT, OTHER)
        part = {"EndpointId": balancer, "AttachmentArn": attachment}
        await stage.call("AddEndpoints", EndpointGroupArn=group, EndpointConfigurations=[part])
        one = {"AttachmentArn": attachment}
        await call_as(
            stage, OWNER, "UpdateCrossAccountAttachment", RemovePrincipals=[OTHER], Name="n", **one
        )
        assert await endpoints(stage, group) == [balancer]
        shown = await call_as(
            stage,
            OWNER,
            "UpdateCrossAccountAttachment",
            RemoveResources=[{"EndpointId": balancer}],
            AddPrincipals=[OTHER, ACCOUNT],
            **one,
        )
        found = shown["CrossAccountAttachment"]
        assert (found["Name"], found["Principals"], found["Resources"]) == (
            "n",
            [ACCOUNT, OTHER],
            [],
        )
        assert await endpoints(stage, group) == []
        listed = await call_as(stage, OWNER, "ListCrossAccountAttachments")
        assert listed["CrossAccountAttachments"] == [found]

    play(scenario)


def test_what_is_added_by_another_attachment_stays_when_the_first_one_goes() -> None:
    async def scenario(stage: Stage) -> None:
        balancer, _, group = await build(stage)
        first, second = [await lend(stage, balancer, ACCOUNT, name=name) for name in "ab"]
        for operation, attachment in (
            ("AddEndpoints", first),
            ("UpdateEndpointGroup", second),
            ("AddEndpoints", ""),
        ):
            part = {"EndpointId": balancer, "Weight": 9, "AttachmentArn": attachment}
            if not attachment:
                del part["AttachmentArn"]
            await stage.call(operation, EndpointGroupArn=group, EndpointConfigurations=[part])
        await call_as(stage, OWNER, "DeleteCrossAccountAttachment", AttachmentArn=first)
        assert await endpoints(stage, group) == [balancer]
        await call_as(stage, OWNER, "DeleteCrossAccountAttachment", AttachmentArn=second)
        assert await endpoints(stage, group) == []

    play(scenario)


def test_nothing_is_added_by_an_attachment_that_is_deleted_meanwhile() -> None:
    async def scenario(stage: Stage) -> None:
        balancer, _, group = await build(stage)
        one = {"AttachmentArn": await lend(stage, balancer, ACCOUNT)}
        part = {"EndpointId": balancer, **one}
        adding = stage.call("AddEndpoints", EndpointGroupArn=group, EndpointConfigurations=[part])
        first = stage.simulated.outside.spawn(adding, "the first")
        await stage.wait(0.01)
        with pytest.raises(ServiceError) as caught:
            await call_as(stage, OWNER, "DeleteCrossAccountAttachment", **one)
        assert caught.value.code == "TransactionInProgressException"
        await first
        await call_as(stage, OWNER, "DeleteCrossAccountAttachment", **one)
        assert await endpoints(stage, group) == []

    play(scenario)


def test_what_is_not_lent_is_denied() -> None:
    async def scenario(stage: Stage) -> None:
        balancer, _, group = await build(stage)
        of_others = await lend(stage, balancer, OTHER)
        of_nothing = await call_as(
            stage,
            OWNER,
            "CreateCrossAccountAttachment",
            Name="n",
            Principals=[ACCOUNT],
            IdempotencyToken="u",
        )
        attachments = ["", of_others, of_nothing["CrossAccountAttachment"]["AttachmentArn"]]
        for attachment in attachments:
            part = {"EndpointId": balancer, "AttachmentArn": attachment}
            code = await refused(
                stage, "AddEndpoints", EndpointGroupArn=group, EndpointConfigurations=[part]
            )
            assert code == "AccessDeniedException", attachment
        assert await endpoints(stage, group) == []

    play(scenario)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"Principals": ["somebody"]}, "InvalidArgumentException|ValidationException"),
        ({"Principals": ["arn:aws:iam::111111111111:root"]}, "InvalidArgumentException"),
        ({"Resources": [{}]}, "InvalidArgumentException"),
        ({"Resources": [{"EndpointId": "i-1"}]}, "InvalidArgumentException"),
        (
            {"Resources": [{"EndpointId": f"arn:aws:ec2:{E}:{OTHER}:elastic-ip/eipalloc-1"}]},
            "AccessDeniedException",
        ),
        ({"Resources": [{"Cidr": f"10.{n // 250}.{n % 250}.0/24"} for n in range(501)]}, "Limit"),
    ],
)
def test_an_attachment_that_cannot_be_is_refused(request_: dict[str, Any], code: str) -> None:
    async def scenario(stage: Stage) -> None:
        with pytest.raises(ServiceError) as caught:
            await call_as(
                stage,
                OWNER,
                "CreateCrossAccountAttachment",
                Name="n",
                IdempotencyToken="t",
                **request_,
            )
        assert any(caught.value.code.startswith(start) for start in code.split("|"))
        listed = await call_as(stage, OWNER, "ListCrossAccountAttachments")
        assert listed["CrossAccountAttachments"] == []

    play(scenario)


def test_attachments_are_found_by_their_owners_only_have_tags_and_limits() -> None:
    async def scenario(stage: Stage) -> None:
        balancer = await owned_balancer(stage)
        attachment = await lend(stage, balancer, ACCOUNT)
        assert await lend(stage, balancer, OTHER) == attachment  # the same token
        one = {"AttachmentArn": attachment}
        assert await refused(stage, "DescribeCrossAccountAttachment", **one) == (
            "AccessDeniedException"
        )
        gone = {"AttachmentArn": attachment.replace(attachment[-4:], "ffff")}
        assert await refused(stage, "DescribeCrossAccountAttachment", **gone) == (
            "AttachmentNotFoundException"
        )
        tags = [{"Key": "a", "Value": "1"}]
        await call_as(stage, OWNER, "TagResource", ResourceArn=attachment, Tags=tags)
        shown = await call_as(stage, OWNER, "ListTagsForResource", ResourceArn=attachment)
        assert shown["Tags"] == tags
        code = await refused(stage, "ListTagsForResource", ResourceArn=attachment)
        assert code == "AttachmentNotFoundException"
        for number in range(9):
            await lend(stage, balancer, name=str(number))
        with pytest.raises(ServiceError) as caught:
            await lend(stage, balancer, name="one more")
        assert caught.value.code == "LimitExceededException"

    play(scenario)
