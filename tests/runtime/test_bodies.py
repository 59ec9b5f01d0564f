"""The same scenarios in both bodies of the runtime."""

from typing import Any

import pytest

from antipodes.runtime.contract import (
    Accepted,
    Address,
    Cancelled,
    Condition,
    Gone,
    PlainReceiver,
    Runtime,
    Stream,
    TimedOut,
    Timer,
)
from tests.runtime.worlds import BODIES, FakeLinks


class Echo(PlainReceiver):
    """Sends back what it gets, and remembers who came."""

    def __init__(self, accepted: Accepted) -> None:
        self.accepted = accepted
        self._stream: Stream

    def connection_made(self, stream: Stream) -> None:
        self._stream = stream

    def data_received(self, data: bytes) -> None:
        self._stream.write(data)


class Collector(PlainReceiver):
    """Collects until the end."""

    def __init__(self, runtime: Runtime) -> None:
        self.data = b""
        self.first = runtime.future()
        self.ended = runtime.future()

    def data_received(self, data: bytes) -> None:
        self.data += data
        if not self.first.done():
            self.first.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        self.ended.set_result(error)


@pytest.fixture(params=list(BODIES))
def run(request: pytest.FixtureRequest) -> Any:
    return BODIES[request.param]


def test_connecting_takes_a_round_trip_and_so_does_an_echo(run: Any) -> None:
    async def scenario(near: Runtime, far: Runtime) -> tuple[float, float, Accepted]:
        seen: list[Echo] = []

        def factory(accepted: Accepted) -> Echo:
            seen.append(Echo(accepted))
            return seen[-1]

        await far.listen(Address("b", "door"), factory)
        started = near.now()
        stream, receiver = await near.connect(
            Address("b", "door"), lambda _: Collector(near), source_ip="198.19.128.1", trace="t"
        )
        connected = near.now() - started
        stream.write(b"hello")
        await receiver.first
        assert receiver.data == b"hello"
        stream.close()
        return connected, near.now() - started, seen[0].accepted

    connected, echoed, accepted = run(scenario)
    assert connected >= 0.04
    assert echoed >= 0.08
    assert accepted == Accepted("a", "198.19.128.1", Address("b", "door"), "t")


def test_a_closed_door_refuses_after_the_round_trip(run: Any) -> None:
    async def scenario(near: Runtime, _: Runtime) -> float:
        started = near.now()
        with pytest.raises(Gone, match="refused"):
            await near.connect(Address("b", "nowhere"), lambda _: Collector(near))
        return near.now() - started

    assert run(scenario) >= 0.04


def test_what_was_written_before_the_close_arrives_before_the_end(run: Any) -> None:
    class Burst(PlainReceiver):
        def connection_made(self, stream: Stream) -> None:
            stream.write(b"x" * 100_000)
            stream.close()

    async def scenario(near: Runtime, far: Runtime) -> tuple[int, Exception | None]:
        await far.listen(Address("b", "burst"), lambda _: Burst())
        _, receiver = await near.connect(Address("b", "burst"), lambda _: Collector(near))
        error = await receiver.ended
        return len(receiver.data), error

    assert run(scenario) == (100_000, None)


@pytest.mark.parametrize("delay_s", [0.02, 0.0])
def test_a_cut_stalls_and_healing_delivers_in_order(run: Any, delay_s: float) -> None:
    links = FakeLinks(delay_s)

    async def scenario(near: Runtime, far: Runtime) -> bytes:
        await far.listen(Address("b", "door"), Echo)
        stream, receiver = await near.connect(Address("b", "door"), lambda _: Collector(near))
        links.change("a", "b", Condition(delay_s, cut=True))
        for number in range(5):
            stream.write(b"%d" % number)
        await near.sleep(0.15)
        assert receiver.data == b"", "something crossed a cut link"
        links.change("a", "b")
        await receiver.first
        while len(receiver.data) < 5:
            await near.sleep(0.01)
        stream.close()
        return receiver.data

    assert run(scenario, links) == b"01234"


