"""Operations on items, one thin function each."""

from typing import Any

from antipodes.regional.dynamodb.attributes import Item, item_size, outward_item
from antipodes.regional.dynamodb.capacity import Spent, consumed, read_units
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.reading import get_item as read_item
from antipodes.regional.dynamodb.reading import query as read_query
from antipodes.regional.dynamodb.reading import scan as read_scan
from antipodes.regional.dynamodb.service import DynamoDB, operations
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


@operations("PutItem")
def put_item(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    refuse_legacy(request)
    wanted = check_return_values(request)
    table = service.usable(call.account, request["TableName"])
    write = _outward_failure(prepare_put, service, table, request)
    write.apply(service.items)
    return _outward({**returned(write, wanted), **write.consumed(request)})


@operations("UpdateItem")
def update_item(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    refuse_legacy(request)
    table = service.usable(call.account, request["TableName"])
    write = _outward_failure(prepare_update, service, table, request)
    write.apply(service.items)
    wanted = request.get("ReturnValues") or "NONE"
    return _outward({**returned(write, wanted), **write.consumed(request)})


@operations("DeleteItem")
def delete_item(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    refuse_legacy(request)
    wanted = check_return_values(request)
    table = service.usable(call.account, request["TableName"])
    write = _outward_failure(prepare_delete, service, table, request)
    write.apply(service.items)
    return _outward({**returned(write, wanted), **write.consumed(request)})


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
    return _outward({**found, **consumed(request, Spent(table.name, units))})


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
