"""Where a question comes from: the client that a resolver speaks for, or the resolver itself.

An address of the world belongs to a city, a region or an edge location, and with that to a country
and a continent; in the USA also to a state. What the world has no place for (the laptop, addresses
of the real internet) is taken to be beside the edge location that was asked, and in no country.

Not in the atlas, and so taken from the nearest of the world's edge locations: the state of a place
in the USA.
"""

import ipaddress

from antipodes.edge.route53.policies import Block, Client, distance_km
from antipodes.fabric.dns.edns import Subnet
from antipodes.world import addresses
from antipodes.world.atlas import Point, Somewhere
from antipodes.world.countries import SUBDIVIDED, continent_of
from antipodes.world.errors import UnknownPlace
from antipodes.world.places import kind_of, top_of
from antipodes.world.world import World

CLIENTS_MAX = 10_000
UNREACHABLE_MS = float("inf")

# Edge locations of the USA are named by airports, and two cities lie across a border from theirs.
_STATE_EDGES = {
    "AZ": ("PHX",),
    "CA": ("LAX", "SFO"),
    "CO": ("DEN",),
    "FL": ("MIA", "TPA"),
    "GA": ("ATL",),
    "IL": ("ORD",),
    "MA": ("BOS",),
    "MI": ("DTW",),
    "MN": ("MSP",),
    "MO": ("MCI",),
    "NJ": ("EWR",),
    "NY": ("JFK",),
    "OH": ("CMH",),
    "OR": ("HIO",),
    "PA": ("PHL", "PIT"),
    "TN": ("BNA",),
    "TX": ("DFW", "IAH"),
    "UT": ("SLC",),
    "VA": ("IAD",),
    "WA": ("SEA",),
}
_STATES = {iata: state for state, edges in _STATE_EDGES.items() for iata in edges}
_ACROSS = {"city/new-york": "NY", "city/washington": "DC"}


class Clients:
    """Finds and remembers clients."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[tuple[str, str, str, Subnet | None], Client] = {}
        self._places: dict[str, Client] = {}

    def find(self, edge: str, asker: str, ip: str, subnet: Subnet | None) -> Client:
        """Whom an edge location is asked for: by the subnet given, or by who asks."""
        key = edge, asker, ip, subnet
        client = self._known.get(key)
        if client is None:
            if len(self._known) >= CLIENTS_MAX:
                self._known.clear()
            client = self._known[key] = self._find(edge, asker, ip, subnet)
        return client

    def _find(self, edge: str, asker: str, ip: str, subnet: Subnet | None) -> Client:
        if subnet is None or not subnet.prefix:
            place = addresses.place_of(ip) or asker
            return self._standing(place, edge)._replace(network=_block(ip, None))
        place = addresses.place_of(subnet.ip) or ""
        client = self._standing(place, edge)
        if not place:  # somebody far from here, who knows where: as far away as who asks for them
            nearby = self._standing(addresses.place_of(ip) or asker, edge)
            client = nearby._replace(locations=())
        return client._replace(network=_block(subnet.ip, subnet.prefix))

    def _standing(self, place: str, edge: str) -> Client:
        """A client at a place, or beside the edge location if there is no such place."""
        known = self._places.get(place)
        if known is not None:
            return known
        somewhere = self._somewhere(place)
        if somewhere is None:
            return self._standing(edge, edge)._replace(locations=())
        locations = self._locations(place, somewhere.country, somewhere.point)
        found = self._places[place] = Client(top_of(place), somewhere.point, locations)
        return found

    def _somewhere(self, place: str) -> Somewhere | None:
        atlas = self._world.atlas
        try:
            kind = kind_of(place)
            if kind == "city":
                return atlas.city(place)
            if kind == "edge":
                return atlas.edge(place)
            if kind == "site":
                return next((site for site in self._world.sites if site.place == place), None)
            return atlas.region(top_of(place))
        except UnknownPlace:
            return None

    def _locations(self, place: str, country: str, point: Point) -> tuple[str, ...]:
        """State, country and continent, as policies name them."""
        continent = continent_of(country)
        found = [country, f"continent/{continent}"] if continent else []
        if country == SUBDIVIDED:
            found.insert(0, f"{country}-{_ACROSS.get(place) or self._state(point)}")
        return tuple(found)

    def _state(self, point: Point) -> str:
        known = [edge for edge in self._world.atlas.edges if edge.iata in _STATES]
        return _STATES[min(known, key=lambda edge: (distance_km(edge.point, point), edge)).iata]

    def rtt_ms(self, place: str, region: str) -> float:
        """The round trip between a place and a region; endless to one that is not on the atlas."""
        try:
            return self._world.rtt_ms(place, region)
        except UnknownPlace:
            return UNREACHABLE_MS


def _block(ip: str, prefix: int | None) -> Block | None:
    """The first bits of an address; all of them if not said otherwise."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return None
    width = address.max_prefixlen
    length = width if prefix is None else prefix
    return Block(width, int(address) >> (width - length), length)


def block_of(cidr: str) -> Block:
    """A block as it is written in a collection."""
    network = ipaddress.ip_network(cidr, strict=False)
    width, length = network.max_prefixlen, network.prefixlen
    return Block(width, int(network.network_address) >> (width - length), length)
