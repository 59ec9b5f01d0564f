"""What naive emulators get wrong about accelerators, one test for each, and named after it.

The eighth is in `test_datagrams`, where machines without load balancers are.
"""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.service.contract import ServiceError
from tests.edge.globalaccelerator.requests import create, grouped, listen, refused
from tests.edge.globalaccelerator.test_routing import (
    EAST,
    FLOWS,
    REGIONS,
    WEST,
    arn,
    choose,
    flows,
    group,
    listener,
)
from tests.edge.globalaccelerator.worlds import PROPAGATION_S, TURNED_S, E, Stage, W, play

DIALS = st.integers(0, 100).map(float)
REQUEST = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
MANY = 1500


@given(DIALS, DIALS)
@settings(max_examples=10, deadline=None)
def test_surprise_1_a_dial_is_the_share_that_a_group_accepts_and_the_rest_spills(
    west: float, east: float
) -> None:
    """The guide's worked example, for any two dials: nothing is dropped, and nothing is shared out.

    Of its own coast's flows a group takes its dial; of what the other declines, its dial as well,
    and what both decline, for somebody has to take it.
    """
    made = listener(group(WEST, 128, dial=west), group(EAST, 128, dial=east))
    for near, far, dial, other in ((WEST, EAST, west, east), (EAST, WEST, east, west)):
        served = Counter(choose(made, flow, ranking=(near, far)).region for flow in flows(MANY))
        assert served[near] + served[far] == MANY
        accepted = dial / 100
        if other == 0:  # nobody else may: the last one with a dial, or the nearest
            accepted = 1.0
        assert abs(served[near] / MANY - accepted) < 0.06


def test_surprise_1_two_groups_at_50_swap_half_of_each_coast() -> None:
    made = listener(group(WEST, 128, dial=50), group(EAST, 128, dial=50))
    served = {
        near: Counter(choose(made, flow, ranking=(near, far)).region for flow in flows(MANY))
        for near, far in ((WEST, EAST), (EAST, WEST))
    }
    for coast in served.values():
        assert abs(coast[WEST] / MANY - 0.5) < 0.06
    assert abs(served[WEST][WEST] + served[EAST][WEST] - MANY) < 0.1 * MANY


@given(st.permutations(REGIONS), FLOWS)
def test_surprise_2_failover_ignores_dials(ranking: list[str], flow: object) -> None:
    made = listener(*(group(region, 128, dial=0) for region in REGIONS))
    sick = [arn(region) for region in ranking[:2]]
    found = choose(made, flow, ranking=ranking, unhealthy=sick)  # type: ignore[arg-type] # FLOWS
    assert found.region == ranking[2]


@given(st.permutations(REGIONS), FLOWS)
def test_surprise_3_fail_open_is_per_client_to_the_group_nearest_to_it(
    ranking: list[str], flow: object
) -> None:
    """Even if the fourth nearest is well."""
    made = listener(*(group(region, 0, 128) for region in REGIONS))
    sick = [arn(region, number) for region in ranking[:3] for number in (0, 1)]
    found = choose(made, flow, ranking=ranking, unhealthy=sick)  # type: ignore[arg-type] # FLOWS
    assert (found.region, found.reason) == (ranking[0], "fail open")


def test_surprise_3_fail_open_may_choose_a_weight_of_0_and_the_unhealthy() -> None:
    made = listener(group(WEST, 0, 128, 255), group(EAST, 128))
    sick = [arn(WEST, 1), arn(WEST, 2), arn(EAST)]
    chosen = {choose(made, flow, unhealthy=sick).endpoint.arn for flow in flows(200)}
    assert chosen == {arn(WEST, number) for number in range(3)}


def test_surprise_4_a_weight_of_0_on_the_only_healthy_endpoint_makes_the_group_unavailable() -> (
    None
):
    made = listener(group(WEST, 0, 128), group(EAST, 128))
    for flow in flows(50):
        found = choose(made, flow, unhealthy=[arn(WEST, 1)])
        assert (found.region, found.reason) == (EAST, f"failover from {WEST}")


