"""The protocol by itself: whatever is lost, cut and killed, acknowledged changes have one order."""

import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec
import pytest

from antipodes.hosting.simulated import SimulatedWorld
from antipodes.regional.recovery.clusterapi import RecoveryCluster
from antipodes.regional.recovery.consensus import Unavailable
from antipodes.regional.recovery.registers import Ballot
from antipodes.regional.recovery.state import Agreed, Control, Panel
from antipodes.service.planes import CLUSTER_REGIONS
from tests.regional.recovery.worlds import KIND, TOKYO, E, W

if TYPE_CHECKING:
    from antipodes.runtime.contract import Chance
    from antipodes.runtime.virtual import VirtualRuntime

T = TypeVar("T")
CLUSTER = "c"
SPAN_S = 45.0


class Done(NamedTuple):
    """Something that was acknowledged: when, and how long the list of changes was with it."""

    start: float
    end: float
    length: int


def appended(before: Agreed | None, name: str) -> Agreed:
    """Put a change on the list, once."""
    if before is None:
        return Agreed("0", 1, (Panel(name, ""),))
    if before.panel(name) is not None:
        return before
    return msgspec.structs.replace(before, panels=(*before.panels, Panel(name, "")))


class Hunt:
    """Writers at all endpoints, while links and hosts come and go."""

    def __init__(self, seed: int) -> None:
        self.world = SimulatedWorld((W, E), seed=seed)
        self.outside: VirtualRuntime = self.world.outside
        self.chance: Chance = self.outside.chance("hunt")
        self.acknowledged: dict[str, Done] = {}
        self.reads: list[Done] = []
        self.tried = 0

    def endpoint(self, region: str) -> RecoveryCluster | None:
        """An endpoint that is up."""
        if region not in self.world.hosts:
            return None
        found = self.world.region(region).service("route53-recovery-cluster")
        assert isinstance(found, RecoveryCluster)
        return found

    def up(self, region: str) -> RecoveryCluster:
        """An endpoint that has to be up."""
        found = self.endpoint(region)
        assert found is not None
        return found

    async def on(self, region: str, work: Coroutine[Any, Any, T]) -> T:
        """Do something as a task of a region's host."""
        found: T = await self.world.region(region).runtime.spawn(work, "work")
        return found

    async def ask(self, region: str, *, read: bool) -> None:
        """Ask once; a task of the host's own, which a `kill -9` ends with it."""
        endpoint = self.endpoint(region)
        if endpoint is None:
            return
        start = self.outside.now()
        ended = self.outside.future()

        self.tried += 1
        name = str(self.tried)

        async def work() -> None:
            agreed: Agreed | None = None
            with contextlib.suppress(Unavailable):
                if read:
                    agreed = await endpoint.consensus.read(CLUSTER)
                else:
                    change = partial(appended, name=name)
                    agreed = await endpoint.consensus.change(CLUSTER, change)
            finish(agreed)

        def finish(agreed: Agreed | None) -> None:
            if not ended.done():
                ended.set_result(agreed)

        self.world.region(region).runtime.spawn(work(), "ask")
        self.outside.later(20.0, finish, None)
        agreed = await ended
        if agreed is None:
            return
        names = [panel.arn for panel in agreed.panels]
        if read:
            self.reads.append(Done(start, self.outside.now(), len(names)))
        else:
            length = names.index(name) + 1
            self.acknowledged[name] = Done(start, self.outside.now(), length)

    async def client(self, region: str) -> None:
        while self.outside.now() < SPAN_S:
            await self.outside.sleep(self.chance.random() * 2)
            await self.ask(region, read=self.chance.random() < 0.4)

    async def trouble(self) -> None:
        while self.outside.now() < SPAN_S:
            await self.outside.sleep(self.chance.random() * 3)
            one, other = self.chance.sample(CLUSTER_REGIONS, 2)
            match self.chance.randrange(4):
                case 0:
                    self.world.install({"kind": "cut-link", "a": one, "b": other})
                case 1:
                    self.world.install({"kind": "lossy-link", "a": one, "b": other, "loss": 0.3})
                case 2 if one in self.world.hosts:
                    self.world.kill(one)
                case _:
                    await self.world.heal_all()

    async def play(self) -> list[str]:
        """Play; return the list that is agreed upon at the end."""
        await self.world.start()
        for region in CLUSTER_REGIONS:
            assert await self.world.ensure_endpoint(region)
        async with self.outside.nursery() as nursery:
            nursery.spawn(self.trouble(), "trouble")
            for region in CLUSTER_REGIONS:
                nursery.spawn(self.client(region), f"client in {region}")
        await self.world.heal_all()
        await self.outside.sleep(30)
        return names(await self.on(W, self.up(W).consensus.read(CLUSTER)))


