"""Clusters, control panels, routing controls and safety rules: records, ARNs, descriptions.

Each change of a cluster's configuration has a number, its version. A thing is DEPLOYED when the
endpoints have agreed on the version that changed it last, PENDING or PENDING_DELETION before; one
that is being deleted is forgotten then.
"""

import re
from typing import Any, ClassVar

import msgspec

from antipodes.regional.recovery import state
from antipodes.service.contract import Response, ServiceError

CLUSTERS_MAX, PANELS_MAX, RULES_MAX = 2, 50, 20
CONTROLS_PER_PANEL_MAX, CONTROLS_MAX = 100, 300
TAGS_MAX = 50
DEFAULT_PANEL = "DefaultControlPanel"
PREFIX = "arn:aws:route53-recovery-control"
_NAME = re.compile(r"""[!-~]{1,64}""")
_FORBIDDEN = frozenset(";'<>&\"")
_CLUSTER = re.compile(rf"{PREFIX}::(\d{{12}}):cluster/([0-9a-f-]{{36}})")
_PANEL = re.compile(rf"{PREFIX}::(\d{{12}}):controlpanel/([0-9a-f]{{32}})")
_PARTS = {
    kind: (re.compile(rf"{_PANEL.pattern}/{kind}/([0-9a-f]{{16}})"), noun)
    for kind, noun in (("routingcontrol", "routing control"), ("safetyrule", "safety rule"))
}


class Cluster(msgspec.Struct, frozen=True):
    """Five endpoints, and the versions of what they are told."""

    account: str
    id: str
    name: str
    token: str
    hosts: dict[str, str]  # of its endpoints' names, by region
    version: int = 1
    deployed: int = 0
    deleting: bool = False
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        """The ARN."""
        return f"{PREFIX}::{self.account}:cluster/{self.id}"

    @property
    def key(self) -> str:
        """The name of its record."""
        return self.id


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Something of a cluster that the endpoints are told of."""

    account: str
    cluster: str
    id: str
    name: str
    token: str
    version: int = 0
    deleting: bool = False
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        """The ARN."""
        return f"{PREFIX}::{self.account}:controlpanel/{self.key}"

    @property
    def key(self) -> str:
        """The name of its record."""
        return self.id


class Panel(Part, frozen=True, kw_only=True):
    """A group of switches."""

    default: bool = False


class _PanelPart(Part, frozen=True, kw_only=True):
    """Something of a control panel; `kind` is what ARNs call it."""

    kind: ClassVar[str]
    panel: str

    @property
    def arn(self) -> str:
        """The ARN."""
        return f"{PREFIX}::{self.account}:controlpanel/{self.panel}/{self.kind}/{self.id}"

    @property
    def key(self) -> str:
        """The name of its record."""
        return f"{self.panel}/{self.id}"


class Control(_PanelPart, frozen=True, kw_only=True):
    """A switch. Its state is none of the control plane's business, and it carries no tags."""

    kind = "routingcontrol"


class Rule(_PanelPart, frozen=True, kw_only=True):
    """A safety rule: `asked` has to fulfil it where one of `watched` is to change."""

    kind = "safetyrule"
    gating: bool
    watched: tuple[str, ...]
    asked: tuple[str, ...]
    type: str
    threshold: int
    inverted: bool
    wait_ms: int

    @property
    def least(self) -> int:
        """How many of the controls that it asks have to be on."""
        return {"AND": len(self.asked), "OR": 1}.get(self.type, self.threshold)


# Errors.


def invalid(message: str) -> ServiceError:
    """Return the error for what makes no sense."""
    return ServiceError("ValidationException", message, 400)


def conflict(message: str) -> ServiceError:
    """Return the error for what does not go together with what is there."""
    return ServiceError("ConflictException", message, 409)


def not_found(what: str, arn: str) -> ServiceError:
    """Return the error for what is not there."""
    return ServiceError("ResourceNotFoundException", f"No {what} {arn} was found", 404)


def over_quota(message: str) -> ServiceError:
    """Return the error for too many of something."""
    return ServiceError("ServiceQuotaExceededException", message, 402)


def check_name(name: str) -> str:
    """Refuse a name that AWS would not take."""
    if _NAME.fullmatch(name) is None or any(character in _FORBIDDEN for character in name):
        raise invalid(f"{name!r} is not a valid name: 1 to 64 printable characters without space")
    return name


def check_tags(tags: dict[str, str]) -> dict[str, str]:
    """Refuse tags that AWS would not take."""
    if len(tags) > TAGS_MAX:
        raise invalid(f"A resource has at most {TAGS_MAX} tags")
    if any(key.lower().startswith("aws:") for key in tags):
        raise invalid("Tag keys beginning with 'aws:' are reserved")
    return tags


