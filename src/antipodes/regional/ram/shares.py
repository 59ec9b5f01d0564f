"""The resource shares of all accounts in a region, who was asked into them, and what follows.

Whether an account is in a share follows from its invitation: it is being associated while that is
pending, and is not when it was rejected or has expired. After each change, what the owner gives is
told anew (`service.sharing`).
"""

import re
from collections.abc import Iterator, Sequence

import msgspec

from antipodes.regional.ram.kinds import KINDS, Kind
from antipodes.regional.ram.model import (
    ACCEPTED,
    ASSOCIATED,
    ASSOCIATING,
    DISASSOCIATED,
    EXPIRED,
    PENDING,
    Entity,
    Invitation,
    Share,
)
from antipodes.service.contract import Host, ServiceError
from antipodes.service.drawing import uuid
from antipodes.service.records import Records
from antipodes.service.sharing import Grant, Sharing

ANSWERED_WITHIN_S = 7 * 86400.0
ENDED_SHOWN_S = 2 * 3600.0
INVITATIONS_MAX = 250  # of an account that are pending
ENTITIES_MAX = 5000  # of a share, resources and accounts each
_SHARE = re.compile(r"arn:aws:ram:([a-z0-9-]+):([0-9]{12}):resource-share/([0-9a-f-]{36})")
_INVITATION = re.compile(
    r"arn:aws:ram:([a-z0-9-]+):([0-9]{12}):resource-share-invitation/([0-9a-f-]{36})"
)
_RESOURCE = re.compile(r"arn:aws:([a-z0-9-]+):([a-z0-9-]+):([0-9]{12}):([a-z-]+)/(\S+)")


class Resource(msgspec.Struct, frozen=True):
    """What a resource's ARN says."""

    kind: Kind
    account: str
    id: str


