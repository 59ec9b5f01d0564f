"""Sites, and the lines to them; with answers worked out by hand."""

import msgspec
import pytest

from antipodes.fabric.network import topology as model
from tests.fabric.network.worlds import Builder, kinds, route, told

BOTH = ("delivered", "delivered")
OFFICE, BRANCH = "192.168.0.0/16", "192.169.0.0/16"


def line(made: Builder, name: str, site: str, to: model.Ref, *, up: bool = True) -> None:
    made.lines[name] = model.Line(name, site, to, up)


GATEWAY = model.Ref(model.PRIVATE, "gateway")


def site(made: Builder, name: str, prefix: str, *routes: model.LineRoute) -> None:
    made.sites[name] = model.Site(name, f"site/{name}", (prefix,), routes)


def to(prefix: str, *lines: str, rank: int = 0) -> model.LineRoute:
    return model.LineRoute(prefix, (prefix,), lines, rank)


@pytest.fixture
def office() -> Builder:
    """A network, and an office with a circuit and a tunnel to its private gateway."""
    made = Builder()
    made.network("n", "10.0.0.0/16")
    made.subnet("s", "n", "10.0.0.0/24")
    made.host("host", "s", "10.0.0.10")
    made.table("n main", "n", route(OFFICE, model.PRIVATE, "gateway", origin=model.PROPAGATED))
    for name in ("circuit", "tunnel"):
        line(made, name, "office", GATEWAY)
    site(made, "office", OFFICE, to("10.0.0.0/16", "circuit"), to("10.0.0.0/16", "tunnel", rank=1))
    made.private_gateways["gateway"] = model.PrivateGateway(
        "gateway", "n", (to(OFFICE, "circuit"), to(OFFICE, "tunnel", rank=1))
    )
    return made


def test_a_site_and_a_network_by_the_better_line_and_else_by_the_other(office: Builder) -> None:
    both = office.send("host", "192.168.0.1")
    assert told(both) == BOTH
    assert kinds(both)[-3:] == ["private gateway gateway", "line circuit", "site office"]
    assert told(office.send("office", "10.0.0.10", source="192.168.0.1")) == BOTH
    line(office, "circuit", "office", GATEWAY, up=False)
    both = office.send("host", "192.168.0.1")
    assert told(both) == BOTH
    assert "line tunnel" in kinds(both)
    line(office, "tunnel", "office", GATEWAY, up=False)
    assert told(office.send("host", "192.168.0.1"))[0] == "no route"
    assert told(office.send("office", "10.0.0.10", source="192.168.0.1"))[0] == "no route"


def test_a_private_gateway_knows_its_network_and_its_sites_only(office: Builder) -> None:
    site(office, "branch", BRANCH, to("0.0.0.0/0", "branch line"))
    line(office, "branch line", "branch", GATEWAY)
    assert told(office.send("branch", "192.168.0.1", source="192.169.0.1")) == (
        "delivered",
        "no route",
    )
    known = office.sites["office"]
    office.sites["office"] = msgspec.structs.replace(
        known, routes=(*known.routes, to(BRANCH, "circuit"))
    )
    gateway = office.private_gateways["gateway"]
    office.private_gateways["gateway"] = msgspec.structs.replace(
        gateway, routes=(*gateway.routes, to(BRANCH, "branch line"))
    )
    assert told(office.send("branch", "192.168.0.1", source="192.169.0.1")) == BOTH
    assert told(office.send("branch", "172.16.0.1", source="192.169.0.1"))[0] == "no route"


def test_the_gateways_table_leads_what_comes_in_through_an_appliance(office: Builder) -> None:
    office.subnet("middle", "n", "10.0.1.0/24")
    office.appliance("appliance", "middle", "10.0.1.10")
    office.table("edge", "n", route("10.0.0.0/24", model.INTERFACE, "appliance"))
    gateway = office.private_gateways["gateway"]
    office.private_gateways["gateway"] = msgspec.structs.replace(gateway, table="edge")
    both = office.send("office", "10.0.0.10", source="192.168.0.1")
    assert told(both) == BOTH
    assert "interface appliance" in kinds(both)
    firewall = model.Appliance("firewall", office.subnets["middle"].zone)
    interface = office.host("fire", "middle", "10.0.1.11", groups=None, kind=model.CARRIER)
    office.inspections["fire"] = model.Inspection("fire", interface, "rules", (firewall,))
    office.table("edge", "n", route("10.0.0.0/24", model.INSPECTION, "fire"))
    assert told(office.send("office", "10.0.0.10", source="192.168.0.1"))[0] == "blackhole"


