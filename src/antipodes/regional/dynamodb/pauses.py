"""Pauses of a table's replication: into and out of one region, while all else goes on.

The region where a pause is asked for says so in its log, for how long, and when it ends. From there
on it holds what other regions' logs bring for the table (held.py), and they hold what its own log
brings; between the others nothing changes. What was held is taken when the pause ends; the greater
version wins then as ever, so it does not matter that newer writes came first. A copy of the table
that is under way (copies.py) waits, too.

A pause ends by itself in every region, also where the word of its end never arrives: the region
that asked for it may be lost meanwhile. Whoever asks names the pause, so that pauses of one table
may overlap and each can be ended without the others.

Modelled on the action `aws:dynamodb:global-table-pause-replication` of AWS FIS and on "Testing
global tables" (Developer Guide), which ends a pause by a date in a policy.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from antipodes.runtime.contract import RuntimeFailure
from antipodes.service.contract import Host
from antipodes.service.records import Records

PAUSE_KIND = "dynamodb/pause"
RETRY_S = 1.0


class Pause(msgspec.Struct, frozen=True):
    """A pause as one region knows it; `region` is where it was asked for."""

    account: str
    table: str
    region: str
    name: str
    until: float  # Unix seconds

    @property
    def key(self) -> str:
        """The pause's name among the records of its account."""
        return f"{self.table}/{self.region}/{self.name}"


class Pauses:
    """The pauses that one region knows of."""

    def __init__(self, host: Host, ended: Callable[[], None]) -> None:
        """`ended` is called when one is over."""
        self._host = host
        self._runtime = host.runtime
        self._ended = ended
        self._records = Records(host.store, "dynamodb/pause", Pause)
        self.any = False  # the quick question

    def start(self) -> None:
        """Take up what was paused before a restart."""
        for _, _, pause in list(self._records.all()):
            self._end_later(pause)
        self._look()
        self._host.store.on_rollback(self._look)

    # What is asked for here.

    def pause(self, account: str, table: str, name: str, seconds: float) -> None:
        """Pause a table's replication into and out of this region, for so long at most."""
        self._keep(Pause(account, table, self._host.place, name, self._runtime.wall() + seconds))
        self._host.changes.append(PAUSE_KIND, [account, table, name, seconds])

    def resume(self, account: str, table: str, name: str) -> None:
        """End a pause that was asked for here; nothing if there is none."""
        pause = self._records.get(account, f"{table}/{self._host.place}/{name}")
        if pause is not None:
            self._host.changes.append(PAUSE_KIND, [account, table, name, 0.0])
            self._end(pause)

    def tables(self, source: str) -> list[str]:
        """The tables that are not taken from a source now, sorted."""
        regions = (source, self._host.place)
        return sorted({p.table for _, _, p in self._records.all() if p.region in regions})

    def touch(self, account: str, table: str) -> bool:
        """Whether a table's replication is paused, wherever that was asked for."""
        return self.any and any(pause.table == table for pause in self._records.list(account))

    # What the logs bring.

    def hear(self, source: str, payload: list[Any]) -> None:
        """Take another region's word on a pause of its own."""
        account, table, name, seconds = payload
        pause = Pause(account, table, source, name, self._runtime.wall() + seconds)
        if seconds > 0:
            self._keep(pause)
        else:
            self._end(pause)

    def holds(self, account: str, table: str, source: str) -> bool:
        """Whether what comes from a source for a table has to be held."""
        return self.any and self._has(account, table, (source, self._host.place))

    # The end of a pause.

    def _has(self, account: str, table: str, regions: tuple[str, ...]) -> bool:
        return any(
            pause.table == table and pause.region in regions
            for pause in self._records.list(account)
        )

    def _keep(self, pause: Pause) -> None:
        self._records.put(pause.account, pause.key, pause)
        self.any = True
        self._end_later(pause)

    def _end_later(self, pause: Pause) -> None:
        self._runtime.spawn(self._end_overdue(pause), f"end the pause {pause.key}")

    async def _end_overdue(self, pause: Pause) -> None:
        """End a pause when its time has come, unless it ended or was asked for anew meanwhile."""
        await self._runtime.sleep(max(0.0, pause.until - self._runtime.wall()))
        while self._records.get(pause.account, pause.key) == pause:
            try:
                self._end(pause)
                await self._host.store.committed()
            except RuntimeFailure:  # a full disk
                await self._runtime.sleep(self._runtime.interval(RETRY_S))

    def _end(self, pause: Pause) -> None:
        self._records.delete(pause.account, pause.key)
        self._look()
        self._ended()

    def _look(self) -> None:
        self.any = next(self._records.all(), None) is not None
