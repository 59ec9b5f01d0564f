"""Lags: sums that lose nothing, and percentiles of the latest."""

import math

from hypothesis import given
from hypothesis import strategies as st

from antipodes.replication.lags import WINDOW, Lag, Lags, Whose

W, E = "us-west-2", "eu-central-1"
notes = st.tuples(
    st.sampled_from([W, E]), st.sampled_from("ab"), st.integers(1, 50), st.floats(0, 9)
)


@given(st.lists(notes, max_size=40), st.integers(0, 40))
def test_what_is_taken_now_and_then_is_what_was_noted(
    told: list[tuple[str, str, int, float]], middle: int
) -> None:
    lags = Lags()
    taken: list[dict[tuple[str, str], Lag]] = []
    for number, (source, table, count, lag_s) in enumerate(told):
        if number == middle:
            taken.append(lags.take(W))
        lags.note(Whose(source, "0", table), count, lag_s, lag_s)
    taken.append(lags.take(W))
    for table in "ab":
        wanted = [
            (count, lag_s) for source, name, count, lag_s in told if (source, name) == (W, table)
        ]
        found = [part["0", table] for part in taken if ("0", table) in part]
        assert sum(lag.writes for lag in found) == sum(count for count, _ in wanted)
        total = sum(count * lag_s * 1000 for count, lag_s in wanted)
        assert math.isclose(sum(lag.total_ms for lag in found), total, abs_tol=1e-6)
        if wanted:
            assert max(lag.most_ms for lag in found) == max(lag_s for _, lag_s in wanted) * 1000
    assert lags.take(W) == {}


def test_percentiles_are_of_the_latest_writes_and_by_table() -> None:
    lags = Lags()
    for number in range(WINDOW * 2):
        lags.note(Whose(W, "0", "a"), 1, number / 1000, number / 1000)
    lags.note(Whose(W, "0", "b"), 10, 5.0, 4.0)
    found = lags.percentiles(W)
    assert found["a"] == {"p50": 768.0, "p90": 972.0, "p99": 1018.0, "max": 1023.0}
    assert found["b"] == {"p50": 4000.0, "p90": 5000.0, "p99": 5000.0, "max": 5000.0}
    assert found[""]["max"] == 5000.0
    assert lags.percentiles(E) == {}


def test_a_clock_that_is_wrong_never_makes_a_lag_negative() -> None:
    lags = Lags()
    lags.note(Whose(W, "0", "a"), 3, -5.0, -6.0)
    assert lags.take(W) == {("0", "a"): Lag(3, 0.0, 0.0, 0.0)}
