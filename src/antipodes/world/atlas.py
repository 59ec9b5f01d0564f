"""Where things are: regions and their zones, edge locations, cities, customers' sites.

Loaded from the packaged data (`data/README.md` has its origins); regions at once, everything else
when first asked for, because every process of a world does this when it starts. Names that people
type are folded (case, accents, punctuation) before they are compared: `São Paulo`, `sao-paulo` and
`SAO PAULO` are one city.

Leaves out: local zones, wavelength zones and outposts. AWS maps zone letters to zone ids for each
account separately; here letter and id are in the same order for everyone.
"""

import csv
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, cached_property
from importlib.resources import files
from typing import NamedTuple

from antipodes.world.errors import AmbiguousPlace, UnknownPlace

SUGGESTIONS_MAX = 3
SUGGESTION_LIKENESS = 0.6
# Letters that Unicode does not decompose into a base letter and an accent (the first is the Turkish
# dotless i), and the apostrophes of Xi'an and N'Djamena in their several forms.
_LETTERS = str.maketrans(
    {"\u0131": "i", "ħ": "h", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "þ": "th"}
    | dict.fromkeys("'`\u2019\u02bc", "")
)


class Point(NamedTuple):
    """Degrees of latitude and longitude (WGS84)."""

    lat: float
    lon: float


class Zone(NamedTuple):
    """An availability zone."""

    id: str
    letter: str
    region: str

    @property
    def place(self) -> str:
        """The zone as a place: `us-west-2/usw2-az1`."""
        return f"{self.region}/{self.id}"

    @property
    def name(self) -> str:
        """The zone as an account sees it: `us-west-2a`."""
        return f"{self.region}{self.letter}"


class Region(NamedTuple):
    """A region of the cloud; `position` is its row in the atlas."""

    code: str
    name: str
    city: str
    country: str
    lat: float
    lon: float
    zones: tuple[Zone, ...]
    position: int

    @property
    def place(self) -> str:
        """The region as a place."""
        return self.code

    @property
    def point(self) -> Point:
        """The metropolitan centre."""
        return Point(self.lat, self.lon)


class EdgeLocation(NamedTuple):
    """A point of presence, named by the code of the nearest airport."""

    iata: str
    city: str
    country: str
    lat: float
    lon: float

    @property
    def place(self) -> str:
        """The edge location as a place: `edge/GRU`."""
        return f"edge/{self.iata}"

    @property
    def point(self) -> Point:
        """The airport, which may be tens of kilometres from the city."""
        return Point(self.lat, self.lon)


class City(NamedTuple):
    """Where clients and their resolvers stand; `weight` counts people within 40 km, roughly."""

    slug: str
    name: str
    country: str
    lat: float
    lon: float
    weight: int
    timezone: str
    position: int

    @property
    def place(self) -> str:
        """The city as a place: `city/sao-paulo`."""
        return f"city/{self.slug}"

    @property
    def point(self) -> Point:
        """The centre of the city."""
        return Point(self.lat, self.lon)


class Site(NamedTuple):
    """A place of the customer's own, such as a data centre.

    Its `networks` are private addresses that regions know to be there. `listen` pairs some of them
    (`10.20.0.5:5060`) with ports of the user's own machine (`127.0.0.1:9000`), where the programs
    run that stand at the site. `link` says how regions reach it: `private`, or over the `internet`.
    """

    name: str
    lat: float
    lon: float
    country: str = ""
    networks: tuple[str, ...] = ()
    listen: tuple[tuple[str, str], ...] = ()
    link: str = "internet"

    @property
    def place(self) -> str:
        """The site as a place: `site/NAME`."""
        return f"site/{self.name}"

    @property
    def point(self) -> Point:
        """Where the customer says it is."""
        return Point(self.lat, self.lon)


Somewhere = Region | EdgeLocation | City | Site


