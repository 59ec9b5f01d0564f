"""What ways begin and end with, with answers worked out by hand."""

import pytest

from antipodes.fabric.network import topology as model
from antipodes.fabric.network.accessing import Condition, Start, Way, found
from antipodes.fabric.network.fabric import Fabric
from antipodes.fabric.network.starting import (
    at_attachment,
    at_gateway,
    at_interface,
    at_peering,
    at_private_gateway,
)
from tests.fabric.network.worlds import ZONES, Builder, route

OFFICE = "192.168.0.0/16"
WHOLE = ((0, (1 << 32) - 1),)


@pytest.fixture
def spokes() -> Builder:
    """Two networks at a hub, the second of which a service and an office are reached from too."""
    made = Builder()
    made.hub("hub", references=True)
    for number, name in enumerate(("one", "two"), 1):
        made.network(name, f"10.{number}.0.0/16")
        made.subnet(f"{name} subnet", name, f"10.{number}.0.0/24")
        made.host(f"{name} host", f"{name} subnet", f"10.{number}.0.10")
        made.attach("hub", name, "table", f"{name} subnet")
    made.table("one main", "one", route("0.0.0.0/0", model.HUB, "hub"))
    made.table(
        "two main",
        "two",
        route("0.0.0.0/0", model.HUB, "hub"),
        route("52.0.0.0/8", model.SERVICE, "store"),
        route(OFFICE, model.PRIVATE, "private", origin=model.PROPAGATED),
    )
    made.hub_table("table", "hub", p10_2_0_0__16="hub two")
    made.services["store"] = model.Service("store", "two", ("52.0.0.0/8",))
    line = model.LineRoute(OFFICE, (OFFICE,), ("line",))
    made.private_gateways["private"] = model.PrivateGateway("private", "two", (line,))
    made.lines["line"] = model.Line("line", "office", model.Ref(model.PRIVATE, "private"))
    made.sites["office"] = model.Site("office", "site/office", (OFFICE,))
    return made


def ways(made: Builder, *starts: Start, **condition: object) -> list[Way]:
    return list(found(Fabric(made.topology()), starts, [Condition(**condition)]))  # type: ignore[arg-type] # its own fields


def ends(made: Builder, start: Start) -> list[str]:
    return sorted({way.end for way in ways(made, start)})


def test_a_hub_is_come_to_by_one_attachment_and_left_by_another(spokes: Builder) -> None:
    start = at_interface(Fabric(spokes.topology()), "one host")
    assert ends(spokes, start) == ["hub one", "hub two", "two host"]
    [way] = ways(spokes, start, ends=frozenset({"two host"}))
    assert [one.hop.kind for one in way.passed if one.hop.kind != "filter"] == [
        *("interface", "table", "attachment", "hub table", "attachment"),
        *("interface", "interface"),
    ]
    [packets] = way.packets
    own = int.from_bytes(bytes((10, 1, 0, 10)), "big")
    assert (packets[0], packets[2]) == (((own, own),), ((6, 6), (17, 17)))


def test_services_and_lines_are_ends(spokes: Builder) -> None:
    start = at_interface(Fabric(spokes.topology()), "two host")
    assert ends(spokes, start) == ["hub two", "private", "store"]
    [way] = ways(spokes, start, ends=frozenset({"store"}))
    assert way.packets[0][2] == ((6, 6),)  # no UDP


def test_what_comes_out_of_a_hub_and_over_lines(spokes: Builder) -> None:
    fabric = Fabric(spokes.topology())
    [from_hub] = at_attachment(fabric, "hub two")
    [way] = ways(spokes, from_hub, ends=frozenset({"two host"}))
    assert [one.hop.id for one in way.passed] == ["hub two", "two host", "two host"]
    assert way.packets[0][0] == WHOLE  # whoever it is that sends
    lines = at_private_gateway(fabric, "private")
    assert ends(spokes, lines) == ["two host"]
    [way] = ways(spokes, lines, starts=frozenset({"private"}))
    assert way.passed[0].hop.place == "us-west-2"


def test_rules_that_name_groups_count_across_a_hub(spokes: Builder) -> None:
    spokes.group("members", "one")
    spokes.group("guarded", "two", [model.GroupRule("members", (), "members")])
    spokes.host("one host", "one subnet", "10.1.0.10", groups=("members",))
    spokes.host("two host", "two subnet", "10.2.0.10", groups=("guarded",))
    [start] = at_attachment(Fabric(spokes.topology()), "hub two")
    [way] = ways(spokes, start, ends=frozenset({"two host"}))
    member = int.from_bytes(bytes((10, 1, 0, 10)), "big")
    assert way.packets[0][0] == ((member, member),)


def test_where_a_hash_decides_all_ways_are_told_once(spokes: Builder) -> None:
    for zone in (1, 2):
        spokes.subnet(f"two {zone}", "two", f"10.2.{zone}.0/24", zone=ZONES[zone])
    spokes.attach("hub", "two", "table", "two subnet", "two 1", "two 2", sticky=True)
    fabric = Fabric(spokes.topology())
    host = at_interface(fabric, "one host")
    found_ways = ways(spokes, host, ends=frozenset({"two host"}))
    assert len(found_ways) == 3  # by a filter of each zone, or of none
    assert len({way.passed for way in found_ways}) == 3
    assert len(at_attachment(fabric, "hub two")) == 3


def test_joined_networks_that_are_not_known_or_not_joined(spokes: Builder) -> None:
    spokes.table("one main", "one", route("10.9.0.0/16", model.PEERING, "peering"))
    spokes.peering("peering", "one", "elsewhere")
    fabric = Fabric(spokes.topology())
    assert ends(spokes, at_interface(fabric, "one host")) == ["peering"]
    [start] = at_peering(fabric, "peering")
    assert ends(spokes, start) == ["one host"]
    spokes.peering("peering", "one", "elsewhere", active=False)
    fabric = Fabric(spokes.topology())
    assert at_peering(fabric, "peering") == []
    assert ends(spokes, at_interface(fabric, "one host")) == []


def test_the_internet_reaches_public_addresses_only(spokes: Builder) -> None:
    spokes.gateway("gateway", "one")
    spokes.host("public", "one subnet", "10.1.0.11", public="198.19.0.1")
    start = at_gateway(Fabric(spokes.topology()), "gateway")
    [way] = ways(spokes, start)
    assert way.end == "public"
    private = int.from_bytes(bytes((10, 1, 0, 11)), "big")
    assert way.passed[0].left == (None, private, None, None, None)
    arriving = (WHOLE, ((private, private),), ((0, 255),), ((0, 65535),), ((0, 65535),))
    assert ways(spokes, start, arriving=arriving) == [way] == ways(spokes, start, leaving=arriving)
    public = way.packets[0]
    assert ways(spokes, start, leaving=public) == []
