"""What is answered to a question: zones, policies and health put together.

Answering has two steps. *Planning* walks the zone once and lays down every possible answer with its
share: the choice of a policy, then the choices below it (aliases, nested as deep as they are), then
the order of the values. *Drawing* takes one number between 0 and 1 and gives one answer, which is
encoded when it is first drawn. A plan holds as long as nothing that it rests on changes, so that
keeping plans only saves time.

A record is healthy if its health check is, and, of an alias that evaluates its target's health, if
its target is; a group of records is healthy if any of them is. That is the guide's tree, evaluated
depth first and left again where all of a branch is sick. An alias that leads back to a group it is
reached from, or lies ALIASES_MAX deep, is not healthy, and who gets there gets SERVFAIL. CNAMEs are
followed inside the zone, CHAIN_MAX of them and none twice; what was found on the way is answered.

Facts: Route 53's Developer Guide, "How Route 53 chooses records when health checking is
configured", "How health checks work in complex configurations"; RFC 1034, 2308, 4592.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple, Protocol

from antipodes.edge.route53.groups import BY_NETWORK, BY_PLACE, Alias, Group, Member
from antipodes.edge.route53.model import CidrCollection
from antipodes.edge.route53.policies import Client, decide, tiers_of
from antipodes.edge.route53.zones import Match, Zone
from antipodes.fabric.dns.message import NOERROR, NXDOMAIN, RR, SERVFAIL
from antipodes.fabric.dns.names import ROOT, is_within
from antipodes.fabric.dns.precompiled import Ready, Tail, precompiled, ready
from antipodes.fabric.dns.rdata import ANY, RTYPES

A, AAAA, CNAME, NS, SOA = (RTYPES[name] for name in ("A", "AAAA", "CNAME", "NS", "SOA"))
CHAIN_MAX = 16
ALIASES_MAX = 64  # one below the other
LEAVES_MAX = 128  # of a plan that is laid out flat
TAILS_MAX = 4096  # of one plan


class Target(NamedTuple):
    """What a name outside the zone stands for, as an alias's target."""

    addresses: tuple[bytes, ...]
    ttl: int
    healthy: bool


class View(Protocol):
    """What one location knows."""

    @property
    def version(self) -> int: ...

    def is_healthy(self, health_check: str) -> bool: ...
    def target(self, zone_id: str, name: bytes, rtype: int) -> Target | None: ...
    def collection(self, collection_id: str) -> CidrCollection | None: ...
    def rtt_ms(self, place: str, region: str) -> float: ...


# The shapes of a plan.


class Reply(NamedTuple):
    """One answer, or the end of one."""

    answers: tuple[RR, ...]
    rcode: int = NOERROR
    authority: tuple[RR, ...] = ()


class Turns(NamedTuple):
    """Records of which any may come first, the others after it in order."""

    records: tuple[RR, ...]


class Chain(NamedTuple):
    """Records, and then what is answered for the name that they lead to."""

    records: tuple[RR, ...]
    rest: "Branch"


class Choice(NamedTuple):
    """Several branches; `upto` has their shares, added up."""

    upto: tuple[float, ...]
    arms: tuple["Branch", ...]


Branch = Reply | Turns | Chain | Choice


class Picks(NamedTuple):
    """A plan whose answers are all ready: their shares, added up, and they."""

    upto: tuple[float, ...]
    answers: tuple[Ready, ...]

    def draw(self, point: float) -> Ready:
        """The answer at a point from 0 to 1."""
        return self.answers[bisect_right(self.upto, point)]


class Plan:
    """All answers to one question of one kind of client."""

    __slots__ = (
        "_anywhere",
        "_branch",
        "_owner",
        "_replies",
        "_tails",
        "_upto",
        "asked_again",
        "by_network",
        "by_place",
    )

    def __init__(
        self, owner: bytes, branch: Branch, *, anywhere: bool, by_place: bool, by_network: bool
    ) -> None:
        """`anywhere`: the owner is a wildcard."""
        self.by_place = by_place
        self.by_network = by_network
        self.asked_again = False
        self._owner = owner
        self._anywhere = anywhere
        self._branch = branch
        leaves = _leaves(branch, LEAVES_MAX)
        self._replies = tuple(reply for _, reply in leaves)
        # The last share is endless, so that no number that is drawn lies beyond it.
        upto = tuple(accumulate(part for part, _ in leaves))
        self._upto = (*upto[:-1], 2.0) if upto else ()
        self._tails: dict[int | tuple[int, ...], Tail] = {}

    def draw(self, chance: Callable[[], float]) -> Tail:
        """One of the answers, each as often as its share says."""
        replies = self._replies
        if len(replies) == 1:
            return self._tails.get(0) or self._encode(0, replies[0])
        if replies:
            number = bisect_right(self._upto, chance())
            return self._tails.get(number) or self._encode(number, replies[number])
        path, reply = walk(self._branch, chance())
        return self._tails.get(path) or self._encode(path, reply)

    def picks(self, name: bytes) -> Picks | None:
        """All answers to usual questions for a name; None if there are too many, or long ones."""
        found = []
        for number, reply in enumerate(self._replies):
            answer = ready(name, self._tails.get(number) or self._encode(number, reply))
            if answer is None:
                return None
            found.append(answer)
        return Picks(self._upto, tuple(found)) if found else None

    def _encode(self, key: int | tuple[int, ...], reply: Reply) -> Tail:
        if len(self._tails) >= TAILS_MAX:
            self._tails.clear()
        tail = self._tails[key] = precompiled(
            self._owner,
            reply.answers,
            reply.authority,
            rcode=reply.rcode,
            authoritative=reply.rcode != SERVFAIL,
            anywhere=self._anywhere,
        )
        return tail


