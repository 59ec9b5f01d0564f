"""The clock of one machine: right, or ahead, or behind, and perhaps running too fast or too slow.

A machine's clock outlives the host that runs on it: a host that is killed and comes back reads the
same wrong time. `now()`, by which everything measures how long something takes, is another clock
and never wrong; only `wall()` is. In the real body the error is kept in a file beside the host's
store, in seconds of the true clock, so that it is there again in the next process.
"""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from antipodes.runtime.kept import keep, read_kept

OFFSET_S_MAX = 10 * 365 * 86_400.0
DRIFT_PPM_MAX = 500_000.0  # half as fast again; a quartz drifts by 20, a bad one by 200
_MILLION = 1e6


class ClockState(NamedTuple):
    """How a clock is wrong: by so much when it was set, and by so much more with every second."""

    offset_s: float = 0.0
    drift_ppm: float = 0.0


class MachineClock:
    """A wall clock that can be put wrong."""

    def __init__(self, true: Callable[[], float]) -> None:
        """`true` gives the right Unix seconds."""
        self._true = true
        self.state = ClockState()
        self.is_right = True
        self._since = 0.0

    def set(self, offset_s: float, drift_ppm: float, since: float | None = None) -> None:
        """Put the clock wrong, from now on or since a true time; 0 and 0 put it right."""
        if not abs(offset_s) <= OFFSET_S_MAX:
            raise ValueError(f"offset_s: {offset_s} is more than {OFFSET_S_MAX:g} either way")
        if not abs(drift_ppm) <= DRIFT_PPM_MAX:
            raise ValueError(f"drift_ppm: {drift_ppm} is more than {DRIFT_PPM_MAX:g} either way")
        self._since = self._true() if since is None else since
        self.state = ClockState(float(offset_s), float(drift_ppm))
        self.is_right = not (offset_s or drift_ppm)

    @property
    def since(self) -> float:
        """The true time at which the clock was set."""
        return self._since

    def wall(self) -> float:
        """Unix seconds by this clock."""
        true = self._true()
        offset_s, drift_ppm = self.state
        if drift_ppm:
            offset_s += (true - self._since) * drift_ppm / _MILLION
        return true + offset_s


class KeptClock(MachineClock):
    """The clock of a real host: how wrong it is, is kept in a file."""

    def __init__(self, path: Path) -> None:
        super().__init__(time.time)
        self._path = path
        kept = read_kept(path, "offset_s", "drift_ppm", "since")
        if kept is not None:
            with contextlib.suppress(ValueError):  # spoilt: a clock that is right
                super().set(*kept)

    def set(self, offset_s: float, drift_ppm: float, since: float | None = None) -> None:
        """Put the clock wrong, and keep that for the next process of this host."""
        super().set(offset_s, drift_ppm, since)
        wrong = self.state != ClockState()
        keep(self._path, **self.state._asdict(), since=self.since if wrong else 0.0)
