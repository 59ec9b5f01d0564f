"""The protocol by itself: whatever is lost, cut and killed, acknowledged changes have one order."""

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest

from antipodes.hosting.simulated import SimulatedWorld
from antipodes.regional.recovery.clusterapi import RecoveryCluster
from antipodes.regional.recovery.consensus import Unavailable
from antipodes.regional.recovery.state import Agreed, Panel
from antipodes.service.planes import CLUSTER_REGIONS
from tests.regional.recovery.worlds import E, W

if TYPE_CHECKING:
    from antipodes.runtime.contract import Chance
    from antipodes.runtime.virtual import VirtualRuntime

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
        endpoint = self.endpoint(W)
        assert endpoint is not None
        reading = endpoint.consensus.read(CLUSTER)
        agreed: Any = await self.world.region(W).runtime.spawn(reading, "read")
        return [panel.arn for panel in agreed.panels]


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


def test_a_ballot_is_never_used_twice_even_by_who_forgot_everything_but_its_disk() -> None:
    hunt = Hunt(0)

    async def play() -> list[int]:
        await hunt.world.start()
        for region in CLUSTER_REGIONS:
            await hunt.world.ensure_endpoint(region)
        found = []
        for _ in range(3):
            await hunt.ask(W, read=False)
            endpoint = hunt.endpoint(W)
            assert endpoint is not None
            found.append(endpoint.registers.get(CLUSTER).promised.number)
            await hunt.world.heal(hunt.world.kill(W))
        return found

    try:
        numbers = hunt.world.run(play())
    finally:
        hunt.world.close()
    assert numbers == sorted(set(numbers))
