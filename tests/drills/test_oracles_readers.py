"""What readers saw, case by case: deletes, sessions, ages, halves of transactions."""

from antipodes.drills import oracles
from antipodes.drills.history import Operation, Outcome
from tests.drills.histories import history, operation

W, E = "us-west-2", "eu-central-1"


def by(person: str, kind: str, value: str | None, start: float, end: float) -> Operation:
    return operation(kind, "k", value, start, end, session=person)


def test_nothing_is_there_after_a_delete_and_that_is_not_a_loss() -> None:
    write = operation("write", "k", "v1", 0, 1)
    for delete in (
        operation("delete", "k", None, 2, 3),
        operation("delete", "k", None, 0.5, 3),
        operation("delete", "k", None, 0, 0.1, outcome=Outcome.UNKNOWN),
    ):
        assert oracles.lost_writes(history(write, delete, final={W: {}})) == []
    before = operation("delete", "k", None, -2, -1)
    failed = operation("delete", "k", None, 2, 3, outcome=Outcome.FAILED)
    assert oracles.lost_writes(history(write, before, failed, final={W: {}})) == [write]


def test_what_was_deleted_last_and_is_there_is_resurrected() -> None:
    write, delete = operation("write", "k", "v1", 0, 1), operation("delete", "k", None, 2, 3)
    there = {E: {"k": "v1"}, W: {}}
    found = oracles.resurrected(history(write, delete, final=there))
    assert [(r.region, r.key, r.deletion) for r in found] == [(E, "k", delete)]
    for late in (
        operation("write", "k", "v1", 2.5, 4),
        operation("write", "k", "v1", 0, 1, outcome=Outcome.UNKNOWN),
        operation("write", "k", "v1", 0, 1, attempts=2),
    ):
        assert oracles.resurrected(history(late, delete, final=there)) == []


def test_the_winner_and_the_loser_are_told() -> None:
    older, newer = operation("write", "k", "v1", 0, 1), operation("write", "k", "v2", 11, 12)
    h = history(older, newer, final={E: {"k": "v1"}})
    assert oracles.older_won(h) == [oracles.OlderWon(E, older, newer)]
    assert oracles.older_won(h, 9.9) != []
    assert oracles.older_won(h, 10) == []


def test_who_wrote_has_to_see_it_or_what_may_be_newer() -> None:
    mine = by("ann", "write", "v2", 2, 3)
    older, newer = by("bob", "write", "v1", 0, 1), by("bob", "write", "v3", 2.5, 9)
    missing = [by("ann", "read", value, 4, 5) for value in ("v1", None)]
    fine = [
        by("ann", "read", "v2", 4, 5),
        by("ann", "read", "v3", 4, 5),
        by("ann", "read", "v1", 2.9, 5),  # began before the write had ended
        by("bob", "read", "v1", 4, 5),
        by("", "read", "v1", 4, 5),
    ]
    found = oracles.read_your_writes(history(older, mine, newer, *missing, *fine))
    assert found == [oracles.Broken(mine, read) for read in missing]


def test_whoever_deleted_has_to_see_nothing() -> None:
    write, delete = by("ann", "write", "v1", 0, 1), by("ann", "delete", None, 2, 3)
    there, gone = by("ann", "read", "v1", 4, 5), by("ann", "read", None, 6, 7)
    assert oracles.read_your_writes(history(write, delete, there, gone)) == [
        oracles.Broken(delete, there)
    ]


def test_an_own_write_of_unknown_outcome_obliges_to_nothing() -> None:
    mine = operation("write", "k", "v2", 2, 3, session="ann", outcome=Outcome.UNKNOWN)
    assert oracles.read_your_writes(history(mine, by("ann", "read", None, 4, 5))) == []