class Shares:
    """The resource shares of a region."""

    def __init__(self, host: Host) -> None:
        self._place = host.place
        self._wall = host.runtime.wall
        self._chance = host.runtime.chance("ram/ids")
        self._shares = Records(host.store, "ram/share", Share)
        self._invitations = Records(host.store, "ram/invitation", Invitation)  # by receiver
        self._sharing = Sharing(host.store)

    # ARNs.

    def arn(self, of: Share) -> str:
        """The ARN of a share."""
        return f"arn:aws:ram:{self._place}:{of.account}:resource-share/{of.id}"

    def invitation_arn(self, of: Invitation) -> str:
        """The ARN of an invitation."""
        return f"arn:aws:ram:{self._place}:{of.sender}:resource-share-invitation/{of.id}"

    def resource(self, arn: str) -> Resource:
        """What an ARN names, of a kind that can be shared, in this region."""
        found = _RESOURCE.fullmatch(arn)
        if found is None:
            raise malformed(arn)
        service, region, account, resource, name = found.groups()
        for kind in KINDS:
            if (kind.service, kind.resource) == (service, resource):
                if region != self._place:
                    raise unknown(arn)
                return Resource(kind, account, name)
        raise ServiceError(
            "InvalidParameterException", f"Resources of the type of {arn} cannot be shared here."
        )

    # Shares.

    def new(self, account: str, name: str, token: str, *, external: bool) -> Share:
        """A share with nothing in it, not kept yet."""
        now = self._wall()
        return Share(uuid(self._chance), account, name, external, (), (), now, now, token=token)

    def of_account(self, account: str) -> list[Share]:
        """An account's shares, and those that it deleted lately."""
        return [one for one in self._shares.list(account) if self._is_shown(one)]

    def _is_shown(self, of: Share) -> bool:
        return not of.ended or self._wall() < of.changed_at + ENDED_SHOWN_S

    def find(self, arn: str) -> Share:
        """The share of an ARN, whoever's it is."""
        found = _SHARE.fullmatch(arn)
        if found is None:
            raise malformed(arn)
        region, account, name = found.groups()
        share = self._shares.get(account, name) if region == self._place else None
        if share is None or not self._is_shown(share):
            raise unknown(arn)
        return share

    def own(self, account: str, arn: str) -> Share:
        """A share of an account's own, that is not deleted."""
        found = self.find(arn)
        if found.account != account:
            raise unknown(arn)
        if found.ended:
            raise ServiceError("InvalidStateTransitionException", f"{arn} is deleted.")
        return found

    def joined(self, account: str) -> list[Share]:
        """The shares of others that an account is in."""
        found = []
        for invitation in self._invitations.list(account):
            share = self._shares.get(invitation.sender, invitation.share)
            if share is not None and self._is_in(share, account):
                found.append(share)
        return list(dict.fromkeys(found))

    def _is_in(self, share: Share, account: str) -> bool:
        return any(
            one.name == account and self.status(one) == ASSOCIATED for one in share.principals
        )

    def keep(self, of: Share) -> Share:
        """Keep a share as it is now, and tell who may use what."""
        for one in self._shares.list(of.account):
            if not self._is_shown(one):
                self._forget(one)
        changed = msgspec.structs.replace(of, changed_at=self._wall())
        self._shares.put(of.account, of.id, changed)
        self._sharing.tell(of.account, self._grants(of.account))
        return changed

    def _forget(self, share: Share) -> None:
        for one in share.principals:
            self._invitations.delete(one.name, one.invitation)
        self._shares.delete(share.account, share.id)

    def _grants(self, owner: str) -> Iterator[Grant]:
        for share in self._shares.list(owner):
            users = [one.name for one in share.principals if self.status(one) == ASSOCIATED]
            for resource in share.resources:
                if self.status(resource) == ASSOCIATED:
                    found = self.resource(resource.name)
                    yield from (Grant(user, found.kind.type, found.id) for user in users)

    # What is in them.

    def status(self, of: Entity) -> str:
        """Whether something is in a share."""
        if of.ended:
            return DISASSOCIATED
        if not of.invitation:
            return ASSOCIATED
        invitation = self._invitations.get(of.name, of.invitation)
        said = self.answer(invitation) if invitation is not None else EXPIRED
        return {PENDING: ASSOCIATING, ACCEPTED: ASSOCIATED}.get(said, DISASSOCIATED)

    def shown(self, entities: Sequence[Entity]) -> list[Entity]:
        """What is in a share, and what left it lately."""
        since = self._wall() - ENDED_SHOWN_S
        return [one for one in entities if not one.ended or one.changed_at > since]

    def has(self, entities: Sequence[Entity], name: str) -> bool:
        """Whether something is in a share, or is asked into it."""
        return any(one.name == name and self.status(one) != DISASSOCIATED for one in entities)

    def added(
        self, of: Share, resources: Sequence[str], principals: Sequence[str]
    ) -> tuple[Share, list[Entity], list[Entity]]:
        """A share with more in it, not kept yet, and what is new; what is there already stays."""
        now = self._wall()
        new = [
            Entity(one, now, now)
            for one in dict.fromkeys(resources)
            if not self.has(of.resources, one)
        ]
        wanted = [one for one in dict.fromkeys(principals) if not self.has(of.principals, one)]
        if self._pending(of.account) + len(wanted) > INVITATIONS_MAX:
            raise _too_many(f"An account has at most {INVITATIONS_MAX} pending invitations.")
        asked = []
        for account in wanted:
            invitation = Invitation(uuid(self._chance), of.id, of.account, account, now)
            self._invitations.put(account, invitation.id, invitation)
            asked.append(Entity(account, now, now, invitation=invitation.id))
        share = msgspec.structs.replace(
            of,
            resources=(*self._without(of.resources, new), *new),
            principals=(*self._without(of.principals, asked), *asked),
        )
        return share, new, asked

    def check_room(self, of: Share, resources: int, principals: int) -> None:
        """Refuse more than a share may have in it."""
        for there, more in ((of.resources, resources), (of.principals, principals)):
            if sum(not one.ended for one in there) + more > ENTITIES_MAX:
                raise _too_many(f"A resource share has at most {ENTITIES_MAX} of each.")

    def _without(self, there: Sequence[Entity], new: Sequence[Entity]) -> list[Entity]:
        names = {one.name for one in new}
        return [one for one in self.shown(there) if one.name not in names]

    def ended(self, entities: Sequence[Entity], names: Sequence[str]) -> tuple[Entity, ...]:
        """What is in a share after some left it; who was only asked is asked no more."""
        now, after = self._wall(), []
        for one in self.shown(entities):
            found = one
            if one.name in names and not one.ended:
                found = msgspec.structs.replace(one, ended=True, changed_at=now)
                if self.status(one) == ASSOCIATING:
                    self._invitations.delete(one.name, one.invitation)
            after.append(found)
        return tuple(after)

    # Invitations.

    def _pending(self, sender: str) -> int:
        return sum(
            invitation.sender == sender and self.answer(invitation) == PENDING
            for _, _, invitation in self._invitations.all()
        )

    def answer(self, of: Invitation) -> str:
        """What was said to an invitation; after a week without an answer it has expired."""
        if of.status == PENDING and self._wall() >= of.made_at + ANSWERED_WITHIN_S:
            return EXPIRED
        return of.status

    def invitations(self, account: str) -> list[Invitation]:
        """The invitations of an account."""
        return self._invitations.list(account)

    def invitation(self, account: str, arn: str) -> Invitation:
        """An invitation of an account."""
        found = _INVITATION.fullmatch(arn)
        if found is None:
            raise malformed(arn)
        region, sender, name = found.groups()
        invitation = self._invitations.get(account, name) if region == self._place else None
        if invitation is None or invitation.sender != sender:
            raise ServiceError(
                "ResourceShareInvitationArnNotFoundException", f"Invitation {arn} is not there."
            )
        return invitation

    def share_of(self, of: Invitation) -> Share | None:
        """The share that somebody was asked into, if it is still there."""
        return self._shares.get(of.sender, of.share)

    def answered(self, of: Invitation, status: str, token: str) -> Invitation:
        """Keep what was said to an invitation, and tell who may use what."""
        after = msgspec.structs.replace(of, status=status, token=token)
        self._invitations.put(of.receiver, of.id, after)
        self._sharing.tell(of.sender, self._grants(of.sender))
        return after


def malformed(arn: str) -> ServiceError:
    """The error for what is no ARN, or none of what is asked for."""
    return ServiceError("MalformedArnException", f"The ARN {arn} is not valid.")


def unknown(arn: str) -> ServiceError:
    """The error for what is not there, or is somebody else's."""
    return ServiceError("UnknownResourceException", f"{arn} could not be found.")


def _too_many(message: str) -> ServiceError:
    return ServiceError("ResourceShareLimitExceededException", message)
