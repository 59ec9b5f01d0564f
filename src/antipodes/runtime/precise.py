"""Timers good to a few hundredths of a millisecond.

uvloop's and epoll's timers are whole milliseconds, which is too coarse for the distances inside a
region (0.2 to 1 ms) and adds up over the hops of a request. On Linux one timerfd per loop serves
all timers, and costs less than one of the loop's own for each; elsewhere those are used.
"""

import asyncio
import ctypes
import heapq
import os
import sys
import time
from collections.abc import Callable
from typing import Any

_CLOCK_MONOTONIC = 1
_TFD_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000
_TFD_TIMER_ABSTIME = 1
CANCELLED_MIN = 256  # fewer are not worth clearing away


class _Timespec(ctypes.Structure):
    _fields_ = (("sec", ctypes.c_long), ("nsec", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class PreciseTimer:
    """One pending call."""

    __slots__ = ("arguments", "function", "timers")

    def __init__(
        self,
        timers: "PreciseTimers",
        function: Callable[..., object],
        arguments: tuple[Any, ...],
    ) -> None:
        self.timers: PreciseTimers | None = timers  # none when it no longer waits
        self.function: Callable[..., object] | None = function
        self.arguments = arguments

    def cancel(self) -> None:
        """Do not call."""
        self.function, self.arguments = None, ()  # what it would have kept alive
        timers, self.timers = self.timers, None
        if timers is not None:
            timers.forget_one()

    def run(self) -> None:
        """Call, if nobody has thought better of it."""
        function, arguments = self.function, self.arguments
        self.function, self.arguments = None, ()
        if function is not None:
            function(*arguments)


class PreciseTimers:
    """A heap of timers behind one timerfd.

    What is cancelled stays in the heap until its time, or until half of the heap is cancelled:
    most timers are for what ought not to happen.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int, PreciseTimer]] = []
        self._order = 0
        self._cancelled = 0
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._spec = _Itimerspec()
        self._fd = self._libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        loop.add_reader(self._fd, self._fire)

    @staticmethod
    def available() -> bool:
        """Whether this machine has timerfd."""
        return sys.platform == "linux"

    def later(
        self, seconds: float, function: Callable[..., object], *arguments: Any
    ) -> PreciseTimer:
        """Call after `seconds`, to within about 0.05 ms."""
        self._order += 1
        timer = PreciseTimer(self, function, arguments)
        entry = time.monotonic() + seconds, self._order, timer
        heap = self._heap
        heapq.heappush(heap, entry)
        if heap[0] is entry:
            self._arm(entry[0])
        return timer

    def forget_one(self) -> None:
        """A timer in the heap was cancelled."""
        self._cancelled += 1
        if self._cancelled > CANCELLED_MIN and 2 * self._cancelled > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].timers is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def __len__(self) -> int:
        """How many wait, and how many that were cancelled are still kept."""
        return len(self._heap)

    def _arm(self, when: float) -> None:
        nanoseconds = max(1, int(when * 1e9))
        value = self._spec.value
        value.sec, value.nsec = divmod(nanoseconds, 1_000_000_000)
        self._libc.timerfd_settime(self._fd, _TFD_TIMER_ABSTIME, ctypes.byref(self._spec), None)

    def _fire(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return
        now = time.monotonic()
        heap = self._heap
        while heap and (heap[0][0] <= now or heap[0][2].timers is None):
            timer = heapq.heappop(heap)[2]
            if timer.timers is None:
                self._cancelled -= 1
            else:
                timer.timers = None
                self._loop.call_soon(timer.run)
        if heap:
            self._arm(heap[0][0])

    def close(self) -> None:
        """Give the descriptor back."""
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
