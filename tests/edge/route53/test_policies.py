"""Routing policies: against the rules as the guide words them, one question at a time."""

from collections.abc import Callable, Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.edge.route53.model import Policy
from antipodes.edge.route53.policies import (
    VALUES_MAX,
    Block,
    Client,
    Option,
    Share,
    decide,
    distance_km,
    tiers_of,
)
from antipodes.world.atlas import Point

HERE = Client("city/seattle", Point(47.6, -122.3), ("US-WA", "US", "continent/NA"))
REGIONS = ("us-west-2", "us-east-1", "eu-west-1", "ap-south-1")
RTT_MS = dict(zip(REGIONS, (10.0, 70.0, 140.0, 220.0), strict=True))
PLACES = ("US-WA", "US-OR", "US", "DE", "continent/NA", "continent/EU", "*")


def ask(
    kind: Policy, options: Sequence[Option], healthy: Sequence[bool], client: Client = HERE
) -> tuple[Share, ...]:
    """All answers to one client."""
    tiers = tiers_of(kind, options, client, lambda _, region: RTT_MS[region])
    return decide(kind, tiers, lambda number: healthy[number])


def only(shares: tuple[Share, ...]) -> int | None:
    """The one option that is always answered; None where nothing is."""
    if not shares:
        return None
    (share,) = shares
    assert share.part == 1.0
    (number,) = share.chosen
    return number


def same_length(values: st.SearchStrategy[int]) -> st.SearchStrategy[list[tuple[int, bool]]]:
    return st.lists(st.tuples(values, st.booleans()), min_size=1, max_size=12)


@given(same_length(st.sampled_from([0, 0, 1, 2, 128, 255])))
def test_a_weighted_share_is_the_weight_over_the_sum_of_what_counts(
    group: list[tuple[int, bool]],
) -> None:
    weights = [Fraction(weight) for weight, _ in group]
    healthy = [is_healthy for _, is_healthy in group]
    if not any(healthy):
        healthy = [True] * len(group)
    left = [
        weight if is_healthy else None for weight, is_healthy in zip(weights, healthy, strict=True)
    ]
    if not any(left):
        left = [None if weight is None else Fraction(1) for weight in left]
    total = sum(weight for weight in left if weight)
    wanted = {number: weight / total for number, weight in enumerate(left) if weight}
    shares = ask("weighted", [Option(weight=w) for w, _ in group], [h for _, h in group])
    assert {share.chosen[0] for share in shares} == set(wanted)
    for share in shares:
        assert share.part == pytest.approx(float(wanted[share.chosen[0]]))


def by_hand(order: Sequence[int], healthy: Sequence[bool]) -> int | None:
    """The first healthy one, or the first."""
    return next((number for number in order if healthy[number]), order[0] if order else None)


@given(st.permutations(REGIONS), st.lists(st.booleans(), min_size=4, max_size=4))
def test_latency_takes_the_nearest_region_that_is_healthy(
    regions: list[str], healthy: list[bool]
) -> None:
    order = [regions.index(region) for region in REGIONS]
    answer = ask("latency", [Option(region=region) for region in regions], healthy)
    assert only(answer) == by_hand(order, healthy)


@given(st.permutations(PLACES), st.lists(st.booleans(), min_size=7, max_size=7), st.integers(0, 7))
def test_geolocation_climbs_from_the_state_to_the_default(
    places: list[str], healthy: list[bool], count: int
) -> None:
    places = places[:count]
    order = [places.index(p) for p in ("US-WA", "US", "continent/NA", "*") if p in places]
    answer = ask("geolocation", [Option(location=place) for place in places], healthy)
    assert only(answer) == by_hand(order, healthy)


@given(st.lists(st.tuples(st.integers(-99, 99), st.booleans()), min_size=1, max_size=8), st.data())
def test_geoproximity_takes_the_least_biased_distance(
    group: list[tuple[int, bool]], data: st.DataObject
) -> None:
    points = [
        Point(data.draw(st.integers(-80, 80)), data.draw(st.integers(-180, 180))) for _ in group
    ]
    biased = []
    for (bias, _), point in zip(group, points, strict=True):
        km = distance_km(point, HERE.point)
        biased.append(km * (1 - bias / 100) if bias > 0 else km / (1 + bias / 100))
    options = [
        Option(str(n), point=point, bias=bias)
        for n, ((bias, _), point) in enumerate(zip(group, points, strict=True))
    ]
    healthy = [is_healthy for _, is_healthy in group]
    counted = [n for n, h in enumerate(healthy) if h] or list(range(len(group)))
    chosen = only(ask("geoproximity", options, healthy))
    assert chosen in counted
    assert biased[chosen] == min(biased[number] for number in counted)


