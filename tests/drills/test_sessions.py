"""Long-lived sessions: what typing feels like from far away, over whatever way there is."""

from typing import TYPE_CHECKING, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.drills.history import Outcome
from antipodes.drills.load import Load
from antipodes.drills.model import Drill, SessionPart
from antipodes.drills.screen import Screen, keystroke
from antipodes.drills.sessions import KIND
from antipodes.hosting.links import WorldLinks
from antipodes.runtime.contract import Address
from antipodes.runtime.virtual import Simulation
from antipodes.world import addresses
from antipodes.world.atlas import load_atlas
from antipodes.world.faults import CutLink
from antipodes.world.world import World
from tests.drills.plays import E, small

if TYPE_CHECKING:
    from antipodes.runtime.contract import Stream

MACHINE = addresses.region_address(E, 9)


def sessions(speed: float = 1.0, **changes: object) -> Drill:
    part = msgspec.structs.replace(SessionPart(every_ms=200), **changes)
    drill = small(world={"regions": [E], "speed": speed}, load={"cities": ["frankfurt", "sydney"]})
    load = msgspec.structs.replace(drill.load, session=part)
    return msgspec.structs.replace(drill, load=load, duration_s=10.0)


class Typed:
    """A world with a machine in Frankfurt, and people who type into it."""

    def __init__(self, drill: Drill) -> None:
        self.world = World(load_atlas(), (E,))
        speed = drill.world.speed
        self.simulation = Simulation(WorldLinks(self.world), seed=1, speed=speed)
        self.machine = self.simulation.boot(E)
        self.laptop = self.simulation.boot("laptop")
        self.load = Load(self.laptop, self.world, drill, f"tcp://{MACHINE}:3389")

    async def _type(self) -> bool:
        await self.machine.listen(Address(E, f"{MACHINE}:3389"), Screen)
        reached = await self.load.probe("sydney")
        await self.load.run()
        return reached

    async def _probe_alone(self) -> bool:
        await self.load.run()
        return await self.load.probe("sydney")

    def run(self, *, machine: bool = True) -> bool:
        try:
            return self.simulation.run(self._type() if machine else self._probe_alone())
        finally:
            self.simulation.close()


def test_a_keystroke_takes_a_round_trip_over_a_session_that_stays_open() -> None:
    typed = Typed(sessions())
    assert typed.run()
    operations = typed.load.operations
    assert {o.kind for o in operations} == {KIND}
    assert all(o.outcome is Outcome.OK and o.served_by == E for o in operations)
    for city in ("frankfurt", "sydney"):
        own = sorted(o.latency_ms for o in operations if o.city == city)
        rtt_ms = typed.world.rtt_ms(f"city/{city}", E)
        assert len(own) == 50
        # All but the first, which opens the session, take one round trip.
        assert own[len(own) // 2] == pytest.approx(rtt_ms, rel=0.1, abs=2)
        assert own[-1] == pytest.approx(2 * rtt_ms, rel=0.1, abs=4)


def test_a_picture_that_does_not_come_ends_the_session_and_the_next_key_opens_another() -> None:
    typed = Typed(sessions(timeout_s=1.0))
    laptop = typed.laptop

    def cut() -> None:
        handle = typed.world.install(CutLink("city/sydney", "*"))
        laptop.later(3.0, typed.world.heal, handle)

    laptop.later(4.0, cut)
    assert typed.run()
    own = sorted((o for o in typed.load.operations if o.city == "sydney"), key=lambda o: o.start_s)
    outcomes = [o.outcome for o in own]
    assert len(own) == 50
    assert outcomes[0] is outcomes[-1] is Outcome.OK
    failed = [o for o in own if o.outcome is Outcome.FAILED]
    assert 5 < len(failed) < 30
    assert max(o.latency_ms for o in failed) < 3500
    assert all(o.outcome is Outcome.OK for o in typed.load.operations if o.city == "frankfurt")


def test_a_machine_that_is_not_there_is_noted_for_every_key() -> None:
    typed = Typed(sessions())
    assert not typed.run(machine=False)
    assert len(typed.load.operations) == 100
    assert all(o.outcome is Outcome.FAILED and o.error for o in typed.load.operations)


def test_people_type_as_fast_in_a_world_whose_intervals_pass_faster() -> None:
    typed = Typed(sessions(speed=2.0))
    assert typed.run()
    assert len(typed.load.operations) == 50, "five seconds of two people's"
    assert all(o.outcome is Outcome.OK for o in typed.load.operations)


def test_keys_are_due_when_they_are_due_where_nothing_can_be_reached() -> None:
    typed = Typed(sessions(timeout_s=1.0))
    typed.world.install(CutLink("city/sydney", "*"))
    assert not typed.run()
    own = [o for o in typed.load.operations if o.city == "sydney"]
    assert len(own) == 50
    assert max(o.latency_ms for o in own) < 2500


class Recording:
    """A stream that keeps what is written."""

    def __init__(self) -> None:
        self.written: list[int] = []
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written.append(len(data))

    def abort(self) -> None:
        self.aborted = True


@given(st.lists(st.tuples(st.integers(4, 90), st.integers(1, 999)), max_size=8), st.integers(1, 99))
def test_a_screen_answers_every_key_however_they_are_cut(
    keys: list[tuple[int, int]], step: int
) -> None:
    stream, screen = Recording(), Screen()
    screen.connection_made(cast("Stream", stream))
    data = b"".join(keystroke(size, wanted) for size, wanted in keys)
    for begin in range(0, len(data), step):
        screen.data_received(data[begin : begin + step])
    assert stream.written == [wanted for _, wanted in keys]
    assert not stream.aborted


def test_a_screen_leaves_who_sends_no_keys() -> None:
    stream, screen = Recording(), Screen()
    screen.connection_made(cast("Stream", stream))
    screen.data_received(b"\0\3\0\1")
    assert (stream.aborted, stream.written) == (True, [])


def test_pictures_are_counted_however_they_are_cut() -> None:
    typed = Typed(sessions(picture_bytes=50_000, key_bytes=4))
    assert typed.run()
    assert sum(o.outcome is Outcome.OK for o in typed.load.operations) == 100
