"""Blocking customer code inside the loop: greenlets that switch back while they wait.

A function started by `run_blocking` runs in a greenlet of its own. When it calls `wait`, the
greenlet switches to the coroutine that started it, which awaits on its behalf and switches back
with the outcome: the function sees an ordinary blocking call, the loop goes on meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import greenlet

T = TypeVar("T")


async def run_blocking(
    loop: asyncio.AbstractEventLoop, function: Callable[..., T], *arguments: Any
) -> T:
    """Run a blocking function to its end, awaiting whatever it waits for."""
    worker = greenlet.greenlet(function)
    asked = worker.switch(*arguments)
    while not worker.dead:
        try:
            outcome = await asked
        except BaseException as error:  # noqa: BLE001 - thrown into the function, which may catch
            asked = worker.throw(error)
        else:
            asked = worker.switch(outcome)
    return asked


def wait(awaitable: Awaitable[T]) -> T:
    """Inside `run_blocking`: let the loop run until the awaitable is done."""
    parent = greenlet.getcurrent().parent
    assert parent is not None, "wait() outside of run_blocking()"
    return parent.switch(awaitable)
