"""A hunt for what must not happen: clients in three regions, and all that can go wrong, by chance.

Clients write, delete, compare and set, count and read a few items, each in its own region, while
links are cut one way or both, hosts are killed, lose power or are paused, disks are slow, and
clocks go minutes wrong. Every call and its outcome goes into a history. Then everything is healed,
and the history has to be linearizable, item by item; a call that failed must have done nothing.
"""

import math
from typing import Any, NamedTuple

from antipodes.drills.oracles.search import Action, Call, Failure, Step, TooMany, search
from antipodes.runtime.contract import Chance, Condition, TimedOut
from antipodes.runtime.virtual import Simulation
from antipodes.service.contract import ServiceError
from tests.regional.dynamodb.replicas import Planet, Region, make_table
from tests.regional.dynamodb.strongplaces import (
    DISTANCES_S,
    PLACES,
    A,
    B,
    C,
    all_members,
    make_strong,
)

REGISTERS = ("r0", "r1")
COUNTER = "c"
LOAD_S = 40.0
CALL_S_MAX = 12.0
ABSENT = 0
# Certainly nothing happened, or at least nothing that a caller could not have seen.
FAILED = frozenset(
    {"ConditionalCheckFailedException", "ReplicatedWriteConflictException", "ServiceUnavailable"}
)


class Seen(NamedTuple):
    """A call: what it was, to what, when, and what came of it (None: nobody knows)."""

    key: str
    region: str
    start_s: float
    end_s: float
    step: Step | None  # what it did, if it did
    happened: bool | None


class Verdict(NamedTuple):
    """What a hunt found."""

    wrong: list[str]
    calls: int
    conflicts: int
    unknown: int
    ok: int


