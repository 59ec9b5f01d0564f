"""Capacity of global indexes as their owners set it: units, maxima of on-demand, warm throughput.

An index has its own of everything that a table has (throughput.py), by the same rules. Wording as
observed of AWS (ack-api-quirks, services/dynamodb, DDB-TABLE-128, 134, 135, 152, 155, 164).
"""

from typing import Any

import msgspec

from antipodes.regional.dynamodb import throughput
from antipodes.regional.dynamodb.errors import invalid_value, validation
from antipodes.regional.dynamodb.features import Throughput
from antipodes.regional.dynamodb.model import Index, Table
from antipodes.regional.dynamodb.throughput import Capacity


def made(part: dict[str, Any], index: Index, billing: str) -> Index:
    """A new index with the capacity that is asked for, checked."""
    units = part.get("ProvisionedThroughput") or {}
    capacity = Capacity(
        billing,
        int(units.get("ReadCapacityUnits") or 0),
        int(units.get("WriteCapacityUnits") or 0),
    )
    name = index.name
    known = throughput.check_on_demand(part, billing, Throughput(), creating=True, index=name)
    known = throughput.check_warm(part, capacity, known, creating=True, index=name)
    return msgspec.structs.replace(
        index, read_units=capacity.reads, write_units=capacity.writes, throughput=known
    )


def updated(
    table: Table, index: Index, part: dict[str, Any], billing: str, now: float
) -> dict[str, Any]:
    """The members of an index's record that an Update of it changes."""
    name, before = index.name, Capacity(table.billing, index.read_units, index.write_units)
    units, wanted = part.get("ProvisionedThroughput"), None
    known = index.throughput
    others = any(part.get(member) for member in ("OnDemandThroughput", "WarmThroughput"))
    if units is not None and billing != "PROVISIONED":
        raise invalid_value(
            f"The only Updates for index: {name} when TableThroughputMode is PAY_PER_REQUEST can "
            "be to OnDemandThroughput, WarmThroughput"
        )
    if units is None and not others:
        raise invalid_value(
            f"Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: {name}"
        )
    if units is not None:
        wanted = Capacity(
            billing, int(units["ReadCapacityUnits"]), int(units["WriteCapacityUnits"])
        )
        _check_changes(index, wanted)
        known = _noted(before, known, wanted, now)
    known = throughput.check_on_demand(part, billing, known, creating=False, index=name)
    known = throughput.check_warm(part, wanted or before, known, creating=False, index=name)
    wanted = wanted or before
    return {"read_units": wanted.reads, "write_units": wanted.writes, "throughput": known}


def _check_changes(index: Index, wanted: Capacity) -> None:
    if (wanted.reads, wanted.writes) == (index.read_units, index.write_units):
        raise validation(
            f"The provisioned throughput for the index {index.name} will not change. The requested "
            "value equals the current value. Current ReadCapacityUnits provisioned for the index: "
            f"{index.read_units}. Requested ReadCapacityUnits: {wanted.reads}. Current "
            f"WriteCapacityUnits provisioned for the index: {index.write_units}. Requested "
            f"WriteCapacityUnits: {wanted.writes}. {throughput.GUIDE}"
        )


def _noted(before: Capacity, known: Throughput, wanted: Capacity, now: float) -> Throughput:
    """The history of an index whose units are being changed."""
    reads, writes = throughput.warm(before, known)
    found: dict[str, Any] = {"warm_reads": reads, "warm_writes": writes}
    if wanted.reads > before.reads or wanted.writes > before.writes:
        found["increased"] = now
    if before.billing == wanted.billing and (
        wanted.reads < before.reads or wanted.writes < before.writes
    ):
        throughput.check_decrease(known, now)
        decreases = throughput.decreases_today(known, now) + 1
        found |= {"decreased": now, "decreases": decreases}
    return msgspec.structs.replace(known, **found)


def billed(table: Table, index: Index, billing: str) -> Index:
    """An index in the billing mode that its table changes to."""
    if index.kind == "LSI" or index.status == "DELETING" or billing == table.billing:
        return index
    before = Capacity(table.billing, index.read_units, index.write_units)
    reads, writes = throughput.warm(before, index.throughput)
    known = msgspec.structs.replace(index.throughput, warm_reads=reads, warm_writes=writes)
    if billing != "PROVISIONED":
        return msgspec.structs.replace(index, read_units=0, write_units=0, throughput=known)
    if not index.read_units:
        raise invalid_value(f"ProvisionedThroughput must be specified for index: {index.name}")
    known = msgspec.structs.replace(known, max_reads=0, max_writes=0)
    return msgspec.structs.replace(index, throughput=known)


def description(index: Index, billing: str, now: float) -> dict[str, Any]:
    """The capacity of an index as DescribeTable shows it."""
    known = index.throughput
    provisioned: dict[str, Any] = {
        "NumberOfDecreasesToday": throughput.decreases_today(known, now),
        "ReadCapacityUnits": index.read_units,
        "WriteCapacityUnits": index.write_units,
    }
    if known.increased:
        provisioned["LastIncreaseDateTime"] = known.increased
    if known.decreased:
        provisioned["LastDecreaseDateTime"] = known.decreased
    reads, writes = throughput.warm(Capacity(billing, index.read_units, index.write_units), known)
    status = "UPDATING" if index.status == "CREATING" else "ACTIVE"
    return {
        "ProvisionedThroughput": provisioned,
        "WarmThroughput": {
            "ReadUnitsPerSecond": reads,
            "WriteUnitsPerSecond": writes,
            "Status": status,
        },
        **throughput.on_demand(known),
    }
