"""Load balancers, target groups, listeners and rules: records, ARNs, and how they are described.

A record is found by its key, the part of its ARN after the kind: `app/NAME/ID` for a load balancer,
`NAME/ID` for a target group, and so on downwards. Times are Unix seconds by the host's clock.
"""

import re
from typing import Any

import msgspec

from antipodes.regional.elbv2.hostedzones import hosted_zone
from antipodes.service.contract import Response, ServiceError

LISTENERS_MAX = 50
RULES_MAX = 100
BALANCERS_MAX = 50  # of a kind
GATEWAYS_MAX = 100
GROUPS_MAX = 3_000
GATEWAY_GROUPS_MAX = 100
TARGETS_MAX = 1_000
APPLIANCES_MAX = 300
GROUPS_PER_BALANCER_MAX = 100
TAGS_MAX = 50
NAME_LENGTH_MAX = 32
ZONES_MIN = 2
PRIORITY_MAX = 50_000
APPLICATION, NETWORK, GATEWAY = "application", "network", "gateway"
LAMBDA, IP, INSTANCE, ALB = "lambda", "ip", "instance", "alb"
HTTP, TCP, UDP, TCP_UDP = "HTTP", "TCP", "UDP", "TCP_UDP"
HTTPS, TLS = "HTTPS", "TLS"
GENEVE, GENEVE_PORT = "GENEVE", 6081
NETWORK_PROTOCOLS = (TCP, UDP, TCP_UDP, TLS)
STREAM_PROTOCOLS = (TCP, TCP_UDP, TLS)
UDP_PROTOCOLS = (UDP, TCP_UDP)
SECURE_PROTOCOLS = (HTTPS, TLS)
INTERNET_FACING, INTERNAL = "internet-facing", "internal"
ELASTIC = "elasticloadbalancing"

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_ARN = re.compile(rf"arn:aws:{ELASTIC}:([a-z0-9-]+):(\d{{12}}):([a-z-]+)/([A-Za-z0-9/-]+)")
_SHORT = {APPLICATION: "app", NETWORK: "net", GATEWAY: "gwy"}
_PARTS = {"loadbalancer": 3, "targetgroup": 2, "listener": 4, "listener-rule": 5}
_NOUNS = {
    "loadbalancer": ("LoadBalancerNotFound", "load balancer"),
    "targetgroup": ("TargetGroupNotFound", "target group"),
    "listener": ("ListenerNotFound", "listener"),
    "listener-rule": ("RuleNotFound", "rule"),
}

Action = dict[str, Any]
Condition = dict[str, Any]
Transform = dict[str, Any]


class Zone(msgspec.Struct, frozen=True):
    """A load balancer's node in one zone."""

    name: str
    subnet: str
    address: str
    chosen: bool = False  # the address, by whoever made the load balancer
    allocation: str = ""  # of an elastic address


class LoadBalancer(msgspec.Struct, frozen=True):
    """A load balancer; it is `provisioning` until `active_at`.

    That is 0 where there is nothing to wait for: a clock that is put back must not undo it.
    """

    account: str
    region: str
    name: str
    id: str
    number: int
    vpc: str
    zones: tuple[Zone, ...]
    security_groups: tuple[str, ...]
    created_at: float
    active_at: float
    attributes: dict[str, str] = {}
    tags: dict[str, str] = {}
    kind: str = APPLICATION
    scheme: str = INTERNET_FACING

    @property
    def is_network(self) -> bool:
        """Whether it passes flows on, and not requests."""
        return self.kind == NETWORK

    @property
    def is_gateway(self) -> bool:
        """Whether it hands packets to appliances; it has neither a name nor addresses."""
        return self.kind == GATEWAY

    @property
    def is_internal(self) -> bool:
        """Whether it has addresses of its subnets, and none of the internet."""
        return self.scheme == INTERNAL

    @property
    def stands_in_zones(self) -> bool:
        """Whether its nodes are in their zones' places, and are lost with them."""
        return self.is_network or self.is_internal

    @property
    def key(self) -> str:
        """`app/NAME/ID`, `net/NAME/ID` or `gwy/NAME/ID`."""
        return f"{_SHORT[self.kind]}/{self.name}/{self.id}"

    @property
    def arn(self) -> str:
        """The ARN."""
        return arn_of(self, "loadbalancer")

    @property
    def dns_name(self) -> str:
        """The name that clients resolve."""
        if self.is_network:
            return f"{self.name}-{self.id}.elb.{self.region}.amazonaws.com"
        name = f"internal-{self.name}" if self.is_internal else self.name
        return f"{name}-{self.number}.{self.region}.elb.amazonaws.com"

    @property
    def hosted_zone(self) -> str:
        """The hosted zone that alias records to it name."""
        return hosted_zone(self.region, network=self.is_network)

    def is_active(self, wall: float) -> bool:
        """Whether it serves by now; a clock that was put back does not stop it."""
        return not self.created_at <= wall < self.active_at


