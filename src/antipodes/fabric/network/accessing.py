"""Who can come to what: all ways between many starts and ends, with all packets that take each.

The packets of every start are followed as sets. A way is what its packets pass, rule by rule; it
ends where it comes to something that a question may name: an interface or a service that takes the
packets, or a gateway, a joined network or a hub's attachment that they are handed to, which other
ways may pass. What something sends to itself is no way. Packets that a hash sends over several ways
are on all of them, and those that go in a circle come to nothing.

A question has conditions: ways that fit one of some and none of others are found, with exactly
those packets that do. A header is judged as it leaves the start, or as it arrives at the end.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from antipodes.fabric.network import outcomes
from antipodes.fabric.network.fabric import Fabric
from antipodes.fabric.network.nodes import (
    Change,
    End,
    Hop,
    Key,
    Lookup,
    Node,
    Permit,
    Rule,
    Sieve,
    Spread,
    Translate,
)
from antipodes.fabric.network.reaching import Crowd, crowds
from antipodes.fabric.network.spaces import Space, both_values, shared, with_values, without
from antipodes.fabric.network.topology import CARRIER, Topology
from antipodes.fabric.network.unions import FIELDS, apart, merged, without_all
from antipodes.fabric.network.walking import STEPS_MAX

Changes = tuple[int | None, ...]  # of each field: what it was changed to, None if it was not

_NOWHERE: Key = ()
_TAKE = frozenset({"interface", "service"})  # what ends a way by taking packets
_HAND_ON = frozenset({"publish", "peering", "attached", "over", "private-gateway", "door"})


class Start(NamedTuple):
    """Where packets begin; `hop` is what the way begins with, if it does not tell that itself."""

    id: str
    key: Key
    packets: Space
    hop: Hop | None = None


class Passed(NamedTuple):
    """One thing on a way, with what of the header was changed before it and behind it."""

    hop: Hop
    rule: Rule | None
    came: Changes
    left: Changes


class Way(NamedTuple):
    """A way from a start to an end, and the packets that take it, as they began."""

    start: Start
    end: str
    passed: tuple[Passed, ...]
    packets: tuple[Space, ...]


class Condition(NamedTuple):
    """Of ways and their packets; None fits all. Each of `through` is passed by one of its ids."""

    starts: frozenset[str] | None = None
    ends: frozenset[str] | None = None
    leaving: Space | None = None
    arriving: Space | None = None
    through: tuple[frozenset[str], ...] = ()


def found(
    fabric: Fabric,
    starts: Iterable[Start],
    matches: Sequence[Condition],
    excludes: Sequence[Condition] = (),
) -> Iterator[Way]:
    """Every way that fits one of some conditions and none of others, with the packets that do."""
    return (way for ways in by_start(fabric, starts, matches, excludes) for way in ways)


def by_start(
    fabric: Fabric,
    starts: Iterable[Start],
    matches: Sequence[Condition],
    excludes: Sequence[Condition] = (),
) -> Iterator[list[Way]]:
    """The same, of one start after the other: who has more to do can do it in between."""
    chosen = [
        start
        for start in starts
        if any(one.starts is None or start.id in one.starts for one in matches)
    ]
    asked = [one.ends for one in matches]
    ends = None
    if all(one is not None for one in asked):
        ends = frozenset().union(*(one for one in asked if one is not None))
    follower = Follower(fabric, chosen, ends)
    for start in chosen:
        ways = [
            way._replace(packets=fitting(way, matches, excludes)) for way in follower.ways(start)
        ]
        yield [way for way in ways if way.packets]


def fitting(
    way: Way, matches: Sequence[Condition], excludes: Sequence[Condition]
) -> tuple[Space, ...]:
    """The packets of a way that fit one of some conditions and none of others."""
    kept: list[Space] = []
    for one in matches:
        if _fits(way, one):
            kept += without_all(_chosen(way, one, way.packets), kept)
    for one in excludes:
        if kept and _fits(way, one):
            kept = without_all(kept, _chosen(way, one, kept))
    return tuple(merged(kept))


def _fits(way: Way, one: Condition) -> bool:
    """Whether a way is between the things that a condition names, and by those that it names."""
    if one.starts is not None and way.start.id not in one.starts:
        return False
    if one.ends is not None and way.end not in one.ends:
        return False
    by = {passed.hop.id for passed in way.passed} if one.through else set()
    return all(by & names for names in one.through)


def _chosen(way: Way, one: Condition, packets: Iterable[Space]) -> list[Space]:
    """Those packets whose headers fit a condition."""
    chosen: Iterable[Space] = packets
    headers = (one.leaving, way.passed[0].left), (one.arriving, way.passed[-1].came)
    for header, values in headers:
        if header is not None:
            began = as_begun(header, values)
            both = (began and shared(space, began) for space in chosen)
            chosen = [space for space in both if space is not None]
    return list(chosen)


def as_begun(header: Space, values: Changes) -> Space | None:
    """The packets that have a header of some after their fields were changed, as they began."""
    ranges = list(header)
    for field, value in enumerate(values):
        if value is not None:
            if not any(low <= value <= high for low, high in ranges[field]):
                return None
            ranges[field] = ((0, 1 << 128),)
    return ranges[0], ranges[1], ranges[2], ranges[3], ranges[4]


# Following.


class _On(NamedTuple):
    """One thing that was passed, and what before it."""

    hop: Hop
    rule: Rule | None
    came: Changes
    before: "_On | None"


class _Visit(NamedTuple):
    key: Key
    followed: Crowd
    last: _On | None


class _Left(NamedTuple):
    """All ways on from a point have been followed."""

    key: Key


class Follower:
    """Follows packets from any of some starts to some ends, all if they are None."""

    def __init__(
        self, fabric: Fabric, starts: Iterable[Start], ends: frozenset[str] | None
    ) -> None:
        self._node = fabric.node
        self._topology = fabric.index.topology
        self._ends = ends
        self._useful: set[Key] | None = None
        self._spread = False  # whether a hash has decided anything
        if ends is not None:
            self._useful = _leading(self._node, starts, self._end)

    def ways(self, start: Start) -> Iterator[Way]:
        """All ways from a start, in the order of the points' decisions."""
        by_way: dict[tuple[tuple[Passed, ...], str], list[Space]] = {}
        self._spread = False
        for end, followed, passed in self._followed(start):
            if end == start.id and passed.hop.kind in _TAKE:
                continue
            way = _told(passed, _values(followed)), end
            by_way.setdefault(way, []).append(followed.began)
        for (told, end), packets in by_way.items():
            parted = apart(packets) if self._spread else packets
            yield Way(start, end, told, tuple(merged(parted)))

    def _followed(self, start: Start) -> Iterator[tuple[str, Crowd, "_On"]]:
        first = _On(start.hop, None, _UNCHANGED, None) if start.hop is not None else None
        waiting: list[_Visit | _Left] = [
            _Visit(start.key, Crowd(start.packets, start.packets), first)
        ]
        behind: dict[Key, list[Crowd]] = {}  # on the way to here: the points, and who came there
        depth = 0
        while waiting:
            visit = waiting.pop()
            if isinstance(visit, _Left):
                behind[visit.key].pop()
                depth -= 1
                continue
            if depth >= STEPS_MAX:
                continue
            earlier = behind.setdefault(visit.key, [])
            going = _onwards(visit.followed, earlier)
            earlier.append(visit.followed)
            depth += 1
            waiting.append(_Left(visit.key))
            on: list[_Visit] = []
            for part, end in self._parts(visit, going):
                if end and part.last is not None:
                    yield end, self._handed_on(part), part.last
                if self._leads_on(part.key):
                    on.append(part)
            waiting += reversed(on)

    def _parts(self, visit: "_Visit", going: Iterable[Crowd]) -> Iterator[tuple["_Visit", str]]:
        """Where packets go on from a point, and what they have come to with that, if anything."""
        node = self._node(visit.key)
        if isinstance(node, Spread):
            self._spread = True
        came = _values(visit.followed)
        for some in going:
            for to, followed, rule in crowds(node, some):
                last = visit.last
                if node.hop is not None:
                    last = _On(node.hop, rule, came, last)
                end = self._end(visit.key, to)
                if not isinstance(to, End):
                    yield _Visit(to, followed, last), end
                elif end:
                    if to.hop.id == end:
                        last = _On(to.hop, to.rule, came, last)
                    yield _Visit(_NOWHERE, followed, last), end

    def _handed_on(self, part: "_Visit") -> Crowd:
        """Packets as they leave what they have come to, which may change them on their way out."""
        node = self._node(part.key) if part.key != _NOWHERE else None
        if isinstance(node, Change):
            return part.followed.put(node.field, node.value)
        return part.followed

    def _leads_on(self, key: Key) -> bool:
        return key != _NOWHERE and (self._useful is None or key in self._useful)

    def _end(self, key: Key, to: Key | End) -> str:
        """What packets that go so have come to, if it is asked for."""
        end = _end(self._topology, key, to)
        return end if self._ends is None or end in self._ends else ""


