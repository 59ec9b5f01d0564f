"""Places that geolocation records can name: countries with their states, then continents."""

from typing import NamedTuple

from antipodes.edge.route53.model import DEFAULT_LOCATION
from antipodes.edge.route53.pages import limit_of, told_limit
from antipodes.edge.route53.records import invalid_input
from antipodes.edge.route53.service import Route53, operations
from antipodes.service.contract import Call, Request, Response, ServiceError
from antipodes.world.countries import CONTINENTS, SUBDIVIDED, countries, states

PAGE = 100


class _Place(NamedTuple):
    continent: str
    country: str
    subdivision: str


def _places() -> list[_Place]:
    """Every place, in the order of the list."""
    found = [_Place("", DEFAULT_LOCATION, "")]
    for code in countries():
        found.append(_Place("", code, ""))
        if code == SUBDIVIDED:
            found += [_Place("", code, state) for state in states()]
    return [*found, *(_Place(code, "", "") for code in CONTINENTS)]


def _show(place: _Place) -> Response:
    if place.continent:
        return {"ContinentCode": place.continent, "ContinentName": CONTINENTS[place.continent]}
    known = countries().get(place.country)
    shown = {
        "CountryCode": place.country,
        "CountryName": "Default" if known is None else known.name,
    }
    if place.subdivision:
        shown["SubdivisionCode"] = place.subdivision
        shown["SubdivisionName"] = states()[place.subdivision]
    return shown


def _asked(request: Request, prefix: str = "") -> _Place:
    """The place that a request names. Raises InvalidInput if it names two."""
    place = _Place(
        request.get(f"{prefix}ContinentCode") or "",
        request.get(f"{prefix}CountryCode") or "",
        request.get(f"{prefix}SubdivisionCode") or "",
    )
    if place.continent and (place.country or place.subdivision):
        raise invalid_input("A continent cannot be given with a country or a subdivision")
    if place.subdivision and not place.country:
        raise invalid_input("A subdivision cannot be given without its country")
    return place


@operations("GetGeoLocation")
def get_geo_location(service: Route53, call: Call, request: Request) -> Response:
    place = _asked(request)
    if place == _Place("", "", ""):
        place = _Place("", DEFAULT_LOCATION, "")
    if place not in _places():
        code = place.continent or "/".join(part for part in place[1:] if part)
        raise ServiceError("NoSuchGeoLocation", f"The location {code} is not supported", 404)
    return {"GeoLocationDetails": _show(place)}


@operations("ListGeoLocations")
def list_geo_locations(service: Route53, call: Call, request: Request) -> Response:
    start, places = _asked(request, "Start"), _places()
    if any(start):
        if start not in places:
            raise invalid_input("The list has no location to start at with these codes")
        places = places[places.index(start) :]
    limit = limit_of(request, "MaxItems", PAGE)
    answer: Response = {
        "GeoLocationDetailsList": [_show(place) for place in places[:limit]],
        "IsTruncated": len(places) > limit,
        "MaxItems": told_limit(request, "MaxItems", PAGE),
    }
    if len(places) > limit:
        following = places[limit]._asdict()
        answer |= {f"Next{part.title()}Code": code for part, code in following.items() if code}
    return answer
