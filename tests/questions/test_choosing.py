"""Ways side by side: what is possible here, and sums that can be checked by hand."""

from typing import Any

import msgspec
import pytest

from antipodes.fabric.network import topology as model
from antipodes.fabric.network.topology import Topology
from antipodes.questions.choosing import Choice, Option, estate, lines
from antipodes.questions.choosingcentral import (
    choose_endpoints,
    choose_inspection,
    choose_nat,
    choose_s3,
)
from antipodes.questions.choosingdatabase import Wanted, choose_database
from antipodes.questions.command import answered
from antipodes.questions.networks import QuestionError, Told
from antipodes.world.prices import network_prices
from tests.fabric.network.worlds import Builder
from tests.questions.topologies import EIGHT, SHAPES, mesh, zone_of

replaced = msgspec.structs.replace


def of(choice: Choice, name: str) -> Option:
    [found] = [one for one in choice.options if one.name == name]
    return found


def usd(option: Option) -> float:
    return round(option.usd, 2)


def hub() -> Topology:
    return SHAPES["hub and spokes"]()[0]


def single() -> Topology:
    return SHAPES["one network"]()[0]


def test_the_estate_is_counted() -> None:
    found = estate(hub())
    assert (found.number, found.in_zones, found.widest, found.not_attached) == (5, 10, 2, 0)
    with pytest.raises(QuestionError, match="no hosts in eu-west-1"):
        estate(hub(), "eu-west-1")
    with pytest.raises(QuestionError, match="no hosts in any network"):
        estate(Topology())


def test_s3_goes_by_gateways_inside_and_by_interfaces_from_outside() -> None:
    inside = choose_s3(hub(), "", 100, 0)
    assert inside.taken is of(inside, "gateway endpoints")
    assert usd(inside.taken) == 0
    central = of(inside, "interface endpoints in one network")
    # 2 zones, 500 GB, one attachment more, 500 GB over the hub
    assert usd(central) == round(2 * 7.30 + 5 + 36.5 + 10, 2)
    assert usd(of(inside, "interface endpoints in each network")) == round(10 * 7.30 + 5, 2)
    both = choose_s3(hub(), "", 100, 50)
    assert of(both, "gateway endpoints").against
    assert both.taken is of(both, "gateway endpoints inside, interface endpoints for outside")
    assert usd(both.taken) == round(2 * 7.30 + 0.5, 2)
    assert of(choose_s3(single(), "", 1, 0), "interface endpoints in one network").against
    site = choose_s3(SHAPES["sites"]()[0], "", 1, 0)
    assert of(site, "gateway endpoints").against


def test_endpoints_are_shared_when_their_hours_cost_more_than_the_hub() -> None:
    few = choose_endpoints(hub(), "", 0, 1)
    # 10 zones of all networks against 2 of one and its attachment
    assert usd(of(few, "endpoints in each network")) == 73.0
    assert usd(of(few, "endpoints in one network")) == round(14.6 + 36.5, 2)
    assert few.taken is of(few, "endpoints in one network")
    much = choose_endpoints(hub(), "", 1000, 1)
    assert much.taken is of(much, "endpoints in each network")
    alone = choose_endpoints(single(), "", 1, 5)
    assert of(alone, "endpoints in one network").against


def test_nat_counts_gateways_addresses_and_what_crosses_zones() -> None:
    choice = choose_nat(hub(), "", 100)
    hours = 730 * (0.045 + 0.005)
    assert usd(of(choice, "in each zone of each network")) == round(10 * hours + 22.5, 2)
    assert usd(of(choice, "in one zone of each network")) == round(5 * hours + 22.5 + 5.0, 2)
    assert usd(of(choice, "in one network")) == round(2 * hours + 22.5 + 36.5 + 10, 2)
    assert choice.taken is of(choice, "in one network")


def test_inspection_in_one_place_pays_the_hub_twice() -> None:
    choice = choose_inspection(hub(), "", 100, 0)
    assert usd(of(choice, "firewalls in one network")) == round(
        2 * 730 * 0.395 + 32.5 + 36.5 + 20, 2
    )
    assert of(choice, "appliances in one network").against
    priced = choose_inspection(hub(), "", 100, 0.1)
    assert usd(of(priced, "appliances in one network")) == round(
        2 * 730 * (0.1 + 0.0125 + 0.01) + 1.75 + 36.5 + 20, 2
    )


