"""A region in which accounts share what they have."""

from typing import Any

from antipodes.regional.ram.api import Ram
from tests.regional.elbv2.hosts import ACCOUNT, Region

OTHER, THIRD = "111111111111", "222222222222"


class Shared(Region):
    """A region with Resource Access Manager."""

    kinds = (*Region.kinds, Ram)


def share(region: Region, *arns: str, to: str = OTHER, **more: Any) -> str:
    """Share resources of the first account; the share's ARN."""
    ram = region.client("ram")
    made = ram.create_resource_share(
        **{"name": "ours", "resourceArns": list(arns), "principals": [to], **more}
    )
    arn: str = made["resourceShare"]["resourceShareArn"]
    return arn


def accept(region: Region, account: str = OTHER) -> None:
    """Accept all that an account is asked into."""
    ram = region.client("ram", account=account)
    for one in ram.get_resource_share_invitations()["resourceShareInvitations"]:
        if one["status"] == "PENDING":
            ram.accept_resource_share_invitation(
                resourceShareInvitationArn=one["resourceShareInvitationArn"]
            )


def lend(region: Region, *arns: str, to: str = OTHER) -> str:
    """Share resources, with their user's consent."""
    arn = share(region, *arns, to=to)
    accept(region, to)
    return arn


def arn_of(region: Region, kind: str, name: str, account: str = ACCOUNT) -> str:
    """The ARN of something of EC2's."""
    return f"arn:aws:ec2:{region.place}:{account}:{kind}/{name}"
