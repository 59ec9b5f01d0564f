"""Continents, countries and states, by the codes that Route 53's geolocation knows.

Countries have ISO 3166-1's two letters and the continents of "Values specific for geolocation
records" of the Route 53 Developer Guide, which leaves out BV, CX, EH and HM and adds XK. The only
subdivisions are the states of the USA, by the Postal Service's letters.
"""

from functools import cache
from typing import NamedTuple

from antipodes.world.atlas import data_rows

CONTINENTS = {
    "AF": "Africa",
    "AN": "Antarctica",
    "AS": "Asia",
    "EU": "Europe",
    "NA": "North America",
    "OC": "Oceania",
    "SA": "South America",
}
SUBDIVIDED = "US"


class Country(NamedTuple):
    """A country, or a territory with a code of its own."""

    code: str
    name: str
    continent: str


@cache
def countries() -> dict[str, Country]:
    """All countries by code, in the order of their codes."""
    return {code: Country(code, name, where) for code, name, where in data_rows("countries.csv")}


@cache
def states() -> dict[str, str]:
    """The states of the USA: name by code, in the order of their codes."""
    return dict(data_rows("us_states.csv"))


def continent_of(country: str) -> str:
    """Return the continent of a country's code; nothing if there is no such country."""
    found = countries().get(country)
    return found.continent if found is not None else ""
