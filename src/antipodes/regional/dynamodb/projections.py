"""Projections: the part of an item that was asked for."""

from typing import Any

from antipodes.regional.dynamodb.attributes import Item, Value
from antipodes.regional.dynamodb.grammar import parse_projection
from antipodes.regional.dynamodb.scope import Scope, Steps, check_overlaps, get

WHERE = "ProjectionExpression"


def projection(text: str, scope: Scope) -> list[Steps]:
    """Return the paths that an expression asks for."""
    paths = [scope.steps(path, WHERE) for path in parse_projection(text)]
    check_overlaps(paths, WHERE)
    return paths


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
