"""One person's call: made from a city, tried again as configured, and judged by its answer."""

from http import HTTPStatus
from typing import NamedTuple

import orjson

from antipodes.drills.history import Operation, Outcome
from antipodes.drills.model import Drill
from antipodes.hosting.resolver import NoSuchName, Resolver
from antipodes.runtime.contract import Address, Gone, Runtime, TimedOut
from antipodes.service.http import HttpClient, HttpResponse
from antipodes.world import addresses

MUTATING = {"write", "delete", "increment", "pair-write"}
BREAKER_OPEN = "circuit breaker open"

# An enumeration's members are slow to come by.
_OK, _MULTIPLE_CHOICES = int(HTTPStatus.OK), int(HTTPStatus.MULTIPLE_CHOICES)
_NOT_FOUND = int(HTTPStatus.NOT_FOUND)


class _Kept(NamedTuple):
    """A name's addresses that somebody's client keeps."""

    addresses: tuple[str, ...]
    until: float


class Way:
    """What the people of one city share: where they stand, their resolver, their breaker."""

    def __init__(
        self,
        city: str,
        runtime: Runtime,
        resolver: Resolver,
        drill: Drill,
        target: tuple[str, int],
    ) -> None:
        self.city = city
        self.runtime = runtime
        self.resolver = resolver
        self.drill = drill
        self.target = target
        self.chance = runtime.chance(f"retry/{runtime.place}")
        self.client = HttpClient(runtime)
        self.served_by = drill.load.served_by.lower()
        spoken = {"read": drill.load.read, "write": drill.load.write, **drill.load.calls}
        self._spoken = {kind: request.partition(" ") for kind, request in spoken.items()}
        self._addresses: dict[int, str] = {}
        self._kept: dict[int, _Kept] = {}
        self._failures = 0
        self._closed_again = 0.0

    def address(self, who: int) -> str:
        """Where a person's requests come from."""
        found = self._addresses.get(who)
        if found is None:
            found = addresses.client_ip(self.runtime.place, who % addresses.CITY_SIZE)
            self._addresses[who] = found
        return found

    async def door(self, who: int, attempt: int) -> Address:
        """Where a person's client connects to: what it has kept, or what the resolver says.

        The first address of the answer, and with each further attempt the next one.
        """
        host, port = self.target
        kept, now = self._kept.get(who), self.runtime.now()
        if kept is None or kept.until <= now:
            kept_s = self.runtime.interval(self.drill.load.keeps_names_s)
            kept = self._kept[who] = _Kept(await self.resolver.addresses(host), now + kept_s)
        address = kept.addresses[(attempt - 1) % len(kept.addresses)]
        return self.resolver.door(address, port)

    def spoken(self, kind: str, key: str, value: str | None) -> tuple[str, str]:
        """The method and the target of a call."""
        method, _, target = self._spoken[kind]
        return method, target.replace("{key}", key).replace("{value}", value or "")

    def breaker_open(self) -> bool:
        """Whether the city's clients do not even ask."""
        retry = self.drill.load.retry
        return bool(retry.breaker) and self.runtime.now() < self._closed_again

    def note(self, *, served: bool) -> None:
        """Count failures in a row; too many open the breaker."""
        retry = self.drill.load.retry
        self._failures = 0 if served else self._failures + 1
        if retry.breaker and self._failures >= retry.breaker:
            self._failures = 0
            self._closed_again = self.runtime.now() + retry.breaker_s / self.drill.world.speed


class _Answer(NamedTuple):
    """What became of one attempt."""

    outcome: Outcome
    value: str | None
    error: str = ""
    response: HttpResponse | None = None


