"""What an architecture costs a month: the parts in which architectures differ, from dated prices.

The prices are two tables (data/monthly_prices.csv, and what moves: world/prices.py; with their
sources); how much is used is what the drill's file says (`[monthly]`), and who is served from where
is what its run showed. Left out: functions and whatever else costs the same everywhere, free tiers,
and what gets cheaper with the terabytes.
"""

import csv
import math
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from antipodes.drills.history import History, Operation, Outcome
from antipodes.drills.model import Drill, MonthlyPart
from antipodes.world.countries import continent_of
from antipodes.world.prices import HOURS, transfer_prices
from antipodes.world.world import World

KB_PER_GB = 1 << 20
MILLION = 1e6
Served = Mapping[tuple[str, str], float]


class Line(NamedTuple):
    """A line of the bill."""

    what: str
    usd: float
    note: str = ""


class Price(NamedTuple):
    """USD for a unit, and whether somebody assumed it."""

    usd: float
    note: str


@cache
def prices() -> dict[tuple[str, str, str], Price]:
    """Prices by (what, from, to)."""
    text = files("antipodes.drills").joinpath("data/monthly_prices.csv").read_text()
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {
        (row["what"], row["from"], row["to"]): Price(float(row["usd"]), row["note"]) for row in rows
    }


def steady(drill: Drill, history: History) -> list[Operation]:
    """What was answered before anything broke."""
    _, begin_s, end_s = drill.phases()[0]
    return [
        operation
        for operation in history.operations
        if operation.outcome is Outcome.OK and begin_s <= operation.start_s < end_s
    ]


def served(drill: Drill, history: History) -> dict[tuple[str, str], float]:
    """The shares of what was served before anything broke, by city and region.

    Sessions through an accelerator do not tell who served them: then by nearness.
    """
    counts: dict[tuple[str, str], int] = {}
    for operation in steady(drill, history):
        way = operation.city, operation.served_by
        if operation.served_by:
            counts[way] = counts.get(way, 0) + 1
    if not counts:
        return _nearest(drill)
    total = sum(counts.values())
    return {way: count / total for way, count in sorted(counts.items())}


def _nearest(drill: Drill) -> dict[tuple[str, str], float]:
    """Everybody's nearest region, as an edge location sees it: where nobody tells who served."""
    world = drill.world.made()
    cities = drill.load.cities
    nearest = {city: world.nearest_edge(world.place(city)) for city in cities}
    return {
        (city, world.rank_regions(nearest[city], drill.world.regions)[0]): 1 / len(cities)
        for city in cities
    }


def monthly(drill: Drill, shares: Served) -> list[Line]:
    """The bill of a month, for a drill that says what people use; `shares` add up to 1."""
    part = drill.monthly
    assert part is not None, "the drill says what a month is like"
    regions = drill.world.regions
    lines = [
        Line("load balancers", len(regions) * part.balancers * HOURS * _price("balancer-hour").usd),
        *_table(part, drill.load.writes, len(regions)),
        *_transfer(part, drill.load.writes, regions, shares),
    ]
    if part.front == "accelerator":
        lines += _accelerator(part, drill.world.made(), shares)
    elif part.front == "latency-dns":
        queries = part.dns_queries_millions * _price("queries-latency").usd
        checks = len(regions) * part.health_checks * _price("health-check").usd
        lines.append(Line("DNS", _price("zone").usd + queries + checks))
    if part.licence_usd:
        lines.append(Line("licences", len(regions) * part.licence_usd))
    return lines


def _price(what: str, source: str = "", destination: str = "") -> Price:
    return prices()[what, source, destination]


def _table(part: MonthlyPart, writes: float, copies: int) -> list[Line]:
    """Every write is paid in every region that has the table, and so is what is kept."""
    units = math.ceil(part.item_kb)
    written = part.requests_millions * writes * units * copies * _price("table-write").usd
    read_units = math.ceil(part.item_kb / 4) / 2  # eventually consistent
    read = part.requests_millions * (1 - writes) * read_units * _price("table-read").usd
    return [
        Line("table: writes", written),
        Line("table: reads", read),
        Line("table: storage", part.stored_gb * copies * _price("table-storage").usd),
    ]


def _transfer(
    part: MonthlyPart, writes: float, regions: tuple[str, ...], shares: Served
) -> list[Line]:
    """What leaves regions: answers to people, and replicated writes to the other regions."""
    table = transfer_prices()
    requests = part.requests_millions * MILLION
    out = replicated = 0.0
    unpriced: dict[str, None] = {}
    for (_, region), share in shares.items():
        for kind in ("internet", "region"):
            if (region, kind) not in table:
                unpriced[region] = None
        answers_gb = requests * share * part.response_kb / KB_PER_GB
        out += answers_gb * table.get((region, "internet"), 0.0)
        moved_gb = requests * share * writes * part.item_kb / KB_PER_GB * (len(regions) - 1)
        replicated += moved_gb * table.get((region, "region"), 0.0)
    note = f"no price for {', '.join(unpriced)}" if unpriced else ""
    lines = [Line("transfer to people", out, note)]
    if len(regions) > 1:
        lines.append(Line("transfer between regions", replicated, note))
    return lines


def _accelerator(part: MonthlyPart, world: World, shares: Served) -> list[Line]:
    """Its hours, and its premium on the direction in which more moves."""
    atlas = world.atlas
    edges = {edge.place: edge.country for edge in atlas.edges}
    heavier_kb = max(part.request_kb, part.response_kb)
    premium, notes = 0.0, dict[str, None]()
    for (city, region), share in shares.items():
        source = continent_of(atlas.region(region).country)
        destination = continent_of(edges[world.nearest_edge(world.place(city))])
        price = prices().get(("accelerator-gb", source, destination)) or _price("accelerator-gb")
        if price.note:
            notes[f"{price.note} from {source} to {destination}"] = None
        gigabytes = part.requests_millions * MILLION * share * heavier_kb / KB_PER_GB
        premium += gigabytes * price.usd
    hours = HOURS * _price("accelerator-hour").usd
    return [Line("accelerator", hours), Line("accelerator: transfer", premium, "; ".join(notes))]
