"""A region in a simulation with the services of this folder, and a lambda service that is made up.

boto3 is the client of the control plane; clients in a city send HTTP over the simulated network.
"""

import json
from collections.abc import Callable, Coroutine
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config

from antipodes.hosting.links import WorldLinks
from antipodes.regional.acm.api import Acm
from antipodes.regional.ec2.api import Ec2
from antipodes.regional.elbv2.api import ElbV2
from antipodes.regional.iam.api import Iam
from antipodes.regional.sts.api import Sts
from antipodes.replication.changelog import ChangeLog
from antipodes.runtime.contract import Accepted, Address
from antipodes.runtime.virtual import Simulation
from antipodes.service.contract import (
    Call,
    Operations,
    Request,
    Response,
    Service,
    ServiceError,
    Settings,
)
from antipodes.service.dispatch import Dispatcher
from antipodes.service.http import HttpClient, HttpRequest, HttpResponse, HttpServer
from antipodes.world.atlas import load_atlas
from antipodes.world.world import World
from tests.runtime.worlds import FakeLinks

REGION = "us-west-2"
ACCOUNT = "000000000000"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:GlobalApp"
URL = "http://127.0.0.1:4566"
Behaviour = Callable[[dict[str, Any]], Any]


def permission(**more: Any) -> dict[str, Any]:
    """A statement of a function's policy that lets load balancers invoke it."""
    return {
        "Sid": "load-balancer",
        "Effect": "Allow",
        "Principal": {"Service": "elasticloadbalancing.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": FUNCTION,
        **more,
    }


class FakeLambda(Service):
    """Functions that are Python functions of the event: what they return is the payload."""

    name = "lambda"
    operations = Operations()

    def __init__(self, host: Any) -> None:
        super().__init__(host)
        self.behaviours: dict[str, Behaviour] = {}
        self.statements: dict[str, list[dict[str, Any]]] = {}
        self.events: list[dict[str, Any]] = []
        self.takes_s = 0.0

    def add(self, behaviour: Behaviour, arn: str = FUNCTION, **statement: Any) -> None:
        """Create a function that load balancers may invoke."""
        self.behaviours[arn] = behaviour
        self.statements[arn] = [permission(**statement)]

    def known(self, request: Request) -> str:
        arn = str(request["FunctionName"])
        if arn not in self.behaviours:
            raise ServiceError("ResourceNotFoundException", f"Function not found: {arn}", 404)
        return arn


@FakeLambda.operations("GetFunction")
def get_function(service: FakeLambda, _call: Call, request: Request) -> Response:
    return {"Configuration": {"FunctionArn": service.known(request)}}


@FakeLambda.operations("GetPolicy")
def get_policy(service: FakeLambda, _call: Call, request: Request) -> Response:
    statements = service.statements[service.known(request)]
    if not statements:
        raise ServiceError("ResourceNotFoundException", "No policy", 404)
    return {"Policy": json.dumps({"Version": "2012-10-17", "Statement": statements})}


@FakeLambda.operations("Invoke")
async def invoke(service: FakeLambda, _call: Call, request: Request) -> Response:
    behaviour = service.behaviours[service.known(request)]
    event = json.loads(request["Payload"])
    service.events.append(event)
    runtime = service.host.runtime
    done = runtime.future()

    async def run() -> None:  # goes on when nobody waits any more
        await runtime.sleep(service.takes_s)
        result = behaviour(event)
        if not done.done():
            done.set_result(result)

    runtime.spawn(run(), "function")
    result = await done
    if isinstance(result, ServiceError):
        raise result
    if isinstance(result, Exception):
        error = json.dumps({"errorMessage": str(result)}).encode()
        return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": error}
    payload = result if isinstance(result, bytes) else json.dumps(result).encode()
    return {"StatusCode": 200, "Payload": payload}


class OneHost:
    """As much of a region's host as these services ask for."""

    api_url = ""

    def __init__(
        self,
        runtime: Any,
        settings: Settings,
        kinds: tuple[type[Service], ...],
        world: World | None = None,
    ) -> None:
        self.place = runtime.place
        self.runtime = runtime
        self.settings = settings
        self.store = runtime.open_store("main")
        self.changes = ChangeLog(self.store)
        self.world = world or World(load_atlas(), (REGION, "eu-central-1"))
        self.services: dict[str, Service] = {kind.name: kind(self) for kind in kinds}
        self.dispatcher = Dispatcher(self, self.services)
        self.server = HttpServer(runtime, self.dispatcher.handle, store=self.store)

    def service(self, name: str) -> Service | None:
        return self.services.get(name)

    async def serve_http(self, request: HttpRequest) -> HttpResponse:
        response = self.dispatcher.handle(request)
        if not isinstance(response, HttpResponse):
            response = await response
        await self.store.committed()
        return response

    async def call(
        self, service: str, operation: str, request: Request, *, account: str, trace: str = ""
    ) -> Response:
        return await self.dispatcher.call(service, operation, request, account=account, trace=trace)


class Region:
    """One region of a simulated world, and a city with a client in it."""

    kinds: tuple[type[Service], ...] = (Sts, Iam, Ec2, Acm, ElbV2, FakeLambda)

    def __init__(
        self,
        *,
        place: str = REGION,
        settings: Settings | None = None,
        world: World | None = None,
    ) -> None:
        """With a world of its own, distances and faults hold; else there are none."""
        self.place = place
        self.settings = settings or Settings(account=ACCOUNT)
        self.world = world
        self._clients: dict[tuple[str, str, str | None], Any] = {}
        self.simulation = Simulation(WorldLinks(world) if world else FakeLinks(0.0), seed=7)
        self.city = self.simulation.boot("city/sao-paulo")
        self.client_of_city = HttpClient(self.city)
        self.start()

    def start(self, kept: FakeLambda | None = None) -> None:
        """Start the host, for the first time or again, with the functions that it had."""
        self.runtime = self.simulation.boot(self.place)
        self.host = OneHost(self.runtime, self.settings, self.kinds, self.world)
        elbv2: Any = self.host.services["elbv2"]
        self.elbv2: ElbV2 = elbv2
        functions: Any = self.host.services["lambda"]
        if kept is not None:
            functions.behaviours, functions.statements = kept.behaviours, kept.statements
        self.functions: FakeLambda = functions
        self.run(self._start())

    async def _start(self) -> None:
        for service in self.host.services.values():
            await service.start()
        await self.host.store.committed()

    def restart(self) -> None:
        """Kill the host and start it again; what functions there are is kept."""
        self.simulation.kill(self.place)
        self.start(self.functions)

    def close(self) -> None:
        self.simulation.close()

    def run(self, scenario: Coroutine[Any, Any, Any]) -> Any:
        """Run something to its end, as a task of the region's host."""
        return self._run_on(self.runtime, scenario)

    def run_in_city(self, scenario: Coroutine[Any, Any, Any]) -> Any:
        """Run something to its end in the city."""
        return self._run_on(self.city, scenario)

    def _run_on(self, runtime: Any, scenario: Coroutine[Any, Any, Any]) -> Any:
        async def caught() -> Any:
            try:
                return await scenario
            except Exception as error:  # noqa: BLE001 - raised again below, outside of the host
                return error

        async def main() -> Any:
            return await runtime.spawn(caught(), "scenario")

        outcome = self.simulation.run(main())
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def wait(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.run(self.runtime.sleep(seconds))

    # The control plane.

    def client(self, service: str, *, account: str = ACCOUNT, token: str | None = None) -> Any:
        """A client, made once: that takes longer than a call."""
        key = (service, account, token)
        if key not in self._clients:
            self._clients[key] = self._new_client(service, account, token)
        return self._clients[key]

    def _new_client(self, service: str, account: str, token: str | None) -> Any:
        client = boto3.client(
            service,
            region_name=self.place,
            endpoint_url=URL,
            aws_access_key_id=account,
            aws_secret_access_key="test",
            aws_session_token=token,
            config=Config(retries={"total_max_attempts": 1}),
        )
        client.meta.events.register("before-send", self._before_send)
        return client

    def _before_send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        pairs = [
            (name, value.decode() if isinstance(value, bytes) else str(value))
            for name, value in request.headers.items()
        ]
        body = request.body or b""
        asked = HttpRequest(
            request.method,
            request.url.removeprefix(URL) or "/",
            {name.lower(): value for name, value in pairs},
            body.encode() if isinstance(body, str) else bytes(body),
            Accepted("laptop", "127.0.0.1", Address(self.place, "api"), ""),
            [(name.encode(), value.encode()) for name, value in pairs],
        )
        response = self.run(self.host.serve_http(asked))
        raw = Raw(response.body)
        return AWSResponse(request.url, response.status, dict(response.headers), raw)

    # The data plane.

    def ask(self, door: str, method: str = "GET", target: str = "/", **more: Any) -> HttpResponse:
        """Send a request from the city to a door of the region."""
        more.setdefault("source_ip", "198.19.128.9")
        more.setdefault("keep_alive", False)
        request = self.client_of_city.request(Address(self.place, door), method, target, **more)
        response: HttpResponse = self._run_on(self.city, request)
        return response

    def addresses(self, name: str) -> list[str]:
        """The addresses of a load balancer's name, as others are told."""
        told = dict(self.host.changes.answers["elbv2/name"](None)).get(name.lower())
        return list(told["addresses"].values()) if told is not None else []

    def told(self, door: str, target: str) -> Any:
        """Ask one of the internal doors; None where there is nothing."""
        response = self.ask(door, "GET", target)
        return json.loads(response.body) if response.status == 200 else None

    # The tutorial's steps.

    def balancer(self, name: str = "GlobalApp", **more: Any) -> dict[str, Any]:
        subnets = self.client("ec2").describe_subnets()["Subnets"]
        made = self.client("elbv2").create_load_balancer(
            Name=name, Subnets=[subnet["SubnetId"] for subnet in subnets], **more
        )
        balancer: dict[str, Any] = made["LoadBalancers"][0]
        return balancer

    def group(self, name: str = "GlobalApp", **more: Any) -> str:
        more.setdefault("TargetType", "lambda")
        made = self.client("elbv2").create_target_group(Name=name, **more)
        return str(made["TargetGroups"][0]["TargetGroupArn"])

    def listener(self, balancer: dict[str, Any], *actions: Any, port: int = 80) -> str:
        made = self.client("elbv2").create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=port,
            DefaultActions=list(actions),
        )
        return str(made["Listeners"][0]["ListenerArn"])

    def serving(self, behaviour: Behaviour, **check: Any) -> "Front":
        """A load balancer whose one listener forwards to a function."""
        self.functions.add(behaviour)
        balancer, group = self.balancer(), self.group(**check)
        self.client("elbv2").register_targets(TargetGroupArn=group, Targets=[{"Id": FUNCTION}])
        listener = self.listener(balancer, forward(group))
        return Front(balancer, group, listener)


class Front:
    """A load balancer, its group and its listener."""

    def __init__(self, balancer: dict[str, Any], group: str, listener: str) -> None:
        self.arn: str = balancer["LoadBalancerArn"]
        self.name: str = balancer["DNSName"]
        self.group = group
        self.listener = listener
        self.door = f"elb/{self.arn.partition('/')[2]}:80"


class Raw:
    """The part of urllib3's response that botocore reads."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Any:
        yield self._body


def forward(group: str, *others: tuple[str, int]) -> dict[str, Any]:
    """An action that forwards to a group, or by weight to several."""
    if not others:
        return {"Type": "forward", "TargetGroupArn": group}
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in others]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}


def fixed(body: str, status: str = "200") -> dict[str, Any]:
    """An action that answers by itself."""
    config = {"StatusCode": status, "MessageBody": body, "ContentType": "text/plain"}
    return {"Type": "fixed-response", "FixedResponseConfig": config}
