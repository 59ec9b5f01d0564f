"""Resource shares: made, accepted, left, ended, and what is refused."""

from typing import Any

import pytest

from tests.regional.ec2.worlds import refusal
from tests.regional.elbv2.hosts import ACCOUNT, REGION, Region
from tests.regional.ram.accounts import OTHER, THIRD, accept, arn_of, share

DAY_S = 86400.0
KIND = "ec2:TransitGateway"
PERMISSION = "arn:aws:ram::aws:permission/AWSRAMDefaultPermissionTransitGateway"


@pytest.fixture
def hub(region: Region) -> str:
    """The ARN of a transit gateway."""
    made = region.client("ec2").create_transit_gateway()["TransitGateway"]
    return str(made["TransitGatewayArn"])


def seen(region: Region, account: str = OTHER) -> list[str]:
    """What others share with an account."""
    ram = region.client("ram", account=account)
    found = ram.list_resources(resourceOwner="OTHER-ACCOUNTS")["resources"]
    return [one["arn"] for one in found]


def invited(region: Region, account: str = OTHER) -> dict[str, Any]:
    """The one invitation of an account."""
    ram = region.client("ram", account=account)
    [found] = ram.get_resource_share_invitations()["resourceShareInvitations"]
    one: dict[str, Any] = found
    return one


def standing(region: Region, kind: str = "PRINCIPAL") -> list[str]:
    """How what is in the first account's shares stands."""
    ram = region.client("ram")
    found = ram.get_resource_share_associations(associationType=kind)
    return [one["status"] for one in found["resourceShareAssociations"]]


def test_a_share_from_its_invitation_to_its_end(region: Region, hub: str) -> None:
    arn = share(region, hub, tags=[{"key": "team", "value": "network"}])
    assert arn.startswith(f"arn:aws:ram:{REGION}:{ACCOUNT}:resource-share/")
    assert (standing(region), standing(region, "RESOURCE")) == (["ASSOCIATING"], ["ASSOCIATED"])
    invitation = invited(region)
    assert invitation["resourceShareName"] == "ours"
    assert (invitation["senderAccountId"], invitation["status"]) == (ACCOUNT, "PENDING")
    assert seen(region) == []
    region.restart()
    accept(region)
    region.restart()
    assert (seen(region), standing(region)) == ([hub], ["ASSOCIATED"])
    theirs = region.client("ram", account=OTHER)
    [found] = theirs.get_resource_shares(resourceOwner="OTHER-ACCOUNTS")["resourceShares"]
    assert (found["resourceShareArn"], found["owningAccountId"]) == (arn, ACCOUNT)
    assert "tags" not in found
    [owner] = theirs.list_principals(resourceOwner="OTHER-ACCOUNTS")["principals"]
    assert owner["id"] == ACCOUNT
    mine = region.client("ram")
    [user] = mine.list_principals(resourceOwner="SELF", resourceArn=hub)["principals"]
    assert (user["id"], user["external"]) == (OTHER, True)
    assert mine.delete_resource_share(resourceShareArn=arn)["returnValue"] is True
    assert (seen(region), standing(region)) == ([], ["DISASSOCIATED"])
    [found] = mine.get_resource_shares(resourceOwner="SELF")["resourceShares"]
    assert (found["status"], found["tags"]) == ("DELETED", [{"key": "team", "value": "network"}])
    code = refusal(mine.delete_resource_share, resourceShareArn=arn)
    assert code == "InvalidStateTransitionException"
    region.wait(2 * 3600.0)
    assert mine.get_resource_shares(resourceOwner="SELF")["resourceShares"] == []


def test_an_invitation_is_answered_once(region: Region, hub: str) -> None:
    share(region, hub)
    theirs = region.client("ram", account=OTHER)
    named = {"resourceShareInvitationArn": invited(region)["resourceShareInvitationArn"]}
    told = theirs.reject_resource_share_invitation(**named)["resourceShareInvitation"]
    assert told["status"] == "REJECTED"
    code = "ResourceShareInvitationAlreadyRejectedException"
    assert refusal(theirs.accept_resource_share_invitation, **named) == code
    assert (seen(region), standing(region)) == ([], ["DISASSOCIATED"])
    code = "ResourceShareInvitationArnNotFoundException"
    other = region.client("ram", account=THIRD)
    assert refusal(other.accept_resource_share_invitation, **named) == code


