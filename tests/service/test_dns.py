"""The DNS server and client, in both bodies."""

from collections.abc import Awaitable
from typing import Any

import dns.message
import pytest

from antipodes.fabric.dns import names, rdata
from antipodes.fabric.dns.edns import Subnet
from antipodes.fabric.dns.message import (
    NOTIMP,
    NXDOMAIN,
    REFUSED,
    RR,
    Answer,
    Query,
    encode_answer,
    encode_query,
    parse_answer,
)
from antipodes.fabric.dns.precompiled import Answers, precompiled, ready
from antipodes.runtime.contract import (
    Accepted,
    Address,
    Condition,
    Datagram,
    PlainReceiver,
    Runtime,
    Stream,
    TimedOut,
)
from antipodes.service import dnsserver
from antipodes.service.dnsclient import DnsClient
from antipodes.service.dnsserver import Asker, DnsServer
from tests.runtime.worlds import BODIES, FakeLinks, run_virtual

DNS = Address("b", "dns")
WWW = names.to_wire("www.example.com")
LONG = names.to_wire("long.example.com")
LATE = names.to_wire("late.example.com")
SILENT = names.to_wire("silent.example.com")


@pytest.fixture(params=list(BODIES))
def run(request: pytest.FixtureRequest) -> Any:
    return BODIES[request.param]


def addresses(name: bytes, count: int) -> list[RR]:
    return [RR(name, rdata.A, 60, bytes((192, 0, 2, n))) for n in range(count)]


class Zone:
    """Answers a few names, and remembers who asked."""

    def __init__(self, runtime: Runtime) -> None:
        self.askers: list[tuple[Query, Asker]] = []
        self._runtime = runtime

    def __call__(self, query: Query, asker: Asker) -> bytes | Awaitable[bytes | None] | None:
        self.askers.append((query, asker))
        if query.name == SILENT:
            return None
        if query.name == LATE:
            return self._late(query)
        count = {WWW: 2, LONG: 200}.get(query.name)
        if count is None:
            return encode_answer(query, NXDOMAIN)
        return encode_answer(query, 0, addresses(query.name, count), scope=24)

    async def _late(self, query: Query) -> bytes:
        await self._runtime.sleep(0.3)
        return encode_answer(query, 0, addresses(LATE, 100))