def _leaves(branch: Branch, most: int) -> list[tuple[float, Reply]]:
    """Every reply of a plan with its share; none at all if there are more than that."""
    if isinstance(branch, Reply):
        return [(1.0, branch)]
    if isinstance(branch, Turns):
        records, count = branch.records, len(branch.records)
        turned = (Reply(records[first:] + records[:first]) for first in range(min(count, most + 1)))
        found = [(1 / count, reply) for reply in turned]
    elif isinstance(branch, Chain):
        found = [
            (part, reply._replace(answers=branch.records + reply.answers))
            for part, reply in _leaves(branch.rest, most)
        ]
    else:
        found = []
        start = 0.0
        for end, arm in zip(branch.upto, branch.arms, strict=True):
            below = _leaves(arm, most - len(found))
            if not below:
                return []
            found += [(part * (end - start), reply) for part, reply in below]
            start = end
    return found if len(found) <= most else []


def walk(branch: Branch, point: float) -> tuple[tuple[int, ...], Reply]:
    """The reply at a point of a plan, and the way to it."""
    path: list[int] = []
    before: tuple[RR, ...] = ()
    while True:
        if isinstance(branch, Choice):
            upto = branch.upto
            number = min(bisect_right(upto, point), len(upto) - 1)
            start = upto[number - 1] if number else 0.0
            point = min(max(0.0, (point - start) / (upto[number] - start)), 1.0 - 1e-12)
            path.append(number)
            branch = branch.arms[number]
        elif isinstance(branch, Chain):
            before += branch.records
            branch = branch.rest
        elif isinstance(branch, Turns):
            first = int(point * len(branch.records))
            path.append(first)
            records = branch.records
            return tuple(path), Reply(before + records[first:] + records[:first])
        else:
            return tuple(path), branch._replace(answers=before + branch.answers)


# Planning.


_Key = tuple[bytes, int]  # a group's name and type
_Way = tuple[_Key, ...]  # the groups that aliases have led through
FAILED = Reply((), SERVFAIL)


