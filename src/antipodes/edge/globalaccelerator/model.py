"""Accelerators, listeners, endpoint groups, endpoints: records and their rules. Pure."""

import re
from typing import Any

import msgspec

from antipodes.service.contract import ServiceError

PORTS = (1, 65535)
WEIGHT_DEFAULT, WEIGHT_MAX = 128, 255
DIAL_MAX = 100
ENDPOINTS_MAX = 10
LISTENERS_MAX = 10
GROUPS_MAX = 42  # of an accelerator, over all its listeners
ACCELERATORS_MAX = 20
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?")
_ARN = re.compile(
    r"arn:aws:globalaccelerator::(\d{12}):accelerator/([0-9a-f-]{36})"
    r"(?:/listener/([0-9a-f]+)(?:/endpoint-group/([0-9a-f]+))?)?"
)
_BALANCER = re.compile(
    r"arn:aws:elasticloadbalancing:([a-z0-9-]+):(\d{12}):loadbalancer/(app/[A-Za-z0-9-]+/[0-9a-f]+)"
)


class Endpoint(msgspec.Struct, frozen=True):
    """A load balancer that traffic may go to."""

    arn: str
    weight: int = WEIGHT_DEFAULT
    preserves_client_ip: bool = True

    @property
    def region(self) -> str:
        """The region it is in."""
        return balancer_parts(self.arn)[0]

    @property
    def resource(self) -> str:
        """What its doors are called: app/NAME/ID."""
        return balancer_parts(self.arn)[2]


class Group(msgspec.Struct, frozen=True):
    """The endpoints of one region."""

    id: str
    region: str
    dial: float = 100.0
    port: int = 80
    protocol: str = "TCP"
    path: str = "/"
    interval_s: int = 30
    threshold: int = 3
    endpoints: tuple[Endpoint, ...] = ()
    token: str = ""


class Listener(msgspec.Struct, frozen=True):
    """Ports, and the groups behind them."""

    id: str
    ports: tuple[tuple[int, int], ...]
    affinity: str = "NONE"
    groups: tuple[Group, ...] = ()
    token: str = ""

    def covers(self, port: int) -> bool:
        """Whether a port is one of this listener's."""
        return any(low <= port <= high for low, high in self.ports)


class Accelerator(msgspec.Struct, frozen=True):
    """One accelerator with all that belongs to it."""

    account: str
    id: str
    name: str
    dns_name: str
    addresses: tuple[str, str]
    created: float
    modified: float
    deployed_at: float
    token: str = ""
    enabled: bool = True
    tags: dict[str, str] = {}
    listeners: tuple[Listener, ...] = ()

    @property
    def arn(self) -> str:
        """The accelerator's ARN, which has no region."""
        return f"arn:aws:globalaccelerator::{self.account}:accelerator/{self.id}"

    def listener_arn(self, listener: Listener) -> str:
        """A listener's ARN."""
        return f"{self.arn}/listener/{listener.id}"

    def group_arn(self, listener: Listener, group: Group) -> str:
        """An endpoint group's ARN."""
        return f"{self.listener_arn(listener)}/endpoint-group/{group.id}"

    def listener_at(self, port: int) -> Listener | None:
        """The listener of a port."""
        return next((found for found in self.listeners if found.covers(port)), None)

    def status(self, now: float) -> str:
        """Whether the last change has reached every edge location."""
        return "IN_PROGRESS" if now < self.deployed_at else "DEPLOYED"

    def endpoints(self) -> list[Endpoint]:
        """Every endpoint, in order."""
        return [e for listener in self.listeners for g in listener.groups for e in g.endpoints]


def invalid(message: str) -> ServiceError:
    """The error for an argument that cannot be."""
    return ServiceError("InvalidArgumentException", message)


def not_offered(what: str) -> ServiceError:
    """The error for what is not modelled, by name."""
    return ServiceError(
        "NotImplemented", f"Antipodes does not offer {what} of globalaccelerator", 501
    )


def missing(kind: str, arn: str) -> ServiceError:
    """The error for something that is not there."""
    return ServiceError(f"{kind}NotFoundException", f"{kind} not found: {arn}", 400)


def parse_arn(arn: str, kind: str) -> tuple[str, str, str, str]:
    """Return account, accelerator, listener and group of an ARN; raises the kind's error."""
    found = _ARN.fullmatch(arn)
    depth = {"Accelerator": 2, "Listener": 3, "EndpointGroup": 4}[kind]
    parts = found.groups(default="") if found else ("", "", "", "")
    if not all(parts[:depth]) or any(parts[depth:]):
        raise missing(kind, arn)
    return parts[0], parts[1], parts[2], parts[3]


def balancer_parts(arn: str) -> tuple[str, str, str]:
    """Return region, account and resource of a load balancer's ARN."""
    found = _BALANCER.fullmatch(arn)
    if found is None:
        raise invalid(f"EndpointId {arn} is not the ARN of an application load balancer")
    return found.group(1), found.group(2), found.group(3)


