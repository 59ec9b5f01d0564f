"""Traffic policies: the JSON document that describes a tree of rules, and the records it means.

The first rule stands at the name of the policy's instance; every other rule gets a name of its own
below that one, which its parents are aliases of. A rule that several others refer to is made once.

Source: "Traffic policy document format" of the Route 53 API Reference. It says of neither rules nor
endpoints whether EvaluateTargetHealth is on where nothing is given; here it is, for rules and for
what fails over.
"""

import json
from typing import Any, NamedTuple

from antipodes.edge.route53 import naming
from antipodes.edge.route53.model import (
    CLOUDFRONT_ZONE,
    DEFAULT_LOCATION,
    AliasTarget,
    GeoLocation,
    GeoProximity,
    RecordSet,
)
from antipodes.service.contract import ServiceError
from antipodes.service.numbers import whole_number

VERSIONS = ("2015-10-01", "2023-05-09")
# AWS's own records for what has names but no hosted zone of ours; they are found by their names.
SERVICE_ZONE = "Z00000000000ANTIPODES"
RULES_MAX = ENDPOINTS_MAX = 500
_RECORD_TYPES = ("A", "AAAA", "CAA", "CNAME", "MX", "NAPTR", "PTR", "SPF", "SRV", "TXT")
_VALUE = "value"
_BALANCERS = ("application-load-balancer", "elastic-load-balancer", "network-load-balancer")
_ALIASES = {
    "cloudfront": CLOUDFRONT_ZONE,
    "elastic-beanstalk": SERVICE_ZONE,
    "s3-website": SERVICE_ZONE,
    **dict.fromkeys(_BALANCERS, SERVICE_ZONE),
}
_LISTS = {
    "failover": "",
    "geo": "Locations",
    "geoproximity": "GeoproximityLocations",
    "latency": "Regions",
    "multivalue": "Items",
    "weighted": "Items",
}
_REGION_PREFIX = "aws:route53:"
_WEIGHT_MAX = 255


class Endpoint(NamedTuple):
    """Where traffic ends."""

    kind: str
    value: str


class Item(NamedTuple):
    """One way out of a rule: what it leads to, and when it is taken."""

    endpoint: str
    rule: str
    routing: dict[str, Any]  # fields of a record set
    evaluates: bool | None
    health_check: str


class Document(NamedTuple):
    """A traffic policy, read."""

    rtype: str
    start: Item
    endpoints: dict[str, Endpoint]
    rules: dict[str, tuple[Item, ...]]


def invalid(message: str) -> ServiceError:
    """The error for a document that cannot be."""
    return ServiceError("InvalidTrafficPolicyDocument", message)


