"""A relay passes everything on, in order, whoever speaks first and however much comes early."""

from typing import Any

import pytest

from antipodes.runtime.contract import Address, PlainReceiver, Runtime, Stream
from antipodes.service.relay import EARLY_BYTES_MAX, RelayEnd
from tests.runtime.worlds import BODIES

FRONT, BACK = Address("b", "front"), Address("b", "back")


@pytest.fixture(params=list(BODIES))
def run(request: pytest.FixtureRequest) -> Any:
    return BODIES[request.param]


class Collector(PlainReceiver):
    def __init__(self, runtime: Runtime, wanted: int) -> None:
        self.data = b""
        self._wanted = wanted
        self.full = runtime.future()

    def data_received(self, data: bytes) -> None:
        self.data += data
        if len(self.data) >= self._wanted and not self.full.done():
            self.full.set_result(None)


def test_a_server_that_speaks_first_is_heard(run: Any) -> None:
    class Greeter(PlainReceiver):
        def connection_made(self, stream: Stream) -> None:
            stream.write(b"hello")

    async def scenario(near: Runtime, far: Runtime) -> bytes:
        await far.listen(BACK, lambda _: Greeter())
        client = RelayEnd()
        _, back = await far.connect(BACK, RelayEnd)
        back.join(client)
        await far.sleep(0.05)  # the greeting is there before the client's side is
        await far.listen(FRONT, lambda _: client)
        stream, collector = await near.connect(FRONT, lambda _: Collector(near, 5))
        await collector.full
        stream.close()
        return collector.data

    assert run(scenario) == b"hello"


def test_what_comes_early_is_held_back_and_kept(run: Any) -> None:
    size = 4 * EARLY_BYTES_MAX
    sent = bytes(range(256)) * (size // 256)

    async def scenario(near: Runtime, far: Runtime) -> bytes:
        collector = Collector(far, size)
        await far.listen(BACK, lambda _: collector)
        client = RelayEnd()
        await far.listen(FRONT, lambda _: client)
        stream, _ = await near.connect(FRONT, lambda _: PlainReceiver())
        for start in range(0, size, 65_536):
            stream.write(sent[start : start + 65_536])
        await far.sleep(0.2)
        _, back = await far.connect(BACK, RelayEnd)
        back.join(client)
        await collector.full
        stream.close()
        return collector.data

    assert run(scenario) == sent
