"""Update expressions: SET, REMOVE, ADD and DELETE on a copy of the item.

All right-hand sides read the item as it was before. A path must lead through what exists; setting
beyond a list's end appends.
"""

from decimal import Decimal
from typing import Any

from antipodes.regional.dynamodb.attributes import (
    Item,
    Value,
    kind_of,
    number,
    number_text,
)
from antipodes.regional.dynamodb.errors import invalid_value, validation
from antipodes.regional.dynamodb.grammar import (
    Action,
    Function,
    Operand,
    Path,
    Placeholder,
    Sum,
    parse_update,
)
from antipodes.regional.dynamodb.scope import Scope, Steps, check_overlaps, get

WHERE = "UpdateExpression"
_ELEMENTS = {"SS": "S", "NS": "N", "BS": "B"}


class Update:
    """An update bound to its placeholders."""

    def __init__(self, text: str, scope: Scope, key_names: tuple[str, ...]) -> None:
        self._scope = scope
        self._actions = [(action, scope.steps(action.path, WHERE)) for action in parse_update(text)]
        self.paths = [steps for _, steps in self._actions]
        check_overlaps(self.paths, WHERE)
        for steps in self.paths:
            if steps[0] in key_names:
                raise invalid_value(
                    f"Cannot update attribute {steps[0]}. This attribute is part of the key"
                )
        for action, _ in self._actions:
            self._check_operand(action)

    def _check_operand(self, action: Action) -> None:
        """Resolve values early, so that a wrong request fails whatever the item."""
        if action.section in {"ADD", "DELETE"}:
            assert isinstance(action.operand, Placeholder)
            value = self._scope.value(action.operand.name, WHERE)
            allowed = {"SS", "NS", "BS"} | ({"N"} if action.section == "ADD" else set())
            if kind_of(value) not in allowed:
                raise validation(
                    f"Invalid {WHERE}: Incorrect operand type for operator or function; operator: "
                    f"{action.section}, operand type: {_TYPE_NAMES[kind_of(value)]}"
                )
        elif isinstance(action.operand, Sum):
            self._touch(action.operand.left)
            self._touch(action.operand.right)
        elif action.operand is not None:
            self._touch(action.operand)

    def _touch(self, operand: Operand) -> None:
        if isinstance(operand, Placeholder):
            self._scope.value(operand.name, WHERE)
        elif isinstance(operand, Path):
            self._scope.steps(operand, WHERE)
        else:
            for inner in operand.operands:
                self._touch(inner)

    def apply(self, item: Item) -> Item:
        """Return the updated item; the given one stays as it is."""
        updated: Item = _copy(item)
        removals: list[Steps] = []
        for action, steps in self._actions:
            if action.section == "SET":
                assert action.operand is not None
                _put(updated, steps, self._evaluate(action.operand, item))
            elif action.section == "REMOVE":
                removals.append(steps)
            else:
                assert isinstance(action.operand, Placeholder)
                value = self._scope.value(action.operand.name, WHERE)
                change = _add if action.section == "ADD" else _subtract
                change(updated, steps, get(item, steps), value)
        # Higher list indexes first, so that removing one does not move the next.
        for steps in sorted(removals, key=_removal_order, reverse=True):
            _remove(updated, steps)
        return updated

    def _evaluate(self, operand: Operand | Sum, item: Item) -> Value:
        match operand:
            case Placeholder():
                return self._scope.value(operand.name, WHERE)
            case Path():
                found = get(item, self._scope.steps(operand, WHERE))
                if found is None:
                    raise validation(
                        "The provided expression refers to an attribute that does not exist in "
                        "the item"
                    )
                return found
            case Sum():
                return self._sum(operand, item)
            case Function():
                return self._call(operand, item)

    def _sum(self, operand: Sum, item: Item) -> Value:
        left, right = self._evaluate(operand.left, item), self._evaluate(operand.right, item)
        if "N" not in left or "N" not in right:
            raise validation("An operand in the update expression has an incorrect data type")
        sign = 1 if operand.operator == "+" else -1
        return _number(number(left["N"]) + sign * number(right["N"]))

    def _call(self, call: Function, item: Item) -> Value:
        first, second = call.operands
        if call.name == "if_not_exists":
            if not isinstance(first, Path):
                raise validation(
                    f"Invalid {WHERE}: Operator or function requires a document path; operator or "
                    "function: if_not_exists"
                )
            found = get(item, self._scope.steps(first, WHERE))
            return self._evaluate(second, item) if found is None else found
        left, right = self._evaluate(first, item), self._evaluate(second, item)
        if "L" not in left or "L" not in right:
            raise validation("An operand in the update expression has an incorrect data type")
        return {"L": [*left["L"], *right["L"]]}


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


def _number(value: Decimal) -> Value:
    return {"N": number_text(number(format(value, "f")))}


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


def _put(item: Item, steps: Steps, value: Value) -> None:
    container, last = _container(item, steps), steps[-1]
    if isinstance(last, int) and last >= len(container):
        container.append(_copy(value))
    else:
        container[last] = _copy(value)


def _removal_order(steps: Steps) -> tuple[tuple[int, str], ...]:
    return tuple((step, "") if isinstance(step, int) else (-1, step) for step in steps)


def _remove(item: Item, steps: Steps) -> None:
    container, last = _container(item, steps), steps[-1]
    if isinstance(last, int):
        if last < len(container):
            del container[last]
    else:
        container.pop(last, None)


def _add(item: Item, steps: Steps, present: Value | None, value: Value) -> None:
    kind = kind_of(value)
    if present is None:
        _put(item, steps, value)
        return
    if kind_of(present) != kind:
        raise validation("An operand in the update expression has an incorrect data type")
    if kind == "N":
        _put(item, steps, _number(number(present["N"]) + number(value["N"])))
    else:
        merged = list(dict.fromkeys([*present[kind], *value[kind]]))
        _put(item, steps, {kind: merged})


def _subtract(item: Item, steps: Steps, present: Value | None, value: Value) -> None:
    if present is None:
        return
    kind = kind_of(value)
    if kind_of(present) != kind:
        raise validation("An operand in the update expression has an incorrect data type")
    kept = [member for member in present[kind] if member not in value[kind]]
    if kept:
        _put(item, steps, {kind: kept})
    else:
        _remove(item, steps)
