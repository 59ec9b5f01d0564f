"""Transactions and batches: several items in one request.

A transaction prepares everything, then applies everything, in one group of the store: atomic and
durable as one, in its own region only. Other regions see its items one by one.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import orjson

from antipodes.regional.dynamodb.attributes import Item, item_size, normal_item
from antipodes.regional.dynamodb.capacity import Spent, consumed_by_table, read_units
from antipodes.regional.dynamodb.errors import Refused, not_given, validation
from antipodes.regional.dynamodb.itemcollections import check_room, metrics_by_table
from antipodes.regional.dynamodb.model import Table, table_name
from antipodes.regional.dynamodb.plans import (
    GetPlan,
    WritePlan,
    check_projections,
    plan_delete,
    plan_get,
    plan_projection,
    plan_put,
    plan_update,
)
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

TRANSACTION_BYTES_MAX = 4 << 20
GETS_MAX = 100
WRITES_MAX = 25
RESPONSE_BYTES_MAX = 16 << 20

Find = Callable[[str], Table]
T = TypeVar("T")
_PREPARE = {
    "Put": prepare_put,
    "Update": prepare_update,
    "Delete": prepare_delete,
    "ConditionCheck": prepare_check,
}
_PLAN = {
    "Put": plan_put,
    "Update": plan_update,
    "Delete": plan_delete,
    "ConditionCheck": plan_delete,
}
_REASONS = {
    "ConditionalCheckFailedException": "ConditionalCheckFailed",
    "ItemCollectionSizeLimitExceededException": "ItemCollectionSizeLimitExceeded",
    "ValidationException": "ValidationError",
}


class _Action(NamedTuple):
    """One action of a transaction: what it does, its part of the request, and what is planned."""

    kind: str
    part: dict[str, Any]
    plan: WritePlan


def transact_write(store: TableStore, find: Find, request: dict[str, Any]) -> dict[str, Any]:
    """Answer a TransactWriteItems."""
    actions = [_planned(action) for action in request["TransactItems"]]
    tables = [find(action.part["TableName"]) for action in actions]
    pairs = list(zip(tables, actions, strict=True))
    _check_once(store, [(table, action.plan.given) for table, action in pairs])

    def prepare(number: int) -> Write:
        kind, part, plan = actions[number]
        return check_room(store, _PREPARE[kind](store, tables[number], part, plan))

    prepared = _each(len(actions), prepare)
    if sum(max(write.sizes) for write in prepared) > TRANSACTION_BYTES_MAX:
        raise validation("Collection of items in the transaction exceeds 4 MB")
    for write in prepared:
        write.apply(store)
    spent = [write.spent(transactional=True) for write in prepared]
    return {
        **consumed_by_table(request, spent, both="Write"),
        **metrics_by_table(request, store, prepared),
    }


def replayed(store: TableStore, find: Find, request: dict[str, Any]) -> dict[str, Any]:
    """Answer a TransactWriteItems that was done already: what was written is only read."""
    if not request.get("ReturnConsumedCapacity"):
        return {}
    spent: list[Spent] = []
    for action in map(_planned, request["TransactItems"]):
        table = find(action.part["TableName"])
        item = store.get(store.row_key(table, action.plan.given)) or {}
        units = read_units(item_size(item), consistent=True, transactional=True)
        spent.append(Spent(table.name, units))
    return consumed_by_table(request, spent, both="Read")


def _planned(action: dict[str, Any]) -> _Action:
    given = [kind for kind in _PREPARE if action.get(kind) is not None]
    if len(given) != 1:
        raise validation("TransactItems can only contain one of Check, Put, Update or Delete")
    (kind,) = given
    part = action[kind]
    table_name(part["TableName"])
    return _Action(kind, part, _PLAN[kind](part))


def _each(count: int, do: Callable[[int], T]) -> list[T]:
    """Do all of a transaction's actions, or tell why each that fails does."""
    done: list[T] = []
    reasons: list[dict[str, Any]] = []
    for number in range(count):
        try:
            done.append(do(number))
            reasons.append({"Code": "None"})
        except ServiceError as error:
            if error.code not in _REASONS or isinstance(error, Refused):
                raise
            reasons.append(
                {"Code": _REASONS[error.code], "Message": error.message, **error.members}
            )
    if len(done) < count:
        raise _cancelled(reasons)
    return done


def _check_once(store: TableStore, items: list[tuple[Table, Item]]) -> None:
    """Refuse two actions on one item; what has no proper key is told of later."""
    rows = [store.row_key(table, item) for table, item in items if _has_key(table, item)]
    if len(set(rows)) != len(rows):
        raise validation("Transaction request cannot include multiple operations on one item")


def _has_key(table: Table, item: Item) -> bool:
    return all(name in item and kind in item[name] for name, kind in table.types.items())


