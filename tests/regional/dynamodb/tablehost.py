"""A region with nothing but DynamoDB, in virtual time."""

from collections.abc import Awaitable, Callable
from typing import Any

from antipodes.regional.dynamodb.api import DynamoDB
from antipodes.regional.dynamodb.streamsapi import DynamoDBStreams
from antipodes.replication.changelog import ChangeLog
from antipodes.runtime.contract import Accepted, Address, Runtime
from antipodes.runtime.virtual import Simulation, VirtualRuntime
from antipodes.service.contract import Response, Service, ServiceError, Settings
from antipodes.service.dispatch import Dispatcher
from antipodes.service.http import HttpRequest, HttpResponse
from tests.runtime.worlds import FakeLinks

REGION = "us-west-2"
ACCOUNT = "000000000000"


class OneRegion:
    """The world, as far as tables look at it."""

    regions = (REGION,)


class TableHost:
    """A host with DynamoDB and a dispatcher in front of it."""

    place = REGION
    api_url = ""

    def __init__(self, runtime: VirtualRuntime, settings: Settings | None = None) -> None:
        self.runtime: Runtime = runtime
        self.store = runtime.open_store("main")
        self.settings = settings or Settings()
        self.world = OneRegion()
        self.changes = ChangeLog(self.store, runtime.wall)
        self.dynamodb = DynamoDB(self)
        offered: dict[str, Service] = {
            "dynamodb": self.dynamodb,
            "dynamodbstreams": DynamoDBStreams(self),
        }
        self.dispatcher = Dispatcher(self, offered)

    def service(self, _: str) -> Service | None:
        return self.dynamodb

    async def serve_http(self, request: HttpRequest) -> HttpResponse:
        raise AssertionError("nobody calls out of a table")

    async def call(
        self,
        service: str,
        operation: str,
        request: dict[str, Any],
        *,
        account: str = ACCOUNT,
        trace: str = "",
    ) -> Response:
        return await self.dispatcher.call(service, operation, request, account=account, trace=trace)

    async def ask(self, operation: str, account: str = ACCOUNT, **request: Any) -> Any:
        """Call an operation; the answer, or the error as a value."""
        service = "dynamodbstreams" if operation in DynamoDBStreams.operations else "dynamodb"
        try:
            return await self.call(service, operation, request, account=account)
        except ServiceError as error:
            return error

    def post(self, operation: str, body: bytes, *, fast: bool) -> tuple[int, bytes]:
        """Post a request as from the wire, with or without the fast path."""
        handlers = self.dynamodb.fast if fast else {}
        self.dispatcher.fast = dict(handlers)
        credential = f"Credential=test/20260101/{REGION}/dynamodb/aws4_request"
        headers = {
            "x-amz-target": f"DynamoDB_20120810.{operation}",
            "content-type": "application/x-amz-json-1.0",
            "authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0",
        }
        accepted = Accepted("laptop", "127.0.0.1", Address(REGION, "api"), "")
        request = HttpRequest("POST", "/", headers, body, accepted)
        answer = self.dispatcher.handle(request)
        assert isinstance(answer, HttpResponse)
        return answer.status, answer.body


def with_tables(scenario: Callable[[TableHost], Awaitable[Any]], speed: float = 1.0) -> Any:
    """Run a scenario against a fresh region."""
    simulation = Simulation(FakeLinks(0.0), seed=1, speed=speed)
    runtime = simulation.boot(REGION)

    async def play() -> Any:
        return await scenario(TableHost(runtime))

    async def main() -> Any:
        return await runtime.spawn(play(), "scenario")

    try:
        return simulation.run(main())
    finally:
        simulation.close()


async def create(host: TableHost, name: str = "Things", sort: str = "") -> None:
    """Make a table keyed by the string `p`, and by `s` of a type if one is given."""
    keys = [("p", "HASH", "S")] + ([("s", "RANGE", sort)] if sort else [])
    made = await host.ask(
        "CreateTable",
        TableName=name,
        KeySchema=[{"AttributeName": n, "KeyType": k} for n, k, _ in keys],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": t} for n, _, t in keys],
        BillingMode="PAY_PER_REQUEST",
    )
    assert made["TableDescription"]["TableStatus"] == "CREATING"
