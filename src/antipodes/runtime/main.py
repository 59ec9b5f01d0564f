"""Running a process's main coroutine on the quickest loop there is."""

import asyncio
import gc
import os
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

FILES_MAX = 65_536  # what is open in one process, connections included


def run_main(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end on uvloop, or on stock asyncio where there is none."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    if sys.platform == "win32":
        return asyncio.run(main)
    import uvloop  # noqa: PLC0415 - not on every platform

    _allow_files()
    # libuv would tell epoll of descriptors by an io_uring: dearer by itself for a few at a time.
    os.environ.setdefault("UV_USE_IO_URING", "0")

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def _allow_files() -> None:
    """Open as many files as the system lets this process have; shells begin with a few hundred."""
    import resource  # noqa: PLC0415 - not on every platform

    least, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_MAX if most == resource.RLIM_INFINITY else min(FILES_MAX, most)
    while least != resource.RLIM_INFINITY and least < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
        except ValueError:  # macOS promises any number, and allows fewer
            wanted //= 2
        else:
            return
