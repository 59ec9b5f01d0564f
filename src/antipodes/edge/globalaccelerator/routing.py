"""Where a flow goes: a pure function of what an edge location knows, the client, and the flow.

Groups are walked from the nearest. A group takes the share of flows that its dial accepts of those
that proximity brought it; the rest goes on to the next. If the chosen group has no healthy
endpoint with a weight, the next closest groups are tried, dials ignored, three in all; if none of
them has any, the flow goes to any endpoint of the nearest group (fail open). Inside a group,
weights and the hash of the flow decide. Where AWS's guide is silent (one group with a dial below
100): if all decline, the last group with a dial above 0 takes it.

Sources: Global Accelerator Developer Guide, "Traffic dials", "Endpoint weights", "How it works".
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from antipodes.edge.globalaccelerator.model import DIAL_MAX, Endpoint, Group, Listener

GROUPS_TRIED_MAX = 3


class Flow(NamedTuple):
    """One connection of a client."""

    client_ip: str
    client_port: int
    address: str
    port: int


_Key = tuple[Listener, Flow]  # rarely asked for, so made into text only then


class Decision(NamedTuple):
    """Where a flow goes, and why."""

    endpoint: Endpoint
    region: str
    reason: str


def decide(
    listener: Listener,
    ranking: Sequence[str],
    is_healthy: Callable[[str], bool],
    flow: Flow,
) -> Decision | None:
    """Return where a flow goes; None where the listener has no endpoint at all.

    `ranking` has the regions from this edge location, nearest first; `is_healthy` tells of an
    endpoint by its ARN.
    """
    groups = [group for group in listener.groups if group.endpoints]
    if not groups:
        return None
    if len(groups) > 1:
        groups = _nearest_first(groups, ranking)
    key = listener, flow
    chosen, reason = _choose(groups, key, is_healthy)
    usable = _usable(chosen, is_healthy)
    if usable:
        return Decision(_weighted(usable, key), chosen.region, reason)
    others = [group for group in groups if group is not chosen]
    for group in others[: GROUPS_TRIED_MAX - 1]:
        usable = _usable(group, is_healthy)
        if usable:
            why = f"failover from {chosen.region}"
            return Decision(_weighted(usable, key), group.region, why)
    anything = list(groups[0].endpoints)
    endpoint = anything[int(_point(key, "open") * len(anything))]
    return Decision(endpoint, groups[0].region, "fail open")


def _choose(groups: list[Group], key: _Key, is_healthy: Callable[[str], bool]) -> tuple[Group, str]:
    """The group that proximity and dials give."""
    for number, group in enumerate(groups):
        full = group.dial >= DIAL_MAX  # every point is below it
        if full or _point(key, f"dial/{group.region}") < group.dial / DIAL_MAX:
            return group, "nearest" if number == 0 else "beyond dial"
    dialled = [group for group in groups if group.dial > 0]
    if dialled:
        return dialled[-1], "beyond dial"
    usable = [group for group in groups if _usable(group, is_healthy)]
    return (usable or groups)[0], "all dials at 0"


def _nearest_first(groups: list[Group], ranking: Sequence[str]) -> list[Group]:
    """By the ranking; what it does not name comes last, by name."""
    by_region = {group.region: group for group in groups}
    ranked = [by_region[region] for region in ranking if region in by_region]
    if len(ranked) == len(groups):
        return ranked
    return sorted(groups, key=lambda group: (_rank(ranking, group.region), group.region))


def _rank(ranking: Sequence[str], region: str) -> int:
    return ranking.index(region) if region in ranking else len(ranking)


def _usable(group: Group, is_healthy: Callable[[str], bool]) -> list[Endpoint]:
    return [e for e in group.endpoints if e.weight > 0 and is_healthy(e.arn)]


def _weighted(endpoints: list[Endpoint], key: _Key) -> Endpoint:
    if len(endpoints) == 1:
        return endpoints[0]
    point = _point(key, "weight") * sum(endpoint.weight for endpoint in endpoints)
    for endpoint in endpoints:
        point -= endpoint.weight
        if point < 0:
            return endpoint
    return endpoints[-1]


def _hashed(key: _Key) -> str:
    """What is hashed: two or five things, by the client affinity."""
    listener, flow = key
    if listener.affinity == "SOURCE_IP":
        return f"{flow.client_ip} {flow.address}"
    return f"{flow.client_ip} {flow.client_port} {flow.address} {flow.port} TCP"


def _point(key: _Key, purpose: str) -> float:
    """A point in [0, 1) that depends on the flow and the purpose only."""
    digest = hashlib.blake2b(f"{purpose} {_hashed(key)}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
