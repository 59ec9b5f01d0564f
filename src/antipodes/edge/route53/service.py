"""Route 53's control plane: what its operations share. It lives in us-east-1.

A change is one group of the host's store: the records, the change that can be asked after, and the
entries of the change log that tell the edge. Its keys begin with `route53-control`, since the same
host, as a region, keeps a copy of what it is told like any other. A change is INSYNC when every
edge location that can be reached must have it: after the propagation time, and what the backbone
takes at most.
"""

import hashlib
from typing import Any

import msgspec

from antipodes.edge.route53 import loglines, metrics, model
from antipodes.edge.route53.model import (
    CidrCollection,
    DelegationSet,
    HealthCheck,
    HostedZone,
    Observation,
    QueryLoggingConfig,
    RecordKey,
    RecordSet,
    TrafficPolicy,
    TrafficPolicyInstance,
    Vpc,
    ZoneChange,
)
from antipodes.edge.route53.recordstore import RecordStore
from antipodes.edge.route53.telling import serve_copies
from antipodes.replication.changelog import Entry
from antipodes.replication.follower import Follower
from antipodes.service.contract import (
    Call,
    Host,
    Preceded,
    Response,
    Service,
    ServiceError,
)
from antipodes.service.drawing import uuid
from antipodes.service.news import everywhere_s
from antipodes.service.rates import CallRate
from antipodes.service.records import Records

CHANGES_MAX = 10_000  # that can be asked after; older ones are forgotten
CALLS_MAX, CALLS_S = 5, 1.0  # of an account, where the world's capacity can be short
REFERENCE_S = 7 * 86_400.0  # for how long the caller reference of something deleted is known
_ID_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# The model lets an id have 32 characters, with what clients leave before it.
_ID_LENGTHS = {"Z": 32 - len("/hostedzone/"), "C": 20, "N": 32 - len("/delegationset/")}
_CHANGE_NUMBER = b"route53-control/change-number"
_CHANGE_SLOT = b"route53-control/change-slot/"
_OWNER = b"route53-control/zone-owner/"


def _count(service: "Route53", call: Call) -> None:
    """An account may call only so often, if the world says so."""
    service.count_call(call.account)


operations = Preceded(_count)


class Observed(msgspec.Struct, frozen=True):
    """What all checkers of a health check last saw."""

    observations: tuple[Observation, ...]


class Authorized(msgspec.Struct, frozen=True):
    """Networks of other accounts that may be associated with a private zone."""

    vpcs: tuple[Vpc, ...]


class Tags(msgspec.Struct, frozen=True):
    """The tags of a zone or a health check."""

    tags: dict[str, str]


class Protection(msgspec.Struct, frozen=True):
    """Record sets that may not be changed."""

    name: str
    type: str
    comment: str = ""


class Reference(msgspec.Struct, frozen=True):
    """The caller reference of something that is no more, and since when."""

    deleted_at: float


