"""JSON bodies, of JSON 1.0, JSON 1.1 and REST-JSON: blobs are base64, timestamps Unix seconds."""

import re
from operator import attrgetter
from typing import Any

import orjson

from antipodes.wire import scalars, trees
from antipodes.wire.errors import Malformed
from antipodes.wire.models import Member

_NO_BASE64 = re.compile(r"[^A-Za-z0-9+/=]")
_BAD_END = "Invalid last non-pad Base64 character dectected"  # as AWS spells it


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
    if not isinstance(value, str):
        raise trees.mismatch(member, value)
    try:
        found = scalars.blob(value)
    except ValueError as error:
        raise Malformed(_bad_base64(value)) from error
    if scalars.blob_text(found) != value:  # bits that belong to no byte
        raise Malformed(_BAD_END)
    return found


def _bad_base64(text: str) -> str:
    """What AWS says of text that is no base64."""
    bad = _NO_BASE64.search(text)
    if bad is not None:
        return f"Invalid base 64 character: '{bad.group()}'"
    if len(text) % 4:
        count = len(text)
        return f"Base64 encoded length is expected a multiple of 4 bytes but found: {count}"
    return _BAD_END


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
