"""What a target group may be, and what may be registered in it."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Any

import msgspec

from antipodes.regional.elbv2.model import (
    IP,
    LAMBDA,
    TARGETS_MAX,
    HealthCheck,
    Target,
    TargetGroup,
    invalid,
    not_offered,
)
from antipodes.service.contract import Host, Request, ServiceError

INVOKER = "elasticloadbalancing.amazonaws.com"
LAPTOP = IPv4Network("127.0.0.0/8")
TRAFFIC_PORT = "traffic-port"
STATUS_MIN, STATUS_MAX = 200, 499
PORT_MAX = 65_535
# Guide, target-group-health-checks: interval, timeout, healthy and unhealthy threshold.
DEFAULTS = {LAMBDA: (35, 30, 5, 2), IP: (30, 5, 5, 2)}
# Ranges that AWS takes ip targets from; in this world nothing is behind them yet.
PRIVATE = tuple(
    map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))
)
_CODES = re.compile(r"[0-9]{3}(?:-[0-9]{3})?(?:,[0-9]{3}(?:-[0-9]{3})?)*")
_PATH = re.compile(r"/[!-~]*")
_FUNCTION = re.compile(
    r"arn:aws:lambda:([a-z0-9-]+):([0-9]{12}):function:[A-Za-z0-9-_]{1,64}(?::[A-Za-z0-9-_$]+)?"
)


def check_type(request: Request) -> str:
    """Return the type of targets a request for a group means; refuse what is not offered."""
    kind: str = request.get("TargetType") or "instance"
    if kind not in DEFAULTS:
        raise not_offered(f"TargetType '{kind}'")
    for member, offered in (
        ("IpAddressType", "ipv4"),
        ("ProtocolVersion", "HTTP1"),
        ("TargetControlPort", None),
    ):
        if request.get(member) not in {None, offered}:
            raise not_offered(f"{member} '{request[member]}'")
    if kind == LAMBDA:
        for member in ("Protocol", "Port", "VpcId", "ProtocolVersion"):
            if request.get(member) is not None:
                raise invalid(f"{member} cannot be specified for target groups of type 'lambda'")
        return kind
    if not request.get("Protocol"):
        raise invalid("A protocol must be specified")
    if request["Protocol"] != "HTTP":
        raise not_offered(f"Protocol '{request['Protocol']}'")
    for member, noun in (("Port", "port"), ("VpcId", "VPC ID")):
        if not request.get(member):
            raise invalid(f"A {noun} must be specified")
    return kind


def health_check(kind: str, request: Request, present: HealthCheck | None = None) -> HealthCheck:
    """Return a group's health check as a request makes or changes it."""
    interval, timeout, healthy, unhealthy = DEFAULTS[kind]
    base = present or HealthCheck(
        enabled=kind != LAMBDA,
        port="" if kind == LAMBDA else TRAFFIC_PORT,
        path="/",
        interval_s=interval,
        timeout_s=timeout,
        healthy_threshold=healthy,
        unhealthy_threshold=unhealthy,
        matcher="200",
    )
    matcher = request.get("Matcher") or {}
    if matcher.get("GrpcCode"):
        raise not_offered("Matcher with GrpcCode")
    fields = {
        "enabled": request.get("HealthCheckEnabled"),
        "port": request.get("HealthCheckPort"),
        "path": request.get("HealthCheckPath"),
        "interval_s": request.get("HealthCheckIntervalSeconds"),
        "timeout_s": request.get("HealthCheckTimeoutSeconds"),
        "healthy_threshold": request.get("HealthyThresholdCount"),
        "unhealthy_threshold": request.get("UnhealthyThresholdCount"),
        "matcher": matcher.get("HttpCode"),
    }
    given = {name: value for name, value in fields.items() if value is not None}
    made = msgspec.structs.replace(base, **given)
    _check_protocol(kind, request)
    _check(kind, made)
    return made


def _check_protocol(kind: str, request: Request) -> None:
    protocol = request.get("HealthCheckProtocol")
    if kind == LAMBDA:
        for member in ("HealthCheckProtocol", "HealthCheckPort"):
            if request.get(member):
                raise invalid(f"{member} cannot be specified for target groups of type 'lambda'")
    elif protocol not in {None, "HTTP"}:
        raise not_offered(f"HealthCheckProtocol '{protocol}'")


def _check(kind: str, check: HealthCheck) -> None:
    if kind != LAMBDA and not check.enabled:
        raise invalid(f"Health check enabled must be true for target groups of type '{kind}'")
    if _PATH.fullmatch(check.path) is None:
        raise invalid(f"Health check path '{check.path}' must begin with '/' and have no blanks")
    if check.timeout_s >= check.interval_s:
        raise invalid(
            f"Health check timeout '{check.timeout_s}' must be smaller than the interval "
            f"'{check.interval_s}'"
        )
    port = check.port
    numeric = port.isascii() and port.isdecimal() and 1 <= int(port) <= PORT_MAX
    if kind != LAMBDA and port != TRAFFIC_PORT and not numeric:
        raise invalid(f"Health check port '{port}' must be '{TRAFFIC_PORT}' or a port")
    if _CODES.fullmatch(check.matcher) is None or not all(
        STATUS_MIN <= low <= high <= STATUS_MAX for low, high in _ranges(check.matcher)
    ):
        raise invalid(
            f"Health check matcher HTTP code '{check.matcher}' must be codes and ranges within "
            f"'{STATUS_MIN}-{STATUS_MAX}'"
        )


