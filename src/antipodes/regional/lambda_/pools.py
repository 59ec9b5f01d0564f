"""Warm environments of one function: as many as there are events at once, up to a limit.

An event takes the environment that was used last, else a new one, else waits its turn in a bounded
queue, else is throttled. (AWS throttles at once where this waits: a laptop has fewer cores than the
limit of a thousand, and a short queue looks to the caller like a slower function.) Environments
nobody used for a while are closed. When the function changes its pool is retired: what runs is
finished, then the environments are closed.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from antipodes.regional.lambda_.invocations import Environment, Invocation, Outcome
from antipodes.runtime.contract import Gone, Runtime
from antipodes.service.contract import ServiceError

T = TypeVar("T")

ENVIRONMENTS_MAX = 8
WAITING_MAX = 256
IDLE_S_MAX = 300.0


def throttled(reason: str) -> ServiceError:
    """Return the error for an event too many."""
    return ServiceError(
        "TooManyRequestsException", "Rate Exceeded.", 429, Reason=reason, Type="User"
    )


class Pool:
    """The environments of one function in one generation of its code and configuration."""

    def __init__(
        self,
        runtime: Runtime,
        generation: int,
        make: Callable[[], Environment],
        *,
        environments_max: int,
        on_drained: Callable[[], object],
    ) -> None:
        self.generation = generation
        self._admitted = 0  # at work or waiting
        self._busy = 0
        self._runtime = runtime
        self._make = make
        self._environments_max = environments_max
        self._on_drained = on_drained
        self._idle: list[tuple[float, Environment]] = []
        self._waiting: deque[Any] = deque()
        self._retired = False
        self._drained: Any = runtime.future()
        self._running: dict[str, Environment] = {}
        self._reaping = False

    async def invoke(
        self,
        invocation: Invocation,
        ended: Callable[[Outcome, str], T],
        *,
        reserved: int | None,
    ) -> T:
        """Run an event in one of the environments; return what `ended` makes of its outcome.

        `ended(outcome, log stream)` is called also where nobody waits any more.
        """
        if reserved is not None and self._admitted >= reserved:
            self._runtime.journal.sometimes("lambda.throttled")
            raise throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
        if self._admitted >= self._environments_max + WAITING_MAX:
            raise throttled("ConcurrentInvocationLimitExceeded")
        self._admitted += 1
        answer = self._runtime.future()
        # A task of its own: a handler is not stopped because its caller left.
        self._runtime.spawn(self._run(invocation, ended, answer), "lambda invocation")
        result: T = await answer
        return result

    async def _run(
        self, invocation: Invocation, ended: Callable[[Outcome, str], Any], answer: Any
    ) -> None:
        environment: Environment | None = None
        try:
            environment = await self._take()
            self._running[environment.stream] = environment
            result: Any = ended(await environment.invoke(invocation), environment.stream)
        except (Gone, OSError) as error:  # the machine is short of something: disk, ports
            message = f"The environment could not be started: {error}"
            result = ServiceError("ServiceException", message, 500, Type="Service")
            if environment is not None:
                environment.usable = False
        self._admitted -= 1
        if answer.done():
            pass
        elif isinstance(result, ServiceError):
            answer.set_exception(result)
        else:
            answer.set_result(result)
        if environment is not None:
            self._running.pop(environment.stream, None)
        await self._give_back(environment)

    async def _take(self) -> Environment:
        if self._busy >= self._environments_max:
            self._runtime.journal.sometimes("lambda.waited-for-an-environment")
            turn = self._runtime.future()
            self._waiting.append(turn)
            await turn  # whoever woke it left its place
        else:
            self._busy += 1
        while self._idle:
            _, environment = self._idle.pop()
            if environment.usable:
                return environment
            await environment.close()
        self._runtime.journal.sometimes("lambda.cold-start")
        return self._make()

    async def _give_back(self, environment: Environment | None) -> None:
        if environment is not None and environment.usable and not self._retired:
            self._idle.append((self._runtime.now(), environment))
            self._reap_later()
        elif environment is not None:
            await environment.close()
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._busy -= 1
        if self._retired and not self._busy:
            self._drain()

    def _drain(self) -> None:
        if not self._drained.done():
            self._drained.set_result(None)
            self._on_drained()

    async def drained(self) -> None:
        """Wait until the last environment of a retired pool is closed."""
        await self._drained

    async def end(self) -> None:
        """Close everything now, under way or not: the host ends."""
        await self.retire()
        for environment in list(self._running.values()):
            await environment.close()

    def _reap_later(self) -> None:
        if not self._reaping:
            self._reaping = True
            self._runtime.spawn(self._reap(), "lambda reaper")

    async def _reap(self) -> None:
        """Close what was idle for long; ends when nothing is idle."""
        limit_s = self._runtime.interval(IDLE_S_MAX)
        while self._idle:
            await self._runtime.sleep(self._idle[0][0] + limit_s - self._runtime.now())
            long_ago = self._runtime.now() - limit_s
            while self._idle and self._idle[0][0] <= long_ago:
                await self._idle.pop(0)[1].close()
        self._reaping = False

    async def retire(self) -> None:
        """Take no more idle environments back, and close those there are."""
        if self._retired:
            return
        self._retired = True
        idle, self._idle = self._idle, []
        for _, environment in idle:
            await environment.close()
        if not self._busy:
            self._drain()