class HealthCheck(msgspec.Struct, frozen=True):
    """How a group's targets are probed."""

    enabled: bool
    port: str
    path: str
    interval_s: int
    timeout_s: int
    healthy_threshold: int
    unhealthy_threshold: int
    matcher: str
    protocol: str = HTTP  # or TCP, which has neither path nor matcher


class Target(msgspec.Struct, frozen=True):
    """Something registered; it drains until `gone_at` once it was deregistered."""

    id: str
    port: int
    zone: str = ""
    gone_at: float = 0.0
    address: str = ""  # of an instance

    @property
    def key(self) -> str:
        """What tells targets of a group apart."""
        return f"{self.id}:{self.port}"


class TargetGroup(msgspec.Struct, frozen=True):
    """Where traffic goes, and how it is known to arrive."""

    account: str
    region: str
    name: str
    id: str
    target_type: str
    port: int
    vpc: str
    check: HealthCheck
    targets: tuple[Target, ...] = ()
    attributes: dict[str, str] = {}
    tags: dict[str, str] = {}
    protocol: str = HTTP  # "" for functions

    @property
    def is_network(self) -> bool:
        """Whether it is for network load balancers."""
        return self.protocol in NETWORK_PROTOCOLS

    @property
    def is_gateway(self) -> bool:
        """Whether its targets are appliances, for gateway load balancers."""
        return self.protocol == GENEVE

    @property
    def is_zonal(self) -> bool:
        """Whether a target counts only where its zone is one of the load balancer's."""
        return self.is_network or self.is_gateway

    @property
    def key(self) -> str:
        """`NAME/ID`."""
        return f"{self.name}/{self.id}"

    @property
    def arn(self) -> str:
        """The ARN."""
        return arn_of(self, "targetgroup")

    def present(self, wall: float) -> tuple[Target, ...]:
        """Return targets that are registered or drain still."""
        return tuple(t for t in self.targets if not t.gone_at or t.gone_at > wall)

    def registered(self) -> tuple[Target, ...]:
        """Return targets that take new requests."""
        return tuple(target for target in self.targets if not target.gone_at)


class Listener(msgspec.Struct, frozen=True):
    """A port of a load balancer; its default rule has an id of its own.

    A gateway load balancer's is for all packets, and has port 0.
    """

    account: str
    region: str
    balancer: str
    id: str
    port: int
    actions: tuple[Action, ...]
    default_rule_id: str
    tags: dict[str, str] = {}
    protocol: str = HTTP
    attributes: dict[str, str] = {}
    certificates: tuple[str, ...] = ()  # ARNs, the default one first
    ssl_policy: str = ""

    @property
    def has_idle_timeout(self) -> bool:
        """Whether it has flows of bytes, which end when nothing moves on them."""
        return self.protocol in STREAM_PROTOCOLS

    @property
    def key(self) -> str:
        """`app/NAME/ID/LISTENER`, and so on."""
        return f"{self.balancer}/{self.id}"

    @property
    def arn(self) -> str:
        """The ARN."""
        return arn_of(self, "listener")

    @property
    def default_rule_arn(self) -> str:
        """The ARN of the default rule."""
        return f"{prefix(self)}:listener-rule/{self.key}/{self.default_rule_id}"


