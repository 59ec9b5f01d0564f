"""What Cloud Map keeps: namespaces, services in them, their instances, and operations on these.

An operation carries what will be so when it has succeeded: until then nobody else sees it.
"""

import msgspec

HTTP, PRIVATE, PUBLIC = "HTTP", "DNS_PRIVATE", "DNS_PUBLIC"  # kinds of namespaces
DNS_HTTP = "DNS_HTTP"  # a service that is found by names as well as by this API
MULTIVALUE, WEIGHTED = "MULTIVALUE", "WEIGHTED"
HEALTHY, UNHEALTHY, UNKNOWN = "HEALTHY", "UNHEALTHY", "UNKNOWN"
PENDING, SUCCESS, FAIL = "PENDING", "SUCCESS", "FAIL"
CREATE_NAMESPACE, UPDATE_NAMESPACE = "CREATE_NAMESPACE", "UPDATE_NAMESPACE"
DELETE_NAMESPACE, UPDATE_SERVICE = "DELETE_NAMESPACE", "UPDATE_SERVICE"
REGISTER, DEREGISTER = "REGISTER_INSTANCE", "DEREGISTER_INSTANCE"
SOA_TTL_S = 15


class Namespace(msgspec.Struct, frozen=True):
    """A namespace; one of DNS has a hosted zone, a private one a network that sees it first."""

    id: str
    account: str
    name: str
    kind: str
    http_name: str
    description: str = ""
    creator: str = ""
    created_at: float = 0.0
    zone: str = ""
    vpc: str = ""
    soa_ttl_s: int = SOA_TTL_S


class MapService(msgspec.Struct, frozen=True):
    """A service: what its instances have in common. `records` are DNS types with their TTLs."""

    id: str
    account: str
    namespace: str
    name: str
    description: str = ""
    creator: str = ""
    created_at: float = 0.0
    policy: str = ""
    records: tuple[tuple[str, int], ...] = ()
    custom_health: bool = False
    attributes: dict[str, str] = {}
    revision: int = 1  # of its instances


class Instance(msgspec.Struct, frozen=True):
    """An instance of a service. What a checker says of its health counts from `counts_at` on."""

    id: str
    service: str
    attributes: dict[str, str]
    creator: str = ""
    health: str = HEALTHY
    said: str = HEALTHY
    counts_at: float = 0.0
    alias_zone: str = ""  # of the load balancer that it is an alias of


class Operation(msgspec.Struct, frozen=True):
    """Something that takes its time; the members before the last three are what it is about."""

    id: str
    account: str
    kind: str
    status: str
    created_at: float
    updated_at: float
    number: int  # its place among all
    namespace: Namespace
    service: MapService | None = None
    instance: Instance | None = None
    code: str = ""
    message: str = ""


class Tags(msgspec.Struct, frozen=True):
    """The tags of a namespace or service."""

    tags: dict[str, str]


class DnsRecord(msgspec.Struct, frozen=True, order=True):
    """A record set of one instance in a hosted zone; an alias has a target in place of a value."""

    name: str
    type: str
    set_identifier: str = ""
    policy: str = ""
    ttl_s: int = 0
    value: str = ""
    alias: tuple[str, str] | None = None  # hosted zone and name of a load balancer


class Published(msgspec.Struct, frozen=True):
    """The records that a service has in its namespace's zone."""

    records: tuple[DnsRecord, ...] = ()


def health_of(instance: Instance, now: float) -> str:
    """What is known of an instance's health at a time."""
    return instance.said if now >= instance.counts_at else instance.health