@pytest.mark.parametrize("change", ["unhealthy", "dial", "weight"])
def test_surprise_5_flows_are_pinned_to_their_endpoint(change: str) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        stream, person = await stage.connect("sao-paulo")
        edit = {"EndpointGroupArn": stage.groups[W]}
        if change == "unhealthy":
            await stage.turn_sick(W)
        elif change == "dial":
            await stage.call("UpdateEndpointGroup", TrafficDialPercentage=0.0, **edit)
        else:
            part = {"EndpointId": stage.balancers[W], "Weight": 0}
            await stage.call("AddEndpoints", EndpointConfigurations=[part], **edit)
        for _ in range(4):
            await stage.wait(TURNED_S / 4)  # a balancer ends what rests for a minute
            person.data = b""
            stream.write(REQUEST)
            await stage.wait(2)
            assert person.data.endswith(W.encode())
        assert await stage.ask("sao-paulo") == E
        stream.close()

    play(scenario)


def test_surprise_6_health_check_settings_of_a_group_are_ignored_for_load_balancers() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        settings = {"HealthCheckPort": 9, "HealthCheckProtocol": "HTTPS", "ThresholdCount": 1}
        await stage.call("UpdateEndpointGroup", EndpointGroupArn=stage.groups[W], **settings)
        await stage.wait(TURNED_S + PROPAGATION_S)
        assert await stage.state(W) == "HEALTHY"
        assert await stage.ask("sao-paulo") == W

    play(scenario)


def test_surprise_7_one_target_group_with_nobody_well_makes_a_load_balancer_unhealthy() -> None:
    """Though the rest of it serves as before."""

    async def scenario(stage: Stage) -> None:
        await stage.build()
        await stage.turn_sick(W)
        await stage.wait(TURNED_S)
        assert await stage.state(W) == "UNHEALTHY"
        assert await stage.ask("sao-paulo") == E
        for region in stage.regions:
            await stage.turn_sick(region) if region != W else None
        await stage.wait(TURNED_S)
        assert await stage.ask("sao-paulo") == W  # fail-open

    play(scenario)


def test_surprise_9_deletion_takes_three_steps_and_addresses_outlive_only_the_first_two() -> None:
    async def scenario(stage: Stage) -> None:
        made = await create(stage)
        whole = {"AcceleratorArn": made["AcceleratorArn"]}
        inner = (await listen(stage, made["AcceleratorArn"], 80))["Listener"]["ListenerArn"]
        group_arn = (await grouped(stage, inner))["EndpointGroupArn"]
        code = await refused(stage, "DeleteListener", ListenerArn=inner)
        assert code == "AssociatedEndpointGroupFoundException"
        await stage.call("DeleteEndpointGroup", EndpointGroupArn=group_arn)
        await stage.call("DeleteListener", ListenerArn=inner)
        assert await refused(stage, "DeleteAccelerator", **whole) == (
            "AcceleratorNotDisabledException"
        )
        await stage.call("UpdateAccelerator", Enabled=False, **whole)
        shown = (await stage.call("DescribeAccelerator", **whole))["Accelerator"]
        assert shown["IpSets"] == made["IpSets"]
        await stage.call("DeleteAccelerator", **whole)
        assert await refused(stage, "DescribeAccelerator", **whole) == (
            "AcceleratorNotFoundException"
        )
        assert (await create(stage, "again"))["IpSets"] != made["IpSets"]

    play(scenario)


def test_surprise_10_the_control_plane_is_in_us_west_2_only() -> None:
    async def scenario(stage: Stage) -> None:
        with pytest.raises(ServiceError):
            await stage.simulated.call(E, "globalaccelerator", "ListAccelerators", {})
        assert stage.simulated.region(E).service("globalaccelerator") is None
        assert (await stage.call("ListAccelerators"))["Accelerators"] == []

    play(scenario)


def test_surprise_11_health_reason_is_always_null() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        await stage.turn_unhealthy(W)
        await stage.wait(TURNED_S)
        for region, state in ((W, "UNHEALTHY"), (E, "HEALTHY")):
            shown = await stage.call("DescribeEndpointGroup", EndpointGroupArn=stage.groups[region])
            [endpoint] = shown["EndpointGroup"]["EndpointDescriptions"]
            assert endpoint["HealthState"] == state
            assert endpoint.get("HealthReason") is None

    play(scenario)
