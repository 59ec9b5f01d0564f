"""Small replicated stores as seen from outside: a correct one, and ones that are broken in one way.

People in two cities, each at home in a region, read and write at their own pace; replicas exchange
versioned items after a delay; the last writer wins, and deletes leave tombstones. A call takes
effect at some moment between its beginning and its end; where its outcome is unknown, later, or
never. `flaw` names what is wrong with the system.
"""

import heapq
import random
from itertools import count
from typing import NamedTuple

import msgspec

from antipodes.drills.history import History, Operation, Outcome, StreamRecord

REGIONS = ("us-west-2", "eu-central-1")
DELAY_S = 0.8  # of replication, at most
SKEW_S = 30.0
PAIR_GAP_S = 0.4


class Item(NamedTuple):
    """A version of an item; a tombstone has no value."""

    version: tuple[float, str]
    value: str | None


class Flaws(NamedTuple):
    """How often each thing goes wrong."""

    loses: float = 0.0  # an acknowledged write was never made
    diverges: float = 0.0  # an item never reaches the other replica
    skew: bool = False  # the clock of one region is behind
    forgets_deletes: bool = False  # no tombstones: what arrives later is back
    wanders: bool = False  # people are served by any region
    lags: float = 0.0  # seconds that replication takes longer
    caches: float = 0.0  # a strongly consistent read returns what was there before
    miscounts: float = 0.0  # an increment that is acknowledged overwrites another
    overcounts: float = 0.0  # an increment is done twice
    tears: bool = False  # a transaction's two items are written one after the other
    forgets_records: float = 0.0  # a change does not reach the stream
    repeats_records: float = 0.0  # a record is read twice
    swaps_records: float = 0.0  # two records of a key are read in the wrong order


class Load(NamedTuple):
    """What people do."""

    calls: int = 120
    keys: int = 4
    regions: int = 2
    people: int = 4
    unknown: float = 0.05
    kinds: tuple[str, ...] = ("write", "write", "read", "read", "read")


