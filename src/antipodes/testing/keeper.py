"""Keeps a world of processes for as long as a test run lives, and not a moment longer.

A program of its own: `python keeper.py STATE COMMAND...` starts the command and waits for the end
of its input, which only the test run holds open. However that ends, even by `kill -9`, the command
is asked to stop, then made to, and its state directory is removed. Nothing of Antipodes is imported
here, so that it starts at once.
"""

import shutil
import signal  # noqa: TID251 - it stands outside of every world
import subprocess  # noqa: TID251 - as above
import sys
import threading  # noqa: TID251 - as above

STOP_S_MAX = 15.0


def main(state: str, command: list[str]) -> int:
    """Keep a command; return its exit status."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # only the end of the input counts
    world = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - our own command
    stopper = threading.Thread(target=_stop_at_end, args=(world,), daemon=True)
    stopper.start()
    status = world.wait()
    shutil.rmtree(state, ignore_errors=True)
    return status


def _stop_at_end(world: "subprocess.Popen[bytes]") -> None:
    sys.stdin.buffer.read()
    world.terminate()
    try:
        world.wait(STOP_S_MAX)
    except subprocess.TimeoutExpired:
        world.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
