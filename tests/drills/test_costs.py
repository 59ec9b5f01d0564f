"""The bill of a month."""

import msgspec
import pytest

from antipodes.drills.costs import KB_PER_GB, monthly, prices, served
from antipodes.drills.history import History, Operation, Outcome
from antipodes.drills.model import (
    ApplicationPart,
    Drill,
    Event,
    LoadPart,
    MonthlyPart,
    TablePart,
    WorldPart,
)
from antipodes.world.prices import HOURS

DRILL = Drill(
    name="Costs",
    duration_s=100,
    world=WorldPart(("us-east-1", "eu-central-1")),
    application=ApplicationPart("deploy.py", TablePart("App", "key", "value")),
    load=LoadPart(("new-york", "frankfurt"), writes=0.25),
    timeline=(Event(at_s=50, phase="lost", kill="us-east-1"),),
    monthly=MonthlyPart(
        front="accelerator", requests_millions=4, response_kb=8, item_kb=1.5, stored_gb=10
    ),
)
SHARES = {("new-york", "us-east-1"): 0.5, ("frankfurt", "eu-central-1"): 0.5}


def bill(drill: Drill) -> dict[str, float]:
    return {line.what: line.usd for line in monthly(drill, SHARES)}


def changed(**parts: object) -> Drill:
    assert DRILL.monthly is not None
    return msgspec.structs.replace(DRILL, monthly=msgspec.structs.replace(DRILL.monthly, **parts))


def test_every_copy_of_a_table_is_paid_for() -> None:
    two = bill(DRILL)
    one = msgspec.structs.replace(DRILL, world=WorldPart(("us-east-1",)))
    shares = {("new-york", "us-east-1"): 1.0}
    alone = {line.what: line.usd for line in monthly(one, shares)}
    # A million writes of two units, each in both regions.
    assert two["table: writes"] == pytest.approx(2 * 2 * 0.625)
    assert alone["table: writes"] == pytest.approx(2 * 0.625)
    assert two["table: storage"] == pytest.approx(2 * alone["table: storage"])
    assert two["table: reads"] == alone["table: reads"] == pytest.approx(3 * 0.5 * 0.125)
    assert "transfer between regions" not in alone


def test_transfer_is_paid_where_it_leaves() -> None:
    answers_gb = 4e6 * 8 / KB_PER_GB
    replicated_gb = 1e6 * 1.5 / KB_PER_GB
    found = bill(DRILL)
    assert found["transfer to people"] == pytest.approx(answers_gb * 0.09)
    assert found["transfer between regions"] == pytest.approx(replicated_gb * 0.02)


def test_a_write_is_moved_to_every_other_region() -> None:
    three = msgspec.structs.replace(DRILL, world=WorldPart((*DRILL.world.regions, "eu-west-1")))
    assert bill(three)["transfer between regions"] == pytest.approx(
        2 * bill(DRILL)["transfer between regions"]
    )


def test_what_has_no_price_is_named() -> None:
    lines = monthly(DRILL, {("frankfurt", "eu-central-2"): 1.0})
    (line,) = [line for line in lines if line.what == "transfer to people"]
    assert (line.usd, line.note) == (0, "no price for eu-central-2")


def test_an_accelerator_costs_hours_and_the_direction_in_which_more_moves() -> None:
    found = bill(DRILL)
    assert found["accelerator"] == pytest.approx(HOURS * 0.025)
    assert found["accelerator: transfer"] == pytest.approx(4e6 * 8 / KB_PER_GB * 0.015)
    uploads = bill(changed(request_kb=80.0))
    assert uploads["accelerator: transfer"] == pytest.approx(
        10 * found["accelerator: transfer"], rel=1e-9
    )


def test_a_name_costs_its_zone_and_the_queries_and_checks_that_are_paid_for() -> None:
    found = bill(changed(front="latency-dns", dns_queries_millions=3.0, health_checks=1))
    assert found["DNS"] == pytest.approx(0.5 + 3 * 0.6 + 2 * 0.5)
    assert "accelerator" not in found
    assert bill(changed(front="latency-dns"))["DNS"] == pytest.approx(0.5), "aliases are free"


def test_licences_and_balancers_are_paid_for_in_each_region() -> None:
    found = bill(changed(licence_usd=100.0, balancers=2))
    assert found["licences"] == 200
    assert found["load balancers"] == pytest.approx(2 * 2 * HOURS * 0.0225)


def test_a_price_that_was_assumed_says_so() -> None:
    drill = msgspec.structs.replace(DRILL, load=LoadPart(("sao-paulo",)))
    lines = monthly(drill, {("sao-paulo", "us-east-1"): 1.0})
    (premium,) = [line for line in lines if line.what == "accelerator: transfer"]
    assert premium.note == "assumed from NA to SA"
    dearest = max(p.usd for (what, _, _), p in prices().items() if what == "accelerator-gb")
    assert premium.usd == pytest.approx(4e6 * 8 / KB_PER_GB * dearest)


def test_who_is_served_from_where_is_what_was_seen_before_anything_broke() -> None:
    def operation(number: int, at_s: float, by: str, outcome: Outcome = Outcome.OK) -> Operation:
        return Operation(
            number, "new-york", "read", "k", None, at_s, at_s, 10.0, outcome, served_by=by
        )

    operations = [
        operation(1, 1, "us-east-1"),
        operation(2, 2, "us-east-1"),
        operation(3, 3, "eu-central-1"),
        operation(4, 4, "", Outcome.FAILED),
        operation(5, 60, "eu-central-1"),
    ]
    found = served(DRILL, History(operations, [], [], [], {}))
    assert found == {
        ("new-york", "eu-central-1"): pytest.approx(1 / 3),
        ("new-york", "us-east-1"): pytest.approx(2 / 3),
    }


def test_where_nobody_tells_who_served_the_nearest_region_did() -> None:
    found = served(DRILL, History([], [], [], [], {}))
    assert found == {("new-york", "us-east-1"): 0.5, ("frankfurt", "eu-central-1"): 0.5}
