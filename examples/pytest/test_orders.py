"""Resilience as unit tests: `pip install antipodes pytest`, then `pytest`.

`sim` is a world in virtual time, of the test's own: a test takes a moment, however long it waits.
`world` is one of real processes. Both give ordinary boto3 clients.
"""

import orders
import pytest

HERE, THERE = "us-west-2", "eu-central-1"


@pytest.fixture
def clients(sim):
    """A client in each region, and the table in both."""
    here, there = sim.client("dynamodb", HERE), sim.client("dynamodb", THERE)
    orders.create(here, THERE)
    sim.wait_until(lambda: orders.replicated(here))
    return here, there


def test_an_order_is_seen_elsewhere_after_the_lag(sim, clients):
    here, there = clients
    assert orders.place(here, "1", "tea")
    assert orders.what(there, "1") is None, "nothing crosses an ocean at once"
    sim.advance(seconds=2)
    assert orders.what(there, "1") == "tea"
    assert not orders.place(there, "1", "coffee")


@pytest.mark.antipodes(seeds=5)
def test_both_sides_of_a_partition_agree_when_it_is_over(sim, clients):
    here, there = clients
    with sim.cut(HERE, THERE):
        assert orders.place(here, "1", "tea")
        sim.advance(minutes=5)
        assert orders.place(there, "1", "coffee"), "each side knows of no other order"
        sim.advance(minutes=5)
        assert (orders.what(here, "1"), orders.what(there, "1")) == ("tea", "coffee")
    sim.advance(minutes=1)
    assert orders.what(here, "1") == orders.what(there, "1") == "coffee", "the last writer wins"


def test_orders_outlive_a_region_that_is_gone_for_three_hours(sim, clients):
    here, there = clients
    assert orders.place(here, "1", "tea")
    sim.advance(seconds=2)
    with sim.kill(HERE):
        sim.advance(hours=3)
        assert orders.what(there, "1") == "tea"
        assert orders.place(there, "2", "coffee")
    sim.advance(minutes=1)
    assert orders.what(here, "2") == "coffee"


def test_of_two_who_order_at_once_one_is_told_no(sim, clients):
    here, _ = clients
    placed = sim.concurrently(
        lambda: orders.place(here, "1", "tea"),
        lambda: orders.place(here, "1", "coffee"),
    )
    assert sorted(placed) == [False, True]


@pytest.mark.drill
def test_users_are_served_within_three_minutes_when_a_region_is_lost(assert_survives):
    figures = assert_survives("region-loss")
    assert figures["rto_s"] <= 180
    assert figures["writes_lost"] == 0


def test_the_same_with_real_processes(world):
    here, there = world.client("dynamodb", HERE), world.client("dynamodb", THERE)
    orders.create(here, THERE)
    world.wait_until(lambda: orders.replicated(here))
    assert orders.place(here, "1", "tea")
    world.wait_until(lambda: orders.what(there, "1") == "tea")
    with world.kill(HERE):
        assert orders.place(there, "2", "coffee")
    world.wait_until(lambda: orders.what(here, "2") == "coffee")