def parse(text: str) -> Document:
    """Read a document. Raises InvalidTrafficPolicyDocument."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid(f"The document is not JSON: {error}") from error
    top = _object(found, "The document")
    if top.get("AWSPolicyFormatVersion") not in VERSIONS:
        raise invalid(f"AWSPolicyFormatVersion must be one of {', '.join(VERSIONS)}")
    rtype = top.get("RecordType")
    if rtype not in _RECORD_TYPES:
        raise invalid(f"RecordType must be one of {', '.join(_RECORD_TYPES)}")
    endpoints = {
        name: _endpoint(name, given, str(rtype))
        for name, given in _object(top.get("Endpoints", {}), "Endpoints").items()
    }
    rules = {
        name: _rule(name, given) for name, given in _object(top.get("Rules", {}), "Rules").items()
    }
    if len(rules) > RULES_MAX or len(endpoints) > ENDPOINTS_MAX:
        raise invalid(f"A document has at most {RULES_MAX} rules and {ENDPOINTS_MAX} endpoints")
    start = Item(_text(top, "StartEndpoint"), _text(top, "StartRule"), {}, None, "")
    document = Document(str(rtype), start, endpoints, rules)
    _check_references(document)
    return document


def _object(given: Any, what: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise invalid(f"{what} must be an object")
    return given


def _text(given: dict[str, Any], member: str) -> str:
    found = given.get(member, "")
    if isinstance(found, float):
        return f"{found:g}"
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    if not isinstance(found, str):
        raise invalid(f"{member} must be a string")
    return found


def _flag(given: dict[str, Any], member: str) -> bool | None:
    """Whether something is to be; None where nothing is said of it."""
    found = given.get(member)
    if isinstance(found, str) and found.lower() in {"true", "false"}:
        return found.lower() == "true"
    if found is not None and not isinstance(found, bool):
        raise invalid(f"{member} must be true or false")
    return found


def _endpoint(name: str, given: Any, rtype: str) -> Endpoint:
    found = _object(given, f"Endpoint {name}")
    kind, value = _text(found, "Type"), _text(found, "Value")
    if kind != _VALUE and kind not in _ALIASES:
        raise invalid(f"Endpoint {name} has no Type of {', '.join((_VALUE, *_ALIASES))}")
    if kind != _VALUE and rtype not in {"A", "AAAA"}:
        raise invalid(f"Endpoint {name} of type {kind} is for policies of type A and AAAA only")
    if (kind == "s3-website") != bool(found.get("Region")):
        raise invalid(f"Endpoint {name}: Region is for s3-website, and must be given there")
    if not value and kind != "s3-website":
        raise invalid(f"Endpoint {name} must have a Value")
    return Endpoint(kind, value)


def _rule(name: str, given: Any) -> tuple[Item, ...]:
    rule = _object(given, f"Rule {name}")
    kind = _text(rule, "RuleType")
    if kind not in _LISTS:
        raise invalid(f"Rule {name} has no RuleType of {', '.join(_LISTS)}")
    if kind == "failover":
        sides = [(side, rule.get(side)) for side in ("Primary", "Secondary") if side in rule]
        if not sides:
            raise invalid(f"Rule {name} must have a Primary or a Secondary")
        return tuple(_item(name, part, {"failover": side.upper()}) for side, part in sides)
    parts = rule.get(_LISTS[kind])
    if not isinstance(parts, list) or not parts:
        raise invalid(f"Rule {name} must have a list of {_LISTS[kind]}")
    found = [_object(part, f"Rule {name}") for part in parts]
    items = tuple(_item(name, part, _routing(kind, name, part)) for part in found)
    if kind == "multivalue" and any(item.rule for item in items):
        raise invalid(f"Rule {name}: multivalue rules refer to endpoints only")
    return items


def _routing(kind: str, rule: str, part: dict[str, Any]) -> dict[str, Any]:
    """The routing policy of one way out of a rule, as a record set has it."""
    if kind == "weighted":
        weight = whole_number(_text(part, "Weight"))
        if not 0 <= weight <= _WEIGHT_MAX:
            raise invalid(f"Rule {rule}: Weight must be from 0 to {_WEIGHT_MAX}")
        return {"weight": weight}
    if kind == "latency":
        region = _text(part, "Region")
        if not region:
            raise invalid(f"Rule {rule}: Region must be given")
        return {"region": region}
    if kind == "geo":
        return {"geo": _geo(part)}
    if kind == "geoproximity":
        return {"proximity": _proximity(rule, part)}
    return {"multivalue": True}


def _geo(part: dict[str, Any]) -> GeoLocation:
    if _flag(part, "IsDefault"):
        return GeoLocation(country=DEFAULT_LOCATION)
    return GeoLocation(_text(part, "Continent"), _text(part, "Country"), _text(part, "Subdivision"))


def _proximity(rule: str, part: dict[str, Any]) -> GeoProximity:
    place = _object(part.get("Location", part), f"Rule {rule}")
    bias = _text(part, "Bias") or "0"
    try:
        number = int(bias)
    except ValueError:
        raise invalid(f"Rule {rule}: Bias must be a whole number") from None
    if not -99 <= number <= 99:  # noqa: PLR2004 - as of a record (botocore's Bias)
        raise invalid(f"Rule {rule}: Bias must be from -99 to 99")
    kind, name = _text(place, "Type"), _text(place, "LocationName") or _text(place, "Region")
    region = name.removeprefix(_REGION_PREFIX)
    return GeoProximity(
        region="" if kind == "LocalZone" else region,
        local_zone_group=region if kind == "LocalZone" else "",
        latitude=_text(place, "Latitude"),
        longitude=_text(place, "Longitude"),
        bias=number,
    )


def _item(rule: str, given: Any, routing: dict[str, Any]) -> Item:
    part = _object(given, f"Rule {rule}")
    return Item(
        endpoint=_text(part, "EndpointReference"),
        rule=_text(part, "RuleReference"),
        routing=routing,
        evaluates=_flag(part, "EvaluateTargetHealth"),
        health_check=_text(part, "HealthCheck"),
    )


def _check_references(document: Document) -> None:
    """Everything leads to something that is there, and nothing leads back to itself."""
    for item in (document.start, *(item for items in document.rules.values() for item in items)):
        if bool(item.endpoint) == bool(item.rule):
            raise invalid("One endpoint or rule must be referred to, at the start and in rules")
        if item.endpoint and item.endpoint not in document.endpoints:
            raise invalid(f"There is no endpoint {item.endpoint}")
        if item.rule and item.rule not in document.rules:
            raise invalid(f"There is no rule {item.rule}")
    below = {name: {i.rule for i in items if i.rule} for name, items in document.rules.items()}
    while below:
        leaves = [name for name, rules in below.items() if not rules & set(below)]
        if not leaves:
            raise invalid(f"The rules {', '.join(sorted(below))} lead back to themselves")
        for name in leaves:
            del below[name]


class Root(NamedTuple):
    """Where a policy is put to work."""

    zone_id: str
    name: str  # canonical
    ttl: int
    instance_id: str
    generation: int


class _Tree(NamedTuple):
    """A policy at a place, with the names of its rules."""

    document: Document
    root: Root
    names: dict[str, str]


def expand(document: Document, root: Root) -> list[RecordSet]:
    """The record sets that a policy means at a place. Raises BadName for its names."""
    start = document.start
    if start.endpoint:
        return [_record(_Tree(document, root, {}), root.name, "", start)]
    tree = _Tree(document, root, {start.rule: root.name})
    waiting, found = [start.rule], []
    while waiting:
        rule = waiting.pop(0)
        for number, item in enumerate(document.rules[rule]):
            if item.rule and item.rule not in tree.names:
                tree.names[item.rule] = _child_name(root, len(tree.names))
                waiting.append(item.rule)
            found.append(_record(tree, tree.names[rule], f"{rule[:100]}-{number}", item))
    return found


def _child_name(root: Root, number: int) -> str:
    return f"_{root.instance_id[:8]}-{root.generation}-{number}.{root.name}"


def _record(tree: _Tree, name: str, identifier: str, item: Item) -> RecordSet:
    """One way out of a rule, as the record set that stands for it."""
    document, root, names = tree
    fields: dict[str, Any] = {
        "set_identifier": identifier,
        "health_check": item.health_check,
        "traffic_policy_instance": root.instance_id,
        **item.routing,
    }
    if item.rule:
        evaluates = item.evaluates is not False
        fields["alias"] = AliasTarget(root.zone_id, names[item.rule], evaluates)
        return RecordSet(name, document.rtype, **fields)
    endpoint = document.endpoints[item.endpoint]
    if endpoint.kind == _VALUE:
        fields |= {"ttl": root.ttl, "values": (endpoint.value,)}
        return RecordSet(name, document.rtype, **fields)
    fails_over = "failover" in item.routing
    evaluates = fails_over if item.evaluates is None else item.evaluates
    target = naming.canonical(endpoint.value)
    fields["alias"] = AliasTarget(_ALIASES[endpoint.kind], target, evaluates)
    return RecordSet(name, document.rtype, **fields)
