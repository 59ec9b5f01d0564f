"""Copies: items brought from another region's replica where its log does not bring them.

A copy is a record with a cursor, so it goes on after a restart of either side. It asks the source
for pages over the follower's connection, short reads of what is committed there, never a snapshot
held open. Pages and log entries may come in any order and twice: the greater version wins. Pages
carry tombstones too, so what was deleted meanwhile stays deleted.

A region whose disk went back to what it was earlier may have items that were deleted everywhere so
long ago that no tombstone is left. A page says up to which version tombstones are gone at its
source. An item older than that, which one side has and the other has no trace of, was deleted: it
is not taken, or dropped.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from antipodes.regional.dynamodb import rows
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.tables import TableStore
from antipodes.replication.follower import Follower
from antipodes.replication.logserver import Refused
from antipodes.replication.versions import Version
from antipodes.runtime.contract import DiskFull, Gone, TimedOut
from antipodes.service.contract import Host
from antipodes.service.records import Records

ROWS_MIN, ROWS_FIRST, ROWS_MAX = 8, 64, 500
PAGE_BYTES_MAX = 1 << 20
RETRY_S = 1.0


class Copy(msgspec.Struct, frozen=True):
    """Items still to be copied from another region's replica; `after` is its row key.

    Without a table: the groups that the source knows are to be learned, and its tables copied.
    """

    account: str
    table: str
    source: str
    identity: bytes
    after: bytes = b""
    makes_active: bool = False

    @property
    def name(self) -> str:
        """The copy's name among the records of its account."""
        return f"{self.table}/{self.source}"


def _own(key: bytes, table: Table) -> bytes:
    """The row key that another replica's row has in a table of this region."""
    return rows.table_range(table.identity)[0] + key[rows.HEAD_BYTES :]


