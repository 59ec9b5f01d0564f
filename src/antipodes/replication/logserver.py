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
from antipodes.runtime.contract import Accepted, Address, DiskFull, Runtime, Store, Timer

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
        self._pushing: dict[FrameReceiver, _Push] = {}
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
        self._store.on_append(lambda _: self._push_all())
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
            self._runtime,
            self._take,
            self._ended,
            resumed=self._resumed,
            peer=accepted.peer_place,
            lockstep=True,
        )

    def _ended(self, connection: FrameReceiver) -> None:
        self._following.pop(connection, None)
        self._stop_pushing(connection)

    def _stop_pushing(self, connection: FrameReceiver) -> None:
        if (push := self._pushing.pop(connection, None)) is not None:
            push.end()

    def _resumed(self, connection: FrameReceiver) -> None:
        if (push := self._pushing.get(connection)) is not None:
            push.go_on()

    def _push_all(self) -> None:
        for push in list(self._pushing.values()):
            push.send()

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
                self._stop_pushing(other)
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
        self._stop_pushing(connection)
        push = self._pushing[connection] = _Push(self._runtime, changes, connection, following)
        push.send()


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


class _Push:
    """What one follower is sent: entries as they come, and beats where none do."""

    def __init__(
        self,
        runtime: Runtime,
        changes: ChangeLog,
        connection: FrameReceiver,
        following: _Following,
    ) -> None:
        self._runtime = runtime
        self._changes = changes
        self._connection = connection
        self._kinds = following.kinds
        self._after = following.after
        self._full = _full(connection, following)
        self._over = False
        self._beat_s = runtime.interval(BEAT_S)
        self._silence_s = 2 * runtime.deadline(SILENCE_S)
        self._sent_at = runtime.now()
        self._timer: Timer = runtime.later(self._beat_s, self._beat)

    def end(self) -> None:
        """Send nothing more."""
        self._over = True
        self._timer.cancel()

    def send(self) -> None:
        """Send what is new, for as long as the other side takes it."""
        changes = self._changes
        while changes.head > self._after and not self._over:
            if self._connection.is_full:
                self._runtime.journal.sometimes("replication.back-pressure")
                return
            entries, upto = changes.read_raw(self._after, READ_ENTRIES_MAX, self._kinds)
            if entries:
                self._send(entries, upto)
            else:  # others' entries, perhaps very many
                self._after = upto
                if changes.head > upto:
                    self._runtime.soon(self.send)
                return

    def _send(self, entries: list[tuple[int, bytes]], upto: int) -> None:
        """Send some entries, unless the other side takes no more on the way."""
        runtime, changes, connection = self._runtime, self._changes, self._connection
        for part, last in _parts(entries, upto):
            offset = runtime.now() - runtime.wall()
            connection.send(["batch", part, last, changes.head, offset])
            self._after, self._sent_at = last, runtime.now()
            for _, data in part:
                changes.sent.entry(self._full, data)
            if last < upto and connection.is_full:
                return

    def go_on(self) -> None:
        """The other side takes more again; what it missed may not be there any more."""
        if self._after < self._changes.first - 1:
            self._connection.close()
        else:
            self.send()

    def _beat(self) -> None:
        """Tell that there is nothing new, if nothing was sent for so long."""
        runtime = self._runtime
        now = runtime.now()
        left_s = self._sent_at + self._beat_s - now
        # What is written for others says nothing to this one: only sending counts.
        if left_s <= 0 and not self._connection.is_full:
            self._connection.send(["beat", self._after, self._changes.head])
            self._sent_at = now
            if now - self._connection.heard_at > self._silence_s:
                runtime.journal.sometimes("replication.silent-follower-dropped")
                self._connection.close()
        self._timer = runtime.later(left_s if left_s > 0 else self._beat_s, self._beat)
