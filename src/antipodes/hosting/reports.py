"""What hosts say of themselves, put together."""

from collections.abc import Mapping
from typing import Any


def replication_ways(
    regions: tuple[str, ...], statuses: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Each way between two regions, from both ends: the source knows better what is pending."""
    heard, told = [], []
    for status in statuses:
        heard += status.get("replication", [])
        told += status.get("followed_by", [])
    ways: dict[tuple[str, str], dict[str, Any]] = {}
    for row in (*heard, *told):
        if row["destination"] in regions:
            way = ways.setdefault((row["source"], row["destination"]), {"connected": False})
            way.update(row)
    return list(ways.values())


def networks_as(
    account: str, told: Mapping[str, Mapping[str, dict[str, Any]]], *, of_any: bool = False
) -> dict[str, dict[str, Any]]:
    """The networks of all accounts, region by region, with names as one of them means them.

    What others call the same as something of its own goes without a name. To an account that has no
    networks nothing is told, since it is more likely mistyped than meant; unless it is `of_any`.
    """
    own = [found[account]["names"] for found in told.values() if account in found]
    if not (own or of_any):
        return {}
    taken = {called for names in own for called in names.values()}
    together: dict[str, dict[str, Any]] = {}
    for region, found in told.items():
        merged = together[region] = {}
        for whose, networks in found.items():
            names = networks["names"]
            if whose != account:
                names = {name: called for name, called in names.items() if called not in taken}
            for kind, things in (networks | {"names": names}).items():
                merged.setdefault(kind, {}).update(things)
        if account in found:
            merged["names"].update(found[account]["names"])
    return {region: merged for region, merged in together.items() if merged}
