"""Hubs: isolation, zones, inspection, other hubs; with answers worked out by hand."""

import msgspec
import pytest

from antipodes.fabric.network import topology as model
from antipodes.fabric.network.packets import UDP
from tests.fabric.network.worlds import ZONES, Builder, kinds, route, told

BOTH = ("delivered", "delivered")


def spoke(made: Builder, name: str, number: int, *zones: str) -> None:
    """A network with a subnet and a host in each zone, whose default route is the hub."""
    made.network(name, f"10.{number}.0.0/16")
    for third, zone in enumerate(zones):
        made.subnet(f"{name} {third}", name, f"10.{number}.{third}.0/24", zone=zone)
        made.host(f"{name} host {third}", f"{name} {third}", f"10.{number}.{third}.10")
    made.table(f"{name} main", name, route("0.0.0.0/0", model.HUB, "hub"))


@pytest.fixture
def star() -> Builder:
    """Two spokes that are apart, and shared services that both reach (T1 of the facts)."""
    made = Builder()
    made.hub("hub")
    for number, name in enumerate(("one", "two", "shared"), 1):
        spoke(made, name, number, ZONES[0])
        made.attach("hub", name, "shared table" if name == "shared" else "spokes", f"{name} 0")
    made.hub_table("spokes", "hub", p10_3_0_0__16="hub shared")
    made.hub_table("shared table", "hub", p10_1_0_0__16="hub one", p10_2_0_0__16="hub two")
    return made


def test_spokes_reach_what_is_shared_and_not_each_other(star: Builder) -> None:
    both = star.send("one host 0", "10.3.0.10")
    assert told(both) == BOTH
    assert kinds(both)[3:7] == [
        "filter open",
        "attachment hub one",
        "hub table spokes",
        "attachment hub shared",
    ]
    assert told(star.send("shared host 0", "10.2.0.10")) == BOTH
    assert told(star.send("one host 0", "10.2.0.10"))[0] == "no route"


def test_the_way_back_is_the_other_tables(star: Builder) -> None:
    star.hub_table("shared table", "hub", p10_2_0_0__16="hub two")
    assert told(star.send("one host 0", "10.3.0.10")) == ("delivered", "no route")


def test_a_blackhole_in_a_hub_and_attachments_that_are_not_there(star: Builder) -> None:
    hole = model.HubRoute("10.3.0.0/24", ("10.3.0.0/24",), (), blackhole=True)
    star.hub_tables["spokes"] = msgspec.structs.replace(
        star.hub_tables["spokes"], routes=(*star.hub_tables["spokes"].routes, hole)
    )
    assert told(star.send("one host 0", "10.3.0.10"))[0] == "blackhole"
    star.hub_table("spokes", "hub", p10_3_0_0__16="hub shared")
    attached = star.attachments["hub shared"]
    star.attachments["hub shared"] = msgspec.structs.replace(attached, available=False)
    assert told(star.send("one host 0", "10.3.0.10"))[0] == "not attached"
    star.attachments["hub shared"] = attached
    star.attachments["hub one"] = msgspec.structs.replace(star.attachments["hub one"], table="")
    assert told(star.send("one host 0", "10.3.0.10"))[0] == "not associated"
    del star.attachments["hub one"]
    assert told(star.send("one host 0", "10.3.0.10"))[0] == "not attached"


def test_only_zones_with_an_interface_reach_the_hub(star: Builder) -> None:
    star.subnet("one 1", "one", "10.1.1.0/24", zone=ZONES[1])
    star.host("elsewhere", "one 1", "10.1.1.10")
    assert told(star.send("elsewhere", "10.3.0.10"))[0] == "not attached in the zone"
    # Into a network any zone will do: the router inside it knows all of them.
    assert told(star.send("shared host 0", "10.1.1.10")) == (
        "delivered",
        "not attached in the zone",
    )


