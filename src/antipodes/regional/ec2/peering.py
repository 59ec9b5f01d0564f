"""What a peering of two networks, or of two hubs, goes through: rules only, time is an argument.

Each region keeps its own copy, and what two copies say is joined: whichever has come further
counts, and of each side what its own region said last. Joining is commutative, associative and
idempotent, so it does not matter in which order regions hear of each other, or how often.

Between regions a step needs both: a request is `initiating-request` until the accepter's region has
it, an acceptance `provisioning` and a deletion `deleting` until the other region knows. How long a
connection is shown that came to its end, and what can be done with it when: VPC Peering Guide,
"VPC peering connection lifecycle".
"""

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any, TypeVar

import msgspec

from antipodes.regional.ec2.modelhubs import HubPeering
from antipodes.regional.ec2.modelpeers import PeeredNetwork, Peering, Standing

REQUESTER, ACCEPTER = "requester", "accepter"
INITIATING, PENDING = "initiating-request", "pending-acceptance"
PROVISIONING, ACTIVE = "provisioning", "active"
FAILED, REJECTED, EXPIRED = "failed", "rejected", "expired"
DELETING, DELETED = "deleting", "deleted"
REQUESTED = (INITIATING, PENDING)
ACCEPTED = (PROVISIONING, ACTIVE)
LIVE = (*REQUESTED, *ACCEPTED)
ENDED = (FAILED, REJECTED, DELETED)
EXPIRES_S = 7 * 86400.0
STATES = {  # as those of hubs are called
    INITIATING: "initiatingRequest",
    PENDING: "pendingAcceptance",
    PROVISIONING: "pending",
    ACTIVE: "available",
    FAILED: "failed",
    REJECTED: "rejected",
    DELETING: "deleting",
    DELETED: "deleted",
}
_RANKS = {
    code: rank
    for rank, code in enumerate(
        (INITIATING, PENDING, PROVISIONING, ACTIVE, FAILED, REJECTED, DELETING, DELETED)
    )
}
_HOURS_S, _DAYS_S = 2 * 3600.0, 2 * 86400.0

P = TypeVar("P", Peering, HubPeering)


def code(of: Peering, now: float) -> str:
    """How far a peering has come, by now."""
    if of.standing.code in REQUESTED and now >= of.expires:
        return EXPIRED
    return of.standing.code


def joined(one: Peering, other: Peering) -> Peering:
    """What two copies of a peering say together."""
    return Peering(
        one.id,
        max(one.requester, other.requester, key=_said),
        max(one.accepter, other.accepter, key=_said),
        further(one.standing, other.standing),
        max(one.expires, other.expires),
    )


def joined_hubs(one: HubPeering, other: HubPeering) -> HubPeering:
    """What two copies of a peering of hubs say together: its sides never change."""
    return msgspec.structs.replace(one, standing=further(one.standing, other.standing))


def further(one: Standing, other: Standing) -> Standing:
    """Whichever has come further."""
    return max(one, other, key=_came)


def _said(side: PeeredNetwork) -> Any:
    return side.revision, side.resolves, side.prefixes


def _came(standing: Standing) -> Any:
    return _RANKS[standing.code], standing.since, standing.by


def confirmed(of: P) -> P:
    """A peering whose last step the other region made, now that this one knows of it."""
    after = {PROVISIONING: ACTIVE, DELETING: DELETED}.get(of.standing.code, of.standing.code)
    return standing(of, after, of.standing.since, of.standing.by)


def standing(of: P, code: str, since: float, by: str) -> P:
    """A peering that has come to another point."""
    return msgspec.structs.replace(of, standing=Standing(code, since, by))


def changed(of: Peering, role: str, **members: Any) -> Peering:
    """A peering of which one side has changed."""
    side: PeeredNetwork = getattr(of, role)
    after = msgspec.structs.replace(side, revision=side.revision + 1, **members)
    return msgspec.structs.replace(of, **{role: after})


def is_across(of: Peering | HubPeering) -> bool:
    """Whether the sides are in two regions."""
    return of.requester.region != of.accepter.region


def roles(of: Peering | HubPeering, account: str, region: str) -> tuple[str, ...]:
    """Which sides are an account's in a region."""
    sides = (REQUESTER, of.requester), (ACCEPTER, of.accepter)
    return tuple(role for role, side in sides if side.account == account and side.region == region)


def is_shown(of: Peering, own: Iterable[str], now: float) -> bool:
    """Whether those who have these sides of a peering still see it."""
    at, since, is_own = code(of, now), of.standing.since, {*own}
    within_account = of.requester.account == of.accepter.account
    if at == FAILED:
        return REQUESTER in is_own and now < since + _HOURS_S
    if at == EXPIRED:
        return now < of.expires + _DAYS_S
    if at not in {REJECTED, DELETED}:
        return True
    soon = within_account or of.standing.by in is_own
    return now < since + (_HOURS_S if soon else _DAYS_S)


def overlap(some: Iterable[str], others: Iterable[str]) -> bool:
    """Whether prefixes have an address in common."""
    ranges = [_range(other) for other in others]
    return any(
        version == version_ and first <= last_ and first_ <= last
        for version, first, last in map(_range, some)
        for version_, first_, last_ in ranges
    )


def _range(prefix: str) -> tuple[int, int, int]:
    network = ip_network(prefix)
    return network.version, int(network.network_address), int(network.broadcast_address)
