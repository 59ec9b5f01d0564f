"""Strongly consistent tables: one register per item, agreed on by three regions, without a leader.

The protocol is CASPaxos (D. Rystsov, "CASPaxos: Replicated State Machines without logs", 2018), a
Paxos register per item: a change is a function of the value that a majority had accepted last. Any
region proposes; two of three members are a majority, so the nearest other one is enough. Its two
phases become one round trip, without a leader and without leases: the proposer is a member itself,
so it first promises its ballot to itself (durably), and then *offers* the new value, with the
ballot of the value that it follows. Whoever has accepted nothing newer and promised nothing higher
promises and accepts at once: proposer and acceptor are a majority of promises, in which the
proposer's value is the newest. The proposer accepts last, and then the value is chosen.

- An offer goes to the nearest member; to the other one only when that is late, so that a refusal
  leaves nothing behind. Refused with a chosen newer value, the proposer takes it and tries again;
  refused because the item is just being changed elsewhere, the caller is told so.
- What was left half-done is finished by whoever comes next (and by `watch` in the background), in
  the two ordinary phases, under the original write's name (its origin).
- A read asks one other member. The newer of the two values is the answer if it is known to be
  chosen, or both have it, or the one that lacks it accepts it: then it is chosen.
- A condition that fails, and a write that changes nothing, are answered like reads.
- Chosen values go into the proposer's change log, which the others follow: so the third region
  catches up. Rows are what is known to be chosen, so nobody ever reads what may not be.
- No clock is trusted: ballots come from the hybrid clock, which has only to grow.
"""

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import msgspec
import orjson

from antipodes.regional.dynamodb import strongerrors
from antipodes.regional.dynamodb.attributes import Item
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.strongregisters import (
    NEVER,
    Attempt,
    Chosen,
    Registers,
    State,
    answered,
    value_of,
)
from antipodes.regional.dynamodb.strongrounds import PING, QUERY, Distances, Round, Turns
from antipodes.regional.dynamodb.tables import TableStore
from antipodes.replication.follower import Follower
from antipodes.replication.logserver import Refused
from antipodes.replication.versions import Version
from antipodes.runtime.contract import DiskFull, TimedOut
from antipodes.service.contract import Host, ServiceError

CHOSEN_KIND = "strong/chosen"
ANSWER_S_MAX = 5.0  # then a region that reaches no other gives up
STALE_MAX = 4  # times that somebody else's newer value may come between
SETTLE_MAX = 8
PENDING_S = 0.05  # beyond a round trip: how long to wait for another's write to be known


class Decision(NamedTuple):
    """What is to become of an item, and what whoever asked is told when it has."""

    changes: bool
    body: bytes | None
    answer: Any


Judge = Callable[[bytes | None], Decision]


class Found(Protocol):
    """How tables are found, those of a witness included."""

    def __call__(self, account: str, name: str) -> Table | None: ...


class Paused(Protocol):
    """Whether nothing may pass between this region and another for a table: a drill's doing."""

    def __call__(self, account: str, name: str, region: str, /) -> bool: ...


