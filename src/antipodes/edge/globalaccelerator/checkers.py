"""Health of endpoints, judged at the edge by checkers in three places; the majority decides.

A load balancer counts its own targets' checks; a checker asks it for the outcome and believes an
answer at once. No answer counts after THRESHOLD times in a row, since it may be the way that is
broken. So a region that is lost is noticed after THRESHOLD intervals, and a link that is cut
between one checker and a region changes nothing.

An Elastic IP address has no health of its own. It is probed as its endpoint group says, over TCP
also for listeners of UDP; so many outcomes in a row as the group's threshold change a checker's
mind, in either direction.

AWS: load balancer endpoints take their health from target groups; the fleet that checks is Route
53's, in several places (Global Accelerator Developer Guide, "Health check options"). Its own
interval for load balancers is not published: 10 s here. A status of 200 to 399 is well, as for
Route 53's checks.
"""

from collections.abc import Callable
from urllib.parse import quote

import orjson

from antipodes.edge.globalaccelerator.model import Endpoint, Probe
from antipodes.runtime.contract import Accepted, Address, Gone, PlainReceiver, Runtime, TimedOut
from antipodes.service.http import HttpClient

PLACES = ("edge/IAD", "edge/FRA", "edge/NRT")
INTERVAL_S = 10.0
TIMEOUT_S = 4.0
THRESHOLD = 3
OK, WELL_MIN, WELL_MAX = 200, 200, 399

Key = tuple[str, str]  # of a checker's place and an endpoint's health


class Checkers:
    """The three checkers and their votes."""

    def __init__(
        self,
        runtime: Runtime,
        endpoints: Callable[[], dict[str, Endpoint]],
        decided: Callable[[str, bool], None],
    ) -> None:
        self._runtime = runtime
        self._endpoints = endpoints
        self._decided = decided
        self._votes: dict[Key, bool] = {}
        self._streaks: dict[Key, tuple[bool, int]] = {}  # outcomes in a row
        self._rested: dict[Key, int] = {}  # rounds since a probe that is not made in every round
        self._under_way: dict[Key, None] = {}

    def start(self) -> None:
        """Begin to check."""
        for place in PLACES:
            self._runtime.spawn(self._check_for_ever(place), f"checker at {place}")

    def forget(self, health: str) -> None:
        """Nobody has that endpoint any more."""
        for place in PLACES:
            for known in (self._votes, self._streaks, self._rested):
                known.pop((place, health), None)

    async def _check_for_ever(self, place: str) -> None:
        client = HttpClient(self._runtime.at(place))
        interval = self._runtime.interval(INTERVAL_S)
        await self._runtime.sleep(self._runtime.chance(f"checker/{place}").uniform(0, interval))
        while True:
            for endpoint in self._endpoints().values():
                key = (place, endpoint.health)
                if key not in self._under_way and self._is_due(key, endpoint.probe):
                    self._under_way[key] = None
                    self._runtime.spawn(self._check(client, place, endpoint), "probe")
            await self._runtime.sleep(interval)

    def _is_due(self, key: Key, probe: Probe | None) -> bool:
        """Whether it is time again; intervals are whole numbers of rounds."""
        rounds = 1 if probe is None else round(probe.interval_s / INTERVAL_S)
        rested = self._rested.get(key, rounds) + 1
        self._rested[key] = 1 if rested > rounds else rested
        return rested > rounds

    async def _check(self, client: HttpClient, place: str, endpoint: Endpoint) -> None:
        key = (place, endpoint.health)
        healthy: bool | None = None
        try:
            async with self._runtime.timeout(self._runtime.deadline(TIMEOUT_S)):
                if endpoint.probe is None:
                    healthy = await self._ask(client, endpoint)
                else:
                    healthy = await self._probe(client, place, endpoint, endpoint.probe)
        except (Gone, TimedOut):
            pass  # no answer, which counts below
        finally:
            self._under_way.pop(key, None)
        if endpoint.health not in self._endpoints():
            self.forget(endpoint.health)  # removed while it was asked
        else:
            self._found(key, endpoint.probe, healthy=healthy)

    async def _ask(self, client: HttpClient, endpoint: Endpoint) -> bool:
        """Ask a load balancer's region how it is."""
        answer = await client.request(
            Address(endpoint.region, "elb-health"),
            "GET",
            f"/{quote(endpoint.arn, safe='')}",
            keep_alive=False,
        )
        return answer.status == OK and orjson.loads(answer.body)["state"] == "healthy"

    async def _probe(
        self, client: HttpClient, place: str, endpoint: Endpoint, probe: Probe
    ) -> bool:
        """Try an address, as its group says."""
        door = Address(endpoint.region, f"{endpoint.door}:{probe.port}")
        if probe.protocol == "HTTP":
            answer = await client.request(door, "GET", probe.path, keep_alive=False)
            return WELL_MIN <= answer.status <= WELL_MAX
        stream, _ = await self._runtime.at(place).connect(door, _ignore)
        stream.close()
        return True

    def _found(self, key: Key, probe: Probe | None, *, healthy: bool | None) -> None:
        well = healthy is True
        before, times = self._streaks.get(key, (well, 0))
        times = times + 1 if before == well else 1
        self._streaks[key] = (well, times)
        needed = 1 if healthy is not None else THRESHOLD
        if probe is not None:
            needed = probe.threshold if key in self._votes else 1
        if times >= needed:
            self._vote(key, healthy=well)

    def _vote(self, key: Key, *, healthy: bool) -> None:
        self._votes[key] = healthy
        health = key[1]
        votes = [self._votes.get((place, health)) for place in PLACES]
        for verdict in (True, False):
            if 2 * votes.count(verdict) > len(PLACES):
                self._decided(health, verdict)


def _ignore(_: Accepted) -> PlainReceiver:
    return PlainReceiver()
