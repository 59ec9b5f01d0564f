"""A city's resolver: whom it asks, what it keeps and for how long, and where addresses lead."""

from collections.abc import Awaitable, Callable

import pytest

from antipodes.fabric.dns.cache import UnknownBehaviour
from antipodes.fabric.dns.message import NXDOMAIN, SERVFAIL
from antipodes.fabric.dns.names import to_wire
from antipodes.hosting.resolver import NoSuchName, Resolver, behaviours, belongs
from antipodes.runtime.contract import Address
from antipodes.service.recursion import NOWHERE_S
from antipodes.world import addresses
from antipodes.world.atlas import load_atlas
from antipodes.world.errors import WorldError
from antipodes.world.faults import CutLink, DarkPlace
from antipodes.world.world import World
from tests.hosting import authorities
from tests.hosting.authorities import (
    ACCELERATOR,
    APP,
    BALANCER,
    BALANCER_IP,
    CITY,
    MISSING,
    NEGATIVE_TTL_S,
    OTHER_IP,
    TTL_S,
    TXT,
    A,
    E,
    W,
    address,
    cname,
    perform,
)


class Scene(authorities.Scene):
    """A world, its edge, and a city's resolver."""

    def __init__(self, behaviour: str = "honour", speed: float = 1.0) -> None:
        super().__init__(speed)
        chosen = behaviours(self.world, {"sao-paulo": behaviour})
        self.resolver = Resolver(self.runtime, self.world, chosen)

    async def refusal(self, host: str) -> float:
        """A name must be refused; returns the seconds that it took."""
        started = self.runtime.now()
        with pytest.raises(NoSuchName):
            await self.resolver.resolve(host)
        return self.runtime.now() - started

    async def pass_s(self, seconds: float) -> None:
        """Let seconds of the world pass."""
        await self.runtime.sleep(self.runtime.interval(seconds))


def play(
    scenario: Callable[[Scene], Awaitable[None]], behaviour: str = "honour", speed: float = 1.0
) -> None:
    scene = Scene(behaviour, speed)
    perform(scene, lambda: scenario(scene))


@pytest.mark.parametrize("speed", [1.0, 10.0])
def test_an_answer_is_kept_for_its_ttl_and_asked_for_again_after_it(speed: float) -> None:
    async def scenario(scene: Scene) -> None:
        asked = [(scene.resolver.edge(), BALANCER)]
        started = scene.runtime.now()
        assert await scene.resolver.resolve(BALANCER) == BALANCER_IP
        rtt_s = scene.world.rtt_ms(CITY, scene.resolver.edge()) / 1e3
        assert scene.runtime.now() - started == pytest.approx(rtt_s, abs=0.001)
        assert scene.edge.asked == asked
        assert scene.edge.askers[0].place == CITY
        assert scene.edge.askers[0].ip == addresses.client_ip(CITY, 0)
        scene.edge.put(address(BALANCER, OTHER_IP))
        await scene.pass_s(TTL_S - 1)
        assert await scene.resolver.resolve(f"{BALANCER.upper()}.:80") == BALANCER_IP
        assert scene.edge.asked == asked
        await scene.pass_s(1)
        assert await scene.resolver.resolve(BALANCER) == OTHER_IP
        assert scene.edge.asked == asked * 2

    play(scenario, speed=speed)


def test_a_missing_name_is_remembered_for_as_long_as_its_zone_says() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.refusal(MISSING)
        scene.edge.put(address(MISSING, OTHER_IP))
        await scene.pass_s(NEGATIVE_TTL_S - 0.5)
        await scene.refusal(MISSING)
        await scene.pass_s(0.5)
        assert await scene.resolver.resolve(MISSING) == OTHER_IP
        assert len(scene.edge.asked) == 2

    play(scenario)


def test_a_name_that_nobody_has_does_not_exist_and_that_is_soon_forgotten() -> None:
    async def scenario(scene: Scene) -> None:
        nowhere = to_wire("www.example.org")
        assert (await scene.resolver.look_up(nowhere, A)).rcode == NXDOMAIN
        await scene.refusal("www.example.org")
        assert len(scene.edge.asked) == 1
        await scene.pass_s(NOWHERE_S)
        await scene.refusal("www.example.org")
        assert len(scene.edge.asked) == 2

    play(scenario)


def test_cnames_are_followed_and_their_links_age_apart() -> None:
    async def scenario(scene: Scene) -> None:
        assert await scene.resolver.resolve(APP) == BALANCER_IP
        names = [name for _, name in scene.edge.asked]
        assert names == [APP, BALANCER]
        await scene.pass_s(TTL_S)
        known = await scene.resolver.look_up(to_wire(APP), A)
        assert [name for _, name in scene.edge.asked] == [APP, BALANCER, BALANCER]
        assert [record.ttl for record in known.records] == [300 - TTL_S - 1, TTL_S, TTL_S]

    play(scenario)


