"""What cuts one thing from another: all of it, and nothing else."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antipodes.fabric.network import topology as model
from antipodes.fabric.network.fabric import Both
from antipodes.fabric.network.topology import Topology
from antipodes.questions.cutsquestion import cuts
from antipodes.questions.failures import Failure, failures, without
from antipodes.questions.networks import QuestionError
from antipodes.questions.walking import Asked, walked
from tests.fabric.network.test_random_networks import networks
from tests.fabric.network.worlds import ZONES, Builder, route
from tests.questions.topologies import EIGHT, SHAPES


def found(topology: Topology, source: str, target: str) -> set[tuple[str, str]]:
    return {one.failure for one in cuts(topology, Asked(source, target))}


def test_a_way_out_is_cut_by_what_is_on_it() -> None:
    topology, source, target = SHAPES["one network"]()
    assert found(topology, source, target) == {
        ("region", "us-west-2"),
        ("zone", ZONES[0]),
        ("gateway", "internet gateway"),
        ("translator", "nat 1"),
    }


def test_between_regions_the_link_the_hubs_and_their_attachments_cut() -> None:
    left, right, *_ = EIGHT
    topology, source, target = SHAPES["two regions"]()
    there, back = f"hub {right} to hub {left}", f"hub {left} to hub {right}"
    zones = [topology.subnets[topology.interfaces[one].subnet].zone for one in (source, target)]
    assert found(topology, source, target) == {
        ("region", left),
        ("region", right),
        ("link", f"{left} to {right}"),
        *(("zone", zone) for zone in zones),
        *(("hub", f"hub {region}") for region in (left, right)),
        *(("attachment", name) for name in (there, back)),
        *(("attachment", f"hub {region} {region}") for region in (left, right)),
    }


def lines(origin: int) -> Topology:
    """A site with two tunnels to a hub, and two to a network's own gateway."""
    made = Builder()
    for number, name in enumerate(("a", "b")):
        made.network(name, f"10.{number}.0.0/16")
        made.subnet(f"{name} 1", name, f"10.{number}.1.0/24")
        made.host(f"{name} host", f"{name} 1", f"10.{number}.1.10")
    made.hub("core")
    made.attach("core", "a", "routes", "a 1")
    made.table("a main", "a", route("192.168.0.0/16", model.HUB, "core"))
    made.table("b main", "b", route("192.168.0.0/16", model.PRIVATE, "private"))
    site = "192.168.0.0/16"
    for number in (1, 2):
        made.attachments[f"vpn {number}"] = model.Attachment(
            f"vpn {number}", "core", model.LINE, f"t{number}", (), "routes"
        )
        made.lines[f"t{number}"] = model.Line(
            f"t{number}", "office", model.Ref("attachment", f"vpn {number}")
        )
        made.lines[f"p{number}"] = model.Line(
            f"p{number}", "office", model.Ref(model.PRIVATE, "private")
        )
    made.hub_table("routes", "core", p10_0_0_0__16="core a")
    over = model.HubRoute(site, (site,), ("vpn 1", "vpn 2"), origin)
    table = made.hub_tables["routes"]
    made.hub_tables["routes"] = model.HubTable("routes", "core", (*table.routes, over))
    made.private_gateways["private"] = model.PrivateGateway(
        "private", "b", (model.LineRoute(site, (site,), ("p1", "p2")),)
    )
    made.sites["office"] = model.Site(
        "office",
        "us-west-2",
        (site,),
        (
            model.LineRoute("a", ("10.0.0.0/16",), ("t1", "t2")),
            model.LineRoute("b", ("10.1.0.0/16",), ("p1", "p2")),
        ),
    )
    return made.topology()


@pytest.mark.parametrize("origin", [model.PROPAGATED, model.STATIC])
def test_of_two_lines_none_cuts(origin: int) -> None:
    topology = lines(origin)
    by_hub = found(topology, "a host", "192.168.1.1")
    assert {kind for kind, _ in by_hub} == {"region", "zone", "hub", "attachment"}
    assert ("attachment", "core a") in by_hub
    by_gateway = found(topology, "b host", "192.168.1.1")
    assert {kind for kind, _ in by_gateway} == {"region", "zone", "private gateway"}


def test_the_last_line_cuts() -> None:
    topology = lines(model.PROPAGATED)
    down = msgspec.structs.replace(topology.lines["p1"], up=False)
    left = msgspec.structs.replace(topology, lines={**topology.lines, "p1": down})
    assert ("line", "p2") in found(left, "b host", "192.168.1.1")


def test_an_appliance_on_the_way_cuts() -> None:
    made = Builder()
    made.network("n", "10.0.0.0/16")
    for number in (1, 2, 3):
        made.subnet(f"s{number}", "n", f"10.0.{number}.0/24", zone=ZONES[number - 1])
    made.host("a", "s1", "10.0.1.10")
    made.host("b", "s2", "10.0.2.10")
    made.appliance("box", "s3", "10.0.3.10")
    for name, far in (("s1", "10.0.2.0/24"), ("s2", "10.0.1.0/24")):
        made.table(f"{name} table", "n", route(far, model.INTERFACE, "box"))
        made.subnet(
            name, "n", f"10.0.{name[1]}.0/24", table=f"{name} table", zone=ZONES[int(name[1]) - 1]
        )
    assert found(made.topology(), "a", "b") == {
        ("region", "us-west-2"),
        *(("zone", zone) for zone in ZONES),
        ("appliance", "box"),
    }


def test_what_does_not_come_there_has_nothing_to_cut() -> None:
    topology, source, target = SHAPES["peers"]()
    with pytest.raises(QuestionError, match="back: no route"):
        list(cuts(topology, Asked(source, target)))


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(networks(), st.data())
def test_what_is_on_the_way_cuts_and_nothing_else(made: Builder, data: st.DataObject) -> None:
    """Where nothing can take another way, a way that the intact network shows is all there is."""
    topology = made.topology()
    hosts = sorted(one for one in made.interfaces if "nat" not in one)
    asked = Asked(
        data.draw(st.sampled_from(hosts)), data.draw(st.sampled_from([*hosts, "internet"]))
    )
    whole = walked(topology, asked)
    if whole.back is None or not whole.back.passed:
        return
    cut = [one.failure for one in cuts(topology, asked)]
    assert cut == [one for one in failures(topology) if _is_on(whole, one)]
    for one in failures(topology):
        assert _comes_back(without(topology, one), asked) == (one not in cut)


@pytest.mark.parametrize("name", [name for name in SHAPES if name != "peers"])
def test_nothing_that_cuts_is_missed(name: str) -> None:
    topology, source, target = SHAPES[name]()
    cut = found(topology, source, target)
    for one in failures(topology):
        assert _comes_back(without(topology, one), Asked(source, target)) == (one not in cut)


def _comes_back(topology: Topology, asked: Asked) -> bool:
    back = walked(topology, asked).back
    return back is not None and back.passed


def _is_on(both: Both, failure: Failure) -> bool:
    kind, name = failure
    hops = [step.hop for walk in both if walk is not None for step in walk.steps]
    stand = [hop.place for hop in hops if hop.kind in {"interface", "translator"}]
    own: dict[str, Any] = {
        "zone": name in stand,
        "region": any(place.startswith(f"{name}/") for place in stand),
        "translator": any(hop.id == name for hop in hops if hop.kind == "translator"),
    }
    return bool(own.get(kind, any(hop.id == name for hop in hops)))
