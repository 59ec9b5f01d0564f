"""Places as strings, and groups of them.

A place is written `us-west-2` (a region), `us-west-2/usw2-az1` (a zone of it), `edge/GRU`,
`city/sao-paulo` or `site/NAME`. A region covers its zones. A *group* stands where a fault may name
many places at once: `*` (anything else), `region/*`, `edge/*`, `city/*`, `site/*`, or the zones of
one region, `us-west-2/*`. These functions look at the words only; whether such a place exists is
the atlas's knowledge.
"""

from typing import Literal

Kind = Literal["region", "zone", "edge", "city", "site"]

ANYTHING = "*"
KIND_GROUPS = ("region/*", "edge/*", "city/*", "site/*")


def kind_of(place: str) -> Kind:
    """Return what kind of place a well-formed place is."""
    head, slash, _ = place.partition("/")
    if not slash:
        return "region"
    if head == "edge":
        return "edge"
    if head == "city":
        return "city"
    if head == "site":
        return "site"
    return "zone"


def top_of(place: str) -> str:
    """Return the region of a zone; any other place stands for itself."""
    return place.partition("/")[0] if kind_of(place) == "zone" else place


def covers(end: str, place: str) -> bool:
    """Whether a place is the named one, inside it, or of the named group."""
    if end in (ANYTHING, place):
        return True
    if end == "region/*":
        return kind_of(place) in ("region", "zone")
    if end.endswith("/*"):
        return place.startswith(end[:-1])
    return place.startswith(f"{end}/")


def crosses(a: str, b: str, source: str, destination: str) -> bool:
    """Whether traffic from source to destination takes the link from end `a` to end `b`.

    Nothing ever crosses a link to itself. `*` is what the other end does not cover, so that
    cutting `us-west-2` from `*` leaves its zones able to talk among themselves; between two `*`,
    a region with its zones is one place.
    """
    if source == destination:
        return False
    if a == ANYTHING and b == ANYTHING:
        return top_of(source) != top_of(destination)
    if a == ANYTHING:
        return covers(b, destination) and not covers(b, source)
    if b == ANYTHING:
        return covers(a, source) and not covers(a, destination)
    return covers(a, source) and covers(b, destination)
