"""The record sets of one name and type, made ready to be chosen among and to be answered.

Values are kept in wire form and owners are left open, since an alias answers with another name's
values under its own. A value that has no wire form (the control plane takes none) is left out.
"""

from typing import NamedTuple

from antipodes.edge.route53.clients import block_of
from antipodes.edge.route53.model import (
    CidrCollection,
    GeoLocation,
    GeoProximity,
    Policy,
    RecordSet,
)
from antipodes.edge.route53.policies import Option
from antipodes.fabric.dns.names import InvalidName, to_wire
from antipodes.fabric.dns.rdata import RTYPES, InvalidRdata, rdata_wire
from antipodes.world.atlas import Point, load_atlas

# Policies whose answer depends on where the client is, and on its very address.
BY_PLACE: frozenset[Policy] = frozenset({"latency", "geolocation", "geoproximity"})
BY_NETWORK: frozenset[Policy] = frozenset({"cidr"})


class Alias(NamedTuple):
    """What an alias record stands for."""

    zone_id: str
    name: bytes
    evaluates_health: bool


class Member(NamedTuple):
    """One record set: its values, or what it stands for."""

    ttl: int
    values: tuple[bytes, ...]
    alias: Alias | None
    health_check: str


class Group:
    """All record sets of one name and type."""

    def __init__(self, sets: tuple[RecordSet, ...]) -> None:
        self.policy: Policy = sets[0].policy
        self.rtype = RTYPES[sets[0].type]
        self.members = tuple(_member(record_set) for record_set in sets)
        self.collection_id = sets[0].cidr.collection_id if sets[0].cidr is not None else ""
        self._options = tuple(_option(record_set) for record_set in sets)
        self._collected: tuple[CidrCollection, tuple[Option, ...]] | None = None

    def options(self, collection: CidrCollection | None) -> tuple[Option, ...]:
        """What its policy looks at; `collection` is the one that its records name."""
        if collection is None:
            return self._options
        if self._collected is not None and self._collected[0] is collection:
            return self._collected[1]
        blocks = {
            name: tuple(block_of(cidr) for cidr in cidrs)
            for name, cidrs in collection.locations.items()
        }
        options = tuple(
            option._replace(blocks=blocks.get(option.location, ())) for option in self._options
        )
        self._collected = collection, options
        return options


def _member(record_set: RecordSet) -> Member:
    alias = record_set.alias
    target = None
    if alias is not None:
        try:
            name = to_wire(alias.dns_name.lower())
        except InvalidName:
            name = b""  # which no name is
        target = Alias(alias.zone_id, name, alias.evaluate_target_health)
    values = []
    for text in record_set.values:
        try:
            values.append(rdata_wire(record_set.type, text))
        except InvalidRdata:
            continue
    return Member(record_set.ttl or 0, tuple(values), target, record_set.health_check)


def _option(record_set: RecordSet) -> Option:
    location = record_set.cidr.location if record_set.cidr is not None else ""
    if record_set.geo is not None:
        location = _geolocation(record_set.geo)
    proximity = record_set.proximity
    return Option(
        identifier=record_set.set_identifier,
        weight=record_set.weight or 0,
        region=record_set.region,
        primary=record_set.failover == "PRIMARY",
        location=location,
        point=_point(proximity) if proximity is not None else None,
        bias=(proximity.bias or 0) if proximity is not None else 0,
    )


def _geolocation(geo: GeoLocation) -> str:
    if geo.continent:
        return f"continent/{geo.continent}"
    return f"{geo.country}-{geo.subdivision}" if geo.subdivision else geo.country


def _point(proximity: GeoProximity) -> Point:
    """Where a resource is; a local zone is taken to be in its region."""
    if proximity.latitude:
        return Point(float(proximity.latitude), float(proximity.longitude))
    return load_atlas().region(proximity.in_region).point
