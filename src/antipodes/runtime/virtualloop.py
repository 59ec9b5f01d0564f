"""An event loop whose clock jumps: asyncio's tasks and futures over a turn of our own.

Two runs from one seed are equal to the byte because nothing here depends on the machine: timers of
equal time fire first in, first out (stock asyncio leaves that to a heap), an exception in a
callback stops the run (stock asyncio logs it), and having nothing left to do is an error (a
deadlock), not a sleep for ever. Threads and executors are refused.

Every callback belongs to the host in whose context it was scheduled. Those of a dead host are never
run, so its coroutines freeze where they were, as those of a killed process do, `finally` and all.
Those of a paused host are kept, and run in their order when it is resumed, before anything else.
"""

import asyncio
import contextvars
import gc
from asyncio import base_events
from collections import deque
from collections.abc import Callable, Coroutine
from heapq import heapify
from heapq import heappop as pop
from heapq import heappush as push
from typing import Any, NoReturn, Protocol, TypeVar, TypeVarTuple

from antipodes.runtime.contract import RuntimeFailure

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

# Garbage in circles is collected between turns, at moments that the seed decides. What we make has
# no circles, so it is little.
COLLECT_CALLS = 5_000_000
CANCELLED_TIMERS_MIN = 256  # fewer are not worth sweeping


class Liveness(Protocol):
    """The part of a virtual host that the loop looks at."""

    alive: bool
    running: bool  # alive and not paused
    held: "list[Call]"  # what would have run, had it not been paused


HOST: contextvars.ContextVar[Liveness | None] = contextvars.ContextVar("host", default=None)

WALL_START = 1_767_225_600.0  # 2026-01-01T00:00:00Z: where every simulation's wall clock begins


class Deadlock(RuntimeFailure):
    """Nothing is left to do, and somebody still waits."""


class Call:
    """A callback that will be run, with its host and its context: a handle as asyncio knows it."""

    __slots__ = ("arguments", "callback", "context", "host", "loop", "time")

    def __init__(  # noqa: PLR0913, PLR0917 - all that there is to it
        self,
        time: float,
        callback: Callable[..., object] | None,
        arguments: tuple[Any, ...],
        context: contextvars.Context | None,
        host: Liveness | None,
        loop: "VirtualLoop | None" = None,
    ) -> None:
        """`context` None: the loop's own; `loop`: of a timer that is not due yet."""
        self.time = time
        self.callback = callback
        self.arguments = arguments
        self.context = context
        self.host = host
        self.loop = loop

    def __repr__(self) -> str:
        return f"Call({self.callback!r} at {self.time})"

    def cancel(self) -> None:
        """Let it not be run."""
        if self.callback is not None:
            self.callback = None
            self.arguments = ()
            self.context = None
            loop = self.loop
            if loop is not None:
                loop.timers_cancelled += 1
                if loop.timers_cancelled > loop.timers_cancelled_max:
                    loop.sweep()

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self.callback is None

    def when(self) -> float:
        """The time it is due."""
        return self.time


