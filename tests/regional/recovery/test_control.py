"""The control plane of routing control: what it makes, refuses, and deletes in which order."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from antipodes.service.planes import CLUSTER_REGIONS
from antipodes.testing.virtualworld import VirtualWorld
from tests.regional.recovery.worlds import EAST, IRELAND, TOKYO, E, Switchboard, W

RULE: dict[str, Any] = {
    "Name": "rule",
    "WaitPeriodMs": 5000,
    "RuleConfig": {"Type": "ATLEAST", "Threshold": 1, "Inverted": False},
}


@pytest.fixture(scope="module")
def board() -> Iterator[Switchboard]:
    with VirtualWorld((W, E)) as world:
        yield Switchboard(world)


def refused(code: str, function: Any, **request: Any) -> int:
    with pytest.raises(ClientError) as caught:
        function(**request)
    assert caught.value.response["Error"]["Code"] == code, caught.value
    status: int = caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
    return status


def test_a_cluster_is_pending_then_deployed_with_five_endpoints(board: Switchboard) -> None:
    made = board.config.create_cluster(ClusterName="second")["Cluster"]
    assert made["Status"] == "PENDING"
    assert "ClusterEndpoints" not in made
    arn = made["ClusterArn"]
    assert refused("ConflictException", board.config.delete_cluster, ClusterArn=arn) == 409
    create = board.config.create_control_panel
    refused("ConflictException", create, ClusterArn=arn, ControlPanelName="early")

    def described() -> Any:
        return board.config.describe_cluster(ClusterArn=arn)["Cluster"]

    board.world.wait_until(lambda: described()["Status"] == "DEPLOYED", every_s=1.0)
    endpoints = described()["ClusterEndpoints"]
    assert {e["Region"] for e in endpoints} == set(CLUSTER_REGIONS)
    assert all(e["Endpoint"].startswith("https://") for e in endpoints)
    assert all(e["Endpoint"].endswith("amazonaws.com/v1") for e in endpoints)
    third = board.config.create_cluster
    assert refused("ServiceQuotaExceededException", third, ClusterName="third") == 402
    board.config.delete_cluster(ClusterArn=arn)
    assert described()["Status"] == "PENDING_DELETION"
    board.world.advance(seconds=5)
    describe = board.config.describe_cluster
    assert refused("ResourceNotFoundException", describe, ClusterArn=arn) == 404
    assert [c["Name"] for c in board.config.list_clusters()["Clusters"]] == ["cluster"]


def test_the_world_starts_hosts_for_endpoints_with_the_first_cluster_and_no_earlier() -> None:
    with VirtualWorld((W, E)) as world:
        assert IRELAND not in world.simulated.places
        Switchboard(world)
        assert set(CLUSTER_REGIONS) <= set(world.simulated.hosts)
        status = world.simulated.region(IRELAND).status()
        assert status["services"] == ["sts", "route53-recovery-cluster"]


def test_a_host_for_endpoints_is_no_region_of_the_world(board: Switchboard) -> None:
    for region in (IRELAND, EAST):
        tables = board.world.client("dynamodb", region)
        assert refused("UnrecognizedRegion", tables.list_tables) == 400


def test_a_configuration_waits_for_a_majority_of_endpoints(board: Switchboard) -> None:
    config = board.config
    for region in (EAST, IRELAND, TOKYO):
        board.world.kill(region)
    request = {"ClusterArn": board.cluster, "RoutingControlName": "waits"}
    arn = config.create_routing_control(**request)["RoutingControl"]["RoutingControlArn"]
    board.world.advance(seconds=30)
    described = config.describe_routing_control(RoutingControlArn=arn)["RoutingControl"]
    assert described["Status"] == "PENDING"
    board.world.heal()
    board.settle()
    assert board.get(IRELAND, arn) == "Off"


def test_things_are_deleted_from_the_inside_out(board: Switchboard) -> None:
    config = board.config
    panel = config.create_control_panel(ClusterArn=board.cluster, ControlPanelName="inner")
    panel_arn = panel["ControlPanel"]["ControlPanelArn"]
    made = config.create_routing_control(
        ClusterArn=board.cluster, ControlPanelArn=panel_arn, RoutingControlName="one"
    )
    control = made["RoutingControl"]["RoutingControlArn"]
    rule = config.create_safety_rule(
        AssertionRule={**RULE, "ControlPanelArn": panel_arn, "AssertedControls": [control]}
    )["AssertionRule"]["SafetyRuleArn"]
    assert refused("ConflictException", config.delete_cluster, ClusterArn=board.cluster) == 409
    refused("ConflictException", config.delete_control_panel, ControlPanelArn=panel_arn)
    refused("ConflictException", config.delete_routing_control, RoutingControlArn=control)
    refused("ConflictException", config.delete_control_panel, ControlPanelArn=board.panel)
    board.world.advance(seconds=3)
    board.set(IRELAND, control)
    config.delete_safety_rule(SafetyRuleArn=rule)
    board.world.advance(seconds=3)
    refused("ResourceNotFoundException", config.describe_safety_rule, SafetyRuleArn=rule)
    config.delete_routing_control(RoutingControlArn=control)
    board.world.advance(seconds=3)
    assert board.noted(IRELAND, control)[-1][0] is None
    with pytest.raises(ClientError, match="ResourceNotFound"):
        board.get(IRELAND, control)
    config.delete_control_panel(ControlPanelArn=panel_arn)
    board.world.advance(seconds=3)
    refused("ResourceNotFoundException", config.describe_control_panel, ControlPanelArn=panel_arn)


def test_names_are_unique_where_they_have_to_be_and_can_be_changed(board: Switchboard) -> None:
    config, cluster = board.config, board.cluster
    (arn,) = board.controls("named")
    create = config.create_routing_control
    refused("ConflictException", create, ClusterArn=cluster, RoutingControlName="named")
    refused("ValidationException", create, ClusterArn=cluster, RoutingControlName="with space")
    refused("ValidationException", create, ClusterArn=cluster, RoutingControlName="semi;colon")
    panels = config.create_control_panel
    refused("ConflictException", panels, ClusterArn=cluster, ControlPanelName="DefaultControlPanel")
    config.update_routing_control(RoutingControlArn=arn, RoutingControlName="renamed")
    board.settle()
    assert (
        board.endpoint(TOKYO).get_routing_control_state(RoutingControlArn=arn)["RoutingControlName"]
        == "renamed"
    )


def test_a_client_token_makes_one_thing(board: Switchboard) -> None:
    request = {
        "ClusterArn": board.cluster,
        "RoutingControlName": "once",
        "ClientToken": "token",
    }
    made = [board.config.create_routing_control(**request)["RoutingControl"] for _ in range(2)]
    assert made[0]["RoutingControlArn"] == made[1]["RoutingControlArn"]


def test_rules_that_make_no_sense_are_refused(board: Switchboard) -> None:
    config = board.config
    (arn,) = board.controls("ruled")
    good = {**RULE, "ControlPanelArn": board.panel, "AssertedControls": [arn]}
    create = config.create_safety_rule
    mistakes: list[dict[str, Any]] = [
        {"AssertedControls": []},
        {"AssertedControls": [arn, arn]},
        {"WaitPeriodMs": -1},
        {"RuleConfig": {"Type": "ATLEAST", "Threshold": 2, "Inverted": False}},
        {"RuleConfig": {"Type": "ATLEAST", "Threshold": 0, "Inverted": False}},
        {"AssertedControls": ["nonsense"]},
    ]
    for wrong in mistakes:
        assert refused("ValidationException", create, AssertionRule={**good, **wrong}) == 400
    refused("ValidationException", create)
    elsewhere = {**good, "AssertedControls": [f"{board.panel}/routingcontrol/{'0' * 16}"]}
    refused("ResourceNotFoundException", create, AssertionRule=elsewhere)
    rule = create(AssertionRule={**good, "Name": "fine"})["AssertionRule"]
    assert (rule["Status"], rule["AssertedControls"]) == ("PENDING", [arn])
    update = {"SafetyRuleArn": rule["SafetyRuleArn"], "Name": "finer", "WaitPeriodMs": 0}
    refused("ValidationException", config.update_safety_rule, GatingRuleUpdate=update)
    changed = config.update_safety_rule(AssertionRuleUpdate=update)["AssertionRule"]
    assert (changed["Name"], changed["WaitPeriodMs"]) == ("finer", 0)
    board.settle()


def test_things_carry_tags(board: Switchboard) -> None:
    config = board.config
    for arn in (board.cluster, board.panel):
        config.tag_resource(ResourceArn=arn, Tags={"team": "edge", "stage": "prod"})
        config.untag_resource(ResourceArn=arn, TagKeys=["stage"])
        assert config.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"team": "edge"}
    nobody = f"{board.panel[:-2]}00"
    refused("ResourceNotFoundException", config.list_tags_for_resource, ResourceArn=nobody)


def test_the_control_plane_is_in_oregon_only(board: Switchboard) -> None:
    elsewhere = board.world.client("route53-recovery-control-config", E)
    with pytest.raises(ClientError, match="us-west-2 only"):
        elsewhere.list_clusters()


def test_what_is_not_offered_is_refused_by_name(board: Switchboard) -> None:
    config = board.config
    ask = config.create_cluster
    assert refused("ValidationException", ask, ClusterName="dual", NetworkType="DUALSTACK") == 400
    policy = config.get_resource_policy
    assert refused("NotImplemented", policy, ResourceArn=board.cluster) == 501
    readiness = board.world.client("route53-recovery-readiness", W)
    assert refused("NotImplemented", readiness.list_cells) == 501
