"""Followers of a change log, and the server they follow: how anything crosses regions.

The server stands behind a host's `changes` door and pushes the entries after a follower's position
as they are committed, in parts, with back-pressure; a beat tells that silence means nothing new. A
follower applies a part and moves its position in one group of its own store, so neither a crash of
either side nor a cut link repeats anything or loses anything. Silence for longer than `SILENCE_S`
ends the connection, and the follower tries again for ever.

Messages to the server::

    ["follow", name, identity, after, kinds]    send what comes after; identity: of the log, or ""
    ["ack", position, head]                     durable up to here; the follower's own log's head
    ["query", number, name, payload]

and from it::

    ["welcome", identity, head]
    ["behind", identity, first, head]           what you want is no longer kept: copy, then follow
    ["batch", [[sequence, entry], ...], upto, head]
    ["beat", upto, head]
    ["reply", number, payload]
    ["refused", number, reason]

The server sends beats once a second of the world, and passes over entries of other kinds silently
until the next one. Acknowledgements go out when the position is durable, never before.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from antipodes.replication.changelog import ChangeLog, Entry, Progress
from antipodes.replication.frames import FrameReceiver
from antipodes.runtime.contract import Accepted, Address, Gone, Runtime, Store, TimedOut

DOOR = "changes"
READ_ENTRIES_MAX = 200
PART_BYTES_MAX = 1 << 20
BEAT_S = 1.0
SILENCE_S = 5.0
CONNECT_S_MAX = 10.0
QUERY_S_MAX = 30.0
RETRY_S_MIN, RETRY_S_MAX = 0.05, 1.0
TRIM_S = 10.0
IDENTITY_BITS = 64


class Refused(Exception):
    """The source does not answer that query: raised by who serves it, and by `Follower.query`."""


class Behind(NamedTuple):
    """What a follower missed for good: the entries above `position`, up to and with `head`."""

    source: str
    position: int
    first: int  # the oldest entry that is still kept
    head: int


class _Following(NamedTuple):
    name: str
    after: int
    kinds: tuple[str, ...]


class LogServer:
    """Serves one host's change log to its followers."""

    def __init__(self, runtime: Runtime, changes: ChangeLog, store: Store) -> None:
        self._runtime = runtime
        self._changes = changes
        self._store = store
        self._identity = ""
        self._following: dict[FrameReceiver, _Following] = {}
        self._wakes: dict[FrameReceiver, Callable[[], None]] = {}
        changes.stamp_with(runtime.wall)

    async def start(self) -> None:
        """Open the door, and begin to forget what all followers have passed."""
        chance = self._runtime.chance("changes/identity")
        self._identity = self._changes.identity(
            lambda: f"{int(self._runtime.wall() * 1e6):x}-{chance.getrandbits(IDENTITY_BITS):016x}"
        )
        self._store.on_append(lambda _: self._wake_all())
        await self._store.committed()
        await self._runtime.listen(Address(self._runtime.place, DOOR), self._accept)
        self._runtime.spawn(self._trim(), "trim the change log")

    def serve(self, name: str, answer: Callable[[Any], Any]) -> None:
        """Answer queries of that name; `answer` may raise Refused."""
        self._changes.serve(name, answer)

    def connected(self) -> list[str]:
        """The names of the followers that are connected, `place/name`, sorted."""
        return sorted(f"{c.peer}/{f.name}" for c, f in self._following.items())

    def _accept(self, accepted: Accepted) -> FrameReceiver:
        return FrameReceiver(
            self._runtime, self._take, self._ended, peer=accepted.peer_place, lockstep=True
        )

    def _ended(self, connection: FrameReceiver) -> None:
        self._following.pop(connection, None)
        if (wake := self._wakes.get(connection)) is not None:
            wake()

    def _wake_all(self) -> None:
        for wake in list(self._wakes.values()):
            wake()

    async def _trim(self) -> None:
        while True:
            await self._runtime.sleep(self._runtime.interval(TRIM_S))
            while self._changes.trim():
                await self._store.committed()

    def _take(self, connection: FrameReceiver, message: Any) -> bool:
        match message:
            case ["follow", str(name), str(identity), int(after), list(kinds)]:
                self._follow(connection, identity, _Following(name, after, tuple(kinds)))
            case ["ack", int(position), int(head)]:
                if (following := self._following.get(connection)) is None:
                    return False
                self._changes.note(_full(connection, following), Progress(position, head))
            case ["query", int(number), str(name), payload]:
                self._answer(connection, number, name, payload)
            case _:
                return False
        return True

    def _answer(self, connection: FrameReceiver, number: int, name: str, payload: Any) -> None:
        answer = self._changes.answers.get(name)
        reply = ["refused", number, f"no query {name}"]
        if answer is not None:
            try:
                reply = ["reply", number, answer(payload)]
            except Refused as refused:
                reply = ["refused", number, str(refused)]
        # What was read may be in the open group: it must not leave before it is durable.
        self._store.on_commit(lambda: connection.send(reply))

    def _follow(self, connection: FrameReceiver, identity: str, following: _Following) -> None:
        for other, present in list(self._following.items()):
            # The follower has come back while its old connection hangs in a cut.
            if present.name == following.name and other.peer == connection.peer:
                del self._following[other]
                if other is not connection:
                    other.close()
        changes = self._changes
        strange = following.after > 0 and identity != self._identity
        if strange or not changes.first - 1 <= following.after <= changes.head:
            connection.send(["behind", self._identity, changes.first, changes.head])
            return
        self._following[connection] = following
        connection.send(["welcome", self._identity, changes.head])
        full = _full(connection, following)
        changes.note(full, Progress(following.after, changes.followers.get(full, (0, 0))[1]))
        self._runtime.spawn(self._push(connection, following), f"push to {full}")

    async def _push(self, connection: FrameReceiver, following: _Following) -> None:
        changes, after = self._changes, following.after
        beat_s = self._runtime.interval(BEAT_S)
        try:
            while self._following.get(connection) is following:
                if changes.head <= after:
                    if not await self._woken(connection, beat_s):
                        connection.send(["beat", after, changes.head])
                        self._drop_if_silent(connection)
                    continue
                entries, upto = changes.read_raw(after, READ_ENTRIES_MAX, following.kinds)
                for part, last in _parts(entries, upto):
                    connection.send(["batch", part, last, changes.head])
                    await connection.writable()
                if not entries:  # others' entries, perhaps very many
                    await self._runtime.sleep(0)
                after = upto
        finally:
            self._wakes.pop(connection, None)

    async def _woken(self, connection: FrameReceiver, within_s: float) -> bool:
        """Wait for an append or the end of the connection; whether one came in time."""
        woken = self._runtime.future()

        def wake(*, in_time: bool = True) -> None:
            if not woken.done():
                woken.set_result(in_time)

        self._wakes[connection] = wake
        timer = self._runtime.later(within_s, lambda: wake(in_time=False))
        try:
            return bool(await woken)
        finally:
            timer.cancel()

    def _drop_if_silent(self, connection: FrameReceiver) -> None:
        if self._runtime.now() - connection.heard_at > 2 * self._runtime.deadline(SILENCE_S):
            connection.close()


