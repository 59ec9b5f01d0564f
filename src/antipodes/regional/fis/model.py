"""Templates, experiments and the states of their actions: values, and the documents that show them.

Targets and actions are kept in the very shapes in which the API takes and gives them. Synchronous;
the time is an argument.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from antipodes.service.contract import ServiceError

TEMPLATES_MAX = 500
ACTIVE_MAX = 5
ACTIONS_MAX = 20
STOP_CONDITIONS_MAX = 5
DURATION_S_MIN, DURATION_S_MAX = 60, 12 * 3600
KEPT_S = 120 * 86_400.0  # an experiment that has ended

PENDING, INITIATING, RUNNING = "pending", "initiating", "running"
COMPLETED, STOPPING, STOPPED = "completed", "stopping", "stopped"
FAILED, CANCELLED, SKIPPED = "failed", "cancelled", "skipped"
ACTIVE = (PENDING, INITIATING, RUNNING, STOPPING)

_DURATION = re.compile(r"P(?:(\d{1,3})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,5})M)?(?:(\d{1,6})S)?)?")
_SELECTION = re.compile(r"ALL|(COUNT|PERCENT)\(([1-9][0-9]{0,3})\)")
_PERCENT_MAX = 100


class Filter(msgspec.Struct, frozen=True):
    """Which attribute of a resource's description must have one of which values."""

    path: str
    values: tuple[str, ...]


