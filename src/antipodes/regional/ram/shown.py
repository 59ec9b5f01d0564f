"""Shares, what is in them, and invitations, as the API shows them."""

from typing import Any

from antipodes.regional.ram.kinds import Kind, permission_arn
from antipodes.regional.ram.model import ACTIVE, DELETED, Entity, Invitation, Share
from antipodes.regional.ram.shares import Shares

PRINCIPAL, RESOURCE = "PRINCIPAL", "RESOURCE"
Thing = dict[str, Any]


def tags(of: Share) -> list[Thing]:
    """A share's tags."""
    return [{"key": key, "value": value} for key, value in of.tags]


def share(shares: Shares, of: Share, *, own: bool = True) -> Thing:
    """A share; its tags are its owner's."""
    found: Thing = {
        "resourceShareArn": shares.arn(of),
        "name": of.name,
        "owningAccountId": of.account,
        "allowExternalPrincipals": of.external,
        "status": DELETED if of.ended else ACTIVE,
        "creationTime": of.made_at,
        "lastUpdatedTime": of.changed_at,
        "featureSet": "STANDARD",
    }
    return found | ({"tags": tags(of)} if own else {})


def association(shares: Shares, of: Share, entity: Entity, kind: str, status: str = "") -> Thing:
    """Something in a share; every account is outside of its owner's organization."""
    return {
        "resourceShareArn": shares.arn(of),
        "resourceShareName": of.name,
        "associatedEntity": entity.name,
        "associationType": kind,
        "status": status or shares.status(entity),
        "creationTime": entity.made_at,
        "lastUpdatedTime": entity.changed_at,
        "external": kind == PRINCIPAL,
    }


def invitation(shares: Shares, of: Invitation, to: Share) -> Thing:
    """An invitation."""
    return {
        "resourceShareInvitationArn": shares.invitation_arn(of),
        "resourceShareName": to.name,
        "resourceShareArn": shares.arn(to),
        "senderAccountId": of.sender,
        "receiverAccountId": of.receiver,
        "invitationTimestamp": of.made_at,
        "status": shares.answer(of),
    }


def resource(shares: Shares, of: Share, entity: Entity, *, there: bool) -> Thing:
    """A resource that is shared."""
    return {
        "arn": entity.name,
        "type": shares.resource(entity.name).kind.type,
        "resourceShareArn": shares.arn(of),
        "status": "AVAILABLE" if there else "UNAVAILABLE",
        "creationTime": entity.made_at,
        "lastUpdatedTime": entity.changed_at,
        "resourceRegionScope": "REGIONAL",
    }


def permission(of: Kind) -> Thing:
    """The default permission of a kind of resources."""
    return {
        "arn": permission_arn(of),
        "version": "1",
        "defaultVersion": True,
        "name": of.permission,
        "resourceType": of.type,
        "status": "ATTACHABLE",
        "isResourceTypeDefault": True,
        "permissionType": "AWS_MANAGED",
        "featureSet": "STANDARD",
    }