def test_a_bias_of_50_halves_150_km_and_one_of_minus_50_doubles_75() -> None:
    near, far = Point(0.0, 0.6), Point(0.0, 1.3)  # 67 km and 145 km from 0, 0
    client = Client("", Point(0.0, 0.0))
    options = [Option("near", point=near, bias=-50), Option("far", point=far, bias=50)]
    assert only(ask("geoproximity", options, [True, True], client)) == 1
    options = [Option("near", point=near), Option("far", point=far, bias=50)]
    assert only(ask("geoproximity", options, [True, True], client)) == 0


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_multivalue_answers_up_to_eight_healthy_ones_each_as_often(healthy: list[bool]) -> None:
    counted = [n for n, h in enumerate(healthy) if h] or list(range(len(healthy)))
    shares = ask("multivalue", [Option(str(n)) for n in range(len(healthy))], healthy)
    assert sum(share.part for share in shares) == pytest.approx(1.0)
    often = dict.fromkeys(counted, 0.0)
    for share in shares:
        assert len(share.chosen) == min(VALUES_MAX, len(counted)) == len(set(share.chosen))
        for number in share.chosen:
            often[number] += share.part
    each = min(VALUES_MAX, len(counted)) / len(counted)
    assert all(part == pytest.approx(each) for part in often.values())


def block(text: str) -> Block:
    address, _, length = text.partition("/")
    number = 0
    for part in address.split("."):
        number = number << 8 | int(part)
    return Block(32, number >> (32 - int(length)), int(length))


@pytest.mark.parametrize(
    ("network", "wanted"),
    [
        ("10.1.2.0/24", "narrow"),
        ("10.1.2.3/32", "narrow"),
        ("10.1.3.0/24", "wide"),
        ("10.1.0.0/16", "wide"),
        ("10.0.0.0/7", "*"),  # shorter than every block
        ("11.0.0.0/24", "*"),
    ],
)
def test_the_longest_block_that_holds_the_client_answers(network: str, wanted: str) -> None:
    blocks = {"wide": ("10.0.0.0/8", "12.0.0.0/8"), "narrow": ("10.1.2.0/24",), "*": ()}
    options = [Option(location=n, blocks=tuple(map(block, b))) for n, b in blocks.items()]
    client = HERE._replace(network=block(network))
    assert only(ask("cidr", options, [True] * 3, client)) == list(blocks).index(wanted)


def test_a_client_in_no_block_gets_no_answer_without_a_default() -> None:
    options = [Option(location="wide", blocks=(block("10.0.0.0/8"),))]
    assert ask("cidr", options, [True], HERE._replace(network=block("11.0.0.0/24"))) == ()
    assert ask("cidr", options, [True]) == ()


KINDS: dict[Policy, Callable[[int, int], Option]] = {
    "weighted": lambda seed, n: Option(str(n), weight=seed >> 2 * n & 3),
    "latency": lambda _, n: Option(str(n), region=REGIONS[n]),
    "failover": lambda _, n: Option(str(n), primary=n == 0),
    "geolocation": lambda _, n: Option(str(n), location=("US", "US-WA", "*", "continent/NA")[n]),
    "geoproximity": lambda seed, n: Option(str(n), point=Point(n, n), bias=seed >> n & 9),
    "multivalue": lambda _, n: Option(str(n)),
    "cidr": lambda _, n: Option(str(n), location=("*", "a", "b", "c")[n]),
    "simple": lambda _, n: Option(str(n)),
}


@given(st.sampled_from(list(KINDS)), st.integers(0, 999))
def test_surprise_12_no_record_healthy_means_all_healthy(kind: Policy, seed: int) -> None:
    count = 1 if kind == "simple" else 2 if kind == "failover" else 4
    options = [KINDS[kind](seed, n) for n in range(count)]
    assert ask(kind, options, [False] * count) == ask(kind, options, [True] * count) != ()


def test_surprise_13_both_sides_of_a_failover_unhealthy_is_the_primary() -> None:
    pair = [Option("b"), Option("a", primary=True)]
    assert only(ask("failover", pair, [False, False])) == 1
    assert only(ask("failover", pair, [True, True])) == 1
    assert only(ask("failover", pair, [True, False])) == 0


def test_surprise_14_weight_0_answers_when_all_are_0_or_the_others_unhealthy() -> None:
    zeros = [Option(str(n)) for n in range(4)]
    assert [share.part for share in ask("weighted", zeros, [True] * 4)] == [0.25] * 4
    mixed = [Option("a", weight=5), Option("b"), Option("c")]
    assert only(ask("weighted", mixed, [True] * 3)) == 0
    turned = ask("weighted", mixed, [False, True, True])
    assert [(share.part, share.chosen) for share in turned] == [(0.5, (1,)), (0.5, (2,))]
    assert only(ask("weighted", mixed, [False] * 3)) == 0


def test_surprise_20_geolocation_falls_back_on_unhealthy_too() -> None:
    places = ["US-WA", "US", "continent/NA", "*"]
    options = [Option(location=place) for place in places]
    for sick in range(4):
        healthy = [number >= sick for number in range(4)]
        assert only(ask("geolocation", options, healthy)) == sick
    assert only(ask("geolocation", options, [False] * 4)) == 0


def test_surprise_21_no_default_geolocation_and_no_match_is_no_answer() -> None:
    options = [Option(location="DE"), Option(location="continent/EU")]
    assert ask("geolocation", options, [True, True]) == ()
    assert ask("geolocation", options, [False, False]) == ()
