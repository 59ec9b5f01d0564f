"""Policies as people meet them: asked in cities, for people in subnets, with health in trees."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.edge.route53.model import (
    AliasTarget,
    CidrCollection,
    CidrRouting,
    GeoLocation,
    GeoProximity,
    RecordSet,
)
from antipodes.fabric.dns.edns import Subnet
from antipodes.fabric.dns.message import NOERROR, Query, encode_query, parse_answer, parse_query
from antipodes.fabric.dns.names import to_wire
from antipodes.runtime.contract import Address
from antipodes.service.dnsserver import Asker
from antipodes.world import addresses
from tests.edge.route53.asked import EDGE, ZONE, Asked, a, asked

W, E, S = "us-west-2", "eu-central-1", "ap-southeast-2"


@pytest.fixture
def here() -> Iterator[Asked]:
    with asked((W, E, S)) as location:
        yield location


def put_by(here: Asked, field: str, options: dict[str, Any], name: str = "www") -> None:
    """Records that answer with their own identifier, as addresses in their order."""
    for number, (identifier, value) in enumerate(options.items()):
        here.put(a(name, f"192.0.2.{number}", set_identifier=identifier, **{field: value}))


def test_latency_sends_each_city_to_its_nearest_region(here: Asked) -> None:
    put_by(here, "region", {"w": W, "e": E, "s": S})
    for city, wanted in (("seattle", 0), ("frankfurt", 1), ("sydney", 2), ("tokyo", 0)):
        distances = [here.shared.clients.rtt_ms(f"city/{city}", region) for region in (W, E, S)]
        assert distances.index(min(distances)) == wanted or city == "tokyo"
        chosen = distances.index(min(distances))
        assert here.values("www.example.com", city=city) == [f"192.0.2.{chosen}"]


def test_geolocation_goes_by_state_country_and_continent_of_the_city(here: Asked) -> None:
    locations: dict[str, Any] = {
        "ny": GeoLocation(country="US", subdivision="NY"),
        "us": GeoLocation(country="US"),
        "eu": GeoLocation(continent="EU"),
        "de": GeoLocation(country="DE"),
        "default": GeoLocation(country="*"),
    }
    put_by(here, "geo", locations)
    asked_in = {"new-york": 0, "washington": 1, "seattle": 1, "paris": 2, "berlin": 3, "tokyo": 4}
    for city, wanted in asked_in.items():
        assert here.values("www.example.com", city=city) == [f"192.0.2.{wanted}"], city


def test_geoproximity_draws_nearer_what_has_a_bias(here: Asked) -> None:
    put_by(here, "proximity", {"w": GeoProximity(region=W), "e": GeoProximity(region=E)})
    assert here.values("www.example.com", city="new-york") == ["192.0.2.0"]
    paris = GeoProximity(latitude="48.85", longitude="2.35", bias=60)
    here.put(a("www", "192.0.2.1", set_identifier="e", proximity=paris))
    assert here.values("www.example.com", city="new-york") == ["192.0.2.1"]
    assert here.values("www.example.com", city="seattle") == ["192.0.2.0"]


def test_weights_are_odds(here: Asked) -> None:
    put_by(here, "weight", {"a": 10, "b": 20, "c": 70, "d": 0})
    seen = here.spread("www.example.com")
    assert [seen.count(f"192.0.2.{n}") for n in range(4)] == [10, 20, 70, 0]


def test_a_client_s_subnet_speaks_for_it_and_the_answer_says_so(here: Asked) -> None:
    put_by(here, "region", {"w": W, "e": E, "s": S})
    here.put(a("plain", "192.0.2.9"))
    sydney = Subnet.of(addresses.client_ip("city/sydney", 9), 26)
    answer = here.ask("www.example.com", city="frankfurt", subnet=sydney)
    assert answer.answers[0].rdata[-1] == 2
    assert answer.subnet is not None
    assert answer.subnet.scope == 26
    plain = here.ask("plain.example.com", city="frankfurt", subnet=sydney)
    assert plain.subnet is not None
    assert plain.subnet.scope == 0
    nobody = here.ask("www.example.com", city="frankfurt", subnet=Subnet(1, 0, b""))
    assert nobody.answers[0].rdata[-1] == 1
    unknown = here.ask("www.example.com", city="frankfurt", subnet=Subnet.of("203.0.113.0", 24))
    assert unknown.answers[0].rdata[-1] == 1


def test_ip_based_records_go_by_the_subnet_and_the_collection_as_it_is_known(here: Asked) -> None:
    def collect(**locations: tuple[str, ...]) -> None:
        here.zones.advance()
        here.zones.put_collection("c", CidrCollection("c", "1", "mine", locations=locations))

    collect(home=("203.0.113.0/24", "2001:db8::/40"))
    here.location.advance(here.zones.version)
    put_by(here, "cidr", {"home": CidrRouting("c", "home"), "*": CidrRouting("c", "*")})
    for subnet, wanted in (
        (Subnet.of("203.0.113.0", 24), 0),
        (Subnet.of("203.0.113.128", 25), 0),
        (Subnet.of("203.0.112.0", 23), 1),  # shorter than the block
        (Subnet.of("2001:db8:1::", 48), 0),
        (None, 1),
    ):
        found = here.values("www.example.com", subnet=subnet)
        assert found == [f"192.0.2.{wanted}"], subnet
    collect(home=("198.51.100.0/24",))
    assert here.values("www.example.com", subnet=Subnet.of("203.0.113.0", 24)) == ["192.0.2.0"]
    here.location.advance(here.zones.version)
    assert here.values("www.example.com", subnet=Subnet.of("203.0.113.0", 24)) == ["192.0.2.1"]


def branch(name: str, target: str, identifier: str, *, health: bool, region: str) -> RecordSet:
    alias = AliasTarget(ZONE, f"{target}.example.com.", health)
    return RecordSet(f"{name}.example.com.", "A", identifier, alias=alias, region=region)


def tree(here: Asked, *, health: bool) -> None:
    """Latency between two regions, in each of which two servers share the load by weight."""
    for region, name in ((W, "west"), (E, "east")):
        here.put(branch("www", name, name, health=health, region=region))
        for n, weight in enumerate((1, 3)):
            check = f"{name}{n}"
            value = f"192.0.2.{n + (10 if name == 'east' else 0)}"
            here.put(a(name, value, set_identifier=check, weight=weight, health_check=check))


def test_a_tree_shares_the_load_below_the_nearest_branch(here: Asked) -> None:
    tree(here, health=True)
    seen = here.spread("www.example.com", city="seattle")
    assert [seen.count(value) for value in ("192.0.2.0", "192.0.2.1")] == [25, 75]
    here.turn(west1=False)
    assert set(here.spread("www.example.com", city="seattle")) == {"192.0.2.0"}


def test_surprise_18_an_alias_that_ignores_health_keeps_all_in_its_branch(here: Asked) -> None:
    tree(here, health=False)
    here.turn(west0=False, west1=False)
    seen = here.spread("www.example.com", city="seattle")
    assert [seen.count(value) for value in ("192.0.2.0", "192.0.2.1")] == [25, 75]
    tree(here, health=True)
    seen = here.spread("www.example.com", city="seattle")
    assert [seen.count(value) for value in ("192.0.2.10", "192.0.2.11")] == [25, 75]
    here.turn(east0=False, east1=False)  # nothing is well: as if all were
    seen = here.spread("www.example.com", city="seattle")
    assert [seen.count(value) for value in ("192.0.2.0", "192.0.2.1")] == [25, 75]


def test_an_alias_with_a_check_of_its_own_needs_both(here: Asked) -> None:
    for name, region in (("west", W), ("east", E)):
        record = branch("www", name, name, health=True, region=region)
        here.put(msgspec.structs.replace(record, health_check=f"{name}-alias"))
        here.put(a(name, "192.0.2.0" if name == "west" else "192.0.2.1"))
    assert here.values("www.example.com", city="seattle") == ["192.0.2.0"]
    here.turn(**{"west-alias": False})
    assert here.values("www.example.com", city="seattle") == ["192.0.2.1"]


def test_a_policy_without_an_answer_says_there_is_nothing(here: Asked) -> None:
    put_by(here, "geo", {"de": GeoLocation(country="DE")})
    answer = here.ask("www.example.com", city="tokyo")
    assert (answer.rcode, answer.answers, len(answer.authority)) == (NOERROR, (), 1)
    assert here.values("www.example.com", city="berlin") == ["192.0.2.0"]


def test_kept_answers_never_outlive_what_they_rest_on(here: Asked) -> None:
    """Ask until it is kept, in every way, and change one thing at a time."""

    def kept() -> list[str]:
        for _ in range(3):
            here.values("www.example.com")
        return here.values("www.example.com")

    primary = a("www", "192.0.2.0", set_identifier="1", failover="PRIMARY", health_check="c")
    here.put(primary, a("www", "192.0.2.1", set_identifier="2", failover="SECONDARY"))
    assert kept() == ["192.0.2.0"]
    here.turn(c=False)
    assert kept() == ["192.0.2.1"]
    here.turn(c=True)
    assert kept() == ["192.0.2.0"]
    here.delete(primary)
    assert kept() == ["192.0.2.1"]
    here.accelerators.put("a0.awsglobalaccelerator.com", "198.18.0.1")
    target = AliasTarget("Z2BJ6XQ5FK7U4H", "a0.awsglobalaccelerator.com.")
    here.put(RecordSet("www.example.com.", "A", "2", alias=target, failover="SECONDARY"))
    assert kept() == ["198.18.0.1"]
    here.accelerators.put("a0.awsglobalaccelerator.com", "198.18.0.2")
    assert kept() == ["198.18.0.2"]


NAMES = st.sampled_from(
    [
        "example.com",
        "www.example.com",
        "by.example.com",
        "any.wild.example.com",
        "x.sub.example.com",
        "circle.example.com",
        "chain.example.com",
        "elb.amazonaws.com",
        "x.elb.us-west-2.amazonaws.com",
        "awsglobalaccelerator.com",
        "com",
        ".",
        "\\000\\377.example.com",
    ]
)
SUBNETS = st.one_of(
    st.none(),
    st.builds(Subnet.of, st.ip_addresses(v=4).map(str), st.integers(0, 32)),
    st.builds(Subnet.of, st.ip_addresses(v=6).map(str), st.integers(0, 128)),
)


def everything(here: Asked) -> None:
    """A zone with a bit of everything in it."""
    put_by(here, "region", {"w": W, "e": E, "s": S})
    put_by(here, "cidr", {"home": CidrRouting("c", "home"), "*": CidrRouting("c", "*")}, "by")
    here.put(a("\\052.wild", "192.0.2.1", "192.0.2.2", "192.0.2.3"))
    here.put(RecordSet("sub.example.com.", "NS", ttl=1, values=("ns.sub.example.com.",)))
    circle = AliasTarget(ZONE, "circle.example.com.", evaluate_target_health=True)
    here.put(RecordSet("circle.example.com.", "A", alias=circle))
    here.put(RecordSet("chain.example.com.", "CNAME", ttl=1, values=("www.example.com.",)))


@given(
    st.lists(st.tuples(NAMES, st.integers(0, 65_535) | st.sampled_from([1, 5, 28, 255]), SUBNETS))
)
@settings(max_examples=40, deadline=None)
def test_whatever_is_asked_is_answered_and_no_longer_than_it_may_be(
    questions: list[tuple[str, int, Subnet | None]],
) -> None:
    with asked((W, E, S)) as here:
        everything(here)
        for name, rtype, subnet in questions:
            data = encode_query(9, to_wire(name), rtype, subnet=subnet)
            query = parse_query(data)
            if not isinstance(query, Query):
                continue  # a type that is none to ask for
            place = "city/tokyo"
            asker = Asker(place, addresses.client_ip(place, 0), Address(EDGE, "53"), "", tcp=False)
            said = [here.answerer.answer(query, asker) for _ in range(3)]
            assert len(set(said)) == 1
            assert len(said[0]) <= query.bytes_max
            answer = parse_answer(said[0])
            assert (answer.id, answer.name, answer.rtype) == (9, query.name, rtype)
            express = here.answerer.express(data, place, asker.ip)
            assert express is None or express == said[0]
