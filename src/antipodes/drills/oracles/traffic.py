"""What moved between places: what it would cost, and whether it was allowed to leave.

Prices are a table (world/data/transfer_prices.csv, with its sources), per GB (2^30
bytes) that leaves a region: to another region, to the internet, or to another zone (charged on both
sides). What comes in costs nothing, nor does what edge locations pass on, since it was charged when
it left its region. Not in it: the accelerator's premium, requests, capacity, hours, and what gets
cheaper with the terabytes.
"""

import re
from functools import cache
from typing import NamedTuple

from antipodes.drills.history import History, Transfer
from antipodes.drills.oracles.index import Index
from antipodes.world.prices import transfer_prices

GB = 1 << 30
UNTOLD = "traffic"  # bytes of which nobody can tell what they were
_REGION = re.compile(r"([a-z]{2}(?:-[a-z]+)+-\d+)(?:/|$)")
_OUTSIDE = re.compile(r"(?:city|site|edge)/|edge$")


@cache
def region_of(place: str) -> str:
    """The region that a place is in; empty for cities, edge locations and everything else."""
    match = _REGION.match(place)
    return match.group(1) if match else ""


class Cost(NamedTuple):
    """What the traffic would cost; unpriced are ways that the table has no price for."""

    usd: float
    bytes: dict[str, int]  # by kind of way: region, zone, internet
    unpriced: list[str]


def cost(history: History | Index) -> Cost:
    """Price everything that moved."""
    table = transfer_prices()
    usd = 0.0
    moved = {"region": 0, "zone": 0, "internet": 0}
    unpriced: dict[str, None] = {}
    for transfer in _transfers(history):
        kind, destination = _way(transfer)
        if not kind:
            continue
        moved[kind] += transfer.bytes
        source = region_of(transfer.source)
        price = table.get((source, destination), table.get((source, kind)))
        if price is None:
            unpriced[f"{source} to {destination}"] = None
        else:
            usd += price * transfer.bytes / GB
    return Cost(usd, moved, list(unpriced))


def _transfers(history: History | Index) -> list[Transfer]:
    return (history.history if isinstance(history, Index) else history).transfers


def _way(transfer: Transfer) -> tuple[str, str]:
    """The kind of way that is charged for, and where it leads; empty where nothing is charged."""
    source, destination = region_of(transfer.source), region_of(transfer.destination)
    if not source or transfer.source == transfer.destination:
        return "", ""
    if destination and destination != source:
        return "region", destination
    if destination:
        zones = "/" in transfer.source and "/" in transfer.destination
        return ("zone", "zone") if zones else ("", "")
    return ("internet", "internet") if _OUTSIDE.match(transfer.destination) else ("", "")


class Departure(NamedTuple):
    """Bytes that came to a region where they must not be."""

    what: str
    source: str
    region: str
    bytes: int


class Residency(NamedTuple):
    """What left, and what cannot be told."""

    departures: list[Departure]
    untold: list[str]  # why it cannot be told


def residency(history: History | Index, allowed: dict[str, tuple[str, ...]]) -> Residency:
    """Judge where the bytes of each `what` went, against the regions where they may be."""
    transfers = [t for t in _transfers(history) if t.bytes and region_of(t.destination)]
    told_apart = all(t.what != UNTOLD for t in _transfers(history))
    departures: dict[tuple[str, str, str], int] = {}
    untold: dict[str, None] = {}
    for what, regions in sorted(allowed.items()):
        own = [t for t in transfers if t.what == what]
        for transfer in own:
            source, destination = region_of(transfer.source), region_of(transfer.destination)
            if destination not in regions and source != destination:
                way = (what, source, destination)
                departures[way] = departures.get(way, 0) + transfer.bytes
        blurred = [
            t
            for t in transfers
            if t.what == UNTOLD
            and region_of(t.source) in regions
            and region_of(t.destination) not in regions
        ]
        if blurred and not own:
            untold[f"of what went to {region_of(blurred[0].destination)} nobody can tell"] = None
        elif not own and told_apart:
            untold[f"nothing of {what} was seen to move"] = None
    found = [Departure(*way, size) for way, size in sorted(departures.items())]
    return Residency(found, list(untold))