def _end(topology: Topology, key: Key, to: Key | End) -> str:
    """What packets have come to that go from a point to another, or nothing that has a name."""
    if isinstance(to, End):
        if to.outcome == outcomes.DELIVERED:
            interface = topology.interfaces.get(to.hop.id)
            carries = interface is not None and interface.kind == CARRIER
            return to.hop.id if to.hop.kind in _TAKE and not carries else ""
        if to.outcome != outcomes.UNKNOWN or key[0] not in _HAND_ON:
            return ""
        joined = key[0] != "peering" or topology.peerings[key[1]].active
        return key[1] if joined else ""
    return key[1] if key[0] in _HAND_ON else ""


def _values(followed: Crowd) -> Changes:
    if not followed.changed:
        return _UNCHANGED
    return tuple(
        values[0][0] if followed.changed >> field & 1 else None
        for field, values in enumerate(followed.space)
    )


_UNCHANGED: Changes = (None,) * 5


def _told(last: _On | None, at_end: Changes) -> tuple[Passed, ...]:
    """A way, from its beginning."""
    found = []
    left = at_end
    while last is not None:
        found.append(Passed(last.hop, last.rule, last.came, left))
        left, last = last.came, last.before
    return tuple(found[::-1])


def _onwards(arrived: Crowd, earlier: Sequence[Crowd]) -> list[Crowd]:
    """Those packets that have not been at a point before, as they are now."""
    going = [arrived]
    for one in earlier:
        going = [piece for some in going for piece in _new(some, one)]
    return going


