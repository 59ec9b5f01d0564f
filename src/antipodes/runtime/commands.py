"""Other people's commands, for the command line: in the foreground, or left running."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

POLL_S = 0.02


class Detached:
    """A command that goes on when its starter has ended."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self.pid = process.pid

    def poll(self) -> int | None:
        """The exit status, or None while it runs."""
        return self._process.poll()

    def wait_briefly(self) -> None:
        """Let a little time pass."""
        time.sleep(POLL_S)

    def terminate(self) -> None:
        """Ask it to end in order."""
        self._process.terminate()


def run_detached(
    arguments: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> Detached:
    """Start a command in a session of its own, its output in a file."""
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command
            list(arguments),
            env=None if environment is None else dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return Detached(process)


def pause() -> None:
    """Let a little time pass."""
    time.sleep(POLL_S)


def replace(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Become another command (this process ends with its exit status)."""
    try:
        os.execvpe(arguments[0], list(arguments), dict(environment))  # noqa: S606 - asked for
    except FileNotFoundError:
        return 127


def run_captured(
    arguments: Sequence[str], environment: Mapping[str, str], seconds_max: float
) -> tuple[int, str]:
    """Run a command to its end; return its exit status and all it printed."""
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            list(arguments),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds_max,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        said = (error.output or b"").decode(errors="replace")
        return -1, f"{said}\nnot done within {seconds_max:g} s"
    return done.returncode, done.stdout.decode(errors="replace")


def make_tree(prefix: str) -> Path:
    """Make a temporary directory; whoever made it removes it."""
    return Path(tempfile.mkdtemp(prefix=prefix))


def remove_tree(path: Path) -> None:
    """Remove a directory and all in it."""
    shutil.rmtree(path, ignore_errors=True)
