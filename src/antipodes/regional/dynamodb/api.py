"""DynamoDB's operations, one thin function each."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec

from antipodes.regional.dynamodb import model, rows
from antipodes.regional.dynamodb.attributes import Item, item_size, outward_item
from antipodes.regional.dynamodb.capacity import consumed, read_units, write_units
from antipodes.regional.dynamodb.errors import not_found, validation
from antipodes.regional.dynamodb.fast import FastPath
from antipodes.regional.dynamodb.globaltables import GlobalTables
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.reading import get_item as read_item
from antipodes.regional.dynamodb.reading import query as read_query
from antipodes.regional.dynamodb.reading import scan as read_scan
from antipodes.regional.dynamodb.tables import TableStore
from antipodes.regional.dynamodb.transactions import (
    batch_get,
    batch_write,
    transact_get,
    transact_write,
)
from antipodes.regional.dynamodb.writing import (
    check_return_values,
    prepare_delete,
    prepare_put,
    prepare_update,
    refuse_legacy,
    returned,
)
from antipodes.replication.versions import HybridClock
from antipodes.service.contract import Call, Host, Operations, Service, ServiceError
from antipodes.service.records import Records

operations = Operations()
TABLES_PER_PAGE = 100
TAGS_MAX = 50
TOKEN_S = 600.0  # "Amazon DynamoDB transactions: how it works", idempotency
UNMODELLED = (
    "LocalSecondaryIndexes",
    "GlobalSecondaryIndexes",
    "SSESpecification",
    "ResourcePolicy",
    "WarmThroughput",
    "OnDemandThroughput",
    "GlobalTableSourceArn",
)


class Token(msgspec.Struct, frozen=True):
    """A transaction that was done."""

    digest: bytes
    at: float


def _digest(request: dict[str, Any]) -> bytes:
    data = msgspec.msgpack.encode(request, order="deterministic")
    return hashlib.blake2b(data, digest_size=16).digest()


class DynamoDB(Service):
    """DynamoDB in one region."""

    name = "dynamodb"
    operations = operations

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.tables = Records(host.store, "dynamodb/table", Table)
        self.tokens = Records(host.store, "dynamodb/token", Token)
        rare = host.runtime.journal.sometimes
        clock = HybridClock(host.runtime.wall, host.place, sometimes=rare)
        self.items = TableStore(host.store, host.changes, clock)
        self.globaltables = GlobalTables(self)
        self.fast = FastPath(self).handlers()

    async def start(self) -> None:
        """Follow the other regions."""
        await self.globaltables.start()

    def now(self) -> float:
        """Unix seconds."""
        return self.host.runtime.wall()

    def record(self, account: str, name: str) -> Table:
        """A table's record, whatever its status."""
        name = model.table_name(name)
        found = self.tables.get(account, name)
        if found is None:
            raise not_found(f"Requested resource not found: Table: {name} not found")
        return found

    def usable(self, account: str, name: str) -> Table:
        """A table whose items can be read and written."""
        found = self.tables.get(account, model.table_name(name))
        if found is None or found.status(self.now()) == "CREATING":
            raise not_found()
        return found

    def put_record(self, table: Table) -> None:
        """Create or replace a table's record."""
        self.tables.put(table.account, table.name, table)

    def replayed(self, call: Call, token: str, request: dict[str, Any]) -> bool:
        """Whether a transaction of that token was done already, within its ten minutes."""
        known = self.tokens.get(call.account, token)
        if known is None or self.now() - known.at > TOKEN_S:
            return False
        if known.digest != _digest(request):
            raise ServiceError(
                "IdempotentParameterMismatchException",
                "The request uses the same client token as a previous, but non-identical request. "
                "Do not reuse a client token with different requests, unless the requests are "
                "identical",
            )
        return True

    def remember(self, call: Call, token: str, request: dict[str, Any]) -> None:
        """Note that a transaction was done, and forget those whose time is over."""
        for account, name, known in list(self.tokens.all()):
            if self.now() - known.at > TOKEN_S:
                self.tokens.delete(account, name)
        self.tokens.put(call.account, token, Token(_digest(request), self.now()))

    def describe(self, table: Table) -> dict[str, Any]:
        """A table as DescribeTable shows it."""
        count, size = self.items.count(table)
        return model.description(table, self.now(), count, size)


