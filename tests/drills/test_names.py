"""When people notice that a name means something else: by their resolver, and by their client."""

from typing import Any

import pytest

from antipodes.drills.calls import Way
from antipodes.hosting.resolver import Resolver, behaviours
from antipodes.runtime.contract import Address
from tests.drills.plays import small
from tests.hosting.authorities import (
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