def test_a_loop_of_cnames_is_a_failure() -> None:
    async def scenario(scene: Scene) -> None:
        scene.edge.put(cname(APP, "b.example.com"), cname("b.example.com", APP))
        assert (await scene.resolver.look_up(to_wire(APP), A)).rcode == SERVFAIL
        assert len(scene.edge.asked) < 20
        await scene.refusal(APP)

    play(scenario)


def test_who_asks_the_same_at_once_shares_one_question() -> None:
    async def scenario(scene: Scene) -> None:
        async with scene.runtime.nursery() as nursery:
            for _ in range(20):
                nursery.spawn(scene.resolver.resolve(APP), "asker")
            nursery.spawn(scene.resolver.look_up(to_wire(APP), TXT), "another question")
        assert sorted(name for _, name in scene.edge.asked) == [APP, APP, BALANCER, BALANCER]

    play(scenario)


def test_one_who_gives_up_does_not_take_the_answer_from_the_others() -> None:
    async def scenario(scene: Scene) -> None:
        async with scene.runtime.nursery() as nursery:
            impatient = nursery.spawn(scene.resolver.resolve(BALANCER), "impatient")
            patient = nursery.spawn(scene.resolver.resolve(BALANCER), "patient")
            await scene.runtime.sleep(0.0001)
            impatient.cancel()
        assert await patient == BALANCER_IP

    play(scenario)


def test_an_accelerator_is_asked_about_at_the_edge_location_anycast_leads_to() -> None:
    async def scenario(scene: Scene) -> None:
        near = scene.resolver.edge()
        assert await scene.resolver.resolve(f"{ACCELERATOR}.localhost:4566") == "198.18.0.1"
        scene.world.install(DarkPlace(place=near))
        await scene.pass_s(TTL_S)
        assert await scene.resolver.resolve(ACCELERATOR) == "198.18.0.1"
        places = [place for place, _ in scene.edge.asked]
        assert places == [near, scene.resolver.edge()]
        assert len(set(places)) == 2

    play(scenario)


def test_a_question_that_was_lost_is_asked_again_where_anycast_leads_by_then() -> None:
    async def scenario(scene: Scene) -> None:
        near = scene.resolver.edge()
        scene.world.install(CutLink(a=CITY, b=near))
        scene.runtime.later(0.1, scene.world.install, DarkPlace(place=near))
        assert await scene.resolver.resolve(BALANCER) == BALANCER_IP
        assert [place for place, _ in scene.edge.asked] == [scene.resolver.edge()]

    play(scenario)


def test_no_answer_is_a_failure_and_not_kept() -> None:
    async def scenario(scene: Scene) -> None:
        cut = scene.world.install(CutLink(a=CITY, b=scene.resolver.edge()))
        assert (await scene.resolver.look_up(to_wire(BALANCER), A)).rcode == SERVFAIL
        assert await scene.refusal(BALANCER) == pytest.approx(4.8)
        scene.world.heal(cut)
        assert await scene.resolver.resolve(BALANCER) == BALANCER_IP

    play(scenario)


def test_a_resolver_that_serves_stale_answers_does_so_while_nobody_answers() -> None:
    async def scenario(scene: Scene) -> None:
        assert await scene.resolver.resolve(BALANCER) == BALANCER_IP
        cut = scene.world.install(CutLink(a=CITY, b=scene.resolver.edge()))
        await scene.pass_s(TTL_S)
        started = scene.runtime.now()
        assert await scene.resolver.resolve(BALANCER) == BALANCER_IP
        assert scene.runtime.now() - started == pytest.approx(1.8)
        await scene.runtime.sleep(4)
        started = scene.runtime.now()
        assert await scene.resolver.resolve(BALANCER) == BALANCER_IP
        assert scene.runtime.now() == started, "it was in vain a moment ago"
        scene.world.heal(cut)
        scene.edge.put(address(BALANCER, OTHER_IP))
        await scene.pass_s(30)
        assert await scene.resolver.resolve(BALANCER) == OTHER_IP

    play(scenario, "stale:3600")


