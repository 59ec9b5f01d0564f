"""How a host comes to know zones and names, and how each of its places hears of them.

Followed are the log of Route 53's control plane and every region's log of load balancers' names;
what they say goes into the host's own store, so that a restart answers what was last heard. Each
place hears of a change in its own time; of balancers' addresses and of health sooner than of edits:
AWS publishes no time, here it takes up to a sixth of the propagation.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from antipodes.edge.route53.clients import Clients
from antipodes.edge.route53.copying import HOME, NAME_KINDS, Copying
from antipodes.edge.route53.locations import Accelerators, Location, Room, Shared
from antipodes.edge.route53.replica import KINDS, Replica
from antipodes.fabric.dns.names import to_wire
from antipodes.replication.changelog import Entry
from antipodes.replication.follower import Follower
from antipodes.service.contract import Host

HEALTH_SHARE = 1 / 6

Change = Callable[[Location], None]


class Knowledge:
    """What a host knows, and its places."""

    def __init__(
        self,
        host: Host,
        accelerators: Accelerators,
        places: Iterable[str],
        *,
        name: str = "route53",
    ) -> None:
        """`name` is what this host's followers are called."""
        self._host = host
        self._name = name
        self._runtime = host.runtime
        self._world = host.world
        self.replica = Replica(host.store)
        self.shared = Shared(
            self.replica.zones,
            Clients(host.world),
            accelerators,
            Room(),
            host.runtime.chance("route53/answers").random,
        )
        propagation_s = host.settings.propagation_s
        self._health_s = propagation_s * HEALTH_SHARE
        self.locations = {
            place: Location(host.runtime, host.world, place, propagation_s, self.shared)
            for place in places
        }
        self.followers: dict[str, Follower] = {}
        self._heard: dict[str, Callable[[list[Entry]], None]] = {}
        self.copying = Copying(host.runtime, host.store, self.replica, self.followers, self._hear)

    def load(self) -> None:
        """Take up what was last heard."""
        self.replica.load()
        balancers = [(to_wire(name), balancer) for name, balancer in self.replica.balancers()]
        for location in self.locations.values():
            location.advance(self.replica.zones.version)
            for name, balancer in balancers:
                location.learn_balancer(name, balancer)
        self._world.on_change(self._reconsider)

    def _reconsider(self) -> None:
        for location in self.locations.values():
            location.reconsider()

    def follow(
        self, source: str, kinds: tuple[str, ...], heard: Callable[[list[Entry]], None]
    ) -> None:
        """Listen to what a host says of these kinds and, if it is the home, of zones."""
        follower = self.followers[source] = Follower(
            self._runtime,
            self._host.store,
            source=source,
            name=self._name,
            kinds=(*(KINDS if source == HOME else ()), *kinds),
            apply=partial(self._hear, source),
            behind=self.copying.behind,
        )
        self._heard[source] = heard
        self.copying.take_up(source)
        self._runtime.spawn(follower.run(), f"follow the names of {source}")

    def _hear(self, source: str, entries: list[Entry]) -> None:
        own = [entry for entry in entries if entry.kind in KINDS]
        if own:
            version = self.replica.zones.advance()
            for entry in own:
                self.replica.hear(entry.kind, entry.payload)
            for location in self.locations.values():
                location.hear((source,), lambda here: self.advance(here, version), about="zones")
            self._forget()
        for entry in entries:
            if entry.kind in NAME_KINDS:
                self._hear_of_balancer(source, *entry.payload)
        self._heard[source](entries)

    def advance(self, location: Location, version: int) -> None:
        """A location has heard of a change; the last one to hear of the newest forgets the past."""
        if version <= location.version:
            return  # who had nothing took it all at once
        location.advance(version)
        newest = self.replica.zones.version
        if version == newest and all(
            other.version == newest or other.link_from(HOME).cut
            for other in self.locations.values()
        ):
            self._forget()

    def _forget(self) -> None:
        """Forget what nobody goes by any more.

        Who is cut off from the home goes by what he knows, and after that by the newest there is.
        """
        oldest, stragglers = self.replica.zones.version, []
        for location in self.locations.values():
            if location.link_from(HOME).cut:
                stragglers.append(location.version)
            else:
                oldest = min(oldest, location.version)
        self.replica.zones.forget(oldest, stragglers)

    def _hear_of_balancer(self, region: str, name: str, told: Any) -> None:
        balancer = self.replica.hear_of_balancer(region, name, told)
        wire = to_wire(name.lower())
        self.tell_health((region,), lambda here: here.learn_balancer(wire, balancer), name)

    def tell_health(self, sources: tuple[str, ...], change: Change, about: str) -> None:
        """Let every place hear of health, or of an address; where it is said, it is known."""
        for location in self.locations.values():
            if location.place in sources:
                change(location)
                continue
            location.hear(sources, change, propagation_s=self._health_s, about=about)
