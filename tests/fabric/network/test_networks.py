"""What a network does to a packet: rule by rule, with answers worked out by hand."""

import msgspec
import pytest

from antipodes.fabric.network import topology as model
from antipodes.fabric.network.packets import ICMP, TCP, UDP
from tests.fabric.network.worlds import EVERYWHERE, OPEN, ZONES, Builder, kinds, route, told

BOTH = ("delivered", "delivered")


@pytest.fixture
def pair() -> Builder:
    """Two subnets of one network, and a host in each."""
    made = Builder()
    made.network("n", "10.0.0.0/16", "2600:1::/56")
    made.subnet("left", "n", "10.0.0.0/24", "2600:1::/64")
    made.subnet("right", "n", "10.0.1.0/24", "2600:1:0:1::/64", zone=ZONES[1])
    made.host("a", "left", "10.0.0.10", "2600:1::a")
    made.host("b", "right", "10.0.1.10", "2600:1:0:1::b")
    made.host("near", "left", "10.0.0.11")
    return made


def entry(name: str, prefix: str, *, allows: bool, **more: object) -> model.FilterEntry:
    return model.FilterEntry(name, prefix, allows, **more)  # type: ignore[arg-type] # its fields


def rule(prefix: str = "", group: str = "", **more: object) -> model.GroupRule:
    prefixes = (prefix,) if prefix else ()
    return model.GroupRule(prefix or group, prefixes, group, **more)  # type: ignore[arg-type] # as above


def test_hosts_of_one_network_reach_each_other(pair: Builder) -> None:
    both = pair.send("a", "10.0.1.10")
    assert told(both) == BOTH
    assert kinds(both) == [
        "interface a",
        "filter open",
        "table n main",
        "filter open",
        "interface b",
        "interface b",
    ]
    assert told(pair.send("a", "2600:1:0:1::b")) == BOTH
    assert told(pair.send("a", "10.0.1.99"))[0] == "no such address"
    assert told(pair.send("a", "10.0.9.1"))[0] == "no such subnet"
    assert told(pair.send("a", "192.0.2.1"))[0] == "no route"


def test_what_stays_in_a_subnet_sees_neither_filter_nor_table(pair: Builder) -> None:
    pair.filter("shut", [], [], "left")
    both = pair.send("a", "10.0.0.11")
    assert told(both) == BOTH
    assert kinds(both) == ["interface a", "interface near", "interface near"]
    assert told(pair.send("a", "10.0.1.10"))[0] == "refused by filter"


def test_filters_keep_no_state_and_the_first_entry_that_fits_decides(pair: Builder) -> None:
    allow_all = [entry("100", "0.0.0.0/0", allows=True)]
    only_web = [
        entry("90", "10.0.1.0/25", allows=False),
        entry("100", "0.0.0.0/0", allows=True, protocol=TCP, ports=(1024, 65535)),
    ]
    pair.filter("left filter", only_web, allow_all, "left")
    # The way there is open; the answer comes from 10.0.1.0/25, which entry 90 refuses.
    assert told(pair.send("a", "10.0.1.10")) == ("delivered", "refused by filter")
    pair.filter("left filter", only_web[1:], allow_all, "left")
    assert told(pair.send("a", "10.0.1.10")) == BOTH
    assert told(pair.send("a", "10.0.1.10", from_port=443)) == ("delivered", "refused by filter")
    assert told(pair.send("a", "10.0.1.10", protocol=UDP)) == ("delivered", "refused by filter")


def test_groups_keep_state_and_any_rule_allows(pair: Builder) -> None:
    pair.group("web", "n", [rule("10.0.0.0/24", protocol=TCP, ports=(443, 443))], outbound=[])
    pair.host("b", "right", "10.0.1.10", groups=["web"])
    assert told(pair.send("a", "10.0.1.10")) == BOTH
    assert told(pair.send("a", "10.0.1.10", 80))[0] == "refused by groups"
    assert told(pair.send("b", "10.0.0.10"))[0] == "refused by groups"
    pair.group("ping", "n", [rule("0.0.0.0/0", protocol=ICMP, ports=(8 << 8, 8 << 8 | 255))], [])
    pair.host("b", "right", "10.0.1.10", groups=["web", "ping"])
    assert told(pair.send("a", "10.0.1.10", 8 << 8, protocol=ICMP, from_port=0)) == BOTH
    assert told(pair.send("a", "10.0.1.10", 13 << 8, protocol=ICMP))[0] == "refused by groups"
    pair.host("b", "right", "10.0.1.10", groups=[])
    assert told(pair.send("a", "10.0.1.10"))[0] == "refused by groups"


