"""The data plane: what all edge locations know of accelerators, and how they come to know it.

What they do with it is another matter (`traffic`). The edge's host follows the control plane's log
into its own store, so that a restart serves what was last heard (static stability); each location
hears of a change in its own time (`locations`).
"""

from collections.abc import Callable
from typing import Any

import msgspec

from antipodes.edge.globalaccelerator.checkers import PLACES, Checkers
from antipodes.edge.globalaccelerator.locations import Location
from antipodes.edge.globalaccelerator.model import STANDARD, Accelerator, Endpoint
from antipodes.edge.globalaccelerator.service import ACCELERATOR_KIND, HEALTH_KIND, TRAFFIC_KIND
from antipodes.edge.globalaccelerator.traffic import Traffic
from antipodes.replication.changelog import Entry
from antipodes.replication.follower import Follower
from antipodes.runtime.contract import DiskFull
from antipodes.service.contract import Host
from antipodes.service.records import Records

HOME = "us-west-2"


class Heard(msgspec.Struct, frozen=True):
    """An endpoint's health, as it was last decided."""

    healthy: bool


class AnycastPlane:
    """All edge locations of one host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._runtime = host.runtime
        self._world = host.world
        self._accelerators = Records(host.store, "plane/accelerator", Accelerator)
        self._health = Records(host.store, "plane/health", Heard)
        # Of the stored accelerators: all their endpoints, and those of enabled ones, by the name
        # under which their health is known.
        self._referenced: dict[str, Endpoint] = {}
        self._checked: dict[str, Endpoint] = {}
        self._goers: dict[str, int] = {}  # how many locations go by an address
        propagation_s = host.settings.propagation_s
        self._locations = {
            place: Location(host.runtime, host.world, place, propagation_s)
            for place in host.world.edges()
        }
        self._traffic = Traffic(host.runtime, self._locations, self._tell_traffic)
        self._checkers = Checkers(host.runtime, lambda: self._checked, self._decided)

    async def start(self) -> None:
        """Take up what was last heard, open the doors, follow the control plane, check health."""
        for _, _, accelerator in self._accelerators.all():
            for location in self._locations.values():
                self._learn(location, accelerator)
            await self._traffic.open_doors(accelerator.all_addresses)
        for _, arn, heard in self._health.all():
            for location in self._locations.values():
                location.learn_health(arn, healthy=heard.healthy)
        self._find_endpoints()
        self._world.on_change(self._reconsider)
        follower = Follower(
            self._runtime,
            self._host.store,
            source=HOME,
            name="globalaccelerator",
            kinds=(ACCELERATOR_KIND,),
            apply=self._hear,
        )
        self._runtime.spawn(follower.run(), "follow the control plane")
        self._checkers.start()

    async def stop(self) -> None:
        """Nothing outlives the host."""

    def _reconsider(self) -> None:
        for location in self._locations.values():
            location.reconsider()

    # Routing state.

    def _hear(self, entries: list[Entry]) -> None:
        for entry in entries:
            before = self._referenced
            self._hear_one(entry)
            self._find_endpoints()
            for name in before:
                if name not in self._referenced:
                    self._forget_health(name)

    def _hear_one(self, entry: Entry) -> None:
        account, accelerator_id, told = entry.payload
        if told is None:
            self._accelerators.delete(account, accelerator_id)
            self._tell((HOME,), lambda here: self._forget(here, accelerator_id))
            return
        accelerator = msgspec.convert(told, Accelerator)
        self._accelerators.put(account, accelerator_id, accelerator)
        opening = self._traffic.open_doors(accelerator.all_addresses)
        self._runtime.spawn(opening, "open doors")
        self._tell((HOME,), lambda here: self._learn(here, accelerator), accelerator_id)

    def _learn(self, location: Location, accelerator: Accelerator) -> None:
        """A location has heard of an accelerator, or of a change of one."""
        before = location.learn(accelerator)
        for address in accelerator.all_addresses:
            self._goers[address] = self._goers.get(address, 0) + 1
        self._leave(before)

    def _forget(self, location: Location, accelerator_id: str) -> None:
        """A location has heard of a deletion."""
        self._leave(location.forget(accelerator_id))

    def _leave(self, before: Accelerator | None) -> None:
        """A location goes by that no longer; the last one to leave an address closes its doors."""
        for address in before.all_addresses if before is not None else ():
            self._goers[address] -= 1
            if self._goers[address] == 0:
                del self._goers[address]
                if not self._is_wanted(address):
                    self._traffic.close_doors((address,))

    def _is_wanted(self, address: str) -> bool:
        """Whether an accelerator has an address, though no location may know of that yet."""
        return any(address in known.all_addresses for _, _, known in self._accelerators.all())

    def _tell(
        self, sources: tuple[str, ...], change: Callable[[Location], None], about: str = ""
    ) -> None:
        for location in self._locations.values():
            location.hear(sources, change, about=about)

    def _find_endpoints(self) -> None:
        known = [accelerator for _, _, accelerator in self._accelerators.all()]
        self._referenced = {e.health: e for a in known for e in a.endpoints()}
        self._checked = {e.health: e for a in known if a.enabled for e in a.endpoints()}

    def _forget_health(self, name: str) -> None:
        """Nobody has that endpoint any more: should it come back, it has to pass again."""
        self._checkers.forget(name)
        if self._health.get("", name) is not None:
            self._health.delete("", name)
            self._host.changes.append(HEALTH_KIND, [name, None])
            self._tell(PLACES, lambda here: here.forget_health(name), name)

    def _decided(self, name: str, healthy: bool) -> None:  # noqa: FBT001 - a vote's outcome
        known = self._health.get("", name)
        if (known is not None and known.healthy == healthy) or name not in self._referenced:
            return
        try:
            self._health.put("", name, Heard(healthy))
            self._host.changes.append(HEALTH_KIND, [name, healthy])
        except DiskFull:  # the locations hear of it all the same; the next vote tries again
            self._runtime.journal.sometimes("accelerator.health-not-kept")
        self._runtime.journal.record("endpoint-health", endpoint=name, healthy=healthy)
        self._tell(PLACES, lambda here: here.learn_health(name, healthy=healthy), name)

    def _tell_traffic(self, rows: list[list[Any]]) -> None:
        """Tell the control plane's region what has flown, and how well its endpoints are."""
        accelerators = {row[1] for row in rows}
        counted: list[list[Any]] = []
        for _, _, accelerator in self._accelerators.all():
            if accelerator.id in accelerators and accelerator.routing == STANDARD:
                counted += self._endpoint_counts(accelerator)
        self._host.changes.append(TRAFFIC_KIND, [self._runtime.wall(), rows, counted])

    def _endpoint_counts(self, accelerator: Accelerator) -> list[list[Any]]:
        counted: list[list[Any]] = []
        for listener in accelerator.listeners:
            for group in listener.groups:
                known = [self._health.get("", e.health) for e in group.endpoints]
                well = sum(1 for health in known if health is not None and health.healthy)
                whose = [accelerator.account, accelerator.id, listener.id, group.region]
                counted.append([*whose, well, len(known) - well])
        return counted

    # Names.

    def addresses_of(self, place: str, name: str) -> tuple[str, ...]:
        """The addresses of an accelerator's DNS name, as a location knows it."""
        location = self._locations.get(place)
        return location.addresses_of(name) if location is not None else ()

    def on_change(self, place: str, notify: Callable[[], None]) -> None:
        """Call whenever a location has heard of a change of an accelerator."""
        self._locations[place].on_change(notify)

    @property
    def flows(self) -> int:
        """Clients' flows that are open now."""
        return self._traffic.flows

    def status(self) -> dict[str, Any]:
        """What each location has heard, and what is on its way to it."""
        return {
            place: {
                "heard": location.heard,
                "pending": location.pending,
                "unhealthy": [name for name, healthy in location.healthy.items() if not healthy],
            }
            for place, location in self._locations.items()
        }
