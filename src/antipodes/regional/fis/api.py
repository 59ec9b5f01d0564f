"""FIS's API, 2020-12-01: one thin function per operation."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from antipodes.regional.fis import actions, model, targets
from antipodes.regional.fis.alarms import Alarms
from antipodes.regional.fis.experiments import Experiments
from antipodes.regional.fis.model import Action, Experiment, Lever, Target, Template, Token
from antipodes.service.contract import (
    Call,
    Host,
    Operations,
    Request,
    Response,
    Service,
    ServiceError,
)
from antipodes.service.records import Records

operations = Operations()

PAGE_MAX = 100
LEVER = "default"
_ID_CHARACTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz123456789"
_ID_LENGTH = 15


class Fis(Service):
    """AWS Fault Injection Service in one region. `injections` are for the dispatcher to ask."""

    name = "fis"
    operations = operations

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.templates = Records(host.store, "fis/template", Template)
        self.tokens = Records(host.store, "fis/token", Token)
        self.levers = Records(host.store, "fis/lever", Lever)
        self.injections: list[Callable[..., None]] = []
        self.alarms = Alarms(host)
        self.experiments = Experiments(host, self.injections, self.alarms)

    async def start(self) -> None:
        """Take up the experiments that were under way."""
        self.alarms.on_ringing(self.experiments.halt)
        self.experiments.start()

    def new_id(self, prefix: str, account: str, known: Records[Any]) -> str:
        """An identifier that nothing has yet, also where a restart repeats the draws."""
        chance = self.host.runtime.chance("fis/identifiers")
        while True:
            drawn = prefix + "".join(chance.choice(_ID_CHARACTERS) for _ in range(_ID_LENGTH))
            if known.get(account, drawn) is None:
                return drawn

    def template(self, account: str, identity: str) -> Template:
        """A template, or AWS's word that there is none."""
        found = self.templates.get(account, identity)
        if found is None:
            raise model.not_found("Experiment template", identity)
        return found

    def experiment(self, account: str, identity: str) -> Experiment:
        """An experiment, or AWS's word that there is none."""
        found = self.experiments.records.get(account, identity)
        if found is None:
            raise model.not_found("Experiment", identity)
        return found

    def lever(self, account: str) -> Lever:
        """The account's safety lever."""
        return self.levers.get(account, LEVER) or Lever()

    def known_by(self, account: str, what: str, request: Request) -> str:
        """The id of what was made with a request's token before; nothing if it is new."""
        token = self.tokens.get(account, f"{what}/{request['clientToken']}")
        if token is None:
            return ""
        if token.digest != model.digest(request):
            raise ServiceError(
                "ConflictException",
                "The client token was used before, with other parameters.",
                409,
            )
        return token.id

    def remember(self, account: str, what: str, request: Request, identity: str) -> None:
        """Keep what a token stands for."""
        token = Token(identity, model.digest(request))
        self.tokens.put(account, f"{what}/{request['clientToken']}", token)


# Templates.


def _refuse_unmodelled(request: Request) -> None:
    for name in ("logConfiguration", "experimentReportConfiguration"):
        if request.get(name):
            raise model.invalid(f"{name} is not offered in this world.")
    options = request.get("experimentOptions") or {}
    if options.get("accountTargeting") == "multi-account":
        raise model.invalid("Experiments with several accounts are not offered in this world.")


def _check(service: Fis, template: Template) -> Template:
    """Refuse a template that could not be carried out."""
    if not template.actions:
        raise model.invalid("An experiment template needs at least one action.")
    if len(template.actions) > model.ACTIONS_MAX:
        raise model.over_quota(f"A template has at most {model.ACTIONS_MAX} actions.")
    parts = template.role.split(":")
    if parts[:3] != ["arn", "aws", "iam"] or not parts[-1].startswith("role/"):
        raise model.invalid(f"roleArn: {template.role} is not the ARN of an IAM role.")
    model.check_tags(template.tags)
    for name, target in template.targets.items():
        targets.check_target(service.host, name, target)
    for name, action in template.actions.items():
        actions.check_action(service.host, name, action, template.targets)
    model.check_order(template.actions)
    return template


@operations("CreateExperimentTemplate")
def create_experiment_template(service: Fis, call: Call, request: Request) -> Response:
    known = service.known_by(call.account, "template", request)
    if known:
        template = service.template(call.account, known)
        return {"experimentTemplate": model.describe_template(template)}
    _refuse_unmodelled(request)
    if len(service.templates.list(call.account)) >= model.TEMPLATES_MAX:
        raise model.over_quota(f"An account has at most {model.TEMPLATES_MAX} templates.")
    conditions = service.alarms.checked(call, request["stopConditions"])
    now = service.host.runtime.wall()
    options = request.get("experimentOptions") or {}
    template = Template(
        id=service.new_id("EXT", call.account, service.templates),
        account=call.account,
        region=call.region,
        description=request["description"],
        actions=msgspec.convert(request["actions"], dict[str, Action]),
        targets=msgspec.convert(request.get("targets") or {}, dict[str, Target]),
        role=request["roleArn"],
        created=now,
        updated=now,
        empty_mode=options.get("emptyTargetResolutionMode") or "fail",
        tags=request.get("tags") or {},
        stop_conditions=conditions,
    )
    service.templates.put(call.account, template.id, _check(service, template))
    service.remember(call.account, "template", request, template.id)
    return {"experimentTemplate": model.describe_template(template)}


