"""Conditions: a parsed tree becomes one function of an item and of a request's values.

An expression is compiled once for what its placeholders of names stand for; compiled expressions
are kept, so many and no more. What a request's values make wrong (undefined, of the wrong type) is
checked by what the compiler leaves for each condition, in DynamoDB's order: undefined names and
values, the number of operands, operands that must differ, operands of the wrong type.

Strings are as long as they have UTF-16 code units: so says size() of the real service, whatever the
Developer Guide's "length" means.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn

from antipodes.regional.dynamodb.attributes import Item, Value, comparable, equal, kind_of
from antipodes.regional.dynamodb.errors import validation
from antipodes.regional.dynamodb.grammar import CONDITION_FUNCTIONS, parse_condition
from antipodes.regional.dynamodb.scope import (
    Names,
    Scope,
    Steps,
    get,
    shown,
    undefined_name,
    undefined_value,
)
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
    Used,
)

Test = Callable[[Item], bool]
Values = dict[str, Value]
Run = Callable[[Item, Values], bool]
Read = Callable[[Item, Values], Value | None]
Check = Callable[[Values], None]

ORDERED = ("N", "S", "B")
TYPES = ("B", "NULL", "SS", "BOOL", "L", "BS", "N", "NS", "S", "M")
ANY_TYPE = "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}"
COMPILED_MAX = 4096
KEPT_NAMES_MAX = 1024  # characters of attribute names that a kept expression may stand for
ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


class Compiled(NamedTuple):
    """A condition: its function, what to check first, and the attributes that it looks at."""

    run: Run
    checks: tuple[Check, ...]
    heads: tuple[str, ...]
    nested: tuple[str, ...]  # those that a path leads into


class Bound(NamedTuple):
    """A condition with a request's values, and the attributes that it looks at."""

    test: Test
    heads: tuple[str, ...]
    nested: tuple[str, ...]


def condition(text: str, scope: Scope, where: str = "ConditionExpression") -> Test:
    """Return an expression's test, bound to its placeholders."""
    return bind(text, scope, where).test


def bind(text: str, scope: Scope, where: str = "ConditionExpression") -> Bound:
    """Return an expression's test, and what it looks at."""
    _, used = parse_condition(text, where)
    scope.use(used)
    names = scope.stands_for(used)
    keep = sum(len(name or "") for name in names) <= KEPT_NAMES_MAX
    compiled = (_compiled if keep else _compiled.__wrapped__)(text, where, names)
    values = scope.values
    for check in compiled.checks:
        check(values)
    run = compiled.run
    return Bound(lambda item: run(item, values), compiled.heads, compiled.nested)


@lru_cache(maxsize=COMPILED_MAX)
def _compiled(text: str, where: str, names: tuple[str | None, ...]) -> Compiled:
    tree, used = parse_condition(text, where)
    compiler = _Compiler(where, used, names)
    run = compiler.condition(tree)
    heads = dict.fromkeys(steps[0] for steps in compiler.paths)
    nested = dict.fromkeys(steps[0] for steps in compiler.paths if len(steps) > 1)
    return Compiled(run, tuple(compiler.checks), tuple(map(str, heads)), tuple(map(str, nested)))


def ordered(one: Value, other: Value, operator: str) -> bool:
    """Compare two values; those of different or unordered types never hold."""
    kind = kind_of(one)
    if kind != kind_of(other) or kind not in ORDERED:
        return False
    return ORDERS[operator](comparable(one), comparable(other))


class _Faults:
    """What may be wrong with one condition, by gravity."""

    def __init__(self) -> None:
        self.undefined: list[Check] = []
        self.counts: list[Check] = []
        self.same: list[Check] = []
        self.types: list[Check] = []

    def all(self) -> list[Check]:
        """The checks in order."""
        return [*self.undefined, *self.counts, *self.same, *self.types]


class _Compiler:
    """Compiles the nodes of one expression."""

    def __init__(self, where: str, used: Used, names: tuple[str | None, ...]) -> None:
        self._where = where
        self._names = Names(used, names)
        self.checks: list[Check] = []
        self.paths: list[Steps] = []

    def condition(self, node: Condition) -> Run:
        """Return a condition's function."""
        match node:
            case Both():
                return _joined(node.operator, [self.condition(part) for part in node.parts])
            case Not():
                inner = self.condition(node.inner)
                return lambda item, values: not inner(item, values)
        leaf = _Leaf(self._where, self._names, self.paths)
        run = leaf.compile(node)
        self.checks += leaf.faults.all()
        return run


