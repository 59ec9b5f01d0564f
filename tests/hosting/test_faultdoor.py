"""The fault door, as a host inside the world uses it."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from antipodes.hosting.faultdoor import install_as
from antipodes.hosting.simulated import SimulatedWorld
from antipodes.runtime.contract import Address
from antipodes.service.http import HttpClient
from antipodes.world.errors import InvalidFault

W, E = "us-west-2", "eu-central-1"
CUT = {"kind": "cut-link", "a": W, "b": E}
SLOW = {"kind": "slow-link", "a": W, "b": E, "extra_ms": 100}

Ask = Callable[..., Awaitable[tuple[int, Any]]]


def at_the_door(scenario: Callable[[SimulatedWorld, Ask], Awaitable[None]]) -> None:
    """Run a scenario whose `ask` speaks to the door from inside us-west-2."""
    world = SimulatedWorld((W, E))

    async def main() -> None:
        await world.start()
        runtime = world.region(W).runtime
        client = HttpClient(runtime)

        async def ask(method: str, target: str, body: Any = None) -> tuple[int, Any]:
            data = b"" if body is None else orjson.dumps(body)
            asking = client.request(Address("supervisor", "faults"), method, target, body=data)
            answer = await runtime.spawn(asking, "ask")
            return answer.status, orjson.loads(answer.body)

        await scenario(world, ask)

    try:
        world.run(main())
    finally:
        world.close()


def test_a_fault_is_installed_once_under_its_handle_and_healed() -> None:
    async def scenario(world: SimulatedWorld, ask: Ask) -> None:
        for _ in range(2):
            assert await ask("PUT", "/faults/mine%201", CUT) == (200, {"handle": "mine 1"})
        assert [handle for handle, _ in world.world.faults()] == ["mine 1"]
        assert world.world.condition(W, E).cut
        _, listed = await ask("GET", "/faults")
        assert listed["mine 1"]["kind"] == "cut-link"
        assert (await ask("DELETE", "/faults/mine%201"))[0] == 200
        assert not world.world.condition(W, E).cut
        assert (await ask("DELETE", "/faults/mine%201"))[0] == 404

    at_the_door(scenario)


def test_no_fault_keeps_anyone_from_healing() -> None:
    async def scenario(world: SimulatedWorld, ask: Ask) -> None:
        await ask("PUT", "/faults/dark", {"kind": "dark-place", "place": W})
        assert world.world.condition(W, E).cut
        assert (await ask("DELETE", "/faults/dark"))[0] == 200
        assert not world.world.condition(W, E).cut

    at_the_door(scenario)


def test_hosts_are_killed_and_come_back_by_their_handle() -> None:
    async def scenario(world: SimulatedWorld, ask: Ask) -> None:
        assert await ask("POST", f"/hosts/{E}/kill") == (200, {"handle": f"kill-{E}"})
        assert E not in world.hosts
        await world.heal(f"kill-{E}")
        assert E in world.hosts
        assert (await ask("POST", "/hosts/atlantis/kill"))[0] == 400
        assert await ask("POST", "/hosts/atlantis/start") == (404, {"up": False})
        assert await ask("POST", "/hosts/us-east-1/start") == (200, {"up": True})

    at_the_door(scenario)


def test_nonsense_is_refused_and_changes_nothing() -> None:
    async def scenario(world: SimulatedWorld, ask: Ask) -> None:
        await ask("PUT", "/faults/mine", CUT)
        before = world.world.faults()
        status, told = await ask("PUT", "/faults/mine", {**CUT, "b": "atlantis"})
        assert status == 400
        assert "atlantis" in told["message"]
        assert (await ask("PUT", "/faults/fault-1", SLOW))[0] == 400
        assert (await ask("PUT", "/faults/" + "x" * 201, SLOW))[0] == 400
        assert (await ask("GET", "/elsewhere"))[0] == 404
        assert world.world.faults() == before

    at_the_door(scenario)


def test_a_fault_takes_the_place_of_what_was_under_its_handle() -> None:
    world = SimulatedWorld((W, E))
    install_as(world.world, "mine", CUT)
    install_as(world.world, "other", SLOW)
    install_as(world.world, "mine", SLOW)
    assert not world.world.condition(W, E).cut
    with pytest.raises(InvalidFault, match="kind"):
        install_as(world.world, "mine", {"kind": "earthquake"})
    assert [handle for handle, _ in world.world.faults()] == ["other", "mine"]
    world.close()
