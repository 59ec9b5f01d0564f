"""How a cluster's five endpoints agree: CASPaxos (Rystsov, 2018), one register for each cluster.

Whoever wants to change a cluster draws a ballot that is higher than all it has seen, has a majority
promise to take nothing lower, takes the newest value that any of them has accepted, applies the
change to it, and has a majority accept the result. Then the value is chosen, and everybody is told.
A read asks a majority; where those differ, it finishes what somebody began, by a change that
changes nothing. So two endpoints can be lost, or out of reach, and a third that is cut off answers
nothing rather than something old.

Questions are HTTP requests to the door `recovery` of each of the five regions, all of them such
that a second one changes nothing. Whoever missed a chosen value hears of it by asking one of the
others every few seconds, in turn: AWS promises consistency within 5 s on average and 15 s at most.
"""

import contextlib
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from antipodes.regional.recovery.registers import Ballot, Registers
from antipodes.regional.recovery.state import Agreed
from antipodes.runtime.contract import Address, DiskFull, Gone, TimedOut
from antipodes.service.contract import Host
from antipodes.service.http import HttpClient, HttpRequest, HttpResponse, HttpServer
from antipodes.service.planes import CLUSTER_REGIONS

DOOR = "recovery"
MAJORITY = len(CLUSTER_REGIONS) // 2 + 1
ATTEMPTS_MAX = 8
ANSWER_S_MAX = 3.0
BACKOFF_S = 0.4  # a round trip around the planet
LOOK_S = 5.0

Answers = Mapping[str, list[Any]]
Function = Callable[[Agreed | None], Agreed | None]


class Unavailable(Exception):
    """No majority of endpoints can be reached, or others were always ahead."""