def test_nobody_goes_back_in_time() -> None:
    writes = [by("bob", "write", "v1", 0, 1), by("bob", "write", "v2", 2, 3)]
    new, old = by("ann", "read", "v2", 4, 5), by("ann", "read", "v1", 6, 7)
    assert oracles.monotonic_reads(history(*writes, new, old)) == [oracles.Broken(new, old)]
    overlapping = by("ann", "read", "v1", 4.5, 7)
    other = by("bob", "read", "v1", 6, 7)
    assert oracles.monotonic_reads(history(*writes, new, overlapping, other)) == []


def test_what_was_there_once_does_not_come_back_though_nobody_knows_which_is_newer() -> None:
    writes = [by("bob", "write", "v1", 0, 3), by("eve", "write", "v2", 0, 3)]
    first, second, third = (
        by("ann", "read", v, n, n + 1) for n, v in ((4, "v1"), (6, "v2"), (8, "v1"))
    )
    found = oracles.monotonic_reads(history(*writes, first, second, third))
    assert found == [oracles.Broken(first, third, second)]
    assert oracles.monotonic_reads(history(*writes, first, second)) == []
    again = operation("write", "k", "v1", 0, 3, attempts=2)
    assert oracles.monotonic_reads(history(again, writes[1], first, second, third)) == []


def test_the_age_of_what_was_read_counts_from_the_first_write_missed() -> None:
    writes = [operation("write", "k", f"v{n}", n * 10, n * 10 + 1) for n in range(1, 6)]
    read = operation("read", "k", "v1", 60, 61)
    fresh = operation("read", "k", "v5", 60, 61, served_by=W)
    (found,) = oracles.stale(history(*writes, read, fresh))
    assert found == oracles.Stale(read, writes[1], 60 - 21)
    seen = oracles.staleness(history(*writes, read, fresh))
    assert (seen.reads, seen.stale, seen.p50_s, seen.max_s) == (2, 1, 0.0, 39.0)
    assert {name: n for name, n in seen.counts.items() if n} == {"under 100 s": 1}
    regions = oracles.staleness_by_region(history(*writes, read, fresh))
    assert {region: by_region.max_s for region, by_region in regions.items()} == {E: 39.0, W: 0.0}


def test_of_no_reads_there_is_no_age() -> None:
    assert oracles.staleness(history()).max_s is None


def pair(value: str, start: float, region: str, outcome: Outcome = Outcome.OK) -> Operation:
    return operation("pair-write", "p", value, start, start + 1, served_by=region, outcome=outcome)


def test_half_a_transaction_counts_where_it_was_made() -> None:
    one, two = pair("a", 0, E), pair("b", 2, E)
    far, unsure = pair("c", 2, W), pair("d", 2, "", Outcome.UNKNOWN)
    reads = {
        seen: operation("pair-read", "p", seen, 5, 6)
        for seen in ("a|a", "b|a", "b|", "c|a", "d|a", "|")
    }
    found = oracles.half_transactions(history(one, two, far, unsure, *reads.values()))
    assert found.read == 6
    assert [half.read for half in found.torn] == [reads["b|a"], reads["b|"]]
    assert [half.read for half in found.across] == [reads["c|a"]]
    assert [half.read for half in found.undecided] == [reads["d|a"]]


def test_a_counter_lies_between_what_was_told_and_what_may_have_been() -> None:
    told = [operation("increment", "c", None, n, n + 1) for n in range(3)]
    may = operation("increment", "c", None, 5, 6, outcome=Outcome.UNKNOWN, attempts=2)
    for there, lost, gained in (("2", 1, 0), ("3", 0, 0), ("5", 0, 0), ("6", 0, 1), ("x", 3, 0)):
        (found,) = oracles.counters(history(*told, may, final={E: {"c": there}}))
        assert (found.lost, found.gained, found.regions) == (lost, gained, (E,))
    assert oracles.counters_unseen(history(*told, final={E: {"k": "v"}}))
    assert not oracles.counters_unseen(history(*told, final={E: {"c": "0"}}))
