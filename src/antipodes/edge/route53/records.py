"""Record sets as the API has them, to and from how they are kept, with what one alone must keep.

What is wrong with the form of a change (fields that exclude each other or are missing) is an
InvalidInput, told at once; what is wrong with its content is a message in the batch's
InvalidChangeBatch, so that all of them are told together.

Sources: botocore's model; messages as seen in public logs.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from antipodes.edge.route53 import naming, values
from antipodes.edge.route53.model import (
    ACCELERATOR_ZONE,
    CLOUDFRONT_ZONE,
    DEFAULT_LOCATION,
    AliasTarget,
    CidrRouting,
    GeoLocation,
    GeoProximity,
    HostedZone,
    RecordSet,
)
from antipodes.service.contract import ServiceError
from antipodes.wire import models
from antipodes.world.atlas import load_atlas
from antipodes.world.countries import CONTINENTS, SUBDIVIDED, countries, states

VALUES_MAX = 400  # of one record set ("Quotas" of the Developer Guide)
LATITUDE_MAX, LONGITUDE_MAX = 90.0, 180.0
UNROUTED = ("NS", "SOA", "DS")  # have no routing policy
_ROUTING = (
    "Weight",
    "Region",
    "Failover",
    "GeoLocation",
    "MultiValueAnswer",
    "GeoProximityLocation",
    "CidrRoutingConfig",
)
_ROUTING_TOLD = f"[{', '.join(_ROUTING[:-1])}, or {_ROUTING[-1]}]"
_LOCAL_ZONE_GROUP = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]+-[a-z]{3}-[0-9]+")
_COORDINATE = re.compile(r"[-+]?[0-9]{1,3}(?:\.[0-9]{0,2})?")
_BALANCER = re.compile(r".*\.(?:elb(?:\.[a-z0-9-]+)?|vpce)\.amazonaws\.com\.")  # or an endpoint


def invalid_input(message: str) -> ServiceError:
    """The error for a request that cannot be."""
    return ServiceError("InvalidInput", message)


def _regions() -> tuple[str, ...]:
    """The regions that a latency record may name."""
    operation = models.service("route53").operation("ChangeResourceRecordSets")
    assert operation is not None and operation.input is not None  # noqa: PT018 - the model's
    shape = operation.input.shape.members["ChangeBatch"].shape.members["Changes"].shape
    record = shape.member.shape.members["ResourceRecordSet"].shape
    return record.members["Region"].shape.enum


def _described(action: str, given: dict[str, Any]) -> str:
    identifier = given.get("SetIdentifier", "null")
    return (
        f"Change with [Action={action}, Name={given['Name']}, Type={given['Type']}, "
        f"SetIdentifier={identifier}]"
    )


def _one_of(choices: str, found: int, described: str) -> None:
    if found != 1:
        told = "none" if found == 0 else "more than one"
        raise invalid_input(
            f"Invalid request: Expected exactly one of {choices}, but found {told} in {described}"
        )


def check_form(action: str, given: dict[str, Any]) -> None:
    """Check which fields of a change go together. Raises InvalidInput."""
    described = _described(action, given)
    written = [given.get("TTL") is not None, bool(given.get("ResourceRecords"))]
    alias, instance = bool(given.get("AliasTarget")), bool(given.get("TrafficPolicyInstanceId"))
    if instance and action != "DELETE":
        raise invalid_input(
            "Invalid request: records of a traffic policy instance are created and changed by the "
            f"instance, in {described}"
        )
    choices = "[AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]"
    if alias and any(written):
        _one_of(choices, 2, described)
    if not alias and not all(written):
        _one_of(choices, 0, described)
    absent = (None, False)  # by identity: a weight of 0 is a weight
    policies = sum(all(given.get(member) is not no for no in absent) for member in _ROUTING)
    if given.get("SetIdentifier") is not None:
        _one_of(_ROUTING_TOLD, policies, described)
    elif policies:
        raise invalid_input(f"Invalid request: Missing field 'SetIdentifier' in {described}")


def read(action: str, given: dict[str, Any]) -> RecordSet:
    """Read a record set of a change. Raises InvalidInput, and BadName for its names."""
    check_form(action, given)
    target = given.get("AliasTarget")
    cidr = given.get("CidrRoutingConfig")
    return RecordSet(
        name=naming.canonical(given["Name"]),
        type=given["Type"],
        set_identifier=given.get("SetIdentifier") or "",
        ttl=given.get("TTL"),
        values=tuple(part["Value"] for part in given.get("ResourceRecords") or ()),
        alias=None if target is None else _read_target(target),
        weight=given.get("Weight"),
        region=given.get("Region") or "",
        failover=given.get("Failover") or "",
        geo=_read_geo(given.get("GeoLocation")),
        proximity=_read_proximity(given.get("GeoProximityLocation")),
        multivalue=bool(given.get("MultiValueAnswer")),
        cidr=None if cidr is None else CidrRouting(cidr["CollectionId"], cidr["LocationName"]),
        health_check=given.get("HealthCheckId") or "",
        traffic_policy_instance=given.get("TrafficPolicyInstanceId") or "",
    )


def _read_target(given: dict[str, Any]) -> AliasTarget:
    zone_id = given["HostedZoneId"].rpartition("/")[2]
    return AliasTarget(
        zone_id, naming.canonical(given["DNSName"]), bool(given["EvaluateTargetHealth"])
    )


def _read_geo(given: dict[str, Any] | None) -> GeoLocation | None:
    if given is None:
        return None
    return GeoLocation(
        given.get("ContinentCode") or "",
        given.get("CountryCode") or "",
        given.get("SubdivisionCode") or "",
    )


def _read_proximity(given: dict[str, Any] | None) -> GeoProximity | None:
    if given is None:
        return None
    point = given.get("Coordinates") or {}
    return GeoProximity(
        given.get("AWSRegion") or "",
        given.get("LocalZoneGroup") or "",
        point.get("Latitude", ""),
        point.get("Longitude", ""),
        given.get("Bias"),
    )


def check_places(record: RecordSet) -> None:
    """Check what a routing policy says of places. Raises InvalidInput."""
    if record.region and record.region not in _regions():
        raise invalid_input(f"Invalid Region: {record.region} is not an AWS Region")
    if record.geo is not None:
        _check_geo(record.geo)
    if record.proximity is not None:
        _check_proximity(record.proximity)


def _check_geo(geo: GeoLocation) -> None:
    if geo.continent and (geo.country or geo.subdivision):
        raise invalid_input(
            "Invalid geo location: ContinentCode cannot be given with CountryCode or "
            "SubdivisionCode"
        )
    if geo.subdivision and geo.country != SUBDIVIDED:
        raise invalid_input(
            f"Invalid geo location: SubdivisionCode needs the CountryCode {SUBDIVIDED}"
        )
    known = (
        not (geo.continent and geo.continent not in CONTINENTS)
        and not (geo.country and geo.country not in {*countries(), DEFAULT_LOCATION})
        and not (geo.subdivision and geo.subdivision not in states())
    )
    if not known or not (geo.continent or geo.country):
        raise invalid_input(
            f"Invalid geo location: no location has ContinentCode={geo.continent or 'null'}, "
            f"CountryCode={geo.country or 'null'}, SubdivisionCode={geo.subdivision or 'null'}"
        )


def _check_proximity(place: GeoProximity) -> None:
    at_point = bool(place.latitude or place.longitude)
    if sum([bool(place.region), bool(place.local_zone_group), at_point]) != 1:
        raise invalid_input(
            "Invalid GeoProximityLocation: exactly one of AWSRegion, LocalZoneGroup and "
            "Coordinates must be given"
        )
    if at_point:
        _check_coordinate("Latitude", place.latitude, LATITUDE_MAX)
        _check_coordinate("Longitude", place.longitude, LONGITUDE_MAX)
        return
    if place.local_zone_group and _LOCAL_ZONE_GROUP.fullmatch(place.local_zone_group) is None:
        raise invalid_input(
            f"Invalid GeoProximityLocation: {place.local_zone_group} is not a Local Zone group"
        )
    if all(place.in_region != known.code for known in load_atlas().regions):
        raise invalid_input(
            f"Invalid GeoProximityLocation: {place.in_region} is not an AWS Region that can be "
            "reached from here"
        )


def _check_coordinate(member: str, given: str, most: float) -> None:
    if _COORDINATE.fullmatch(given) is None or abs(float(given)) > most:
        raise invalid_input(
            f"Invalid GeoProximityLocation: {member} is from {-most:g} to {most:g}, with up to two "
            f"decimals, not '{given}'"
        )


def problems(record: RecordSet, zone: HostedZone) -> Iterator[str]:
    """Say what is wrong with the content of a record set, by itself."""
    where = f"DNS name {record.name}"
    if not naming.within(record.name, zone.name):
        yield f"RRSet with {where} is not permitted in zone {zone.name}"
        return
    at_apex = record.name == zone.name
    if record.type == "CNAME" and at_apex:
        yield f"RRSet of type CNAME with {where} is not permitted at apex in zone {zone.name}"
    if record.type == "SOA" and not at_apex:
        yield f"RRSet of type SOA with {where} is not permitted below the apex of {zone.name}"
    if record.type == "NS" and record.name.startswith(naming.WILDCARD + "."):
        yield f"RRSet of type NS with {where} is not permitted: NS records have no wildcards"
    if record.type == "NS" and zone.private and not at_apex:
        yield f"RRSet of type NS with {where} is not permitted in the private zone {zone.name}"
    yield from _routing_problems(record, zone)
    if record.alias is not None:
        yield from _alias_problems(record, record.alias, zone)
    else:
        yield from _value_problems(record)


def _value_problems(record: RecordSet) -> Iterator[str]:
    if len(record.values) > VALUES_MAX:
        yield f"Number of values limit of {VALUES_MAX} exceeded in {told(record)}"
    if record.type in values.SINGLE_VALUED and len(record.values) > 1:
        yield f"RRSet of type {record.type} with DNS name {record.name} can have one value only"
    seen: set[str] = set()
    for value in record.values:
        if value in seen:
            yield f"Duplicate Resource Record: '{value}'"
        seen.add(value)
        try:
            values.check(record.type, value)
        except values.BadValue as error:
            yield f"Invalid Resource Record: '{error}'"


def _routing_problems(record: RecordSet, zone: HostedZone) -> Iterator[str]:
    policy, where = record.policy, told(record)
    if policy == "simple":
        return
    if record.type in UNROUTED or (policy == "multivalue" and record.type == "CNAME"):
        yield f"{where} cannot have a {policy} routing policy: its type has none"
    if zone.private and policy in {"cidr", "geoproximity"}:
        yield f"{where} cannot have a {policy} routing policy in a private hosted zone"
    if policy == "multivalue" and record.alias is not None:
        yield f"{where} cannot be a multivalue answer record and an alias"


def _alias_problems(record: RecordSet, alias: AliasTarget, zone: HostedZone) -> Iterator[str]:
    """What is wrong with an alias, but for whether its target in the same zone is there."""
    if record.type in {"NS", "SOA"}:
        yield f"RRSet of type {record.type} with DNS name {record.name} cannot be an alias"
    if record.failover and not alias.evaluate_target_health:
        yield f"{told(record)} is a failover alias: EvaluateTargetHealth must be true"
    if alias.zone_id == zone.id:
        if not naming.within(alias.dns_name, zone.name):
            yield outside(record, alias)
        return
    yield from _service_problems(record, alias, zone)


def _service_problems(record: RecordSet, alias: AliasTarget, zone: HostedZone) -> Iterator[str]:
    """What is wrong with an alias for what another service has."""
    if alias.zone_id == CLOUDFRONT_ZONE:
        if alias.evaluate_target_health:
            yield f"{told(record)} targets CloudFront: EvaluateTargetHealth must be false"
        if zone.private:
            yield f"{told(record)} targets CloudFront, which is not permitted in a private zone"
        if not alias.dns_name.endswith(".cloudfront.net."):
            yield outside(record, alias)
        yield not_found(record, alias)  # this world has no CloudFront
    elif alias.zone_id == ACCELERATOR_ZONE:
        if not alias.dns_name.endswith(".awsglobalaccelerator.com."):
            yield outside(record, alias)
    elif _BALANCER.fullmatch(alias.dns_name) is None:
        yield outside(record, alias)
        yield not_found(record, alias)
    if record.type not in {"A", "AAAA", "HTTPS"}:
        yield not_found(record, alias)


def outside(record: RecordSet, alias: AliasTarget) -> str:
    """Say that an alias names something that its zone does not have."""
    return (
        f"{_targets(record, alias)}, but the alias target name does not lie within the target zone"
    )


def not_found(record: RecordSet, alias: AliasTarget) -> str:
    """Say that what an alias names is not there."""
    return f"{_targets(record, alias)}, but that target was not found"


def _targets(record: RecordSet, alias: AliasTarget) -> str:
    return (
        f"Tried to create an alias that targets {alias.dns_name}, type {record.type} in zone "
        f"{alias.zone_id}"
    )


def told(record: RecordSet) -> str:
    """A record set as the messages about groups call it."""
    text = f"RRSet with DNS name {record.name}, type {record.type}"
    return f"{text}, SetIdentifier {record.set_identifier}" if record.set_identifier else text


def same(one: RecordSet, other: RecordSet) -> bool:
    """Whether two record sets say the same; the order of values does not count."""
    if len(one.values) > 1:
        one = msgspec.structs.replace(one, values=tuple(sorted(one.values)))
        other = msgspec.structs.replace(other, values=tuple(sorted(other.values)))
    return one == other


def show(record: RecordSet) -> dict[str, Any]:
    """A record set as it is listed."""
    shown: dict[str, Any] = {"Name": record.name, "Type": record.type}
    simple = {
        "SetIdentifier": record.set_identifier,
        "Region": record.region,
        "Failover": record.failover,
        "HealthCheckId": record.health_check,
        "TrafficPolicyInstanceId": record.traffic_policy_instance,
    }
    shown |= {member: value for member, value in simple.items() if value}
    if record.weight is not None:
        shown["Weight"] = record.weight
    if record.geo is not None:
        shown["GeoLocation"] = _without_blanks(
            ContinentCode=record.geo.continent,
            CountryCode=record.geo.country,
            SubdivisionCode=record.geo.subdivision,
        )
    if record.proximity is not None:
        shown["GeoProximityLocation"] = _show_proximity(record.proximity)
    if record.multivalue:
        shown["MultiValueAnswer"] = True
    if record.cidr is not None:
        shown["CidrRoutingConfig"] = {
            "CollectionId": record.cidr.collection_id,
            "LocationName": record.cidr.location,
        }
    if record.alias is not None:
        shown["AliasTarget"] = {
            "HostedZoneId": record.alias.zone_id,
            "DNSName": record.alias.dns_name,
            "EvaluateTargetHealth": record.alias.evaluate_target_health,
        }
    else:
        shown["TTL"] = record.ttl
        shown["ResourceRecords"] = [{"Value": value} for value in record.values]
    return shown


def _show_proximity(place: GeoProximity) -> dict[str, Any]:
    shown: dict[str, Any] = _without_blanks(
        AWSRegion=place.region, LocalZoneGroup=place.local_zone_group
    )
    if place.latitude:
        shown["Coordinates"] = {"Latitude": place.latitude, "Longitude": place.longitude}
    if place.bias is not None:
        shown["Bias"] = place.bias
    return shown


def _without_blanks(**members: str) -> dict[str, Any]:
    return {member: value for member, value in members.items() if value}
