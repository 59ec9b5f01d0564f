"""The API of `route53-recovery-control-config`, 2020-11-02: one thin function per operation."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from antipodes.regional.recovery import model
from antipodes.regional.recovery.clusterapi import RecoveryCluster
from antipodes.regional.recovery.clusters import Clusters
from antipodes.regional.recovery.model import Cluster, Control, Panel, Part, Rule
from antipodes.service.contract import Call, Host, Operations, Request, Response, Service
from antipodes.service.drawing import uuid
from antipodes.service.paging import InvalidToken, page_at
from antipodes.service.planes import CLUSTER_REGIONS

operations = Operations()

PAGE_MAX = 1000
M = TypeVar("M", bound=Cluster | Part)


class RecoveryControlConfig(Service):
    """The control plane of routing control."""

    name = "route53-recovery-control-config"
    operations = operations
    home = "us-west-2"

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.records = Clusters(host)

    async def start(self) -> None:
        """Take up what the endpoints have not agreed on yet."""
        endpoint = self.host.service("route53-recovery-cluster")
        assert isinstance(endpoint, RecoveryCluster), "us-west-2 has an endpoint of all clusters"
        self.records.start(endpoint.consensus)

    @property
    def front(self) -> str:
        """Where this world's customers reach its APIs, if it has such a door."""
        return str(self.host.settings.extra.get("front", ""))

    def show_panel(self, panel: Panel) -> Response:
        """Describe a control panel."""
        cluster = self.records.of(panel)
        controls = [c for c in self.records.controls_of(cluster) if c.panel == panel.id]
        return model.show_panel(cluster, panel, len(controls))

    def show_control(self, control: Control) -> Response:
        """Describe a routing control."""
        return model.show_control(self.records.of(control), control)

    def show_rule(self, rule: Rule) -> Response:
        """Describe a safety rule, under the name of its kind."""
        shown = model.show_rule(self.records.of(rule), rule)
        return {"GatingRule" if rule.gating else "AssertionRule": shown}

    def tagged(self, account: str, arn: str) -> Cluster | Panel | Rule:
        """What carries tags, by its ARN; a routing control carries none."""
        if ":cluster/" in arn:
            return self.records.cluster(account, arn)
        if "/safetyrule/" in arn:
            return self.records.rule(account, arn)
        return self.records.panel(account, arn)

    def put_tags(self, thing: Cluster | Panel | Rule, tags: dict[str, str]) -> None:
        """Replace tags; the endpoints do not care."""
        kept = msgspec.structs.replace(thing, tags=model.check_tags(tags))
        self.records.records_of(kept).put(kept.account, kept.key, kept)


def _page(items: list[Any], request: Request, member: str, show: Callable[[Any], Any]) -> Response:
    """One page of a list."""
    size = request.get("MaxResults") or PAGE_MAX
    try:
        page, following = page_at(items, request.get("NextToken"), size)
    except InvalidToken:
        raise model.invalid("The NextToken value is not valid") from None
    found: Response = {member: [show(item) for item in page]}
    return {**found, "NextToken": following} if following else found


def _token(request: Request) -> str:
    return request.get("ClientToken") or ""


def _repeated(known: Sequence[M], request: Request) -> M | None:
    """What this same request has made before, if it is one that is repeated."""
    token = _token(request)
    return next((one for one in known if token and one.token == token), None)


def _check_ready(cluster: Cluster) -> None:
    if cluster.deleting or not cluster.deployed:
        shown = "PENDING_DELETION" if cluster.deleting else "PENDING"
        raise model.conflict(f"The cluster {cluster.arn} is {shown}")


def _check_stays(part: Part) -> None:
    if part.deleting:
        raise model.conflict(f"{part.arn} is PENDING_DELETION")


def _check_unique(name: str, parts: list[Any], noun: str) -> None:
    if any(part.name == name for part in parts):
        raise model.conflict(f"There is a {noun} named {name} already")


# Clusters.


@operations("CreateCluster")
def create_cluster(service: RecoveryControlConfig, call: Call, request: Request) -> Response:
    records = service.records
    name = model.check_name(request["ClusterName"])
    if (request.get("NetworkType") or "IPV4") != "IPV4":
        raise model.invalid("Dual-stack clusters are not offered in this world")
    known = records.clusters.list(call.account)
    again = _repeated(known, request)
    if again is not None:
        return {"Cluster": model.show_cluster(again, service.front)}
    _check_unique(name, known, "cluster")
    if len(known) >= model.CLUSTERS_MAX:
        raise model.over_quota(
            f"AwsAccountId({call.account}) has {len(known)} clusters. Limit {model.CLUSTERS_MAX}"
        )
    cluster = records.add(
        Cluster(
            account=call.account,
            id=uuid(records.chance),
            name=name,
            token=_token(request),
            hosts={
                region: f"{records.new_id(8)}.route53-recovery-cluster.{region}.amazonaws.com"
                for region in CLUSTER_REGIONS
            },
            tags=model.check_tags(request.get("Tags") or {}),
        )
    )
    return {"Cluster": model.show_cluster(cluster, service.front)}


