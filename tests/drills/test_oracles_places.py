"""Where bytes and calls went: costs, residency, calls that cross regions."""

import pytest

from antipodes.drills import oracles
from antipodes.drills.history import History, Span, Transfer
from antipodes.drills.oracles.traffic import GB
from antipodes.world.atlas import load_atlas
from antipodes.world.prices import transfer_prices
from tests.drills.histories import history, operation

W, E, T = "us-west-2", "eu-central-1", "table/App"


def moved(*transfers: tuple[str, str, str, int]) -> History:
    return History([], [], [], [], {}, transfers=[Transfer(*t) for t in transfers])


@pytest.mark.parametrize(
    ("source", "destination", "usd"),
    [
        (W, E, 0.02),
        (E, "edge/GRU", 0.09),
        ("sa-east-1", W, 0.138),
        ("us-east-1", "us-east-2", 0.01),
        ("us-east-1", "city/lima", 0.09),
        ("us-east-1/use1-az1", "us-east-1/use1-az2", 0.02),
        ("edge/GRU", "city/sao-paulo", 0.0),
        ("city/sao-paulo", W, 0.0),
        (W, W, 0.0),
        (W, "outside", 0.0),
    ],
)
def test_a_gigabyte_has_its_price(source: str, destination: str, usd: float) -> None:
    found = oracles.cost(moved((source, destination, "traffic", GB)))
    assert (found.usd, found.unpriced) == (usd, [])


def test_a_way_without_a_price_is_told() -> None:
    found = oracles.cost(moved(("sa-west-1", W, "traffic", GB), (W, E, "traffic", GB)))
    assert found.unpriced == ["sa-west-1 to us-west-2"]
    assert found.bytes == {"region": 2 * GB, "zone": 0, "internet": 0}


def test_prices_are_of_regions_that_there_are() -> None:
    known = {region.code for region in load_atlas().regions}
    assert {region for region, _ in transfer_prices()} <= known
    assert all(0 < usd < 1 for usd in transfer_prices().values())


def test_what_may_not_leave_is_found_with_its_bytes() -> None:
    h = moved((E, W, T, 10), (E, W, T, 5), (E, "eu-west-1", T, 7), (E, W, "table/Other", 9))
    found = oracles.residency(h, {T: (E, "eu-west-1")})
    assert found == oracles.Residency([oracles.Departure(T, E, W, 15)], [])
    assert oracles.residency(h, {T: (E, "eu-west-1", W)}).departures == []


def test_bytes_that_nobody_can_tell_apart_are_not_judged() -> None:
    blurred = moved((E, W, "traffic", 10))
    assert oracles.residency(blurred, {T: (E,)}).untold == [
        "of what went to us-west-2 nobody can tell"
    ]
    assert oracles.residency(moved((E, "edge/GRU", "traffic", 10)), {T: (E,)}).untold == []
    assert oracles.residency(moved((E, W, "table/Other", 9)), {T: (E,)}).untold != []


def traced(*spans: tuple[str, str, str], attempts: int = 1) -> History:
    made = [
        Span("t", name, place, n, n + 0.5, target) for n, (name, place, target) in enumerate(spans)
    ]
    call = operation("read", "k", "v", 0, 9, trace="t", attempts=attempts)
    return History([call], [], [], [], {}, spans=made)


def test_a_call_that_names_another_region_crosses() -> None:
    h = traced(("edge.connect", "edge/FRA", E), ("lambda.call", f"{E}/euc1-az1", W))
    assert oracles.cross_region_calls(h) == [oracles.Crossing("t", "lambda.call", E, W)]
    assert oracles.requests_traced(h) == 1


def test_one_attempt_that_is_seen_in_two_regions_crosses_and_two_attempts_need_not() -> None:
    spans = (("alb.request", E, ""), ("dynamodb.GetItem", W, ""))
    assert oracles.cross_region_calls(traced(*spans)) == [
        oracles.Crossing("t", "dynamodb.GetItem", E, W)
    ]
    assert oracles.cross_region_calls(traced(*spans, attempts=2)) == []


def test_what_replication_does_nobody_waits_for() -> None:
    h = traced(("dynamodb.PutItem", E, ""), ("replication.apply", W, ""))
    assert oracles.cross_region_calls(h) == []
    assert oracles.requests_traced(history()) == 0
