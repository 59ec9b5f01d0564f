"""A whole world in one simulation: the same hosts, as task groups of one virtual loop.

Everything above the runtime is the code that runs in real time. `kill` and `restart` do to a host
what the supervisor does to a process; faults go into the one world that all hosts see.
"""

import dataclasses
from collections.abc import Coroutine
from typing import Any, TypeVar

from antipodes.hosting.breaking import fault_of
from antipodes.hosting.configuration import HOMES, ON_DEMAND
from antipodes.hosting.edge import EdgeHost
from antipodes.hosting.faultdoor import FaultDoor
from antipodes.hosting.links import EDGE, LAPTOP, SITE, SUPERVISOR, WorldLinks
from antipodes.hosting.region import RegionHost
from antipodes.hosting.sites import SiteHost
from antipodes.runtime.virtual import Simulation, VirtualRuntime
from antipodes.service.contract import Response, Settings
from antipodes.world.atlas import Site, load_atlas
from antipodes.world.world import World

T = TypeVar("T")
AnyHost = RegionHost | EdgeHost | SiteHost

RESTART_S = 0.5  # as measured of real ones, see docs/figures.md
KILL, PAUSE, CLOCK, DISK = "kill", "pause", "clock", "disk"


class SimulatedWorld:
    """Regions, the edge and the links between them, in virtual time."""

    def __init__(  # noqa: PLR0913 - a world's description, spelled out
        self,
        regions: tuple[str, ...],
        *,
        seed: int = 0,
        settings: Settings | None = None,
        access: dict[str, str] | None = None,
        sites: tuple[Site, ...] = (),
        restart_s: float = RESTART_S,
    ) -> None:
        self.world = World(load_atlas(), regions, seed=seed, sites=sites, access=access or {})
        base = settings or Settings(seed=seed)
        self.settings = Settings(
            account=base.account,
            seed=seed,
            propagation_s=base.propagation_s,
            replication_delay=base.replication_delay,
            control_plane_delay_s=base.control_plane_delay_s,
            throttling=base.throttling,
            strong_region_sets=base.strong_region_sets,
            network_enforce=base.network_enforce,
            ttl_delay_s=base.ttl_delay_s,
            stream_shard_s=base.stream_shard_s,
            verify_signatures=base.verify_signatures,
            regions=regions,
            durability=base.durability,
            extra={**base.extra, "homes": HOMES},
        )
        self.simulation = Simulation(
            WorldLinks(self.world), seed=seed, power=self.settings.durability == "power"
        )
        self.simulation.out_of_memory = self.kill
        own = (SITE,) if sites else ()
        self.places = tuple(dict.fromkeys((*self.world.regions, *HOMES, EDGE, *own)))
        self.hosts: dict[str, AnyHost] = {}
        self._wrongs: dict[str, None] = {}
        self._starting: dict[str, Any] = {}
        self.restart_s = restart_s
        self.outside: VirtualRuntime = self.simulation.boot("outside", LAPTOP)

    async def start(self) -> None:
        """Start all hosts, homes of control planes included."""
        supervisor = self.outside.at(SUPERVISOR)
        door = FaultDoor(
            supervisor,
            self.world,
            kill=self.kill,
            heal=self.heal,
            start=self.ensure_endpoint,
            mistakes=(KeyError,),
        )
        await supervisor.spawn(door.start(), "open the fault door")
        for place in self.places:
            await self.restart(place)

    async def ensure_endpoint(self, place: str) -> bool:
        """Start a host that a service needs in a region; False: there is none, or it is down."""
        if place in ON_DEMAND and place not in self.places:
            self.places = (*self.places, place)
            await self.restart(place)
        return place in self.hosts

    async def restart(self, place: str, *, after_s: float = 0.0) -> None:
        """Start a host, for the first time or after it was killed; a machine takes a while.

        Returns when it is up, or when it was killed on the way.
        """
        waiting = self._starting.get(place)
        if waiting is None:
            waiting = self._starting[place] = self.outside.future()
            await self.outside.sleep(after_s)
            runtime = self.simulation.boot(place)
            runtime.spawn(self._start(place, runtime), f"start {place}")
        await waiting

    async def _start(self, place: str, runtime: VirtualRuntime) -> None:
        host: AnyHost
        if place == SITE:
            host = SiteHost(runtime, self.world)
        elif place == EDGE:
            host = EdgeHost(runtime, self.world, self.settings)
        else:
            control_only = place not in self.world.regions
            host = RegionHost(runtime, self.world, self.settings, control_only=control_only)
        self.hosts[place] = host
        await host.start()
        self._no_longer_starting(place)

    def _no_longer_starting(self, place: str) -> None:
        waiting = self._starting.pop(place, None)
        if waiting is not None:
            waiting.set_result(None)

    def kill(self, place: str) -> str:
        """End a host as `kill -9` does; return the handle that starts it again."""
        self.simulation.kill(place)
        del self.hosts[place]
        self._no_longer_starting(place)
        return f"{KILL}-{place}"

    # What `break` and `heal` do to a world of processes.

    def install(self, fault: dict[str, Any]) -> str:
        """Put a fault into the world; return its handle."""
        handle = self.world.install(fault_of(fault))
        self.simulation.journal.record("fault", handle=handle, fault=fault)
        return handle

    def pause(self, place: str) -> str:
        """Stop a host in its tracks, as SIGSTOP does; return the handle that lets it go on."""
        self.simulation.pause(place)
        return self._wrong(PAUSE, place)

    def set_clock(self, place: str, offset_s: float, drift_ppm: float = 0.0) -> str:
        """Put a host's clock wrong; return the handle that puts it right."""
        self.simulation.set_clock(place, offset_s, drift_ppm)
        return self._wrong(CLOCK, place)

    def set_disk(self, place: str, *, full: bool = False, slow_s: float = 0.0) -> str:
        """Fill a host's disk, or slow it down; return the handle that undoes it."""
        self.simulation.set_disk(place, full=full, slow_s=slow_s)
        return self._wrong(DISK, place)

    def choose_replication_delay(self, text: str) -> None:
        """Choose the delay of replicated writes, now and after restarts. Raises UnknownDelay."""
        self.settings = dataclasses.replace(self.settings, replication_delay=text)
        for host in self.hosts.values():
            if isinstance(host, RegionHost):
                host.choose_replication_delay(text)

    def _wrong(self, what: str, place: str) -> str:
        handle = f"{what}-{place}"
        self._wrongs[handle] = None
        return handle

    async def heal(self, handle: str) -> None:
        """Take back what a handle stands for; one that is healed already is left alone."""
        what, _, place = handle.partition("-")
        if what == KILL:
            if place not in self.hosts:
                await self.restart(place, after_s=self.restart_s)
        elif handle in self._wrongs:
            del self._wrongs[handle]
            if what == PAUSE and place in self.simulation.hosts:
                self.simulation.resume(place)
            elif what == CLOCK:
                self.simulation.set_clock(place, 0.0, 0.0)
            elif what == DISK:
                self.simulation.set_disk(place, full=False, slow_s=0.0)
        elif handle in dict(self.world.faults()):
            self.world.heal(handle)
            self.simulation.journal.record("heal", handle=handle)

    async def heal_all(self) -> None:
        """Take back everything."""
        for handle in (*self._wrongs, *(handle for handle, _ in self.world.faults())):
            await self.heal(handle)
        for place in self.places:
            if place not in self.hosts:
                await self.restart(place, after_s=self.restart_s)

    def region(self, place: str) -> RegionHost:
        """A region's host that is up."""
        host = self.hosts[place]
        assert isinstance(host, RegionHost), f"{place} is not a region"
        return host

    async def call(
        self, place: str, service: str, operation: str, request: dict[str, Any], account: str = ""
    ) -> Response:
        """Call a service as a customer would who stands beside the region."""
        host = self.region(place)
        host.admit(service, operation)
        calling = host.call(service, operation, request, account=account or self.settings.account)
        name = f"{service}.{operation}"
        response: Response | Exception = await host.runtime.spawn(_caught(calling), name)
        if isinstance(response, Exception):
            raise response
        await host.store.committed()
        return response

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run a scenario to its end."""
        return self.simulation.run(main)

    def close(self) -> None:
        """Let go of everything."""
        self.simulation.close()


async def _caught(calling: Any) -> Any:
    """Return an exception instead of raising it: the caller's mistake is not the host's bug."""
    try:
        return await calling
    except Exception as error:  # noqa: BLE001 - raised again by the caller
        return error
