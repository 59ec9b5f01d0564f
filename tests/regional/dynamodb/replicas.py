"""Regions with a log and the real DynamoDB, and nothing else, in virtual time."""

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, NamedTuple

import orjson

from antipodes.regional.dynamodb import rows
from antipodes.regional.dynamodb.api import DynamoDB
from antipodes.replication.changelog import ChangeLog
from antipodes.replication.logserver import LogServer
from antipodes.runtime.contract import Condition, Runtime
from antipodes.runtime.virtual import Simulation
from antipodes.service.contract import Call, Request, Response, Service, Settings
from antipodes.service.http import HttpRequest, HttpResponse
from tests.runtime.worlds import FakeLinks

ACCOUNT = "000000000000"
W, E, S = "us-west-2", "eu-central-1", "ap-south-1"
CUT = Condition(0.07, cut=True)


class Regions(NamedTuple):
    """As much of the world as DynamoDB asks for."""

    regions: tuple[str, ...]


class Region:
    """One region's host. Where a test does without the contract's other methods, so does this."""

    def __init__(self, runtime: Runtime, regions: tuple[str, ...], settings: Settings) -> None:
        self.place = runtime.place
        self.runtime = runtime
        self.store = runtime.open_store("main")
        self.settings = settings
        self.world = Regions(regions)
        self.changes = ChangeLog(self.store)
        self.server = LogServer(runtime, self.changes, self.store)
        self.api_url = ""
        self.dynamodb = DynamoDB(self)

    async def start(self) -> None:
        """As a region's host does it: the door first, then the services."""
        await self.server.start()
        await self.dynamodb.start()

    def service(self, name: str) -> Service | None:
        return self.dynamodb if name == "dynamodb" else None

    async def serve_http(self, request: HttpRequest) -> HttpResponse:
        await self.runtime.sleep(0)
        raise NotImplementedError

    async def call(
        self, service: str, operation: str, request: Request, *, account: str, trace: str = ""
    ) -> Response:
        handler = DynamoDB.operations.get(operation)
        assert handler is not None, operation
        response = handler(self.dynamodb, Call(account, self.place, "r"), request)
        if inspect.isawaitable(response):
            response = await response
        await self.store.committed()
        return response

    async def do(self, operation: str, table: str = "Items", **request: Any) -> Response:
        """Call an operation on a table, and wait until its outcome is durable."""
        return await self.call(
            "dynamodb", operation, {"TableName": table, **request}, account=ACCOUNT
        )

    async def do_any(self, operation: str, **request: Any) -> Response:
        """Call an operation that names its tables itself."""
        return await self.call("dynamodb", operation, request, account=ACCOUNT)

    async def put(self, key: str, value: str, table: str = "Items") -> None:
        """Put an item."""
        await self.do("PutItem", table, Item={"k": {"S": key}, "v": {"S": value}})

    async def delete(self, key: str) -> None:
        """Delete an item."""
        await self.do("DeleteItem", Key={"k": {"S": key}})

    async def replica(self, action: str, region: str) -> Response:
        """Add or delete a replica."""
        return await self.do("UpdateTable", ReplicaUpdates=[{action: {"RegionName": region}}])

    def table(self, name: str = "Items") -> Any:
        """The table's record, if there is one."""
        return self.dynamodb.tables.get(ACCOUNT, name)

    def statuses(self) -> dict[str, str]:
        """The table's status, and the replicas' as seen from here."""
        table = self.table()
        if table is None:
            return {}
        return {
            self.place: table.status(self.runtime.wall()),
            **{replica.region: replica.status for replica in table.replicas},
        }

    def everything(self) -> dict[str, tuple[Any, ...]]:
        """All rows with their versions, tombstones included."""
        table = self.table()
        if table is None:
            return {}
        found = self.dynamodb.items.read_page(table, b"", 1_000_000)
        return {
            orjson.loads(key)["k"]["S"]: (version, item and orjson.loads(item)["v"]["S"])
            for _, key, version, item in found
        }

    def items(self) -> dict[str, str]:
        """All items."""
        return {key: value for key, (_, value) in self.everything().items() if value is not None}

    def markers(self) -> int:
        """How many tombstones there are."""
        start = b"t" + self.table().identity
        return len(self.store.scan(start, rows.after(start)))


class Planet:
    """Some regions, 70 ms apart, driven from outside."""

    def __init__(self, *regions: str, seed: int = 1, settings: Settings | None = None) -> None:
        self.names = regions
        self.settings = settings or Settings()
        self.links = FakeLinks(0.07)
        self.simulation = Simulation(self.links, seed=seed)
        self.outside = self.simulation.boot("outside", "outside")
        self.regions: dict[str, Region] = {}

    async def start(self, name: str) -> Region:
        """Start a region, for the first time or again."""
        runtime = self.simulation.boot(name)
        region = self.regions[name] = Region(runtime, self.names, self.settings)
        await runtime.spawn(region.start(), "start")
        return region

    def kill(self, name: str) -> None:
        """End a region as `kill -9` does."""
        self.simulation.kill(name)
        del self.regions[name]

    def cut(self, one: str, other: str) -> None:
        """Cut a link both ways."""
        self.links.change(one, other, CUT)
        self.links.change(other, one, CUT)

    def heal(self, one: str, other: str) -> None:
        """Give a link back."""
        self.links.change(one, other)
        self.links.change(other, one)

    async def global_table(self, first: str, *others: str) -> None:
        """A table with replicas, all active."""
        await make_table(self.regions[first])
        for other in others:
            await self.regions[first].replica("Create", other)
            await self.wait_until(partial(self.all_active, first, other))

    def all_active(self, *names: str) -> bool:
        """Whether these regions see nothing but active replicas of each other."""
        seen = [self.regions[name].statuses() for name in names]
        wanted = set(names)
        return all(wanted <= set(s) and set(s.values()) == {"ACTIVE"} for s in seen)

    def agree(self) -> bool:
        """Whether all regions hold the same, versions and tombstones included."""
        seen = [region.everything() for region in self.regions.values()]
        return all(one == seen[0] for one in seen)

    async def wait_until(self, condition: Callable[[], bool], within_s: float = 60.0) -> None:
        """Let time pass until something holds."""
        end = self.outside.now() + within_s
        while not condition():
            assert self.outside.now() < end, f"not within {within_s:g} s"
            await self.outside.sleep(0.05)


async def make_table(region: Region, name: str = "Items") -> None:
    """A table with a partition key."""
    await region.do(
        "CreateTable",
        name,
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )


def play(
    scenario: Callable[..., Coroutine[Any, Any, None]],
    *names: str,
    seed: int = 1,
    settings: Settings | None = None,
) -> None:
    """Run a scenario of a planet and its started regions."""
    planet = Planet(*(names or (W, E)), seed=seed, settings=settings)

    async def begin() -> None:
        started = [await planet.start(name) for name in planet.names]
        await scenario(planet, *started)

    async def main() -> None:
        begun: Awaitable[None] = planet.outside.spawn(begin(), "scenario")
        await begun

    try:
        planet.simulation.run(main())
    finally:
        planet.simulation.close()
