"""The picture of a topology: well formed, the same every time, nothing on top of another."""

from itertools import combinations
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest

from antipodes.fabric.network import topology as model
from antipodes.questions.drawing import drawn
from antipodes.questions.failures import failures
from antipodes.questions.joins import Joins
from antipodes.questions.layout import Layout
from antipodes.questions.trail import Trail
from antipodes.questions.walking import Asked, walked
from antipodes.world.atlas import load_atlas
from antipodes.world.world import World
from tests.questions.topologies import SHAPES

SVG = "{http://www.w3.org/2000/svg}"


def world(topology: model.Topology) -> World:
    regions = dict.fromkeys(one.region for one in topology.networks.values())
    return World(load_atlas(), tuple(regions))


@pytest.mark.parametrize("name", SHAPES)
def test_a_picture_is_one_svg_the_same_every_time(name: str) -> None:
    topology, source, target = SHAPES[name]()
    walk = walked(topology, Asked(source, target))
    picture = drawn(topology, world(topology), walk=walk, caption="A & B", tables=True)
    root = ET.fromstring(picture)  # noqa: S314 - our own
    assert root.tag == f"{SVG}svg"
    assert root.findtext(f"{SVG}title") == "A & B"
    assert "href" not in picture
    assert "url(" not in picture
    again = drawn(topology, world(topology), walk=walk, caption="A & B", tables=True)
    assert again == picture
    words = " ".join("".join(one.itertext()) for one in root.iter(f"{SVG}text"))
    assert f"there: {walk.there.end.outcome}" in words


@pytest.mark.parametrize("name", SHAPES)
def test_boxes_are_inside_of_what_they_are_in_and_apart_from_each_other(name: str) -> None:
    topology, _, _ = SHAPES[name]()
    layout = Layout(topology, topology.names, ())
    joins = Joins(layout)
    regions = [_area(one) for one in layout.regions.values()]
    assert _apart(regions)
    assert all(_within(one, (0, 0, layout.width, joins.bottom)) for one in regions)
    for region in layout.regions.values():
        inside = [_area(one) for one in region.networks()]
        bars = [(bar.left, bar.y - 17, bar.right, bar.y + 17) for bar in region.bars]
        assert _apart([*inside, *bars])
        assert all(_within(one, _area(region)) for one in (*inside, *bars))
        for network in region.networks():
            subnets = [_area(one) for one in network.subnets()]
            assert _apart(subnets)
            assert all(_within(one, _area(network)) for one in subnets)
    sites = [(one.x, one.y, one.x + 150, one.y + 46) for one in joins.sites.values()]
    assert _apart([*sites, *regions])


def _area(of: Any) -> tuple[float, float, float, float]:
    return of.x, of.y, of.x + of.width, of.y + of.height


def _apart(areas: list[tuple[float, float, float, float]]) -> bool:
    return not any(
        a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
        for a, b in combinations(areas, 2)
    )


def _within(
    inner: tuple[float, float, float, float], outer: tuple[float, float, float, float]
) -> bool:
    return (
        outer[0] <= inner[0]
        and outer[1] <= inner[1]
        and inner[2] <= outer[2]
        and inner[3] <= outer[3]
    )


@pytest.mark.parametrize("name", SHAPES)
def test_a_way_is_drawn_from_its_source_to_where_it_ends(name: str) -> None:
    topology, source, target = SHAPES[name]()
    walk = walked(topology, Asked(source, target)).there
    met = [step.hop.id for step in walk.steps if step.hop.kind == "interface"]
    layout = Layout(topology, topology.names, met)
    trail = Trail(layout, Joins(layout), walk)
    _, first = layout.chips[met[0]]
    assert trail.points[0] == (first.x + 1, first.y)
    assert [stop.number for stop in trail.stops] == list(range(1, len(trail.stops) + 1))
    if walk.end.hop.id in layout.chips:
        _, last = layout.chips[walk.end.hop.id]
        assert trail.points[-1] == (last.x + 1, last.y)
    shown = {stop.id for stop in trail.stops}
    wired = {"peering", "line", "gateway"}
    assert {step.hop.id for step in walk.steps if step.hop.kind in wired} <= shown


