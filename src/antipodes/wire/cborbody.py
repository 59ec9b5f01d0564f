"""CBOR bodies, of Smithy's RPC v2: blobs are bytes, timestamps are tag 1, names are the model's.

Whatever other tags make of their values is refused by its type, since no shape has such types.
"""

from operator import attrgetter
from typing import Any

import cbor2

from antipodes.wire import scalars, trees
from antipodes.wire.errors import Malformed
from antipodes.wire.models import Member

_EPOCH_TAG = 1


def decode(member: Member, body: bytes) -> Any:
    """Read a body as a value of that member; an empty body is an empty structure."""
    if not body:
        return {}
    try:
        value = cbor2.loads(body)
        return trees.read(DIALECT, member, value)
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Malformed("The body is not CBOR as Smithy writes it") from error


def encode(member: Member, value: Any) -> bytes:
    """Write a value of that member as a body."""
    return write(trees.write(DIALECT, member, value))


def write(tree: Any) -> bytes:
    """Write a tree that is CBOR's already."""
    return cbor2.dumps(tree)


def _read_blob(member: Member, value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise trees.mismatch(member, value)
    return value


def _write_blob(_member: Member, value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def _read_timestamp(member: Member, value: Any) -> float:
    if hasattr(value, "tzinfo"):  # cbor2 made a datetime of tag 1
        return scalars.unix_seconds(value)
    return trees.timestamp(member, value)


def _write_timestamp(_member: Member, value: Any) -> Any:
    return cbor2.CBORTag(_EPOCH_TAG, scalars.number(scalars.unix_seconds(value)))


def _write_real(_member: Member, value: Any) -> float:
    return float(value)


DIALECT = trees.Dialect(
    name=attrgetter("name"),
    read={
        "string": trees.text,
        "integer": trees.integer,
        "long": trees.integer,
        "float": trees.real,
        "double": trees.real,
        "boolean": trees.boolean,
        "timestamp": _read_timestamp,
        "blob": _read_blob,
    },
    write={
        "timestamp": _write_timestamp,
        "blob": _write_blob,
        "float": _write_real,
        "double": _write_real,
    },
)
