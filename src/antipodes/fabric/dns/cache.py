"""What a recursive resolver remembers, and how it strays from what it was told to.

Answers are kept as sets of records by name and type, each for its own TTL, so that a chain of
CNAMEs ages link by link. That a name or a type does not exist is kept for the lesser of the TTL and
the minimum of the zone's SOA (RFC 2308, 5); an absence that comes without one is not kept.
Resolvers out there do more than the standard says, and that makes the long tail of a failover by
DNS:

=====================  ==========================================================================
`honour`               keep answers for as long as their TTLs say
`clamp:MIN[-MAX]`      for MIN seconds at least (and MAX at most), whatever their TTLs say
`ignore:SECONDS`       for so long, whatever their TTLs say
`stale[:SECONDS]`      after that, serve them for so long where nobody can be asked (RFC 8767)
`prefetch[:SHARE]`     ask again when somebody asks in the last tenth (or SHARE) of their time
`negative:SECONDS`     keep absences no longer than that (RFC 2308, 5 suggests up to three hours)
=====================  ==========================================================================

A behaviour is some of these words with spaces or `+` between them: `clamp:300 stale:86400`.

Time is an argument, in seconds of the world. The most that is kept is bounded; what nobody has
asked for the longest goes first. Failures are not kept here: whether to ask again is up to whoever
asks. Left out: DNSSEC, and that nothing is below a name that does not exist (RFC 8020).
"""

import dataclasses
from collections import OrderedDict
from typing import NamedTuple

from antipodes.fabric.dns.message import NOERROR, NXDOMAIN, RR, SERVFAIL, TTL_MAX, Answer

TTL_S_MAX = 7 * 86_400.0  # what BIND keeps at most (max-cache-ttl)
NEGATIVE_S_MAX = 3 * 3_600.0  # RFC 2308, 5
STALE_S = 86_400.0  # RFC 8767, 5 suggests one to three days
STALE_TTL_S = 30  # RFC 8767, 5
RECHECK_S = 30.0  # how long nobody is asked after it was in vain (RFC 8767, 5)
PREFETCH_SHARE = 0.1  # as Unbound does
SETS_MAX = 10_000
CHAIN_MAX = 16

CNAME, SOA, ANY_TYPE = 5, 6, 0  # 0: no type has that number (RFC 6895, 3.1)


