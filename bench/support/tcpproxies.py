"""TCP through a proxy: HAProxy and nginx's stream module as rivals, wrk as the load.

All have one worker and buffers of 256 KB (what one read of ours takes); the backend is the same.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

BUFFER_BYTES = 256 << 10
_RATE = re.compile(r"Requests/sec:\s+([0-9.]+)")
_MOVED = re.compile(r"([0-9]+) requests in [0-9.]+m?s,")
_ERRORS = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")
_STREAM_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")


class Load(NamedTuple):
    """One way to use a proxy."""

    path: str
    connections: int
    closes: bool = False


LOADS = {
    "tcp_requests": Load("/", 16),
    "tcp_bulk": Load("/bulk", 4),
    "tcp_connections": Load("/", 16, closes=True),
}


def haproxy(directory: Path, port: int, backend: int) -> list[str] | None:
    """The command of HAProxy."""
    program = shutil.which("haproxy")
    if program is None:
        return None
    file = directory / "haproxy.cfg"
    file.write_text(
        f"global\n  nbthread 1\n  tune.bufsize {BUFFER_BYTES}\n  maxconn 1000\n"
        "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"
        f"listen bench\n  bind 127.0.0.1:{port}\n  server backend 127.0.0.1:{backend}\n"
    )
    return [program, "-db", "-f", str(file)]


def nginx(directory: Path, port: int, backend: int) -> list[str] | None:
    """The command of nginx."""
    program = shutil.which("nginx")
    if program is None or not _STREAM_MODULE.exists():
        return None
    file = directory / "nginx.conf"
    file.write_text(
        f"load_module {_STREAM_MODULE};\nworker_processes 1;\ndaemon off;\nuser root;\n"
        f"pid {directory}/nginx.pid;\nerror_log stderr;\nevents {{ worker_connections 2000; }}\n"
        f"stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{backend};\n"
        f"proxy_buffer_size {BUFFER_BYTES}; }} }}\n"
    )
    return [program, "-c", str(file), "-e", "stderr"]


def sample(port: int, load: Load, seconds: int) -> tuple[float, int]:
    """Requests a second, and how many there were."""
    command = ["wrk", "-t", "1", "-c", str(load.connections), "-d", f"{seconds}s"]
    if load.closes:
        command += ["-H", "Connection: close"]
    command.append(f"http://127.0.0.1:{port}{load.path}")
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rate, moved = _RATE.search(said), _MOVED.search(said)
    errors = _ERRORS.search(said)
    if rate is None or moved is None or not int(moved[1]):
        raise RuntimeError(f"wrk said:\n{said}")
    if errors is not None and int(errors[1]) + int(errors[4]):
        print(f"{load.path} of port {port}: {errors[0]}", file=sys.stderr)
    return float(rate[1]), int(moved[1])
