"""Operations on tables, one thin function each."""

from typing import Any

from antipodes.regional.dynamodb import (
    encryption,
    indexupdates,
    model,
    policies,
    tablechanges,
    throughput,
)
from antipodes.regional.dynamodb.errors import in_use, limit_exceeded, validation
from antipodes.regional.dynamodb.features import Encryption, Throughput
from antipodes.regional.dynamodb.indexes import definitions, identified, made_indexes
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.refusals import refuse
from antipodes.regional.dynamodb.service import DynamoDB, operations
from antipodes.regional.dynamodb.streamsettings import view_at_creation
from antipodes.regional.dynamodb.strongrequests import asks_for_strong
from antipodes.regional.dynamodb.tagapi import check_tags
from antipodes.service.contract import Call, ServiceError

TABLES_MAX = 2500
BUSY_MAX = 500
TABLES_PER_PAGE = 100
ENDPOINT_MINUTES = 1440


@operations("CreateTable")
def create_table(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    name = model.table_name(request["TableName"], call.account, call.region)
    refuse("CreateTable", request)
    key_names, key_types = model.check_key_schema(request)
    capacity = throughput.check_billing(request)
    stream = view_at_creation(request.get("StreamSpecification"))
    key = encryption.check(request.get("SSESpecification"), call.account, call.region)
    tags = check_tags(request.get("Tags") or [], {})
    history = throughput.check_on_demand(request, capacity.billing, Throughput(), creating=True)
    history = throughput.check_warm(request, capacity, history, creating=True)
    indexes = made_indexes(request, key_names)
    policy = (
        policies.put(None, request["ResourcePolicy"], service.now())
        if request.get("ResourcePolicy")
        else None
    )
    check_free(service, call, name)
    throughput.check_quota(call.region, capacity, lambda: service.provisioned(call.account))
    check_room(service, call)
    now = service.now()
    identity = service.deletions.unused_identity(call.account, name, now)
    table = Table(
        account=call.account,
        region=service.host.place,
        name=name,
        identity=identity,
        created=now,
        active_at=now + service.delay_s(),
        key_names=key_names,
        key_types=key_types,
        billing=capacity.billing,
        read_units=capacity.reads,
        write_units=capacity.writes,
        stream=stream,
        stream_label=service.streams.new_label(call.account, name) if stream else "",
        deletion_protected=bool(request.get("DeletionProtectionEnabled")),
        table_class=request.get("TableClass") or "STANDARD",
        tags=tags,
        throughput=history,
        encryption=Encryption(key),
        indexes=tuple(identified(index, identity, now) for index in indexes),
        attributes=definitions(request),
        policies={} if policy is None else {"": policy},
    )
    service.put_record(table)
    return {"TableDescription": {**service.describe(table), "TableStatus": "CREATING"}}


def check_free(service: DynamoDB, call: Call, name: str) -> None:
    """Refuse the name of a table that is there."""
    found = service.tables.get(call.account, name)
    if found is None:
        return
    if found.restored is not None:
        raise in_use(f"Table is being used: {name}")
    if found.status(service.now()) == "CREATING":
        raise in_use(f"Table is being created: {name}")
    raise ServiceError("ResourceInUseException", f"Table already exists: {name}")


def check_room(service: DynamoDB, call: Call) -> None:
    """Refuse a table more than an account may have, or more than may be made or changed at once."""
    if service.tables.count(call.account) >= TABLES_MAX:
        raise limit_exceeded(f"There is a limit of {TABLES_MAX} tables per subscriber")
    check_busy(service, call)


def check_busy(service: DynamoDB, call: Call) -> None:
    """Refuse a change while too many others go on."""
    if service.tables.count(call.account) < BUSY_MAX:
        return
    now = service.now()
    busy = sum(table.status(now) != "ACTIVE" for table in service.tables.list(call.account))
    if busy >= BUSY_MAX:
        raise limit_exceeded(
            f"Only {BUSY_MAX} tables can be created, updated, or deleted simultaneously"
        )


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
    if status in {"CREATING", "DELETING"}:
        doing = "created" if status == "CREATING" else "deleted"
        raise in_use(f"Table is being {doing}: {table.name}")
    if table.deletion_protected:
        raise validation(
            "Resource cannot be deleted as it is currently protected against deletion. Disable "
            "deletion protection first."
        )
    if table.busy.now(service.now()) and table.busy.kind == "stream":
        raise in_use("Cannot delete table while stream is being enabled/disabled.")
    if table.busy.now(service.now()):
        raise in_use(f"Table: {table.name} is in the process of being updated.")
    indexupdates.check_idle(table, service.now())
    if any(index.status != "ACTIVE" for index in table.indexes):
        raise in_use("Cannot delete table while indexes are being created, updated, or deleted.")
    check_busy(service, call)
    description = service.describe(table)
    service.strongtables.check_delete(table)
    service.globaltables.leave(table)
    service.backups.leave(table)
    service.deletions.begin(table)
    return {"TableDescription": {**description, "TableStatus": "DELETING"}}


@operations("UpdateTable")
async def update_table(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    refuse("UpdateTable", request)
    tablechanges.check_together(request)
    table = service.record(call.account, request["TableName"])
    now = service.now()
    tablechanges.check_admitted(table, request, now)
    service.globaltables.check_changeable(table)
    strong = asks_for_strong(table, request)
    moment = tablechanges.Moment(now, now + service.delay_s())
    changed = tablechanges.changed(
        table, request, moment, lambda: service.provisioned(call.account, without=table.name)
    )
    check_busy(service, call)
    if changed is not None:
        service.put_record(changed)
        service.index_work.begin(changed)
        service.globaltables.settings_changed(table, changed)
        service.strongtables.settings.changed(table, changed)
    updates = request.get("ReplicaUpdates")
    if strong:
        await service.strongtables.update(table, request)
    elif updates:
        await service.globaltables.update_replicas(call, table, updates)
    after = service.record(call.account, table.name)
    return {"TableDescription": tablechanges.shown(table, after, request, service.describe(after))}


@operations("DescribeLimits")
def describe_limits(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return {
        "AccountMaxReadCapacityUnits": throughput.ACCOUNT_UNITS_MAX,
        "AccountMaxWriteCapacityUnits": throughput.ACCOUNT_UNITS_MAX,
        "TableMaxReadCapacityUnits": throughput.TABLE_UNITS_MAX,
        "TableMaxWriteCapacityUnits": throughput.TABLE_UNITS_MAX,
    }


@operations("DescribeEndpoints")
def describe_endpoints(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    address = f"dynamodb.{call.region}.amazonaws.com"
    return {"Endpoints": [{"Address": address, "CachePeriodInMinutes": ENDPOINT_MINUTES}]}