def test_an_interface_sends_and_takes_its_own_addresses_only(pair: Builder) -> None:
    assert told(pair.send("a", "10.0.1.10", source="10.0.0.77"))[0] == "source check"
    pair.table("right only", "n", route("10.0.1.0/24", model.INTERFACE, "near"))
    pair.subnet("left", "n", "10.0.0.0/24", table="right only")
    pair.subnet("third", "n", "10.0.2.0/24", table="right only")
    pair.host("c", "third", "10.0.2.10")
    assert told(pair.send("c", "10.0.1.10"))[0] == "destination check"
    pair.host("near", "left", "10.0.0.11", checks=False)
    assert told(pair.send("c", "10.0.1.10"))[0] == "not forwarded"


@pytest.fixture
def inspected(pair: Builder) -> Builder:
    """Routes more specific than the local one lead both ways through an appliance."""
    pair.subnet("middle", "n", "10.0.2.0/24", zone=ZONES[2])
    pair.appliance("appliance", "middle", "10.0.2.10")
    pair.table("left table", "n", route("10.0.1.0/24", model.INTERFACE, "appliance"))
    pair.table("right table", "n", route("10.0.0.0/24", model.INTERFACE, "appliance"))
    pair.subnet("left", "n", "10.0.0.0/24", table="left table")
    pair.subnet("right", "n", "10.0.1.0/24", table="right table", zone=ZONES[1])
    return pair


def test_a_route_more_specific_than_local_leads_through_an_appliance(inspected: Builder) -> None:
    both = inspected.send("a", "10.0.1.10")
    assert told(both) == BOTH
    assert kinds(both).count("interface appliance") == 2
    assert both.back is not None
    assert sum(step.hop.id == "appliance" for step in both.back.steps) == 2
    inspected.appliance("appliance", "middle", "10.0.2.10", checks=True)
    assert told(inspected.send("a", "10.0.1.10"))[0] == "destination check"


def test_a_reference_to_a_group_is_lost_behind_an_appliance(inspected: Builder) -> None:
    inspected.group("clients", "n")
    inspected.group("servers", "n", [rule(group="clients", protocol=TCP, ports=(443, 443))])
    inspected.host("a", "left", "10.0.0.10", groups=["clients"])
    inspected.host("b", "right", "10.0.1.10", groups=["servers"])
    inspected.host("b2", "left", "10.0.0.20", groups=["servers"])
    assert told(inspected.send("a", "10.0.0.20")) == BOTH
    assert told(inspected.send("near", "10.0.0.20"))[0] == "refused by groups"
    assert told(inspected.send("a", "10.0.1.10"))[0] == "refused by groups"
    inspected.group("servers", "n", [rule("10.0.0.0/24", protocol=TCP, ports=(443, 443))])
    assert told(inspected.send("a", "10.0.1.10")) == BOTH


@pytest.fixture
def online(pair: Builder) -> Builder:
    """The left subnet is public; the right one goes out by a translator in it."""
    pair.gateway("gateway", "n")
    pair.translator("nat", "left", "10.0.0.5", "198.19.1.5")
    pair.table("public", "n", route("0.0.0.0/0", model.GATEWAY, "gateway"))
    pair.table("private", "n", route("0.0.0.0/0", model.TRANSLATOR, "nat"))
    pair.subnet("left", "n", "10.0.0.0/24", table="public")
    pair.subnet("right", "n", "10.0.1.0/24", table="private", zone=ZONES[1])
    pair.host("a", "left", "10.0.0.10", public="198.19.1.10")
    return pair


def test_a_gateway_maps_one_to_one_both_ways(online: Builder) -> None:
    both = online.send("a", "192.0.2.1")
    assert told(both) == ("left", "delivered")
    assert str(both.there.packet) == "tcp 198.19.1.10:40000 > 192.0.2.1:443"
    assert both.back is not None
    assert str(both.back.packet) == "tcp 192.0.2.1:443 > 10.0.0.10:40000"
    assert told(online.send("", "198.19.1.10", source="192.0.2.1")) == ("delivered", "left")
    assert told(online.send("", "198.19.1.77", source="192.0.2.1")) == ("left", "left")
    assert told(online.send("", "198.19.1.10", source="10.9.9.9"))[0] == "private address"
    assert told(online.send("near", "192.0.2.1"))[0] == "no public address"
    assert told(online.send("a", "172.16.0.1"))[0] == "private address"
    # By its public address a host of the same network is reached as from outside.
    online.host("c", "left", "10.0.0.30", public="198.19.1.30")
    assert told(online.send("c", "198.19.1.10")) == BOTH


