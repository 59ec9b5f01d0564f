"""Datagrams in both bodies: they arrive once, twice or never, in any order, and nobody says so."""

import socket
import tempfile
from pathlib import Path
from typing import Any

import pytest

from antipodes.runtime.contract import (
    DATAGRAM_BYTES_MAX,
    Address,
    Condition,
    Datagram,
    DatagramDoor,
    Gone,
    PlainReceiver,
    Runtime,
    Stream,
)
from antipodes.runtime.main import run_main
from antipodes.runtime.real import RealRuntime
from antipodes.runtime.virtual import Simulation
from tests.runtime.worlds import BODIES, FakeLinks

NAMES = Address("b", "names")


@pytest.fixture(params=list(BODIES))
def run(request: pytest.FixtureRequest) -> Any:
    return BODIES[request.param]


class Box:
    """Keeps what comes, and when."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._wanted = 0
        self._enough = runtime.future()
        self.came: list[Datagram] = []
        self.times: list[float] = []

    def take(self, datagram: Datagram) -> None:
        self.came.append(datagram)
        self.times.append(self._runtime.now())
        if len(self.came) >= self._wanted > 0 and not self._enough.done():
            self._enough.set_result(None)

    async def have(self, count: int) -> list[bytes]:
        """Wait for so many."""
        self._wanted = count
        if len(self.came) < count:
            self._enough = self._runtime.future()
            await self._enough
        return [datagram.data for datagram in self.came]


async def pair(near: Runtime, far: Runtime) -> tuple[DatagramDoor, Box]:
    """A client's door at `a`, and a box at `b` that everything goes to."""
    box = Box(far)
    await far.listen_datagrams(NAMES, box.take)
    return await near.listen_datagrams(Address("a", ""), lambda _: None), box


def test_a_question_and_its_answer_take_a_round_trip(run: Any) -> None:
    async def scenario(near: Runtime, far: Runtime) -> tuple[float, Datagram, Datagram]:
        asked: list[Datagram] = []

        def answer(datagram: Datagram) -> None:
            asked.append(datagram)
            server.reply(datagram, datagram.data.upper())

        server = await far.listen_datagrams(NAMES, answer)
        box = Box(near)
        client = await near.listen_datagrams(Address("a", ""), box.take)
        started = near.now()
        client.send(NAMES, b"question", source_ip="198.19.128.1", trace="t")
        await box.have(1)
        assert asked[0].source == client.address
        return near.now() - started, asked[0], box.came[0]

    took, asked, answer = run(scenario)
    assert 0.04 <= took < 0.5
    assert (asked.data, asked.source_ip, asked.local, asked.trace) == (
        b"question",
        "198.19.128.1",
        NAMES,
        "t",
    )
    assert (answer.data, answer.source, answer.trace) == (b"QUESTION", NAMES, "t")


def test_any_door_below_a_place_answers_from_where_it_was_asked(run: Any) -> None:
    async def scenario(near: Runtime, far: Runtime) -> Datagram:
        server = await far.listen_datagrams(
            Address("b/*", "names"), lambda datagram: server.reply(datagram, b"yes")
        )
        with pytest.raises(ValueError, match="many doors"):
            server.send(Address("a", "x"), b"from where?")
        box = Box(near)
        client = await near.listen_datagrams(Address("a", ""), box.take)
        client.send(Address("b/GRU", "names"), b"?")
        await box.have(1)
        return box.came[0]

    assert run(scenario).source == Address("b/GRU", "names")


def test_the_largest_is_carried_whole_and_larger_ones_are_refused(run: Any) -> None:
    async def scenario(near: Runtime, far: Runtime) -> list[bytes]:
        client, box = await pair(near, far)
        with pytest.raises(ValueError, match="65507"):
            client.send(NAMES, b"x" * (DATAGRAM_BYTES_MAX + 1))
        client.send(NAMES, b"x" * DATAGRAM_BYTES_MAX)
        client.send(NAMES, b"")
        return await box.have(2)

    assert sorted(len(data) for data in run(scenario)) == [0, DATAGRAM_BYTES_MAX]