def test_nothing_overtakes_what_was_sent_before_the_way_became_instant(run: Any) -> None:
    links = FakeLinks(0.1)

    async def scenario(near: Runtime, far: Runtime) -> bytes:
        await far.listen(Address("b", "door"), Echo)
        stream, receiver = await near.connect(Address("b", "door"), lambda _: Collector(near))
        stream.write(b"0")
        await near.sleep(0.02)
        links.change("a", "b", Condition(0.0))
        for number in range(1, 5):
            stream.write(b"%d" % number)
            await near.sleep(0.01)
        while len(receiver.data) < 5:
            await near.sleep(0.01)
        stream.close()
        return receiver.data

    assert run(scenario, links) == b"01234"


def test_a_wildcard_door_serves_every_place_below_it(run: Any) -> None:
    async def scenario(near: Runtime, far: Runtime) -> str:
        places: list[str] = []

        def factory(accepted: Accepted) -> Echo:
            places.append(accepted.local.place)
            return Echo(accepted)

        await far.listen(Address("b/*", "door"), factory)
        stream, _ = await near.connect(Address("b/GRU", "door"), lambda _: Collector(near))
        stream.close()
        return places[0]

    assert run(scenario) == "b/GRU"


def test_back_pressure_reaches_the_writer(run: Any) -> None:
    class Slow(PlainReceiver):
        def connection_made(self, stream: Stream) -> None:
            stream.pause_reading()
            streams.append(stream)

    class Writer(PlainReceiver):
        def __init__(self, runtime: Runtime) -> None:
            self.paused = runtime.future()
            self.resumed = runtime.future()

        def pause_writing(self) -> None:
            if not self.paused.done():
                self.paused.set_result(None)

        def resume_writing(self) -> None:
            if not self.resumed.done():
                self.resumed.set_result(None)

    streams: list[Stream] = []

    async def scenario(near: Runtime, far: Runtime) -> None:
        await far.listen(Address("b", "slow"), lambda _: Slow())
        stream, writer = await near.connect(Address("b", "slow"), lambda _: Writer(near))
        for _ in range(300):
            stream.write(b"x" * 65_536)
            await near.sleep(0)
            if writer.paused.done():
                break
        await writer.paused
        assert not writer.resumed.done(), "nothing was read, and the writer was told to go on"
        streams[0].resume_reading()
        await writer.resumed
        stream.abort()

    run(scenario)


def test_a_timeout_is_told_as_such(run: Any) -> None:
    async def scenario(near: Runtime, _: Runtime) -> None:
        with pytest.raises(TimedOut):
            async with near.timeout(0.01):
                await near.sleep(1)

    run(scenario)


def test_a_nursery_waits_for_all_and_cancels_the_rest_on_failure(run: Any) -> None:
    async def scenario(near: Runtime, _: Runtime) -> list[str]:
        said: list[str] = []

        async def work(name: str, seconds: float, *, fail: bool = False) -> None:
            try:
                await near.sleep(seconds)
                if fail:
                    raise ValueError(name)
                said.append(name)
            except Cancelled:
                said.append(f"{name} cancelled")
                raise

        async with near.nursery() as nursery:
            nursery.spawn(work("slow", 0.02), "slow")
            nursery.spawn(work("quick", 0.01), "quick")

        async def fail() -> None:
            async with near.nursery() as nursery:
                nursery.spawn(work("bad", 0.01, fail=True), "bad")
                nursery.spawn(work("other", 5), "other")

        with pytest.raises(ValueError, match="bad"):
            await fail()
        return said

    assert run(scenario) == ["quick", "slow", "other cancelled"]