class Route53(Service):
    """The control plane."""

    name = "route53"
    operations = operations
    home = "us-east-1"

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        store = host.store
        self.zones = Records(store, "route53-control/zone", HostedZone)
        self.records = RecordStore(store)
        self.authorized = Records(store, "route53-control/vpc-authorization", Authorized)
        self.protections = Records(store, "route53-control/protection", Protection)
        self.health_checks = Records(store, "route53-control/health-check", HealthCheck)
        self.old_references = Records(store, "route53-control/old-reference", Reference)
        self.observed = Records(store, "route53-control/observations", Observed)
        self.collections = Records(store, "route53-control/cidr", CidrCollection)
        self.delegation_sets = Records(store, "route53-control/delegation-set", DelegationSet)
        self.logging = Records(store, "route53-control/query-logging", QueryLoggingConfig)
        self.policies = Records(store, "route53-control/traffic-policy", TrafficPolicy)
        self.instances = Records(
            store, "route53-control/traffic-policy-instance", TrafficPolicyInstance
        )
        self.tags = Records(store, "route53-control/tags", Tags)
        self.changes = Records(store, "route53-control/change", ZoneChange)
        self.chance = host.runtime.chance("route53/ids")
        serve_copies(host.changes, self.zones, self.records, self.health_checks, self.collections)
        self._rate = CallRate(CALLS_MAX, CALLS_S)
        self._follows = False

    async def start(self) -> None:
        """Hear from the edge what there is to hear, if there is anything."""
        checks, logs = self.health_checks.all(), self.logging.all()
        if next(checks, None) is not None or next(logs, None) is not None:
            self.follow_edge()

    def follow_edge(self) -> None:
        """Hear from the edge what health checkers see and who asks, from now on."""
        if self._follows:
            return
        self._follows = True
        follower = Follower(
            self.host.runtime,
            self.host.store,
            source="edge",
            name="route53",
            kinds=(model.OBSERVATIONS_KIND, model.MEASURED_KIND, model.QUERIES_KIND),
            apply=self._hear,
        )
        self.host.runtime.spawn(follower.run(), "follow the edge")

    def _hear(self, entries: list[Entry]) -> None:
        for entry in entries:
            if entry.kind == model.MEASURED_KIND:
                publishing = metrics.publish(self.host, *entry.payload)
                self.host.runtime.spawn(publishing, "publish health")
                continue
            if entry.kind == model.QUERIES_KIND:
                self._publish_queries(*entry.payload)
                continue
            check_id, seen = entry.payload
            if seen:
                observations = msgspec.convert(seen, tuple[Observation, ...])
                self.observed.put("", check_id, Observed(observations))
            else:
                self.observed.delete("", check_id)

    def _publish_queries(self, zone_id: str, events: list[list[Any]]) -> None:
        owner = self.host.store.get(_OWNER + zone_id.encode())
        config = None if owner is None else self.logging.get(owner.decode(), zone_id)
        if config is not None:
            arn = config.log_group_arn
            publishing = loglines.publish(self.host, config.account, arn, zone_id, events)
            self.host.runtime.spawn(publishing, "publish queries")

    def count_call(self, account: str) -> None:
        """Count a call of an account's. Raises Throttling, if the world can be short."""
        short = self.host.settings.throttling
        if short and not self._rate.allows(account, self.host.runtime.now()):
            raise ServiceError("Throttling", "Rate exceeded", 400)

    # Time and names.

    def now(self) -> float:
        """Unix seconds."""
        return self.host.runtime.wall()

    def new_id(self, first: str) -> str:
        """A new id, such as Z0123456789ABCDEFGHI."""
        length = _ID_LENGTHS[first] - 1
        return first + "".join(self.chance.choice(_ID_LETTERS) for _ in range(length))

    def new_uuid(self) -> str:
        """A random UUID."""
        return uuid(self.chance)

    # Changes.

    def begin_change(self, account: str, comment: str = "") -> ZoneChange:
        """Note a change that is on its way to the edge from now on."""
        now = self.now()
        travel = everywhere_s(self.host.runtime, self.host.settings.propagation_s)
        change = ZoneChange(self.new_id("C"), account, now, now + travel, comment)
        self.changes.put("", change.id, change)
        store = self.host.store
        number = int(store.get(_CHANGE_NUMBER) or b"0")
        store.put(_CHANGE_NUMBER, b"%d" % (number + 1))
        slot = _CHANGE_SLOT + b"%d" % (number % CHANGES_MAX)
        old = store.get(slot)
        if old is not None:
            self.changes.delete("", old.decode())
        store.put(slot, change.id.encode())
        return change

    def show_change(self, change: ZoneChange) -> Response:
        """A change as it is shown."""
        shown: Response = {
            "Id": f"/change/{change.id}",
            "Status": change.status(self.now()),
            "SubmittedAt": change.submitted_at,
        }
        return {**shown, "Comment": change.comment} if change.comment else shown

    # Caller references: one must not do its work twice, even if what it made is gone.

    def was_used(self, account: str, kind: str, reference: str) -> bool:
        """Whether something with that reference was there, and is deleted."""
        return self.old_references.get(account, _digest(kind, reference)) is not None

    def remember(self, account: str, kind: str, reference: str) -> None:
        """Something with a reference is deleted; what was deleted long ago is forgotten."""
        now, old = self.now(), self.old_references
        for other, digest, kept in list(old.all()):
            if kept.deleted_at < now - REFERENCE_S:
                old.delete(other, digest)
        old.put(account, _digest(kind, reference), Reference(now))

    # Zones.

    def zone(self, call: Call, given: str) -> HostedZone:
        """A zone of the caller's. Raises NoSuchHostedZone."""
        zone = self.zones.get(call.account, bare(given))
        if zone is None:
            raise no_such_zone(given)
        return zone

    def zone_of_anyone(self, given: str) -> HostedZone:
        """A zone, whoever owns it. Raises NoSuchHostedZone."""
        owner = self.host.store.get(_OWNER + bare(given).encode())
        zone = None if owner is None else self.zones.get(owner.decode(), bare(given))
        if zone is None:
            raise no_such_zone(given)
        return zone

    def is_zone(self, zone_id: str) -> bool:
        """Whether there is a zone of that id, whoever owns it."""
        return self.host.store.get(_OWNER + zone_id.encode()) is not None

    def save_zone(self, zone: HostedZone) -> None:
        """Keep a zone and tell the edge."""
        self.zones.put(zone.account, zone.id, zone)
        self.host.store.put(_OWNER + zone.id.encode(), zone.account.encode())
        self.host.changes.append(model.ZONE_KIND, [zone.id, zone])

    def forget_zone(self, zone: HostedZone) -> None:
        """Forget a zone with all that belongs to it, and tell the edge."""
        self.remember(zone.account, "zone", zone.caller_reference)
        self.zones.delete(zone.account, zone.id)
        self.host.store.delete(_OWNER + zone.id.encode())
        self.records.drop(zone.id)
        self.authorized.delete(zone.account, zone.id)
        self.tags.delete(zone.account, f"hostedzone/{zone.id}")
        if zone.logs_queries:
            self.logging.delete(zone.account, zone.id)
        self.host.changes.append(model.ZONE_KIND, [zone.id, None])

    def save_records(
        self,
        zone: HostedZone,
        names: dict[str, list[RecordSet]],
        upserts: list[RecordSet],
        deleted: list[RecordKey],
        change: ZoneChange,
    ) -> None:
        """Keep all record sets of some names, and tell the edge what is new about them."""
        for name, records in names.items():
            self.records.replace(zone.id, name, records)
        payload = [zone.id, upserts, deleted, change.id]
        self.host.changes.append(model.RECORDS_KIND, payload)


def _digest(kind: str, reference: str) -> str:
    """A key for a caller reference, which may be long."""
    return hashlib.sha256(f"{kind}/{reference}".encode()).hexdigest()[:32]


def bare(given: str) -> str:
    """An id without what names its kind: `/hostedzone/Z1` is Z1."""
    return given.rpartition("/")[2]


def no_such_zone(given: str) -> ServiceError:
    """The error for a zone that is not there."""
    return ServiceError("NoSuchHostedZone", f"No hosted zone found with ID: {bare(given)}", 404)
