"""Fault records: what they are about, what they say, how they compose and travel."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.runtime.contract import Condition
from antipodes.world.errors import InvalidFault
from antipodes.world.faults import (
    KINDS,
    AcceleratorZone,
    ControlPlane,
    CutLink,
    DarkPlace,
    DuplicatingLink,
    Fault,
    LossyLink,
    NarrowLink,
    ReorderingLink,
    SlowLink,
    SlowPlace,
    combine,
    from_dict,
    to_dict,
)
from tests.world.worlds import FEW_PLACES, some_faults

PLACES = st.sampled_from(FEW_PLACES)
BASE = Condition(0.05, 0.001, 0.0001)


@given(some_faults())
def test_faults_travel_as_plain_json(fault: Fault) -> None:
    plain = to_dict(fault)
    assert from_dict(json.loads(json.dumps(plain))) == fault
    assert plain["kind"] in KINDS


def test_a_control_plane_that_is_down_is_no_fault_of_links() -> None:
    fault = ControlPlane("elbv2", "us-west-2")
    assert from_dict(json.loads(json.dumps(to_dict(fault)))) == fault
    assert not fault.affects("us-west-2", "eu-central-1")
    assert combine(BASE, [fault.effect]) == BASE
    assert fault.describe() == "the control plane of elbv2 in us-west-2 is unavailable"


def test_a_network_zone_that_is_lost_is_no_fault_of_links() -> None:
    fault = AcceleratorZone("b")
    assert from_dict(json.loads(json.dumps(to_dict(fault)))) == fault
    assert not fault.affects("city/sao-paulo", "edge/GRU")
    assert combine(BASE, [fault.effect]) == BASE
    assert fault.describe() == "the accelerators' network zone b is lost"
    with pytest.raises(InvalidFault, match="zone: 'c' is neither a nor b"):
        AcceleratorZone("c")


@given(st.lists(some_faults(), max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_faults_never_shows(faults: list[Fault], chance: Any) -> None:
    effects = [fault.effect for fault in faults]
    shuffled = list(effects)
    chance.shuffle(shuffled)
    assert combine(BASE, shuffled) == combine(BASE, effects)


@given(some_faults(), PLACES)
def test_a_fault_only_ever_makes_things_worse(fault: Fault, place: str) -> None:
    after = combine(BASE, [fault.effect])
    assert after.delay_s >= BASE.delay_s
    assert after.jitter_s >= BASE.jitter_s
    assert BASE.loss <= after.loss <= 1
    assert after != BASE
    assert not fault.affects(place, place)
    assert fault.describe()


def test_no_faults_change_nothing() -> None:
    assert combine(BASE, []) == BASE


def test_effects_compose_by_their_nature() -> None:
    faults: list[Fault] = [
        SlowLink("a", "b", 100, 30),
        SlowLink("a", "b", 20, 40),
        LossyLink("a", "b", 0.5),
        LossyLink("a", "b", 0.2),
        NarrowLink("a", "b", 8),
        NarrowLink("a", "b", 2),
    ]
    together = combine(Condition(0.01), [fault.effect for fault in faults])
    assert together.delay_s == pytest.approx(0.13)
    assert together.jitter_s == pytest.approx(0.05)
    assert together.loss == pytest.approx(0.6)
    assert together.bandwidth_bytes_s == 250_000
    assert not together.cut
    assert combine(together, [CutLink("a", "b").effect]).cut


def test_shares_of_datagrams_combine_and_the_longest_hold_counts() -> None:
    faults: list[Fault] = [
        DuplicatingLink("a", "b", 0.5),
        DuplicatingLink("a", "b", 0.5),
        ReorderingLink("a", "b", 0.1, 300),
        ReorderingLink("a", "b", 0.2, 20),
    ]
    together = combine(Condition(0.01), [fault.effect for fault in faults])
    assert together.duplicated == pytest.approx(0.75)
    assert together.held == pytest.approx(0.28)
    assert together.held_s == 0.3
    assert together[:5] == Condition(0.01)[:5]


def test_losing_everything_is_a_cut() -> None:
    assert LossyLink("a", "b", 1).effect.cut
    assert not LossyLink("a", "b", 0.99).effect.cut


@given(PLACES, PLACES, PLACES, PLACES)
def test_one_way_faults_leave_the_way_back(a: str, b: str, source: str, destination: str) -> None:
    if a == b:
        return
    one_way, back = CutLink(a, b, both_ways=False), CutLink(b, a, both_ways=False)
    both = CutLink(a, b)
    assert one_way.affects(source, destination) == back.affects(destination, source)
    assert both.affects(source, destination) == (
        one_way.affects(source, destination) or back.affects(source, destination)
    )


def test_a_one_way_cut_is_one_way() -> None:
    cut = CutLink("us-west-2", "eu-central-1", both_ways=False)
    assert cut.affects("us-west-2", "eu-central-1")
    assert not cut.affects("eu-central-1", "us-west-2")


ZONE_1, ZONE_2 = "us-west-2/usw2-az1", "us-west-2/usw2-az2"


@pytest.mark.parametrize(
    ("fault", "source", "destination", "affected"),
    [
        (DarkPlace("us-west-2"), "us-west-2", "eu-central-1", True),
        (DarkPlace("us-west-2"), "edge/GRU", ZONE_1, True),
        (DarkPlace("us-west-2"), ZONE_1, ZONE_2, False),
        (DarkPlace("us-west-2"), ZONE_1, "us-west-2", False),
        (DarkPlace("us-west-2"), "edge/GRU", "eu-central-1", False),
        (DarkPlace(ZONE_1), ZONE_1, ZONE_2, True),
        (DarkPlace(ZONE_1), "us-west-2", ZONE_2, False),
        (DarkPlace(ZONE_1), "us-west-2", ZONE_1, True),
        (CutLink("us-west-2", "eu-central-1"), ZONE_1, "eu-central-1/euc1-az1", True),
        (CutLink("us-west-2", "*"), ZONE_1, ZONE_2, False),
        (CutLink("*", "us-west-2", both_ways=False), "city/lima", ZONE_2, True),
        (CutLink("*", "us-west-2", both_ways=False), ZONE_2, "city/lima", False),
        (CutLink(ZONE_1, "*"), ZONE_1, ZONE_2, True),
        (CutLink("us-west-2", "us-west-2"), ZONE_1, ZONE_2, True),
        (CutLink("us-west-2/*", "us-west-2/*"), ZONE_1, ZONE_2, True),
        (CutLink("us-west-2/*", "eu-central-1"), "us-west-2", "eu-central-1", False),
        (CutLink("*", "*"), "city/lima", "edge/LIM", True),
        (CutLink("*", "*"), ZONE_1, "us-west-2", False),
        (CutLink("edge/*", "region/*"), "edge/GRU", ZONE_1, True),
        (CutLink("edge/*", "region/*"), "edge/GRU", "city/lima", False),
        (CutLink("city/*", "edge/GRU"), "city/lima", "edge/GRU", True),
        (CutLink("city/*", "edge/GRU"), "city/lima", "edge/FRA", False),
        (CutLink("edge/G", "city/lima"), "edge/GRU", "city/lima", False),
    ],
)
def test_a_fault_is_about_these_directions(
    fault: Fault, source: str, destination: str, *, affected: bool
) -> None:
    assert fault.affects(source, destination) is affected


@pytest.mark.parametrize(
    ("plain", "field"),
    [
        ({"kind": "cut-link", "a": "", "b": "y"}, "a"),
        ({"kind": "cut-link", "a": "edge/GRU", "b": "edge/GRU"}, "b"),
        ({"kind": "slow-link", "a": "x", "b": "y", "extra_ms": -1}, "extra_ms"),
        ({"kind": "slow-link", "a": "x", "b": "y", "extra_ms": 0}, "extra_ms"),
        ({"kind": "slow-link", "a": "x", "b": "y", "extra_ms": 1e9}, "extra_ms"),
        ({"kind": "slow-link", "a": "x", "b": "y", "extra_ms": "5"}, "extra_ms"),
        ({"kind": "slow-link", "a": "x", "b": "y", "extra_ms": 5, "jitter_ms": -1}, "jitter_ms"),
        ({"kind": "lossy-link", "a": "x", "b": "y", "loss": 1.5}, "loss"),
        ({"kind": "lossy-link", "a": "x", "b": "y", "loss": 0}, "loss"),
        ({"kind": "lossy-link", "a": "x", "b": "y"}, "loss"),
        ({"kind": "narrow-link", "a": "x", "b": "y", "bandwidth_mbit_s": 0}, "bandwidth_mbit_s"),
        ({"kind": "duplicating-link", "a": "x", "b": "y", "share": 0}, "share"),
        ({"kind": "duplicating-link", "a": "x", "b": "y", "share": 1.1}, "share"),
        ({"kind": "reordering-link", "a": "x", "b": "y", "share": 2, "held_ms": 5}, "share"),
        ({"kind": "reordering-link", "a": "x", "b": "y", "share": 0.5, "held_ms": 0}, "held_ms"),
        ({"kind": "reordering-link", "a": "x", "b": "y", "share": 0.5}, "held_ms"),
        ({"kind": "dark-place", "place": "edge/*"}, "place"),
        ({"kind": "dark-place", "place": ""}, "place"),
        ({"kind": "slow-place", "place": "x", "extra_ms": -5}, "extra_ms"),
        ({"kind": "cut-link", "a": "x", "b": "y", "colour": 1}, "colour"),
        ({"kind": "flood", "a": "x"}, "kind"),
        ({"a": "x", "b": "y"}, "kind"),
    ],
)
def test_a_senseless_fault_is_refused_and_its_field_named(
    plain: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidFault, match=rf"\b{field}\b"):
        from_dict(plain)


@pytest.mark.parametrize("plain", [None, 3, [], "cut-link"])
def test_what_is_no_dictionary_is_no_fault(plain: object) -> None:
    with pytest.raises(InvalidFault):
        from_dict(plain)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_number_no_fault(value: float) -> None:
    with pytest.raises(InvalidFault, match="extra_ms"):
        SlowPlace("us-west-2", value)
    with pytest.raises(InvalidFault, match="loss"):
        LossyLink("a", "b", value)
    with pytest.raises(InvalidFault, match="bandwidth_mbit_s"):
        NarrowLink("a", "b", value)
    with pytest.raises(InvalidFault, match="share"):
        DuplicatingLink("a", "b", value)
    with pytest.raises(InvalidFault, match="held_ms"):
        ReorderingLink("a", "b", 0.5, value)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (CutLink("us-west-2", "*"), "nothing passes between us-west-2 and everything else"),
        (SlowLink("x", "y", 100, 5, both_ways=False), "100 ms more (± 5 ms) each way from x to y"),
        (LossyLink("x", "edge/*", 0.05), "5 % is lost between x and every edge location"),
        (NarrowLink("x/*", "y", 2.5), "at most 2.5 Mbit/s between every zone of x and y"),
        (DarkPlace("edge/GRU"), "edge/GRU is dark: nothing gets in or out"),
        (SlowPlace("us-west-2", 1000), "us-west-2 is slow: 1000 ms more in and out"),
    ],
)
def test_a_fault_can_be_put_in_words(fault: Fault, words: str) -> None:
    assert fault.describe() == words
