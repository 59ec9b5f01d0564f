"""Health checks as the API has them, to and from how they are kept, with what each type must keep.

Addresses must be public, since checkers stand outside every network; those of this world's own
internet are. Whatever a type has no use for is refused rather than ignored.

Sources: botocore's model of HealthCheckConfig, and "Values that you specify when you create or
update health checks" of the Route 53 Developer Guide.
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

import msgspec

from antipodes.edge.route53 import naming
from antipodes.edge.route53.model import ENCRYPTED, PORTS, PROBED, Alarm, HealthCheck
from antipodes.edge.route53.records import invalid_input

INTERVALS_S = (10, 30)
CHILDREN_MAX = 255  # "Quotas" of the Developer Guide; the model's own maximum is 256
MATCHING = ("HTTP_STR_MATCH", "HTTPS_STR_MATCH")
# This world's internet, which is nobody's in the other.
_WORLD = (IPv4Network("198.18.0.0/15"), IPv6Network("2001:2::/48"))
_ROUTING_CONTROL = re.compile(
    r"arn:aws:route53-recovery-control::[0-9]{12}:controlpanel/[0-9a-f]+/routingcontrol/[0-9a-f]+"
)

_ENDPOINT = ("IPAddress", "Port", "FullyQualifiedDomainName")
_PACE = ("RequestInterval", "FailureThreshold", "MeasureLatency")
_PROBE = (*_PACE, "Regions")
_HTTP = ("ResourcePath",)
_CALCULATED = ("HealthThreshold", "ChildHealthChecks")
_ALARM = ("AlarmIdentifier", "InsufficientDataHealthStatus")
_USES: dict[str, tuple[str, ...]] = {
    "HTTP": (*_ENDPOINT, *_PROBE, *_HTTP),
    "HTTPS": (*_ENDPOINT, *_PROBE, *_HTTP, "EnableSNI"),
    "HTTP_STR_MATCH": (*_ENDPOINT, *_PROBE, *_HTTP, "SearchString"),
    "HTTPS_STR_MATCH": (*_ENDPOINT, *_PROBE, *_HTTP, "SearchString", "EnableSNI"),
    "TCP": (*_ENDPOINT, *_PROBE),
    # The model refuses these types no pace, and nothing comes of it.
    "CALCULATED": (*_PACE, *_CALCULATED),
    "CLOUDWATCH_METRIC": (*_PACE, *_ALARM),
    "RECOVERY_CONTROL": ("RoutingControlArn",),
}
_EVERYWHERE = ("Type", "Inverted", "Disabled")
_ALL = frozenset(member for members in _USES.values() for member in members)


def check_members(kind: str, given: dict[str, Any]) -> None:
    """Check that a type has a use for everything that is given. Raises InvalidInput."""
    used = {*_USES[kind], *_EVERYWHERE}
    for member, value in given.items():
        if member in _ALL and member not in used and value:
            raise invalid_input(f"{member} can't be given for a health check of type {kind}")


def read(given: dict[str, Any], check: HealthCheck) -> HealthCheck:
    """A health check with a request's settings in place of what it had. Raises InvalidInput."""
    changes: dict[str, Any] = {}
    for member, field in (
        ("IPAddress", "ip"),
        ("Port", "port"),
        ("ResourcePath", "path"),
        ("FullyQualifiedDomainName", "domain"),
        ("SearchString", "search_string"),
        ("RequestInterval", "interval_s"),
        ("FailureThreshold", "threshold"),
        ("MeasureLatency", "measures_latency"),
        ("Inverted", "inverted"),
        ("Disabled", "disabled"),
        ("HealthThreshold", "health_threshold"),
        ("EnableSNI", "sends_server_name"),
        ("InsufficientDataHealthStatus", "insufficient_data"),
        ("RoutingControlArn", "routing_control"),
    ):
        if given.get(member) is not None:
            changes[field] = given[member]
    for member, field in (("ChildHealthChecks", "children"), ("Regions", "regions")):
        if given.get(member) is not None:
            changes[field] = tuple(given[member])
    identifier = given.get("AlarmIdentifier")
    if identifier is not None:
        changes["alarm"] = Alarm(identifier["Region"], identifier["Name"])
    return msgspec.structs.replace(check, **changes)


def first(given: dict[str, Any], check: HealthCheck) -> HealthCheck:
    """A new health check with its settings, and what they are where nothing is given."""
    check_members(check.type, given)
    if check.type == "CALCULATED" and given.get("HealthThreshold") is None:
        raise invalid_input("A calculated health check must have a HealthThreshold")
    defaults = msgspec.structs.replace(
        check,
        port=PORTS.get(check.type),
        sends_server_name=check.type in ENCRYPTED,
        insufficient_data="LastKnownStatus" if check.type == "CLOUDWATCH_METRIC" else "",
    )
    return read(given, defaults)