class Strong:
    """This region's part in the strongly consistent tables that it is a member of."""

    registers_type: type[Registers] = Registers

    def __init__(
        self,
        host: Host,
        items: TableStore,
        find: Found,
        followers: dict[str, Follower],
        paused: Paused,
    ) -> None:
        self._host = host
        self._runtime = host.runtime
        self._store = host.store
        self._region = host.place
        self._clock = items.clock
        self._find = find
        self._followers = followers
        self._paused = paused
        self.registers = self.registers_type(host.store, items)
        self._distances = Distances(host.runtime)
        self._turns = Turns(host.runtime)
        self._attempts: dict[bytes, Attempt] = {}
        self._finishing: dict[bytes, None] = {}
        self._chance = host.runtime.chance("dynamodb/strong")
        self._sometimes = host.runtime.journal.sometimes
        host.changes.serve(QUERY, self.serve)
        host.changes.serve(PING, lambda _: None)
        host.changes.sent.tell_apart(CHOSEN_KIND)
        host.changes.sent.tell_apart(f"query/{QUERY}")

    # Writes.

    async def write(self, table: Table, key: Item, judge: Judge) -> Any:
        """Change an item by a function of its newest value; raises what that raises."""
        key_json = orjson.dumps(key)
        row_key = self.registers.row_key(table, key_json)
        until = self.until()
        try:
            async with self._runtime.timeout(until - self._runtime.now()):
                await self._turns.take(row_key)
        except TimedOut:
            raise strongerrors.unavailable() from None
        try:
            return await self._write(table, row_key, key_json, judge, until)
        finally:
            self._turns.end(row_key)

    def until(self) -> float:
        """When whoever asks now is told that there is no answer."""
        return self._runtime.now() + self._runtime.deadline(ANSWER_S_MAX)

    async def _write(
        self, table: Table, row_key: bytes, key_json: bytes, judge: Judge, until: float
    ) -> Any:
        for _ in range(STALE_MAX):
            state = await self._decided(table, row_key, key_json, until)
            error: ServiceError | None = None
            decision = Decision(changes=False, body=None, answer=None)
            try:
                decision = judge(state.body)
            except ServiceError as found:
                error = found
            if decision.changes:
                value = Chosen(key_json, NEVER, state.version, NEVER, decision.body)
                if await self._propose(table, row_key, value, state, until):
                    return decision.answer
                continue
            # Nothing is to be changed: that is true only of the newest value.
            latest = await self.read_state(table, key_json, until)
            if latest.version == state.version:
                if error is not None:
                    raise error
                return decision.answer
            self._sometimes("dynamodb.strong-judged-a-stale-value")
        raise strongerrors.conflict()

    async def _decided(self, table: Table, row_key: bytes, key_json: bytes, until: float) -> State:
        """The item here, once nothing is left of it that may or may not be chosen."""
        state = self.registers.state(row_key)
        if state.chosen:
            return state
        usual_s = max(self._distances.usual_s(region) for region in self._others(table))
        await self._runtime.sleep(usual_s + PENDING_S)
        state = self.registers.state(row_key)
        if state.chosen:
            return state
        self._sometimes("dynamodb.strong-finished-for-another")
        return await self._settle(table, row_key, key_json, until)

    async def _propose(
        self, table: Table, row_key: bytes, value: Chosen, state: State, until: float
    ) -> bool:
        """Have a value chosen after `state`; False where there is a newer one to judge first."""
        ballot = self._clock.tick(state.promised)
        value = msgspec.structs.replace(value, version=ballot, origin=ballot)
        promised = self.registers.promise(table, value.key_json, ballot)
        assert isinstance(promised, State), "a new ballot is the highest"
        attempt = self._attempts[row_key] = Attempt(ballot, value.base)
        try:
            await self._store.committed()
            now = self.registers.state(row_key)
            if now.promised != ballot:
                raise strongerrors.conflict()  # nobody has been told of it yet
            if now.version != value.base:
                return False
            return await self._offer(table, row_key, value, attempt, until)
        finally:
            if self._attempts.get(row_key) is attempt:
                del self._attempts[row_key]

    async def _offer(
        self, table: Table, row_key: bytes, value: Chosen, attempt: Attempt, until: float
    ) -> bool:
        refused: ServiceError | None = None
        stale = lost = False
        ballot = attempt.ballot
        with self.ask(table, ["offer", value], until) as asked:
            try:
                while (answer := await asked.answer()) is not None:
                    lost |= answer.again
                    match answer.content:
                        case ["accepted"]:
                            return await self._accepted(table, row_key, value, attempt, until)
                        case ["stale", state]:
                            if self._see(table, value.key_json, state):
                                stale = True
                                if value.base < msgspec.convert(state, State).version < ballot:
                                    # Chosen before this ballot, and not by this member: by both
                                    # others, so neither of them has taken the offer, or will.
                                    return False
                            refused = strongerrors.conflict()
                        case ["promised", state]:
                            # Whoever finishes something here has done so, or does at once.
                            self._clock.observe(msgspec.convert(state, State).promised)
                            refused, stale = strongerrors.conflict(), True
                        case _:
                            refused = strongerrors.conflict()
                    if not asked.silent:
                        break
            except TimedOut:
                pass
            if asked.silent or lost:
                return await self._limbo(table, row_key, value, attempt, until)
        if refused is None:
            raise strongerrors.unavailable()
        if stale:
            return False
        self._sometimes("dynamodb.strong-conflict")
        self._finish_later(table, row_key, value.key_json)
        raise refused

    def _finish_later(self, table: Table, row_key: bytes, key_json: bytes) -> None:
        """See to it that a write which was in the way is finished, if nobody else does."""
        if row_key not in self._finishing:
            self._finishing[row_key] = None
            self._runtime.spawn(self._finish(table, row_key, key_json), "finish a write")

    async def _finish(self, table: Table, row_key: bytes, key_json: bytes) -> None:
        usual_s = max(self._distances.usual_s(region) for region in self._others(table))
        await self._runtime.sleep(usual_s + PENDING_S)
        with contextlib.suppress(ServiceError, DiskFull):
            await self.read_state(table, key_json, self.until())
        del self._finishing[row_key]

    def _see(self, table: Table, key_json: bytes, plain: Any) -> bool:
        """Take what another member has of an item, if it is known to be chosen."""
        state = msgspec.convert(plain, State)
        self._clock.observe(state.promised)
        if state.chosen:
            self._learn(table, value_of(key_json, state))
        return state.chosen

    async def _accepted(
        self, table: Table, row_key: bytes, value: Chosen, attempt: Attempt, until: float
    ) -> bool:
        """Another member has accepted: with this one it is chosen."""
        if self._current(table) is None:
            raise strongerrors.unknown()
        if self.registers.accept(table, value) is None:
            self._choose(table, value)
            await self._store.committed()
            return True
        return await self._limbo(table, row_key, value, attempt, until)

    async def _limbo(
        self, table: Table, row_key: bytes, value: Chosen, attempt: Attempt, until: float
    ) -> bool:
        """Somebody may have accepted, and it is not known whether it will be chosen."""
        self._sometimes("dynamodb.strong-limbo")
        attempt.given_up = True
        while attempt.taken is None and self._runtime.now() < until:
            try:
                await self.read_state(table, value.key_json, until)
            except ServiceError:
                break
            if attempt.taken is None:
                await self._runtime.sleep(PENDING_S)
        if attempt.taken is None:
            raise strongerrors.unknown()
        if not attempt.taken:
            raise strongerrors.conflict()
        await self._store.committed()
        return True

    # Reads.

    async def read(self, table: Table, key: Item) -> bytes | None:
        """The JSON of an item's newest value."""
        state = await self.read_state(table, orjson.dumps(key), self.until())
        return state.body

    async def read_state(self, table: Table, key_json: bytes, until: float) -> State:
        """An item's newest value, chosen."""
        row_key = self.registers.row_key(table, key_json)
        with self.ask(table, ["read", key_json], until) as asked:
            try:
                while (answer := await asked.answer()) is not None:
                    theirs = msgspec.convert(answer.content, State)
                    self._clock.observe(theirs.promised)
                    found = await self._newest(table, row_key, key_json, theirs)
                    if found is not None:
                        return found
                    if not asked.silent and not asked.widen():
                        break
            except TimedOut:
                raise strongerrors.unavailable() from None
        self._sometimes("dynamodb.strong-read-settles")
        return await self._settle(table, row_key, key_json, until)

    async def _newest(
        self, table: Table, row_key: bytes, key_json: bytes, theirs: State
    ) -> State | None:
        """The newer of two members' values, if it is chosen, or is now."""
        mine = self.registers.state(row_key)
        if mine.version > theirs.version:
            return mine if mine.chosen else None
        # Of two that are the same, one that is no row yet tells more.
        same = mine.version == theirs.version and theirs.origin == NEVER
        value = value_of(key_json, mine if same else theirs)
        if theirs.chosen:
            if theirs.version > mine.version or not mine.chosen:
                self._learn(table, value)
                await self._store.committed()
            return theirs
        if self.registers.accept(table, value) is not None:
            return None
        self._choose(table, value)
        await self._store.committed()
        return theirs

    # The two phases: for what was left half-done.

    async def _settle(self, table: Table, row_key: bytes, key_json: bytes, until: float) -> State:
        """Have the newest value that may be chosen, chosen."""
        for _ in range(SETTLE_MAX):
            state = self.registers.state(row_key)
            ballot = self._clock.tick(state.promised)
            self.registers.promise(table, key_json, ballot)
            await self._store.committed()
            found = await self._settle_once(table, row_key, key_json, ballot, until)
            if found is not None:
                return found
            usual_s = max(self._distances.usual_s(region) for region in self._others(table))
            await self._runtime.sleep(self._chance.uniform(0, usual_s + PENDING_S))
        raise strongerrors.conflict()

    async def _settle_once(
        self, table: Table, row_key: bytes, key_json: bytes, ballot: Version, until: float
    ) -> State | None:
        try:
            with self.ask(table, ["promise", key_json, ballot], until) as asked:
                theirs = await self._granted(asked)
            if theirs is None:
                return None
            mine = self.registers.state(row_key)
            if mine.promised != ballot:
                return None  # somebody else is at it
            newest = max(mine, theirs, key=lambda state: (state.version, state.chosen))
            if newest.chosen:
                self._learn(table, value_of(key_json, newest))
                await self._store.committed()
                return newest
            value = msgspec.structs.replace(value_of(key_json, newest), version=ballot)
            with self.ask(table, ["accept", value], until) as asked:
                accepted = await self._granted(asked)
        except TimedOut:
            raise strongerrors.unavailable() from None
        if accepted is None or self.registers.accept(table, value) is not None:
            return None
        self._choose(table, value)
        await self._store.committed()
        return State(ballot, ballot, value.base, value.origin, value.body, chosen=True)

    async def _granted(self, asked: Round) -> State | None:
        """What the first member has that grants what is asked; None where all refuse."""
        while (answer := await asked.answer()) is not None:
            match answer.content:
                case ["granted", state]:
                    return msgspec.convert(state, State)
                case ["accepted"]:
                    return State(NEVER, NEVER, NEVER, NEVER, None, chosen=False)
                case [_, state]:
                    self._clock.observe(msgspec.convert(state, State).promised)
            if not asked.silent and not asked.widen():
                return None
        return None

    # Chosen values.

    def out_of_order(self, table: Table, key_json: bytes) -> None:
        """Take a chosen value into its row although the one before it has not come."""
        state = self.registers.state(self.registers.row_key(table, key_json))
        current = self._current(table)
        if state.chosen and current is not None:
            self._sometimes("dynamodb.strong-out-of-order")
            self.registers.learn(current, value_of(key_json, state), in_order=False)

    def _choose(self, table: Table, value: Chosen) -> None:
        """Note that a value is chosen, and tell everybody."""
        self._learn(table, value)
        epoch = table.strong_epoch
        self._host.changes.append(CHOSEN_KIND, [table.account, table.name, epoch, value])

    def _current(self, asked: Table) -> Table | None:
        """A table as it is now: it may have changed, or gone, since somebody asked."""
        found = self._find(asked.account, asked.name)
        return found if found is not None and found.strong_epoch == asked.strong_epoch else None

    def _learn(self, asked: Table, value: Chosen) -> None:
        table = self._current(asked)
        if table is None or value.version == NEVER:
            return
        row_key = self.registers.row_key(table, value.key_json)
        if value.origin == NEVER:  # from a row, which does not tell what it follows
            self.registers.hold(table, value)
        else:
            self.registers.learn(table, value)
        attempt = self._attempts.get(row_key)
        if attempt is not None and value.origin != NEVER:
            attempt.see(value)

    def hear(self, payload: list[Any]) -> None:
        """Take a chosen value from another member's change log."""
        account, name, epoch, plain = payload
        table = self._find(account, name)
        if table is not None and table.strong_epoch == Version(*epoch):
            value = msgspec.convert(plain, Chosen)
            self._clock.observe(value.version)
            self._learn(table, value)

    # Asking, and being asked.

    def _others(self, table: Table) -> tuple[str, ...]:
        return tuple(other for other in table.strong_members if other != self._region)

    def ask(
        self, table: Table, question: list[Any], until: float, only: tuple[str, ...] = ()
    ) -> Round:
        """Begin a round with the other members, or only some."""
        asked = [table.account, table.name, table.strong_epoch, self._region, *question]
        others = tuple(
            other
            for other in only or self._others(table)
            if not self._paused(table.account, table.name, other)
        )
        if not others:
            raise strongerrors.unavailable()
        return Round(self._runtime, self._followers, self._distances, others, asked, until)

    def measure(self, tables: list[Table]) -> None:
        """Find out how far the other members are now."""
        others = dict.fromkeys(region for table in tables for region in self._others(table))
        self._distances.measure(self._followers, tuple(others))

    def serve(self, asked: list[Any]) -> list[Any]:
        """Answer another member; the answer leaves when it is durable."""
        account, name, epoch, asker, verb, *details = asked
        table = self._find(account, name)
        if table is None or table.strong_epoch != Version(*epoch):
            raise Refused(f"no strongly consistent table {name}")
        if self._paused(account, name, asker):
            raise Refused(f"replication of {name} is paused")
        if table.strong_keeper not in {"", asker}:
            raise Refused(f"table {name} is about to be {table.strong_keeper}'s alone")
        try:
            return self._serve(table, verb, details)
        except DiskFull as error:
            raise Refused(str(error)) from error

    def _serve(self, table: Table, verb: str, details: list[Any]) -> list[Any]:
        registers = self.registers
        if verb == "read":
            return list(registers.state(registers.row_key(table, details[0])))
        if verb == "list":
            return self.registers.listed(table, *details)
        if verb == "promise":
            key_json, plain = details
            ballot = Version(*plain)
            self._clock.observe(ballot)
            return answered(registers.promise(table, key_json, ballot))
        assert verb in {"offer", "accept"}, verb
        value = msgspec.convert(details[0], Chosen)
        self._clock.observe(value.version)
        if verb == "accept":
            return answered(registers.accept(table, value))
        attempt = self._attempts.get(registers.row_key(table, value.key_json))
        if attempt is not None and attempt.ballot > value.version and not attempt.given_up:
            return ["busy"]
        return answered(registers.offer(table, value))