@operations("UpdateExperimentTemplate")
def update_experiment_template(service: Fis, call: Call, request: Request) -> Response:
    template = service.template(call.account, request["id"])
    _refuse_unmodelled(request)
    changes: dict[str, Any] = {"updated": service.host.runtime.wall()}
    if request.get("description") is not None:
        changes["description"] = request["description"]
    if request.get("actions") is not None:
        changes["actions"] = msgspec.convert(request["actions"], dict[str, Action])
    if request.get("targets") is not None:
        changes["targets"] = msgspec.convert(request["targets"], dict[str, Target])
    if request.get("roleArn") is not None:
        changes["role"] = request["roleArn"]
    if request.get("stopConditions") is not None:
        changes["stop_conditions"] = service.alarms.checked(call, request["stopConditions"])
    mode = (request.get("experimentOptions") or {}).get("emptyTargetResolutionMode")
    if mode is not None:
        changes["empty_mode"] = mode
    changed = _check(service, msgspec.structs.replace(template, **changes))
    service.templates.put(call.account, changed.id, changed)
    return {"experimentTemplate": model.describe_template(changed)}


@operations("GetExperimentTemplate")
def get_experiment_template(service: Fis, call: Call, request: Request) -> Response:
    template = service.template(call.account, request["id"])
    return {"experimentTemplate": model.describe_template(template)}


@operations("DeleteExperimentTemplate")
def delete_experiment_template(service: Fis, call: Call, request: Request) -> Response:
    template = service.template(call.account, request["id"])
    service.templates.delete(call.account, template.id)
    for _, name, token in list(service.tokens.all()):
        if token.id == template.id:
            service.tokens.delete(call.account, name)
    return {"experimentTemplate": model.describe_template(template)}


@operations("ListExperimentTemplates")
def list_experiment_templates(service: Fis, call: Call, request: Request) -> Response:
    templates = [model.summarise_template(one) for one in service.templates.list(call.account)]
    return _page(request, "experimentTemplates", templates)


# Experiments.


@operations("StartExperiment")
def start_experiment(service: Fis, call: Call, request: Request) -> Response:
    known = service.known_by(call.account, "experiment", request)
    if known:
        experiment = service.experiment(call.account, known)
        return {"experiment": model.describe_experiment(experiment)}
    template = service.template(call.account, request["experimentTemplateId"])
    tags = request.get("tags") or {}
    model.check_tags(tags)
    if len(service.experiments.active(call.account)) >= model.ACTIVE_MAX:
        raise model.over_quota(f"At most {model.ACTIVE_MAX} experiments run at once.")
    now = service.host.runtime.wall()
    options = request.get("experimentOptions") or {}
    experiment = Experiment(
        id=service.new_id("EXP", call.account, service.experiments.records),
        template=template,
        created=now,
        started=now,
        states={name: model.ActionState() for name in template.actions},
        mode=options.get("actionsMode") or "run-all",
        status=model.INITIATING,
        reason="Experiment is initiating.",
        tags=tags,
    )
    if service.lever(call.account).engaged:
        cancelled = model.ActionState(model.CANCELLED, "The safety lever is engaged.")
        experiment = msgspec.structs.replace(
            experiment,
            status=model.CANCELLED,
            reason="Experiment was cancelled: the safety lever is engaged.",
            ended=now,
            states=dict.fromkeys(experiment.states, cancelled),
        )
    service.experiments.begin(experiment)
    service.remember(call.account, "experiment", request, experiment.id)
    return {"experiment": model.describe_experiment(experiment)}


@operations("StopExperiment")
def stop_experiment(service: Fis, call: Call, request: Request) -> Response:
    experiment = service.experiment(call.account, request["id"])
    # What has ended is answered as it is: the Chaos Toolkit's rollback stops completed ones, too.
    if experiment.status in model.ACTIVE and experiment.status != model.STOPPING:
        experiment = service.experiments.stop(experiment, "Experiment was stopped by a user.")
    return {"experiment": model.describe_experiment(experiment)}


@operations("GetExperiment")
def get_experiment(service: Fis, call: Call, request: Request) -> Response:
    experiment = service.experiment(call.account, request["id"])
    return {"experiment": model.describe_experiment(experiment)}


@operations("ListExperiments")
def list_experiments(service: Fis, call: Call, request: Request) -> Response:
    wanted = request.get("experimentTemplateId")
    found = [
        model.summarise_experiment(one)
        for one in service.experiments.records.list(call.account)
        if wanted in {None, one.template.id}
    ]
    return _page(request, "experiments", found)


