"""What the five endpoints of a cluster agree on: its switches, and the rules that protect them.

It is one value, changed by functions from the value before to the value after, which either may
refuse by raising an error of AWS's. What the control plane says comes in as a configuration of a
higher version; switches that it makes are off, and those that it keeps stay as they are.

An assertion rule holds of the states after a change of one of its controls; a gating rule of its
gating controls' states before a change of one of its targets. A rule's wait period begins with each
change of a control that it watches. Neither of the two is documented by AWS.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from antipodes.service.contract import ServiceError

ON, OFF = "On", "Off"
ENTRIES_MAX = 10


class Panel(msgspec.Struct, frozen=True, array_like=True):
    """A control panel."""

    arn: str
    name: str


class Control(msgspec.Struct, frozen=True, array_like=True):
    """A switch."""

    arn: str
    name: str
    panel: str
    on: bool = False


class Rule(msgspec.Struct, frozen=True, array_like=True):
    """A safety rule: what has to hold of `asked` where one of `watched` is to change."""

    arn: str
    watched: tuple[str, ...]
    asked: tuple[str, ...]
    gating: bool
    least: int  # so many of `asked` have to be on
    inverted: bool
    wait_ms: int
    changed_at: float = 0.0

    def holds(self, on: Mapping[str, bool]) -> bool:
        """Whether it is content with these states."""
        return (sum(on[arn] for arn in self.asked) >= self.least) is not self.inverted


class Agreed(msgspec.Struct, frozen=True, array_like=True):
    """A cluster, as its endpoints have it. `done`: the last change by each endpoint, by its id."""

    account: str
    version: int
    panels: tuple[Panel, ...] = ()
    controls: tuple[Control, ...] = ()
    rules: tuple[Rule, ...] = ()
    done: dict[str, str] = {}
    deleted: bool = False

    def control(self, arn: str) -> Control | None:
        """A switch, or None."""
        return next((control for control in self.controls if control.arn == arn), None)

    def panel(self, arn: str) -> Panel | None:
        """A control panel, or None."""
        return next((panel for panel in self.panels if panel.arn == arn), None)

    def switches(self) -> dict[str, bool]:
        """Which switches are on."""
        return {} if self.deleted else {control.arn: control.on for control in self.controls}


class Change(NamedTuple):
    """A request to set switches, at an endpoint, at a time of its clock."""

    endpoint: str
    id: str
    wanted: dict[str, bool]
    overridden: tuple[str, ...]
    wall: float
    wait_scale: float = 1.0  # how long a second of a wait period takes


def configured(before: Agreed | None, after: Agreed) -> Agreed:
    """What becomes of a cluster by a configuration; nothing by an old one."""
    if before is None:
        return after
    if before.version >= after.version:
        return before
    on = before.switches()
    changed_at = {rule.arn: rule.changed_at for rule in before.rules}
    return msgspec.structs.replace(
        after,
        controls=tuple(
            msgspec.structs.replace(control, on=on.get(control.arn, False))
            for control in after.controls
        ),
        rules=tuple(
            msgspec.structs.replace(rule, changed_at=changed_at.get(rule.arn, 0.0))
            for rule in after.rules
        ),
        done=before.done,
    )


def switched(before: Agreed, change: Change) -> Agreed:
    """What becomes of a cluster by a request. Raises ServiceError."""
    if before.done.get(change.endpoint) == change.id:
        return before  # an earlier attempt of this request has worked
    on = before.switches()
    for arn in change.wanted:
        if arn not in on:
            raise not_found("routing control", arn)
    known = {rule.arn for rule in before.rules}
    for arn in change.overridden:
        if arn not in known:
            raise not_found("safety rule", arn)
    wanted = {**on, **change.wanted}
    touched = [rule for rule in before.rules if any(arn in change.wanted for arn in rule.watched)]
    for rule in touched:
        if rule.arn not in change.overridden:
            _check(rule, change, on if rule.gating else wanted)
    differing = [arn for arn in change.wanted if wanted[arn] != on[arn]]
    moved = {rule.arn for rule in touched if any(arn in differing for arn in rule.watched)}
    return msgspec.structs.replace(
        before,
        controls=tuple(
            msgspec.structs.replace(control, on=wanted[control.arn]) for control in before.controls
        ),
        rules=tuple(
            msgspec.structs.replace(rule, changed_at=change.wall) if rule.arn in moved else rule
            for rule in before.rules
        ),
        done={**before.done, change.endpoint: change.id},
    )


def _check(rule: Rule, change: Change, states: Mapping[str, bool]) -> None:
    named = ", ".join(_short(arn) for arn in change.wanted)
    since_s = abs(change.wall - rule.changed_at)  # clocks of endpoints differ
    if since_s < rule.wait_ms / 1e3 * change.wait_scale:
        raise _conflict(
            f"Cannot modify control state for [{named}] within the wait period of {rule.wait_ms} "
            f"ms of rule {_short(rule.arn)} ({rule.arn})",
            rule.arn,
        )
    if not rule.holds(states):
        raise _conflict(
            f"Cannot modify control state for [{named}] due to failed rule evaluation "
            f"{_short(rule.arn)} ({rule.arn})",
            rule.arn,
        )


def _short(arn: str) -> str:
    """As AWS's messages name things: the panel's id and the thing's own, as one."""
    parts = arn.partition(":controlpanel/")[2].split("/")
    return parts[0] + " " + parts[-1] if len(parts) > 1 else arn


def _conflict(message: str, rule: str) -> ServiceError:
    return ServiceError("ConflictException", message, resourceId=rule, resourceType="safety rule")


def not_found(what: str, arn: str) -> ServiceError:
    """Return the error for what a cluster does not have."""
    return ServiceError(
        "ResourceNotFoundException",
        f"No {what} {arn} was found on this cluster",
        resourceId=arn,
        resourceType=what,
    )
