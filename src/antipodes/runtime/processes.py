"""Child processes of a host that never outlive it: customers' functions, engines.

Three nooses, since one may slip. The kernel is asked to kill the child when its parent dies
(PR_SET_PDEATHSIG, prctl(2), Linux only). The child inherits the reading end of a pipe, the
*lifeline*, whose other end only this process holds: it reads end of file when the parent is gone,
even by `kill -9`, and `worker.py` has a watcher on it that kills the whole process group. And when
a child ends, here, whatever is left of its group is killed too. A child that made itself a session
of its own (setsid) and left the group escapes all three; nothing short of a container stops it.
"""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

from antipodes.runtime.contract import Gone

LIFELINE_VARIABLE = "ANTIPODES_LIFELINE"
LAST_WORDS_S = 1.0  # how long the output of a dead child is waited for
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
WORKER = Path(__file__).with_name("worker.py")


class ChildProcess(asyncio.SubprocessProtocol):
    """One child in a process group of its own; its output goes to a callback as it comes."""

    def __init__(self, lifeline: int, output: Callable[[bytes], None]) -> None:
        self.pid = 0
        self._lifeline = lifeline
        self._output = output
        self._transport: asyncio.SubprocessTransport | None = None
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport over."""
        self._transport = cast("asyncio.SubprocessTransport", transport)
        self.pid = self._transport.get_pid()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Pass output on."""
        del fd
        self._output(data)

    def process_exited(self) -> None:
        """Kill what is left of the group, and wait a little for the last output."""
        _kill_group(self.pid)
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
        asyncio.get_running_loop().call_later(LAST_WORDS_S, self._end)

    def connection_lost(self, exc: Exception | None) -> None:
        """The child ended and so did its output."""
        del exc
        self._end()

    def _end(self) -> None:
        if not self._ended.done():
            assert self._transport is not None
            status = self._transport.get_returncode()
            self._ended.set_result(-signal.SIGKILL if status is None else status)
            self._transport.close()

    def kill(self) -> None:
        """End the child and its whole process group, at once."""
        if not self._ended.done() and self._lifeline >= 0:
            _kill_group(self.pid)

    async def wait(self) -> int:
        """Return the exit status (negative: the signal's number)."""
        return await asyncio.shield(self._ended)


def _kill_group(group: int) -> None:
    assert group > 1, "a group of our own"
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # nobody is left (macOS says the latter)
        return


def _tie_to(parent: int) -> Callable[[], None]:
    """Return what a forked child does before it becomes another program."""
    if sys.platform != "linux":
        return lambda: None
    prctl = ctypes.CDLL(None).prctl

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the kernel had been asked
            os._exit(1)

    return tie


def _needed() -> dict[str, str]:
    """What any program needs to start as this one did; nothing else is inherited."""
    return {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}


async def start_process(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    directory: Path,
    output: Callable[[bytes], None],
) -> ChildProcess:
    """Start a child that dies with this process. Raises Gone where it cannot be started."""
    try:
        theirs, ours = os.pipe()
    except OSError as error:
        raise Gone(f"cannot start {arguments[0]}: {error.strerror or error}") from None
    try:
        _, child = await asyncio.get_running_loop().subprocess_exec(
            lambda: ChildProcess(ours, output),
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**_needed(), **environment, LIFELINE_VARIABLE: str(theirs)},
            cwd=directory,
            pass_fds=[theirs],
            start_new_session=True,
            preexec_fn=_tie_to(os.getpid()),
        )
    except OSError as error:
        os.close(ours)
        raise Gone(f"cannot start {arguments[0]}: {error.strerror or error}") from None
    finally:
        os.close(theirs)
    return child
