"""A recursive resolver: answers from what it remembers, and asks others for the rest.

Whom to ask is up to whoever makes one. Questions that are being asked already are not asked twice:
all who want the same wait for the same answer. A chain of CNAMEs is followed link by link. Where
nobody answers, the resolver says so (SERVFAIL), unless it remembers something and serves what is
stale: at once if asking was in vain a moment ago, else after `STALE_ANSWER_S` (RFC 8767, 5).

Times that are remembered are seconds of the world; whoever is asked, answers after real distances.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from antipodes.fabric.dns.cache import CHAIN_MAX, HONOUR, Behaviour, Cache, Known
from antipodes.fabric.dns.message import (
    NOERROR,
    NXDOMAIN,
    RD,
    REFUSED,
    RR,
    SERVFAIL,
    Answer,
    Query,
    encode_answer,
)
from antipodes.fabric.dns.names import ROOT
from antipodes.fabric.dns.rdata import ANY
from antipodes.runtime.contract import Gone, Runtime, TimedOut
from antipodes.service.dnsserver import Asker, DnsHandler

STALE_ANSWER_S = 1.8  # the client response timer of RFC 8767, 5
ASKING_MAX = 1000
NOWHERE_S = 5  # how long it is remembered that nobody has a name

_HINFO, _SOA = 13, 6
_ANY_S = 3600
_ONE_IS_ENOUGH = b"\x07RFC8482\x00"  # what that RFC has for those who ask for everything
_ROOTS = RR(ROOT, _SOA, NOWHERE_S, ROOT + ROOT + bytes(16) + NOWHERE_S.to_bytes(4, "big"))
NOWHERE = Answer(NXDOMAIN, 0, (), (_ROOTS,), ())  # what the root says of a name that nobody has
FAILED = Known(SERVFAIL, ())

Question = tuple[bytes, int]  # a name and a type
LookUp = Callable[[bytes, int], Awaitable[Known]]
Ask = Callable[[bytes, int], Awaitable[Answer]]


class Recursion:
    """One resolver; `ask` asks whoever is authoritative, and raises Gone or TimedOut."""

    def __init__(self, runtime: Runtime, ask: Ask, behaviour: Behaviour = HONOUR) -> None:
        self.cache = Cache(behaviour)
        self._runtime = runtime
        self._ask = ask
        self._waiting: dict[Question, list[Any]] = {}

    def _now(self) -> float:
        return self._runtime.now() * self._runtime.speed

    async def resolve(self, name: bytes, rtype: int) -> Known:
        """What is known of a name and a type, asked for if need be; SERVFAIL if nobody answers."""
        now = self._now()
        known = self.cache.find(name, rtype, now)
        if not known.next:
            if known.expiring and not known.stale:
                self._begin((name, rtype), afresh=True)
            return known
        stale = self.cache.find_stale(name, rtype, now)
        if not self._begin((name, rtype), afresh=False):
            return FAILED if stale.next else stale
        waiter = self._runtime.future()
        self._waiting[name, rtype].append(waiter)
        if stale.next:
            found: Known = await waiter
            return found
        try:
            async with self._runtime.timeout(STALE_ANSWER_S):
                found = await waiter
        except TimedOut:
            return stale
        return stale if found.rcode == SERVFAIL else found

    def _begin(self, question: Question, *, afresh: bool) -> bool:
        """Ask, unless somebody does already; False where too much is being asked."""
        if question in self._waiting:
            return True
        if len(self._waiting) >= ASKING_MAX:
            return False
        self._waiting[question] = []
        self._runtime.spawn(self._answer(question, afresh=afresh), "resolve a name")
        return True

    async def _answer(self, question: Question, *, afresh: bool) -> None:
        known = FAILED
        try:
            known = await self._follow(question, afresh=afresh)
        finally:
            for waiter in self._waiting.pop(question):
                if not waiter.done():
                    waiter.set_result(known)

    async def _follow(self, question: Question, *, afresh: bool) -> Known:
        """Ask along the chain of CNAMEs, but for what is remembered of it."""
        name, rtype = question
        chain: tuple[RR, ...] = ()
        for _ in range(CHAIN_MAX):
            if not afresh:
                known = self.cache.find(name, rtype, self._now())
                chain += known.records
                if not known.next:
                    return known._replace(records=chain)
                name = known.next
            known = await self._learn(name, rtype)
            chain += known.records
            if known.rcode == SERVFAIL:
                break
            if not known.next:
                return known._replace(records=chain)
            name = known.next
        self.cache.note_failure(*question, self._now())
        return FAILED

    async def _learn(self, name: bytes, rtype: int) -> Known:
        try:
            answer = await self._ask(name, rtype)
        except (Gone, TimedOut):
            return FAILED
        if answer.rcode == REFUSED:
            answer = NOWHERE
        if answer.rcode not in {NOERROR, NXDOMAIN}:
            return FAILED
        return self.cache.learn(name, rtype, answer, self._now())


def recursive_server(look_up: LookUp) -> DnsHandler:
    """What a DNS server does that recurses for whoever asks it to."""

    def handle(query: Query, asker: Asker) -> bytes | Awaitable[bytes]:
        del asker
        if not query.flags & RD:
            return encode_answer(query, REFUSED, recursion=True)
        if query.rtype == ANY:
            told = RR(query.name, _HINFO, _ANY_S, _ONE_IS_ENOUGH)
            return encode_answer(query, NOERROR, (told,), recursion=True)
        return answer(query)

    async def answer(query: Query) -> bytes:
        known = await look_up(query.name, query.rtype)
        authority = () if known.soa is None else (known.soa,)
        return encode_answer(query, known.rcode, known.records, authority, recursion=True)

    return handle
