"""A connection that another process accepted: what it had read comes first, whatever follows."""

import socket
import tempfile
from pathlib import Path

from antipodes.runtime.contract import PlainReceiver
from antipodes.runtime.main import run_main
from antipodes.runtime.real import RealRuntime
from tests.runtime.worlds import FakeLinks


def test_what_was_read_elsewhere_is_never_overtaken_by_what_follows() -> None:
    """The bytes after the head wait in the socket before it is adopted."""

    class Collector(PlainReceiver):
        def __init__(self) -> None:
            self.data = b""

        def data_received(self, data: bytes) -> None:
            self.data += data
            if len(self.data) == 8 and not done.done():
                done.set_result(self.data)

    async def main(directory: Path) -> bytes:
        nonlocal done
        runtime = await RealRuntime.start(
            host="a", links=FakeLinks(), run_directory=directory, state_directory=directory
        )
        done = runtime.future()
        client, accepted = socket.socketpair()
        accepted.setblocking(False)
        client.sendall(b"body")
        await runtime.adopt(accepted.detach(), b"head", lambda _: Collector())
        found: bytes = await done
        client.close()
        await runtime.sleep(0.02)
        await runtime.close()
        return found

    done: object = None
    for _ in range(20):
        with tempfile.TemporaryDirectory(prefix="ap-") as directory:
            assert run_main(main(Path(directory))) == b"headbody"
