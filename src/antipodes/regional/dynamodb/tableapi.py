"""Operations on tables, one thin function each."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from antipodes.regional.dynamodb import model, rows
from antipodes.regional.dynamodb.errors import not_found, validation
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.service import DynamoDB, operations
from antipodes.service.contract import Call, ServiceError

TABLES_PER_PAGE = 100
TAGS_MAX = 50
UNMODELLED = (
    "LocalSecondaryIndexes",
    "GlobalSecondaryIndexes",
    "SSESpecification",
    "ResourcePolicy",
    "WarmThroughput",
    "OnDemandThroughput",
    "GlobalTableSourceArn",
)


@operations("CreateTable")
def create_table(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    name = model.table_name(request["TableName"])
    model.refuse_unmodelled(request, *UNMODELLED)
    key_names, key_types = model.check_key_schema(request)
    billing, read_capacity, write_capacity = model.check_billing(request)
    stream = model.check_stream(request.get("StreamSpecification"))
    if service.tables.get(call.account, name) is not None:
        raise ServiceError("ResourceInUseException", f"Table already exists: {name}")
    now = service.now()
    settings = service.host.settings
    table = Table(
        account=call.account,
        region=service.host.place,
        name=name,
        identity=rows.table_id(call.account, name, now),
        created=now,
        active_at=now + service.host.runtime.interval(settings.control_plane_delay_s),
        key_names=key_names,
        key_types=key_types,
        billing=billing,
        read_units=read_capacity,
        write_units=write_capacity,
        stream=stream,
        stream_label=stream_label(now) if stream else "",
        deletion_protected=bool(request.get("DeletionProtectionEnabled")),
        table_class=request.get("TableClass") or "STANDARD",
        tags={tag["Key"]: tag["Value"] for tag in request.get("Tags") or ()},
    )
    service.put_record(table)
    return {"TableDescription": {**service.describe(table), "TableStatus": "CREATING"}}


def stream_label(now: float) -> str:
    """A stream's label: the time it was made, to the millisecond."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:23]


@operations("DescribeTable")
def describe_table(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return {"Table": service.describe(service.record(call.account, request["TableName"]))}


@operations("ListTables")
def list_tables(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    limit = request.get("Limit") or TABLES_PER_PAGE
    start = request.get("ExclusiveStartTableName") or ""
    names = [table.name for table in service.tables.list(call.account) if table.name > start]
    found: dict[str, Any] = {"TableNames": names[:limit]}
    if len(names) > limit:
        found["LastEvaluatedTableName"] = names[limit - 1]
    return found


@operations("DeleteTable")
def delete_table(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    table = service.record(call.account, request["TableName"])
    status = table.status(service.now())
    if status == "CREATING":
        raise ServiceError(
            "ResourceInUseException",
            f"Attempt to change a resource which is still in use: Table is being created: "
            f"{table.name}",
        )
    if table.deletion_protected:
        raise validation(
            f"Resource cannot be deleted as it is currently protected against deletion. Disable "
            f"deletion protection first: {table.arn}"
        )
    description = service.describe(table)
    service.globaltables.leave(table)
    service.items.drop(table)
    service.tables.delete(call.account, table.name)
    return {"TableDescription": {**description, "TableStatus": "DELETING"}}


@operations("UpdateTable")
async def update_table(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    table = service.record(call.account, request["TableName"])
    status = table.status(service.now())
    if status != "ACTIVE":
        raise ServiceError(
            "ResourceInUseException",
            f"Attempt to change a resource which is still in use: Table is being "
            f"{'created' if status == 'CREATING' else 'updated'}: {table.name}",
        )
    model.refuse_unmodelled(
        request,
        "GlobalSecondaryIndexUpdates",
        "SSESpecification",
        "MultiRegionConsistency",
        "GlobalTableWitnessUpdates",
        "OnDemandThroughput",
        "WarmThroughput",
        "GlobalTableSettingsReplicationMode",
    )
    updates = request.get("ReplicaUpdates")
    changed = _changed(table, request, service.now())
    if not updates and changed is None:
        raise validation(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
            "GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required"
        )
    if changed is not None:
        service.put_record(changed)
        service.globaltables.settings_changed(changed)
        table = changed
    if updates:
        await service.globaltables.update_replicas(call, table, updates)
        table = service.record(call.account, table.name)
    return {"TableDescription": service.describe(table)}


def _changed(table: Table, request: dict[str, Any], now: float) -> Table | None:
    """The record with an UpdateTable's changes, or None where there are none."""
    changes: dict[str, Any] = {}
    if request.get("BillingMode") or request.get("ProvisionedThroughput"):
        mode = request.get("BillingMode") or table.billing
        billing, read_capacity, write_capacity = model.check_billing(
            {**request, "BillingMode": mode}
        )
        changes |= {
            "billing": billing,
            "read_units": read_capacity,
            "write_units": write_capacity,
        }
    if request.get("StreamSpecification") is not None:
        view = model.check_stream(request["StreamSpecification"])
        if bool(view) == bool(table.stream):
            raise validation(
                f"Table {'already has an enabled' if view else 'has no'} stream: "
                f"TableName: {table.name}"
            )
        if not view and table.replicas:
            raise validation("The stream of a table with replicas cannot be disabled")
        changes |= {"stream": view, "stream_label": stream_label(now) if view else ""}
    if request.get("DeletionProtectionEnabled") is not None:
        changes["deletion_protected"] = bool(request["DeletionProtectionEnabled"])
    if request.get("TableClass"):
        changes["table_class"] = request["TableClass"]
    return msgspec.structs.replace(table, **changes) if changes else None


@operations("TagResource")
def tag_resource(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    table = _by_arn(service, call, request["ResourceArn"])
    tags = {**table.tags, **{tag["Key"]: tag["Value"] for tag in request["Tags"]}}
    if len(tags) > TAGS_MAX:
        raise validation("The number of tags of a resource cannot exceed 50")
    service.put_record(msgspec.structs.replace(table, tags=tags))
    return {}


@operations("UntagResource")
def untag_resource(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    table = _by_arn(service, call, request["ResourceArn"])
    tags = {k: v for k, v in table.tags.items() if k not in request["TagKeys"]}
    service.put_record(msgspec.structs.replace(table, tags=tags))
    return {}


@operations("ListTagsOfResource")
def list_tags_of_resource(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    table = _by_arn(service, call, request["ResourceArn"])
    return {"Tags": [{"Key": key, "Value": value} for key, value in sorted(table.tags.items())]}


def _by_arn(service: DynamoDB, call: Call, arn: str) -> Table:
    found = service.tables.get(call.account, model.table_name(arn.split("/stream/", maxsplit=1)[0]))
    if found is None or found.arn != arn:
        raise not_found(f"Requested resource not found: ResourcArn: {arn} not found")
    return found


@operations("DescribeLimits")
def describe_limits(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return {
        "AccountMaxReadCapacityUnits": 80_000,
        "AccountMaxWriteCapacityUnits": 80_000,
        "TableMaxReadCapacityUnits": 40_000,
        "TableMaxWriteCapacityUnits": 40_000,
    }


@operations("DescribeTimeToLive")
def describe_time_to_live(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    service.record(call.account, request["TableName"])
    return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}


@operations("DescribeContinuousBackups")
def describe_continuous_backups(
    service: DynamoDB, call: Call, request: dict[str, Any]
) -> dict[str, Any]:
    service.record(call.account, request["TableName"])
    return {
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "DISABLED",
            "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"},
        }
    }
