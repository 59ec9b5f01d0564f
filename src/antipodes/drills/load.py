"""Load from many cities: an open loop of requests, and the history of what became of them.

Requests are due at their own times, whether or not earlier ones have been answered, so that a stall
shows as latency and as missing answers instead of as silence (no coordinated omission). Each city
has so many people, who take turns; each request is a new connection through the city's resolver and
nearest edge. Every written value is unique, so a read tells which write it saw.
"""

from urllib.parse import urlsplit

from antipodes.drills.calls import Person, Way
from antipodes.drills.history import Operation, Outcome
from antipodes.drills.model import Drill, SessionPart
from antipodes.drills.sessions import Session, try_session
from antipodes.hosting.resolver import Resolver, behaviours
from antipodes.runtime.contract import Chance, Runtime
from antipodes.world.world import World

COUNTERS, PAIRS = 3, 3


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
        self._behaviours = behaviours(world, drill.world.resolvers)
        self.operations: list[Operation] = []
        self.rate = drill.load.rate
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
            ways = {city: self._way(city) for city in self._drill.load.cities}
            follow = self._drill.load.follow
            follower = None if follow is None else ways.get(follow.city)
            for way in ways.values():
                nursery.spawn(self._people(way, follower), f"load of {way.city}")

    async def _people(self, way: Way, follower: Way | None) -> None:
        """What the people of a city do."""
        part = self._drill.load.session
        if part is None:
            await self._city(way, follower)
            return
        async with self._runtime.nursery() as nursery:
            for who in range(part.people):
                nursery.spawn(self._type(way, who, part), "session")

    async def _type(self, way: Way, who: int, part: SessionPart) -> None:
        """Type into one session until the drill is over, and wait for the last pictures."""
        session = Session(way, who, self.started, self.operations.append)
        pause_s = part.every_ms / 1e3 * self._drill.world.speed
        due_s = way.runtime.chance(f"load/{way.runtime.place}").uniform(0, pause_s)
        while due_s < self._drill.duration_s:
            await self._wait_until(due_s)
            self._number += 1
            await session.press(self._number, due_s)
            due_s += pause_s
        await session.finish()

    async def _city(self, way: Way, follower: Way | None) -> None:
        """What the people of a city do; `follower` reads what they write."""
        if follower is way:
            follower = None
        chance = way.runtime.chance(f"load/{way.runtime.place}")
        due_s = chance.uniform(0, 1 / self.rate)
        async with self._runtime.nursery() as nursery:
            while due_s < self._drill.duration_s:
                await self._wait_until(due_s)
                self._number += 1
                person = Person(way, self._number, due_s, self.started)
                drawn = self._choose(chance, self._number)
                nursery.spawn(self._record(person, follower, *drawn), "request")
                due_s += chance.expovariate(self.rate)

    def _way(self, city: str) -> Way:
        runtime = self._runtime.at(self._world.place(city))
        resolver = Resolver(runtime, self._world, self._behaviours)
        return Way(city, runtime, resolver, self._drill, (self._host, self._port))

    async def probe(self, city: str) -> bool:
        """Whether a city is served by now; not part of the history."""
        way = self._way(city)
        try:
            if self._drill.load.session is not None:
                return await try_session(way, self._runtime.now())
            operation = await Person(way, 0, 0.0, self.started).act("read", self._hot[0], None)
            return operation.outcome is Outcome.OK
        finally:
            way.resolver.close()

    async def _wait_until(self, world_s: float) -> None:
        due = self.started + world_s / self._drill.world.speed
        await self._runtime.sleep(max(0.0, due - self._runtime.now()))

    def _choose(self, chance: Chance, number: int) -> tuple[str, str, str | None]:
        """Draw what a person does: kind, key and value to write."""
        load = self._drill.load
        drawn = chance.random()
        for kind, share in load.mix.items():
            drawn -= share
            if drawn < 0:
                return self._other(chance, kind, number)
        if chance.random() < load.writes:
            fresh = chance.random() < load.fresh
            key = f"new-{number:06d}" if fresh else chance.choice(self._hot)
            return "write", key, f"v{number:06d}"
        return "read", chance.choice(self._hot), None

    def _other(self, chance: Chance, kind: str, number: int) -> tuple[str, str, str | None]:
        if kind in {"increment", "count"}:
            return kind, f"counter-{chance.randrange(COUNTERS)}", None
        if kind in {"pair-write", "pair-read"}:
            value = f"v{number:06d}" if kind == "pair-write" else None
            return kind, f"pair-{chance.randrange(PAIRS)}", value
        return kind, chance.choice(self._hot), None

    async def _record(
        self, person: Person, follower: Way | None, kind: str, key: str, value: str | None
    ) -> None:
        operation = await person.act(kind, key, value)
        self.operations.append(operation)
        written = operation.kind == "write" and operation.outcome is Outcome.OK
        if follower is not None and written:
            await self._follow(follower, key)

    async def _follow(self, way: Way, key: str) -> None:
        """Read from elsewhere what has just been written."""
        follow = self._drill.load.follow
        assert follow is not None, "nobody follows"
        await self._runtime.sleep(follow.after_ms / 1e3)
        self._number += 1
        person = Person(way, self._number, self.world_s(), self.started)
        self.operations.append(await person.act("read", key, None))
