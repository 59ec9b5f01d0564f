"""Followers of a change log: how anything crosses regions.

A follower connects to a log's server (`logserver.py`), applies what it is sent and moves its
position in one group of its own store, so neither a crash of either side nor a cut link repeats
anything or loses anything. Acknowledgements go out when the position is durable, never before; one
that says nothing new is left out most times.
Silence for longer than `SILENCE_S` ends the connection, and the follower tries again for ever.

Where there is no space on the disk, nothing that was taken counts: the follower goes back to the
position that it has stored, and asks again once a second until there is space.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from antipodes.replication.changelog import Entry
from antipodes.replication.frames import FrameReceiver
from antipodes.replication.logserver import BEAT_S, DOOR, SILENCE_S, Refused
from antipodes.runtime.contract import (
    Accepted,
    Address,
    DiskFull,
    Gone,
    Runtime,
    Store,
    TimedOut,
)

CONNECT_S_MAX = 75.0  # as long as anybody's; a link may be slow
QUERY_S_MAX = 30.0
RETRY_S_MIN, RETRY_S_MAX = 0.05, 1.0


class Behind(NamedTuple):
    """What a follower missed for good: the entries above `position`, up to and with `head`."""

    source: str
    position: int
    first: int  # the oldest entry that is still kept
    head: int


def _send(connection: FrameReceiver, message: Any) -> None:
    connection.send(message)


class Follower:
    """Follows another host's change log for ever.

    `apply` takes entries in order and writes to `store`, without waiting: the position moves in the
    same group. `behind` is called the same way when entries are lost to this follower for good; it
    has to note durably that the state must be copied (`query`) before it is worth anything, and the
    follower goes on from the source's head. Without it, the follower goes on from the oldest entry
    that is left, which is right only where newer entries make older ones worthless.
    """

    def __init__(  # noqa: PLR0913 - whose log, into which store, and what to do with it
        self,
        runtime: Runtime,
        store: Store,
        *,
        source: str,
        name: str,
        kinds: tuple[str, ...],
        apply: Callable[[list[Entry]], None],
        behind: Callable[[Behind], None] | None = None,
    ) -> None:
        self._runtime = runtime
        self._store = store
        self.source = source
        self.name = name
        self._kinds = kinds
        self._apply = apply
        self._behind = behind
        self._key = f"changes/followed/{runtime.place}/{source}/{name}".encode()
        self._identity, self.position = self._stored()
        self._without_space = False
        self._sometimes = runtime.journal.sometimes
        store.on_rollback(self._rolled_back)
        self.source_head = self.position
        self.connected = False
        self._connection: FrameReceiver | None = None
        self._woken = runtime.future()
        self._current_at = runtime.now()
        self._told: tuple[FrameReceiver, int, int] | None = None  # acknowledged last, and when
        self._told_at = 0.0
        self._patience_s = runtime.deadline(SILENCE_S) / 2
        self._query_next = 0
        self._replies: dict[int, Any] = {}

    def _stored(self) -> tuple[str, int]:
        """The log that was followed, and how far."""
        stored = self._store.get(self._key)
        return msgspec.msgpack.decode(stored, type=tuple[str, int]) if stored else ("", 0)

    @property
    def pending(self) -> int:
        """Entries that the source was last heard to have, and that are not applied yet."""
        return max(0, self.source_head - self.position)

    @property
    def lag_s(self) -> float:
        """For how long this side has not known itself to be current; 0 while it does.

        In seconds of the runtime's clock, like every measured time; it grows from the last moment
        at which nothing was missing, so it is at least the age of the oldest unapplied entry.
        """
        age = self._runtime.now() - self._current_at
        current = self.connected and not self.pending
        return 0.0 if current and age <= 3 * self._runtime.interval(BEAT_S) else age

    def status(self) -> dict[str, Any]:
        """What there is to say about this way."""
        return {
            "source": self.source,
            "destination": self._runtime.place,
            "name": self.name,
            "connected": self.connected,
            "position": self.position,
            "head": self.source_head,
            "pending": self.pending,
            "lag_s": round(self.lag_s, 3),
        }

    async def run(self) -> None:
        """Connect, follow, and connect again."""
        retry_s = RETRY_S_MIN
        while True:
            try:
                async with self._runtime.timeout(self._runtime.deadline(CONNECT_S_MAX)):
                    await self._connect()
                await self._stay()
            except (Gone, TimedOut):
                pass  # what was missed will be sent again
            if self._without_space:
                self._without_space, retry_s = False, RETRY_S_MAX
            elif self.connected:
                retry_s = RETRY_S_MIN
            self._disconnect()
            await self._runtime.sleep(retry_s)
            retry_s = min(retry_s * 2, RETRY_S_MAX)

    async def _connect(self) -> None:
        def factory(_: Accepted) -> FrameReceiver:
            return FrameReceiver(self._runtime, self._take, self._ended)

        _, receiver = await self._runtime.connect(Address(self.source, DOOR), factory)
        assert isinstance(receiver, FrameReceiver)
        self._connection = receiver
        self._ask_to_follow(receiver)

    def _ask_to_follow(self, connection: FrameReceiver) -> None:
        asked = ["follow", self.name, self._identity, self.position, list(self._kinds)]
        # After "behind", the new position must be durable before the source counts on it.
        self._store.on_commit(lambda: _send(connection, asked), connection.close)

    async def _stay(self) -> None:
        """Return when the connection has ended or is silent."""
        connection = self._connection
        assert connection is not None
        silence_s = self._runtime.deadline(SILENCE_S)
        while connection.open:
            left_s = connection.heard_at + silence_s - self._runtime.now()
            if left_s <= 0:
                self._runtime.journal.record(
                    "replication.silence", source=self.source, destination=self._runtime.place
                )
                self._sometimes("replication.silence")
                return
            woken = self._woken = self._runtime.future()
            timer = self._runtime.later(left_s, self._wake)
            try:
                await woken
            finally:
                timer.cancel()

    def _ended(self, connection: FrameReceiver) -> None:
        if connection is self._connection:
            self._wake()

    def _wake(self) -> None:
        if not self._woken.done():
            self._woken.set_result(None)

    def _disconnect(self) -> None:
        self.connected = False
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        waiting, self._replies = self._replies, {}
        for reply in waiting.values():
            if not reply.done():
                self._sometimes("replication.query-broken-off")
                reply.set_exception(Gone(f"the connection to {self.source} ended"))

    def _take(self, connection: FrameReceiver, message: Any) -> bool:
        if connection is not self._connection:
            return False  # it was given up, and its bytes come late
        try:
            return self._take_one(connection, message)
        except DiskFull:
            self._run_out()
            return False

    def _run_out(self) -> None:
        """There is no space for what came: hang up, and ask for it again later."""
        self._without_space = True
        self._identity, self.position = self._stored()
        self._runtime.journal.record(
            "replication.disk-full", source=self.source, destination=self._runtime.place
        )
        self._sometimes("replication.disk-full")

    def _rolled_back(self) -> None:
        """Something that was written here did not last: if it was ours, take it again."""
        if self._connection is not None and self._stored()[1] != self.position:
            self._run_out()
            self._connection.close()

    def _take_one(self, connection: FrameReceiver, message: Any) -> bool:
        match message:
            case ["batch", list(plain), int(upto), int(head), float(offset)]:
                entries = [Entry(s, k, w, payload, w + offset) for s, (k, w, payload) in plain]
                self._absorb(entries, upto)
                self._heard(connection, head)
            case ["beat", int(upto), int(head)]:
                self._absorb([], upto)
                self._heard(connection, head)
            case ["welcome", str(identity), int(head)]:
                self._identity = identity
                self.connected = True
                self._heard(connection, head)
            case ["behind", str(identity), int(first), int(head)]:
                self._fall_behind(connection, identity, first, head)
            case ["reply" | "refused" as kind, int(number), payload]:
                self._settle(number, payload, refused=kind == "refused")
            case _:
                return False
        return True

    def _heard(self, connection: FrameReceiver, head: int) -> None:
        self.source_head = max(head, self.position)
        if not self.pending:
            self._current_at = self._runtime.now()
        position = self.position
        self._store.on_commit(lambda: self._acknowledge(connection, position))

    def _acknowledge(self, connection: FrameReceiver, position: int) -> None:
        """Tell what is durable here; what was told already, only so often that it is no silence."""
        told = (connection, position, self._store.head)
        now = self._runtime.now()
        if told != self._told or now - self._told_at >= self._patience_s:
            self._told, self._told_at = told, now
            connection.send(["ack", position, told[2]])

    def _absorb(self, entries: list[Entry], upto: int) -> None:
        """Apply what is new, and move on, in one group."""
        if upto <= self.position:
            return
        fresh = [entry for entry in entries if entry.sequence > self.position]
        if fresh:
            self._apply(fresh)
        self._move(upto)

    def _move(self, position: int) -> None:
        self._store.put(self._key, msgspec.msgpack.encode((self._identity, position)))
        self.position = position

    def _fall_behind(self, connection: FrameReceiver, identity: str, first: int, head: int) -> None:
        missed = Behind(self.source, self.position, first, head)
        self._runtime.journal.record(
            "replication.behind", place=self._runtime.place, **missed._asdict()
        )
        self._sometimes("replication.fell-behind")
        self._identity = identity
        if self._behind is None:
            self._move(first - 1)
        else:
            self._behind(missed)
            self._move(head)
        self._ask_to_follow(connection)

    def _settle(self, number: int, payload: Any, *, refused: bool) -> None:
        reply = self._replies.pop(number, None)
        if reply is None or reply.done():
            return
        if refused:
            reply.set_exception(Refused(payload))
        else:
            reply.set_result(payload)

    async def query(self, name: str, payload: Any) -> Any:
        """Ask the source; raises Gone, TimedOut or Refused."""
        connection = self._connection
        if connection is None or not connection.open or not self.connected:
            raise Gone(f"not connected to {self.source}")
        self._query_next += 1
        number = self._query_next
        reply = self._replies[number] = self._runtime.future()
        connection.send(["query", number, name, payload])
        try:
            async with self._runtime.timeout(self._runtime.deadline(QUERY_S_MAX)):
                return await reply
        finally:
            self._replies.pop(number, None)
