"""Toxiproxy's HTTP API over the world's own links, for tools and tests that speak it.

A proxy is a pair of places: its `listen` is where clients are, its `upstream` where the server is,
each a place as people write it (`sao-paulo`, `us-west-2`, `edge/GRU`); a port behind it is allowed
and ignored. A toxic is a fault of one direction, `upstream` (from client to server) or `downstream`
(back), and a proxy that is not enabled is a cut link. They hold for all traffic between the places.

The toxics are `latency` (an even spread becomes a normal one of the same standard deviation),
`bandwidth` (of each connection) and `timeout` 0. What links here cannot do is refused by name:
toxics that look into a stream (`slicer`, `limit_data`), end it (`slow_close`, `reset_peer`, a
`timeout` above 0) or pick connections by chance (a `toxicity` below 1).

Faults have handles `toxiproxy-PROXY-TOXIC`; what is healed under them is no toxic any more.
Modelled on Toxiproxy 2.9: its README and the routes of its API.
"""

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec
import orjson

from antipodes.hosting.control import json_response
from antipodes.hosting.faultdoor import FaultDoor
from antipodes.service.http import HttpRequest, HttpResponse
from antipodes.world.errors import UnknownPlace, WorldError
from antipodes.world.world import World

VERSION = "2.9.0"
DOWN = "down"  # the name under which a proxy's own cut stands beside its toxics
_KB_MBIT = 8 / 1000
_EVEN_SPREAD = 3**0.5  # half the width of an even spread, in its standard deviations


class Refused(Exception):
    """What was asked cannot be done; carries the status of the answer."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Toxic(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one direction of a proxy."""

    type: str
    name: str = ""
    stream: str = "downstream"
    toxicity: float = 1.0
    attributes: dict[str, float] = {}


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """A pair of places."""

    name: str = ""
    listen: str = ""
    upstream: str = ""
    enabled: bool = True
    toxics: dict[str, Toxic] = {}