def fold(text: str) -> str:
    """Return a name as it is compared: lower case, no accents, words joined by hyphens."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    bare = (c for c in decomposed if not unicodedata.combining(c))
    plain = "".join(c if c.isascii() and c.isalnum() else " " for c in bare)
    return "-".join(plain.split())


def data_rows(name: str) -> Iterable[list[str]]:
    """Return the rows of a packaged table, without its heading."""
    rows = csv.reader(data_text(name).splitlines())
    next(rows)
    return rows


def data_text(name: str) -> str:
    """Return the text of a packaged file."""
    return files("antipodes.world").joinpath("data", name).read_text(encoding="utf-8")


class Atlas:
    """Everything there is, whether or not a world has it. Never changes."""

    def __init__(self) -> None:
        self.regions = tuple(
            Region(
                code, name, city, country, float(lat), float(lon), _zones(code, zone_ids), position
            )
            for position, (code, name, city, country, lat, lon, _, zone_ids, *_) in enumerate(
                data_rows("regions.csv")
            )
        )
        self._regions = {region.code: region for region in self.regions}
        self._zones = {
            key: zone.place
            for region in self.regions
            for zone in region.zones
            for key in (zone.id, zone.name, zone.place)
        }

    @cached_property
    def edges(self) -> tuple[EdgeLocation, ...]:
        """All edge locations, in the order of their codes."""
        return tuple(
            sorted(
                EdgeLocation(iata, city, country, float(lat), float(lon))
                for iata, city, country, lat, lon, *_ in data_rows("edge_locations.csv")
            )
        )

    @cached_property
    def _other_names(self) -> Sequence[tuple[str, str, bool]]:
        """Folded name of a city, another name of it, and whether people prefer that one."""
        return [(name, other, flag == "1") for name, other, flag in data_rows("city_names.csv")]

    @cached_property
    def cities(self) -> tuple[City, ...]:
        """All cities; where two have one name, the country's code is part of the slug."""
        preferred = {name: other for name, other, prefer in self._other_names if prefer}
        rows = list(data_rows("cities.csv"))
        slugs = [fold(row[0]) for row in rows]
        return tuple(
            City(
                slug=preferred.get(slug, slug)
                if slugs.count(slug) == 1
                else f"{slug}-{row[1].lower()}",
                name=row[0],
                country=row[1],
                lat=float(row[2]),
                lon=float(row[3]),
                weight=int(row[5]),
                timezone=row[7],
                position=position,
            )
            for position, (slug, row) in enumerate(zip(slugs, rows, strict=True))
        )

    @cached_property
    def _edges(self) -> Mapping[str, EdgeLocation]:
        return {edge.iata: edge for edge in self.edges}

    @cached_property
    def _slugs(self) -> Mapping[str, City]:
        return {city.slug: city for city in self.cities}

    @cached_property
    def _city_names(self) -> Mapping[str, tuple[City, ...]]:
        """Every name of a city: its own, with its country's code, and its other names."""
        names: dict[str, dict[City, None]] = {}
        for city in self.cities:
            name = fold(city.name)
            for key in (city.slug, name, f"{name}-{city.country.lower()}"):
                names.setdefault(key, {})[city] = None
        for name, other, _ in self._other_names:
            for city in list(names[name]):
                names.setdefault(other, {})[city] = None
        return {name: tuple(cities) for name, cities in names.items()}

    def region(self, code: str) -> Region:
        """Return the region of that code."""
        region = self._regions.get(code.strip().lower())
        if region is None:
            raise UnknownPlace(code, _closest(code.lower(), self._regions))
        return region

    def edge(self, iata: str) -> EdgeLocation:
        """Return the edge location of that code; `edge/` may stand before it."""
        code = iata.strip().upper().removeprefix("EDGE/")
        edge = self._edges.get(code)
        if edge is None:
            by_city = [e.place for e in self.edges if fold(e.city) == fold(code)]
            close = tuple(by_city) or tuple(f"edge/{c}" for c in _closest(code, self._edges))
            raise UnknownPlace(iata, close[:SUGGESTIONS_MAX])
        return edge

    def city(self, name: str) -> City:
        """Return the city of that name; `city/` may stand before it."""
        city = self._slugs.get(name.removeprefix("city/"))
        if city is not None:
            return city
        folded = fold(name.strip().lower().removeprefix("city/"))
        cities = self._city_names.get(folded, ())
        if len(cities) == 1:
            return cities[0]
        if cities:
            raise AmbiguousPlace(name, tuple(city.slug for city in cities))
        raise UnknownPlace(name, _closest(folded, self._city_names))

    def zone(self, name: str) -> Zone:
        """Return a zone by its id, its name or its place."""
        place = self._zones.get(name.strip().lower())
        if place is None:
            raise UnknownPlace(name, _closest(name.lower(), self._zones))
        region = self._regions[place.partition("/")[0]]
        return next(zone for zone in region.zones if zone.place == place)

    def place(self, name: str, sites: Sequence[str] = ()) -> str:
        """Return the place that a person means: `gru`, `us-west-2a`, `São Paulo`, `edge/GRU`..."""
        head, slash, tail = name.strip().lower().partition("/")
        if not slash:
            return self._bare_place(name.strip(), sites)
        if head == "edge":
            return self.edge(tail).place
        if head == "city":
            return self.city(tail).place
        if head == "site":
            return f"site/{_site(name, tail, sites)}"
        return self.zone(name).place

    def _bare_place(self, name: str, sites: Sequence[str]) -> str:
        """Find a name without a kind: regions first, then zones, edges, sites and cities."""
        lower = name.lower()
        if lower in self._regions:
            return lower
        if lower in self._zones:
            return self._zones[lower]
        if name.upper() in self._edges:
            return f"edge/{name.upper()}"
        for site in sites:
            if site.lower() == lower:
                return f"site/{site}"
        if fold(name) in self._city_names:
            return self.city(name).place
        known = (*self._city_names, *self._regions, *self._zones, *sites)
        raise UnknownPlace(name, _closest(lower, known) or _closest(fold(name), known))


@cache
def load_atlas() -> Atlas:
    """Return the atlas of the packaged data; it never changes, so one serves the process."""
    return Atlas()


def _zones(region: str, ids: str) -> tuple[Zone, ...]:
    return tuple(Zone(id_, chr(ord("a") + n), region) for n, id_ in enumerate(ids.split()))


def _site(name: str, text: str, sites: Sequence[str]) -> str:
    by_lower = {site.lower(): site for site in sites}
    if text in by_lower:
        return by_lower[text]
    raise UnknownPlace(name, tuple(f"site/{by_lower[close]}" for close in _closest(text, by_lower)))


def _closest(text: str, known: Iterable[str]) -> tuple[str, ...]:
    from difflib import get_close_matches  # noqa: PLC0415 (only mistakes need it)

    names = list(known)
    begins = [n for n in names if text and n.startswith(text)][:SUGGESTIONS_MAX]
    similar = get_close_matches(text, names, SUGGESTIONS_MAX, SUGGESTION_LIKENESS)
    return tuple(dict.fromkeys((*begins, *similar)))[:SUGGESTIONS_MAX]
