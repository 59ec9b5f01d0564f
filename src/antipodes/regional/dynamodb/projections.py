"""Projections: the part of an item that was asked for."""

from functools import lru_cache
from typing import Any

from antipodes.regional.dynamodb.attributes import Item, Value
from antipodes.regional.dynamodb.conditions import COMPILED_MAX, KEPT_NAMES_MAX
from antipodes.regional.dynamodb.grammar import parse_projection
from antipodes.regional.dynamodb.scope import (
    Names,
    Scope,
    Steps,
    check_overlaps,
    get,
    undefined_name,
)

WHERE = "ProjectionExpression"


def projection(text: str, scope: Scope) -> list[Steps]:
    """Return the paths that an expression asks for."""
    _, used = parse_projection(text)
    scope.use(used)
    names = scope.stands_for(used)
    keep = sum(len(name or "") for name in names) <= KEPT_NAMES_MAX
    return list((_compiled if keep else _compiled.__wrapped__)(text, names))


@lru_cache(maxsize=COMPILED_MAX)
def _compiled(text: str, stand_for: tuple[str | None, ...]) -> tuple[Steps, ...]:
    paths, used = parse_projection(text)
    names = Names(used, stand_for)
    for path in paths:
        missing = names.undefined(path)
        if missing is not None:
            raise undefined_name(WHERE, missing)
    found = tuple(map(names.steps, paths))
    check_overlaps(found, WHERE)
    return found


def project(item: Item, paths: list[Steps]) -> Item:
    """Return what lies at the paths, in place; lists keep the order of what is left."""
    tree: dict[str | int, Any] = {}
    for steps in paths:
        if get(item, steps) is not None:
            branch = tree
            for step in steps:
                branch = branch.setdefault(step, {})
    found: Item = _prune({"M": item}, tree)["M"] if tree else {}
    return found


def _prune(value: Value, tree: dict[str | int, Any]) -> Value:
    if not tree:
        return value
    if "M" in value:
        inner = value["M"]
        return {"M": {name: _prune(inner[name], branch) for name, branch in tree.items()}}
    members = value["L"]
    return {"L": [_prune(members[i], tree[i]) for i in sorted(tree)]}
