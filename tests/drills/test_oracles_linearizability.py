"""The two ways of judging linearizability, against each other and against brute force."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.drills import oracles
from antipodes.drills.history import Operation, Outcome
from antipodes.drills.oracles.linearizability import (
    check_counter,
    check_register,
    search_register,
)
from antipodes.drills.oracles.registers import contradiction
from antipodes.drills.oracles.search import REFUSED, Action, Call, Step, TooMany, search
from tests.drills.histories import history, operation
from tests.drills.systems import Flaws, Load, played


def explained(calls: list[Call], content: int = 0) -> bool:
    """Brute force: try every order."""
    if all(call.end_s == math.inf for call in calls):
        return True
    first_end = min(call.end_s for call in calls)
    for number, call in enumerate(calls):
        if call.start_s <= first_end:
            after = call.step.apply(content)
            rest = calls[:number] + calls[number + 1 :]
            if after != REFUSED and explained(rest, after):
                return True
    return False


def steps(actions: list[Action]) -> st.SearchStrategy[Step]:
    numbers = st.integers(0, 3)
    return st.builds(Step, st.sampled_from(actions), numbers, numbers)


@st.composite
def calls_of(draw: st.DrawFn, step: st.SearchStrategy[Step], most: int = 7) -> list[Call]:
    found = []
    for _ in range(draw(st.integers(1, most))):
        start = draw(st.integers(0, 8))
        made = draw(step)
        unknown = made.action is not Action.READ and draw(st.integers(0, 3)) == 0
        end = math.inf if unknown else start + draw(st.integers(0, 5))
        found.append(Call(start, end, made))
    return found


ANY = steps([Action.READ, Action.READ, Action.WRITE, Action.CAS])
COUNTING = st.one_of(
    st.builds(Step, st.just(Action.READ), st.integers(0, 4)), st.just(Step(Action.ADD, 1))
)
MIXED = st.one_of(ANY, st.just(Step(Action.ADD, 1)))


@pytest.mark.parametrize("step", [ANY, COUNTING, MIXED], ids=["register", "counter", "mixed"])
@given(data=st.data())
@settings(max_examples=400)
def test_the_search_finds_what_brute_force_finds(
    step: st.SearchStrategy[Step], data: st.DataObject
) -> None:
    calls = data.draw(calls_of(step))
    assert (search(calls) is None) == explained(calls)


@st.composite
def registers(draw: st.DrawFn, *, hard: bool) -> tuple[list[Operation], list[Operation]]:
    """Writes of unique values and strongly consistent reads; if `hard`, all that makes it so."""
    mutations, reads = [], []
    for number in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, 8))
        kind = "delete" if hard and draw(st.booleans()) else "write"
        mutations.append(
            operation(
                kind,
                "k",
                None if kind == "delete" else f"v{number}",
                start,
                start + draw(st.integers(0, 5)),
                outcome=Outcome.UNKNOWN if draw(st.integers(0, 3)) == 0 else Outcome.OK,
                attempts=draw(st.integers(1, 2)) if hard else 1,
            )
        )
    values: list[str | None] = [None, *(m.value for m in mutations if m.kind == "write")]
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, 10))
        value = draw(st.sampled_from(values))
        end = start + draw(st.integers(0, 5))
        reads.append(operation("read", "k", value, start, end, strong=True))
    return mutations, reads


def register_calls(mutations: list[Operation], reads: list[Operation]) -> list[Call]:
    names: dict[str | None, int] = {None: 0}
    calls = []
    for m in mutations:
        step = Step(Action.WRITE, names.setdefault(m.value, len(names)))
        end = m.end_s if m.outcome is Outcome.OK else math.inf
        calls += [Call(m.start_s, end, step)]
        calls += [Call(m.start_s, math.inf, step)] * (m.attempts - 1)
    return calls + [Call(r.start_s, r.end_s, Step(Action.READ, names[r.value])) for r in reads]


@given(made=registers(hard=False))
@settings(max_examples=600)
def test_zones_find_what_search_and_brute_force_find(
    made: tuple[list[Operation], list[Operation]],
) -> None:
    possible = explained(register_calls(*made))
    assert (contradiction(*made) is None) == possible
    assert (search_register(*made) is None) == possible


@given(made=registers(hard=True))
@settings(max_examples=600)
def test_deletes_and_further_attempts_are_judged_as_brute_force_does(
    made: tuple[list[Operation], list[Operation]],
) -> None:
    assert (check_register(*made) is None) == explained(register_calls(*made))


def test_the_witness_of_a_contradiction_is_a_handful_of_calls() -> None:
    one, two = operation("write", "k", "a", 0, 1), operation("write", "k", "b", 2, 3)
    back = operation("read", "k", "a", 4, 5, strong=True)
    others = [operation("read", "k", "b", 2.5 + n / 100, 3.5, strong=True) for n in range(50)]
    found = oracles.linearizable(history(one, two, *others, back))
    assert [anomaly.key for anomaly in found.anomalies] == ["k"]
    calls = found.anomalies[0].calls
    assert len(calls) <= 6
    assert {one, two, back} <= set(calls)


def test_what_nobody_wrote_cannot_be_read() -> None:
    h = history(operation("read", "k", "x", 0, 1, strong=True))
    assert oracles.linearizable(h).anomalies[0].why == "nobody wrote what was read"


def test_a_write_that_failed_cannot_be_read() -> None:
    failed = operation("write", "k", "x", 0, 1, outcome=Outcome.FAILED)
    h = history(failed, operation("read", "k", "x", 2, 3, strong=True))
    assert len(oracles.linearizable(h).anomalies) == 1


def test_reads_that_are_not_strongly_consistent_are_not_judged() -> None:
    h = history(
        operation("write", "k", "a", 0, 1),
        operation("write", "k", "b", 2, 3),
        operation("read", "k", "a", 4, 5),
    )
    assert oracles.linearizable(h) == oracles.Linearizability(0, [], [])


def test_what_is_too_much_is_undecided_and_nothing_else() -> None:
    writes = [operation("write", "k", f"v{n}", 0, 10, attempts=2) for n in range(12)]
    reads = [operation("read", "k", f"v{n}", 11 + n, 11.5 + n, strong=True) for n in range(12)]
    found = oracles.linearizable(history(*writes, *reads), configurations_max=50)
    assert found == oracles.Linearizability(1, [], ["k"])
    with pytest.raises(TooMany):
        check_register(writes, reads, 50)


def test_the_failing_count_is_told_with_what_there_could_be() -> None:
    increments = [operation("increment", "c", None, n, n + 0.5) for n in range(3)]
    found = check_counter(increments, [operation("count", "c", "2", 5, 6, strong=True)])
    assert found is not None
    assert found.why == "there could be 3"


@pytest.mark.slow
def test_a_hundred_thousand_calls_are_judged() -> None:
    """That many are to be judged in seconds, and here they have to be made first."""
    load = Load(100_000, 20, 1, 8, 0.001, ("write", "strong-read", "strong-read"))
    seen = played(1, load)
    found = oracles.linearizable(seen)
    assert (found.keys, found.anomalies, found.undecided) == (20, [], [])
    assert oracles.linearizable(played(1, load, Flaws(caches=0.0005))).anomalies


@pytest.mark.slow
def test_a_hundred_thousand_calls_of_the_hard_kind_are_judged() -> None:
    """As above, of calls that need the search."""
    load = Load(100_000, 20, 1, 8, 0.001, ("write", "delete", "strong-read", "strong-read"))
    found = oracles.linearizable(played(2, load))
    assert (found.keys, found.anomalies, found.undecided) == (20, [], [])
    counting = Load(100_000, 20, 1, 8, 0.001, ("increment", "count"))
    found = oracles.linearizable(played(3, counting))
    assert (found.keys, found.anomalies, found.undecided) == (20, [], [])


def test_many_calls_at_once_are_judged() -> None:
    """As many writes under way at once as a stalled region makes, all of which end."""
    chance = random.Random(5)
    order = [f"v{n}" for n in range(8)]
    writes = [operation("write", "k", value, 0, 100, attempts=2) for value in order]
    chance.shuffle(order)
    reads = [
        operation("read", "k", value, 10 + n, 10.5 + n, strong=True)
        for n, value in enumerate(order)
    ]
    assert check_register(writes, reads) is None


def test_many_unknown_outcomes_need_few_configurations() -> None:
    for kinds in (("write", "delete", "strong-read"), ("increment", "count")):
        seen = played(7, Load(2000, 2, 1, 64, 0.3, kinds))
        found = oracles.linearizable(seen, configurations_max=500)
        assert (found.keys, found.anomalies, found.undecided) == (2, [], [])
