"""How long the way between two places takes, when nothing is broken.

* Region to region: measured (1-year medians of 2025), else the backbone model.
* Zone to zone of a region: measured where it was, else the median of all measured pairs.
* Regions and edge locations among themselves: the backbone model over the backbone's hub graph,
  `a0 + a1 (1 - exp(-km/d0)) + b km`.
* A city or site to an edge location: its last mile, and a metropolitan hop; beyond a metropolitan
  area a well-peered path to the nearest one, and the public internet to any other.
* A site with a private link to a region: its last mile, the way to its nearest edge location (where
  such links enter the backbone: an assumption), and the backbone from there.
* A city or site to anything else: its last mile and the public internet, `(a + b km)` over the
  internet's hub graph, times a factor for either end's country, times a factor for the path. The
  last is drawn from the measured spread by a hash of seed and ends: fixed, and the same both ways.

Coefficients are in `data/calibration.json`, errors of the fits in `docs/world.md`. No modelled path
is faster than light in fibre along the great circle. Leaves out: different ways there and back, the
time of day, load (a last mile's queues), and bandwidth, unlimited until a fault narrows it.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from typing import Any, NamedTuple

from antipodes.world.atlas import (
    Atlas,
    EdgeLocation,
    Point,
    Region,
    Site,
    Somewhere,
    data_rows,
    data_text,
)
from antipodes.world.errors import UnknownAccess, UnknownPlace
from antipodes.world.hubs import HubGraph, great_circle_km, load_hub_graphs
from antipodes.world.places import kind_of, top_of

LIGHT_MS_PER_KM = 0.01  # Round trip in fibre: 1 ms for each 100 km.
SAME_ZONE_MS = 0.2  # 0.1 to 0.3 (calibration.json, same_az_rtt_ms).
SAME_PLACE_MS = 0.1  # Two machines of one edge location, or of one city: assumed.
CROSS_ZONE_MS = 0.84  # Median of 67 measured pairs.
CROSS_ZONE_JITTER_MS = 0.067  # Median deviation across zones (Skyplane, 2022).
BACKBONE_JITTER_MS = 0.3  # 0.1 to 0.6 between regions (Skyplane, 2022).
INTERNET_JITTER_MS = 0.74  # Median deviation between data centres (WonderNetwork, 2018).
# The metropolitan hop is an assumption, not a fit: nobody publishes it.
METRO_KM = 200.0
METRO_MS = 1.0
METRO_MS_PER_KM = 0.03
REGIONAL_MS = 7.0
REGIONAL_MS_PER_KM = 0.015
DEFAULT_CITY_ACCESS = "fibre"
DEFAULT_SITE_ACCESS = "datacenter"
PRIVATE = "private"  # a site's link to regions


class Path(NamedTuple):
    """A round trip without faults: its length, its standard deviation and the share lost."""

    rtt_ms: float
    jitter_ms: float = 0.0
    loss: float = 0.0


class Access(NamedTuple):
    """The last mile: how a client reaches its provider's network."""

    name: str
    rtt_ms: float
    jitter_ms: float
    loss: float


