"""Structured tasks over asyncio, with an order that never depends on a set.

`asyncio.TaskGroup` cancels its tasks in the order of a set, which differs from run to run; the
nursery here keeps a dictionary. A host's own tasks live in a `Crew`: an exception that escapes one
of them is our own bug and stops the host, never a line in a log.
"""

import asyncio
import contextlib
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Protocol, cast

from antipodes.runtime.contract import TimedOut, Timer


class Crew:
    """The tasks of one host."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, on_bug: Callable[[str, BaseException], None]
    ) -> None:
        self._loop = loop
        self._on_bug = on_bug
        self.tasks: dict[asyncio.Task[Any], None] = {}

    def spawn(
        self,
        coroutine: Coroutine[Any, Any, Any],
        name: str,
        context: contextvars.Context | None = None,
    ) -> asyncio.Task[Any]:
        """Start a task that lives no longer than the host; in the current context, or in one."""
        task = self._loop.create_task(coroutine, name=name, context=context)
        self.tasks[task] = None
        task.add_done_callback(self._done, context=context)
        return task

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self.tasks.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_bug(task.get_name(), error)

    async def end(self) -> None:
        """Cancel all tasks, newest first, and wait for them."""
        current = asyncio.current_task()
        for task in reversed([t for t in self.tasks if t is not current]):
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                continue
            except Exception:  # noqa: BLE001, S112 - reported by _done already
                continue


class TaskNursery:
    """A scope that ends when all it started has ended; the first failure cancels the rest."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._failure: BaseException | None = None
        self._owner = asyncio.current_task()
        self._joining: asyncio.Future[None] | None = None

    def spawn(self, coroutine: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Start a task inside this scope."""
        task = self._loop.create_task(coroutine, name=name)
        self._tasks[task] = None
        task.add_done_callback(self._done)
        return task

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if error is not None and self._failure is None:
            self._failure = error
            self.cancel()
            if self._joining is None and self._owner is not None:
                self._owner.cancel()
        if not self._tasks and self._joining is not None and not self._joining.done():
            self._joining.set_result(None)

    def cancel(self) -> None:
        """Cancel what still runs."""
        for task in list(self._tasks):
            task.cancel()

    async def join(self) -> None:
        """Wait until everything has ended; cancellation passes on to the children."""
        while self._tasks:
            self._joining = self._loop.create_future()
            try:
                await self._joining
            except asyncio.CancelledError:
                self.cancel()
                if self._failure is None:
                    self._failure = asyncio.CancelledError()
        if self._failure is not None:
            raise self._failure

    @property
    def failure(self) -> BaseException | None:
        """The first failure of a child, if any."""
        return self._failure


@asynccontextmanager
async def open_nursery(loop: asyncio.AbstractEventLoop) -> AsyncIterator[TaskNursery]:
    """Run a block whose tasks end with it."""
    nursery = TaskNursery(loop)
    try:
        yield nursery
    except asyncio.CancelledError:
        nursery.cancel()
        if nursery.failure is None:
            await _quietly(nursery)
            raise
    except BaseException:
        nursery.cancel()
        await _quietly(nursery)
        raise
    await nursery.join()


async def _quietly(nursery: TaskNursery) -> None:
    # The block's own exception is the one to tell.
    with contextlib.suppress(BaseException):
        await nursery.join()


Later = Callable[[float, Callable[[], object]], Timer] | None


class Scope(Protocol):
    """What `async with` asks for."""

    def __aenter__(self) -> Coroutine[Any, Any, None]: ...

    def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Coroutine[Any, Any, None]: ...


class _Done:
    """What has nothing to wait for, awaited without a coroutine."""

    def __await__(self) -> Iterator[None]:
        return _NOTHING


_NOTHING: Iterator[None] = iter(())  # an end has no state to share
_DONE = cast("Coroutine[Any, Any, None]", _Done())


class Deadline(Scope):
    """Raises TimedOut inside a block when it takes longer: `asyncio.timeout`, but leaner."""

    __slots__ = (
        "_cancelling",
        "_done",
        "_expired",
        "_later",
        "_loop",
        "_seconds",
        "_task",
        "_timer",
    )

    def __init__(
        self,
        seconds: float,
        loop: asyncio.AbstractEventLoop | None = None,
        later: Later = None,
        done: Awaitable[None] | None = None,
    ) -> None:
        """`later` schedules in that loop, `done` is over; without them, the running one does."""
        self._seconds = seconds
        self._loop = loop
        self._later = later
        self._done: Any = _DONE if done is None else done
        self._expired = False

    def __aenter__(self) -> Coroutine[Any, Any, None]:
        task = asyncio.current_task(self._loop)
        assert task is not None, "a deadline outside of a task"
        self._task = task
        self._cancelling = task.cancelling()
        later = self._later or task.get_loop().call_later
        self._timer = later(max(0.0, self._seconds), self._expire)
        return self._done  # type: ignore[no-any-return] # awaited by `async with` only

    def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Coroutine[Any, Any, None]:
        self._timer.cancel()
        # Somebody else may have cancelled as well: then that is what has happened.
        alone = self._expired and self._task.uncancel() <= self._cancelling
        if alone and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise TimedOut(f"no answer within {self._seconds:g} s") from error
        return self._done  # type: ignore[no-any-return] # as above

    def _expire(self) -> None:
        self._expired = True
        self._task.cancel()
