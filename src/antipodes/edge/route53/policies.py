"""Which of a name's record sets answers whom: every routing policy as a pure function.

A policy orders a group's options, for one client, into *tiers*: the nearest region before the next,
the primary before the secondary, the state before its country, what has a weight before what has
none. Health is asked afterwards: the first tier that has a healthy option answers, with its healthy
options only; where no tier has one, every option counts as healthy, so the first tier answers.

Nothing is drawn here. What comes out is every possible answer with its share, so that the same
function serves one question, a thousand of them, and a proof that the shares are right.

Facts: Route 53's Developer Guide, "Choosing a routing policy", "How Route 53 chooses records when
health checking is configured". Not published, chosen here: options equally good by distance are
taken by their region's or their own name; of multivalue answers, each run of eight is as likely as
any other.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from antipodes.edge.route53.model import DEFAULT_LOCATION, Policy
from antipodes.world.atlas import Point

VALUES_MAX = 8  # of a multivalue answer
EARTH_KM = 6371.0
PERCENT = 100.0


class Block(NamedTuple):
    """A network: the first `length` bits of an address of 32 or 128 bits."""

    width: int
    bits: int
    length: int

    def covers(self, other: "Block") -> bool:
        """Whether all of the other is inside; a wider one never is."""
        return (
            self.width == other.width
            and self.length <= other.length
            and other.bits >> (other.length - self.length) == self.bits
        )


class Option(NamedTuple):
    """What a policy looks at in one of a group's record sets; only its own policy's fields count.

    `location` is a geolocation (a continent `EU`, a country `US`, a state `US-WA`, the default `*`;
    continents are written `continent/EU`, since codes of both kinds look alike) or the name of a
    CIDR location.
    """

    identifier: str = ""
    weight: int = 0
    region: str = ""
    primary: bool = False
    location: str = ""
    point: Point | None = None
    bias: int = 0
    blocks: tuple[Block, ...] = ()


class Client(NamedTuple):
    """Where a question comes from, as well as that can be told."""

    place: str
    point: Point
    locations: tuple[str, ...] = ()  # state, country and continent, as far as they are known
    network: Block | None = None


class Share(NamedTuple):
    """One possible answer: how often it is given, and the options it is made of."""

    part: float
    chosen: tuple[int, ...]


Tier = tuple[tuple[int, float], ...]  # options by their number, and what each weighs
Tiers = tuple[Tier, ...]
Distance = Callable[[str, str], float]


def tiers_of(policy: Policy, options: Sequence[Option], client: Client, rtt_ms: Distance) -> Tiers:
    """Order a group's options for a client, the best tier first; no tier at all is no answer."""
    if policy == "weighted":
        return _by_weight(options)
    if policy == "latency":
        return _ranked(options, lambda option: (rtt_ms(client.place, option.region), option.region))
    if policy == "failover":
        return _ranked(options, lambda option: not option.primary)
    if policy == "geolocation":
        wanted = (*client.locations, DEFAULT_LOCATION)
        return _named(options, wanted)
    if policy == "geoproximity":
        return _ranked(options, lambda option: (_biased_km(option, client), option.identifier))
    if policy == "cidr":
        return _by_block(options, client)
    return (tuple((number, 1.0) for number in range(len(options))),)


def decide(policy: Policy, tiers: Tiers, healthy: Callable[[int], bool]) -> tuple[Share, ...]:
    """Return the possible answers and their shares, given which options are healthy."""
    chosen = _first_healthy(tiers, healthy)
    if policy == "multivalue":
        return _runs([number for number, _ in chosen])
    total = sum(weight for _, weight in chosen)
    return tuple(Share(weight / total, (number,)) for number, weight in chosen)


def _first_healthy(tiers: Tiers, healthy: Callable[[int], bool]) -> Tier:
    for tier in tiers:
        usable = tuple((number, weight) for number, weight in tier if healthy(number))
        if usable:
            return usable
    return tiers[0] if tiers else ()


def _runs(numbers: list[int]) -> tuple[Share, ...]:
    """Up to eight in a row, beginning at any."""
    count = len(numbers)
    if count <= 1:
        return (Share(1.0, tuple(numbers)),) if numbers else ()
    return tuple(
        Share(1 / count, tuple((numbers[start:] + numbers[:start])[:VALUES_MAX]))
        for start in range(count)
    )


def _by_weight(options: Sequence[Option]) -> Tiers:
    """Those with a weight, by it; then those without, with equal odds."""
    weighty = tuple((n, float(o.weight)) for n, o in enumerate(options) if o.weight > 0)
    weightless = tuple((n, 1.0) for n, o in enumerate(options) if o.weight == 0)
    return tuple(tier for tier in (weighty, weightless) if tier)


def _ranked(options: Sequence[Option], rank: Callable[[Option], Any]) -> Tiers:
    """A tier for each option, the least rank first."""
    numbers = sorted(range(len(options)), key=lambda number: (rank(options[number]), number))
    return tuple(((number, 1.0),) for number in numbers)


def _named(options: Sequence[Option], wanted: Sequence[str]) -> Tiers:
    """The options of these locations, in the order of the locations."""
    numbers = {option.location: number for number, option in enumerate(options)}
    return tuple(((numbers[name], 1.0),) for name in wanted if name in numbers)


def _by_block(options: Sequence[Option], client: Client) -> Tiers:
    """The location with the longest block that the client's network is in; then the default."""
    found: list[tuple[int, int]] = []
    if client.network is not None:
        found = [
            (-block.length, number)
            for number, option in enumerate(options)
            for block in option.blocks
            if block.covers(client.network)
        ]
    matched = [min(found)[1]] if found else []
    default = [
        number for number, option in enumerate(options) if option.location == DEFAULT_LOCATION
    ]
    return tuple(((number, 1.0),) for number in (*matched, *default))


def _biased_km(option: Option, client: Client) -> float:
    """How far away a resource seems: a bias above 0 draws it nearer, one below pushes it away."""
    assert option.point is not None, "a geoproximity record is somewhere"
    km = distance_km(option.point, client.point)
    if option.bias >= 0:
        return km * (1 - option.bias / PERCENT)
    return km / (1 + option.bias / PERCENT)


def distance_km(a: Point, b: Point) -> float:
    """The way between two points over the ground."""
    lat_a, lat_b = math.radians(a.lat), math.radians(b.lat)
    half_lat, half_lon = (lat_b - lat_a) / 2, math.radians(b.lon - a.lon) / 2
    chord = math.sin(half_lat) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(half_lon) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, chord)))