def _outward(members: dict[str, Any]) -> dict[str, Any]:
    """Items in a response as boto3 has them."""
    found = dict(members)
    for name in ("Item", "Attributes", "LastEvaluatedKey"):
        if name in found:
            found[name] = outward_item(found[name])
    if "Items" in found:
        found["Items"] = [outward_item(item) for item in found["Items"]]
    return found


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


@operations("PutItem")
def put_item(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    refuse_legacy(request)
    wanted = check_return_values(request)
    table = service.usable(call.account, request["TableName"])
    write = _outward_failure(prepare_put, service, table, request)
    write.apply(service.items)
    units = write_units(*write.sizes)
    return _outward({**returned(write, wanted), **consumed(request, table.name, units)})


@operations("UpdateItem")
def update_item(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    refuse_legacy(request)
    table = service.usable(call.account, request["TableName"])
    write = _outward_failure(prepare_update, service, table, request)
    write.apply(service.items)
    units = write_units(*write.sizes)
    wanted = request.get("ReturnValues") or "NONE"
    return _outward({**returned(write, wanted), **consumed(request, table.name, units)})


@operations("DeleteItem")
def delete_item(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    refuse_legacy(request)
    wanted = check_return_values(request)
    table = service.usable(call.account, request["TableName"])
    write = _outward_failure(prepare_delete, service, table, request)
    write.apply(service.items)
    units = write_units(*write.sizes)
    return _outward({**returned(write, wanted), **consumed(request, table.name, units)})


def _outward_failure(prepare: Any, service: DynamoDB, table: Table, request: Any) -> Any:
    """Prepare a write; the item of a failed condition goes out as boto3 has it."""
    try:
        return prepare(service.items, table, request)
    except ServiceError as error:
        if "Item" in error.members:
            error.members["Item"] = outward_item(error.members["Item"])
        raise


@operations("GetItem")
def get_item(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    table = service.usable(call.account, request["TableName"])
    shown, whole = read_item(service.items, table, request)
    units = read_units(item_size(whole or {}), consistent=bool(request.get("ConsistentRead")))
    found: dict[str, Item] = {} if shown is None else {"Item": shown}
    return _outward({**found, **consumed(request, table.name, units)})


@operations("Query")
def query(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    table = service.usable(call.account, request["TableName"])
    return _outward(read_query(service.items, table, request))


@operations("Scan")
def scan(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    table = service.usable(call.account, request["TableName"])
    return _outward(read_scan(service.items, table, request))


@operations("BatchGetItem")
def batch_get_item(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = batch_get(service.items, lambda name: service.usable(call.account, name), request)
    found["Responses"] = {
        name: [outward_item(item) for item in items] for name, items in found["Responses"].items()
    }
    for part in found["UnprocessedKeys"].values():
        part["Keys"] = [outward_item(key) for key in part["Keys"]]
    return found


@operations("BatchWriteItem")
def batch_write_item(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return batch_write(service.items, lambda name: service.usable(call.account, name), request)


@operations("TransactWriteItems")
def transact_write_items(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    token = request.get("ClientRequestToken")
    if token and service.replayed(call, token, request):
        return {}
    try:
        found = transact_write(
            service.items, lambda name: service.usable(call.account, name), request
        )
    except ServiceError as error:
        for reason in error.members.get("CancellationReasons", ()):
            if "Item" in reason:
                reason["Item"] = outward_item(reason["Item"])
        raise
    if token:
        service.remember(call, token, request)
    return found


@operations("TransactGetItems")
def transact_get_items(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = transact_get(service.items, lambda name: service.usable(call.account, name), request)
    found["Responses"] = [_outward(answer) for answer in found["Responses"]]
    return found


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
