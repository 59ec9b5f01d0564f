"""Many items at once: ranges for queries, and the care for what was left half-done.

A range is read strongly by asking one other member what it has of it, and then for each item of
which it has something newer, or something that may not be chosen yet. A value may have to wait
until the one before it has come in its writer's change log; not for ever.
"""

import contextlib
from collections.abc import Callable

from antipodes.regional.dynamodb import rows, strongerrors
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.strong import PENDING_S, Strong
from antipodes.regional.dynamodb.strongregisters import Register
from antipodes.replication.versions import Version
from antipodes.runtime.contract import DiskFull, Runtime, Store, TimedOut
from antipodes.service.contract import ServiceError

LIST_MAX = 1000
AT_ONCE_MAX = 100  # items that are asked for at the same time
ORDER_S_MAX = 2.0  # how long a read waits for what came before
WATCH_S = 5.0
PARKED_S_MAX = 30.0


class StrongCare:
    """Reads of ranges, and the background's work on registers."""

    def __init__(self, runtime: Runtime, store: Store, strong: Strong) -> None:
        self._runtime = runtime
        self._store = store
        self._strong = strong
        self._registers = strong.registers
        self._sometimes = runtime.journal.sometimes

    async def refresh(
        self,
        table: Table,
        low: bytes,
        high: bytes,
        *,
        only: tuple[str, ...] = (),
        in_order_s: float = ORDER_S_MAX,
    ) -> None:
        """Have every item of a range of row keys here as new as it was when this was asked.

        One other member is enough, whichever; or it must be one of `only`. What came before an
        item's newest value is waited for, so that streams tell of it, but no longer than that.
        """
        until = self._strong.until()
        patient_until = self._runtime.now() + self._runtime.deadline(in_order_s)
        start, end = rows.table_range(table.identity)
        assert start <= low <= high <= end, "a range of the table"
        # Row keys differ from member to member in their beginning; the end of all has none.
        after, stop, more = low[len(start) :], high[len(start) :] if high < end else b"", True
        stale: dict[bytes, bytes] = {}
        while more:
            question = ["list", after, stop, LIST_MAX]
            try:
                with self._strong.ask(table, question, until, only) as asked:
                    answer = await asked.answer()
            except TimedOut:
                raise strongerrors.unavailable() from None
            assert answer is not None, "nobody refuses to list"
            listed, more = answer.content
            for suffix, key_json, version, chosen in listed:
                row_key = start + suffix
                if not chosen or self._registers.applied(row_key) < Version(*version):
                    stale[row_key] = key_json
            if more:
                after = listed[-1][0] + b"\x00"
        for register in self._registers.unsettled(table, low, high):
            if register.version > self._registers.applied(register.row_key):
                stale[register.row_key] = register.key_json
        await self._renew_all(table, stale, patient_until)

    async def _renew_all(
        self, table: Table, stale: dict[bytes, bytes], patient_until: float
    ) -> None:
        """Have the newest values of items in their rows."""
        keys = [stale[row_key] for row_key in sorted(stale)]
        failed: list[ServiceError] = []

        async def renew(key_json: bytes) -> None:
            try:
                await self._renew(table, key_json, patient_until)
            except ServiceError as error:
                failed.append(error)

        for first in range(0, len(keys), AT_ONCE_MAX):
            async with self._runtime.nursery() as nursery:
                for key_json in keys[first : first + AT_ONCE_MAX]:
                    nursery.spawn(renew(key_json), "renew an item")
            if failed:
                raise failed[0]
        await self._store.committed()

    async def _renew(self, table: Table, key_json: bytes, patient_until: float) -> None:
        row_key = self._registers.row_key(table, key_json)
        state = await self._strong.read_state(table, key_json, self._strong.until())
        while self._registers.applied(row_key) < state.version:
            if self._runtime.now() >= patient_until:
                self._strong.out_of_order(table, key_json)
                return
            await self._runtime.sleep(PENDING_S)

    async def watch(self, tables: Callable[[], list[Table]]) -> None:
        """Finish for ever what others have left half-done, and what waits for what is lost."""
        seen: dict[bytes, tuple[Version, float]] = {}
        while True:
            self._strong.measure(tables())
            await self._runtime.sleep(self._runtime.interval(WATCH_S))
            before, seen = seen, {}
            for table in tables():
                for register in self._registers.unsettled(table):
                    key = register.row_key
                    if register.version <= self._registers.applied(key):
                        continue
                    known = before.get(key)
                    now = self._runtime.now()
                    if known is None or known[0] != register.version:
                        known = (register.version, now)
                    seen[key] = known
                    age_s = now - known[1]
                    with contextlib.suppress(ServiceError, DiskFull):
                        await self._tend(table, register, age_s)

    async def _tend(self, table: Table, register: Register, age_s: float) -> None:
        if not register.chosen:
            if age_s >= self._runtime.interval(WATCH_S):
                self._sometimes("dynamodb.strong-finished-in-the-background")
                await self._strong.read_state(table, register.key_json, self._strong.until())
        elif age_s >= self._runtime.interval(PARKED_S_MAX):
            self._strong.out_of_order(table, register.key_json)
            await self._store.committed()
