"""What is there for nothing, and what looks like a mistake."""

from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antipodes.fabric.network import topology as model
from antipodes.fabric.network.fabric import Fabric, from_interface
from antipodes.fabric.network.packets import TCP, Packet
from antipodes.questions.lintquestion import findings
from antipodes.questions.networks import is_address
from antipodes.questions.routefindings import route_findings
from tests.fabric.network.test_random_networks import PORTS, addresses, networks
from tests.fabric.network.worlds import ZONES, Builder, route
from tests.questions.topologies import SHAPES

replaced = msgspec.structs.replace


def kinds(made: Builder) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.kind, one.ids) for one in findings(made.topology())]


def one_network() -> Builder:
    """Two hosts in two zones, and a gateway."""
    made = Builder()
    made.network("n", "10.0.0.0/16")
    for number in (1, 2):
        made.subnet(f"s{number}", "n", f"10.0.{number}.0/24", zone=ZONES[number - 1])
        made.host(f"h{number}", f"s{number}", f"10.0.{number}.10", public=f"198.19.0.{number}")
    made.gateway("g", "n")
    made.table("n main", "n", route("0.0.0.0/0", model.GATEWAY, "g"))
    return made


def test_what_is_as_it_should_be_is_not_spoken_of() -> None:
    assert kinds(one_network()) == []
    for name in ("one network", "two regions", "eight regions"):
        assert not list(findings(SHAPES[name]()[0])), name


def test_a_route_that_others_win_over_is_shadowed() -> None:
    made = one_network()
    heard = model.LineRoute("all", ("0.0.0.0/0",), ("line",))
    made.private_gateways["v"] = model.PrivateGateway("v", "n", (heard,))
    made.lines["line"] = model.Line("line", "office", model.Ref(model.PRIVATE, "v"))
    made.sites["office"] = model.Site("office", "", ("192.168.0.0/16",))
    made.table(
        "n main",
        "n",
        route("0.0.0.0/0", model.GATEWAY, "g"),
        route("10.0.1.0/25", model.PRIVATE, "v", origin=model.PROPAGATED),
        route("0.0.0.0/0", model.PRIVATE, "v", name="learnt", origin=model.PROPAGATED),
    )
    found = [one for one in route_findings(made.topology()) if one.kind == "shadowed route"]
    assert [one.ids for one in found] == [("n main", "10.0.1.0/25"), ("n main", "learnt")]
    assert "go by the network's own prefixes" in found[0].said
    assert "go by 0.0.0.0/0" in found[1].said
    made.lines["line"] = replaced(made.lines["line"], up=False)
    [found_now] = [one.ids for one in findings(made.topology()) if "route" in one.kind]
    assert found_now == ("n main", "10.0.1.0/25")  # the other is withdrawn, and may come back


def test_two_halves_shadow_a_whole() -> None:
    made = one_network()
    halves = [route(f"{start}.0.0.0/1", model.GATEWAY, "g") for start in (0, 128)]
    made.table("n main", "n", route("0.0.0.0/0", model.GATEWAY, "g"), *halves)
    assert kinds(made) == [("shadowed route", ("n main", "0.0.0.0/0"))]
    learnt = [replaced(one, origin=model.PROPAGATED) for one in halves]
    made.table("n main", "n", route("0.0.0.0/0", model.GATEWAY, "g"), *learnt)
    assert kinds(made) == [("unused route", ("n main", "0.0.0.0/0"))]  # as long as they are


def test_a_table_that_nobody_sends_by_has_unused_routes_and_one_for_answers_has_not() -> None:
    made = one_network()
    made.subnet("s3", "n", "10.0.3.0/24", table="third")
    made.table("third", "n", route("0.0.0.0/0", model.GATEWAY, "g"))
    assert kinds(made) == [("unused route", ("third", "0.0.0.0/0"))]
    made.translator("t", "s3", "10.0.3.9", "198.19.0.9")
    made.subnet("s1", "n", "10.0.1.0/24", table="first")
    made.table("first", "n", route("0.0.0.0/0", model.TRANSLATOR, "t"))
    assert kinds(made) == []


def test_a_blackhole_says_what_is_gone() -> None:
    made = one_network()
    gone = route("10.9.0.0/16", model.PEERING, "pcx", blackhole=True)
    made.table("n main", "n", route("0.0.0.0/0", model.GATEWAY, "g"), gone)
    [found] = findings(made.topology())
    assert found.ids == ("n main", "10.9.0.0/16", "pcx")
    assert "pcx, which is gone or stopped" in found.said


def test_a_summary_that_leaves_out_a_spoke() -> None:
    topology, _, _ = SHAPES["hub and spokes"]()
    tables = dict(topology.tables)
    narrow = route("10.0.0.0/14", model.HUB, "core")  # the last network is 10.4.0.0/16
    tables["blue main"] = model.Table("blue main", (*tables["blue main"].routes[:1], narrow))
    found = [
        one.ids
        for one in findings(replaced(topology, tables=tables))
        if one.kind == "missing in a summary"
    ]
    assert found == [("blue main", "10.0.0.0/14", "yellow")]