class VirtualLoop(base_events.BaseEventLoop):
    """Virtual time for everything that asyncio schedules."""

    _ready: deque[Call]  # the base class's, which holds calls of ours only
    _stopping: bool

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._timers: list[tuple[float, int, Call]] = []
        self._timers_made = 0
        self.timers_cancelled = 0  # of those that are not due yet
        self.timers_cancelled_max = CANCELLED_TIMERS_MIN
        self.done: asyncio.Future[None] = asyncio.Future(loop=self)  # awaited without waiting
        self.done.set_result(None)
        self.bug: BaseException | None = None
        self.turns = 0
        self.calls = 0
        self._collect_at = COLLECT_CALLS
        # Tasks and futures ask at every turn; a built-in function says False soonest.
        self.get_debug = bool  # type: ignore[method-assign] # an instance's own
        self.set_exception_handler(self._on_exception)

    def time(self) -> float:
        """Virtual seconds since the start of the run."""
        return self.now

    def _run_once(self) -> None:
        """Take turns until somebody asks to stop; the base class would come back for each."""
        ready, timers = self._ready, self._timers
        while True:
            if not ready or (timers and timers[0][0] <= self.now):
                self._take_due_timers()
            self.turns += 1
            todo = len(ready)
            self.calls += todo
            if self.calls >= self._collect_at:
                self._collect_at = self.calls + COLLECT_CALLS
                gc.collect()
            for _ in range(todo):
                call = ready.popleft()
                callback, host = call.callback, call.host
                if callback is None:
                    continue
                if host is None or host.running:
                    context = call.context
                    try:
                        if context is None:
                            callback(*call.arguments)
                        else:
                            context.run(callback, *call.arguments)
                    except BaseException as error:  # noqa: BLE001 - raised below
                        self.bug = self.bug or error
                elif host.alive:
                    host.held.append(call)
            if self.bug is not None:
                bug, self.bug = self.bug, None
                raise bug
            if self._stopping:
                return

    def _take_due_timers(self) -> None:
        """Move what is due behind what is ready; jump to the next timer where nothing is."""
        timers, ready, now = self._timers, self._ready, self.now
        while timers:
            when, _, call = timers[0]
            if when > now:
                if ready:
                    break
                if call.callback is not None:
                    self.now = now = when
            pop(timers)
            call.loop = None
            if call.callback is not None:
                ready.append(call)
            else:
                self.timers_cancelled -= 1
        if not ready:
            raise Deadlock("nothing is left to do, and somebody still waits")

    def sweep(self) -> None:
        """Drop cancelled timers, before they are most of all."""
        self._timers[:] = [entry for entry in self._timers if entry[2].callback is not None]
        heapify(self._timers)
        self.timers_cancelled = 0
        self.timers_cancelled_max = max(CANCELLED_TIMERS_MIN, len(self._timers))

    def hold(
        self,
        host: Liveness,
        context: contextvars.Context,
        function: Callable[..., object],
        arguments: tuple[Any, ...],
    ) -> None:
        """Keep something for a paused host to do when it is resumed; else it is done soon."""
        call = Call(self.now, function, arguments, context.copy(), host)
        (self._ready if host.running else host.held).append(call)

    def resume(self, host: Liveness) -> None:
        """Run what a paused host would have run meanwhile, next of all and in its order."""
        held = host.held[::-1]
        host.held.clear()
        self._ready.extendleft(held)

    def close(self) -> None:
        """Let go of everything."""
        self._timers.clear()
        super().close()

    def _process_events(self, event_list: list[Any]) -> None:
        """No files, no events."""

    def _write_to_self(self) -> None:
        """No other thread can have called."""

    def _on_exception(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if self.bug is None:
            self.bug = error or RuntimeError(str(context.get("message")))

    def call_soon(  # type: ignore[override] # a handle in all but its class
        self,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: contextvars.Context | None = None,
    ) -> Call:
        """Schedule for the next turn, on behalf of the current host."""
        context = contextvars.copy_context() if context is None else context
        call = Call(self.now, callback, args, context, context.get(HOST))
        self._ready.append(call)
        return call

    def call_later(  # type: ignore[override] # as above
        self,
        delay: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: contextvars.Context | None = None,
    ) -> Call:
        """Schedule after a delay, on behalf of the current host."""
        return self.call_at(self.now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override] # as above
        self,
        when: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: contextvars.Context | None = None,
    ) -> Call:
        """Schedule at a time, on behalf of the current host."""
        context = contextvars.copy_context() if context is None else context
        call = Call(when, callback, args, context, context.get(HOST), self)
        self._timers_made += 1
        push(self._timers, (when, self._timers_made, call))
        return call

    def soon_for(
        self,
        host: Liveness,
        context: contextvars.Context,
        function: Callable[..., object],
        arguments: tuple[Any, ...],
    ) -> Call:
        """Schedule for the next turn, on behalf of a host."""
        call = Call(self.now, function, arguments, context.copy(), host)
        self._ready.append(call)
        return call

    def later_for(
        self,
        delay: float,
        host: Liveness,
        context: contextvars.Context,
        function: Callable[..., object],
        arguments: tuple[Any, ...],
    ) -> Call:
        """Schedule after a delay, on behalf of a host."""
        when = self.now + delay
        call = Call(when, function, arguments, context.copy(), host, self)
        self._timers_made += 1
        push(self._timers, (when, self._timers_made, call))
        return call

    def later_for_none(self, delay: float, function: Callable[..., object]) -> Call:
        """Schedule after a delay, on behalf of no host, in the loop's own context."""
        when = self.now + delay
        call = Call(when, function, (), None, None, self)
        self._timers_made += 1
        push(self._timers, (when, self._timers_made, call))
        return call

    def create_future(self) -> "asyncio.Future[Any]":
        """Return a future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override] # without what nobody here asks for
        self,
        coro: Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> asyncio.Task[T]:
        """Start a task."""
        return asyncio.Task(coro, loop=self, name=name, context=context)

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
