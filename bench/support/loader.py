"""A load generator: keep-alive connections, prepared requests, latencies in microseconds.

Runs as a process of its own: `loader.py PORT CONNECTIONS SECONDS FILE [RATE]`, where FILE has the
requests, each preceded by its length in four bytes. Without a rate every connection is kept busy.
Prints requests per second, p50 and p99 in milliseconds, and how many answers were not 200.
"""

import itertools
import json
import selectors
import socket
import struct
import sys
import time
from pathlib import Path


def read_requests(path: Path) -> list[bytes]:
    """The prepared requests of a file."""
    data, found, at = path.read_bytes(), [], 0
    while at < len(data):
        (length,) = struct.unpack_from("!I", data, at)
        found.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return found


def write_requests(path: Path, requests: list[bytes]) -> None:
    """Write prepared requests to a file."""
    path.write_bytes(b"".join(struct.pack("!I", len(r)) + r for r in requests))


def complete(data: bytes) -> bool:
    """Whether a whole response is there (content-length or an empty chunk at its end)."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = data[:end].lower()
    at = head.find(b"content-length:")
    if at < 0:
        return data.endswith(b"0\r\n\r\n")
    stop = head.find(b"\r\n", at)
    length = int(head[at + 15 : stop if stop > 0 else len(head)])
    return len(data) >= end + 4 + length


class Connection:
    """One connection of the load, made again when the server closes it (as moto's does)."""

    def __init__(self, port: int, selector: selectors.BaseSelector) -> None:
        self._port = port
        self._selector = selector
        self.began = 0.0
        self.data = b""
        self._open()

    def _open(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self._port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(self.socket, selectors.EVENT_READ, self)

    def close(self) -> None:
        """End it."""
        self._selector.unregister(self.socket)
        self.socket.close()

    def send(self, request: bytes) -> None:
        """Send the next request."""
        self.began, self.data = time.perf_counter(), b""
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Take what is there; whether the answer is complete."""
        received = self.socket.recv(65536)
        self.data += received
        return not received or complete(self.data)

    def renew(self) -> None:
        """Connect again where the server said that it closes."""
        if b"onnection: close" in self.data or self.data.startswith(b"HTTP/1.0") or not self.data:
            self.close()
            self._open()


def run(
    port: int, connections: int, seconds: float, requests: list[bytes], rate: float = 0.0
) -> dict[str, float]:
    """Keep every connection busy for some seconds, or as busy as a rate asks for."""
    selector = selectors.DefaultSelector()
    upcoming = itertools.cycle(requests)
    clock = time.perf_counter
    idle = [Connection(port, selector) for _ in range(connections)]
    everybody = list(idle)
    latencies: list[float] = []
    wrong = sent = 0
    started = clock()
    while clock() - started < seconds:
        while idle and (not rate or sent < rate * (clock() - started)):
            idle.pop().send(next(upcoming))
            sent += 1
        for key, _ in selector.select(0.001 if rate else 1):
            connection = key.data
            if connection.receive():
                latencies.append(clock() - connection.began)
                wrong += connection.data[9:12] != b"200"
                connection.renew()
                idle.append(connection)
    took = clock() - started
    for connection in everybody:
        connection.close()
    latencies.sort()
    return {
        "rate": len(latencies) / took,
        "p50_ms": latencies[len(latencies) // 2] * 1e3,
        "p99_ms": latencies[int(len(latencies) * 0.99)] * 1e3,
        "wrong": wrong,
    }


if __name__ == "__main__":
    print(
        json.dumps(
            run(
                int(sys.argv[1]),
                int(sys.argv[2]),
                float(sys.argv[3]),
                read_requests(Path(sys.argv[4])),
                float(sys.argv[5]) if len(sys.argv) > 5 else 0.0,
            )
        )
    )
