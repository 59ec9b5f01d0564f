"""The end of customer code that computes without end: in the simulation nothing else would end it.

Computing takes no virtual time, so no timeout of the world's can pass while a handler computes. One
timer of the process, in processor time, ticks while handlers run at all, and stops when none did
for a tick: to set it anew at every wait would cost more than most waits.
"""

import atexit
import os
import signal

COMPUTING_S_MAX = 10.0  # of processor time without waiting
_TICKS = 10  # in that time


class Stuck(BaseException):
    """Raised into code that computes without end."""


class _Watchdog:
    """Knows since when the code that runs has not waited."""

    def __init__(self) -> None:
        self._inside = False
        self._limit_s = 0.0  # that the timer is set for; 0: it is not
        self._entries = 0
        self._seen = 0  # the entry that the last tick found
        self._ticks = 0  # that it has been running for

    def enter(self) -> None:
        """Watch from now on: a program begins, or goes on after a wait."""
        self._inside = True
        self._entries += 1
        if self._limit_s != COMPUTING_S_MAX:
            self._set_timer(COMPUTING_S_MAX)

    def leave(self) -> None:
        """Stop watching: the program waits, or has ended."""
        self._inside = False

    def stop(self) -> None:
        """Stop the timer, until the next program begins."""
        if self._limit_s:
            self._set_timer(0.0)

    def forget(self) -> None:
        """Start anew in a child process, which has no timer."""
        self._limit_s = 0.0

    def _set_timer(self, limit_s: float) -> None:
        """Start the timer, or with 0 stop it; only the main thread can have one."""
        every_s = limit_s / _TICKS
        try:
            if limit_s:
                signal.signal(signal.SIGVTALRM, self._tick)
            signal.setitimer(signal.ITIMER_VIRTUAL, every_s, every_s)
        except (ValueError, AttributeError):  # another thread; a system without such timers
            return
        self._limit_s = limit_s

    def _tick(self, *_: object) -> None:
        if self._entries != self._seen:
            self._seen, self._ticks = self._entries, 0
        elif not self._inside:
            self.stop()
        else:
            self._ticks += 1
            if self._ticks >= _TICKS:
                raise Stuck


WATCHDOG = _Watchdog()  # one, as there is one processor
os.register_at_fork(after_in_child=WATCHDOG.forget)
atexit.register(WATCHDOG.stop)  # a tick after Python has let go of its signals would be fatal