class Target(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Which resources an action is for."""

    resource_type: str
    selection_mode: str
    resource_arns: tuple[str, ...] = ()
    resource_tags: dict[str, str] = {}
    filters: tuple[Filter, ...] = ()
    parameters: dict[str, str] = {}


class Action(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What is done to which targets, after which other actions."""

    action_id: str
    description: str = ""
    parameters: dict[str, str] = {}
    targets: dict[str, str] = {}
    start_after: tuple[str, ...] = ()


class StopCondition(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stops an experiment: an alarm by its ARN, or nothing."""

    source: str
    value: str = ""


class Template(msgspec.Struct, frozen=True):
    """An experiment as it is planned."""

    id: str
    account: str
    region: str
    description: str
    actions: dict[str, Action]
    targets: dict[str, Target]
    role: str
    created: float
    updated: float
    empty_mode: str = "fail"
    tags: dict[str, str] = {}
    stop_conditions: tuple[StopCondition, ...] = (StopCondition("none"),)


class ActionState(msgspec.Struct, frozen=True):
    """How far an action is; times are Unix seconds, `until` is when its effect is to end."""

    status: str = PENDING
    reason: str = ""
    started: float | None = None
    ended: float | None = None
    until: float = 0.0


class Failure(msgspec.Struct, frozen=True):
    """Why an experiment failed, as programs read it."""

    code: str
    location: str


class Experiment(msgspec.Struct, frozen=True):
    """A template at work, or one that was."""

    id: str
    template: Template
    created: float
    states: dict[str, ActionState]
    mode: str = "run-all"
    status: str = PENDING
    reason: str = ""
    failure: Failure | None = None
    started: float | None = None
    ended: float | None = None
    resolved: dict[str, tuple[str, ...]] | None = None
    tags: dict[str, str] = {}

    def with_state(self, name: str, **fields: Any) -> "Experiment":
        """The experiment with an action's state changed."""
        state = msgspec.structs.replace(self.states[name], **fields)
        return msgspec.structs.replace(self, states={**self.states, name: state})

    def arns(self, name: str) -> tuple[str, ...]:
        """The resources that an action is for."""
        resolved = self.resolved or {}
        found = [arn for t in self.template.actions[name].targets.values() for arn in resolved[t]]
        return tuple(dict.fromkeys(found))


class Token(msgspec.Struct, frozen=True):
    """What an idempotency token stands for."""

    id: str
    digest: bytes


class Lever(msgspec.Struct, frozen=True):
    """A safety lever: while it is engaged, nothing runs."""

    engaged: bool = False
    reason: str = ""


def invalid(message: str) -> ServiceError:
    """Return this API's error for a bad request."""
    return ServiceError("ValidationException", message, 400)


def not_found(noun: str, name: str) -> ServiceError:
    """Return this API's error for what does not exist."""
    return ServiceError("ResourceNotFoundException", f"{noun} {name} does not exist.", 404)


def over_quota(message: str) -> ServiceError:
    """Return this API's error for one too many."""
    return ServiceError("ServiceQuotaExceededException", message, 402)


def digest(request: Mapping[str, Any]) -> bytes:
    """A short value that stands for a request but its token."""
    rest = {name: value for name, value in request.items() if name != "clientToken"}
    data = msgspec.msgpack.encode(rest, order="deterministic")
    return hashlib.blake2b(data, digest_size=16).digest()


def duration_s(text: str, where: str) -> float:
    """Return the seconds of an ISO 8601 duration between a minute and twelve hours."""
    found = _DURATION.fullmatch(text)
    parts = [int(part or 0) for part in found.groups()] if found is not None else []
    if not parts or text.endswith(("P", "T")):
        raise invalid(f"{where}: {text} is not a duration in ISO 8601 format, such as PT5M.")
    days, hours, minutes, seconds = parts
    whole = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if not DURATION_S_MIN <= whole <= DURATION_S_MAX:
        raise invalid(f"{where}: {text} is not between PT1M and PT12H.")
    return float(whole)


def chosen(selection: str, found: int) -> int:
    """Return how many of the found resources a selection mode takes."""
    match = _SELECTION.fullmatch(selection)
    assert match is not None, f"{selection} was never checked"
    kind, number = match.group(1), int(match.group(2) or 0)
    if kind == "COUNT":
        return min(number, found)
    return found * number // _PERCENT_MAX if kind == "PERCENT" else found


def check_selection(selection: str, where: str) -> None:
    """Refuse what is no selection mode."""
    match = _SELECTION.fullmatch(selection)
    if match is None or (match.group(1) == "PERCENT" and int(match.group(2)) > _PERCENT_MAX):
        raise invalid(f"{where}: {selection} is not ALL, COUNT(n) or PERCENT(n).")


def check_order(actions: Mapping[str, Action]) -> None:
    """Refuse actions that start after what is not there, or after themselves."""
    for name, action in actions.items():
        for earlier in action.start_after:
            if earlier not in actions:
                raise invalid(
                    f"Action {name} starts after {earlier}, which is not in the template."
                )
    left = dict(actions)
    while left:
        ready = [n for n, a in left.items() if not any(e in left for e in a.start_after)]
        if not ready:
            raise invalid(f"Actions {', '.join(sorted(left))} wait for each other.")
        for name in ready:
            del left[name]


def check_tags(tags: Mapping[str, str]) -> None:
    """Refuse what only AWS may tag."""
    for key in tags:
        if not key or key.lower().startswith("aws:"):
            raise invalid(f"Tag keys must not be empty nor start with aws: {key!r}.")


# Documents.


def template_arn(template: Template) -> str:
    """The ARN of a template."""
    return f"arn:aws:fis:{template.region}:{template.account}:experiment-template/{template.id}"


def experiment_arn(experiment: Experiment) -> str:
    """The ARN of an experiment."""
    template = experiment.template
    return f"arn:aws:fis:{template.region}:{template.account}:experiment/{experiment.id}"


def describe_template(template: Template) -> dict[str, Any]:
    """A template as the API shows it."""
    return {
        "id": template.id,
        "arn": template_arn(template),
        "description": template.description,
        "targets": _plain(template.targets),
        "actions": _plain(template.actions),
        "stopConditions": [msgspec.to_builtins(one) for one in template.stop_conditions],
        "creationTime": template.created,
        "lastUpdateTime": template.updated,
        "roleArn": template.role,
        "tags": template.tags,
        "experimentOptions": {
            "accountTargeting": "single-account",
            "emptyTargetResolutionMode": template.empty_mode,
        },
        "targetAccountConfigurationsCount": 0,
    }


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Records as JSON has them."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(values))
    return plain


def summarise_template(template: Template) -> dict[str, Any]:
    """A template as the list of them shows it."""
    whole = describe_template(template)
    names = ("id", "arn", "description", "creationTime", "lastUpdateTime", "tags")
    return {name: whole[name] for name in names}


def describe_experiment(experiment: Experiment) -> dict[str, Any]:
    """An experiment as the API shows it."""
    template = describe_template(experiment.template)
    actions = template["actions"]
    for name, state in experiment.states.items():
        actions[name]["state"] = {"status": state.status}
        if state.reason:
            actions[name]["state"]["reason"] = state.reason
        actions[name] |= _times(state.started, state.ended)
    return {
        "id": experiment.id,
        "arn": experiment_arn(experiment),
        "experimentTemplateId": experiment.template.id,
        "state": _state(experiment),
        "targets": template["targets"],
        "actions": actions,
        "stopConditions": template["stopConditions"],
        "roleArn": template["roleArn"],
        "creationTime": experiment.created,
        **_times(experiment.started, experiment.ended),
        "tags": experiment.tags,
        "experimentOptions": _options(experiment),
        "targetAccountConfigurationsCount": 0,
    }


def summarise_experiment(experiment: Experiment) -> dict[str, Any]:
    """An experiment as the list of them shows it."""
    return {
        "id": experiment.id,
        "arn": experiment_arn(experiment),
        "experimentTemplateId": experiment.template.id,
        "state": _state(experiment),
        "creationTime": experiment.created,
        "tags": experiment.tags,
        "experimentOptions": _options(experiment),
    }


def _state(experiment: Experiment) -> dict[str, Any]:
    state: dict[str, Any] = {"status": experiment.status}
    if experiment.reason:
        state["reason"] = experiment.reason
    if experiment.failure is not None:
        state["error"] = {
            "accountId": experiment.template.account,
            "code": experiment.failure.code,
            "location": experiment.failure.location,
        }
    return state


def _options(experiment: Experiment) -> dict[str, str]:
    return {
        "accountTargeting": "single-account",
        "emptyTargetResolutionMode": experiment.template.empty_mode,
        "actionsMode": experiment.mode,
    }


def _times(started: float | None, ended: float | None) -> dict[str, float]:
    times = {"startTime": started, "endTime": ended}
    return {name: time for name, time in times.items() if time is not None}