class Rule(msgspec.Struct, frozen=True):
    """What a listener does with requests that meet conditions."""

    account: str
    region: str
    listener: str
    id: str
    priority: int
    conditions: tuple[Condition, ...]
    actions: tuple[Action, ...]
    tags: dict[str, str] = {}
    transforms: tuple[Transform, ...] = ()

    @property
    def key(self) -> str:
        """`app/NAME/ID/LISTENER/RULE`."""
        return f"{self.listener}/{self.id}"

    @property
    def arn(self) -> str:
        """The ARN."""
        return arn_of(self, "listener-rule")


Record = LoadBalancer | TargetGroup | Listener | Rule


def prefix(record: Record) -> str:
    """Return the part of an ARN before the kind."""
    return f"arn:aws:{ELASTIC}:{record.region}:{record.account}"


def arn_of(record: Record, kind: str) -> str:
    """Return a record's ARN."""
    return f"{prefix(record)}:{kind}/{record.key}"


def parse_arn(arn: str) -> tuple[str, str, str, str] | None:
    """Return region, account, kind and key of an ARN of this service, or None."""
    found = _ARN.fullmatch(arn)
    if found is None or len(found[4].split("/")) != _PARTS.get(found[3]):
        return None
    return found[1], found[2], found[3], found[4]


def not_found(kind: str, arn: str) -> ServiceError:
    """Return the error for a thing that is not there."""
    code, noun = _NOUNS[kind]
    if kind == "loadbalancer":
        return ServiceError(code, f"Load balancer '{arn}' not found")
    return ServiceError(code, f"One or more {noun}s not found")


def invalid(message: str) -> ServiceError:
    """Return the error for a value that AWS would not take."""
    return ServiceError("ValidationError", message)


def not_offered(what: str) -> ServiceError:
    """Return the error for what AWS has and we have not."""
    return ServiceError("InvalidConfigurationRequest", f"{what} is not offered here")


def check_name(name: str, noun: str) -> None:
    """Refuse a name that AWS would not take."""
    if len(name) > NAME_LENGTH_MAX:
        raise invalid(f"{noun} name '{name}' cannot be longer than '{NAME_LENGTH_MAX}' characters")
    if _NAME.fullmatch(name) is None:
        raise invalid(
            f"{noun} name '{name}' can only contain characters that are alphanumeric characters "
            "and hyphens(-), and must not begin or end with a hyphen"
        )
    if name.startswith("internal-"):
        raise invalid(f"{noun} name '{name}' cannot begin with 'internal-'")


def merge_tags(present: dict[str, str], added: list[dict[str, str]] | None) -> dict[str, str]:
    """Return tags with more of them; refuse double keys, AWS's own, and too many."""
    keys = [tag["Key"] for tag in added or []]
    if len({*keys}) != len(keys):
        raise ServiceError("DuplicateTagKeys", "A tag key was specified more than once")
    if any(key.lower().startswith("aws:") for key in keys):
        raise invalid("Tag keys beginning with 'aws:' are reserved")
    tags = {**present, **{tag["Key"]: tag.get("Value") or "" for tag in added or []}}
    if len(tags) > TAGS_MAX:
        raise ServiceError("TooManyTags", f"A resource has at most {TAGS_MAX} tags")
    return tags


# Descriptions, in the shapes of the API.