@pytest.mark.parametrize("seed", [3])
def test_acknowledged_changes_have_one_order_and_none_is_lost(seed: int) -> None:
    hunt = Hunt(seed)
    try:
        final = hunt.world.run(hunt.play())
    finally:
        hunt.world.close()
    assert len(hunt.acknowledged) > 20, "the world was not that broken"
    assert len({*final}) == len(final) <= hunt.tried
    for name, done in hunt.acknowledged.items():
        assert final[done.length - 1] == name, "an acknowledged change was lost"
    writes = list(hunt.acknowledged.values())
    for earlier in (*writes, *hunt.reads):
        for later in writes:
            assert later.start <= earlier.end or later.length > earlier.length
        for later in hunt.reads:
            assert later.start <= earlier.end or later.length >= earlier.length


def perform(scenario: Callable[[Hunt], Awaitable[None]]) -> None:
    """Five endpoints in good order, and what happens then."""
    hunt = Hunt(0)

    async def play() -> None:
        await hunt.world.start()
        for region in CLUSTER_REGIONS:
            await hunt.world.ensure_endpoint(region)
        await scenario(hunt)

    try:
        hunt.world.run(play())
    finally:
        hunt.world.close()


def names(agreed: Agreed | None) -> list[str]:
    return [panel.arn for panel in agreed.panels] if agreed is not None else []


def test_a_ballot_is_never_used_twice_even_by_who_forgot_everything_but_its_disk() -> None:
    numbers = []

    async def scenario(hunt: Hunt) -> None:
        for _ in range(3):
            await hunt.ask(W, read=False)
            numbers.append(hunt.up(W).registers.get(CLUSTER).promised.number)
            await hunt.world.heal(hunt.world.kill(W))

    perform(scenario)
    assert numbers == sorted(set(numbers))


def test_a_read_that_tells_of_an_unfinished_change_has_finished_it() -> None:
    """One endpoint has accepted a change, and its author is gone."""
    found = []

    async def scenario(hunt: Hunt) -> None:
        await hunt.ask(TOKYO, read=False)
        alone = hunt.up(W).registers
        promised, value = alone.get(CLUSTER).promised, alone.get(CLUSTER).value
        alone.accept(CLUSTER, Ballot(promised.number + 1, TOKYO), appended(value, "unfinished"))
        found.append(names(await hunt.on(W, hunt.up(W).consensus.read(CLUSTER))))
        hunt.world.kill(W)
        found.append(names(await hunt.on(TOKYO, hunt.up(TOKYO).consensus.read(CLUSTER))))

    perform(scenario)
    assert found == [["1", "unfinished"]] * 2


@pytest.mark.parametrize("slow", [(W,), tuple(region for region in CLUSTER_REGIONS if region != W)])
def test_what_an_endpoint_says_it_has_written_before(slow: tuple[str, ...]) -> None:
    """A promise and an acceptance, each a second on its way to the disks of some."""
    took_s = []

    async def scenario(hunt: Hunt) -> None:
        for region in slow:
            hunt.world.set_disk(region, slow_s=1.0)
        started = hunt.outside.now()
        await hunt.ask(W, read=False)
        took_s.append(hunt.outside.now() - started)

    perform(scenario)
    assert 2 < took_s[0] < 4


def test_news_that_come_late_change_nothing() -> None:
    logged: list[Any] = []
    arn = "a"

    def value(*, on: bool) -> Agreed:
        return Agreed("0", 1, (), (Control(arn, "n", "p", on),))

    async def scenario(hunt: Hunt) -> None:
        registers = hunt.up(W).registers
        registers.learn(CLUSTER, Ballot(2, TOKYO), value(on=True))
        registers.learn(CLUSTER, Ballot(1, TOKYO), value(on=False))
        chosen = registers.get(CLUSTER).chosen
        assert chosen is not None
        assert chosen.switches() == {arn: True}
        await hunt.outside.sleep(1)
        entries, _ = hunt.world.region(W).changes.read(0, 1000, (KIND,))
        logged.extend(entry.payload[1] for entry in entries)

    perform(scenario)
    assert logged == ["On"]
