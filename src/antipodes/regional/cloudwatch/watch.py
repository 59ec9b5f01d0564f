"""Alarms at work: their records, one task that judges them every minute, and what follows a change.

The task lives while there are alarms, so that a world without them has nothing to do. It wakes a
second after each full minute and judges full minutes only. What it keeps is all in the store: after
a restart it judges as before. A change, its item in the history and what listeners do about it are
one group. Actions come after, once each, and are lost with the host if it dies before.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from antipodes.regional.cloudwatch.alarms import DAY_S, HOUR_S, Alarm
from antipodes.regional.cloudwatch.history import (
    ACTION,
    CONFIGURATION,
    KEPT_S,
    STATE,
    History,
    Item,
)
from antipodes.regional.cloudwatch.judgement import (
    INSUFFICIENT_DATA,
    MISSING,
    Judgement,
    Point,
    Rule,
    iso,
    judge,
)
from antipodes.regional.cloudwatch.model import MINUTE_S, Metric, MetricStore, Span, Statistic
from antipodes.runtime.contract import RuntimeFailure
from antipodes.service.contract import Host, ServiceError
from antipodes.service.records import Records

AFTER_S = 1.0  # after the full minute
AT_ONCE = 100  # judged between two looks at whatever else there is to do
_DATA_LENGTH_MAX, _SUMMARY_LENGTH_MAX = 4_095, 255
_FRAME_LENGTH = 50  # of what stands around the two states of a change

Notify = Callable[[Alarm], None]


class Copied(msgspec.Struct, frozen=True):
    """What a health check copies of an alarm."""

    namespace: str
    metric: str
    statistic: str
    comparison: str
    period: int = MINUTE_S
    evaluation_periods: int = 1
    threshold: float = 0.0
    dimensions: tuple[tuple[str, str], ...] = ()


class Watch:
    """The alarms of one region."""

    def __init__(self, host: Host, metrics: MetricStore) -> None:
        self._host = host
        self._runtime = host.runtime
        self._metrics = metrics
        self._records = Records(host.store, "cloudwatch/alarm", Alarm)
        self._listeners: list[Notify] = []
        self._running = False
        self.history = History(host.store, self._runtime.interval(KEPT_S))
        host.changes.serve("cloudwatch/judge", self.judge_copy)

    def start(self) -> None:
        """Go on judging the alarms that there are."""
        if next(self._records.all(), None) is not None:
            self._run_soon()

    def on_change(self, notify: Notify) -> None:
        """Call with every alarm whose state has changed, in the group that changes it."""
        self._listeners.append(notify)

    # Records.

    def alarms(self, account: str) -> list[Alarm]:
        """Return the account's alarms, by name."""
        return sorted(self._records.list(account), key=lambda alarm: alarm.name)

    def get(self, account: str, name: str) -> Alarm | None:
        """Return an alarm, or None."""
        return self._records.get(account, _key(name))

    def put(self, alarm: Alarm) -> None:
        """Keep an alarm as it is, without a word."""
        self._records.put(alarm.account, _key(alarm.name), alarm)

    def configure(self, alarm: Alarm, word: str) -> None:
        """Keep an alarm that somebody created or updated, and judge it soon."""
        self.put(alarm)
        self._note_configuration(alarm, word)
        self._runtime.spawn(self._judge_soon(alarm.account, alarm.name), "new alarm")
        self._run_soon()

    def delete(self, alarm: Alarm) -> None:
        """Remove an alarm; its history stays."""
        self._records.delete(alarm.account, _key(alarm.name))
        self._note_configuration(alarm, "deleted")

    def enable(self, alarm: Alarm, *, enabled: bool) -> None:
        """Let an alarm act, or not."""
        if alarm.enabled != enabled:
            changed = msgspec.structs.replace(alarm, enabled=enabled)
            self.put(changed)
            self._note_configuration(changed, "updated")

    def change(self, alarm: Alarm, judgement: Judgement) -> None:
        """Put an alarm into a state."""
        now = self._runtime.wall()
        changed = alarm.judged(judgement, now)
        self.put(changed)
        if changed.state == alarm.state:
            return
        old, new = _state(alarm), _state(changed)
        if len(_json([old, new])) > _DATA_LENGTH_MAX - _FRAME_LENGTH:
            old.pop("stateReasonData", None)
            new.pop("stateReasonData", None)
        summary = f"Alarm updated from {alarm.state} to {changed.state}"
        self._note(changed, STATE, summary, {"version": "1.0", "oldState": old, "newState": new})
        for notify in self._listeners:
            notify(changed)
        # Nothing of it is true before it is kept.
        self._host.store.on_commit(lambda: self._changed(alarm, changed))

    def _changed(self, before: Alarm, alarm: Alarm) -> None:
        self._runtime.journal.record("alarm", alarm=alarm.arn, state=alarm.state)
        if alarm.enabled and alarm.actions[alarm.state]:
            self._runtime.spawn(self._act(before, alarm), "alarm actions")

    def _note_configuration(self, alarm: Alarm, word: str) -> None:
        kind = {"created": "Create", "updated": "Update", "deleted": "Delete"}[word]
        told = {
            "alarmName": alarm.name,
            "alarmArn": alarm.arn,
            "metricName": alarm.metric.name,
            "namespace": alarm.metric.namespace,
            "actionsEnabled": alarm.enabled,
            "threshold": alarm.rule.threshold,
            "comparisonOperator": alarm.rule.comparison,
            "evaluationPeriods": alarm.rule.periods,
        }
        data = {"version": "1.0", "type": kind, f"{word}Alarm": told}
        self._note(alarm, CONFIGURATION, f'Alarm "{alarm.name}" {word}', data)

    def _note(self, alarm: Alarm, kind: str, summary: str, data: Any) -> None:
        text = _json(data)
        if len(text) > _DATA_LENGTH_MAX:
            text = _json({"version": "1.0"})
        now = self._runtime.wall()
        item = Item(alarm.name, kind, now, summary[:_SUMMARY_LENGTH_MAX], text)
        self.history.add(alarm.account, item)

    # Judging.

    def _run_soon(self) -> None:
        if not self._running:
            self._running = True
            self._runtime.spawn(self._run(), "alarms")

    async def _run(self) -> None:
        minute_s = self._runtime.interval(MINUTE_S)
        after_s = self._runtime.interval(AFTER_S)
        while True:
            into_s = (self._runtime.wall() - after_s) % minute_s
            await self._runtime.sleep(minute_s - into_s)
            keys = [(account, key) for account, key, _ in self._records.all()]
            if not keys:
                self._running = False
                return
            for start in range(0, len(keys), AT_ONCE):
                await self._judge(keys[start : start + AT_ONCE])

    async def _judge_soon(self, account: str, name: str) -> None:
        await self._judge([(account, _key(name))])

    async def _judge(self, keys: list[tuple[str, str]]) -> None:
        """Judge alarms. What cannot be kept now is judged again in a minute."""
        try:
            for account, key in keys:
                alarm = self._records.get(account, key)
                judgement = self._judgement(alarm) if alarm is not None else None
                if alarm is None or judgement is None or judgement.state == alarm.state:
                    continue
                self.change(alarm, judgement)
            await self._host.store.committed()
            await self._runtime.sleep(0)
        except RuntimeFailure:
            self._runtime.journal.sometimes("cloudwatch.judging-put-off")

    def _judgement(self, alarm: Alarm) -> Judgement | None:
        return self._judged(alarm.account, alarm.metric, alarm.unit, alarm.rule)

    def judge_copy(self, payload: Any) -> str:
        """The state of an alarm by settings that somebody copied, from its metric alone.

        Health checks of Route 53 ask, at the edge: what an alarm was set to is nothing to them.
        """
        account, copied = payload
        copy = msgspec.convert(copied, Copied)
        rule = Rule(
            statistic=copy.statistic,
            period_s=copy.period,
            periods=copy.evaluation_periods,
            datapoints=copy.evaluation_periods,
            threshold=copy.threshold,
            comparison=copy.comparison,
            treatment=MISSING,
        )
        metric = Metric(copy.namespace, copy.metric, copy.dimensions)
        judgement = self._judged(account, metric, "", rule)
        return judgement.state if judgement is not None else INSUFFICIENT_DATA

    def _judged(self, account: str, metric: Metric, unit: str, rule: Rule) -> Judgement | None:
        now = self._runtime.wall()
        step_s = self._metrics.resolution_s
        period_s = self._seconds(rule.period_s)
        if rule.period_s * rule.periods > DAY_S:  # such an alarm sees whole hours only
            step_s = self._seconds(HOUR_S)
        end = int(now // step_s) * step_s
        span = Span(end - rule.looked_at * period_s, end, period_s)
        kept: dict[int, Statistic] = {}
        for at, _, found in self._metrics.read(account, metric, span, unit):
            known = kept.get(int(at))
            kept[int(at)] = found if known is None else known.joined(found)
        times = range(span.start, span.end, period_s)
        return judge(rule, [Point(float(at), kept.get(at)) for at in times], now)

    def _seconds(self, seconds: int) -> int:
        """How much of the clock a time of the world takes, in steps that values are kept by."""
        step_s = self._metrics.resolution_s
        return max(1, round(self._runtime.interval(seconds) / step_s)) * step_s

    # Actions.

    async def _act(self, before: Alarm, alarm: Alarm) -> None:
        """Do what an alarm is to do in its new state, as far as it can be done here."""
        for arn in alarm.actions[alarm.state]:
            service = arn.split(":")[2]
            data: dict[str, Any] = {"actionState": "Succeeded", "notificationResource": arn}
            summary = f"Successfully executed action {arn}"
            if service == "lambda":
                event = {"FunctionName": arn, "Payload": _json(_event(before, alarm)).encode()}
                try:
                    await self._host.call("lambda", "Invoke", event, account=alarm.account)
                except (ServiceError, RuntimeFailure) as error:
                    data = {**data, "actionState": "Failed", "error": str(error)}
                    summary = f"Failed to execute action {arn}"
            else:
                data = {**data, "actionState": "Skipped"}
                summary = f"Did not execute action {arn}: {service} does not exist in this world"
            try:
                self._note(alarm, ACTION, summary, {"version": "1.0", **data})
                await self._host.store.committed()
            except RuntimeFailure:
                self._runtime.journal.sometimes("cloudwatch.action-not-noted")


def _key(name: str) -> str:
    """A name's key in the store, where keys are shorter than names may be."""
    return hashlib.blake2b(name.encode(), digest_size=16).hexdigest()


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _state(alarm: Alarm) -> dict[str, Any]:
    state: dict[str, Any] = {"stateValue": alarm.state, "stateReason": alarm.reason}
    if alarm.data:
        state["stateReasonData"] = msgspec.json.decode(alarm.data)
    return state


def _event(before: Alarm, alarm: Alarm) -> dict[str, Any]:
    """What a function is told of an alarm's change."""
    metric = {
        "namespace": alarm.metric.namespace,
        "name": alarm.metric.name,
        "dimensions": dict(alarm.metric.dimensions),
    }
    stat = {"metric": metric, "period": alarm.rule.period_s, "stat": alarm.rule.statistic}
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm.arn,
        "accountId": alarm.account,
        "time": iso(alarm.changed),
        "region": alarm.region,
        "alarmData": {
            "alarmName": alarm.name,
            "state": _told(alarm),
            "previousState": _told(before),
            "configuration": {
                "description": alarm.description or "",
                "metrics": [{"id": "m1", "metricStat": stat, "returnData": True}],
            },
        },
    }


def _told(alarm: Alarm) -> dict[str, str]:
    told = {"value": alarm.state, "reason": alarm.reason, "timestamp": iso(alarm.changed)}
    return told | ({"reasonData": alarm.data} if alarm.data else {})
