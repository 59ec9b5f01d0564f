"""Where a flow goes: a pure function of what an edge location knows, the client, and the flow.

Groups are walked from the nearest. A group takes the share of flows that its dial accepts of those
that proximity brought it; the rest goes on to the next. If the chosen group has no healthy
endpoint with a weight, the next closest groups are tried, dials ignored, three in all; if none of
them has any, the flow goes to any endpoint of the nearest group (fail open). Inside a group,
weights and the hash of the flow decide. Where AWS's guide is silent (one group with a dial below
100): if all decline, the last group with a dial above 0 takes it.

A flow is hashed once, and only where something depends on it. Weights take the hash as it is, dials
its product with a number of the group's region.

Sources: Global Accelerator Developer Guide, "Traffic dials", "Endpoint weights", "How it works".
"""

from collections.abc import Callable, Sequence
from functools import cache
from hashlib import blake2b
from typing import NamedTuple
from zlib import crc32

from antipodes.edge.globalaccelerator.model import DIAL_MAX, TCP, UDP, Endpoint, Group, Listener

GROUPS_TRIED_MAX = 3
# Constants of SplitMix64 (Steele, Lea and Flood, 2014), whose output function mixes them in.
_MASK = (1 << 64) - 1
_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_WHOLE = 1 << 64


class Flow(NamedTuple):
    """One connection of a client, or its datagrams from one port."""

    client_ip: str
    client_port: int
    address: str
    port: int
    protocol: str = TCP


class Decision(NamedTuple):
    """Where a flow goes, and why."""

    endpoint: Endpoint
    group: Group
    reason: str

    @property
    def region(self) -> str:
        """The region of the endpoint."""
        return self.group.region


def nearest_first(listener: Listener, ranking: Sequence[str]) -> tuple[Group, ...]:
    """The groups that have endpoints, nearest first.

    `ranking` has the regions from an edge location; what it does not name comes last, by name.
    """
    ranks = {region: number for number, region in enumerate(ranking)}
    groups = [group for group in listener.groups if group.endpoints]
    last = len(ranks)
    return tuple(sorted(groups, key=lambda group: (ranks.get(group.region, last), group.region)))


def decide(
    affinity: str, groups: Sequence[Group], is_healthy: Callable[[str], bool], flow: Flow
) -> Decision | None:
    """Return where a flow goes; None where there is no endpoint at all.

    `affinity` is the listener's; `groups` are those that have endpoints, nearest first;
    `is_healthy` tells of an endpoint's health by its name.
    """
    if not groups:
        return None
    number = -1  # the flow's hash, once it is needed
    group, reason = groups[0], "nearest"
    if group.dial < DIAL_MAX:
        number = _number(affinity, flow)
        group, reason = _dialled(groups, number, is_healthy)
    usable = [e for e in group.endpoints if e.weight > 0 and is_healthy(e.health)]
    if not usable:
        return _elsewhere(
            groups, group, is_healthy, _number(affinity, flow) if number < 0 else number
        )
    if len(usable) == 1:
        return Decision(usable[0], group, reason)
    return Decision(
        _weighted(usable, _number(affinity, flow) if number < 0 else number), group, reason
    )


def _dialled(
    groups: Sequence[Group], number: int, is_healthy: Callable[[str], bool]
) -> tuple[Group, str]:
    """The group that proximity and dials give."""
    for position, group in enumerate(groups):
        if group.dial >= DIAL_MAX:
            return group, "nearest" if position == 0 else "beyond dial"
        drawn = number * _of_region(group.region) & _MASK  # each group draws for itself
        if drawn * DIAL_MAX < group.dial * _WHOLE:
            return group, "nearest" if position == 0 else "beyond dial"
    dialled = [group for group in groups if group.dial > 0]
    if dialled:
        return dialled[-1], "beyond dial"
    usable = [
        group
        for group in groups
        if any(e.weight > 0 and is_healthy(e.health) for e in group.endpoints)
    ]
    return (usable or groups)[0], "all dials at 0"


def _elsewhere(
    groups: Sequence[Group], chosen: Group, is_healthy: Callable[[str], bool], number: int
) -> Decision:
    """Failover, or fail open."""
    tried = 1
    for group in groups:
        if group is chosen:
            continue
        if tried == GROUPS_TRIED_MAX:
            break
        tried += 1
        usable = [e for e in group.endpoints if e.weight > 0 and is_healthy(e.health)]
        if usable:
            return Decision(_weighted(usable, number), group, f"failover from {chosen.region}")
    anything = groups[0].endpoints
    return Decision(anything[number % len(anything)], groups[0], "fail open")


def _weighted(endpoints: list[Endpoint], number: int) -> Endpoint:
    place = number % sum([endpoint.weight for endpoint in endpoints])
    for endpoint in endpoints:
        place -= endpoint.weight
        if place < 0:
            return endpoint
    raise AssertionError("weights do not add up")


def _number(affinity: str, flow: Flow) -> int:
    """A number of 64 bits, made of what counts of a flow: two or five things, by the affinity.

    Checksums tell texts apart, and are mixed as SplitMix64 does, since they spread too little.
    """
    client_ip, client_port, address, port, protocol = flow
    if affinity == "SOURCE_IP":
        mixed = crc32(address.encode(), crc32(client_ip.encode()))
    else:
        ports = port << 1 | (protocol == UDP)
        mixed = crc32(address.encode(), crc32(client_ip.encode(), client_port) ^ ports)
    mixed = (mixed + 1) * _GOLDEN & _MASK
    mixed = (mixed ^ mixed >> 30) * _FIRST & _MASK
    mixed = (mixed ^ mixed >> 27) * _SECOND & _MASK
    return mixed ^ mixed >> 31


@cache
def _of_region(region: str) -> int:
    """An odd factor that is a region's own, whatever other groups there are."""
    return int.from_bytes(blake2b(region.encode(), digest_size=8).digest()) | 1
