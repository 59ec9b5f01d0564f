"""A city's resolver: whom it asks, what it keeps and for how long, and where addresses lead."""

from collections.abc import Awaitable, Callable

import orjson
import pytest

from antipodes.hosting.links import WorldLinks
from antipodes.hosting.resolver import NEGATIVE_TTL_S, NoSuchName, Resolver, is_world_name
from antipodes.runtime.contract import Address, Runtime
from antipodes.runtime.virtual import Simulation
from antipodes.service.http import HttpRequest, HttpResponse, HttpServer
from antipodes.world import addresses
from antipodes.world.atlas import load_atlas
from antipodes.world.faults import CutLink, DarkPlace
from antipodes.world.world import World

W, E = "us-west-2", "eu-central-1"
CITY = "city/sao-paulo"
ACCELERATOR = "a0123456789abcdef.awsglobalaccelerator.com"
BALANCER = f"globalapp-1.{W}.elb.amazonaws.com"
TTL_S = 60


class Authority:
    """A place's authoritative server: answers what a test lets it know, and notes the questions."""

    def __init__(self, runtime: Runtime, place: str, names: dict[str, list[str]]) -> None:
        self.names = names
        self.asked: list[tuple[str, str]] = []
        self._server = HttpServer(runtime, self.answer)
        self._runtime = runtime
        self._place = place

    async def open(self) -> None:
        await self._runtime.listen(Address(self._place, "dns"), self._server.receiver)

    def answer(self, request: HttpRequest) -> HttpResponse:
        name = request.target.removeprefix("/?name=")
        self.asked.append((request.accepted.local.place, name))
        if name not in self.names:
            return HttpResponse(404)
        return HttpResponse(200, (), orjson.dumps({"addresses": self.names[name], "ttl": TTL_S}))


class Scene:
    """A world of two regions and an edge that only answer names, and a resolver in a city."""

    def __init__(self, speed: float = 1.0) -> None:
        self.world = World(load_atlas(), (W, E), seed=1)
        self.simulation = Simulation(WorldLinks(self.world), seed=1, speed=speed)
        self.runtime = self.simulation.boot("outside", "laptop").at(CITY)
        region, edge = self.simulation.boot(W), self.simulation.boot("edge")
        self.region = Authority(region, W, {BALANCER: ["198.19.0.7", "198.19.0.8"]})
        self.edge = Authority(edge, "edge/*", {ACCELERATOR: ["198.18.0.1", "198.18.128.1"]})
        self.resolver = Resolver(self.runtime, self.world)

    async def refusal(self, host: str) -> float:
        """A name must be refused; returns the seconds that it took."""
        started = self.runtime.now()
        with pytest.raises(NoSuchName):
            await self.resolver.resolve(host)
        return self.runtime.now() - started


def play(scenario: Callable[[Scene], Awaitable[None]], speed: float = 1.0) -> None:
    scene = Scene(speed)

    async def started() -> None:
        await scene.region.open()
        await scene.edge.open()
        await scenario(scene)

    async def main() -> None:
        await scene.runtime.spawn(started(), "scenario")

    try:
        scene.simulation.run(main())
    finally:
        scene.simulation.close()


@pytest.mark.parametrize("speed", [1.0, 10.0])
def test_an_answer_is_kept_for_its_ttl_and_asked_for_again_after_it(speed: float) -> None:
    async def scenario(scene: Scene) -> None:
        started = scene.runtime.now()
        assert await scene.resolver.resolve(BALANCER) == "198.19.0.7"
        assert scene.runtime.now() - started >= scene.world.rtt_ms(CITY, W) / 1000
        kept_from = scene.runtime.now()
        scene.region.names[BALANCER] = ["198.19.0.9"]
        await scene.runtime.sleep(TTL_S / speed - 0.001)
        assert await scene.resolver.resolve(f"{BALANCER.upper()}.:80") == "198.19.0.7"
        assert scene.runtime.now() - kept_from < TTL_S / speed, "it asked while it knew"
        assert scene.region.asked == [(W, BALANCER)]
        await scene.runtime.sleep(0.002)
        assert await scene.resolver.resolve(BALANCER) == "198.19.0.9"
        assert scene.region.asked == [(W, BALANCER)] * 2

    play(scenario, speed)


