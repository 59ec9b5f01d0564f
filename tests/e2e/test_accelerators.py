"""An accelerator in a world of real processes: created, waited for, used, broken and deleted."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.worlds import RunningWorld, run, wait

W, E = "us-west-2", "eu-central-1"
pytestmark = pytest.mark.slow


def balancer(world: RunningWorld) -> str:
    """A load balancer that answers by itself."""
    subnets = world.client("ec2", W).describe_subnets()["Subnets"]
    elastic = world.client("elbv2", W)
    made = elastic.create_load_balancer(
        Name="front", Subnets=[subnet["SubnetId"] for subnet in subnets]
    )
    arn: str = made["LoadBalancers"][0]["LoadBalancerArn"]
    answer = {"StatusCode": "200", "MessageBody": "well", "ContentType": "text/plain"}
    elastic.create_listener(
        LoadBalancerArn=arn,
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": answer}],
    )
    return arn


def test_a_deployment_creates_waits_is_served_and_deletes() -> None:
    with RunningWorld("--propagation", "0.2", regions=(W,)) as world:
        client = world.client("globalaccelerator", W)
        whole = _created(world, client)
        first, second = client.describe_accelerator(**whole)["Accelerator"]["IpSets"][0][
            "IpAddresses"
        ]
        for address in (first, second):
            _served(world, f"http://{address}/")
        broken = run("break", "accelerator-zone", "a", state=world.state)
        assert broken.returncode == 0, broken.stderr
        assert world.curl("sao-paulo", f"http://{second}/")[2] == b"well"
        told = run("status", state=world.state).stdout
        assert "the accelerators' network zone a is lost" in told
        assert run("heal", broken.stdout.strip(), state=world.state).returncode == 0
        assert world.curl("sao-paulo", f"http://{first}/")[2] == b"well"
        assert run("break", "accelerator-zone", "c", state=world.state).returncode == 2
        _deleted(client, whole)
        with pytest.raises(ClientError, match="answers in us-west-2 only"):
            world.client("globalaccelerator", E).list_accelerators()


def _created(world: RunningWorld, client: Any) -> dict[str, str]:
    made = client.create_accelerator(
        Name="front", IpAddressType="DUAL_STACK", IdempotencyToken="a"
    )["Accelerator"]
    whole = {"AcceleratorArn": made["AcceleratorArn"]}
    listener = client.create_listener(
        PortRanges=[{"FromPort": 80, "ToPort": 80}], Protocol="TCP", IdempotencyToken="l", **whole
    )["Listener"]
    client.create_endpoint_group(
        ListenerArn=listener["ListenerArn"],
        EndpointGroupRegion=W,
        EndpointConfigurations=[{"EndpointId": balancer(world)}],
        IdempotencyToken="g",
    )
    with pytest.raises(client.exceptions.InvalidPortRangeException):
        client.create_listener(
            PortRanges=[{"FromPort": 1, "ToPort": 80}],
            Protocol="TCP",
            IdempotencyToken="m",
            **whole,
        )
    _deployed(client, whole)
    return whole


def _deployed(client: Any, whole: dict[str, str]) -> None:
    """Wait as a deployment tool does."""
    wait(lambda: client.describe_accelerator(**whole)["Accelerator"]["Status"] == "DEPLOYED")


def _served(world: RunningWorld, url: str) -> None:
    """Wait for the edge: DEPLOYED goes by the clock, and a busy machine may be behind it."""
    wait(lambda: world.curl("sao-paulo", url)[2] == b"well")


def _deleted(client: Any, whole: dict[str, str]) -> None:
    for page in client.get_paginator("list_listeners").paginate(**whole):
        for listener in page["Listeners"]:
            inside = {"ListenerArn": listener["ListenerArn"]}
            for group in client.list_endpoint_groups(**inside)["EndpointGroups"]:
                client.delete_endpoint_group(EndpointGroupArn=group["EndpointGroupArn"])
            client.delete_listener(**inside)
    client.update_accelerator(Enabled=False, **whole)
    _deployed(client, whole)
    client.delete_accelerator(**whole)
    with pytest.raises(client.exceptions.AcceleratorNotFoundException):
        client.describe_accelerator(**whole)
