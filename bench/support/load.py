"""The load on one server: by wrk where it is installed (Debian's package), else by `loader.py`.

Both keep a number of keep-alive connections busy with prepared requests, one at a time on each.
wrk costs a tenth of what any of the servers does for a request; `loader.py` is Python, so with it
fast servers look alike, and a report says so.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from support.loader import write_requests

HERE = Path(__file__).parent


class Sample(NamedTuple):
    """What one sample showed."""

    rate: float
    p50_ms: float
    p99_ms: float


def has_wrk() -> bool:
    """Whether the quick loader is there."""
    return shutil.which("wrk") is not None


def prepare(path: Path, requests: list[bytes]) -> Path:
    """Write prepared requests to a file."""
    write_requests(path, requests)
    return path


def sample(port: int, file: Path, connections: int, seconds: int) -> Sample:
    """Load one server for some seconds. Raises where an answer was not 200."""
    if has_wrk():
        command = [
            *("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"),
            *("-s", str(HERE / "load.lua"), f"http://127.0.0.1:{port}/", "--", str(file)),
        ]
    else:
        command = [
            *(sys.executable, str(HERE / "loader.py")),
            *(str(port), str(connections), str(seconds), str(file)),
        ]
    lines = subprocess.check_output(command, text=True).splitlines()
    found = json.loads(next(line for line in reversed(lines) if line.startswith("{")))
    if found["wrong"]:
        raise RuntimeError(f"{found['wrong']} answers of port {port} were not 200")
    return Sample(found["rate"], found["p50_ms"], found["p99_ms"])
