"""The control plane: what it accepts, what it refuses and with which error, and what it keeps."""

from typing import Any

import pytest

from antipodes.service.contract import ServiceError
from tests.edge.globalaccelerator.worlds import ACCOUNT, PROPAGATION_S, E, Stage, W, play

BALANCER = f"arn:aws:elasticloadbalancing:{W}:{ACCOUNT}:loadbalancer/app/front/50dc6c495c0c9188"


async def refused(stage: Stage, operation: str, **request: Any) -> str:
    """The error's code."""
    with pytest.raises(ServiceError) as caught:
        await stage.call(operation, **request)
    return caught.value.code


async def create(stage: Stage, name: str = "a", **more: Any) -> dict[str, Any]:
    made = await stage.call("CreateAccelerator", Name="one", IdempotencyToken=name, **more)
    found: dict[str, Any] = made["Accelerator"]
    return found


async def listen(stage: Stage, accelerator: str, *ports: int, name: str = "l") -> Any:
    return await stage.call(
        "CreateListener",
        AcceleratorArn=accelerator,
        Protocol="TCP",
        PortRanges=[{"FromPort": port, "ToPort": port} for port in ports],
        IdempotencyToken=name,
    )


async def grouped(stage: Stage, listener: str, region: str = W, **more: Any) -> Any:
    request = {"IdempotencyToken": f"{region} {sorted(more)}", **more}
    made = await stage.call(
        "CreateEndpointGroup", ListenerArn=listener, EndpointGroupRegion=region, **request
    )
    return made["EndpointGroup"]


def test_an_accelerator_has_two_addresses_a_name_and_is_in_progress_until_propagated() -> None:
    async def scenario(stage: Stage) -> None:
        made = await create(stage)
        first, second = made["IpSets"][0]["IpAddresses"]
        assert first.startswith("198.18.0.")
        assert second.startswith("198.18.128.")
        name, _, rest = made["DnsName"].partition(".")
        assert (len(name), name[0], rest) == (17, "a", "awsglobalaccelerator.com")
        assert int(name[1:], 16) >= 0
        assert made["Status"] == "IN_PROGRESS"
        assert made["AcceleratorArn"].startswith(f"arn:aws:globalaccelerator::{ACCOUNT}:")
        await stage.wait(PROPAGATION_S + 1)
        arn = made["AcceleratorArn"]
        shown = (await stage.call("DescribeAccelerator", AcceleratorArn=arn))["Accelerator"]
        assert (shown["Status"], shown["Enabled"]) == ("DEPLOYED", True)
        await listen(stage, arn, 80)
        shown = (await stage.call("DescribeAccelerator", AcceleratorArn=arn))["Accelerator"]
        assert shown["Status"] == "IN_PROGRESS"

    play(scenario)


def test_a_repeated_create_with_the_same_token_gives_what_was_created() -> None:
    async def scenario(stage: Stage) -> None:
        one, again, other = [await create(stage, token) for token in ("a", "a", "b")]
        assert one["AcceleratorArn"] == again["AcceleratorArn"] != other["AcceleratorArn"]
        first, second = [await listen(stage, one["AcceleratorArn"], 80) for _ in range(2)]
        assert first == second
        listener = first["Listener"]["ListenerArn"]
        made = [await grouped(stage, listener, IdempotencyToken="g") for _ in range(2)]
        assert made[0] == made[1]

    play(scenario)


def test_addresses_are_never_given_twice_over_accounts_deletions_and_restarts() -> None:
    async def scenario(stage: Stage) -> None:
        seen: list[str] = []
        for number, account in enumerate(("111111111111", "222222222222", "111111111111")):
            request = {"Name": "x", "IdempotencyToken": str(number), "Enabled": False}
            made = await stage.simulated.call(
                W, "globalaccelerator", "CreateAccelerator", request, account
            )
            seen += made["Accelerator"]["IpSets"][0]["IpAddresses"]
            arn = {"AcceleratorArn": made["Accelerator"]["AcceleratorArn"]}
            await stage.simulated.call(W, "globalaccelerator", "DeleteAccelerator", arn, account)
            stage.simulated.kill(W)
            await stage.simulated.restart(W)
        assert len(set(seen)) == len(seen) == 6

    play(scenario)


def test_accounts_do_not_see_each_others_accelerators() -> None:
    async def scenario(stage: Stage) -> None:
        arn = (await create(stage))["AcceleratorArn"]
        for operation, request in (
            ("DescribeAccelerator", {"AcceleratorArn": arn}),
            ("DeleteAccelerator", {"AcceleratorArn": arn}),
            ("ListTagsForResource", {"ResourceArn": arn}),
        ):
            with pytest.raises(ServiceError) as caught:
                await stage.simulated.call(
                    W, "globalaccelerator", operation, request, "111111111111"
                )
            assert caught.value.code == "AcceleratorNotFoundException"

    play(scenario)


