"""Health of endpoints, judged at the edge by checkers in three places; the majority decides.

A load balancer counts its own targets' checks; a checker asks it for the outcome and believes an
answer at once. No answer counts after THRESHOLD times in a row, since it may be the way that is
broken. So a region that is lost is noticed after THRESHOLD intervals, and a link that is cut
between one checker and a region changes nothing.

AWS: load balancer endpoints take their health from target groups; the fleet that checks is Route
53's, in several places (Global Accelerator Developer Guide, "Health check options"). Its own
interval for load balancers is not published: 10 s here.
"""

from collections.abc import Callable
from urllib.parse import quote

import orjson

from antipodes.edge.globalaccelerator.model import Endpoint
from antipodes.runtime.contract import Address, Gone, Runtime, TimedOut
from antipodes.service.http import HttpClient

PLACES = ("edge/IAD", "edge/FRA", "edge/NRT")
INTERVAL_S = 10.0
TIMEOUT_S = 4.0
THRESHOLD = 3
OK = 200


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
        self._votes: dict[tuple[str, str], bool] = {}
        self._misses: dict[tuple[str, str], int] = {}
        self._under_way: dict[tuple[str, str], None] = {}

    def start(self) -> None:
        """Begin to check."""
        for place in PLACES:
            self._runtime.spawn(self._check_for_ever(place), f"checker at {place}")

    def forget(self, arn: str) -> None:
        """Nobody has that endpoint any more."""
        for place in PLACES:
            self._votes.pop((place, arn), None)
            self._misses.pop((place, arn), None)

    async def _check_for_ever(self, place: str) -> None:
        client = HttpClient(self._runtime.at(place))
        interval = self._runtime.interval(INTERVAL_S)
        await self._runtime.sleep(self._runtime.chance(f"checker/{place}").uniform(0, interval))
        while True:
            for endpoint in self._endpoints().values():
                key = (place, endpoint.arn)
                if key not in self._under_way:
                    self._under_way[key] = None
                    self._runtime.spawn(self._probe(client, place, endpoint), "probe")
            await self._runtime.sleep(interval)

    async def _probe(self, client: HttpClient, place: str, endpoint: Endpoint) -> None:
        key = (place, endpoint.arn)
        healthy: bool | None = None
        try:
            async with self._runtime.timeout(self._runtime.deadline(TIMEOUT_S)):
                answer = await client.request(
                    Address(endpoint.region, "elb-health"),
                    "GET",
                    f"/{quote(endpoint.arn, safe='')}",
                    keep_alive=False,
                )
            healthy = answer.status == OK and orjson.loads(answer.body)["state"] == "healthy"
        except (Gone, TimedOut):
            pass  # no answer, which counts below
        finally:
            self._under_way.pop(key, None)
        if endpoint.arn not in self._endpoints():
            self.forget(endpoint.arn)  # removed while it was asked
        elif healthy is None:
            self._missed(key)
        else:
            self._misses[key] = 0
            self._vote(key, healthy=healthy)

    def _missed(self, key: tuple[str, str]) -> None:
        self._misses[key] = self._misses.get(key, 0) + 1
        if self._misses[key] >= THRESHOLD:
            self._vote(key, healthy=False)

    def _vote(self, key: tuple[str, str], *, healthy: bool) -> None:
        self._votes[key] = healthy
        arn = key[1]
        votes = [self._votes.get((place, arn)) for place in PLACES]
        for verdict in (True, False):
            if 2 * votes.count(verdict) > len(PLACES):
                self._decided(arn, verdict)
