"""A recursive resolver: what it asks, what it shares, and what it says when nobody answers."""

from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address

import pytest

from antipodes.fabric.dns.cache import HONOUR, Behaviour, Known, parse_behaviour
from antipodes.fabric.dns.message import NOERROR, NXDOMAIN, REFUSED, RR, SERVFAIL, Answer
from antipodes.fabric.dns.names import to_wire
from antipodes.runtime.contract import Gone, TimedOut
from antipodes.runtime.virtual import Simulation
from antipodes.service.recursion import ASKING_MAX, NOWHERE_S, STALE_ANSWER_S, Recursion
from tests.runtime.worlds import FakeLinks

A, CNAME = 1, 5
APP, BALANCER = to_wire("app.example.com"), to_wire("lb.example.net")
ROUND_TRIP_S = 0.1


class Scene:
    """A resolver, and what an authority says after a round trip."""

    def __init__(self, behaviour: Behaviour = HONOUR) -> None:
        self.simulation = Simulation(FakeLinks(), seed=1)
        self.runtime = self.simulation.boot("a")
        self.says: dict[bytes, Answer | Exception] = {APP: address(APP)}
        self.asked: list[bytes] = []
        self.round_trip_s = ROUND_TRIP_S
        self.recursion = Recursion(self.runtime, self.ask, behaviour)

    async def ask(self, name: bytes, rtype: int) -> Answer:
        del rtype
        self.asked.append(name)
        await self.runtime.sleep(self.round_trip_s)
        said = self.says.get(name, Answer(REFUSED, 0, (), (), ()))
        if isinstance(said, Exception):
            raise said
        return said

    async def resolve(self, name: bytes = APP) -> Known:
        """Ask the resolver for an address."""
        return await self.recursion.resolve(name, A)


def address(name: bytes, ttl: int = 60) -> Answer:
    record = RR(name, A, ttl, IPv4Address("198.19.0.1").packed)
    return Answer(NOERROR, 0, (record,), (), ())


def play(scenario: Callable[[Scene], Awaitable[None]], behaviour: str = "honour") -> None:
    scene = Scene(parse_behaviour(behaviour))

    async def main() -> None:
        async def started() -> None:
            await scenario(scene)

        await scene.runtime.spawn(started(), "scenario")

    try:
        scene.simulation.run(main())
    finally:
        scene.simulation.close()


def test_a_chain_is_followed_link_by_link() -> None:
    async def scenario(scene: Scene) -> None:
        link = RR(APP, CNAME, 300, BALANCER)
        scene.says = {APP: Answer(NOERROR, 0, (link,), (), ()), BALANCER: address(BALANCER)}
        known = await scene.resolve()
        assert [record.rtype for record in known.records] == [CNAME, A]
        assert scene.asked == [APP, BALANCER]
        assert [record.ttl for record in (await scene.resolve()).records] == [299, 60]
        assert scene.asked == [APP, BALANCER]

    play(scenario)


def test_who_asks_while_an_answer_is_on_its_way_waits_for_it() -> None:
    async def scenario(scene: Scene) -> None:
        async with scene.runtime.nursery() as nursery:
            asking = [nursery.spawn(scene.resolve(), "asker") for _ in range(10)]
        assert {(await asker).rcode for asker in asking} == {NOERROR}
        assert scene.asked == [APP]
        assert scene.runtime.now() == pytest.approx(ROUND_TRIP_S)

    play(scenario)


def test_what_nobody_has_does_not_exist() -> None:
    async def scenario(scene: Scene) -> None:
        assert (await scene.resolve(BALANCER)).rcode == NXDOMAIN
        assert (await scene.resolve(BALANCER)).rcode == NXDOMAIN
        assert scene.asked == [BALANCER]
        await scene.runtime.sleep(NOWHERE_S)
        await scene.resolve(BALANCER)
        assert scene.asked == [BALANCER] * 2

    play(scenario)


@pytest.mark.parametrize(
    "said", [TimedOut("silence"), Gone("refused"), Answer(SERVFAIL, 0, (), (), ())]
)
def test_a_failure_is_told_and_asked_about_again(said: Answer | Exception) -> None:
    async def scenario(scene: Scene) -> None:
        scene.says[APP] = said
        assert (await scene.resolve()).rcode == SERVFAIL
        scene.says[APP] = address(APP)
        assert (await scene.resolve()).rcode == NOERROR

    play(scenario)


def test_what_is_stale_is_served_in_the_place_of_a_failure() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.resolve()
        await scene.runtime.sleep(61)
        scene.says[APP] = TimedOut("silence")
        known = await scene.resolve()
        assert (known.rcode, known.stale) == (NOERROR, True)
        assert len(scene.asked) == 2
        assert (await scene.resolve()).stale
        assert len(scene.asked) == 2, "not so soon again"

    play(scenario, "stale")


def test_who_waits_too_long_gets_what_is_stale_and_the_answer_is_kept_for_the_next() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.resolve()
        await scene.runtime.sleep(61)
        before = scene.runtime.now()
        scene.round_trip_s = STALE_ANSWER_S + 1
        assert (await scene.resolve()).stale
        assert scene.runtime.now() - before == pytest.approx(STALE_ANSWER_S)
        await scene.runtime.sleep(2)
        assert not (await scene.resolve()).stale
        assert len(scene.asked) == 2

    play(scenario, "stale")


def test_what_is_being_asked_is_bounded() -> None:
    async def scenario(scene: Scene) -> None:
        names = [to_wire(f"n{number}.example.com") for number in range(ASKING_MAX + 1)]
        async with scene.runtime.nursery() as nursery:
            asking = [nursery.spawn(scene.resolve(name), "asker") for name in names]
        rcodes = [(await asker).rcode for asker in asking]
        assert rcodes == [NXDOMAIN] * ASKING_MAX + [SERVFAIL]

    play(scenario)
