"""When people notice that a name means something else: by their resolver, and by their client."""

from typing import Any

import pytest

from antipodes.drills.calls import Way
from antipodes.drills.screen import Screen
from antipodes.drills.sessions import Session
from antipodes.hosting.resolver import Resolver, behaviours
from antipodes.runtime.contract import Accepted, Address, Stream
from tests.drills.plays import small
from tests.hosting.authorities import (
    APP,
    BALANCER,
    BALANCER_IP,
    CITY,
    OTHER_IP,
    Scene,
    W,
    address,
    perform,
)


@pytest.mark.parametrize(
    ("resolvers", "load", "noticed_s"),
    [
        ({}, {}, 60),
        ({"sao-paulo": "clamp:300"}, {}, 300),
        ({"default": "ignore:20"}, {}, 20),
        ({"london": "clamp:300"}, {"keeps_names_s": 100.0}, 100),
        ({}, {"keeps_names_s": 10.0}, 60),
    ],
)
def test_a_name_that_turns_is_noticed_when_it_is_forgotten(
    resolvers: dict[str, str], load: dict[str, Any], noticed_s: float
) -> None:
    drill = small(
        world={"regions": [W], "resolvers": resolvers}, load={"cities": ["sao-paulo"], **load}
    )
    scene = Scene()
    chosen = behaviours(scene.world, drill.world.resolvers)
    resolver = Resolver(scene.runtime, scene.world, chosen)
    way = Way(CITY, scene.runtime, resolver, drill, (BALANCER, 80))

    async def scenario() -> None:
        assert await way.door(1, 1) == Address(W, f"{BALANCER_IP}:80")
        scene.edge.put(address(BALANCER, OTHER_IP))
        turned = scene.runtime.now()
        while await way.door(1, 1) != Address(W, f"{OTHER_IP}:80"):
            await scene.runtime.sleep(1)
        assert scene.runtime.now() - turned == pytest.approx(noticed_s, abs=2)

    perform(scene, scenario)


@pytest.mark.parametrize(("keeps_names_s", "machine_ip"), [(0.0, OTHER_IP), (100.0, BALANCER_IP)])
def test_a_session_is_opened_again_where_the_client_believes_its_name_leads(
    keeps_names_s: float, machine_ip: str
) -> None:
    drill = small(
        world={"regions": [W], "resolvers": {"default": "ignore:1"}},
        load={"cities": ["sao-paulo"], "keeps_names_s": keeps_names_s, "session": {}},
    )
    scene = Scene()
    chosen = behaviours(scene.world, drill.world.resolvers)
    way = Way(CITY, scene.runtime, Resolver(scene.runtime, scene.world, chosen), drill, (APP, 80))
    opened: list[str] = []
    streams: list[Stream] = []

    class Machine(Screen):
        """Notes where it was reached."""

        def __init__(self, accepted: Accepted) -> None:
            super().__init__(accepted)
            opened.append(accepted.local.port.partition(":")[0])

        def connection_made(self, stream: Stream) -> None:
            super().connection_made(stream)
            streams.append(stream)

    async def scenario() -> None:
        machine = scene.simulation.boot("machine", W)
        scene.edge.put(address(APP, BALANCER_IP))
        for ip in (BALANCER_IP, OTHER_IP):
            await machine.listen(Address(W, f"{ip}:80"), Machine)
        session = Session(way, 1, scene.runtime.now(), lambda _: None)
        await session.press(1, 0.0)
        await scene.runtime.sleep(5)
        scene.edge.put(address(APP, OTHER_IP))
        streams[0].abort()
        await scene.runtime.sleep(5)
        await session.press(2, 10.0)
        await scene.runtime.sleep(1)

    perform(scene, scenario)
    assert opened == [BALANCER_IP, machine_ip]
