"""How long replicated writes took, from being written to being here, by where they come from.

Measured where they arrive, once for each part of a log and table, by the clock that never jumps: a
region whose wall clock is wrong is not late for that. Each measure goes into the sums since they
were last taken (`take`), and into a window of the latest ones, for percentiles.
"""

from collections import deque
from typing import NamedTuple

WINDOW = 512
MEASURED_MAX = 10_000  # ways and tables


class Lag(NamedTuple):
    """Of some writes: how many, and the sum, least and greatest of their lags in milliseconds."""

    writes: int
    total_ms: float
    least_ms: float
    most_ms: float

    def joined(self, other: "Lag") -> "Lag":
        """Of both together."""
        return Lag(
            self.writes + other.writes,
            self.total_ms + other.total_ms,
            min(self.least_ms, other.least_ms),
            max(self.most_ms, other.most_ms),
        )


class Whose(NamedTuple):
    """What is measured: a table's writes from one region."""

    source: str
    account: str
    table: str


class Lags:
    """The lags of what arrives in one region."""

    def __init__(self) -> None:
        self._sums: dict[Whose, Lag] = {}
        self._windows: dict[Whose, deque[float]] = {}

    def note(self, whose: Whose, count: int, oldest_s: float, newest_s: float) -> None:
        """Note that some writes arrived together, the oldest and the newest so late."""
        newest_ms = max(0.0, newest_s * 1000)
        oldest_ms = max(newest_ms, oldest_s * 1000)
        lag = Lag(count, count * (oldest_ms + newest_ms) / 2, newest_ms, oldest_ms)
        known = self._sums.get(whose)
        self._sums[whose] = lag if known is None else known.joined(lag)
        window = self._windows.get(whose)
        if window is None:
            if len(self._windows) >= MEASURED_MAX:
                self._windows.clear()
            window = self._windows[whose] = deque(maxlen=WINDOW)
        window.append(oldest_ms)
        if count > 1:
            window.append(newest_ms)

    def take(self, source: str) -> dict[tuple[str, str], Lag]:
        """Return the sums of a source's writes, by account and table, and begin anew."""
        taken = {whose: lag for whose, lag in self._sums.items() if whose.source == source}
        for whose in taken:
            del self._sums[whose]
        return {(whose.account, whose.table): lag for whose, lag in sorted(taken.items())}

    def percentiles(self, source: str) -> dict[str, dict[str, float]]:
        """What the latest writes of each table took, in milliseconds; "" is all tables."""
        found: dict[str, dict[str, float]] = {}
        every: list[float] = []
        for whose, window in sorted(self._windows.items()):
            if whose.source == source:
                every += window
                found[whose.table] = _percentiles(sorted(window))
        return {"": _percentiles(sorted(every)), **found} if every else {}


def _percentiles(lags: list[float]) -> dict[str, float]:
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    last = len(lags) - 1
    return {name: round(lags[round(share * last)], 1) for name, share in shares.items()}