def _new(now: Crowd, then: Crowd) -> list[Crowd]:
    """Those that are not as they were; what has been changed once stays so, or is changed again."""
    circling = now.began
    for field in FIELDS:
        if not now.changed >> field & 1:
            continue
        if then.changed >> field & 1:
            if then.space[field] != now.space[field]:
                return [now]
            continue
        same = both_values(circling[field], now.space[field])
        if not same:
            return [now]
        circling = with_values(circling, field, same)
    return [_begun(now, began) for began in without(now.began, circling)]


def _begun(of: Crowd, began: Space) -> Crowd:
    """Those of some packets that began as a space."""
    fields = [
        now if of.changed >> field & 1 else then
        for field, (now, then) in enumerate(zip(of.space, began, strict=True))
    ]
    space = fields[0], fields[1], fields[2], fields[3], fields[4]
    return Crowd(space, began, of.changed)


# What leads to an end, whatever the packets: the rest need not be followed.


def _leading(
    node_of: Callable[[Key], Node],
    starts: Iterable[Start],
    wanted: Callable[[Key, Key | End], str],
) -> set[Key]:
    """The points from which something that is asked for may be come to."""
    before: dict[Key, list[Key]] = {start.key: [] for start in starts}
    waiting = list(before)
    useful: dict[Key, None] = {}
    while waiting:
        key = waiting.pop()
        for to in _nexts(node_of(key)):
            if wanted(key, to):
                useful[key] = None
            if not isinstance(to, End):
                if to not in before:
                    before[to] = []
                    waiting.append(to)
                before[to].append(key)
    back = list(useful)
    while back:
        for key in before[back.pop()]:
            if key not in useful:
                useful[key] = None
                back.append(key)
    return set(useful)


def _nexts(node: Node) -> Iterable[Key | End]:
    if isinstance(node, Lookup):
        return (*dict.fromkeys(entry.to for entry in node.entries), node.otherwise)
    if isinstance(node, Sieve | Permit):
        return node.to, node.refused
    if isinstance(node, Change | Translate):
        return (node.to,)
    if isinstance(node, Spread):
        return node.choices
    return (node.refused,)
