"""What UpdateTable does to global secondary indexes: it makes, changes and deletes them.

An index that is made is CREATING while it is filled (backfills.py), one that is deleted is DELETING
while its rows go. Of either there may be one at a time in a table. Replicas do alike: what one of
them was asked for, the others take from it (`taken`).

What is admitted while, and wording, as observed of AWS (ack-api-quirks, services/dynamodb,
DDB-TABLE-148 to 175, 359, 375, 376).
"""

from typing import Any

import msgspec

from antipodes.regional.dynamodb import indexcapacity
from antipodes.regional.dynamodb.errors import (
    in_use,
    invalid_value,
    limit_exceeded,
    not_found,
    validation,
)
from antipodes.regional.dynamodb.indexes import (
    GLOBAL_MAX,
    check_counts,
    definitions,
    identified,
    made_index,
)
from antipodes.regional.dynamodb.model import Index, Table

ACTIONS = ("Create", "Update", "Delete")
_ONE = "Only 1 online index can be created or deleted simultaneously per table"


def changed(
    table: Table, request: dict[str, Any], billing: str, now: float, until: float
) -> dict[str, Any]:
    """The members of a table's record that an UpdateTable's index updates change.

    `billing` is the mode that the request leads to; what begins now goes on at least `until`.
    """
    updates = request.get("GlobalSecondaryIndexUpdates")
    actions = [] if updates is None else _actions(updates)
    _check_alone(table, actions)
    told = definitions({"AttributeDefinitions": [], **request})
    # What is defined already stays as it is, whatever the request says.
    defined = {**told, **table.attribute_types}
    indexes = list(table.indexes)
    for action, part in actions:
        place = next((n for n, i in enumerate(indexes) if i.name == part["IndexName"]), None)
        if action == "Create":
            if place is not None:
                raise validation("Attempting to create an index which already exists")
            _check_types(table, part, told)
            made = _made(table, part, request, defined, billing)
            made = identified(made, table.identity, now)
            indexes.append(msgspec.structs.replace(made, status="CREATING", ready_at=until))
            continue
        if place is None:
            raise not_found(
                f"Requested resource not found: Index {part['IndexName']} for table {table.name}"
            )
        if indexes[place].kind != "GSI":
            raise validation(
                f"Cannot {action.lower()} an index that is not a GlobalSecondaryIndex: "
                f"{part['IndexName']}"
            )
        if action == "Update":
            change = indexcapacity.updated(table, indexes[place], part, billing, now)
            if set(part) & {"ProvisionedThroughput", "OnDemandThroughput"}:
                change["ready_at"] = until
        else:
            change = {"status": "DELETING", "ready_at": until}
        indexes[place] = msgspec.structs.replace(indexes[place], **change)
    if sum(index.kind == "GSI" for index in indexes) > GLOBAL_MAX:
        raise limit_exceeded(
            f"GlobalSecondaryIndex count exceeds the per-table limit of {GLOBAL_MAX}"
        )
    check_counts(indexes)
    indexes = [indexcapacity.billed(table, index, billing) for index in indexes]
    if tuple(indexes) == table.indexes:
        return {}
    return {"indexes": tuple(indexes), "attributes": attributes_used(table, indexes, defined)}


def attributes_used(
    table: Table, indexes: list[Index] | tuple[Index, ...], defined: dict[str, str]
) -> dict[str, str]:
    """The definitions of those attributes that are keys of the table or of an index."""
    used = {*table.key_names, *(name for index in indexes for name in index.key_names)}
    return {name: kind for name, kind in defined.items() if name in used}


def _named(updates: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (name, update[name])
        for update in updates
        for name in ACTIONS
        if update.get(name) is not None
    ]


