"""Actions of rules and listeners: forward, fixed response, redirect.

Actions are kept in the shape in which the API shows them, with every default filled in.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from antipodes.regional.elbv2.attributes import STICKY_S_MAX
from antipodes.regional.elbv2.model import Action, invalid, not_offered
from antipodes.service.contract import ServiceError

FORWARD_GROUPS_MAX = 5
WEIGHT_MAX = 999
PORT_MAX = 65_535
CONTENT_TYPES = (
    "text/plain",
    "text/css",
    "text/html",
    "application/javascript",
    "application/json",
)
_REDIRECT_DEFAULTS = {
    "Protocol": "#{protocol}",
    "Port": "#{port}",
    "Host": "#{host}",
    "Path": "/#{path}",
    "Query": "#{query}",
}
_KEYWORD = re.compile(r"#\{(protocol|host|port|path|query)\}")
_PORT = re.compile(r"[0-9]{1,5}|#\{port\}")
_CONFIGS = {
    "forward": "ForwardConfig",
    "redirect": "RedirectConfig",
    "fixed-response": "FixedResponseConfig",
}


class Url(NamedTuple):
    """The parts of a requested URL that a redirect may keep."""

    protocol: str
    host: str
    port: int
    path: str
    query: str


def normalised(actions: Sequence[Action], check_group: Callable[[str], None]) -> tuple[Action, ...]:
    """Return actions as they are kept; `check_group` refuses groups that cannot be used."""
    if not actions:
        raise invalid("At least one action must be specified")
    for action in actions:
        if action["Type"] not in _CONFIGS:
            raise not_offered(f"An action of type '{action['Type']}'")
    if len(actions) > 1:
        raise ServiceError("TooManyActions", "A rule ends in exactly one action of these types")
    action = actions[0]
    kind, order = action["Type"], action.get("Order") or 1
    wrong = [
        member
        for other, member in _CONFIGS.items()
        if other != kind and action.get(member) is not None
    ]
    if wrong or (kind != "forward" and action.get("TargetGroupArn")):
        raise invalid(
            f"An action of type '{kind}' cannot have '{(wrong or ['TargetGroupArn'])[0]}'"
        )
    if kind == "forward":
        return (_forward(action, order, check_group),)
    config = action.get(_CONFIGS[kind])
    if not config:
        raise invalid(f"An action of type '{kind}' must have a '{_CONFIGS[kind]}'")
    made = _redirect(config) if kind == "redirect" else _fixed(config)
    return ({"Type": kind, "Order": order, _CONFIGS[kind]: made},)


def _forward(action: Action, order: int, check_group: Callable[[str], None]) -> Action:
    config = action.get("ForwardConfig") or {}
    groups = config.get("TargetGroups") or []
    single = action.get("TargetGroupArn")
    if single and groups and (len(groups) > 1 or groups[0].get("TargetGroupArn") != single):
        raise invalid("TargetGroupArn and ForwardConfig must name the same one target group")
    if not groups:
        if not single:
            raise invalid("A target group ARN must be specified")
        groups = [{"TargetGroupArn": single}]
    if len(groups) > FORWARD_GROUPS_MAX:
        raise invalid(f"A forward action has at most '{FORWARD_GROUPS_MAX}' target groups")
    made = [_weighted(group, check_group) for group in groups]
    arns = [group["TargetGroupArn"] for group in made]
    if len({*arns}) != len(arns):
        raise invalid("A forward action cannot name a target group twice")
    stickiness = _stickiness(config.get("TargetGroupStickinessConfig") or {})
    forward: Action = {
        "Type": "forward",
        "Order": order,
        "ForwardConfig": {"TargetGroups": made, "TargetGroupStickinessConfig": stickiness},
    }
    if len(made) == 1:
        forward["TargetGroupArn"] = arns[0]
    return forward


def _stickiness(config: dict[str, Any]) -> dict[str, Any]:
    if not config.get("Enabled"):
        return {"Enabled": False}
    seconds = config.get("DurationSeconds")
    if seconds is None or not 1 <= seconds <= STICKY_S_MAX:
        raise invalid(f"Target group stickiness lasts between 1 and {STICKY_S_MAX} seconds")
    return {"Enabled": True, "DurationSeconds": seconds}


def _weighted(group: dict[str, Any], check_group: Callable[[str], None]) -> dict[str, Any]:
    arn = group.get("TargetGroupArn")
    if not arn:
        raise invalid("A target group ARN must be specified")
    weight = 1 if group.get("Weight") is None else group["Weight"]
    if not 0 <= weight <= WEIGHT_MAX:
        raise invalid(f"Target group weight '{weight}' must be between 0 and {WEIGHT_MAX}")
    check_group(arn)
    return {"TargetGroupArn": arn, "Weight": weight}


def _fixed(config: dict[str, Any]) -> dict[str, Any]:
    content_type = config.get("ContentType") or ""
    if content_type and content_type not in CONTENT_TYPES:
        raise invalid(
            f"Content type '{content_type}' must be one of '[{', '.join(CONTENT_TYPES)}]'"
        )
    made = {"StatusCode": config["StatusCode"], "MessageBody": config.get("MessageBody") or ""}
    made["ContentType"] = content_type or CONTENT_TYPES[0]
    return made


def _redirect(config: dict[str, Any]) -> dict[str, Any]:
    made = {
        name: default if config.get(name) is None else config[name]
        for name, default in _REDIRECT_DEFAULTS.items()
    }
    same = [
        name
        for name in ("Protocol", "Host", "Port", "Path")
        if made[name] != (_REDIRECT_DEFAULTS[name])
    ]
    if not same:
        raise ServiceError(
            "InvalidLoadBalancerAction",
            "The RedirectConfig is not valid because it creates a loop: change the protocol, host, "
            "port or path",
        )
    port = made["Port"]
    if _PORT.fullmatch(port) is None or (port.isdigit() and not 1 <= int(port) <= PORT_MAX):
        raise invalid(f"Redirect port '{port}' must be a port or '#{{port}}'")
    if not made["Path"].startswith("/"):
        raise invalid(f"Redirect path '{made['Path']}' must begin with '/'")
    if any(ord(c) <= 32 or ord(c) == 127 for c in "".join(made.values())):  # noqa: PLR2004 - blanks
        raise invalid("A redirect cannot have blanks or control characters")
    return {**made, "StatusCode": config["StatusCode"]}


def redirect_location(config: dict[str, Any], url: Url) -> str:
    """Return where a redirect sends a request for `url`."""
    kept = {
        "protocol": url.protocol,
        "host": url.host,
        "port": str(url.port),
        "path": url.path.removeprefix("/"),
        "query": url.query,
    }

    def fill(name: str) -> str:
        return _KEYWORD.sub(lambda found: kept[found[1]], config[name])

    protocol, query = fill("Protocol").lower(), fill("Query")
    location = f"{protocol}://{fill('Host')}:{fill('Port')}{fill('Path')}"
    return f"{location}?{query}" if query else location
