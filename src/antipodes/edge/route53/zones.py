"""Zones as they are asked: names, what stands at them, and what did so a while ago.

Every edge location answers by what it has heard of, and they hear at different times. All of them
share these zones: each change gets a number, a location knows up to a number, and what was replaced
stays, behind what replaced it, until no location needs it. So a zone of 100,000 records is kept
once, and a change costs what it changes. A location that is cut off for long needs what there was
when it heard last, and none of what came and went since.

Record sets are compiled when somebody first asks for them. A name with nothing at it exists while
there is one below it (RFC 4592's empty non-terminals), so that they are counted.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from antipodes.edge.route53.groups import Group
from antipodes.edge.route53.model import CidrCollection, HostedZone, RecordSet
from antipodes.fabric.dns.names import ROOT, InvalidName, parent, suffixes, to_wire
from antipodes.fabric.dns.rdata import RTYPES

_STAR = b"\x01*"


class Node:
    """What stands at a name from some change on: nothing, or groups of record sets by type."""

    __slots__ = ("_groups", "before", "exists", "sets", "since")

    def __init__(
        self, sets: tuple[RecordSet, ...], *, exists: bool, since: int, before: "Node | None"
    ) -> None:
        self.sets = sets
        self.exists = exists
        self.since = since
        self.before = before
        self._groups: dict[int, Group] | None = None

    def groups(self) -> dict[int, Group]:
        """The record sets by type."""
        if self._groups is None:
            by_type: dict[int, list[RecordSet]] = {}
            for record_set in self.sets:
                by_type.setdefault(RTYPES[record_set.type], []).append(record_set)
            self._groups = {
                rtype: Group(tuple(sorted(sets, key=_identifier)))
                for rtype, sets in by_type.items()
            }
        return self._groups

    def has(self, rtype_name: str) -> bool:
        """Whether there is a record set of that type."""
        return any(record_set.type == rtype_name for record_set in self.sets)


def _identifier(record_set: RecordSet) -> str:
    return record_set.set_identifier


class Match(NamedTuple):
    """What a zone has for a name."""

    owner: bytes  # the name, or the wildcard's, or that of a delegation
    node: Node | None  # None: there is no such name
    delegated: bool = False


class Zone:
    """One hosted zone, with what it held since the oldest change that somebody still goes by."""

    def __init__(self, hosted: HostedZone, since: int) -> None:
        self.hosted = hosted
        self.id = hosted.id
        self.name = to_wire(hosted.name)
        self.since = since
        self.until: int | None = None  # the change that deleted it
        self.delegates = False  # whether it ever did: else nobody has to look
        self.nodes: dict[bytes, Node] = {}
        self._below: dict[bytes, int] = {}  # names with something at them, by what they are below

    def node(self, name: bytes, version: int) -> Node | None:
        """What stands at a name, as of a change; None where there is no such name."""
        node = self.nodes.get(name)
        while node is not None and node.since > version:
            node = node.before
        return node if node is not None and node.exists else None

    def match(self, name: bytes, rtype: int, version: int) -> Match:
        """Find what answers for a name of this zone: itself, a delegation or a wildcard."""
        if self.delegates:
            cut = self._delegation(name, rtype, version)
            if cut is not None:
                return cut
        node = self.node(name, version)
        if node is not None:
            return Match(name, node)
        encloser = parent(name)
        while self.node(encloser, version) is None and encloser != self.name:
            if encloser == ROOT:
                return Match(name, None)
            encloser = parent(encloser)
        star = _STAR + encloser
        return Match(star, self.node(star, version))

    def _delegation(self, name: bytes, rtype: int, version: int) -> Match | None:
        """The topmost name below the apex, at or above this one, that others answer for."""
        above = [suffix for suffix in suffixes(name) if len(suffix) > len(self.name)]
        for suffix in reversed(above):
            node = self.node(suffix, version)
            if node is None or not node.has("NS"):
                continue
            if suffix == name and rtype == RTYPES["DS"]:
                return None  # which is this side's to say
            return Match(suffix, node, delegated=True)
        return None

    # Changes.

    def put(self, name: bytes, sets: tuple[RecordSet, ...], version: int) -> list[bytes]:
        """Let a name hold these record sets; return the names at which something changed."""
        before = self.nodes.get(name)
        changed = [name]
        held, holds = bool(before is not None and before.sets), bool(sets)
        if held != holds:
            self._count(name, 1 if holds else -1, version, changed)
        if name != self.name and any(record_set.type == "NS" for record_set in sets):
            self.delegates = True
        self._put(name, sets, version)
        return changed

    def _put(self, name: bytes, sets: tuple[RecordSet, ...], version: int) -> None:
        before = self.nodes.get(name)
        if before is not None and before.since == version:
            before = before.before  # nobody has seen it
        exists = bool(sets) or name in self._below
        self.nodes[name] = Node(sets, exists=exists, since=version, before=before)

    def _count(self, name: bytes, step: int, version: int, changed: list[bytes]) -> None:
        """A name came or went: those above it may begin or cease to exist."""
        while len(name) > len(self.name):
            name = parent(name)
            count = self._below.pop(name, 0) + step
            if count:
                self._below[name] = count
            if count == (1 if step > 0 else 0):
                node = self.nodes.get(name)
                self._put(name, node.sets if node is not None else (), version)
                changed.append(name)

    def forget(self, name: bytes, gone_by: Sequence[int]) -> bool:
        """Nobody goes by anything older than these changes; return whether some of it is left."""
        kept = self.nodes.get(name)
        while kept is not None and kept.since > gone_by[-1]:
            kept = kept.before
        if kept is None:
            return False
        newest, until, older = kept, kept.since, kept.before
        while older is not None:
            if _is_gone_by(older.since, until, gone_by):
                kept.before = older
                kept = older
            until, older = older.since, older.before
        kept.before = None
        if not newest.exists and newest is kept and self.nodes.get(name) is newest:
            del self.nodes[name]
        return newest is not kept


class _Past(NamedTuple):
    """Something that was replaced."""

    zone: Zone
    name: bytes | None  # None: the zone as a whole


class _Sets(NamedTuple):
    """What a name is to hold."""

    name: bytes  # empty: it cannot be asked for
    sets: dict[tuple[str, str], RecordSet]


def _changed(zone: Zone, text: str, changed: dict[str, _Sets]) -> _Sets:
    """What a name of a zone holds, to be changed."""
    found = changed.get(text)
    if found is None:
        try:
            name = to_wire(text)
        except InvalidName:
            name = b""
        node = zone.nodes.get(name)
        sets = node.sets if node is not None else ()
        found = changed[text] = _Sets(name, {(s.type, s.set_identifier): s for s in sets})
    return found


class Zones:
    """All hosted zones and CIDR collections, as of every change that some location goes by."""

    def __init__(self) -> None:
        self.version = 0
        self._zones: dict[str, Zone] = {}
        self._by_name: dict[bytes, list[Zone]] = {}
        self._collections: dict[str, list[tuple[int, CidrCollection | None]]] = {}
        self._replaced: deque[tuple[int, _Past]] = deque()  # by the change that did it
        self._stragglers: tuple[int, ...] = ()
        self._left: dict[_Past, None] = {}  # to them

    def advance(self) -> int:
        """Begin a change; return its number."""
        self.version += 1
        return self.version

    def __iter__(self) -> Iterator[Zone]:
        return iter(self._zones.values())

    # What is asked.

    def find(self, name: bytes, version: int) -> Zone | None:
        """The public zone that answers for a name: the closest, and of several the oldest."""
        by_name = self._by_name
        for suffix in suffixes(name):
            for zone in by_name.get(suffix, ()):
                if not zone.hosted.private and _holds(zone, version):
                    return zone
        return None

    def find_private(self, name: bytes, vpc: tuple[str, str], version: int) -> Zone | None:
        """The private zone that answers for a name in a network (its region and id)."""
        for suffix in suffixes(name):
            for zone in self._by_name.get(suffix, ()):
                if zone.hosted.private and _holds(zone, version) and _is_seen(zone, vpc):
                    return zone
        return None

    def get(self, zone_id: str) -> Zone | None:
        """A zone that has not been deleted."""
        return self._zones.get(zone_id)

    def collection(self, collection_id: str, version: int) -> CidrCollection | None:
        """A CIDR collection, as of a change."""
        for since, collection in reversed(self._collections.get(collection_id, ())):
            if since <= version:
                return collection
        return None

    # What changes.

    def put_zone(self, hosted: HostedZone) -> None:
        """A zone was created, or what is said of it has changed."""
        known = self._zones.get(hosted.id)
        if known is not None:
            known.hosted = hosted
            return
        zone = self._zones[hosted.id] = Zone(hosted, self.version)
        same = self._by_name.setdefault(zone.name, [])
        same.append(zone)
        same.sort(key=_age)

    def delete_zone(self, zone_id: str) -> None:
        """A zone was deleted."""
        zone = self._zones.pop(zone_id, None)
        if zone is not None:
            zone.until = self.version
            self._replaced.append((self.version, _Past(zone, None)))

    def change(
        self, zone_id: str, upserts: Iterable[RecordSet], deleted: Iterable[tuple[str, str, str]]
    ) -> None:
        """Record sets of a zone were put and deleted, all at once."""
        zone = self._zones.get(zone_id)
        if zone is None:
            return
        changed: dict[str, _Sets] = {}
        for name, rtype, identifier in deleted:
            _changed(zone, name, changed).sets.pop((rtype, identifier), None)
        for upsert in upserts:
            sets = _changed(zone, upsert.name, changed).sets
            sets[upsert.type, upsert.set_identifier] = upsert
        for wire, held in changed.values():
            for other in zone.put(wire, tuple(held.values()), self.version) if wire else ():
                self._replaced.append((self.version, _Past(zone, other)))

    def put_collection(self, collection_id: str, collection: CidrCollection | None) -> None:
        """A CIDR collection was changed, or deleted."""
        self._collections.setdefault(collection_id, []).append((self.version, collection))

    def forget(self, version: int, stragglers: Iterable[int] = ()) -> None:
        """Nobody goes by anything older than a change any more, but for some who go by these."""
        left = tuple(sorted({other for other in stragglers if other < version}))
        gone_by = (*left, version)
        past: list[_Past] = []
        if left != self._stragglers:
            self._stragglers = left
            past += self._left
            self._left = {}
        while self._replaced and self._replaced[0][0] <= version:
            past.append(self._replaced.popleft()[1])
        for replaced in past:
            if self._forget(replaced, gone_by):
                self._left[replaced] = None
        for collection_id, known in list(self._collections.items()):
            self._forget_collections(collection_id, known, gone_by)

    def _forget(self, past: _Past, gone_by: Sequence[int]) -> bool:
        """Return whether some of it is left."""
        zone, name = past
        if name is not None:
            return zone.forget(name, gone_by)
        assert zone.until is not None, "what was replaced as a whole was deleted"
        if _is_gone_by(zone.since, zone.until, gone_by):
            return True
        same = self._by_name[zone.name]
        same.remove(zone)
        if not same:
            del self._by_name[zone.name]
        return False

    def _forget_collections(
        self,
        collection_id: str,
        known: list[tuple[int, CidrCollection | None]],
        gone_by: Sequence[int],
    ) -> None:
        newer = [since for since, _ in known[1:]]
        kept = [
            one
            for one, until in zip(known, newer, strict=False)
            if until > gone_by[-1] or _is_gone_by(one[0], until, gone_by)
        ]
        if kept or known[-1][1] is not None or known[-1][0] > gone_by[-1]:
            self._collections[collection_id] = [*kept, known[-1]]
        else:
            del self._collections[collection_id]


def _is_gone_by(since: int, until: int, gone_by: Sequence[int]) -> bool:
    """Whether any of these changes, in order, is from one on and before another."""
    at = bisect_left(gone_by, since)
    return at < len(gone_by) and gone_by[at] < until


def _age(zone: Zone) -> tuple[float, str]:
    return zone.hosted.created_at, zone.id


def _holds(zone: Zone, version: int) -> bool:
    """Whether a zone is known to who has heard of changes up to one."""
    return zone.since <= version and (zone.until is None or version < zone.until)


def _is_seen(zone: Zone, vpc: tuple[str, str]) -> bool:
    return any((known.region, known.id) == vpc for known in zone.hosted.vpcs)
