"""Rounds: who is asked when, and what an answer says of an earlier sending."""

from typing import Any

from antipodes.regional.dynamodb.strongrounds import Answer, Distances, Round
from antipodes.runtime.contract import Gone, Runtime
from tests.runtime.worlds import run_virtual


class Member:
    """A follower whose source answers as it is told: after some seconds, or not at all."""

    connected = True

    def __init__(self, runtime: Runtime, *answers: tuple[float, Any]) -> None:
        self._runtime = runtime
        self._answers = list(answers)
        self.asked = 0

    async def query(self, _: str, __: Any) -> Any:
        self.asked += 1
        wait_s, answer = self._answers.pop(0)
        await self._runtime.sleep(wait_s)
        if answer is None:
            raise Gone("the connection ended")
        return answer


def _round(runtime: Runtime, members: dict[str, Member], distances: Distances) -> Round:
    followers: Any = members  # as much of followers as rounds need
    until = runtime.now() + 5.0
    return Round(runtime, followers, distances, tuple(members), ["offer"], until)


def test_a_refusal_of_what_was_sent_before_says_so() -> None:
    async def scenario(near: Runtime, _: Runtime) -> None:
        members = {"b": Member(near, (0.01, None), (0.01, ["stale"]))}
        with _round(near, members, Distances(near)) as asked:
            assert await asked.answer() == Answer("b", ["stale"], again=True)
            assert not asked.silent
        members = {"b": Member(near, (0.01, ["stale"]))}
        with _round(near, members, Distances(near)) as asked:
            assert await asked.answer() == Answer("b", ["stale"], again=False)

    run_virtual(scenario)


def test_the_next_member_is_asked_when_the_nearest_is_late_and_it_comes_last_then() -> None:
    async def scenario(near: Runtime, _: Runtime) -> None:
        distances = Distances(near)
        distances.answered("b", 0.01)
        distances.answered("c", 0.1)
        members = {
            "c": Member(near, (0.1, ["c"]), (0.1, ["c"])),
            "b": Member(near, (4.0, ["b"]), (0.01, ["b"])),
        }
        began = near.now()
        with _round(near, members, distances) as asked:
            assert members["c"].asked == 0
            assert await asked.answer() == Answer("c", ["c"], again=False)
            assert asked.silent
        assert 0.1 < near.now() - began < 0.2
        assert distances.order(("b", "c")) == ["c", "b"]
        await near.sleep(6.0)
        assert distances.order(("b", "c")) == ["b", "c"]

    run_virtual(scenario)


def test_nobody_is_left_when_all_have_answered() -> None:
    async def scenario(near: Runtime, _: Runtime) -> None:
        members = {"b": Member(near, (0.01, ["busy"])), "c": Member(near, (0.01, ["busy"]))}
        with _round(near, members, Distances(near)) as asked:
            assert asked.widen()
            assert not asked.widen()
            answers = [await asked.answer() for _ in range(3)]
        assert [answer and answer.region for answer in answers] == ["b", "c", None]

    run_virtual(scenario)