def test_a_translator_sends_many_as_one_and_takes_answers_only(online: Builder) -> None:
    both = online.send("b", "192.0.2.1")
    assert told(both) == ("left", "delivered")
    assert str(both.there.packet) == "tcp 198.19.1.5:40000 > 192.0.2.1:443"
    assert both.back is not None
    assert str(both.back.packet) == "tcp 192.0.2.1:443 > 10.0.1.10:40000"
    low = online.send("b", "192.0.2.1", from_port=80)
    assert low.there.packet.source_port == 1024
    assert told(low) == ("left", "delivered")
    assert told(online.send("", "198.19.1.5", source="192.0.2.1"))[0] == "not translated"


def test_four_times_0_covers_no_ipv6(online: Builder) -> None:
    online.subnet("left", "n", "10.0.0.0/24", "2600:1::/64", table="public")
    online.host("a", "left", "10.0.0.10", "2600:1::a")
    assert told(online.send("a", "2001:db8::1"))[0] == "no route"
    everything = (route("::/0", model.GATEWAY, "gateway"), *online.tables["public"].routes[1:])
    online.table("public", "n", *everything)
    both = online.send("a", "2001:db8::1")
    assert told(both) == ("left", "delivered")
    assert both.there.packet == both.there.steps[0].packet  # nothing is mapped
    assert told(online.send("", "2600:1::a", source="2001:db8::1")) == ("delivered", "left")
    assert told(online.send("a", "fd00::1"))[0] == "private address"


def test_a_gateways_table_leads_what_comes_in_through_an_appliance(online: Builder) -> None:
    online.subnet("middle", "n", "10.0.2.0/24", table="public", zone=ZONES[2])
    online.appliance("appliance", "middle", "10.0.2.10")
    online.table("edge", "n", route("10.0.0.0/24", model.INTERFACE, "appliance"))
    online.gateway("gateway", "n", "edge")
    assert told(online.send("", "198.19.1.10", source="192.0.2.1"))[0] == "no public address"
    online.host(
        *("appliance", "middle", "10.0.2.10"),
        public="198.19.1.30",
        kind=model.FORWARDER,
        checks=False,
    )
    both = online.send("", "198.19.1.10", source="192.0.2.1")
    assert told(both) == ("delivered", "redirected")
    assert "interface appliance" in kinds(both)
    assert told(online.send("a", "192.0.2.1"))[0] == "redirected"
    subnet = msgspec.structs.replace(online.subnets["left"], table="out")
    online.subnets["left"] = subnet
    online.table("out", "n", route("0.0.0.0/0", model.INTERFACE, "appliance"))
    both = online.send("", "198.19.1.10", source="192.0.2.1")
    assert told(both) == ("delivered", "left")
    # A table that leads the whole network to an appliance leaves the appliance's own subnet alone.
    online.table("edge", "n", route("10.0.0.0/16", model.INTERFACE, "appliance"))
    online.tables["edge"] = msgspec.structs.replace(
        online.tables["edge"], routes=online.tables["edge"].routes[1:]
    )
    assert told(online.send("", "198.19.1.10", source="192.0.2.1")) == ("delivered", "left")


def test_a_blackhole_wins_its_place(online: Builder) -> None:
    online.table(
        "private",
        "n",
        route("0.0.0.0/0", model.TRANSLATOR, "nat"),
        route("192.0.2.0/24", model.TRANSLATOR, "gone", blackhole=True),
    )
    assert told(online.send("b", "192.0.2.1"))[0] == "blackhole"
    assert told(online.send("b", "198.51.100.1"))[0] == "left"


def test_the_order_of_routes_to_one_prefix(online: Builder) -> None:
    learnt = route("192.0.2.0/24", model.GATEWAY, "gateway", origin=model.PROPAGATED)
    listed = route("192.0.2.0/24", model.TRANSLATOR, "nat", origin=model.LISTED, blackhole=True)
    static = route("192.0.2.0/24", model.TRANSLATOR, "nat")
    online.table("private", "n", learnt, listed, static)
    assert told(online.send("b", "192.0.2.1"))[0] == "left"
    online.table("private", "n", learnt, listed)
    assert told(online.send("b", "192.0.2.1"))[0] == "blackhole"
    online.table("private", "n", learnt)
    assert told(online.send("b", "192.0.2.1"))[0] == "no public address"


