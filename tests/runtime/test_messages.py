"""What a simulation tells of the messages between its places, and of the rare paths taken."""

from antipodes.runtime.contract import Accepted, Address, Gone, PlainReceiver, Stream
from antipodes.runtime.messages import HEAD_MAX, Message
from antipodes.runtime.virtual import Simulation
from tests.runtime.worlds import FakeLinks


class Answerer(PlainReceiver):
    """Says one thing to whatever comes."""

    def connection_made(self, stream: Stream) -> None:
        self._stream = stream

    def data_received(self, data: bytes) -> None:
        self._stream.write(b"answer\r\nrest")


def talk(limit: int, *, watched: bool = True) -> tuple[Simulation, list[Message]]:
    """A person on the laptop and a host talk to another; what is kept of it."""
    simulation = Simulation(FakeLinks(0.1), seed=1)
    near, far = simulation.boot("a"), simulation.boot("b")
    if watched:
        simulation.watch_messages(limit)

    def factory(_: Accepted) -> Answerer:
        return Answerer()

    async def scenario() -> None:
        await far.listen(Address("b", "door"), factory)
        for runtime in (near.at("laptop"), near):
            stream, _ = await runtime.connect(
                Address("b", "door"), lambda _: PlainReceiver(), trace="t"
            )
            stream.write(b"GET /\x00\xff HTTP/1.1\r\nmore")
            await near.sleep(0.3)
            stream.close()
            await near.sleep(1)
        try:
            await near.connect(Address("b", "nowhere"), lambda _: PlainReceiver())
        except Gone:
            return

    async def main() -> None:
        await near.spawn(scenario(), "scenario")

    simulation.run(main())
    simulation.close()
    return simulation, simulation.messages


def test_messages_between_places_are_kept_and_those_of_the_laptop_are_not() -> None:
    _, messages = talk(100)
    assert [(m.source, m.destination, m.kind, m.size, m.head, m.trace) for m in messages] == [
        ("a", "b", "open", 0, "", "t"),
        ("a", "b", "data", 22, "GET /.\N{REPLACEMENT CHARACTER} HTTP/1.1", "t"),
        ("b", "a", "data", 12, "answer", "t"),
        ("a", "b", "eof", 0, "", "t"),
        ("a", "b", "open", 0, "", ""),
        ("b", "a", "reset", 0, "", ""),
    ]
    assert all(abs(m.arrived_s - m.sent_s - 0.1) < 1e-6 for m in messages)


def test_the_oldest_messages_give_way_and_nobody_watching_keeps_none() -> None:
    assert talk(2)[1] == talk(100)[1][-2:]
    assert talk(100, watched=False)[1] == []


def test_watching_is_not_to_be_seen_in_the_digest() -> None:
    assert talk(100)[0].journal.digest() == talk(100, watched=False)[0].journal.digest()


def test_a_head_is_short() -> None:
    simulation = Simulation(FakeLinks(0.1), seed=1)
    near = simulation.boot("a")
    simulation.watch_messages(10)

    async def scenario() -> None:
        await near.at("b").listen(Address("b", "door"), lambda _: PlainReceiver())
        stream, _ = await near.connect(Address("b", "door"), lambda _: PlainReceiver())
        stream.write(b"x" * 1000)
        await near.sleep(1)

    async def main() -> None:
        await near.spawn(scenario(), "scenario")

    simulation.run(main())
    simulation.close()
    assert simulation.messages[-1].head == "x" * HEAD_MAX
    assert simulation.messages[-1].size == 1000


def test_traffic_is_counted_by_direction_watched_or_not() -> None:
    simulation, _ = talk(0, watched=False)
    assert simulation.traffic == {
        ("laptop", "b"): 22,
        ("b", "laptop"): 12,
        ("a", "b"): 22,
        ("b", "a"): 12,
    }


def test_rare_paths_are_counted_by_name_and_are_no_part_of_the_digest() -> None:
    simulation = Simulation(FakeLinks(), seed=1)
    simulation.close()
    journal = simulation.journal
    before = journal.digest()
    for name in ("zebra", "aardvark", "zebra"):
        journal.sometimes(name)
    assert list(journal.markers().items()) == [("aardvark", 1), ("zebra", 2)]
    assert journal.digest() == before
