"""Rows: where an item lies in the store, and what lies beside it.

Key: `d`, the table's id, a 16-byte hash of the partition key, the sort key in bytes that sort.
LMDB's keys end at 511 bytes and sort keys at 1,024, so items whose sort keys agree in the first
SORT_BYTES and go on share one row, a bucket of (rest of the sort key, value) in order.

Value: a flag (item or tombstone), the version (time, region), the item's size as DynamoDB reckons
it, and the item's wire JSON, or for a tombstone its key's. An item is answered by slicing its
bytes, and pages and counts are reckoned without looking into it.
"""

import hashlib
import struct
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from antipodes.replication.versions import Version
from antipodes.runtime.contract import Store

SORT_BYTES = 470
_ID_BYTES = 8
_HASH_BYTES = 16
_PREFIX = b"d"
HEAD_BYTES = 1 + _ID_BYTES
_BUCKET = b"\x01"
ITEM, TOMBSTONE = 0, 1
VALUE_HEAD_BYTES = 14  # flag, length of the region's name, time, size
SCAN_ROWS = 256
_SCAN_BYTES = 1 << 20
_KEY_BYTES = HEAD_BYTES + _HASH_BYTES + SORT_BYTES

_pack_head = struct.Struct("!BBQI").pack
_encode = msgspec.msgpack.encode
_decode_bucket = msgspec.msgpack.Decoder(list[tuple[bytes, bytes]]).decode


class Row(NamedTuple):
    """An item or tombstone as stored. `key` is the full key, rest of the sort key included."""

    key: bytes
    tombstone: bool
    version: Version
    body: bytes
    size: int = 0


def table_id(account: str, table: str, created: float) -> bytes:
    """An id that no other table, earlier ones of the same name included, has."""
    text = f"{account}/{table}/{created!r}".encode()
    return hashlib.blake2b(text, digest_size=_ID_BYTES).digest()


def partition_prefix(identity: bytes, partition: bytes) -> bytes:
    """What the keys of a partition begin with."""
    return _PREFIX + identity + hashlib.blake2b(partition, digest_size=_HASH_BYTES).digest()


def collection_of(row_key: bytes) -> bytes:
    """The identity, for counting, of the collection that a table's row belongs to."""
    return row_key[1 : HEAD_BYTES + _HASH_BYTES]


def table_range(identity: bytes) -> tuple[bytes, bytes]:
    """The range of all rows of a table."""
    start = _PREFIX + identity
    return start, after(start)


def segment_range(identity: bytes, segment: int, total: int) -> tuple[bytes, bytes]:
    """The range of one segment of a parallel scan: an equal share of the hashes."""
    start, stop = table_range(identity)
    space = 1 << 32
    low, high = space * segment // total, space * (segment + 1) // total
    end = stop if segment == total - 1 else start + high.to_bytes(4, "big")
    return (start + low.to_bytes(4, "big") if segment else start), end


def after(prefix: bytes) -> bytes:
    """The least bytes above everything that begins with a prefix."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes([trimmed[-1] + 1])


def pack_value(version: Version, body: bytes, size: int) -> bytes:
    """The value of a row with an item of some size."""
    region = version.region.encode()
    return b"".join((_pack_head(ITEM, len(region), version.time, size), region, body))


def pack_tombstone(version: Version, key_json: bytes) -> bytes:
    """The value of a row whose item was deleted."""
    region = version.region.encode()
    return b"".join((_pack_head(TOMBSTONE, len(region), version.time, 0), region, key_json))


def body_of(value: bytes) -> bytes | None:
    """The item's JSON of a row's value; None for a tombstone."""
    return None if value[0] else value[VALUE_HEAD_BYTES + value[1] :]


def size_of(value: bytes) -> int:
    """The size of the item of a row's value; 0 for a tombstone."""
    return int.from_bytes(value[10:VALUE_HEAD_BYTES], "big")


