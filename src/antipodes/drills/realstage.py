"""The way from a drill to a running world, in real time: processes, sockets, `kill -9`.

The drill stands outside: it starts a world of its own in a directory of its own, deploys the
application with the application's own script, and uses AWS's API and the world's endpoints like
anybody else. Its load is made in this process, standing in the cities.
"""

import os
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any

import orjson

from antipodes.drills import words
from antipodes.drills.history import LagSample, Span, StreamRecord, Transfer
from antipodes.drills.model import CallPart, Drill, DrillError, Event
from antipodes.drills.programs import open_screens, start_processes
from antipodes.drills.stage import Performed, last_line, replicated, to_span
from antipodes.drills.streamreading import RETENTION_S, Reading, reading
from antipodes.hosting.configuration import Configuration
from antipodes.hosting.control import restore_faults
from antipodes.hosting.links import WorldLinks
from antipodes.runtime import commands
from antipodes.runtime.contract import Address, Gone, TimedOut
from antipodes.runtime.real import RealRuntime
from antipodes.runtime.statedirectory import read_world
from antipodes.service.http import HttpClient
from antipodes.world.atlas import load_atlas
from antipodes.world.sites import made_of, written
from antipodes.world.world import World

DEPLOY_S_MAX = 180.0
ANSWER_S_MAX = 60.0
TRACED = 20


class WorldProcess:
    """A world started for a drill, and stopped after it."""

    def __init__(self, drill: Drill, directory: Path) -> None:
        self._drill = drill
        self._directory = directory
        self.state = commands.make_tree("antipodes-drill-")
        self.port = 0
        self.said: dict[str, Any] = {}
        self.run_directory = Path()
        self._programs: list[commands.Detached] = []

    def start(self) -> None:
        """Start the world; it is up when this returns. Raises DrillError."""
        world = self._drill.world
        arguments = [
            *(sys.executable, "-m", "antipodes", "--state", str(self.state), "up", "--detach"),
            *("--regions", ",".join(world.regions), "--port", "0", "--speed", f"{world.speed:g}"),
            *("--seed", str(world.seed), "--propagation", f"{world.propagation_s:g}"),
            *("--replication-delay", world.replication_delay),
            *(f"--resolver={city}={how}" for city, how in world.resolvers.items()),
        ]
        if world.sites:
            file = self.state / "sites.toml"
            file.write_text(written(world.sites))
            arguments += ["--sites", str(file)]
        status, output = commands.run_captured(arguments, dict(os.environ), ANSWER_S_MAX)
        if status != 0:
            raise DrillError(f"the world did not start: {output.strip()}")
        announced = read_world(self.state)
        assert announced is not None, "a world that is up has announced itself"
        self.port = announced["port"]
        self.run_directory = Path(announced["run"])

    def environment(self) -> dict[str, str]:
        """What points AWS's tools at this world."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        return {
            **kept,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",  # no data-127.0.0.1
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGIONS": ",".join(self._drill.world.regions),
        }

    def deploy(self) -> dict[str, Any]:
        """Run the application's own deployment; return what it says of itself."""
        script = self._directory / self._drill.application.deploy
        if not script.exists():
            raise DrillError(f"application.deploy: there is no {script}")
        self._programs = start_processes(
            self._drill, self._directory, self.environment(), self.state
        )
        status, output = commands.run_captured(
            [sys.executable, str(script)], self.environment(), DEPLOY_S_MAX
        )
        if status != 0:
            raise DrillError(f"{script.name} ended with status {status}:\n{output.strip()}")
        self.said = last_line(script.name, output)
        return self.said

    def stop(self, *, keep: bool) -> None:
        """Stop the world and remove its state."""
        commands.run_captured(
            [sys.executable, "-m", "antipodes", "--state", str(self.state), "down"],
            dict(os.environ),
            ANSWER_S_MAX,
        )
        for program in self._programs:
            program.terminate()
        if not keep:
            commands.remove_tree(self.state)


