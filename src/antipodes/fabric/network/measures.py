"""What a way costs and allows: latency, the largest packet, the rate of one flow, what is charged.

A part of a network that stands in a region as a whole is as near as whoever comes to it; between
zones and between regions the way takes its time. Crossing zones and regions is charged, and so is
passing what has a charge of its own, such as a line to somebody's own site.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from antipodes.fabric.network.walking import Step

ZONE_CROSSED, REGION_CROSSED = "zone crossed", "region crossed"
SITE = "site/"  # what the places begin with that are in no region
INSIDE_MTU = 9001  # bytes, inside a network and between two that are joined in one region


class Measures(NamedTuple):
    """Of one way, in one direction."""

    latency_ms: float
    mtu: int
    gbps: float  # of one flow; 0: no part has a limit of its own
    charges: tuple[str, ...]  # for each gigabyte, in the order of the way


def measured(steps: Sequence[Step], one_way_ms: Callable[[str, str], float]) -> Measures:
    """Measure a way; `one_way_ms` is the world's latency from one place to another."""
    latency, mtu, gbps, at = 0.0, INSIDE_MTU, 0.0, ""
    charges: list[str] = []
    last = None
    for step in steps:
        hop = step.hop
        mtu = min(mtu, hop.mtu) if hop.mtu else mtu
        if hop.gbps:
            gbps = min(gbps, hop.gbps) if gbps else hop.gbps
        if hop.charge and hop != last:
            charges.append(hop.charge)
        last = hop
        if not hop.place or _is_in(at, hop.place):
            continue
        if at and not _is_in(hop.place, at):
            latency += one_way_ms(at, hop.place)
            if not any(one.startswith(SITE) for one in (at, hop.place)):
                same = _region(at) == _region(hop.place)
                charges.append(ZONE_CROSSED if same else REGION_CROSSED)
        at = hop.place
    return Measures(latency, mtu, gbps, tuple(charges))


def _is_in(place: str, other: str) -> bool:
    return place == other or place.startswith(f"{other}/")


def _region(place: str) -> str:
    return place.partition("/")[0]
