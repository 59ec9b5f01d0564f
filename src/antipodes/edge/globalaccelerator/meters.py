"""What flows through the edge, counted for CloudWatch: new flows and bytes, each way.

Counts go into the edge's change log once a minute while there is anything to count, and the control
plane's region publishes them. So they arrive late over a cut link, and are not lost; either end
that is killed loses what it had not passed on, a minute's at most. Where nothing flows there is no
timer, and nothing is told.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from antipodes.runtime.contract import DiskFull, Runtime

PUBLISH_S = 60.0
METERS_MAX = 10_000


class Metered(NamedTuple):
    """Whose flows, and which of them."""

    account: str
    accelerator: str
    listener: str
    region: str  # of the endpoint group; empty where no endpoint was found
    place: str
    protocol: str
    address: str


Key = tuple[str, ...]  # tells one Metered from others, and is made faster


class Meter:
    """Counts of a minute. A flow holds its meter and adds to it."""

    __slots__ = ("bytes_in", "bytes_out", "dropped", "flows", "of", "open")

    def __init__(self, of: Metered) -> None:
        self.of = of
        self.open = 0  # flows that may still add
        self.flows = self.dropped = self.bytes_in = self.bytes_out = 0

    def count(self, size: int, inward: bool) -> None:  # noqa: FBT001 - as conversations tell it
        """Bytes passed, from the client or to it."""
        if inward:
            self.bytes_in += size
        else:
            self.bytes_out += size

    def take(self) -> list[int]:
        """Return the counts and begin anew."""
        taken = [self.flows, self.dropped, self.bytes_in, self.bytes_out]
        self.flows = self.dropped = self.bytes_in = self.bytes_out = 0
        return taken


Row = list[Any]  # a Metered's parts, then the four counts


class Meters:
    """All meters of the edge."""

    def __init__(self, runtime: Runtime, publish: Callable[[list[Row]], None]) -> None:
        self._runtime = runtime
        self._publish = publish
        self._meters: dict[Key, Meter] = {}

    def get(self, key: Key) -> Meter | None:
        """The meter of that key, if something was counted lately."""
        return self._meters.get(key)

    def add(self, key: Key, of: Metered) -> Meter:
        """A new meter; where there are too many, one that counts for nobody."""
        meter = Meter(of)
        if len(self._meters) < METERS_MAX:
            if not self._meters:
                self._runtime.later(self._runtime.interval(PUBLISH_S), self._tell)
            self._meters[key] = meter
        return meter

    def _tell(self) -> None:
        rows: list[Row] = []
        kept: dict[Key, Meter] = {}
        for key, meter in self._meters.items():
            counts = meter.take()
            if any(counts):
                rows.append([*meter.of, *counts])
            if meter.open or any(counts):
                kept[key] = meter
        self._meters = kept
        if kept:
            self._runtime.later(self._runtime.interval(PUBLISH_S), self._tell)
        if rows:
            try:
                self._publish(rows)
            except DiskFull:
                self._runtime.journal.sometimes("accelerator.traffic-not-told")