class Toxiproxy:
    """Answers what is asked below `/_antipodes/toxiproxy`."""

    def __init__(self, world: World, door: FaultDoor) -> None:
        self._world = world
        self._door = door
        self._proxies: dict[str, Proxy] = {}

    async def handle(self, request: HttpRequest, parts: list[str]) -> HttpResponse:
        """Answer one request; `parts` is its path below our own."""
        try:
            status, answer = await self._route(request, parts)
        except Refused as error:
            status, answer = error.status, {"error": str(error), "status": error.status}
        except (msgspec.DecodeError, WorldError) as error:
            status, answer = 400, {"error": f"bad request body: {error}", "status": 400}
        if status == HTTPStatus.NO_CONTENT:
            return HttpResponse(status)
        return json_response(answer, status)

    async def _route(self, request: HttpRequest, parts: list[str]) -> tuple[int, Any]:
        match request.method, parts:
            case "GET", ["version"]:
                return 200, {"version": VERSION}
            case "POST", ["reset"]:
                for name in list(self._proxies):
                    await self._change(name, enabled=True, toxics={})
                return 204, None
            case "POST", ["populate"]:
                wanted = msgspec.json.decode(request.body, type=list[Proxy])
                return 201, {
                    "proxies": [self._shown(await self._make(p, again=True)) for p in wanted]
                }
            case "GET", ["proxies"]:
                return 200, {name: self._shown(name) for name in self._proxies}
            case "POST", ["proxies"]:
                made = await self._make(msgspec.json.decode(request.body, type=Proxy))
                return 201, self._shown(made)
            case _, ["proxies", name]:
                return await self._route_proxy(request, name)
            case _, ["proxies", name, "toxics", *rest]:
                return await self._route_toxics(request, name, rest)
            case _:
                raise Refused(f"nothing at {request.method} {request.target}", 404)

    async def _route_proxy(self, request: HttpRequest, name: str) -> tuple[int, Any]:
        match request.method:
            case "GET":
                return 200, self._shown(name)
            case "DELETE":
                await self._change(name, enabled=True, toxics={})
                del self._proxies[name]
                return 204, None
            case "POST" | "PATCH":
                given = orjson.loads(request.body)
                fields = {k: given[k] for k in ("listen", "upstream", "enabled") if k in given}
                present = msgspec.to_builtins(self._proxy(name))
                changed = msgspec.convert({**present, **fields}, Proxy)
                await self._change(name, **{field: getattr(changed, field) for field in fields})
                return 200, self._shown(name)
            case _:
                raise Refused(f"nothing at {request.method} {request.target}", 404)

    async def _route_toxics(
        self, request: HttpRequest, name: str, rest: list[str]
    ) -> tuple[int, Any]:
        toxics = self._proxy(name).toxics
        if rest and rest[0] not in toxics:
            raise Refused("toxic not found", 404)
        match request.method, rest:
            case "GET", []:
                return 200, [msgspec.to_builtins(toxic) for toxic in toxics.values()]
            case "GET", [toxic]:
                return 200, msgspec.to_builtins(toxics[toxic])
            case "DELETE", [toxic]:
                await self._change(name, toxics={n: t for n, t in toxics.items() if n != toxic})
                return 204, None
            case "POST", []:
                made = msgspec.json.decode(request.body, type=Toxic)
                own = made.name or f"{made.type}_{made.stream}"
                if own in toxics or own == DOWN:
                    raise Refused("toxic already exists", 409)
                made = msgspec.structs.replace(made, name=own)
            case "POST" | "PATCH", [toxic]:
                given = orjson.loads(request.body)
                present = msgspec.to_builtins(toxics[toxic])
                present["attributes"] |= given.get("attributes") or {}
                present["toxicity"] = given.get("toxicity", present["toxicity"])
                made = msgspec.convert(present, Toxic)
            case _:
                raise Refused(f"nothing at {request.method} {request.target}", 404)
        await self._change(name, toxics={**toxics, made.name: made})
        return 200, msgspec.to_builtins(made)

    # Proxies.

    def _proxy(self, name: str) -> Proxy:
        """A proxy, without the toxics that somebody else has healed."""
        proxy = self._proxies.get(name)
        if proxy is None:
            raise Refused("proxy not found", 404)
        installed = dict(self._world.faults())
        toxics = {n: t for n, t in proxy.toxics.items() if _handle(name, n) in installed}
        enabled = proxy.enabled or _handle(name, DOWN) not in installed
        return msgspec.structs.replace(proxy, toxics=toxics, enabled=enabled)

    def _shown(self, name: str) -> dict[str, Any]:
        plain: dict[str, Any] = msgspec.to_builtins(self._proxy(name))
        return {**plain, "toxics": list(plain["toxics"].values())}

    async def _make(self, proxy: Proxy, *, again: bool = False) -> str:
        """Make a proxy (or, `again`, see to it that it is there); return its name."""
        for field in ("name", "listen", "upstream"):
            if not getattr(proxy, field):
                raise Refused(f"missing required field: {field}")
        present = self._proxies.get(proxy.name)
        if present is not None and not again:
            raise Refused("proxy already exists", 409)
        self._ends(proxy)
        if present is not None:
            if present.listen == proxy.listen and present.upstream == proxy.upstream:
                return proxy.name
            await self._change(proxy.name, enabled=True, toxics={})
        self._proxies[proxy.name] = msgspec.structs.replace(proxy, enabled=True, toxics={})
        await self._change(proxy.name, enabled=proxy.enabled)
        return proxy.name

    async def _change(self, name: str, **fields: Any) -> None:
        """Change a proxy, and the world's faults with it."""
        before = self._proxy(name)
        after = msgspec.structs.replace(before, **fields)
        wanted = self._faults(after)
        for handle in self._faults(before):
            if handle not in wanted:
                await self._door.remove(handle)
        installed = dict(self._door.installed())
        for handle, fault in wanted.items():
            if installed.get(handle) != fault:
                await self._door.put(handle, fault)
        self._proxies[name] = after

    # Faults.

    def _ends(self, proxy: Proxy) -> tuple[str, str]:
        """The places of a proxy: where clients are, and where the server is."""
        try:
            return self._place(proxy.listen), self._place(proxy.upstream)
        except UnknownPlace as error:
            raise Refused(f"listen and upstream are places of this world: {error}") from None

    def _place(self, written: str) -> str:
        name, colon, port = written.rpartition(":")
        return self._world.place(name if colon and port.isdecimal() else written)

    def _faults(self, proxy: Proxy) -> dict[str, dict[str, Any]]:
        """The faults that a proxy stands for, by handle."""
        client, server = self._ends(proxy)
        faults: dict[str, dict[str, Any]] = {}
        if not proxy.enabled:
            faults[_handle(proxy.name, DOWN)] = {"kind": "cut-link", "a": client, "b": server}
        for name, toxic in proxy.toxics.items():
            ways = {"upstream": (client, server), "downstream": (server, client)}
            if toxic.stream not in ways:
                raise Refused("stream was invalid, can be either upstream or downstream")
            a, b = ways[toxic.stream]
            fault = {**_fault(toxic), "a": a, "b": b, "both_ways": False}
            faults[_handle(proxy.name, name)] = fault
        return faults


def _handle(proxy: str, toxic: str) -> str:
    return f"toxiproxy-{quote(proxy, safe='')}-{quote(toxic, safe='')}"


def _fault(toxic: Toxic) -> dict[str, Any]:
    """What a toxic does to its direction."""
    told = toxic.attributes
    if toxic.toxicity != 1:
        raise Refused(f"toxicity {toxic.toxicity} is not offered: links here are shared by all")
    match toxic.type:
        case "latency":
            jitter = told.get("jitter", 0) / _EVEN_SPREAD
            return {"kind": "slow-link", "extra_ms": told.get("latency", 0), "jitter_ms": jitter}
        case "bandwidth":
            return {"kind": "narrow-link", "bandwidth_mbit_s": told.get("rate", 0) * _KB_MBIT}
        case "timeout" if told.get("timeout", 0) == 0:
            return {"kind": "cut-link"}
        case "timeout":
            raise Refused("timeout above 0 is not offered: links here end no connections")
        case "slow_close" | "reset_peer" | "slicer" | "limit_data":
            raise Refused(f"{toxic.type} is not offered: links here know no streams")
        case _:
            raise Refused("invalid toxic type")
