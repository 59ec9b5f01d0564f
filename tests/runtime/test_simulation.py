"""What only the virtual body does: the same run from the same seed, and hosts that die."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from antipodes.runtime.contract import Accepted, Address, Condition, Gone, PlainReceiver, Stream
from antipodes.runtime.virtual import Simulation
from antipodes.runtime.virtualloop import Deadlock
from tests.runtime.worlds import FakeLinks


class Counter(PlainReceiver):
    """Counts the bytes it gets and answers each with a stored number."""

    def __init__(self, total: list[int]) -> None:
        self._total = total
        self._stream: Stream

    def connection_made(self, stream: Stream) -> None:
        self._stream = stream

    def data_received(self, data: bytes) -> None:
        self._total[0] += len(data)
        self._stream.write(b"%d\n" % self._total[0])


def exchange(seed: int) -> tuple[str, int, float]:
    """Many messages over a lossy, jittery link with a cut; digest, bytes counted, virtual end."""
    links = FakeLinks(0.05)
    links.change("a", "b", Condition(0.05, jitter_s=0.01, loss=0.2))
    simulation = Simulation(links, seed=seed)
    near, far = simulation.boot("a"), simulation.boot("b")
    total = [0]

    async def talk() -> None:
        await far.listen(Address("b", "count"), lambda _: Counter(total))
        stream, _ = await near.connect(Address("b", "count"), lambda _: PlainReceiver())
        chance = near.chance("talk")
        for number in range(200):
            stream.write(b"x" * chance.randrange(1, 100))
            await near.sleep(chance.expovariate(20))
            if number == 100:
                links.change("b", "a", Condition(0.05, cut=True))
            if number == 150:
                links.change("b", "a")
        await near.sleep(5)

    async def main() -> None:
        await near.spawn(talk(), "talk")

    simulation.run(main())
    result = simulation.journal.digest(), total[0], simulation.loop.time()
    simulation.close()
    return result


def test_one_seed_gives_one_run_and_another_seed_another() -> None:
    first, again, other = exchange(1), exchange(1), exchange(2)
    assert first == again
    assert first[0] != other[0]
    assert first[1] > 1000, "nothing happened, so the digests prove nothing"
    assert first[2] > 5


def test_the_digest_does_not_depend_on_the_hash_seed() -> None:
    script = "from tests.runtime.test_simulation import exchange; print(exchange(3)[0])"
    root = Path(__file__).parents[2]
    said = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            cwd=root,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    assert said[0].strip()


def test_what_a_killed_host_had_not_committed_is_gone() -> None:
    simulation = Simulation(FakeLinks(), seed=1)
    host = simulation.boot("a")
    store = host.open_store("main")
    ran: list[str] = []

    async def work() -> None:
        store.put(b"kept", b"1")
        await store.committed()
        store.put(b"lost", b"1")
        try:
            await host.sleep(10)
        finally:
            ran.append("finally")

    async def main() -> None:
        host.spawn(work(), "work")
        outside = simulation.boot("outside")
        await outside.spawn(outside.sleep(0.01), "wait")
        store.put(b"late", b"1")
        simulation.kill("a")
        await outside.spawn(outside.sleep(20), "wait")

    simulation.run(main())
    assert ran == [], "a dead host ran its finally"
    again = simulation.boot("a").open_store("main")
    assert again.get(b"kept") == b"1"
    assert again.get(b"lost") == b"1"
    assert again.get(b"late") is None
    with pytest.raises(Gone):
        store.put(b"ghost", b"1")
    simulation.close()


def test_the_peer_of_a_killed_host_hears_of_it_after_the_distance() -> None:
    simulation = Simulation(FakeLinks(0.1), seed=1)
    near, far = simulation.boot("a"), simulation.boot("b")
    lost: list[tuple[float, Exception | None]] = []

    class Watcher(PlainReceiver):
        def connection_lost(self, error: Exception | None) -> None:
            lost.append((near.now(), error))

    def factory(_: Accepted) -> PlainReceiver:
        return PlainReceiver()

    async def scenario() -> float:
        await far.listen(Address("b", "door"), factory)
        await near.connect(Address("b", "door"), lambda _: Watcher())
        at = near.now()
        simulation.kill("b")
        await near.sleep(1)
        return at

    async def main() -> float:
        at: float = await near.spawn(scenario(), "scenario")
        return at

    at = simulation.run(main())
    assert len(lost) == 1
    assert lost[0][0] == pytest.approx(at + 0.1)
    assert isinstance(lost[0][1], Gone)
    simulation.close()


def test_a_bug_in_a_callback_stops_the_run() -> None:
    simulation = Simulation(FakeLinks(), seed=1)
    host = simulation.boot("a")

    def wrong() -> None:
        raise ZeroDivisionError("our own bug")

    async def main() -> None:
        host.later(1, wrong)
        await host.spawn(host.sleep(5), "wait")

    with pytest.raises(ZeroDivisionError):
        simulation.run(main())
    simulation.close()


def test_nothing_left_to_do_is_an_error() -> None:
    simulation = Simulation(FakeLinks(), seed=1)
    host = simulation.boot("a")

    async def forever() -> None:
        await host.future()

    async def main() -> None:
        await host.spawn(forever(), "forever")

    with pytest.raises(Deadlock):
        simulation.run(main())
    simulation.close()


def test_bytes_under_way_survive_their_sender() -> None:
    """The network's timers belong to no host; found as a context that was taken for none."""
    simulation = Simulation(FakeLinks(), seed=1)
    got: list[object] = []

    class Receiver(PlainReceiver):
        def data_received(self, data: bytes) -> None:
            got.append(data)

        def connection_lost(self, error: Exception | None) -> None:
            got.append(error)

    sender, receiver, other = (simulation.boot(name) for name in ("a", "b", "c"))

    async def send() -> None:
        stream, _ = await sender.connect(Address("b", "door"), lambda _: PlainReceiver())
        stream.write(b"under way")

    async def main() -> None:
        await receiver.spawn(receiver.listen(Address("b", "door"), lambda _: Receiver()), "listen")
        await sender.spawn(send(), "send")
        simulation.kill("a")
        await other.spawn(other.sleep(2), "wait")

    simulation.run(main())
    simulation.close()
    assert got[0] == b"under way"
    assert isinstance(got[1], Gone)


