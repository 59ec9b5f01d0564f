"""Long-lived sessions: people of each city who type, and see what their keys did.

A session is one TCP connection, such as a remote desktop's. Keystrokes are due at their own times;
each is answered with so many bytes of picture, and its latency runs until the last is there. A
session that breaks fails all keys that wait for their picture, and is opened anew for the next.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from antipodes.drills.calls import Way
from antipodes.drills.history import Operation, Outcome
from antipodes.drills.screen import keystroke
from antipodes.hosting.resolver import NoSuchName
from antipodes.runtime.contract import Gone, PlainReceiver, Stream, TimedOut
from antipodes.world.places import kind_of, top_of

KIND = "keystroke"


class Keystroke(NamedTuple):
    """One key that was pressed, and waits for its picture."""

    number: int
    due_s: float  # of the world


class _Client(PlainReceiver):
    """The person's end of a connection."""

    def __init__(
        self, picture_bytes: int, seen: Callable[[], None], ended: Callable[[], None]
    ) -> None:
        self._picture_bytes = picture_bytes
        self._seen = seen
        self._ended = ended
        self._received = 0

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        while self._received >= self._picture_bytes:
            self._received -= self._picture_bytes
            self._seen()

    def connection_lost(self, error: Exception | None) -> None:
        self._ended()


class Session:
    """One person's session, opened again whenever it breaks."""

    def __init__(
        self, way: Way, who: int, started: float, note: Callable[[Operation], None]
    ) -> None:
        part = way.drill.load.session
        assert part is not None, "the drill has sessions"
        self._way = way
        self._part = part
        self._who = who
        self._started = started
        self._note = note
        self._stream: Stream | None = None
        self._waiting: deque[Keystroke] = deque()
        self._served_by = ""
        self._done: Any = None  # of who waits for the last picture

    async def press(self, number: int, due_s: float) -> None:
        """Press a key; whoever notes what became of it hears of it later."""
        key = Keystroke(number, due_s)
        due = self._started + due_s / self._way.drill.world.speed
        if self._way.runtime.now() - due > self._part.timeout_s:
            self._record(key, Outcome.FAILED, "nothing could be reached")
            return
        if self._stream is None:
            try:
                async with self._way.runtime.timeout(self._part.timeout_s):
                    await self._open()
            except (Gone, TimedOut, NoSuchName) as failure:
                self._record(key, Outcome.FAILED, str(failure))
                return
        if self._stream is None or self._stream.is_closing():
            self._record(key, Outcome.FAILED, "the session is over")
            return
        self._waiting.append(key)
        self._stream.write(keystroke(self._part.key_bytes, self._part.picture_bytes))
        self._way.runtime.later(self._part.timeout_s, self._check, key)

    async def _open(self) -> None:
        way = self._way
        door = await way.door(self._who, 1)
        stream, _ = await way.runtime.connect(
            door,
            lambda _: _Client(self._part.picture_bytes, self._seen, self._broken),
            source_ip=way.address(self._who),
        )
        self._stream = stream
        regions = way.drill.world.regions
        there = top_of(door.place) if kind_of(door.place) in {"region", "zone"} else ""
        self._served_by = there or (regions[0] if len(regions) == 1 else "")

    def _seen(self) -> None:
        if self._waiting:
            self._record(self._waiting.popleft(), Outcome.OK)
            self._wake()

    def _broken(self) -> None:
        self._stream = None
        waiting, self._waiting = self._waiting, deque()
        for key in waiting:
            self._record(key, Outcome.FAILED, "the session broke")
        self._wake()

    def _check(self, key: Keystroke) -> None:
        """A key that waits for too long ends the session: nobody types into a frozen picture."""
        if key in self._waiting and self._stream is not None:
            self._stream.abort()

    async def finish(self) -> None:
        """Wait for the pictures that are to come, and leave."""
        if self._waiting:
            self._done = self._way.runtime.future()
            await self._done
        if self._stream is not None:
            self._stream.close()

    def _wake(self) -> None:
        if self._done is not None and not self._waiting:
            self._done.set_result(None)
            self._done = None

    def _record(self, key: Keystroke, outcome: Outcome, error: str = "") -> None:
        way, speed = self._way, self._way.drill.world.speed
        ended = way.runtime.now()
        self._note(
            Operation(
                number=key.number,
                city=way.city,
                kind=KIND,
                key="",
                value=None,
                start_s=round(key.due_s, 6),
                end_s=round((ended - self._started) * speed, 6),
                latency_ms=(ended - self._started - key.due_s / speed) * 1e3,
                outcome=outcome,
                served_by=self._served_by if outcome is Outcome.OK else "",
                error=error,
                edge=way.resolver.edge(),
                session=f"{way.city}/{self._who}",
            )
        )


async def try_session(way: Way, now: float) -> bool:
    """Whether a city reaches its machine: one session, one key."""
    pressed: list[Operation] = []
    session = Session(way, 0, now, pressed.append)
    await session.press(0, 0.0)
    await session.finish()
    return any(operation.outcome is Outcome.OK for operation in pressed)
