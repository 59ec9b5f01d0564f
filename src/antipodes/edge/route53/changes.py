"""A batch of changes, judged whole: what the zone's records are afterwards, or all that is wrong.

The changes are applied in order to a copy of the names that they touch; the rules about records
that must agree (a CNAME stands alone, the members of a group share a policy, an alias has a target)
are asked of the outcome, so that a batch may delete a CNAME and create an alias in its place.

Sources: botocore's model of ChangeResourceRecordSets; "Quotas" and "Values that you specify" of the
Route 53 Developer Guide; messages from public logs.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from antipodes.edge.route53 import naming, records
from antipodes.edge.route53.model import (
    DEFAULT_LOCATION,
    CidrCollection,
    HostedZone,
    RecordKey,
    RecordSet,
)
from antipodes.service.contract import ServiceError

ELEMENTS_MAX = 1000  # resource records of a batch; an UPSERT counts twice
CHARACTERS_MAX = 32_000  # in their values, likewise
RECORDS_MAX = 10_000  # of a zone
GROUP_MAX, PROXIMITY_GROUP_MAX = 100, 30  # of one name and type
ALIASES_MAX = 1000  # followed in search of a loop
_SEQUENCES = (("DELETE", "CREATE"), ("DELETE", "UPSERT"), ("DELETE", "DELETE"))
_POLICY_WORDS = {
    "weighted": "weighted",
    "latency": "latency",
    "failover": "failover",
    "geolocation": "geo",
    "geoproximity": "geoproximity",
    "multivalue": "multivalue answer",
    "cidr": "CIDR",
}


def invalid_batch(messages: list[str]) -> ServiceError:
    """The error for a batch, with everything that is wrong with it."""
    return ServiceError("InvalidChangeBatch", f"[{', '.join(messages)}]")


class Change(NamedTuple):
    """One change of a batch."""

    action: str
    record: RecordSet


class Known(NamedTuple):
    """What a batch is judged by, apart from itself."""

    zone: HostedZone
    record_count: int  # of the zone
    named: Callable[[str], tuple[RecordSet, ...]]
    protected: Callable[[str, str], str | None]  # a protection's comment, by name and type
    has_health_check: Callable[[str], bool]
    collection: Callable[[str], CidrCollection | None]
    is_zone: Callable[[str], bool]  # anybody's, by id


class Outcome(NamedTuple):
    """What a batch does to its zone."""

    names: dict[str, list[RecordSet]]  # of each name touched, all record sets afterwards
    upserts: list[RecordSet]
    deleted: list[RecordKey]


def read(given: list[dict[str, Any]]) -> list[Change]:
    """Read the changes of a batch. Raises InvalidInput and InvalidChangeBatch."""
    found: list[Change] = []
    messages: list[str] = []
    for part in given:
        try:
            record = records.read(part["Action"], part["ResourceRecordSet"])
        except naming.BadName as error:
            messages.append(str(error))
            continue
        records.check_places(record)
        found.append(Change(part["Action"], record))
    if messages:
        raise invalid_batch(messages)
    _check_size(found)
    return found


def _check_size(changes: list[Change]) -> None:
    elements = characters = 0
    for action, record in changes:
        times = 2 if action == "UPSERT" else 1
        elements += times * max(1, len(record.values))
        characters += times * sum(map(len, record.values))
    messages = []
    if elements > ELEMENTS_MAX:
        messages.append(f"Number of records limit of {ELEMENTS_MAX} exceeded.")
    if characters > CHARACTERS_MAX:
        messages.append(f"Number of characters limit of {CHARACTERS_MAX} exceeded.")
    if messages:
        raise invalid_batch(messages)


def judge(changes: list[Change], known: Known) -> Outcome:
    """Return what a batch does. Raises InvalidChangeBatch, or NoSuchHealthCheck."""
    work = _Work(known)
    for change in changes:
        work.take(change)
    messages = [*work.messages, *work.whole()]
    if messages:
        raise invalid_batch(list(dict.fromkeys(messages)))
    return work.outcome()


class _Work:
    """A batch on its way to its outcome."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._zone = known.zone
        self._before: dict[str, dict[RecordKey, RecordSet]] = {}
        self._names: dict[str, dict[RecordKey, RecordSet]] = {}
        self._actions: dict[RecordKey, tuple[str, ...]] = {}
        self.messages: list[str] = []

    def take(self, change: Change) -> None:
        """Apply a change, or note what is wrong with it."""
        action, record = change
        if not naming.within(record.name, self._zone.name):
            self.messages += records.problems(record, self._zone)
            return
        self._actions[record.key] = actions = (*self._actions.get(record.key, ()), action)
        if len(actions) > 1 and actions not in _SEQUENCES:
            self.messages.append(
                "The request contains an invalid set of changes for a resource record set "
                f"'{record.type} {record.name}'"
            )
            return
        comment = self._known.protected(record.name, record.type)
        if comment is not None:
            self.messages.append(
                f"RRSet with DNS name {record.name}, type {record.type} is protected"
                + (f" ({comment})" if comment else "")
            )
        if action == "DELETE":
            self._delete(record)
        else:
            self._put(action, record)

    def _named(self, name: str) -> dict[RecordKey, RecordSet]:
        """The records of a name, as they are at this point of the batch."""
        if name not in self._names:
            self._before[name] = {record.key: record for record in self._known.named(name)}
            self._names[name] = dict(self._before[name])
        return self._names[name]

    def _delete(self, record: RecordSet) -> None:
        named = self._named(record.name)
        found = named.get(record.key)
        if found is None:
            self.messages.append(f"Tried to delete {_set(record)} but it was not found")
        elif not records.same(found, record):
            self.messages.append(
                f"Tried to delete {_set(record)} but the values provided do not match the current "
                "values"
            )
        else:
            del named[record.key]

    def _put(self, action: str, record: RecordSet) -> None:
        self.messages += records.problems(record, self._zone)
        if record.health_check and not self._known.has_health_check(record.health_check):
            raise ServiceError(
                "NoSuchHealthCheck",
                f"A health check with id {record.health_check} does not exist.",
                404,
            )
        named = self._named(record.name)
        if action == "CREATE" and record.key in named:
            self.messages.append(f"Tried to create {_set(record)} but it already exists")
            return
        named[record.key] = record

    def whole(self) -> Iterator[str]:
        """Say what is wrong with the outcome."""
        count = self._known.record_count
        for name, named in self._names.items():
            count += len(named) - len(self._before[name])
            put = [r for key, r in named.items() if self._last_action(key) != "DELETE"]
            yield from self._beside_cname(named, put)
            for record in put:
                group = [r for r in named.values() if r.type == record.type]
                yield from _group_problems(record, group)
                yield from self._pointing_problems(record)
        yield from self._apex()
        if count > RECORDS_MAX and count > self._known.record_count:
            yield f"Number of records in the zone exceeds its limit of {RECORDS_MAX}."

    def _last_action(self, key: RecordKey) -> str:
        """What the batch does last to a record; a record that it leaves alone counts as old."""
        return self._actions.get(key, ("DELETE",))[-1]

    def _beside_cname(
        self, named: dict[RecordKey, RecordSet], put: list[RecordSet]
    ) -> Iterator[str]:
        types = {record.type for record in named.values()}
        if "CNAME" not in types or len(types) == 1:
            return
        for record in put:
            where = f"DNS name {record.name}"
            if record.type == "CNAME":
                yield (
                    f"RRSet of type CNAME with {where} is not permitted as it conflicts with other "
                    f"records with the same DNS name in zone {self._zone.name}"
                )
            else:
                # AWS itself has two spaces before CNAME.
                yield (
                    f"RRSet of type {record.type} with {where} is not permitted because a "
                    "conflicting RRSet of type  CNAME with the same DNS name already exists in "
                    f"zone {self._zone.name}"
                )

    def _pointing_problems(self, record: RecordSet) -> Iterator[str]:
        """What is wrong with what a record points to: a target in its zone, or CIDR blocks."""
        alias, cidr = record.alias, record.cidr
        if alias is not None and alias.zone_id == self._zone.id:
            there = self._afterwards(alias.dns_name)
            if all(target.type != record.type for target in there):
                yield records.not_found(record, alias)
            elif self._loops(record):
                yield f"{records.told(record)} cannot be created as its alias leads back to it"
        elif alias is not None and self._known.is_zone(alias.zone_id):
            yield records.outside(record, alias)
            yield records.not_found(record, alias)
        if cidr is not None:
            collection = self._known.collection(cidr.collection_id)
            if collection is None:
                yield f"{records.told(record)}: no CIDR collection has id {cidr.collection_id}"
            elif cidr.location not in {*collection.locations, DEFAULT_LOCATION}:
                yield (
                    f"{records.told(record)}: the CIDR collection {collection.id} has no location "
                    f"{cidr.location}"
                )

    def _afterwards(self, name: str) -> tuple[RecordSet, ...]:
        if name in self._names:
            return tuple(self._names[name].values())
        return self._known.named(name)

    def _loops(self, record: RecordSet) -> bool:
        """Whether aliases of the zone lead from a record back to its own name and type."""
        waiting = [record]
        seen: set[str] = set()
        while waiting and len(seen) < ALIASES_MAX:
            alias = waiting.pop().alias
            if alias is None or alias.zone_id != self._zone.id or alias.dns_name in seen:
                continue
            if alias.dns_name == record.name:
                return True
            seen.add(alias.dns_name)
            waiting += [r for r in self._afterwards(alias.dns_name) if r.type == record.type]
        return False

    def _apex(self) -> Iterator[str]:
        """The zone's own SOA and NS records must stay."""
        if self._zone.name not in self._names:
            return
        named = self._names[self._zone.name].values()
        if sum(record.type == "SOA" for record in named) != 1:
            yield "A HostedZone must contain exactly one SOA record."
        if all(record.type != "NS" for record in named):
            yield "A HostedZone must contain at least one NS record for the zone itself."

    def outcome(self) -> Outcome:
        """What the batch does."""
        upserts: list[RecordSet] = []
        deleted: list[RecordKey] = []
        for name, named in self._names.items():
            before = self._before[name]
            upserts += [record for key, record in named.items() if before.get(key) != record]
            deleted += [key for key in before if key not in named]
        names = {name: list(named.values()) for name, named in self._names.items()}
        return Outcome(names, upserts, deleted)


