"""A simulated world with a recovery cluster, and short ways to ask it."""

from typing import Any

from antipodes.service.planes import CLUSTER_REGIONS
from antipodes.testing.virtualworld import VirtualWorld

W, E = "us-west-2", "eu-central-1"
EAST, IRELAND, TOKYO, SYDNEY = "us-east-1", "eu-west-1", "ap-northeast-1", "ap-southeast-2"
KIND = "arc/routing-control"


class Switchboard:
    """A cluster with its default control panel."""

    def __init__(self, world: VirtualWorld, name: str = "cluster") -> None:
        self.world = world
        self.config = world.client("route53-recovery-control-config", W)
        self.cluster = self.config.create_cluster(ClusterName=name)["Cluster"]["ClusterArn"]
        world.wait_until(lambda: self.described()["Status"] == "DEPLOYED", every_s=1.0)
        panels = self.config.list_control_panels(ClusterArn=self.cluster)["ControlPanels"]
        self.panel: str = panels[0]["ControlPanelArn"]
        self.id: str = self.cluster.rpartition("/")[2]

    def described(self) -> dict[str, Any]:
        """The cluster."""
        found: dict[str, Any] = self.config.describe_cluster(ClusterArn=self.cluster)["Cluster"]
        return found

    def controls(self, *names: str) -> list[str]:
        """Make routing controls; wait until the endpoints have them."""
        made = [
            self.config.create_routing_control(ClusterArn=self.cluster, RoutingControlName=name)[
                "RoutingControl"
            ]["RoutingControlArn"]
            for name in names
        ]
        self.settle()
        return made

    def rule(self, **said: Any) -> str:
        """Make a safety rule of the default panel; wait until the endpoints have it."""
        config = {"Type": "ATLEAST", "Threshold": 1, "Inverted": False, **said.pop("config", {})}
        part = {
            "Name": f"rule-{len(said)}",
            "ControlPanelArn": self.panel,
            "WaitPeriodMs": 5000,
            "RuleConfig": config,
            **said,
        }
        kind = "GatingRule" if "GatingControls" in part else "AssertionRule"
        made = self.config.create_safety_rule(**{kind: part})[kind]
        self.settle()
        arn: str = made["SafetyRuleArn"]
        return arn

    def settle(self) -> None:
        """Wait until the endpoints have agreed on the configuration."""

        def settled() -> bool:
            listed = self.config.list_routing_controls(ControlPanelArn=self.panel)
            rules = self.config.list_safety_rules(ControlPanelArn=self.panel)["SafetyRules"]
            states = [control["Status"] for control in listed["RoutingControls"]]
            states += [part["Status"] for rule in rules for part in rule.values()]
            return set(states) <= {"DEPLOYED"}

        self.world.wait_until(settled, every_s=1.0)

    def endpoint(self, region: str) -> Any:
        """A client of one of the five endpoints, as a careful script makes it."""
        found = {e["Region"]: e["Endpoint"] for e in self.described()["ClusterEndpoints"]}
        url = found[region]
        return self.world.client("route53-recovery-cluster", region, endpoint_url=url)

    def set(self, region: str, arn: str, state: str = "On", *override: str) -> None:
        """Set a switch at an endpoint."""
        self.endpoint(region).update_routing_control_state(
            RoutingControlArn=arn,
            RoutingControlState=state,
            SafetyRulesToOverride=list(override),
        )

    def get(self, region: str, arn: str) -> str:
        """A switch's state, as an endpoint tells it."""
        told = self.endpoint(region).get_routing_control_state(RoutingControlArn=arn)
        state: str = told["RoutingControlState"]
        return state

    def noted(self, region: str, arn: str) -> list[Any]:
        """What a region's change log has of a switch: states and versions, in order."""
        changes = self.world.simulated.region(region).changes
        entries, _ = changes.read(0, 1000, (KIND,))
        return [entry.payload[1:] for entry in entries if entry.payload[0] == arn]


def others(*but: str) -> list[str]:
    """The regions of the endpoints, without some."""
    return [region for region in CLUSTER_REGIONS if region not in but]
