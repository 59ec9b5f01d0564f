"""An event loop whose clock jumps: stock asyncio over a selector that advances time.

Two runs from one seed are equal to the byte because nothing here depends on the machine: timers of
equal time fire first in, first out (stock asyncio leaves that to a heap), an exception in a
callback stops the run (stock asyncio logs it), and having nothing left to do is an error (a
deadlock), not a sleep for ever. Threads and executors are refused.

Every callback belongs to the host in whose context it was scheduled; those of a dead host are never
run, so its coroutines freeze where they were, as those of a killed process do, `finally` and all.
"""

import asyncio
import contextvars
import heapq
import itertools
from asyncio import base_events, events
from collections.abc import Callable
from typing import Any, NoReturn, Protocol, TypeVarTuple

from antipodes.runtime.contract import RuntimeFailure

Arguments = TypeVarTuple("Arguments")


class Liveness(Protocol):
    """The part of a virtual host that the loop looks at."""

    alive: bool


HOST: contextvars.ContextVar[Liveness | None] = contextvars.ContextVar("host", default=None)

WALL_START = 1_767_225_600.0  # 2026-01-01T00:00:00Z: where every simulation's wall clock begins


class Deadlock(RuntimeFailure):
    """Nothing is left to do, and somebody still waits."""


class _OrderedTimer(events.TimerHandle):
    """A timer that keeps first-in first-out order among equals."""

    __slots__ = ("_order",)

    # Of the base class, which does not tell its type.
    _when: float
    _scheduled: bool

    def __init__(self, order: int, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._order = order

    def __lt__(self, other: "_OrderedTimer") -> bool:  # type: ignore[override] # only its own kind
        return (self._when, self._order) < (other._when, other._order)


class _JumpingSelector:
    """A selector without files: waiting is advancing the clock."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Deadlock("nothing is left to do, and somebody still waits")
        if timeout > 0:
            self._loop.advance()
        return []

    def close(self) -> None:
        """Nothing to let go of."""


class VirtualLoop(base_events.BaseEventLoop):
    """Virtual time for everything that asyncio schedules."""

    _scheduled: list[events.TimerHandle]  # the base class's heap

    def __init__(self) -> None:
        super().__init__()
        self._virtual_now = 0.0
        self._orders = itertools.count()
        self._selector = _JumpingSelector(self)
        self._clock_resolution = 1e-9
        self.bug: BaseException | None = None
        self.steps = 0
        self.set_exception_handler(self._on_exception)

    def time(self) -> float:
        """Virtual seconds since the start of the run."""
        return self._virtual_now

    def advance(self) -> None:
        """Jump to the next timer."""
        if self._scheduled:
            self._virtual_now = max(self._virtual_now, self._scheduled[0].when())

    def _run_once(self) -> None:
        self.steps += 1
        super()._run_once()  # type: ignore[misc] # not in typeshed
        if self.bug is not None:
            bug, self.bug = self.bug, None
            raise bug

    def _process_events(self, event_list: list[Any]) -> None:
        """No files, no events."""

    def _write_to_self(self) -> None:
        """No other thread can have called."""

    def _on_exception(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if self.bug is None:
            self.bug = error or RuntimeError(str(context.get("message")))

    def call_soon(
        self,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """Schedule for the next turn, on behalf of the current host."""
        context = contextvars.copy_context() if context is None else context
        return super().call_soon(_guarded, context.get(HOST), callback, args, context=context)

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Schedule after a delay, on behalf of the current host."""
        return self.call_at(self._virtual_now + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Schedule at a time, on behalf of the current host."""
        context = contextvars.copy_context() if context is None else context
        guarded = (context.get(HOST), callback, args)
        timer = _OrderedTimer(next(self._orders), when, _guarded, guarded, self, context)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True  # noqa: SLF001 - as the base class does
        return timer

    def run_in_executor(self, *_: Any) -> Any:  # type: ignore[override] # refused
        """Threads would break determinism."""
        raise RuntimeFailure("threads cannot run in the simulation")

    def call_soon_threadsafe(
        self,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: contextvars.Context | None = None,
    ) -> NoReturn:
        """Threads would break determinism."""
        raise RuntimeFailure("threads cannot run in the simulation")


def _guarded(host: Liveness | None, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
    if host is None or host.alive:
        callback(*args)
