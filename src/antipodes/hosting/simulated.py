"""A whole world in one simulation: the same hosts, as task groups of one virtual loop.

Everything above the runtime is the code that runs in real time. `kill` and `restart` do to a host
what the supervisor does to a process; faults go into the one world that all hosts see.
"""

from collections.abc import Coroutine
from typing import Any, TypeVar

from antipodes.hosting.configuration import HOMES
from antipodes.hosting.edge import EdgeHost
from antipodes.hosting.links import EDGE, LAPTOP, WorldLinks
from antipodes.hosting.region import RegionHost
from antipodes.runtime.virtual import Simulation, VirtualRuntime
from antipodes.service.contract import Response, Settings
from antipodes.world.atlas import load_atlas
from antipodes.world.world import World

T = TypeVar("T")


class SimulatedWorld:
    """Regions, the edge and the links between them, in virtual time."""

    def __init__(
        self, regions: tuple[str, ...], *, seed: int = 0, settings: Settings | None = None
    ) -> None:
        self.world = World(load_atlas(), regions, seed=seed)
        base = settings or Settings(seed=seed)
        self.settings = Settings(
            account=base.account,
            seed=seed,
            propagation_s=base.propagation_s,
            control_plane_delay_s=base.control_plane_delay_s,
            regions=regions,
            extra={**base.extra, "homes": HOMES},
        )
        self.simulation = Simulation(WorldLinks(self.world), seed=seed)
        self.hosts: dict[str, RegionHost | EdgeHost] = {}
        self.outside: VirtualRuntime = self.simulation.boot("outside", LAPTOP)

    async def start(self) -> None:
        """Start all hosts, homes of control planes included."""
        for place in dict.fromkeys((*self.world.regions, *HOMES)):
            await self.restart(place)
        await self.restart(EDGE)

    async def restart(self, place: str) -> None:
        """Start a host, for the first time or after it was killed."""
        runtime = self.simulation.boot(place)
        await runtime.spawn(self._start(place, runtime), f"start {place}")

    async def _start(self, place: str, runtime: VirtualRuntime) -> None:
        host: RegionHost | EdgeHost
        if place == EDGE:
            host = EdgeHost(runtime, self.world, self.settings)
        else:
            control_only = place not in self.world.regions
            host = RegionHost(runtime, self.world, self.settings, control_only=control_only)
        self.hosts[place] = host
        await host.start()

    def kill(self, place: str) -> None:
        """End a host as `kill -9` does."""
        self.simulation.kill(place)
        del self.hosts[place]

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