def test_where_nobody_listens_they_end_in_silence(run: Any) -> None:
    async def scenario(near: Runtime, far: Runtime) -> list[bytes]:
        client, box = await pair(near, far)
        client.send(Address("b", "nobody"), b"1")
        client.send(Address("nowhere", "names"), b"2")
        door = await far.listen_datagrams(Address("b", "closed"), box.take)
        door.close()
        client.send(Address("b", "closed"), b"3")
        client.send(NAMES, b"4")
        return await box.have(1)

    assert run(scenario) == [b"4"]


def test_a_door_that_was_opened_or_closed_is_known_at_once(run: Any) -> None:
    async def scenario(near: Runtime, far: Runtime) -> list[bytes]:
        client, box = await pair(near, far)
        to = Address("b", "later")
        client.send(to, b"1")
        client.send(NAMES, b"2")
        await box.have(1)
        door = await far.listen_datagrams(to, box.take)
        client.send(to, b"3")
        await box.have(2)
        door.close()
        client.send(to, b"4")
        client.send(NAMES, b"5")
        return await box.have(3)

    assert run(scenario) == [b"2", b"3", b"5"]


def test_a_door_is_opened_once_and_is_free_when_it_is_closed(run: Any) -> None:
    async def scenario(near: Runtime, _: Runtime) -> None:
        door = await near.listen_datagrams(Address("a", "names"), lambda _: None)
        with pytest.raises(Gone, match="in use"):
            await near.listen_datagrams(Address("a", "names"), lambda _: None)
        door.close()
        await near.listen_datagrams(Address("a", "names"), lambda _: None)
        clients = [await near.listen_datagrams(Address("a", ""), lambda _: None) for _ in range(3)]
        assert len({client.address for client in clients}) == 3

    run(scenario)


def test_hundreds_at_once_arrive_in_order_where_nothing_is_wrong(run: Any) -> None:
    async def scenario(near: Runtime, far: Runtime) -> list[bytes]:
        client, box = await pair(near, far)
        for number in range(500):
            client.send(NAMES, b"%d" % number)
        return await box.have(500)

    assert run(scenario) == [b"%d" % number for number in range(500)]


def test_a_cut_loses_what_is_sent_and_what_is_under_way(run: Any) -> None:
    links = FakeLinks(0.1)

    async def scenario(near: Runtime, far: Runtime) -> list[bytes]:
        client, box = await pair(near, far)
        client.send(NAMES, b"under way")
        await near.sleep(0.03)
        links.change("a", "b", Condition(0.1, cut=True))
        client.send(NAMES, b"into the cut")
        await near.sleep(0.2)
        links.change("a", "b")
        client.send(NAMES, b"after it")
        return await box.have(1)

    assert run(scenario, links) == [b"after it"]


def test_a_share_is_lost_and_nothing_sends_it_again(run: Any) -> None:
    links = FakeLinks()
    links.change("a", "b", Condition(0.02, loss=0.3))

    async def scenario(near: Runtime, far: Runtime) -> int:
        client, box = await pair(near, far)
        for number in range(400):
            client.send(NAMES, b"%d" % number)
        await near.sleep(0.2)
        links.change("a", "b")
        client.send(NAMES, b"the end")
        while box.came[-1].data != b"the end":
            await near.sleep(0.01)
        return len(box.came) - 1

    assert 220 < run(scenario, links) < 340


def test_a_share_arrives_twice(run: Any) -> None:
    links = FakeLinks()
    links.change("a", "b", Condition(0.02, duplicated=0.25))

    async def scenario(near: Runtime, far: Runtime) -> list[bytes]:
        client, box = await pair(near, far)
        for number in range(400):
            client.send(NAMES, b"%d" % number)
        await near.sleep(0.2)
        links.change("a", "b")
        client.send(NAMES, b"the end")
        while box.came[-1].data != b"the end":
            await near.sleep(0.01)
        return [datagram.data for datagram in box.came[:-1]]

    came = run(scenario, links)
    assert set(came) == {b"%d" % number for number in range(400)}
    assert 50 < len(came) - 400 < 160
    assert max(came.count(data) for data in set(came)) == 2


