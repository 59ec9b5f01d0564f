"""A drill as text again: the TOML that `drill run` accepts, with what differs from the defaults.

A drill that was drawn by a seed or shrunk has no file; this makes one. Events stand as
`[[timeline]]`, faults and the like inline, as a person would write them.
"""

import datetime as dt
import json
import re
from typing import Any

import msgspec

from antipodes.drills.model import Drill

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_DEL = "\x7f"  # TOML wants it escaped, JSON does not


def plain(value: Any) -> Any:
    """A drill, or a part of it, as dictionaries without what stands there by default."""
    if isinstance(value, msgspec.Struct):
        found = {}
        for field in msgspec.structs.fields(value):
            own = getattr(value, field.name)
            if own is not None and own != _default(field):
                found[field.encode_name] = plain(own)
        return found
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items() if part is not None}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default  # NODEFAULT, which nothing equals, where it has to be given


def to_toml(drill: Drill, comment: str = "") -> str:
    """The file that gives this drill."""
    lines = [f"# {_printable(line)}".rstrip() for line in comment.splitlines()]
    parts = plain(drill)
    tables = {name: part for name, part in parts.items() if isinstance(part, dict)}
    events = parts.pop("timeline", [])
    lines += [""] * bool(lines)
    lines += [f"{name} = {_value(part)}" for name, part in parts.items() if name not in tables]
    for name in ("world", "application", "load", "swarm", "monthly"):
        if name in tables:
            lines += ["", f"[{name}]", *_pairs(tables[name])]
    for event in events:
        lines += ["", "[[timeline]]", *_pairs(event)]
    if "expect" in tables:
        lines += ["", "[expect]", *_pairs(tables["expect"])]
    return "\n".join([*lines, ""])


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _pairs(table: dict[str, Any]) -> list[str]:
    return [f"{_key(name)} = {_value(part)}" for name, part in table.items()]


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace(_DEL, "\\u007f")


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _text(value)
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case dict():
            inner = ", ".join(_pairs(value))
            return f"{{ {inner} }}" if inner else "{}"
    raise TypeError(f"{value!r} has no place in TOML")
