"""The same work on many items at once: in processes of this machine, or on a Dask cluster.

Each simulation is one process's business, so more seeds a second means more processes. Results come
in the order in which they are done, each with its item: who adds them up sorts by item, and gets
the same whatever the number of workers.

Nothing is ever lost. Work that raises, and a worker that dies under it (killed, out of memory, a
crash in C code) or does not end in time, gives a `Broken` for its item; the worker is replaced and
the others go on. That is why this is no `concurrent.futures.ProcessPoolExecutor`, which gives up
all its work when one process dies.

Workers are spawned, not forked: a fork of a process with threads, a loop or an open store copies
their locks as they are. Each loads the modules once, plays many items, and has a hash seed of its
own, so that what should not depend on it is seen not to. Ctrl-C reaches the caller only: workers
have SIGINT blocked from before they begin, and are killed when the caller lets go of the results.
On Linux the kernel kills them when the caller is killed, elsewhere they end after their item.

Over a cluster the function and the items are sent to machines that need Antipodes installed in the
same version; Dask's scheduler gives up an item under which several workers died.
"""

import contextlib
import gc
import importlib
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple, TypeVar

from antipodes.runtime.children import die_with_parent
from antipodes.runtime.contract import RuntimeFailure

Item = TypeVar("Item")
Result = TypeVar("Result")

JOBS_MAX = 256
TRACE_LINES_MAX = 12
END_S_MAX = 10.0


class Broken(NamedTuple):
    """There is no result, and why."""

    why: str


class Farm(NamedTuple):
    """Where work is done: so many processes of this machine, or a cluster's workers."""

    jobs: int = 1
    cluster: str = ""  # the address of a Dask scheduler, such as tcp://10.0.0.7:8786
    seconds_max: float = 0.0  # for one item, on this machine's processes; 0: there is no limit

    def run(
        self, function: Callable[[Item], Result], items: Iterable[Item]
    ) -> Iterator[tuple[Item, "Result | Broken"]]:
        """Yield every item with its result, as they get done."""
        if self.cluster:
            return run_many_on_cluster(function, items, self.cluster)
        return run_many(function, items, self.jobs, seconds_max=self.seconds_max)


def jobs_by_default() -> int:
    """One for each processor that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, min(JOBS_MAX, len(os.sched_getaffinity(0))))
    return max(1, min(JOBS_MAX, os.cpu_count() or 1))


def stopwatch() -> Callable[[], float]:
    """Start one; it tells the seconds that have passed on the machine's own clock."""
    began = time.monotonic()
    return lambda: time.monotonic() - began


def run_many(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    jobs: int,
    *,
    seconds_max: float = 0.0,
) -> Iterator[tuple[Item, "Result | Broken"]]:
    """Yield every item with its result, as they get done, by so many processes (1: by this one).

    The function, the items and the results have to be picklable; the function is sent once to each
    worker. Closing the iterator ends all workers.
    """
    assert 1 <= jobs <= JOBS_MAX, f"{jobs} jobs"
    if jobs == 1:
        for item in items:
            yield item, _attempt(function, item)
        return
    waiting = deque(items)
    workers: list[_Worker] = []
    try:
        for _ in range(min(jobs, len(waiting))):
            workers.append(_Worker(function))
            workers[-1].give(waiting.popleft())
        while busy := [worker for worker in workers if worker.busy]:
            for worker in _wait_any(busy):
                item, result = worker.take(seconds_max)
                if result is None:
                    continue
                if waiting:
                    worker.give(waiting.popleft())
                yield item, result[0]
    finally:
        for worker in workers:
            worker.end()


def _attempt(function: Callable[[Item], Result], item: Item) -> "Result | Broken":
    try:
        return function(item)
    except Exception as error:  # noqa: BLE001 - told as the item's result, whatever it is
        return Broken(_told(error))