def test_filters_of_a_hubs_subnet_see_half_of_what_passes(star: Builder) -> None:
    """Network ACLs: in what goes to the hub, by its source; out what comes, by its target."""
    star.subnet("one hub", "one", "10.1.9.0/28")
    star.attach("hub", "one", "spokes", "one hub")
    assert told(star.send("one host 0", "10.3.0.10")) == BOTH
    everything = star.filters["open"].inbound
    star.filter("in", everything, [], "one hub")
    assert told(star.send("one host 0", "10.3.0.10")) == ("delivered", "refused by filter")
    star.filter("out", [], everything, "one hub")
    assert told(star.send("one host 0", "10.3.0.10"))[0] == "refused by filter"
    assert told(star.send("shared host 0", "10.1.0.10")) == ("delivered", "refused by filter")


def test_groups_count_across_a_hub_only_where_it_is_turned_on_and_only_inbound(
    star: Builder,
) -> None:
    star.group("clients", "one")
    star.group("servers", "shared", [model.GroupRule("clients", (), "clients")])
    star.host("one host 0", "one 0", "10.1.0.10", groups=["clients"])
    star.host("shared host 0", "shared 0", "10.3.0.10", groups=["servers"])
    assert told(star.send("one host 0", "10.3.0.10"))[0] == "refused by groups"
    star.hub("hub", references=True)
    assert told(star.send("one host 0", "10.3.0.10")) == BOTH
    attached = star.attachments["hub one"]
    star.attachments["hub one"] = msgspec.structs.replace(attached, references=False)
    assert told(star.send("one host 0", "10.3.0.10"))[0] == "refused by groups"
    star.attachments["hub one"] = attached
    star.group("clients", "one", [], [model.GroupRule("servers", (), "servers")])
    assert told(star.send("one host 0", "10.3.0.10"))[0] == "refused by groups"  # outbound: never


def test_hubs_of_two_regions(star: Builder) -> None:
    """T3 of the facts: the other side's shared services from ours, not from the spokes."""
    star.hub("far", "eu-central-1")
    star.network("far shared", "10.9.0.0/16", region="eu-central-1")
    star.subnet("far 0", "far shared", "10.9.0.0/24", zone="eu-central-1/euc1-az1")
    star.host("far host", "far 0", "10.9.0.10")
    star.table("far shared main", "far shared", route("10.0.0.0/8", model.HUB, "far"))
    star.attach("far", "far shared", "far table", "far 0")
    star.join("hub", "far", "shared table", "far table")
    star.hub_table("far table", "far", p10_9_0_0__16="far far shared", p10_3_0_0__16="far to hub")
    star.hub_table(
        "shared table",
        "hub",
        p10_1_0_0__16="hub one",
        p10_2_0_0__16="hub two",
        p10_3_0_0__16="hub shared",
        p10_9_0_0__16="hub to far",
    )
    both = star.send("shared host 0", "10.9.0.10")
    assert told(both) == BOTH
    assert {"attachment hub to far", "attachment far far shared"} <= set(kinds(both))
    assert told(star.send("one host 0", "10.9.0.10"))[0] == "no route"


@pytest.fixture
def inspected() -> Builder:
    """Spokes in different zones, and all between them through firewalls in a third network (T4)."""
    made = Builder()
    made.hub("hub")
    spoke(made, "one", 1, ZONES[0])
    spoke(made, "two", 2, ZONES[1])
    made.network("security", "10.100.0.0/16")
    for number, zone in enumerate(ZONES[:2]):
        made.subnet(f"hub side {number}", "security", f"10.100.{number}.0/28", zone=zone)
        made.subnet(f"fire side {number}", "security", f"10.100.1{number}.0/28", zone=zone)
        interface = made.host(
            f"endpoint {number}",
            f"fire side {number}",
            f"10.100.1{number}.5",
            groups=None,
            kind=model.CARRIER,
            checks=False,
        )
        made.inspections[f"endpoint {number}"] = model.Inspection(
            f"endpoint {number}", interface, "rules", (model.Appliance("firewall", zone),)
        )
        made.table(
            f"hub side {number} table",
            "security",
            route("0.0.0.0/0", model.INSPECTION, f"endpoint {number}"),
        )
        made.table(f"fire side {number} table", "security", route("10.0.0.0/8", model.HUB, "hub"))
        for side in ("hub side", "fire side"):
            subnet = made.subnets[f"{side} {number}"]
            made.subnets[f"{side} {number}"] = msgspec.structs.replace(
                subnet, table=f"{side} {number} table"
            )
    made.attach("hub", "one", "spokes", "one 0")
    made.attach("hub", "two", "spokes", "two 0")
    made.attach("hub", "security", "inspected", "hub side 0", "hub side 1", sticky=True)
    made.hub_table("spokes", "hub", p0_0_0_0__0="hub security")
    made.hub_table("inspected", "hub", p10_1_0_0__16="hub one", p10_2_0_0__16="hub two")
    return made


