"""Operations on items, one thin function each."""

from collections.abc import Callable
from functools import partial
from typing import Any

from antipodes.regional.dynamodb.attributes import Item, item_size, outward_item
from antipodes.regional.dynamodb.capacity import Spent, consumed, read_units
from antipodes.regional.dynamodb.itemcollections import check_room, metrics
from antipodes.regional.dynamodb.model import Table, table_name
from antipodes.regional.dynamodb.plans import (
    WritePlan,
    plan_delete,
    plan_get,
    plan_put,
    plan_query,
    plan_scan,
    plan_update,
)
from antipodes.regional.dynamodb.reading import get_item as read_item
from antipodes.regional.dynamodb.reading import query as read_query
from antipodes.regional.dynamodb.reading import scan as read_scan
from antipodes.regional.dynamodb.service import DynamoDB
from antipodes.regional.dynamodb.strongitems import item_operation
from antipodes.regional.dynamodb.tables import TableStore
from antipodes.regional.dynamodb.transactions import (
    batch_get,
    batch_write,
    replayed,
    transact_get,
    transact_write,
)
from antipodes.regional.dynamodb.writing import (
    Write,
    prepare_delete,
    prepare_put,
    prepare_update,
    returned,
)
from antipodes.service.contract import Call, ServiceError


def _outward(members: dict[str, Any]) -> dict[str, Any]:
    """Items in a response as boto3 has them."""
    found = dict(members)
    for name in ("Item", "Attributes", "LastEvaluatedKey"):
        if name in found:
            found[name] = outward_item(found[name])
    if "Items" in found:
        found["Items"] = [outward_item(item) for item in found["Items"]]
    return found


def _name(service: DynamoDB, call: Call, request: dict[str, Any]) -> str:
    """The name of a request's table, which must be a name before anything else is looked at."""
    return table_name(request["TableName"], call.account, service.host.place)


@item_operation("PutItem")
def put_item(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return _write(service, call, request, plan_put, prepare_put)


@item_operation("UpdateItem")
def update_item(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return _write(service, call, request, plan_update, prepare_update)


@item_operation("DeleteItem")
def delete_item(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return _write(service, call, request, plan_delete, prepare_delete)


def _write(
    service: DynamoDB,
    call: Call,
    request: dict[str, Any],
    plan_of: Callable[[dict[str, Any]], WritePlan],
    prepare: Callable[[TableStore, Table, dict[str, Any], WritePlan], Write],
) -> dict[str, Any]:
    """Judge a write, make it, and tell of it; items go out as boto3 has them."""
    name = _name(service, call, request)
    plan = plan_of(request)
    table = service.usable(call.account, name)
    try:
        write = prepare(service.items, table, request, plan)
    except ServiceError as error:
        if "Item" in error.members:
            error.members["Item"] = outward_item(error.members["Item"])
        raise
    check_room(service.items, write).apply(service.items)
    found = _outward(returned(write, request.get("ReturnValues")))
    return {**found, **write.consumed(request), **metrics(request, service.items, write)}


@item_operation("GetItem")
def get_item(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    name = _name(service, call, request)
    plan = plan_get(request)
    table = service.usable(call.account, name)
    shown, whole = read_item(service.items, table, plan)
    units = read_units(item_size(whole or {}), consistent=bool(request.get("ConsistentRead")))
    found: dict[str, Item] = {} if shown is None else {"Item": shown}
    return _outward({**found, **consumed(request, Spent(table.name, units))})


@item_operation("Query")
def query(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    name = _name(service, call, request)
    plan = plan_query(request)
    table = service.usable(call.account, name)
    return _outward(read_query(service.items, table, request, plan))


@item_operation("Scan")
def scan(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    name = _name(service, call, request)
    plan = plan_scan(request)
    table = service.usable(call.account, name)
    return _outward(read_scan(service.items, table, request, plan))


@item_operation("BatchGetItem")
def batch_get_item(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = batch_get(service.items, lambda name: service.usable(call.account, name), request)
    found["Responses"] = {
        name: [outward_item(item) for item in items] for name, items in found["Responses"].items()
    }
    for part in found["UnprocessedKeys"].values():
        part["Keys"] = [outward_item(key) for key in part["Keys"]]
    return found


@item_operation("BatchWriteItem")
def batch_write_item(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return batch_write(service.items, lambda name: service.usable(call.account, name), request)


@item_operation("TransactWriteItems")
def transact_write_items(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    token = request.get("ClientRequestToken")
    find = partial(service.usable, call.account)
    if token and service.replayed(call, token, request):
        return replayed(service.items, find, request)
    try:
        found = transact_write(service.items, find, request)
    except ServiceError as error:
        for reason in error.members.get("CancellationReasons", ()):
            if "Item" in reason:
                reason["Item"] = outward_item(reason["Item"])
        raise
    if token:
        service.remember(call, token, request)
    return found


@item_operation("TransactGetItems")
def transact_get_items(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = transact_get(service.items, lambda name: service.usable(call.account, name), request)
    found["Responses"] = [_outward(answer) for answer in found["Responses"]]
    return found
