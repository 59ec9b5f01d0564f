"""Who calls a simulation from outside: ordinary blocking test code, in virtual time.

A call that waits lets the simulation run until what it waits for is there, and no further: between
two calls of a test no virtual time passes, however long the test takes on the wall. Functions that
run side by side (`concurrently`) are greenlets of the simulation's, and wait as handlers do.
"""

import contextvars
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TextIO, TypeVar
from urllib.parse import urlsplit

from antipodes.hosting.scope import region_of
from antipodes.hosting.simulated import SimulatedWorld
from antipodes.runtime.contract import Address, Chance
from antipodes.runtime.customer import Headers
from antipodes.runtime.substitutes import CURRENT
from antipodes.service.http import HttpClient

T = TypeVar("T")

# Whether this code runs in a greenlet of the simulation's, side by side with others.
_BESIDE: contextvars.ContextVar[bool] = contextvars.ContextVar("beside", default=False)


class Closed(Exception):
    """The simulation is over."""


class Driver:
    """Lets the simulation go on while somebody waits."""

    def __init__(self, simulated: SimulatedWorld) -> None:
        self.simulated = simulated
        self.outside = simulated.outside
        self.closed = False

    def wait(self, awaitable: Awaitable[T]) -> T:
        """Let the world go on until the awaitable is done; return its result, or raise."""
        if self.closed:
            if hasattr(awaitable, "close"):
                awaitable.close()
            raise Closed("the simulation is over: a client of it must not be used any more")
        if _BESIDE.get():
            return self.outside.wait(awaitable)
        return self.simulated.run(self._carry(awaitable))

    async def _carry(self, awaitable: Awaitable[T]) -> T:
        """Await on behalf of the host outside, whose bug the caller's failure is not."""
        ended = self.outside.future()

        async def carry() -> None:
            try:
                ended.set_result(await awaitable)
            except Exception as error:  # noqa: BLE001 - the caller's
                ended.set_exception(error)

        self.outside.spawn(carry(), "test")
        result: T = await ended
        return result

    def concurrently(self, functions: tuple[Callable[[], Any], ...]) -> list[Any]:
        """Run blocking functions side by side to their ends; raise the first one's failure."""
        outcomes: list[Any] = self.wait(self._beside(functions))
        failures = [outcome for outcome in outcomes if isinstance(outcome, _Failure)]
        for further in failures[1:]:
            failures[0].error.add_note(f"and beside it: {further.error!r}")
        if failures:
            raise failures[0].error
        return outcomes

    async def _beside(self, functions: tuple[Callable[[], Any], ...]) -> list[Any]:
        tasks = [
            self.outside.spawn(self.outside.run_blocking(_judged, function), "test, side by side")
            for function in functions
        ]
        return [await task for task in tasks]


class _Failure:
    """How a function ended that did not end well."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _judged(function: Callable[[], Any]) -> Any:
    _BESIDE.set(True)
    try:
        return function()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - raised again, outside: pytest's own, too
        return _Failure(error)


class Caller:
    """Test code at one place: the program that boto3's substitutes ask (see `libraries`)."""

    def __init__(self, driver: Driver, place: str, environ: dict[str, str]) -> None:
        self.environ = environ
        self.stdout: TextIO = sys.stdout
        self.signs = True  # its requests find their region by their signatures
        self.pending: Any = None
        self._driver = driver
        self._runtime = driver.outside.at(place) if place else driver.outside
        self._client = HttpClient(self._runtime)
        name = f"test/{place}"
        self.random: Chance = self._runtime.chance(name)
        self.entropy: Chance = self._runtime.chance(f"{name}/entropy")

    def lane(self, _: dict[str, str]) -> None:
        """There is no shorter way for test code: its requests go over the world's links."""

    def activate(self, **_: Any) -> None:
        """Be the one whose time, chance and world boto3 uses from now on."""
        self.stdout = sys.stdout  # which pytest replaces for every test
        CURRENT.set(self)

    def now(self) -> float:
        """Virtual seconds."""
        return self._runtime.now()

    def wall(self) -> float:
        """The time outside of the world, which no fault puts wrong."""
        return self._runtime.wall()

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.wait(self._runtime.sleep(seconds))

    def wait(self, awaitable: Awaitable[T]) -> T:
        """Let the world go on until the awaitable is done."""
        return self._driver.wait(awaitable)

    async def answer(
        self, method: str, url: str, headers: Headers, body: bytes, read_s_max: float
    ) -> tuple[int, Headers, bytes]:
        """Carry a request to the region it was signed for. Raises Gone, TimedOut."""
        async with self._runtime.timeout(read_s_max):
            return await self.send(method, url, headers, body)

    async def send(
        self, method: str, url: str, headers: Headers, body: bytes
    ) -> tuple[int, Headers, bytes]:
        """Carry a request to the region it was signed for, however long it takes."""
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        signed = next((v for n, v in headers if n.lower() == "authorization"), "")
        simulated = self._driver.simulated
        region = region_of(signed.encode()) or region_of(target.encode())
        if region not in simulated.places:
            region = simulated.world.regions[0]  # which says that there is none
        if not any(name.lower() == "host" for name, _ in headers):
            headers = [("Host", parts.netloc), *headers]
        response = await self._client.request(
            Address(region, "api"), method, target, headers=headers, body=body
        )
        return response.status, list(response.headers), response.body