class Copies:
    """The copies that are under way to this region, and the pages it gives to others."""

    def __init__(  # noqa: PLR0913 - whose copies, and what they lead to
        self,
        host: Host,
        tables: Records[Table],
        items: TableStore,
        *,
        completed: Callable[[Table], None],
        learn_groups: Callable[[str, list[Any]], None],
        held_up: Callable[[Copy], bool],
    ) -> None:
        """`completed` is called with a table whose first copy is there.

        `held_up` says whether a copy has to wait, until `look_again` is called.
        """
        self._host = host
        self._runtime = host.runtime
        self._tables = tables
        self._items = items
        self._completed = completed
        self._learn_groups = learn_groups
        self._held_up = held_up
        self._records = Records(host.store, "dynamodb/copy", Copy)
        self._running: dict[tuple[str, str], None] = {}
        self._followers: dict[str, Follower] = {}
        # Followers elsewhere may ask as soon as the host's door is open.
        host.changes.serve("dynamodb/page", self._serve)

    def start(self, followers: dict[str, Follower]) -> None:
        """Take up what was under way; what comes from a region not in this world has to wait."""
        self._followers = followers
        self.look_again()

    def look_again(self) -> None:
        """Go on with every copy that can."""
        for _, _, copy in list(self._records.all()):
            self._start(copy)

    @property
    def any(self) -> bool:
        """Whether something is still to be copied."""
        return next(self._records.all(), None) is not None

    def has(self, copy: Copy) -> bool:
        """Whether such a copy is under way."""
        return self._records.get(copy.account, copy.name) is not None

    def begin(self, copy: Copy) -> None:
        """Begin a copy, or begin it anew."""
        self._records.put(copy.account, copy.name, copy)
        self._start(copy)

    def call_off(self, table: Table) -> None:
        """Copy no more to a table that is dropped."""
        for copy in self._records.list(table.account):
            if copy.table == table.name:
                self._records.delete(copy.account, copy.name)

    def _start(self, copy: Copy) -> None:
        key = (copy.account, copy.name)
        if key in self._running or self._held_up(copy):
            return
        if copy.source in self._followers:
            self._running[key] = None
            self._runtime.spawn(self._run(copy), f"copy {copy.name}")

    async def _run(self, copy: Copy) -> None:
        """Copy until nothing is left to be copied, however often the way breaks."""
        limit = ROWS_FIRST
        while (found := self._records.get(copy.account, copy.name)) is not None:
            if self._held_up(found):
                break
            try:
                if found.table:
                    limit = await self._copy_page(found, limit)
                else:
                    await self._copy_groups(found)
            except (Gone, TimedOut, DiskFull):
                await self._runtime.sleep(self._runtime.interval(RETRY_S))
        del self._running[copy.account, copy.name]

    async def _copy_groups(self, copy: Copy) -> None:
        told = await self._followers[copy.source].query("dynamodb/groups", None)
        self._records.delete(copy.account, copy.name)
        self._learn_groups(copy.source, told)
        await self._host.store.committed()

    async def _copy_page(self, copy: Copy, limit: int) -> int:
        """Copy a page; return how many rows to ask for next."""
        try:
            page, more, purged = await self._followers[copy.source].query(
                "dynamodb/page", [copy.account, copy.table, copy.after, limit]
            )
        except Refused:  # its table is gone: nothing more to be had there
            page, more, purged = [], False, 0
        if self._records.get(copy.account, copy.name) != copy:
            return limit  # called off, or begun anew, meanwhile
        table = self._tables.get(copy.account, copy.table)
        if table is None or table.identity != copy.identity:
            self._records.delete(copy.account, copy.name)
            return limit
        purged_here = self._items.purged(table)
        for key, key_json, time, region, item_json in page:
            version = Version(time, region)
            if time < purged_here and not self._items.has(_own(key, table)):
                self._runtime.journal.sometimes("dynamodb.deleted-item-not-taken")
                continue
            self._items.clock.observe(version)
            self._items.apply_replicated(table, key_json, version, item_json)
        if purged:
            self._drop_deleted(table, copy, page, more=more, purged=purged)
        if more:
            further = msgspec.structs.replace(copy, after=page[-1][0])
            self._records.put(copy.account, copy.name, further)
        else:
            self._records.delete(copy.account, copy.name)
            if copy.makes_active:
                self._completed(table)
        await self._host.store.committed()  # pages come no faster than they become durable
        return max(ROWS_MIN, min(ROWS_MAX, 2 * len(page)))

    def _drop_deleted(
        self, table: Table, copy: Copy, page: list[Any], *, more: bool, purged: int
    ) -> None:
        """Remove what the source had once and has no more, tombstones gone, among a page's keys."""
        after = _own(copy.after, table) if copy.after else b""
        end = _own(page[-1][0], table) if more else rows.table_range(table.identity)[1]
        there = {_own(row[0], table) for row in page}
        mine = self._items.read_page(table, after, ROWS_MAX)
        while mine:
            for key, key_json, version, item_json in mine:
                if key > end:
                    return
                if key not in there and item_json is not None and version.time < purged:
                    self._runtime.journal.sometimes("dynamodb.deleted-item-dropped")
                    gone = Version(purged, copy.source)
                    self._items.apply_replicated(table, key_json, gone, None)
            mine = self._items.read_page(table, mine[-1][0], ROWS_MAX)

    def _serve(self, asked: list[Any]) -> list[Any]:
        """A page of a table of this region, and whether more follows."""
        account, name, after, limit = asked
        table = self._tables.get(account, name)
        if table is None:
            raise Refused(f"no table {name}")
        start, stop = rows.table_range(table.identity)
        read = self._items.read_page(table, after if start < after < stop else b"", limit)
        page: list[Any] = []
        size = 0
        for row_key, key_json, version, item_json in read:
            page.append([row_key, key_json, version.time, version.region, item_json])
            size += len(key_json) + len(item_json or b"")
            if size >= PAGE_BYTES_MAX:
                break
        more = len(page) < len(read) or len(read) >= limit
        return [page, more, self._items.purged(table)]