def test_rules_that_allow_nothing_more() -> None:
    made = one_network()
    made.group("nobody", "n")
    rules = (
        model.GroupRule("wide", ("10.0.0.0/8",), "", TCP, (0, 1023)),
        model.GroupRule("narrow", ("10.0.1.0/24",), "", TCP, (80, 80)),
        model.GroupRule("from nobody", (), "nobody"),
        model.GroupRule("gone", (), "gone"),
        model.GroupRule("no list", ()),
        model.GroupRule("else", ("10.0.1.0/24",), "", TCP, (1000, 1024)),
        model.GroupRule("members", (), "web", TCP, (22, 22)),
        model.GroupRule("all members", (), "web"),
    )
    made.group("web", "n", rules)
    made.host("h3", "s1", "10.0.1.11", groups=("web",))
    found = [one for one in findings(made.topology()) if one.kind == "rule without effect"]
    assert [one.ids[1] for one in found] == ["narrow", "from nobody", "gone", "no list", "members"]
    assert "allowed by wide" in found[0].said
    assert "allowed by all members" in found[4].said


def test_spaces_that_overlap_where_they_are_joined() -> None:
    made = Builder()
    for name, prefix in (("a", "10.0.0.0/16"), ("b", "10.1.0.0/16"), ("c", "10.0.128.0/17")):
        made.network(name, prefix)
        made.subnet(f"{name} 1", name, f"{prefix.rpartition('.')[0]}.0/24")
    made.hub("core")
    for name in ("a", "b", "c"):
        made.attach("core", name, "", f"{name} 1")
    made.peering("ab", "a", "b")
    made.private_gateways["v"] = model.PrivateGateway("v", "b")
    made.lines["line"] = model.Line("line", "office", model.Ref(model.PRIVATE, "v"))
    made.sites["office"] = model.Site("office", "", ("10.0.0.0/8",))
    found = [one for one in kinds(made) if one[0] == "overlap"]
    assert found == [("overlap", ("core", "a", "c")), ("overlap", ("v", "b", "office"))]


def test_hubs_that_are_joined_join_their_networks() -> None:
    topology, _, _ = SHAPES["two regions"]()
    first, second = topology.networks.values()
    networks = {**topology.networks, second.id: replaced(second, prefixes=first.prefixes)}
    found = [
        one.ids for one in findings(replaced(topology, networks=networks)) if one.kind == "overlap"
    ]
    assert len(found) == 1
    assert set(found[0][1:]) == {first.id, second.id}


def test_ways_that_cross_zones() -> None:
    made = one_network()
    made.subnet("s3", "n", "10.0.3.0/24")
    made.translator("t", "s3", "10.0.3.9", "198.19.0.9")
    made.host("door", "s3", "10.0.3.8", of="vpce-1")
    made.host("carrier", "s3", "10.0.3.7", of="vpce-2", kind=model.CARRIER)  # of appliances
    for number in (1, 2):
        zone = ZONES[number - 1]
        made.subnet(f"s{number}", "n", f"10.0.{number}.0/24", table="private", zone=zone)
    made.table("private", "n", route("0.0.0.0/0", model.TRANSLATOR, "t"))
    assert [one for one in kinds(made) if one[0] == "another zone"] == [
        ("another zone", ("s2", "t")),
        ("another zone", ("n", "vpce-1", ZONES[1])),
    ]


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(networks(), st.data())
def test_routes_that_are_shadowed_or_unused_change_no_walk(
    made: Builder, data: st.DataObject
) -> None:
    topology = made.topology()
    wasted = {
        one.ids
        for one in route_findings(topology)
        if one.kind in {"shadowed route", "unused route"}
    }
    tables = {
        name: replaced(
            table,
            routes=tuple(one for one in table.routes if (name, one.name) not in wasted),
        )
        for name, table in topology.tables.items()
    }
    without = replaced(topology, tables=tables)
    for _ in range(15):
        start, packet = _drawn(made, data)
        whole, rest = (Fabric(one).walk(start, packet) for one in (topology, without))
        assert _ended(whole) == _ended(rest)


def _drawn(made: Builder, data: st.DataObject) -> tuple[Any, Packet]:
    known = [one for one in addresses(made) if is_address(one) and "." in one]
    source = data.draw(st.sampled_from(sorted(made.interfaces)))
    own = next(one for one in made.interfaces[source].addresses if "." in one)
    target, port = data.draw(st.sampled_from(known)), data.draw(st.sampled_from(PORTS))
    return from_interface(source), Packet.of(own, target, TCP, port, port=80)


def _ended(both: Any) -> list[Any]:
    return [walk and (walk.end.outcome, walk.end.hop, walk.packet) for walk in both]


def test_networks_with_nothing_in_them_and_groups_with_nobody_are_not_looked_at() -> None:
    made = Builder()
    made.network("default", "172.31.0.0/16")
    made.gateway("g", "default")
    made.table("default main", "default", route("0.0.0.0/0", model.GATEWAY, "g"))
    made.group("itself", "default", [model.GroupRule("from itself", (), "itself")])
    assert kinds(made) == []


def test_duplicates_of_one_route_are_told_apart() -> None:
    """Two prefix lists to one prefix: the first wins, the other is shadowed."""
    made = one_network()
    twice = [
        model.Route(name, ("198.51.100.0/24",), model.Ref(model.GATEWAY, "g"), model.LISTED)
        for name in ("pl-1", "pl-2")
    ]
    made.table("n main", "n", route("0.0.0.0/0", model.GATEWAY, "g"), *twice)
    assert kinds(made) == [("shadowed route", ("n main", "pl-2"))]
