"""Shrinking: the smallest drill that still fails as the whole one did.

A seed that fails comes with a dozen faults and thousands of requests, most of which have nothing to
do with it. So parts are taken away, one kind after another, for as long as what is left still fails
*in the same expectation*: what the seed tuned, time, events (Zeller's delta debugging, `ddmin`),
cities, regions, kinds of calls, then the sizes of what remains (rates, keys, people, how bad and
how long a fault is). What went away in a late step lets an early one try again, so the steps
repeat until nothing more goes, or until the plays that were allowed are used up.

Every candidate is a valid drill, and has the seed of the whole one. The order of all attempts is
fixed: the same drill, seed and limit give the same result. It is a local minimum, no more: the
draws of a smaller drill's load are others, and what fails by chance may need a larger one.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from antipodes.drills.format import parse_drill
from antipodes.drills.model import Drill, DrillError, Event, RetryPart
from antipodes.drills.simulated import Simulated
from antipodes.drills.swarm import draw, kinds_of
from antipodes.drills.verdict import Verdict
from antipodes.drills.written import plain, to_toml

T = TypeVar("T")

Fails = Callable[[Drill], Simulated | None]

DURATION_S_MIN = 5.0
SHARES = (0.1, 0.25, 0.5, 0.75)  # of a size, the most daring first
ROUNDS_MAX = 10
AT_S_MIN = 1.0
FOR_S_MIN = 0.1
RATE_MIN = 0.05
OFFSET_S_MIN = 0.01
BANDWIDTH_MBIT_S_ENOUGH = 1000.0
# What makes a fault worse when there is more of it, and the least of it that is worth a play.
_WORSE_WHEN_LARGE = {"extra_ms": 1.0, "jitter_ms": 1.0, "loss": 0.001, "share": 0.01, "held_ms": 1}


class Shrunk(msgspec.Struct, frozen=True):
    """What is left of a failing drill."""

    drill: Drill
    simulated: Simulated  # its run
    expectation: str  # that it fails
    plays: int
    gone: list[str]  # what went away, in words
    minimal: bool  # nothing more can be taken away, one by one; false: the plays were used up

    @property
    def text(self) -> str:
        """The drill's file."""
        gone = "".join(f"\n  {line}" for line in self.gone)
        return to_toml(
            self.drill,
            f"Seed {self.drill.world.seed} of {self.drill.name}, shrunk in {self.plays} plays.\n"
            f"Fails: {self.expectation}.\nWent away:{gone or ' nothing'}",
        )


def shrink(drill: Drill, seed: int, fails: Fails, *, plays_max: int) -> Shrunk:
    """Return the smallest drill that still fails; `fails` plays one, and tells its run if it does.

    The drill is the file's: what the seed draws is drawn here. Raises DrillError where the whole
    drill does not fail, or fails in nothing in particular.
    """
    assert plays_max >= 1, "at least the whole drill has to be played"
    whole = draw(drill, seed)
    alone = msgspec.structs.replace(whole, swarm=None)
    whole = alone if _valid(alone) else whole
    search = _Search(whole, fails, plays_max)
    minimal = search.run(drill)
    return Shrunk(
        search.best,
        search.found,
        search.expectation,
        search.plays,
        gone(whole, search.best),
        minimal,
    )


def failed_in(simulated: Simulated) -> list[str]:
    """The names of the expectations that a run failed."""
    return [f.expectation for f in simulated.judgement.findings if f.verdict is Verdict.FAIL]


class _Enough(Exception):
    """The plays are used up."""


