"""What is still open or still to be done when a runtime is closed."""

import asyncio
import gc
import tempfile
import warnings
from pathlib import Path

from antipodes.runtime.contract import Accepted, PlainReceiver, Stream
from antipodes.runtime.main import run_main
from antipodes.runtime.real import RealRuntime
from antipodes.runtime.virtual import Simulation
from tests.runtime.worlds import FakeLinks


class Watcher(PlainReceiver):
    """Notes the end of its connection."""

    def __init__(self, ended: "asyncio.Future[None]") -> None:
        self._ended = ended

    def connection_made(self, stream: Stream) -> None:
        stream.write(b"hello")

    def connection_lost(self, error: Exception | None) -> None:
        self._ended.set_result(None)


def test_closing_a_real_runtime_ends_its_connections_with_the_laptop() -> None:
    async def main(directory: Path) -> tuple[bytes, bytes]:
        runtime = await RealRuntime.start(
            host="a", links=FakeLinks(), run_directory=directory, state_directory=directory
        )
        ended = runtime.future()

        def factory(_: Accepted) -> Watcher:
            return Watcher(ended)

        listener = await runtime.listen_loopback(factory)
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        first = await reader.read(5)
        await runtime.close()
        try:
            rest = await reader.read()
        except ConnectionResetError:
            rest = b""
        await ended
        writer.close()
        return first, rest

    with tempfile.TemporaryDirectory(prefix="ap-") as directory:
        assert run_main(main(Path(directory))) == (b"hello", b"")


def leave_things_undone() -> None:
    simulation = Simulation(FakeLinks(), seed=1)
    host = simulation.boot("a")

    async def never() -> None:
        await host.sleep(1)

    async def main() -> None:
        host.spawn(never(), "begun")
        await host.spawn(host.sleep(0), "a turn")
        host.spawn(never(), "never begun")

    simulation.run(main())
    simulation.close()


def test_what_was_spawned_in_the_last_turn_of_a_simulation_goes_without_a_sound() -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        leave_things_undone()
        gc.collect()
    assert [str(warning.message) for warning in heard] == []