def test_deletion_needs_three_steps() -> None:
    """Surprise 9."""

    async def scenario(stage: Stage) -> None:
        arn = (await create(stage))["AcceleratorArn"]
        listener = (await listen(stage, arn, 80))["Listener"]["ListenerArn"]
        group = (await grouped(stage, listener))["EndpointGroupArn"]
        whole = {"AcceleratorArn": arn}
        assert await refused(stage, "DeleteAccelerator", **whole) == (
            "AcceleratorNotDisabledException"
        )
        await stage.call("UpdateAccelerator", Enabled=False, **whole)
        assert await refused(stage, "DeleteAccelerator", **whole) == (
            "AssociatedListenerFoundException"
        )
        assert await refused(stage, "DeleteListener", ListenerArn=listener) == (
            "AssociatedEndpointGroupFoundException"
        )
        await stage.call("DeleteEndpointGroup", EndpointGroupArn=group)
        await stage.call("DeleteListener", ListenerArn=listener)
        await stage.call("DeleteAccelerator", **whole)
        assert await refused(stage, "DescribeAccelerator", **whole) == (
            "AcceleratorNotFoundException"
        )
        assert await refused(stage, "DescribeListener", ListenerArn=listener) == (
            "ListenerNotFoundException"
        )
        assert await refused(stage, "DescribeEndpointGroup", EndpointGroupArn=group) == (
            "EndpointGroupNotFoundException"
        )

    play(scenario)


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


def test_a_listener_has_one_group_per_region_with_the_documented_defaults() -> None:
    async def scenario(stage: Stage) -> None:
        arn = (await create(stage))["AcceleratorArn"]
        listener = (await listen(stage, arn, 8080))["Listener"]["ListenerArn"]
        group = await grouped(stage, listener)
        assert {name: group[name] for name in group if name != "EndpointGroupArn"} == {
            "EndpointGroupRegion": W,
            "EndpointDescriptions": [],
            "TrafficDialPercentage": 100.0,
            "HealthCheckPort": 8080,
            "HealthCheckProtocol": "TCP",
            "HealthCheckPath": "/",
            "HealthCheckIntervalSeconds": 30,
            "ThresholdCount": 3,
        }
        with pytest.raises(ServiceError) as caught:
            await grouped(stage, listener, TrafficDialPercentage=10.0)
        assert caught.value.code == "EndpointGroupAlreadyExistsException"

    play(scenario)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"TrafficDialPercentage": 100.5}, "ValidationException|InvalidArgumentException"),
        ({"HealthCheckIntervalSeconds": 20}, "InvalidArgumentException"),
        ({"HealthCheckPath": "no slash"}, "ValidationException|InvalidArgumentException"),
        ({"PortOverrides": [{"ListenerPort": 80, "EndpointPort": 81}]}, "NotImplemented"),
        ({"EndpointConfigurations": [{"EndpointId": "i-0123456789abcdef0"}]}, "Invalid"),
        ({"EndpointConfigurations": [{"EndpointId": "eipalloc-1"}]}, "Invalid"),
        ({"EndpointConfigurations": [{"EndpointId": BALANCER, "Weight": 256}]}, "Validation|Inv"),
        ({"EndpointConfigurations": [{"EndpointId": BALANCER, "AttachmentArn": "a"}]}, "NotImpl"),
    ],
)
def test_a_group_that_cannot_be_is_refused_and_nothing_changes(
    more: dict[str, Any], code: str
) -> None:
    async def scenario(stage: Stage) -> None:
        arn = (await create(stage))["AcceleratorArn"]
        listener = (await listen(stage, arn, 80))["Listener"]["ListenerArn"]
        with pytest.raises(ServiceError) as caught:
            await grouped(stage, listener, **more)
        assert any(caught.value.code.startswith(start) for start in code.split("|"))
        listed = await stage.call("ListEndpointGroups", ListenerArn=listener)
        assert listed["EndpointGroups"] == []

    play(scenario)


def test_an_endpoint_must_be_in_the_groups_region() -> None:
    async def scenario(stage: Stage) -> None:
        arn = (await create(stage))["AcceleratorArn"]
        listener = (await listen(stage, arn, 80))["Listener"]["ListenerArn"]
        with pytest.raises(ServiceError) as caught:
            await grouped(stage, listener, E, EndpointConfigurations=[{"EndpointId": BALANCER}])
        assert caught.value.code == "InvalidArgumentException"

    play(scenario)


