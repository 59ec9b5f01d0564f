"""What a target group may be, and what may be registered in it."""

import re
from typing import Any

import msgspec

from antipodes.regional.elbv2.model import (
    ALB,
    APPLIANCES_MAX,
    GENEVE,
    GENEVE_PORT,
    HTTP,
    INSTANCE,
    IP,
    LAMBDA,
    NETWORK_PROTOCOLS,
    TARGETS_MAX,
    TCP,
    HealthCheck,
    Target,
    TargetGroup,
    invalid,
    not_offered,
)
from antipodes.service.contract import Host, Request, ServiceError
from antipodes.service.numbers import whole_number

INVOKER = "elasticloadbalancing.amazonaws.com"
TRAFFIC_PORT = "traffic-port"
STATUS_MIN, STATUS_MAX = 200, 499
STATUS_MAX_NETWORK = 599
STATUS_MAX_GATEWAY = 399
HTTP_PORT = "80"
PORT_MAX = 65_535
_OF_FLOWS = (*NETWORK_PROTOCOLS, GENEVE)
_STATUS_MAX_OF = {
    **dict.fromkeys(NETWORK_PROTOCOLS, STATUS_MAX_NETWORK),
    GENEVE: STATUS_MAX_GATEWAY,
}
_CODES = re.compile(r"[0-9]{3}(?:-[0-9]{3})?(?:,[0-9]{3}(?:-[0-9]{3})?)*")
_PATH = re.compile(r"/[!-~]*")
_FUNCTION = re.compile(
    r"arn:aws:lambda:([a-z0-9-]+):([0-9]{12}):function:[A-Za-z0-9-_]{1,64}(?::[A-Za-z0-9-_$]+)?"
)


def check_type(request: Request) -> tuple[str, str]:
    """Return the targets' type and the protocol that a request for a group means.

    What is not offered is refused.
    """
    kind: str = request.get("TargetType") or INSTANCE
    if kind not in {LAMBDA, IP, INSTANCE, ALB}:
        raise not_offered(f"TargetType '{kind}'")
    for member, offered in (("IpAddressType", "ipv4"), ("TargetControlPort", None)):
        if request.get(member) not in {None, offered}:
            raise not_offered(f"{member} '{request[member]}'")
    if kind != LAMBDA:
        return kind, _check_flows(kind, request)
    for member in ("Protocol", "Port", "VpcId", "ProtocolVersion"):
        if request.get(member) is not None:
            raise invalid(f"{member} cannot be specified for target groups of type 'lambda'")
    return kind, ""


def _check_flows(kind: str, request: Request) -> str:
    """Return the protocol of a group whose targets have addresses."""
    protocol: str = request.get("Protocol") or ""
    if not protocol:
        raise invalid("A protocol must be specified")
    if protocol not in {HTTP, GENEVE, *NETWORK_PROTOCOLS}:
        raise not_offered(f"Protocol '{protocol}'")
    if kind == ALB and protocol != TCP:
        raise invalid(f"Protocol '{protocol}' is not valid for target groups of type 'alb'")
    version = request.get("ProtocolVersion")
    if version and protocol != HTTP:
        raise invalid("Protocol version can only be specified for target groups of protocol HTTP")
    if version not in {None, "HTTP1"}:
        raise not_offered(f"ProtocolVersion '{version}'")
    for member, noun in (("Port", "port"), ("VpcId", "VPC ID")):
        if not request.get(member):
            raise invalid(f"A {noun} must be specified")
    if protocol == GENEVE and request["Port"] != GENEVE_PORT:
        raise invalid(f"The port of a target group of protocol GENEVE must be '{GENEVE_PORT}'")
    return protocol


def health_check(
    kind: str, protocol: str, request: Request, present: HealthCheck | None = None
) -> HealthCheck:
    """Return a group's health check as a request makes or changes it."""
    probed = _check_protocol(kind, protocol, request, present)
    base = present or HealthCheck(kind != LAMBDA, *_defaults(kind, protocol, probed))
    if probed != base.protocol:
        known = (base.interval_s, base.timeout_s, base.healthy_threshold, base.unhealthy_threshold)
        path, codes = _shape(protocol, probed)
        base = HealthCheck(base.enabled, base.port, path, *known, codes, probed)
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
    if probed == TCP and ("path" in given or "matcher" in given):
        member = "path" if "path" in given else "matcher"
        raise invalid(f"Health check {member} cannot be specified for health checks over TCP")
    made = msgspec.structs.replace(base, **given)
    _check(kind, protocol, made)
    return made


