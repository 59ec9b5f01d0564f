"""Expressions evaluated the slow and obvious way, for comparison: tuples over plain values.

Nothing here comes from the code under test. A value is read into Python's own types with its kind
beside it; a condition or an update is a tuple, which `text` writes as DynamoDB's grammar has it and
`holds` and `updated` carry out by the letter of the Developer Guide. What cannot be done raises
`Wrong`.
"""

import base64
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

Plain = tuple[str, Any]
Path = tuple[Any, ...]
Tree = tuple[Any, ...]
_EXACT = Context(prec=600)


class Wrong(Exception):
    """An update that the item does not allow."""


def plain(value: dict[str, Any]) -> Plain:
    """Read a wire value into Python's own types."""
    ((kind, content),) = value.items()
    if kind == "M":
        return kind, {name: plain(inner) for name, inner in content.items()}
    if kind == "L":
        return kind, [plain(inner) for inner in content]
    if kind in {"SS", "NS", "BS"}:
        return kind, frozenset(plain({kind[0]: member})[1] for member in content)
    readers: dict[str, Callable[[Any], Any]] = {
        "N": Decimal,
        "S": lambda text: text,
        "B": base64.b64decode,
        "BOOL": bool,
        "NULL": bool,
    }
    return kind, readers[kind](content)


def plain_item(item: dict[str, Any]) -> dict[str, Plain]:
    """Read an item."""
    return {name: plain(value) for name, value in item.items()}


def find(item: dict[str, Plain], path: Path) -> Plain | None:
    """What lies at a path."""
    here: Plain | None = ("M", item)
    for step in path:
        if here is None:
            return None
        kind, content = here
        if isinstance(step, str):
            here = content.get(step) if kind == "M" else None
        else:
            here = content[step] if kind == "L" and step < len(content) else None
    return here


def _operand(item: dict[str, Plain], operand: Tree) -> Plain | None:
    what, content = operand
    if what == "path":
        return find(item, content)
    if what == "value":
        return plain(content)
    assert what == "size"
    return _size(find(item, content))


def _size(value: Plain | None) -> Plain | None:
    if value is None or value[0] in {"N", "BOOL", "NULL"}:
        return None
    kind, content = value
    if kind == "S":
        return "N", Decimal(sum(2 if ord(letter) > 0xFFFF else 1 for letter in content))
    return "N", Decimal(len(content))


def _sorts(value: Plain) -> Any:
    kind, content = value
    return content.encode() if kind == "S" else content


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _compares(operator: str, one: Plain | None, other: Plain | None) -> bool:
    if operator in {"=", "<>"}:
        same = one is not None and other is not None and one == other
        return same if operator == "=" else not same
    if one is None or other is None or one[0] != other[0] or one[0] not in {"S", "N", "B"}:
        return False
    return _ORDERS[operator](_sorts(one), _sorts(other))


def holds(tree: Tree, item: dict[str, Plain]) -> bool:
    """Whether a condition holds."""
    what = tree[0]
    if what == "and":
        return all(holds(part, item) for part in tree[1])
    if what == "or":
        return any(holds(part, item) for part in tree[1])
    if what == "not":
        return not holds(tree[1], item)
    if what == "compare":
        _, operator, one, other = tree
        return _compares(operator, _operand(item, one), _operand(item, other))
    if what == "between":
        value, low, high = (_operand(item, operand) for operand in tree[1:])
        return _compares(">=", value, low) and _compares("<=", value, high)
    if what == "in":
        value = _operand(item, tree[1])
        return any(_compares("=", value, _operand(item, choice)) for choice in tree[2])
    return _function(what, [_operand(item, operand) for operand in tree[1:]], tree)


def _function(name: str, given: list[Plain | None], tree: Tree) -> bool:
    value = given[0]
    if name == "attribute_exists":
        return value is not None
    if name == "attribute_not_exists":
        return value is None
    if name == "attribute_type":
        return value is not None and value[0] == tree[2][1]["S"]
    other = given[1]
    if value is None or other is None:
        return False
    if name == "begins_with":
        both = value[0] == other[0] and value[0] in {"S", "B"}
        return both and value[1][: len(other[1])] == other[1]
    assert name == "contains"
    if value[0] in {"S", "B"}:
        return value[0] == other[0] and other[1] in value[1]
    if value[0] in {"SS", "NS", "BS"}:
        return value[0][0] == other[0] and other[1] in value[1]
    return value[0] == "L" and other in value[1]


def _parent(item: dict[str, Plain], path: Path) -> Any:
    parent = find(item, path[:-1]) if len(path) > 1 else ("M", item)
    if parent is None or parent[0] != ("M" if isinstance(path[-1], str) else "L"):
        raise Wrong(path)
    return parent[1]


