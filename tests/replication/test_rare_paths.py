"""Every marked rare path of replication is taken by some run with everything going wrong."""

import re
from pathlib import Path

import antipodes.replication
from antipodes.replication.logserver import Refused
from antipodes.runtime.contract import Gone, TimedOut
from tests.replication.worlds import CUT, Copy, Source, Stage

SOURCE = Path(antipodes.replication.__file__).parent
MARK = re.compile(r'_?sometimes\(\s*"(replication\.[a-z-]+)"(?: if \w+ else "(replication[^"]+)")?')


def marked() -> set[str]:
    """The names of all rare paths of the package, clocks aside (see test_wrong_clocks)."""
    found: set[str] = set()
    for path in SOURCE.glob("*.py"):
        if path.name != "versions.py":
            for names in MARK.findall(path.read_text()):
                found.update(name for name in names if name)
    return found


class Trouble:
    """A source, a follower, and everything that can happen to them."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._chance = stage.outside.chance("trouble")
        self._source: Source
        self._copy: Copy
        self._number = 0

    async def run(self) -> None:
        """Let a lot go wrong, and then nothing: all that counts is there, once."""
        self._source = await self._start()
        self._copy = self._follow()
        for number in range(11_000):
            self._source.changes.append("t/n", -number)
        steps = [self._write] * 6 + [self._kill, self._cut, self._fill, self._write_much, self._ask]
        for _ in range(60):
            await self._chance.choice(steps)()
            await self._stage.outside.sleep(self._chance.uniform(0, 1))
        await self._stage.wait_until(lambda: self._copy.follower.lag_s == 0)
        assert self._copy.most_times == 1
        assert len(self._copy.applied) == self._source.changes.head
        await self._replace_disks()

    async def _replace_disks(self) -> None:
        """What was on them is for others to copy; here it counts that both go on."""
        self._stage.simulation.kill("b")
        self._stage.simulation.disk("b/main").wipe()
        self._source.store.trim_log(self._source.changes.head - 1)
        self._copy = self._follow()
        await self._stage.wait_until(lambda: self._copy.follower.connected)
        self._stage.simulation.kill("a")
        self._stage.simulation.disk("a/main").wipe()
        self._source = await self._start()
        await self._source.append("t/n", "of the new log")
        await self._stage.wait_until(lambda: self._copy.follower.position == 1)
        await self._source.append("t/n", "the end")
        await self._stage.wait_until(lambda: self._copy.applied[-1:] == ["the end"])

    def _follow(self) -> Copy:
        return self._stage.copy(behind=lambda _: None)

    async def _start(self) -> Source:
        source = await self._stage.source()
        source.server.serve("size", lambda size: "x" * size)
        return source

    async def _write(self) -> None:
        for _ in range(self._chance.randint(1, 30)):
            self._number += 1
            self._source.changes.append("t/n", self._number)
            await self._stage.outside.sleep(self._chance.choice([0, 0.01]))

    async def _write_much(self) -> None:
        """More than what fits into a connection."""
        for _ in range(40):
            self._source.changes.append("t/n", "x" * 400_000)
        await self._source.store.committed()
        await self._stage.outside.sleep(self._chance.uniform(0, 0.2))
        if self._chance.random() < 0.7:
            await self._kill()

    async def _kill(self) -> None:
        if self._chance.random() < 0.5:
            self._stage.simulation.kill("a")
            await self._stage.outside.sleep(self._chance.uniform(0, 2))
            self._source = await self._start()
        else:
            self._stage.simulation.kill("b")
            await self._stage.outside.sleep(self._chance.uniform(0, 2))
            self._copy = self._follow()

    async def _cut(self) -> None:
        way = self._chance.choice([("a", "b"), ("b", "a")])
        self._stage.links.change(*way, CUT)
        await self._stage.outside.sleep(self._chance.uniform(0, 14))
        await self._write()
        self._stage.links.change(*way)

    async def _fill(self) -> None:
        name = self._chance.choice("ab")
        if name == "b":
            self._stage.simulation.set_disk("b", full=True)
            await self._write()
        else:
            await self._stage.outside.sleep(self._chance.uniform(0, 10))
            self._stage.simulation.set_disk("a", full=True)
        await self._stage.outside.sleep(self._chance.uniform(0, 12))
        self._stage.simulation.set_disk(name, full=False)

    async def _ask(self) -> None:
        self._stage.outside.spawn(_asked(self._copy), "ask")
        await self._stage.outside.sleep(self._chance.uniform(0, 0.1))
        await self._kill()


async def _asked(copy: Copy) -> None:
    try:
        await copy.follower.query("size", 100_000)
    except (Gone, TimedOut, Refused):
        return


def test_every_marked_path_is_taken() -> None:
    taken: set[str] = set()
    for seed in range(12):
        stage = Stage(seed)
        stage.run(lambda stage: Trouble(stage).run())
        taken.update(stage.simulation.journal.markers())
        if marked() <= taken:
            break
    assert not marked() - taken, seed
