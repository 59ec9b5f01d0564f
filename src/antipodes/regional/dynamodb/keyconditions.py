"""Key conditions: one partition, and at most one condition on the sort key."""

from typing import NamedTuple

from antipodes.regional.dynamodb.attributes import Value, key_bytes, kind_of
from antipodes.regional.dynamodb.conditions import Test, check_bounds, ordered
from antipodes.regional.dynamodb.errors import invalid_value, validation
from antipodes.regional.dynamodb.grammar import (
    Between,
    Both,
    Compare,
    Condition,
    Function,
    Path,
    Placeholder,
    parse_condition,
)
from antipodes.regional.dynamodb.scope import Scope

WHERE = "KeyConditionExpression"
_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


class SortRange(NamedTuple):
    """A condition on the sort key: the operator and its values."""

    operator: str
    values: tuple[Value, ...]

    def holds(self, value: Value) -> bool:
        """Whether a sort key meets it."""
        first = self.values[0]
        if self.operator == "BETWEEN":
            return ordered(value, first, ">=") and ordered(value, self.values[1], "<=")
        if self.operator == "begins_with":
            return key_bytes(value).startswith(key_bytes(first))
        if self.operator == "=":
            return key_bytes(value) == key_bytes(first)
        return ordered(value, first, self.operator)

    def bounds(self) -> tuple[bytes | None, bytes | None]:
        """Bytes that every sort key of the range is at or above, and at or below."""
        first = key_bytes(self.values[0])
        match self.operator:
            case "=":
                return first, first
            case "<" | "<=":
                return None, first
            case ">" | ">=":
                return first, None
            case "BETWEEN":
                return first, key_bytes(self.values[1])
            case _:
                return first, first + b"\xff" * 8


class KeyCondition(NamedTuple):
    """A partition, and what is asked of its sort keys."""

    partition: Value
    sort: SortRange | None


def key_condition(
    text: str, scope: Scope, schema: tuple[str, ...], types: dict[str, str]
) -> KeyCondition:
    """Return an expression's meaning for a key schema (names in order, types by name)."""
    partition: Value | None = None
    sort: SortRange | None = None
    seen: list[str] = []
    for part in _parts(parse_condition(text, WHERE)):
        name, found = _part(part, scope)
        if name in seen:
            raise validation("KeyConditionExpressions must only contain one condition per key")
        seen.append(name)
        if name == schema[0]:
            if found.operator != "=":
                raise validation("Query key condition not supported")
            partition = found.values[0]
        elif len(schema) > 1 and name == schema[1]:
            sort = found
        elif len(seen) > 1 or len(schema) > 1:
            raise validation(f"Query condition missed key schema element: {_missing(schema, seen)}")
        for value in found.values:
            if name in types and kind_of(value) != types[name]:
                raise invalid_value("Condition parameter type does not match schema type")
    if partition is None:
        raise validation(f"Query condition missed key schema element: {schema[0]}")
    return KeyCondition(partition, sort)


def _missing(schema: tuple[str, ...], seen: list[str]) -> str:
    return next((name for name in schema if name not in seen), schema[0])


def _parts(node: Condition) -> list[Condition]:
    if isinstance(node, Both):
        if node.operator != "AND":
            raise validation(f"Invalid operator used in {WHERE}: {node.operator}")
        return [*_parts(node.left), *_parts(node.right)]
    return [node]


def _part(node: Condition, scope: Scope) -> tuple[str, SortRange]:
    if isinstance(node, Compare):
        path, value, operator = node.left, node.right, node.operator
        if isinstance(value, Path) and isinstance(path, Placeholder):
            path, value, operator = value, path, _MIRRORED.get(operator, operator)
        if operator == "<>":
            raise validation(f"Invalid operator used in {WHERE}: <>")
        return _name(path, scope), SortRange(operator, (_value(value, scope),))
    if isinstance(node, Between):
        low, high = _value(node.low, scope), _value(node.high, scope)
        check_bounds(low, high, lambda message: validation(f"Invalid {WHERE}: {message}"))
        return _name(node.operand, scope), SortRange("BETWEEN", (low, high))
    if isinstance(node, Function) and node.name == "begins_with":
        prefix = _value(node.operands[1], scope)
        if kind_of(prefix) not in {"S", "B"}:
            raise validation(
                f"Invalid {WHERE}: Incorrect operand type for operator or function; operator or "
                f"function: begins_with, operand type: {kind_of(prefix)}"
            )
        return _name(node.operands[0], scope), SortRange("begins_with", (prefix,))
    name = node.name if isinstance(node, Function) else type(node).__name__.upper()
    raise validation(f"Invalid operator used in {WHERE}: {name}")


def _name(node: object, scope: Scope) -> str:
    if not isinstance(node, Path):
        raise validation(f"Invalid condition in {WHERE}: No key attribute specified")
    steps = scope.steps(node, WHERE)
    if len(steps) != 1:
        raise validation("KeyConditionExpressions cannot have conditions on nested attributes")
    return str(steps[0])


def _value(node: object, scope: Scope) -> Value:
    if not isinstance(node, Placeholder):
        raise validation(
            f"Invalid condition in {WHERE}: Multiple attribute names used in one condition"
        )
    return scope.value(node.name, WHERE)


__all__ = ["KeyCondition", "SortRange", "Test", "key_condition"]