def _full(connection: FrameReceiver, following: _Following) -> str:
    return f"{connection.peer}/{following.name}"


def _parts(
    entries: list[tuple[int, bytes]], upto: int
) -> Iterator[tuple[list[tuple[int, msgspec.Raw]], int]]:
    """Split entries into frames of a bounded size, each with the position after it."""
    part: list[tuple[int, msgspec.Raw]] = []
    size = 0
    for sequence, data in entries:
        if part and size + len(data) > PART_BYTES_MAX:
            yield part, part[-1][0]
            part, size = [], 0
        part.append((sequence, msgspec.Raw(data)))
        size += len(data)
    if part:
        yield part, upto


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
        stored = store.get(self._key)
        self._identity, self.position = (
            msgspec.msgpack.decode(stored, type=tuple[str, int]) if stored else ("", 0)
        )
        self.source_head = self.position
        self.connected = False
        self._connection: FrameReceiver | None = None
        self._woken = runtime.future()
        self._current_at = runtime.now()
        self._query_next = 0
        self._replies: dict[int, Any] = {}

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
            if self.connected:
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
        self._store.on_commit(lambda: connection.send(asked))

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
                reply.set_exception(Gone(f"the connection to {self.source} ended"))

    def _take(self, connection: FrameReceiver, message: Any) -> bool:
        if connection is not self._connection:
            return False  # it was given up, and its bytes come late
        match message:
            case ["batch", list(plain), int(upto), int(head)]:
                self._absorb([Entry(s, *fields) for s, fields in plain], upto)
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
        self._store.on_commit(lambda: connection.send(["ack", position, self._store.head]))

    def _absorb(self, entries: list[Entry], upto: int) -> None:
        """Apply what is new, and move on, in one group."""
        if upto <= self.position:
            return
        fresh = [entry for entry in entries if entry.sequence > self.position]
        if fresh:
            self._apply(fresh)
        self._move(upto)

    def _move(self, position: int) -> None:
        self.position = position
        self._store.put(self._key, msgspec.msgpack.encode((self._identity, position)))

    def _fall_behind(self, connection: FrameReceiver, identity: str, first: int, head: int) -> None:
        missed = Behind(self.source, self.position, first, head)
        self._runtime.journal.record(
            "replication.behind", place=self._runtime.place, **missed._asdict()
        )
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
