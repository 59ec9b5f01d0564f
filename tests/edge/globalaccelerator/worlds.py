"""A simulated world with real load balancers, and an accelerator in front of them.

Each region's balancer answers with its region's name. A balancer without a listener is unhealthy,
so health is turned by the load balancer's own API, with nothing made up.
"""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.session import get_session
from botocore.validate import ParamValidator

from antipodes.edge.globalaccelerator.plane import AnycastPlane
from antipodes.hosting.edge import EdgeHost
from antipodes.hosting.simulated import SimulatedWorld
from antipodes.runtime.contract import Accepted, Address, Gone, PlainReceiver, Stream, TimedOut
from antipodes.service.contract import Settings
from antipodes.service.http import HttpClient
from antipodes.world import addresses

MODEL = get_session().get_service_model("globalaccelerator")
W, E = "us-west-2", "eu-central-1"
ACCOUNT = "000000000000"
PROPAGATION_S = 60.0
# Two rounds of checks, and the whole propagation.
TURNED_S = 2 * 10 + PROPAGATION_S + 5
# Three rounds of checks, their timeouts, and the whole propagation.
LOST_S = 4 * 10 + 4 + PROPAGATION_S + 5


class Stage:
    """A world, an accelerator, and people in cities."""

    def __init__(
        self,
        regions: tuple[str, ...] = (W, E),
        seed: int = 3,
        *,
        verify_signatures: bool = False,
        propagation_s: float = PROPAGATION_S,
    ) -> None:
        settings = Settings(
            seed=seed, propagation_s=propagation_s, verify_signatures=verify_signatures
        )
        self.simulated = SimulatedWorld(regions, seed=seed, settings=settings)
        self.world = self.simulated.world
        self.regions = regions
        self.balancers: dict[str, str] = {}
        self.doors: dict[str, str] = {}  # listener of the balancer, by region
        self.groups: dict[str, str] = {}
        self.addresses: list[str] = []
        self.accelerator = self.listener = self.name = ""

    # Time, and who acts.

    def run(self, scenario: Callable[["Stage"], Coroutine[Any, Any, None]]) -> None:
        """Start the world and play a scenario in it."""

        async def main() -> None:
            await self.simulated.start()
            await self.simulated.outside.spawn(scenario(self), "scenario")

        try:
            self.simulated.run(main())
        finally:
            self.simulated.close()

    async def wait(self, seconds: float) -> None:
        await self.simulated.outside.sleep(seconds)

    async def call(self, operation: str, **request: Any) -> Any:
        """Call the accelerator's control plane; what it answers has botocore's shape."""
        answer = await self.simulated.call(W, "globalaccelerator", operation, request)
        shape = MODEL.operation_model(operation).output_shape
        report = ParamValidator().validate(answer, shape) if shape is not None else None
        assert report is None or not report.has_errors(), report.generate_report()
        return answer

    async def elb(self, region: str, operation: str, **request: Any) -> Any:
        return await self.simulated.call(region, "elbv2", operation, request)

    # What is built.

    async def bare_balancer(self, region: str, name: str = "bare", **more: Any) -> str:
        """A load balancer without a listener: nothing answers there, and it is unhealthy."""
        subnets = (await self.simulated.call(region, "ec2", "DescribeSubnets", {}))["Subnets"]
        made = await self.elb(
            region,
            "CreateLoadBalancer",
            Name=name,
            Subnets=[subnet["SubnetId"] for subnet in subnets],
            **more,
        )
        arn: str = made["LoadBalancers"][0]["LoadBalancerArn"]
        return arn

    async def balancer(self, region: str) -> str:
        """A load balancer that answers with its region's name."""
        arn = self.balancers[region] = await self.bare_balancer(region, "front")
        await self.turn_healthy(region)
        return arn

    async def turn_healthy(self, region: str) -> None:
        answer = {"StatusCode": "200", "MessageBody": region, "ContentType": "text/plain"}
        made = await self.elb(
            region,
            "CreateListener",
            LoadBalancerArn=self.balancers[region],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": answer}],
        )
        self.doors[region] = made["Listeners"][0]["ListenerArn"]

    async def turn_unhealthy(self, region: str) -> None:
        await self.elb(region, "DeleteListener", ListenerArn=self.doors.pop(region))

    async def turn_sick(self, region: str) -> None:
        """Give a balancer a target group without targets: unhealthy, while port 80 still serves."""
        vpc = (await self.simulated.call(region, "ec2", "DescribeVpcs", {}))["Vpcs"][0]["VpcId"]
        made = await self.elb(
            region,
            "CreateTargetGroup",
            Name="nobody",
            Protocol="HTTP",
            Port=80,
            VpcId=vpc,
            TargetType="ip",
        )
        target_group = made["TargetGroups"][0]["TargetGroupArn"]
        await self.elb(
            region,
            "CreateListener",
            LoadBalancerArn=self.balancers[region],
            Protocol="HTTP",
            Port=8080,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": target_group}],
        )

    async def accelerate(
        self, *, affinity: str = "NONE", regions: tuple[str, ...] | None = None, **dials: float
    ) -> None:
        """An accelerator with a group in every region; returns before anybody has heard of it."""
        made = (await self.call("CreateAccelerator", Name="front", IdempotencyToken="a"))[
            "Accelerator"
        ]
        self.accelerator, self.name = made["AcceleratorArn"], made["DnsName"]
        self.addresses = made["IpSets"][0]["IpAddresses"]
        listener = await self.call(
            "CreateListener",
            AcceleratorArn=self.accelerator,
            PortRanges=[{"FromPort": 80, "ToPort": 80}],
            Protocol="TCP",
            ClientAffinity=affinity,
            IdempotencyToken="l",
        )
        self.listener = listener["Listener"]["ListenerArn"]
        for region in self.regions if regions is None else regions:
            await self.group(region, dial=dials.get(region.replace("-", "_"), 100.0))

    async def elastic(self, region: str) -> tuple[str, str]:
        """An Elastic IP address of a region: its id, and the address."""
        made = await self.simulated.call(region, "ec2", "AllocateAddress", {"Domain": "vpc"})
        return made["AllocationId"], made["PublicIp"]

    async def listen(self, protocol: str, *ports: int, **more: Any) -> str:
        """One more listener of the accelerator."""
        made = await self.call(
            "CreateListener",
            AcceleratorArn=self.accelerator,
            PortRanges=[{"FromPort": port, "ToPort": port} for port in ports],
            Protocol=protocol,
            IdempotencyToken=f"{protocol} {ports}",
            **more,
        )
        arn: str = made["Listener"]["ListenerArn"]
        return arn

    async def group(self, region: str, *, dial: float = 100.0) -> None:
        made = await self.call(
            "CreateEndpointGroup",
            ListenerArn=self.listener,
            EndpointGroupRegion=region,
            TrafficDialPercentage=dial,
            EndpointConfigurations=[{"EndpointId": self.balancers[region]}],
            IdempotencyToken=region,
        )
        self.groups[region] = made["EndpointGroup"]["EndpointGroupArn"]

    async def build(self, **options: Any) -> None:
        """Balancers and the accelerator, and the time until every location knows them well."""
        for region in self.regions:
            await self.balancer(region)
        await self.accelerate(**options)
        await self.wait(TURNED_S + PROPAGATION_S)

    # What is seen.

    @property
    def edge(self) -> EdgeHost:
        host = self.simulated.hosts["edge"]
        assert isinstance(host, EdgeHost)
        return host

    @property
    def plane(self) -> AnycastPlane:
        return self.edge.anycast

    def door(self, city: str, address: str = "", port: int = 80) -> Address:
        edge = self.world.anycast_edge(f"city/{city}")
        return Address(edge, f"{address or self.addresses[0]}:{port}")

    async def ask(self, city: str, client: int = 0, address: str = "") -> str:
        """Who answers somebody in a city: a region, or what went wrong."""
        runtime = self.simulated.outside.at(f"city/{city}")
        try:
            async with runtime.timeout(20):
                answer = await HttpClient(runtime).request(
                    self.door(city, address),
                    "GET",
                    "/",
                    keep_alive=False,
                    source_ip=addresses.client_ip(f"city/{city}", client),
                )
        except Gone:
            return "reset"
        except TimedOut:
            return "silence"
        return answer.body.decode() if answer.status == 200 else f"status {answer.status}"

    async def connect(
        self, city: str, port: int = 80, address: str = ""
    ) -> tuple[Stream, "Person"]:
        runtime = self.simulated.outside.at(f"city/{city}")
        return await runtime.connect(
            self.door(city, address, port),
            Person,
            source_ip=addresses.client_ip(f"city/{city}", 0),
        )

    async def is_refused(self, city: str, port: int = 80) -> bool:
        """Whether a connection from a city is reset before anything was sent on it."""
        try:
            _, person = await self.connect(city, port)
        except Gone:
            return True
        await self.wait(1)
        return len(person.ended) == 1

    async def state(self, region: str) -> str:
        """An endpoint's health, as the control plane tells it."""
        shown = await self.call("DescribeEndpointGroup", EndpointGroupArn=self.groups[region])
        found: str = shown["EndpointGroup"]["EndpointDescriptions"][0]["HealthState"]
        return found


class Person(PlainReceiver):
    """Keeps what came, and how it ended."""

    def __init__(self, _: Accepted) -> None:
        self.data = b""
        self.ended: list[Exception | None] = []

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, error: Exception | None) -> None:
        self.ended.append(error)


def play(
    scenario: Callable[[Stage], Coroutine[Any, Any, None]],
    regions: tuple[str, ...] = (W, E),
    seed: int = 3,
) -> None:
    """Play a scenario in a world of its own."""
    Stage(regions, seed).run(scenario)


@contextmanager
def fault(stage: Stage, what: Any) -> Iterator[None]:
    """Something is broken inside the block."""
    handle = stage.world.install(what)
    try:
        yield
    finally:
        stage.world.heal(handle)
