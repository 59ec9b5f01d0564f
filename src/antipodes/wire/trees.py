"""Values as trees of maps, lists and scalars: what JSON and CBOR have in common.

A `Dialect` says how such a format names members and what it does with the scalars that need help
(`read`, `write`: by kind). Reading checks every type and answers a wrong one with the words of
AWS's serialisation layer (`NUMBER_VALUE cannot be converted to String`). Members that the model
does not know are dropped, as AWS does; null is the same as absent. Writing is strict the other way:
a member that the model does not know is a bug of ours and raises.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from antipodes.wire import scalars
from antipodes.wire.errors import Malformed
from antipodes.wire.models import Member

Scalar = Callable[[Member, Any], Any]

_NAMES = {
    "string": "String",
    "integer": "Integer",
    "long": "Long",
    "float": "Float",
    "double": "Double",
    "boolean": "Boolean",
    "timestamp": "Timestamp",
    "blob": "Blob",
}
# The classes that AWS names, where they are not these.
_CLASSES = {"blob": "java.nio.ByteBuffer", "timestamp": "java.util.Date"}


class Dialect(NamedTuple):
    """One tree-shaped format."""

    name: Callable[[Member], str]
    read: Mapping[str, Scalar]
    write: Mapping[str, Scalar]


def read(dialect: Dialect, member: Member, value: Any) -> Any:
    """Turn a parsed tree into a value in botocore's shapes."""
    shape = member.shape
    if shape.kind == "structure":
        if shape.document:
            return value
        return _read_structure(dialect, member, value)
    if shape.kind == "list":
        if not isinstance(value, list):
            raise mismatch(member, value)
        part = shape.member
        _check_payload(part, value)
        return [None if item is None else read(dialect, part, item) for item in value]
    if shape.kind == "map":
        if not isinstance(value, dict):
            raise mismatch(member, value)
        part = shape.value
        _check_payload(part, value.values())
        return {
            text(shape.key, key): None if item is None else read(dialect, part, item)
            for key, item in value.items()
        }
    return dialect.read[shape.kind](member, value)


def _check_payload(member: Member, values: Iterable[Any]) -> None:
    """Refuse scalars where a list or map has structures."""
    if member.kind != "structure" or member.shape.document:
        return
    for value in values:
        if value is not None and not isinstance(value, dict | list):
            raise Malformed("Unexpected value type in payload")


def _read_structure(dialect: Dialect, member: Member, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise mismatch(member, value)
    result = {}
    for name, part in member.shape.members.items():
        if part.location is None:
            given = value.get(dialect.name(part))
            if given is not None:
                result[name] = read(dialect, part, given)
    return result


def write(dialect: Dialect, member: Member, value: Any) -> Any:
    """Turn a value in botocore's shapes into a tree that the format can write."""
    shape = member.shape
    if shape.kind == "structure":
        if shape.document:
            return value
        return {
            dialect.name(part): write(dialect, part, given)
            for part, given in members_of(member, value)
            if part.location is None
        }
    if shape.kind == "list":
        part = shape.member
        return [None if item is None else write(dialect, part, item) for item in value]
    if shape.kind == "map":
        part = shape.value
        return {
            key: None if item is None else write(dialect, part, item) for key, item in value.items()
        }
    scalar = dialect.write.get(shape.kind)
    return value if scalar is None else scalar(member, value)


def members_of(member: Member, value: Mapping[str, Any]) -> list[tuple[Member, Any]]:
    """Pair the given members of a structure with their values; one unknown is a bug of ours."""
    members = member.shape.members
    unknown = [name for name in value if name not in members]
    assert not unknown, f"{member.shape.name} has no member {unknown}"
    return [(members[name], part) for name, part in value.items() if part is not None]


def mismatch(member: Member, value: Any) -> Malformed:
    """Say that a value is of the wrong type, in the words of AWS's serialisation layer."""
    if isinstance(value, dict):
        return Malformed("Start of structure or map found where not expected")
    if member.kind in {"structure", "map", "list"}:
        several = isinstance(value, list)
        return Malformed(
            "Start of list found where not expected" if several else "Unexpected field type"
        )
    name = _NAMES[member.kind]
    if isinstance(value, list):
        known = _CLASSES.get(member.kind, f"java.lang.{name}")
        return Malformed(f"Unrecognized collection type class {known}")
    if member.kind == "blob":
        return Malformed("only base-64-encoded strings are convertible to bytes")
    if member.kind == "boolean" and isinstance(value, str):
        return Malformed("Unexpected token received from parser")
    if isinstance(value, bool):
        found = "TRUE_VALUE" if value else "FALSE_VALUE"
    elif isinstance(value, str):
        found = "STRING_VALUE"
    elif isinstance(value, bytes):
        found = "BLOB_VALUE"
    else:
        found = "NUMBER_VALUE" if isinstance(value, int) else "DECIMAL_VALUE"
    return Malformed(f"{found} cannot be converted to {name}")


def text(member: Member, value: Any) -> str:
    """Read a string."""
    if not isinstance(value, str):
        raise mismatch(member, value)
    return value


def integer(member: Member, value: Any) -> int:
    """Read a whole number in the range of its kind."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise mismatch(member, value)
    try:
        return scalars.integer(value, member.kind)
    except (ValueError, OverflowError) as error:
        raise mismatch(member, value) from error


def real(member: Member, value: Any) -> float:
    """Read a number, or one of the three names for what JSON has no number for."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise mismatch(member, value)
    try:
        return scalars.real(value) if isinstance(value, str) else float(value)
    except (ValueError, OverflowError) as error:
        raise mismatch(member, value) from error


def boolean(member: Member, value: Any) -> bool:
    """Read a truth value."""
    if not isinstance(value, bool):
        raise mismatch(member, value)
    return value


def timestamp(member: Member, value: Any) -> float:
    """Read Unix seconds, or text in one of the other styles."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise mismatch(member, value)
    try:
        return scalars.timestamp(value) if isinstance(value, str) else float(value)
    except (ValueError, OverflowError) as error:
        raise mismatch(member, value) from error