@operations("DescribeCluster")
def describe_cluster(service: RecoveryControlConfig, call: Call, request: Request) -> Response:
    cluster = service.records.cluster(call.account, request["ClusterArn"])
    return {"Cluster": model.show_cluster(cluster, service.front)}


@operations("ListClusters")
def list_clusters(service: RecoveryControlConfig, call: Call, request: Request) -> Response:
    found = service.records.clusters.list(call.account)
    return _page(found, request, "Clusters", lambda one: model.show_cluster(one, service.front))


@operations("UpdateCluster")
def update_cluster(service: RecoveryControlConfig, call: Call, request: Request) -> Response:
    cluster = service.records.cluster(call.account, request["ClusterArn"])
    if request["NetworkType"] != "IPV4":
        raise model.invalid("Dual-stack clusters are not offered in this world")
    return {"Cluster": model.show_cluster(cluster, service.front)}


@operations("DeleteCluster")
def delete_cluster(service: RecoveryControlConfig, call: Call, request: Request) -> Response:
    records = service.records
    cluster = records.cluster(call.account, request["ClusterArn"])
    _check_ready(cluster)
    if any(not panel.default for panel in records.panels_of(cluster)):
        raise model.conflict(f"The cluster {cluster.arn} has control panels")
    if records.controls_of(cluster):
        raise model.conflict(f"The cluster {cluster.arn} has routing controls")
    if records.rules_of(cluster):
        raise model.conflict(f"The cluster {cluster.arn} has safety rules")
    records.delete(cluster)
    return {}


# Control panels.


@operations("CreateControlPanel")
def create_control_panel(service: RecoveryControlConfig, call: Call, request: Request) -> Response:
    records = service.records
    cluster = records.cluster(call.account, request["ClusterArn"])
    name = model.check_name(request["ControlPanelName"])
    known = records.panels_of(cluster)
    again = _repeated(known, request)
    if again is not None:
        return {"ControlPanel": service.show_panel(again)}
    _check_ready(cluster)
    _check_unique(name, known, "control panel")
    if len(known) >= model.PANELS_MAX:
        raise model.over_quota(f"A cluster has at most {model.PANELS_MAX} control panels")
    tags = model.check_tags(request.get("Tags") or {})
    drawn = Panel(
        account=call.account,
        cluster=cluster.id,
        id=records.new_id(32),
        name=name,
        token=_token(request),
        tags=tags,
    )
    return {"ControlPanel": service.show_panel(records.put(drawn))}


@operations("DescribeControlPanel")
def describe_control_panel(
    service: RecoveryControlConfig, call: Call, request: Request
) -> Response:
    panel = service.records.panel(call.account, request["ControlPanelArn"])
    return {"ControlPanel": service.show_panel(panel)}


@operations("ListControlPanels")
def list_control_panels(service: RecoveryControlConfig, call: Call, request: Request) -> Response:
    records = service.records
    found = records.panels.list(call.account)
    if request.get("ClusterArn"):
        found = records.panels_of(records.cluster(call.account, request["ClusterArn"]))
    return _page(found, request, "ControlPanels", service.show_panel)


@operations("UpdateControlPanel")
def update_control_panel(service: RecoveryControlConfig, call: Call, request: Request) -> Response:
    records = service.records
    panel = records.panel(call.account, request["ControlPanelArn"])
    _check_stays(panel)
    name = model.check_name(request["ControlPanelName"])
    others = [p for p in records.panels_of(records.of(panel)) if p.id != panel.id]
    _check_unique(name, others, "control panel")
    changed = records.put(msgspec.structs.replace(panel, name=name))
    return {"ControlPanel": service.show_panel(changed)}


@operations("DeleteControlPanel")
def delete_control_panel(service: RecoveryControlConfig, call: Call, request: Request) -> Response:
    records = service.records
    panel = records.panel(call.account, request["ControlPanelArn"])
    _check_stays(panel)
    cluster = records.of(panel)
    if panel.default:
        raise model.conflict("The default control panel is deleted with its cluster")
    if any(control.panel == panel.id for control in records.controls_of(cluster)):
        raise model.conflict(f"The control panel {panel.arn} has routing controls")
    if any(rule.panel == panel.id for rule in records.rules_of(cluster)):
        raise model.conflict(f"The control panel {panel.arn} has safety rules")
    records.put(msgspec.structs.replace(panel, deleting=True))
    return {}


