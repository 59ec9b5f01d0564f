"""What two services say of a request's shape in a way of their own, before or instead of the rest.

ec2 asks for a missing parameter by its name on the wire. DynamoDB's older operations, on tables,
do so too; those on items list what is missing with everything else, but stop at once at numbers out
of range, at too many keys, and at a batch of nothing. Sources: facts/data.md (1.4) and the public
test suites of dynalite and of nubo-db/dynamodb-conformance, which ran against the real service.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from antipodes.wire.errors import Invalid
from antipodes.wire.models import Operation, Shape

ERRORS_MAX = 10  # that DynamoDB lists of one request
ITEM_OPERATIONS = frozenset(
    {
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "TransactGetItems",
        "TransactWriteItems",
        "UpdateItem",
    }
)
# The order in which DynamoDB lists the values of an enumeration, where it is not the model's.
_ENUMS: Mapping[str, tuple[str, ...]] = {
    "ComparisonOperator": (
        *("IN", "NULL", "BETWEEN", "LT", "NOT_CONTAINS", "EQ", "GT", "NOT_NULL", "NE", "LE"),
        *("BEGINS_WITH", "GE", "CONTAINS"),
    ),
    "ConditionalOperator": ("OR", "AND"),
    "ReturnValue": ("ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"),
    "Select": ("SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"),
}


def enum_of(shape: Shape) -> tuple[str, ...]:
    """The values of an enumeration in the order in which its service lists them."""
    listed = _ENUMS.get(shape.name, ())
    return listed if set(listed) == set(shape.enum) else shape.enum


def refuse_first(operation: Operation, value: Mapping[str, Any]) -> None:
    """Raise what a service says of a broken input before anything else, if it does."""
    if operation.model.name == "dynamodb" and operation.name in ITEM_OPERATIONS:
        _refuse_items(operation, value)
    elif operation.model.name in {"dynamodb", "ec2"}:
        _refuse_missing_scalar(operation, value)


def _refuse_items(operation: Operation, value: Mapping[str, Any]) -> None:
    code = "ValidationException"
    if value.get("RequestItems") == {}:
        raise Invalid(code, f"The requestItems parameter is required for {operation.name}")
    found = list(_out_of_range(operation, value))
    if found:
        noun = "error" if len(found) == 1 else "errors"
        raise Invalid(code, f"{len(found)} validation {noun} detected: {'; '.join(found)}")


def _out_of_range(operation: Operation, value: Mapping[str, Any]) -> Iterator[str]:
    assert operation.input is not None, f"{operation} takes an input"
    members = operation.input.shape.members
    for name, given in value.items():
        member = members.get(name)
        if member is None or given is None:
            continue
        if member.kind == "integer":
            yield from _broken(member.shape, name, given, "value")
    if operation.name == "BatchGetItem":
        for table, part in (value.get("RequestItems") or {}).items():
            keys = members["RequestItems"].shape.value.shape.members["Keys"].shape
            count = len((part or {}).get("Keys") or [None])
            yield from _broken(keys, f"RequestItems.{table}.member.Keys", count, "length")


def _broken(shape: Shape, path: str, measured: int, measure: str) -> Iterator[str]:
    for limit, wrong, relation in (
        (shape.max, shape.max is not None and measured > shape.max, "less"),
        (shape.min, shape.min is not None and measured < shape.min, "greater"),
    ):
        if wrong:
            yield (
                f"Value at '{path}' failed to satisfy constraint: Member must have {measure} "
                f"{relation} than or equal to {limit}"
            )


def _refuse_missing_scalar(operation: Operation, value: Mapping[str, Any]) -> None:
    """Say what two services say first of all when a required parameter is not there."""
    assert operation.input is not None, f"{operation} takes no input"
    for name in operation.input.shape.required:
        member = operation.input.shape.members[name]
        if value.get(name) is not None:
            continue
        if operation.model.name == "ec2":
            message = f"The request must contain the parameter {member.ec2_name}"
            raise Invalid("MissingParameter", message)
        if member.kind not in {"structure", "list", "map"}:
            message = f"The parameter '{name}' is required but was not present in the request"
            raise Invalid("ValidationException", message)
