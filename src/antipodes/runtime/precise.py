"""Timers good to a few hundredths of a millisecond.

uvloop's and epoll's timers are whole milliseconds, which is too coarse for the distances inside a
region (0.2 to 1 ms) and adds up over the hops of a request. On Linux one timerfd per loop serves
all short timers; elsewhere the loop's own timers are used.
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


class _Timespec(ctypes.Structure):
    _fields_ = (("sec", ctypes.c_long), ("nsec", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class PreciseTimer:
    """One pending call."""

    __slots__ = ("arguments", "cancelled", "function", "order", "when")

    def __init__(
        self, when: float, order: int, function: Callable[..., object], arguments: tuple[Any, ...]
    ) -> None:
        self.when = when
        self.order = order
        self.function = function
        self.arguments = arguments
        self.cancelled = False

    def __lt__(self, other: "PreciseTimer") -> bool:
        return (self.when, self.order) < (other.when, other.order)

    def cancel(self) -> None:
        """Do not call."""
        self.cancelled = True


class PreciseTimers:
    """A heap of short timers behind one timerfd."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[PreciseTimer] = []
        self._order = 0
        self._armed_for = 0.0
        self._libc = ctypes.CDLL(None, use_errno=True)
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
        timer = PreciseTimer(time.monotonic() + seconds, self._order, function, arguments)
        heapq.heappush(self._heap, timer)
        if self._heap[0] is timer:
            self._arm(timer.when)
        return timer

    def _arm(self, when: float) -> None:
        nanoseconds = max(1, int(when * 1e9))
        spec = _Itimerspec()
        spec.value.sec, spec.value.nsec = divmod(nanoseconds, 1_000_000_000)
        self._armed_for = when
        self._libc.timerfd_settime(self._fd, _TFD_TIMER_ABSTIME, ctypes.byref(spec), None)

    def _fire(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return
        now = time.monotonic()
        due = []
        while self._heap and self._heap[0].when <= now:
            due.append(heapq.heappop(self._heap))
        for timer in due:
            if not timer.cancelled:
                self._loop.call_soon(timer.function, *timer.arguments)
        while self._heap and self._heap[0].cancelled:
            heapq.heappop(self._heap)
        if self._heap:
            self._arm(self._heap[0].when)

    def close(self) -> None:
        """Give the descriptor back."""
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
