"""Conditions: a parsed tree and a request's placeholders become one function of an item."""

from collections.abc import Callable
from typing import Any

from antipodes.regional.dynamodb.attributes import Item, Value, comparable, equal, kind_of
from antipodes.regional.dynamodb.errors import validation
from antipodes.regional.dynamodb.grammar import (
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
    parse_condition,
)
from antipodes.regional.dynamodb.scope import Scope, get, shown

Test = Callable[[Item], bool]
Getter = Callable[[Item], Value | None]

ORDERED = ("N", "S", "B")
TYPES = ("B", "NULL", "SS", "BOOL", "L", "BS", "N", "NS", "S", "M")
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def condition(text: str, scope: Scope, where: str = "ConditionExpression") -> Test:
    """Return an expression's test, bound to its placeholders."""
    return _Binder(scope, where).test(parse_condition(text, where))


def ordered(one: Value, other: Value, operator: str) -> bool:
    """Compare two values; those of different or unordered types never hold."""
    kind = kind_of(one)
    if kind != kind_of(other) or kind not in ORDERED:
        return False
    return _ORDERS[operator](comparable(one), comparable(other))


class _Binder:
    """Binds the nodes of one expression."""

    def __init__(self, scope: Scope, where: str) -> None:
        self._scope = scope
        self._where = where

    def _fail(self, message: str) -> Exception:
        return validation(f"Invalid {self._where}: {message}")

    def test(self, node: Condition) -> Test:
        """Return a condition's test."""
        match node:
            case Both():
                left, right = self.test(node.left), self.test(node.right)
                if node.operator == "AND":
                    return lambda item: left(item) and right(item)
                return lambda item: left(item) or right(item)
            case Not():
                inner = self.test(node.inner)
                return lambda item: not inner(item)
            case Compare():
                return self._compare(node)
            case Between():
                return self._between(node)
            case In():
                return self._in(node)
            case Function():
                return self._function(node)

    def getter(self, operand: Operand) -> Getter:
        """Return an operand's value, as a function of the item."""
        match operand:
            case Placeholder():
                value = self._scope.value(operand.name, self._where)
                return lambda _: value
            case Path():
                steps = self._scope.steps(operand, self._where)
                if len(steps) == 1:
                    name = steps[0]
                    return lambda item: item.get(name)  # type: ignore[arg-type] # a path begins with a name
                return lambda item: get(item, steps)
            case Function():
                if operand.name != "size":
                    raise self._fail(
                        "The function is not allowed to be used this way in an expression; "
                        f"function: {operand.name}"
                    )
                return self._size(operand)

    def _size(self, node: Function) -> Getter:
        operand = node.operands[0]
        if isinstance(operand, Placeholder):
            self._check_sized(self._scope.value(operand.name, self._where))
        inner = self.getter(operand)

        def size_of(item: Item) -> Value | None:
            value = inner(item)
            if value is None:
                return None
            kind = kind_of(value)
            if kind in {"N", "BOOL", "NULL"}:
                return None
            length = len(comparable(value)) if kind == "B" else len(value[kind])
            return {"N": str(length)}

        return size_of

    def _check_sized(self, value: Value) -> None:
        if kind_of(value) in {"N", "BOOL", "NULL"}:
            raise self._wrong_type("size", value)

    def _wrong_type(self, operator: str, value: Value) -> Exception:
        return self._fail(
            "Incorrect operand type for operator or function; operator or function: "
            f"{operator}, operand type: {kind_of(value)}"
        )

    def _check_distinct(self, operator: str, first: Operand, *others: Operand) -> None:
        if isinstance(first, Path) and any(
            isinstance(o, Path)
            and self._scope.steps(o, self._where) == self._scope.steps(first, self._where)
            for o in others
        ):
            raise self._fail(
                "The first operand must be distinct from the remaining operands for this operator "
                f"or function; operator: {operator}, first operand: "
                f"{shown(self._scope.steps(first, self._where))}"
            )

    def _constant(self, operand: Operand) -> Value | None:
        if isinstance(operand, Placeholder):
            return self._scope.value(operand.name, self._where)
        return None

    def _compare(self, node: Compare) -> Test:
        self._check_distinct(node.operator, node.left, node.right)
        left, right, operator = self.getter(node.left), self.getter(node.right), node.operator
        if operator in _ORDERS:
            for operand in (node.left, node.right):
                constant = self._constant(operand)
                if constant is not None and kind_of(constant) not in ORDERED:
                    raise self._wrong_type(operator, constant)

        def test(item: Item) -> bool:
            one, other = left(item), right(item)
            if operator == "<>":
                return one is None or other is None or not equal(one, other)
            if one is None or other is None:
                return False
            return equal(one, other) if operator == "=" else ordered(one, other, operator)

        return test

    def _between(self, node: Between) -> Test:
        operand, low, high = map(self.getter, (node.operand, node.low, node.high))
        bounds = self._constant(node.low), self._constant(node.high)
        check_bounds(bounds[0], bounds[1], self._fail)

        def test(item: Item) -> bool:
            value, least, most = operand(item), low(item), high(item)
            if value is None or least is None or most is None:
                return False
            return ordered(value, least, ">=") and ordered(value, most, "<=")

        return test

    def _in(self, node: In) -> Test:
        self._check_distinct("IN", node.operand, *node.choices)
        operand = self.getter(node.operand)
        choices = [self.getter(choice) for choice in node.choices]

        def test(item: Item) -> bool:
            value = operand(item)
            if value is None:
                return False
            found = (choice(item) for choice in choices)
            return any(other is not None and equal(value, other) for other in found)

        return test

    def _function(self, node: Function) -> Test:
        name = node.name
        if name in {"attribute_exists", "attribute_not_exists"}:
            if not isinstance(node.operands[0], Path):
                raise self._fail(
                    "Operator or function requires a document path; operator or function: " + name
                )
            getter = self.getter(node.operands[0])
            if name == "attribute_exists":
                return lambda item: getter(item) is not None
            return lambda item: getter(item) is None
        if name == "attribute_type":
            return self._attribute_type(node)
        self._check_distinct(name, *node.operands)
        if name == "begins_with":
            return self._begins_with(node)
        return self._contains(node)

    def _attribute_type(self, node: Function) -> Test:
        wanted = self._constant(node.operands[1])
        if wanted is None or "S" not in wanted:
            raise self._wrong_type("attribute_type", wanted or {"M": {}})
        kind = wanted["S"]
        if kind not in TYPES:
            raise self._fail(
                f"Invalid attribute type name found; type: {kind}, valid types: "
                f"{{{','.join(TYPES)}}}"
            )
        getter = self.getter(node.operands[0])

        def test(item: Item) -> bool:
            value = getter(item)
            return value is not None and kind_of(value) == kind

        return test

    def _begins_with(self, node: Function) -> Test:
        for operand in node.operands:
            constant = self._constant(operand)
            if constant is not None and kind_of(constant) not in {"S", "B"}:
                raise self._wrong_type("begins_with", constant)
        left, right = self.getter(node.operands[0]), self.getter(node.operands[1])

        def test(item: Item) -> bool:
            value, prefix = left(item), right(item)
            if value is None or prefix is None or kind_of(value) != kind_of(prefix):
                return False
            if kind_of(value) not in {"S", "B"}:
                return False
            return bool(comparable(value).startswith(comparable(prefix)))

        return test

    def _contains(self, node: Function) -> Test:
        left, right = self.getter(node.operands[0]), self.getter(node.operands[1])

        def test(item: Item) -> bool:
            whole, part = left(item), right(item)
            if whole is None or part is None:
                return False
            kind, wanted = kind_of(whole), kind_of(part)
            if kind in {"S", "B"}:
                return kind == wanted and comparable(part) in comparable(whole)
            if kind in {"SS", "NS", "BS"}:
                return kind[0] == wanted and part[wanted] in whole[kind]
            return kind == "L" and any(equal(member, part) for member in whole["L"])

        return test


def check_bounds(low: Value | None, high: Value | None, fail: Callable[[str], Exception]) -> None:
    """Refuse bounds of BETWEEN that are given and make no sense."""
    if low is None or high is None:
        return
    (low_kind,), (high_kind,) = low, high
    shown = (
        f"lower bound operand: AttributeValue: {{{low_kind}:{low[low_kind]}}}, "
        f"upper bound operand: AttributeValue: {{{high_kind}:{high[high_kind]}}}"
    )
    if low_kind != high_kind:
        raise fail(
            f"The BETWEEN operator requires same data type for lower and upper bounds; {shown}"
        )
    if low_kind in ORDERED and ordered(low, high, ">"):
        raise fail(
            "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
            + shown
        )