def test_what_is_held_back_is_overtaken(run: Any) -> None:
    links = FakeLinks()
    links.change("a", "b", Condition(0.02, held=0.2, held_s=0.1))

    async def scenario(near: Runtime, far: Runtime) -> list[bytes]:
        client, box = await pair(near, far)
        for number in range(100):
            client.send(NAMES, b"%d" % number)
        return await box.have(100)

    came = [int(data) for data in run(scenario, links)]
    assert sorted(came) == list(range(100))
    late = [number for place, number in enumerate(came) if number < max(came[: place + 1])]
    assert 8 <= len(late) <= 35
    on_time = [number for number in came if number not in late]
    assert on_time == sorted(on_time)
    assert came[-len(late) :] == late, "the held ones were not the last"


def test_jitter_alone_lets_one_overtake_another(run: Any) -> None:
    links = FakeLinks()
    links.change("a", "b", Condition(0.02, jitter_s=0.05))

    async def scenario(near: Runtime, far: Runtime) -> list[bytes]:
        client, box = await pair(near, far)
        for number in range(50):
            client.send(NAMES, b"%d" % number)
        return await box.have(50)

    came = [int(data) for data in run(scenario, links)]
    assert sorted(came) == list(range(50))
    assert came != sorted(came)


def test_a_narrow_way_paces_and_drops_what_would_wait_too_long(run: Any) -> None:
    links = FakeLinks()
    links.change("a", "b", Condition(0.02, bandwidth_bytes_s=100_000))

    async def scenario(near: Runtime, far: Runtime) -> tuple[int, float]:
        client, box = await pair(near, far)
        started = near.now()
        for _ in range(4):
            client.send(NAMES, b"x" * 10_000)
        await box.have(4)
        took = box.times[-1] - started
        for _ in range(30):
            client.send(NAMES, b"x" * 10_000)
        await near.sleep(2)
        return len(box.came), took

    count, took = run(scenario, links)
    assert took >= 0.41
    assert 4 + 10 <= count <= 4 + 14


def test_on_a_byte_stream_duplicates_never_show_and_what_is_held_back_delays(run: Any) -> None:
    links = FakeLinks()

    class Sink(PlainReceiver):
        def __init__(self) -> None:
            self.data = b""

        def data_received(self, data: bytes) -> None:
            self.data += data

    async def scenario(near: Runtime, far: Runtime) -> tuple[bytes, float]:
        sink = Sink()
        await far.listen(Address("b", "sink"), lambda _: sink)
        stream: Stream
        stream, _ = await near.connect(Address("b", "sink"), lambda _: PlainReceiver())
        links.change("a", "b", Condition(0.02, duplicated=1.0, held=1.0, held_s=0.1))
        started = near.now()
        for number in range(10):
            stream.write(b"%d" % number)
            await near.sleep(0.001)
        while len(sink.data) < 10:
            await near.sleep(0.005)
        took = near.now() - started
        stream.close()
        return sink.data, took

    data, took = run(scenario, links)
    assert data == b"0123456789"
    assert took >= 0.12


# The virtual body's own.


def test_a_killed_hosts_doors_are_closed_and_what_it_sent_arrives() -> None:
    simulation = Simulation(FakeLinks(0.1), seed=1)
    near, far = simulation.boot("a"), simulation.boot("b")

    async def main() -> list[bytes]:
        client, box = await pair(near, far)
        client.send(NAMES, b"last words")
        simulation.kill("a")
        client.send(NAMES, b"a ghost's")
        outside = simulation.boot("outside")
        await outside.spawn(outside.sleep(1), "wait")
        again = simulation.boot("a")
        door = await again.listen_datagrams(Address("a", ""), lambda _: None)
        assert door.address != client.address, "answers to the dead would reach the living"
        simulation.kill("b")
        door.send(NAMES, b"to nobody")
        await outside.spawn(outside.sleep(1), "wait")
        return [datagram.data for datagram in box.came]

    assert simulation.run(main()) == [b"last words"]
    simulation.close()


def test_a_paused_host_takes_what_came_when_it_goes_on() -> None:
    simulation = Simulation(FakeLinks(), seed=1)
    near, far = simulation.boot("a"), simulation.boot("b")

    async def main() -> list[list[bytes]]:
        client, box = await pair(near, far)
        outside = simulation.boot("outside")
        seen: list[list[bytes]] = []
        simulation.pause("b")
        client.send(NAMES, b"1")
        client.send(NAMES, b"2")
        await outside.spawn(outside.sleep(1), "wait")
        seen.append([datagram.data for datagram in box.came])
        simulation.resume("b")
        await outside.spawn(outside.sleep(0.01), "wait")
        seen.append([datagram.data for datagram in box.came])
        return seen

    assert simulation.run(main()) == [[], [b"1", b"2"]]
    simulation.close()


