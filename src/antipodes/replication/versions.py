"""Versions: a hybrid logical clock and a region, totally ordered; the last writer wins.

A version's time is Unix milliseconds shifted left by sixteen bits, plus a counter: close to wall
time, never going back, and above every version its clock has heard of. More than 65,536 versions in
a millisecond carry over into the next one: the clock runs ahead of the wall until that catches up.
Equal times are decided by the region's name, so that every replica decides alike.

A version from the far future, written by a host whose clock is wrong, is taken as it is. Refusing
it at one replica and not at another would let them differ for ever, and clamping it would make two
versions of one write. The clock follows it, so that later writes win over what they have seen.

A clock forgets its last version with its host. `tick(above=...)` takes the version of the value
about to be replaced, so no write loses to what it replaces, even where the wall clock went back
meanwhile. Modelled on Kulkarni et al., "Logical Physical Clocks" (2014).
"""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

COUNTER_BITS = 16
TIME_BYTES = 8
TIME_MAX = (1 << (8 * TIME_BYTES)) - 1
SECOND = 1000 << COUNTER_BITS


class Version(NamedTuple):
    """When and where a value was written; the greater one wins."""

    time: int
    region: str

    @property
    def wall_s(self) -> float:
        """The wall time of the writing clock, in Unix seconds."""
        return (self.time >> COUNTER_BITS) / 1000


class Versioned(NamedTuple, Generic[T]):
    """A value and the version it was written at; the value None is a deletion, kept to win."""

    version: Version
    value: T | None


def merge(one: Versioned[T], other: Versioned[T]) -> Versioned[T]:
    """Keep what was written last; commutative, associative and idempotent.

    A version names one write, so where versions are equal the values are too.
    """
    return other if other.version > one.version else one


class HybridClock:
    """Gives versions that grow, whatever the wall clock does."""

    def __init__(
        self,
        wall: Callable[[], float],
        region: str,
        last: int = 0,
        *,
        sometimes: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`sometimes` is told, by name, of what happens only where clocks are wrong."""
        self._wall = wall
        self._region = region
        self._last = last
        self._sometimes = sometimes

    def tick(self, above: Version | None = None) -> Version:
        """Return a version above all that this clock has given or observed, and above `above`."""
        return self.tick_after(0 if above is None else above.time)

    def tick_after(self, time: int) -> Version:
        """Return a version above all that this clock has given or observed, and above a time."""
        self._last = max(self._last, time)
        now = int(self._wall() * 1000) << COUNTER_BITS
        if self._last > now + SECOND:
            self._sometimes("replication.version-ahead-of-the-clock")
        self._last = max(now, self._last + 1)
        return Version(self._last, self._region)

    def observe(self, version: Version) -> None:
        """Stay above a version that came from elsewhere."""
        if version.time > self._last:
            self._last = version.time
            if version.time > self._now() + SECOND:
                self._sometimes("replication.clock-pushed-ahead")

    def _now(self) -> int:
        return int(self._wall() * 1000) << COUNTER_BITS


def pack(version: Version) -> bytes:
    """Return bytes that sort as versions do."""
    return version.time.to_bytes(TIME_BYTES, "big") + version.region.encode()


def unpack(data: bytes) -> Version:
    """Return the version that `pack` was given."""
    return Version(int.from_bytes(data[:TIME_BYTES], "big"), data[TIME_BYTES:].decode())