class RealStage:
    """A running world, from inside the drill's process."""

    def __init__(self, runtime: RealRuntime, world: World, process: WorldProcess) -> None:
        self.runtime = runtime
        self.world = world
        self._process = process
        self._said = process.said
        self._client = HttpClient(runtime)
        self._address = Address("laptop", f"127.0.0.1:{process.port}")

    @classmethod
    async def open(cls, drill: Drill, process: WorldProcess) -> "RealStage":
        """Stand outside of a world that is up."""
        configuration = Configuration(
            place="",
            regions=drill.world.regions,
            run_directory=str(process.run_directory),
            state_directory=str(process.state),
            seed=drill.world.seed,
            access=drill.world.access,
            sites=made_of(drill.world.sites, load_atlas()),
        )
        world = configuration.world()
        runtime = await RealRuntime.start(
            host="drill",
            links=WorldLinks(world),
            run_directory=process.run_directory,
            state_directory=process.state,
            seed=drill.world.seed,
            speed=drill.world.speed,
            serve=False,
        )
        await open_screens(drill, runtime)
        return cls(runtime, world, process)

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the world itself. Raises DrillError on a refusal, Gone or TimedOut on silence."""
        async with self.runtime.timeout(ANSWER_S_MAX):
            response = await self._client.request(
                self._address,
                method,
                f"/_antipodes{path}",
                body=b"" if body is None else orjson.dumps(body),
                keep_alive=False,
            )
        said = orjson.loads(response.body)
        if response.status != HTTPStatus.OK:
            raise DrillError(said.get("message", f"HTTP {response.status}"))
        return said

    async def perform(self, event: Event) -> Performed:
        """Do what an event says."""
        if event.kill or event.pause:
            return await self._take_down(event)
        if event.clock:
            plain = {"offset_s": event.clock.offset_s, "drift_ppm": event.clock.drift_ppm}
            place = event.clock.place
            handle = (await self.ask("POST", f"/hosts/{place}/clock", plain))["handle"]
            return Performed(words.clock(event.clock), [handle])
        if event.disk:
            wrong = {"full": event.disk.full, "slow_ms": event.disk.slow_ms}
            said = await self.ask("POST", f"/hosts/{event.disk.place}/disk", wrong)
            return Performed(words.disk(event.disk), [said["handle"]])
        if event.fault or event.faults:
            return await self._install([event.fault] if event.fault else list(event.faults))
        if event.heal:
            await self.heal_all()
            return Performed("everything healed")
        if event.call:
            refused = await self.runtime.run_blocking(self._refusal, event.call)
            return Performed(words.call(event.call, refused))
        await self.runtime.run_blocking(self._set_environment, event)
        variables = ", ".join(f"{k}={v}" for k, v in sorted(event.environment.items()))
        return Performed(f"{variables} in {event.region}")

    async def _take_down(self, event: Event) -> Performed:
        place, how = event.kill or event.pause, "kill" if event.kill else "pause"
        hosts = (await self.ask("GET", "/status"))["hosts"]
        if place in hosts and hosts[place]["state"] != "up":
            return Performed(f"{place} was down already")
        handle = (await self.ask("POST", f"/hosts/{place}/{how}"))["handle"]
        return Performed(f"{place} {how}ed" if event.kill else f"{place} paused", [handle])

    async def _install(self, plain: list[dict[str, Any]]) -> Performed:
        handles = [(await self.ask("POST", "/faults", fault))["handle"] for fault in plain]
        await self._learn_faults()
        described = (await self.ask("GET", "/status"))["faults"]
        return Performed("; ".join(str(described[handle]) for handle in handles), handles)

    async def undo(self, performed: Performed) -> None:
        """Take back what an event did."""
        present = (await self.ask("GET", "/status"))["faults"]
        for handle in performed.handles:
            if handle in present:
                await self.ask("DELETE", f"/faults/{handle}")
        await self._learn_faults()

    async def heal_all(self) -> None:
        """Take back everything."""
        await self.ask("DELETE", "/faults")
        await self._learn_faults()

    async def _learn_faults(self) -> None:
        found = await self.ask("GET", "/faults")
        restore_faults(self.world, [[handle, fault] for handle, fault in found.items()])

    def _set_environment(self, event: Event) -> None:
        functions = self._boto("lambda", event.region)
        present = functions.get_function_configuration(FunctionName=event.function)
        variables = {**present.get("Environment", {}).get("Variables", {}), **event.environment}
        functions.update_function_configuration(
            FunctionName=event.function, Environment={"Variables": variables}
        )

    def _refusal(self, call: CallPart) -> str:
        """Make a call; return why it was refused, if it was."""
        client = self._boto(call.service, call.region)
        operation = client.meta.method_to_api_mapping
        method = next((name for name, api in operation.items() if api == call.operation), "")
        if not method:
            raise DrillError(f"call: {call.service} has no operation {call.operation}")
        try:
            getattr(client, method)(**call.filled(self._said))
        except _boto_errors() as error:
            return str(error)
        return ""

    def _boto(self, service: str, region: str) -> Any:
        import boto3  # noqa: PLC0415 - slow to import, and only needed here
        from botocore.config import Config  # noqa: PLC0415 - as above

        return boto3.client(
            service,
            region_name=region,
            endpoint_url=f"http://127.0.0.1:{self._process.port}",
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - any will do
            config=Config(retries={"total_max_attempts": 2}, connect_timeout=5, read_timeout=20),
        )

    async def read_table(self, drill: Drill, region: str) -> dict[str, str] | None:
        """Read the application's table in a region; None where it cannot be read."""
        try:
            return await self.runtime.run_blocking(self._scan, drill, region)
        except _boto_errors():
            return None

    def _scan(self, drill: Drill, region: str) -> dict[str, str]:
        table = drill.application.table
        pages = self._boto("dynamodb", region).get_paginator("scan")
        return {
            item[table.key]["S"]: item[table.value]["S"]
            for page in pages.paginate(TableName=table.name, ConsistentRead=True)
            for item in page["Items"]
            if table.value in item
        }

    async def read_stream(self, drill: Drill, region: str) -> list[StreamRecord] | None:
        """Read the table's stream in a region; None where it cannot be read whole."""
        since = self.runtime.wall() - self.runtime.interval(RETENTION_S)
        try:
            return await self.runtime.run_blocking(
                self._read, reading(drill, region, since), region
            )
        except _boto_errors():
            return None

    def _read(self, steps: Reading, region: str) -> list[StreamRecord] | None:
        client = self._boto("dynamodbstreams", region)
        methods = {api: name for name, api in client.meta.method_to_api_mapping.items()}
        answer: Any = None
        while True:
            try:
                operation, request = steps.send(answer)
            except StopIteration as end:
                found: list[StreamRecord] | None = end.value
                return found
            answer = getattr(client, methods[operation])(**request)

    async def lags(self, at_s: float) -> list[LagSample]:
        """Replication as it is now; nothing where nobody can say."""
        try:
            rows = await self.ask("GET", "/replication")
        except (Gone, TimedOut, DrillError):
            return []
        return [
            LagSample(
                at_s,
                row["source"],
                row["destination"],
                int(row.get("pending") or 0),
                float(row.get("lag_s") or 0.0) * self.runtime.speed,
            )
            for row in rows
        ]

    async def transfers(self) -> list[Transfer]:
        """What went from place to place so far, as far as the world counts it."""
        try:
            rows = await self.ask("GET", "/replication")
        except (Gone, TimedOut, DrillError):
            return []
        return replicated(rows)

    async def spans(self, traces: list[str]) -> list[Span]:
        """The pieces of work of some traced requests: of a few, since every host is asked."""
        found = []
        for trace in traces[:: max(1, len(traces) // TRACED)]:
            try:
                rows = await self.ask("GET", f"/traces/{trace}")
            except (Gone, TimedOut, DrillError):
                continue
            found += [to_span(row) for row in rows]
        return found

    async def close(self) -> None:
        """Let go of the world; it goes on."""
        self._client.close()
        await self.runtime.close()


def _boto_errors() -> tuple[type[Exception], ...]:
    from botocore.exceptions import (  # noqa: PLC0415 - slow to import, and only needed here
        BotoCoreError,
        ClientError,
    )

    return (BotoCoreError, ClientError)
