"""What is on a simulated disk after a crash: whole groups from the beginning, and all that it must.

A reference keeps the state after every group. After a kill the disk holds the last acknowledged
group, or the one that was under way; after a loss of power any group of the last half minute may be
the last, but never one without those before it.
"""

import random
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.runtime.disks import WRITEBACK_S, Disk, DiskState


class State(NamedTuple):
    """All that a disk holds."""

    values: dict[bytes, bytes]
    log: list[tuple[int, bytes]]
    head: int


def state_of(disk: Disk) -> State:
    assert disk.keys == sorted(disk.values)
    stored = sum(len(k) + len(v) for k, v in disk.values.items())
    assert disk.bytes == stored + sum(len(entry) for _, entry in disk.log)
    return State(dict(disk.values), list(disk.log), disk.head)


KEYS = st.sampled_from([b"a", b"bb", b"ccc", b"d"])
CHANGES = st.one_of(
    st.tuples(st.just("put"), KEYS, st.binary(max_size=5)),
    st.tuples(st.just("delete"), KEYS, st.just(b"")),
    st.tuples(st.just("append"), st.just(b""), st.binary(max_size=5)),
    st.tuples(st.just("trim"), st.just(b""), st.just(b"")),
)
GROUPS = st.lists(
    st.tuples(st.lists(CHANGES, min_size=1, max_size=6), st.floats(0, 10)), max_size=12
)


def write(disk: Disk, changes: list[tuple[str, bytes, bytes]], chance: random.Random) -> None:
    group = disk.group or disk.begin()
    for kind, key, value in changes:
        if kind == "put":
            disk.put(group, key, value)
        elif kind == "delete":
            disk.delete(group, key)
        elif kind == "append":
            disk.append(group, value)
        else:
            group.trim_upto = max(group.trim_upto, chance.randint(0, disk.head))


def fill(
    disk: Disk, groups: list[tuple[list[tuple[str, bytes, bytes]], float]], seed: int
) -> tuple[list[tuple[float, State]], float]:
    """Commit groups; return the states after each of them with their times, and the time now."""
    chance = random.Random(seed)
    at = 0.0
    states = [(at, state_of(disk))]
    for changes, pause_s in groups:
        at += pause_s
        write(disk, changes, chance)
        disk.commit(at)
        states.append((at, state_of(disk)))
    return states, at


@given(GROUPS, st.lists(CHANGES, min_size=1, max_size=6), st.integers(0, 99))
def test_a_kill_keeps_what_was_committed_and_all_or_nothing_of_what_was_under_way(
    groups: list[tuple[list[tuple[str, bytes, bytes]], float]],
    last: list[tuple[str, bytes, bytes]],
    seed: int,
) -> None:
    disk, twin = (Disk(DiskState(), random.Random(seed)) for _ in range(2))
    states, at = fill(disk, groups, seed)
    fill(twin, groups, seed)
    for one in (disk, twin):
        write(one, last, random.Random(seed))
    twin.commit(at)
    disk.crash(at)
    assert state_of(disk) in (states[-1][1], state_of(twin))
    disk.crash(at)  # nothing is open: nothing happens
    assert state_of(disk) in (states[-1][1], state_of(twin))


def test_both_ends_of_a_commit_under_way_are_met() -> None:
    found = set()
    for seed in range(40):
        disk = Disk(DiskState(), random.Random(seed))
        write(disk, [("put", b"k", b"v")], random.Random(seed))
        disk.crash(0.0)
        found.add(bool(disk.values))
    assert found == {True, False}


@given(GROUPS, st.lists(CHANGES, min_size=1, max_size=6), st.integers(0, 99), st.booleans())
@settings(max_examples=200)
def test_a_loss_of_power_takes_whole_groups_from_the_end_and_no_old_ones(
    groups: list[tuple[list[tuple[str, bytes, bytes]], float]],
    last: list[tuple[str, bytes, bytes]],
    seed: int,
    power: bool,
) -> None:
    disk, twin = (Disk(DiskState(power=power), random.Random(seed)) for _ in range(2))
    states, at = fill(disk, groups, seed)
    fill(twin, groups, seed)
    for one in (disk, twin):
        write(one, last, random.Random(seed))
    twin.commit(at)
    written_back = [state for when, state in states if power or when < at - WRITEBACK_S]
    possible = [state for _, state in states] + [state_of(twin)]
    disk.lose_power(at)
    oldest = max(len(written_back) - 1, 0)
    assert state_of(disk) in possible[oldest:]
    assert not disk.damaged


@given(GROUPS, st.lists(CHANGES, min_size=1, max_size=6), st.integers(0, 99))
def test_a_group_that_is_rolled_back_was_never_there(
    groups: list[tuple[list[tuple[str, bytes, bytes]], float]],
    last: list[tuple[str, bytes, bytes]],
    seed: int,
) -> None:
    disk = Disk(DiskState(), random.Random(seed))
    states, _ = fill(disk, groups, seed)
    write(disk, last, random.Random(seed))
    disk.roll_back()
    assert state_of(disk) == states[-1][1]


@pytest.mark.parametrize("power", [True, False])
def test_a_torn_disk_is_damaged_only_where_something_was_not_synced(power: bool) -> None:
    damaged = 0
    for seed in range(20):
        state = DiskState(power=power)
        state.set(torn=True)
        disk = Disk(state, random.Random(seed))
        fill(disk, [([("put", b"k", b"v")], 0.0)] * 5, seed)
        disk.lose_power(0.0)
        damaged += disk.damaged
    assert (damaged > 0) == (not power)
