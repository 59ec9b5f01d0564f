"""Rounds: a question to the other members of a table, and their answers as they come.

The nearest member is asked first, over the connection that is kept to follow its log, so an answer
takes one round trip. The next is asked when the nearest is late, cannot be reached, or its answer
does not do. How far members are is measured by their answers; who was late lately comes last.
A question may reach a member twice: all of them are such that this changes nothing.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from antipodes.replication.follower import Follower
from antipodes.replication.logserver import Refused
from antipodes.runtime.contract import Gone, Runtime, Task, TimedOut

QUERY, PING = "dynamodb/strong", "dynamodb/strong-ping"
AGAIN_S = 0.1  # until somebody who could not be reached is asked again
LATE_S = 0.05  # beyond twice the usual time: then the next member is asked
UNKNOWN_S = 0.5  # the usual time of somebody who has never answered
AVOIDED_S = 5.0  # how long somebody who was late is asked last
NEW_SHARE = 0.2  # of a new measurement in the usual time


class Answer(NamedTuple):
    """Who answered, and what; `again` if an earlier sending of the question was not answered.

    Then a refusal says nothing of what became of that one.
    """

    region: str
    content: Any
    again: bool


class Distances:
    """How long each member usually takes to answer, and who was late lately."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._usual_s: dict[str, float] = {}
        self._late_at: dict[str, float] = {}
        self._measuring: dict[str, None] = {}

    def usual_s(self, region: str) -> float:
        """The usual time to an answer."""
        return self._usual_s.get(region, UNKNOWN_S)

    def order(self, regions: tuple[str, ...]) -> list[str]:
        """The nearest first; those that were late lately last."""
        return sorted(regions, key=lambda r: (self._avoided(r), self.usual_s(r), r))

    def _avoided(self, region: str) -> bool:
        late_at = self._late_at.get(region)
        return late_at is not None and self._runtime.now() - late_at < AVOIDED_S

    def answered(self, region: str, took_s: float) -> None:
        """Note an answer."""
        known = self._usual_s.get(region, took_s)
        share = NEW_SHARE if took_s > known else 1.0  # what is quick is near, what is late is busy
        self._usual_s[region] = known + share * (took_s - known)
        self._late_at.pop(region, None)

    def measure(self, followers: Mapping[str, Follower], regions: tuple[str, ...]) -> None:
        """Ask members for nothing, to learn how far they are."""
        for region in regions:
            if region not in self._measuring:
                self._measuring[region] = None
                asking = self._measure(followers[region])
                self._runtime.spawn(asking, f"measure the way to {region}")

    async def _measure(self, follower: Follower) -> None:
        started = self._runtime.now()
        try:
            async with self._runtime.timeout(self._runtime.deadline(AVOIDED_S)):
                await follower.query(PING, ["", ""])
            self.answered(follower.source, self._runtime.now() - started)
        except (Gone, TimedOut, Refused):
            self.late(follower.source)
        del self._measuring[follower.source]

    def late(self, region: str) -> None:
        """Note that there was no answer in time."""
        self._late_at[region] = self._runtime.now()


class Round:
    """One question. Use as a context: who has not answered at its end is asked no more."""

    def __init__(  # noqa: PLR0913, PLR0917 - whom to ask what, how, and until when
        self,
        runtime: Runtime,
        followers: Mapping[str, Follower],
        distances: Distances,
        regions: tuple[str, ...],
        question: list[Any],
        until: float,
    ) -> None:
        self._runtime = runtime
        self._followers = followers
        self._distances = distances
        self._waiting = distances.order(regions)  # not asked yet
        self._question = question
        self._until = until
        self._answers: list[Answer] = []
        self._asked: dict[str, Task] = {}
        self._silent: dict[str, None] = {}  # sent to, and not answered
        self._woken = runtime.future()

    @property
    def silent(self) -> bool:
        """Whether somebody may have got the question and has not answered."""
        return bool(self._silent)

    def __enter__(self) -> Self:
        self.widen()
        return self

    def __exit__(self, *_: object) -> None:
        for task in self._asked.values():
            task.cancel()

    def widen(self) -> bool:
        """Ask the next member; return whether there was one."""
        if not self._waiting:
            return False
        region = self._waiting.pop(0)
        runtime = self._runtime
        self._asked[region] = runtime.spawn(self._ask(region), f"ask {region}")
        return True

    async def answer(self) -> Answer | None:
        """The next answer; None when nobody who was asked is left. Raises TimedOut."""
        while not self._answers:
            if not self._asked and not self._waiting:
                return None
            left_s = self._until - self._runtime.now()
            if left_s <= 0:
                raise TimedOut("no answer of another region in time")
            late_s = min((self._late_s(region) for region in self._asked), default=0.0)
            if self._waiting and not self._asked:
                self.widen()
                continue
            self._woken = self._runtime.future()
            wait_s = min(left_s, late_s) if self._waiting else left_s
            timer = self._runtime.later(wait_s, self._wake, True)  # noqa: FBT003 - see _wake
            try:
                timely = not await self._woken
            finally:
                timer.cancel()
            if not timely and self._waiting:
                for region in self._asked:
                    self._distances.late(region)
                self.widen()
        return self._answers.pop(0)

    def _late_s(self, region: str) -> float:
        return 2 * self._distances.usual_s(region) + LATE_S

    def _wake(self, late: bool) -> None:  # noqa: FBT001 - a timer gives it
        if not self._woken.done():
            self._woken.set_result(late)

    async def _ask(self, region: str) -> None:
        """Ask a member until it answers or it is too late."""
        runtime = self._runtime
        while runtime.now() < self._until:
            follower = self._followers.get(region)
            if follower is not None and follower.connected:
                started = runtime.now()
                before = region in self._silent
                self._silent[region] = None
                try:
                    async with runtime.timeout(self._until - started):
                        content = await follower.query(QUERY, self._question)
                except Refused:  # it knows nothing of such a table, or not yet
                    if not before:
                        del self._silent[region]
                except (Gone, TimedOut):
                    self._distances.late(region)
                else:
                    self._distances.answered(region, runtime.now() - started)
                    del self._silent[region]
                    del self._asked[region]
                    self._answers.append(Answer(region, content, before))
                    self._wake(late=False)
                    return
            else:
                self._distances.late(region)
            self._wake(late=True)  # the next one may be had sooner
            await runtime.sleep(AGAIN_S)


class Turns:
    """Who may change an item, one after the other."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._queues: dict[bytes, list[Any]] = {}

    async def take(self, key: bytes) -> None:
        """Wait for one's turn."""
        queue = self._queues.setdefault(key, [])
        mine = self._runtime.future()
        queue.append(mine)
        if queue[0] is mine:
            return
        try:
            await mine
        except BaseException:
            self._leave(key, mine)
            raise

    def end(self, key: bytes) -> None:
        """End the turn of whoever has it."""
        self._leave(key, self._queues[key][0])

    def _leave(self, key: bytes, mine: Any) -> None:
        queue = self._queues[key]
        first = queue[0] is mine
        queue.remove(mine)
        if not queue:
            del self._queues[key]
        elif first and not queue[0].done():
            queue[0].set_result(None)