def test_what_is_learnt_never_takes_the_place_of_local(pair: Builder) -> None:
    pair.table("n main", "n", route("10.0.1.0/25", model.GATEWAY, "x", origin=model.PROPAGATED))
    assert told(pair.send("a", "10.0.1.10")) == BOTH


@pytest.fixture
def peers() -> Builder:
    """Three networks in a row, joined two and two."""
    made = Builder()
    for number, name in enumerate(("x", "y", "z")):
        made.network(
            name, f"10.{number}.0.0/16", region="eu-central-1" if name == "z" else "us-west-2"
        )
        made.subnet(f"{name} subnet", name, f"10.{number}.0.0/24")
        made.host(f"{name} host", f"{name} subnet", f"10.{number}.0.10")
    made.peering("xy", "x", "y")
    made.peering("yz", "y", "z")
    to_y = route("10.1.0.0/16", model.PEERING, "xy"), route("10.2.0.0/16", model.PEERING, "xy")
    made.table("x main", "x", *to_y, route("0.0.0.0/0", model.PEERING, "xy"))
    made.table(
        "y main",
        "y",
        route("10.0.0.0/16", model.PEERING, "xy"),
        route("10.2.0.0/16", model.PEERING, "yz"),
    )
    made.table("z main", "z", route("10.1.0.0/16", model.PEERING, "yz"))
    return made


def test_peering_joins_two_networks_and_no_third(peers: Builder) -> None:
    assert told(peers.send("x host", "10.1.0.10")) == BOTH
    assert told(peers.send("y host", "10.2.0.10")) == BOTH
    assert told(peers.send("x host", "10.2.0.10"))[0] == "not in the peer"
    assert told(peers.send("x host", "192.0.2.1"))[0] == "not in the peer"
    peers.peering("xy", "x", "y", active=False)
    assert told(peers.send("x host", "10.1.0.10"))[0] == "not joined"


def test_beyond_what_is_known_nothing_is_said(peers: Builder) -> None:
    for things in (peers.networks, peers.subnets, peers.interfaces):
        for name in [one for one in things if one.startswith("y")]:
            del things[name]
    del peers.networks["z"], peers.subnets["z subnet"], peers.interfaces["z host"]
    assert told(peers.send("x host", "10.1.0.10"))[0] == "unknown"


def test_a_route_one_way_is_no_way_back(peers: Builder) -> None:
    peers.table("y main", "y")
    assert told(peers.send("x host", "10.1.0.10")) == ("delivered", "no route")


def test_groups_of_a_peer_count_in_the_same_region(peers: Builder) -> None:
    for name, port in (("y", 443), ("z", 443)):
        peers.group(f"{name} servers", name, [rule(group="y clients", ports=(port, port))])
        peers.host(
            f"{name} server",
            f"{name} subnet",
            f"10.{'xyz'.index(name)}.0.20",
            groups=[f"{name} servers"],
        )
    peers.group("x servers", "x", [rule(group="y clients")])
    peers.host("x server", "x subnet", "10.0.0.20", groups=["x servers"])
    peers.group("y clients", "y")
    peers.host("y host", "y subnet", "10.1.0.10", groups=["y clients"])
    assert told(peers.send("y host", "10.1.0.20")) == BOTH
    assert told(peers.send("y host", "10.0.0.20")) == BOTH
    assert told(peers.send("y host", "10.2.0.20"))[0] == "refused by groups"  # another region
    peers.peering("xy", "x", "y", active=False)
    peers.peering("xy2", "x", "y")
    assert told(peers.send("y host", "10.0.0.20"))[0] == "not joined"


def test_an_address_mapped_nowhere_and_routes_in_a_circle(pair: Builder) -> None:
    pair.subnet("middle", "n", "10.0.2.0/24", table="middle table")
    pair.appliance("one", "middle", "10.0.2.10")
    pair.subnet("other", "n", "10.0.3.0/24", table="other table")
    pair.appliance("two", "other", "10.0.3.10")
    pair.table("middle table", "n", route("10.0.1.0/24", model.INTERFACE, "two"))
    pair.table("other table", "n", route("10.0.1.0/24", model.INTERFACE, "one"))
    assert told(pair.send("one", "10.0.1.10"))[0] == "loop"


def test_everybody_is_open_here() -> None:
    assert OPEN in Builder().groups
    assert Builder().filters[OPEN].inbound[1].prefix == EVERYWHERE[1]
