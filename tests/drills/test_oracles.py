"""Each oracle beside the broken system it must catch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.drills import oracles
from antipodes.drills.history import Loss, Outcome
from tests.drills.histories import history, operation

W, E = "us-west-2", "eu-central-1"


def test_a_lost_acknowledged_write_is_found_by_its_key() -> None:
    h = history(
        operation("write", "a", "v1", 0, 1),
        operation("write", "b", "v2", 0, 1),
        final={W: {"a": "v1"}, E: {"a": "v1"}},
    )
    assert [o.key for o in oracles.lost_writes(h)] == ["b"]


def test_a_write_that_a_later_one_replaced_is_not_lost() -> None:
    h = history(
        operation("write", "a", "v1", 0, 1),
        operation("write", "a", "v2", 2, 3),
        final={W: {"a": "v2"}},
    )
    assert oracles.lost_writes(h) == []


def test_a_write_that_an_earlier_one_outlived_is_lost() -> None:
    h = history(
        operation("write", "a", "v1", 0, 1),
        operation("write", "a", "v2", 2, 3),
        final={W: {"a": "v1"}},
    )
    assert [o.value for o in oracles.lost_writes(h)] == ["v2"]


def test_concurrent_writes_may_win_either_way() -> None:
    for winner in ("v1", "v2"):
        h = history(
            operation("write", "a", "v1", 0, 2),
            operation("write", "a", "v2", 1, 3),
            final={W: {"a": winner}},
        )
        assert oracles.lost_writes(h) == []


def test_an_unknown_write_may_have_happened_at_any_later_time_but_is_not_owed() -> None:
    unknown = operation("write", "a", "v1", 0, 1, outcome=Outcome.UNKNOWN)
    later = operation("write", "a", "v2", 5, 6)
    assert oracles.lost_writes(history(unknown, later, final={W: {"a": "v1"}})) == []
    assert oracles.lost_writes(history(unknown, final={W: {}})) == []


def test_a_failed_write_is_owed_to_nobody() -> None:
    failed = operation("write", "a", "v1", 0, 1, outcome=Outcome.FAILED)
    assert oracles.lost_writes(history(failed, final={W: {}})) == []


def test_replicas_that_differ_after_quiet_are_found() -> None:
    h = history(final={W: {"a": "1", "b": "2"}, E: {"a": "1", "b": "3", "c": "4"}})
    assert oracles.diverged_keys(h) == ["b", "c"]


def test_what_no_survivor_had_is_unreplicated_oldest_first() -> None:
    operations = [
        operation("write", "a", "v1", 0, 1, served_by=W),
        operation("write", "b", "v2", 3, 4, served_by=W),
        operation("write", "c", "v3", 2, 3, served_by=W),
        operation("write", "d", "v4", 2, 3, served_by=E),
        operation("write", "e", "v5", 8, 9, served_by=W),
    ]
    loss = Loss(W, 5.0, {E: {"a": "v1"}})
    missing = oracles.unreplicated(history(*operations, losses=[loss]), loss)
    assert [o.key for o in missing] == ["c", "b"]


def test_a_read_is_stale_when_it_misses_what_was_acknowledged_before_it_began() -> None:
    first, second = operation("write", "a", "v1", 0, 1), operation("write", "a", "v2", 2, 3)
    stale = operation("read", "a", "v1", 4, 5)
    fresh = operation("read", "a", "v2", 4, 5)
    racing = operation("read", "a", "v1", 2.5, 5)
    nothing = operation("read", "a", None, 1.5, 1.8)
    found = oracles.stale_reads(history(first, second, stale, fresh, racing, nothing))
    assert found == [stale, nothing]


def test_rto_is_to_the_first_request_after_the_last_missed_one() -> None:
    operations = [
        operation("read", "a", None, 9.5, 10.5, outcome=Outcome.FAILED),  # under way at the fault
        operation("read", "a", None, 20, 21, outcome=Outcome.FAILED),
        operation("read", "a", "v", 30, 31),
        operation("read", "a", None, 40, 41, outcome=Outcome.FAILED),
        operation("read", "a", "v", 55, 56),
        operation("read", "a", "v", 60, 61),
        operation("read", "a", "v", 12, 13, city="lima"),
        operation("read", "a", None, 70, 71, city="oslo", outcome=Outcome.FAILED),
        operation("read", "a", None, 120, 121, outcome=Outcome.FAILED),  # after the window
    ]
    found = oracles.rto_by_city(history(*operations), ("frankfurt", "lima", "oslo"), 10, 100)
    assert found == {"frankfurt": 45, "lima": 0.0, "oslo": None}


def test_who_served_is_counted_by_phase_and_the_last_one_known() -> None:
    h = history(
        operation("read", "a", "v", 1, 2, served_by=W),
        operation("read", "a", "v", 11, 12, served_by=W),
        operation("read", "a", "v", 13, 14, served_by=E),
        operation("read", "a", "v", 14, 15, served_by=W, outcome=Outcome.FAILED),
    )
    phases = [("steady", 0.0, 10.0), ("lost", 10.0, 20.0)]
    assert oracles.served_by_phase(h, phases) == {"steady": {W: 1}, "lost": {E: 1, W: 1}}
    assert oracles.last_served_by(h, "frankfurt", 10, 20) == E
    assert oracles.last_served_by(h, "lima", 10, 20) == ""


def test_of_a_city_that_is_not_heard_of_recovery_is_not_told() -> None:
    operations = [
        operation("read", "a", None, 1, 2, outcome=Outcome.FAILED),
        operation("read", "a", "v", 11, 12),
        operation("read", "a", "v", 1, 2, city="lima"),
        operation("read", "a", "v", 1, 2, city="oslo"),
        operation("read", "a", "v", 11, 12, city="oslo"),
        operation("read", "a", "v", 11, 12, city="rome"),
    ]
    cities = ("frankfurt", "lima", "oslo", "rome")
    assert oracles.rto_unseen(history(*operations), cities, 10, 100) == {
        "frankfurt": "was not served before the fault either",
        "lima": "asked nothing after the fault",
    }


def test_a_person_who_got_no_answer_was_not_served_whatever_became_of_the_write() -> None:
    unknown = operation("write", "a", "v", 11, 12, outcome=Outcome.UNKNOWN)
    later = operation("read", "a", "v", 31, 32)
    assert oracles.rto_by_city(history(unknown, later), ("frankfurt",), 10, 100) == {
        "frankfurt": 21
    }


def test_an_answer_under_way_when_the_region_died_was_given_by_it() -> None:
    under_way = operation("write", "a", "v1", 4.9, 5.1, served_by=W)
    again = operation("write", "b", "v2", 4.9, 60, served_by=W, attempts=2)
    after = operation("write", "c", "v3", 60, 61, served_by=W)
    loss = Loss(W, 5.0, {E: {}})
    assert oracles.unreplicated(history(under_way, again, after), loss) == [under_way]


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_one_of_the_values_with_enough_at_or_below(
    values: list[float], share: float
) -> None:
    found = oracles.percentile(values, share)
    assert found in values
    assert sum(v <= found for v in values) >= share * len(values) - 1e-9
    assert sum(v < found for v in values) < share * len(values)


def test_a_percentile_of_nothing_is_nothing() -> None:
    assert oracles.percentile([], 0.5) is None


@pytest.mark.parametrize(("outcomes", "share"), [("oo", 1.0), ("of", 0.5), ("", None)])
def test_availability_counts_what_was_served(outcomes: str, share: float | None) -> None:
    kinds = {"o": Outcome.OK, "f": Outcome.UNKNOWN}
    h = history(*(operation("read", "a", "v", 0, 1, outcome=kinds[c]) for c in outcomes))
    assert oracles.availability(h) == share
