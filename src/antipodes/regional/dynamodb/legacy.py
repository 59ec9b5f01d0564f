"""The parameters of the time before expressions, as the same functions that expressions become.

`Expected` with `ConditionalOperator`, `AttributeUpdates`, `KeyConditions`, `QueryFilter` and
`ScanFilter`, and `AttributesToGet`: all speak of top-level attributes only. What they mean differs
from expressions here and there: NOT_CONTAINS does not hold for an attribute that is not there,
ADD appends to lists, and a sum of the wrong types has an error of its own. Sources: "Legacy
conditional parameters", Developer Guide; the wording, and what the guide leaves open, from the
public test suites of dynalite and Scylla's Alternator, which were run against the real service.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from antipodes.regional.dynamodb.attributes import Item, Value, equal, kind_of, normal
from antipodes.regional.dynamodb.conditions import Bound, Test, begins_with, contains, ordered
from antipodes.regional.dynamodb.errors import invalid_value, not_given, validation
from antipodes.regional.dynamodb.keyconditions import SortRange, check_count
from antipodes.regional.dynamodb.scope import Steps
from antipodes.regional.dynamodb.updates import check_keys, joined, without

Holds = Callable[[Value | None, list[Value]], bool]

ANY = ("S", "N", "B", "SS", "NS", "BS", "L", "M", "BOOL", "NULL")
SCALAR = ("S", "N", "B")


class Operator(NamedTuple):
    """A ComparisonOperator: its number of arguments, their types, when it holds, and for keys."""

    least: int
    most: int
    types: tuple[str, ...]
    holds: Holds
    for_keys: str


def _of(test: Callable[[Value, Value], bool]) -> Holds:
    return lambda value, given: value is not None and test(value, given[0])


def _order(operator: str) -> Operator:
    return Operator(1, 1, SCALAR, _of(lambda a, b: ordered(a, b, operator)), operator)


MANY = 1 << 30
OPERATORS = {
    "EQ": Operator(1, 1, ANY, _of(equal), "="),
    "NE": Operator(1, 1, ANY, lambda v, g: v is None or not equal(v, g[0]), "NE"),
    "LE": _order("<="),
    "LT": _order("<"),
    "GE": _order(">="),
    "GT": _order(">"),
    "NOT_NULL": Operator(0, 0, ANY, lambda v, _: v is not None, "NOT_NULL"),
    "NULL": Operator(0, 0, ANY, lambda v, _: v is None, "NULL"),
    "CONTAINS": Operator(1, 1, SCALAR, _of(contains), "CONTAINS"),
    "NOT_CONTAINS": Operator(1, 1, SCALAR, _of(lambda a, b: not contains(a, b)), "NOT_CONTAINS"),
    "BEGINS_WITH": Operator(1, 1, ("S", "B"), _of(begins_with), "begins_with"),
    "IN": Operator(
        1, MANY, SCALAR, lambda v, g: v is not None and any(equal(v, o) for o in g), "IN"
    ),
    "BETWEEN": Operator(
        2,
        2,
        SCALAR,
        lambda v, g: v is not None and ordered(v, g[0], ">=") and ordered(v, g[1], "<="),
        "BETWEEN",
    ),
}


class Asked(NamedTuple):
    """A condition on one attribute."""

    name: str
    operator: str
    values: list[Value]

    def holds(self, item: Item) -> bool:
        """Whether an item meets it."""
        return OPERATORS[self.operator].holds(item.get(self.name), self.values)


def expected(request: dict[str, Any]) -> Test | None:
    """The test of a write's `Expected`, if there is one."""
    given = request.get("Expected")
    _check_operator(request, given)
    return _test([_expected(name, about or {}) for name, about in (given or {}).items()], request)


def filtered(request: dict[str, Any], parameter: str) -> Bound | None:
    """The filter that a `QueryFilter` or `ScanFilter` is."""
    given = request.get(parameter)
    _check_operator(request, given)
    asked = _conditions(given or {}, parameter)
    test = _test(asked, request)
    return None if test is None else Bound(test, tuple(one.name for one in asked), ())


def key_conditions(request: dict[str, Any]) -> dict[str, SortRange]:
    """The conditions of `KeyConditions` by attribute, whatever the table's keys are."""
    asked = _conditions(request["KeyConditions"], "KeyConditions")
    found = {
        one.name: SortRange(OPERATORS[one.operator].for_keys, tuple(one.values)) for one in asked
    }
    check_count(found)
    return found


def attributes_to_get(names: list[str] | None) -> list[Steps] | None:
    """The paths that `AttributesToGet` asks for."""
    if names is None:
        return None
    seen: dict[str, None] = {}
    for name in names:
        if name in seen:
            raise invalid_value(f"Duplicate value in attribute name: {name}")
        seen[name] = None
    return [(name,) for name in names]


def _check_operator(request: dict[str, Any], given: Any) -> None:
    if request.get("ConditionalOperator") and not given:
        raise validation("ConditionalOperator cannot be used without Filter or Expected")