def test_waiting_for_hardly_any_time_gets_there() -> None:
    """Found as a world that stood still: a wait was shorter than any step of the clock."""
    simulation = Simulation(FakeLinks(), seed=1)
    host = simulation.boot("a")

    async def wait() -> None:
        await host.sleep(1000)
        due = host.now() + 1e-12
        assert due > host.now()
        while host.now() <= due:
            await host.sleep((due - host.now()) / 1e6)

    async def main() -> None:
        await host.spawn(wait(), "wait")

    simulation.run(main())
    assert simulation.loop.turns < 100
    simulation.close()


def test_timers_of_one_time_fire_in_the_order_they_were_made_however_many_are_cancelled() -> None:
    simulation = Simulation(FakeLinks(), seed=1)
    host = simulation.boot("a")
    fired: list[int] = []

    async def scenario() -> None:
        timers = [host.later(1 + n % 3, fired.append, n) for n in range(3000)]
        for number, timer in enumerate(timers):
            if number % 10:
                timer.cancel()
                timer.cancel()
        await host.sleep(4)

    async def main() -> None:
        await host.spawn(scenario(), "scenario")

    simulation.run(main())
    simulation.close()
    kept = range(0, 3000, 10)
    assert fired == [n for third in range(3) for n in kept if n % 3 == third]


def test_a_connect_over_a_cut_way_gives_up_after_its_time_whoever_waits_besides() -> None:
    links = FakeLinks(0.1)
    links.change("a", "c", Condition(0.1, cut=True))
    simulation = Simulation(links, seed=1)
    near, far = simulation.boot("a"), simulation.boot("b")
    gave_up: list[float] = []

    async def give_up() -> None:
        started = near.now()
        with pytest.raises(Gone, match="c door timed out"):
            await near.connect(Address("c", "door"), lambda _: PlainReceiver())
        gave_up.append(near.now() - started)

    async def scenario() -> None:
        await far.listen(Address("b", "door"), lambda _: PlainReceiver())
        async with near.nursery() as nursery:
            for _ in range(3):
                nursery.spawn(give_up(), "give up")
                await near.sleep(20)
                await near.connect(Address("b", "door"), lambda _: PlainReceiver())

    async def main() -> None:
        await near.spawn(scenario(), "scenario")

    simulation.run(main())
    simulation.close()
    assert gave_up == [pytest.approx(75, abs=1e-4)] * 3
