"""What is paid for what moves and for what stands in networks: dated tables, with their sources.

USD per GB that leaves a region are by region (data/transfer_prices.csv); all else is of us-east-1,
and stands for every region (data/network_prices.csv).
"""

import csv
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import NamedTuple

HOURS = 730.0  # of a month


class Price(NamedTuple):
    """USD for a unit, and what is to be known of it."""

    usd: float
    per: str
    note: str


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = files("antipodes.world").joinpath(f"data/{name}").read_text(encoding="utf-8")
    yield from csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))


@cache
def transfer_prices() -> dict[tuple[str, str], float]:
    """USD per GB by (region, where to): another region or `region`, `internet`, `zone`."""
    return {
        (row["region"], row["to"]): float(row["usd_per_gb"]) for row in _rows("transfer_prices.csv")
    }


@cache
def network_prices() -> dict[str, Price]:
    """What parts of networks cost, by their names."""
    return {
        row["what"]: Price(float(row["usd"]), row["per"], row["note"])
        for row in _rows("network_prices.csv")
    }
