"""A region's host with chosen services, in either body, and packages to deploy on it."""

import asyncio  # noqa: TID251 - stands outside of the host
import functools
import io
import os
import tempfile  # noqa: TID251 - stands outside of the host
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from antipodes.regional.cloudwatch.api import CloudWatch
from antipodes.regional.lambda_.api import Lambda
from antipodes.regional.logs.api import Logs
from antipodes.replication.changelog import ChangeLog
from antipodes.runtime.contract import Runtime
from antipodes.runtime.main import run_main
from antipodes.runtime.real import RealRuntime
from antipodes.runtime.virtual import Simulation
from antipodes.service.contract import Request, Response, Service, Settings
from antipodes.service.dispatch import Dispatcher
from antipodes.service.http import HttpRequest, HttpResponse, HttpServer
from tests.runtime.worlds import FakeLinks

REGION = "us-west-2"
ACCOUNT = "000000000000"
ROLE = "arn:aws:iam::000000000000:role/lambda"


class SmallHost:
    """A host of lambda, logs and cloudwatch."""

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        self.place = runtime.place
        self.runtime = runtime
        self.settings = settings
        self.store = runtime.open_store("main")
        self.world: Any = None
        self.changes = ChangeLog(self.store)
        self.api_url = ""
        self.services: dict[str, Service] = {
            kind.name: kind(self) for kind in (Logs, CloudWatch, Lambda)
        }
        self.dispatcher = Dispatcher(self, self.services)
        self._clients: list[Any] = []
        self.server = HttpServer(runtime, self.dispatcher.handle, store=self.store)

    async def start(self) -> None:
        if not self.runtime.virtual:
            self._listener = await self.runtime.listen_loopback(self.server.receiver)
            self.api_url = f"http://127.0.0.1:{self._listener.port}"
        for service in self.services.values():
            await service.start()

    async def stop(self) -> None:
        for service in reversed(self.services.values()):
            await service.stop()
        await self.store.committed()
        self.store.close()
        if not self.runtime.virtual:
            for client in self._clients:
                client.close()
            self._listener.close()
            await self.runtime.sleep(0.05)  # the loop lets go of it

    async def serve_http(self, request: HttpRequest) -> HttpResponse:
        answer = self.dispatcher.handle(request)
        response = answer if isinstance(answer, HttpResponse) else await answer
        await self.store.committed()
        return response

    async def call(
        self, service: str, operation: str, request: Request, *, account: str, trace: str = ""
    ) -> Response:
        return await self.dispatcher.call(service, operation, request, account=account, trace=trace)

    def service(self, name: str) -> Service | None:
        return self.services.get(name)

    # What tests say.

    async def do(
        self, operation: str, *, account: str = ACCOUNT, service: str = "lambda", **request: Any
    ) -> Response:
        """Call an operation."""
        return await self.call(service, operation, request, account=account)

    async def deploy(
        self, code: str | dict[str, str], *, account: str = ACCOUNT, **more: Any
    ) -> Response:
        """Create a function `f` whose module is `app`."""
        request = {
            "FunctionName": "f",
            "Runtime": "python3.12",
            "Role": ROLE,
            "Handler": "app.handler",
            "Code": {"ZipFile": package(code)},
            **more,
        }
        return await self.call("lambda", "CreateFunction", request, account=account)

    async def invoke(self, payload: bytes = b"{}", **more: Any) -> Response:
        """Invoke the function `f`."""
        return await self.do("Invoke", FunctionName="f", Payload=payload, **more)

    def client(self, service: str, account: str = ACCOUNT) -> Any:
        """An ordinary boto3 client; real body only, and in a thread."""
        client = boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.api_url,
            aws_access_key_id=account,
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )
        self._clients.append(client)
        return client


Scenario = Callable[[SmallHost], Awaitable[Any]]


def package(code: str | dict[str, str]) -> bytes:
    """A zip file of modules."""
    files = {"app.py": code} if isinstance(code, str) else code
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), text)
    return buffer.getvalue()


def in_virtual(scenario: Scenario, *, seed: int = 1, settings: Settings | None = None) -> Any:
    """Run a scenario in a simulation."""
    simulation = Simulation(FakeLinks(0.0), seed=seed)
    runtime = simulation.boot(REGION)

    async def live() -> Any:
        host = SmallHost(runtime, settings or Settings())
        await host.start()
        result = await scenario(host)
        await host.stop()
        return result

    async def main() -> Any:
        return await runtime.spawn(live(), "scenario")

    try:
        return simulation.run(main())
    finally:
        simulation.close()


def in_real(scenario: Scenario, *, settings: Settings | None = None) -> Any:
    """Run a scenario on real sockets and processes."""

    async def main(directory: Path) -> Any:
        runtime = await RealRuntime.start(
            host=REGION,
            links=FakeLinks(0.0),
            run_directory=directory,
            state_directory=directory / "state",
            serve=False,
        )
        host = SmallHost(runtime, settings or Settings())
        try:
            await host.start()
            return await scenario(host)
        finally:
            await host.stop()
            await runtime.close()

    with tempfile.TemporaryDirectory(prefix="ap-") as directory:
        return run_main(main(Path(directory)))


async def in_thread(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Run what blocks beside the host."""
    return await asyncio.to_thread(functools.partial(function, *arguments, **named))


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def kill(pid: int) -> None:
    """`kill -9`."""
    os.kill(pid, 9)  # noqa: TID251 - stands outside of the host


async def wait(condition: Callable[[], bool]) -> bool:
    """Wait until a condition holds, for about 30 s at most; return whether it does."""
    looks = 0
    while not condition():
        if looks == 3000:
            return False
        looks += 1
        await asyncio.sleep(0.01)
    return True


async def wait_gone(*pids: int) -> bool:
    """Wait until processes are gone."""
    return await wait(lambda: not any(alive(pid) for pid in pids))


BODIES = {"virtual": in_virtual, "real": in_real}