def time_of(value: bytes) -> int:
    """The time of the version of a row's value."""
    return int.from_bytes(value[2:10], "big")


def version_of(value: bytes) -> Version:
    """The version of a row's value."""
    region = value[VALUE_HEAD_BYTES : VALUE_HEAD_BYTES + value[1]]
    return Version(int.from_bytes(value[2:10], "big"), region.decode())


def unpack(key: bytes, value: bytes) -> Row:
    """A row from its full key and value."""
    body = value[VALUE_HEAD_BYTES + value[1] :]
    return Row(key, bool(value[0]), version_of(value), body, size_of(value))


def _split(key: bytes) -> tuple[bytes, bytes | None]:
    """The stored key of a full key, and the rest where it lies in a bucket."""
    if len(key) <= _KEY_BYTES:
        return key, None
    return key[:_KEY_BYTES] + _BUCKET, key[_KEY_BYTES:]


class Rows:
    """Reads and writes rows of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, key: bytes) -> bytes | None:
        """A row's value, tombstones included."""
        if len(key) <= _KEY_BYTES:
            return self._store.get(key)
        stored, rest = _split(key)
        value = self._store.get(stored)
        if value is None:
            return None
        return next((v for r, v in _decode_bucket(value) if r == rest), None)

    def put(self, key: bytes, value: bytes) -> None:
        """Create or replace a row."""
        if len(key) <= _KEY_BYTES:
            self._store.put(key, value)
            return
        stored, rest = _split(key)
        present = self._store.get(stored)
        kept = [] if present is None else [e for e in _decode_bucket(present) if e[0] != rest]
        self._store.put(stored, _encode(sorted([*kept, (rest, value)])))

    def delete(self, key: bytes) -> None:
        """Remove a row."""
        stored, rest = _split(key)
        if rest is None:
            self._store.delete(stored)
            return
        present = self._store.get(stored)
        kept = [] if present is None else [e for e in _decode_bucket(present) if e[0] != rest]
        if kept:
            self._store.put(stored, _encode(kept))
        else:
            self._store.delete(stored)

    def scan(
        self, start: bytes, stop: bytes, *, reverse: bool = False, first: int = SCAN_ROWS
    ) -> Iterator[list[tuple[bytes, bytes]]]:
        """Go through the rows of a range, tombstones included, some at a time.

        They come as (full key, value); `first` is how many are wanted first. What follows comes in
        parts of about a megabyte, however large the values are.
        """
        low, high = _split(start)[0][: len(start)], stop
        if len(high) > _KEY_BYTES:
            high = after(high[:_KEY_BYTES])
        wanted = min(first, SCAN_ROWS)
        while low < high:
            page = self._store.scan(low, high, limit=wanted, reverse=reverse)
            if page:
                if reverse:
                    high = page[-1][0]
                else:
                    low = page[-1][0] + b"\x00"
                yield self._expand(page, start, stop, reverse=reverse)
            if len(page) < wanted:
                return
            taken = sum([len(value) for _, value in page])
            wanted = max(1, min(SCAN_ROWS, _SCAN_BYTES * len(page) // (taken + 1)))

    @staticmethod
    def _expand(
        page: list[tuple[bytes, bytes]], start: bytes, stop: bytes, *, reverse: bool
    ) -> list[tuple[bytes, bytes]]:
        """The rows of a page of the store, those in buckets one by one."""
        if max([len(key) for key, _ in page]) <= _KEY_BYTES:
            return page
        found: list[tuple[bytes, bytes]] = []
        for key, value in page:
            if len(key) <= _KEY_BYTES:
                found.append((key, value))
                continue
            entries = _decode_bucket(value)
            full = [(key[:_KEY_BYTES] + rest, inner) for rest, inner in entries]
            inside = [entry for entry in full if start <= entry[0] < stop]
            found.extend(reversed(inside) if reverse else inside)
        return found