def _cancelled(reasons: list[dict[str, Any]]) -> ServiceError:
    codes = ", ".join(reason["Code"] for reason in reasons)
    return ServiceError(
        "TransactionCanceledException",
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        CancellationReasons=reasons,
    )


def transact_get(store: TableStore, find: Find, request: dict[str, Any]) -> dict[str, Any]:
    """Answer a TransactGetItems."""
    parts = [action["Get"] for action in request["TransactItems"]]
    for part in parts:
        table_name(part["TableName"])
    plans = [plan_get(part) for part in parts]
    tables = [find(part["TableName"]) for part in parts]
    _check_once(store, [(table, plan.key) for table, plan in zip(tables, plans, strict=True)])
    found = _each(len(parts), lambda number: get_item(store, tables[number], plans[number]))
    sizes = [item_size(whole or {}) for _, whole in found]
    if sum(sizes) > TRANSACTION_BYTES_MAX:
        raise validation("Collection of items in the transaction exceeds 4 MB")
    spent = [
        Spent(table.name, read_units(size, consistent=True, transactional=True))
        for table, size in zip(tables, sizes, strict=True)
    ]
    answers = [{} if shown is None else {"Item": shown} for shown, _ in found]
    return {"Responses": answers, **consumed_by_table(request, spent, both="Read")}


def batch_get(store: TableStore, find: Find, request: dict[str, Any]) -> dict[str, Any]:
    """Answer a BatchGetItem."""
    wanted = _tables(request)
    plans = _plan_gets(wanted)
    tables = {name: find(name) for name in wanted}
    responses: dict[str, list[Item]] = {name: [] for name in wanted}
    unprocessed: dict[str, Any] = {}
    spent: list[Spent] = []
    total = 0
    for name, gets in plans.items():
        left = []
        strong = bool(wanted[name].get("ConsistentRead"))
        for plan in gets:
            shown, whole = get_item(store, tables[name], plan)
            size = item_size(whole or {})
            if total + size > RESPONSE_BYTES_MAX:
                left.append(plan.key)
                continue
            total += size
            spent.append(Spent(tables[name].name, read_units(size, consistent=strong)))
            if shown is not None:
                responses[name].append(shown)
        if left:
            unprocessed[name] = {**wanted[name], "Keys": left}
    return {
        "Responses": responses,
        "UnprocessedKeys": unprocessed,
        **consumed_by_table(request, spent),
    }


def _tables(request: dict[str, Any]) -> dict[str, Any]:
    """The parts of a batch by table, none of them null."""
    wanted: dict[str, Any] = request["RequestItems"]
    absent = [f"requestItems.{name}.member" for name, part in wanted.items() if part is None]
    if absent:
        raise not_given(*absent)
    return wanted


def _plan_gets(wanted: dict[str, dict[str, Any]]) -> dict[str, list[GetPlan]]:
    """Plan the reads of a batch, by table."""
    plans: dict[str, list[GetPlan]] = {}
    check_projections(wanted)
    for name, part in wanted.items():
        table_name(name)
        keys = [normal_item(key) for key in part["Keys"]]
        if len({orjson.dumps(key, option=orjson.OPT_SORT_KEYS) for key in keys}) != len(keys):
            raise validation("Provided list of item keys contains duplicates")
        paths = plan_projection(part)
        plans[name] = [GetPlan(key, paths) for key in keys]
        if sum(map(len, plans.values())) > GETS_MAX:
            raise validation("Too many items requested for the BatchGetItem call")
    return plans


def batch_write(store: TableStore, find: Find, request: dict[str, Any]) -> dict[str, Any]:
    """Answer a BatchWriteItem: everything is checked before anything is written."""
    wanted = _tables(request)
    if sum(map(len, wanted.values())) > WRITES_MAX:
        raise validation("Too many items requested for the BatchWriteItem call")
    plans: list[tuple[str, bool, WritePlan]] = []
    for name, parts in wanted.items():
        table_name(name)
        for part in parts:
            if len(part) != 1:
                raise validation(
                    "Supplied AttributeValue has more than one datatypes set, must contain exactly "
                    "one of the supported datatypes"
                )
            puts = "PutRequest" in part
            made = plan_put(part["PutRequest"]) if puts else plan_delete(part["DeleteRequest"])
            plans.append((name, puts, made))
    tables = {name: find(name) for name in wanted}
    writes: list[Write] = []
    for name, puts, plan in plans:
        table = tables[name]
        if not _has_key(table, plan.given):
            raise validation("The provided key element does not match the schema")
        write = (prepare_put if puts else prepare_delete)(store, table, {}, plan)
        writes.append(check_room(store, write))
    rows = [write.row_key for write in writes]
    if len(set(rows)) != len(rows):
        raise validation("Provided list of item keys contains duplicates")
    for write in writes:
        write.apply(store)
    spent = [write.spent() for write in writes]
    return {
        "UnprocessedItems": {},
        **consumed_by_table(request, spent),
        **metrics_by_table(request, store, writes),
    }
