"""Stop conditions: the alarms that an experiment must not ring.

An alarm is looked at in this region's own CloudWatch, which also tells of every change at once: an
experiment whose alarm goes off is asked to stop in the very group that changes the alarm. AWS does
not document when it looks at the alarms of a template. Here they must exist when it is made, and
when an experiment starts; one that is deleted while an experiment runs no longer stops it.
"""

from collections.abc import Callable, Sequence
from typing import Any

from antipodes.regional.fis import model
from antipodes.regional.fis.model import Experiment, StopCondition
from antipodes.service.contract import Call, Host

ALARM_SOURCE, NO_SOURCE = "aws:cloudwatch:alarm", "none"
RINGING = "ALARM"


class Alarms:
    """The alarms of one region, as experiments need them."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def on_ringing(self, notify: Callable[[str, str], None]) -> None:
        """Call with the account and ARN of every alarm that goes off."""
        cloudwatch: Any = self._host.service("cloudwatch")

        def changed(alarm: Any) -> None:
            if alarm.state == RINGING:
                notify(alarm.account, alarm.arn)

        if cloudwatch is not None:
            cloudwatch.watch.on_change(changed)

    def state(self, account: str, arn: str) -> str:
        """An alarm's state; nothing if there is no such alarm."""
        cloudwatch: Any = self._host.service("cloudwatch")
        name = arn.removeprefix(_start(self._host.place, account))
        found = None if cloudwatch is None else cloudwatch.watch.get(account, name)
        return "" if found is None else str(found.state)

    def checked(self, call: Call, listed: Sequence[dict[str, Any]]) -> tuple[StopCondition, ...]:
        """Return the stop conditions of a request; refuse what could stop nothing."""
        if not 1 <= len(listed) <= model.STOP_CONDITIONS_MAX:
            message = f"A template has 1 to {model.STOP_CONDITIONS_MAX} stop conditions."
            raise model.invalid(f'{message} For none, use the source "none".')
        for condition in listed:
            source, value = condition["source"], condition.get("value") or ""
            if source == ALARM_SOURCE:
                self._check_alarm(call, value)
            elif source != NO_SOURCE or value or len(listed) > 1:
                raise model.invalid(
                    f"Stop condition {source}: the sources are {ALARM_SOURCE} with the ARN of an "
                    f'alarm, and "{NO_SOURCE}", alone and without a value.'
                )
        return tuple(
            StopCondition(condition["source"], condition.get("value") or "") for condition in listed
        )

    def _check_alarm(self, call: Call, arn: str) -> None:
        start = _start(call.region, call.account)
        if not arn.startswith(start) or arn == start:
            raise model.invalid(
                f"Stop condition {arn!r} is not the ARN of a CloudWatch alarm of this account in "
                f"{call.region}: {start}NAME."
            )
        if not self.state(call.account, arn):
            raise model.invalid(f"The stop condition's alarm {arn} does not exist.")


def _start(region: str, account: str) -> str:
    return f"arn:aws:cloudwatch:{region}:{account}:alarm:"


def alarms_of(experiment: Experiment) -> list[str]:
    """The ARNs of the alarms that stop an experiment."""
    conditions = experiment.template.stop_conditions
    return [one.value for one in conditions if one.source == ALARM_SOURCE]
