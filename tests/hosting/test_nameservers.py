"""DNS for the laptop: a city's port number, and the front door's, over datagrams and streams."""

from collections.abc import Awaitable, Callable
from itertools import accumulate

import pytest

from antipodes.fabric.dns.message import (
    AA,
    FORMERR,
    NOERROR,
    NXDOMAIN,
    RA,
    REFUSED,
    SERVFAIL,
    Answer,
    encode_query,
    parse_answer,
)
from antipodes.fabric.dns.names import to_wire
from antipodes.hosting import nameservers
from antipodes.hosting.cities import CityProxy
from antipodes.hosting.laptop import Laptop
from antipodes.hosting.nameservers import Names, is_dns
from antipodes.runtime.contract import Address, Datagram, PlainReceiver
from antipodes.service.dnsclient import DnsClient
from antipodes.world.faults import CutLink
from tests.hosting import authorities
from tests.hosting.authorities import (
    ANY,
    APP,
    BALANCER,
    MISSING,
    TTL_S,
    TXT,
    A,
    perform,
)

CITY_PORT, FRONT_PORT = Address("laptop", "127.0.0.1:1"), Address("laptop", "127.0.0.1:2")


class Scene(authorities.Scene):
    """A world's edge, and ports that speak DNS; here they are doors at the laptop."""

    def __init__(self) -> None:
        super().__init__()
        self.city = CityProxy(self.runtime, self.world)
        self.laptop = Laptop(self.outside, self.world, {})
        self.client = DnsClient(self.outside)

    async def open(self) -> None:
        await super().open()
        for port, names, receiver in (
            (CITY_PORT, self.city.names, self.city.receiver),
            (FRONT_PORT, self.laptop, self.laptop.names_receiver),
        ):
            await self.outside.listen(port, receiver)
            await self.hear(port, names)

    async def hear(self, port: Address, names: Names) -> None:
        def take(datagram: Datagram) -> None:
            names.take(datagram, door)

        door = await self.outside.listen_datagrams(port, take)

    async def ask(
        self, port: Address, name: str, rtype: int = A, *, recursion: bool = True
    ) -> Answer:
        """Ask one of the ports, as dig does."""
        wire = to_wire(name)
        return await self.client.ask(port, wire, rtype, recursion=recursion, timeout_s=9, tries=1)


def play(scenario: Callable[[Scene], Awaitable[None]]) -> None:
    scene = Scene()
    perform(scene, lambda: scenario(scene))


def test_a_city_answers_from_its_resolver() -> None:
    async def scenario(scene: Scene) -> None:
        answer = await scene.ask(CITY_PORT, APP)
        assert (answer.rcode, answer.flags & (AA | RA)) == (NOERROR, RA)
        assert [record.rtype for record in answer.answers] == [5, A, A]
        await scene.outside.sleep(10)
        again = await scene.ask(CITY_PORT, APP)
        assert [record.ttl for record in again.answers] == [289, TTL_S - 10, TTL_S - 10]
        assert len(scene.edge.asked) == 2

    play(scenario)


def test_a_city_tells_what_is_not_there_and_for_how_long() -> None:
    async def scenario(scene: Scene) -> None:
        for name, rtype, rcode in ((MISSING, A, NXDOMAIN), (BALANCER, TXT, NOERROR)):
            answer = await scene.ask(CITY_PORT, name, rtype)
            assert (answer.rcode, answer.answers) == (rcode, ())
            assert [record.rtype for record in answer.authority] == [authorities.SOA]

    play(scenario)


def test_a_city_that_hears_nothing_says_so() -> None:
    async def scenario(scene: Scene) -> None:
        scene.world.install(CutLink(a=authorities.CITY, b=scene.city.resolver.edge()))
        assert (await scene.ask(CITY_PORT, APP)).rcode == SERVFAIL

    play(scenario)


def test_a_city_is_there_to_recurse_and_not_to_list() -> None:
    async def scenario(scene: Scene) -> None:
        assert (await scene.ask(CITY_PORT, APP, recursion=False)).rcode == REFUSED
        everything = await scene.ask(CITY_PORT, APP, ANY)
        assert [record.rdata for record in everything.answers] == [b"\x07RFC8482\x00"]
        assert scene.edge.asked == []

    play(scenario)


