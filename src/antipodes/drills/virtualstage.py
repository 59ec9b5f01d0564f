"""The way from a drill to a world inside one simulation: the same hosts, virtual time.

The application's own script deploys it, as in real time: unmodified, blocking boto3, whose requests
leave from the laptop. The last look at the tables and the replication's state is taken by call, not
over the network, so that looking changes nothing.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from antipodes.drills import words
from antipodes.drills.history import LagSample, Span, StreamRecord, Transfer
from antipodes.drills.model import CallPart, Drill, DrillError, Event
from antipodes.drills.programs import simulate_programs
from antipodes.drills.stage import Performed, last_line, replicated, to_span
from antipodes.drills.streamreading import RETENTION_S, reading
from antipodes.hosting.region import RegionHost
from antipodes.hosting.reports import replication_ways
from antipodes.hosting.scope import region_of
from antipodes.hosting.simulated import SimulatedWorld
from antipodes.runtime.contract import Address, DiskFull
from antipodes.runtime.customer import Headers
from antipodes.runtime.script import Script
from antipodes.runtime.virtual import VirtualRuntime
from antipodes.service.contract import ServiceError, Settings
from antipodes.service.http import HttpClient
from antipodes.world.atlas import load_atlas
from antipodes.world.sites import made_of
from antipodes.world.world import World

DEPLOY_S_MAX = 900.0  # of the simulated world


class VirtualStage:
    """A simulated world, from outside."""

    def __init__(self, drill: Drill, directory: Path) -> None:
        self._drill = drill
        self._directory = directory
        world = drill.world
        settings = Settings(
            seed=world.seed,
            propagation_s=world.propagation_s,
            replication_delay=world.replication_delay,
        )
        self.simulated = SimulatedWorld(
            world.regions,
            seed=world.seed,
            settings=settings,
            access=world.access,
            sites=made_of(world.sites, load_atlas()),
            restart_s=world.restart_s,
        )
        self._client = HttpClient(self.simulated.outside)
        self._said: dict[str, Any] = {}

    @property
    def runtime(self) -> VirtualRuntime:
        """The laptop."""
        return self.simulated.outside

    @property
    def world(self) -> World:
        """The one picture of the world that all hosts share."""
        return self.simulated.world

    async def deploy(self) -> dict[str, Any]:
        """Run the application's own deployment; return what it says of itself."""
        path = self._directory / self._drill.application.deploy
        if not path.is_file():
            raise DrillError(f"application.deploy: there is no {path}")
        variables = {
            "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",  # no data-127.0.0.1
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGIONS": ",".join(self._drill.world.regions),
        }
        await simulate_programs(self._drill, self._directory, self.runtime, variables, self._send)
        script = Script(
            self.runtime,
            path,
            variables=variables,
            chance=self.runtime.chance("deployment"),
            send=self._send,
        )
        async with self.runtime.timeout(DEPLOY_S_MAX):
            reply = await script.execute()
        if reply.kind != "ready" and not (reply.kind == "exit" and reply.status == 0):
            raise DrillError(f"{path.name} ended with {reply.kind}:\n{script.output.strip()}")
        self._said = last_line(path.name, script.output)
        return self._said

    async def _send(
        self, method: str, url: str, headers: Headers, body: bytes
    ) -> tuple[int, Headers, bytes]:
        """Carry a request of the script to the region it was signed for."""
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        signed = next((v for n, v in headers if n.lower() == "authorization"), "")
        region = region_of(signed.encode()) or self.world.regions[0]
        if not any(name.lower() == "host" for name, _ in headers):
            headers = [("Host", parts.netloc), *headers]
        door = Address(region, "api")
        response = await self._client.request(door, method, target, headers=headers, body=body)
        return response.status, list(response.headers), response.body

    async def perform(self, event: Event) -> Performed:
        """Do what an event says."""
        world = self.simulated
        for place in event.hosts().values():
            await world.ensure_endpoint(place)  # nobody may have needed it so far
        if event.kill or event.pause:
            return self._take_down(event)
        if event.clock:
            part = event.clock
            handle = world.set_clock(part.place, part.offset_s, part.drift_ppm)
            return Performed(words.clock(part), [handle])
        if event.disk:
            wrong = event.disk
            handle = world.set_disk(wrong.place, full=wrong.full, slow_s=wrong.slow_ms / 1e3)
            return Performed(words.disk(wrong), [handle])
        if event.fault or event.faults:
            plain = [event.fault] if event.fault else list(event.faults)
            handles = [world.install(fault) for fault in plain]
            described = dict(self.world.faults())
            return Performed("; ".join(described[h].describe() for h in handles), handles)
        if event.heal:
            await self.heal_all()
            return Performed("everything healed")
        return await self._call(event)

    def _take_down(self, event: Event) -> Performed:
        place = event.kill or event.pause
        if place not in self.simulated.hosts:
            return Performed(f"{place} was down already")
        if event.kill:
            return Performed(f"{place} killed", [self.simulated.kill(place)])
        return Performed(f"{place} paused", [self.simulated.pause(place)])

    async def _call(self, event: Event) -> Performed:
        if event.call:
            return Performed(words.call(event.call, await self._refusal(event.call)))
        name = {"FunctionName": event.function}
        present = await self.simulated.call(
            event.region, "lambda", "GetFunctionConfiguration", name
        )
        variables = {**present.get("Environment", {}).get("Variables", {}), **event.environment}
        await self.simulated.call(
            event.region,
            "lambda",
            "UpdateFunctionConfiguration",
            {**name, "Environment": {"Variables": variables}},
        )
        changed = ", ".join(f"{k}={v}" for k, v in sorted(event.environment.items()))
        return Performed(f"{changed} in {event.region}")

    async def _refusal(self, call: CallPart) -> str:
        """Make a call; return why it was refused, if it was."""
        if call.region not in self.simulated.hosts:
            return f"{call.region} does not answer"
        request = call.filled(self._said)
        try:
            await self.simulated.call(call.region, call.service, call.operation, request)
        except (ServiceError, DiskFull) as error:
            return str(error)
        return ""

    async def undo(self, performed: Performed) -> None:
        """Take back what an event did."""
        for handle in performed.handles:
            await self.simulated.heal(handle)

    async def heal_all(self) -> None:
        """Take back everything."""
        await self.simulated.heal_all()

    async def read_table(self, drill: Drill, region: str) -> dict[str, str] | None:
        """Read the application's table in a region; None where it cannot be read."""
        table = drill.application.table
        found: dict[str, str] = {}
        request: dict[str, Any] = {"TableName": table.name, "ConsistentRead": True}
        while region in self.simulated.hosts:
            try:
                page = await self.simulated.call(region, "dynamodb", "Scan", request)
            except (ServiceError, DiskFull):
                return None
            for item in page["Items"]:
                if table.value in item:
                    found[item[table.key]["S"]] = item[table.value]["S"]
            if "LastEvaluatedKey" not in page:
                return found
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        return None

    async def read_stream(self, drill: Drill, region: str) -> list[StreamRecord] | None:
        """Read the table's stream in a region; None where it cannot be read whole."""
        since = self.runtime.wall() - self.runtime.interval(RETENTION_S)
        steps, answer = reading(drill, region, since), None
        while region in self.simulated.hosts:
            try:
                operation, request = steps.send(answer)
                answer = await self.simulated.call(region, "dynamodbstreams", operation, request)
            except StopIteration as end:
                found: list[StreamRecord] | None = end.value
                return found
            except (ServiceError, DiskFull):
                break
        return None

    def _ways(self, said: Callable[[RegionHost], dict[str, Any]]) -> list[dict[str, Any]]:
        hosts = self.simulated.hosts.values()
        statuses = [said(host) for host in hosts if isinstance(host, RegionHost)]
        return replication_ways(self.world.regions, statuses)

    async def lags(self, at_s: float) -> list[LagSample]:
        """Replication as it is now."""
        return [
            LagSample(
                at_s,
                row["source"],
                row["destination"],
                int(row.get("pending") or 0),
                float(row.get("lag_s") or 0.0),
            )
            for row in self._ways(RegionHost.lags)
        ]

    async def transfers(self) -> list[Transfer]:
        """What went from place to place so far: replication by table, and all the rest."""
        found = replicated(self._ways(RegionHost.status))
        known: dict[tuple[str, str], int] = {}
        for transfer in found:
            way = (transfer.source, transfer.destination)
            known[way] = known.get(way, 0) + transfer.bytes
        for (source, destination), size in sorted(self.simulated.simulation.traffic.items()):
            rest = size - known.get((source, destination), 0)
            if rest > 0:
                what = self._what(source, destination)
                found.append(Transfer(source, destination, what, rest))
        return found

    def _what(self, source: str, destination: str) -> str:
        """What crosses between two places beside the tables' changes.

        Between regions these are the beats and acknowledgements of replication, unless a request
        was sent on.
        """
        host = self.simulated.hosts.get(source)
        regions = self.simulated.places
        if not isinstance(host, RegionHost) or destination not in regions:
            return "traffic"
        return "traffic" if destination in host.forwarded else "protocol"

    async def spans(self, traces: list[str]) -> list[Span]:
        """The pieces of work of some traced requests."""
        journal = self.simulated.simulation.journal
        return [to_span(span) for span in journal.spans(*traces)]

    def close(self) -> None:
        """Let go of everything."""
        self.simulated.close()