def test_every_line_of_a_sum_is_shown_and_adds_up() -> None:
    for choice in (choose_nat(hub(), "", 7), choose_s3(hub(), "", 7, 3)):
        text = "\n".join(lines(choice))
        assert choice.taken is not None
        assert f"{choice.taken.name}: {usd(choice.taken):.2f} USD a month  <- this one" in text
        for option in choice.options:
            if not option.against:
                for item in option.items:
                    assert item.made_of in text


def two(*, far: str = "us-west-2", prefix: str = "10.1.0.0/16", owner: str = "2") -> Topology:
    made = Builder()
    for name, space, region in (("a", "10.0.0.0/16", "us-west-2"), ("b", prefix, far)):
        made.network(name, space, region=region)
        zone = zone_of(region, 1 if name == "a" else 2)
        made.subnet(f"{name} 1", name, space.replace("/16", "/24"), zone=zone)
        made.host(f"{name} host", f"{name} 1", space.replace(".0.0/16", ".0.9"))
    made.networks["b"] = replaced(made.networks["b"], owner=owner)
    return made.topology()


def choice(topology: Topology, *, target: str = "b host", **wanted: Any) -> Choice:
    return choose_database(topology, "a host", target, Wanted(1000, **wanted), lambda *_: 1.5)


def test_in_one_region_and_organization_a_shared_subnet_costs_least() -> None:
    found = choice(two())
    assert found.taken is of(found, "a shared subnet")
    assert usd(found.taken) == usd(of(found, "peering")) == 20.0  # both sides of two zones
    assert usd(of(found, "a transit gateway")) == round(2 * 36.5 + 20, 2)
    assert usd(of(found, "PrivateLink")) == round(0.0225 * 730 + 7.3 + 10, 2)
    assert all("1.5 ms one way" in one.reasons[0] for one in found.options)


def test_what_is_against_each_way() -> None:
    other = choice(two(), is_one_organization=False)
    assert of(other, "a shared subnet").against
    assert other.taken is of(other, "peering")
    policy = choice(two(), is_one_organization=False, without_peering=True)
    assert policy.taken is of(policy, "PrivateLink")
    away = choice(two(far="us-east-1"))
    assert "own region" in of(away, "a shared subnet").against
    assert away.taken is of(away, "peering")
    assert usd(away.taken) == 20.0  # from us-west-2 to another region: 0.02 by the GB
    assert usd(of(away, "a transit gateway")) == round(4 * 36.5 + 20 + 20, 2)
    overlap = choice(two(prefix="10.0.0.0/16"), target="b host", is_one_organization=False)
    assert overlap.taken is of(overlap, "PrivateLink")


def test_an_engine_that_makes_endpoints_needs_no_balancer() -> None:
    found = of(choice(two(), engine="ra3"), "PrivateLink")
    assert usd(found) == 17.3
    assert not any("breaks" in reason for reason in found.reasons)


def test_attachments_that_are_there_cost_nothing_more() -> None:
    topology, source, target = mesh(*EIGHT[:2])
    found = choose_database(topology, source, target, Wanted(0), lambda *_: 1.0)
    assert usd(of(found, "a transit gateway")) == 0
    apart = {name: one for name, one in topology.attachments.items() if one.kind == model.NETWORK}
    lonely = replaced(topology, attachments=apart)
    found = choose_database(lonely, source, target, Wanted(0), lambda *_: 1.0)
    assert usd(of(found, "a transit gateway")) == 73.0  # both ends of a peering of the hubs


def test_two_ends_in_one_network_and_unknown_ones_are_refused() -> None:
    with pytest.raises(QuestionError, match="in one network"):
        choice(two(), target="10.0.0.9")
    with pytest.raises(QuestionError, match="no interface here is called nobody"):
        choice(two(), target="nobody")


def told(topology: Topology) -> Told:
    return Told(lambda: {"us-west-2": msgspec.to_builtins(topology)})


def test_it_is_asked_on_the_command_line() -> None:
    said = answered(["choose", "s3", "--gb-month", "5"], told(hub()))
    assert said.status == 0
    assert "gateway endpoints: 0.00 USD a month  <- this one" in said.text
    data = answered(["choose", "database", "a host", "b host", "--json"], told(two()))
    assert msgspec.json.decode(data.text)["taken"] == "a shared subnet"
    for words in (
        ("choose", "database", "a host"),
        ("choose", "nat", "a host"),
        ("choose", "nat", "--gb-month", "-1"),
        ("choose", "endpoints", "--services", "0"),
    ):
        with pytest.raises((QuestionError, ValueError)):
            answered(list(words), told(two()))


def test_prices_are_of_months_and_gigabytes() -> None:
    for name, price in network_prices().items():
        assert 0 < price.usd < 1
        assert price.per == ("GB" if name.endswith("-gb") else "hour")
