"""How long what another region's log brought waits before it counts, beyond the way it came.

Three choices, for all tables or for some::

    link        nothing: the distance is all there is (the default)
    aws         a draw around a second, as operators of global tables see it
    2.5         so many seconds, up to an hour
    2.5,Orders=aws,Carts=link      the tables Orders and Carts have their own

Entries of one item never overtake each other. With `aws` the items of a table travel in LANES
streams that know nothing of each other, as AWS's partitions do: there is no order between items,
and what was written in one transaction arrives in pieces.

`aws` draws anew each second, for each way and lane, from a log-normal distribution with the median
and spread below. AWS documents no distribution. It says "typically within a second or less" of the
present version and 0.5 to 2.5 s of the legacy one within a geography; 69 % and 85 % of the draws
are there, and one in a hundred is above 2.3 s. A delay is not an interval: it does not shrink with
a world's speed.
"""

import math
import zlib
from collections.abc import Callable
from typing import NamedTuple

from antipodes.runtime.contract import Chance

LINK, AWS = "link", "aws"
DELAY_S_MAX = 3600.0
LANES = 4
DRAWN_EACH_S = 1.0
MEDIAN_S, SPREAD, DRAWN_S_MAX = 0.8, 0.45, 10.0
WAYS_MAX = 10_000


class UnknownDelay(ValueError):
    """What was given is no delay; the message says what would be."""


class Delay(NamedTuple):
    """A choice: `aws`, or a number of seconds (0: `link`)."""

    drawn: bool
    seconds: float


NONE = Delay(drawn=False, seconds=0.0)


def _delay(text: str) -> Delay:
    if text == LINK:
        return NONE
    if text == AWS:
        return Delay(drawn=True, seconds=MEDIAN_S)
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= DELAY_S_MAX:
        raise UnknownDelay(
            f"{text!r} is no replication delay: say link, aws, or seconds up to {DELAY_S_MAX:g}"
        )
    return Delay(drawn=False, seconds=seconds)


def parse(text: str) -> tuple[Delay, dict[str, Delay]]:
    """The delay of all tables, and those of tables by name. Raises UnknownDelay."""
    every, some = NONE, {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        table, equals, delay = part.rpartition("=")
        if equals:
            some[table.strip()] = _delay(delay.strip())
        else:
            every = _delay(part)
    return every, some


class Lane(NamedTuple):
    """A stream of entries whose order is kept: some items of one table, from one region."""

    source: str
    account: str
    table: str
    number: int


class Delays:
    """Says when an entry that arrives now may count."""

    def __init__(self, text: str, now: Callable[[], float], chance: Chance) -> None:
        """`chance` is drawn from; raises UnknownDelay."""
        self._now = now
        self._chance = chance
        self._drawn: dict[Lane, tuple[float, float]] = {}
        self._due: dict[Lane, float] = {}
        self.choose(text)

    def choose(self, text: str) -> None:
        """Choose otherwise, from now on. Raises UnknownDelay, and then nothing has changed."""
        self._every, self._some = parse(text)
        self.text = text
        choices = (self._every, *self._some.values())
        self.longest_s = max(DRAWN_S_MAX if d.drawn else d.seconds for d in choices)
        self.any = self.longest_s > 0
        self._drawn.clear()
        self._due.clear()
        self._floor = 0.0

    def keep_above(self, due: float) -> None:
        """Let nothing count before that: something is held until then, from before a restart."""
        self._floor = due

    def lane(self, source: str, account: str, table: str, key: bytes) -> Lane:
        """The lane that an item with this key travels in."""
        drawn = self._some.get(table, self._every).drawn
        return Lane(source, account, table, zlib.crc32(key) % LANES if drawn else 0)

    def due(self, lane: Lane) -> float:
        """When an entry that arrives now counts, by the runtime's clock; 0 for at once."""
        delay, now = self._some.get(lane.table, self._every), self._now()
        if delay == NONE and self._floor <= now:
            return 0.0
        seconds = self._draw(lane, now) if delay.drawn else delay.seconds
        if len(self._due) > WAYS_MAX:
            self._due = {known: due for known, due in self._due.items() if due > now}
        due = self._due[lane] = max(self._due.get(lane, self._floor), now + seconds)
        return due

    def last(self, source: str) -> float:
        """When all that came from a region so far counts."""
        return max(
            (d for lane, d in self._due.items() if lane.source == source), default=self._floor
        )

    def _draw(self, lane: Lane, now: float) -> float:
        drawn_at, seconds = self._drawn.get(lane, (-math.inf, 0.0))
        if now - drawn_at >= DRAWN_EACH_S:
            if len(self._drawn) > WAYS_MAX:
                self._drawn.clear()
            seconds = min(self._chance.lognormvariate(math.log(MEDIAN_S), SPREAD), DRAWN_S_MAX)
            self._drawn[lane] = (now, seconds)
        return seconds
