"""Experiments at work: one task for each, which begins and ends actions and keeps their states.

Every step is written down before it is taken and when it is done, and each can be taken twice. So
an experiment that its region's death interrupted is taken up where it was: effects that still have
time go on, those that are overdue are ended, and nothing stays broken.

Ends are waited for by the clock that never jumps; a restart reckons what is left by the wall clock.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import msgspec

from antipodes.regional.fis import targets
from antipodes.regional.fis.alarms import RINGING, Alarms, alarms_of
from antipodes.regional.fis.effect import Effect, effect_of
from antipodes.regional.fis.effects import Effects
from antipodes.regional.fis.model import (
    ACTIVE,
    CANCELLED,
    COMPLETED,
    FAILED,
    INITIATING,
    KEPT_S,
    PENDING,
    RUNNING,
    SKIPPED,
    STOPPED,
    STOPPING,
    Experiment,
    Failure,
    duration_s,
)
from antipodes.runtime.contract import RuntimeFailure
from antipodes.service.contract import Host, ServiceError
from antipodes.service.records import Records

RETRY_S = 1.0
DONE = (COMPLETED, SKIPPED)
HALTED = "Experiment halted by stop condition."

replace = msgspec.structs.replace


class MissingAlarm(Exception):
    """A stop condition's alarm is gone."""


