"""Point-in-time recovery: what every change took away, for as long as it may be asked back.

While it is on, each change of an item writes the image it replaced beside its time, in the same
group. A table as it was at some moment is a snapshot of now with everything since taken back,
the newest first (restores.py). Times here are microseconds of the region's clock, and each is later
than the one before, wherever the clock goes.

Decided: the recovery period and the five minutes by which the latest restorable time lags shrink
with the world's speed. Images older than the period go within a minute.
"""

import msgspec

from antipodes.regional.dynamodb import rows
from antipodes.regional.dynamodb.features import Recovery
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.rows import HEAD_BYTES
from antipodes.regional.dynamodb.tables import Change
from antipodes.service.contract import Host

DAYS_MAX = 35
DAY_S = 86_400.0
LAG_S = 300.0
TIME_MAX = (1 << 64) - 1
_IMAGES = b"u"
_encode = msgspec.msgpack.encode


class Image(msgspec.Struct, frozen=True, array_like=True):
    """What was at a place in a table before a change; None: nothing."""

    place: bytes
    body: bytes | None


_decode = msgspec.msgpack.Decoder(Image).decode


class Recoveries:
    """The older images of one region's tables."""

    def __init__(self, host: Host) -> None:
        self._store = host.store
        self._runtime = host.runtime
        self._last: dict[bytes, int] = {}
        host.store.on_rollback(self._last.clear)

    def note(self, change: Change) -> None:
        """Keep the image that a change takes away."""
        table = change.table
        if table.recovery.days:
            at = max(int(self._runtime.wall() * 1e6), self.newest(table.identity) + 1)
            self._last[table.identity] = at
            image = Image(change.row_key[HEAD_BYTES:], change.old)
            self._store.put(_key(table.identity, at), _encode(image))

    def newest(self, identity: bytes) -> int:
        """When a table's newest image was taken away."""
        last = self._last.get(identity)
        if last is None:
            prefix = _IMAGES + identity
            found = self._store.scan(prefix, rows.after(prefix), limit=1, reverse=True)
            last = self._last[identity] = _time(found[0][0]) if found else 0
        return last

    def images(self, identity: bytes, after: int, upto: int, limit: int) -> list[tuple[int, Image]]:
        """What was taken away after a moment and up to another, the newest first."""
        found = self._store.scan(
            _key(identity, after + 1), _key(identity, upto + 1), limit=limit, reverse=True
        )
        return [(_time(key), _decode(value)) for key, value in found]

    def window(self, table: Table) -> tuple[float, float]:
        """The earliest and the latest moment that a table can be restored to, in Unix seconds."""
        now, recovery = self._runtime.wall(), table.recovery
        period_s = self._runtime.interval(recovery.days * DAY_S)
        earliest = max(recovery.since, now - period_s)
        return earliest, max(recovery.since, now - self._runtime.interval(LAG_S))

    def switched(self, table: Table, days: int) -> Recovery:
        """What a table's recovery becomes; nothing is lost if it was on and stays on."""
        if not days:
            return Recovery()
        since = table.recovery.since if table.recovery.days else self._runtime.wall()
        return Recovery(days, since)

    def trim(self, tables: dict[bytes, Table], needed: dict[bytes, None], limit: int = 500) -> bool:
        """Remove some images that nobody can ask back any more; whether any were.

        `tables` are those that there are, by identity; `needed` those of which a restore goes on.
        """
        start, stop = _IMAGES, rows.after(_IMAGES)
        while found := self._store.scan(start, stop, limit=1):
            head = found[0][0][:HEAD_BYTES]
            start = rows.after(head)
            identity = head[1:]
            if identity in needed:
                continue
            table = tables.get(identity)
            end = start
            if table is not None and table.recovery.days:
                end = _key(identity, int(self.window(table)[0] * 1e6))
            old = self._store.scan(head, end, limit=limit)
            for key, _ in old:
                self._store.delete(key)
            if old:
                return True
        return False


def _key(identity: bytes, at: int) -> bytes:
    return _IMAGES + identity + min(at, TIME_MAX).to_bytes(8, "big")


def _time(key: bytes) -> int:
    return int.from_bytes(key[HEAD_BYTES:], "big")
