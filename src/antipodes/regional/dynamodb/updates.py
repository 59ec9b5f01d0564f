"""Update expressions: SET, REMOVE, ADD and DELETE on a copy of the item.

All right-hand sides, and all list indexes, speak of the item as it was before; what is set beyond a
list's end is appended, in the order of the indexes. A path must lead through what exists. An
expression is compiled once for what its placeholders of names stand for, and kept.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from antipodes.regional.dynamodb.attributes import Item, Value, added, check_levels, kind_of
from antipodes.regional.dynamodb.conditions import COMPILED_MAX, KEPT_NAMES_MAX, Check, Values
from antipodes.regional.dynamodb.errors import invalid_value, validation
from antipodes.regional.dynamodb.grammar import UPDATE_FUNCTIONS, parse_update
from antipodes.regional.dynamodb.scope import (
    Names,
    Scope,
    Steps,
    check_overlaps,
    get,
    undefined_name,
    undefined_value,
)
from antipodes.regional.dynamodb.syntax import (
    Action,
    Function,
    Operand,
    Path,
    Placeholder,
    Sum,
    Used,
)
from antipodes.service.contract import ServiceError

WHERE = "UpdateExpression"
Evaluate = Callable[[Item, Values], Value]
_CREATING = ("SET", "ADD")
_TYPE_NAMES = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "SS": "STRING_SET",
    "NS": "NUMBER_SET",
    "BS": "BINARY_SET",
    "M": "MAP",
    "L": "LIST",
    "BOOL": "BOOLEAN",
    "NULL": "NULL",
}
_TYPES_OF = {"ADD": ("N", "SS", "NS", "BS"), "DELETE": ("SS", "NS", "BS")}


class Step(NamedTuple):
    """One compiled action: its section, where it acts, and the value that it acts with."""

    section: str
    steps: Steps
    evaluate: Evaluate | None
    kind: Callable[[Values], str] | None  # the type of that value, where no item decides it


class Compiled(NamedTuple):
    """An update: its actions, what to check first, and the attributes that it looks into."""

    actions: tuple[Step, ...]
    checks: tuple[Check, ...]
    nested: tuple[str, ...]


class Update:
    """An update bound to its placeholders."""

    def __init__(self, text: str, scope: Scope, key_names: tuple[str, ...] = ()) -> None:
        _, used = parse_update(text)
        scope.use(used)
        names = scope.stands_for(used)
        keep = sum(len(name or "") for name in names) <= KEPT_NAMES_MAX
        self._compiled = (_compiled if keep else _compiled.__wrapped__)(text, names)
        self._values = scope.values
        for check in self._compiled.checks:
            check(self._values)
        self.paths = [action.steps for action in self._compiled.actions]
        self.nested = self._compiled.nested
        self.check_keys(key_names)

    @property
    def creates(self) -> bool:
        """Whether an item comes to be where none was: not by taking away."""
        return any(action.section in _CREATING for action in self._compiled.actions)

    def check_keys(self, key_names: tuple[str, ...]) -> None:
        """Refuse to change a key."""
        check_keys(key_names, [str(steps[0]) for steps in self.paths])

    def typed(self) -> Iterator[tuple[str, str]]:
        """Top-level attributes that are set or added to, and of what type if that is plain."""
        for action in self._compiled.actions:
            if action.section in _CREATING and len(action.steps) == 1 and action.kind is not None:
                yield str(action.steps[0]), action.kind(self._values)

    def apply(self, item: Item) -> Item:
        """Return the updated item; the given one stays as it is."""
        values = self._values
        actions = [
            (section, steps, None if evaluate is None else evaluate(item, values))
            for section, steps, evaluate, _ in self._compiled.actions
        ]
        return _applied(item, actions)


def check_keys(key_names: tuple[str, ...], changed: list[str]) -> None:
    """Refuse to change a key."""
    for name in key_names:
        if name in changed:
            raise invalid_value(
                f"Cannot update attribute {name}. This attribute is part of the key"
            )


@lru_cache(maxsize=COMPILED_MAX)
def _compiled(text: str, stand_for: tuple[str | None, ...]) -> Compiled:
    tree, used = parse_update(text)
    return _Compiler(used, stand_for).update(tree)


class _Compiler:
    """Compiles the actions of one update, and gathers what may be wrong by gravity."""

    def __init__(self, used: Used, stand_for: tuple[str | None, ...]) -> None:
        self._names = Names(used, stand_for)
        self._read: list[Steps] = []
        self._undefined: list[Check] = []
        self._sections: list[Check] = []
        self._functions: list[Check] = []

    def update(self, tree: tuple[Action, ...]) -> Compiled:
        """Compile all actions. Raises what is wrong whatever the values."""
        actions: list[Step] = []
        overlap: ServiceError | None = None
        for action in tree:
            steps = self._path(action.path)
            evaluate = None if action.operand is None else self._value(action.operand)
            if isinstance(action.operand, Placeholder) and action.section in _TYPES_OF:
                self._sections.append(_typed(action.section, action.operand.name))
            actions.append(Step(action.section, steps, evaluate, _kind(action.operand)))
        try:
            check_overlaps([action.steps for action in actions], WHERE)
        except ServiceError as error:
            overlap = error
        paths = [*self._read, *(action.steps for action in actions)]
        nested = dict.fromkeys(str(steps[0]) for steps in paths if len(steps) > 1)
        clash: list[Check] = [] if overlap is None else [_always(overlap)]
        checks = (*self._undefined, *clash, *self._sections, *self._functions)
        return Compiled(tuple(actions), checks, tuple(nested))

    def _path(self, path: Path) -> Steps:
        missing = self._names.undefined(path)
        if missing is not None:
            raise undefined_name(WHERE, missing)
        return self._names.steps(path)

    def _value(self, operand: Operand | Sum) -> Evaluate:
        match operand:
            case Placeholder():
                return self._placeholder(operand.name)
            case Path():
                steps = self._path(operand)
                self._read.append(steps)
                return lambda item, _: _present(get(item, steps))
            case Sum():
                return self._sum(operand)
            case Function():
                return self._call(operand)

    def _placeholder(self, name: str) -> Evaluate:
        def check(values: Values) -> None:
            if name not in values:
                raise undefined_value(WHERE, name)

        def evaluate(_: Item, values: Values) -> Value:
            return values[name]

        self._undefined.append(check)
        return evaluate

    def _sum(self, operand: Sum) -> Evaluate:
        left, right = self._value(operand.left), self._value(operand.right)
        self._expect("N", operand.operator, operand.left, operand.right)
        sign = 1 if operand.operator == "+" else -1

        def evaluate(item: Item, values: Values) -> Value:
            one, other = left(item, values), right(item, values)
            if "N" not in one or "N" not in other:
                raise _wrong_type()
            return {"N": added(one["N"], other["N"], sign)}

        return evaluate

    def _call(self, call: Function) -> Evaluate:
        operands = [self._value(operand) for operand in call.operands]
        if len(operands) != UPDATE_FUNCTIONS[call.name]:
            message = (
                "Incorrect number of operands for operator or function; operator or function: "
                f"{call.name}, number of operands: {len(operands)}"
            )
            self._functions.append(_always(_invalid(message)))
            return operands[0]
        if call.name == "if_not_exists":
            return self._if_not_exists(call.operands[0], operands[1])
        self._expect("L", call.name, *call.operands)
        left, right = operands

        def append(item: Item, values: Values) -> Value:
            one, other = left(item, values), right(item, values)
            if "L" not in one or "L" not in other:
                raise _wrong_type()
            return {"L": [*one["L"], *other["L"]]}

        return append

    def _if_not_exists(self, path: Operand, otherwise: Evaluate) -> Evaluate:
        if not isinstance(path, Path):
            message = (
                "Operator or function requires a document path; operator or function: if_not_exists"
            )
            self._functions.append(_always(_invalid(message)))
            return otherwise
        steps = self._names.steps(path)

        def evaluate(item: Item, values: Values) -> Value:
            found = get(item, steps)
            return otherwise(item, values) if found is None else found

        return evaluate

    def _expect(self, kind: str, operator: str, *operands: Operand) -> None:
        """Check that given operands are of the one type that an operator takes."""
        for operand in operands:
            if isinstance(operand, Placeholder):
                self._functions.append(_operand(kind, operator, operand.name))


def _kind(operand: Operand | Sum | None) -> Callable[[Values], str] | None:
    match operand:
        case Placeholder(name):
            return lambda values: kind_of(values[name])
        case Sum():
            return lambda _: "N"
        case Function(name="list_append"):
            return lambda _: "L"
        case _:
            return None


def _always(error: ServiceError) -> Check:
    def check(_: Values) -> None:
        raise error

    return check


def _typed(section: str, name: str) -> Check:
    def check(values: Values) -> None:
        kind = kind_of(values[name])
        if kind not in _TYPES_OF[section]:
            raise _invalid(
                f"Incorrect operand type for operator or function; operator: {section}, "
                f"operand type: {_TYPE_NAMES[kind]}"
            )

    return check


def _operand(kind: str, operator: str, name: str) -> Check:
    def check(values: Values) -> None:
        if kind not in values[name]:
            raise _invalid(
                "Incorrect operand type for operator or function; operator or function: "
                f"{operator}, operand type: {kind_of(values[name])}"
            )

    return check


def _invalid(message: str) -> ServiceError:
    return validation(f"Invalid {WHERE}: {message}")


def _wrong_type() -> ServiceError:
    return validation("An operand in the update expression has an incorrect data type")


def _present(value: Value | None) -> Value:
    if value is None:
        raise validation(
            "The provided expression refers to an attribute that does not exist in the item"
        )
    return value


def _applied(item: Item, actions: list[tuple[str, Steps, Value | None]]) -> Item:
    """Carry out actions whose values are known: changes, then what is appended, then removals."""
    updated: Item = _copy(item)
    appended: list[tuple[Steps, Value]] = []
    removed: list[Steps] = []
    for section, steps, value in actions:
        container, last = _container(updated, steps), steps[-1]
        present = _at(container, last)
        if section == "REMOVE" or value is None:
            removed.append(steps)
            continue
        put = value if section == "SET" else _combined(section, present, value)
        if put is None:
            removed.append(steps)
        elif isinstance(last, int) and last >= len(container):
            appended.append((steps, put))
        else:
            container[last] = _copy(put)
        if put is not None and len(steps) > 1:
            check_levels(put, len(steps))
    for steps, value in sorted(appended, key=lambda pair: _order(pair[0])):
        _container(updated, steps).append(_copy(value))
    # Higher indexes first, so that removing one does not move the next.
    for steps in sorted(removed, key=_order, reverse=True):
        _remove(updated, steps)
    return updated


def _combined(section: str, present: Value | None, value: Value) -> Value | None:
    """What is there after ADD or DELETE; None for nothing."""
    kind = kind_of(value)
    if present is None:
        return value if section == "ADD" else None
    if kind_of(present) != kind:
        raise _wrong_type()
    return joined(present, value) if section == "ADD" else without(present, value)


def joined(present: Value, value: Value) -> Value:
    """A number, a set or a list with another added."""
    ((kind, content),) = value.items()
    if kind == "N":
        return {"N": added(present["N"], content)}
    if kind == "L":
        return {"L": [*present["L"], *content]}
    return {kind: list(dict.fromkeys([*present[kind], *content]))}


def without(present: Value, value: Value) -> Value | None:
    """A set without the members of another; None if none is left."""
    ((kind, content),) = value.items()
    taken = dict.fromkeys(content)
    kept = [member for member in present[kind] if member not in taken]
    return {kind: kept} if kept else None


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_copy(inner) for inner in value]
    return value


def _container(item: Item, steps: Steps) -> Any:
    """The map or list that holds the last step of a path."""
    parent: Value | None = {"M": item} if len(steps) == 1 else get(item, steps[:-1])
    inner = None if parent is None else parent.get("M" if isinstance(steps[-1], str) else "L")
    if inner is None:
        raise validation(
            "The document path provided in the update expression is invalid for update"
        )
    return inner


def _at(container: Any, last: str | int) -> Value | None:
    if isinstance(last, int):
        return container[last] if last < len(container) else None
    found: Value | None = container.get(last)
    return found


def _order(steps: Steps) -> tuple[tuple[int, str], ...]:
    return tuple((step, "") if isinstance(step, int) else (-1, step) for step in steps)


def _remove(item: Item, steps: Steps) -> None:
    container, last = _container(item, steps), steps[-1]
    if isinstance(last, int):
        if last < len(container):
            del container[last]
    else:
        container.pop(last, None)