def digest(seed: int) -> str:
    links = FakeLinks()
    links.change("a", "b", Condition(0.02, 0.01, 0.1, duplicated=0.1, held=0.1, held_s=0.05))
    simulation = Simulation(links, seed=seed)
    near, far = simulation.boot("a"), simulation.boot("b")

    async def main() -> None:
        client, _ = await pair(near, far)
        for number in range(200):
            client.send(NAMES, b"%d" % number)
        await near.spawn(near.sleep(5), "wait")

    simulation.run(main())
    simulation.close()
    return simulation.journal.digest()


def test_one_seed_gives_one_run() -> None:
    assert digest(1) == digest(1)
    assert digest(1) != digest(2)


# The real body's own.


def test_a_host_that_comes_back_is_reached_again() -> None:
    async def main(directory: Path) -> list[bytes]:
        async def start(host: str) -> RealRuntime:
            return await RealRuntime.start(
                host=host,
                links=FakeLinks(),
                run_directory=directory,
                state_directory=directory / "state",
            )

        near, far = await start("a"), await start("b")
        client, box = await pair(near, far)
        client.send(NAMES, b"first")
        seen = await box.have(1)
        await far.close()
        client.send(NAMES, b"to nobody")
        far = await start("b")
        box = Box(far)
        await far.listen_datagrams(NAMES, box.take)
        client.send(NAMES, b"second")
        seen += await box.have(1)
        await near.close()
        await far.close()
        return seen

    with tempfile.TemporaryDirectory(prefix="ap-") as directory:
        assert run_main(main(Path(directory))) == [b"first", b"second"]


def test_what_is_no_datagram_of_this_world_is_passed_over() -> None:
    async def main(directory: Path) -> list[bytes]:
        runtime = await RealRuntime.start(
            host="b",
            links=FakeLinks(),
            run_directory=directory,
            state_directory=directory / "state",
        )
        box = Box(runtime)
        door = await runtime.listen_datagrams(NAMES, box.take)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
            for rubbish in (b"", b"\xc1", b"GET / HTTP/1.1\r\n\r\n", b"\x95\x01\x02\x03\x04\x05"):
                stranger.sendto(rubbish, str(directory / "b.datagrams"))
        door.send(NAMES, b"to myself")
        seen = await box.have(1)
        await runtime.close()
        return seen

    with tempfile.TemporaryDirectory(prefix="ap-") as directory:
        assert run_main(main(Path(directory))) == [b"to myself"]


def test_datagrams_to_and_from_a_lost_door_are_lost(run: Any) -> None:
    links = FakeLinks()

    async def scenario(near: Runtime, far: Runtime) -> list[list[bytes]]:
        door, box = await pair(near, far)
        answers = Box(near)
        replying = await far.listen_datagrams(Address("b", "answers"), lambda _: None)
        asking = await near.listen_datagrams(Address("a", ""), answers.take)
        links.lose(NAMES)
        door.send(NAMES, b"lost")
        question = Datagram(b"", asking.address, "", Address("b", "names"), "")
        replying.reply(question, b"lost as well")
        replying.send(asking.address, b"not lost")
        await answers.have(1)
        await near.sleep(0.1)
        links.lose()
        door.send(NAMES, b"after")
        await box.have(1)
        return [[datagram.data for datagram in found.came] for found in (box, answers)]

    assert run(scenario, links) == [[b"after"], [b"not lost"]]


def test_a_client_that_stands_elsewhere_gets_its_answers(run: Any) -> None:
    """As the supervisor does, and a drill, when they stand in a city."""

    async def scenario(near: Runtime, far: Runtime) -> tuple[str, str, str]:
        door = await far.listen_datagrams(NAMES, lambda asked: door.reply(asked, b"answer"))
        answered = near.future()
        elsewhere = near.at("city/sao-paulo")
        client = await elsewhere.listen_datagrams(Address(elsewhere.place, ""), answered.set_result)
        client.send(NAMES, b"question", source_ip="198.19.128.1")
        answer: Datagram = await answered
        return answer.data.decode(), answer.local.place, answer.source.place

    assert run(scenario) == ("answer", "city/sao-paulo", "b")
