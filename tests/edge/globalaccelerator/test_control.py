"""The control plane: what it accepts, shows and keeps."""

from typing import Any

import pytest

from antipodes.service.contract import ServiceError
from tests.edge.globalaccelerator.requests import create, grouped, listen, refused
from tests.edge.globalaccelerator.worlds import ACCOUNT, PROPAGATION_S, E, Stage, W, play


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


def test_a_token_is_its_accounts_and_its_parents_own_and_goes_with_what_it_made() -> None:
    async def scenario(stage: Stage) -> None:
        one, two = [(await create(stage, token))["AcceleratorArn"] for token in ("t", "u")]
        other = await stage.simulated.call(
            W,
            "globalaccelerator",
            "CreateAccelerator",
            {"Name": "x", "IdempotencyToken": "t"},
            "111111111111",
        )
        assert other["Accelerator"]["AcceleratorArn"] not in {one, two}
        listeners = [(await listen(stage, arn, 80))["Listener"] for arn in (one, two)]
        assert listeners[0]["ListenerArn"] != listeners[1]["ListenerArn"]
        first = {"ListenerArn": listeners[0]["ListenerArn"]}
        await stage.call("DeleteListener", **first)
        again = (await listen(stage, one, 80))["Listener"]
        assert again["ListenerArn"] != first["ListenerArn"]

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
            "PortOverrides": [],
        }
        with pytest.raises(ServiceError) as caught:
            await grouped(stage, listener, TrafficDialPercentage=10.0)
        assert caught.value.code == "EndpointGroupAlreadyExistsException"

    play(scenario)


def test_endpoints_are_added_and_removed_one_by_one_and_replaced_as_a_list() -> None:
    async def scenario(stage: Stage) -> None:
        arn = (await create(stage))["AcceleratorArn"]
        listener = (await listen(stage, arn, 80))["Listener"]["ListenerArn"]
        west, east = [(await grouped(stage, listener, r))["EndpointGroupArn"] for r in (W, E)]
        ids = [await stage.bare_balancer(W, f"bare-{number}") for number in range(3)]

        async def shown() -> list[tuple[str, int, str]]:
            found = await stage.call("DescribeEndpointGroup", EndpointGroupArn=west)
            return [
                (e["EndpointId"], e["Weight"], e["HealthState"])
                for e in found["EndpointGroup"]["EndpointDescriptions"]
            ]

        for part in ({"EndpointId": ids[0]}, {"EndpointId": ids[1], "Weight": 0}):
            await stage.call("AddEndpoints", EndpointGroupArn=west, EndpointConfigurations=[part])
        assert await shown() == [(ids[0], 128, "INITIAL"), (ids[1], 0, "INITIAL")]
        again = [{"EndpointId": ids[0], "Weight": 7}]
        await stage.call("AddEndpoints", EndpointGroupArn=west, EndpointConfigurations=again)
        assert [found[:2] for found in await shown()] == [(ids[0], 7), (ids[1], 0)]
        gone = [{"EndpointId": ids[2]}]
        code = await refused(
            stage, "RemoveEndpoints", EndpointGroupArn=west, EndpointIdentifiers=gone
        )
        assert code == "InvalidArgumentException"
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
        for wrong in ("nonsense", "-1", "6", "1_0", " 1", "\u0661", "9" * 255):
            code = await refused(stage, "ListAccelerators", NextToken=wrong)
            assert code == "InvalidNextTokenException", wrong

    play(scenario)


def test_listeners_and_groups_come_in_pages_of_ten_or_as_asked_for() -> None:
    async def scenario(stage: Stage) -> None:
        arn = (await create(stage))["AcceleratorArn"]
        listeners = [await listen(stage, arn, 80 + n, name=str(n)) for n in range(10)]
        arns = [made["Listener"]["ListenerArn"] for made in listeners]
        page = await stage.call("ListListeners", AcceleratorArn=arn)
        assert [found["ListenerArn"] for found in page["Listeners"]] == arns
        assert "NextToken" not in page
        regions = sorted(region.code for region in stage.world.atlas.regions)[:11]
        for region in regions:
            await grouped(stage, arns[0], region)
        request = {"ListenerArn": arns[0]}
        page = await stage.call("ListEndpointGroups", **request)
        rest = await stage.call("ListEndpointGroups", NextToken=page["NextToken"], **request)
        sizes = [len(part["EndpointGroups"]) for part in (page, rest)]
        assert (sizes, "NextToken" in rest) == ([10, 1], False)

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
        most = [{"Key": str(number), "Value": ""} for number in range(50)]
        assert await refused(stage, "TagResource", Tags=most, **arn) == "InvalidArgumentException"
        await create(stage, "most", Tags=most)
        token = {"Name": "n", "IdempotencyToken": "more"}
        for operation in ("CreateAccelerator", "CreateCrossAccountAttachment"):
            code = await refused(stage, operation, Tags=[*most, {"Key": "a", "Value": ""}], **token)
            assert code == "InvalidArgumentException", operation

    play(scenario)


def test_what_is_looked_up_in_a_region_is_signed_for() -> None:
    async def scenario(stage: Stage) -> None:
        balancer = await stage.bare_balancer(E)
        arn = (await create(stage))["AcceleratorArn"]
        listener = (await listen(stage, arn, 80))["Listener"]["ListenerArn"]
        made = await grouped(
            stage, listener, E, EndpointConfigurations=[{"EndpointId": balancer, "Weight": 3}]
        )
        [endpoint] = made["EndpointDescriptions"]
        assert endpoint == {
            "EndpointId": balancer,
            "Weight": 3,
            "HealthState": "INITIAL",
            "ClientIPPreservationEnabled": True,
        }

    Stage(verify_signatures=True).run(scenario)
