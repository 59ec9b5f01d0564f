"""Variants of a drill: the same story told of several architectures, to be compared.

A file's `[[variant]]` is a name and whatever of the drill is different in it, merged over the rest:
tables into tables, everything else (lists, too) in place of what was there.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from antipodes.drills.format import parse_drill, read_drill
from antipodes.drills.model import Drill, DrillError


class Variant(NamedTuple):
    """One of the architectures, as a drill of its own."""

    name: str
    drill: Drill


def load_variants(name: str) -> tuple[list[Variant], Path]:
    """Read a drill's variants by its path or library name, and its directory. Raises DrillError."""
    plain, path, text = read_drill(name)
    drill = parse_drill(plain, str(path), text)
    if not drill.variant:
        raise DrillError(f"{path}: there is no [[variant]] to compare")
    base = {field: value for field, value in plain.items() if field != "variant"}
    found: dict[str, Variant] = {}
    for number, change in enumerate(drill.variant):
        named = change.get("name")
        if not isinstance(named, str) or not named or named in found:
            raise DrillError(f"{path}: variant[{number}].name: each needs a name of its own")
        other = {field: value for field, value in change.items() if field != "name"}
        whole = merged(base, other)
        found[named] = Variant(named, parse_drill(whole, f"{path}, variant {named!r}"))
    return list(found.values()), path.parent


def merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with what `change` says in its place."""
    found = dict(base)
    for field, value in change.items():
        known = found.get(field)
        if isinstance(value, Mapping) and isinstance(known, Mapping):
            found[field] = merged(known, value)
        else:
            found[field] = value
    return found
