"""One run of a drill: load and timeline side by side, then healing, quiet, and a last look."""

from collections.abc import Callable

from antipodes.drills.history import History, LagSample, Loss, Moment, StreamRecord
from antipodes.drills.load import Load
from antipodes.drills.model import Drill, Event
from antipodes.drills.stage import Performed, Stage

LAG_SAMPLE_S = 2.0  # of the world, but not more often than ...
LAG_SAMPLE_S_MIN = 0.5  # ... physically
QUIET_S_MAX = 60.0
QUIET_POLL_S = 0.25
SERVING_POLL_S = 1.0  # what was just deployed takes half a minute and more to spread
# In a survivor, what was under way when the region died arrives within one more round trip.
UNDER_WAY_S = 0.75
TRACED = 200  # requests whose spans are kept

Progress = Callable[[str], None]


class Run:
    """The parts of one run."""

    def __init__(self, drill: Drill, stage: Stage, url: str, progress: Progress) -> None:
        self._drill = drill
        self._stage = stage
        self._progress = progress
        self._load = Load(stage.runtime, stage.world, drill, url)
        self._moments: list[Moment] = []
        self._lags: list[LagSample] = []
        self._losses: list[Loss] = []
        self._over = False

    @property
    def started(self) -> float:
        """When the load began, by the run's clock."""
        return self._load.started

    async def execute(self) -> History:
        """Run it all; return the history."""
        runtime = self._stage.runtime
        await self._wait_serving()
        async with runtime.nursery() as nursery:
            sampling = nursery.spawn(self._sample(), "lag samples")
            async with runtime.nursery() as acting:
                acting.spawn(self._load.run(), "load")
                acting.spawn(self._timeline(), "timeline")
            self._over = True
            await sampling
        operations = self._load.operations
        traced = [o.trace for o in operations[:: max(1, len(operations) // TRACED)]]
        spans = await self._stage.spans(traced)
        transfers = await self._stage.transfers()
        self._progress("healing, and waiting for quiet")
        await self._stage.heal_all()
        final = await self._wait_quiet()
        return History(
            operations,
            self._moments,
            self._lags,
            self._losses,
            final,
            streams=await self._streams(),
            transfers=transfers,
            spans=spans,
        )

    async def _streams(self) -> dict[str, list[StreamRecord]]:
        """The tables' streams, where the drill expects something of them."""
        found: dict[str, list[StreamRecord]] = {}
        if self._drill.expect.stream_gaps is not None:
            for region in self._drill.world.regions:
                records = await self._stage.read_stream(self._drill, region)
                if records is not None:
                    found[region] = records
        return found

    async def _wait_serving(self) -> None:
        """Begin when the application answers in every city: what was just made has to spread."""
        patience = self._stage.runtime.deadline(self._drill.application.settle_s) + 30
        probe = Load(self._stage.runtime, self._stage.world, self._drill, self._load.url)
        self._progress("waiting until every city is served")
        async with self._stage.runtime.timeout(patience):
            for city in self._drill.load.cities:
                while not await probe.probe(city):
                    await self._stage.runtime.sleep(SERVING_POLL_S)

    async def _timeline(self) -> None:
        runtime = self._stage.runtime
        async with runtime.nursery() as undoing:
            for event in self._drill.timeline:
                await self._wait_until(event.at_s)
                performed = await self._perform(event)
                if event.kill in self._drill.world.regions:
                    look = self._look_at_survivors(event.kill, self._load.world_s())
                    undoing.spawn(look, "look at survivors")
                if event.for_s:
                    undoing.spawn(self._undo_later(event, performed), "undo")

    async def _wait_until(self, world_s: float) -> None:
        runtime = self._stage.runtime
        due = self._load.started + world_s / self._drill.world.speed
        await runtime.sleep(max(0.0, due - runtime.now()))

    async def _perform(self, event: Event) -> Performed:
        at_s = self._load.world_s()
        if event.rate:
            self._load.rate = event.rate
            performed = Performed(f"{event.rate:g} requests a second from each city")
        else:
            performed = await self._stage.perform(event)
        self._moments.append(Moment(at_s, event.phase, performed.what, event.kill))
        self._progress(f"{event.phase or 'meanwhile'}: {performed.what}")
        return performed

    async def _undo_later(self, event: Event, performed: Performed) -> None:
        await self._wait_until(event.at_s + event.for_s)
        await self._stage.undo(performed)
        self._moments.append(Moment(self._load.world_s(), "", f"no longer: {performed.what}"))
        self._progress(f"no longer: {performed.what}")

    async def _look_at_survivors(self, region: str, at_s: float) -> None:
        await self._stage.runtime.sleep(UNDER_WAY_S)
        found = {}
        for survivor in self._drill.world.regions:
            if survivor != region:
                content = await self._stage.read_table(self._drill, survivor)
                if content is not None:
                    found[survivor] = content
        self._losses.append(Loss(region, at_s, found))

    async def _sample(self) -> None:
        pause_s = max(LAG_SAMPLE_S / self._drill.world.speed, LAG_SAMPLE_S_MIN)
        while not self._over:
            self._lags.extend(await self._stage.lags(self._load.world_s()))
            self._progress(self._line())
            await self._stage.runtime.sleep(pause_s)

    def _line(self) -> str:
        done = self._load.operations
        at = min(self._load.world_s(), self._drill.duration_s)
        return f"\r{at:6.0f} of {self._drill.duration_s:.0f} s: {len(done)} requests"

    async def _wait_quiet(self) -> dict[str, dict[str, str]]:
        """Wait until the replicas agree (bounded), then return what each of them has."""
        runtime = self._stage.runtime
        end = runtime.now() + QUIET_S_MAX
        while True:
            final = {}
            for region in self._drill.world.regions:
                content = await self._stage.read_table(self._drill, region)
                if content is not None:
                    final[region] = content
            alike = len(final) == len(self._drill.world.regions)
            contents = list(final.values())
            if (alike and all(c == contents[0] for c in contents)) or runtime.now() > end:
                return final
            await runtime.sleep(QUIET_POLL_S)
