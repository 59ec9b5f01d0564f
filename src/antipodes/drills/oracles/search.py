"""Linearizability of any register or counter, by search over what may have happened.

After Wing and Gong (1993) and Lowe (2017), as Knossos and Porcupine do it: go through the moments
at which calls begin and end, and keep every configuration that is possible: the content, and which
of the calls under way have already taken effect. When a call ends, it must have; only then, and
only as far as it helps, others are made to take effect before it. Configurations are a number and
a bit for each call under way, so that equal ones are met again and dropped.

What keeps them few: a read takes effect as soon as the content is what it returned; a write that
may never have happened takes effect only if somebody under way sees it, and is forgotten when
nobody any more can (unless there are additions, after which everything differs); of equal calls
that may never have happened, the first is as good as any, and having used fewer of them is better;
where all there is are equal additions and reads, one configuration is enough, since adding as late
as possible allows all that adding earlier does. If there are still too many, there is no answer.
"""

import math
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from antipodes.drills.history import Operation

REFUSED = -1
SPARED = 2  # configurations, before it is worth looking for such as allow less than others


class Action(Enum):
    """What a call does to the content, which is a number."""

    READ = "read"
    WRITE = "write"
    ADD = "add"
    CAS = "cas"


class Step(NamedTuple):
    """An action and what it is about: the number read, written, added, or expected and set."""

    action: Action
    number: int
    new: int = 0

    def apply(self, content: int) -> int:
        """The content afterwards; REFUSED if it cannot have happened then."""
        match self.action:
            case Action.WRITE:
                return self.number
            case Action.ADD:
                return content + self.number
            case Action.READ:
                return content if content == self.number else REFUSED
            case Action.CAS:
                return self.new if content == self.number else REFUSED


class Call(NamedTuple):
    """A call; one that may never have happened has no end (infinity)."""

    start_s: float
    end_s: float
    step: Step
    operation: Operation | None = None


class TooMany(Exception):
    """More configurations than allowed."""


class Failure(NamedTuple):
    """The call that cannot have happened, and the contents that were possible before it ended."""

    call: Call
    contents: list[int]


_Configurations = dict[tuple[int, int], None]  # (content, bits of the calls that took effect)


def search(
    calls: list[Call], *, content: int = 0, configurations_max: int = 50_000
) -> Failure | None:
    """Return the first call that no order explains, or None; raises TooMany."""
    return _Search(calls, content, configurations_max).run()