class Talk(PlainReceiver):
    """One end of a stream of messages."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.data = bytearray()
        self.ended = runtime.future()
        self._wanted = 0
        self._enough = runtime.future()

    def data_received(self, data: bytes) -> None:
        self.data += data
        self._check()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(self._runtime.now())

    def _check(self) -> None:
        if self._wanted and len(self.answers()) >= self._wanted and not self._enough.done():
            self._enough.set_result(None)

    def answers(self) -> list[Answer]:
        found, position = [], 0
        while len(self.data) >= position + 2:
            end = position + 2 + int.from_bytes(self.data[position : position + 2], "big")
            if end > len(self.data):
                break
            found.append(parse_answer(bytes(self.data[position + 2 : end])))
            position = end
        return found

    async def wait(self, count: int) -> list[Answer]:
        self._wanted, self._enough = count, self._runtime.future()
        self._check()
        await self._enough
        return self.answers()


async def talk(near: Runtime) -> tuple[Stream, Talk]:
    return await near.connect(DNS, lambda _: Talk(near), source_ip="198.51.100.9", trace="t")


def framed(*messages: bytes) -> bytes:
    return b"".join(len(m).to_bytes(2, "big") + m for m in messages)


def test_questions_and_their_answers(run: Any) -> None:
    async def scenario(near: Runtime, far: Runtime) -> None:
        zone = Zone(far)
        await DnsServer(far, zone).listen(DNS)
        client = DnsClient(near)
        subnet = Subnet.of("198.51.100.0", 24)
        told = await client.ask(
            DNS, WWW, rdata.A, subnet=subnet, source_ip="198.51.100.9", trace="t"
        )
        assert (told.rcode, list(told.answers)) == (0, addresses(WWW, 2))
        assert told.subnet == subnet._replace(scope=24)
        query, asker = zone.askers[0]
        assert query.subnet == subnet
        assert asker == Asker("a", "198.51.100.9", DNS, "t", tcp=False)
        assert (await client.ask(DNS, names.ROOT, rdata.NS)).rcode == NXDOMAIN
        client.close()

    run(scenario)


def test_a_long_answer_is_fetched_over_a_stream(run: Any) -> None:
    async def scenario(near: Runtime, far: Runtime) -> None:
        zone = Zone(far)
        doors = await DnsServer(far, zone).listen(DNS)
        client = DnsClient(near)
        assert len((await client.ask(DNS, LONG, rdata.A)).answers) == 200
        assert [asker.tcp for _, asker in zone.askers] == [False, True]
        late = await client.ask(DNS, LATE, rdata.A, source_ip="198.51.100.9")
        assert len(late.answers) == 100
        assert zone.askers[-1][1].ip == "198.51.100.9"
        client.close()
        doors.close()
        with pytest.raises(TimedOut):
            await DnsClient(near).ask(DNS, WWW, rdata.A, timeout_s=0.1, tries=2)

    run(scenario)


def test_a_lost_datagram_is_sent_again() -> None:
    links = FakeLinks()

    async def scenario(near: Runtime, far: Runtime) -> None:
        zone = Zone(far)
        await DnsServer(far, zone).listen(DNS)
        client = DnsClient(near)
        links.change("a", "b", Condition(0.02, cut=True))
        near.later(1.0, links.change, "a", "b")
        started = near.now()
        assert len((await client.ask(DNS, WWW, rdata.A)).answers) == 2
        assert near.now() - started == pytest.approx(2.04)
        with pytest.raises(TimedOut):
            await client.ask(DNS, SILENT, rdata.A, tries=2)
        assert len(zone.askers) == 3

    run_virtual(scenario, links)


def test_an_answer_counts_only_from_whom_was_asked() -> None:
    async def scenario(near: Runtime, far: Runtime) -> None:
        asked: list[Datagram] = []
        door = await far.listen_datagrams(DNS, asked.append)
        other = await far.listen_datagrams(Address("b", "other"), asked.append)
        client = DnsClient(near)
        asking = near.spawn(client.ask(DNS, WWW, rdata.A), "asking")
        while not asked:
            await near.sleep(0.01)
        wanted = dns.message.make_response(dns.message.from_wire(asked[0].data))
        good = wanted.to_wire()
        elsewhere = good.replace(b"\x03www", b"\x03xxx")
        wrong_id = bytes((good[0] ^ 1,)) + good[1:]
        for bad in (b"", good[:9], elsewhere, wrong_id, asked[0].data):
            door.reply(asked[0], bad)
        other.send(asked[0].source, good)
        await near.sleep(0.1)
        assert not asking.done()
        door.reply(asked[0], good)
        door.reply(asked[0], good)
        assert (await asking).rcode == 0

    run_virtual(scenario)


def test_a_stream_carries_many_questions_at_once(run: Any) -> None:
    async def scenario(near: Runtime, far: Runtime) -> None:
        zone = Zone(far)
        await DnsServer(far, zone).listen(DNS)
        stream, receiver = await talk(near)
        questions = [
            encode_query(n, LATE if n == 0 else WWW, rdata.A, edns_bytes=0) for n in range(200)
        ]
        data = framed(*questions)
        for start in range(0, len(data), 1000):  # cut anywhere
            stream.write(data[start : start + 1000])
        told = await receiver.wait(200)
        assert [answer.id for answer in told] == [*range(1, 200), 0]
        assert len(told[-1].answers) == 100
        assert zone.askers[0][1] == Asker("a", "198.51.100.9", DNS, "t", tcp=True)
        stream.abort()

    run(scenario)


class HalfClosed:
    """A stream whose other end has said all, but listens (as sockets outside the world can)."""

    accepted = Accepted("a", "198.51.100.9", DNS, "")

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def get_write_buffer_size(self) -> int:
        return 0


def test_who_has_said_all_is_still_answered() -> None:
    async def scenario(near: Runtime, far: Runtime) -> None:
        stream = HalfClosed()
        receiver = DnsServer(far, Zone(far)).receiver(stream.accepted)
        receiver.connection_made(stream)
        receiver.data_received(framed(encode_query(1, LATE, rdata.A)) + b"\x00\x40half")
        assert receiver.eof_received()
        await near.sleep(0.2)
        assert not stream.is_closing()
        await near.sleep(0.2)
        assert stream.is_closing()
        assert len(parse_answer(stream.written[0][2:]).answers) == 100
        receiver.connection_lost(None)

    run_virtual(scenario)


def test_streams_that_say_nothing_are_cut_off() -> None:
    async def scenario(near: Runtime, far: Runtime) -> None:
        server = DnsServer(far, Zone(far))
        await server.listen(DNS)
        begun = near.now()
        _, quiet = await talk(near)
        slow, dribbling = await talk(near)
        busy, talking = await talk(near)
        question = framed(encode_query(1, WWW, rdata.A))
        for n in range(12):
            slow.write(question[n : n + 1])
            busy.write(question)
            await near.sleep(2.0)
        for receiver in (quiet, dribbling):
            assert await receiver.ended - begun < dnsserver.IDLE_S + 1
        assert not talking.ended.done()
        assert len(talking.answers()) == 12
        assert await talking.ended - begun > 24 + dnsserver.IDLE_S - 4

    run_virtual(scenario)


def test_streams_are_swept_by_one_timer_however_long_some_are_owed_an_answer() -> None:
    swept: list[float] = []

    class Counted(DnsServer):
        def _sweep(self) -> None:
            swept.append(self.runtime.now())
            super()._sweep()

    async def scenario(near: Runtime, far: Runtime) -> None:
        async def handle(query: Query) -> bytes:
            await far.sleep(300.0 if query.name == LATE else 0.0)
            return encode_answer(query, NXDOMAIN)

        await Counted(far, lambda query, _: handle(query)).listen(DNS)
        owed, _ = await talk(near)
        owed.write(framed(encode_query(1, LATE, rdata.A)))
        busy, talking = await talk(near)
        for _ in range(60):
            busy.write(framed(encode_query(2, WWW, rdata.A)))
            await near.sleep(3.0)
        assert len(talking.answers()) == 60
        # Each of the two has its turn about once in IDLE_S.
        assert len(swept) < 3 * 180 / dnsserver.IDLE_S

    run_virtual(scenario)


def test_who_does_not_take_its_answers_is_held_and_cut_off() -> None:
    async def scenario(near: Runtime, far: Runtime) -> int:
        asked = []

        def handler(query: Query, asker: Asker) -> bytes:
            asked.append((query, asker))
            return bytes(60_000)

        await DnsServer(far, handler).listen(DNS)
        stream, receiver = await talk(near)
        stream.pause_reading()
        question = framed(encode_query(1, LONG, rdata.A))
        for _ in range(50):
            stream.write(question * 20)
            await near.sleep(0.1)
        answered = len(asked)
        await near.sleep(30.0)
        assert len(asked) == answered
        stream.resume_reading()
        await receiver.ended
        return answered

    # 1,000 questions of whose answers (60 KB) a stream holds some.
    assert 100 < run_virtual(scenario) < 300


def test_a_thousand_idle_streams_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dnsserver, "CONNECTIONS_MAX", 50)

    async def scenario(near: Runtime, far: Runtime) -> None:
        await DnsServer(far, Zone(far)).listen(DNS)
        receivers = [(await talk(near))[1] for _ in range(60)]
        await near.sleep(1.0)
        assert [r.ended.done() for r in receivers] == [True] * 10 + [False] * 50

    run_virtual(scenario)


def test_what_no_handler_sees(run: Any) -> None:
    async def scenario(near: Runtime, far: Runtime) -> None:
        zone = Zone(far)
        await DnsServer(far, zone).listen(DNS)
        usual = encode_query(7, WWW, rdata.A)
        stream, receiver = await talk(near)
        transfer = encode_query(1, WWW, rdata.AXFR)
        chaos = encode_query(2, WWW, rdata.TXT, edns_bytes=0)[:-1] + b"\x03"
        notification = usual[:2] + b"\x20\x00" + usual[4:]
        answer = usual[:2] + b"\x80\x00" + usual[4:]
        stream.write(framed(answer, b"", b"x", transfer, chaos, notification))
        told = await receiver.wait(3)
        assert [(a.id, a.rcode) for a in told] == [(1, REFUSED), (2, REFUSED), (7, NOTIMP)]
        assert zone.askers == []
        stream.abort()

    run(scenario)


def test_too_many_questions_under_way_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dnsserver, "UNDER_WAY_MAX", 5)

    async def scenario(near: Runtime, far: Runtime) -> None:
        zone = Zone(far)
        await DnsServer(far, zone).listen(DNS)
        stream, receiver = await talk(near)
        stream.write(framed(*(encode_query(n, LATE, rdata.A) for n in range(9))))
        await near.sleep(1.0)
        assert [answer.id for answer in receiver.answers()] == [0, 1, 2, 3, 4]
        stream.write(framed(encode_query(9, LATE, rdata.A)))
        assert (await receiver.wait(6))[-1].id == 9

    run_virtual(scenario)


def test_the_express_lane_answers_before_the_handler(run: Any) -> None:
    async def scenario(near: Runtime, far: Runtime) -> None:
        zone, answers = Zone(far), Answers()
        answers.put(WWW, rdata.A, ready(WWW, precompiled(WWW, addresses(WWW, 1))))

        def express(datagram: Datagram) -> bytes | None:
            return answers.answer(datagram.data, datagram.source.place, datagram.source_ip)

        await DnsServer(far, zone, express=express).listen(DNS)
        client = DnsClient(near)
        assert (await client.ask(DNS, WWW, rdata.A)).answers == tuple(addresses(WWW, 1))
        assert zone.askers == []
        subnet = Subnet.of("192.0.2.0", 24)
        assert len((await client.ask(DNS, WWW, rdata.A, subnet=subnet)).answers) == 2
        client.close()

    run(scenario)


def test_ids_are_drawn_by_chance() -> None:
    async def scenario(near: Runtime, far: Runtime) -> list[int]:
        zone = Zone(far)
        await DnsServer(far, zone).listen(DNS)
        client = DnsClient(near)
        async with near.nursery() as nursery:
            for _ in range(20):
                nursery.spawn(client.ask(DNS, WWW, rdata.A), "ask")
        return [query.id for query, _ in zone.askers]

    ids = run_virtual(scenario)
    assert len(set(ids)) == 20
    assert ids == run_virtual(scenario)
