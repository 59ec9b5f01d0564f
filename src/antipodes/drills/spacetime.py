"""Where the things of a space-time diagram stand: a column for each place, a row for each instant.

Time is not to scale. Between two instants at which something happens lies the more room the more
time there is, but by its logarithm only, so that the order of things within a millisecond can be
read beside seconds in which nothing happens.
"""

import bisect
import math
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from antipodes.drills.history import Operation
from antipodes.drills.simulated import Simulated
from antipodes.drills.witness import Violation
from antipodes.runtime.messages import Message
from antipodes.world.atlas import load_atlas
from antipodes.world.places import kind_of, top_of

LEFT, COLUMN, TOP = 96.0, 210.0, 112.0
HEIGHT_MAX = 1700.0
GAP_PX_MIN, GAP_PX_PER_DECADE, GAP_UNIT_S = 3.0, 13.0, 0.0005
DIGITS = 4  # of an instant: what is closer together stands on one row
GROUPS = {"city": "people", "edge": "edge", "region": "regions", "site": "sites"}
ENDS = ("kill", "power-cut")
_ORDER = tuple(GROUPS)


class Spacetime(NamedTuple):
    """Columns by place, rows by time; times are seconds of the drill."""

    simulated: Simulated
    seen: Violation
    messages: list[Message]
    columns: list[str]
    instants: list[float]
    rows: list[float]

    def x(self, place: str) -> float:
        """The middle of a place's column."""
        return LEFT + (self.columns.index(top_of(place)) + 0.5) * COLUMN

    def y(self, at_s: float) -> float:
        """Between two instants, time is to scale."""
        at_s = min(max(at_s, self.instants[0]), self.instants[-1])
        after = min(bisect.bisect_right(self.instants, at_s), len(self.instants) - 1)
        first, second = self.instants[after - 1], self.instants[after]
        share = (at_s - first) / (second - first)
        return self.rows[after - 1] + share * (self.rows[after] - self.rows[after - 1])

    def inside(self, at_s: float) -> bool:
        """Whether a time is in the picture."""
        return self.seen.begin_s <= at_s <= self.seen.end_s

    @property
    def right(self) -> float:
        """Where the columns end."""
        return LEFT + len(self.columns) * COLUMN

    @property
    def bottom(self) -> float:
        """Where time ends."""
        return self.rows[-1]

    def ups(self, place: str) -> list[tuple[float, float]]:
        """When the host of a column was up, as far as it is known."""
        found, since = [], -math.inf
        for at_s, kind in self._of_host(place):
            if kind == "boot":
                since = at_s
            elif kind in ENDS:
                found.append((since, at_s))
                since = math.inf
        return [*found, (since, math.inf)]

    def ends(self, place: str) -> list[float]:
        """When the host of a column was ended, in the picture."""
        happened = self._of_host(place)
        return [at_s for at_s, kind in happened if kind in ENDS and self.inside(at_s)]

    def is_up(self, place: str, at_s: float) -> bool:
        """Whether the host of a column was up; it is still at the moment of its end."""
        return any(a <= at_s <= b for a, b in self.ups(place))

    def pauses(self, place: str) -> Iterable[tuple[float, float]]:
        """When the host of a column was paused."""
        since = None
        for at_s, kind in self._of_host(place):
            if kind == "pause" and since is None:
                since = at_s
            elif kind in {"resume", *ENDS} and since is not None:
                yield since, at_s
                since = None
        if since is not None:
            yield since, math.inf

    def _of_host(self, place: str) -> list[tuple[float, str]]:
        """What happened to the host of a column; one host holds all edge locations."""
        host = "edge" if group_of(place) == "edge" else place
        started = self.simulated.load_started
        return [
            (entry["at"] - started, entry["kind"])
            for entry in self.simulated.entries
            if entry.get("host") == host
        ]


def lay_out(simulated: Simulated, seen: Violation, messages: list[Message]) -> Spacetime:
    """Give every place its column and every instant its row."""
    started = simulated.load_started
    instants = [seen.begin_s, seen.end_s]
    for message in messages:
        instants += [message.sent_s - started, message.arrived_s - started]
    for operation in (*seen.own, *seen.neighbours):
        instants += [operation.start_s, operation.end_s]
    instants += [entry["at"] - started for entry in simulated.entries]
    inside = [round(at, DIGITS) for at in instants if seen.begin_s <= at <= seen.end_s]
    ordered = sorted(dict.fromkeys(inside))
    ordered = ordered if len(ordered) > 1 else [seen.begin_s, seen.begin_s + 1.0]
    gaps = [
        GAP_PX_MIN + GAP_PX_PER_DECADE * math.log10(1 + (b - a) / GAP_UNIT_S)
        for a, b in pairwise(ordered)
    ]
    scale = min(1.0, HEIGHT_MAX / math.fsum(gaps))
    rows = [TOP]
    for gap in gaps:
        rows.append(rows[-1] + gap * scale)
    return Spacetime(simulated, seen, messages, _columns(simulated, seen, messages), ordered, rows)


def _columns(simulated: Simulated, seen: Violation, messages: list[Message]) -> list[str]:
    """People, edges, regions: each group in the order in which it comes up, regions the drill's."""
    found = [city_of(operation) for operation in (*seen.own, *seen.neighbours)]
    for message in messages:
        found += [top_of(message.source), top_of(message.destination)]
    wanted = list(dict.fromkeys([*simulated.drill.world.regions, *found]))
    return sorted(wanted, key=lambda place: _ORDER.index(group_of(place)))


def city_of(operation: Operation) -> str:
    """The place that a call came from."""
    return load_atlas().place(operation.city)


def group_of(place: str) -> str:
    """The group that a column stands in."""
    return "edge" if place == "edge" else kind_of(place)
