"""How endpoints get to know of a cluster's configuration: in order, and through trouble."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from antipodes.regional.recovery.clusterapi import RecoveryCluster
from antipodes.regional.recovery.state import Agreed, Control, Panel, Rule, configured
from antipodes.testing.virtualworld import VirtualWorld
from tests.regional.recovery.worlds import IRELAND, SYDNEY, E, Switchboard, W, others

P = "arn:aws:route53-recovery-control::000000000000:controlpanel/p"


@pytest.fixture(scope="module")
def board() -> Iterator[Switchboard]:
    with VirtualWorld((W, E)) as world:
        yield Switchboard(world)


@pytest.fixture(autouse=True)
def healed(board: Switchboard) -> Iterator[None]:
    yield
    board.world.heal()
    board.world.advance(seconds=20)


def slow(board: Switchboard) -> None:
    """Let a deployment take two seconds: a promise and an acceptance of the others."""
    for region in others(W):
        board.world.disk(region, slow_ms=1000)


def cluster(version: int, *names: str, wait_ms: int = 0) -> Agreed:
    """A configuration, as the control plane says it."""
    return Agreed(
        "0",
        version,
        (Panel(P, "p"),),
        tuple(Control(name, name, P) for name in names),
        (Rule("r", names, names, gating=False, least=0, inverted=False, wait_ms=wait_ms),),
    )


def test_a_configuration_keeps_states_and_when_they_changed() -> None:
    before = cluster(1, "a", "b")
    on = Agreed(
        "0",
        1,
        before.panels,
        (Control("a", "a", P, on=True), Control("b", "b", P)),
        (Rule("r", ("a",), ("a",), False, 0, False, 0, changed_at=7.0),),  # noqa: FBT003 - as kept
        {"us-east-1": "1"},
    )
    after = configured(on, cluster(2, "a", "c", wait_ms=5))
    assert after.switches() == {"a": True, "c": False}
    assert (after.rules[0].changed_at, after.rules[0].wait_ms) == (7.0, 5)
    assert (after.version, after.done) == (2, on.done)


def test_an_old_configuration_changes_nothing() -> None:
    newer = cluster(2, "a", "b")
    assert configured(newer, cluster(1, "a")) == newer
    assert configured(newer, cluster(2, "c")) == newer
    assert configured(None, newer) == newer


def test_a_deployment_is_taken_up_after_kill_9_of_the_control_plane(board: Switchboard) -> None:
    slow(board)
    request = {"ClusterArn": board.cluster, "RoutingControlName": "pending"}
    made = board.config.create_routing_control(**request)["RoutingControl"]
    assert made["Status"] == "PENDING"
    board.world.kill(W)
    board.world.heal()
    board.settle()
    assert board.get(IRELAND, made["RoutingControlArn"]) == "Off"


def test_what_is_deleted_while_something_else_is_deployed_stays_until_endpoints_know(
    board: Switchboard,
) -> None:
    config = board.config
    (old,) = board.controls("old")
    slow(board)
    request = {"ClusterArn": board.cluster, "RoutingControlName": "new"}
    new = config.create_routing_control(**request)["RoutingControl"]["RoutingControlArn"]
    board.world.advance(seconds=0.5)
    config.delete_routing_control(RoutingControlArn=old)

    def status(arn: str) -> str:
        try:
            found = config.describe_routing_control(RoutingControlArn=arn)
        except ClientError:
            return "gone"
        state: str = found["RoutingControl"]["Status"]
        return state

    board.world.wait_until(lambda: status(new) == "DEPLOYED", every_s=0.2)
    assert status(old) == "PENDING_DELETION"
    board.world.wait_until(lambda: status(old) == "gone", every_s=0.2)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        board.get(IRELAND, old)


def test_a_cluster_is_gone_when_its_endpoints_know(board: Switchboard) -> None:
    config = board.config
    other = Switchboard(board.world, "other")
    slow(board)
    config.update_control_panel(ControlPanelArn=other.panel, ControlPanelName="renamed")
    board.world.advance(seconds=0.5)
    config.delete_cluster(ClusterArn=other.cluster)

    def left() -> list[str]:
        return sorted(one["Name"] for one in config.list_clusters()["Clusters"])

    assert left() == ["cluster", "other"]
    board.world.wait_until(lambda: left() == ["cluster"], every_s=0.2)
    endpoint = board.world.simulated.region(IRELAND).service("route53-recovery-cluster")
    assert isinstance(endpoint, RecoveryCluster)
    board.world.advance(seconds=2)
    assert [identity for identity, _ in endpoint.registers.owned("000000000000")] == [board.id]


def test_who_missed_a_change_and_was_killed_asks_for_it_by_itself(board: Switchboard) -> None:
    (arn,) = board.controls("missed")
    board.world.cut(SYDNEY, "region/*")
    board.set(IRELAND, arn)
    board.world.kill(SYDNEY)
    board.world.heal()
    board.world.advance(seconds=20)
    assert board.noted(SYDNEY, arn)[-1][0] == "On"