def test_the_store_groups_orders_and_keeps(run: Any) -> None:
    async def scenario(near: Runtime, _: Runtime) -> None:
        store = near.open_store("main")
        heads: list[int] = []
        store.on_append(heads.append)
        for number in (3, 1, 2):
            store.put(b"k%d" % number, b"v%d" % number)
        store.append(b"first")
        store.append(b"second")
        written = store.dirty
        assert store.get(b"k1") == b"v1", "a group does not see its own writes"
        assert store.read_log(0, limit=10) == [], "an uncommitted entry was read"
        await store.committed()
        assert (written, store.dirty) == (True, False)
        assert heads == [2]
        assert [k for k, _ in store.scan(b"k", b"l")] == [b"k1", b"k2", b"k3"]
        assert [k for k, _ in store.scan(b"k", b"l", limit=2, reverse=True)] == [b"k3", b"k2"]
        assert [k for k, _ in store.scan(b"k1", b"k3")] == [b"k1", b"k2"]
        store.delete(b"k2")
        store.trim_log(1)
        await store.committed()
        assert store.get(b"k2") is None
        assert store.read_log(0, limit=10) == [(2, b"second")]
        store.close()
        again = near.open_store("main")
        assert again.head == 2
        assert again.get(b"k3") == b"v3"
        again.trim_log(2)
        await again.committed()
        again.close()
        last = near.open_store("main")
        assert last.append(b"third") == 3, "numbers were used again after trimming"
        await last.committed()
        last.close()

    run(scenario)


def test_a_lost_door_stalls_what_passes_through_it_and_others_at_its_place_do_not_notice(
    run: Any,
) -> None:
    links = FakeLinks()
    doors = Address("b", "door"), Address("b", "other")

    async def scenario(near: Runtime, far: Runtime) -> list[bytes]:
        ends = []
        for door in doors:
            await far.listen(door, Echo)
            ends.append(await near.connect(door, lambda _: Collector(near)))
        links.lose(doors[0])
        opening = near.spawn(_opened(near, doors[0]), "connect to a lost door")
        for stream, _ in ends:
            stream.write(b"hello")
        await ends[1][1].first
        await near.sleep(0.2)
        assert not opening.done()
        during = [collector.data for _, collector in ends]
        links.lose()
        await ends[0][1].first
        await opening
        for stream, _ in ends:
            stream.close()
        return [*during, ends[0][1].data]

    assert run(scenario, links) == [b"", b"hello", b"hello"]


async def _opened(runtime: Runtime, door: Address) -> None:
    stream, _ = await runtime.connect(door, lambda _: Collector(runtime))
    stream.close()


def test_a_timer_that_another_one_cancels_at_the_same_moment_is_not_called(run: Any) -> None:
    async def scenario(near: Runtime, _: Runtime) -> list[str]:
        called: list[str] = []
        timers: list[Timer] = []

        def first() -> None:
            called.append("first")
            timers[1].cancel()

        ended = near.future()
        then = (first, lambda: called.append("second"), lambda: called.append("third"))
        timers.extend(near.later(0.0, function) for function in then)
        near.later(0.05, lambda: ended.set_result(None))
        await ended
        timers[0].cancel()  # which is over
        return called

    assert run(scenario) == ["first", "third"]


def test_nobody_at_home_is_told_after_the_round_trip_and_never_over_a_cut_link(run: Any) -> None:
    links = FakeLinks()

    async def scenario(near: Runtime, _: Runtime) -> list[str]:
        told: list[str] = []
        ended = near.future()
        started = near.now()

        def failed(error: Gone) -> None:
            assert near.now() - started >= 0.04
            told.append(str(error).partition(":")[0])
            ended.set_result(None)

        near.open(Address("c", "door"), lambda _: Collector(near), failed)
        await ended
        with pytest.raises(Gone, match="refused"):
            await near.connect(Address("c", "door"), lambda _: Collector(near))
        links.change("a", "c", Condition(0.0, cut=True))
        with pytest.raises(TimedOut):
            async with near.timeout(0.2):
                await near.connect(Address("c", "door"), lambda _: Collector(near))
        return told

    assert run(scenario, links) == ["c door refused"]


def test_who_gives_up_connecting_leaves_nothing_open(run: Any) -> None:
    class Waiter(PlainReceiver):
        def __init__(self, ended: Any) -> None:
            self._ended = ended

        def connection_lost(self, error: Exception | None) -> None:
            self._ended.set_result(error is None)

    async def scenario(near: Runtime, far: Runtime) -> bool:
        ended = far.future()
        await far.listen(Address("b", "door"), lambda _: Waiter(ended))
        with pytest.raises(TimedOut):
            async with near.timeout(0.03):  # it is accepted after 0.02, and told after 0.04
                await near.connect(Address("b", "door"), lambda _: Collector(near))
        await ended
        return ended.done()

    assert run(scenario)
