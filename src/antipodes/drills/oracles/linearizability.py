"""Whether strongly consistent reads and the writes around them can have happened one at a time.

Each key is judged on its own, which is enough, since linearizability is local (Herlihy and Wing,
1990). Registers are keys with strongly consistent reads; their mutations are all writes and
deletes, wherever they were made. Counters are keys with strongly consistent counts. A mutation of
unknown outcome may take effect at any later time or never, and so may each further attempt of one
that was tried again.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

from antipodes.drills.history import History, Operation, Outcome
from antipodes.drills.oracles.index import Index, indexed, latest_s, served
from antipodes.drills.oracles.registers import Contradiction, contradiction
from antipodes.drills.oracles.search import Action, Call, Step, TooMany, search

CONFIGURATIONS_MAX = 50_000
ABSENT = 0


class Anomaly(NamedTuple):
    """A key whose calls no order explains."""

    key: str
    calls: list[Operation]
    why: str


class Linearizability(NamedTuple):
    """What was judged: how many keys, those that are not, and those that were too much."""

    keys: int
    anomalies: list[Anomaly]
    undecided: list[str]


def linearizable(
    history: History | Index, configurations_max: int = CONFIGURATIONS_MAX
) -> Linearizability:
    """Judge every key that has strongly consistent reads."""
    index = indexed(history)
    anomalies: list[Anomaly] = []
    undecided: list[str] = []
    registers = _by_key(o for o in index.reads if o.strong)
    counts = _by_key(o for o in index.of_kind("count") if o.strong and served(o))
    increments = _by_key(o for o in index.of_kind("increment"))
    for key in sorted({*registers, *counts}):
        try:
            if key in registers:
                found = check_register(index.key(key).mutations, registers[key], configurations_max)
            else:
                found = check_counter(increments.get(key, []), counts[key], configurations_max)
        except TooMany:
            undecided.append(key)
            continue
        if found is not None:
            anomalies.append(Anomaly(key, found.calls, found.why))
    return Linearizability(len({*registers, *counts}), anomalies, undecided)


def _by_key(operations: Iterable[Operation]) -> dict[str, list[Operation]]:
    found: dict[str, list[Operation]] = {}
    for operation in operations:
        found.setdefault(operation.key, []).append(operation)
    return found


def check_register(
    mutations: list[Operation], reads: list[Operation], configurations_max: int = CONFIGURATIONS_MAX
) -> Contradiction | None:
    """Judge one key: quickly where values are unique, by search where they are not."""
    possible = [m for m in mutations if m.outcome is not Outcome.FAILED]
    once = all(m.attempts == 1 for m in possible)
    deleted = any(m.kind == "delete" for m in possible)
    if once and not (deleted and any(read.value is None for read in reads)):
        return contradiction(possible, reads)
    return search_register(possible, reads, configurations_max)


def search_register(
    mutations: list[Operation], reads: list[Operation], configurations_max: int = CONFIGURATIONS_MAX
) -> Contradiction | None:
    """Judge one key by search; raises TooMany."""
    names: dict[str | None, int] = {None: ABSENT}
    written = {m.value for m in mutations if m.kind == "write"}
    calls = []
    for mutation in mutations:
        value = mutation.value if mutation.kind == "write" else None
        step = Step(Action.WRITE, names.setdefault(value, len(names)))
        calls += _attempts(mutation, step)
    for read in reads:
        if read.value is not None and read.value not in written:
            return Contradiction([read], "nobody wrote what was read")
        calls.append(Call(read.start_s, read.end_s, Step(Action.READ, names[read.value]), read))
    values = {number: value for value, number in names.items()}
    contents = {n: "nothing" if v is None else v for n, v in values.items()}
    return _explained(calls, contents, configurations_max)


def check_counter(
    increments: list[Operation],
    counts: list[Operation],
    configurations_max: int = CONFIGURATIONS_MAX,
) -> Contradiction | None:
    """Judge one counter by search; raises TooMany."""
    calls = []
    for increment in increments:
        if increment.outcome is not Outcome.FAILED:
            calls += _attempts(increment, Step(Action.ADD, 1))
    for count in counts:
        text = count.value or "0"
        if not text.isdecimal():
            return Contradiction([count], "not a number")
        calls.append(Call(count.start_s, count.end_s, Step(Action.READ, int(text)), count))
    return _explained(calls, {}, configurations_max)


def _attempts(mutation: Operation, step: Step) -> list[Call]:
    """A mutation as calls: one for each attempt; only one of them is known to have happened."""
    known = mutation.end_s if served(mutation) else math.inf
    first = Call(mutation.start_s, known, step, mutation)
    return [first, *[Call(mutation.start_s, math.inf, step, mutation)] * (mutation.attempts - 1)]


def _explained(
    calls: list[Call], names: dict[int, str], configurations_max: int
) -> Contradiction | None:
    failure = search(calls, configurations_max=configurations_max)
    if failure is None:
        return None
    ended = failure.call.operation
    assert ended is not None
    around = [
        c.operation
        for c in calls
        if c.operation is not None
        and c.step.action is not Action.READ
        and c.start_s <= ended.end_s
        and latest_s(c.operation) >= ended.start_s
        and c.operation is not ended
    ]
    contents = ", ".join(names.get(number, str(number)) for number in failure.contents[:5])
    return Contradiction([*around[-3:], ended], f"there could be {contents or 'nothing'}")
