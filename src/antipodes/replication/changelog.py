"""A host's change log: what changed, in order, durable with the change itself.

An entry is a kind (`dynamodb/item`), the wall time of its host, and a payload. It is appended in
the same group as the change it tells of, so the two are never apart. Whatever crosses regions
follows this log. The log knows its followers by name, how far each has come, and how far each
follower's own log had come by then; it forgets entries that all of them have passed.

A follower that is more than `ENTRIES_MAX` behind is not waited for. It is told that it is *behind*,
and has to copy the state itself, by queries that a service registers here with `serve`.

The log has an identity, a new one with each start of its host. A position counts only together with
it, so that a host whose disk was emptied, or went back to what it was earlier (a loss of power, an
older copy), is not mistaken for one that has nothing new. Who heard more of this log than it has is
told of to `on_rewound`, by place and name: there is something to be had from there.
"""

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from antipodes.replication.sent import Sent
from antipodes.runtime.contract import DiskFull, Store

ENTRIES_MIN = 10_000  # kept though passed, so that a new follower seldom has to copy
ENTRIES_MAX = 1_000_000  # kept for a follower that has not passed them
TRIM_ENTRIES_MAX = 20_000  # at a time: a long delete would hold up the host

LIVES_MAX = 64  # of one log: a follower that saw an earlier one copies

_LIVES = b"changes/lives"
_FOLLOWERS = b"changes/follower/"


class Entry(NamedTuple):
    """One change. `wall_s` is Unix time by the clock of its host.

    To a follower, `written` is the same time by the runtime's clock, which all hosts share.
    """

    sequence: int
    kind: str
    wall_s: float
    payload: Any
    written: float = 0.0


class Progress(NamedTuple):
    """How far a follower has come in this log, and how long its own log was then."""

    position: int
    head: int