def test_endpoints_are_added_and_removed_one_by_one_and_replaced_as_a_list() -> None:
    async def scenario(stage: Stage) -> None:
        arn = (await create(stage))["AcceleratorArn"]
        listener = (await listen(stage, arn, 80))["Listener"]["ListenerArn"]
        west, east = [(await grouped(stage, listener, r))["EndpointGroupArn"] for r in (W, E)]
        ids = [f"{BALANCER[:-1]}{number}" for number in range(3)]

        async def shown() -> list[tuple[str, int, str]]:
            found = await stage.call("DescribeEndpointGroup", EndpointGroupArn=west)
            return [
                (e["EndpointId"], e["Weight"], e["HealthState"])
                for e in found["EndpointGroup"]["EndpointDescriptions"]
            ]

        for part in ({"EndpointId": ids[0]}, {"EndpointId": ids[1], "Weight": 0}):
            await stage.call("AddEndpoints", EndpointGroupArn=west, EndpointConfigurations=[part])
        assert await shown() == [(ids[0], 128, "INITIAL"), (ids[1], 0, "INITIAL")]
        gone = [{"EndpointId": ids[2]}]
        code = await refused(
            stage, "RemoveEndpoints", EndpointGroupArn=west, EndpointIdentifiers=gone
        )
        assert code == "EndpointNotFoundException"
        await stage.call(
            "RemoveEndpoints", EndpointGroupArn=west, EndpointIdentifiers=[{"EndpointId": ids[0]}]
        )
        assert [found[0] for found in await shown()] == [ids[1]]
        await stage.call("UpdateEndpointGroup", EndpointGroupArn=west, EndpointConfigurations=gone)
        assert [found[0] for found in await shown()] == [ids[2]]
        # An update leaves the group where it stands in the list.
        listed = (await stage.call("ListEndpointGroups", ListenerArn=listener))["EndpointGroups"]
        assert [found["EndpointGroupArn"] for found in listed] == [west, east]

    play(scenario)


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("CreateAccelerator", {"IpAddressType": "DUAL_STACK"}),
        ("CreateAccelerator", {"IpAddresses": ["203.0.113.7"]}),
    ],
)
def test_what_is_not_modelled_of_accelerators_is_refused(
    operation: str, more: dict[str, Any]
) -> None:
    async def scenario(stage: Stage) -> None:
        code = await refused(stage, operation, Name="one", IdempotencyToken="a", **more)
        assert code == "NotImplemented"
        assert (await stage.call("ListAccelerators"))["Accelerators"] == []

    play(scenario)


def test_flow_logs_udp_and_custom_routing_are_refused_by_name() -> None:
    async def scenario(stage: Stage) -> None:
        arn = {"AcceleratorArn": (await create(stage))["AcceleratorArn"]}
        code = await refused(stage, "UpdateAcceleratorAttributes", FlowLogsEnabled=True, **arn)
        assert code == "NotImplemented"
        shown = await stage.call("DescribeAcceleratorAttributes", **arn)
        assert shown["AcceleratorAttributes"]["FlowLogsEnabled"] is False
        ports = [{"FromPort": 53, "ToPort": 53}]
        code = await refused(
            stage, "CreateListener", PortRanges=ports, Protocol="UDP", IdempotencyToken="u", **arn
        )
        assert code == "NotImplemented"
        with pytest.raises(ServiceError) as caught:
            await stage.call("ListCustomRoutingAccelerators")
        assert caught.value.status == 501

    play(scenario)


@pytest.mark.parametrize("name", ["-a", "a.", "a_b", "a" * 65, "."])
def test_names_that_cannot_be_are_refused(name: str) -> None:
    async def scenario(stage: Stage) -> None:
        code = await refused(stage, "CreateAccelerator", Name=name, IdempotencyToken="a")
        assert code in {"InvalidArgumentException", "ValidationException"}

    play(scenario)


def test_lists_come_in_pages_and_a_wrong_token_is_refused() -> None:
    async def scenario(stage: Stage) -> None:
        made = [(await create(stage, str(n)))["AcceleratorArn"] for n in range(5)]
        found, token = [], None
        while True:
            more: dict[str, Any] = {"NextToken": token} if token else {}
            page = await stage.call("ListAccelerators", MaxResults=2, **more)
            found += [accelerator["AcceleratorArn"] for accelerator in page["Accelerators"]]
            token = page.get("NextToken")
            if token is None:
                break
        assert sorted(found) == sorted(made)
        code = await refused(stage, "ListAccelerators", NextToken="nonsense")
        assert code == "InvalidNextTokenException"

    play(scenario)


def test_tags_are_kept_changed_and_removed() -> None:
    async def scenario(stage: Stage) -> None:
        arn = {
            "ResourceArn": (await create(stage, Tags=[{"Key": "a", "Value": "1"}]))[
                "AcceleratorArn"
            ]
        }
        await stage.call("TagResource", Tags=[{"Key": "b", "Value": "2"}], **arn)
        await stage.call("UntagResource", TagKeys=["a"], **arn)
        assert (await stage.call("ListTagsForResource", **arn))["Tags"] == [
            {"Key": "b", "Value": "2"}
        ]

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
