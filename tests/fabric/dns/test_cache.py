"""What a resolver remembers: for how long, of what kind, how much, and how it strays."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.fabric.dns.cache import (
    CNAME,
    RECHECK_S,
    SOA,
    STALE_TTL_S,
    Cache,
    UnknownBehaviour,
    parse_behaviour,
)
from antipodes.fabric.dns.message import NOERROR, NXDOMAIN, RR, SERVFAIL, Answer
from antipodes.fabric.dns.names import to_wire as wire

A, AAAA, TXT = 1, 28, 16


APP, BALANCER, OTHER = wire("app.example.com"), wire("lb.example.net"), wire("other.example.com")


def address(name: bytes, ttl: int, last: int = 1) -> RR:
    return RR(name, A, ttl, bytes([198, 19, 0, last]))


def cname(name: bytes, ttl: int, to: bytes) -> RR:
    return RR(name, CNAME, ttl, to)


def soa(ttl: int, minimum: int) -> RR:
    rdata = wire("ns.example.com") + wire("root.example.com") + bytes(16)
    return RR(wire("example.com"), SOA, ttl, rdata + minimum.to_bytes(4, "big"))


def said(rcode: int, answers: Sequence[RR], authority: Sequence[RR]) -> Answer:
    return Answer(rcode, 0, tuple(answers), tuple(authority), ())


def kept(text: str, *answers: RR, name: bytes = APP, at: float = 0.0, **more: Any) -> Cache:
    """A cache of that behaviour that has learnt an answer."""
    cache = Cache(parse_behaviour(text), **more)
    cache.learn(name, A, said(NOERROR, answers, ()), at)
    return cache


def test_an_answer_is_kept_for_its_ttl_which_counts_down() -> None:
    cache = kept("honour", address(APP, 60, 1), address(APP, 60, 2))
    assert cache.find(APP, A, 10.5).records == (address(APP, 49, 1), address(APP, 49, 2))
    assert cache.find(APP, A, 59.9).next == b""
    assert cache.find(APP, A, 60).next == APP


def test_records_of_a_set_live_as_long_as_the_shortest() -> None:
    cache = kept("honour", address(APP, 60, 1), address(APP, 5, 2))
    assert cache.find(APP, A, 4).records == (address(APP, 1, 1), address(APP, 1, 2))
    assert cache.find(APP, A, 5).next == APP


def test_the_links_of_a_chain_age_apart() -> None:
    cache = kept("honour", cname(APP, 300, BALANCER), address(BALANCER, 60))
    known = cache.find(APP, A, 30)
    assert known.records == (cname(APP, 270, BALANCER), address(BALANCER, 30))
    known = cache.find(APP, A, 100)
    assert (known.next, known.records) == (BALANCER, (cname(APP, 200, BALANCER),))
    assert cache.find(APP, A, 300).next == APP


def test_a_chain_that_leads_out_of_the_answer_names_whom_to_ask_for_next() -> None:
    cache = Cache()
    known = cache.learn(APP, A, said(NOERROR, [cname(APP, 300, BALANCER)], ()), 0)
    assert (known.next, known.rcode) == (BALANCER, NOERROR)
    assert cache.learn(BALANCER, A, said(NOERROR, [address(BALANCER, 60)], ()), 1).next == b""
    assert len(cache.find(APP, A, 2).records) == 2


def test_what_is_not_on_the_chain_is_not_believed() -> None:
    cache = kept("honour", address(OTHER, 60, 9), address(APP, 60), name=APP)
    assert cache.find(OTHER, A, 1).next == OTHER
    assert cache.find(APP, A, 1).records == (address(APP, 59),)


def test_a_loop_is_a_failure() -> None:
    loop = [cname(APP, 60, BALANCER), cname(BALANCER, 60, APP)]
    cache = Cache()
    assert cache.learn(APP, A, said(NOERROR, loop, ()), 0).rcode == SERVFAIL
    assert cache.find(APP, A, 1).rcode == SERVFAIL


def test_a_ttl_of_zero_is_told_and_not_kept() -> None:
    cache = Cache()
    told = cache.learn(APP, A, said(NOERROR, [address(APP, 0)], ()), 5)
    assert (told.records, told.next) == ((address(APP, 0),), b"")
    assert cache.find(APP, A, 5).next == APP
    assert len(cache) == 0


def test_a_ttl_with_the_highest_bit_counts_as_zero() -> None:
    cache = kept("honour", address(APP, 1 << 31))
    assert cache.find(APP, A, 0).next == APP


@pytest.mark.parametrize(("ttl", "minimum", "lives_s"), [(900, 86_400, 900), (900, 5, 5)])
@pytest.mark.parametrize("rcode", [NOERROR, NXDOMAIN])
def test_surprise_22_an_absence_is_kept_for_the_lesser_of_soa_ttl_and_minimum(
    ttl: int, minimum: int, lives_s: int, rcode: int
) -> None:
    cache = Cache()
    cache.learn(APP, A, said(rcode, (), [soa(ttl, minimum)]), 0)
    known = cache.find(APP, A, lives_s - 1)
    assert (known.rcode, known.records, known.next) == (rcode, (), b"")
    assert known.soa == soa(1, minimum)
    assert cache.find(APP, A, lives_s).next == APP


def test_a_resolver_may_keep_absences_for_less() -> None:
    cache = Cache(parse_behaviour("negative:30"))
    cache.learn(APP, A, said(NXDOMAIN, (), [soa(900, 86_400)]), 0)
    assert cache.find(APP, A, 29).rcode == NXDOMAIN
    assert cache.find(APP, A, 30).next == APP


def test_no_such_name_holds_for_all_types_and_no_such_data_for_one() -> None:
    cache = Cache()
    cache.learn(APP, A, said(NXDOMAIN, (), [soa(900, 900)]), 0)
    assert cache.find(APP, TXT, 1).rcode == NXDOMAIN
    cache.learn(OTHER, AAAA, said(NOERROR, (), [soa(900, 900)]), 0)
    assert cache.find(OTHER, AAAA, 1).next == b""
    assert cache.find(OTHER, A, 1).next == OTHER


def test_an_absence_without_soa_is_not_kept() -> None:
    cache = Cache()
    assert cache.learn(APP, A, said(NXDOMAIN, (), ()), 0).rcode == NXDOMAIN
    assert cache.find(APP, A, 0).next == APP


def test_an_absence_at_the_end_of_a_chain_belongs_to_its_last_name() -> None:
    cache = Cache()
    known = cache.learn(APP, A, said(NXDOMAIN, [cname(APP, 60, BALANCER)], [soa(900, 900)]), 0)
    assert (known.rcode, known.records) == (NXDOMAIN, (cname(APP, 60, BALANCER),))
    assert cache.find(BALANCER, TXT, 1).rcode == NXDOMAIN
    assert cache.find(APP, TXT, 1).records == (cname(APP, 59, BALANCER),)


def test_the_newest_answer_replaces_what_was_known() -> None:
    cache = kept("honour", address(APP, 600))
    cache.learn(APP, A, said(NXDOMAIN, (), [soa(900, 5)]), 1)
    assert cache.find(APP, A, 2).rcode == NXDOMAIN
    cache.learn(APP, A, said(NOERROR, [cname(APP, 60, BALANCER)], ()), 3)
    assert cache.find(APP, A, 4).next == BALANCER
    cache.learn(APP, A, said(NOERROR, [address(APP, 60, 7)], ()), 5)
    assert cache.find(APP, A, 6).records == (address(APP, 59, 7),)


def test_clamping_keeps_an_answer_longer_than_it_was_told() -> None:
    cache = kept("clamp:300", address(APP, 60))
    assert cache.find(APP, A, 299).records == (address(APP, 1),)
    assert cache.find(APP, A, 300).next == APP
    most = kept("clamp:0-20", address(APP, 60))
    assert most.find(APP, A, 19).records == (address(APP, 1),)
    assert most.find(APP, A, 20).next == APP


def test_ignoring_keeps_every_answer_equally_long() -> None:
    for ttl in (0, 60, 100_000):
        cache = kept("ignore:3600", address(APP, ttl))
        assert cache.find(APP, A, 3599).next == b""
        assert cache.find(APP, A, 3600).next == APP


def test_stale_answers_are_there_when_nobody_can_be_asked() -> None:
    cache = kept("stale:1000", address(APP, 60))
    assert cache.find(APP, A, 61).next == APP
    known = cache.find_stale(APP, A, 61)
    assert (known.records, known.stale) == ((address(APP, STALE_TTL_S),), True)
    assert cache.find_stale(APP, A, 59).records == (address(APP, 1),)
    assert cache.find_stale(APP, A, 1060).next == APP
    assert kept("honour", address(APP, 60)).find_stale(APP, A, 61).next == APP


def test_after_a_failure_stale_answers_are_served_at_once_for_a_while() -> None:
    cache = kept("stale:1000", address(APP, 60))
    cache.note_failure(APP, A, 70)
    assert cache.find(APP, A, 71).stale
    assert cache.find(APP, A, 70 + RECHECK_S).next == APP
    cache.note_failure(APP, A, 200)
    cache.learn(APP, A, said(NOERROR, [address(APP, 60, 2)], ()), 201)
    assert cache.find(APP, A, 202).records == (address(APP, 59, 2),)


def test_failures_are_remembered_of_so_many_names_only() -> None:
    cache = kept("stale:1000", address(APP, 60), sets_max=2)
    for name in (APP, BALANCER, OTHER):
        cache.note_failure(name, A, 70)
    assert cache.find(APP, A, 71).next == APP


def test_prefetching_begins_in_the_last_tenth() -> None:
    cache = kept("prefetch", address(APP, 100))
    assert not cache.find(APP, A, 89).expiring
    assert cache.find(APP, A, 91).expiring
    assert not kept("honour", address(APP, 100)).find(APP, A, 99).expiring


@pytest.mark.parametrize(
    "text",
    ["", "honor", "clamp", "clamp:", "clamp:9-3", "clamp:-5", "ignore", "ignore:1e3", "prefetch:2"],
)
def test_words_that_name_no_behaviour_are_refused(text: str) -> None:
    with pytest.raises(UnknownBehaviour, match="behaviour of a resolver"):
        parse_behaviour(text)


def test_behaviours_add_up() -> None:
    behaviour = parse_behaviour("clamp:300-900+stale prefetch:0.2 negative:60")
    assert (behaviour.ttl_s_min, behaviour.ttl_s_max, behaviour.stale_s) == (300, 900, 86_400)
    assert (behaviour.prefetch_share, behaviour.negative_s_max) == (0.2, 60)


names = st.sampled_from([wire(f"n{number}.example.com") for number in range(6)])
records = st.lists(
    st.one_of(
        st.builds(address, names, st.integers(0, 200), st.integers(0, 9)),
        st.builds(cname, names, st.integers(0, 200), names),
    ),
    max_size=4,
)
authorities = st.lists(st.builds(soa, st.integers(0, 200), st.integers(0, 200)), max_size=1)
steps = st.lists(
    st.tuples(
        names, st.sampled_from([NOERROR, NXDOMAIN]), records, authorities, st.integers(0, 60)
    ),
    max_size=25,
)
behaviours = st.sampled_from(["honour", "clamp:50", "ignore:70 stale:40", "clamp:0-9 stale:30"])


@given(steps, behaviours, st.integers(1, 8))
def test_a_cache_is_bounded_and_tells_nothing_older_than_it_may(
    history: list[tuple[bytes, int, list[RR], list[RR], int]], text: str, sets_max: int
) -> None:
    """Every record told was learnt no longer ago than its TTL, as the behaviour has it."""
    behaviour = parse_behaviour(text)
    cache = Cache(behaviour, sets_max=sets_max)
    learnt: dict[tuple[bytes, int, bytes], float] = {}  # until when a record may be told
    now = 0.0
    for name, rcode, answers, authority, pause in history:
        now += pause
        for record in answers:
            key = (record.name, record.rtype, record.rdata)
            until = now + behaviour.kept_s(record.ttl)
            learnt[key] = max(until, learnt.get(key, until))
        cache.learn(name, A, said(rcode, answers, authority), now)
        assert len(cache) <= sets_max
        for asked in (name, APP):
            for known in (cache.find(asked, A, now + 1), cache.find_stale(asked, A, now + 1)):
                assert known.rcode in {NOERROR, SERVFAIL, NXDOMAIN}
                late_s = behaviour.stale_s if known.stale else 0.0
                for record in known.records:
                    until = learnt[record.name, record.rtype, record.rdata]
                    assert until + late_s >= now + 1
                    assert record.ttl <= max(STALE_TTL_S if known.stale else 0, until - now - 1)


@given(steps, st.integers(0, 400))
def test_without_straying_a_cache_knows_no_more_than_a_fresh_question_would_have_told(
    history: list[tuple[bytes, int, list[RR], list[RR], int]], later: int
) -> None:
    """What is known is what was told last, as long as that holds, and else nothing."""
    cache = Cache()
    now = 0.0
    for name, rcode, answers, authority, pause in history:
        now += pause
        told = cache.learn(name, A, said(rcode, answers, authority), now)
        known = cache.find(name, A, now)
        if not known.next and told.rcode != SERVFAIL and not told.next:
            assert known.rcode == told.rcode
            assert known.records == told.records
        gone = cache.find(name, A, now + 200 + later)
        assert gone.next == name