def test_a_resolver_that_prefetches_never_lets_a_name_end_that_is_asked_for() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.resolver.resolve(BALANCER)
        await scene.pass_s(TTL_S * 0.95)
        started = scene.runtime.now()
        await scene.resolver.resolve(BALANCER)
        await scene.resolver.resolve(BALANCER)
        assert scene.runtime.now() == started
        await scene.pass_s(1)
        assert len(scene.edge.asked) == 2
        await scene.pass_s(TTL_S * 0.5)
        await scene.resolver.resolve(BALANCER)
        assert len(scene.edge.asked) == 2

    play(scenario, "prefetch")


@pytest.mark.parametrize(("behaviour", "turned_s"), [("honour", 60), ("clamp:300", 300)])
def test_a_failover_reaches_a_city_when_its_resolver_forgets(
    behaviour: str, turned_s: float
) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.resolver.resolve(BALANCER)
        scene.edge.put(address(BALANCER, OTHER_IP))
        started = scene.runtime.now()
        while await scene.resolver.resolve(BALANCER) == BALANCER_IP:
            await scene.pass_s(1)
        assert scene.runtime.now() - started == pytest.approx(turned_s, abs=2)

    play(scenario, behaviour)


def test_behaviours_are_chosen_by_city() -> None:
    world = World(load_atlas(), (W, E))
    chosen = behaviours(world, {"default": "stale", "city/tokyo": "clamp:300", "london": "honour"})
    assert chosen["default"].stale_s > 0
    assert chosen["city/tokyo"].ttl_s_min == 300
    assert chosen["city/london"].stale_s == 0
    with pytest.raises(UnknownBehaviour):
        behaviours(world, {"london": "maybe"})
    with pytest.raises(WorldError):
        behaviours(world, {"us-west-2": "honour"})
    with pytest.raises(WorldError):
        behaviours(world, {"atlantis": "honour"})


def test_an_address_needs_no_question() -> None:
    async def scenario(scene: Scene) -> None:
        assert await scene.resolver.resolve("198.18.0.1:80") == "198.18.0.1"
        assert await scene.resolver.resolve("127.0.0.1") == "127.0.0.1"
        assert scene.edge.asked == []

    play(scenario)


def test_where_an_address_is() -> None:
    async def scenario(scene: Scene) -> None:
        door = scene.resolver.door
        for anycast in addresses.anycast_pair(3):
            assert door(anycast, 80) == Address("edge/GRU", f"{anycast}:80")
        in_region = addresses.region_address(E, 7)
        assert door(in_region, 8080) == Address(E, f"{in_region}:8080")
        assert door("127.0.0.1", 5000) == Address("laptop", "127.0.0.1:5000")
        for unknown in ("203.0.113.7", "198.20.0.1", "::1"):
            with pytest.raises(NoSuchName):
                door(unknown, 80)
        scene.world.install(DarkPlace(place="edge/GRU"))
        elsewhere = door(anycast, 80).place
        assert elsewhere.startswith("edge/")
        assert elsewhere != "edge/GRU"

    play(scenario)


def test_endpoints_of_the_api_belong_to_the_regions_of_this_world() -> None:
    async def scenario(scene: Scene) -> None:
        assert scene.resolver.api_region(f"dynamodb.{E}.amazonaws.com:443") == E
        assert scene.resolver.api_region("dynamodb.ap-south-1.amazonaws.com") is None
        assert scene.resolver.api_region(ACCELERATOR) is None

    play(scenario)


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        (f"{BALANCER}:80", True),
        (f"{BALANCER}.localhost:4566", True),
        (f"GlobalApp-1.{E}.ELB.amazonaws.com.", True),
        ("198.18.0.1", True),
        ("198.19.0.1:80", True),
        (ACCELERATOR, None),
        (f"{APP}.localhost:4566", None),
        (APP, None),
        ("", False),
        ("localhost:4566", False),
        ("localstack:4566", False),
        ("s3.localhost.localstack.cloud:4566", False),
        ("localhost.localstack.cloud:4566", False),
        ("host.docker.internal:4566", False),
        ("127.0.0.1:4566", False),
        ("[::1]:4566", False),
        (f"dynamodb.{W}.amazonaws.com", False),
        ("203.0.113.7:80", False),
    ],
)
def test_some_hosts_are_inside_the_world_for_certain(host: str, inside: bool | None) -> None:
    assert belongs(host) is inside


def test_of_the_others_a_resolver_knows() -> None:
    async def scenario(scene: Scene) -> None:
        knows = scene.resolver.knows
        assert await knows(APP)
        assert await knows(f"{APP}.localhost:4566")
        assert await knows(f"{ACCELERATOR}.")
        assert not await knows("www.example.org")
        asked = len(scene.edge.asked)
        assert not await knows("localhost:4566")
        assert len(scene.edge.asked) == asked

    play(scenario)
