"""Transactions and batches: several items in one request.

A transaction prepares everything, then applies everything, in one group of the store: atomic and
durable as one, in its own region only. Other regions see its items one by one.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from antipodes.regional.dynamodb.attributes import Item, item_size, normal_item
from antipodes.regional.dynamodb.capacity import Spent, consumed_by_table, read_units
from antipodes.regional.dynamodb.errors import validation
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.reading import get_item
from antipodes.regional.dynamodb.tables import TableStore
from antipodes.regional.dynamodb.writing import (
    Write,
    prepare_check,
    prepare_delete,
    prepare_put,
    prepare_update,
)
from antipodes.service.contract import ServiceError

TRANSACTION_MAX = 100
TRANSACTION_BYTES_MAX = 4 << 20
GETS_MAX = 100
WRITES_MAX = 25
RESPONSE_BYTES_MAX = 16 << 20

Find = Callable[[str], Table]
_PREPARE = {
    "Put": prepare_put,
    "Update": prepare_update,
    "Delete": prepare_delete,
    "ConditionCheck": prepare_check,
}
_REASONS = {
    "ConditionalCheckFailedException": "ConditionalCheckFailed",
    "ValidationException": "ValidationError",
}


def transact_write(store: TableStore, find: Find, request: dict[str, Any]) -> dict[str, Any]:
    """Answer a TransactWriteItems."""
    writes: list[Write | None] = []
    reasons: list[dict[str, Any]] = []
    for action in _actions(request):
        ((kind, part),) = action.items()
        table = find(part["TableName"])
        try:
            writes.append(_PREPARE[kind](store, table, part))
            reasons.append({"Code": "None"})
        except ServiceError as error:
            if error.code not in _REASONS or error.code == "ValidationException":
                raise
            writes.append(None)
            reasons.append(
                {"Code": _REASONS[error.code], "Message": error.message, **error.members}
            )
    prepared = [write for write in writes if write is not None]
    _check_once(prepared)
    if len(prepared) < len(writes):
        raise _cancelled(reasons)
    if sum(max(write.sizes) for write in prepared) > TRANSACTION_BYTES_MAX:
        raise validation("Collection of items in the transaction exceeds 4 MB")
    for write in prepared:
        write.apply(store)
    spent = [write.spent(transactional=True) for write in prepared]
    return consumed_by_table(request, spent, both="Write")


def _actions(request: dict[str, Any]) -> list[dict[str, Any]]:
    actions: list[dict[str, Any]] = request["TransactItems"]
    if len(actions) > TRANSACTION_MAX:
        raise validation(
            "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: "
            "Member must have length less than or equal to 100"
        )
    for action in actions:
        if len(action) != 1:
            raise validation("TransactItems can only contain one of Check, Put, Update or Delete")
    return actions


def _check_once(writes: list[Write]) -> None:
    rows = [write.row_key for write in writes]
    if len(set(rows)) != len(rows):
        raise validation("Transaction request cannot include multiple operations on one item")


def _cancelled(reasons: list[dict[str, Any]]) -> ServiceError:
    codes = ", ".join(reason["Code"] for reason in reasons)
    return ServiceError(
        "TransactionCanceledException",
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        CancellationReasons=reasons,
    )


def transact_get(store: TableStore, find: Find, request: dict[str, Any]) -> dict[str, Any]:
    """Answer a TransactGetItems."""
    actions = _actions(request)
    answers: list[dict[str, Any]] = []
    spent: list[Spent] = []
    for action in actions:
        part = action["Get"]
        table = find(part["TableName"])
        shown, whole = get_item(store, table, part)
        answers.append({} if shown is None else {"Item": shown})
        size = item_size(whole or {})
        units = read_units(size, consistent=True, transactional=True)
        spent.append(Spent(table.name, units))
    return {"Responses": answers, **consumed_by_table(request, spent, both="Read")}


def batch_get(store: TableStore, find: Find, request: dict[str, Any]) -> dict[str, Any]:
    """Answer a BatchGetItem."""
    wanted = request["RequestItems"]
    if sum(len(part["Keys"]) for part in wanted.values()) > GETS_MAX:
        raise validation("Too many items requested for the BatchGetItem call")
    tables = {name: find(name) for name in wanted}
    responses: dict[str, list[Item]] = {name: [] for name in wanted}
    unprocessed: dict[str, Any] = {}
    spent: list[Spent] = []
    total = 0
    for name, part in wanted.items():
        keys = [normal_item(key) for key in part["Keys"]]
        if any(key in keys[:number] for number, key in enumerate(keys)):
            raise validation("Provided list of item keys contains duplicates")
        left = []
        for key in keys:
            shown, whole = get_item(store, tables[name], {**part, "Key": key})
            size = item_size(whole or {})
            if total + size > RESPONSE_BYTES_MAX:
                left.append(key)
                continue
            total += size
            strong = bool(part.get("ConsistentRead"))
            spent.append(Spent(tables[name].name, read_units(size, consistent=strong)))
            if shown is not None:
                responses[name].append(shown)
        if left:
            unprocessed[name] = {**part, "Keys": left}
    return {
        "Responses": responses,
        "UnprocessedKeys": unprocessed,
        **consumed_by_table(request, spent),
    }


def batch_write(store: TableStore, find: Find, request: dict[str, Any]) -> dict[str, Any]:
    """Answer a BatchWriteItem: everything is checked before anything is written."""
    wanted = request["RequestItems"]
    count = sum(len(parts) for parts in wanted.values())
    if not 1 <= count <= WRITES_MAX or not all(wanted.values()):
        raise validation(
            f"1 validation error detected: Value '{_shown(wanted)}' at 'requestItems' failed to "
            "satisfy constraint: Map value must satisfy constraint: [Member must have length less "
            "than or equal to 25, Member must have length greater than or equal to 1]"
        )
    writes: list[Write] = []
    for name, parts in wanted.items():
        table = find(name)
        for part in parts:
            if len(part) != 1:
                raise validation(
                    "Supplied AttributeValue has more than one datatypes set, must contain exactly "
                    "one of the supported datatypes"
                )
            if "PutRequest" in part:
                writes.append(prepare_put(store, table, part["PutRequest"]))
            else:
                writes.append(prepare_delete(store, table, part["DeleteRequest"]))
    rows = [write.row_key for write in writes]
    if len(set(rows)) != len(rows):
        raise validation("Provided list of item keys contains duplicates")
    for write in writes:
        write.apply(store)
    spent = [write.spent() for write in writes]
    return {"UnprocessedItems": {}, **consumed_by_table(request, spent)}


def _shown(value: Any) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()[:200]
