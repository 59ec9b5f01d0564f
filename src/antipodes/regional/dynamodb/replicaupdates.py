"""What UpdateTable's ReplicaUpdates ask for, checked, and replicas as DescribeTable shows them.

Wording as recorded in ack-api-quirks, services/dynamodb, DDB-TABLE-203, 223, 225, 266, 267, 298;
where nothing is recorded (overrides that make no sense, several actions) it is ours. The statuses
REGION_DISABLED, INACCESSIBLE_ENCRYPTION_CREDENTIALS and REPLICATION_NOT_AUTHORIZED never come: no
region can be disabled, no key fails and nobody lacks a permission here.
"""

from typing import Any, NamedTuple

from antipodes.regional.dynamodb.errors import invalid_value, validation
from antipodes.regional.dynamodb.groups import DELETED, FAILED, Group
from antipodes.regional.dynamodb.model import VERSION, Table, not_offered
from antipodes.regional.dynamodb.settings import INDEX_READS, KEY, Setting, overrides_of
from antipodes.replication.versions import Version

LOCAL = (
    "Cannot add or delete the local region through ReplicaUpdates. Use CreateTable, DeleteTable, "
    "or UpdateTable as required."
)


class ReplicaUpdate(NamedTuple):
    """One action on one replica, with the settings that it is to have for itself."""

    action: str  # "Create", "Update" or "Delete"
    region: str
    overrides: dict[str, Any]


def asked(updates: list[dict[str, Any]], table: Table) -> ReplicaUpdate:
    """The one action that a request asks for."""
    if len(updates) != 1:
        raise validation(
            "Only one replica can be added, deleted or updated by one UpdateTable call."
        )
    actions = {name: value for name, value in updates[0].items() if value is not None}
    if not actions:
        raise validation(
            "There are no actions specified in the Replica Update Action of the request."
        )
    if len(actions) > 1:
        raise validation(
            "Update table operation with more than one type of replica actions not allowed."
        )
    ((action, details),) = actions.items()
    if action not in {"Create", "Update", "Delete"}:
        raise not_offered(f"ReplicaUpdates.{action}")
    region: str = details["RegionName"]
    if action != "Update" and region == table.region:
        raise validation(LOCAL)
    overrides = _overrides(details, table)
    if action == "Update" and not overrides:
        raise invalid_value(f"Nothing is to be updated of the replica in region: {region}")
    return ReplicaUpdate(action, region, overrides)


def _overrides(details: dict[str, Any], table: Table) -> dict[str, Any]:
    found: dict[str, Any] = {}
    reads = _reads(details, table, "")
    if reads is not None:
        found["reads"] = reads
    if details.get("TableClassOverride"):
        found["class"] = details["TableClassOverride"]
    if details.get("KMSMasterKeyId"):
        if not table.encryption.key:
            raise invalid_value(
                "KMSMasterKeyId can be specified for a replica only if the table is encrypted with "
                "a KMS key"
            )
        found[KEY] = details["KMSMasterKeyId"]
    on_demand = (details.get("OnDemandThroughputOverride") or {}).get("MaxReadRequestUnits")
    if on_demand is not None:
        if table.billing != "PAY_PER_REQUEST":
            raise invalid_value(
                "OnDemandThroughputOverride cannot be specified when BillingMode is PROVISIONED"
            )
        found["reads max"] = max(0, int(on_demand))
    known = {index.name for index in table.indexes if index.kind == "GSI"}
    for part in details.get("GlobalSecondaryIndexes") or ():
        name = part["IndexName"]
        if name not in known:
            raise invalid_value(f"The table does not have the specified index: {name}")
        if part.get("OnDemandThroughputOverride"):
            raise not_offered("OnDemandThroughputOverride of a replica's index")
        reads = _reads(part, table, f" for index: {name}")
        if reads is not None:
            found[INDEX_READS + name] = reads
    return found


def _reads(part: dict[str, Any], table: Table, where: str) -> int | None:
    units = (part.get("ProvisionedThroughputOverride") or {}).get("ReadCapacityUnits")
    if units is None:
        return None
    if table.billing != "PROVISIONED":
        raise invalid_value(
            f"ProvisionedThroughputOverride cannot be specified{where} when BillingMode is "
            "PAY_PER_REQUEST"
        )
    return int(units)


def overridden(group: Group, update: ReplicaUpdate, version: Version) -> Group:
    """The group with a replica's own settings."""
    return group.with_settings(
        {
            f"{name}@{update.region}": Setting(version, value)
            for name, value in update.overrides.items()
        }
    )


def described(table: Table, group: Group) -> dict[str, Any]:
    """What DescribeTable says of a table's replicas."""
    if not table.replicas or group.legacy:
        return {}
    return {
        "GlobalTableVersion": VERSION,
        "Replicas": [
            _replica(table, group, other)
            for other, member in sorted(group.members.items())
            if other != table.region and member.status != DELETED
        ],
    }


def _replica(table: Table, group: Group, region: str) -> dict[str, Any]:
    status = group.status(region)
    found: dict[str, Any] = {"RegionName": region, "ReplicaStatus": status}
    if status == FAILED:
        found["ReplicaStatusDescription"] = already_there(table)
    own = overrides_of(group.settings, region)
    if KEY in own:
        found["KMSMasterKeyId"] = own[KEY]
    if "reads" in own:
        found["ProvisionedThroughputOverride"] = {"ReadCapacityUnits": own["reads"]}
    if own.get("reads max"):
        found["OnDemandThroughputOverride"] = {"MaxReadRequestUnits": own["reads max"]}
    if "class" in own:
        found["ReplicaTableClassSummary"] = {"TableClass": own["class"]}
    indexes = [
        {
            "IndexName": name.removeprefix(INDEX_READS),
            "ProvisionedThroughputOverride": {"ReadCapacityUnits": reads},
        }
        for name, reads in sorted(own.items())
        if name.startswith(INDEX_READS)
    ]
    if indexes:
        found["GlobalSecondaryIndexes"] = indexes
    return found


def already_there(table: Table) -> str:
    """Why a replica cannot be made."""
    return (
        f"Failed to create a the new replica of table with name: '{table.name}' because one or "
        "more replicas already existed as tables."
    )


def not_part(region: str) -> str:
    """Why a replica cannot be deleted or updated."""
    return (
        "Update global table operation failed because one or more replicas were not part of the "
        f"global table. Please retry the request without these replicas: [{region}]."
    )
