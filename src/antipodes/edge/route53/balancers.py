"""The health of load balancers that aliases go by, asked from three places; the majority decides.

A balancer counts its own targets' checks and is asked for the outcome, which is believed at once;
no answer counts after THRESHOLD times in a row, since it may be the way that is broken. This is how
Global Accelerator's endpoints are asked, too. Nobody asks while no alias goes by a balancer.

AWS publishes no interval. A balancer that has not been asked yet is healthy.
"""

from collections.abc import Callable
from urllib.parse import quote

import orjson

from antipodes.runtime.contract import Address, Gone, Runtime, TimedOut
from antipodes.service.http import HttpClient

PLACES = ("edge/IAD", "edge/FRA", "edge/NRT")
INTERVAL_S = 10.0
TIMEOUT_S = 4.0
THRESHOLD = 3
OK = 200


class BalancerChecks:
    """Three who ask, and their votes."""

    def __init__(
        self,
        runtime: Runtime,
        wanted: Callable[[], list[str]],
        decided: Callable[[str, bool], None],
    ) -> None:
        """`wanted` has the ARNs of the balancers to be asked."""
        self._runtime = runtime
        self._wanted = wanted
        self._decided = decided
        self._votes: dict[tuple[str, str], bool] = {}
        self._misses: dict[tuple[str, str], int] = {}
        self._asking: dict[str, None] = {}  # places at which somebody asks

    def look(self) -> None:
        """Something may have to be asked that did not before, or the other way round."""
        wanted = self._wanted()
        for kept in (self._votes, self._misses):
            for key in [key for key in kept if key[1] not in wanted]:
                del kept[key]
        for place in PLACES if wanted else ():
            if place not in self._asking:
                self._asking[place] = None
                self._runtime.spawn(self._ask_for_ever(place), "ask balancers")

    async def _ask_for_ever(self, place: str) -> None:
        runtime = self._runtime.at(place)
        client = HttpClient(runtime)
        interval_s = runtime.interval(INTERVAL_S)
        await runtime.sleep(runtime.chance(f"balancer-checks/{place}").uniform(0, interval_s))
        while wanted := self._wanted():
            for arn in wanted:
                runtime.spawn(self._ask(client, place, arn), "ask a balancer")
            await runtime.sleep(interval_s)
        del self._asking[place]

    async def _ask(self, client: HttpClient, place: str, arn: str) -> None:
        key = place, arn
        healthy: bool | None = None
        door = Address(arn.split(":")[3], "elb-health")
        try:
            async with self._runtime.timeout(self._runtime.deadline(TIMEOUT_S)):
                path = f"/{quote(arn, safe='')}"
                answer = await client.request(door, "GET", path, keep_alive=False)
            healthy = answer.status == OK and orjson.loads(answer.body)["state"] == "healthy"
        except (Gone, TimedOut):
            self._misses[key] = self._misses.get(key, 0) + 1
        if arn not in self._wanted():
            self.look()  # removed while it was asked
        elif healthy is not None:
            self._misses.pop(key, None)
            self._vote(key, healthy=healthy)
        elif self._misses[key] >= THRESHOLD:
            self._vote(key, healthy=False)

    def _vote(self, key: tuple[str, str], *, healthy: bool) -> None:
        self._votes[key] = healthy
        arn = key[1]
        votes = [self._votes.get((place, arn)) for place in PLACES]
        for verdict in (True, False):
            if 2 * votes.count(verdict) > len(PLACES):
                self._decided(arn, verdict)