def test_the_front_door_answers_as_the_edge_location_nearest_to_the_laptop() -> None:
    async def scenario(scene: Scene) -> None:
        for _ in range(2):
            answer = await scene.ask(FRONT_PORT, APP, recursion=False)
            assert (answer.rcode, answer.flags & (AA | RA)) == (NOERROR, AA)
            assert [record.rtype for record in answer.answers] == [5]
        assert (await scene.ask(FRONT_PORT, "www.example.org")).rcode == REFUSED
        assert len(scene.edge.asked) == 3
        assert {place for place, _ in scene.edge.asked} == {"edge/SEA"}
        assert {asker.place for asker in scene.edge.askers} == {"city/seattle"}

    play(scenario)


def test_the_front_door_passes_datagrams_on_as_they_are() -> None:
    async def scenario(scene: Scene) -> None:
        heard: list[bytes] = []
        door = await scene.outside.listen_datagrams(
            Address("laptop", ""), lambda datagram: heard.append(datagram.data)
        )
        odd_case = encode_query(7, to_wire(APP), A).replace(b"app", b"aPP")
        cookie = encode_query(8, to_wire(APP), A, edns_bytes=1400)
        cookie = cookie[:-2] + b"\x00\x0c\x00\x0a\x00\x08cookies!"
        for data in (odd_case, cookie, b"", odd_case[:11], b"\0\7\x80\0" + odd_case[4:]):
            door.send(FRONT_PORT, data)
        nonsense = odd_case[:12]
        door.send(FRONT_PORT, nonsense)
        await scene.outside.sleep(2)
        assert len(heard) == 3  # what is no question is not passed on
        told = sorted((parse_answer(data).id, parse_answer(data).rcode) for data in heard)
        assert told == sorted([(7, NOERROR), (7, FORMERR), (8, NOERROR)])
        assert any(odd_case[12:-11] in data for data in heard)
        assert {asker.tcp for asker in scene.edge.askers} == {False}

    play(scenario)


def test_the_front_door_keeps_a_bounded_number_of_questions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(nameservers, "PASSED_MAX", 2)
    monkeypatch.setattr(nameservers, "EARLY_MAX", 4)

    async def scenario(scene: Scene) -> None:
        heard: list[int] = []
        door = await scene.outside.listen_datagrams(
            Address("laptop", ""), lambda datagram: heard.append(parse_answer(datagram.data).id)
        )
        for number in range(9):
            door.send(FRONT_PORT, encode_query(number, to_wire(APP), A))
        await scene.outside.sleep(2)
        # The first came before the way was open, the newest of all are remembered.
        assert len(heard) == 2
        door.send(FRONT_PORT, encode_query(77, to_wire(APP), A))
        await scene.outside.sleep(2)
        assert heard[2:] == [77]

    play(scenario)


class Client(PlainReceiver):
    """Collects what comes."""

    def __init__(self, _: object) -> None:
        self.got = b""

    def data_received(self, data: bytes) -> None:
        self.got += data


@pytest.mark.parametrize("port", [CITY_PORT, FRONT_PORT], ids=["city", "front-door"])
@pytest.mark.parametrize("step", [1, 1000])
def test_dns_over_tcp_is_told_by_its_first_byte(port: Address, step: int) -> None:
    async def scenario(scene: Scene) -> None:
        stream, client = await scene.outside.connect(port, Client)
        said = b""
        for number in (1, 2):
            question = encode_query(number, to_wire(BALANCER), A, recursion=True)
            said += len(question).to_bytes(2, "big") + question
        for at in range(0, len(said), step):
            stream.write(said[at : at + step])
            await scene.outside.sleep(0.001)
        await scene.outside.sleep(2)
        size = 2 + int.from_bytes(client.got[:2], "big")
        assert len(client.got) == 2 * size
        answers = [parse_answer(client.got[2:size]), parse_answer(client.got[size + 2 :])]
        assert [answer.id for answer in answers] == [1, 2]
        assert all(len(answer.answers) == 2 for answer in answers)

    play(scenario)


def test_no_other_protocol_begins_as_dns_does() -> None:
    longest = encode_query(1, to_wire(".".join(["x" * 61] * 4)), A)
    for size in accumulate([12, 1, len(longest) - 13]):
        assert is_dns(size.to_bytes(2, "big"))
    for other in (b"GET ", b"CONNECT ", b"\x05\x01", b"\x16\x03\x01", b"\r\n"):
        assert not is_dns(other)