def _joined(operator: str, parts: list[Run]) -> Run:
    if len(parts) == 2:  # noqa: PLR2004 - a pair needs no loop
        one, other = parts
        if operator == "AND":
            return lambda item, values: one(item, values) and other(item, values)
        return lambda item, values: one(item, values) or other(item, values)
    join = all if operator == "AND" else any
    return lambda item, values: join(part(item, values) for part in parts)


class _Leaf:
    """Compiles one comparison or function."""

    def __init__(self, where: str, names: Names, paths: list[Steps]) -> None:
        self._where = where
        self._names = names
        self._paths = paths
        self.faults = _Faults()

    def compile(self, node: Compare | Between | In | Function) -> Run:
        """Return its function."""
        match node:
            case Compare():
                return self._compare(node)
            case Between():
                return self._between(node)
            case In():
                return self._in(node)
            case Function():
                return self._function(node)

    def _fail(self, message: str) -> NoReturn:
        raise validation(f"Invalid {self._where}: {message}")

    def _always(self, message: str) -> Check:
        return lambda _: self._fail(message)

    def _read(self, operand: Operand) -> Read:
        """Return an operand's value, as a function of item and values."""
        match operand:
            case Placeholder():
                name, where = operand.name, self._where

                def defined(values: Values) -> None:
                    if name not in values:
                        raise undefined_value(where, name)

                self.faults.undefined.append(defined)
                return lambda _, values: values[name]
            case Path():
                return self._path(operand)
            case Function():
                self._count(operand)
                return self._size(operand)

    def _path(self, path: Path) -> Read:
        missing = self._names.undefined(path)
        if missing is not None:
            error = undefined_name(self._where, missing)
            self.faults.undefined.append(lambda _: _raise(error))
        steps = self._names.steps(path)
        self._paths.append(steps)
        if len(steps) == 1:
            name = str(steps[0])
            return lambda item, _: item.get(name)
        return lambda item, _: get(item, steps)

    def _count(self, call: Function) -> None:
        if len(call.operands) != CONDITION_FUNCTIONS[call.name]:
            self.faults.counts.append(
                self._always(
                    "Incorrect number of operands for operator or function; operator or function: "
                    f"{call.name}, number of operands: {len(call.operands)}"
                )
            )

    def _size(self, call: Function) -> Read:
        inner, *_ = [self._read(operand) for operand in call.operands]
        self._refuse("size", call.operands[0], lambda kind: kind in {"N", "BOOL", "NULL"})

        def size_of(item: Item, values: Values) -> Value | None:
            value = inner(item, values)
            length = None if value is None else _length(value)
            return None if length is None else {"N": str(length)}

        return size_of

    def _refuse(self, operator: str, operand: Operand, refused: Callable[[str], bool]) -> None:
        """Check that a given operand is not of a type that an operator refuses."""
        if isinstance(operand, Function) and refused("N"):
            self.faults.types.append(lambda _: self._wrong_type(operator, "N"))
        if isinstance(operand, Placeholder):
            name = operand.name

            def check(values: Values) -> None:
                if refused(kind_of(values[name])):
                    self._wrong_type(operator, kind_of(values[name]))

            self.faults.types.append(check)

    def _wrong_type(self, operator: str, kind: str) -> NoReturn:
        self._fail(
            "Incorrect operand type for operator or function; operator or function: "
            f"{operator}, operand type: {kind}"
        )

    def _check_distinct(self, operator: str, first: Operand, *others: Operand) -> None:
        if not isinstance(first, Path):
            return
        steps = self._names.steps(first)
        if any(isinstance(o, Path) and self._names.steps(o) == steps for o in others):
            self.faults.same.append(
                self._always(
                    "The first operand must be distinct from the remaining operands for this "
                    f"operator or function; operator: {operator}, first operand: {shown(steps)}"
                )
            )

    def _compare(self, node: Compare) -> Run:
        left, right, operator = self._read(node.left), self._read(node.right), node.operator
        self._check_distinct(operator, node.left, node.right)
        if operator in ORDERS:
            for operand in (node.left, node.right):
                self._refuse(operator, operand, lambda kind: kind not in ORDERED)
            return lambda item, values: _in_order(left(item, values), right(item, values), operator)
        wanted = operator == "="

        def equals(item: Item, values: Values) -> bool:
            one, other = left(item, values), right(item, values)
            return (one is not None and other is not None and equal(one, other)) is wanted

        return equals

    def _between(self, node: Between) -> Run:
        operand, low, high = map(self._read, (node.operand, node.low, node.high))
        for given in (node.operand, node.low, node.high):
            self._refuse("BETWEEN", given, lambda kind: kind not in ORDERED)
        if isinstance(node.low, Placeholder) and isinstance(node.high, Placeholder):
            names = node.low.name, node.high.name
            self.faults.types.append(
                lambda values: check_bounds(values[names[0]], values[names[1]], self._where)
            )

        def test(item: Item, values: Values) -> bool:
            value = operand(item, values)
            return _in_order(value, low(item, values), ">=") and _in_order(
                value, high(item, values), "<="
            )

        return test

    def _in(self, node: In) -> Run:
        operand = self._read(node.operand)
        choices = [self._read(choice) for choice in node.choices]
        self._check_distinct("IN", node.operand, *node.choices)

        def test(item: Item, values: Values) -> bool:
            value = operand(item, values)
            if value is None:
                return False
            found = (choice(item, values) for choice in choices)
            return any(other is not None and equal(value, other) for other in found)

        return test

    def _function(self, node: Function) -> Run:
        self._count(node)
        reads = [self._read(operand) for operand in node.operands]
        if self.faults.counts:
            return lambda _item, _values: False
        name, first = node.name, node.operands[0]
        if name in {"attribute_exists", "attribute_not_exists"}:
            if not isinstance(first, Path):
                self.faults.types.append(
                    self._always(
                        "Operator or function requires a document path; operator or function: "
                        + name
                    )
                )
            return _exists(reads[0], wanted=name == "attribute_exists")
        self._check_distinct(name, *node.operands)
        if name == "attribute_type":
            return self._attribute_type(reads[0], node.operands[1])
        if name == "begins_with":
            for operand in node.operands:
                self._refuse(name, operand, lambda kind: kind not in {"S", "B"})
            return _both(begins_with, reads[0], reads[1])
        return _both(contains, reads[0], reads[1])

    def _attribute_type(self, read: Read, wanted: Operand) -> Run:
        if not isinstance(wanted, Placeholder):
            kind = "N" if isinstance(wanted, Function) else ANY_TYPE
            self.faults.types.append(lambda _: self._wrong_type("attribute_type", kind))
            return lambda _item, _values: False
        name = wanted.name

        def check(values: Values) -> None:
            if "S" not in values[name]:
                self._wrong_type("attribute_type", kind_of(values[name]))
            given = values[name]["S"]
            if given not in TYPES:
                self._fail(
                    f"Invalid attribute type name found; type: {given}, valid types: "
                    f"{{{','.join(TYPES)}}}"
                )

        self.faults.types.append(check)

        def test(item: Item, values: Values) -> bool:
            value = read(item, values)
            return value is not None and kind_of(value) == values[name]["S"]

        return test


