"""Toxiproxy's API, asked as its clients ask it, over the world's links."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import orjson
import pytest

from antipodes.hosting.faultdoor import FaultDoor
from antipodes.hosting.simulated import SimulatedWorld
from antipodes.hosting.toxiproxy import Toxiproxy
from antipodes.runtime.contract import Accepted, Address
from antipodes.service.http import HttpRequest
from antipodes.world.world import World

W, E, CITY = "us-west-2", "eu-central-1", "city/sao-paulo"
NOBODY = Accepted("laptop", "", Address("supervisor", "world"), "")
APP = {"name": "app", "listen": "sao-paulo:0", "upstream": W}
BACKBONE = {"name": "backbone", "listen": W, "upstream": E}

Ask = Callable[..., Awaitable[tuple[int, Any]]]


def asked(scenario: Callable[[World, Ask], Coroutine[Any, Any, None]]) -> None:
    """Run a scenario that asks a Toxiproxy of a world."""
    simulated = SimulatedWorld((W, E))
    world = simulated.world

    async def heal(handle: str) -> None:
        await simulated.heal(handle)

    door = FaultDoor(
        simulated.outside,
        world,
        kill=simulated.kill,
        heal=heal,
        start=simulated.ensure_endpoint,
    )
    toxiproxy = Toxiproxy(world, door)

    async def ask(method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = b"" if body is None else orjson.dumps(body)
        request = HttpRequest(method, f"/_antipodes/toxiproxy{path}", {}, data, NOBODY, [])
        answer = await toxiproxy.handle(request, path.strip("/").split("/"))
        return answer.status, orjson.loads(answer.body) if answer.body else None

    try:
        simulated.run(scenario(world, ask))
    finally:
        simulated.close()


def faults(world: World) -> list[str]:
    return [fault.describe() for _, fault in world.faults()]


def test_a_proxy_is_made_shown_taken_down_and_deleted() -> None:
    async def scenario(world: World, ask: Ask) -> None:
        status, made = await ask("POST", "/proxies", APP)
        assert (status, made) == (201, {**APP, "enabled": True, "toxics": []})
        assert (await ask("POST", "/proxies", APP))[0] == 409
        assert await ask("GET", "/proxies") == (200, {"app": made})
        for method in ("POST", "PATCH"):
            _, shown = await ask(method, "/proxies/app", {"enabled": False})
            assert shown["enabled"] is False
            assert faults(world) == [f"nothing passes between {CITY} and {W}"]
            await ask(method, "/proxies/app", {"enabled": True})
            assert faults(world) == []
        await ask("POST", "/proxies/app", {"enabled": False})
        assert await ask("DELETE", "/proxies/app") == (204, None)
        assert faults(world) == []
        assert (await ask("GET", "/proxies/app"))[0] == 404

    asked(scenario)


@pytest.mark.parametrize(
    ("toxic", "wanted"),
    [
        (
            {"type": "latency", "attributes": {"latency": 200, "jitter": 0}},
            f"200 ms more each way from {W} to {CITY}",
        ),
        (
            {"type": "latency", "stream": "upstream", "attributes": {"latency": 9, "jitter": 30}},
            f"9 ms more (± 17.321 ms) each way from {CITY} to {W}",
        ),
        (
            {"type": "bandwidth", "attributes": {"rate": 1000}},
            f"at most 8 Mbit/s from {W} to {CITY}",
        ),
        (
            {"type": "timeout", "stream": "upstream", "attributes": {"timeout": 0}},
            f"nothing passes from {CITY} to {W}",
        ),
    ],
)
def test_a_toxic_is_a_fault_of_one_direction(toxic: dict[str, Any], wanted: str) -> None:
    async def scenario(world: World, ask: Ask) -> None:
        await ask("POST", "/proxies", APP)
        status, made = await ask("POST", "/proxies/app/toxics", toxic)
        name = f"{toxic['type']}_{toxic.get('stream', 'downstream')}"
        assert (status, made["name"], made["toxicity"]) == (200, name, 1.0)
        assert faults(world) == [wanted]
        assert (await ask("POST", "/proxies/app/toxics", toxic))[0] == 409
        assert await ask("GET", "/proxies/app/toxics") == (200, [made])
        assert await ask("GET", f"/proxies/app/toxics/{name}") == (200, made)
        assert (await ask("DELETE", f"/proxies/app/toxics/{name}"))[0] == 204
        assert faults(world) == []
        assert (await ask("DELETE", f"/proxies/app/toxics/{name}"))[0] == 404

    asked(scenario)


def test_a_toxic_is_changed_in_its_attributes() -> None:
    async def scenario(world: World, ask: Ask) -> None:
        await ask("POST", "/proxies", BACKBONE)
        toxic = {"name": "slow", "type": "latency", "attributes": {"latency": 100}}
        await ask("POST", "/proxies/backbone/toxics", toxic)
        change = {"attributes": {"latency": 300}}
        _, changed = await ask("POST", "/proxies/backbone/toxics/slow", change)
        assert changed["attributes"] == {"latency": 300}
        assert faults(world) == [f"300 ms more each way from {E} to {W}"]

    asked(scenario)


def test_reset_heals_its_own_and_nothing_else() -> None:
    async def scenario(world: World, ask: Ask) -> None:
        mine = await _two_wrong_proxies(ask)
        other = world.install(_cut())
        assert len(faults(world)) == 3
        assert await ask("POST", "/reset") == (204, None)
        assert [handle for handle, _ in world.faults()] == [other]
        _, proxies = await ask("GET", "/proxies")
        assert all(proxies[name]["enabled"] and not proxies[name]["toxics"] for name in mine)

    asked(scenario)


async def _two_wrong_proxies(ask: Ask) -> list[str]:
    _, populated = await ask("POST", "/populate", [APP, BACKBONE])
    names = [proxy["name"] for proxy in populated["proxies"]]
    await ask("POST", "/proxies/app", {"enabled": False})
    await ask("POST", "/proxies/backbone/toxics", {"type": "bandwidth", "attributes": {"rate": 1}})
    return names


def _cut() -> Any:
    from antipodes.world.faults import from_dict  # noqa: PLC0415 - beside its only use

    return from_dict({"kind": "cut-link", "a": E, "b": "*"})


def test_populating_again_leaves_what_is_there_and_replaces_what_moved() -> None:
    async def scenario(world: World, ask: Ask) -> None:
        await _two_wrong_proxies(ask)
        await ask("POST", "/populate", [APP, {**BACKBONE, "upstream": "ap-south-1"}])
        assert faults(world) == [f"nothing passes between {CITY} and {W}"]
        _, shown = await ask("GET", "/proxies/backbone")
        assert (shown["upstream"], shown["toxics"]) == ("ap-south-1", [])

    asked(scenario)


def test_what_somebody_else_healed_is_no_toxic_any_more() -> None:
    async def scenario(world: World, ask: Ask) -> None:
        await _two_wrong_proxies(ask)
        world.heal_all()
        _, proxies = await ask("GET", "/proxies")
        assert proxies["app"]["enabled"]
        assert proxies["backbone"]["toxics"] == []
        assert (await ask("POST", "/reset"))[0] == 204

    asked(scenario)


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("/proxies", {"listen": W, "upstream": E}, "name"),
        ("/proxies", {"name": "x", "upstream": E}, "listen"),
        ("/proxies", {**APP, "name": "x", "listen": "0.0.0.0:0"}, "places of this world"),
        ("/proxies", {**APP, "name": "x", "upstream": 5}, "bad request body"),
        ("/proxies/app/toxics", {"type": "slicer"}, "slicer is not offered"),
        ("/proxies/app/toxics", {"type": "reset_peer"}, "reset_peer is not offered"),
        ("/proxies/app/toxics", {"type": "limit_data"}, "limit_data is not offered"),
        ("/proxies/app/toxics", {"type": "slow_close"}, "slow_close is not offered"),
        ("/proxies/app/toxics", {"type": "timeout", "attributes": {"timeout": 9}}, "timeout above"),
        ("/proxies/app/toxics", {"type": "rain"}, "invalid toxic type"),
        ("/proxies/app/toxics", {"type": "latency", "stream": "up"}, "stream was invalid"),
        ("/proxies/app/toxics", {"type": "latency", "toxicity": 0.5}, "toxicity 0.5"),
        ("/proxies/app/toxics", {"type": "latency", "attributes": {"latency": -1}}, "extra_ms"),
        ("/proxies/app/toxics", {"type": "bandwidth"}, "bandwidth_mbit_s"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(path: str, body: Any, told: str) -> None:
    async def scenario(world: World, ask: Ask) -> None:
        await ask("POST", "/proxies", APP)
        before = await ask("GET", "/proxies")
        status, answer = await ask("POST", path, body)
        assert status == answer["status"] == 400
        assert told in answer["error"]
        assert faults(world) == []
        assert await ask("GET", "/proxies") == before

    asked(scenario)


def test_the_version_and_what_is_nowhere() -> None:
    async def scenario(_: World, ask: Ask) -> None:
        assert await ask("GET", "/version") == (200, {"version": "2.9.0"})
        assert (await ask("GET", "/metrics"))[0] == 404
        assert (await ask("PUT", "/proxies/app"))[0] == 404

    asked(scenario)
