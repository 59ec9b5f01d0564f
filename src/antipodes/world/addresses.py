"""The addresses of the emulated internet, from blocks for benchmarks, which are routed nowhere.

198.18.0.0/15 of IPv4 (RFC 2544) and 2001:2::/48 of IPv6 (RFC 5180); private networks, of which
there are more, have the block for documentation (RFC 3849):

======================  =========================================================
198.18.0.0/17           first of an accelerator's two anycast addresses
198.18.128.0/17         second of them; the two networks can be broken separately
198.19.R.0/24           region R (its position in the atlas, below 64): balancers up to 199,
                        elastic addresses above, health checkers from 253 on
198.19.(64+R).0/24      its zones, 32 each: nodes of network load balancers
198.19.128.0/17         clients in cities: 64 of each, by the city's position
2001:2:0:a::/64         first of an accelerator's two anycast addresses of IPv6
2001:2:0:b::/64         second of them
2001:2:0:c000::/50      clients in cities: a /64 of each, by the city's position
2001:db8::/32           private networks: a /38 for each region, by its position, a /56 for each
======================  =========================================================

Inside every region, the default network of every account is 172.31.0.0/16, with its resolver at the
second address; customers' sites have other private ranges. An address in a private network is in no
place, of either family: what is sent to it goes by the network, not by the emulated internet.

Anycast addresses belong to no place: where they lead depends on where one stands. All functions are
pure; the blocks are disjoint and each function is the inverse of `place_of`.
"""

from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address

from antipodes.world.atlas import load_atlas
from antipodes.world.errors import OutOfAddresses

ANYCAST_A = int(IPv4Address("198.18.0.0"))
ANYCAST_B = int(IPv4Address("198.18.128.0"))
REGIONS = int(IPv4Address("198.19.0.0"))
CLIENTS = int(IPv4Address("198.19.128.0"))
END = int(IPv4Address("198.20.0.0"))
ANYCAST6_A = int(IPv6Address("2001:2:0:a::"))
ANYCAST6_B = int(IPv6Address("2001:2:0:b::"))
ANYCAST_ZONES = ("a", "b")
NETWORKS6 = int(IPv6Address("2001:db8::"))
REGION6_BITS, NETWORK6_BITS = 128 - 38, 128 - 56  # of what each has for its own
NETWORKS6_MAX = 1 << (REGION6_BITS - NETWORK6_BITS)  # of a region
CLIENTS6 = int(IPv6Address("2001:2:0:c000::"))
SUBNET6_SIZE = 1 << 64
ANYCAST_MAX = ANYCAST_B - ANYCAST_A - 2
REGIONS_MAX = 64
REGION_SIZE = 256
ELASTIC_FIRST, CHECKERS_FIRST = 200, 253
ZONES = REGIONS + REGIONS_MAX * REGION_SIZE
ZONE_SIZE = 32
CITY_SIZE = 64
CITIES_MAX = (END - CLIENTS) // CITY_SIZE
VPC_NETWORK = IPv4Network("172.31.0.0/16")
VPC_RESOLVER_IP = str(VPC_NETWORK[2])


def anycast_pair(n: int) -> tuple[str, str]:
    """Return the two static addresses of the n-th accelerator, counted from 0."""
    if not 0 <= n < ANYCAST_MAX:
        raise OutOfAddresses(f"accelerator {n}: there are addresses for 0 to {ANYCAST_MAX - 1}")
    return str(IPv4Address(ANYCAST_A + 1 + n)), str(IPv4Address(ANYCAST_B + 1 + n))


def anycast_pair6(n: int) -> tuple[str, str]:
    """Return the two static addresses of IPv6 of the n-th accelerator, counted from 0."""
    if not 0 <= n < ANYCAST_MAX:
        raise OutOfAddresses(f"accelerator {n}: there are addresses for 0 to {ANYCAST_MAX - 1}")
    return str(IPv6Address(ANYCAST6_A + 1 + n)), str(IPv6Address(ANYCAST6_B + 1 + n))


def is_anycast(ip: str) -> bool:
    """Whether an address is announced by every edge location."""
    return anycast_zone(ip) != ""


