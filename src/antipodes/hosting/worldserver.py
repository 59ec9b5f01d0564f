"""A running world, seen from the laptop: the `/_antipodes` endpoints, the cities, the life cycle.

========================================  =====================================================
GET  /_antipodes/health                   what is offered, and whether every host is up
GET  /_localstack/health                  the same, where tools for local use look for it
GET  /_antipodes/status                   hosts, processes, faults
GET  /_antipodes/replication              who follows whom, and how far behind
PUT  /_antipodes/replication              the delay of replicated writes {delay}
GET  /_antipodes/networks?account=A       the private networks of all accounts, region by region,
                                          as an account that has some calls them
GET  /_antipodes/names/REGION/VPC/NAME    what the resolver of a VPC answers
GET  /_antipodes/edge                     what each edge location has heard
GET  /_antipodes/cities/NAME              opens the proxy of a city, a region, an instance
POST /_antipodes/captures/NAME            captures what crosses an interface; the capture's id
GET  /_antipodes/captures/ID              what has crossed it since the last time, as pcap
DELETE /_antipodes/captures/ID            the rest, and no more
GET  /_antipodes/faults                   the faults as records, by handle
POST /_antipodes/faults                   installs one; its handle
DELETE /_antipodes/faults[/HANDLE]        heals one, or all
POST /_antipodes/hosts/PLACE/kill         `kill -9`; the handle that brings it back
POST /_antipodes/hosts/PLACE/pause        SIGSTOP; the handle that lets it go on
POST /_antipodes/hosts/PLACE/clock        a wrong clock {offset_s, drift_ppm}; its handle
POST /_antipodes/hosts/PLACE/disk         a disk that is {full, slow_ms}; its handle
POST /_antipodes/hosts/REGION/upgrade-global-table   {table}: of version 2017.11.29 to 2019.11.21
GET  /_antipodes/traces/ID                the spans of one request, over all hosts
ANY  /_antipodes/toxiproxy/...            Toxiproxy's API over the links between places
POST /_antipodes/down                     stops the world
========================================  =====================================================
"""

import traceback
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import msgspec
import orjson

from antipodes.fabric.dns.cache import UnknownBehaviour
from antipodes.fabric.network.together import together
from antipodes.fabric.network.topology import Topology
from antipodes.hosting.capturing import Captures, NoCapture
from antipodes.hosting.catalogue import SERVICES
from antipodes.hosting.cities import CityProxy
from antipodes.hosting.configuration import Configuration
from antipodes.hosting.control import fault_list, json_response, query_of
from antipodes.hosting.frontdoor import FrontDoor
from antipodes.hosting.laptop import Laptop
from antipodes.hosting.links import EDGE
from antipodes.hosting.machines import MACHINE, MachineProxy, machine
from antipodes.hosting.nameservers import hear_datagrams, open_port
from antipodes.hosting.privatenames import PrivateNames
from antipodes.hosting.reports import networks_as, replication_ways
from antipodes.hosting.resolver import behaviours
from antipodes.hosting.supervisor import UP, Supervisor, SupervisorError
from antipodes.hosting.toxiproxy import Toxiproxy
from antipodes.replication.delays import UnknownDelay
from antipodes.runtime.children import on_signals
from antipodes.runtime.statedirectory import StateDirectory
from antipodes.service.http import HttpRequest, HttpResponse
from antipodes.world.errors import WorldError

PCAP = "application/vnd.tcpdump.pcap"


class WrongClock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How wrong a clock is to be."""

    offset_s: float = 0.0
    drift_ppm: float = 0.0


class WrongDisk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be wrong with a disk."""

    full: bool = False
    slow_ms: float = 0.0


class ReplicationDelay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long replicated writes are to wait: `link`, `aws`, seconds, see replication/delays.py."""

    delay: str


class LegacyTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A global table of version 2017.11.29."""

    table: str
    account: str = ""


