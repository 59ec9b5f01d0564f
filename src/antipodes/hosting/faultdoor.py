"""The fault door: where a service inside a region asks whoever runs the world to break something.

It can also ask there for a host that it needs in a region with no customers' resources.

The supervisor's process opens it in real time, the simulated world in simulation, at the same
address and for the same requests; so `antipodes break`, drills and services drive the same faults,
and everybody sees them in the same list. It stands outside of the world: no fault keeps anyone
from healing.

=============================  ==================================================================
GET    /faults                 the faults as records, by handle
PUT    /faults/HANDLE          installs a fault under a handle of the asker's own choice
DELETE /faults/HANDLE          heals it; 404 if nothing is installed under it
POST   /hosts/PLACE/kill       `kill -9`; the handle that brings the host back
POST   /hosts/PLACE/start      starts a host of no customers' resources; 404 if there is none
=============================  ==================================================================

Who asks chooses the handle and notes it before asking. A request can so be repeated after a crash
of the asker without breaking anything twice, and nothing that was broken is ever forgotten.
"""

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

from antipodes.hosting.breaking import fault_of
from antipodes.hosting.control import fault_list, json_response
from antipodes.hosting.links import SUPERVISOR
from antipodes.runtime.contract import Address, Runtime
from antipodes.service.http import HttpRequest, HttpResponse, HttpServer
from antipodes.world.errors import InvalidFault, UnknownHandle, WorldError
from antipodes.world.world import FAULTS_MAX, World

DOOR = "faults"
HANDLE_LENGTH_MAX = 200

Kill = Callable[[str], "str | Awaitable[str]"]
Heal = Callable[[str], Awaitable[None]]
Tell = Callable[[], Awaitable[None]]
Start = Callable[[str], Awaitable[bool]]


def install_as(world: World, handle: str, fault: dict[str, Any]) -> None:
    """Install a fault under a chosen handle, in the place of what was there. Raises InvalidFault.

    The handles that the world gives itself, and those of killed hosts, are not to be chosen.
    """
    if not handle or len(handle) > HANDLE_LENGTH_MAX or handle.startswith(("fault-", "kill-")):
        raise InvalidFault(f"handle: {handle!r} cannot be chosen")
    others = [(name, other) for name, other in world.faults() if name != handle]
    if len(others) >= FAULTS_MAX:
        raise InvalidFault(f"{FAULTS_MAX} faults are installed already: heal some first")
    world.restore([*others, (handle, fault_of(fault))])


class FaultDoor:
    """Serves the door on behalf of whoever runs the world."""

    def __init__(  # noqa: PLR0913 - the world, and what can be done to it
        self,
        runtime: Runtime,
        world: World,
        *,
        kill: Kill,
        heal: Heal,
        start: Start,
        tell: Tell | None = None,
        mistakes: tuple[type[Exception], ...] = (),
    ) -> None:
        """`tell` spreads changed faults to other processes; `mistakes`: what `kill` may raise.

        `start` sees to it that a host is up; whether it is.
        """
        self._runtime = runtime
        self._world = world
        self._kill = kill
        self._heal = heal
        self._start = start
        self._tell = tell
        self._mistakes: tuple[type[Exception], ...] = (
            WorldError,
            orjson.JSONDecodeError,
            *mistakes,
        )
        self._server = HttpServer(runtime, self.handle)

    async def start(self) -> None:
        """Open the door."""
        await self._runtime.listen(Address(SUPERVISOR, DOOR), self._server.receiver)

    def installed(self) -> dict[str, dict[str, Any]]:
        """The faults as records, by handle."""
        return dict(fault_list(self._world))

    async def put(self, handle: str, fault: dict[str, Any]) -> None:
        """Install a fault under a handle, everywhere."""
        install_as(self._world, handle, fault)
        self._runtime.journal.record("fault", handle=handle, fault=fault)
        if self._tell is not None:
            await self._tell()

    async def remove(self, handle: str) -> None:
        """Heal a fault, everywhere. Raises UnknownHandle."""
        if handle not in dict(self._world.faults()):
            raise UnknownHandle(f"no fault {handle!r} is installed")
        await self._heal(handle)

    async def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request."""
        parts = [unquote(part) for part in urlsplit(request.target).path.strip("/").split("/")]
        try:
            return await self._route(request, parts)
        except UnknownHandle as error:
            return json_response({"message": str(error)}, 404)
        except self._mistakes as error:
            return json_response({"message": str(error)}, 400)

    async def _route(self, request: HttpRequest, parts: list[str]) -> HttpResponse:
        match request.method, parts:
            case "GET", ["faults"]:
                return json_response(self.installed())
            case "PUT", ["faults", handle]:
                await self.put(handle, orjson.loads(request.body))
                return json_response({"handle": handle})
            case "DELETE", ["faults", handle]:
                await self.remove(handle)
                return json_response({"healed": [handle]})
            case "POST", ["hosts", place, "kill"]:
                killed = self._kill(place)
                return json_response({"handle": await killed if isawaitable(killed) else killed})
            case "POST", ["hosts", place, "start"]:
                up = await self._start(place)
                return json_response({"up": up}, 200 if up else 404)
            case _:
                return json_response({"message": f"nothing at {request.target}"}, 404)
