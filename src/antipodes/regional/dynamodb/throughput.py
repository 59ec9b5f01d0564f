"""Capacity as a table's owner sets it: billing modes, units, their limits and their history.

Pure; the time is passed in. Limits and rules: "Service, account, and table quotas", "Read/write
capacity mode", "DynamoDB maximum throughput for on-demand tables" and "Warm throughput" (Developer
Guide); wording and order as observed of AWS (ack-api-quirks, services/dynamodb, DDB-TABLE-024, 038,
039, 057, 058, 059, 178, 179, 184).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from antipodes.regional.dynamodb.errors import invalid_value, limit_exceeded, validation
from antipodes.regional.dynamodb.features import Throughput
from antipodes.regional.dynamodb.model import Table

TABLE_UNITS_MAX = 40_000
ACCOUNT_UNITS_MAX = 80_000
ON_DEMAND_READS, ON_DEMAND_WRITES = 12_000, 4_000  # what an on-demand table starts with, a second
DECREASES_A_DAY = 4
DECREASE_S = 3600.0
TO_ON_DEMAND_MAX = 4  # in a day
DAY_S = 86_400.0
CLEARED = -1
GUIDE = (
    "Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher "
    "limits."
)
_INITIAL = (
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html"
    "#on-demand-capacity-mode-initial"
)


class Capacity(msgspec.Struct, frozen=True):
    """A billing mode and its units."""

    billing: str
    reads: int
    writes: int


def check_billing(request: dict[str, Any]) -> Capacity:
    """Return the capacity that a CreateTable asks for, checked."""
    mode = request.get("BillingMode") or "PROVISIONED"
    units = request.get("ProvisionedThroughput")
    if mode == "PAY_PER_REQUEST":
        if units is not None:
            raise invalid_value(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when "
                "BillingMode is PAY_PER_REQUEST"
            )
        return Capacity(mode, 0, 0)
    if units is None:
        raise invalid_value(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is "
            "PROVISIONED"
        )
    return Capacity(mode, int(units["ReadCapacityUnits"]), int(units["WriteCapacityUnits"]))


def check_quota(region: str, wanted: Capacity, others: Callable[[], Capacity]) -> None:
    """Refuse what is above a table's maximum, or with what `others` have above the account's."""
    if wanted.billing == "PAY_PER_REQUEST":
        return
    given = others()
    for name, units, taken in (
        ("ReadCapacityUnits", wanted.reads, given.reads),
        ("WriteCapacityUnits", wanted.writes, given.writes),
    ):
        if units > TABLE_UNITS_MAX:
            raise limit_exceeded(
                f"The requested {name}, {units}, is above the per table maximum for the account in "
                f"{region}. Per table maximum: {TABLE_UNITS_MAX}. {GUIDE}"
            )
        if units + taken > ACCOUNT_UNITS_MAX:
            raise limit_exceeded(
                f"This request would have caused the {name} limit to be exceeded for the account "
                f"in {region}. Current {name} reserved by the account: {taken}. Limit: "
                f"{ACCOUNT_UNITS_MAX}. Requested: {units}. {GUIDE}"
            )


def check_on_demand(
    request: dict[str, Any], mode: str, known: Throughput, *, creating: bool, index: str = ""
) -> Throughput:
    """Return the maxima of on-demand that a request leads to, checked; -1 clears one.

    They are those of a table, or of an index of it.
    """
    asked = request.get("OnDemandThroughput")
    if not asked:
        return known
    found = {"max_reads": known.max_reads, "max_writes": known.max_writes}
    for member, name in (
        ("max_reads", "MaxReadRequestUnits"),
        ("max_writes", "MaxWriteRequestUnits"),
    ):
        units = asked.get(name)
        if units is None:
            continue
        if mode == "PROVISIONED":
            place = f" for index{'' if creating else ' '}: {index}" if index else ""
            raise invalid_value(
                f"{name} for OnDemandThroughput{place} cannot be specified when "
                f"{'' if creating else 'the '}table BillingMode is PROVISIONED"
                f"{'.' if creating else ''}"
            )
        if units < 1 and (creating or units != CLEARED):
            raise invalid_value(
                f"Requested {name} for OnDemandThroughput for "
                f"{f'index : {index}' if index else 'table'} is outside of valid range"
            )
        _check_most(name, units)
        found[member] = 0 if units == CLEARED else units
    return msgspec.structs.replace(known, **found)


def check_warm(
    request: dict[str, Any],
    capacity: Capacity,
    known: Throughput,
    *,
    creating: bool,
    index: str = "",
) -> Throughput:
    """Return the warm throughput that a request leads to, checked: it never decreases.

    It is that of a table, or of an index of it.
    """
    asked = request.get("WarmThroughput")
    if not asked:
        return known
    least = warm(capacity, known)
    found = {}
    for member, name, floor, units in (
        ("warm_reads", "ReadUnitsPerSecond", least[0], "ReadCapacityUnits"),
        ("warm_writes", "WriteUnitsPerSecond", least[1], "WriteCapacityUnits"),
    ):
        value = asked.get(name)
        if value is None:
            continue
        what = f"index {index}" if index else "table"
        start = f"Requested {name} for WarmThroughput for {what} is lower than"
        if value < floor and not creating:
            raise invalid_value(
                f"{start} current WarmThroughput, decreasing WarmThroughput is not supported"
            )
        if value < floor and capacity.billing == "PROVISIONED":
            raise invalid_value(f"{start} {units} of ProvisionedThroughput")
        if value < floor:
            raise invalid_value(f"{start} initial throughput for OnDemand. See: {_INITIAL}")
        _check_most(name, value)
        found[member] = value
    return msgspec.structs.replace(known, **found)


def _check_most(name: str, units: int) -> None:
    if units > TABLE_UNITS_MAX:
        kind = "Read" if "Read" in name else "Write"
        raise limit_exceeded(
            f"The requested {name}, {units}, exceeds TableMax{kind}CapacityUnits of the account: "
            f"{TABLE_UNITS_MAX}. {GUIDE}"
        )


def warm(capacity: Capacity, known: Throughput) -> tuple[int, int]:
    """The reads and writes a second that a table can take at once."""
    if capacity.billing == "PAY_PER_REQUEST":
        return max(ON_DEMAND_READS, known.warm_reads), max(ON_DEMAND_WRITES, known.warm_writes)
    return max(capacity.reads, known.warm_reads), max(capacity.writes, known.warm_writes)


def changed_capacity(table: Table, request: dict[str, Any], now: float) -> Capacity | None:
    """Return the capacity that an UpdateTable leads to, checked; None where it asks for none."""
    mode, units = request.get("BillingMode"), request.get("ProvisionedThroughput")
    if mode is None and units is None:
        return None
    mode = mode or table.billing
    if mode == "PAY_PER_REQUEST":
        capacity = check_billing({**request, "BillingMode": mode})
        _check_switches(table, now)
        return capacity
    if units is None:
        raise invalid_value(
            "ProvisionedThroughput must be specified when BillingMode is PROVISIONED"
        )
    wanted = Capacity(mode, int(units["ReadCapacityUnits"]), int(units["WriteCapacityUnits"]))
    if table.billing == "PROVISIONED":
        if (wanted.reads, wanted.writes) == (table.read_units, table.write_units):
            raise validation(
                "The provisioned throughput for the table will not change. The requested value "
                "equals the current value. Current ReadCapacityUnits provisioned for the table: "
                f"{table.read_units}. Requested ReadCapacityUnits: {wanted.reads}. Current "
                f"WriteCapacityUnits provisioned for the table: {table.write_units}. Requested "
                f"WriteCapacityUnits: {wanted.writes}. {GUIDE}"
            )
        if is_decrease(table, wanted):
            check_decrease(table.throughput, now)
    return wanted


def is_decrease(table: Table, wanted: Capacity) -> bool:
    """Whether either kind of units becomes less."""
    return wanted.reads < table.read_units or wanted.writes < table.write_units


def _check_switches(table: Table, now: float) -> None:
    recent = [at for at in table.throughput.to_on_demand if now - DAY_S < at <= now]
    if table.billing != "PAY_PER_REQUEST" and len(recent) >= TO_ON_DEMAND_MAX:
        raise limit_exceeded(
            f"Update to PayPerRequest mode are limited to {TO_ON_DEMAND_MAX} times in 1 day(s). "
            f"Last update at {_spoken(recent[-1])}. Next update can be made at "
            f"{_spoken(recent[0] + DAY_S)}"
        )


def decreases_today(known: Throughput, now: float) -> int:
    """How often units were decreased on this UTC day."""
    return known.decreases if now // DAY_S == known.decreased // DAY_S else 0


def check_decrease(known: Throughput, now: float) -> None:
    """Refuse a decrease above four a day, but for one every hour."""
    count = decreases_today(known, now)
    if count < DECREASES_A_DAY or now - known.decreased >= DECREASE_S:
        return
    following = min(known.decreased + DECREASE_S, (now // DAY_S + 1) * DAY_S)
    raise limit_exceeded(
        "Provisioned throughput decreases are limited within a given UTC day. After the first "
        f"{DECREASES_A_DAY} decreases, each subsequent decrease in the same UTC day can be "
        f"performed at most once every {DECREASE_S:.0f} seconds. Number of decreases today: "
        f"{count}. Last decrease at {_spoken(known.decreased)}. Next decrease can be made at "
        f"{_spoken(following)}."
    )


def noted(table: Table, wanted: Capacity, now: float) -> Throughput:
    """The history of a table whose capacity is being changed."""
    known = table.throughput
    before = Capacity(table.billing, table.read_units, table.write_units)
    reads, writes = warm(before, known)
    found: dict[str, Any] = {"warm_reads": reads, "warm_writes": writes}
    if wanted.billing == "PROVISIONED":
        found["max_reads"] = found["max_writes"] = 0
        if table.billing == "PROVISIONED" and is_decrease(table, wanted):
            found |= {"decreased": now, "decreases": decreases_today(known, now) + 1}
        if wanted.reads > table.read_units or wanted.writes > table.write_units:
            found["increased"] = now
    elif table.billing != wanted.billing:
        found["to_on_demand"] = (*known.to_on_demand, now)[-TO_ON_DEMAND_MAX:]
    return msgspec.structs.replace(known, **found)


def description(table: Table, now: float) -> dict[str, Any]:
    """The capacity of a table as DescribeTable shows it."""
    known = table.throughput
    provisioned: dict[str, Any] = {
        "NumberOfDecreasesToday": decreases_today(known, now),
        "ReadCapacityUnits": table.read_units,
        "WriteCapacityUnits": table.write_units,
    }
    if known.increased:
        provisioned["LastIncreaseDateTime"] = known.increased
    if known.decreased:
        provisioned["LastDecreaseDateTime"] = known.decreased
    reads, writes = warm(Capacity(table.billing, table.read_units, table.write_units), known)
    found: dict[str, Any] = {
        "ProvisionedThroughput": provisioned,
        "WarmThroughput": {
            "ReadUnitsPerSecond": reads,
            "WriteUnitsPerSecond": writes,
            "Status": "ACTIVE",
        },
    }
    if known.to_on_demand:
        found["BillingModeSummary"] = {
            "BillingMode": table.billing,
            "LastUpdateToPayPerRequestDateTime": known.to_on_demand[-1],
        }
    elif table.billing == "PAY_PER_REQUEST":
        found["BillingModeSummary"] = {"BillingMode": table.billing}
    return found | on_demand(known)


def on_demand(known: Throughput) -> dict[str, Any]:
    """The OnDemandThroughput member, where a maximum is set."""
    maxima = {"MaxReadRequestUnits": known.max_reads, "MaxWriteRequestUnits": known.max_writes}
    found = {name: units for name, units in maxima.items() if units}
    return {"OnDemandThroughput": found} if found else {}


def _spoken(at: float) -> str:
    """A time as AWS writes it out in these errors."""
    moment = datetime.fromtimestamp(at, UTC)
    hour = moment.hour % 12 or 12
    return (
        f"{moment:%A, %B} {moment.day}, {moment.year} at {hour}:{moment:%M:%S} "
        f"{moment:%p} Coordinated Universal Time"
    )