# Routing controls.


def _panel_for(records: Clusters, cluster: Cluster, request: Request) -> Panel:
    """The control panel that a new routing control is for."""
    arn = request.get("ControlPanelArn")
    if not arn:
        return next(panel for panel in records.panels_of(cluster) if panel.default)
    panel = records.panel(cluster.account, arn)
    if panel.cluster != cluster.id:
        raise model.invalid(f"The control panel {arn} is not of the cluster {cluster.arn}")
    _check_stays(panel)
    return panel


@operations("CreateRoutingControl")
def create_routing_control(
    service: RecoveryControlConfig, call: Call, request: Request
) -> Response:
    records = service.records
    cluster = records.cluster(call.account, request["ClusterArn"])
    name = model.check_name(request["RoutingControlName"])
    panel = _panel_for(records, cluster, request)
    known = records.controls_of(cluster)
    again = _repeated(known, request)
    if again is not None:
        return {"RoutingControl": service.show_control(again)}
    _check_ready(cluster)
    beside = [control for control in known if control.panel == panel.id]
    _check_unique(name, beside, "routing control")
    if len(beside) >= model.CONTROLS_PER_PANEL_MAX or len(known) >= model.CONTROLS_MAX:
        raise model.over_quota(
            f"A control panel has at most {model.CONTROLS_PER_PANEL_MAX} routing controls, "
            f"and a cluster {model.CONTROLS_MAX}"
        )
    drawn = Control(
        account=call.account,
        cluster=cluster.id,
        panel=panel.id,
        id=records.new_id(16),
        name=name,
        token=_token(request),
    )
    return {"RoutingControl": service.show_control(records.put(drawn))}


@operations("DescribeRoutingControl")
def describe_routing_control(
    service: RecoveryControlConfig, call: Call, request: Request
) -> Response:
    control = service.records.control(call.account, request["RoutingControlArn"])
    return {"RoutingControl": service.show_control(control)}


@operations("ListRoutingControls")
def list_routing_controls(service: RecoveryControlConfig, call: Call, request: Request) -> Response:
    records = service.records
    panel = records.panel(call.account, request["ControlPanelArn"])
    found = [c for c in records.controls_of(records.of(panel)) if c.panel == panel.id]
    return _page(found, request, "RoutingControls", service.show_control)


@operations("UpdateRoutingControl")
def update_routing_control(
    service: RecoveryControlConfig, call: Call, request: Request
) -> Response:
    records = service.records
    control = records.control(call.account, request["RoutingControlArn"])
    _check_stays(control)
    name = model.check_name(request["RoutingControlName"])
    beside = [c for c in records.controls_of(records.of(control)) if c.panel == control.panel]
    _check_unique(name, [c for c in beside if c.id != control.id], "routing control")
    changed = records.put(msgspec.structs.replace(control, name=name))
    return {"RoutingControl": service.show_control(changed)}


@operations("DeleteRoutingControl")
def delete_routing_control(
    service: RecoveryControlConfig, call: Call, request: Request
) -> Response:
    records = service.records
    control = records.control(call.account, request["RoutingControlArn"])
    _check_stays(control)
    for rule in records.rules_of(records.of(control)):
        if control.arn in (*rule.watched, *rule.asked):
            raise model.conflict(f"The routing control {control.arn} is part of {rule.arn}")
    records.put(msgspec.structs.replace(control, deleting=True))
    return {}


# Safety rules.


def _rule_part(request: Request, assertion: str, gating: str) -> tuple[Request, bool]:
    """What a request says of its one rule, and whether that is a gating rule."""
    if bool(request.get(assertion)) == bool(request.get(gating)):
        raise model.invalid(f"Say either {assertion} or {gating}")
    return request.get(gating) or request[assertion], bool(request.get(gating))


def _controls_for(records: Clusters, panel: Panel, arns: list[str]) -> tuple[str, ...]:
    """The routing controls that a rule of a panel is about."""
    if not arns or len({*arns}) != len(arns):
        raise model.invalid("A safety rule names at least one routing control, each once")
    for arn in arns:
        control = records.control(panel.account, arn)
        _check_stays(control)
        if control.panel != panel.id:
            raise model.invalid(f"The routing control {arn} is not of the panel {panel.arn}")
    return tuple(arns)


