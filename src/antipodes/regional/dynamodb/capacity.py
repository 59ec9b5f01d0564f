"""Consumed capacity, exactly ("Capacity unit consumption", Developer Guide)."""

from collections.abc import Iterable
from typing import Any

WRITE_BYTES, READ_BYTES = 1024, 4096


def write_units(*sizes: int, transactional: bool = False) -> float:
    """Units of a write: the larger of old and new item, at least one."""
    units = max(1, -(-max(sizes, default=0) // WRITE_BYTES))
    return float(units * (2 if transactional else 1))


def read_units(size: int, *, consistent: bool, transactional: bool = False) -> float:
    """Units of a read of so many bytes, at least the smallest."""
    units = max(1, -(-size // READ_BYTES))
    if transactional:
        return float(units * 2)
    return float(units) if consistent else units / 2


def consumed(request: dict[str, Any], table: str, units: float) -> dict[str, Any]:
    """The ConsumedCapacity member of a response, where it was asked for."""
    wanted = request.get("ReturnConsumedCapacity") or "NONE"
    if wanted == "NONE":
        return {}
    return {"ConsumedCapacity": _shape(wanted, table, units)}


def consumed_by_table(
    request: dict[str, Any], units: Iterable[tuple[str, float]]
) -> dict[str, Any]:
    """The same for an operation on several tables."""
    wanted = request.get("ReturnConsumedCapacity") or "NONE"
    if wanted == "NONE":
        return {}
    totals: dict[str, float] = {}
    for table, value in units:
        totals[table] = totals.get(table, 0.0) + value
    return {"ConsumedCapacity": [_shape(wanted, t, u) for t, u in totals.items()]}


def _shape(wanted: str, table: str, units: float) -> dict[str, Any]:
    found: dict[str, Any] = {"TableName": table, "CapacityUnits": units}
    if wanted == "INDEXES":
        found["Table"] = {"CapacityUnits": units}
    return found
