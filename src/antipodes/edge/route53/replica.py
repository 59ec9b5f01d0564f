"""The edge's own copy of what Route 53's control plane and load balancers have said, on its disk.

Every change goes to the store and, in the same turn, to the zones that are answered from. To hear
of one twice changes nothing, so whatever a full disk took back is simply heard again.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from antipodes.edge.route53.locations import Balancer
from antipodes.edge.route53.model import (
    CIDR_KIND,
    HEALTH_CHECK_KIND,
    RECORDS_KIND,
    ZONE_KIND,
    CidrCollection,
    HealthCheck,
    HostedZone,
    RecordKey,
    RecordSet,
)
from antipodes.edge.route53.zones import Zones
from antipodes.runtime.contract import Store
from antipodes.service.records import Records

KINDS = (ZONE_KIND, RECORDS_KIND, HEALTH_CHECK_KIND, CIDR_KIND)


class Replica:
    """Zones, records, health checks, collections and balancers, as they were last heard of."""

    def __init__(self, store: Store) -> None:
        self.zones = Zones()
        self._hosted = Records(store, "names/zone", HostedZone)
        self._records = Records(store, "names/record", RecordSet)
        self._collections = Records(store, "names/cidr", CidrCollection)
        self._checks = Records(store, "names/health-check", HealthCheck)
        self._balancers = Records(store, "names/balancer", Balancer)
        # Of aliases that go by the health of something outside their zone: what that is.
        self._evaluated: dict[tuple[str, RecordKey], str] = {}
        self._watched: dict[str, dict[RecordKey, None]] = {}  # put while somebody watches

    def load(self) -> None:
        """Take up what is on the disk."""
        zones = self.zones
        zones.advance()
        for _, _, hosted in self._hosted.all():
            zones.put_zone(hosted)
        by_zone: dict[str, list[RecordSet]] = {}
        for zone_id, _, record_set in self._records.all():
            by_zone.setdefault(zone_id, []).append(record_set)
        for zone_id, record_sets in by_zone.items():
            zones.change(zone_id, record_sets, ())
            for record_set in record_sets:
                self._note_target(zone_id, record_set)
        for _, collection_id, collection in self._collections.all():
            zones.put_collection(collection_id, collection)
        zones.forget(zones.version)

    def hear(self, kind: str, payload: Any) -> None:
        """Something has changed, of one of KINDS."""
        if kind == RECORDS_KIND:
            self._hear_of_records(payload)
        elif kind == ZONE_KIND:
            self._hear_of_zone(payload)
        elif kind == HEALTH_CHECK_KIND:
            self._hear_of_check(payload)
        elif kind == CIDR_KIND:
            self._hear_of_collection(payload)

    def _hear_of_zone(self, payload: Any) -> None:
        zone_id, told = payload
        if told is not None:
            hosted = msgspec.convert(told, HostedZone)
            self._hosted.put("", zone_id, hosted)
            self.zones.put_zone(hosted)
            return
        self._hosted.delete("", zone_id)
        zone = self.zones.get(zone_id)
        for node in zone.nodes.values() if zone is not None else ():
            for record_set in node.sets:
                self._records.delete(zone_id, _record_key(*record_set.key))
                self._evaluated.pop((zone_id, record_set.key), None)
        self.zones.delete_zone(zone_id)

    def _hear_of_records(self, payload: Any) -> None:
        zone_id, told, deleted = payload[:3]
        upserts = msgspec.convert(told, list[RecordSet])
        keys = [RecordKey(*key) for key in deleted]
        for key in keys:
            self._records.delete(zone_id, _record_key(*key))
            self._evaluated.pop((zone_id, key), None)
        for record_set in upserts:
            self._records.put(zone_id, _record_key(*record_set.key), record_set)
            self._note_target(zone_id, record_set)
        if zone_id in self._watched:
            self._watched[zone_id].update(dict.fromkeys(upsert.key for upsert in upserts))
        self.zones.change(zone_id, upserts, keys)

    def _note_target(self, zone_id: str, record_set: RecordSet) -> None:
        alias = record_set.alias
        if alias is not None and alias.evaluate_target_health and alias.zone_id != zone_id:
            name = alias.dns_name.lower().rstrip(".").removeprefix("dualstack.")
            self._evaluated[zone_id, record_set.key] = name
        else:
            self._evaluated.pop((zone_id, record_set.key), None)

    def _hear_of_collection(self, payload: Any) -> None:
        collection_id, told = payload
        collection = msgspec.convert(told, CidrCollection) if told is not None else None
        if collection is None:
            self._collections.delete("", collection_id)
        else:
            self._collections.put("", collection_id, collection)
        self.zones.put_collection(collection_id, collection)

    def _hear_of_check(self, payload: Any) -> None:
        check_id, told = payload
        if told is None:
            self._checks.delete("", check_id)
        else:
            self._checks.put("", check_id, msgspec.convert(told, HealthCheck))

    def record_keys(self, zone_id: str) -> list[RecordKey]:
        """What identifies the record sets of a zone."""
        zone = self.zones.get(zone_id)
        nodes = zone.nodes.values() if zone is not None else ()
        return [record_set.key for node in nodes for record_set in node.sets]

    @contextmanager
    def watched(self, zone_id: str) -> Iterator[dict[RecordKey, None]]:
        """The record sets of a zone that are put meanwhile; the last who watches sees them."""
        seen = self._watched[zone_id] = {}
        try:
            yield seen
        finally:
            self._watched.pop(zone_id, None)

    def collection_ids(self) -> list[str]:
        """All CIDR collections."""
        return [collection_id for _, collection_id, _ in self._collections.all()]

    def checks(self) -> dict[str, HealthCheck]:
        """All health checks, by id."""
        return {check_id: check for _, check_id, check in self._checks.all()}

    def check(self, check_id: str) -> HealthCheck | None:
        """A health check."""
        return self._checks.get("", check_id)

    # Load balancers.

    def hear_of_balancer(self, region: str, name: str, told: Any) -> Balancer | None:
        """A region has said what a balancer's name means."""
        if told is None:
            self._balancers.delete(region, name)
            return None
        balancer = msgspec.convert(told, Balancer)
        self._balancers.put(region, name, balancer)
        return balancer

    def names_of(self, region: str) -> list[str]:
        """The names of a region's balancers."""
        return [name for where, name, _ in self._balancers.all() if where == region]

    def evaluated_balancers(self) -> list[str]:
        """The ARNs of balancers whose health aliases go by, in order."""
        names = dict.fromkeys(self._evaluated.values())
        if not names:
            return []
        known = (balancer for name, balancer in self.balancers() if name.lower() in names)
        return sorted(balancer.arn for balancer in known if balancer.arn)

    def balancers(self) -> list[tuple[str, Balancer]]:
        """All balancers, by name."""
        return [(name, balancer) for _, name, balancer in self._balancers.all()]


def _record_key(name: str, rtype: str, set_identifier: str) -> str:
    """A record set's key in the store, where keys are shorter than names may be."""
    text = f"{name}\x00{rtype}\x00{set_identifier}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