class Hunt(Planet):
    """Three regions, their clients, and whoever breaks things."""

    def __init__(self, seed: int) -> None:
        super().__init__(*PLACES, seed=seed)
        self.simulation.close()
        self.simulation = Simulation(self.links, seed=seed, power=True)
        self.outside = self.simulation.boot("outside", "outside")
        self.seen: list[Seen] = []
        self.dirty: list[str] = []
        self._written: dict[int, bool | None] = {ABSENT: True}
        self._value = 0
        self._stop = False
        for one, other in DISTANCES_S:
            self.reset(one, other)
            self.reset(other, one)

    def reset(self, one: str, other: str) -> None:
        """Give a direction its distance back."""
        delay_s = DISTANCES_S.get((one, other)) or DISTANCES_S[other, one]
        self.links.change(one, other, Condition(delay_s, jitter_s=delay_s / 4))

    # Clients.

    async def call(self, region: Region, operation: str, **request: Any) -> Any:
        """Call a region: an answer, an error as a value, or None where nothing came back."""
        box = self.outside.future()

        async def run() -> None:
            try:
                answer: Any = await region.do(operation, **request)
            except ServiceError as error:
                answer = error
            if not box.done():
                box.set_result(answer)

        region.runtime.spawn(run(), "call")
        try:
            async with self.outside.timeout(CALL_S_MAX):
                return await box
        except TimedOut:
            return None

    async def client(self, name: str, chance: Chance) -> None:
        """Call a region, as long as the load lasts."""
        while not self._stop:
            await self.outside.sleep(chance.expovariate(4.0))
            region = self.regions.get(name)
            if region is None:
                continue
            if chance.random() < 0.3:
                await self._count(region, chance)
            else:
                await self._use(region, chance.choice(REGISTERS), chance)

    def _note(self, start: tuple[str, Region, float], step: Step | None, answer: Any) -> None:
        key, region, start_s = start
        happened: bool | None = True
        if answer is None:
            happened = None
        elif isinstance(answer, ServiceError):
            assert answer.code in FAILED or answer.code == "InternalServerError", str(answer)
            happened = False if answer.code in FAILED else None
        end_s = math.inf if happened is None else self.outside.now()
        self.seen.append(Seen(key, region.place, start_s, end_s, step, happened))
        if step is not None and step.action in {Action.WRITE, Action.CAS}:
            value = step.new if step.action is Action.CAS else step.number
            if value != ABSENT:
                self._written[value] = happened

    async def _use(self, region: Region, key: str, chance: Chance) -> None:
        start = (key, region, self.outside.now())
        name = {"k": {"S": key}}
        dice = chance.random()
        if dice < 0.35:
            answer = await self.call(region, "GetItem", Key=name, ConsistentRead=True)
            found = _number(answer)
            self._note(start, None if found is None else Step(Action.READ, found), answer)
        elif dice < 0.45:
            answer = await self.call(region, "GetItem", Key=name)
            if (found := _number(answer)) is not None and self._written.get(found) is False:
                self.dirty.append(f"{region.place} read {found} of {key}, which was refused")
        elif dice < 0.5:
            answer = await self.call(region, "DeleteItem", Key=name)
            self._note(start, Step(Action.WRITE, ABSENT), answer)
        elif dice < 0.75:
            self._value += 1
            item = {**name, "v": {"N": str(self._value)}}
            step = Step(Action.WRITE, self._value)
            self._note(start, step, await self.call(region, "PutItem", Item=item))
        else:
            await self._compare_and_set(region, key, chance)

    async def _compare_and_set(self, region: Region, key: str, chance: Chance) -> None:
        before = await self.call(region, "GetItem", Key={"k": {"S": key}})
        expected = _number(before)
        if expected is None:
            return
        await self.outside.sleep(chance.uniform(0, 0.1))
        self._value += 1
        value, start = self._value, (key, region, self.outside.now())
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(v)"}
        if expected != ABSENT:
            condition = {
                "ConditionExpression": "v = :seen",
                "ExpressionAttributeValues": {":seen": {"N": str(expected)}},
            }
        answer = await self.call(
            region,
            "PutItem",
            Item={"k": {"S": key}, "v": {"N": str(value)}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
            **condition,
        )
        if isinstance(answer, ServiceError) and answer.code == "ConditionalCheckFailedException":
            item = answer.members.get("Item")
            found = ABSENT if item is None else int(item["v"]["N"])
            self._note(start, Step(Action.READ, found), {})
            self._written[value] = False
        else:
            self._note(start, Step(Action.CAS, expected, value), answer)

    async def _count(self, region: Region, chance: Chance) -> None:
        start = (COUNTER, region, self.outside.now())
        name = {"k": {"S": COUNTER}}
        if chance.random() < 0.4:
            answer = await self.call(region, "GetItem", Key=name, ConsistentRead=True)
            found = _number(answer)
            self._note(start, None if found is None else Step(Action.READ, found), answer)
            return
        answer = await self.call(
            region,
            "UpdateItem",
            Key=name,
            UpdateExpression="ADD v :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
            ReturnValues="UPDATED_NEW",
        )
        step = Step(Action.ADD, 1)
        if isinstance(answer, dict):
            count = int(answer["Attributes"]["v"]["N"])
            step = Step(Action.CAS, count - 1, count)
        self._note(start, step, answer)

    # Whoever breaks things.

    async def breaker(self, chance: Chance) -> None:
        """Break something, and mend it after a while."""
        deeds = (
            self._cut, self._cut, self._kill, self._lose_power, self._pause, self._slow_disk,
            self._wrong_clock, self._isolate_and_kill, self._isolate_and_kill,
        )  # fmt: skip
        while not self._stop:
            await self.outside.sleep(chance.expovariate(0.7))
            await chance.choice(deeds)(chance)

    async def _cut(self, chance: Chance) -> None:
        one, other = chance.sample(PLACES, 2)
        ways = [(one, other)] if chance.random() < 0.5 else [(one, other), (other, one)]
        for way in ways:
            self.links.change(*way, Condition(0.03, cut=True))
        await self.outside.sleep(chance.uniform(0.05, 7.0))
        for way in ways:
            self.reset(*way)

    async def _kill(self, chance: Chance) -> None:
        await self._end(chance, self.simulation.kill)

    async def _lose_power(self, chance: Chance) -> None:
        await self._end(chance, self.simulation.cut_power)

    async def _isolate_and_kill(self, chance: Chance) -> None:
        """Nobody hears any more what one region has chosen, and who helped it is killed."""
        name, helper, other = chance.sample(PLACES, 3)
        ways = [(name, helper), (helper, name), (name, other), (other, name)]
        for way in ways:
            self.links.change(*way, Condition(0.03, cut=True))
        if helper in self.regions:
            self.simulation.cut_power(helper)
            del self.regions[helper]
            await self.outside.sleep(0.02)
            await self.start(helper)
        await self.outside.sleep(chance.uniform(0.05, 4.0))
        for way in ways:
            self.reset(*way)

    async def _end(self, chance: Chance, end: Any) -> None:
        name = chance.choice(PLACES)
        if name not in self.regions:
            return
        end(name)
        del self.regions[name]
        await self.outside.sleep(chance.uniform(0.05, 6.0))
        await self.start(name)

    async def _pause(self, chance: Chance) -> None:
        name = chance.choice(PLACES)
        if name not in self.regions:
            return
        region = self.regions[name]
        self.simulation.pause(name)
        await self.outside.sleep(chance.uniform(0.05, 3.0))
        if self.regions.get(name) is region:
            self.simulation.resume(name)

    async def _slow_disk(self, chance: Chance) -> None:
        name = chance.choice(PLACES)
        self.simulation.set_disk(name, slow_s=chance.uniform(0.01, 0.4))
        await self.outside.sleep(chance.uniform(0.5, 5.0))
        self.simulation.set_disk(name, slow_s=0.0)

    async def _wrong_clock(self, chance: Chance) -> None:
        offset_s = chance.choice([-1, 1]) * chance.uniform(0.05, 400.0)
        self.simulation.set_clock(chance.choice(PLACES), offset_s, chance.uniform(-200, 200))

    async def trouble(self, lasting_s: float) -> None:
        """Break things for a while, and mend them."""
        self._stop = False
        breaking = self.outside.spawn(self.breaker(self.outside.chance("trouble")), "breaker")
        await self.outside.sleep(lasting_s)
        self._stop = True
        await breaking

    # The whole of it.

    async def live_and_end(self) -> None:
        """Make the table amid trouble, use it, and end it amid trouble; one keeps everything."""
        for name in PLACES:
            await self.start(name)
        await make_table(self.regions[A])
        twice = [{"Create": {"RegionName": region}} for region in (B, C)]
        asked: dict[str, Any] = {"MultiRegionConsistency": "STRONG", "ReplicaUpdates": twice}
        await self.regions[A].do("UpdateTable", **asked)
        await self.trouble(15.0)
        await self.wait_until(lambda: all_members(self))
        for number in range(20):
            key = {"k": {"S": str(number)}}
            item = {**key, "v": {"S": str(number)}}
            region = self.regions[PLACES[number % 3]]
            while not isinstance(await self.call(region, "PutItem", Item=item), dict):
                await self.outside.sleep(0.1)
        ends = [{"Delete": {"RegionName": region}} for region in (A, C)]
        await self.regions[B].do("UpdateTable", ReplicaUpdates=ends)
        await self.trouble(15.0)
        await self.wait_until(self.alone)

    def alone(self) -> bool:
        """Whether one region has the table for itself, and the others have none."""
        table = self.regions[B].table()
        gone = self.regions[A].table() is None and self.regions[C].table() is None
        return gone and not table.strong and not table.replicas

    async def play(self) -> None:
        """Load and trouble, healing, and a last look from everywhere."""
        for name in PLACES:
            await self.start(name)
        await make_strong(self)
        outside = self.outside
        work = []
        for number, name in enumerate([*PLACES, *PLACES]):
            chance = outside.chance(f"client {number}")
            work.append(outside.spawn(self.client(name, chance), "client"))
        for number in range(2):
            chance = outside.chance(f"breaker {number}")
            work.append(outside.spawn(self.breaker(chance), "breaker"))
        await outside.sleep(LOAD_S)
        self._stop = True
        for task in work:
            await task
        await outside.sleep(15.0)
        for key in (*REGISTERS, COUNTER):
            for region in self.regions.values():
                start = (key, region, outside.now())
                answer = await self.call(
                    region, "GetItem", Key={"k": {"S": key}}, ConsistentRead=True
                )
                found = _number(answer)
                assert found is not None, f"{region.place} cannot read at the end: {answer}"
                self._note(start, Step(Action.READ, found), answer)
        await self.wait_until(self.same_rows, within_s=90.0)

    def same_rows(self) -> bool:
        """Whether all regions have the same rows."""
        seen = []
        for region in self.regions.values():
            page = region.dynamodb.items.read_page(region.table(), b"", 100)
            seen.append([(key, version, item) for _, key, version, item in page])
        return all(one == seen[0] for one in seen)

    def judge(self) -> Verdict:
        """Look for what nothing explains."""
        wrong = list(self.dirty)
        for key in (*REGISTERS, COUNTER):
            found = check(self.seen, key)
            if found is not None:
                wrong.append(found)
        happened = [seen.happened for seen in self.seen]
        return Verdict(
            wrong,
            len(happened),
            happened.count(False),
            happened.count(None),
            happened.count(True),
        )


def _number(answer: Any) -> int | None:
    """The value that was read; None where there was no answer."""
    if not isinstance(answer, dict):
        return None
    return int(answer["Item"]["v"]["N"]) if "Item" in answer else ABSENT


def check(seen: list[Seen], key: str) -> str | None:
    """Judge one item; what is wrong, in words."""
    calls = [
        Call(one.start_s, one.end_s, one.step)
        for one in seen
        if one.key == key and one.step is not None and one.happened is not False
    ]
    calls = [c for c in calls if c.end_s < math.inf or c.step.action is not Action.READ]
    try:
        failure: Failure | None = search(calls, configurations_max=200_000)
    except TooMany:
        return None
    if failure is None:
        return None
    ended = failure.call
    return (
        f"{key}: {ended.step.action.value} {ended.step.number} from {ended.start_s:.3f} to "
        f"{ended.end_s:.3f}, when there could be {failure.contents[:5]}"
    )


def life(seed: int) -> int:
    """Play the life of a table, to which twenty items are written; how many are left at its end."""
    found = Hunt(seed)

    async def main() -> None:
        await found.outside.spawn(found.live_and_end(), "life")

    try:
        found.simulation.run(main())
        return len(found.regions[B].everything())
    finally:
        found.simulation.close()


def hunt(seed: int) -> Verdict:
    """Play one seed, and judge."""
    found = Hunt(seed)

    async def main() -> None:
        await found.outside.spawn(found.play(), "hunt")

    try:
        found.simulation.run(main())
        return found.judge()
    finally:
        found.simulation.close()
