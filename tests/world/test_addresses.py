"""The address plan: blocks are disjoint and every address leads back to where it came from."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.world import addresses
from antipodes.world.atlas import load_atlas
from antipodes.world.errors import OutOfAddresses, UnknownPlace

REGIONS = st.sampled_from([region.code for region in load_atlas().regions])
ZONES = st.sampled_from([z.place for region in load_atlas().regions for z in region.zones])
CITIES = st.sampled_from([city.place for city in load_atlas().cities])


@given(REGIONS, st.integers(1, 199), st.integers(1, 53))
def test_a_regions_addresses_lead_back_to_it(region: str, n: int, m: int) -> None:
    found = addresses.region_address(region, n), addresses.elastic_address(region, m)
    for ip in found:
        assert addresses.place_of(ip) == region
        assert ip_address(ip) in ip_network(addresses.region_block(region))
        assert not addresses.is_anycast(ip)
    assert len({*found}) == 2


@given(ZONES, st.integers(1, 30))
def test_a_zone_address_leads_back_to_its_zone(zone: str, n: int) -> None:
    ip = addresses.zone_address(zone, n)
    assert addresses.place_of(ip) == zone
    assert not addresses.is_anycast(ip)


@given(CITIES, st.integers(0, addresses.CITY_SIZE - 1))
def test_a_clients_addresses_lead_back_to_its_city(city: str, n: int) -> None:
    for ip in (addresses.client_ip(city, n), addresses.client_ip6(city, n)):
        assert addresses.place_of(ip) == city
        assert not addresses.is_anycast(ip)


@given(st.integers(0, addresses.ANYCAST_MAX - 1), st.integers(0, addresses.ANYCAST_MAX - 1))
def test_anycast_pairs_are_of_two_networks_and_belong_to_no_place(n: int, m: int) -> None:
    a, b = addresses.anycast_pair(n)
    assert ip_address(a) in ip_network("198.18.0.0/17")
    assert ip_address(b) in ip_network("198.18.128.0/17")
    for ip in (a, b):
        assert addresses.is_anycast(ip)
        assert addresses.place_of(ip) is None
    assert (n == m) == (addresses.anycast_pair(m) == (a, b))


def test_no_two_places_share_an_address() -> None:
    regions = [r.code for r in load_atlas().regions]
    cities = [c.place for c in load_atlas().cities]
    given_out = [addresses.region_address(r, n) for r in regions for n in range(1, 200)]
    given_out += [addresses.elastic_address(r, n) for r in regions for n in range(1, 54)]
    given_out += [addresses.checker_address(r, n) for r in regions for n in (1, 2)]
    zones = [zone.place for region in load_atlas().regions for zone in region.zones]
    given_out += [addresses.zone_address(zone, n) for zone in zones for n in range(1, 31)]
    given_out += [addresses.client_ip(c, n) for c in cities for n in range(addresses.CITY_SIZE)]
    given_out += [addresses.client_ip6(c, n) for c in cities for n in range(addresses.CITY_SIZE)]
    assert len(set(given_out)) == len(given_out)


@given(st.integers(0, addresses.ANYCAST_MAX - 1), st.integers(0, addresses.ANYCAST_MAX - 1))
def test_anycast_pairs_of_ipv6_are_of_two_subnets_and_zones_tell_the_networks_apart(
    n: int, m: int
) -> None:
    a, b = addresses.anycast_pair6(n)
    assert ip_address(a) in ip_network("2001:2:0:a::/64")
    assert ip_address(b) in ip_network("2001:2:0:b::/64")
    for pair in ((a, b), addresses.anycast_pair(n)):
        assert [addresses.anycast_zone(ip) for ip in pair] == ["a", "b"]
        assert [addresses.place_of(ip) for ip in pair] == [None, None]
    assert (n == m) == (addresses.anycast_pair6(m) == (a, b))


@given(st.ip_addresses(v=6))
def test_no_other_address_of_ipv6_is_ours(ip: object) -> None:
    ours = any(ip in ip_network(f"2001:2:0:{zone}::/64") for zone in "ab")
    assert addresses.is_anycast(str(ip)) == ours
    if ip not in ip_network("2001:2:0:c000::/50"):
        assert addresses.place_of(str(ip)) is None


@given(st.ip_addresses(v=4))
def test_no_other_address_is_ours(ip: object) -> None:
    if ip not in ip_network("198.18.0.0/15"):
        assert addresses.place_of(str(ip)) is None
        assert not addresses.is_anycast(str(ip))


@pytest.mark.parametrize(
    "text", ["", "sao-paulo", "198.18.0", "::1", "198.18.0.1:80", "198.19.63.9"]
)
def test_what_is_no_address_of_ours_belongs_to_no_place(text: str) -> None:
    assert addresses.place_of(text) is None
    assert not addresses.is_anycast(text)


@pytest.mark.parametrize("n", [-1, 64])
def test_a_city_has_so_many_clients(n: int) -> None:
    with pytest.raises(OutOfAddresses, match="sao-paulo"):
        addresses.client_ip("city/sao-paulo", n)


@pytest.mark.parametrize(("n", "m"), [(0, 0), (200, 54)])
def test_a_region_keeps_its_first_and_last_address(n: int, m: int) -> None:
    with pytest.raises(OutOfAddresses, match="us-west-2"):
        addresses.region_address("us-west-2", n)
    with pytest.raises(OutOfAddresses, match="us-west-2"):
        addresses.elastic_address("us-west-2", m)
    with pytest.raises(OutOfAddresses, match="us-west-2"):
        addresses.checker_address("us-west-2", m and 3)


@pytest.mark.parametrize("n", [0, 31])
def test_a_zone_keeps_its_first_and_last_address(n: int) -> None:
    with pytest.raises(OutOfAddresses, match="us-west-2a"):
        addresses.zone_address("us-west-2a", n)


@pytest.mark.parametrize("n", [-1, addresses.ANYCAST_MAX])
def test_anycast_addresses_end(n: int) -> None:
    with pytest.raises(OutOfAddresses):
        addresses.anycast_pair(n)


def test_an_unknown_place_has_no_addresses() -> None:
    with pytest.raises(UnknownPlace):
        addresses.client_ip("city/atlantis", 0)
    with pytest.raises(UnknownPlace):
        addresses.region_address("us-west-9", 1)
