"""Bytes on their way: the delay line at the receiving end of one direction of a connection.

Each end of a connection delays what it *receives* (data, end of stream and reset in one queue), so
that what a sender wrote before it died still arrives, and late. Order is never broken: on a byte
stream a cut stalls the head of the line until it is healed, loss adds the delays of
retransmission, and bandwidth paces. The queue counts for back-pressure.

The retransmission timeout starts at 200 ms and doubles, as Linux does it (RFC 6298 allows a lower
minimum than its recommended second).
"""

import random
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from antipodes.runtime.contract import Links, Timer

RETRANSMISSION_S = 0.2
RETRANSMISSIONS_MAX = 6
NEGLIGIBLE_S = 2e-5


class Clock(Protocol):
    """The two things a delay line needs of time."""

    def now(self) -> float: ...
    def later(self, seconds: float, function: Callable[..., object], *arguments: Any) -> Timer: ...


class DelayLines:
    """All lines of one host that hold something; they are told when the world changes."""

    def __init__(self, clock: Clock, links: Links) -> None:
        self.clock = clock
        self.links = links
        self._active: dict[DelayLine, None] = {}
        links.on_change(self._on_change)

    def _on_change(self) -> None:
        for line in list(self._active):
            line.reconsider()

    def activate(self, line: "DelayLine") -> None:
        """Remember a line that holds something."""
        self._active[line] = None

    def deactivate(self, line: "DelayLine") -> None:
        """Forget a line that is empty."""
        self._active.pop(line, None)


class DelayLine:
    """One direction of one connection, as its receiving end sees it."""

    def __init__(
        self,
        lines: DelayLines,
        source: str,
        destination: str,
        chance: random.Random,
        deliver: Callable[[Any], None],
    ) -> None:
        self._lines = lines
        self._source = source
        self._destination = destination
        self._chance = chance
        self._deliver = deliver
        self._queue: deque[list[Any]] = deque()  # [item, size, due (None: stalled)]
        self._timer: Timer | None = None
        self._last_due = 0.0
        self._free_at = 0.0
        self.bytes_queued = 0

    def push(self, item: Any, size: int = 0) -> None:
        """Accept an item that has just been sent; it is delivered when it has travelled."""
        due = self._due(size)
        if due is not None and not self._queue and due - self._lines.clock.now() < NEGLIGIBLE_S:
            self._deliver(item)
            return
        self.bytes_queued += size
        self._queue.append([item, size, due])
        if len(self._queue) == 1:
            self._lines.activate(self)
            self._schedule()

    def _due(self, size: int) -> float | None:
        condition = self._lines.links.condition(self._source, self._destination)
        if condition.cut:
            return None
        now = self._lines.clock.now()
        leaves = now
        if condition.bandwidth_bytes_s > 0:
            leaves = self._free_at = max(self._free_at, now) + size / condition.bandwidth_bytes_s
        due = leaves + condition.delay_s
        if condition.jitter_s > 0:
            due += abs(self._chance.gauss(0.0, condition.jitter_s))
        if condition.loss > 0:
            due += self._retransmissions(condition.loss)
        self._last_due = max(self._last_due, due)
        return self._last_due

    def _retransmissions(self, loss: float) -> float:
        delay, timeout = 0.0, RETRANSMISSION_S
        for _ in range(RETRANSMISSIONS_MAX):
            if self._chance.random() >= loss:
                break
            delay += timeout
            timeout *= 2
        return delay

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._queue and self._queue[0][2] is not None:
            wait = max(0.0, self._queue[0][2] - self._lines.clock.now())
            self._timer = self._lines.clock.later(wait, self._fire)

    def _fire(self) -> None:
        self._timer = None
        if self._lines.links.condition(self._source, self._destination).cut:
            self._stall()
            return
        now = self._lines.clock.now() + NEGLIGIBLE_S
        queue = self._queue
        while queue and queue[0][2] is not None and queue[0][2] <= now:
            item, size, _ = queue.popleft()
            self.bytes_queued -= size
            self._deliver(item)
        if queue:
            self._schedule()
        else:
            self._lines.deactivate(self)

    def _stall(self) -> None:
        for entry in self._queue:
            entry[2] = None

    def reconsider(self) -> None:
        """The world has changed: what was under way stalls, or starts again."""
        if not self._queue:
            return
        if self._lines.links.condition(self._source, self._destination).cut:
            self._stall()
        else:
            for entry in self._queue:
                if entry[2] is None:
                    entry[2] = self._due(entry[1])
        self._schedule()

    def discard(self) -> None:
        """Drop everything: the receiver is gone."""
        self._queue.clear()
        self.bytes_queued = 0
        self._schedule()
        self._lines.deactivate(self)
