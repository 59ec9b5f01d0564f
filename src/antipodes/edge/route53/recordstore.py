"""The record sets of every zone in the host's store, in the order in which they are listed.

All record sets of one name are kept together, since they are judged together: a CNAME stands alone,
and the members of a group must agree. A zone's count of record sets is kept beside them.
"""

from collections.abc import Iterable

import msgspec

from antipodes.edge.route53.model import RecordKey, RecordSet
from antipodes.edge.route53.naming import stored
from antipodes.runtime.contract import Store

_RECORDS = b"route53-control/record\x00"
_COUNTS = b"route53-control/record-count\x00"


class RecordStore:
    """Reads and writes record sets, by zone and name."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(tuple[RecordSet, ...]).decode

    def named(self, zone_id: str, name: str) -> tuple[RecordSet, ...]:
        """The record sets of a name, by type and set identifier."""
        raw = self._store.get(self._key(zone_id, name))
        return () if raw is None else self._decode(raw)

    def replace(self, zone_id: str, name: str, records: Iterable[RecordSet]) -> None:
        """Let these be the record sets of a name."""
        ordered = sorted(records, key=lambda record: record.key)
        before = len(self.named(zone_id, name))
        key = self._key(zone_id, name)
        if ordered:
            self._store.put(key, self._encode(ordered))
        elif before:
            self._store.delete(key)
        if len(ordered) != before:
            count = self.count(zone_id) + len(ordered) - before
            self._store.put(_COUNTS + zone_id.encode(), b"%d" % count)

    def count(self, zone_id: str) -> int:
        """How many record sets a zone has."""
        return int(self._store.get(_COUNTS + zone_id.encode()) or b"0")

    def page(
        self, zone_id: str, start: RecordKey | None, limit: int
    ) -> tuple[list[RecordSet], RecordSet | None]:
        """Up to `limit` record sets from a place in the list on, and the one that comes next.

        The place need not be taken: an empty type or set identifier comes before all others.
        """
        low, high = self._bounds(zone_id)
        if start is not None:
            low = self._key(zone_id, start.name)
        found: list[RecordSet] = []
        for _, raw in self._store.scan(low, high, limit=limit + 2):
            for record in self._decode(raw):
                if start is not None and record.name == start.name and record.key < start:
                    continue
                if len(found) == limit:
                    return found, record
                found.append(record)
        return found, None

    def all(self, zone_id: str) -> list[RecordSet]:
        """Every record set of a zone, in the order of the list."""
        rows = self._store.scan(*self._bounds(zone_id))
        return [record for _, raw in rows for record in self._decode(raw)]

    def drop(self, zone_id: str) -> None:
        """Forget a zone."""
        for key, _ in self._store.scan(*self._bounds(zone_id)):
            self._store.delete(key)
        self._store.delete(_COUNTS + zone_id.encode())

    def _key(self, zone_id: str, name: str) -> bytes:
        return _RECORDS + zone_id.encode() + b"\x00" + stored(name)

    def _bounds(self, zone_id: str) -> tuple[bytes, bytes]:
        start = _RECORDS + zone_id.encode()
        return start + b"\x00", start + b"\x01"