def test_many_alike_are_counted_and_those_of_a_walk_are_shown() -> None:
    topology, _, _ = SHAPES["one network"]()
    topology = msgspec.structs.replace(topology, names={})
    [crowded] = [one for one in topology.subnets if one == "app 1"]
    chips = {
        chip.label
        for box, chip in Layout(topology, {}, ()).chips.values()
        if box.subnet.id == crowded
    }
    assert chips == {"10.0.11.20", "10.0.11.21", "10 more"}
    wanted = Layout(topology, {}, ("web 1 7",)).chips["web 1 7"][1]
    assert wanted.members == ("web 1 7",)


def test_a_long_name_makes_no_endless_box_and_columns_take_the_room_there_is() -> None:
    topology, _, _ = SHAPES["eight regions"]()
    names = {**topology.names, **dict.fromkeys(topology.networks, "ap-southeast-1 network")}
    boxes = Layout(msgspec.structs.replace(topology, names=names), names, ())
    Joins(boxes)
    for network in boxes.networks.values():
        columns = network.columns.values()
        assert network.width - sum(one[0].width for one in columns) <= 18.01 * (len(columns) + 1)
        assert network.width < 300
    names = dict.fromkeys(topology.networks, 64 * "name")
    endless = Layout(msgspec.structs.replace(topology, names=names), names, ())
    assert all(network.width < 400 for network in endless.networks.values())


def test_networks_with_nothing_in_them_are_left_out_and_said_to_be() -> None:
    topology, _, _ = SHAPES["one network"]()
    empty = model.Network("empty", "us-west-2", ("172.31.0.0/16",), "empty main")
    networks = {**topology.networks, "empty": empty}
    topology = msgspec.structs.replace(topology, networks=networks)
    assert "empty" not in Layout(topology, topology.names, ()).networks
    assert "1 empty not shown" in drawn(topology, world(topology))
    alone = model.Topology(
        networks={"empty": empty}, tables={"empty main": model.Table("empty main", ())}
    )
    assert "empty" in Layout(alone, {}, ()).networks


def test_names_stand_in_a_picture_as_they_are_and_end_inside_of_it() -> None:
    topology, source, target = SHAPES["hub and spokes"]()
    interface = topology.interfaces[target]
    called = "me@you.example & <co> \x07" + 60 * "name "
    topology = msgspec.structs.replace(topology, names={**topology.names, interface.id: called})
    walk = walked(topology, Asked(source, target))
    picture = drawn(topology, world(topology), walk=walk, caption=called)
    root = ET.fromstring(picture)  # noqa: S314 - our own
    width = float(root.attrib["width"])
    words = ["".join(one.itertext()) for one in root.iter(f"{SVG}text")]
    assert any("me@you" in one for one in words)
    for one in root.iter(f"{SVG}text"):
        shown = "".join(part for part in one.itertext() if part != one.findtext(f"{SVG}title"))
        assert float(one.attrib.get("x", 0)) + 5.5 * len(shown) < width


@pytest.mark.parametrize("name", ["two regions", "peers", "sites"])
def test_what_is_beyond_what_is_known_is_left_out(name: str) -> None:
    """One region tells of what it shares with another, which does not answer."""
    topology, _, _ = SHAPES[name]()
    first = next(iter(topology.networks))
    kept = {one.id for one in topology.subnets.values() if one.network == first}
    interfaces = {one.id: one for one in topology.interfaces.values() if one.subnet in kept}
    partial = msgspec.structs.replace(
        topology,
        networks={first: topology.networks[first]},
        subnets={one: topology.subnets[one] for one in sorted(kept)},
        interfaces=interfaces,
        hubs={},
        sites={},
    )
    assert drawn(partial, world(partial)).count('class="network"') == 1
    assert list(failures(partial))


def test_a_mark_stands_beside_a_name() -> None:
    topology, source, target = SHAPES["hub and spokes"]()
    topology = msgspec.structs.replace(topology, names={**topology.names, target: 20 * "name"})
    marked = drawn(topology, world(topology), walk=walked(topology, Asked(source, target)))
    labels = [
        part.rpartition(">")[2].split("…")[0]
        for part in (drawn(topology, world(topology)) + marked).split("</text>")
        if "namename" in part and part.rpartition(">")[2].startswith("name")
    ]
    assert len(labels[1]) < len(labels[0]) - 1
