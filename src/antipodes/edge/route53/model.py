r"""Route 53's nouns: zones, record sets, health checks, CIDR collections, traffic policies. Pure.

Names are kept as AWS shows them: lower case, with a trailing dot, and everything but letters,
digits, hyphens, underscores and dots as \ooo. Ids are bare (`Z...`, `C...`), without the
`/hostedzone/` or `/change/` in front of them.

These values cross regions in us-east-1's change log, as MessagePack maps: read one back with
`msgspec.convert(payload, RecordSet)`. The kinds, with their payloads::

    route53/zone             [zone id, HostedZone or None]
    route53/records          [zone id, [RecordSet], [[name, type, set identifier]], change id]
    route53/health-check     [id, HealthCheck or None]
    route53/cidr             [collection id, CidrCollection or None]

Whoever probes says what it saw in the edge's own log, for GetHealthCheckStatus::

    route53/observations     [health check id, [Observation]]; none when nobody probes any more
    route53/queries          [zone id, [[edge location, Unix seconds, line of its query log]]]
    route53/measured         [Unix seconds, rows for CloudWatch]; see `metrics`
"""

from typing import Literal, NamedTuple

import msgspec

ZONE_KIND = "route53/zone"
RECORDS_KIND = "route53/records"
HEALTH_CHECK_KIND = "route53/health-check"
CIDR_KIND = "route53/cidr"
OBSERVATIONS_KIND = "route53/observations"
QUERIES_KIND = "route53/queries"
MEASURED_KIND = "route53/measured"

# What aliases name as the zone of their target (facts/edge.md, section 4.3).
CLOUDFRONT_ZONE = "Z2FDTNDATAQYW2"
ACCELERATOR_ZONE = "Z2BJ6XQ5FK7U4H"

# Types of health checks: those that probe an endpoint, and its port where none is given.
ENCRYPTED = ("HTTPS", "HTTPS_STR_MATCH")
PROBED = ("HTTP", "HTTP_STR_MATCH", *ENCRYPTED, "TCP")
PORTS = {"HTTP": 80, "HTTP_STR_MATCH": 80, "HTTPS": 443, "HTTPS_STR_MATCH": 443}

DEFAULT_LOCATION = "*"  # of a CIDR collection; and the country of a default geolocation record

Policy = Literal[
    "simple",
    "weighted",
    "latency",
    "failover",
    "geolocation",
    "geoproximity",
    "multivalue",
    "cidr",
]


class Vpc(msgspec.Struct, frozen=True, omit_defaults=True):
    """A network that sees a private zone."""

    region: str
    id: str


class HostedZone(msgspec.Struct, frozen=True, omit_defaults=True):
    """A zone, without its records. Private where it has networks."""

    id: str
    account: str
    name: str
    name_servers: tuple[str, ...]  # without trailing dots; the first is the SOA's
    caller_reference: str = ""
    comment: str = ""
    private: bool = False
    vpcs: tuple[Vpc, ...] = ()
    delegation_set: str = ""  # of a reusable delegation set
    created_at: float = 0.0  # Unix seconds
    logs_queries: bool = False


