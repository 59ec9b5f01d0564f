"""INSERT, UPDATE, DELETE and EXISTS: the writes and condition checks that they stand for.

INSERT is a put that must find nothing, UPDATE an update that must find an item; a DELETE's other
conditions are judged only where there is an item. What a transaction wants of the same statement
differs in how a wrong key is told, so that is the caller's to say.
"""

from typing import Any, NamedTuple

from antipodes.regional.dynamodb.attributes import Item
from antipodes.regional.dynamodb.errors import validation
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.partiqlkeys import Schema, first_key, written_key
from antipodes.regional.dynamodb.partiqlterms import Terms, together
from antipodes.regional.dynamodb.partiqltree import (
    Both,
    Call,
    Delete,
    Exists,
    Expression,
    Insert,
    Parameter,
    Path,
    Update,
)
from antipodes.regional.dynamodb.partiqlvalues import Values
from antipodes.service.contract import ServiceError

# What RETURNING asks for, as the classic operations say it.
RETURN_VALUES = {
    "ALL OLD": "ALL_OLD",
    "ALL NEW": "ALL_NEW",
    "MODIFIED OLD": "UPDATED_OLD",
    "MODIFIED NEW": "UPDATED_NEW",
}
OPERATIONS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem"}
NO_KEY = "Where clause does not contain a mandatory equality on all key attributes"


class Action(NamedTuple):
    """A write: what it is called in a transaction, its request, and what it is to return."""

    kind: str  # Put, Update, Delete or ConditionCheck
    request: dict[str, Any]
    returning: str = ""


def duplicate() -> ServiceError:
    """The error for an INSERT of what is there."""
    return ServiceError("DuplicateItemException", "Duplicate primary key exists in table")


def action_of(body: Insert | Update | Delete | Exists, table: Table, values: Values) -> Action:
    """The write that a statement stands for; its key is yet to be checked."""
    match body:
        case Insert():
            return _insert(body, table, values)
        case Update():
            return _update(body, table, values)
        case Delete():
            return _delete(body, table, values)
        case Exists():
            return _exists(body, table, values)


def check_key(action: Action, table: Table) -> None:
    """Refuse an UPDATE or DELETE that does not name one item, as a single statement is told."""
    if action.kind == "Put":
        return
    schema = Schema(table.key_names, table.key_types)
    key: Item = action.request["Key"]
    if len(key) < len(schema.names):
        raise validation(NO_KEY)
    for name, value in key.items():
        schema.check(name, value)


def _insert(body: Insert, table: Table, values: Values) -> Action:
    item: Item = {}
    for name, member in values.named(body.item, "root"):
        value = values.constant(member) if isinstance(member, Parameter) else None
        item[name] = values.literal(member, "root", 1) if value is None else value
    terms = Terms(values)
    new = Call("attribute_not_exists", (Path((table.key_names[0],)),))
    condition = terms.members(ConditionExpression=terms.condition(new))
    return Action("Put", {"TableName": body.source.table, "Item": item, **condition})


def _update(body: Update, table: Table, values: Values) -> Action:
    key, rest = _key(body.where, table, values)
    terms = Terms(values)
    there = Call("attribute_exists", (Path((table.key_names[0],)),))
    condition = together([there, *rest])
    assert condition is not None, "it is at least that the item is there"
    members = terms.members(
        UpdateExpression=terms.update(body.actions), ConditionExpression=terms.condition(condition)
    )
    request = {"TableName": body.source.table, "Key": key, **members}
    return Action("Update", request, body.returning)


def _delete(body: Delete, table: Table, values: Values) -> Action:
    key, rest = _key(body.where, table, values)
    terms = Terms(values)
    judged = together(rest)
    text = None
    if judged is not None:
        missing = Call("attribute_not_exists", (Path((table.key_names[0],)),))
        text = terms.condition(Both("OR", (missing, judged)))
    members = terms.members(ConditionExpression=text)
    request = {"TableName": body.source.table, "Key": key, **members}
    return Action("Delete", request, body.returning)


def _exists(body: Exists, table: Table, values: Values) -> Action:
    select = body.select
    schema = Schema(table.key_names, table.key_types)
    key, rest = first_key(select.where, schema, values)
    judged = together(rest)
    if len(key) < len(schema.names) or judged is None:
        raise validation("EXISTS() must contain a single item read with additional condition")
    terms = Terms(values)
    members = terms.members(ConditionExpression=terms.condition(judged))
    request = {"TableName": select.source.table, "Key": key, **members}
    return Action("ConditionCheck", request)


def _key(where: Expression | None, table: Table, values: Values) -> tuple[Item, list[Expression]]:
    schema = Schema(table.key_names, table.key_types)
    return written_key(where, schema, values)
