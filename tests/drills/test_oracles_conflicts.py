"""Who lost to last-writer-wins without a word."""

import msgspec

from antipodes.drills.history import History, LagSample
from antipodes.drills.oracles.conflicts import overruled_writes
from tests.drills.histories import history, operation

W, E = "us-west-2", "eu-central-1"


def lagging(made: History, cut: tuple[float, float], first_s: float) -> History:
    """The same history, with nothing passing between the regions for a while."""
    lags = [
        LagSample(at, a, b, 1, max(0.0, at - first_s) if cut[0] <= at < cut[1] else 0.0)
        for at in range(0, 100, 2)
        for a, b in ((W, E), (E, W))
    ]
    return msgspec.structs.replace(made, lags=lags)


def keys(made: History) -> list[str | None]:
    return [o.value for o in overruled_writes(made)]


def test_writes_on_both_sides_of_a_cut_overrule_each_other() -> None:
    made = history(
        operation("write", "a", "west-1", 20, 20.1, served_by=W),
        operation("write", "a", "west-2", 30, 30.1, served_by=W),
        operation("write", "a", "east-1", 40, 40.1, served_by=E),
        operation("write", "b", "alone", 40, 40.1, served_by=W),
    )
    assert keys(lagging(made, (10, 60), 10)) == ["west-2"]


def test_what_had_arrived_was_replaced_knowingly() -> None:
    made = history(
        operation("write", "a", "west", 20, 20.1, served_by=W),
        operation("write", "a", "east", 40, 40.1, served_by=E),
    )
    assert keys(lagging(made, (50, 60), 50)) == []
    assert keys(lagging(made, (10, 60), 20.05)) == ["west"]
    assert keys(lagging(made, (10, 30), 10)) == []


def test_without_lag_only_writes_that_cross_on_the_way_conflict() -> None:
    crossing = history(
        operation("write", "a", "west", 20, 20.1, served_by=W),
        operation("write", "a", "east", 20.2, 20.3, served_by=E),
        operation("write", "a", "later", 25, 25.1, served_by=E),
    )
    assert keys(crossing) == ["west"]
    assert keys(lagging(crossing, (90, 95), 90)) == ["west"]


def test_what_its_own_region_replaced_first_is_no_loss() -> None:
    made = history(
        operation("write", "a", "west-1", 20, 20.1, served_by=W),
        operation("write", "a", "west-2", 21, 21.1, served_by=W),
        operation("write", "a", "east", 30, 30.1, served_by=E),
        operation("write", "a", "west-3", 50, 50.1, served_by=W),
    )
    assert keys(lagging(made, (10, 60), 10)) == ["west-2", "east"]
