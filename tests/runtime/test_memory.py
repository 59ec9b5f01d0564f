"""A host of the simulation that uses more memory than its machine has."""

from antipodes.runtime.contract import Address, PlainReceiver, Stream
from antipodes.runtime.virtual import Simulation, VirtualRuntime
from tests.runtime.worlds import FakeLinks


def test_a_host_that_uses_more_memory_than_there_is_is_killed_and_says_so() -> None:
    simulation = Simulation(FakeLinks(), seed=1)
    killed: list[str] = []

    def kill(name: str) -> None:
        killed.append(name)
        simulation.kill(name)

    simulation.out_of_memory = kill
    simulation.set_memory("a", 10_000)

    async def grow(host: VirtualRuntime) -> None:
        store = host.open_store("main")
        for number in range(100):
            store.put(b"%d" % number, b"x" * 200)
            await host.sleep(0.05)

    async def main() -> None:
        host = simulation.boot("a")
        host.spawn(grow(host), "grow")
        outside = simulation.boot("outside")
        await outside.spawn(outside.sleep(2.0), "wait")
        assert killed == []
        assert 7_000 < simulation.memory_of("a") < 9_000
        await outside.spawn(outside.sleep(2.0), "wait")
        assert killed == ["a"]
        simulation.set_memory("a", 0)
        simulation.boot("a")
        await outside.spawn(outside.sleep(2.0), "wait")
        assert killed == ["a"], "without a limit nothing is killed"

    simulation.run(main())
    [told] = simulation.journal.entries("out-of-memory")
    assert told["used_bytes"] > 10_000
    simulation.close()


def test_what_waits_for_a_host_on_its_connections_counts_as_its_memory() -> None:
    simulation = Simulation(FakeLinks(), seed=1)

    class Deaf(PlainReceiver):
        def connection_made(self, stream: Stream) -> None:
            stream.pause_reading()

    async def main() -> None:
        near, far = simulation.boot("a"), simulation.boot("b")
        await far.listen(Address("b", "deaf"), lambda _: Deaf())

        async def talk() -> None:
            stream, _ = await near.connect(Address("b", "deaf"), lambda _: PlainReceiver())
            stream.write(b"x" * 100_000)
            await near.sleep(1)

        await near.spawn(talk(), "talk")
        assert simulation.memory_of("b") == 100_000
        assert simulation.memory_of("a") == 0

    simulation.run(main())
    simulation.close()
