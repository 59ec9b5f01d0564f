"""What requests say, checked and made ours: names, ports, groups, overrides. Pure."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from antipodes.edge.globalaccelerator.errors import bad_ports, invalid, limited, not_offered
from antipodes.edge.globalaccelerator.model import (
    DIAL_MAX,
    ENDPOINTS_MAX,
    WEIGHT_DEFAULT,
    WEIGHT_MAX,
    Accelerator,
    Destinations,
    Endpoint,
    Group,
    Listener,
)
from antipodes.edge.globalaccelerator.resources import BALANCER, ELASTIC_IP, NETWORK, Resource

PORTS = (1, 65535)
TAGS_MAX = 50
CUSTOM_PORTS_MIN = 16  # of each range of a custom listener
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?")

Range = tuple[int, int]


def name_of(name: str) -> str:
    """Return an accelerator's name, checked."""
    if _NAME.fullmatch(name) is None:
        raise invalid(
            "Name may have up to 64 letters, digits, periods and hyphens, and must not begin or "
            "end with a hyphen or period"
        )
    return name


def tags(given: list[dict[str, str]] | None, known: dict[str, str] | None = None) -> dict[str, str]:
    """Return known tags and those given, which replace them, checked."""
    found = {**(known or {}), **{tag["Key"]: tag["Value"] for tag in given or ()}}
    if len(found) > TAGS_MAX:
        raise invalid(f"A resource has at most {TAGS_MAX} tags")
    return found


def port_ranges(ranges: Iterable[dict[str, Any]]) -> tuple[Range, ...]:
    """Return port ranges, checked against one another."""
    found: list[Range] = []
    for given in ranges:
        low, high = int(given.get("FromPort") or 0), int(given.get("ToPort") or 0)
        if not PORTS[0] <= low <= high <= PORTS[1]:
            raise bad_ports(f"Port range {low}-{high} is invalid")
        _check_free((low, high), found)
        found.append((low, high))
    return tuple(found)


def _check_free(wanted: Range, others: Iterable[Range]) -> None:
    low, high = wanted
    for a, b in others:
        if low <= b and a <= high:
            raise bad_ports(f"Port range {low}-{high} overlaps with {a}-{b} of this accelerator")


def listener_ports(
    accelerator: Accelerator, ranges: list[dict[str, Any]], protocol: str, known: str = ""
) -> tuple[Range, ...]:
    """Return a listener's ports, checked against the accelerator's others of its protocol.

    `known` is the id of the listener that is changed.
    """
    found = port_ranges(ranges)
    others = [other for other in accelerator.listeners if other.id != known]
    for wanted in found:
        for other in others:
            if other.takes(protocol) or not protocol:
                _check_free(wanted, other.ports)
            _check_not_overridden(wanted, other)
    return found


def _check_not_overridden(wanted: Range, listener: Listener) -> None:
    for group in listener.groups:
        for _, port in group.overrides:
            if wanted[0] <= port <= wanted[1]:
                raise bad_ports(f"Port {port} is an endpoint port of a port override")


def custom_ports(
    accelerator: Accelerator, ranges: list[dict[str, Any]], listener: Listener | None = None
) -> tuple[Range, ...]:
    """Return a custom listener's ports: wide ranges, which may grow and never shrink."""
    known = "" if listener is None else listener.id
    found = listener_ports(accelerator, ranges, "", known)
    for low, high in found:
        if high - low + 1 < CUSTOM_PORTS_MIN:
            raise bad_ports(f"Port range {low}-{high} has fewer than {CUSTOM_PORTS_MIN} ports")
    for low, high in () if listener is None else listener.ports:
        if not all(any(a <= port <= b for a, b in found) for port in range(low, high + 1)):
            raise bad_ports(f"Ports of {low}-{high} cannot be removed from the listener")
    return found


def destinations(given: list[dict[str, Any]]) -> tuple[Destinations, ...]:
    """Return what ports a custom group's addresses have."""
    found: list[Destinations] = []
    for part in given:
        low, high = int(part["FromPort"]), int(part["ToPort"])
        if not PORTS[0] <= low <= high <= PORTS[1]:
            raise bad_ports(f"Port range {low}-{high} is invalid")
        protocols = tuple(sorted(set(part["Protocols"])))
        for other in found:
            if low <= other.high and other.low <= high:
                raise bad_ports(f"Port range {low}-{high} overlaps with {other.low}-{other.high}")
        found.append(Destinations(low, high, protocols))
    return tuple(found)


