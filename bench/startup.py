"""From nothing to ready, and memory at rest, against moto_server and dynalite.

Ours is a whole world: two regions and the edge, each a process of its own; ready means that the
endpoint's health says every host is up. Memory is anonymous memory of one region's process (mapped
database pages are the page cache's), and the whole resident size of a peer's only process.
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from support.harness import ROUNDS, Comparison, Server, answers, free_port, options
from support.peers import dynalite, moto
from support.processes import region_pid, resident_mb


def ready(port: int) -> bool:
    """Whether every host of the world is up."""
    try:
        url = f"http://127.0.0.1:{port}/_antipodes/health"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(json.load(answer)["status"] == "running")
    except OSError:
        return False


def main() -> None:
    """Start and stop everybody, in turn."""
    chosen = options(__doc__ or "")
    rounds = ROUNDS if chosen.quick else 2 * ROUNDS
    comparison = Comparison({"start to ready": "s", "region resident": "MB"})
    peers = {"moto_server": moto(), "dynalite": dynalite()}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as directory:
            port = free_port()
            command = [
                *(sys.executable, "-m", "antipodes", "--state", directory, "up"),
                *("--regions", "us-west-2,eu-central-1", "--port", str(port)),
            ]
            server = Server("antipodes", command, port, ready)
            comparison.add("start to ready", "antipodes", server.ready_s)
            comparison.add(
                "region resident", "antipodes", resident_mb(region_pid(port, "us-west-2"))
            )
            server.stop()
        for name, peer in peers.items():
            if peer is not None:
                port = free_port()
                server = Server(name, [*peer, str(port)], port, answers)
                comparison.add("start to ready", name, server.ready_s)
                comparison.add("region resident", name, resident_mb(server.process.pid))
                server.stop()
    comparison.show(chosen.json)


if __name__ == "__main__":
    if not os.path.exists("/proc"):
        sys.exit("this benchmark reads /proc, which this machine does not have")
    if subprocess.run([sys.executable, "-c", "import antipodes"], check=False).returncode:
        sys.exit("antipodes is not installed in this Python")
    main()
