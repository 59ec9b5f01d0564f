"""Replication delays: what is a choice, what is drawn, and that no lane overtakes itself."""

import math
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.replication.delays import (
    AWS,
    DELAY_S_MAX,
    DRAWN_S_MAX,
    LANES,
    LINK,
    NONE,
    Delay,
    Delays,
    UnknownDelay,
    parse,
)
from antipodes.runtime.contract import Chance


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def now(self) -> float:
        return self.now_s


def delays(text: str, clock: Clock, seed: int = 1) -> Delays:
    return Delays(text, clock.now, Chance(seed))


def test_what_can_be_said() -> None:
    assert parse(LINK) == (NONE, {}) == parse("")
    assert parse("2.5") == (Delay(drawn=False, seconds=2.5), {})
    every, some = parse("aws, Orders=0.25 ,Carts=link")
    assert every.drawn
    assert some == {"Orders": Delay(drawn=False, seconds=0.25), "Carts": NONE}
    assert [delays(text, Clock()).any for text in (LINK, AWS, "1", "Orders=1", "0")] == [
        False,
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("text", ["slow", "-1", "nan", "inf", "3601", "Orders=", "1,Orders=x"])
def test_what_cannot_be_said_is_refused_and_changes_nothing(text: str) -> None:
    known = delays("3", Clock())
    with pytest.raises(UnknownDelay, match="is no replication delay"):
        known.choose(text)
    assert known.text == "3"
    assert known.due(known.lane("w", "0", "Orders", b"k")) == 1003.0


def test_a_table_has_its_own() -> None:
    known = delays("5,Orders=link,Carts=60", Clock())
    dues = [known.due(known.lane("w", "0", table, b"k")) for table in ("X", "Orders", "Carts")]
    assert dues == [1005.0, 0.0, 1060.0]
    assert known.last("w") == 1060.0
    assert known.last("e") == 0.0


def test_draws_are_around_a_second_and_the_same_for_the_same_seed() -> None:
    found: list[list[float]] = []
    for _ in range(2):
        clock, drawn = Clock(), []
        known = delays(AWS, clock)
        for _ in range(5000):
            clock.now_s += 60
            drawn.append(known.due(known.lane("w", "0", "T", b"k")) - clock.now_s)
        found.append(drawn)
    assert found[0] == found[1]
    assert math.isclose(median(found[0]), 0.8, rel_tol=0.05)
    assert 0.66 < sum(delay <= 1 for delay in found[0]) / 5000 < 0.72
    assert 0.08 < min(found[0]) < max(found[0]) <= DRAWN_S_MAX


def test_only_drawn_delays_part_a_table_into_lanes() -> None:
    clock = Clock()
    keys = [f"{number}".encode() for number in range(100)]
    aws, fixed = delays(AWS, clock), delays("1", clock)
    assert len({aws.lane("w", "0", "T", key) for key in keys}) == LANES
    assert len({fixed.lane("w", "0", "T", key) for key in keys}) == 1


@given(
    st.sampled_from([LINK, AWS, "0.5", "30"]),
    st.lists(st.tuples(st.floats(0, 3), st.sampled_from("wes")), max_size=60),
    st.integers(0, 5),
)
def test_nothing_overtakes_in_its_lane(
    text: str, arrivals: list[tuple[float, str]], seed: int
) -> None:
    clock = Clock()
    known = delays(text, clock, seed)
    last: dict[str, float] = {}
    for after_s, source in arrivals:
        clock.now_s += after_s
        due = known.due(known.lane(source, "0", "T", b"k"))
        assert due >= last.get(source, 0.0)
        assert due == 0.0 or clock.now_s <= due <= clock.now_s + DELAY_S_MAX
        last[source] = due
        assert known.last(source) == due


def test_what_was_held_before_a_restart_is_not_overtaken() -> None:
    clock = Clock()
    known = delays("1", clock)
    known.keep_above(1500.0)
    assert known.due(known.lane("w", "0", "T", b"k")) == 1500.0
    assert known.last("e") == 1500.0
    clock.now_s = 1499.5
    assert known.due(known.lane("w", "0", "T", b"k")) == 1500.5
