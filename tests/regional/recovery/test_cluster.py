"""A cluster's five endpoints under cut links, lost regions and a lost control plane."""

from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from antipodes.hosting.simulated import SimulatedWorld
from antipodes.service.contract import ServiceError, Settings
from antipodes.service.planes import CLUSTER_REGIONS
from antipodes.testing.virtualworld import VirtualWorld
from tests.regional.recovery.worlds import (
    EAST,
    IRELAND,
    SYDNEY,
    TOKYO,
    E,
    Switchboard,
    W,
    others,
)


@pytest.fixture(scope="module")
def board() -> Iterator[Switchboard]:
    with VirtualWorld((W, E)) as world:
        yield Switchboard(world)


@pytest.fixture(autouse=True)
def healed(board: Switchboard) -> Iterator[None]:
    yield
    board.world.heal()
    board.world.advance(seconds=20)


def test_a_new_control_is_off_and_every_endpoint_tells_what_one_was_told(
    board: Switchboard,
) -> None:
    (arn,) = board.controls("everywhere")
    assert {board.get(region, arn) for region in CLUSTER_REGIONS} == {"Off"}
    board.set(TOKYO, arn)
    assert {board.get(region, arn) for region in CLUSTER_REGIONS} == {"On"}
    listed = board.endpoint(SYDNEY).list_routing_controls(ControlPanelArn=board.panel)
    shown = [c for c in listed["RoutingControls"] if c["RoutingControlArn"] == arn]
    assert [(c["RoutingControlName"], c["RoutingControlState"]) for c in shown] == [
        ("everywhere", "On")
    ]


def test_two_lost_endpoints_and_the_control_plane_do_not_matter(board: Switchboard) -> None:
    (arn,) = board.controls("lost-regions")
    clients = {region: board.endpoint(region) for region in CLUSTER_REGIONS}
    board.world.kill(W)
    board.world.kill(EAST)
    for region, state in ((IRELAND, "On"), (TOKYO, "Off"), (SYDNEY, "On")):
        clients[region].update_routing_control_state(
            RoutingControlArn=arn, RoutingControlState=state
        )
        for other in others(W, EAST):
            told = clients[other].get_routing_control_state(RoutingControlArn=arn)
            assert told["RoutingControlState"] == state


def test_the_control_plane_can_be_down_while_states_change(board: Switchboard) -> None:
    (arn,) = board.controls("no-control-plane")
    clients = {region: board.endpoint(region) for region in CLUSTER_REGIONS}
    board.world.control_plane("route53-recovery-control-config")
    with pytest.raises(ClientError, match="ServiceUnavailable"):
        board.config.list_clusters()
    clients[W].update_routing_control_state(RoutingControlArn=arn, RoutingControlState="On")
    told = clients[EAST].get_routing_control_state(RoutingControlArn=arn)
    assert told["RoutingControlState"] == "On"


def test_a_minority_answers_nothing_rather_than_something_old(board: Switchboard) -> None:
    (arn,) = board.controls("minority")
    for cut_off in (EAST, SYDNEY):
        for other in others(EAST, SYDNEY):
            board.world.cut(cut_off, other)
    board.set(IRELAND, arn)
    assert board.get(TOKYO, arn) == "On"
    for region in (EAST, SYDNEY):
        for ask in (board.get, board.set):
            with pytest.raises(ClientError, match="EndpointTemporarilyUnavailable"):
                ask(region, arn)
    board.world.heal()
    assert board.get(EAST, arn) == "On"


def test_nobody_changes_anything_without_a_majority(board: Switchboard) -> None:
    (arn,) = board.controls("no-majority")
    clients = {region: board.endpoint(region) for region in CLUSTER_REGIONS}
    for region in (W, EAST, TOKYO):
        board.world.kill(region)
    with pytest.raises(ClientError, match="EndpointTemporarilyUnavailable"):
        clients[SYDNEY].update_routing_control_state(
            RoutingControlArn=arn, RoutingControlState="On"
        )


def test_writers_at_all_endpoints_at_once_agree_on_one_order(board: Switchboard) -> None:
    arns = board.controls("a-1", "a-2", "a-3", "a-4", "a-5")
    clients = [board.endpoint(region) for region in CLUSTER_REGIONS]
    calls = [
        lambda client=client, arn=arn: client.update_routing_control_state(
            RoutingControlArn=arn, RoutingControlState="On"
        )
        for client, arn in zip(clients, arns, strict=True)
    ]
    board.world.concurrently(*calls)
    for region in CLUSTER_REGIONS:
        assert [board.get(region, arn) for arn in arns] == ["On"] * 5