class WorldServer:
    """A world that runs until it is told to stop."""

    def __init__(self, supervisor: Supervisor, port: int) -> None:
        self.supervisor = supervisor
        self.runtime = supervisor.runtime
        self._cities: dict[str, tuple[CityProxy, int]] = {}
        world = supervisor.world
        try:
            self._behaviours = behaviours(world, supervisor.configuration.resolvers)
        except (UnknownBehaviour, WorldError) as error:
            raise SupervisorError(str(error)) from None
        self._laptop = Laptop(self.runtime, world, self._behaviours)
        self._names = PrivateNames(self.runtime)
        self._captures = Captures()
        self._toxiproxy = Toxiproxy(world, supervisor.fault_door)
        self._stopping = self.runtime.future()
        self.front = FrontDoor(supervisor, port, self.handle, self._laptop)
        self._laptop.port = self.front.port

    async def open_names(self) -> None:
        """Answer DNS at the front door's port number. Raises Gone where it is taken."""
        await hear_datagrams(self.runtime, self.front.port, self._laptop)

    def stop(self) -> None:
        """Begin to stop."""
        if not self._stopping.done():
            self._stopping.set_result(None)

    async def run(self) -> None:
        """Wait until asked to stop."""
        await self._stopping

    async def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request to the world itself."""
        path = urlsplit(request.target).path.removeprefix("/_antipodes").strip("/")
        parts = [unquote(part) for part in path.split("/")]
        try:
            if parts[0] == "toxiproxy":
                return await self._toxiproxy.handle(request, parts[1:])
            return await self._route(request, parts)
        except (SupervisorError, WorldError, UnknownDelay, NoCapture) as error:
            return json_response({"message": str(error)}, 400)
        except (orjson.JSONDecodeError, msgspec.MsgspecError) as error:
            return json_response({"message": f"malformed JSON: {error}"}, 400)
        except Exception as error:  # noqa: BLE001 - a question must not stop the whole world
            traceback.print_exception(error)
            return json_response({"message": f"a bug of ours: {error!r}"}, 500)

    async def _route(self, request: HttpRequest, parts: list[str]) -> HttpResponse:
        match request.method, parts:
            case "GET", ["health"] | ["_localstack", "health"]:
                return json_response(self._health())
            case "GET", ["status"]:
                return json_response(self._status())
            case "GET" | "PUT", ["replication"]:
                return json_response(await self._replication(request))
            case "GET", ["networks" | "edge"] | ["cities" | "traces", _] | ["names", _, _, _]:
                return json_response(await self._told(request, parts))
            case _, ["captures", *rest]:
                return await self._capture(request, rest)
            case "POST", ["down"]:
                self.runtime.later(0.05, self.stop)
                return json_response({})
            case _:
                return await self._route_faults(request, parts)

    async def _told(self, request: HttpRequest, parts: list[str]) -> Any:
        """What takes asking others."""
        match parts:
            case ["networks"]:
                return await self._networks(request)
            case ["edge"]:
                return await self._edge()
            case ["names", region, network, name]:
                return await self._names.look_up(region, network, name)
            case ["cities", name]:
                return await self._city(request, name)
            case _:
                return await self._trace(parts[1])

    async def _route_faults(self, request: HttpRequest, parts: list[str]) -> HttpResponse:
        match request.method, parts:
            case "GET", ["faults"]:
                return json_response(dict(fault_list(self.supervisor.world)))
            case "POST", ["faults"]:
                handle = await self.supervisor.install(orjson.loads(request.body))
                return json_response({"handle": handle})
            case "DELETE", ["faults"]:
                return json_response({"healed": await self.supervisor.heal_all()})
            case "DELETE", ["faults", handle]:
                await self.supervisor.heal(handle)
                return json_response({"healed": [handle]})
            case "POST", ["hosts", place, what]:
                return await self._break_host(request, place, what)
            case _:
                return json_response({"message": f"no such thing: {request.target}"}, 404)

    async def _break_host(self, request: HttpRequest, place: str, what: str) -> HttpResponse:
        match what:
            case "kill":
                handle = await self.supervisor.kill(place)
            case "pause":
                handle = await self.supervisor.pause(place)
            case "clock":
                clock = msgspec.json.decode(request.body, type=WrongClock)
                handle = await self.supervisor.set_clock(place, clock.offset_s, clock.drift_ppm)
            case "disk":
                disk = msgspec.json.decode(request.body, type=WrongDisk)
                handle = await self.supervisor.set_disk(place, full=disk.full, slow_ms=disk.slow_ms)
            case "upgrade-global-table":
                named = msgspec.json.decode(request.body, type=LegacyTable)
                await self.supervisor.upgrade_global_table(place, named.account, named.table)
                return json_response({})
            case _:
                return json_response({"message": f"no such thing: {request.target}"}, 404)
        return json_response({"handle": handle})

    def _status(self) -> dict[str, Any]:
        port = self.front.port
        cities = {place: city_port for place, (_, city_port) in self._cities.items()}
        status = self.supervisor.status()
        return {**status, "port": port, "dns": f"127.0.0.1:{port}", "cities": cities}

    def _health(self) -> dict[str, Any]:
        hosts = self.supervisor.status()["hosts"]
        up = all(host["state"] == UP for host in hosts.values())
        return {
            "status": "running" if up else "degraded",
            "services": dict.fromkeys(sorted(SERVICES), "available"),
            "hosts": {place: host["state"] for place, host in hosts.items()},
            "edition": "antipodes",
            "version": version("antipodes"),
        }

    async def _replication(self, request: HttpRequest) -> list[Any]:
        if request.method == "PUT":
            wanted = msgspec.json.decode(request.body, type=ReplicationDelay)
            await self.supervisor.choose_replication_delay(wanted.delay)
        regions = self.supervisor.configuration.regions
        statuses = [await self.supervisor.ask(region, "/status") or {} for region in regions]
        return replication_ways(regions, statuses)

    async def _edge(self) -> Any:
        return await self.supervisor.ask(EDGE, "/status")

    async def _networks(self, request: HttpRequest) -> dict[str, Any]:
        """Of a region that is down, nothing is known."""
        configuration = self.supervisor.configuration
        asked = query_of(request.target).get("account", "")
        told = {
            region: await self.supervisor.ask(region, "/networks") or {}
            for region in configuration.regions
        }
        return networks_as(asked or configuration.account, told, of_any=not asked)

    async def _trace(self, trace: str) -> list[Any]:
        journal: Any = self.runtime.journal
        spans = list(journal.spans(trace))
        question = f"/spans?trace={quote(trace, safe='')}"
        for place in list(self.supervisor.members):
            spans.extend(await self.supervisor.ask(place, question) or [])
        return sorted(spans, key=lambda span: (span["start"], -span["end"]))

    async def _city(self, request: HttpRequest, name: str) -> dict[str, Any]:
        """Somewhere to stand: a city, a region's default network, an instance."""
        world = self.supervisor.world
        is_machine = MACHINE.fullmatch(name) is not None
        place = name if is_machine else world.place(name)
        known = place.startswith("city/") or place in self.supervisor.configuration.regions
        if not known and not is_machine:
            raise SupervisorError(f"{name} is not a city, nor a region of this world")
        if place not in self._cities:
            proxy = await self._standing(request, place)
            listener, door = await open_port(self.runtime, proxy.receiver, proxy.names)
            if place in self._cities:  # somebody who asked as well was first
                listener.close()
                door.close()
            else:
                self._cities[place] = (proxy, listener.port)
        proxy, port = self._cities[place]
        return {
            "city": place,
            "port": port,
            "dns": f"127.0.0.1:{port}",
            "address": proxy.source_ip,
            "edge": world.anycast_edge(proxy.runtime.place),
        }

    async def _standing(self, request: HttpRequest, place: str) -> CityProxy:
        world, port = self.supervisor.world, self.front.port
        if MACHINE.fullmatch(place) is None:
            return CityProxy(self.runtime.at(place), world, self._behaviours, front_port=port)

        async def topology() -> Topology:
            return together((await self._networks(request)).values())

        standing = machine(await topology(), place)
        if standing is None:
            raise SupervisorError(f"no region that is up has an instance {place}")
        runtime = self.runtime.at(standing.region)
        return MachineProxy(runtime, world, standing, topology, self._captures, front_port=port)

    async def _capture(self, request: HttpRequest, parts: list[str]) -> HttpResponse:
        """Begin a capture, ask for what there is so far, or end it."""
        match request.method, parts:
            case "POST", [name]:
                found = machine(together((await self._networks(request)).values()), name)
                if found is None:
                    raise SupervisorError(f"no region that is up has an interface {name}")
                return json_response({"capture": self._captures.begin(found.interface)})
            case (("GET" | "DELETE" as method), [name]):
                taken = self._captures.take if method == "GET" else self._captures.end
                return HttpResponse(
                    200, (("content-type", "application/vnd.tcpdump.pcap"),), taken(name)
                )
            case _:
                return json_response({"message": f"no such thing: {request.target}"}, 404)


async def run_world(
    configuration: Configuration, directory: StateDirectory, port: int, announce: Any
) -> None:
    """Start a world, announce where it is, and run it until it is asked to stop."""
    supervisor = await Supervisor.open(configuration, directory.run, directory.path)
    server = None
    try:
        server = WorldServer(supervisor, port)
        await server.open_names()
        on_signals(server.stop)
        supervisor.tell_front(f"http://127.0.0.1:{server.front.port}")
        await supervisor.start()
        directory.announce({"port": server.front.port, "regions": list(configuration.regions)})
        announce(server)
        await server.run()
    finally:
        if server is not None:
            server.front.close()
        await supervisor.stop()
        await supervisor.runtime.close()


def open_state(path: Path) -> StateDirectory:
    """Open (and lock) the state directory of a world; raises StateError."""
    return StateDirectory(path)