def _defaults(
    kind: str, protocol: str, probed: str
) -> tuple[str, str, int, int, int, int, str, str]:
    """Port, path, interval, timeout, healthy and unhealthy threshold, matcher, protocol."""
    path, matcher = _shape(protocol, probed)
    if protocol == GENEVE:
        return HTTP_PORT, path, 10, 5, 5, 2, matcher, probed
    if protocol in NETWORK_PROTOCOLS:
        return TRAFFIC_PORT, path, 30, 10 if probed == TCP else 6, 5, 2, matcher, probed
    if kind == LAMBDA:
        return "", path, 35, 30, 5, 2, matcher, probed
    return TRAFFIC_PORT, path, 30, 5, 5, 2, matcher, probed


def _shape(protocol: str, probed: str) -> tuple[str, str]:
    """Path and matcher of a new health check: over TCP there is neither."""
    if probed == TCP:
        return "", ""
    return "/", "200-399" if protocol in _OF_FLOWS else "200"


def _check_protocol(kind: str, protocol: str, request: Request, present: HealthCheck | None) -> str:
    """Return the protocol of a group's health checks."""
    asked: str | None = request.get("HealthCheckProtocol")
    if kind == LAMBDA:
        for member in ("HealthCheckProtocol", "HealthCheckPort"):
            if request.get(member):
                raise invalid(f"{member} cannot be specified for target groups of type 'lambda'")
        return HTTP
    plain = protocol in _OF_FLOWS and kind != ALB
    if asked is None:
        return present.protocol if present is not None else TCP if plain else HTTP
    if asked == TCP and not plain:
        raise invalid(f"Health check protocol '{asked}' is not valid for this target group")
    if asked not in {HTTP, TCP}:
        raise not_offered(f"HealthCheckProtocol '{asked}'")
    return asked


def _check(kind: str, protocol: str, check: HealthCheck) -> None:
    if kind != LAMBDA and not check.enabled:
        raise invalid(f"Health check enabled must be true for target groups of type '{kind}'")
    if check.protocol == HTTP and _PATH.fullmatch(check.path) is None:
        raise invalid(f"Health check path '{check.path}' must begin with '/' and have no blanks")
    # One of flows may wait for as long as its interval: 10 s and 10 s is usual.
    if check.timeout_s > check.interval_s or (
        check.timeout_s == check.interval_s and protocol not in _OF_FLOWS
    ):
        raise invalid(
            f"Health check timeout '{check.timeout_s}' must be smaller than the interval "
            f"'{check.interval_s}'"
        )
    port = check.port
    numeric = 1 <= whole_number(port) <= PORT_MAX
    if kind != LAMBDA and port != TRAFFIC_PORT and not numeric:
        raise invalid(f"Health check port '{port}' must be '{TRAFFIC_PORT}' or a port")
    highest = _STATUS_MAX_OF.get(protocol, STATUS_MAX)
    if check.protocol == HTTP and (
        _CODES.fullmatch(check.matcher) is None
        or not all(STATUS_MIN <= low <= high <= highest for low, high in _ranges(check.matcher))
    ):
        raise invalid(
            f"Health check matcher HTTP code '{check.matcher}' must be codes and ranges within "
            f"'{STATUS_MIN}-{highest}'"
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
    if request.get("QuicServerId"):
        raise not_offered("QuicServerId")
    port = 0 if group.target_type == LAMBDA else request.get("Port") or group.port
    return Target(request["Id"], port, request.get("AvailabilityZone") or "")


def with_targets(group: TargetGroup, added: list[Target]) -> TargetGroup:
    """Return the group with more targets; those that drain are taken back."""
    targets = {target.key: target for target in group.registered()}
    draining = {target.key: target for target in group.targets if target.gone_at}
    targets |= {target.key: target for target in added}
    most = APPLIANCES_MAX if group.is_gateway else TARGETS_MAX
    if group.target_type in {LAMBDA, ALB}:
        most = 1
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