def test_both_directions_pass_one_firewall_where_the_attachment_is_sticky(
    inspected: Builder,
) -> None:
    for port in range(20):
        both = inspected.send("one host 0", "10.2.0.10", from_port=40000 + port)
        assert told(both) == BOTH
        assert "appliance firewall" in kinds(both)
    security = inspected.attachments["hub security"]
    inspected.attachments["hub security"] = msgspec.structs.replace(security, sticky=False)
    # There the firewall of zone 1 sees it, and back that of zone 2, which knows nothing of it.
    assert told(inspected.send("one host 0", "10.2.0.10")) == ("delivered", "refused by firewall")


def test_a_firewall_passes_what_its_first_rule_that_fits_passes(inspected: Builder) -> None:
    no_dns = model.FirewallRule(
        "no dns",
        model.DROP,
        targets=("10.2.0.0/24",),
        protocols=(UDP,),
        target_ports=((53, 53),),
    )
    two = model.FirewallRule("two", model.PASS, targets=("10.2.0.0/16",))
    inspected.firewalls["rules"] = model.Firewall(
        "rules", rules=(no_dns, two), otherwise=model.DROP
    )
    assert told(inspected.send("one host 0", "10.2.0.10")) == BOTH
    assert told(inspected.send("one host 0", "10.2.0.10", 53)) == BOTH
    assert (
        told(inspected.send("one host 0", "10.2.0.10", 53, protocol=UDP))[0]
        == "refused by firewall"
    )
    assert told(inspected.send("two host 0", "10.1.0.10"))[0] == "refused by firewall"


def test_ways_of_equal_worth_share_flows_and_keep_them(star: Builder) -> None:
    star.network("twin", "10.3.0.0/16")
    star.subnet("twin 0", "twin", "10.3.0.0/24")
    star.host("twin host", "twin 0", "10.3.0.10")
    star.attach("hub", "twin", "shared table", "twin 0")
    star.hub_tables["spokes"] = model.HubTable(
        "spokes",
        "hub",
        (model.HubRoute("both", ("10.3.0.0/16",), ("hub shared", "hub twin")),),
    )
    ends = []
    for port in range(40):
        both = star.send("one host 0", "10.3.0.10", from_port=40000 + port)
        again = star.send("one host 0", "10.3.0.10", from_port=40000 + port)
        assert both == again
        ends.append(both.there.end.hop.id)
    assert {"shared host 0", "twin host"} == set(ends)
    assert 10 <= ends.count("twin host") <= 30


def test_a_service_in_a_route_table_answers_into_its_network(star: Builder) -> None:
    star.services["objects"] = model.Service("objects", "one", ("52.218.0.0/17",))
    to = model.Route("objects", ("52.218.0.0/17",), model.Ref(model.SERVICE, "objects"))
    star.table("one main", "one", to)
    both = star.send("one host 0", "52.218.1.1")
    assert told(both) == BOTH
    assert both.there.end.hop.id == "objects"
    assert told(star.send("one host 0", "52.218.1.1", protocol=UDP))[0] == "not offered"
    star.filter("shut", [], star.filters["open"].outbound, "one 0")
    assert told(star.send("one host 0", "52.218.1.1")) == ("delivered", "refused by filter")