@lru_cache(1 << 12)
def anycast_zone(ip: str) -> str:
    """Return the network zone of an accelerator's address: `a`, `b`, or nothing if it is none."""
    if ":" in ip:
        try:
            subnet = int(IPv6Address(ip)) // SUBNET6_SIZE
        except AddressValueError:
            return ""
        zones = {ANYCAST6_A // SUBNET6_SIZE: "a", ANYCAST6_B // SUBNET6_SIZE: "b"}
        return zones.get(subnet, "")
    number = _number(ip)
    if not ANYCAST_A <= number < REGIONS:
        return ""
    return "a" if number < ANYCAST_B else "b"


def region_block(region: str) -> str:
    """Return a region's block as a CIDR."""
    return f"{IPv4Address(_region_start(region))}/24"


def region_address(region: str, n: int) -> str:
    """Return the n-th address of a region, 1 to 199."""
    if not 1 <= n < ELASTIC_FIRST:
        raise OutOfAddresses(f"address {n} of {region}: a region has 1 to {ELASTIC_FIRST - 1}")
    return str(IPv4Address(_region_start(region) + n))


def elastic_address(region: str, n: int) -> str:
    """Return the n-th elastic address of a region, 1 to 53."""
    most = CHECKERS_FIRST - ELASTIC_FIRST
    if not 1 <= n <= most:
        raise OutOfAddresses(f"elastic address {n} of {region}: a region has 1 to {most}")
    return str(IPv4Address(_region_start(region) + ELASTIC_FIRST + n - 1))


def network_prefix6(region: str, n: int) -> str:
    """Return the n-th prefix for a private network in a region, from 0 on."""
    if not 0 <= n < NETWORKS6_MAX:
        raise OutOfAddresses(f"network {n} of {region}: a region has 0 to {NETWORKS6_MAX - 1}")
    start = NETWORKS6 + (load_atlas().region(region).position << REGION6_BITS)
    return f"{IPv6Address(start + (n << NETWORK6_BITS))}/56"


def checker_address(region: str, n: int) -> str:
    """Return the address of the n-th health checker in a region, 1 to 2."""
    most = REGION_SIZE - 1 - CHECKERS_FIRST
    if not 1 <= n <= most:
        raise OutOfAddresses(f"health checker {n} in {region}: a region has 1 to {most}")
    return str(IPv4Address(_region_start(region) + CHECKERS_FIRST + n - 1))


def zone_address(zone: str, n: int) -> str:
    """Return the n-th address of a zone, 1 to 30."""
    if not 1 <= n < ZONE_SIZE - 1:
        raise OutOfAddresses(f"address {n} of {zone}: a zone has 1 to {ZONE_SIZE - 2}")
    atlas = load_atlas()
    found = atlas.zone(zone)
    region = atlas.region(found.region)
    number = region.zones.index(found)
    assert number < REGION_SIZE // ZONE_SIZE, f"{region.code} has more zones than there are blocks"
    start = ZONES + region.position * REGION_SIZE + number * ZONE_SIZE
    return str(IPv4Address(start + n))


@lru_cache(1 << 13)
def client_ip(city: str, n: int) -> str:
    """Return the address of the n-th client in a city, 0 to 63."""
    if not 0 <= n < CITY_SIZE:
        raise OutOfAddresses(f"client {n} in {city}: a city has 0 to {CITY_SIZE - 1}")
    position = load_atlas().city(city).position
    assert position < CITIES_MAX, "the atlas has more cities than there are blocks"
    return str(IPv4Address(CLIENTS + position * CITY_SIZE + n))


def client_ip6(city: str, n: int) -> str:
    """Return the address of IPv6 of the n-th client in a city, 0 to 63."""
    if not 0 <= n < CITY_SIZE:
        raise OutOfAddresses(f"client {n} in {city}: a city has 0 to {CITY_SIZE - 1}")
    position = load_atlas().city(city).position
    return str(IPv6Address(CLIENTS6 + position * SUBNET6_SIZE + 1 + n))


def place_of(ip: str) -> str | None:
    """Return the region, zone or city that an address is in; None for anycast and all others."""
    if ":" in ip:
        return _city_of(ip)
    number = _number(ip)
    if CLIENTS <= number < END:
        cities = load_atlas().cities
        index = (number - CLIENTS) // CITY_SIZE
        return cities[index].place if index < len(cities) else None
    if REGIONS <= number < CLIENTS:
        regions = load_atlas().regions
        index = (number - REGIONS) // REGION_SIZE
        if index < REGIONS_MAX:
            return regions[index].place if index < len(regions) else None
        return _zone_at(index - REGIONS_MAX, number % REGION_SIZE // ZONE_SIZE)
    return None


def _city_of(ip: str) -> str | None:
    """Return the city that an address of IPv6 is in."""
    try:
        number = int(IPv6Address(ip))
    except AddressValueError:
        return None
    cities = load_atlas().cities
    index = (number - CLIENTS6) // SUBNET6_SIZE
    return cities[index].place if 0 <= index < len(cities) else None


def _zone_at(region: int, number: int) -> str | None:
    regions = load_atlas().regions
    zones = regions[region].zones if region < len(regions) else ()
    return zones[number].place if number < len(zones) else None


def _region_start(region: str) -> int:
    position = load_atlas().region(region).position
    assert position < REGIONS_MAX, "the atlas has more regions than there are blocks"
    return REGIONS + position * REGION_SIZE


def _number(ip: str) -> int:
    """Return the address as a number; -1 for what is no IPv4 address."""
    try:
        return int(IPv4Address(ip))
    except AddressValueError:
        return -1
