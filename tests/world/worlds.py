"""Places and faults for property tests: what Hypothesis draws from."""

from hypothesis import strategies as st

from antipodes.world.atlas import Site, load_atlas
from antipodes.world.faults import (
    CutLink,
    DarkPlace,
    DuplicatingLink,
    Fault,
    LossyLink,
    NarrowLink,
    ReorderingLink,
    SlowLink,
    SlowPlace,
)
from antipodes.world.world import World

HEADQUARTERS = Site("headquarters", 48.137, 11.575, "DE")
FEW_PLACES = (
    "us-west-2",
    "us-west-2/usw2-az1",
    "us-west-2/usw2-az2",
    "eu-central-1",
    "edge/GRU",
    "edge/FRA",
    "city/sao-paulo",
    "city/frankfurt",
    "site/headquarters",
)
GROUPS = ("*", "region/*", "edge/*", "city/*", "site/*", "us-west-2/*")


def a_world(seed: int = 0) -> World:
    """Two regions and a site."""
    return World(load_atlas(), ("us-west-2", "eu-central-1"), seed=seed, sites=(HEADQUARTERS,))


def all_places() -> st.SearchStrategy[str]:
    """Any place of the atlas, and the site."""
    atlas = load_atlas()
    return st.one_of(
        st.sampled_from([region.code for region in atlas.regions]),
        st.sampled_from([zone.place for region in atlas.regions for zone in region.zones]),
        st.sampled_from([edge.place for edge in atlas.edges]),
        st.sampled_from([city.place for city in atlas.cities]),
        st.just("site/headquarters"),
    )


def some_faults() -> st.SearchStrategy[Fault]:
    """Any fault between a few places, so that faults often meet."""
    place = st.sampled_from(FEW_PLACES)
    ends = st.tuples(
        st.sampled_from(FEW_PLACES + GROUPS), st.sampled_from(FEW_PLACES + GROUPS)
    ).filter(lambda pair: pair[0] != pair[1])
    extra_ms = st.floats(0.001, 5000)
    jitter_ms = st.floats(0, 500)
    both = st.booleans()
    return st.one_of(
        st.builds(_cut, ends, both),
        st.builds(_slow, ends, extra_ms, jitter_ms, both),
        st.builds(_lossy, ends, st.floats(0.001, 1), both),
        st.builds(_narrow, ends, st.floats(0.01, 10_000), both),
        st.builds(_duplicating, ends, st.floats(0.001, 1), both),
        st.builds(_reordering, ends, st.floats(0.001, 1), extra_ms, both),
        st.builds(DarkPlace, place),
        st.builds(SlowPlace, place, extra_ms, jitter_ms),
    )


Ends = tuple[str, str]


def _cut(ends: Ends, both_ways: bool) -> Fault:
    return CutLink(*ends, both_ways=both_ways)


def _slow(ends: Ends, ms: float, jitter_ms: float, both_ways: bool) -> Fault:
    return SlowLink(ends[0], ends[1], ms, jitter_ms, both_ways=both_ways)


def _lossy(ends: Ends, loss: float, both_ways: bool) -> Fault:
    return LossyLink(ends[0], ends[1], loss, both_ways=both_ways)


def _duplicating(ends: Ends, share: float, both_ways: bool) -> Fault:
    return DuplicatingLink(*ends, share=share, both_ways=both_ways)


def _reordering(ends: Ends, share: float, held_ms: float, both_ways: bool) -> Fault:
    return ReorderingLink(*ends, share=share, held_ms=held_ms, both_ways=both_ways)


def _narrow(ends: Ends, mbit_s: float, both_ways: bool) -> Fault:
    return NarrowLink(ends[0], ends[1], mbit_s, both_ways=both_ways)