def test_every_region_s_log_tells_checkers_of_a_change_and_which_one_is_newer(
    board: Switchboard,
) -> None:
    (arn,) = board.controls("logged")
    board.world.cut(SYDNEY, "region/*")
    board.set(IRELAND, arn, "On")
    board.world.advance(seconds=1)
    board.set(IRELAND, arn, "Off")
    board.world.advance(seconds=1)
    kept = board.noted(IRELAND, arn)
    assert [state for state, _ in kept] == ["Off", "On", "Off"]
    versions = [version for _, version in kept]
    assert versions == sorted(set(versions))
    for region in others(SYDNEY):
        assert board.noted(region, arn) == kept
    assert board.noted(SYDNEY, arn)[-1] != kept[-1], "it cannot know"
    board.world.heal()
    board.world.advance(seconds=15)
    assert board.noted(SYDNEY, arn)[-1] == kept[-1], "consistent after 15 s at most"


def test_what_was_promised_and_accepted_survives_kill_9_of_all_five(board: Switchboard) -> None:
    (arn,) = board.controls("restarted")
    board.set(EAST, arn)
    for region in CLUSTER_REGIONS:
        board.world.kill(region)
    board.world.heal()
    board.world.advance(seconds=5)
    assert board.get(SYDNEY, arn) == "On"
    board.set(SYDNEY, arn, "Off")
    assert board.get(EAST, arn) == "Off"


def test_a_batch_is_all_or_nothing_and_bounded(board: Switchboard) -> None:
    one, two = board.controls("batch-1", "batch-2")
    client = board.endpoint(IRELAND)
    gone = one[:-4] + "0000"
    entries = [{"RoutingControlArn": arn, "RoutingControlState": "On"} for arn in (one, two, gone)]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.update_routing_control_states(UpdateRoutingControlStateEntries=entries)
    assert board.get(IRELAND, one) == "Off"
    client.update_routing_control_states(UpdateRoutingControlStateEntries=entries[:2])
    assert (board.get(TOKYO, one), board.get(TOKYO, two)) == ("On", "On")
    with pytest.raises(ClientError, match="ValidationException"):
        client.update_routing_control_states(UpdateRoutingControlStateEntries=[entries[0]] * 2)
    with pytest.raises(ClientError, match="ServiceLimitExceededException"):
        client.update_routing_control_states(
            UpdateRoutingControlStateEntries=[
                {"RoutingControlArn": f"{one[:-2]}{n:02}", "RoutingControlState": "On"}
                for n in range(11)
            ]
        )


def test_an_endpoint_takes_three_changes_a_second_where_the_world_is_short() -> None:
    settings = Settings(throttling=True)
    world = SimulatedWorld((W, E), settings=settings)
    config, data = "route53-recovery-control-config", "route53-recovery-cluster"

    async def set_(region: str, arn: str) -> None:
        request = {"RoutingControlArn": arn, "RoutingControlState": "On"}
        await world.call(region, data, "UpdateRoutingControlState", request)

    async def scenario() -> None:
        await world.start()
        made = await world.call(W, config, "CreateCluster", {"ClusterName": "c"})
        cluster = {"ClusterArn": made["Cluster"]["ClusterArn"]}
        await world.outside.sleep(30)
        request = {**cluster, "RoutingControlName": "r"}
        made = await world.call(W, config, "CreateRoutingControl", request)
        arn = made["RoutingControl"]["RoutingControlArn"]
        await world.outside.sleep(30)
        changes = [set_(region, arn) for region in (W, W, W, W, EAST)]
        spawned = [world.outside.spawn(_error_of(change), "change") for change in changes]
        errors = [await one for one in spawned]
        assert [error and (error.code, error.status) for error in errors] == [
            *(None, None, None),
            ("ThrottlingException", 400),
            None,
        ]
        await world.outside.sleep(1.1)
        await set_(W, arn)

    try:
        world.run(scenario())
    finally:
        world.close()


async def _error_of(change: Coroutine[Any, Any, None]) -> ServiceError | None:
    try:
        await change
    except ServiceError as error:
        return error
    return None


def test_another_account_sees_nothing(board: Switchboard) -> None:
    (arn,) = board.controls("private")
    stranger = board.world.client("route53-recovery-cluster", IRELAND, account="111122223333")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        stranger.get_routing_control_state(RoutingControlArn=arn)
    assert stranger.list_routing_controls()["RoutingControls"] == []
