"""The world: its places, the ways between them, and what is broken right now.

One object per process answers every question about distance. `condition` is asked for every
message, so answers are kept until the next fault is installed or healed; then `version` grows and
whoever asked to be told is told. Base distances never change in the life of a world.

A supervisor installs faults and sends `faults()` to its hosts, which `restore` them: handles are
the same everywhere.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Address

from antipodes.runtime.contract import Condition
from antipodes.world.addresses import anycast_zone
from antipodes.world.atlas import Atlas, Site
from antipodes.world.errors import (
    InvalidFault,
    InvalidWorld,
    UnknownAccess,
    UnknownHandle,
    UnknownPlace,
)
from antipodes.world.faults import AcceleratorZone, ControlPlane, DarkPlace, Fault, combine
from antipodes.world.latency import Access, Distances
from antipodes.world.places import ANYTHING, KIND_GROUPS, kind_of
from antipodes.world.sites import networks_of

FAULTS_MAX = 1000
RANKINGS_MAX = 10_000
_MS = 1000.0
_SITE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class World:
    """Places, distances and faults. `regions` are those with customers' resources."""

    def __init__(
        self,
        atlas: Atlas,
        regions: Sequence[str],
        *,
        seed: int = 0,
        sites: Iterable[Site] = (),
        access: Mapping[str, str] | None = None,
    ) -> None:
        """`access` names the access network of cities and sites, by any name of theirs."""
        self.atlas = atlas
        self.seed = seed
        self.sites = tuple(sites)
        self._site_names = tuple(site.name for site in self.sites)
        self._networks = networks_of(self.sites)
        self.regions = tuple(atlas.region(code).code for code in regions)
        _check_description(self.regions, self.sites)
        self.access = {self._client(name): network for name, network in (access or {}).items()}
        self.version = 0
        self._distances = Distances(atlas, seed=seed, sites=self.sites, access=self.access)
        self._edges = tuple(edge.place for edge in atlas.edges)
        self._edges_by_distance: dict[str, tuple[str, ...]] = {}
        self._faults: dict[str, Fault] = {}
        self._installed = 0
        self._control_planes: dict[tuple[str, str], None] = {}
        self._lost_zones: dict[str, None] = {}
        self._conditions: dict[tuple[str, str], Condition] = {}
        self._anycast: dict[str, str] = {}
        self._ranked: dict[tuple[str, ...], list[str]] = {}
        self._base: dict[tuple[str, str], Condition] = {}
        self._listeners: list[Callable[[], None]] = []

    def place(self, name: str) -> str:
        """Return the place that a person means, in its proper spelling; raises UnknownPlace."""
        return self.atlas.place(name, self._site_names)

    def edges(self) -> list[str]:
        """Return all edge locations as places, dark ones too."""
        return list(self._edges)

    def rtt_ms(self, a: str, b: str) -> float:
        """Return the round trip between two places when nothing is broken."""
        return self._distances.rtt_ms(a, b)

    def site_of(self, ip: str) -> str | None:
        """Return the site whose private networks an address is in, as a place."""
        address = IPv4Address(ip)
        return next((place for place, network in self._networks if address in network), None)

    def access_of(self, place: str) -> Access:
        """Return the access network of a city or site."""
        return self._distances.access_of(place)

    def nearest_edge(self, place: str) -> str:
        """Return the edge location with the shortest round trip, dark or not."""
        return self._nearest_edges(place)[0]

    def anycast_edge(self, place: str) -> str:
        """Return where an anycast address leads from a place: the nearest edge that is not dark.

        A dark edge location is no longer announced, so traffic goes elsewhere; one that is merely
        cut off from here still is, so traffic goes there and is lost. Where all are dark, the way
        still leads to the nearest, and nothing comes back.
        """
        found = self._anycast.get(place)
        if found is None:
            dark = {fault.place for fault in self._faults.values() if isinstance(fault, DarkPlace)}
            nearest = self._nearest_edges(place)
            found = next((edge for edge in nearest if edge not in dark), nearest[0])
            self._anycast[place] = found
        return found

    def rank_regions(self, place: str, regions: Iterable[str]) -> list[str]:
        """Return regions by their round trip from a place, nearest first."""
        asked = (place, *regions)
        ranked = self._ranked.get(asked)
        if ranked is None:
            ranked = sorted(asked[1:], key=lambda region: (self.rtt_ms(place, region), region))
            if len(self._ranked) >= RANKINGS_MAX:
                self._ranked.clear()
            self._ranked[asked] = ranked
        return list(ranked)

    def condition(self, source: str, destination: str) -> Condition:
        """Return the state of the direction from source to destination."""
        condition = self._conditions.get((source, destination))
        if condition is None:
            effects = [
                fault.effect
                for fault in self._faults.values()
                if fault.affects(source, destination)
            ]
            condition = combine(self._base_condition(source, destination), effects)
            self._conditions[source, destination] = condition
        return condition

    def has_control_plane(self, service: str, region: str) -> bool:
        """Whether a service's control plane in a region is not broken."""
        down = self._control_planes
        return not down or ((service, region) not in down and (service, "") not in down)

    def is_lost(self, ip: str) -> bool:
        """Whether an accelerator's address is in a network zone that is lost."""
        return bool(self._lost_zones) and anycast_zone(ip) in self._lost_zones

    def on_change(self, notify: Callable[[], None]) -> None:
        """Call `notify` after every change of what is broken."""
        self._listeners.append(notify)

    def install(self, fault: Fault) -> str:
        """Break something; returns the handle that heals it.

        Its places may be written as people write them. Raises InvalidFault, naming the field.
        """
        if len(self._faults) >= FAULTS_MAX:
            raise InvalidFault(f"{FAULTS_MAX} faults are installed already: heal some first")
        proper = self._proper(fault)
        self._installed += 1
        handle = f"fault-{self._installed}"
        self._faults[handle] = proper
        self._changed()
        return handle

    def heal(self, handle: str) -> None:
        """Remove one fault; what the others do stays."""
        if handle not in self._faults:
            known = ", ".join(self._faults) or "none"
            raise UnknownHandle(f"no fault {handle!r} is installed (installed: {known})")
        del self._faults[handle]
        self._changed()

    def heal_all(self) -> None:
        """Remove every fault."""
        if self._faults:
            self._faults.clear()
            self._changed()

    def faults(self) -> list[tuple[str, Fault]]:
        """Return what is broken, in the order of installation."""
        return list(self._faults.items())

    def restore(self, faults: Iterable[tuple[str, Fault]]) -> None:
        """Make exactly these faults hold, under these handles: another world's `faults()`."""
        restored: dict[str, Fault] = {}
        for handle, fault in faults:
            if handle in restored:
                raise UnknownHandle(f"two faults under the handle {handle!r}")
            restored[handle] = self._proper(fault)
        numbers = [handle.removeprefix("fault-") for handle in restored]
        self._installed = max(self._installed, *(int(n) for n in numbers if n.isdecimal()), 0)
        if list(restored.items()) != self.faults():
            self._faults = restored
            self._changed()

    def _changed(self) -> None:
        self._control_planes = {
            (fault.service, fault.region): None
            for fault in self._faults.values()
            if isinstance(fault, ControlPlane)
        }
        self._lost_zones = {
            fault.zone: None
            for fault in self._faults.values()
            if isinstance(fault, AcceleratorZone)
        }
        self._conditions.clear()
        self._anycast.clear()
        self.version += 1
        for notify in list(self._listeners):
            notify()

    def _base_condition(self, source: str, destination: str) -> Condition:
        """Half of the round trip; half of its spread and loss are on either way, too."""
        condition = self._base.get((source, destination))
        if condition is None:
            path = self._distances.path(source, destination)
            condition = Condition(
                delay_s=path.rtt_ms / 2 / _MS,
                jitter_s=path.jitter_ms / 2 / _MS,
                loss=path.loss / 2,
            )
            self._base[source, destination] = condition
        return condition

    def _nearest_edges(self, place: str) -> tuple[str, ...]:
        ranked = self._edges_by_distance.get(place)
        if ranked is None:
            ranked = tuple(sorted(self._edges, key=lambda edge: (self.rtt_ms(place, edge), edge)))
            self._edges_by_distance[place] = ranked
        return ranked

    def _client(self, name: str) -> str:
        """Return the city or site that a person means; nothing else has a last mile."""
        place = self.place(name)
        if kind_of(place) not in ("city", "site"):
            raise UnknownAccess(f"access: {place} is neither a city nor a site")
        return place

    def _proper(self, fault: Fault) -> Fault:
        return fault.with_ends(self._proper_end)

    def _proper_end(self, field: str, end: str) -> str:
        """Return the end of a link in its proper spelling; groups are left as they are."""
        if end == ANYTHING or end in KIND_GROUPS:
            return end
        try:
            if end.endswith("/*"):
                region = self.place(end[:-2])
                if kind_of(region) == "region":
                    return f"{region}/*"
                raise InvalidFault(f"{field}: {end}: {region} has no group")
            return self.place(end)
        except UnknownPlace as error:
            raise InvalidFault(f"{field}: {error}") from None


def _check_description(regions: Sequence[str], sites: Sequence[Site]) -> None:
    if not regions:
        raise InvalidWorld("regions: a world needs at least one")
    for region in regions:
        if regions.count(region) > 1:
            raise InvalidWorld(f"regions: {region} is named twice")
    names = [site.name.lower() for site in sites]
    for site in sites:
        if not _SITE_NAME.fullmatch(site.name):
            raise InvalidWorld(f"sites: {site.name!r} is no name: letters, digits, `-`, `_`, `.`")
        if names.count(site.name.lower()) > 1:
            raise InvalidWorld(f"sites: {site.name} is named twice")
        if not (-90 <= site.lat <= 90 and -180 <= site.lon <= 180):  # noqa: PLR2004 (degrees)
            raise InvalidWorld(f"sites: {site.name} is not on this planet: {site.lat}, {site.lon}")
