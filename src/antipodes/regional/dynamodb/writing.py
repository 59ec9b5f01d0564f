"""Single-item writes: Put, Update and Delete, alone, in batches and in transactions.

A write is prepared (all that can be wrong with the request is found, the condition is judged
against the item as it is) and then applied; a transaction prepares all of its writes before it
applies any.
"""

from typing import Any, NamedTuple

from antipodes.regional.dynamodb.attributes import ITEM_BYTES_MAX, Item, Value, item_size
from antipodes.regional.dynamodb.capacity import Spent, consumed, write_spent
from antipodes.regional.dynamodb.errors import condition_failed, validation
from antipodes.regional.dynamodb.indexrows import check_index_keys, check_index_types
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.plans import (
    WritePlan,
    check_paths,
    plan_delete,
    plan_put,
    plan_update,
)
from antipodes.regional.dynamodb.projections import project
from antipodes.regional.dynamodb.tables import TableStore, check_item, check_key


class Write(NamedTuple):
    """A prepared write: what is there, and what is to be (None: nothing)."""

    table: Table
    row_key: bytes
    key: Item
    old: Item | None
    new: Item | None
    changes: bool
    updated: list[tuple[str | int, ...]]

    def spent(self, *, transactional: bool = False) -> Spent:
        """What it consumes."""
        return write_spent(self.table, self.old, self.new, transactional=transactional)

    def consumed(self, request: dict[str, Any]) -> dict[str, Any]:
        """The ConsumedCapacity member of its response, where it was asked for."""
        if not request.get("ReturnConsumedCapacity"):
            return {}
        return consumed(request, self.spent())

    @property
    def sizes(self) -> tuple[int, int]:
        """Old and new size, for the capacity."""
        return item_size(self.old or {}), item_size(self.new or {})

    def apply(self, store: TableStore) -> None:
        """Make it so."""
        if not self.changes:
            return
        if self.new is None:
            store.delete(self.table, self.row_key, self.key)
        else:
            store.put(self.table, self.row_key, self.new)


def prepare_put(
    store: TableStore, table: Table, request: dict[str, Any], plan: WritePlan | None = None
) -> Write:
    """Prepare a PutItem, or a Put of a transaction."""
    plan = plan or plan_put(request)
    item = plan.given
    check_item(table, item)
    check_paths(table, plan.nested)
    row_key = store.row_key(table, item)
    old = store.get(row_key)
    _judge(plan.test, old, request)
    key = {name: item[name] for name in table.key_names}
    return Write(table, row_key, key, old, item, changes=True, updated=[])


def prepare_delete(
    store: TableStore, table: Table, request: dict[str, Any], plan: WritePlan | None = None
) -> Write:
    """Prepare a DeleteItem, or a Delete of a transaction."""
    plan = plan or plan_delete(request)
    key = plan.given
    check_key(table, key)
    check_paths(table, plan.nested)
    row_key = store.row_key(table, key)
    old = store.get(row_key)
    _judge(plan.test, old, request)
    return Write(table, row_key, key, old, None, changes=old is not None, updated=[])


def prepare_check(
    store: TableStore, table: Table, request: dict[str, Any], plan: WritePlan | None = None
) -> Write:
    """Prepare a ConditionCheck of a transaction: a write that changes nothing."""
    return prepare_delete(store, table, request, plan)._replace(changes=False)


def prepare_update(
    store: TableStore, table: Table, request: dict[str, Any], plan: WritePlan | None = None
) -> Write:
    """Prepare an UpdateItem, or an Update of a transaction."""
    plan = plan or plan_update(request)
    key, update = plan.given, plan.update
    check_key(table, key)
    if update is not None:
        update.check_keys(table.key_names)
        check_index_types(table, update.typed())
    check_paths(table, plan.nested)
    row_key = store.row_key(table, key)
    old = store.get(row_key)
    _judge(plan.test, old, request)
    paths = update.paths if update is not None else []
    if old is None and update is not None and not update.creates:
        return Write(table, row_key, key, None, None, changes=False, updated=paths)
    base = old if old is not None else dict(key)
    new = base if update is None else update.apply(base)
    if item_size(new) > ITEM_BYTES_MAX:
        raise validation("Item size to update has exceeded the maximum allowed size")
    if table.indexes:
        check_index_keys(table, new, base, _given(request))
    return Write(table, row_key, key, old, new, changes=new != old, updated=paths)


def _given(request: dict[str, Any]) -> list[Value]:
    """The values that an update spells out."""
    updates = (request.get("AttributeUpdates") or {}).values()
    values = [update["Value"] for update in updates if update.get("Value")]
    return [*(request.get("ExpressionAttributeValues") or {}).values(), *values]


def _judge(test: Any, old: Item | None, request: dict[str, Any]) -> None:
    if test is not None and not test(old or {}):
        wanted = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        raise condition_failed(old if wanted else None)


def returned(write: Write, wanted: str | None) -> dict[str, Any]:
    """The Attributes member of a response, for a ReturnValues."""
    if wanted == "ALL_OLD":
        found = write.old
    elif wanted == "ALL_NEW":
        found = write.new
    elif wanted == "UPDATED_OLD":
        found = project(write.old or {}, write.updated)
    elif wanted == "UPDATED_NEW":
        found = project(write.new or {}, write.updated)
    else:
        found = None
    return {"Attributes": found} if found else {}
