"""A region that is killed and comes back, and what its tables hold."""

from collections.abc import Awaitable, Callable
from typing import Any

from antipodes.runtime.virtual import Simulation, VirtualRuntime
from tests.regional.dynamodb.tablehost import REGION, TableHost
from tests.regional.dynamodb.test_tables import status
from tests.runtime.worlds import FakeLinks

Items = dict[str, str]
DAY = 86_400.0
LONG = "s" * 600  # beyond what a key of the store holds
RANGED: dict[str, Any] = {
    "KeySchema": [
        {"AttributeName": "p", "KeyType": "HASH"},
        {"AttributeName": "s", "KeyType": "RANGE"},
    ],
    "AttributeDefinitions": [
        {"AttributeName": "p", "AttributeType": "S"},
        {"AttributeName": "s", "AttributeType": "S"},
    ],
    "BillingMode": "PAY_PER_REQUEST",
}


class Lives:
    """A region that is killed and comes back: each life plays one part of a story."""

    def __init__(self, seed: int = 1) -> None:
        self.simulation = Simulation(FakeLinks(0.0), seed=seed)
        self.chance = self.simulation.boot("outside").chance("story")

    def live(self, part: Callable[[TableHost], Awaitable[Any]]) -> Any:
        """Boot the region, let it play a part, and kill it."""
        runtime = self.simulation.boot(REGION)

        async def play() -> Any:
            host = started(runtime)
            return await part(host)

        async def main() -> Any:
            return await runtime.spawn(play(), "part")

        found = self.simulation.run(main())
        self.simulation.kill(REGION)
        return found


def started(runtime: VirtualRuntime) -> TableHost:
    """A host whose work behind the requests goes on."""
    host = TableHost(runtime)
    host.dynamodb.backups.start()
    host.dynamodb.restores.start()
    host.dynamodb.deletions.start()
    return host


async def put(host: TableHost, table: str, key: str, value: str) -> None:
    item = {"p": {"S": key[:1]}, "s": {"S": key}, "v": {"S": value}}
    assert await host.ask("PutItem", TableName=table, Item=item) == {}


async def delete(host: TableHost, table: str, key: str) -> None:
    named = {"p": {"S": key[:1]}, "s": {"S": key}}
    assert await host.ask("DeleteItem", TableName=table, Key=named) == {}


async def items(host: TableHost, table: str, **index: str) -> Items:
    answer = await host.ask("Scan", TableName=table, **index)
    return {item["s"]["S"]: item["v"]["S"] for item in answer["Items"]}


async def wait_until(host: TableHost, what: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(500):
        if await what():
            return
        await host.runtime.sleep(0.1)
    raise AssertionError("it never came true")


async def wait_active(host: TableHost, table: str) -> None:
    async def active() -> bool:
        return await status(host, table) == "ACTIVE"

    await wait_until(host, active)


async def wait_available(host: TableHost, arn: str) -> dict[str, Any]:
    async def available() -> bool:
        told = await host.ask("DescribeBackup", BackupArn=arn)
        return bool(told["BackupDescription"]["BackupDetails"]["BackupStatus"] == "AVAILABLE")

    await wait_until(host, available)
    answer = await host.ask("DescribeBackup", BackupArn=arn)
    return dict(answer["BackupDescription"])


async def switch(host: TableHost, **days: int) -> Any:
    asked = {"PointInTimeRecoveryEnabled": True, **days}
    return await host.ask(
        "UpdateContinuousBackups", TableName="Things", PointInTimeRecoverySpecification=asked
    )
