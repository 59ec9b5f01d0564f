"""Alarms on single metrics: the noun, how a request makes one, and how the API shows it.

Synchronous; the time is an argument.
"""

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from antipodes.regional.cloudwatch.data import metric_of
from antipodes.regional.cloudwatch.judgement import (
    ALARM,
    COMPARISONS,
    IGNORE,
    INSUFFICIENT_DATA,
    MISSING,
    OK,
    TREATMENTS,
    Judgement,
    Rule,
)
from antipodes.regional.cloudwatch.model import MINUTE_S, Metric, bad_value
from antipodes.service.contract import Call, Request, ServiceError

ALARMS_MAX = 5_000  # of an account in a region
TAGS_MAX = 50
HOUR_S, DAY_S, WEEK_S = 3_600, 86_400, 604_800
_UNOFFERED = (
    "ActionConfiguration",
    "EvaluateLowSampleCountPercentile",
    "EvaluationCriteria",
    "EvaluationInterval",
    "EvaluationWindow",
    "ExtendedStatistic",
    "Metrics",
    "ThresholdMetricId",
    "WarmUpConfiguration",
)
_ACTIONS = {OK: "OKActions", ALARM: "AlarmActions", INSUFFICIENT_DATA: "InsufficientDataActions"}
# The services whose ARNs may be actions; of these only lambda exists here.
_ACTORS = ("aiops", "autoscaling", "automate", "lambda", "sns", "ssm", "ssm-incidents", "swf")
_ARN_PARTS = 6
_CONTROL = dict.fromkeys([*range(32), 127])


class Alarm(msgspec.Struct, frozen=True):
    """An alarm as it is, with its state; times are Unix seconds."""

    name: str
    region: str
    account: str
    metric: Metric
    rule: Rule
    configured: float
    changed: float  # the state's reason
    transitioned: float  # the state itself
    state: str = INSUFFICIENT_DATA
    reason: str = "Unchecked: Initial alarm creation"
    data: str = ""
    unit: str = ""
    description: str | None = None
    enabled: bool = True
    actions: dict[str, tuple[str, ...]] = {}  # by state
    several: int | None = None  # DatapointsToAlarm, where it was given
    treatment: str | None = None  # TreatMissingData, where it was given
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        """The alarm's ARN."""
        return f"arn:aws:cloudwatch:{self.region}:{self.account}:alarm:{self.name}"

    def judged(self, judgement: Judgement, now: float) -> "Alarm":
        """The alarm in a state for a reason."""
        return msgspec.structs.replace(
            self,
            state=judgement.state,
            reason=judgement.reason,
            data=judgement.data,
            changed=now,
            transitioned=now if judgement.state != self.state else self.transitioned,
        )


def invalid(message: str) -> ServiceError:
    """Return this API's error for a bad request."""
    return ServiceError("ValidationError", message, 400)


def _required(request: Request, name: str) -> Any:
    if request.get(name) is None:
        raise ServiceError("MissingParameter", f"The parameter {name} is required", 400)
    return request[name]


def alarm_of(call: Call, request: Request, before: Alarm | None, now: float) -> Alarm:
    """Return the alarm that a request makes of what was there before."""
    name = request["AlarmName"]
    if name.translate(_CONTROL) != name:
        raise invalid("The parameter AlarmName must not have control characters")
    for member in _UNOFFERED:
        if request.get(member) is not None:
            raise bad_value(
                f"{member} is not offered here: alarms watch one statistic of one metric"
            )
    for member in ("MetricName", "Namespace"):
        _required(request, member)
    alarm = Alarm(
        name=name,
        region=call.region,
        account=call.account,
        metric=metric_of(request["Namespace"], request),
        rule=_rule(request),
        configured=now,
        changed=now,
        transitioned=now,
        unit=request.get("Unit") or "",
        description=request.get("AlarmDescription"),
        enabled=request.get("ActionsEnabled") is not False,
        actions={
            state: _actions(call, member, request.get(member) or ())
            for state, member in _ACTIONS.items()
        },
        several=request.get("DatapointsToAlarm"),
        treatment=request.get("TreatMissingData"),
        tags=checked_tags({}, request.get("Tags") or ()),
    )
    if before is None:
        return alarm
    kept = ("state", "reason", "data", "changed", "transitioned", "tags")
    return msgspec.structs.replace(alarm, **{field: getattr(before, field) for field in kept})


