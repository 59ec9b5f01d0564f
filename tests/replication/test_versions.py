"""The laws of versions: a total order, a clock that only grows, a merge that converges."""

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from antipodes.replication.versions import (
    COUNTER_BITS,
    TIME_MAX,
    HybridClock,
    Version,
    Versioned,
    merge,
    pack,
    unpack,
)

REGIONS = ["ap-south-1", "eu-central-1", "us-west-2"]
versions = st.builds(Version, st.integers(0, TIME_MAX), st.sampled_from(REGIONS))
# Few times, so that equal ones meet; the value follows from the version, as one write has one.
crowded = st.builds(Version, st.integers(0, 3), st.sampled_from(REGIONS)).map(
    lambda v: Versioned(v, None if v.time == 2 else f"{v.time} in {v.region}")
)


@given(versions, versions)
def test_packed_versions_sort_as_versions_do(one: Version, other: Version) -> None:
    assert (pack(one) < pack(other)) == (one < other)
    assert unpack(pack(one)) == one


@given(versions, versions)
def test_any_two_versions_are_ordered(one: Version, other: Version) -> None:
    assert (one < other) + (other < one) + (one == other) == 1


@given(crowded, crowded, crowded)
def test_merge_is_commutative_associative_and_idempotent(
    a: Versioned[str], b: Versioned[str], c: Versioned[str]
) -> None:
    assert merge(a, b) == merge(b, a)
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    assert merge(a, a) == a
    assert merge(a, b) in {a, b}


@given(st.lists(crowded, min_size=1).flatmap(lambda w: st.tuples(st.just(w), st.permutations(w))))
def test_any_order_and_any_repetition_of_writes_ends_alike(
    orders: tuple[list[Versioned[str]], list[Versioned[str]]],
) -> None:
    writes, shuffled = orders
    again = [*shuffled, *writes[: len(writes) // 2]]
    assert reduce(merge, again) == reduce(merge, writes) == max(writes, key=lambda w: w.version)


@given(
    st.lists(
        st.one_of(
            st.none(),  # a tick
            st.floats(-5, 5),  # the wall clock jumps
            st.integers(0, 2_000_000_000_000 << COUNTER_BITS),  # a version from elsewhere
        )
    )
)
def test_the_clock_only_grows(steps: list[float | int | None]) -> None:
    wall = [1_700_000_000.0]
    clock = HybridClock(lambda: wall[0], "us-west-2")
    seen = [clock.tick()]
    for step in steps:
        if isinstance(step, float):
            wall[0] += step
        elif step is not None:
            seen.append(Version(step, "eu-central-1"))
            clock.observe(seen[-1])
            continue
        given_version = clock.tick()
        assert given_version.time > max(seen).time
        seen.append(given_version)


def test_a_clock_that_is_not_pushed_shows_the_wall_time() -> None:
    clock = HybridClock(lambda: 1_700_000_000.125, "us-west-2")
    assert clock.tick().wall_s == 1_700_000_000.125


def test_more_versions_than_the_counter_holds_carry_into_the_next_millisecond() -> None:
    clock = HybridClock(lambda: 1_700_000_000.0, "us-west-2")
    first = clock.tick()
    for _ in range((1 << COUNTER_BITS) - 2):
        clock.tick()
    last = clock.tick()
    assert last.wall_s == first.wall_s
    assert clock.tick().wall_s == first.wall_s + 0.001


def test_a_restarted_clock_stays_above_what_it_replaces() -> None:
    stored = HybridClock(lambda: 1_700_000_100.0, "us-west-2").tick()
    restarted = HybridClock(lambda: 1_700_000_000.0, "us-west-2")
    assert restarted.tick(above=stored) > stored