class _Search:
    def __init__(self, calls: list[Call], content: int, configurations_max: int) -> None:
        self._calls = calls
        self._max = configurations_max
        self._configurations: _Configurations = {(content, 0): None}
        self._free: list[int] = []
        self._slots = 0
        self._slot_of: dict[int, int] = {}
        self._known: dict[int, Step] = {}  # mutations under way that happen, by slot
        self._ends: dict[int, float] = {}  # theirs
        self._optional: dict[Step, int] = {}  # those that may never happen: bits by what they do
        self._readers: dict[int, int] = {}  # content -> bits of reads of it under way
        self._seekers: dict[int, int] = {}  # the same, with compare-and-sets that expect it
        self._interest = self._count_interest()
        steps = {c.step: None for c in calls if c.step.action is not Action.READ}
        adding = any(step.action is Action.ADD for step in steps)
        self._adding = adding and len(steps) == 1
        self._addition = next((s for s in steps if s.action is Action.ADD), Step(Action.ADD, 0))
        # Whether a content is there only while somebody has just written it.
        self._plain = not adding

    def _count_interest(self) -> dict[int, int]:
        """How many calls that are still to end want to see a content."""
        found: dict[int, int] = {}
        for call in self._calls:
            if call.step.action in {Action.READ, Action.CAS}:
                found[call.step.number] = found.get(call.step.number, 0) + 1
        return found

    def run(self) -> Failure | None:
        for _, ends, number in self._events():
            call = self._calls[number]
            if not ends:
                self._begin(number, call)
                continue
            possible = sorted({content for content, _ in self._configurations})
            if not self._end(number, call):
                return Failure(call, possible)
        return None

    def _events(self) -> list[tuple[float, bool, int]]:
        """Beginnings and ends in order; of what touches, the beginning comes first."""
        events = [(call.start_s, False, n) for n, call in enumerate(self._calls)]
        events += [(c.end_s, True, n) for n, c in enumerate(self._calls) if c.end_s < math.inf]
        return sorted(events)

    def _begin(self, number: int, call: Call) -> None:
        step = call.step
        optional = call.end_s == math.inf
        unseen = self._plain and not self._interest.get(step.number)
        if optional and step.action is Action.WRITE and unseen:
            return  # nobody will ever see it
        slot = self._take(number)
        bit = 1 << slot
        if step.action is not Action.READ:
            if optional:
                self._optional[step] = self._optional.get(step, 0) | bit
            else:
                self._known[slot], self._ends[slot] = step, call.end_s
            if step.action is Action.CAS:
                self._seekers[step.number] = self._seekers.get(step.number, 0) | bit
            return
        self._readers[step.number] = self._readers.get(step.number, 0) | bit
        self._seekers[step.number] = self._seekers.get(step.number, 0) | bit
        self._configurations = {
            (content, bits | bit if content == step.number else bits): None
            for content, bits in self._configurations
        }

    def _take(self, number: int) -> int:
        if self._free:
            slot = self._free.pop()
        else:
            slot = self._slots
            self._slots += 1
        self._slot_of[number] = slot
        return slot

    def _end(self, number: int, call: Call) -> bool:
        slot = self._slot_of.pop(number)
        bit = 1 << slot
        reached: _Configurations = {}
        waiting: list[tuple[int, int]] = []
        for configuration in self._configurations:
            if configuration[1] & bit:
                reached[configuration] = None
            else:
                waiting.append(configuration)
        if self._adding:
            self._add_up(waiting, reached, call, slot)
        else:
            self._explore(waiting, reached, slot)
        self._configurations = {(content, bits & ~bit): None for content, bits in reached}
        self._leave(call, slot)
        if len(self._configurations) > SPARED:
            self._configurations = self._sparing(self._configurations)
        return bool(self._configurations)

    def _leave(self, call: Call, slot: int) -> None:
        """Forget a call that has ended, and those that nobody can see any more."""
        step, bit = call.step, 1 << slot
        self._known.pop(slot, None)
        self._free.append(slot)
        if step.action in {Action.READ, Action.CAS}:
            for waiting in (self._readers, self._seekers):
                if step.number in waiting:
                    waiting[step.number] &= ~bit
            self._interest[step.number] -= 1
            if self._plain and not self._interest[step.number]:
                self._forget(self._optional.pop(Step(Action.WRITE, step.number), 0))

    def _forget(self, mask: int) -> None:
        if mask:
            self._free += [slot for slot in range(mask.bit_length()) if mask >> slot & 1]
            self._configurations = {(c, bits & ~mask): None for c, bits in self._configurations}

    def _sparing(self, configurations: _Configurations) -> _Configurations:
        """Drop those that used more of what may never have happened than others like them."""
        mask = 0
        for bits in self._optional.values():
            mask |= bits
        alike: dict[tuple[int, int], list[int]] = {}
        for content, bits in sorted(configurations, key=lambda c: (c[1] & mask).bit_count()):
            kept = alike.setdefault((content, bits & ~mask), [])
            used = bits & mask
            if not any(less & ~used == 0 for less in kept):
                kept.append(used)
        return {
            (content, known | used): None
            for (content, known), kept in alike.items()
            for used in kept
        }

    def _explore(self, waiting: list[tuple[int, int]], reached: _Configurations, slot: int) -> None:
        """Let calls take effect, in every order that may help, until the one that ends has."""
        seen = dict.fromkeys(waiting)
        stack = waiting
        while stack:
            content, bits = stack.pop()
            for other, step in self._useful(content, bits):
                after = step.apply(content)
                if after == REFUSED:
                    continue
                new = bits | 1 << other
                new |= self._readers.get(after, 0)
                if new >> slot & 1:
                    reached[(after, new)] = None
                elif (after, new) not in seen:
                    seen[(after, new)] = None
                    stack.append((after, new))
            if len(seen) + len(reached) > self._max:
                raise TooMany

    def _useful(self, content: int, bits: int) -> Iterator[tuple[int, Step]]:
        """The mutations under way that may take effect next; of equal optional ones, the first."""
        for slot, step in self._known.items():
            if not bits >> slot & 1:
                yield slot, step
        for step, mask in self._optional.items():
            free = mask & ~bits
            if not free:
                continue
            if self._plain and step.action is Action.WRITE:
                unseen = not self._seekers.get(step.number, 0) & ~bits
                if unseen or step.number == content:
                    continue
            yield _lowest(free), step

    def _add_up(
        self,
        waiting: list[tuple[int, int]],
        reached: _Configurations,
        call: Call,
        slot: int,
    ) -> None:
        """Where all there is are equal additions: what ends adds; a read waits for enough."""
        for content, bits in waiting:
            total, done = content, bits
            for other in [slot] if call.step.action is Action.ADD else self._adders(bits):
                total = self._addition.apply(total)
                done |= 1 << other | self._readers.get(total, 0)
                if done >> slot & 1:
                    reached[(total, done)] = None
                    break

    def _adders(self, bits: int) -> Iterator[int]:
        """The additions under way: those that end first, then those that may never be."""
        known = [slot for slot in self._known if not bits >> slot & 1]
        yield from sorted(known, key=lambda slot: (self._ends[slot], slot))
        for mask in self._optional.values():
            free = mask & ~bits
            while free:
                yield _lowest(free)
                free &= free - 1


def _lowest(bits: int) -> int:
    """The lowest bit that is set."""
    return (bits & -bits).bit_length() - 1