def _told(error: BaseException) -> str:
    """An exception with the end of its trace, and its notes."""
    lines = "".join(traceback.format_exception(error)).strip().splitlines()
    kept = lines[-TRACE_LINES_MAX:]
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return "\n".join([said, *kept])


class _Worker:
    """A process that does one item at a time; a new one where the last one died."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function
        self._item: Any = None
        self._since = 0.0
        self.busy = False
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_work, args=(self._function, theirs), daemon=True, name="antipodes-farm"
        )
        # Blocked signals stay blocked in the child: no Ctrl-C finds it half started.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()

    def give(self, item: Any) -> None:
        """Give it an item to do."""
        if not self._process.is_alive():
            self.end()
            self._start()
        self._item, self.busy, self._since = item, True, time.monotonic()
        with contextlib.suppress(OSError):  # it died just now: `take` finds out, and says so
            self.connection.send(item)

    def take(self, seconds_max: float) -> tuple[Any, tuple[Any] | None]:
        """The item and, if it is done or will never be, what became of it."""
        item = self._item
        if self.connection.poll():
            self.busy = False
            try:
                return item, (self.connection.recv(),)
            except (EOFError, OSError):
                self._process.join(END_S_MAX)
                return item, (Broken(f"its process ended: {self._end_told()}"),)
        if seconds_max and time.monotonic() - self._since > seconds_max:
            self.busy = False
            self._process.kill()
            self._process.join(END_S_MAX)
            return item, (Broken(f"not done after {seconds_max:g} s"),)
        return item, None

    def _end_told(self) -> str:
        status = self._process.exitcode
        if status is not None and status < 0:
            return f"signal {signal.Signals(-status).name}"
        return f"exit status {status}"

    def end(self) -> None:
        """End it, whatever it does."""
        self.connection.close()
        self._process.kill()
        self._process.join(END_S_MAX)
        if not self._process.is_alive():
            self._process.close()


def _wait_any(busy: list[_Worker]) -> list[_Worker]:
    """Wait until some worker has something to say, or a second is over."""
    ready = wait([worker.connection for worker in busy], timeout=1.0)
    spoke = [worker for worker in busy if worker.connection in ready]
    return spoke or busy


def _work(function: Callable[[Any], Any], connection: Connection) -> None:
    """What a worker does: one item after another, until nobody gives it any more."""
    if threading.current_thread() is threading.main_thread():
        die_with_parent()
    gc.disable()
    while True:
        try:
            item = connection.recv()
        except (EOFError, OSError):
            return
        result = _attempt(function, item)
        try:
            connection.send(result)
        except OSError:
            return
        except Exception as error:  # noqa: BLE001 - a result that cannot be sent is the item's
            connection.send(Broken(_told(error)))
        del item, result
        # A simulation leaves cycles behind. What the first left in caches is looked at no more.
        gc.collect()
        if not gc.get_freeze_count():
            gc.freeze()


def run_many_on_cluster(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    address: str,
    *,
    patience_s: float = END_S_MAX,
) -> Iterator[tuple[Item, "Result | Broken"]]:
    """Yield every item with its result, as they get done, by the workers of a Dask scheduler.

    Raises RuntimeFailure where there is no Dask, or no scheduler. Closing the iterator cancels what
    is not done.
    """
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        raise RuntimeFailure("a cluster needs Dask: pip install 'antipodes[dask]'") from None
    try:
        client = distributed.Client(address, timeout=patience_s, set_as_default=False)
    except (OSError, ValueError) as error:
        raise RuntimeFailure(f"there is no Dask scheduler at {address}: {error}") from None
    futures: dict[Any, Item] = {}
    try:
        for item in items:
            future = client.submit(_attempt, function, item, pure=False)
            futures[future] = item
        for future in distributed.as_completed(list(futures), loop=client.loop):
            item = futures.pop(future)
            lost = future.exception()
            yield item, future.result() if lost is None else Broken(f"its worker ended: {lost}")
            future.release()
    finally:
        client.cancel(list(futures))
        client.close(timeout=END_S_MAX)