class Planner:
    """Lays down one plan, and notes what of the client it looked at.

    What was laid down once is used again, so that a tree of aliases in which many branches lead to
    the same group costs what its groups cost.
    """

    def __init__(self, zone: Zone, view: View, client: Client) -> None:
        self._zone = zone
        self._view = view
        self._client = client
        self._by_place = False
        self._by_network = False
        self._laid: dict[tuple[bytes, _Key], Branch] = {}
        self._answered: dict[bytes, Branch] = {}
        self._followed: dict[int, tuple[Branch, Branch]] = {}
        self._healthy: dict[_Key, bool] = {}

    def plan(self, match: Match, name: bytes, rtype: int) -> Plan:
        """The answers to a question for a name, of which the zone has `match`."""
        branch = self._answer(match, rtype, match.owner, ())
        return Plan(
            match.owner,
            branch,
            anywhere=match.owner != name,
            by_place=self._by_place,
            by_network=self._by_network,
        )

    def _answer(self, match: Match, rtype: int, owner: bytes, chain: tuple[bytes, ...]) -> Branch:
        """Records of `owner`, at the end of the names that CNAMEs have led through."""
        node = match.node
        if node is None:
            return self._negative(NXDOMAIN)
        groups = node.groups()
        if rtype == ANY and groups:
            rtype = min(groups)  # RFC 8482: one of them is enough
        group = groups.get(rtype)
        if group is not None:
            return self._group(group, owner, ((match.owner, rtype),))
        group = groups.get(CNAME)
        if group is not None:
            branch = self._group(group, owner, ((match.owner, CNAME),))
            return self._follow(branch, rtype, (*chain, owner))
        return self._negative(NOERROR)

    def _negative(self, rcode: int) -> Reply:
        """There is nothing, and for how long that may be remembered."""
        apex = self._zone.node(self._zone.name, self._view.version)
        group = apex.groups().get(SOA) if apex is not None else None
        if group is None or not group.members[0].values:
            return Reply((), rcode)
        member = group.members[0]
        rdata = member.values[0]
        ttl = min(member.ttl, int.from_bytes(rdata[-4:], "big"))  # RFC 2308, section 3
        return Reply((), rcode, (RR(self._zone.name, SOA, ttl, rdata),))

    def _follow(self, branch: Branch, rtype: int, chain: tuple[bytes, ...]) -> Branch:
        """Append to every CNAME of a branch what its target is answered with."""
        known = self._followed.get(id(branch))
        if known is None:
            known = self._followed[id(branch)] = branch, self._followed_on(branch, rtype, chain)
        return known[1]

    def _followed_on(self, branch: Branch, rtype: int, chain: tuple[bytes, ...]) -> Branch:
        if isinstance(branch, Choice):
            arms = tuple(self._follow(arm, rtype, chain) for arm in branch.arms)
            return branch._replace(arms=arms)
        if not isinstance(branch, Reply) or len(branch.answers) != 1:
            return branch
        target = branch.answers[0].rdata
        if target in chain or len(chain) >= CHAIN_MAX or not is_within(target, self._zone.name):
            return branch
        match = self._zone.match(target, rtype, self._view.version)
        if match.delegated:
            return branch
        rest = self._answered.get(target)
        if rest is None:
            rest = self._answered[target] = self._answer(match, rtype, target, chain)
        return Chain(branch.answers, rest)

    # Groups, chosen among by policy and health.

    def _group(self, group: Group, owner: bytes, way: _Way) -> Branch:
        key = owner, way[-1]
        branch = self._laid.get(key)
        if branch is None:
            branch = self._laid[key] = self._chosen(group, owner, way)
        return branch

    def _chosen(self, group: Group, owner: bytes, way: _Way) -> Branch:
        self._by_place |= group.policy in BY_PLACE
        self._by_network |= group.policy in BY_NETWORK
        options = group.options(self._collection(group))
        tiers = tiers_of(group.policy, options, self._client, self._view.rtt_ms)
        members = group.members
        shares = decide(group.policy, tiers, lambda n: self._is_healthy(members[n], group, way))
        if not shares:
            return self._negative(NOERROR)
        arms = [
            self._members([members[number] for number in share.chosen], group.rtype, owner, way)
            for share in shares
        ]
        if len(arms) == 1:
            return arms[0]
        upto = tuple(accumulate(share.part for share in shares))
        return Choice(upto, tuple(arms))

    def _collection(self, group: Group) -> CidrCollection | None:
        return self._view.collection(group.collection_id) if group.collection_id else None

    def _members(self, members: Sequence[Member], rtype: int, owner: bytes, way: _Way) -> Branch:
        """What one choice is answered with."""
        first = members[0]
        if first.alias is not None:
            return self._alias(first.alias, rtype, owner, way)
        records = tuple(RR(owner, rtype, m.ttl, value) for m in members for value in m.values)
        if len(members) > 1 or len(records) == 1:
            return Reply(records)
        return Turns(records) if records else self._negative(NOERROR)

    def _alias(self, alias: Alias, rtype: int, owner: bytes, way: _Way) -> Branch:
        if alias.zone_id == self._zone.id:
            group, key = self._target(alias, rtype)
            if key in way or len(way) >= ALIASES_MAX:
                return FAILED
            if group is None:
                return self._negative(NOERROR)
            return self._group(group, owner, (*way, key))
        target = self._view.target(alias.zone_id, alias.name, rtype)
        if target is None or not target.addresses:
            return self._negative(NOERROR)
        records = tuple(RR(owner, rtype, target.ttl, address) for address in target.addresses)
        return Reply(records) if len(records) == 1 else Turns(records)

    def _target(self, alias: Alias, rtype: int) -> tuple[Group | None, tuple[bytes, int]]:
        """The group of this zone that an alias stands for."""
        match = self._zone.match(alias.name, rtype, self._view.version)
        node = None if match.delegated else match.node
        group = node.groups().get(rtype) if node is not None else None
        return group, (match.owner, rtype)

    def _is_healthy(self, member: Member, group: Group, way: _Way) -> bool:
        if member.health_check and not self._view.is_healthy(member.health_check):
            return False
        alias = member.alias
        if alias is None or not alias.evaluates_health:
            return True
        if alias.zone_id != self._zone.id:
            target = self._view.target(alias.zone_id, alias.name, group.rtype)
            return target is not None and target.healthy
        below, key = self._target(alias, group.rtype)
        if below is None or key in way or len(way) >= ALIASES_MAX:
            return False
        healthy = self._healthy.get(key)
        if healthy is None:
            further = (*way, key)
            healthy = any(self._is_healthy(other, below, further) for other in below.members)
            self._healthy[key] = healthy
        return healthy


def referral(match: Match, zone: Zone, version: int) -> Tail:
    """Who else answers for a delegated name, and where they are if that is said here."""
    assert match.node is not None, "a delegation stands at a name"
    member = match.node.groups()[NS].members[0]
    authority = tuple(RR(match.owner, NS, member.ttl, server) for server in member.values)
    additional = tuple(
        RR(server, rtype, glue.ttl, address)
        for server in member.values
        for rtype in (A, AAAA)
        for glue in _glue(zone, server, rtype, version)
        for address in glue.values
    )
    # No record is of the name that was asked for: nothing answers for the root.
    return precompiled(ROOT, (), authority, additional, authoritative=False, anywhere=True)


def _glue(zone: Zone, server: bytes, rtype: int, version: int) -> tuple[Member, ...]:
    node = zone.node(server, version)
    group = node.groups().get(rtype) if node is not None else None
    return group.members if group is not None else ()