def _deep(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _deep(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_deep(inner) for inner in value]
    if isinstance(value, tuple):
        return (value[0], _deep(value[1]))
    return value


def _number(value: Decimal) -> Plain:
    text = format(abs(value), "f").strip("0").replace(".", "").strip("0")
    if len(text) > 38 or (value and not -130 <= value.adjusted() <= 125):
        raise Wrong(value)
    return "N", value


def _assigned(operand: Tree, item: dict[str, Plain]) -> Plain:
    what = operand[0]
    if what == "sum":
        _, operator, one, other = operand
        left, right = _assigned(one, item), _assigned(other, item)
        if left[0] != "N" or right[0] != "N":
            raise Wrong(operand)
        act = _EXACT.add if operator == "+" else _EXACT.subtract
        return _number(act(left[1], right[1]))
    if what == "if_not_exists":
        found = find(item, operand[1])
        return _assigned(operand[2], item) if found is None else found
    if what == "list_append":
        left, right = _assigned(operand[1], item), _assigned(operand[2], item)
        if left[0] != "L" or right[0] != "L":
            raise Wrong(operand)
        return "L", left[1] + right[1]
    found = _operand(item, operand)
    if found is None:
        raise Wrong(operand)
    return found


_GONE = object()


def updated(actions: list[Tree], item: dict[str, Plain]) -> dict[str, Plain]:
    """The item after an update. Everything is reckoned from the item as it was."""
    outcomes: list[tuple[Path, Any]] = []
    for section, path, *operand in actions:
        value = _assigned(operand[0], item) if operand else None
        outcomes.append((path, _outcome(section, find(item, path), value)))
    new = _deep(item)
    lists: dict[int, tuple[Any, dict[int, Any]]] = {}
    for path, outcome in outcomes:
        _parent(item, path)
        parent = _parent(new, path)
        if isinstance(path[-1], int):
            lists.setdefault(id(parent), (parent, {}))[1][path[-1]] = outcome
        elif outcome is _GONE:
            parent.pop(path[-1], None)
        else:
            parent[path[-1]] = _deep(outcome)
    for members, changes in lists.values():
        kept = [changes.get(number, member) for number, member in enumerate(members)]
        kept += [changes[number] for number in sorted(changes) if number >= len(members)]
        members[:] = [_deep(member) for member in kept if member is not _GONE]
    return dict(new)


def _outcome(section: str, present: Plain | None, value: Plain | None) -> Any:
    if section == "REMOVE" or value is None:
        return _GONE
    if section == "SET":
        return value
    if present is None:
        return value if section == "ADD" else _GONE
    if present[0] != value[0]:
        raise Wrong(section)
    if section == "DELETE":
        left = present[1] - value[1]
        return (value[0], left) if left else _GONE
    if value[0] == "N":
        return _number(_EXACT.add(present[1], value[1]))
    return value[0], present[1] | value[1]


class Writer:
    """Writes trees as text, and notes what their placeholders stand for."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, Any] = {}

    def path(self, path: Path) -> str:
        """A path; every other name is written as a placeholder."""
        text = ""
        for step in path:
            if isinstance(step, int):
                text += f"[{step}]"
                continue
            shown = step
            if len(self.names) % 2 == 0 or step in self.names.values():
                shown = next((k for k, v in self.names.items() if v == step), "")
                shown = shown or f"#n{len(self.names)}"
                self.names[shown] = step
            text += f".{shown}" if text else shown
        return text

    def operand(self, operand: Tree) -> str:
        """An operand of a condition or an update."""
        what = operand[0]
        if what == "path":
            return self.path(operand[1])
        if what == "size":
            return f"size({self.path(operand[1])})"
        if what == "value":
            name = f":v{len(self.values)}"
            self.values[name] = operand[1]
            return name
        if what == "sum":
            return f"{self.operand(operand[2])} {operand[1]} {self.operand(operand[3])}"
        if what == "if_not_exists":
            return f"if_not_exists({self.path(operand[1])}, {self.operand(operand[2])})"
        return f"list_append({self.operand(operand[1])}, {self.operand(operand[2])})"

    def condition(self, tree: Tree) -> str:
        """A condition."""
        what = tree[0]
        if what in {"and", "or"}:
            return f" {what.upper()} ".join(f"({self.condition(part)})" for part in tree[1])
        if what == "not":
            return f"NOT ({self.condition(tree[1])})"
        if what == "compare":
            return f"{self.operand(tree[2])} {tree[1]} {self.operand(tree[3])}"
        if what == "between":
            value, low, high = (self.operand(operand) for operand in tree[1:])
            return f"{value} BETWEEN {low} AND {high}"
        if what == "in":
            choices = ", ".join(self.operand(choice) for choice in tree[2])
            return f"{self.operand(tree[1])} IN ({choices})"
        return f"{what}({', '.join(self.operand(operand) for operand in tree[1:])})"

    def update(self, actions: list[Tree]) -> str:
        """An update: its actions by section."""
        sections: dict[str, list[str]] = {}
        for section, path, *operand in actions:
            text = self.path(path)
            if operand:
                text += f"{' =' if section == 'SET' else ''} {self.operand(operand[0])}"
            sections.setdefault(section, []).append(text)
        return " ".join(f"{section} {', '.join(of)}" for section, of in sections.items())