class Consensus:
    """One endpoint of all clusters."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._place = host.place
        self._runtime = host.runtime
        self._client = HttpClient(host.runtime)
        self.registers = Registers(host.store, host.changes)
        self._seen: dict[str, int] = {}  # the highest ballot's number, by cluster
        self._turns: dict[str, Any] = {}  # whose change is under way, by cluster
        self._chance = host.runtime.chance("recovery/backoff")
        self._looking = False

    async def start(self) -> None:
        """Open the door; look for what was missed, if there are clusters."""
        server = HttpServer(self._runtime, self._serve, store=self._host.store)
        await self._runtime.listen(Address(self._place, DOOR), server.receiver)
        if self.registers.clusters():
            self._look()

    # Answering.

    def _serve(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, (), self._answer(request.body))

    def _answer(self, question: bytes) -> bytes:
        registers = self.registers
        reply: Any
        match msgspec.msgpack.decode(question):
            case ["promise", str(cluster), ballot]:
                self._look()
                reply = registers.promise(cluster, msgspec.convert(ballot, Ballot))
            case ["accept", str(cluster), ballot, value]:
                self._look()
                reply = registers.accept(cluster, *_valued(ballot, value))
            case ["learn", str(cluster), ballot, value]:
                self._look()
                reply = registers.learn(cluster, *_valued(ballot, value))
            case ["read", str(cluster)]:
                register = registers.get(cluster)
                reply = [register.ballot, register.value]
            case ["newer", str(cluster), ballot]:
                register = registers.get(cluster)
                newer = register.chosen_ballot > msgspec.convert(ballot, Ballot)
                reply = [register.chosen_ballot, register.chosen] if newer else []
            case ["owned", str(account)]:
                reply = [registers.owned(account)]
            case unknown:
                raise AssertionError(f"an endpoint was asked {unknown!r}")
        return msgspec.msgpack.encode(reply)

    # Asking.

    async def owned(self, account: str) -> dict[str, list[str]]:
        """The clusters of an account with their panels' ARNs, as a majority knows them."""
        answers = await self._ask_all(["owned", account])
        found = {cluster: panels for [listed] in answers.values() for cluster, panels in listed}
        return dict(sorted(found.items()))

    async def read(self, cluster: str) -> Agreed | None:
        """What is agreed of a cluster now. Raises Unavailable."""
        answers = await self._ask_all(["read", cluster])
        found = [_valued(ballot, value) for ballot, value in answers.values()]
        newest, value = max(found, key=lambda one: one[0])
        if sum(ballot == newest for ballot, _ in found) < MAJORITY:
            self._runtime.journal.sometimes("recovery.round-finished-by-a-reader")
            return await self.change(cluster, lambda before: before)
        if value is not None:
            self.registers.learn(cluster, newest, value)
        return value

    async def change(self, cluster: str, function: Function) -> Agreed | None:
        """Change a cluster; return what is agreed then. Raises Unavailable, and as `function`."""
        while cluster in self._turns:
            await self._turns[cluster]
        turn = self._turns[cluster] = self._runtime.future()
        try:
            for attempt in range(ATTEMPTS_MAX):
                if attempt:
                    wait_s = BACKOFF_S * attempt * self._chance.random()
                    await self._runtime.sleep(wait_s)
                agreed = await self._attempt(cluster, function)
                if agreed is not None:
                    return agreed[0]
                self._runtime.journal.sometimes("recovery.outbid")
            raise Unavailable("others were always ahead")
        finally:
            del self._turns[cluster]
            turn.set_result(None)

    async def _attempt(self, cluster: str, function: Function) -> tuple[Agreed | None] | None:
        """One ballot; None where somebody has a higher one."""
        promised = self.registers.get(cluster).promised.number
        number = max(self._seen.get(cluster, 0), promised) + 1
        self._seen[cluster] = number
        ballot = Ballot(number, self._place)
        answers = await self._ask_all(["promise", cluster, ballot], wanted="granted")
        if self._outbid(cluster, answers):
            return None
        granted = [_valued(*told) for kind, *told in answers.values() if kind == "granted"]
        _, before = max(granted, key=lambda one: one[0])
        after = function(before)
        answers = await self._ask_all(["accept", cluster, ballot, after], wanted="accepted")
        if self._outbid(cluster, answers):
            return None
        if after is not None:
            self.registers.learn(cluster, ballot, after)
            await self._committed()
            self._tell(["learn", cluster, ballot, after])
        return (after,)

    def _outbid(self, cluster: str, answers: Answers) -> bool:
        """Whether no majority went along; remember the ballot that was in the way."""
        refusals = [told[0] for kind, *told in answers.values() if kind == "promised"]
        highest = max((int(number) for number, _ in refusals), default=0)
        self._seen[cluster] = max(self._seen[cluster], highest)
        return len(answers) - len(refusals) < MAJORITY

    async def _ask_all(self, question: list[Any], *, wanted: str = "") -> dict[str, list[Any]]:
        """Ask all endpoints, oneself first; return when a majority has answered as wanted.

        Or when nobody is left to answer; fewer than a majority of answers raise Unavailable.
        """
        body = msgspec.msgpack.encode(question)
        answers = {self._place: msgspec.msgpack.decode(self._answer(body))}
        await self._committed()
        left = list(CLUSTER_REGIONS)
        enough = self._runtime.future()

        def take(region: str, answer: list[Any] | None) -> None:
            left.remove(region)
            if enough.done():
                return
            if answer is not None:
                answers[region] = answer
            agreeing = sum(not wanted or told[0] == wanted for told in answers.values())
            if agreeing >= MAJORITY or not left:
                enough.set_result(None)

        for region in CLUSTER_REGIONS:
            if region != self._place:
                self._runtime.spawn(self._ask(region, body, take), f"ask {region}")
        take(self._place, answers[self._place])
        await enough
        if len(answers) < MAJORITY:
            raise Unavailable(f"{len(answers)} of {len(CLUSTER_REGIONS)} endpoints answer")
        return answers

    def _tell(self, statement: list[Any]) -> None:
        body = msgspec.msgpack.encode(statement)
        for region in CLUSTER_REGIONS:
            if region != self._place:
                self._runtime.spawn(self._ask(region, body, lambda *_: None), f"tell {region}")

    async def _ask(
        self, region: str, body: bytes, take: Callable[[str, list[Any] | None], None]
    ) -> None:
        take(region, await self._answer_of(region, body))

    async def _answer_of(self, region: str, body: bytes) -> list[Any] | None:
        """What an endpoint answers; None where it does not, or cannot keep what it was told."""
        try:
            async with self._runtime.timeout(self._runtime.deadline(ANSWER_S_MAX)):
                response = await self._client.request(Address(region, DOOR), "PUT", "/", body=body)
        except (Gone, TimedOut):
            self._runtime.journal.sometimes("recovery.endpoint-silent")
            return None
        if response.status != 200:  # noqa: PLR2004 - of a full disk comes a 500
            return None
        answer: list[Any] = msgspec.msgpack.decode(response.body)
        return answer

    async def _committed(self) -> None:
        """Nothing is said that could be forgotten."""
        try:
            await self._host.store.committed()
        except DiskFull as error:
            raise Unavailable(str(error)) from None

    # Looking for what was missed.

    def _look(self) -> None:
        if not self._looking:
            self._looking = True
            self._runtime.spawn(self._keep_looking(), "look for missed routing control states")

    async def _keep_looking(self) -> None:
        others = [region for region in CLUSTER_REGIONS if region != self._place]
        for region in itertools.cycle(others):
            wait_s = LOOK_S * (0.5 + self._chance.random())
            await self._runtime.sleep(self._runtime.interval(wait_s))
            for cluster in self.registers.clusters():
                await self._look_at(cluster, region)

    async def _look_at(self, cluster: str, region: str) -> None:
        """Ask another endpoint for a newer value of a cluster."""
        register = self.registers.get(cluster)
        if register.chosen is not None and register.chosen.deleted:
            return
        question = ["newer", cluster, register.chosen_ballot]
        answer = await self._answer_of(region, msgspec.msgpack.encode(question))
        if answer:
            self._runtime.journal.sometimes("recovery.missed-value-found")
            with contextlib.suppress(DiskFull):  # then it is found again
                self.registers.learn(cluster, *_valued(*answer))


def _valued(ballot: Any, value: Any) -> tuple[Ballot, Agreed | None]:
    """A ballot and a value, as they were sent."""
    return msgspec.convert(ballot, Ballot), msgspec.convert(value, Agreed | None)
