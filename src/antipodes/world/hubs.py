"""How far it is along the cables: the shortest path over a small graph of hubs.

Great circles mislead: nothing crosses the South Atlantic or the Himalayas in a straight line. The
graph (84 hubs, 158 edges) knows where the cables run, separately for the clouds' backbones and for
the public internet; a path is from one end to a hub near it, over the graph, and from a hub to the
other end, or straight where that is short. Shortest paths from a hub are computed when that hub is
first needed.
"""

import heapq
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from antipodes.world.atlas import Point, data_text

EARTH_RADIUS_KM = 6371.0088
# Up to this distance cables go about straight; the fit used the same limits.
BACKBONE_STRAIGHT_KM = 1500.0
INTERNET_STRAIGHT_KM = 800.0
# An end uses its nearest hub, and where that is not in its own city two more that are not far.
OWN_HUB_KM = 60.0
OTHER_HUBS_KM = 700.0


def great_circle_km(p: Point, q: Point) -> float:
    """Return the length of the great circle between two points."""
    lat_p, lon_p, lat_q, lon_q = map(math.radians, (*p, *q))
    h = (
        math.sin((lat_q - lat_p) / 2) ** 2
        + math.cos(lat_p) * math.cos(lat_q) * math.sin((lon_q - lon_p) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, h)))


class Offset(NamedTuple):
    """How far a point is from a hub."""

    km: float
    hub: str


class HubGraph:
    """The cables of one kind of network."""

    def __init__(
        self,
        hubs: Mapping[str, Point],
        cables: Sequence[tuple[str, str, float]],
        straight_km: float,
    ) -> None:
        self._hubs = hubs
        self._straight_km = straight_km
        self._neighbours: dict[str, dict[str, float]] = {hub: {} for hub in hubs}
        for a, b, km in cables:
            self._neighbours[a][b] = self._neighbours[b][a] = km
        self._distances: dict[str, dict[str, float]] = {}
        self._offsets: dict[Point, list[Offset]] = {}

    def path_km(self, p: Point, q: Point) -> float:
        """Return the length of the shortest way along the cables, at least the great circle."""
        straight = great_circle_km(p, q)
        best = straight if straight < self._straight_km else math.inf
        for near in self._hubs_near(p):
            distances = self._distances_from(near.hub)
            for far in self._hubs_near(q):
                best = min(best, near.km + distances.get(far.hub, math.inf) + far.km)
        assert best < math.inf, "the hub graph is connected"
        return max(best, straight)

    def _hubs_near(self, point: Point) -> list[Offset]:
        near = self._offsets.get(point)
        if near is None:
            first, *others = heapq.nsmallest(
                3, (Offset(great_circle_km(point, at), hub) for hub, at in self._hubs.items())
            )
            near = [first]
            if first.km > OWN_HUB_KM:
                near += [offset for offset in others if offset.km < OTHER_HUBS_KM]
            self._offsets[point] = near
        return near

    def _distances_from(self, start: str) -> dict[str, float]:
        """Dijkstra's algorithm, once for each hub that is asked about."""
        known = self._distances.get(start)
        if known is not None:
            return known
        distances = self._distances[start] = {start: 0.0}
        queue = [(0.0, start)]
        while queue:
            so_far, hub = heapq.heappop(queue)
            if so_far > distances[hub]:
                continue
            for neighbour, km in self._neighbours[hub].items():
                if so_far + km < distances.get(neighbour, math.inf):
                    distances[neighbour] = so_far + km
                    heapq.heappush(queue, (so_far + km, neighbour))
        return distances


def load_hub_graphs() -> tuple[HubGraph, HubGraph]:
    """Return the backbone's and the public internet's cables from the packaged data."""
    data: dict[str, Any] = json.loads(data_text("hub_graph.json"))
    hubs = {hub: Point(*at) for hub, at in data["hubs"].items()}
    backbone = [(a, b, km) for a, b, km, on_backbone, _ in data["edges"] if on_backbone]
    internet = [(a, b, km) for a, b, km, _, on_internet in data["edges"] if on_internet]
    return (
        HubGraph(hubs, backbone, BACKBONE_STRAIGHT_KM),
        HubGraph(hubs, internet, INTERNET_STRAIGHT_KM),
    )
