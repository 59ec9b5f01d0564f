"""Load from many cities: an open loop of requests, and the history of what became of them.

Requests are due at their own times, whether or not earlier ones have been answered, so that a stall
shows as latency and as missing answers instead of as silence (no coordinated omission). Each
request is a person of its own: a new connection through the city's resolver and nearest edge.
Every written value is unique, so a read tells which write it saw.
"""

from http import HTTPStatus
from urllib.parse import urlsplit

import orjson

from antipodes.drills.format import Drill
from antipodes.drills.history import Operation, Outcome
from antipodes.hosting.resolver import NoSuchName, Resolver
from antipodes.runtime.contract import Chance, Gone, Runtime, TimedOut
from antipodes.service.http import HttpClient, HttpResponse
from antipodes.world import addresses
from antipodes.world.world import World

PEOPLE_PER_CITY = 64


class Load:
    """The people of a drill."""

    def __init__(self, runtime: Runtime, world: World, drill: Drill, url: str) -> None:
        self._runtime = runtime
        self._world = world
        self._drill = drill
        self.url = url
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or 80
        self.operations: list[Operation] = []
        self._number = 0
        self._hot = [f"hot-{n:03d}" for n in range(drill.load.keys)]
        self.started = runtime.now()

    def world_s(self) -> float:
        """Seconds of the world since the load began."""
        return (self._runtime.now() - self.started) * self._drill.world.speed

    async def run(self) -> None:
        """Make all requests and wait for their answers."""
        self.started = self._runtime.now()
        async with self._runtime.nursery() as nursery:
            for city in self._drill.load.cities:
                nursery.spawn(self._city(city), f"load of {city}")

    async def _city(self, city: str) -> None:
        place = self._world.place(city)
        runtime = self._runtime.at(place)
        resolver = Resolver(runtime, self._world)
        chance = runtime.chance(f"load/{place}")
        load = self._drill.load
        due_s = chance.uniform(0, 1 / load.rate)
        async with self._runtime.nursery() as nursery:
            while due_s < self._drill.duration_s:
                await self._wait_until(due_s)
                person = _Person(self, city, runtime, resolver, due_s, self._next_number())
                nursery.spawn(self._record(person, *self._choose(chance, person)), "request")
                due_s += chance.expovariate(load.rate)

    async def probe(self, city: str) -> bool:
        """Whether a city is served by now; not part of the history."""
        runtime = self._runtime.at(self._world.place(city))
        resolver = Resolver(runtime, self._world)
        person = _Person(self, city, runtime, resolver, 0.0, 0)
        operation = await person.act("read", self._hot[0], None)
        return operation.outcome is Outcome.OK

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    async def _wait_until(self, world_s: float) -> None:
        due = self.started + world_s / self._drill.world.speed
        await self._runtime.sleep(max(0.0, due - self._runtime.now()))

    def _choose(self, chance: Chance, person: "_Person") -> tuple[str, str, str | None]:
        """Draw what a person does: kind, key and value to write."""
        load = self._drill.load
        if chance.random() < load.writes:
            fresh = chance.random() < load.fresh
            key = f"new-{person.number:06d}" if fresh else chance.choice(self._hot)
            return "write", key, f"v{person.number:06d}"
        return "read", chance.choice(self._hot), None

    async def _record(self, person: "_Person", kind: str, key: str, value: str | None) -> None:
        self.operations.append(await person.act(kind, key, value))

    @property
    def drill(self) -> Drill:
        """The drill this load belongs to."""
        return self._drill

    def target(self) -> tuple[str, int]:
        """Host and port of the application."""
        return self._host, self._port


class _Person:
    """One request, from a city."""

    def __init__(  # noqa: PLR0913, PLR0917 - all of where and when
        self,
        load: Load,
        city: str,
        runtime: Runtime,
        resolver: Resolver,
        due_s: float,
        number: int,
    ) -> None:
        self._load = load
        self._city = city
        self._runtime = runtime
        self._resolver = resolver
        self._due_s = due_s
        self.number = number

    async def act(self, kind: str, key: str, value: str | None) -> Operation:
        """Make the request; return what became of it."""
        spoken = self._load.drill.load
        method, _, target = (spoken.write if kind == "write" else spoken.read).partition(" ")
        target = target.replace("{key}", key).replace("{value}", value or "")
        speed = self._load.drill.world.speed
        due = self._load.started + self._due_s / speed
        outcome, error, response = Outcome.FAILED, "", None
        try:
            async with self._runtime.timeout(spoken.timeout_s):
                response = await self._request(method, target)
        except (Gone, TimedOut, NoSuchName) as failure:
            sent = kind == "write" and not isinstance(failure, NoSuchName)
            outcome, error = (Outcome.UNKNOWN if sent else Outcome.FAILED), str(failure)
        ended = self._runtime.now()
        seen = value
        if response is not None:
            outcome, seen, error = _judge(kind, response, value)
        return Operation(
            number=self.number,
            city=self._city,
            kind=kind,
            key=key,
            value=seen,
            start_s=round(self._due_s, 6),
            end_s=round((ended - self._load.started) * speed, 6),
            latency_ms=(ended - due) * 1e3,
            outcome=outcome,
            served_by=_header(response, spoken.served_by),
            status=response.status if response is not None else 0,
            error=error,
            edge=self._resolver.edge(),
        )

    async def _request(self, method: str, target: str) -> HttpResponse:
        host, port = self._load.target()
        door = self._resolver.door(await self._resolver.resolve(host), port)
        client = HttpClient(self._runtime)
        source = addresses.client_ip(self._runtime.place, self.number % PEOPLE_PER_CITY)
        return await client.request(
            door, method, target, headers={"host": host}, keep_alive=False, source_ip=source
        )


def _header(response: HttpResponse | None, name: str) -> str:
    if response is None:
        return ""
    return next((v for n, v in response.headers if n.lower() == name.lower()), "")


def _judge(kind: str, response: HttpResponse, value: str | None) -> tuple[Outcome, str | None, str]:
    """Outcome, value seen and error text of an answered request."""
    if kind == "read":
        if response.status == HTTPStatus.NOT_FOUND:
            return Outcome.OK, None, ""
        if response.status != HTTPStatus.OK:
            return Outcome.FAILED, None, f"HTTP {response.status}"
        try:
            found = orjson.loads(response.body).get("value")
        except (ValueError, AttributeError):
            return Outcome.FAILED, None, "not a JSON object"
        return Outcome.OK, found, ""
    if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
        return Outcome.OK, value, ""
    sent = response.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return (Outcome.UNKNOWN if sent else Outcome.FAILED), value, f"HTTP {response.status}"