class _Search:
    """The smallest drill so far, and what has been tried."""

    def __init__(self, whole: Drill, fails: Fails, plays_max: int) -> None:
        self._fails = fails
        self._plays_max = plays_max
        self._tried: dict[str, None] = {}
        self.plays = 0
        self.best = whole
        found = self._play(whole)
        failed = failed_in(found) if found is not None else []
        if found is None or not failed:
            raise DrillError(f"{whole.name}: seed {whole.world.seed} fails in no expectation")
        self.found = found
        self.expectation = failed[0]

    def _play(self, drill: Drill) -> Simulated | None:
        if self.plays >= self._plays_max:
            raise _Enough
        self.plays += 1
        self._tried[to_toml(drill)] = None
        try:
            return self._fails(drill)
        except DrillError:
            return None  # it cannot be played, so it cannot fail

    def _try(self, drill: Drill) -> bool:
        """Take a candidate, if it is valid, is new, and fails as it has to."""
        if drill == self.best or to_toml(drill) in self._tried or not _valid(drill):
            return False
        found = self._play(drill)
        if found is None or self.expectation not in failed_in(found):
            return False
        self.best, self.found = drill, found
        return True

    def run(self, file: Drill) -> bool:
        """Take away what can be; return whether nothing is left to take."""
        try:
            self._untune(file)
            for _ in range(ROUNDS_MAX):
                before = self.best
                self._shorten()
                self._hurry()
                self._drop_events()
                self._drop_places()
                self._shrink_sizes()
                self._soften_events()
                if self.best == before:
                    return True
        except _Enough:
            return False
        return False

    def _untune(self, file: Drill) -> None:
        """All parameters as the file has them; or some of them."""
        world = msgspec.structs.replace(file.world, seed=self.best.world.seed)
        if self._try(msgspec.structs.replace(self.best, world=world, load=file.load)):
            return
        self._try(msgspec.structs.replace(self.best, world=world))
        self._try(msgspec.structs.replace(self.best, load=file.load))

    def _shorten(self) -> None:
        """End earlier, without the events that are not reached then."""
        for share in SHARES:
            duration_s = max(DURATION_S_MIN, _short(self.best.duration_s * share))
            if duration_s < self.best.duration_s and self._try(cut_short(self.best, duration_s)):
                return

    def _hurry(self) -> None:
        """All events earlier, so that the end can come earlier."""
        for share in SHARES:
            if self.best.timeline and self._try(hurried(self.best, share)):
                self._shorten()
                return

    def _drop_events(self) -> None:
        self._reduce(
            self.best.timeline, lambda events: msgspec.structs.replace(self.best, timeline=events)
        )

    def _drop_places(self) -> None:
        self._reduce(self.best.load.cities, lambda cities: _with_load(self.best, cities=cities))
        self._reduce(self.best.world.regions, self._with_regions)
        self._reduce(
            tuple(self.best.load.mix.items()),
            lambda mix: _with_load(
                self.best,
                mix=dict(mix),
                calls={kind: self.best.load.calls[kind] for kind, _ in mix},
            ),
        )

    def _with_regions(self, regions: tuple[str, ...]) -> Drill:
        world = msgspec.structs.replace(self.best.world, regions=regions)
        return msgspec.structs.replace(self.best, world=world)

    def _reduce(self, whole: tuple[T, ...], made: Callable[[tuple[T, ...]], Drill]) -> None:
        """Zeller's ddmin: leave out halves, quarters, ... for as long as it fails without them."""
        parts = 2
        while whole:
            size = math.ceil(len(whole) / parts)
            for start in range(0, len(whole), size):
                rest = whole[:start] + whole[start + size :]
                if self._try(made(rest)):
                    whole, parts = rest, max(2, parts - 1)
                    break
            else:
                if size == 1:
                    return
                parts = min(len(whole), parts * 2)

    def _shrink_sizes(self) -> None:
        load = self.best.load
        for field, values in (
            ("rate", _less(load.rate, RATE_MIN)),
            ("keys", _fewer(load.keys)),
            ("people", _fewer(load.people)),
        ):
            any(self._try(_with_load(self.best, **{field: value})) for value in values)
        self._try(_with_load(self.best, retry=RetryPart()))
        for usual in ("access", "resolvers"):
            world = msgspec.structs.replace(self.best.world, **{usual: {}})
            self._try(msgspec.structs.replace(self.best, world=world))

    def _soften_events(self) -> None:
        for number in range(len(self.best.timeline)):
            self._soften(number)

    def _soften(self, number: int) -> None:
        """One event milder and shorter, for as long as that goes."""
        self._reduce(
            self.best.timeline[number].faults,
            lambda faults: self._with_event(number, faults=faults),
        )
        while any(
            self._try(self._with_event(number, **changed))
            for changed in _milder(self.best.timeline[number])
        ):
            pass

    def _with_event(self, number: int, **changed: Any) -> Drill:
        timeline = list(self.best.timeline)
        timeline[number] = msgspec.structs.replace(timeline[number], **changed)
        return msgspec.structs.replace(self.best, timeline=tuple(timeline))


def _valid(drill: Drill) -> bool:
    """Whether it is a drill, as a file of it would be."""
    try:
        return parse_drill(plain(drill), drill.name) == drill
    except DrillError:
        return False


def cut_short(drill: Drill, duration_s: float) -> Drill:
    """The drill, ended earlier: without the events that are not reached, the others undone."""
    timeline = [
        msgspec.structs.replace(event, for_s=_short(min(event.for_s, duration_s - event.at_s)))
        for event in drill.timeline
        if event.at_s < duration_s
    ]
    return msgspec.structs.replace(drill, duration_s=duration_s, timeline=tuple(timeline))