@operations("ListExperimentResolvedTargets")
def list_experiment_resolved_targets(service: Fis, call: Call, request: Request) -> Response:
    experiment = service.experiment(call.account, request["experimentId"])
    wanted = request.get("targetName")
    if wanted is not None and wanted not in experiment.template.targets:
        raise model.not_found("Target", wanted)
    found = [
        {
            "resourceType": experiment.template.targets[name].resource_type,
            "targetName": name,
            "targetInformation": {"arn": arn},
        }
        for name, arns in (experiment.resolved or {}).items()
        if wanted in {None, name}
        for arn in arns
    ]
    return _page(request, "resolvedTargets", found)


# What there is to do, and to whom.


@operations("ListActions")
def list_actions(service: Fis, call: Call, request: Request) -> Response:
    found = [actions.describe(call.region, one, whole=False) for one in sorted(actions.ACTIONS)]
    return _page(request, "actions", found)


@operations("GetAction")
def get_action(service: Fis, call: Call, request: Request) -> Response:
    if request["id"] not in actions.ACTIONS:
        raise model.not_found("Action", request["id"])
    return {"action": actions.describe(call.region, request["id"], whole=True)}


@operations("ListTargetResourceTypes")
def list_target_resource_types(service: Fis, call: Call, request: Request) -> Response:
    found = [actions.describe_type(one, whole=False) for one in sorted(actions.RESOURCE_TYPES)]
    return _page(request, "targetResourceTypes", found)


@operations("GetTargetResourceType")
def get_target_resource_type(service: Fis, call: Call, request: Request) -> Response:
    name = request["resourceType"]
    if name not in actions.RESOURCE_TYPES:
        raise model.not_found("Target resource type", name)
    return {"targetResourceType": actions.describe_type(name, whole=True)}


# The safety lever.


def _lever(service: Fis, call: Call, request: Request) -> Response:
    lever = service.lever(call.account)
    arn = f"arn:aws:fis:{call.region}:{call.account}:safety-lever/{LEVER}"
    if request["id"] not in {LEVER, arn}:
        raise model.not_found("Safety lever", request["id"])
    status = "disengaged"
    if lever.engaged:
        status = "engaging" if service.experiments.active(call.account) else "engaged"
    return {"safetyLever": {"id": LEVER, "arn": arn, "state": _state(status, lever.reason)}}


def _state(status: str, reason: str) -> dict[str, str]:
    return {"status": status, "reason": reason}


@operations("GetSafetyLever")
def get_safety_lever(service: Fis, call: Call, request: Request) -> Response:
    return _lever(service, call, request)


@operations("UpdateSafetyLeverState")
def update_safety_lever_state(service: Fis, call: Call, request: Request) -> Response:
    if _lever(service, call, request)["safetyLever"]["state"]["status"] == "engaging":
        raise ServiceError("ConflictException", "The safety lever is engaging.", 409)
    wanted = request["state"]
    lever = Lever(wanted["status"] == "engaged", wanted["reason"])
    service.levers.put(call.account, LEVER, lever)
    if lever.engaged:
        for experiment in service.experiments.active(call.account):
            service.experiments.stop(experiment, "The safety lever was engaged.")
    return _lever(service, call, request)


# Tags.


def _tagged(service: Fis, call: Call, arn: str) -> Template | Experiment:
    """The template or experiment that an ARN names."""
    start = f"arn:aws:fis:{call.region}:{call.account}:"
    kind, _, identity = arn.removeprefix(start).partition("/")
    if arn.startswith(start) and kind == "experiment-template":
        return service.template(call.account, identity)
    if arn.startswith(start) and kind == "experiment":
        return service.experiment(call.account, identity)
    raise model.not_found("Resource", arn)


def _retag(service: Fis, call: Call, arn: str, tags: Mapping[str, str]) -> Response:
    resource = msgspec.structs.replace(_tagged(service, call, arn), tags=dict(tags))
    if isinstance(resource, Template):
        service.templates.put(call.account, resource.id, resource)
    else:
        service.experiments.records.put(call.account, resource.id, resource)
    return {}


@operations("TagResource")
def tag_resource(service: Fis, call: Call, request: Request) -> Response:
    model.check_tags(request["tags"])
    arn = request["resourceArn"]
    return _retag(service, call, arn, {**_tagged(service, call, arn).tags, **request["tags"]})


@operations("UntagResource")
def untag_resource(service: Fis, call: Call, request: Request) -> Response:
    arn, gone = request["resourceArn"], request.get("tagKeys") or ()
    kept = {k: v for k, v in _tagged(service, call, arn).tags.items() if k not in gone}
    return _retag(service, call, arn, kept)


@operations("ListTagsForResource")
def list_tags_for_resource(service: Fis, call: Call, request: Request) -> Response:
    return {"tags": _tagged(service, call, request["resourceArn"]).tags}


def _page(request: Request, member: str, found: Sequence[Any]) -> Response:
    """A part of a list, and a token if more follows."""
    token = request.get("nextToken") or "0"
    if not (token.isascii() and token.isdecimal()):
        raise model.invalid(f"nextToken: {token} was not given by this operation.")
    start = int(token)
    end = start + (request.get("maxResults") or PAGE_MAX)
    response: Response = {member: list(found[start:end])}
    if end < len(found):
        response["nextToken"] = str(end)
    return response