# ARNs.


def cluster_id(arn: str, account: str) -> str:
    """The id in a cluster's ARN; raises ServiceError."""
    return _ours(_CLUSTER, arn, account, "cluster")[2]


def panel_id(arn: str, account: str) -> str:
    """The id in a control panel's ARN; raises ServiceError."""
    return _ours(_PANEL, arn, account, "control panel")[2]


def part_key(arn: str, account: str, kind: str) -> str:
    """`PANEL/ID` of the ARN of a `routingcontrol` or a `safetyrule`; raises ServiceError."""
    pattern, noun = _PARTS[kind]
    found = _ours(pattern, arn, account, noun)
    return f"{found[2]}/{found[3]}"


def _ours(pattern: re.Pattern[str], arn: str, account: str, noun: str) -> re.Match[str]:
    """The parts of an ARN, which has to be of the account."""
    found = pattern.fullmatch(arn)
    if found is None:
        raise invalid(f"{arn} is not the ARN of a {noun}")
    if found[1] != account:
        raise not_found(noun, arn)
    return found


# Descriptions.


def status(cluster: Cluster, version: int, *, deleting: bool) -> str:
    """How far the endpoints are with a thing that a version changed last."""
    if deleting:
        return "PENDING_DELETION"
    return "DEPLOYED" if version <= cluster.deployed else "PENDING"


def show_cluster(cluster: Cluster, front: str) -> Response:
    """Describe a cluster; `front` is the endpoint of this world, where it has one."""
    changed = 1  # when it was made: what comes later are changes of its parts
    shown: dict[str, Any] = {
        "ClusterArn": cluster.arn,
        "Name": cluster.name,
        "Status": status(cluster, changed, deleting=cluster.deleting),
        "Owner": cluster.account,
        "NetworkType": "IPV4",
    }
    if cluster.deployed:
        shown["ClusterEndpoints"] = [
            {"Endpoint": f"{front or f'https://{host}'}/v1", "Region": region}
            for region, host in cluster.hosts.items()
        ]
    return shown


def show_panel(cluster: Cluster, panel: Panel, controls: int) -> Response:
    """Describe a control panel."""
    return {
        "ClusterArn": cluster.arn,
        "ControlPanelArn": panel.arn,
        "DefaultControlPanel": panel.default,
        "Name": panel.name,
        "RoutingControlCount": controls,
        "Status": status(cluster, panel.version, deleting=panel.deleting),
        "Owner": panel.account,
    }


def show_control(cluster: Cluster, control: Control) -> Response:
    """Describe a routing control."""
    return {
        "ControlPanelArn": f"{PREFIX}::{control.account}:controlpanel/{control.panel}",
        "Name": control.name,
        "RoutingControlArn": control.arn,
        "Status": status(cluster, control.version, deleting=control.deleting),
        "Owner": control.account,
    }


def show_rule(cluster: Cluster, rule: Rule) -> Response:
    """Describe a safety rule."""
    shown: dict[str, Any] = {
        "ControlPanelArn": f"{PREFIX}::{rule.account}:controlpanel/{rule.panel}",
        "Name": rule.name,
        "SafetyRuleArn": rule.arn,
        "Status": status(cluster, rule.version, deleting=rule.deleting),
        "RuleConfig": {
            "Type": rule.type,
            "Threshold": rule.threshold,
            "Inverted": rule.inverted,
        },
        "WaitPeriodMs": rule.wait_ms,
        "Owner": rule.account,
    }
    if rule.gating:
        return {**shown, "GatingControls": list(rule.asked), "TargetControls": list(rule.watched)}
    return {**shown, "AssertedControls": list(rule.asked)}


def configuration(
    cluster: Cluster, panels: list[Panel], controls: list[Control], rules: list[Rule]
) -> state.Agreed:
    """What the endpoints are told of a cluster."""
    prefix = f"{PREFIX}::{cluster.account}:controlpanel/"
    return state.Agreed(
        account=cluster.account,
        version=cluster.version,
        deleted=cluster.deleting,
        panels=tuple(state.Panel(panel.arn, panel.name) for panel in panels if not panel.deleting),
        controls=tuple(
            state.Control(control.arn, control.name, prefix + control.panel)
            for control in controls
            if not control.deleting
        ),
        rules=tuple(
            state.Rule(
                rule.arn,
                rule.watched,
                rule.asked,
                rule.gating,
                rule.least,
                rule.inverted,
                rule.wait_ms,
            )
            for rule in rules
            if not rule.deleting
        ),
    )