class Tables:
    """The packaged numbers, each read when first needed."""

    @cached_property
    def calibration(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(data_text("calibration.json"))
        return data

    @cached_property
    def factor_quantiles(self) -> list[tuple[float, float]]:
        measured = self.calibration["internet_hub"]["obs_over_pred_pct"]
        return sorted((float(percent) / 100, float(factor)) for percent, factor in measured.items())

    @cached_property
    def graphs(self) -> tuple[HubGraph, HubGraph]:
        return load_hub_graphs()

    @property
    def backbone(self) -> HubGraph:
        return self.graphs[0]

    @property
    def internet(self) -> HubGraph:
        return self.graphs[1]

    @cached_property
    def region_pairs(self) -> dict[tuple[str, str], float]:
        """Measured only: what the file filled in from our own model is the model's to say."""
        return {
            (a, b): float(rtt_ms)
            for a, b, rtt_ms, method, *_ in data_rows("region_rtt_filled.csv")
            if method != "hub_model"
        }

    @cached_property
    def zone_pairs(self) -> dict[tuple[str, str], float]:
        """The best of 50 pings, both ways round."""
        rows = [(a, b, float(ms)) for _, a, b, ms, *_ in data_rows("az_rtt_ms.csv")]
        return {pair: ms for a, b, ms in rows for pair in ((a, b), (b, a))}

    @cached_property
    def country_factors(self) -> dict[str, float]:
        rows = data_rows("internet_country_factor.csv")
        return {country: float(factor) for country, factor, *_ in rows}

    @cached_property
    def last_miles(self) -> dict[str, Access]:
        return {
            name: Access(name, float(rtt_ms), float(jitter_ms), float(loss_percent) / 100)
            for name, rtt_ms, _, jitter_ms, loss_percent, *_ in data_rows("last_mile_profiles.csv")
        }


@cache
def load_tables() -> Tables:
    """Return the packaged numbers; they never change, so one reading serves the process."""
    return Tables()


class Distances:
    """Answers for every pair of places; each answer is computed once and kept."""

    def __init__(
        self,
        atlas: Atlas,
        *,
        seed: int = 0,
        sites: Iterable[Site] = (),
        access: Mapping[str, str] | None = None,
    ) -> None:
        """`access` names the access network of cities and sites, by place."""
        self._atlas = atlas
        self._tables = load_tables()
        self._seed = seed
        self._sites = {site.place: site for site in sites}
        self._access_names = dict(access or {})
        for name in self._access_names.values():
            self.access_network(name)
        self._paths: dict[tuple[str, str], Path] = {}
        self._nearest_edges: dict[Point, str] = {}

    def path(self, a: str, b: str) -> Path:
        """Return the path between two places; it is the same in both directions."""
        if b < a:
            a, b = b, a
        path = self._paths.get((a, b))
        if path is None:
            path = self._paths[a, b] = self._compute(a, b)
        return path

    def rtt_ms(self, a: str, b: str) -> float:
        """Return the round trip between two places."""
        return self.path(a, b).rtt_ms

    def access_network(self, name: str) -> Access:
        """Return an access network by name; `+` joins two, as in `cable+wifi_extra`."""
        parts = []
        for part in name.split("+"):
            if part.strip() not in self._tables.last_miles:
                known = ", ".join(self._tables.last_miles)
                raise UnknownAccess(f"unknown access network {part.strip()!r}: one of {known}")
            parts.append(self._tables.last_miles[part.strip()])
        return Access(
            name,
            math.fsum(part.rtt_ms for part in parts),
            math.hypot(*(part.jitter_ms for part in parts)),
            1 - math.prod(1 - part.loss for part in parts),
        )

    def access_of(self, place: str) -> Access:
        """Return the access network of a city or site."""
        default = DEFAULT_SITE_ACCESS if kind_of(place) == "site" else DEFAULT_CITY_ACCESS
        return self.access_network(self._access_names.get(place, default))

    def backbone_ms(self, a: Somewhere, b: Somewhere) -> float:
        """Return what the backbone model says, whether or not the pair was measured."""
        fit = self._tables.calibration["backbone_hub"]
        km = self._tables.backbone.path_km(a.point, b.point)
        return float(fit["a0"] + fit["a1"] * (1 - math.exp(-km / fit["d0"])) + fit["b"] * km / 100)

    def _compute(self, a: str, b: str) -> Path:
        if top_of(a) == top_of(b):
            return self._within(a, b)
        end_a, end_b = self._somewhere(a), self._somewhere(b)
        clients = [end.place for end in (end_a, end_b) if kind_of(end.place) in ("city", "site")]
        if not clients:
            measured_ms = self._tables.region_pairs.get((end_a.place, end_b.place))
            rtt_ms = self.backbone_ms(end_a, end_b) if measured_ms is None else measured_ms
            return Path(rtt_ms, BACKBONE_JITTER_MS)
        last_miles = [self.access_of(place) for place in clients]
        edge = next((end for end in (end_a, end_b) if isinstance(end, EdgeLocation)), None)
        if _is_private(end_a, end_b):
            way_ms = self._private_ms(end_a, end_b)
        elif edge is not None:
            way_ms = self._to_edge_ms(end_a if edge is end_b else end_b, edge)
        else:
            way_ms = self._internet_ms(end_a, end_b, self._path_factor(end_a, end_b))
        return Path(
            math.fsum((way_ms, *(last.rtt_ms for last in last_miles))),
            math.hypot(INTERNET_JITTER_MS, *(last.jitter_ms for last in last_miles)),
            1 - math.prod(1 - last.loss for last in last_miles),
        )

    def _within(self, a: str, b: str) -> Path:
        """Within one region (whose own name stands for whatever zone is asked about), or less."""
        somewhere, _ = self._somewhere(a), self._somewhere(b)
        if not isinstance(somewhere, Region):
            return Path(SAME_PLACE_MS)
        zone_a, zone_b = a.partition("/")[2], b.partition("/")[2]
        if not zone_a or not zone_b or zone_a == zone_b:
            return Path(SAME_ZONE_MS)
        rtt_ms = self._tables.zone_pairs.get((zone_a, zone_b), CROSS_ZONE_MS)
        return Path(rtt_ms, CROSS_ZONE_JITTER_MS)

    def _somewhere(self, place: str) -> Somewhere:
        """Return the record behind a place. Only its proper spelling is accepted here."""
        kind = kind_of(place)
        found: Somewhere | None
        if kind == "city":
            found = self._atlas.city(place)
        elif kind == "edge":
            found = self._atlas.edge(place)
        elif kind == "site":
            found = self._sites.get(place)
        else:
            found = self._atlas.region(top_of(place))
            if kind == "zone" and self._atlas.zone(place).place == place:
                return found
        if found is None or found.place != place:
            raise UnknownPlace(place, (found.place,) if found else tuple(self._sites)[:3])
        return found

    def _internet_ms(self, a: Somewhere, b: Somewhere, path_factor: float) -> float:
        fit = self._tables.calibration["internet_hub"]
        factor = path_factor
        if a.country != b.country:
            countries = self._tables.country_factors
            factor *= countries.get(a.country, 1.0) * countries.get(b.country, 1.0)
        modelled = (
            fit["a"] + fit["b"] * self._tables.internet.path_km(a.point, b.point) / 100
        ) * factor
        return float(max(modelled, great_circle_km(a.point, b.point) * LIGHT_MS_PER_KM))

    def _to_edge_ms(self, client: Somewhere, edge: EdgeLocation) -> float:
        km = great_circle_km(client.point, edge.point)
        if km < METRO_KM:
            return METRO_MS + METRO_MS_PER_KM * km
        peered_ms = REGIONAL_MS + REGIONAL_MS_PER_KM * km
        if edge.iata == self._nearest_edge(client.point):
            return peered_ms
        return max(peered_ms, self._internet_ms(client, edge, 1.0))

    def _private_ms(self, a: Somewhere, b: Somewhere) -> float:
        site, region = (a, b) if isinstance(a, Site) else (b, a)
        entry = self._atlas.edge(self._nearest_edge(site.point))
        return self._to_edge_ms(site, entry) + self.backbone_ms(entry, region)

    def _nearest_edge(self, point: Point) -> str:
        nearest = self._nearest_edges.get(point)
        if nearest is None:
            edges = self._atlas.edges
            nearest = min((great_circle_km(point, edge.point), edge.iata) for edge in edges)[1]
            self._nearest_edges[point] = nearest
        return nearest

    def _path_factor(self, a: Somewhere, b: Somewhere) -> float:
        """Draw from the measured quantiles of observed / predicted, by a hash of the path."""
        key = f"{self._seed}|{a.place}|{b.place}".encode()
        u = int.from_bytes(hashlib.sha256(key).digest()[:8], "big") / 2**64
        quantiles = self._tables.factor_quantiles
        lower = quantiles[0]
        if u <= lower[0]:
            return lower[1]
        for upper in quantiles[1:]:
            if u <= upper[0]:
                share = (u - lower[0]) / (upper[0] - lower[0])
                return lower[1] + (upper[1] - lower[1]) * share
            lower = upper
        return lower[1]


def _is_private(a: Somewhere, b: Somewhere) -> bool:
    """Whether two places are a region and a site with a private link to it."""
    site, region = (a, b) if isinstance(a, Site) else (b, a)
    return isinstance(site, Site) and isinstance(region, Region) and site.link == PRIVATE