def test_an_answer_that_is_given_again_with_its_token_stands(region: Region, hub: str) -> None:
    share(region, hub)
    theirs = region.client("ram", account=OTHER)
    named = {"resourceShareInvitationArn": invited(region)["resourceShareInvitationArn"]}
    first = theirs.accept_resource_share_invitation(**named, clientToken="once")
    region.restart()
    theirs = region.client("ram", account=OTHER)
    again = theirs.accept_resource_share_invitation(**named, clientToken="once")
    assert again["resourceShareInvitation"] == first["resourceShareInvitation"]
    code = "ResourceShareInvitationAlreadyAcceptedException"
    for token in ({}, {"clientToken": "twice"}):
        assert refusal(theirs.accept_resource_share_invitation, **named, **token) == code
    assert refusal(theirs.reject_resource_share_invitation, **named, clientToken="once") == code


def test_an_invitation_expires_after_seven_days(region: Region, hub: str) -> None:
    arn = share(region, hub)
    region.wait(7 * DAY_S)
    invitation = invited(region)
    assert invitation["status"] == "EXPIRED"
    theirs = region.client("ram", account=OTHER)
    name = invitation["resourceShareInvitationArn"]
    code = refusal(theirs.accept_resource_share_invitation, resourceShareInvitationArn=name)
    assert code == "ResourceShareInvitationExpiredException"
    mine = region.client("ram")
    mine.associate_resource_share(resourceShareArn=arn, principals=[OTHER])
    accept(region)
    assert seen(region) == [hub]


def test_what_is_added_is_used_by_who_is_in_already(region: Region, hub: str) -> None:
    arn = share(region)
    accept(region)
    ram = region.client("ram")
    added = ram.associate_resource_share(resourceShareArn=arn, resourceArns=[hub])
    [one] = added["resourceShareAssociations"]
    assert (one["associationType"], one["status"]) == ("RESOURCE", "ASSOCIATING")
    assert seen(region) == [hub]
    again = ram.associate_resource_share(resourceShareArn=arn, resourceArns=[hub])
    assert again["resourceShareAssociations"] == []
    gone = ram.disassociate_resource_share(resourceShareArn=arn, resourceArns=[hub])
    assert gone["resourceShareAssociations"][0]["status"] == "DISASSOCIATING"
    assert (seen(region), standing(region, "RESOURCE")) == ([], ["DISASSOCIATED"])
    code = refusal(ram.disassociate_resource_share, resourceShareArn=arn, resourceArns=[hub])
    assert code == "UnknownResourceException"


def test_two_shares_of_one_thing_and_who_leaves_one(region: Region, hub: str) -> None:
    first, second = share(region, hub), share(region, hub, name="again")
    accept(region)
    theirs = region.client("ram", account=OTHER)
    theirs.disassociate_resource_share(resourceShareArn=first, principals=[OTHER])
    assert seen(region) == [hub]
    code = refusal(theirs.delete_resource_share, resourceShareArn=second)
    assert code == "UnknownResourceException"
    region.client("ram").delete_resource_share(resourceShareArn=second)
    assert seen(region) == []


def test_shares_are_found_by_what_they_are(region: Region, hub: str) -> None:
    arn = share(region, hub, tags=[{"key": "team", "value": "network"}])
    other = share(region, to=THIRD, name="theirs")
    ram = region.client("ram")

    def found(**more: Any) -> list[str]:
        told = ram.get_resource_shares(resourceOwner="SELF", **more)["resourceShares"]
        return [one["resourceShareArn"] for one in told]

    assert sorted(found()) == sorted([arn, other])
    assert found(name="theirs") == [other]
    assert found(resourceShareArns=[arn]) == [arn]
    assert found(permissionArn=PERMISSION) == [arn]
    assert found(resourceShareStatus="DELETED") == []
    assert found(tagFilters=[{"tagKey": "team", "tagValues": ["network"]}]) == [arn]
    ram.untag_resource(resourceShareArn=arn, tagKeys=["team"])
    ram.tag_resource(resourceShareArn=other, tags=[{"key": "team", "value": "other"}])
    assert found(tagFilters=[{"tagKey": "team"}]) == [other]
    first = ram.get_resource_shares(resourceOwner="SELF", maxResults=1)
    assert len(first["resourceShares"]) == 1
    rest = found(maxResults=1, nextToken=first["nextToken"])
    assert {*rest, first["resourceShares"][0]["resourceShareArn"]} == {arn, other}
    ram.update_resource_share(resourceShareArn=arn, name="renamed")
    assert found(name="renamed") == [arn]