def _ranges(matcher: str) -> list[tuple[int, int]]:
    pairs = (part.partition("-") for part in matcher.split(","))
    return [(int(low), int(high or low)) for low, _, high in pairs]


def matcher_takes(matcher: str, status: int) -> bool:
    """Whether a health check takes a status for success."""
    return any(low <= status <= high for low, high in _ranges(matcher))


# Targets.


def target_of(group: TargetGroup, request: dict[str, Any]) -> Target:
    """Return what a request names as a target of a group, whether or not it may be one."""
    port = 0 if group.target_type == LAMBDA else request.get("Port") or group.port
    return Target(request["Id"], port, request.get("AvailabilityZone") or "")


def with_targets(group: TargetGroup, added: list[Target]) -> TargetGroup:
    """Return the group with more targets; those that drain are taken back."""
    targets = {target.key: target for target in group.registered()}
    draining = {target.key: target for target in group.targets if target.gone_at}
    targets |= {target.key: target for target in added}
    most = 1 if group.target_type == LAMBDA else TARGETS_MAX
    if len(targets) > most:
        raise ServiceError("TooManyTargets", f"A target group of this type has at most {most}")
    kept = [target for key, target in draining.items() if key not in targets]
    return msgspec.structs.replace(group, targets=(*targets.values(), *kept))


def without_targets(group: TargetGroup, keys: list[str], gone_at: float) -> TargetGroup:
    """Return the group with targets that drain until `gone_at`, or are gone at once (0)."""
    targets = [
        msgspec.structs.replace(target, gone_at=gone_at)
        if target.key in keys and not target.gone_at
        else target
        for target in group.targets
        if gone_at or target.key not in keys
    ]
    return msgspec.structs.replace(group, targets=tuple(targets))


def check_ip(target: Target) -> None:
    """Refuse an address that nothing can be behind."""
    try:
        address = IPv4Address(target.id)
    except AddressValueError:
        raise ServiceError(
            "InvalidTarget", f"The IP address '{target.id}' is not a valid IPv4 address"
        ) from None
    if address in LAPTOP:
        return
    if any(address in network for network in PRIVATE):
        raise ServiceError(
            "InvalidTarget",
            f"The IP address '{target.id}' is private, and nothing is behind private addresses in "
            f"this world: use one of {LAPTOP}, which are on your own machine",
        )
    raise ServiceError(
        "InvalidTarget",
        f"The IP address '{target.id}' is not within the CIDR ranges of the selected VPC",
    )


async def check_function(host: Host, group: TargetGroup, arn: str) -> None:
    """Refuse what is no function of this account and region that lets load balancers invoke it."""
    found = _FUNCTION.fullmatch(arn)
    if found is None or found.groups() != (group.region, group.account):
        raise ServiceError(
            "InvalidTarget",
            f"'{arn}' is not the ARN of a function in account {group.account} and region "
            f"{group.region}",
        )
    request = {"FunctionName": arn}
    try:
        await host.call("lambda", "GetFunction", request, account=group.account)
    except ServiceError as error:
        raise ServiceError("InvalidTarget", f"'{arn}' is not a valid target: {error}") from None
    try:
        policy = await host.call("lambda", "GetPolicy", request, account=group.account)
        document = msgspec.json.decode(policy["Policy"])
    except ServiceError:
        document = {"Statement": []}
    if not any(_allows(statement, group) for statement in document["Statement"]):
        raise ServiceError(
            "AccessDenied",
            f"elasticloadbalancing principal does not have permission to invoke {arn} from target "
            f"group {group.arn}",
            403,
        )


def _allows(statement: dict[str, Any], group: TargetGroup) -> bool:
    """Whether a statement of a function's policy lets this group's load balancer invoke it."""
    principal = statement["Principal"]
    service = principal.get("Service") if isinstance(principal, dict) else principal
    if statement["Effect"] != "Allow" or service not in {INVOKER, "*"}:
        return False
    if statement["Action"] not in {"lambda:InvokeFunction", "lambda:*", "*"}:
        return False
    return all(
        _holds(key.lower(), wanted, group)
        for conditions in statement.get("Condition", {}).values()
        for key, wanted in conditions.items()
    )


def _holds(key: str, wanted: str, group: TargetGroup) -> bool:
    if key == "aws:sourceaccount":
        return wanted == group.account
    if key == "aws:sourcearn":
        pattern = re.escape(wanted).replace(r"\*", ".*").replace(r"\?", ".")
        return re.fullmatch(pattern, group.arn) is not None
    return False
