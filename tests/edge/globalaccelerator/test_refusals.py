"""What the control plane refuses, with which error, and that nothing has changed then."""

from typing import Any

import pytest

from antipodes.service.contract import ServiceError
from antipodes.world import addresses
from tests.edge.globalaccelerator.requests import create, grouped, listen, refused
from tests.edge.globalaccelerator.worlds import E, Stage, W, play


def test_ports_are_unique_within_the_accelerator() -> None:
    async def scenario(stage: Stage) -> None:
        arn = (await create(stage))["AcceleratorArn"]
        first = (await listen(stage, arn, 80, 443))["Listener"]
        second = (await listen(stage, arn, 8080, name="m"))["Listener"]
        for ports in ((443,), (81, 81)):
            with pytest.raises(ServiceError) as caught:
                await listen(stage, arn, *ports, name="n")
            assert caught.value.code == "InvalidPortRangeException"
        turned = [{"FromPort": 90, "ToPort": 80}]
        code = await refused(
            stage, "UpdateListener", ListenerArn=second["ListenerArn"], PortRanges=turned
        )
        assert code == "InvalidPortRangeException"
        kept = [{"FromPort": 443, "ToPort": 450}]
        await stage.call("UpdateListener", ListenerArn=first["ListenerArn"], PortRanges=kept)
        listed = (await stage.call("ListListeners", AcceleratorArn=arn))["Listeners"]
        assert [found["PortRanges"][0]["FromPort"] for found in listed] == [443, 8080]

    play(scenario)


BALANCER = "a balancer that exists"  # is put in its place


def _with(balancer: str, part: Any) -> Any:
    """A request with the load balancer's real ARN."""
    if isinstance(part, dict):
        return {name: _with(balancer, value) for name, value in part.items()}
    if isinstance(part, list):
        return [_with(balancer, value) for value in part]
    return part.replace(BALANCER, balancer) if isinstance(part, str) else part


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"TrafficDialPercentage": 100.5}, "ValidationException|InvalidArgumentException"),
        ({"HealthCheckIntervalSeconds": 20}, "InvalidArgumentException"),
        ({"HealthCheckPath": "no slash"}, "ValidationException|InvalidArgumentException"),
        ({"PortOverrides": [{"ListenerPort": 81, "EndpointPort": 82}]}, "InvalidArgument"),
        ({"PortOverrides": [{"ListenerPort": 80, "EndpointPort": 443}]}, "InvalidArgument"),
        ({"EndpointConfigurations": [{"EndpointId": "i-0123456789abcdef0"}]}, "InvalidArgument"),
        ({"EndpointConfigurations": [{"EndpointId": "eipalloc-1"}]}, "InvalidArgument"),
        ({"EndpointConfigurations": [{"EndpointId": f"{BALANCER[:-1]}0"}]}, "InvalidArgument"),
        ({"EndpointConfigurations": [{"EndpointId": f"{BALANCER}0"}]}, "InvalidArgument"),
        ({"EndpointConfigurations": [{"EndpointId": BALANCER, "Weight": 256}]}, "Validation|Inv"),
        (
            {"EndpointConfigurations": [{"EndpointId": BALANCER, "AttachmentArn": "a"}]},
            "InvalidArgumentException",
        ),
    ],
)
def test_a_group_that_cannot_be_is_refused_and_nothing_changes(
    more: dict[str, Any], code: str
) -> None:
    async def scenario(stage: Stage) -> None:
        balancer = await stage.bare_balancer(W)
        arn = (await create(stage))["AcceleratorArn"]
        listener = (await listen(stage, arn, 80, 443))["Listener"]["ListenerArn"]
        with pytest.raises(ServiceError) as caught:
            await grouped(stage, listener, **_with(balancer, more))
        assert any(caught.value.code.startswith(start) for start in code.split("|"))
        listed = await stage.call("ListEndpointGroups", ListenerArn=listener)
        assert listed["EndpointGroups"] == []

    play(scenario)


def test_an_endpoint_must_be_in_the_groups_region() -> None:
    async def scenario(stage: Stage) -> None:
        arn = (await create(stage))["AcceleratorArn"]
        listener = (await listen(stage, arn, 80))["Listener"]["ListenerArn"]
        balancer = await stage.bare_balancer(W)
        with pytest.raises(ServiceError) as caught:
            await grouped(stage, listener, E, EndpointConfigurations=[{"EndpointId": balancer}])
        assert caught.value.code == "InvalidArgumentException"

    play(scenario)


