"""The server behind a host's `changes` door: it pushes the host's change log to its followers.

It pushes the entries after a follower's position as they are committed, in parts, with
back-pressure; a beat tells that silence means nothing new. Messages to the server::

    ["follow", name, identity, after, kinds]    send what comes after; identity: of the log, or ""
    ["ack", position, head]                     durable up to here; the follower's own log's head
    ["query", number, name, payload]

and from it::

    ["welcome", identity, head]
    ["behind", identity, first, head]           what you want is no longer kept: copy, then follow
    ["batch", [[sequence, entry], ...], upto, head, offset]     what to add to entries' wall times
    ["beat", upto, head]
    ["reply", number, payload]
    ["refused", number, reason]

The server sends beats once a second of the world, and passes over entries of other kinds silently
until the next one. What it sends is counted (`sent`).
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from antipodes.replication.changelog import ChangeLog, Progress
from antipodes.replication.frames import FrameReceiver
from antipodes.replication.sent import What
from antipodes.runtime.contract import Accepted, Address, DiskFull, Runtime, Store

DOOR = "changes"
READ_ENTRIES_MAX = 200
PART_BYTES_MAX = 1 << 20
BEAT_S = 1.0
SILENCE_S = 5.0
TRIM_S = 10.0
IDENTITY_BITS = 64


class Refused(Exception):
    """The source does not answer that query: raised by who serves it, and by `Follower.query`."""


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
        self._sometimes = runtime.journal.sometimes
        changes.stamp_with(runtime.wall)

    async def start(self) -> None:
        """Open the door, and begin to forget what all followers have passed."""
        chance = self._runtime.chance("changes/identity")
        moment = f"{int(self._runtime.wall() * 1e6):x}-{int(self._runtime.now() * 1e6):x}"
        with contextlib.suppress(DiskFull):  # then it goes on under its last life's name
            self._changes.begin(f"{moment}-{chance.getrandbits(IDENTITY_BITS):016x}")
            await self._store.committed()
        self._identity = self._changes.identity()
        self._store.on_append(lambda _: self._wake_all())
        await self._runtime.listen(Address(self._runtime.place, DOOR), self._accept)
        self._runtime.spawn(self._trim(), "trim the change log")

    def serve(self, name: str, answer: Callable[[Any], Any]) -> None:
        """Answer queries of that name; `answer` may raise Refused."""
        self._changes.serve(name, answer)

    @property
    def sent(self) -> dict[What, int]:
        """The bytes that were sent, by follower, kind and owner."""
        return self._changes.sent.by_what

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
            try:
                while self._changes.trim():
                    self._sometimes("replication.trimmed")
                    await self._store.committed()
            except DiskFull:
                self._sometimes("replication.trimming-put-off")

    def _take(self, connection: FrameReceiver, message: Any) -> bool:
        try:
            return self._take_one(connection, message)
        except DiskFull:
            return False

    def _take_one(self, connection: FrameReceiver, message: Any) -> bool:
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

        def send() -> None:
            size = connection.send(reply)
            following = self._following.get(connection)
            who = connection.peer if following is None else _full(connection, following)
            self._changes.sent.reply(who, name, payload, size)

        # What was read may be in the open group: it must not leave before it is durable.
        self._store.on_commit(send, connection.close)

    def _follow(self, connection: FrameReceiver, identity: str, following: _Following) -> None:
        for other, present in list(self._following.items()):
            # The follower has come back while its old connection hangs in a cut.
            if present.name == following.name and other.peer == connection.peer:
                del self._following[other]
                if other is not connection:
                    self._sometimes("replication.back-before-the-old-connection-ended")
                    other.close()
        changes = self._changes
        strange = following.after > 0 and not changes.goes_on(identity, following.after)
        if strange or not changes.first - 1 <= following.after <= changes.head:
            self._sometimes("replication.another-log" if strange else "replication.behind")
            if strange:
                for notify in changes.on_rewound:
                    notify(connection.peer, following.name)
            behind = ["behind", self._identity, changes.first, changes.head]
            self._store.on_commit(lambda: _send(connection, behind), connection.close)
            return
        self._following[connection] = following
        connection.send(["welcome", self._identity, changes.head])
        full = _full(connection, following)
        changes.note(full, Progress(following.after, changes.followers.get(full, (0, 0))[1]))
        self._runtime.spawn(self._push(connection, following), f"push to {full}")

    async def _push(self, connection: FrameReceiver, following: _Following) -> None:
        changes, after = self._changes, following.after
        full = _full(connection, following)
        beat_s = self._runtime.interval(BEAT_S)
        sent_at = self._runtime.now()
        try:
            while self._following.get(connection) is following:
                # What is written for others says nothing to this one: only sending counts.
                quiet_s = self._runtime.now() - sent_at
                if quiet_s >= beat_s:
                    connection.send(["beat", after, changes.head])
                    sent_at = self._runtime.now()
                    self._drop_if_silent(connection)
                    continue
                if changes.head <= after:
                    await self._woken(connection, beat_s - quiet_s)
                    continue
                entries, upto = changes.read_raw(after, READ_ENTRIES_MAX, following.kinds)
                for part, last in _parts(entries, upto):
                    offset = self._runtime.now() - self._runtime.wall()
                    connection.send(["batch", part, last, changes.head, offset])
                    sent_at = self._runtime.now()
                    for _, data in part:
                        changes.sent.entry(full, data)
                    await connection.writable()
                    if last < upto and not connection.open:
                        self._sometimes("replication.ended-between-parts")
                        return
                if not entries:  # others' entries, perhaps very many
                    await self._runtime.sleep(0)
                after = upto
        finally:
            self._wakes.pop(connection, None)

    async def _woken(self, connection: FrameReceiver, within_s: float) -> None:
        """Wait for an append or the end of the connection, but no longer than that."""
        woken = self._runtime.future()

        def wake() -> None:
            if not woken.done():
                woken.set_result(None)

        self._wakes[connection] = wake
        timer = self._runtime.later(within_s, wake)
        try:
            await woken
        finally:
            timer.cancel()

    def _drop_if_silent(self, connection: FrameReceiver) -> None:
        if self._runtime.now() - connection.heard_at > 2 * self._runtime.deadline(SILENCE_S):
            self._sometimes("replication.silent-follower-dropped")
            connection.close()


def _send(connection: FrameReceiver, message: Any) -> None:
    connection.send(message)


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
