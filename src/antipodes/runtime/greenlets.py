"""Blocking customer code inside the loop: greenlets that switch back while they wait.

A function started by `run_blocking` runs in a greenlet of its own. When it calls `wait`, the
greenlet switches to the coroutine that started it, which awaits on its behalf and switches back
with the outcome: the function sees an ordinary blocking call, the loop goes on meanwhile. A
coroutine is begun at once, and if it ends without having to wait there is nothing to switch for.

Whoever cancels `run_blocking` (a timeout, the end of a host) freezes the function where it is, for
good: it is never resumed, so neither its `except` nor its `finally` runs, as in a process that was
killed. Frozen greenlets are kept until their loop is gone, since letting go of one would resume it.

A greenlet whose function has ended waits for the next one: a new greenlet has a stack of its own,
and to ask the machine for that takes ten times as long as to switch.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import CoroutineType
from typing import Any, TypeVar, cast

import greenlet

T = TypeVar("T")

_FROZEN = "antipodes_frozen_greenlets"  # an attribute of the loop
_IDLE = "antipodes_idle_greenlets"  # likewise
_ENDED: Any = object()  # asked for by a function that has ended


class Frozen(BaseException):
    """Raised in a frozen function that is resumed after all, when its loop is let go of."""


class _Blocking(greenlet.greenlet):  # type: ignore[misc] # greenlet is untyped
    """A greenlet that runs one function after another, and knows whether it was given up."""

    frozen = False
    result: Any = None  # of a function that has ended,
    error: BaseException | None = None  # or what it raised

    def run(self) -> None:
        """Run one function after another, as they are given."""
        while True:
            assert self.parent is not None, "a greenlet that runs has a parent"
            function, arguments = self.parent.switch(_ENDED)
            try:
                self.result = function(*arguments)
            except greenlet.GreenletExit:
                raise  # it is let go of
            except BaseException as error:
                if self.frozen:
                    raise
                self.error = error
            del function, arguments  # nothing is kept of them meanwhile

    def ended(self) -> Any:
        """Return what the function returned, or raise what it raised."""
        result, error = self.result, self.error
        self.result = self.error = None
        if error is None:
            return result
        try:
            raise error
        finally:
            del error  # it knows this frame: a circle


async def run_blocking(
    loop: asyncio.AbstractEventLoop, function: Callable[..., T], *arguments: Any
) -> T:
    """Run a blocking function to its end, awaiting whatever it waits for."""
    idle = vars(loop).setdefault(_IDLE, [])
    if idle:
        worker = idle.pop()
        worker.parent = greenlet.getcurrent()
    else:
        worker = _Blocking()
        worker.switch()  # what it begins with, it keeps: that is nothing
    # Its own copy: what it sets is its own, and what it schedules belongs to the host.
    worker.gr_context = contextvars.copy_context()
    asked = worker.switch(function, arguments)
    while asked is not _ENDED:
        try:
            outcome = await asked
        except (asyncio.CancelledError, GeneratorExit):
            worker.frozen = True
            vars(loop).setdefault(_FROZEN, []).append(worker)
            raise
        except BaseException as error:  # noqa: BLE001 - thrown into the function, which may catch
            asked = worker.throw(error)
        else:
            asked = worker.switch(outcome)
    worker.gr_context = None  # it leads to the host: nothing of it is kept
    idle.append(worker)
    result: T = worker.ended()
    return result


def wait(awaitable: Awaitable[T]) -> T:
    """Inside `run_blocking`: let the loop run until the awaitable is done."""
    current = greenlet.getcurrent()
    assert isinstance(current, _Blocking), "wait() outside of run_blocking()"
    if current.frozen:
        raise Frozen
    if type(awaitable) is CoroutineType:
        try:
            # What needs not wait is done here: most calls to the host.
            yielded = awaitable.send(None)
        except StopIteration as done:
            return cast("T", done.value)
        awaitable = _Begun(awaitable, yielded)
    assert current.parent is not None, "a greenlet that runs has a parent"
    result: T = current.parent.switch(awaitable)
    return result


class _Begun:
    """A coroutine that has been begun, and waits for something."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], yielded: Any) -> None:
        self._coroutine = coroutine
        self._yielded = yielded

    def __await__(self) -> Generator[Any, Any, Any]:
        """Go on with it."""
        coroutine, yielded = self._coroutine, self._yielded
        try:
            while True:
                try:
                    heard = yield yielded
                except GeneratorExit:
                    coroutine.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - thrown into the coroutine
                    yielded = coroutine.throw(error)
                else:
                    yielded = coroutine.send(heard)
        except StopIteration as done:
            return done.value