def test_an_eleventh_endpoint_is_refused() -> None:
    async def scenario(stage: Stage) -> None:
        arn = (await create(stage))["AcceleratorArn"]
        listener = (await listen(stage, arn, 80))["Listener"]["ListenerArn"]
        group = {"EndpointGroupArn": (await grouped(stage, listener))["EndpointGroupArn"]}
        parts = [{"EndpointId": await stage.bare_balancer(W, f"b{n}")} for n in range(11)]
        await stage.call("AddEndpoints", EndpointConfigurations=parts[:10], **group)
        code = await refused(stage, "AddEndpoints", EndpointConfigurations=parts[10:], **group)
        assert code == "LimitExceededException"
        await stage.call("AddEndpoints", EndpointConfigurations=parts[:10], **group)

    play(scenario)


def test_an_internal_balancer_always_sees_its_clients() -> None:
    async def scenario(stage: Stage) -> None:
        arn = (await create(stage))["AcceleratorArn"]
        listener = (await listen(stage, arn, 80))["Listener"]["ListenerArn"]
        balancer = await stage.bare_balancer(W, Scheme="internal")
        part: dict[str, Any] = {"EndpointId": balancer, "ClientIPPreservationEnabled": False}
        with pytest.raises(ServiceError) as caught:
            await grouped(stage, listener, EndpointConfigurations=[part])
        assert caught.value.code == "InvalidArgumentException"
        del part["ClientIPPreservationEnabled"]
        made = await grouped(stage, listener, EndpointConfigurations=[part])
        assert made["EndpointDescriptions"][0]["ClientIPPreservationEnabled"] is True

    play(scenario)


def test_flow_logs_are_refused_by_name() -> None:
    async def scenario(stage: Stage) -> None:
        arn = {"AcceleratorArn": (await create(stage))["AcceleratorArn"]}
        where = {"FlowLogsS3Bucket": "b", "FlowLogsS3Prefix": "p"}
        for logs in ({"FlowLogsEnabled": True, **where}, {"FlowLogsEnabled": False, **where}):
            code = await refused(stage, "UpdateAcceleratorAttributes", **logs, **arn)
            assert code == "NotImplemented"
        logs = {"FlowLogsEnabled": True}
        code = await refused(stage, "UpdateAcceleratorAttributes", **logs, **arn)
        assert code == "InvalidArgumentException"
        shown = await stage.call("DescribeAcceleratorAttributes", **arn)
        assert shown["AcceleratorAttributes"]["FlowLogsEnabled"] is False

    play(scenario)


@pytest.mark.parametrize("name", ["-a", "a.", "a_b", "a" * 65, "."])
def test_names_that_cannot_be_are_refused(name: str) -> None:
    async def scenario(stage: Stage) -> None:
        code = await refused(stage, "CreateAccelerator", Name=name, IdempotencyToken="a")
        assert code in {"InvalidArgumentException", "ValidationException"}

    play(scenario)


