"""The peerings of transit gateways of all accounts in a region, and what may be done with them.

Each account has its copy, as with networks (`peerings`), and each of its hubs an attachment that
goes through what the peering goes through. Across regions both attachments have one id, which is
the peering's; in one region the accepter's has its own.

Rules: Transit Gateways guide, "Transit gateway peering attachments". A request stays until it is
answered. The codes of the errors for too many follow the one for gateways; AWS documents none.
"""

from collections.abc import Iterable

import msgspec

from antipodes.regional.ec2 import hubs, kinds, peering
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.modelhubs import AVAILABLE, Hub, HubAttachment, HubPeering, PeeredHub
from antipodes.regional.ec2.modelpeers import Standing
from antipodes.regional.ec2.peering import ACCEPTER, REQUESTER
from antipodes.service.contract import ServiceError
from antipodes.service.telling import Telling

PEERINGS_MAX = 50  # of a hub, by AWS's default quota
PENDING_MAX = 10  # of those


class HubPeerings:
    """The peerings of a region's hubs."""

    def __init__(self, estate: Estate, telling: Telling) -> None:
        self._estate = estate
        self._region = estate.host.place
        self._wall = estate.host.runtime.wall
        self._telling = telling
        telling.carry(
            kinds.HUB_ATTACHMENT.resource, HubPeering, estate.hub_peerings.find, self._hear
        )

    # What there is.

    def seen(self, account: str) -> list[HubPeering]:
        """What an account sees."""
        found = self._estate.hub_peerings.list(account)
        return [one for one in found if self._is_shown(one)]

    def get(self, account: str, name: str) -> HubPeering:
        """One of them, by the attachment of either hub."""
        for one in self.seen(account):
            if name in {one.requester.attachment, one.accepter.attachment}:
                return one
        raise self._estate.attachments.missing(name)

    def _is_shown(self, of: HubPeering) -> bool:
        ended = of.standing.code in peering.ENDED
        return not ended or self._wall() < of.standing.since + hubs.ENDED_SHOWN_S

    def _live(self, account: str, hub: str) -> list[HubPeering]:
        """The peerings of a hub that are requested or accepted."""
        return [
            one
            for one in self._estate.hub_peerings.list(account)
            if hub in {one.requester.hub, one.accepter.hub} and one.standing.code in peering.LIVE
        ]

    # From a request to its end.

    def check_request(self, hub: Hub, peer: str) -> None:
        """Refuse a second peering of two hubs, and more than a hub may have."""
        if hub.id == peer:
            raise ServiceError("InvalidParameterValue", f"{hub.id} cannot be peered with itself.")
        live = self._live(hub.account, hub.id)
        _check_pair(live, hub.id, peer)
        pending = [one for one in live if one.standing.code in peering.REQUESTED]
        if len(live) >= PEERINGS_MAX or len(pending) >= PENDING_MAX:
            raise _too_many()

    def request(self, hub: Hub, account: str, region: str, peer: str) -> HubPeering:
        """Ask for a peering with somebody's hub in a region; return it as it is asked for."""
        self._forget(hub.account)
        name, now = self._estate.attachments.new_id(), self._wall()
        far = name if region != self._region else self._estate.attachments.new_id()
        asked = HubPeering(
            name,
            PeeredHub(hub.account, self._region, hub.id, name),
            PeeredHub(account, region, peer, far),
            Standing(peering.INITIATING, now, REQUESTER),
            now,
        )
        self.keep(asked if peering.is_across(asked) else self._considered(asked))
        return asked

    def _considered(self, asked: HubPeering) -> HubPeering:
        """What becomes of a request in the region of the hub that is asked for."""
        side = asked.accepter
        is_there = self._estate.hubs.find(side.account, side.hub) is not None
        code = peering.PENDING if is_there else peering.FAILED
        return peering.standing(asked, code, self._wall(), REQUESTER)

    def accepted(self, account: str, of: HubPeering) -> HubPeering:
        """A peering, accepted."""
        self._check_accepter(account, of, "accept")
        _check_step(of, (peering.PENDING,))
        live = self._live(account, of.accepter.hub)
        active = [one for one in live if one.standing.code in peering.ACCEPTED]
        _check_pair(active, of.requester.hub, of.accepter.hub)
        if len(active) >= PEERINGS_MAX:
            raise _too_many()
        after = peering.PROVISIONING if peering.is_across(of) else peering.ACTIVE
        return peering.standing(of, after, self._wall(), ACCEPTER)

    def rejected(self, account: str, of: HubPeering) -> HubPeering:
        """A peering, rejected."""
        self._check_accepter(account, of, "reject")
        _check_step(of, (peering.PENDING,))
        return peering.standing(of, peering.REJECTED, self._wall(), ACCEPTER)

    def deleted(self, account: str, of: HubPeering) -> HubPeering:
        """A peering, deleted by either side."""
        _check_step(of, peering.LIVE)
        after = peering.DELETING if peering.is_across(of) else peering.DELETED
        by = peering.roles(of, account, self._region)[0]
        return peering.standing(of, after, self._wall(), by)

    def _check_accepter(self, account: str, of: HubPeering, verb: str) -> None:
        side = of.accepter
        if (side.account, side.region) != (account, self._region):
            raise ServiceError(
                "OperationNotPermitted",
                f"{of.id} can be {verb}ed by account {side.account} in region {side.region} only.",
            )

    # Copies.

    def keep(self, of: HubPeering) -> None:
        """Keep a change that was made here, and see that the other region hears of it."""
        self._put(of)
        for own, far in ((of.requester, of.accepter), (of.accepter, of.requester)):
            if own.region == self._region != far.region:
                self._telling.owe(far.region, own.account, of.id)

    def _put(self, of: HubPeering) -> None:
        """A request that fails at once is never seen by who was asked."""
        table = self._estate.hub_peerings
        for role, own, far in (
            (REQUESTER, of.requester, of.accepter),
            (ACCEPTER, of.accepter, of.requester),
        ):
            if own.region != self._region:
                continue
            is_new = table.find(own.account, of.id) is None
            if role == REQUESTER or not is_new or of.standing.code in peering.LIVE:
                table.put(own.account, of.id, of)
                self._attach(of, own, far)

    def _attach(self, of: HubPeering, own: PeeredHub, far: PeeredHub) -> None:
        """Have a hub's attachment stand where its peering stands; when it works it has a table."""
        estate, state = self._estate, peering.STATES[of.standing.code]
        hub = estate.hubs.find(own.account, own.hub)
        had = estate.attachments.find(own.account, own.attachment)
        had = had or estate.ended_attachments.find(own.account, own.attachment)
        if had is None and hub is not None:
            number = hub.attached + 1
            estate.hubs.put(hub.account, hub.id, msgspec.structs.replace(hub, attached=number))
            had = HubAttachment(
                *(own.attachment, own.account, own.hub, hubs.PEERING, far.hub, number),
                made_at=of.made_at,
                owner=far.account,
            )
        if had is None:
            return
        table = had.table
        if hub is not None and state == AVAILABLE != had.state:
            table = hub.associates
        after = msgspec.structs.replace(had, state=state, table=table)
        if of.standing.code in peering.ENDED:
            hubs.end(estate, estate.attachments, estate.ended_attachments, after)
        else:
            estate.attachments.put(own.account, after.id, after)

    def _hear(self, told: HubPeering) -> HubPeering:
        """Take what another region says; return what is known here then."""
        sides = (told.requester, told.accepter)
        [here] = [side for side in sides if side.region == self._region]
        known = self._estate.hub_peerings.find(here.account, told.id)
        heard = peering.confirmed(told)
        if known is not None:
            heard = peering.joined_hubs(known, heard)
        elif heard.standing.code == peering.INITIATING:
            heard = self._considered(heard)
        if heard != known:
            self._put(heard)
        return heard

    def _forget(self, account: str) -> None:
        """Forget what the account does not see any more."""
        for one in self._estate.hub_peerings.list(account):
            regions = one.requester.region, one.accepter.region
            if not self._is_shown(one) and not any(
                self._telling.owes(region, one.id) for region in regions
            ):
                self._estate.hub_peerings.delete(account, one.id)


def _check_pair(live: Iterable[HubPeering], hub: str, peer: str) -> None:
    for one in live:
        if {one.requester.hub, one.accepter.hub} == {hub, peer}:
            raise ServiceError(
                "DuplicateTransitGatewayAttachment",
                f"{hub} has a non-deleted peering attachment with {peer}: {one.id}.",
            )


def _check_step(of: HubPeering, before: Iterable[str]) -> None:
    if of.standing.code not in before:
        raise ServiceError("IncorrectState", f"{of.id} is in invalid state")


def _too_many() -> ServiceError:
    return ServiceError(
        "TransitGatewayPeeringAttachmentLimitExceeded",
        f"A transit gateway has at most {PEERINGS_MAX} peering attachments, {PENDING_MAX} of "
        "them pending.",
    )
