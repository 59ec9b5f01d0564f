"""UpdateTable's plain changes: which go together, which are admitted now, and what they make.

One request makes one logical change, as AWS has it, and makes it in one group of the store: there
is no half of it. Wording and precedence as observed of AWS (ack-api-quirks, services/dynamodb,
DDB-TABLE-063, 370, 382, 433, 444).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from antipodes.regional.dynamodb import encryption, indexupdates, throughput
from antipodes.regional.dynamodb.errors import in_use, invalid_value, limit_exceeded, validation
from antipodes.regional.dynamodb.features import Busy
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.streamsettings import changed_stream
from antipodes.regional.dynamodb.throughput import Capacity

IOPS = ("BillingMode", "ProvisionedThroughput")
REPLICAS = ("ReplicaUpdates", "GlobalTableWitnessUpdates")
# Each must come alone; of several the first is named.
ALONE = {
    "SSESpecification": "Server-Side Encryption modification must be the only operation in the "
    "request",
    "TableClass": "TableClass modification must be the only operation in the request",
    "DeletionProtectionEnabled": "DeletionProtection modification must be the only operation in "
    "the request",
    "WarmThroughput": "WarmThroughput must be the only operation in the request",
}
_ANY = (
    "ProvisionedThroughput",
    "BillingMode",
    "StreamSpecification",
    "GlobalSecondaryIndexUpdates",
    "SSESpecification",
    "ReplicaUpdates",
    "MultiRegionConsistency",
    "DeletionProtectionEnabled",
    "OnDemandThroughput",
    "WarmThroughput",
    "TableClass",
    "GlobalTableWitnessUpdates",
    "GlobalTableSettingsReplicationMode",
)
_NONE = (
    "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
    "GlobalSecondaryIndexUpdates, SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, "
    "ReplicaTransitRoleArn, {}DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or "
    "TableClass is required"
)
CLASS_CHANGES_MAX = 2
CLASS_CHANGES_S = 30 * 86_400.0


def check_together(request: dict[str, Any]) -> None:
    """Refuse an UpdateTable that asks for nothing, or for what does not go together."""
    asked = {name for name in _ANY if request.get(name) is not None}
    if asked == {"GlobalSecondaryIndexUpdates"} and not request["GlobalSecondaryIndexUpdates"]:
        asked = set()  # an empty list counts where something else is asked for
    if not asked - {"MultiRegionConsistency"}:
        raise validation(_NONE.format("" if asked else "MultiRegionConsistency, "))
    if asked & {*REPLICAS} and asked - {*REPLICAS, "MultiRegionConsistency"}:
        raise invalid_value(
            "Requests that modify replicas or witnesses must not also modify other fields"
        )
    for name, message in ALONE.items():
        if name in asked and len(asked) > 1:
            raise invalid_value(message)
    if "OnDemandThroughput" in asked and asked - {
        "OnDemandThroughput",
        "BillingMode",
        "GlobalSecondaryIndexUpdates",
    }:
        raise invalid_value(
            "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request"
        )
    iops = "ProvisionedThroughput" in asked or request.get("BillingMode") == "PROVISIONED"
    if iops and "StreamSpecification" in asked:
        raise invalid_value("You cannot modify stream status while updating table IOPS")
    if indexupdates.begins(request) and (iops or "StreamSpecification" in asked):
        what = "updating table IOPS" if iops else "changing stream status"
        raise invalid_value(f"You cannot create or delete index while {what}")


def check_admitted(table: Table, request: dict[str, Any], now: float) -> None:
    """Refuse a change that has to wait for what goes on with the table."""
    status = table.status(now)
    if status == "CREATING":
        raise in_use(f"Table is being created: {table.name}")
    if status == "DELETING":
        raise in_use(f"Table is being deleted: {table.name}")
    if request.get("DeletionProtectionEnabled") is not None:
        return
    if status != "ACTIVE" and table.replicas:
        raise in_use()
    if not table.busy.now(now):
        indexupdates.check_admitted(table, request, now)
        return
    _check_busy(table, request)


def _check_busy(table: Table, request: dict[str, Any]) -> None:
    """Refuse a change of a table that is busy with another."""
    kind, iops = table.busy.kind, any(request.get(name) is not None for name in IOPS)
    if kind == "iops" and iops:
        raise in_use(f"Table IOPS are currently being updated. Table: {table.name}")
    if kind == "iops" and request.get("StreamSpecification") is not None:
        raise in_use(
            "Can't enable or disable stream while table IOPS are being updated. Table: "
            f"{table.name}"
        )
    if indexupdates.begins(request):
        raise in_use(
            {
                "iops": "Can't create or delete indexes while table IOPS are being updated. "
                f"Table: {table.name}",
                "stream": "Can't create or delete an index when stream status is being updated.",
            }.get(kind, "Can't create or delete an index when a table class update is in progress.")
        )
    raise in_use(f"Table: {table.name} is in the process of being updated.")


class Moment(NamedTuple):
    """When a change is made, and until when it goes on."""

    now: float
    until: float

    def busy(self, kind: str) -> Busy:
        """What a table is busy with from now on."""
        return Busy(kind, self.now, self.until)


def changed(
    table: Table, request: dict[str, Any], moment: Moment, others: Callable[[], Capacity]
) -> Table | None:
    """The record with an UpdateTable's plain changes, or None where there are none.

    `others` says what the account's other tables have been given.
    """
    found = _capacity(table, request, moment, others)
    billing = found.get("billing", table.billing)
    found |= indexupdates.changed(table, request, billing, moment.now, moment.until)
    if request.get("StreamSpecification") is not None:
        found |= changed_stream(table, request["StreamSpecification"], moment.now)
        found["busy"] = moment.busy("stream")
    if request.get("DeletionProtectionEnabled") is not None:
        found["deletion_protected"] = bool(request["DeletionProtectionEnabled"])
    if request.get("TableClass"):
        found |= _class(table, request["TableClass"], moment)
    if request.get("SSESpecification") is not None:
        found["encryption"] = encryption.changed(table, request["SSESpecification"], moment.now)
    return msgspec.structs.replace(table, **found) if found else None


def _capacity(
    table: Table, request: dict[str, Any], moment: Moment, others: Callable[[], Capacity]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    known = table.throughput
    capacity = throughput.changed_capacity(table, request, moment.now)
    if capacity is not None:
        throughput.check_quota(table.region, capacity, others)
        known = throughput.noted(table, capacity, moment.now)
        found |= {
            "billing": capacity.billing,
            "read_units": capacity.reads,
            "write_units": capacity.writes,
            "busy": moment.busy("iops"),
        }
    capacity = capacity or Capacity(table.billing, table.read_units, table.write_units)
    known = throughput.check_on_demand(request, capacity.billing, known, creating=False)
    known = throughput.check_warm(request, capacity, known, creating=False)
    asked = any(request.get(name) is not None for name in ("OnDemandThroughput", "WarmThroughput"))
    if asked or known != table.throughput:
        found["throughput"] = known
    return found


def _class(table: Table, wanted: str, moment: Moment) -> dict[str, Any]:
    since = moment.now - CLASS_CHANGES_S
    recent = tuple(at for at in table.class_changed if since < at <= moment.now)
    if len(recent) >= CLASS_CHANGES_MAX:
        raise limit_exceeded(
            f"Updates to TableClass are limited to {CLASS_CHANGES_MAX} times in 30 day(s)."
        )
    if wanted == table.table_class:
        return {"table_class": wanted}
    return {
        "table_class": wanted,
        "class_changed": (*recent, moment.now),
        "busy": moment.busy("class"),
    }


def shown(
    before: Table, after: Table, request: dict[str, Any], described: dict[str, Any]
) -> dict[str, Any]:
    """A description after an UpdateTable, as its answer has it: UPDATING, with the old units."""
    found = indexupdates.shown(before, request, described)
    if any(request.get(name) is not None for name in (*IOPS, "StreamSpecification", "TableClass")):
        found["TableStatus"] = "UPDATING"
    if after.billing == before.billing == "PROVISIONED":
        old = {"ReadCapacityUnits": before.read_units, "WriteCapacityUnits": before.write_units}
        found["ProvisionedThroughput"] = {**found["ProvisionedThroughput"], **old}
    return found
