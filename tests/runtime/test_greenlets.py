"""Blocking functions inside the loop: they wait, they are told errors, they can be frozen."""

import asyncio
import contextvars
import gc
from typing import Any

import pytest

from antipodes.runtime.greenlets import run_blocking, wait
from antipodes.runtime.virtualloop import VirtualLoop


def later(loop: asyncio.AbstractEventLoop, seconds: float) -> asyncio.Future[None]:
    """A future that is done after some virtual seconds."""
    future = loop.create_future()
    loop.call_later(seconds, _complete, future)
    return future


def _complete(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def run(main: Any) -> Any:
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main(loop))
    finally:
        loop.close()


def test_functions_wait_side_by_side() -> None:
    log: list[tuple[str, float]] = []

    async def main(loop: VirtualLoop) -> None:
        def work(name: str, seconds: float) -> str:
            for _ in range(2):
                wait(later(loop, seconds))
                log.append((name, loop.time()))
            return name

        tasks = [
            loop.create_task(run_blocking(loop, work, name, seconds))
            for name, seconds in (("slow", 3.0), ("quick", 2.0))
        ]
        assert [await task for task in tasks] == ["slow", "quick"]

    run(main)
    assert log == [("quick", 2.0), ("slow", 3.0), ("quick", 4.0), ("slow", 6.0)]


def test_errors_go_both_ways() -> None:
    async def fails() -> None:
        raise KeyError("inside")

    def work() -> None:
        try:
            wait(fails())
        except KeyError as error:
            raise ValueError("outside") from error

    async def main(loop: VirtualLoop) -> None:
        with pytest.raises(ValueError, match="outside"):
            await run_blocking(loop, work)

    run(main)


def test_a_cancelled_function_is_frozen_where_it_is() -> None:
    ran: list[str] = []

    def work() -> None:
        try:
            wait(later(asyncio.get_running_loop(), 1000))
        except BaseException as error:
            ran.append(type(error).__name__)
            raise
        finally:
            ran.append("finally")

    async def main(loop: VirtualLoop) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await run_blocking(loop, work)
        gc.collect()
        await later(loop, 10)
        assert ran == []

    run(main)


def test_coroutines_go_on_where_they_waited() -> None:
    log: list[Any] = []

    async def main(loop: VirtualLoop) -> None:
        async def ask(seconds: float) -> float:
            try:
                await later(loop, seconds)
                await later(loop, seconds)
                if seconds > 1:
                    raise KeyError(seconds)
                return loop.time()
            finally:
                log.append(loop.time())

        async def at_once() -> str:
            return "at once"

        def work() -> None:
            log.extend((wait(at_once()), wait(ask(1.0))))
            try:
                wait(ask(2.0))
            except KeyError as error:
                log.append(error.args)
            log.append(wait(at_once()))

        await run_blocking(loop, work)

    run(main)
    assert log == [2.0, "at once", 2.0, 6.0, (2.0,), "at once"]


def test_cancelling_reaches_the_coroutine_that_is_waited_for() -> None:
    log: list[str] = []

    async def main(loop: VirtualLoop) -> None:
        async def ask() -> None:
            try:
                await later(loop, 60.0)
            except asyncio.CancelledError:
                log.append("cancelled")
                raise

        def work() -> None:
            try:
                wait(ask())
            finally:
                log.append("never")

        task = loop.create_task(run_blocking(loop, work))
        await later(loop, 1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert log == ["cancelled"]

    run(main)


def test_a_function_begins_with_nothing_of_the_one_before() -> None:
    """The same greenlet may run both."""
    seen: contextvars.ContextVar[str] = contextvars.ContextVar("seen", default="")

    async def main(loop: VirtualLoop) -> None:
        def work(name: str) -> tuple[str, str]:
            before = seen.get()
            seen.set(name)
            wait(later(loop, 1.0))
            if name == "b":
                raise KeyError(name)
            return before, seen.get()

        assert await run_blocking(loop, work, "a") == ("", "a")
        with pytest.raises(KeyError, match="b"):
            await run_blocking(loop, work, "b")
        assert await run_blocking(loop, work, "c") == ("", "c")
        frozen = loop.create_task(run_blocking(loop, work, "d"))
        await later(loop, 0.5)
        frozen.cancel()
        both = [loop.create_task(run_blocking(loop, work, name)) for name in ("e", "f")]
        assert [await task for task in both] == [("", "e"), ("", "f")]

    run(main)