class UnknownBehaviour(ValueError):
    """A text that names no behaviour; the message says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Behaviour:
    """How long a resolver keeps what it is told."""

    ttl_s_min: float = 0.0
    ttl_s_max: float = TTL_S_MAX
    negative_s_max: float = NEGATIVE_S_MAX
    stale_s: float = 0.0
    prefetch_share: float = 0.0

    def kept_s(self, ttl: int) -> float:
        """How long an answer is kept."""
        return min(max(_told(ttl), self.ttl_s_min), self.ttl_s_max)

    def absent_s(self, soa: RR | None) -> float:
        """How long an absence is kept."""
        if soa is None or len(soa.rdata) < 4:  # noqa: PLR2004 - the minimum is the last 4 bytes
            return 0.0
        minimum = int.from_bytes(soa.rdata[-4:], "big")
        return min(_told(soa.ttl), _told(minimum), self.negative_s_max)


def _told(ttl: int) -> int:
    """A TTL with the highest bit set counts as 0 (RFC 2181, 8)."""
    return ttl if ttl <= TTL_MAX else 0


HONOUR = Behaviour()


def parse_behaviour(text: str) -> Behaviour:
    """Return the behaviour that a text names. Raises UnknownBehaviour."""
    behaviour = HONOUR
    words = text.replace("+", " ").split()
    if not words:
        raise UnknownBehaviour(f"{text!r} names no behaviour of a resolver: try `honour`")
    for word in words:
        name, colon, given = word.partition(":")
        try:
            changes = _changes(name, given if colon else None)
        except ValueError:
            raise UnknownBehaviour(
                f"{word!r} is no behaviour of a resolver: there are honour, clamp:MIN[-MAX], "
                "ignore:SECONDS, stale[:SECONDS], prefetch[:SHARE] and negative:SECONDS"
            ) from None
        behaviour = dataclasses.replace(behaviour, **changes)
    return behaviour


def _changes(name: str, given: str | None) -> dict[str, float]:
    match name, given:
        case "honour", None:
            return {}
        case "clamp", str():
            least, dash, most = given.partition("-")
            ttl_s_min = _number(least)
            ttl_s_max = _number(most) if dash else max(TTL_S_MAX, ttl_s_min)
            if ttl_s_max < ttl_s_min:
                raise ValueError(given)
            return {"ttl_s_min": ttl_s_min, "ttl_s_max": ttl_s_max}
        case "ignore", str():
            return {"ttl_s_min": _number(given), "ttl_s_max": _number(given)}
        case "stale", _:
            return {"stale_s": STALE_S if given is None else _number(given)}
        case "prefetch", _:
            share = PREFETCH_SHARE if given is None else _number(given)
            if share > 1:
                raise ValueError(given)
            return {"prefetch_share": share}
        case "negative", str():
            return {"negative_s_max": _number(given)}
        case _:
            raise ValueError(name)


def _number(text: str) -> float:
    if not text.replace(".", "", 1).isdecimal() or not text.isascii():
        raise ValueError(text)
    return float(text)


class Known(NamedTuple):
    """What is known of a name and a type, as it can be told now."""

    rcode: int
    records: tuple[RR, ...]  # in the order of the chain, with the TTLs that are left
    soa: RR | None = None  # of an absence
    next: bytes = b""  # the name to ask for; none where everything is known
    expiring: bool = False  # so near its end that it should be asked for again
    stale: bool = False  # its time is over


class _Kept(NamedTuple):
    """One kept set of records (none: they are absent), for a name and a type."""

    rcode: int
    records: tuple[RR, ...]
    soa: RR | None
    kept: float
    until: float


_Key = tuple[bytes, int]


class Cache:
    """The sets of records that one resolver knows, and the absences."""

    def __init__(self, behaviour: Behaviour = HONOUR, *, sets_max: int = SETS_MAX) -> None:
        self.behaviour = behaviour
        self._sets_max = sets_max
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()
        self._in_vain: OrderedDict[_Key, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    # Keeping.

    def learn(self, name: bytes, rtype: int, answer: Answer, now: float) -> Known:
        """Keep what an authority said of a name and a type; return it.

        Only what belongs to the chain that begins at the name counts. Where the chain leads out of
        the answer, `next` is the name to ask for.
        """
        rcode = answer.rcode
        assert rcode in {NOERROR, NXDOMAIN}, f"rcode {rcode} says nothing about a name"
        sets: dict[_Key, list[RR]] = {}
        for record in answer.answers:
            sets.setdefault((record.name, record.rtype), []).append(record)
        chain: list[RR] = []
        seen: dict[bytes, None] = {}
        while name not in seen:
            seen[name] = None
            if members := sets.get((name, rtype)):
                chain += self._keep(name, rtype, members, now)
                return Known(NOERROR, tuple(chain))
            if not (links := sets.get((name, CNAME))):
                break
            chain += self._keep(name, CNAME, links[:1], now)
            name = links[0].rdata
        else:
            return Known(SERVFAIL, tuple(chain))
        soa = next((record for record in answer.authority if record.rtype == SOA), None)
        if chain and soa is None and rcode == NOERROR:
            return Known(NOERROR, tuple(chain), next=name)
        self._keep_absence(name, rtype, rcode, soa, now)
        return Known(rcode, tuple(chain), soa)

    def _keep(self, name: bytes, rtype: int, members: list[RR], now: float) -> list[RR]:
        """Keep a set of records; return it as it is told now."""
        kept_s = self.behaviour.kept_s(min(record.ttl for record in members))
        for other in (ANY_TYPE, rtype, CNAME):
            self._kept.pop((name, other), None)
        self._put(name, rtype, _Kept(NOERROR, tuple(members), None, now, now + kept_s))
        return [record._replace(ttl=int(kept_s)) for record in members]

    def _keep_absence(
        self, name: bytes, rtype: int, rcode: int, soa: RR | None, now: float
    ) -> None:
        for other in (ANY_TYPE, rtype, CNAME):
            self._kept.pop((name, other), None)
        absent_type = ANY_TYPE if rcode == NXDOMAIN else rtype
        absent_s = self.behaviour.absent_s(soa)
        if soa is not None:
            self._put(name, absent_type, _Kept(rcode, (), soa, now, now + absent_s))

    def _put(self, name: bytes, rtype: int, kept: _Kept) -> None:
        self._in_vain.pop((name, rtype), None)
        if kept.until <= kept.kept and not self.behaviour.stale_s:
            return
        self._kept[name, rtype] = kept
        if len(self._kept) > self._sets_max:
            self._kept.popitem(last=False)

    def note_failure(self, name: bytes, rtype: int, now: float) -> None:
        """Nobody could be asked: for a while, what is stale is served at once."""
        self._in_vain.pop((name, rtype), None)
        self._in_vain[name, rtype] = now + RECHECK_S
        if len(self._in_vain) > self._sets_max:
            self._in_vain.popitem(last=False)

    # Finding.

    def find(self, name: bytes, rtype: int, now: float) -> Known:
        """What is known, as far as it is; `next` is the name that somebody has to be asked for.

        Where somebody was asked in vain lately, what is stale is known too.
        """
        known = self._find(name, rtype, now, 0.0)
        if known.next and self._in_vain.get((name, rtype), now) > now:
            return self.find_stale(name, rtype, now)
        return known

    def find_stale(self, name: bytes, rtype: int, now: float) -> Known:
        """What is known, or was; for when nobody can be asked."""
        return self._find(name, rtype, now, self.behaviour.stale_s)

    def _find(self, name: bytes, rtype: int, now: float, stale_s: float) -> Known:
        chain: list[RR] = []
        seen: dict[bytes, None] = {}
        expiring = stale = False
        while name not in seen and len(seen) < CHAIN_MAX:
            seen[name] = None
            kept = self._link(name, rtype, now, stale_s)
            if kept is None:
                return Known(NOERROR, tuple(chain), None, name, expiring, stale)
            left = kept.until - now
            over = left <= 0
            stale |= over
            expiring |= left < (kept.until - kept.kept) * self.behaviour.prefetch_share
            ttl = STALE_TTL_S if over else int(left)
            if not kept.records:
                soa = None if kept.soa is None else kept.soa._replace(ttl=ttl)
                return Known(kept.rcode, tuple(chain), soa, b"", expiring, stale)
            chain.extend(record._replace(ttl=ttl) for record in kept.records)
            if kept.records[0].rtype == rtype:
                return Known(NOERROR, tuple(chain), None, b"", expiring, stale)
            name = kept.records[0].rdata
        return Known(SERVFAIL, tuple(chain))

    def _link(self, name: bytes, rtype: int, now: float, stale_s: float) -> _Kept | None:
        """What is kept of one name: that it is absent, its records, or where its CNAME leads.

        What is fresh comes before what is stale, and then what was learnt last.
        """
        best: _Kept | None = None
        for kind in dict.fromkeys((ANY_TYPE, rtype, CNAME)):
            kept = self._kept.get((name, kind))
            if kept is None or (kind == CNAME != rtype and not kept.records):
                continue
            if now >= kept.until + self.behaviour.stale_s:
                del self._kept[name, kind]
            elif now < kept.until + stale_s:
                self._kept.move_to_end((name, kind))
                if best is None or (kept.until > now, kept.kept) > (best.until > now, best.kept):
                    best = kept
        return best
