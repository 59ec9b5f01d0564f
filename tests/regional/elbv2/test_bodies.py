"""One scenario in both bodies of the runtime: through a load balancer, real sockets or none."""

import json
from pathlib import Path
from typing import Any

import pytest

from antipodes.regional.ec2.api import Ec2
from antipodes.regional.elbv2.api import ElbV2
from antipodes.runtime.contract import Address, Runtime
from antipodes.runtime.main import run_main
from antipodes.runtime.real import RealRuntime
from antipodes.runtime.virtual import Simulation
from antipodes.service.contract import Settings
from antipodes.service.http import HttpClient, HttpResponse
from tests.regional.elbv2.hosts import (
    ACCOUNT,
    FUNCTION,
    REGION,
    FakeLambda,
    OneHost,
    forward,
)
from tests.runtime.worlds import FakeLinks

CITY = "city/sao-paulo"
KINDS = (Ec2, ElbV2, FakeLambda)


async def scenario(region: Runtime, city: Runtime) -> dict[str, Any]:
    """Deploy the tutorial's balancer, resolve it, ask it, and ask how it is."""
    host = OneHost(region, Settings(account=ACCOUNT), KINDS)
    functions = host.services["lambda"]
    assert isinstance(functions, FakeLambda)
    functions.add(lambda event: {"statusCode": 200, "body": event["path"]})
    for service in host.services.values():
        await service.start()

    async def call(service: str, operation: str, **request: Any) -> Any:
        return await host.call(service, operation, request, account=ACCOUNT)

    subnets = [s["SubnetId"] for s in (await call("ec2", "DescribeSubnets"))["Subnets"]]
    made = await call("elbv2", "CreateLoadBalancer", Name="GlobalApp", Subnets=subnets)
    [balancer] = made["LoadBalancers"]
    made = await call(
        "elbv2",
        "CreateTargetGroup",
        Name="GlobalApp",
        TargetType="lambda",
        HealthCheckEnabled=True,
        HealthCheckPath="/health",
    )
    arn = made["TargetGroups"][0]["TargetGroupArn"]
    targets = [{"Id": FUNCTION}]
    await call("elbv2", "RegisterTargets", TargetGroupArn=arn, Targets=targets)
    await call(
        "elbv2",
        "CreateListener",
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[forward(arn)],
    )
    client = HttpClient(city)

    async def ask(door: str, target: str) -> HttpResponse:
        return await client.request(Address(REGION, door), "GET", target)

    told = dict(host.changes.answers["elbv2/name"](None))[balancer["DNSName"].lower()]
    nodes = list(told["addresses"].values())
    responses = [await ask(f"{ip}:80", "/get/foobar") for ip in nodes]
    state = ""
    async with city.timeout(20):
        while state != "healthy":
            response = await ask("elb-health", f"/{balancer['LoadBalancerArn']}")
            state = json.loads(response.body)["state"]
            await city.sleep(0.01)
    client.close()
    await host.store.committed()
    probes = [event["path"] for event in functions.events]
    host.store.close()
    return {
        "addresses": sorted(nodes),
        "bodies": [response.body for response in responses],
        "probed": "/health" in probes,
    }


def run_virtual(_: Path) -> Any:
    simulation = Simulation(FakeLinks(0.0))
    region, city = simulation.boot(REGION), simulation.boot(CITY)

    async def main() -> Any:
        return await region.spawn(scenario(region, city), "scenario")

    try:
        return simulation.run(main())
    finally:
        simulation.close()


def run_real(directory: Path) -> Any:
    async def start(host: str, place: str) -> RealRuntime:
        return await RealRuntime.start(
            host=host,
            place=place,
            links=FakeLinks(0.0),
            run_directory=directory,
            state_directory=directory / "state",
        )

    async def main() -> Any:
        runtimes = [await start(REGION, REGION), await start("city", CITY)]
        try:
            return await scenario(runtimes[0], runtimes[1])
        finally:
            for runtime in runtimes:
                await runtime.close()

    return run_main(main())


@pytest.mark.parametrize("run", [run_virtual, run_real])
def test_a_load_balancer_serves_in_both_bodies(run: Any, tmp_path: Path) -> None:
    outcome = run(tmp_path)
    assert len(outcome["addresses"]) == 4
    assert outcome["bodies"] == [b"/get/foobar"] * 4
    assert outcome["probed"]