class AliasTarget(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an alias record stands for."""

    zone_id: str
    dns_name: str
    evaluate_target_health: bool = False


class GeoLocation(msgspec.Struct, frozen=True, omit_defaults=True):
    """A continent, a country ("*": the default record), or a state of a country."""

    continent: str = ""
    country: str = ""
    subdivision: str = ""


class GeoProximity(msgspec.Struct, frozen=True, omit_defaults=True):
    """A region, a local zone group or a point, and the bias of its circle."""

    region: str = ""
    local_zone_group: str = ""
    latitude: str = ""  # as it was given: it must be repeated exactly to delete the record
    longitude: str = ""
    bias: int | None = None

    @property
    def in_region(self) -> str:
        """The region; of a local zone group, the one that it belongs to."""
        return self.region or "-".join(self.local_zone_group.split("-")[:3])


class CidrRouting(msgspec.Struct, frozen=True, omit_defaults=True):
    """A location of a CIDR collection ("*": what no block covers)."""

    collection_id: str
    location: str


class RecordKey(NamedTuple):
    """What identifies a record set in its zone."""

    name: str
    type: str
    set_identifier: str = ""


class RecordSet(msgspec.Struct, frozen=True, omit_defaults=True):
    """One resource record set: either values with a TTL, or an alias."""

    name: str
    type: str
    set_identifier: str = ""
    ttl: int | None = None
    values: tuple[str, ...] = ()
    alias: AliasTarget | None = None
    weight: int | None = None
    region: str = ""
    failover: str = ""  # PRIMARY or SECONDARY
    geo: GeoLocation | None = None
    proximity: GeoProximity | None = None
    multivalue: bool = False
    cidr: CidrRouting | None = None
    health_check: str = ""
    traffic_policy_instance: str = ""

    @property
    def key(self) -> RecordKey:
        """What identifies it."""
        return RecordKey(self.name, self.type, self.set_identifier)

    @property
    def policy(self) -> Policy:
        """How one of the records of this name and type is chosen."""
        given: tuple[tuple[Policy, bool], ...] = (
            ("weighted", self.weight is not None),
            ("latency", bool(self.region)),
            ("failover", bool(self.failover)),
            ("geolocation", self.geo is not None),
            ("geoproximity", self.proximity is not None),
            ("multivalue", self.multivalue),
            ("cidr", self.cidr is not None),
        )
        return next((policy for policy, is_given in given if is_given), "simple")


class Alarm(msgspec.Struct, frozen=True, omit_defaults=True):
    """The CloudWatch alarm of a health check, with its settings as they were when copied."""

    region: str
    name: str
    namespace: str = ""
    metric: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()
    statistic: str = ""
    period: int = 60
    evaluation_periods: int = 1
    threshold: float = 0.0
    comparison: str = ""


class HealthCheck(msgspec.Struct, frozen=True, omit_defaults=True):
    """A health check. Which members count depends on its type."""

    id: str
    account: str
    caller_reference: str
    type: str
    version: int = 1
    ip: str = ""
    port: int | None = None
    path: str = ""
    domain: str = ""  # FullyQualifiedDomainName
    search_string: str = ""
    interval_s: int = 30
    threshold: int = 3  # consecutive results that flip a checker's opinion
    measures_latency: bool = False
    inverted: bool = False
    disabled: bool = False
    sends_server_name: bool = False  # EnableSNI
    regions: tuple[str, ...] = ()  # where checkers are; none given: all
    health_threshold: int = 0  # of a calculated check
    children: tuple[str, ...] = ()
    alarm: Alarm | None = None
    insufficient_data: str = ""  # Healthy, Unhealthy or LastKnownStatus
    routing_control: str = ""  # an ARN
    created_at: float = 0.0


class Observation(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one checker last saw, and why it last failed."""

    region: str
    ip: str
    status: str  # such as "Success: HTTP Status Code 200, OK" or "Failure: ..."
    checked_at: float
    failure: str = ""  # the text of the last failure, if there was one
    failed_at: float = 0.0


class CidrCollection(msgspec.Struct, frozen=True, omit_defaults=True):
    """Blocks of addresses, grouped by location."""

    id: str
    account: str
    name: str
    caller_reference: str = ""
    version: int = 1
    locations: dict[str, tuple[str, ...]] = {}  # name -> blocks


class DelegationSet(msgspec.Struct, frozen=True, omit_defaults=True):
    """Four name servers that several zones share."""

    id: str
    account: str
    caller_reference: str
    name_servers: tuple[str, ...]


class QueryLoggingConfig(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the queries for a zone are written down."""

    id: str
    account: str
    zone_id: str
    log_group_arn: str


class TrafficPolicy(msgspec.Struct, frozen=True, omit_defaults=True):
    """One version of a traffic policy."""

    id: str
    account: str
    version: int
    name: str
    type: str
    document: str
    comment: str = ""
    created_at: float = 0.0


class TrafficPolicyInstance(msgspec.Struct, frozen=True, omit_defaults=True):
    """A traffic policy at work in a zone: it owns the records that were made from it."""

    id: str
    account: str
    zone_id: str
    name: str
    ttl: int
    policy_id: str
    policy_version: int
    policy_type: str
    applied_at: float  # Creating until then
    message: str = ""  # says why, where it failed
    generation: int = 0  # how often its records were made anew
    names: tuple[str, ...] = ()  # of its records


class ZoneChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """A change on its way to the edge: PENDING until `insync_at`."""

    id: str
    account: str
    submitted_at: float
    insync_at: float
    comment: str = ""

    def status(self, now: float) -> str:
        """Whether every edge location has it."""
        return "INSYNC" if now >= self.insync_at else "PENDING"
