"""Places by the names that people type."""

import pytest

from antipodes.world.atlas import fold, load_atlas
from antipodes.world.errors import AmbiguousPlace, UnknownPlace


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("sao-paulo", "city/sao-paulo"),
        ("São Paulo", "city/sao-paulo"),
        ("SAO PAULO", "city/sao-paulo"),
        ("city/São-Paulo", "city/sao-paulo"),
        ("frankfurt", "city/frankfurt"),
        ("Frankfurt am Main", "city/frankfurt"),
        ("new-york-city", "city/new-york"),
        ("cologne", "city/koln"),
        ("izmir", "city/izmir"),
        ("xian", "city/xian"),
        ("san-jose-cr", "city/san-jose-cr"),
        ("gru", "edge/GRU"),
        ("edge/gru", "edge/GRU"),
        ("US-West-2", "us-west-2"),
        ("us-west-2a", "us-west-2/usw2-az1"),
        ("usw2-az1", "us-west-2/usw2-az1"),
        ("us-west-2/usw2-az1", "us-west-2/usw2-az1"),
        ("hq", "site/HQ"),
        ("site/hq", "site/HQ"),
    ],
)
def test_a_place_is_found_by_the_names_people_type(name: str, place: str) -> None:
    assert load_atlas().place(name, ("HQ",)) == place


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("frankfrt", "frankfurt"),
        ("us-wst-2", "us-west-2"),
        ("us-west-2/usw2-az9", "us-west-2/usw2-az4"),
        ("edge/são paulo", "edge/GRU"),
        ("site/h", "site/HQ"),
        ("city/toky", "tokyo"),
    ],
)
def test_an_unknown_name_brings_what_comes_close(name: str, suggestion: str) -> None:
    with pytest.raises(UnknownPlace) as caught:
        load_atlas().place(name, ("HQ",))
    assert suggestion in caught.value.suggestions
    assert suggestion in str(caught.value)


@pytest.mark.parametrize("name", ["", "/", "*", "edge/", "city/", "site/", "us-west-2/", "zzqq"])
def test_what_names_nothing_is_refused(name: str) -> None:
    with pytest.raises(UnknownPlace):
        load_atlas().place(name)


def test_two_cities_of_one_name_are_told_apart_by_country() -> None:
    with pytest.raises(AmbiguousPlace) as caught:
        load_atlas().place("san-jose")
    assert caught.value.suggestions == ("san-jose-us", "san-jose-cr")
    assert load_atlas().city("san-jose-us").country == "US"


def test_every_place_is_found_by_its_own_spelling_and_has_but_one() -> None:
    atlas = load_atlas()
    places = [
        *(region.place for region in atlas.regions),
        *(zone.place for region in atlas.regions for zone in region.zones),
        *(edge.place for edge in atlas.edges),
        *(city.place for city in atlas.cities),
    ]
    assert len(set(places)) == len(places) > 500
    assert [atlas.place(place) for place in places] == places


def test_every_city_is_found_by_its_full_name_unless_two_share_it() -> None:
    atlas = load_atlas()
    shared = [city for city in atlas.cities if fold(city.name) == "san-jose"]
    for city in atlas.cities:
        if city not in shared:
            assert atlas.city(city.name) == city


def test_a_city_code_never_hides_a_city() -> None:
    atlas = load_atlas()
    codes = {edge.iata.lower() for edge in atlas.edges}
    assert not codes & {city.slug for city in atlas.cities}


def test_zones_know_their_region_and_letter() -> None:
    zone = load_atlas().zone("ca-central-1c")
    assert (zone.id, zone.region, zone.place) == (
        "cac1-az4",
        "ca-central-1",
        "ca-central-1/cac1-az4",
    )
    assert len(load_atlas().region("us-east-1").zones) == 6