class Experiments:
    """The experiments of one region, and the tasks that run them."""

    def __init__(self, host: Host, injections: list[Callable[..., None]], alarms: Alarms) -> None:
        self._host = host
        self._alarms = alarms
        self._runtime = host.runtime
        self._effects = Effects(host, injections)
        self._woken: dict[str, Any] = {}
        self._ends: dict[tuple[str, str], float] = {}  # of running actions, by runtime.now()
        self.records = Records(host.store, "fis/experiment", Experiment)

    def start(self) -> None:
        """Take up what was under way; what lives in memory before anyone is served."""
        begun: list[tuple[float, Effect]] = []
        for account, _, experiment in list(self.records.all()):
            if experiment.status in ACTIVE:
                running = [n for n, s in experiment.states.items() if s.status == RUNNING]
                for name in running:
                    effect = effect_of(experiment, name, self._left_s(experiment, name))
                    begun.append((experiment.states[name].started or 0.0, effect))
                self._launch(account, experiment.id, again=running)
        # In the order in which they began: of two that contradict each other the first one holds.
        for _, effect in sorted(begun, key=itemgetter(0)):
            self._effects.begin_here(effect)

    def begin(self, experiment: Experiment) -> None:
        """Keep a new experiment and run it; forget those that ended long ago."""
        account = experiment.template.account
        long_ago = self._runtime.wall() - self._runtime.interval(KEPT_S)
        for old in self.records.list(account):
            if old.ended is not None and old.ended < long_ago:
                self.records.delete(account, old.id)
        self._put(experiment)
        self._launch(account, experiment.id)

    def stop(self, experiment: Experiment, reason: str) -> Experiment:
        """Ask an experiment to stop; its effects end soon after."""
        stopping = replace(experiment, status=STOPPING, reason=reason)
        for name, state in experiment.states.items():
            if state.status == RUNNING:
                stopping = stopping.with_state(name, status=STOPPING)
        self._put(stopping)
        self._wake(experiment.id)
        return stopping

    def halt(self, account: str, alarm: str) -> None:
        """Stop what an alarm that went off is to stop."""
        for experiment in self.active(account):
            if experiment.status != STOPPING and alarm in alarms_of(experiment):
                self.stop(experiment, HALTED)

    def active(self, account: str) -> list[Experiment]:
        """The experiments that have not ended."""
        return [one for one in self.records.list(account) if one.status in ACTIVE]

    def _put(self, experiment: Experiment) -> None:
        self.records.put(experiment.template.account, experiment.id, experiment)

    def _launch(self, account: str, identity: str, again: Sequence[str] = ()) -> None:
        self._runtime.spawn(self._run(account, identity, list(again)), f"experiment {identity}")

    def _wake(self, identity: str) -> None:
        woken = self._woken.get(identity)
        if woken is not None and not woken.done():
            woken.set_result(None)

    # One experiment.

    async def _run(self, account: str, identity: str, again: list[str]) -> None:
        """Take step after step until the experiment has ended; first, begin some actions again."""
        while (experiment := self.records.get(account, identity)) is not None:
            if experiment.status not in ACTIVE:
                return
            try:
                while again and experiment.status == RUNNING:
                    left_s = self._left_s(experiment, again[0])
                    await self._effects.begin(effect_of(experiment, again[0], left_s))
                    del again[0]
                await self._step(experiment)
                await self._host.store.committed()
            except RuntimeFailure:  # a full disk, or nobody at the fault door
                await self._runtime.sleep(self._runtime.interval(RETRY_S))

    async def _step(self, experiment: Experiment) -> None:
        if experiment.status == STOPPING:
            await self._wind_up(experiment)
        elif self._rings(experiment):
            self.stop(experiment, HALTED)
        elif experiment.resolved is None:
            await self._resolve(experiment)
        elif (due := self._due(experiment)) is not None:
            await self._end(experiment, due, COMPLETED)
        elif (ready := _ready(experiment)) is not None:
            await self._begin(experiment, ready)
        elif all(state.status in DONE for state in experiment.states.values()):
            self._finish(experiment, COMPLETED, "Experiment completed.")
        else:
            await self._wait(experiment)

    def _rings(self, experiment: Experiment) -> bool:
        """Whether an alarm forbids it: when it starts, and after its region's death."""
        account = experiment.template.account
        return any(self._alarms.state(account, a) == RINGING for a in alarms_of(experiment))

    def _check_alarms(self, experiment: Experiment) -> None:
        for alarm in alarms_of(experiment):
            if not self._alarms.state(experiment.template.account, alarm):
                raise MissingAlarm(f"The stop condition's alarm {alarm} does not exist.")

    async def _resolve(self, experiment: Experiment) -> None:
        """Find the targets; without them, or without the alarms, fail."""
        try:
            self._check_alarms(experiment)
            resolved = await targets.resolve(self._host, experiment)
            failure, reason = None, ""
        except MissingAlarm as error:
            resolved = {}
            failure, reason = Failure("ConfigurationFailure", "stopConditions"), str(error)
        except targets.Unresolved as error:
            resolved = {}
            failure, reason = Failure("InvalidTarget", error.location), str(error)
        except ServiceError as error:
            resolved = {}
            failure, reason = Failure("DependentServiceFailure", "targets"), str(error)
        now = self._now(experiment)
        if now is None:
            return
        if failure is not None:
            self._put(replace(now, status=STOPPING, failure=failure, reason=reason))
            return
        now = replace(now, status=RUNNING, reason="Experiment is running.", resolved=resolved)
        for name, action in now.template.actions.items():
            if now.mode == "skip-all" or (action.targets and not now.arns(name)):
                reason = "Actions mode is skip-all." if now.mode == "skip-all" else "No targets."
                now = now.with_state(name, status=SKIPPED, reason=reason)
        self._put(now)

    async def _begin(self, experiment: Experiment, name: str) -> None:
        parameters = experiment.template.actions[name].parameters
        whole_s = self._runtime.interval(duration_s(parameters["duration"], name))
        self._ends.pop((experiment.id, name), None)
        begun = experiment.with_state(name, status=INITIATING, started=self._runtime.wall())
        self._put(begun)
        await self._host.store.committed()
        failed = ""
        try:
            await self._effects.begin(effect_of(experiment, name, whole_s))
        except ServiceError as error:
            failed = error.message or error.code
        now = self._now(experiment)
        if now is None:
            return  # stopped meanwhile: winding up ends what was begun
        if failed:
            failure = Failure("DependentServiceFailure", f"actions.{name}")
            now = now.with_state(name, status=FAILED, reason=failed, ended=self._runtime.wall())
            reason = f"Action {name} failed: {failed}"
            self._put(replace(now, status=STOPPING, failure=failure, reason=reason))
            return
        until = self._runtime.wall() + whole_s
        self._put(now.with_state(name, status=RUNNING, until=until))

    async def _end(self, experiment: Experiment, name: str, status: str) -> None:
        await self._effects.end(effect_of(experiment, name, 0.0))
        now = self.records.get(experiment.template.account, experiment.id)
        assert now is not None, "an experiment that is under way is kept"
        self._ends.pop((experiment.id, name), None)
        reason = f"Action was {status}."
        self._put(now.with_state(name, status=status, reason=reason, ended=self._runtime.wall()))

    async def _wind_up(self, experiment: Experiment) -> None:
        """End all effects, and then the experiment."""
        for name, state in experiment.states.items():
            if state.status in {INITIATING, RUNNING, STOPPING}:
                await self._end(experiment, name, STOPPED)
                return
            if state.status == FAILED:
                await self._effects.end(effect_of(experiment, name, 0.0))
        experiment = self.records.get(experiment.template.account, experiment.id) or experiment
        for name, state in experiment.states.items():
            if state.status == PENDING:
                experiment = experiment.with_state(
                    name, status=CANCELLED, reason="The experiment ended before."
                )
        status = STOPPED if experiment.failure is None else FAILED
        self._finish(experiment, status, experiment.reason)

    def _finish(self, experiment: Experiment, status: str, reason: str) -> None:
        ended = self._runtime.wall()
        self._put(replace(experiment, status=status, reason=reason, ended=ended))
        self._woken.pop(experiment.id, None)

    def _now(self, experiment: Experiment) -> Experiment | None:
        """The experiment as it is after a wait; None if it is to stop."""
        now = self.records.get(experiment.template.account, experiment.id)
        return now if now is not None and now.status != STOPPING else None

    # Time.

    def _left_s(self, experiment: Experiment, name: str) -> float:
        """How long an action's effect has still to last."""
        end = self._ends.get((experiment.id, name))
        if end is None:  # a new one, or the first look after a restart
            text = experiment.template.actions[name].parameters["duration"]
            whole_s = self._runtime.interval(duration_s(text, name))
            left_s = experiment.states[name].until - self._runtime.wall()
            end = self._runtime.now() + min(whole_s, max(0.0, left_s))
            self._ends[experiment.id, name] = end
        return end - self._runtime.now()

    def _due(self, experiment: Experiment) -> str | None:
        """An action whose time is over."""
        return next(
            (
                name
                for name, state in experiment.states.items()
                if state.status == RUNNING and self._left_s(experiment, name) <= 0
            ),
            None,
        )

    async def _wait(self, experiment: Experiment) -> None:
        """Wait until the next action is due, or the experiment is to stop."""
        left_s = min(
            self._left_s(experiment, name)
            for name, state in experiment.states.items()
            if state.status == RUNNING
        )
        woken = self._woken[experiment.id] = self._runtime.future()
        timer = self._runtime.later(left_s, self._wake, experiment.id)
        try:
            await woken
        finally:
            timer.cancel()


def _ready(experiment: Experiment) -> str | None:
    """An action that may begin now, or was about to when its region died."""
    for name, action in experiment.template.actions.items():
        status = experiment.states[name].status
        if status == INITIATING or (
            status == PENDING
            and all(experiment.states[earlier].status in DONE for earlier in action.start_after)
        ):
            return name
    return None