class ChangeLog:
    """Appends to and reads from the log of one store, and keeps the list of its followers."""

    def __init__(self, store: Store, wall: Callable[[], float] | None = None) -> None:
        self._store = store
        self._wall = wall
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(tuple[str, float, msgspec.Raw]).decode
        self._decode_payload = msgspec.msgpack.Decoder().decode
        self._decode_lives = msgspec.msgpack.Decoder(list[tuple[str, int]]).decode
        self._decode_progress = msgspec.msgpack.Decoder(Progress).decode
        self._head = store.head
        self._kept: dict[str, Progress] = {}
        self.followers: dict[str, Progress] = {}
        self.answers: dict[str, Callable[[Any], Any]] = {}
        self.sent = Sent()
        self.on_rewound: list[Callable[[str, str], None]] = []
        self._read_kept()
        self.followers.update(self._kept)
        store.on_append(self._on_append)
        store.on_rollback(self._read_kept)

    def _read_kept(self) -> None:
        self._kept = {
            key[len(_FOLLOWERS) :].decode(): self._decode_progress(value)
            for key, value in self._store.scan(_FOLLOWERS, _FOLLOWERS[:-1] + b"0")
        }

    def _on_append(self, head: int) -> None:
        self._head = head

    def stamp_with(self, wall: Callable[[], float]) -> None:
        """Say which clock entries are stamped with, if none was given at first."""
        self._wall = self._wall or wall

    @property
    def head(self) -> int:
        """The newest committed entry's number; 0 where there is none."""
        return self._head

    @property
    def first(self) -> int:
        """The oldest entry's number that is still kept; head + 1 where none is."""
        oldest = self._store.read_log(0, limit=1)
        return oldest[0][0] if oldest else self._head + 1

    def begin(self, token: str) -> None:
        """Begin another life of this log, under a name that it never had before."""
        lives = [*self._lives(), (token, self._store.head)][-LIVES_MAX:]
        self._store.put(_LIVES, self._encode(lives))

    def identity(self) -> str:
        """The name of this log's present life, unlike that of any other log or life."""
        lives = self._lives()
        return lives[-1][0] if lives else ""

    def goes_on(self, token: str, position: int) -> bool:
        """Whether what comes after a position of that life is what was not heard of yet.

        Not if the life is not known (the log is another one, or its disk was emptied), and not if
        the position is above where the next life began: what it had heard is lost here, and the
        numbers mean something else now.
        """
        lives = self._lives()
        for (name, _), later in zip(lives, [*lives[1:], None], strict=True):
            if name == token:
                return later is None or position <= later[1]
        return False

    def _lives(self) -> list[tuple[str, int]]:
        stored = self._store.get(_LIVES)
        return [] if stored is None else self._decode_lives(stored)

    def append(self, kind: str, payload: Any) -> int:
        """Add an entry in the open group; return its sequence number."""
        wall_s = self._wall() if self._wall is not None else 0.0
        return self._store.append(self._encode((kind, wall_s, payload)))

    def read(self, after: int, limit: int, kinds: tuple[str, ...] = ()) -> tuple[list[Entry], int]:
        """Look at up to `limit` committed entries after a position.

        Return those whose kind begins with one of `kinds` (none: all), and how far was looked.
        """
        raw, upto = self.read_raw(after, limit, kinds)
        return [self.entry(sequence, data) for sequence, data in raw], upto

    def read_raw(
        self, after: int, limit: int, kinds: tuple[str, ...] = ()
    ) -> tuple[list[tuple[int, bytes]], int]:
        """As `read`, with the entries as they are stored."""
        looked = self._store.read_log(after, limit=limit)
        upto = looked[-1][0] if looked else after
        if kinds:
            looked = [pair for pair in looked if self._decode(pair[1])[0].startswith(kinds)]
        return looked, upto

    def entry(self, sequence: int, data: bytes) -> Entry:
        """Decode a stored entry."""
        kind, wall_s, payload = self._decode(data)
        return Entry(sequence, kind, wall_s, self._decode_payload(payload))

    def serve(self, name: str, answer: Callable[[Any], Any]) -> None:
        """Answer followers' queries of that name: payload in, reply out, as MessagePack has it."""
        assert name not in self.answers, f"query {name} is served twice"
        self.answers[name] = answer

    def note(self, follower: str, progress: Progress) -> None:
        """Take what a follower says of itself; a new one is remembered from now on.

        Where there is no space for that, the next trimming does it.
        """
        self.followers[follower] = progress
        if follower not in self._kept:
            with contextlib.suppress(DiskFull):
                self._keep(follower, progress)

    def _keep(self, follower: str, progress: Progress) -> None:
        self._store.put(_FOLLOWERS + follower.encode(), self._encode(progress))
        self._kept[follower] = progress

    def lag(self, follower: str, wall: float) -> tuple[int, float]:
        """How many entries a follower has not passed, and the age of the oldest, in seconds.

        As this side knows it: a follower that is away stays where it was last heard to be.
        """
        position = self.followers[follower].position
        pending = max(0, self._head - position)
        oldest, _ = self.read(position, 1) if pending else ([], 0)
        return pending, max(0.0, wall - oldest[0].wall_s) if oldest else 0.0

    def forget(self, follower: str) -> None:
        """Wait for that follower no longer."""
        if self.followers.pop(follower, None) is not None:
            self._kept.pop(follower, None)
            self._store.delete(_FOLLOWERS + follower.encode())

    def trim(self) -> int:
        """Forget entries that every follower has passed, some at a time; return how many.

        Raises DiskFull: then it is for another time.
        """
        for follower, progress in self.followers.items():
            if self._kept.get(follower) != progress:
                self._keep(follower, progress)
        passed = min((p.position for p in self.followers.values()), default=self._head)
        wanted = max(min(passed, self._head - ENTRIES_MIN), self._head - ENTRIES_MAX)
        trimmed = self.first - 1
        upto = min(wanted, trimmed + TRIM_ENTRIES_MAX)
        if upto <= trimmed:
            return 0
        self._store.trim_log(upto)
        return upto - trimmed
