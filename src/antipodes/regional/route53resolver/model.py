"""Endpoints, rules and their associations: what they are, and which of them a name falls to. Pure.

Domain names are kept as AWS shows them, in lower case with a trailing dot. Which way a name goes is
decided by the most specific domain that it is in, among the custom rules of the VPC, its private
zones and the rules that are there by themselves; where two are equally specific, a custom rule
comes first (surprise 24: a FORWARD rule beats the private zone of the same name), then the private
zone. A SYSTEM rule takes a name back from a less specific FORWARD rule.
"""

import hashlib
import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from antipodes.fabric.dns.names import InvalidName, is_within, to_text, to_wire
from antipodes.service.contract import ServiceError
from antipodes.world import addresses
from antipodes.world.atlas import load_atlas

ENDPOINTS_MAX = 4
IPS_MIN, IPS_MAX = 2, 6
TARGETS_MAX = 6
RULES_MAX = 1_000
ASSOCIATIONS_MAX = 2_000
LOG_CONFIGS_MAX = 20
TAGS_MAX = 200
DNS_PORT = 53
KEPT_BACK = 4  # the first addresses of every subnet are AWS's own
LINK_LOCAL_IP = "169.254.169.253"
SHARED_RULE = "route53resolver:ResolverRule"  # as shares name its kind
INTERNET_RULE = "rslvr-autodefined-rr-internet-resolver"

_SUBNET_SIZE = 1 << 12
_SLICE_FIRST, _SLICE_SIZE = 16, 60  # of each subnet, for each region by its position
_NAME = re.compile(r"(?![0-9]+$)[a-zA-Z0-9\-_' ]*")

Tags = dict[str, str]


class Ip(msgspec.Struct, frozen=True):
    """One address of an endpoint."""

    id: str
    subnet: str
    address: str
    created_at: float


class Endpoint(msgspec.Struct, frozen=True):
    """Where others ask this region's resolver (INBOUND), or where it asks others from."""

    id: str
    account: str
    creator: str
    direction: str
    vpc: str
    groups: tuple[str, ...]
    ips: tuple[Ip, ...]
    name: str = ""
    tags: Tags = {}
    created_at: float = 0.0
    changed_at: float = 0.0
    ready_at: float = 0.0  # CREATING until then

    @property
    def kind(self) -> str:
        """As it stands in its ARN."""
        return "resolver-endpoint"


class Target(msgspec.Struct, frozen=True):
    """Where a rule forwards to."""

    ip: str
    port: int = DNS_PORT


class Rule(msgspec.Struct, frozen=True):
    """What is to become of the names of a domain."""

    id: str
    account: str
    creator: str
    type: str
    domain: str
    name: str = ""
    targets: tuple[Target, ...] = ()
    endpoint: str = ""
    tags: Tags = {}
    created_at: float = 0.0
    changed_at: float = 0.0

    @property
    def kind(self) -> str:
        """As it stands in its ARN."""
        return "resolver-rule"


class Association(msgspec.Struct, frozen=True):
    """A rule, or a query logging configuration, that a VPC goes by."""

    id: str
    account: str
    of: str
    vpc: str
    name: str = ""
    created_at: float = 0.0
    owner: str = ""  # of a rule that is another account's


class LogConfig(msgspec.Struct, frozen=True):
    """Where queries are to be logged."""

    id: str
    account: str
    creator: str
    name: str
    destination: str
    tags: Tags = {}
    created_at: float = 0.0

    @property
    def kind(self) -> str:
        """As it stands in its ARN."""
        return "resolver-query-log-config"


class VpcConfig(msgspec.Struct, frozen=True):
    """What was set of a VPC's resolver."""

    id: str
    vpc: str
    reverse: bool = True


Tagged = Endpoint | Rule | LogConfig

# Refusals.


def invalid(message: str, field: str = "") -> ServiceError:
    """A parameter that cannot be."""
    if not field:
        return ServiceError("InvalidParameterException", message)
    return ServiceError("InvalidParameterException", message, FieldName=field)


def refused(message: str) -> ServiceError:
    """A request that cannot be."""
    return ServiceError("InvalidRequestException", message)


def denied(identity: str) -> ServiceError:
    """A change of what is another account's."""
    message = f"'{identity}' is shared with this account, which cannot change it"
    return ServiceError("AccessDeniedException", message)


def not_found(what: str, identity: str) -> ServiceError:
    """Something that is not there."""
    return ServiceError(
        "ResourceNotFoundException",
        f"{what} with ID '{identity}' does not exist",
        ResourceType=what,
    )


def too_many(what: str, most: int) -> ServiceError:
    """More than a quota allows."""
    return ServiceError(
        "LimitExceededException", f"There are at most {most} of them: {what}", ResourceType=what
    )


def exists(what: str, identity: str) -> ServiceError:
    """Something that is there already."""
    return ServiceError(
        "ResourceExistsException", f"There is a {what} already: {identity}", ResourceType=what
    )


def in_use(message: str, what: str) -> ServiceError:
    """Something that others need."""
    return ServiceError("ResourceInUseException", message, ResourceType=what)


# What is given.


def identifier(prefix: str, *of: str) -> str:
    """An id that follows from what it is the id of."""
    return f"{prefix}-{hashlib.sha256('/'.join(of).encode()).hexdigest()[:17]}"


def check_name(name: str | None) -> str:
    """A name that people read."""
    if name and _NAME.fullmatch(name) is None:
        raise invalid(f"'{name}' has characters that a name cannot have", "Name")
    return name or ""


def domain_of(text: str | None) -> str:
    """A rule's domain as AWS shows it."""
    if not text:
        raise invalid("A domain name is required for this type of rule", "DomainName")
    try:
        return to_text(to_wire(text))
    except InvalidName as error:
        raise invalid(f"'{text}' is not a domain name: {error}", "DomainName") from None


