"""What hosts say of themselves, put together."""

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