def _set(record: RecordSet) -> str:
    """A record set as the messages about single ones call it."""
    text = f"resource record set [name='{record.name}', type='{record.type}'"
    if record.set_identifier:
        text += f", set-identifier='{record.set_identifier}'"
    return text + "]"


def _group_problems(record: RecordSet, group: list[RecordSet]) -> Iterator[str]:
    """Say what is wrong with a record as one of its group."""
    others = [other for other in group if other.key != record.key]
    if not others:
        return
    told, policy = records.told(record), record.policy
    if policy == "simple":
        yield f"{told} cannot be created as other RRSets exist with the same name and type."
        return
    word = _POLICY_WORDS[policy]
    if any(other.policy != policy for other in others):
        yield (f"{told} cannot be created as a non-{word} set exists with the same name and type.")
        return
    most = PROXIMITY_GROUP_MAX if policy == "geoproximity" else GROUP_MAX
    if len(group) > most:
        yield f"{told} cannot be created as there are {most} {word} sets already."
    if policy == "weighted" and record.ttl is not None:
        if any(other.ttl not in {None, record.ttl} for other in others):
            yield (
                f"RRSet with DNS name {record.name} and type {record.type}, SetIdentifier "
                f"{record.set_identifier} cannot be created as weighted sets must contain the same "
                "TTL."
            )
    elif policy == "cidr":
        yield from _cidr_problems(record, others)
    elif policy in {"latency", "failover", "geolocation"}:
        place = _place(record)
        if any(_place(other) == place for other in others):
            yield f"{told} cannot be created as a {word} set for {place} exists."


def _cidr_problems(record: RecordSet, others: list[RecordSet]) -> Iterator[str]:
    told = records.told(record)
    found = [other.cidr for other in others]
    assert record.cidr is not None  # the policy says so
    if any(cidr is not None and cidr.collection_id != record.cidr.collection_id for cidr in found):
        yield f"{told} cannot be created as a set with another CIDR collection exists."
    elif record.cidr in found:
        yield f"{told} cannot be created as a CIDR set for location {record.cidr.location} exists."


def _place(record: RecordSet) -> str:
    """What only one record of a group may stand for."""
    geo = record.geo
    if geo is not None:
        return "/".join(part for part in (geo.continent, geo.country, geo.subdivision) if part)
    return record.region or record.failover
