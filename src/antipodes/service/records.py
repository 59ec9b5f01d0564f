"""Control-plane records: typed values in the host's store, keyed by account and name.

Each kind of record is a frozen `msgspec.Struct`; a `Records` table gives it a corner of the store's
keyspace. Reads decode on every call, so nothing is ever out of step with the disk, and a change is
durable before the answer that tells of it leaves the host (the HTTP server sees to that).
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec

from antipodes.runtime.contract import Store

R = TypeVar("R", bound=msgspec.Struct)


class Records(Generic[R]):
    """A table of records of one type: `Records(store, "elbv2/target-group", TargetGroup)`."""

    def __init__(self, store: Store, prefix: str, record_type: type[R]) -> None:
        self._store = store
        self._prefix = prefix.encode() + b"\x00"
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(record_type).decode
        self._changes = 0

    @property
    def state(self) -> tuple[int, int]:
        """Another one after each change of a record: for those who keep what they read."""
        return self._changes, self._store.failures

    def _key(self, account: str, name: str) -> bytes:
        return self._prefix + account.encode() + b"\x00" + name.encode()

    def raw(self, account: str, name: str) -> bytes | None:
        """Return the record's stored bytes, or None: for those who keep what they decoded."""
        return self._store.get(self._key(account, name))

    def decode(self, raw: bytes) -> R:
        """Return the record of stored bytes."""
        return self._decode(raw)

    def get(self, account: str, name: str) -> R | None:
        """Return the record of that name, or None."""
        value = self._store.get(self._key(account, name))
        return None if value is None else self._decode(value)

    def put(self, account: str, name: str, record: R) -> None:
        """Create or replace."""
        self._changes += 1
        self._store.put(self._key(account, name), self._encode(record))

    def delete(self, account: str, name: str) -> None:
        """Remove, if there."""
        self._changes += 1
        self._store.delete(self._key(account, name))

    def named(self, account: str) -> list[tuple[str, R]]:
        """Return the account's records with their names, by name."""
        start = self._prefix + account.encode() + b"\x00"
        found = self._store.scan(start, start[:-1] + b"\x01")
        return [(key[len(start) :].decode(), self._decode(value)) for key, value in found]

    def list(self, account: str) -> list[R]:
        """Return the account's records, by name."""
        start = self._prefix + account.encode() + b"\x00"
        return [self._decode(value) for _, value in self._store.scan(start, start[:-1] + b"\x01")]

    def count(self, account: str) -> int:
        """Return how many records the account has."""
        start = self._prefix + account.encode() + b"\x00"
        return len(self._store.scan(start, start[:-1] + b"\x01"))

    def all(self) -> Iterator[tuple[str, str, R]]:
        """Yield (account, name, record) of every account, in key order."""
        stop = self._prefix[:-1] + b"\x01"
        for key, value in self._store.scan(self._prefix, stop):
            account, name = key[len(self._prefix) :].split(b"\x00", 1)
            yield account.decode(), name.decode(), self._decode(value)
