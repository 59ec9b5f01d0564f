"""Blocking customer code inside the loop: greenlets that switch back while they wait.

A function started by `run_blocking` runs in a greenlet of its own. When it calls `wait`, the
greenlet switches to the coroutine that started it, which awaits on its behalf and switches back
with the outcome: the function sees an ordinary blocking call, the loop goes on meanwhile. A
coroutine is begun at once, and if it ends without having to wait there is nothing to switch for.

Whoever cancels `run_blocking` (a timeout, the end of a host) freezes the function where it is, for
good: it is never resumed, so neither its `except` nor its `finally` runs, as in a process that was
killed. Frozen greenlets are kept until their loop is gone, since letting go of one would resume it.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import CoroutineType
from typing import Any, TypeVar, cast

import greenlet

T = TypeVar("T")

_FROZEN = "antipodes_frozen_greenlets"  # an attribute of the loop


class Frozen(BaseException):
    """Raised in a frozen function that is resumed after all, when its loop is let go of."""


class _Blocking(greenlet.greenlet):  # type: ignore[misc] # greenlet is untyped
    """A greenlet that knows whether it was given up."""

    frozen = False


async def run_blocking(
    loop: asyncio.AbstractEventLoop, function: Callable[..., T], *arguments: Any
) -> T:
    """Run a blocking function to its end, awaiting whatever it waits for."""
    worker = _Blocking(function)
    # Its own copy: what it sets is its own, and what it schedules belongs to the host.
    worker.gr_context = contextvars.copy_context()
    asked = worker.switch(*arguments)
    while not worker.dead:
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
    result: T = asked
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
