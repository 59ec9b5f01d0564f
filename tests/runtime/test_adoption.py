"""A connection that another process accepted: what it had read comes first, whatever follows."""

import socket
import tempfile
from pathlib import Path
from typing import Any

from antipodes.runtime.contract import PlainReceiver
from antipodes.runtime.main import run_main
from antipodes.runtime.real import RealRuntime
from tests.runtime.worlds import FakeLinks


def test_what_was_read_elsewhere_is_never_overtaken_by_what_follows() -> None:
    """The bytes after the head wait in the socket before it is adopted."""

    class Collector(PlainReceiver):
        def __init__(self, done: Any) -> None:
            self.data = b""
            self._done = done

        def data_received(self, data: bytes) -> None:
            self.data += data
            if len(self.data) == 8:
                self._done.set_result(self.data)

    async def main(directory: Path) -> bytes:
        runtime = await RealRuntime.start(
            host="a", links=FakeLinks(), run_directory=directory, state_directory=directory
        )
        done = runtime.future()
        client, accepted = socket.socketpair()
        accepted.settimeout(0)
        client.sendall(b"body")
        await runtime.adopt(accepted.detach(), b"head", lambda _: Collector(done))
        found: bytes = await done
        client.close()
        await runtime.sleep(0.02)
        await runtime.close()
        return found

    for _ in range(20):
        with tempfile.TemporaryDirectory(prefix="ap-") as directory:
            assert run_main(main(Path(directory))) == b"headbody"