def test_what_can_be_shared_and_with_what_permission(region: Region, hub: str) -> None:
    arn = share(region, hub, permissionArns=[PERMISSION])
    ram = region.client("ram")
    types = [one["resourceType"] for one in ram.list_resource_types()["resourceTypes"]]
    assert KIND in types
    [permission] = ram.list_permissions(resourceType=KIND)["permissions"]
    assert (permission["arn"], permission["isResourceTypeDefault"]) == (PERMISSION, True)
    assert ram.list_permissions(permissionStatus="DELETED")["permissions"] == []
    [found] = ram.list_resource_share_permissions(resourceShareArn=arn)["permissions"]
    assert found["resourceType"] == KIND
    code = refusal(ram.list_permissions, resourceType="ec2:Host")
    assert code == "InvalidResourceTypeException"


def test_the_same_token_finds_the_same_share(region: Region) -> None:
    made = share(region, clientToken="once")
    assert share(region, clientToken="once") == made
    ram = region.client("ram")
    code = refusal(ram.create_resource_share, name="other", clientToken="once")
    assert code == "IdempotentParameterMismatchException"


def test_what_is_gone_is_told_as_unavailable(region: Region, hub: str) -> None:
    share(region, hub)
    ram, ec2 = region.client("ram"), region.client("ec2")
    ec2.delete_transit_gateway(TransitGatewayId=hub.rpartition("/")[2])
    region.wait(2 * 3600.0)
    [found] = ram.list_resources(resourceOwner="SELF", principal=OTHER)["resources"]
    assert (found["status"], found["type"]) == ("UNAVAILABLE", KIND)


def test_shares_that_cannot_be(region: Region, hub: str) -> None:
    ram = region.client("ram")
    theirs = arn_of(region, "transit-gateway", "tgw-1", OTHER)
    missing = arn_of(region, "transit-gateway", "tgw-0123456789abcdef0")
    far = missing.replace(REGION, "eu-central-1")
    refused: list[tuple[dict[str, Any], str]] = [
        ({"name": "no/slash"}, "InvalidParameterException"),
        ({"resourceArns": ["tgw-1"]}, "MalformedArnException"),
        ({"resourceArns": [theirs]}, "UnknownResourceException"),
        ({"resourceArns": [missing]}, "UnknownResourceException"),
        ({"resourceArns": [far]}, "UnknownResourceException"),
        ({"resourceArns": [arn_of(region, "instance", "i-1")]}, "InvalidParameterException"),
        ({"principals": [ACCOUNT]}, "InvalidParameterException"),
        ({"principals": ["arn:aws:iam::111111111111:role/x"]}, "InvalidParameterException"),
        (
            {"principals": [OTHER], "allowExternalPrincipals": False},
            "OperationNotPermittedException",
        ),
        ({"permissionArns": [PERMISSION + "2"]}, "InvalidParameterException"),
        ({"sources": [OTHER]}, "InvalidParameterException"),
        ({"tags": [{"key": "aws:x", "value": ""}]}, "InvalidParameterException"),
        (
            {"tags": [{"key": str(number), "value": ""} for number in range(51)]},
            "TagLimitExceededException",
        ),
    ]
    for more, code in refused:
        request = {"name": "ours", **more}
        assert (more, refusal(ram.create_resource_share, **request)) == (more, code)
    assert ram.get_resource_shares(resourceOwner="SELF")["resourceShares"] == []
    arn = share(region, hub)
    unknown = {"resourceShareArn": arn[:-1] + ("0" if arn[-1] != "0" else "1")}
    associate = {**unknown, "principals": [OTHER]}
    assert refusal(ram.associate_resource_share, **associate) == "UnknownResourceException"
    assert refusal(ram.update_resource_share, **unknown, name="x") == "UnknownResourceException"
    named = {"resourceShareArn": arn}
    assert refusal(ram.associate_resource_share, **named) == "InvalidParameterException"
    assert refusal(ram.update_resource_share, **named) == "MissingRequiredParameterException"
    code = refusal(ram.update_resource_share, **named, allowExternalPrincipals=False)
    assert code == "OperationNotPermittedException"
    listed = ram.get_resource_share_associations
    code = refusal(listed, associationType="PRINCIPAL", resourceArn=hub)
    assert code == "InvalidParameterException"
    code = refusal(ram.list_resources, resourceOwner="SELF", nextToken="seven")
    assert code == "InvalidNextTokenException"
    code = refusal(ram.enable_sharing_with_aws_organization)
    assert code == "NotImplemented"