def _test(asked: list[Asked], request: dict[str, Any]) -> Test | None:
    if not asked:
        return None
    join = any if request.get("ConditionalOperator") == "OR" else all
    return lambda item: join(one.holds(item) for one in asked)


def _expected(name: str, about: dict[str, Any]) -> Asked:
    """Read one entry of `Expected`: a comparison, or a value that is or is not to be there."""
    operator, value = about.get("ComparisonOperator"), about.get("Value")
    listed, exists = about.get("AttributeValueList"), about.get("Exists")
    at = f"for Attribute: {name}"
    if listed is not None and value is not None:
        raise invalid_value(f"Value and AttributeValueList cannot be used together {at}")
    if operator is not None:
        if exists is not None:
            raise invalid_value(f"Exists and ComparisonOperator cannot be used together {at}")
        if listed is None and value is None and OPERATORS[operator].least:
            raise invalid_value(
                f"Value or AttributeValueList must be used with ComparisonOperator: {operator} {at}"
            )
        return _checked(name, operator, listed or ([] if value is None else [value]))
    if listed is not None:
        raise invalid_value(f"AttributeValueList can only be used with a ComparisonOperator {at}")
    if exists is False:
        if value is not None:
            raise invalid_value(f"Value cannot be used when Exists is false {at}")
        return Asked(name, "NULL", [])
    if value is None:
        shown = "null" if exists is None else "true"
        raise invalid_value(f"Value must be provided when Exists is {shown} {at}")
    return Asked(name, "EQ", [normal(value)])


def _conditions(given: dict[str, dict[str, Any] | None], parameter: str) -> list[Asked]:
    path = parameter[:1].lower() + parameter[1:]
    absent = [f"{path}.{name}.member" for name, about in given.items() if about is None]
    if absent:
        raise not_given(*absent)
    return [
        _checked(name, about["ComparisonOperator"], about.get("AttributeValueList") or [])
        for name, about in given.items()
        if about is not None
    ]


def _checked(name: str, operator: str, listed: list[Any]) -> Asked:
    values = [normal(value) for value in listed]
    about = OPERATORS[operator]
    if not about.least <= len(values) <= about.most:
        raise invalid_value(f"Invalid number of argument(s) for the {operator} ComparisonOperator")
    kinds = [kind_of(value) for value in values]
    if any(kind != kinds[0] for kind in kinds):
        raise invalid_value("AttributeValues inside AttributeValueList must be of same type")
    for kind in kinds:
        if kind not in about.types:
            raise invalid_value(
                f"ComparisonOperator {operator} is not valid for {kind} AttributeValue type"
            )
    if operator == "BETWEEN" and ordered(values[0], values[1], ">"):
        raise validation(
            "The BETWEEN condition was provided a range where the lower bound is greater than the "
            "upper bound"
        )
    return Asked(name, operator, values)


class AttributeUpdates:
    """The changes that `AttributeUpdates` asks for; stands where an expression's would."""

    nested: tuple[str, ...] = ()

    def __init__(self, given: dict[str, dict[str, Any]]) -> None:
        self._changes = {name: _change(about or {}) for name, about in given.items()}
        self.paths: list[Steps] = [(name,) for name in given]

    @property
    def creates(self) -> bool:
        """Whether an item comes to be where none was: not by taking away alone."""
        actions = [action for action, _ in self._changes.values()]
        return not actions or any(action != "DELETE" for action in actions)

    def check_keys(self, key_names: tuple[str, ...]) -> None:
        """Refuse to change a key."""
        check_keys(key_names, list(self._changes))

    def typed(self) -> Iterator[tuple[str, str]]:
        """Attributes that are put or added to, and the type of the value given."""
        for name, (action, value) in self._changes.items():
            if action != "DELETE" and value is not None:
                yield name, kind_of(value)

    def apply(self, item: Item) -> Item:
        """Return the updated item; the given one stays as it is."""
        updated = dict(item)
        for name, (action, value) in self._changes.items():
            changed = _changed(updated.get(name), action, value)
            if changed is None:
                updated.pop(name, None)
            else:
                updated[name] = changed
        return updated


def _change(about: dict[str, Any]) -> tuple[str, Value | None]:
    action = about.get("Action") or "PUT"
    if about.get("Value") is None:
        if action != "DELETE":
            raise invalid_value(
                "Only DELETE action is allowed when no attribute value is specified"
            )
        return action, None
    value = normal(about["Value"])
    kind = kind_of(value)
    if action == "DELETE" and kind not in {"SS", "NS", "BS"}:
        raise invalid_value(f"DELETE action with value is not supported for the type {kind}")
    if action == "ADD" and kind not in {"N", "SS", "NS", "BS", "L"}:
        raise invalid_value(f"ADD action is not supported for the type {kind}")
    return action, value


def _changed(present: Value | None, action: str, value: Value | None) -> Value | None:
    """What an attribute becomes; None for nothing."""
    if action == "PUT" or value is None:
        return value
    if present is None:
        return value if action == "ADD" else None
    if kind_of(present) != kind_of(value):
        raise validation("Type mismatch for attribute to update")
    return joined(present, value) if action == "ADD" else without(present, value)