def validate(check: HealthCheck) -> None:
    """Check what a health check must keep by itself. Raises InvalidInput."""
    if check.interval_s not in INTERVALS_S:
        raise invalid_input("RequestInterval must be 10 or 30")
    if check.type in PROBED:
        _validate_endpoint(check)
    elif check.type == "CALCULATED":
        if len(check.children) > CHILDREN_MAX:
            raise invalid_input(f"A health check has at most {CHILDREN_MAX} children")
        if len(set(check.children)) != len(check.children):
            raise invalid_input("A child health check is given more than once")
    elif check.type == "CLOUDWATCH_METRIC":
        if check.alarm is None:
            raise invalid_input("AlarmIdentifier must be given for type CLOUDWATCH_METRIC")
    elif _ROUTING_CONTROL.fullmatch(check.routing_control) is None:
        raise invalid_input("RoutingControlArn must be the ARN of a routing control")


def _validate_endpoint(check: HealthCheck) -> None:
    if not check.ip and not check.domain:
        raise invalid_input("IPAddress or FullyQualifiedDomainName must be given")
    if check.ip and not is_public(check.ip):
        raise invalid_input(
            f"IPAddress {check.ip} is in a range that health checkers cannot reach: it must not "
            "be local, private, non-routable or multicast"
        )
    if check.domain:
        try:
            naming.canonical(check.domain)
        except naming.BadName as error:
            raise invalid_input(f"FullyQualifiedDomainName is not a name: {error}") from error
        if "\\" in check.domain:  # it is said as it is, to endpoints too
            raise invalid_input("FullyQualifiedDomainName must have no escapes")
    if check.port is None:
        raise invalid_input("Port must be given for type TCP")
    if (check.type in MATCHING) != bool(check.search_string):
        raise invalid_input("SearchString must be given for types that match strings")
    if len(set(check.regions)) != len(check.regions):
        raise invalid_input("A Region is given more than once")


def is_public(text: str) -> bool:
    """Whether checkers out on the internet could reach an address."""
    try:
        address: IPv4Address | IPv6Address = ip_address(text)
    except ValueError:
        return False
    if any(address in network for network in _WORLD):
        return True
    return address.is_global and not address.is_multicast


def show(check: HealthCheck) -> dict[str, Any]:
    """A health check as it is shown."""
    config: dict[str, Any] = {
        "Type": check.type,
        "Inverted": check.inverted,
        "Disabled": check.disabled,
    }
    if check.type in PROBED:
        config |= _show_endpoint(check)
    elif check.type == "CALCULATED":
        config["HealthThreshold"] = check.health_threshold
        config["ChildHealthChecks"] = list(check.children)
    elif check.type == "RECOVERY_CONTROL":
        config["RoutingControlArn"] = check.routing_control
    shown = {
        "Id": check.id,
        "CallerReference": check.caller_reference,
        "HealthCheckConfig": config,
        "HealthCheckVersion": check.version,
    }
    if check.alarm is not None:
        config["AlarmIdentifier"] = {"Region": check.alarm.region, "Name": check.alarm.name}
        config["InsufficientDataHealthStatus"] = check.insufficient_data
        shown["CloudWatchAlarmConfiguration"] = _show_alarm(check.alarm)
    return shown


def _show_endpoint(check: HealthCheck) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Port": check.port,
        "RequestInterval": check.interval_s,
        "FailureThreshold": check.threshold,
        "MeasureLatency": check.measures_latency,
    }
    given = {
        "IPAddress": check.ip,
        "FullyQualifiedDomainName": check.domain,
        "ResourcePath": check.path,
        "SearchString": check.search_string,
        "Regions": list(check.regions),
    }
    shown |= {member: value for member, value in given.items() if value}
    if check.type in ENCRYPTED:
        shown["EnableSNI"] = check.sends_server_name
    return shown


def _show_alarm(alarm: Alarm) -> dict[str, Any]:
    return {
        "EvaluationPeriods": alarm.evaluation_periods,
        "Threshold": alarm.threshold,
        "ComparisonOperator": alarm.comparison,
        "Period": alarm.period,
        "MetricName": alarm.metric,
        "Namespace": alarm.namespace,
        "Statistic": alarm.statistic,
        "Dimensions": [{"Name": name, "Value": value} for name, value in alarm.dimensions],
    }
