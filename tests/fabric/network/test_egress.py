"""Gateways that only let out, and interfaces that nothing stands behind."""

import pytest

from antipodes.fabric.network import topology as model
from tests.fabric.network.worlds import ZONES, Builder, kinds, route, told

BOTH = ("delivered", "delivered")


@pytest.fixture
def private() -> Builder:
    """A subnet whose hosts may ask, and one that may be asked too."""
    made = Builder()
    made.network("n", "10.0.0.0/16", "2001:db8::/56")
    made.gateway("igw", "n")
    made.egress_only("eigw", "n")
    out = made.table("out", "n", route("::/0", model.EGRESS, "eigw"))
    both = made.table("both", "n", route("::/0", model.GATEWAY, "igw"))
    made.subnet("asks", "n", "10.0.0.0/24", "2001:db8::/64", table=out)
    made.subnet("asked", "n", "10.0.1.0/24", "2001:db8:0:1::/64", table=both, zone=ZONES[1])
    made.host("a", "asks", "10.0.0.10", "2001:db8::a")
    made.host("b", "asked", "10.0.1.10", "2001:db8:0:1::b")
    return made


def test_answers_come_back_the_way_they_were_asked_for(private: Builder) -> None:
    both = private.send("a", "2001:2::1")
    assert told(both) == ("left", "delivered")
    assert kinds(both)[-2:] == ["gateway eigw", "internet internet"]
    assert both.back is not None
    hops = [f"{step.hop.kind} {step.hop.id}" for step in both.back.steps]
    assert hops == ["gateway eigw", "filter open", "interface a", "interface a"]


def test_nobody_is_reached_who_may_only_ask(private: Builder) -> None:
    del private.gateways["igw"]
    assert told(private.send("", "2001:db8::a", source="2001:2::1")) == ("not an answer", "")


def test_what_came_in_by_the_other_gateway_is_not_answered(private: Builder) -> None:
    """As in AWS, a subnet behind a gateway that only lets out has no public side."""
    assert told(private.send("", "2001:db8:0:1::b", source="2001:2::1")) == ("delivered", "left")
    there = private.send("", "2001:db8::a", source="2001:2::1")
    assert told(there) == ("delivered", "not an answer")


def test_two_networks_that_only_ask_never_meet(private: Builder) -> None:
    private.network("far", "10.1.0.0/16", "2001:db8:1::/56")
    private.egress_only("far eigw", "far")
    table = private.table("far out", "far", route("::/0", model.EGRESS, "far eigw"))
    private.subnet("far", "far", "10.1.0.0/24", "2001:db8:1::/64", table=table)
    private.host("c", "far", "10.1.0.10", "2001:db8:1::c")
    assert told(private.send("a", "2001:db8:1::c")) == ("not an answer", "")
    assert told(private.send("c", "2001:db8:0:1::b")) == BOTH
    assert told(private.send("b", "2001:db8:1::c")) == ("not an answer", "")


def test_it_lets_out_no_ipv4_and_nothing_to_private_addresses(private: Builder) -> None:
    private.table(
        "out",
        "n",
        route("0.0.0.0/0", model.EGRESS, "eigw"),
        route("fc00::/7", model.EGRESS, "eigw"),
    )
    assert told(private.send("a", "192.0.2.1"))[0] == "no public address"
    assert told(private.send("a", "fc00::1"))[0] == "private address"


def test_nothing_stands_behind_an_interface_that_is_down(private: Builder) -> None:
    private.stop("b")
    assert told(private.send("a", "10.0.1.10")) == ("not running", "")
    assert told(private.send("b", "10.0.0.10")) == ("not running", "")
    assert told(private.send("", "2001:db8:0:1::b", source="2001:2::1")) == ("not running", "")


def test_a_translator_of_the_other_family_translates_nothing(private: Builder) -> None:
    private.translator("nat", "asked", "10.0.1.9", "198.51.100.9")
    private.table("out", "n", route("64:ff9b::/96", model.TRANSLATOR, "nat"))
    assert told(private.send("a", "64:ff9b::c000:201"))[0] == "not translated"
