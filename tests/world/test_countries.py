"""Continents, countries and states."""

from antipodes.world.atlas import load_atlas
from antipodes.world.countries import CONTINENTS, continent_of, countries, states


def test_every_place_of_the_atlas_is_in_a_country_with_a_continent() -> None:
    atlas = load_atlas()
    found = {place.country for place in atlas.regions} | {place.country for place in atlas.cities}
    found |= {place.country for place in atlas.edges}
    assert found <= set(countries())
    assert {country.continent for country in countries().values()} == set(CONTINENTS)


def test_codes_are_what_route_53_knows() -> None:
    assert not {"BV", "CX", "EH", "HM"} & set(countries())
    assert [continent_of(code) for code in ("UA", "MX", "PR", "XX")] == ["EU", "NA", "NA", ""]
    assert len(states()) == 51
    assert all(len(code) == 2 for code in [*countries(), *states()])
