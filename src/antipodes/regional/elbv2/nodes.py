"""Whether the zones in which load balancers have nodes can be reached at all.

Those are network load balancers, and internal ones. A node in a zone that is dark cannot say so.
Every zone that has nodes is visited once in INTERVAL_S from the region, which stands in no zone;
after two visits in vain its nodes are taken for lost, and the first that succeeds brings them back.
AWS does this for its nodes with health checks of its own,
and publishes no numbers.
"""

from collections.abc import Callable

from antipodes.regional.elbv2.registry import Registry
from antipodes.runtime.contract import (
    Accepted,
    Address,
    Gone,
    Listener,
    PlainReceiver,
    Stream,
    Task,
    TimedOut,
)
from antipodes.service.contract import Host

DOOR = "elb-node"
INTERVAL_S = 10.0
TIMEOUT_S = 4.0
MISSES_MAX = 2


class _Visit(PlainReceiver):
    """Somebody came, and that is all."""

    def __init__(self, _: Accepted) -> None: ...

    def connection_made(self, stream: Stream) -> None:
        stream.close()


class Nodes:
    """The zones of this region in which load balancers have nodes."""

    def __init__(self, host: Host, registry: Registry) -> None:
        self._host = host
        self._registry = registry
        self._doors: dict[str, Listener | None] = {}  # by zone; None while it is being opened
        self._watching: dict[str, Task] = {}
        self._misses: dict[str, int] = {}
        self._known: dict[str, None] = {}
        self._notified: list[Callable[[], None]] = []

    def on_change(self, notify: Callable[[], None]) -> None:
        """Call when a zone is found to be lost, or back."""
        self._notified.append(notify)

    def is_up(self, zone: str) -> bool:
        """Whether a zone was not found to be lost."""
        return self._misses.get(zone, 0) < MISSES_MAX

    def is_known(self, zone: str) -> bool:
        """Whether it was found out yet, since this host started."""
        return zone in self._known

    async def reconcile(self) -> None:
        """Watch the zones that have nodes, and no others."""
        wanted = {
            zone.name: None
            for _, _, balancer in self._registry.balancers.all()
            if balancer.stands_in_zones
            for zone in balancer.zones
        }
        for zone in [zone for zone in self._watching if zone not in wanted]:
            self._watching.pop(zone).cancel()
            self._misses.pop(zone, None)
            self._known.pop(zone, None)
        for zone in wanted:
            if zone not in self._watching:
                watching = self._watch(zone, self._place(zone))
                self._watching[zone] = self._host.runtime.spawn(watching, f"watching {zone}")
            if zone not in self._doors:
                self._doors[zone] = None
                address = Address(self._place(zone), DOOR)
                self._doors[zone] = await self._host.runtime.listen(address, _Visit)

    def _place(self, zone: str) -> str:
        place: str = self._host.world.atlas.zone(zone).place
        return place

    async def _watch(self, zone: str, place: str) -> None:
        runtime = self._host.runtime
        while True:
            started = runtime.now()
            before, known = self.is_up(zone), self.is_known(zone)
            misses = 0 if await self._visit(place) else self._misses.get(zone, 0) + 1
            self._misses[zone] = min(misses, MISSES_MAX)
            if misses in {0, MISSES_MAX}:
                self._known[zone] = None
            if before != self.is_up(zone) or known != self.is_known(zone):
                runtime.journal.record("elb.node", zone=zone, up=self.is_up(zone))
                for notify in self._notified:
                    notify()
            interval = runtime.interval(INTERVAL_S)
            await runtime.sleep(max(0.0, started + interval - runtime.now()))

    async def _visit(self, place: str) -> bool:
        runtime = self._host.runtime
        try:
            async with runtime.timeout(runtime.deadline(TIMEOUT_S)):
                await runtime.connect(Address(place, DOOR), _Visit)
        except (Gone, TimedOut):
            return False
        return True
