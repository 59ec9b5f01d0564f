"""Taking what other regions' logs bring: now, or held until it counts (held.py).

This is where replicated writes are as fast as local ones or not. A part of a log is taken whole, in
the group in which the follower's position moves. An item's entry carries what its writer knew
already (its size), and what is the same for all entries of a part is looked up once.
"""

from collections.abc import Callable
from typing import Any, Protocol

from antipodes.regional.dynamodb.held import Held, Piece
from antipodes.regional.dynamodb.marks import MARK_KIND
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.pauses import Pauses
from antipodes.regional.dynamodb.tables import ITEM_KIND, TableStore
from antipodes.replication.changelog import Entry
from antipodes.replication.delays import Delays, Lane
from antipodes.replication.lags import Lags, Whose
from antipodes.replication.versions import Version
from antipodes.service.contract import Host

Takes = Callable[[str, str, str], tuple[Table, Version] | None]


class Hear(Protocol):
    """Takes what is no item."""

    def __call__(self, source: str, kind: str, payload: Any, *, complete: bool) -> None: ...


class Tables(Protocol):
    """What is needed of the service."""

    host: Host
    items: TableStore


class Taking:
    """Takes the entries of other regions' logs."""

    def __init__(self, service: Tables, pauses: Pauses, hear: Hear, takes: Takes) -> None:
        """`takes(account, table, source)`: which table takes its items, above which version."""
        host = service.host
        self._items = service.items
        self._pauses = pauses
        self._hear = hear
        self._takes = takes
        self._runtime = host.runtime
        self.lags = Lags()
        self._sometimes = host.runtime.journal.sometimes
        self._delays = Delays(
            host.settings.replication_delay,
            host.runtime.now,
            host.runtime.chance("dynamodb/replication delay"),
        )
        self.held = Held(host, self._delays, self, pauses.holds)

    def apply(self, source: str, entries: list[Entry]) -> None:
        """Take a part of another region's log."""
        if self._delays.any or self._pauses.any or self.held.any:
            self._hold_or_take(source, entries)
            return
        run: list[Entry] = []
        for entry in entries:
            if entry.kind == ITEM_KIND:
                run.append(entry)
                continue
            self._take_run(source, run)
            run = []
            self._hear(source, entry.kind, entry.payload, complete=True)
        self._take_run(source, run)

    def _take_run(self, source: str, run: list[Entry]) -> None:
        if run:
            payloads = [entry.payload for entry in run]
            self._take_items(source, payloads, run[0].written, run[-1].written)

    def _hold_or_take(self, source: str, entries: list[Entry]) -> None:
        pieces: dict[Lane, Piece] = {}
        for entry in entries:
            if entry.kind == ITEM_KIND:
                account, name, key_json, *_ = entry.payload
                lane = self._delays.lane(source, account, name, key_json)
                if lane not in pieces:
                    written = entry.written
                    pieces[lane] = Piece(source, entry.sequence, account, name, written, [])
                pieces[lane].payloads.append(entry.payload)
            elif entry.kind == MARK_KIND:
                self._hold_or_take_all(pieces)
                self.held.hear(source, entry.sequence, entry.payload)
            else:
                # At once: what is held is judged by the group when it counts.
                self._hear(source, entry.kind, entry.payload, complete=True)
        self._hold_or_take_all(pieces)

    def _hold_or_take_all(self, pieces: dict[Lane, Piece]) -> None:
        for lane, piece in pieces.items():
            if not self.held.hold(lane, piece):
                self.take(piece)
        pieces.clear()

    def take(self, piece: Piece) -> None:
        """Take items that count now."""
        self._take_items(piece.source, piece.payloads, piece.written, piece.written)

    def hear(self, source: str, times: dict[str, int], *, complete: bool) -> None:
        """Take a mark that counts now."""
        self._hear(source, MARK_KIND, times, complete=complete)

    def _take_items(
        self, source: str, payloads: list[list[Any]], oldest: float, newest: float
    ) -> None:
        """Take items that were written between two times of the runtime's clock."""
        known: dict[tuple[str, str], tuple[Table, Version] | None] = {}
        counts: dict[tuple[str, str], int] = {}
        latest = Version(0, "")
        older = earlier = False
        apply = self._items.apply_replicated
        for account, name, key_json, time, region, item_json, size in payloads:
            whose = (account, name)
            if whose not in known:
                known[whose] = self._takes(account, name, source)
            takes = known[whose]
            version = Version(time, region)
            latest = max(latest, version)
            if takes is None:
                continue
            counts[whose] = counts.get(whose, 0) + 1
            # What is older than the group belongs to an earlier table of that name.
            if version <= takes[1]:
                earlier = True
            elif not apply(takes[0], key_json, version, item_json, size):
                older = True
        self._items.clock.observe(latest)
        now = self._runtime.now()
        for (account, name), count in counts.items():
            self.lags.note(Whose(source, account, name), count, now - oldest, now - newest)
        if older:
            self._sometimes("dynamodb.older-version-ignored")
        if earlier:
            self._sometimes("dynamodb.item-of-an-earlier-table")
