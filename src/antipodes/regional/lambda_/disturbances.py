"""Invocations disturbed on purpose: delayed, failed, or answered with another HTTP response.

A disturbance is put around every execution environment of a function, where AWS FIS has its
extension: a delay is part of the invocation's duration and keeps the environment busy, and one
that is as long as the function's timeout ends as a timeout. The timeout of the handler itself
counts from where the handler begins.

Different kinds add up; of two that contradict each other the one that began first holds alone, as
"Understanding concurrency" says (AWS FIS User Guide, use-lambda-actions).
"""

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from antipodes.regional.lambda_.invocations import (
    Environment,
    Invocation,
    Outcome,
    failure,
    iso_instant,
    timed_out,
)
from antipodes.runtime.contract import Runtime

DELAY, ERROR = "invocation-add-delay", "invocation-error"
RESPONSE = "invocation-http-integration-response"
DELAY_MS_DEFAULT = 1000
_PERCENT = 100
_MS = 1000.0


class Disturbance(NamedTuple):
    """What is done to the invocations of some functions, and to how many in a hundred."""

    account: str
    kind: str
    functions: tuple[str, ...]
    parameters: Mapping[str, str]

    @property
    def percentage(self) -> int:
        """The share of invocations that it hits."""
        return int(self.parameters.get("invocationPercentage", _PERCENT))

    @property
    def delay_s(self) -> float:
        """How long it delays."""
        return int(self.parameters.get("startupDelayMilliseconds", DELAY_MS_DEFAULT)) / _MS

    @property
    def prevents(self) -> bool:
        """Whether the handler is left alone."""
        return self.parameters.get("preventExecution") == "true"


class Disturbances:
    """What disturbs the functions of one region now."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._active: dict[str, Disturbance] = {}

    def begin(
        self,
        name: str,
        account: str,
        kind: str,
        functions: Sequence[str],
        parameters: Mapping[str, str],
    ) -> None:
        """Begin to disturb functions, named by their ARNs; under a name that goes on, nothing."""
        names = tuple(arn.rpartition(":")[2] for arn in functions)
        self._active.setdefault(name, Disturbance(account, kind, names, dict(parameters)))

    def end(self, name: str) -> None:
        """End a disturbance; nothing if there is none."""
        self._active.pop(name, None)

    def around(
        self, environment: Environment, account: str, function: str, timeout_s: float
    ) -> Environment:
        """Put an environment where it can be disturbed."""
        return _Disturbed(self, environment, account, function, timeout_s)

    @property
    def any(self) -> bool:
        """Whether any function is disturbed: the quick question."""
        return bool(self._active)

    def drawn(self, account: str, function: str) -> tuple[Disturbance | None, Disturbance | None]:
        """Draw what is done to one invocation: a delay, and what becomes of its answer."""
        delays: list[Disturbance] = []
        answers: list[Disturbance] = []
        for one in self._active.values():
            if one.account == account and function in one.functions:
                (delays if one.kind == DELAY else answers).append(one)
        return self._hit(delays), self._hit(answers)

    def _hit(self, found: list[Disturbance]) -> Disturbance | None:
        """The first of some contradicting ones, if it hits."""
        if not found:
            return None
        drawn = self.runtime.chance("lambda/disturbances").random() * _PERCENT
        return found[0] if drawn < found[0].percentage else None


class _Disturbed:
    """An environment that may be disturbed."""

    def __init__(
        self,
        disturbances: Disturbances,
        environment: Environment,
        account: str,
        function: str,
        timeout_s: float,
    ) -> None:
        self._disturbances = disturbances
        self._environment = environment
        self._account = account
        self._function = function
        self._timeout_s = timeout_s
        self.stream = environment.stream

    @property
    def usable(self) -> bool:
        """Whether it may be given another event."""
        return self._environment.usable

    @usable.setter
    def usable(self, usable: bool) -> None:
        self._environment.usable = usable

    def invoke(self, invocation: Invocation) -> Coroutine[Any, Any, Outcome]:
        """Run an event, as it comes or disturbed."""
        if self._disturbances.any:
            return self._disturbed(invocation)
        return self._environment.invoke(invocation)

    async def _disturbed(self, invocation: Invocation) -> Outcome:
        delay, answer = self._disturbances.drawn(self._account, self._function)
        delay_s = 0.0 if delay is None else delay.delay_s
        if delay_s >= self._timeout_s:
            return await self._late(invocation)
        if delay_s:
            await self._disturbances.runtime.sleep(delay_s)
        if answer is not None and answer.prevents:
            outcome = Outcome(b"", "", b"", 0.0)
        else:
            outcome = await self._environment.invoke(invocation)
        if answer is not None:
            outcome = _answered(outcome, answer)
        return msgspec.structs.replace(outcome, duration_s=outcome.duration_s + delay_s)

    async def _late(self, invocation: Invocation) -> Outcome:
        """Let the function's time pass, and nothing else."""
        runtime = self._disturbances.runtime
        await runtime.sleep(self._timeout_s)
        self.usable = False
        return Outcome(
            timed_out(invocation.request_id, int(self._timeout_s)),
            "Unhandled",
            b"",
            self._timeout_s,
            last_line=f"{iso_instant(runtime.wall())} {invocation.request_id} "
            f"Task timed out after {int(self._timeout_s)}.00 seconds\n",
        )

    async def close(self) -> None:
        """Let go of the environment."""
        await self._environment.close()


def _answered(outcome: Outcome, answer: Disturbance) -> Outcome:
    """An outcome with another payload in its place."""
    if answer.kind == ERROR:
        payload = failure("FaultInjected", "An experiment of AWS FIS let this invocation fail.")
        return msgspec.structs.replace(outcome, payload=payload, error="Unhandled")
    response = {
        "isBase64Encoded": False,
        "statusCode": int(answer.parameters["statusCode"]),
        "headers": {"Content-Type": answer.parameters["contentTypeHeader"]},
        "body": "",
    }
    return msgspec.structs.replace(outcome, payload=msgspec.json.encode(response), error="")