def test_a_missing_name_is_kept_for_less_long() -> None:
    async def scenario(scene: Scene) -> None:
        missing = f"missing-1.{W}.elb.amazonaws.com"
        assert await scene.refusal(missing) > 0
        scene.region.names[missing] = ["198.19.0.9"]
        assert await scene.refusal(missing) == 0
        await scene.runtime.sleep(NEGATIVE_TTL_S - 0.001)
        assert await scene.refusal(missing) == 0
        assert len(scene.region.asked) == 1
        await scene.runtime.sleep(0.002)
        assert await scene.resolver.resolve(missing) == "198.19.0.9"
        assert len(scene.region.asked) == 2

    play(scenario)


def test_names_of_other_worlds_are_refused_without_asking_anybody() -> None:
    async def scenario(scene: Scene) -> None:
        for name in (
            "example.com",
            "globalapp-1.ap-south-1.elb.amazonaws.com",
            "a0123.awsglobalaccelerator.com",
            f"{ACCELERATOR}.example.com",
            "",
        ):
            assert await scene.refusal(name) == 0, name
        assert scene.region.asked == scene.edge.asked == []

    play(scenario)


def test_accelerators_are_asked_for_at_the_edge_location_that_is_nearest_and_not_dark() -> None:
    async def scenario(scene: Scene) -> None:
        near = scene.world.anycast_edge(CITY)
        assert await scene.resolver.resolve(f"{ACCELERATOR}.localhost:4566") == "198.18.0.1"
        scene.world.install(DarkPlace(place=near))
        await scene.runtime.sleep(TTL_S)
        assert await scene.resolver.resolve(ACCELERATOR) == "198.18.0.1"
        places = [place for place, _ in scene.edge.asked]
        assert places == [near, scene.resolver.edge()]
        assert len(set(places)) == 2

    play(scenario)


def test_no_answer_is_not_kept() -> None:
    async def scenario(scene: Scene) -> None:
        cut = scene.world.install(CutLink(a=CITY, b=W))
        assert await scene.refusal(BALANCER) == pytest.approx(5)
        scene.world.heal(cut)
        assert await scene.resolver.resolve(BALANCER) == "198.19.0.7"

    play(scenario)


def test_an_address_needs_no_question() -> None:
    async def scenario(scene: Scene) -> None:
        assert await scene.resolver.resolve("198.18.0.1:80") == "198.18.0.1"
        assert await scene.resolver.resolve("127.0.0.1") == "127.0.0.1"
        assert scene.region.asked == scene.edge.asked == []

    play(scenario)


def test_where_an_address_is() -> None:
    async def scenario(scene: Scene) -> None:
        door = scene.resolver.door
        for address in addresses.anycast_pair(3):
            assert door(address, 80) == Address("edge/GRU", f"{address}:80")
        in_region = addresses.region_address(E, 7)
        assert door(in_region, 8080) == Address(E, f"{in_region}:8080")
        assert door("127.0.0.1", 5000) == Address("laptop", "127.0.0.1:5000")
        for unknown in ("203.0.113.7", "198.20.0.1", "::1"):
            with pytest.raises(NoSuchName):
                door(unknown, 80)
        scene.world.install(DarkPlace(place="edge/GRU"))
        elsewhere = door("198.18.0.1", 80).place
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
    "host",
    [
        ACCELERATOR,
        f"{ACCELERATOR}:80",
        f"{ACCELERATOR}.localhost",
        f"{ACCELERATOR}.localhost:4566",
        f"{BALANCER}.",
        f"GlobalApp-1.{E}.ELB.amazonaws.com:8080",
        "198.18.0.1",
        "198.19.0.1:80",
    ],
)
def test_hosts_inside_the_world(host: str) -> None:
    assert is_world_name(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost:4566",
        "127.0.0.1:4566",
        "[::1]:4566",
        f"dynamodb.{W}.amazonaws.com",
        f"{ACCELERATOR}.example.com",
        "203.0.113.7:80",
    ],
)
def test_hosts_outside_of_the_world(host: str) -> None:
    assert not is_world_name(host)
