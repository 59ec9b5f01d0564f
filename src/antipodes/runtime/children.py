"""Hosts as child processes: started with a lifeline, killed without mercy, never left behind.

A child inherits one end of a hand-off socket pair; the parent holds the other. When the parent
dies, even by `kill -9`, the child reads end of file and ends; on Linux the kernel is asked to kill
it as well (PR_SET_PDEATHSIG, prctl(2)), for the case of a child that is stuck.
"""

import asyncio
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from antipodes.runtime.handoff import HandoffReceiver, HandoffSender, handoff_pair

_PR_SET_PDEATHSIG = 1
LIFELINE_VARIABLE = "ANTIPODES_LIFELINE"


class ChildHost:
    """A running child process and the way to hand it connections."""

    def __init__(self, process: asyncio.subprocess.Process, sender: HandoffSender) -> None:
        self._process = process
        self.sender = sender
        self.pid = process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.returncode is None

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.alive:
            self._process.kill()

    def terminate(self) -> None:
        """Ask it to end in order."""
        if self.alive:
            self._process.terminate()

    def pause(self) -> None:
        """Stop it in its tracks: it hangs."""
        if self.alive:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        if self.alive:
            self._process.send_signal(signal.SIGCONT)

    async def wait(self) -> int:
        """Return the exit status (negative: the signal's number)."""
        status = await self._process.wait()
        self.sender.close()
        return status


async def start_child(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path
) -> ChildHost:
    """Start a Python module as a host's process; its output goes to a log file."""
    ours, theirs = handoff_pair()
    with theirs, log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-X",
            "frozen_modules=on",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**environment, LIFELINE_VARIABLE: str(theirs.fileno())},
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    return ChildHost(process, HandoffSender(asyncio.get_running_loop(), ours))


def hold_lifeline(
    take: Callable[[int, bytes], object], ended: Callable[[], object]
) -> HandoffReceiver:
    """In the child: receive connections, and learn of the parent's end."""
    die_with_parent()
    descriptor = int(os.environ.pop(LIFELINE_VARIABLE))
    os.set_inheritable(descriptor, False)
    return HandoffReceiver(asyncio.get_running_loop(), descriptor, take, ended)


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def on_signals(stop: Callable[[], object]) -> None:
    """Call `stop` at SIGINT and SIGTERM."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)


def adopt_client(client: socket.socket) -> int:
    """Take a socket's descriptor out of its object."""
    return client.detach()