def hurried(drill: Drill, share: float) -> Drill:
    """The drill with each event after a share of its time."""
    timeline = [
        msgspec.structs.replace(
            event, at_s=max(_short(event.at_s * share), min(event.at_s, AT_S_MIN))
        )
        for event in drill.timeline
    ]
    return msgspec.structs.replace(drill, timeline=tuple(timeline))


def _with_load(drill: Drill, **changed: Any) -> Drill:
    return msgspec.structs.replace(drill, load=msgspec.structs.replace(drill.load, **changed))


def _fewer(count: int) -> list[int]:
    """Smaller counts, the smallest first."""
    counts = [1, *(round(count * share) for share in SHARES), count - 1]
    return list(dict.fromkeys(fewer for fewer in counts if 1 <= fewer < count))


def _less(value: float, least: float) -> list[float]:
    """Smaller values, the smallest first, and none below the least that is worth a play."""
    values = [max(least, _short(value * share)) for share in SHARES]
    return list(dict.fromkeys(less for less in values if less < value))


def _short(value: float) -> float:
    """Few digits, and never more than it was."""
    if value <= 0:
        return value
    digits = 3 - math.ceil(math.log10(value))
    return min(value, math.floor(value * 10.0**digits) / 10.0**digits)


def _milder(event: Event) -> Iterator[dict[str, Any]]:
    """Milder forms of an event, as what is changed of it; the most daring first, field by field."""
    if event.for_s:
        yield from ({"for_s": for_s} for for_s in _less(event.for_s, FOR_S_MIN))
    if event.fault:
        yield from ({"fault": fault} for fault in _milder_fault(event.fault))
    if event.clock is not None:
        clock = event.clock
        if clock.drift_ppm:
            yield {"clock": msgspec.structs.replace(clock, drift_ppm=0.0)}
        for offset_s in _less(abs(clock.offset_s), OFFSET_S_MIN):
            signed_s = math.copysign(offset_s, clock.offset_s)
            yield {"clock": msgspec.structs.replace(clock, offset_s=signed_s)}
    if event.disk is not None:
        for slow_ms in _less(event.disk.slow_ms, 1.0):
            yield {"disk": msgspec.structs.replace(event.disk, slow_ms=slow_ms)}


def _milder_fault(fault: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if fault.get("jitter_ms"):
        yield {**fault, "jitter_ms": 0.0}
    for field, least in _WORSE_WHEN_LARGE.items():
        if field in fault:
            yield from ({**fault, field: value} for value in _less(float(fault[field]), least))
    if fault.get("bandwidth_mbit_s", BANDWIDTH_MBIT_S_ENOUGH) < BANDWIDTH_MBIT_S_ENOUGH:
        for share in SHARES:
            wider = _short(min(BANDWIDTH_MBIT_S_ENOUGH, fault["bandwidth_mbit_s"] / share))
            yield {**fault, "bandwidth_mbit_s": wider}


# In words.


def gone(whole: Drill, left: Drill) -> list[str]:
    """What a smaller drill lacks."""
    found = []
    if whole.timeline != left.timeline:
        found += _events_gone(whole.timeline, left.timeline)
    for what, before, after in (
        ("cities", whole.load.cities, left.load.cities),
        ("regions", whole.world.regions, left.world.regions),
        ("other kinds of calls", whole.load.mix, left.load.mix),
    ):
        if len(after) < len(before):
            names = ", ".join(name for name in before if name not in after)
            found.append(f"{len(before) - len(after)} of {len(before)} {what}: {names}")
    for what, size, smaller in (
        ("seconds", whole.duration_s, left.duration_s),
        ("requests a second from each city", whole.load.rate, left.load.rate),
        ("keys", whole.load.keys, left.load.keys),
        ("people in each city", whole.load.people, left.load.people),
    ):
        if size != smaller:
            found.append(f"of {size:g} {what}, {smaller:g} are left")
    tuned = ("propagation_s", "restart_s", "access", "resolvers")
    if any(getattr(whole.world, field) != getattr(left.world, field) for field in tuned):
        found.append("what was tuned of the world")
    if whole.load.retry != left.load.retry:
        found.append("second attempts")
    return found


def _events_gone(whole: Sequence[Event], left: Sequence[Event]) -> list[str]:
    kinds = [_kind(event) for event in whole]
    for event in left:
        if _kind(event) in kinds:
            kinds.remove(_kind(event))
    if len(whole) == len(left):
        return ["how bad, how long or how late its events are"]
    counted = ", ".join(f"{kinds.count(kind)} x {kind}" for kind in dict.fromkeys(kinds))
    return [f"{len(whole) - len(left)} of {len(whole)} events: {counted}"]


def _kind(event: Event) -> str:
    return " and ".join(kinds_of(event)) or event.actions()[0]