def describe_balancer(balancer: LoadBalancer, wall: float) -> Response:
    """Describe a load balancer."""
    state = "active" if balancer.is_active(wall) else "provisioning"
    described: Response = {
        "LoadBalancerArn": balancer.arn,
        "CreatedTime": balancer.created_at,
        "LoadBalancerName": balancer.name,
        "VpcId": balancer.vpc,
        "State": {"Code": state},
        "Type": balancer.kind,
        "AvailabilityZones": [_describe_zone(zone) for zone in balancer.zones],
        "IpAddressType": "ipv4",
    }
    if balancer.is_gateway:
        return described
    described |= {
        "DNSName": balancer.dns_name,
        "CanonicalHostedZoneId": balancer.hosted_zone,
        "Scheme": balancer.scheme,
    }
    if balancer.security_groups or not balancer.is_network:
        described["SecurityGroups"] = list(balancer.security_groups)
    return described


def _describe_zone(zone: Zone) -> Response:
    """Only addresses that were chosen are shown, as AWS does: of elastic and of private ones."""
    addresses = []
    if zone.allocation:
        addresses.append({"IpAddress": zone.address, "AllocationId": zone.allocation})
    elif zone.chosen:
        addresses.append({"PrivateIPv4Address": zone.address})
    return {"ZoneName": zone.name, "SubnetId": zone.subnet, "LoadBalancerAddresses": addresses}


def describe_group(group: TargetGroup, balancer_arns: list[str]) -> Response:
    """Describe a target group; lambda groups have no protocol, port or network."""
    check = group.check
    response: Response = {
        "TargetGroupArn": group.arn,
        "TargetGroupName": group.name,
        "HealthCheckEnabled": check.enabled,
        "HealthCheckIntervalSeconds": check.interval_s,
        "HealthCheckTimeoutSeconds": check.timeout_s,
        "HealthyThresholdCount": check.healthy_threshold,
        "UnhealthyThresholdCount": check.unhealthy_threshold,
        "LoadBalancerArns": balancer_arns,
        "TargetType": group.target_type,
        "IpAddressType": "ipv4",
    }
    if check.protocol == HTTP:
        response |= {"HealthCheckPath": check.path, "Matcher": {"HttpCode": check.matcher}}
    if group.target_type != LAMBDA:
        response |= {
            "Protocol": group.protocol,
            "Port": group.port,
            "VpcId": group.vpc,
            "HealthCheckProtocol": check.protocol,
            "HealthCheckPort": check.port,
        }
    if group.protocol == HTTP:
        response["ProtocolVersion"] = "HTTP1"
    return response


def describe_target(target: Target) -> Response:
    """Describe a target; a function has neither port nor zone of its own."""
    response: Response = {"Id": target.id}
    if target.port:
        response["Port"] = target.port
    if target.zone:
        response["AvailabilityZone"] = target.zone
    return response


def describe_listener(listener: Listener) -> Response:
    """Describe a listener."""
    secured: Response = {}
    if listener.certificates:
        default = {"CertificateArn": listener.certificates[0]}
        secured = {"Certificates": [default], "SslPolicy": listener.ssl_policy}
    if listener.protocol != GENEVE:
        secured |= {"Port": listener.port, "Protocol": listener.protocol}
    return {
        **secured,
        "ListenerArn": listener.arn,
        "LoadBalancerArn": f"{prefix(listener)}:loadbalancer/{listener.balancer}",
        "DefaultActions": list(listener.actions),
    }


def describe_rule(rule: Rule) -> Response:
    """Describe a rule."""
    return {
        "RuleArn": rule.arn,
        "Priority": str(rule.priority),
        "Conditions": list(rule.conditions),
        "Actions": list(rule.actions),
        "IsDefault": False,
        "Transforms": list(rule.transforms),
    }


def describe_default_rule(listener: Listener) -> Response:
    """Describe a listener's default rule."""
    return {
        "RuleArn": listener.default_rule_arn,
        "Priority": "default",
        "Conditions": [],
        "Actions": list(listener.actions),
        "IsDefault": True,
        "Transforms": [],
    }


def groups_of(actions: tuple[Action, ...]) -> dict[str, None]:
    """Return the ARNs of the target groups that actions forward to, in order."""
    return {
        group["TargetGroupArn"]: None
        for action in actions
        for group in action.get("ForwardConfig", {}).get("TargetGroups", ())
    }
