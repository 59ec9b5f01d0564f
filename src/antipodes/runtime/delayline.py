"""Bytes on their way: the delay line at the receiving end of one direction of a connection.

Each end of a connection delays what it *receives* (data, end of stream and reset in one queue), so
that what a sender wrote before it died still arrives, and late. Order is never broken: on a byte
stream a cut stalls the head of the line until it is healed, loss adds the delays of
retransmission, what is held back holds up the rest, and bandwidth paces. What is sent at one moment
travels as one. The queue counts for back-pressure.

The retransmission timeout starts at 200 ms and doubles, as Linux does it (RFC 6298 allows a lower
minimum than its recommended second).
"""

import random
from collections import deque
from collections.abc import Callable
from math import cos, log, pi, sqrt
from typing import Any, Protocol

from antipodes.runtime.contract import Address, Condition, Links, Timer

RETRANSMISSION_S = 0.2
RETRANSMISSIONS_MAX = 6
NEGLIGIBLE_S = 2e-5
LOST = Condition(0.0, cut=True)
INSTANT = Condition(0.0)  # nothing ever waits
_TURN = 2 * pi


class Clock(Protocol):
    """The two things a delay line needs of time."""

    @property
    def now(self) -> Callable[[], float]: ...
    @property
    def later(self) -> Callable[[float, Callable[[], object]], Timer]: ...


class DelayLines:
    """All lines of one host that hold something; they are told when the world changes.

    What the links say is kept until then.
    """

    def __init__(self, clock: Clock, links: Links) -> None:
        self.now = clock.now
        self.later = clock.later
        self.links = links
        self.version = 0
        self.active: dict[DelayLine, None] = {}
        self._conditions: dict[tuple[str, str], Condition] = {}
        links.on_change(self._on_change)

    def condition(self, way: tuple[str, str], door: Address | None = None) -> Condition:
        """The state of the direction from a place to another, to or from a door that is given."""
        if door is not None and self.links.is_lost(door):
            return LOST
        condition = self._conditions.get(way)
        if condition is None:
            condition = self._conditions[way] = self.links.condition(*way)
        return condition

    def _on_change(self) -> None:
        self.version += 1
        self._conditions.clear()
        for line in list(self.active):
            line.reconsider()


class DelayLine:
    """One direction of one connection, as its receiving end sees it."""

    __slots__ = (
        "_chance",
        "_condition",
        "_door",
        "_free_at",
        "_instant",
        "_last_due",
        "_lines",
        "_pushed_at",
        "_queue",
        "_timer",
        "_version",
        "bytes_queued",
        "deliver",
        "way",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - of each connection two are made: no keywords
        self,
        lines: DelayLines,
        source: str,
        destination: str,
        chance: random.Random,
        deliver: Callable[[Any], None],
        door: Address | None = None,
    ) -> None:
        """`door` is the connection's, at either end of it."""
        self._lines = lines
        self._chance = chance
        self._queue: deque[list[Any]] = deque()  # [item, size, due (None: stalled)]
        self._timer: Timer | None = None
        self._last_due = 0.0
        self._pushed_at = -1.0
        self._free_at = 0.0
        self._version = lines.version
        self.way = (source, destination)
        self._door = door
        self._condition = lines.condition(self.way, door)
        self._instant = self._condition == INSTANT
        self.bytes_queued = 0
        self.deliver = deliver

    def is_instant(self) -> bool:
        """Whether what is sent now arrives now, and nothing is under way before it."""
        return self._instant and not self._queue and self._version == self._lines.version

    def push(self, item: Any, size: int = 0, now: float | None = None) -> None:
        """Accept an item that has just been sent; it is delivered when it has travelled.

        `now` is the time, from who has looked at the clock already.
        """
        lines = self._lines
        queue = self._queue
        if self._instant and not queue and self._version == lines.version:  # as `is_instant`
            self.deliver(item)
            return
        if now is None:
            now = lines.now()
        if now == self._pushed_at and self._version == lines.version:
            due: float | None = self._last_due
        else:
            due = self._due(now, size)
        if queue:
            self.bytes_queued += size
            queue.append([item, size, due])
        elif due is not None and due - now < NEGLIGIBLE_S:
            self.deliver(item)
        else:
            self.bytes_queued += size
            queue.append([item, size, due])
            lines.active[self] = None
            if due is not None:
                self._timer = lines.later(due - now, self._fire)

    def _due(self, now: float, size: int) -> float | None:
        """When something that leaves now will arrive; None where the way is cut."""
        if self._version != self._lines.version:
            self._renew()
        delay_s, jitter_s, loss, bandwidth_bytes_s, cut, _, held, held_s = self._condition
        if cut:
            return None
        if bandwidth_bytes_s > 0:
            leaves = self._free_at = max(self._free_at, now) + size / bandwidth_bytes_s
            due = leaves + delay_s
        else:
            self._pushed_at = now
            due = now + delay_s
        if jitter_s > 0:
            # Half a normal distribution, by Box and Muller: `gauss` takes three times as long.
            uniform = self._chance.random
            due += jitter_s * sqrt(-2.0 * log(1.0 - uniform())) * abs(cos(_TURN * uniform()))
        if loss > 0 and self._chance.random() < loss:
            due += self._retransmissions(loss)
        if held > 0 and self._chance.random() < held:
            due += held_s
        self._last_due = max(self._last_due, due)
        return self._last_due

    def _renew(self) -> None:
        """The world has changed since the last time."""
        self._version = self._lines.version
        self._condition = self._lines.condition(self.way, self._door)
        self._instant = self._condition == INSTANT
        self._pushed_at = -1.0

    def _retransmissions(self, loss: float) -> float:
        """How much later than the first attempt, which was lost, one arrives."""
        delay, timeout = RETRANSMISSION_S, RETRANSMISSION_S
        for _ in range(RETRANSMISSIONS_MAX - 1):
            if self._chance.random() >= loss:
                break
            timeout *= 2
            delay += timeout
        return delay

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._queue and self._queue[0][2] is not None:
            wait = max(0.0, self._queue[0][2] - self._lines.now())
            self._timer = self._lines.later(wait, self._fire)

    def _fire(self) -> None:
        self._timer = None
        lines = self._lines
        if self._version != lines.version:
            self._renew()
        if self._condition.cut:
            self._stall()
            return
        queue = self._queue
        if len(queue) == 1:  # due, or there would be no timer
            item, size, _ = queue.popleft()
            self.bytes_queued -= size
            self.deliver(item)
            if not queue:
                lines.active.pop(self, None)
                return
        now = lines.now() + NEGLIGIBLE_S
        while queue and queue[0][2] is not None and queue[0][2] <= now:
            item, size, _ = queue.popleft()
            self.bytes_queued -= size
            self.deliver(item)
        if queue:
            self._schedule()
        else:
            lines.active.pop(self, None)

    def _stall(self) -> None:
        for entry in self._queue:
            entry[2] = None

    def reconsider(self) -> None:
        """The world has changed: what was under way stalls, or starts again."""
        if not self._queue:
            return
        if self._lines.condition(self.way, self._door).cut:
            self._stall()
        else:
            now = self._lines.now()
            for entry in self._queue:
                if entry[2] is None:
                    entry[2] = self._due(now, entry[1])
        self._schedule()

    def discard(self) -> None:
        """Drop everything: the receiver is gone."""
        if not self._queue:
            return  # then nothing waits for it
        self._queue.clear()
        self.bytes_queued = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._lines.active.pop(self, None)