def _rule(request: Request) -> Rule:
    statistic, period_s = _required(request, "Statistic"), _required(request, "Period")
    periods, comparison = _required(request, "EvaluationPeriods"), request["ComparisonOperator"]
    if comparison not in COMPARISONS:
        raise bad_value(f"{comparison} is for anomaly detection, which is not offered here")
    if period_s in {10, 20, 30}:
        raise bad_value("Periods of less than a minute are not offered here")
    if period_s % MINUTE_S:
        raise invalid("The parameter Period must be 10, 20, 30 or a multiple of 60")
    whole_s, whole_s_max = period_s * periods, DAY_S if period_s < HOUR_S else WEEK_S
    if whole_s > whole_s_max:
        raise invalid(
            f"EvaluationPeriods times Period is {whole_s} seconds; with this Period at most "
            f"{whole_s_max} are allowed"
        )
    datapoints = request.get("DatapointsToAlarm") or periods
    if datapoints > periods:
        raise invalid("DatapointsToAlarm must not be greater than EvaluationPeriods")
    usual = IGNORE if request["Namespace"] == "AWS/DynamoDB" else MISSING
    treatment = request.get("TreatMissingData") or usual
    if treatment not in TREATMENTS:
        raise invalid(f"TreatMissingData {treatment} is none of {', '.join(TREATMENTS)}")
    threshold = float(_required(request, "Threshold"))
    if not math.isfinite(threshold):
        raise invalid("The parameter Threshold must be a finite number")
    return Rule(statistic, period_s, periods, datapoints, threshold, comparison, treatment)


def _actions(call: Call, member: str, arns: Any) -> tuple[str, ...]:
    for arn in arns:
        parts = arn.split(":", _ARN_PARTS - 1)
        if len(parts) < _ARN_PARTS or parts[0] != "arn" or parts[2] not in _ACTORS:
            raise invalid(f"{member}: {arn} is not the ARN of an action")
        if parts[3] not in {call.region, ""}:
            raise invalid(f"{member}: {arn} is not in {call.region}, where the alarm is")
    return tuple(dict.fromkeys(arns))


def checked_tags(before: Mapping[str, str], listed: Any) -> dict[str, str]:
    """Return tags with more of them set."""
    tags = {**before, **{tag["Key"]: tag["Value"] for tag in listed}}
    if len(tags) > TAGS_MAX:
        raise bad_value(f"An alarm has at most {TAGS_MAX} tags")
    if any(key.lower().startswith("aws:") for key in tags):
        raise bad_value("Tag keys that begin with aws: are reserved")
    return tags


def describe(alarm: Alarm) -> dict[str, Any]:
    """An alarm as the API shows it."""
    rule = alarm.rule
    shown: dict[str, Any] = {
        "AlarmName": alarm.name,
        "AlarmArn": alarm.arn,
        "AlarmDescription": alarm.description,
        "AlarmConfigurationUpdatedTimestamp": alarm.configured,
        "ActionsEnabled": alarm.enabled,
        **{member: list(alarm.actions[state]) for state, member in _ACTIONS.items()},
        "StateValue": alarm.state,
        "StateReason": alarm.reason,
        "StateReasonData": alarm.data or None,
        "StateUpdatedTimestamp": alarm.changed,
        "StateTransitionedTimestamp": alarm.transitioned,
        "MetricName": alarm.metric.name,
        "Namespace": alarm.metric.namespace,
        "Statistic": rule.statistic,
        "Dimensions": [{"Name": n, "Value": v} for n, v in alarm.metric.dimensions],
        "Period": rule.period_s,
        "Unit": alarm.unit or None,
        "EvaluationPeriods": rule.periods,
        "DatapointsToAlarm": alarm.several,
        "Threshold": rule.threshold,
        "ComparisonOperator": rule.comparison,
        "TreatMissingData": alarm.treatment,
    }
    return {name: value for name, value in shown.items() if value is not None}


def is_asked_for(alarm: Alarm, request: Request) -> bool:
    """Whether DescribeAlarms asks for an alarm."""
    names, prefix = request.get("AlarmNames"), request.get("AlarmNamePrefix") or ""
    if names and alarm.name not in names:
        return False
    action = request.get("ActionPrefix")
    if action and not any(a.startswith(action) for arns in alarm.actions.values() for a in arns):
        return False
    return alarm.name.startswith(prefix) and request.get("StateValue") in {None, alarm.state}


def watches(alarm: Alarm, metric: Metric, request: Request) -> bool:
    """Whether DescribeAlarmsForMetric, asked for that metric, asks for an alarm."""
    return (
        alarm.metric.number == metric.number
        and request.get("Statistic") in {None, alarm.rule.statistic}
        and request.get("Period") in {None, alarm.rule.period_s}
        and request.get("Unit") in {None, alarm.unit}
    )