class _System:
    def __init__(self, seed: int, load: Load, flaws: Flaws) -> None:
        self.chance = random.Random(seed)
        self.load, self.flaws = load, flaws
        self.regions = REGIONS[: load.regions]
        self.items: dict[str, dict[str, Item]] = {region: {} for region in self.regions}
        self.before: dict[str, dict[str, str | None]] = {region: {} for region in self.regions}
        self.streams: dict[str, list[StreamRecord]] = {region: [] for region in self.regions}
        self.agenda: list[tuple[float, int, str, str, str | None, Item | None]] = []
        self.order = count()
        self.done: list[Operation] = []
        self.sequence = count(1)

    def often(self, share: float) -> bool:
        return self.chance.random() < share

    def run(self) -> History:
        calls = []
        at_s = 0.0
        for number in range(self.load.calls):
            at_s += self.chance.expovariate(4.0)
            calls.append(self._call(number, at_s))
        effects: list[tuple[float, int, Operation, str]] = []
        for operation in calls:
            self._plan(operation, effects)
        for effect_s, _, operation, part in sorted(effects, key=lambda e: (e[0], e[1])):
            self._arrivals(effect_s)
            self._effect(effect_s, operation, part)
        self._arrivals(float("inf"))
        final = {
            region: {key: item.value for key, item in items.items() if item.value is not None}
            for region, items in self.items.items()
        }
        self._spoil_streams()
        operations = sorted(self.done, key=lambda o: o.end_s)
        return History(operations, [], [], [], final, streams=self.streams)

    def _call(self, number: int, at_s: float) -> Operation:
        kind = self.chance.choice(self.load.kinds)
        person = self.chance.randrange(self.load.people)
        home = self.regions[person % len(self.regions)]
        region = self.chance.choice(self.regions) if self.flaws.wanders else home
        key = f"{kind.split('-')[0]}-" if kind.startswith("pair") else ""
        key = {"increment": "counter-", "count": "counter-"}.get(kind, key)
        value = f"v{number}" if kind in {"write", "pair-write"} else None
        return Operation(
            number=number,
            city=f"city-{person}",
            kind="read" if kind == "strong-read" else kind,
            key=f"{key}{self.chance.randrange(self.load.keys)}",
            value=value,
            start_s=at_s,
            end_s=at_s + self.chance.uniform(0.05, 0.6),
            latency_ms=1.0,
            outcome=Outcome.OK,
            served_by=region,
            session=f"person-{person}",
            strong=kind in {"strong-read", "count"},
        )

    def _plan(self, operation: Operation, effects: list[tuple[float, int, Operation, str]]) -> None:
        """Decide when a call takes effect, if it does."""
        effect_s = self.chance.uniform(operation.start_s, operation.end_s)
        changes = operation.kind not in {"read", "count", "pair-read"}
        if changes and self.often(self.load.unknown):
            effect_s = operation.start_s + self.chance.uniform(0, 6)
            lost = self.often(0.4)
            operation = msgspec.structs.replace(operation, outcome=Outcome.UNKNOWN, served_by="")
            self.done.append(operation)
            if lost:
                return
        elif changes:
            self.done.append(operation)
            if operation.kind == "write" and self.often(self.flaws.loses):
                return
        part = "first" if operation.kind == "pair-write" and self.flaws.tears else "all"
        effects.append((effect_s, operation.number, operation, part))
        if part == "first":
            effects.append((effect_s + PAIR_GAP_S, operation.number, operation, "second"))

    def _arrivals(self, until_s: float) -> None:
        while self.agenda and self.agenda[0][0] <= until_s:
            _, _, region, key, _, item = heapq.heappop(self.agenda)
            assert item is not None
            present = self.items[region].get(key)
            if present is None or present.version < item.version:
                self._store(region, key, item)

    def _effect(self, now_s: float, operation: Operation, part: str) -> None:
        region = operation.served_by or self.chance.choice(self.regions)
        key, kind = operation.key, operation.kind
        if kind in {"read", "count", "pair-read"}:
            self.done.append(
                msgspec.structs.replace(operation, value=self._read(region, operation))
            )
        elif kind == "increment":
            self._increment(now_s, region, key)
        elif kind == "pair-write":
            for half in ("a", "b") if part == "all" else (("a",) if part == "first" else ("b",)):
                self._put(now_s, region, f"{key}/{half}", operation.value)
        else:
            self._put(now_s, region, key, operation.value)

    def _read(self, region: str, operation: Operation) -> str | None:
        if operation.kind == "pair-read":
            halves = [self._value(region, f"{operation.key}/{half}") for half in ("a", "b")]
            return "|".join(half or "" for half in halves)
        if operation.strong and self.often(self.flaws.caches):
            return self.before[region].get(operation.key)
        return self._value(region, operation.key)

    def _value(self, region: str, key: str) -> str | None:
        item = self.items[region].get(key)
        return item.value if item else None

    def _increment(self, now_s: float, region: str, key: str) -> None:
        present = int(self._value(region, key) or "0")
        if self.often(self.flaws.miscounts):
            present = max(0, present - 1)
        if self.often(self.flaws.overcounts):
            present += 1
        self._put(now_s, region, key, str(present + 1))

    def _put(self, now_s: float, region: str, key: str, value: str | None) -> None:
        behind = SKEW_S if self.flaws.skew and region == self.regions[-1] else 0.0
        present = self.items[region].get(key)
        # A clock never falls behind what is there, unless it is allowed to.
        item = Item((now_s - behind, region), value)
        if behind == 0.0 and present is not None and present.version >= item.version:
            item = Item((present.version[0] + 1e-9, region), value)
        elif behind and present is not None and present.version >= item.version:
            return  # acknowledged, but the older one stays
        self._store(region, key, item)
        for other in self.regions:
            if other != region and not self.often(self.flaws.diverges):
                late_s = self.chance.uniform(0.1, DELAY_S) + self.flaws.lags
                entry = (now_s + late_s, next(self.order), other, key, value, item)
                heapq.heappush(self.agenda, entry)

    def _store(self, region: str, key: str, item: Item) -> None:
        present = self._value(region, key)
        self.before[region][key] = present
        if item.value is None and self.flaws.forgets_deletes:
            self.items[region].pop(key, None)
        else:
            self.items[region][key] = item
        if present == item.value or self.often(self.flaws.forgets_records):
            return
        event = "REMOVE" if item.value is None else "MODIFY" if present is not None else "INSERT"
        record = StreamRecord(region, f"{next(self.sequence):021d}", event, key, item.value)
        self.streams[region].append(record)

    def _spoil_streams(self) -> None:
        for region, records in self.streams.items():
            spoilt = []
            for record in records:
                spoilt.append(record)
                if self.often(self.flaws.repeats_records):
                    spoilt.append(record)
            for place in range(len(spoilt) - 1):
                if spoilt[place].key == spoilt[place + 1].key and self.often(
                    self.flaws.swaps_records
                ):
                    spoilt[place], spoilt[place + 1] = spoilt[place + 1], spoilt[place]
            self.streams[region] = spoilt


def played(seed: int, load: Load = Load(), flaws: Flaws = Flaws()) -> History:  # noqa: B008 - frozen
    """Run a system; return what was seen of it."""
    return _System(seed, load, flaws).run()