def test_four_tunnels_of_equal_worth_to_a_hub_carry_flows_together(office: Builder) -> None:
    """Eight tunnels of four connections; both directions of a flow may take different ones."""
    office.hub("hub")
    office.attach("hub", "n", "networks", "s")
    names = [f"tunnel {number}" for number in range(8)]
    for name in names:
        line(office, name, "office", model.Ref("attachment", f"vpn {name}"))
        office.attachments[f"vpn {name}"] = model.Attachment(
            f"vpn {name}", "hub", model.LINE, name, (), "wan"
        )
    site(office, "office", OFFICE, to("10.0.0.0/16", *names))
    office.table("n main", "n", route(OFFICE, model.HUB, "hub"))
    ways = tuple(f"vpn {name}" for name in names)
    office.hub_tables["networks"] = model.HubTable(
        "networks", "hub", (model.HubRoute(OFFICE, (OFFICE,), ways),)
    )
    office.hub_table("wan", "hub", p10_0_0_0__16="hub n")
    used = set()
    for port in range(100):
        both = office.send("host", "192.168.0.1", from_port=40000 + port)
        assert told(both) == BOTH
        used |= {kind for kind in kinds(both) if kind.startswith("line")}
    assert used == {f"line {name}" for name in names}
    assert told(office.send("office", "10.0.0.10", source="192.168.0.1")) == BOTH


def test_what_is_learnt_over_a_line_is_forgotten_with_it_and_another_way_is_taken(
    office: Builder,
) -> None:
    office.hub("hub")
    office.attach("hub", "n", "networks", "s")
    learnt = route(OFFICE, model.PRIVATE, "gateway", origin=model.PROPAGATED)
    office.table("n main", "n", learnt, route("0.0.0.0/0", model.HUB, "hub"))
    line(office, "backup", "office", model.Ref("attachment", "vpn"))
    office.attachments["vpn"] = model.Attachment("vpn", "hub", model.LINE, "backup", (), "wan")
    office.hub_tables["networks"] = model.HubTable(
        "networks", "hub", (model.HubRoute(OFFICE, (OFFICE,), ("vpn",), model.PROPAGATED),)
    )
    assert "private gateway gateway" in kinds(office.send("host", "192.168.0.1"))
    for name in ("circuit", "tunnel"):
        line(office, name, "office", GATEWAY, up=False)
    assert kinds(office.send("host", "192.168.0.1"))[-2:] == ["line backup", "site office"]
    line(office, "backup", "office", model.Ref("attachment", "vpn"), up=False)
    assert told(office.send("host", "192.168.0.1"))[0] == "no route"


def test_a_hub_takes_the_next_of_what_it_has_learnt_and_keeps_to_what_was_put_there(
    office: Builder,
) -> None:
    office.hub("hub")
    office.attach("hub", "n", "networks", "s")
    office.table("n main", "n", route(OFFICE, model.HUB, "hub"))
    names = "first", "second"
    for name in names:
        line(office, name, "office", model.Ref("attachment", f"vpn {name}"))
        office.attachments[f"vpn {name}"] = model.Attachment(
            f"vpn {name}", "hub", model.LINE, name, (), "wan"
        )

    def learns(origin: int) -> None:
        routes = tuple(model.HubRoute(OFFICE, (OFFICE,), (f"vpn {one}",), origin) for one in names)
        office.hub_tables["networks"] = model.HubTable("networks", "hub", routes)

    for origin, nobody in ((model.PROPAGATED, "no route"), (model.STATIC, "not connected")):
        learns(origin)
        assert "line first" in kinds(office.send("host", "192.168.0.1"))
        line(office, "first", "office", model.Ref("attachment", "vpn first"), up=False)
        assert "line second" in kinds(office.send("host", "192.168.0.1"))
        line(office, "second", "office", model.Ref("attachment", "vpn second"), up=False)
        assert told(office.send("host", "192.168.0.1"))[0] == nobody
        for name in names:
            line(office, name, "office", model.Ref("attachment", f"vpn {name}"))