def _raise(error: Exception) -> NoReturn:
    raise error


def _in_order(one: Value | None, other: Value | None, operator: str) -> bool:
    return one is not None and other is not None and ordered(one, other, operator)


def _exists(read: Read, *, wanted: bool) -> Run:
    return lambda item, values: (read(item, values) is not None) is wanted


def _both(test: Callable[[Value, Value], bool], left: Read, right: Read) -> Run:
    def both(item: Item, values: Values) -> bool:
        one, other = left(item, values), right(item, values)
        return one is not None and other is not None and test(one, other)

    return both


def _length(value: Value) -> int | None:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content) if content.isascii() else len(content.encode("utf-16-le")) // 2
    if kind == "B":
        return len(comparable(value))
    return None if kind in {"N", "BOOL", "NULL"} else len(content)


def begins_with(value: Value, prefix: Value) -> bool:
    """Whether a string or binary begins with another."""
    kind = kind_of(value)
    if kind != kind_of(prefix) or kind not in {"S", "B"}:
        return False
    return bool(comparable(value).startswith(comparable(prefix)))


def contains(whole: Value, part: Value) -> bool:
    """Whether a string, a set or a list contains a value."""
    kind, wanted = kind_of(whole), kind_of(part)
    if kind in {"S", "B"}:
        return kind == wanted and comparable(part) in comparable(whole)
    if kind in {"SS", "NS", "BS"}:
        return kind[0] == wanted and part[wanted] in whole[kind]
    return kind == "L" and any(equal(member, part) for member in whole["L"])


def check_bounds(low: Value, high: Value, where: str) -> None:
    """Refuse bounds of BETWEEN that make no sense."""
    (low_kind,), (high_kind,) = low, high
    if low_kind == high_kind and not (low_kind in ORDERED and ordered(low, high, ">")):
        return
    wrong = (
        "same data type for lower and upper bounds"
        if low_kind != high_kind
        else "upper bound to be greater than or equal to lower bound"
    )
    raise validation(
        f"Invalid {where}: The BETWEEN operator requires {wrong}; lower bound operand: "
        f"AttributeValue: {{{low_kind}:{low[low_kind]}}}, upper bound operand: AttributeValue: "
        f"{{{high_kind}:{high[high_kind]}}}"
    )