def overrides(
    accelerator: Accelerator, listener: Listener, given: list[dict[str, Any]], group_id: str
) -> tuple[Range, ...]:
    """Return port overrides of a group of that listener, checked.

    An endpoint's port must be no listener's. No other port of a listener may lead there, while
    several groups may override the same port alike.
    """
    found: list[Range] = []
    others = [
        override
        for known in accelerator.listeners
        for group in known.groups
        if group.id != group_id
        for override in group.overrides
    ]
    for part in given:
        outer, inner = int(part.get("ListenerPort") or 0), int(part.get("EndpointPort") or 0)
        if not listener.covers(outer):
            raise invalid(f"ListenerPort {outer} is not a port of the listener")
        if not PORTS[0] <= inner <= PORTS[1]:
            raise invalid(f"EndpointPort {inner} is not a port")
        if any(known.covers(inner) for known in accelerator.listeners):
            raise invalid(f"EndpointPort {inner} is a port of a listener of this accelerator")
        if outer in {known for known, _ in found}:
            raise invalid(f"ListenerPort {outer} is overridden twice")
        if any(outer != a and inner == b for a, b in [*others, *found]):
            raise invalid(f"EndpointPort {inner} is in a port override of another ListenerPort")
        found.append((outer, inner))
    return tuple(found)


def group_settings(request: dict[str, Any], group: Group) -> Group:
    """Return a group with a request's dial and health-check settings, checked."""
    changes: dict[str, Any] = {}
    dial = request.get("TrafficDialPercentage")
    if dial is not None:
        if not 0 <= dial <= DIAL_MAX:
            raise invalid(f"TrafficDialPercentage {dial} is not between 0 and 100")
        changes["dial"] = float(dial)
    if request.get("HealthCheckIntervalSeconds") is not None:
        if request["HealthCheckIntervalSeconds"] not in {10, 30}:
            raise invalid("HealthCheckIntervalSeconds is 10 or 30")
        changes["interval_s"] = int(request["HealthCheckIntervalSeconds"])
    for member, field in (
        ("HealthCheckPort", "port"),
        ("HealthCheckProtocol", "protocol"),
        ("HealthCheckPath", "path"),
        ("ThresholdCount", "threshold"),
    ):
        if request.get(member) is not None:
            changes[field] = request[member]
    return msgspec.structs.replace(group, **changes)


def weight_of(part: dict[str, Any]) -> int:
    """Return an endpoint's weight, checked."""
    given = part.get("Weight")
    weight = WEIGHT_DEFAULT if given is None else int(given)
    if not 0 <= weight <= WEIGHT_MAX:
        raise invalid(f"Weight {weight} is not between 0 and {WEIGHT_MAX}")
    return weight


def preserves(given: bool | None, found: Resource) -> bool:  # noqa: FBT001 - as the request says
    """Whether an endpoint is told the client's address, by what it is and what was asked for.

    Always for instances and internal application load balancers, never for elastic addresses; by
    default for other application load balancers. Network load balancers need security groups.
    """
    if found.kind == ELASTIC_IP:
        if given:
            raise invalid("Client IP address preservation is not possible with Elastic IPs")
        return False
    if found.kind == BALANCER:
        if given is False and found.is_internal:
            raise invalid("Client IP address preservation is always on with an internal balancer")
        return given is not False
    if found.kind == NETWORK:
        if given and not found.has_security_groups:
            raise invalid(
                "Client IP address preservation needs a Network Load Balancer with security groups"
            )
        return bool(given)
    return True


def count_endpoints(endpoints: Iterable[object]) -> None:
    """Refuse too many endpoints of a group."""
    if len(list(endpoints)) > ENDPOINTS_MAX:
        raise limited(f"An endpoint group has at most {ENDPOINTS_MAX} endpoints")


def check_probes(group: Group, endpoints: Iterable[Endpoint]) -> None:
    """Refuse a probe that cannot be made here, where one would be."""
    if group.protocol == "HTTPS" and any(endpoint.probe is not None for endpoint in endpoints):
        raise not_offered("HealthCheckProtocol HTTPS for Elastic IP endpoints")
