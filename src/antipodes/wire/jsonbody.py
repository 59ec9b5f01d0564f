"""JSON bodies, of JSON 1.0, JSON 1.1 and REST-JSON: blobs are base64, timestamps Unix seconds."""

from operator import attrgetter
from typing import Any

import orjson

from antipodes.wire import scalars, trees
from antipodes.wire.errors import Malformed
from antipodes.wire.models import Member


def decode(member: Member, body: bytes) -> Any:
    """Read a body as a value of that member."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"The body is not JSON: {error}" if body else "") from error
    try:
        return trees.read(DIALECT, member, value)
    except RecursionError as error:
        raise Malformed("The body is nested too deep") from error


def encode(member: Member, value: Any) -> bytes:
    """Write a value of that member as a body."""
    return orjson.dumps(trees.write(DIALECT, member, value))


def _read_blob(member: Member, value: Any) -> bytes:
    try:
        return scalars.blob(trees.text(member, value))
    except ValueError as error:
        raise Malformed("only base-64-encoded strings are convertible to bytes") from error


def _write_timestamp(member: Member, value: Any) -> Any:
    style = member.timestamp_format
    if style is None or style.lower() == "unixtimestamp":
        return scalars.number(scalars.unix_seconds(value))
    return scalars.timestamp_text(value, style)


def _write_blob(_member: Member, value: Any) -> str:
    return scalars.blob_text(value)


def _write_real(_member: Member, value: Any) -> Any:
    return scalars.real_or_name(float(value))


DIALECT = trees.Dialect(
    name=attrgetter("wire_name"),
    read={
        "string": trees.text,
        "integer": trees.integer,
        "long": trees.integer,
        "float": trees.real,
        "double": trees.real,
        "boolean": trees.boolean,
        "timestamp": trees.timestamp,
        "blob": _read_blob,
    },
    write={
        "timestamp": _write_timestamp,
        "blob": _write_blob,
        "float": _write_real,
        "double": _write_real,
    },
)