def _new_rule(
    records: Clusters, panel: Panel, request: Request, said: Request, *, gating: bool
) -> Rule:
    """The rule that a request describes: `said` is what it says under the name of the kind."""
    config = said["RuleConfig"]
    asked_name = "GatingControls" if gating else "AssertedControls"
    asked = _controls_for(records, panel, said[asked_name])
    watched = _controls_for(records, panel, said["TargetControls"]) if gating else asked
    if config["Type"] == "ATLEAST" and not 1 <= config["Threshold"] <= len(asked):
        raise model.invalid(
            f"Threshold {config['Threshold']} is not between 1 and the number of {asked_name}"
        )
    if config["Threshold"] < 0 or said["WaitPeriodMs"] < 0:
        raise model.invalid("Threshold and WaitPeriodMs cannot be negative")
    return Rule(
        account=panel.account,
        cluster=panel.cluster,
        panel=panel.id,
        id=records.new_id(16),
        name=model.check_name(said["Name"]),
        token=_token(request),
        tags=model.check_tags(request.get("Tags") or {}),
        gating=gating,
        watched=watched,
        asked=asked,
        type=config["Type"],
        threshold=config["Threshold"],
        inverted=config["Inverted"],
        wait_ms=said["WaitPeriodMs"],
    )


@operations("CreateSafetyRule")
def create_safety_rule(service: RecoveryControlConfig, call: Call, request: Request) -> Response:
    records = service.records
    said, gating = _rule_part(request, "AssertionRule", "GatingRule")
    panel = records.panel(call.account, said["ControlPanelArn"])
    _check_stays(panel)
    cluster = records.of(panel)
    beside = [rule for rule in records.rules_of(cluster) if rule.panel == panel.id]
    again = _repeated(beside, request)
    if again is not None:
        return service.show_rule(again)
    drawn = _new_rule(records, panel, request, said, gating=gating)
    _check_ready(cluster)
    _check_unique(drawn.name, beside, "safety rule")
    if len(beside) >= model.RULES_MAX:
        raise model.over_quota(f"A control panel has at most {model.RULES_MAX} safety rules")
    return service.show_rule(records.put(drawn))


@operations("DescribeSafetyRule")
def describe_safety_rule(service: RecoveryControlConfig, call: Call, request: Request) -> Response:
    return service.show_rule(service.records.rule(call.account, request["SafetyRuleArn"]))


@operations("ListSafetyRules")
def list_safety_rules(service: RecoveryControlConfig, call: Call, request: Request) -> Response:
    records = service.records
    panel = records.panel(call.account, request["ControlPanelArn"])
    cluster = records.of(panel)
    found = [rule for rule in records.rules_of(cluster) if rule.panel == panel.id]

    def show(rule: Rule) -> Response:
        kind = "GATING" if rule.gating else "ASSERTION"
        return {kind: model.show_rule(cluster, rule)}

    return _page(found, request, "SafetyRules", show)


@operations("UpdateSafetyRule")
def update_safety_rule(service: RecoveryControlConfig, call: Call, request: Request) -> Response:
    records = service.records
    said, gating = _rule_part(request, "AssertionRuleUpdate", "GatingRuleUpdate")
    rule = records.rule(call.account, said["SafetyRuleArn"])
    _check_stays(rule)
    if rule.gating is not gating:
        raise model.invalid(f"{rule.arn} is a rule of the other kind")
    if said["WaitPeriodMs"] < 0:
        raise model.invalid("WaitPeriodMs cannot be negative")
    name = model.check_name(said["Name"])
    beside = [r for r in records.rules_of(records.of(rule)) if r.panel == rule.panel]
    _check_unique(name, [r for r in beside if r.id != rule.id], "safety rule")
    changed = msgspec.structs.replace(rule, name=name, wait_ms=said["WaitPeriodMs"])
    return service.show_rule(records.put(changed))


@operations("DeleteSafetyRule")
def delete_safety_rule(service: RecoveryControlConfig, call: Call, request: Request) -> Response:
    rule = service.records.rule(call.account, request["SafetyRuleArn"])
    _check_stays(rule)
    service.records.put(msgspec.structs.replace(rule, deleting=True))
    return {}


# Tags.


@operations("TagResource")
def tag_resource(service: RecoveryControlConfig, call: Call, request: Request) -> Response:
    thing = service.tagged(call.account, request["ResourceArn"])
    service.put_tags(thing, {**thing.tags, **request["Tags"]})
    return {}


@operations("UntagResource")
def untag_resource(service: RecoveryControlConfig, call: Call, request: Request) -> Response:
    thing = service.tagged(call.account, request["ResourceArn"])
    gone = request["TagKeys"]
    service.put_tags(thing, {k: v for k, v in thing.tags.items() if k not in gone})
    return {}


@operations("ListTagsForResource")
def list_tags(service: RecoveryControlConfig, call: Call, request: Request) -> Response:
    return {"Tags": dict(service.tagged(call.account, request["ResourceArn"]).tags)}
