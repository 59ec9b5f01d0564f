"""The supervisor's way into a host: status, faults, spans, over a door of its own.

Every host answers HTTP on its `control` door, which only the supervisor and drills speak to, from
outside the world (no distance, no faults). Faults are sent as the whole list, so that a message
lost or repeated changes nothing.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from antipodes.runtime.contract import Address
from antipodes.runtime.real import RealRuntime
from antipodes.service.http import HttpRequest, HttpResponse, HttpServer
from antipodes.world import faults
from antipodes.world.world import World

CONTROL = "control"


def json_response(value: Any, status: int = 200) -> HttpResponse:
    """Return a JSON answer."""
    return HttpResponse(status, [("content-type", "application/json")], orjson.dumps(value))


def query_of(target: str) -> dict[str, str]:
    """Return the query parameters of a request target, the last of each name."""
    return {name: values[-1] for name, values in parse_qs(urlsplit(target).query).items()}


def restore_faults(world: World, wanted: list[list[Any]]) -> None:
    """Make the world's faults these and no others; handles are the same everywhere."""
    world.restore((handle, faults.from_dict(fault)) for handle, fault in wanted)


def fault_list(world: World) -> list[list[Any]]:
    """The world's faults as plain data: [[handle, fault], ...]."""
    return [[handle, faults.to_dict(fault)] for handle, fault in world.faults()]


class Control:
    """One host's control door."""

    def __init__(
        self, runtime: RealRuntime, world: World, status: Callable[[], dict[str, Any]]
    ) -> None:
        self._runtime = runtime
        self._world = world
        self._status = status
        self._server = HttpServer(runtime, self._handle)
        self.reports: dict[str, Callable[[], Any]] = {}
        # What can be asked of this host, by path; the answer is a mistake, or nothing.
        self.actions: dict[str, Callable[[dict[str, Any]], str]] = {}

    async def start(self) -> None:
        """Open the door."""
        await self._runtime.listen(Address(self._runtime.place, CONTROL), self._server.receiver)

    def _handle(self, request: HttpRequest) -> HttpResponse:
        path = urlsplit(request.target).path
        if request.method == "PUT" and path == "/faults":
            restore_faults(self._world, orjson.loads(request.body))
            return json_response({})
        if request.method == "PUT" and path == "/clock":
            wrong = orjson.loads(request.body)
            self._runtime.set_clock(wrong["offset_s"], wrong["drift_ppm"])
            return json_response({})
        if request.method == "PUT" and path == "/disk":
            wrong = orjson.loads(request.body)
            self._runtime.set_disk(full=wrong["full"], slow_s=wrong["slow_s"])
            return json_response({})
        if path == "/status":
            return json_response(self._status())
        if path == "/spans":
            journal: Any = self._runtime.journal
            return json_response(journal.spans(query_of(request.target).get("trace", "")))
        if request.method == "PUT" and path.lstrip("/") in self.actions:
            mistake = self.actions[path.lstrip("/")](orjson.loads(request.body))
            return json_response({"message": mistake}, 400 if mistake else 200)
        report = self.reports.get(path.lstrip("/"))
        if report is not None:
            return json_response(report())
        return json_response({"message": f"nothing at {path}"}, 404)
