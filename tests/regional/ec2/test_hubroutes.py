"""The one route that a transit gateway's table has to a prefix: laws, and the documented order."""

from collections.abc import Sequence
from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.fabric.network.topology import LISTED, PROPAGATED, STATIC
from antipodes.regional.ec2 import hubroutes
from antipodes.regional.ec2.hubroutes import KINDS, Entry, Listed, Offer
from antipodes.regional.ec2.modelhubs import HubRoute
from antipodes.service.contract import ServiceError

ATTACHMENTS = tuple(f"attachment-{letter}" for letter in "abcdef")
# Few prefixes, nested and of both families, so that they meet.
PREFIXES = (
    *("0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16", "10.0.0.0/17", "10.0.128.0/17", "10.1.0.0/16"),
    *("::/0", "fd00::/16", "fd00::/48"),
)
prefixes = st.sampled_from(PREFIXES)
attachments = st.sampled_from(ATTACHMENTS)
offers = st.builds(
    Offer,
    prefixes,
    attachments,
    st.sampled_from(KINDS),
    st.tuples(st.integers(0, 2).map(float), st.integers(0, 3)),
    st.lists(st.integers(64512, 64514), max_size=2).map(tuple),
    st.integers(0, 1),
    st.booleans(),
)
of_vpcs = st.builds(
    Offer,
    st.sampled_from(("9.0.0.0/16", *PREFIXES[1:6], *PREFIXES[7:])),
    attachments,
    st.just("vpc"),
    st.tuples(st.just(0.0), st.integers(0, 9)),
    st.just(()),
    st.just(0),
    st.just(value=False),
)
rivals = st.lists(  # for one prefix, and alike enough to be compared to the end
    st.builds(
        Offer,
        st.just("10.0.0.0/16"),
        st.sampled_from(ATTACHMENTS),
        st.sampled_from(("connect", "vpn")),
        st.tuples(st.integers(0, 1).map(float), st.just(0)),
        st.sampled_from(((64512,), (64513,), (64512, 64513))),
        st.integers(0, 1),
        st.booleans(),
    ),
    min_size=2,
    unique_by=lambda one: one.attachment,
)
statics = st.lists(
    st.builds(HubRoute, prefixes, attachments | st.just("")), unique_by=lambda one: one.destination
)
lists = st.lists(
    st.builds(
        Listed,
        st.sampled_from(("pl-1", "pl-2", "pl-3")),
        st.lists(prefixes, unique=True).map(tuple),
        attachments | st.just(""),
    ),
    unique_by=lambda one: one.id,
)


def better(one: Offer, other: Offer) -> bool:
    """The documented order of two offers of a prefix, told step by step."""
    if one.kind != other.kind:
        return KINDS.index(one.kind) < KINDS.index(other.kind)
    if len(one.path) != len(other.path):
        return len(one.path) < len(other.path)
    if one.med != other.med:
        return one.med < other.med
    return other.inside and not one.inside


def entries(
    static: Sequence[HubRoute] = (),
    offered: Sequence[Offer] = (),
    listed: Sequence[Listed] = (),
    *,
    spreads: bool = True,
) -> dict[str, Entry]:
    found = hubroutes.entries(static, offered, lists=listed, there=ATTACHMENTS[:4], spreads=spreads)
    by_prefix = {entry.prefix: entry for entry in found}
    assert len(by_prefix) == len(found)
    return by_prefix


@settings(max_examples=50)
@given(statics, st.lists(offers), lists, st.booleans(), st.data())
def test_the_order_of_edits_does_not_show(
    static: list[HubRoute],
    offered: list[Offer],
    listed: list[Listed],
    spreads: bool,
    data: st.DataObject,
) -> None:
    expected = entries(static, offered, listed, spreads=spreads)
    mixed = (data.draw(st.permutations(part)) for part in (static, offered, listed))
    assert entries(*mixed, spreads=spreads) == expected  # type: ignore[arg-type] # each of its own


@settings(max_examples=50)
@given(statics, st.lists(offers), lists)
def test_a_static_route_comes_before_a_listed_one_before_what_is_learnt(
    static: list[HubRoute], offered: list[Offer], listed: list[Listed]
) -> None:
    found = entries(static, offered, listed)
    fixed = {route.destination: route.attachment for route in static}
    in_lists: dict[str, Listed] = {}
    for one in sorted(listed):
        in_lists = dict.fromkeys(one.prefixes, one) | in_lists
    learnt = {offer.prefix for offer in hubroutes.apart(offered)}
    assert found.keys() == {*fixed, *in_lists, *learnt}
    for prefix, entry in found.items():
        if prefix in fixed:
            over = fixed[prefix]
            assert (entry.origin, entry.list) == (STATIC, "")
            assert entry.attachments == ((over,) if over in ATTACHMENTS[:4] else ())
        elif prefix in in_lists:
            assert (entry.origin, entry.list) == (LISTED, in_lists[prefix].id)
        else:
            assert entry.origin == PROPAGATED
            assert entry.attachments


