"""What stands behind the edge and behind its rivals: the same by a door of the world and by TCP.

`python backend.py RUN_DIRECTORY TCP_PORT`: `GET /` is answered with 100 bytes, `GET /bulk` with
4 MB; who says `Connection: close` is left after the answer. It does as little as it can.
"""

import os
import sys
from pathlib import Path

from edgehost import BALANCER, REGION, NoDistance

from antipodes.runtime.contract import Accepted, Address, PlainReceiver, Stream
from antipodes.runtime.main import run_main
from antipodes.runtime.real import RealRuntime
from antipodes.service.http import HttpRequest, HttpResponse, HttpServer

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
SMALL, BULK = (_HEAD % size + b"x" * size for size in (100, 4 << 20))


class Backend(PlainReceiver):
    """One connection; a request comes whole, since wrk sends it so."""

    def __init__(self, accepted: Accepted) -> None:
        self._stream: Stream

    def connection_made(self, stream: Stream) -> None:
        self._stream = stream

    def data_received(self, data: bytes) -> None:
        self._stream.write(BULK if data.startswith(b"GET /b") else SMALL)
        if b"onnection: close" in data:
            self._stream.close()


def healthy(_: HttpRequest) -> HttpResponse:
    """What a balancer's door for health says."""
    return HttpResponse(200, (("content-type", "application/json"),), b'{"state": "healthy"}')


async def serve(directory: Path, port: int) -> None:
    """Answer for ever."""
    runtime = await RealRuntime.start(
        host=REGION,
        links=NoDistance(),
        run_directory=directory,
        state_directory=directory / f"state-{os.getpid()}",
    )
    await runtime.listen(Address(REGION, f"{BALANCER}:80"), Backend)
    await runtime.listen(Address(REGION, "elb-health"), HttpServer(runtime, healthy).receiver)
    await runtime.listen_loopback(Backend, port)
    await runtime.future()


if __name__ == "__main__":
    run_main(serve(Path(sys.argv[1]), int(sys.argv[2])))
