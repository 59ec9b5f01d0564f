"""Counts: how many items a table or an index holds, and their size, without looking through it.

Of tables with local indexes each collection of items is counted, too.

They are kept in memory and written once for each group of the store that changed them, just before
it is committed, however many items the group changes. So they are in agreement with the rows
whatever happens to the host, and a put pays two additions. A group that is rolled back takes its
counts with it: they are read again.
"""

from typing import NamedTuple

from antipodes.regional.dynamodb.rows import after
from antipodes.runtime.contract import Store

KNOWN_MAX = 10_000
_PREFIX = b"n"
ITEM_OVERHEAD_BYTES = 100  # "Capacity unit consumption": storage, per item
REPLICA_OVERHEAD_BYTES = 48  # the same, more in a global table


class Count(NamedTuple):
    """Items, and the sum of their sizes."""

    items: int
    size: int

    def storage(self, *, replicated: bool = False) -> int:
        """What they take up, as DescribeTable reckons it."""
        each = ITEM_OVERHEAD_BYTES + (REPLICA_OVERHEAD_BYTES if replicated else 0)
        return self.size + each * self.items


class Counts:
    """The counts of one store's tables and indexes, by their identities."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[bytes, list[int]] = {}
        self._changed: dict[bytes, list[int]] = {}
        store.on_rollback(self._forget)

    def get(self, identity: bytes) -> Count:
        """What is there now, the open group included."""
        return Count(*(self._known.get(identity) or self._read(identity)))

    def add(self, identity: bytes, items: int, size: int) -> None:
        """Note that so many items of so much size came (or went)."""
        known = self._known.get(identity) or self._read(identity)
        if not self._changed:
            self._store.before_commit(self._write)
        self._changed[identity] = known
        known[0] += items
        known[1] += size

    def drop(self, identity: bytes) -> None:
        """Forget a table or index that is no more."""
        for known in (self._known, self._changed):
            for name in [name for name in known if name.startswith(identity)]:
                del known[name]
        self._store.delete(_PREFIX + identity)

    def range_of(self, identity: bytes) -> tuple[bytes, bytes]:
        """Where the counts of a table's collections are kept, and its own."""
        start = _PREFIX + identity
        return start, after(start)

    def _read(self, identity: bytes) -> list[int]:
        value = self._store.get(_PREFIX + identity) or bytes(16)
        known = [int.from_bytes(value[:8], "big"), int.from_bytes(value[8:], "big")]
        self._known[identity] = known
        return known

    def _write(self) -> None:
        changed, self._changed = self._changed, {}
        for identity, (items, size) in changed.items():
            key, value = _PREFIX + identity, items.to_bytes(8, "big") + size.to_bytes(8, "big")
            if items:
                self._store.put(key, value)
            else:
                self._store.delete(key)
        if len(self._known) > KNOWN_MAX:
            self._known.clear()

    def _forget(self) -> None:
        self._known.clear()
        self._changed.clear()