@given(rivals, st.booleans(), st.data())
def test_no_offer_is_better_than_one_that_wins(
    offered: list[Offer],
    spreads: bool,
    data: st.DataObject,
) -> None:
    over = hubroutes.best(offered, spreads=spreads)
    assert hubroutes.best(data.draw(st.permutations(offered)), spreads=spreads) == over
    first, *others = [one for one in offered if one.attachment in over]
    assert not any(better(other, first) for other in offered)
    for other in others:
        assert (other.kind, other.path) == (first.kind, first.path)
        assert not better(first, other)
    alike = [one for one in offered if not better(first, one)]
    assert min(one.since for one in alike) in {one.since for one in (first, *others)}
    equal = [one for one in alike if one.path == first.path]
    if first.kind == "connect" or spreads:
        assert sorted(one.attachment for one in equal) == list(over)
    else:
        assert len(over) == 1


@given(st.lists(of_vpcs))
def test_of_vpcs_that_overlap_the_earlier_is_learnt(offered: list[Offer]) -> None:
    kept = hubroutes.apart(offered)
    networks = [ip_network(one.prefix) for one in kept]
    for number, one in enumerate(networks):
        assert not any(one.overlaps(other) for other in networks[number + 1 :])
    for offer in offered:
        if offer not in kept:
            assert any(
                ip_network(offer.prefix).overlaps(ip_network(one.prefix))
                and one.since <= offer.since
                for one in kept
            )


def test_the_documented_order_of_kinds() -> None:
    offered = [
        Offer("10.0.0.0/16", ATTACHMENTS[0], kind, (float(-number), 0))
        for number, kind in enumerate(KINDS)
    ]
    left = list(KINDS)
    while left:
        standing = [offer for offer in offered if offer.kind in left]
        named = [offer._replace(attachment=offer.kind) for offer in standing]
        assert hubroutes.best(named, spreads=True) == (left[0],)
        left.pop(0)


@pytest.mark.parametrize(
    ("kind", "spreads", "over"),
    [
        ("vpc", True, 1),
        ("vpn", True, 2),
        ("vpn", False, 1),
        ("connect", False, 2),
        ("direct-connect-gateway", False, 2),
        ("vpn-concentrator", True, 1),
        ("peering", True, 1),
    ],
)
def test_what_is_alike_is_used_together_where_its_kind_spreads(
    kind: str,
    spreads: bool,
    over: int,
) -> None:
    alike = [
        Offer("10.0.0.0/16", name, kind, (float(number), 0), (64513,))
        for number, name in enumerate(("b", "a"))
    ]
    assert hubroutes.best(alike, spreads=spreads) == (("a", "b") if over == 2 else ("b",))
    at_once = [one._replace(since=(0.0, 0)) for one in alike]
    chosen = hubroutes.best(at_once, spreads=spreads)
    assert chosen == hubroutes.best(at_once[::-1], spreads=spreads) == ("a", "b")[:over]
    longer = alike[1]._replace(path=(64513, 64513))
    assert hubroutes.best([alike[0], longer], spreads=spreads) == ("b",)
    elsewhere = alike[1]._replace(path=(64514,))
    assert hubroutes.best([alike[0], elsewhere], spreads=spreads) == ("b",)


SEARCHED = tuple(
    Entry(prefix, ("a",))
    for prefix in ("0.0.0.0/0", "10.0.0.0/16", "10.0.1.0/24", "10.0.1.0/29", "10.0.1.4/31", "::/0")
)


@pytest.mark.parametrize(
    ("name", "values", "found"),
    [
        ("exact-match", ("10.0.1.0/24",), ("10.0.1.0/24",)),
        ("exact-match", ("10.0.1.0/25",), ()),
        ("longest-prefix-match", ("10.0.1.5",), ("10.0.1.4/31",)),
        ("longest-prefix-match", ("10.0.1.1/32", "10.0.9.0/24"), ("10.0.0.0/16", "10.0.1.0/29")),
        ("longest-prefix-match", ("192.168.0.1",), ("0.0.0.0/0",)),
        ("longest-prefix-match", ("fd00::1",), ("::/0",)),
        ("subnet-of-match", ("10.0.1.0/24",), ("10.0.1.0/24", "10.0.1.0/29", "10.0.1.4/31")),
        ("supernet-of-match", ("10.0.1.0/30",), ("0.0.0.0/0", "10.0.0.0/16", "10.0.1.0/24")),
    ],
)
def test_searches_by_prefix(name: str, values: tuple[str, ...], found: tuple[str, ...]) -> None:
    told = hubroutes.found_by(SEARCHED, f"route-search.{name}", values)
    more = ("10.0.1.0/29",) if name == "supernet-of-match" else ()
    assert tuple(entry.prefix for entry in told) == found + more


def test_what_is_no_prefix() -> None:
    with pytest.raises(ServiceError) as caught:
        hubroutes.network("10.0.0.0/33", "destinationCidrBlock")
    assert caught.value.code == "InvalidParameterValue"
