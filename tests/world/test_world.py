"""The world as a runtime sees it: conditions now, versions, handles that heal."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.world.atlas import Site, load_atlas
from antipodes.world.errors import (
    InvalidFault,
    InvalidWorld,
    UnknownAccess,
    UnknownHandle,
    UnknownPlace,
)
from antipodes.world.faults import CutLink, DarkPlace, Fault, LossyLink, SlowLink, combine
from antipodes.world.world import FAULTS_MAX, World
from tests.world.worlds import FEW_PLACES, a_world, some_faults

PAIRS = [(a, b) for a in FEW_PLACES for b in FEW_PLACES]
BASE = a_world()


def picture(world: World) -> list[Any]:
    """Every direction between a few places, now."""
    return [world.condition(a, b) for a, b in PAIRS]


def test_half_of_the_round_trip_is_on_either_way() -> None:
    there = BASE.condition("eu-central-1", "us-west-2")
    assert there == BASE.condition("us-west-2", "eu-central-1")
    assert there.delay_s == pytest.approx(BASE.rtt_ms("eu-central-1", "us-west-2") / 2000)
    assert not there.cut
    assert BASE.condition("us-west-2", "us-west-2").delay_s == pytest.approx(0.0001)


@pytest.mark.slow
@given(st.lists(some_faults(), max_size=4), some_faults())
def test_healing_brings_back_exactly_what_was(before: list[Fault], fault: Fault) -> None:
    """Slow, as every example asks for 81 directions, four times."""
    world = a_world()
    for earlier in before:
        world.install(earlier)
    was = picture(world)
    handle = world.install(fault)
    picture(world)
    world.heal(handle)
    assert picture(world) == was
    world.heal_all()
    assert picture(world) == picture(BASE)
    assert world.faults() == []


@pytest.mark.slow
@given(st.lists(some_faults(), min_size=1, max_size=5), st.data())
def test_whatever_came_and_went_only_what_is_installed_counts(
    faults: list[Fault], data: st.DataObject
) -> None:
    """Slow, as every example asks for 81 directions after each change."""
    world = a_world()
    handles = [world.install(fault) for fault in faults]
    for handle in data.draw(st.lists(st.sampled_from(handles), unique=True)):
        picture(world)
        world.heal(handle)
    left = [fault for _, fault in world.faults()]
    fresh = a_world()
    for fault in reversed(left):
        fresh.install(fault)
    assert picture(world) == picture(fresh)
    for (a, b), condition in zip(PAIRS, picture(world), strict=True):
        effects = [fault.effect for fault in left if fault.affects(a, b)]
        assert condition == combine(BASE.condition(a, b), effects)


def test_every_change_is_told_and_counted() -> None:
    world = a_world()
    heard: list[int] = []
    world.on_change(lambda: heard.append(world.version))
    handle = world.install(CutLink("us-west-2", "eu-central-1"))
    world.install(DarkPlace("edge/GRU"))
    world.heal(handle)
    world.heal_all()
    world.heal_all()
    assert heard == [1, 2, 3, 4]


def test_a_listener_sees_the_new_state() -> None:
    world = a_world()
    seen: list[bool] = []
    assert not world.condition("us-west-2", "eu-central-1").cut
    world.on_change(lambda: seen.append(world.condition("us-west-2", "eu-central-1").cut))
    world.heal(world.install(CutLink("us-west-2", "eu-central-1")))
    assert seen == [True, False]


def test_an_unknown_handle_heals_nothing() -> None:
    world = a_world()
    handle = world.install(DarkPlace("edge/GRU"))
    with pytest.raises(UnknownHandle, match=r"nonsense.*fault-1"):
        world.heal("nonsense")
    world.heal(handle)
    with pytest.raises(UnknownHandle, match=handle):
        world.heal(handle)
    assert world.version == 2


def test_handles_are_never_used_twice() -> None:
    world = a_world()
    first = world.install(DarkPlace("edge/GRU"))
    world.heal(first)
    assert world.install(DarkPlace("edge/GRU")) != first


def test_faults_are_kept_under_proper_names() -> None:
    world = a_world()
    world.install(CutLink("São Paulo", "gru"))
    world.install(SlowLink("US-WEST-2/*", "site/Headquarters", 10))
    world.install(DarkPlace("us-west-2b"))
    assert [fault for _, fault in world.faults()] == [
        CutLink("city/sao-paulo", "edge/GRU"),
        SlowLink("us-west-2/*", "site/headquarters", 10),
        DarkPlace("us-west-2/usw2-az2"),
    ]
    assert world.condition("city/sao-paulo", "edge/GRU").cut


@pytest.mark.parametrize(
    ("fault", "field"),
    [
        (CutLink("us-west-2", "atlantis"), "b"),
        (LossyLink("atlantis", "*", 0.5), "a"),
        (CutLink("*", "planet/*"), "b"),
        (CutLink("edge/GRU/*", "*"), "a"),
        (CutLink("us-west-2a/*", "*"), "a"),
        (CutLink("GRU", "edge/GRU"), "b"),
        (DarkPlace("edge/QQQ"), "place"),
    ],
)
def test_a_fault_at_no_place_is_refused_and_nothing_changes(fault: Fault, field: str) -> None:
    world = a_world()
    with pytest.raises(InvalidFault, match=f"^{field}: "):
        world.install(fault)
    assert world.version == 0
    assert world.faults() == []


def test_there_is_an_end_to_breaking() -> None:
    world = a_world()
    for _ in range(FAULTS_MAX):
        world.install(DarkPlace("edge/GRU"))
    with pytest.raises(InvalidFault, match=str(FAULTS_MAX)):
        world.install(DarkPlace("edge/GRU"))


@pytest.mark.slow
@given(st.lists(some_faults(), max_size=4))
def test_another_process_restores_the_same_world(faults: list[Fault]) -> None:
    """Slow, as every example asks for 81 directions in two worlds."""
    world, other = a_world(), a_world()
    for fault in faults:
        world.install(fault)
    other.restore(world.faults())
    assert picture(other) == picture(world)
    assert other.faults() == world.faults()
    version = other.version
    other.restore(world.faults())
    assert other.version == version
    handle = other.install(DarkPlace("edge/GRU"))
    assert handle not in dict(world.faults())
    other.restore([])
    assert picture(other) == picture(BASE)


def test_a_faulty_restoration_changes_nothing() -> None:
    world = a_world()
    handle = world.install(DarkPlace("edge/GRU"))
    with pytest.raises(UnknownHandle):
        world.restore([("x", DarkPlace("us-west-2")), ("x", DarkPlace("us-west-2"))])
    with pytest.raises(InvalidFault):
        world.restore([("x", DarkPlace("edge/FRA")), ("y", DarkPlace("atlantis"))])
    assert world.faults() == [(handle, DarkPlace("edge/GRU"))]


def test_anycast_leads_away_from_a_dark_edge_and_home_again() -> None:
    world = a_world()
    assert world.anycast_edge("city/sao-paulo") == "edge/GRU"
    handle = world.install(DarkPlace("edge/GRU"))
    second = world.anycast_edge("city/sao-paulo")
    rest = [edge for edge in world.edges() if edge != "edge/GRU"]
    assert second == min(rest, key=lambda edge: world.rtt_ms("city/sao-paulo", edge))
    assert world.nearest_edge("city/sao-paulo") == "edge/GRU"
    assert world.anycast_edge("city/frankfurt") == "edge/FRA"
    world.heal(handle)
    assert world.anycast_edge("city/sao-paulo") == "edge/GRU"


def test_anycast_still_leads_to_an_edge_that_is_merely_cut_off() -> None:
    world = a_world()
    world.install(CutLink("city/sao-paulo", "edge/GRU"))
    assert world.anycast_edge("city/sao-paulo") == "edge/GRU"


def test_where_all_edges_are_dark_nothing_comes_back() -> None:
    world = a_world()
    for edge in world.edges():
        world.install(DarkPlace(edge))
    edge = world.anycast_edge("city/sao-paulo")
    assert world.condition("city/sao-paulo", edge).cut


def test_regions_are_ranked_by_distance_faults_or_not() -> None:
    world = a_world()
    regions = ["eu-central-1", "us-west-2", "sa-east-1"]
    assert world.rank_regions("edge/GRU", regions) == ["sa-east-1", "us-west-2", "eu-central-1"]
    world.install(DarkPlace("sa-east-1"))
    assert world.rank_regions("edge/GRU", regions)[0] == "sa-east-1"
    assert world.rank_regions("edge/FRA", reversed(regions))[0] == "eu-central-1"


def test_a_city_may_have_another_access_network_by_any_of_its_names() -> None:
    world = World(load_atlas(), ("us-west-2",), access={"São Paulo": "lte"})
    slower = world.rtt_ms("city/sao-paulo", "edge/GRU") - BASE.rtt_ms("city/sao-paulo", "edge/GRU")
    assert slower == pytest.approx(28)
    assert world.access_of("city/sao-paulo").name == "lte"
    assert world.condition("city/sao-paulo", "edge/GRU").loss == pytest.approx(0.001)


@pytest.mark.parametrize(
    ("regions", "sites", "message"),
    [
        ((), (), "at least one"),
        (("us-west-2", "US-WEST-2"), (), "us-west-2 is named twice"),
        (("us-west-2",), (Site("a", 0, 0), Site("A", 1, 1)), "named twice"),
        (("us-west-2",), (Site("a/b", 0, 0),), "no name"),
        (("us-west-2",), (Site("", 0, 0),), "no name"),
        (("us-west-2",), (Site("a", 91, 0),), "not on this planet"),
        (("us-west-2",), (Site("a", 0, float("nan")),), "not on this planet"),
    ],
)
def test_a_world_that_cannot_be_is_refused(
    regions: tuple[str, ...], sites: tuple[Site, ...], message: str
) -> None:
    with pytest.raises(InvalidWorld, match=message):
        World(load_atlas(), regions, sites=sites)


def test_a_world_of_unknown_regions_is_refused() -> None:
    with pytest.raises(UnknownPlace, match="us-west-2"):
        World(load_atlas(), ("us-west-22",))
    with pytest.raises(UnknownPlace):
        BASE.condition("city/sao-paulo", "city/atlantis")


def test_only_clients_have_a_last_mile() -> None:
    with pytest.raises(UnknownAccess, match="us-west-2"):
        World(load_atlas(), ("us-west-2",), access={"us-west-2": "lte"})
    with pytest.raises(UnknownPlace, match="atlantis"):
        World(load_atlas(), ("us-west-2",), access={"atlantis": "lte"})