@pytest.mark.parametrize(
    ("operation", "more", "code"),
    [
        ("UpdateAccelerator", {"Name": "-", "Enabled": False}, "InvalidArgumentException"),
        ("UpdateAccelerator", {"IpAddresses": ["203.0.113.7"]}, "InvalidArgumentException"),
        (
            "UpdateAccelerator",
            {"IpAddressType": "DUAL_STACK", "IpAddresses": ["203.0.113.7"]},
            "ConflictException",
        ),
        (
            "UpdateListener",
            {"PortRanges": [{"FromPort": 443, "ToPort": 443}], "ClientAffinity": "SOURCE_IP"},
            "InvalidPortRangeException",
        ),
        ("UpdateListener", {"Protocol": "SCTP"}, "ValidationException"),
        ("UpdateListener", {"ClientAffinity": "SOMETIMES"}, "ValidationException"),
        (
            "UpdateEndpointGroup",
            {"TrafficDialPercentage": 5.0, "HealthCheckIntervalSeconds": 11},
            "InvalidArgumentException",
        ),
        (
            "UpdateEndpointGroup",
            {"TrafficDialPercentage": 5.0, "EndpointConfigurations": [{"EndpointId": "i-1"}]},
            "InvalidArgumentException",
        ),
        (
            "AddEndpoints",
            {
                "EndpointConfigurations": [
                    {"EndpointId": f"{BALANCER[:-2]}{number}"} for number in range(10, 20)
                ]
            },
            "InvalidArgumentException",
        ),
        (
            "AddEndpoints",
            {"EndpointConfigurations": [{"EndpointId": BALANCER, "Weight": 1}] * 2},
            "InvalidArgumentException",
        ),
        (
            "RemoveEndpoints",
            {"EndpointIdentifiers": [{"EndpointId": BALANCER}, {"EndpointId": "i-1"}]},
            "InvalidArgumentException",
        ),
    ],
)
def test_a_bad_edit_changes_nothing_and_tells_the_edge_nothing(
    operation: str, more: dict[str, Any], code: str
) -> None:
    async def scenario(stage: Stage) -> None:
        arn = (await create(stage))["AcceleratorArn"]
        listener = (await listen(stage, arn, 80))["Listener"]["ListenerArn"]
        await listen(stage, arn, 443, name="m")
        balancer = await stage.bare_balancer(W)
        group = (await grouped(stage, listener, EndpointConfigurations=[{"EndpointId": balancer}]))[
            "EndpointGroupArn"
        ]
        parent = {
            "UpdateAccelerator": {"AcceleratorArn": arn},
            "UpdateListener": {"ListenerArn": listener},
        }.get(operation, {"EndpointGroupArn": group})
        host = stage.simulated.region(W)

        async def seen() -> list[Any]:
            return [
                await stage.call("DescribeAccelerator", AcceleratorArn=arn),
                await stage.call("ListListeners", AcceleratorArn=arn),
                await stage.call("ListEndpointGroups", ListenerArn=listener),
                host.changes.head,
            ]

        before = await seen()
        assert await refused(stage, operation, **parent, **_with(balancer, more)) == code
        assert await seen() == before

    play(scenario)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_an_arn_of_another_kind_is_not_found(depth: int) -> None:
    async def scenario(stage: Stage) -> None:
        arn = (await create(stage))["AcceleratorArn"]
        listener = (await listen(stage, arn, 80))["Listener"]["ListenerArn"]
        group = (await grouped(stage, listener))["EndpointGroupArn"]
        given = {1: arn, 2: listener, 3: group}[depth]
        for level, kind in ((1, "Accelerator"), (2, "Listener"), (3, "EndpointGroup")):
            request = {f"{kind}Arn": given}
            if level == depth:
                assert await stage.call(f"Describe{kind}", **request)
            else:
                code = await refused(stage, f"Describe{kind}", **request)
                assert code == f"{kind}NotFoundException"
        for nonsense in ("x", f"{given}/", given.replace("::", ":us-west-2:")):
            code = await refused(stage, "DescribeAccelerator", AcceleratorArn=nonsense)
            assert code == "AcceleratorNotFoundException"

    play(scenario)


def test_the_addresses_run_out_with_an_error_and_nothing_is_made() -> None:
    async def scenario(stage: Stage) -> None:
        host = stage.simulated.region(W)
        host.store.put(b"globalaccelerator/next-address", b"%d" % addresses.ANYCAST_MAX)
        code = await refused(stage, "CreateAccelerator", Name="x", IdempotencyToken="x")
        assert code == "LimitExceededException"
        assert (await stage.call("ListAccelerators"))["Accelerators"] == []

    play(scenario)


def test_limits() -> None:
    async def scenario(stage: Stage) -> None:
        arns = [(await create(stage, str(n)))["AcceleratorArn"] for n in range(20)]
        code = await refused(stage, "CreateAccelerator", Name="x", IdempotencyToken="more")
        assert code == "LimitExceededException"
        for number in range(10):
            await listen(stage, arns[0], 80 + number, name=str(number))
        with pytest.raises(ServiceError) as caught:
            await listen(stage, arns[0], 99, name="more")
        assert caught.value.code == "LimitExceededException"
        regions = sorted(region.code for region in stage.world.atlas.regions)
        listed = (await stage.call("ListListeners", AcceleratorArn=arns[0]))["Listeners"]
        pairs = [(found["ListenerArn"], region) for found in listed for region in regions]
        for listener, region in pairs[:42]:
            await grouped(stage, listener, region)
        with pytest.raises(ServiceError) as caught:
            await grouped(stage, *pairs[42])
        assert caught.value.code == "LimitExceededException"

    play(scenario)
