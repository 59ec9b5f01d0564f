"""Hosts that hang: nothing of a paused host runs, nothing is lost, what came keeps its order."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from antipodes.runtime.contract import Accepted, Address, Gone, PlainReceiver, Stream
from antipodes.runtime.virtual import Simulation, VirtualRuntime
from antipodes.runtime.virtualloop import Deadlock
from tests.runtime.worlds import FakeLinks

DOOR = Address("b", "door")


class Logger(PlainReceiver):
    """Notes what happens to a connection, and when."""

    def __init__(self, runtime: VirtualRuntime) -> None:
        self._runtime = runtime
        self.log: list[tuple[float, object]] = []
        self.stream: Stream

    def note(self, what: object) -> None:
        self.log.append((round(self._runtime.now(), 6), what))

    def connection_made(self, stream: Stream) -> None:
        self.stream = stream
        self.note("made")

    def data_received(self, data: bytes) -> None:
        self.note(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.note(type(error))


class Pair:
    """Two hosts a tenth of a second apart, and the far one's door."""

    def __init__(self) -> None:
        self.simulation = Simulation(FakeLinks(0.1), seed=1)
        self.near, self.far = self.simulation.boot("a"), self.simulation.boot("b")
        self.accepted: list[Logger] = []

    def factory(self, _: Accepted) -> Logger:
        self.accepted.append(Logger(self.far))
        return self.accepted[-1]

    async def connect(self) -> tuple[Stream, Logger]:
        return await self.near.connect(DOOR, lambda _: Logger(self.near))

    def play(self, scenario: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Run a scenario on the near host, with the door open."""

        async def main() -> Any:
            await self.far.spawn(self.far.listen(DOOR, self.factory), "listen")
            return await self.near.spawn(scenario(), "scenario")

        try:
            return self.simulation.run(main())
        finally:
            self.simulation.close()


def test_callbacks_of_a_paused_host_run_at_its_resume_in_their_order() -> None:
    pair = Pair()
    ran: list[tuple[float, str]] = []

    def note(what: str) -> None:
        ran.append((pair.near.now(), what))

    async def sleeper() -> None:
        await pair.far.sleep(2)
        note("slept")
        pair.far.soon(note, "soon after")

    async def scenario() -> None:
        pair.far.later(3, note, "third")
        pair.far.later(1, note, "first")
        gone = pair.far.later(2.5, note, "cancelled while held")
        pair.far.spawn(sleeper(), "sleeper")
        await pair.near.sleep(0.5)
        pair.simulation.pause("b")
        await pair.near.sleep(3.5)
        assert ran == []
        gone.cancel()
        pair.simulation.resume("b")
        pair.far.soon(note, "last")
        await pair.near.sleep(1)

    pair.play(scenario)
    # Waking a task takes a turn of its own.
    names = ["first", "third", "last", "slept", "soon after"]
    assert ran == [(4.0, name) for name in names]


def test_a_paused_host_is_connected_to_but_does_not_speak() -> None:
    pair = Pair()

    async def scenario() -> list[float]:
        pair.simulation.pause("b")
        stream, _ = await pair.connect()
        connected = pair.near.now()
        stream.write(b"one")
        stream.write(b"two")
        stream.close()
        await pair.near.sleep(5)
        assert pair.accepted == []
        pair.simulation.resume("b")
        await pair.near.sleep(1)
        return [connected, pair.near.now() - 1]

    connected, resumed = pair.play(scenario)
    assert connected == pytest.approx(0.2)
    [far] = pair.accepted
    assert [what for _, what in far.log] == ["made", b"one", b"two", type(None)]
    assert {at for at, _ in far.log} == {round(resumed, 6)}


def test_what_is_sent_to_a_paused_host_queues_and_holds_its_sender() -> None:
    pair = Pair()
    block = b"x" * (1 << 20)

    async def scenario() -> None:
        stream, _ = await pair.connect()
        await pair.near.sleep(1)
        pair.simulation.pause("b")
        for _ in range(4):
            stream.write(block)
        await pair.near.sleep(1)
        assert stream.get_write_buffer_size() == 4 << 20
        pair.simulation.resume("b")
        await pair.near.sleep(1)
        assert stream.get_write_buffer_size() == 0

    pair.play(scenario)
    assert [what for _, what in pair.accepted[0].log] == ["made", *[block] * 4]


def test_what_arrives_right_after_a_resume_does_not_overtake() -> None:
    pair = Pair()

    async def scenario() -> None:
        stream, _ = await pair.connect()
        await pair.near.sleep(1)
        pair.simulation.pause("b")
        stream.write(b"held")
        await pair.near.sleep(1)
        stream.write(b"later")
        # Due in the very turn in which the host is resumed, behind the resuming.
        pair.near.later(0.1, pair.simulation.resume, "b")
        await pair.near.sleep(1)

    pair.play(scenario)
    assert [what for _, what in pair.accepted[0].log] == ["made", b"held", b"later"]


def test_a_paused_caller_learns_of_its_connection_when_it_is_resumed() -> None:
    pair = Pair()

    class Greeter(Logger):
        def connection_made(self, stream: Stream) -> None:
            stream.write(b"welcome")

    async def scenario() -> tuple[float, list[tuple[float, object]]]:
        await pair.far.spawn(
            pair.far.listen(Address("b", "greeter"), lambda _: Greeter(pair.far)), "listen"
        )
        outside = pair.simulation.boot("outside")
        calling = pair.near.connect(Address("b", "greeter"), lambda _: Logger(pair.near))
        outside.later(0.15, pair.simulation.pause, "a")
        outside.later(3, pair.simulation.resume, "a")
        _, receiver = await calling
        connected = pair.near.now()
        await pair.near.sleep(1)
        return connected, receiver.log

    connected, log = pair.play(scenario)
    assert connected == 3
    assert log == [(3, "made"), (3, b"welcome")]


def test_a_paused_host_can_be_killed_and_never_runs_again() -> None:
    pair = Pair()
    ran: list[str] = []

    async def work() -> None:
        try:
            await pair.far.sleep(1)
            ran.append("went on")
        finally:
            ran.append("finally")

    async def scenario() -> list[tuple[float, object]]:
        stream, receiver = await pair.connect()
        pair.far.spawn(work(), "work")
        await pair.near.sleep(0.5)
        pair.simulation.pause("b")
        stream.write(b"never read")
        await pair.near.sleep(2)
        pair.simulation.kill("b")
        await pair.near.sleep(1)
        again = pair.simulation.boot("b")
        with pytest.raises(Gone):
            await pair.connect()
        assert again.alive
        return receiver.log

    log = pair.play(scenario)
    assert ran == []
    assert log[-1] == (2.8, Gone)
    assert [what for _, what in pair.accepted[0].log] == ["made"]


def test_pausing_and_resuming_twice_is_once_and_both_are_in_the_journal() -> None:
    pair = Pair()

    async def scenario() -> None:
        pair.simulation.pause("b")
        pair.simulation.pause("b")
        await pair.near.sleep(1)
        pair.simulation.resume("b")
        pair.simulation.resume("b")

    pair.play(scenario)
    noted = [(e["at"], e["kind"]) for e in pair.simulation.journal.entries() if e["kind"] != "boot"]
    assert noted == [(0, "pause"), (1, "resume")]


def test_a_world_in_which_all_are_paused_is_a_deadlock() -> None:
    pair = Pair()

    async def scenario() -> None:
        pair.simulation.pause("a")
        await pair.near.sleep(1)

    with pytest.raises(Deadlock):
        pair.play(scenario)
