"""Key conditions: one partition, and at most one condition on the sort key."""

from typing import NamedTuple

from antipodes.regional.dynamodb.attributes import Value, key_bytes, kind_of
from antipodes.regional.dynamodb.conditions import ORDERS, bind, ordered
from antipodes.regional.dynamodb.errors import empty_key, invalid_value, validation
from antipodes.regional.dynamodb.grammar import parse_condition
from antipodes.regional.dynamodb.scope import Names, Scope
from antipodes.regional.dynamodb.syntax import (
    Between,
    Both,
    Compare,
    Condition,
    Function,
    In,
    Not,
    Operand,
    Path,
    Placeholder,
)

WHERE = "KeyConditionExpression"
CONDITIONS_MAX = 8  # where a key has several attributes
USUAL_MAX = 2
_COUNT = "Conditions can be of length 1 or 2 only"
_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPERATORS = ("=", "BETWEEN", "begins_with", *ORDERS)


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


class KeyCondition(NamedTuple):
    """A partition, and what is asked of its sort keys."""

    partition: Value
    sort: SortRange | None
    # Of a key of several attributes: the further ones of the partition key, and those of the sort
    # key before the one that `sort` is about.
    others: tuple[Value, ...] = ()
    equal: tuple[Value, ...] = ()


def key_condition(
    text: str, scope: Scope, schema: tuple[str, ...], types: dict[str, str]
) -> KeyCondition:
    """Return an expression's meaning for a key schema (names in order, types by name)."""
    return for_schema(key_conditions(text, scope), schema, types)


def key_conditions(text: str, scope: Scope) -> dict[str, SortRange]:
    """Return an expression's conditions by attribute, whatever the table's keys are."""
    bind(text, scope, WHERE)
    tree, used = parse_condition(text, WHERE)
    reader = _Reader(Names(used, scope.stands_for(used)), scope)
    found: dict[str, SortRange] = {}
    reader.gather(tree, found)
    check_count(found)
    return found


def check_count(found: dict[str, SortRange]) -> None:
    """Refuse no conditions, and more than there can be keys."""
    if not 1 <= len(found) <= CONDITIONS_MAX:
        raise validation(_COUNT)


def for_schema(
    found: dict[str, SortRange],
    schema: tuple[str, ...],
    types: dict[str, str],
    hash_count: int = 1,
) -> KeyCondition:
    """Return the meaning of conditions for a key schema (names in order, types by name)."""
    if hash_count > 1 or len(schema) > USUAL_MAX:
        return _for_compound(found, schema, types, hash_count)
    if len(found) > USUAL_MAX:
        raise validation(_COUNT)
    for number, name in enumerate(schema):
        if len(schema) == 1 and len(found) > 1:
            raise validation("Query key condition not supported")
        asked = found.get(name)
        if asked is None:
            if number == 0 or len(found) > 1:
                raise validation(f"Query condition missed key schema element: {name}")
            continue
        if asked.operator not in _OPERATORS:
            raise validation("Attempted conditional constraint is not an indexable operation")
        if name in types and any(kind_of(value) != types[name] for value in asked.values):
            raise invalid_value("Condition parameter type does not match schema type")
        if number == 0 and asked.operator != "=":
            raise validation("Query key condition not supported")
        _check_empty(name, asked)
    partition = found[schema[0]]
    return KeyCondition(partition.values[0], found.get(schema[1]) if len(schema) > 1 else None)


def _for_compound(
    found: dict[str, SortRange],
    schema: tuple[str, ...],
    types: dict[str, str],
    hash_count: int,
) -> KeyCondition:
    """The same for a key of several attributes.

    All of the partition key's must be equal to something. Of the sort key's, those before one that
    has a condition must be, too.
    """
    names = [name for name in schema if name in found]
    for number, name in enumerate(schema):
        if name not in found and (number < hash_count or len(names) > number):
            raise validation(f"Query condition missed key schema element: {name}")
    if len(names) < len(found):
        raise validation("Query key condition not supported")
    for number, name in enumerate(names):
        asked = found[name]
        if asked.operator not in _OPERATORS:
            raise validation("Attempted conditional constraint is not an indexable operation")
        if any(kind_of(value) != types[name] for value in asked.values):
            raise invalid_value("Condition parameter type does not match schema type")
        last = number == len(names) - 1 and number >= hash_count
        if asked.operator != "=" and not last:
            raise validation("Query key condition not supported")
        _check_empty(name, asked)
    first, *others = [found[name].values[0] for name in names[:hash_count]]
    sorts = [found[name] for name in names[hash_count:]]
    equal = tuple(sort.values[0] for sort in sorts[:-1])
    return KeyCondition(first, sorts[-1] if sorts else None, tuple(others), equal)


def _check_empty(name: str, asked: SortRange) -> None:
    for value in asked.values:
        ((kind, content),) = value.items()
        if not content:
            raise empty_key(name, kind)


class _Reader:
    """Reads conditions of which each must be about one key attribute."""

    def __init__(self, names: Names, scope: Scope) -> None:
        self._names = names
        self._scope = scope

    def gather(self, node: Condition, found: dict[str, SortRange]) -> None:
        """Add the conditions of a node to what was found."""
        self.check_operator(node)
        if isinstance(node, Both):
            for part in node.parts:
                self.gather(part, found)
            return
        name, asked = self._read(node)
        if name in found:
            raise validation("KeyConditionExpressions must only contain one condition per key")
        found[name] = asked

    def check_operator(self, node: Condition) -> None:
        """Refuse what can be no part of a key condition."""
        operator = {In: "IN", Not: "NOT"}.get(type(node), "")
        if isinstance(node, Both) and node.operator == "OR":
            operator = "OR"
        elif isinstance(node, Compare) and node.operator == "<>":
            operator = "<>"
        elif isinstance(node, Function) and node.name != "begins_with":
            operator = node.name
        if operator:
            raise validation(f"Invalid operator used in {WHERE}: {operator}")

    def _read(self, node: Condition) -> tuple[str, SortRange]:
        operands: tuple[Operand, ...]
        if isinstance(node, Compare):
            operator, operands = node.operator, (node.left, node.right)
        elif isinstance(node, Between):
            operator, operands = "BETWEEN", (node.operand, node.low, node.high)
        else:
            assert isinstance(node, Function), "the operators were checked"
            operator, operands = node.name, node.operands
        name, at = self._key(operator, operands)
        if at and isinstance(node, Compare):
            operator, operands = _MIRRORED[operator], (node.right, node.left)
        values = [o.name for o in operands[1:] if isinstance(o, Placeholder)]
        return name, SortRange(operator, tuple(self._scope.values[value] for value in values))

    def _key(self, operator: str, operands: tuple[Operand, ...]) -> tuple[str, int]:
        """The one attribute among operands, and where it stands."""
        if operator in {"BETWEEN", "begins_with"} and not isinstance(operands[0], Path):
            raise validation(
                f"Invalid condition in {WHERE}: {operator} operator must have the key attribute as "
                "its first operand"
            )
        name, at = "", 0
        for number, operand in enumerate(operands):
            if isinstance(operand, Function):
                raise validation(f"{WHERE}s cannot contain nested operations")
            if isinstance(operand, Path):
                if name:
                    raise validation(
                        f"Invalid condition in {WHERE}: Multiple attribute names used in one "
                        "condition"
                    )
                steps = self._names.steps(operand)
                if len(steps) > 1:
                    raise validation(f"{WHERE}s cannot have conditions on nested attributes")
                name, at = str(steps[0]), number
        if not name:
            raise validation(f"Invalid condition in {WHERE}: No key attribute specified")
        return name, at