def targets_of(plain: Sequence[dict[str, Any]] | None) -> tuple[Target, ...]:
    """Where a rule is to forward to."""
    found = []
    for target in plain or ():
        if target.get("Ipv6"):
            raise invalid("IPv6 targets are not offered here", "TargetIps")
        if target.get("Protocol", "Do53") != "Do53" or target.get("ServerNameIndication"):
            raise invalid("Only plain DNS (Do53) is offered here", "TargetIps")
        found.append(Target(_ipv4(target.get("Ip"), "TargetIps"), target.get("Port") or DNS_PORT))
    if len(found) > TARGETS_MAX:
        raise too_many("target IP addresses of a rule", TARGETS_MAX)
    return tuple(found)


def _ipv4(text: str | None, field: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text or ""))
    except ValueError:
        raise invalid(f"'{text or ''}' is not an IPv4 address", field) from None


def tags_of(plain: Iterable[dict[str, str]] | None, before: Tags | None = None) -> Tags:
    """Tags, added to those that are there."""
    tags = dict(before or {})
    for tag in plain or ():
        if tag["Key"].lower().startswith("aws:"):
            raise ServiceError("InvalidTagException", f"The prefix of {tag['Key']} is reserved")
        tags[tag["Key"]] = tag["Value"]
    if len(tags) > TAGS_MAX:
        raise too_many("tags", TAGS_MAX)
    return tags


# Addresses.


class Subnet(NamedTuple):
    """A subnet that an endpoint may have an address in."""

    id: str
    vpc: str
    block: ipaddress.IPv4Network

    @classmethod
    def of(cls, identity: str, vpc: str, block: str) -> "Subnet":
        """A subnet as EC2 describes it."""
        return cls(identity, vpc, ipaddress.IPv4Network(block))


def address_in(subnet: Subnet, region: str, wanted: str, taken: set[str]) -> str:
    """An address of a subnet: the one that is wanted, or the next that is free.

    In a default VPC that is one of the region's own part.
    """
    if wanted:
        address = ipaddress.IPv4Address(_ipv4(wanted, "IpAddresses"))
        usable = address in subnet.block and int(address) - int(subnet.block[0]) >= KEPT_BACK
        if not usable or address == subnet.block[-1]:
            raise invalid(f"{wanted} is not an address that {subnet.id} can give", "IpAddresses")
        if str(address) in taken:
            raise ServiceError(
                "ResourceExistsException",
                f"The IP address {wanted} is in use",
                ResourceType="IpAddress",
            )
        return str(address)
    numbers = range(KEPT_BACK, subnet.block.num_addresses - 1)
    if subnet.block.subnet_of(addresses.VPC_NETWORK):
        first = _SLICE_FIRST + load_atlas().region(region).position * _SLICE_SIZE
        numbers = range(first, min(first + _SLICE_SIZE, numbers.stop))
    for number in numbers:
        address = subnet.block[number]
        if str(address) not in taken:
            return str(address)
    raise refused(f"{subnet.id} has no addresses left for endpoints")


def place_of(ip: str) -> str | None:
    """Where an address is that a rule forwards to: a region, by whose part it is in, or a city."""
    address = ipaddress.IPv4Address(ip)
    if address not in addresses.VPC_NETWORK:
        return addresses.place_of(ip)
    position = (int(address) % _SUBNET_SIZE - _SLICE_FIRST) // _SLICE_SIZE
    regions = load_atlas().regions
    return next((region.place for region in regions if region.position == position), None)


# Which way a name goes.

Kind = Literal["forward", "private", "hidden", "auto", "public"]


class Way(NamedTuple):
    """What becomes of a name; `rule` is the FORWARD rule, where it is one."""

    kind: Kind
    rule: Rule | None = None


def rule_for(name: bytes, rules: Iterable[Rule]) -> Rule | None:
    """The most specific rule that a name falls to."""
    found: tuple[int, Rule] | None = None
    for rule in rules:
        domain = to_wire(rule.domain)
        if is_within(name, domain) and (found is None or len(domain) > found[0]):
            found = len(domain), rule
    return None if found is None else found[1]


def way_of(name: bytes, rule: Rule | None, private: bytes | None, auto: bytes | None) -> Way:
    """Decide between the rule that a name falls to, its private zone and its autodefined domain."""
    zone_length, auto_length = len(private or b""), len(auto or b"")
    if rule is not None and rule.type == "FORWARD":
        assert is_within(name, to_wire(rule.domain)), f"{rule.domain} is not for that name"
        if len(to_wire(rule.domain)) >= max(zone_length, auto_length):
            return Way("forward", rule)
    if private is not None and zone_length >= auto_length:
        return Way("private")
    return Way("public" if auto is None else "auto")


_ALWAYS = ("localhost", "localdomain", "127.in-addr.arpa", "254.169.254.169.in-addr.arpa")
_REVERSE = (
    "10.in-addr.arpa",
    *(f"{second}.172.in-addr.arpa" for second in range(16, 32)),
    "168.192.in-addr.arpa",
)
_FIRST_REGION = ("ec2.internal", "compute-1.internal", "compute-1.amazonaws.com")


def auto_domains(region: str, *, reverse: bool) -> tuple[bytes, ...]:
    """The domains that a VPC's resolver answers for by itself, the most specific first."""
    domains = [*_ALWAYS, f"{region}.compute.internal", f"{region}.compute.amazonaws.com"]
    domains += _FIRST_REGION if region == "us-east-1" else ()
    domains += _REVERSE if reverse else ()
    return tuple(sorted(map(to_wire, domains), key=len, reverse=True))