class Person:
    """Somebody who makes one call."""

    def __init__(self, way: Way, number: int, due_s: float, started: float) -> None:
        self._way = way
        self._number = number
        self._due_s = due_s
        self._started = started
        self._who = number % way.drill.load.people
        self._trace = f"1-{int(way.runtime.wall()):08x}-{number:024x}"

    async def act(self, kind: str, key: str, value: str | None) -> Operation:
        """Make the call; return what became of it."""
        way, retry = self._way, self._way.drill.load.retry
        uncertain = False
        attempt = 1
        while True:
            answer = await self._attempt(kind, key, value, attempt)
            if answer.error != BREAKER_OPEN:
                way.note(served=answer.outcome is Outcome.OK)
            uncertain = uncertain or answer.outcome is Outcome.UNKNOWN
            if answer.outcome is Outcome.OK or attempt >= retry.attempts:
                break
            wait_ms = min(retry.backoff_ms * 2 ** (attempt - 1), retry.backoff_ms_max)
            if retry.jitter:
                wait_ms *= way.chance.random()
            await way.runtime.sleep(wait_ms / 1e3)
            attempt += 1
        if answer.outcome is Outcome.FAILED and uncertain:
            answer = answer._replace(outcome=Outcome.UNKNOWN)  # an earlier attempt may have worked
        return self._operation(kind, key, answer, attempt)

    def _operation(self, kind: str, key: str, answer: _Answer, attempts: int) -> Operation:
        way = self._way
        speed = way.drill.world.speed
        ended = way.runtime.now()
        response = answer.response
        return Operation(
            number=self._number,
            city=way.city,
            kind="read" if kind == "strong-read" else kind,
            key=key,
            value=answer.value,
            start_s=round(self._due_s, 6),
            end_s=round((ended - self._started) * speed, 6),
            latency_ms=(ended - self._started - self._due_s / speed) * 1e3,
            outcome=answer.outcome,
            served_by=_header(response, way.served_by),
            status=response.status if response is not None else 0,
            error=answer.error,
            edge=way.resolver.edge(),
            session=f"{way.city}/{self._who}",
            strong=kind == "strong-read",
            trace=self._trace,
            attempts=attempts,
        )

    async def _attempt(self, kind: str, key: str, value: str | None, attempt: int) -> _Answer:
        way = self._way
        if way.breaker_open():
            return _Answer(Outcome.FAILED, value, BREAKER_OPEN)
        method, target = way.spoken(kind, key, value)
        try:
            async with way.runtime.timeout(way.drill.load.timeout_s):
                response = await self._request(method, target, attempt)
        except (Gone, TimedOut, NoSuchName) as failure:
            sent = kind in MUTATING and not isinstance(failure, NoSuchName)
            return _Answer(Outcome.UNKNOWN if sent else Outcome.FAILED, value, str(failure))
        return _judge(kind, response, value)

    async def _request(self, method: str, target: str, attempt: int) -> HttpResponse:
        way = self._way
        return await way.client.request(
            await way.door(self._who, attempt),
            method,
            target,
            headers={"host": way.target[0]},
            keep_alive=False,
            source_ip=way.address(self._who),
            trace=self._trace,
        )


def _header(response: HttpResponse | None, lowered: str) -> str:
    for name, value in response.headers if response is not None else ():
        if name.lower() == lowered:
            return value
    return ""


def _judge(kind: str, response: HttpResponse, value: str | None) -> _Answer:
    """Outcome, value seen and error text of an answered request."""
    if kind not in MUTATING:
        if response.status == _NOT_FOUND:
            return _Answer(Outcome.OK, None, response=response)
        if response.status != _OK:
            return _Answer(Outcome.FAILED, None, f"HTTP {response.status}", response)
        try:
            found = orjson.loads(response.body).get("value")
        except (ValueError, AttributeError):
            return _Answer(Outcome.FAILED, None, "not a JSON object", response)
        seen = None if found is None else str(found)
        return _Answer(Outcome.OK, seen, response=response)
    if _OK <= response.status < _MULTIPLE_CHOICES:
        return _Answer(Outcome.OK, value, response=response)
    sent = response.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    outcome = Outcome.UNKNOWN if sent else Outcome.FAILED
    return _Answer(outcome, value, f"HTTP {response.status}", response)