def check_name(name: str) -> str:
    """Return an accelerator's name, checked."""
    if _NAME.fullmatch(name) is None:
        raise invalid(
            "Name may have up to 64 letters, digits, periods and hyphens, and must not begin or "
            "end with a hyphen or period"
        )
    return name


def check_ports(accelerator: Accelerator, ranges: list[dict[str, Any]], skip: str = "") -> Any:
    """Return port ranges, checked against themselves and the accelerator's other listeners."""
    found: list[tuple[int, int]] = []
    others = [r for known in accelerator.listeners if known.id != skip for r in known.ports]
    for given in ranges:
        low, high = int(given.get("FromPort", 0)), int(given.get("ToPort", 0))
        if not PORTS[0] <= low <= high <= PORTS[1]:
            raise ServiceError("InvalidPortRangeException", f"Port range {low}-{high} is invalid")
        for a, b in [*found, *others]:
            if low <= b and a <= high:
                raise ServiceError(
                    "InvalidPortRangeException",
                    f"Port range {low}-{high} overlaps with {a}-{b} of this accelerator",
                )
        found.append((low, high))
    return tuple(found)


def check_endpoints(region: str, given: list[dict[str, Any]]) -> tuple[Endpoint, ...]:
    """Return endpoints of a group, checked."""
    found: dict[str, Endpoint] = {}
    for part in given:
        arn = part.get("EndpointId") or ""
        if part.get("AttachmentArn"):
            raise not_offered("cross-account attachments")
        if balancer_parts(arn)[0] != region:
            raise invalid(f"Endpoint {arn} is not in the endpoint group's Region {region}")
        if arn in found:
            raise invalid(f"Endpoint {arn} is given more than once")
        weight = part.get("Weight")
        weight = WEIGHT_DEFAULT if weight is None else int(weight)
        if not 0 <= weight <= WEIGHT_MAX:
            raise invalid(f"Weight {weight} is not between 0 and {WEIGHT_MAX}")
        preserves = part.get("ClientIPPreservationEnabled") is not False
        found[arn] = Endpoint(arn, weight, preserves)
    if len(found) > ENDPOINTS_MAX:
        raise ServiceError(
            "LimitExceededException", f"An endpoint group has at most {ENDPOINTS_MAX} endpoints"
        )
    return tuple(found.values())


def check_group(request: dict[str, Any], group: Group) -> Group:
    """Return a group with a request's settings, checked."""
    if request.get("PortOverrides"):
        raise not_offered("port overrides")
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
    if request.get("EndpointConfigurations") is not None:
        changes["endpoints"] = check_endpoints(group.region, request["EndpointConfigurations"])
    return msgspec.structs.replace(group, **changes)


# Shapes.


def show_accelerator(accelerator: Accelerator, now: float) -> dict[str, Any]:
    """An accelerator as it is described."""
    return {
        "AcceleratorArn": accelerator.arn,
        "Name": accelerator.name,
        "IpAddressType": "IPV4",
        "Enabled": accelerator.enabled,
        "IpSets": [
            {
                "IpFamily": "IPv4",
                "IpAddresses": list(accelerator.addresses),
                "IpAddressFamily": "IPv4",
            }
        ],
        "DnsName": accelerator.dns_name,
        "Status": accelerator.status(now),
        "CreatedTime": accelerator.created,
        "LastModifiedTime": accelerator.modified,
    }


def show_listener(accelerator: Accelerator, listener: Listener) -> dict[str, Any]:
    """A listener as it is described."""
    return {
        "ListenerArn": accelerator.listener_arn(listener),
        "PortRanges": [{"FromPort": low, "ToPort": high} for low, high in listener.ports],
        "Protocol": "TCP",
        "ClientAffinity": listener.affinity,
    }


def show_endpoint(endpoint: Endpoint, state: str) -> dict[str, Any]:
    """An endpoint as it is described. HealthReason is always empty, as botocore's model says."""
    return {
        "EndpointId": endpoint.arn,
        "Weight": endpoint.weight,
        "HealthState": state,
        "ClientIPPreservationEnabled": endpoint.preserves_client_ip,
    }


def show_group(
    accelerator: Accelerator, listener: Listener, group: Group, states: dict[str, str]
) -> dict[str, Any]:
    """An endpoint group as it is described."""
    return {
        "EndpointGroupArn": accelerator.group_arn(listener, group),
        "EndpointGroupRegion": group.region,
        "EndpointDescriptions": [
            show_endpoint(endpoint, states.get(endpoint.arn, "INITIAL"))
            for endpoint in group.endpoints
        ],
        "TrafficDialPercentage": group.dial,
        "HealthCheckPort": group.port,
        "HealthCheckProtocol": group.protocol,
        "HealthCheckPath": group.path,
        "HealthCheckIntervalSeconds": group.interval_s,
        "ThresholdCount": group.threshold,
    }