def _actions(updates: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    if not updates:
        raise invalid_value("List of GlobalSecondaryIndexUpdates is empty")
    found: list[tuple[str, dict[str, Any]]] = []
    for update in updates:
        named = _named([update])
        if not named:
            raise invalid_value(
                "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, "
                "GlobalSecondaryIndexUpdate.Delete must not be null"
            )
        if len(named) > 1:
            raise invalid_value(
                "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate "
                "object"
            )
        name = named[0][1]["IndexName"]
        if any(part["IndexName"] == name for _, part in found):
            raise invalid_value(
                "Only one global secondary index update per index is allowed simultaneously. "
                f"Index: {name}"
            )
        found += named
    return found


def _check_alone(table: Table, actions: list[tuple[str, dict[str, Any]]]) -> None:
    """Refuse a second index to be made or deleted; one that is being made may be deleted."""
    begun = [part["IndexName"] for action, part in actions if action != "Update"]
    under_way = [index.name for index in table.indexes if index.status != "ACTIVE"]
    if len(begun) > 1 or (begun and under_way and begun != under_way):
        raise limit_exceeded(_ONE)


def _check_types(table: Table, part: dict[str, Any], told: dict[str, str]) -> None:
    """Refuse an index whose key would give an attribute another type than it has."""
    known = table.attribute_types
    key = [(element["AttributeName"], element["KeyType"]) for element in part["KeySchema"]]
    if all(told.get(name, kind) == kind for name, kind in known.items() if name in dict(key)):
        return
    before, after = (
        ", ".join(f"SchemaElement: key{{{n}:{types[n]}:{role}}}" for n, role in key if n in types)
        for types in ({**told, **known}, {**known, **told})
    )
    raise invalid_value(
        "Attributes cannot be redefined. Please check that your attribute has the same type as "
        f"previously defined. Existing schema: Schema:[{before}] New schema: Schema:[{after}]"
    )


def _made(
    table: Table,
    part: dict[str, Any],
    request: dict[str, Any],
    defined: dict[str, str],
    billing: str,
) -> Index:
    names = [element["AttributeName"] for element in part["KeySchema"]]
    if request.get("AttributeDefinitions") is None and any(n not in defined for n in names):
        raise invalid_value(f"AttributeDefinitions is not specified for index: {part['IndexName']}")
    index = made_index(part, "GSI", defined, table.key_names)
    units = part.get("ProvisionedThroughput")
    if billing == "PROVISIONED" and not units:
        raise invalid_value(
            "Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: "
            f"{index.name}"
        )
    if billing != "PROVISIONED" and units:
        raise invalid_value(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: "
            f"{index.name} when BillingMode is PAY_PER_REQUEST"
        )
    return indexcapacity.made(part, index, billing)


# What goes on, and what it keeps waiting.


def begins(request: dict[str, Any]) -> bool:
    """Whether a request makes or deletes an index."""
    updates = request.get("GlobalSecondaryIndexUpdates") or []
    return any(action != "Update" for action, _ in _named(updates))


def check_admitted(table: Table, request: dict[str, Any], now: float) -> None:
    """Refuse a change that has to wait for what goes on with an index."""
    where = f"Table: {table.name}"
    by_name = {index.name: index for index in table.indexes}
    for action, part in _named(request.get("GlobalSecondaryIndexUpdates") or []):
        index = by_name.get(part["IndexName"])
        detail = None if index is None else _unready(index, action, now)
        if detail is not None:
            raise in_use(f"{detail} {where} Index: {part['IndexName']}")
    changing = [index for index in table.indexes if index.changing(now)]
    if not changing:
        return
    doing = "created" if changing[0].status == "CREATING" else "deleted"
    names = ", ".join(index.name for index in changing)
    for what, members in (
        ("table IOPS", ("ProvisionedThroughput", "BillingMode")),
        ("stream status", ("StreamSpecification",)),
        ("the table", ("TableClass", "ReplicaUpdates")),
    ):
        if any(request.get(name) is not None for name in members):
            raise in_use(
                f"Can't change {what} when an index is being {doing}. {where} Indexes: [{names}]"
            )


def _unready(index: Index, action: str, now: float) -> str | None:
    """Why an index cannot be changed now."""
    if index.status == "DELETING":
        return "Index is being deleted."
    if index.changing(now) and action == "Delete":
        return (
            "Index creation is in resource allocation phase. Retry deletion during backfilling "
            "phase or when the index is active."
        )
    if index.changing(now) and action == "Update":
        return "Index is being created but is not backfilling yet."
    return "Index is being updated." if index.status_at(now) == "UPDATING" else None


def check_idle(table: Table, now: float) -> None:
    """Refuse to delete a table while something goes on with its indexes."""
    if any(index.kind == "GSI" and index.status_at(now) != "ACTIVE" for index in table.indexes):
        raise in_use("Cannot delete table while indexes are being created, updated, or deleted.")


def shown(before: Table, request: dict[str, Any], described: dict[str, Any]) -> dict[str, Any]:
    """A description after an UpdateTable, as its answer has it: what is changed has just begun."""
    updates = request.get("GlobalSecondaryIndexUpdates")
    if not updates:
        return described
    actions = {part["IndexName"]: action for action, part in _named(updates)}
    found = dict(described)
    if any(action != "Update" for action in actions.values()):
        found["TableStatus"] = "UPDATING"
    units = {index.name: (index.read_units, index.write_units) for index in before.indexes}
    switched = request.get("BillingMode") not in {None, before.billing}
    parts: list[dict[str, Any]] = []
    for part in found.get("GlobalSecondaryIndexes", ()):
        action, name = actions.get(part["IndexName"]), part["IndexName"]
        if action == "Create":
            parts.append({**part, "IndexStatus": "CREATING", "Backfilling": False})
        elif action == "Update":
            old = dict(zip(("ReadCapacityUnits", "WriteCapacityUnits"), units[name], strict=True))
            kept = {**part["ProvisionedThroughput"], **({} if switched else old)}
            parts.append({**part, "IndexStatus": "UPDATING", "ProvisionedThroughput": kept})
        else:
            parts.append(part)
    return {**found, "GlobalSecondaryIndexes": parts}


# Replicas.


def fresh(indexes: tuple[Index, ...], table: bytes, now: float) -> tuple[Index, ...]:
    """Another replica's indexes, for a table without items and with that identity."""
    return tuple(
        msgspec.structs.replace(identified(index, table, now), status="ACTIVE", ready_at=0.0)
        for index in indexes
        if index.status != "DELETING"
    )


def taken(
    table: Table, wanted: tuple[Index, ...], defined: dict[str, str], now: float, until: float
) -> Table:
    """The table with the global indexes that another replica was asked to have.

    Those that are new here are CREATING, those that are not wanted any more are DELETING: whoever
    keeps the record lets `IndexWork.begin` do the work. Local indexes never change.
    """
    by_name = {index.name: index for index in wanted if index.status != "DELETING"}
    found: list[Index] = []
    for index in table.indexes:
        told = by_name.pop(index.name, None)
        if index.kind == "LSI" or index.status == "DELETING":
            found.append(index)
        elif told is None or _shape(told) != _shape(index):
            found.append(msgspec.structs.replace(index, status="DELETING", ready_at=until))
        else:
            units = {"read_units": told.read_units, "write_units": told.write_units}
            found.append(msgspec.structs.replace(index, **units))
    for told in by_name.values():
        if told.kind == "GSI":
            made = identified(told, table.identity, now)
            found.append(msgspec.structs.replace(made, status="CREATING", ready_at=until))
    used = attributes_used(table, found, {**table.attribute_types, **defined})
    return msgspec.structs.replace(table, indexes=tuple(found), attributes=used)


def _shape(index: Index) -> tuple[Any, ...]:
    return index.kind, index.key_names, index.key_types, index.projection, index.non_key
