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
        self.data = bytearray()
        self._wanted = wanted
        self.full = runtime.future()
        self.stream: Stream | None = None

    def connection_made(self, stream: Stream) -> None:
        self.stream = stream

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
        return bytes(collector.data)

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
        return bytes(collector.data)

    assert run(scenario) == sent


class Sender(PlainReceiver):
    """Sends pieces for as long as it is not asked to wait, up to a total."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.sent = 0
        self._pieces = pieces
        self._waits = False
        self._stream: Stream | None = None

    def connection_made(self, stream: Stream) -> None:
        self._stream = stream
        self.go_on()

    def go_on(self) -> None:
        while self._pieces and not self._waits and self._stream is not None:
            piece = self._pieces.pop(0)
            self.sent += len(piece)
            self._stream.write(piece)

    def pause_writing(self) -> None:
        self._waits = True

    def resume_writing(self) -> None:
        self._waits = False
        self.go_on()


def test_a_server_that_speaks_and_leaves_before_the_client_is_there_is_heard_to_its_end(
    run: Any,
) -> None:
    class Hasty(PlainReceiver):
        def connection_made(self, stream: Stream) -> None:
            stream.write(b"bye")
            stream.close()

    class Listener(Collector):
        def connection_lost(self, error: Exception | None) -> None:
            self.full.set_result(error)

    async def scenario(near: Runtime, far: Runtime) -> tuple[bytes, Exception | None]:
        await far.listen(BACK, lambda _: Hasty())
        client = RelayEnd()
        _, back = await far.connect(BACK, RelayEnd)
        back.join(client)
        await far.sleep(0.05)
        await far.listen(FRONT, lambda _: client)
        _, listener = await near.connect(FRONT, lambda _: Listener(near, 99))
        async with near.timeout(5):
            error = await listener.full
        return bytes(listener.data), error

    assert run(scenario) == (b"bye", None)


@pytest.mark.parametrize("first_bytes", [65_536, 20 << 20])
@pytest.mark.parametrize("is_joined_late", [False, True])
def test_a_slow_reader_holds_the_sender_back_and_gets_everything(
    run: Any, first_bytes: int, *, is_joined_late: bool
) -> None:
    """However large the first piece is that came before anybody could take it."""
    pieces = [bytes([number % 251]) * 65_536 for number in range(800)]  # 50 MiB
    pieces[0] = b"x" * first_bytes
    whole = sum(len(piece) for piece in pieces)

    async def scenario(near: Runtime, far: Runtime) -> tuple[int, int]:
        collector = Collector(far, whole)
        sender = Sender(list(pieces))
        relay = RelayEnd()
        await far.listen(BACK, lambda _: collector)
        await far.listen(FRONT, lambda _: relay)
        if is_joined_late:
            await near.connect(FRONT, lambda _: sender)
            await far.sleep(0.3)
        slow, back = await far.connect(BACK, RelayEnd)
        assert collector.stream is not None
        collector.stream.pause_reading()
        back.join(relay)
        if not is_joined_late:
            await near.connect(FRONT, lambda _: sender)
        await far.sleep(0.5)
        sent_meanwhile = sender.sent
        collector.stream.resume_reading()
        await collector.full
        slow.close()
        return sent_meanwhile, len(collector.data)

    sent_meanwhile, received = run(scenario)
    assert sent_meanwhile < whole / 2
    assert received == whole
