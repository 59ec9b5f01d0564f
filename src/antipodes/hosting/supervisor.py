"""The supervisor: starts every host as a process of its own, watches, kills, restarts, stops them.

It holds the world's faults and tells every host of a change. It is also where the outside stands:
the front door and the cities. When it ends, in whatever way, its hosts end.

A host that ends by itself, or by somebody's `kill -9`, is started again after a moment, as a region
comes back; one that was taken down by `break` stays down until it is healed.
"""

import os
import sys
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
import orjson

from antipodes.hosting.breaking import fault_of
from antipodes.hosting.configuration import HOMES, ON_DEMAND, Configuration
from antipodes.hosting.control import CONTROL, fault_list
from antipodes.hosting.faultdoor import FaultDoor
from antipodes.hosting.links import EDGE, SITE, SUPERVISOR, WorldLinks
from antipodes.replication.delays import parse
from antipodes.runtime.children import ChildHost, start_child
from antipodes.runtime.contract import Address, Gone, TimedOut
from antipodes.runtime.real import RealRuntime
from antipodes.service.http import HttpClient, HttpResponse
from antipodes.world.errors import UnknownHandle
from antipodes.world.world import World

READY_S_MAX = 30.0
READY_POLL_S = 0.01
RESTART_S = 0.5
STOP_S_MAX = 5.0
KILL, PAUSE, CLOCK, DISK = "kill", "pause", "clock", "disk"
_WELL: dict[str, dict[str, Any]] = {
    CLOCK: {"offset_s": 0.0, "drift_ppm": 0.0},
    DISK: {"full": False, "slow_s": 0.0},
}

UP, DOWN, STARTING = "up", "down", "starting"


class SupervisorError(Exception):
    """What was asked cannot be done; the message says why."""


class Member:
    """One host of the world and what is to become of it."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.child: ChildHost | None = None
        self.state = DOWN
        self.wanted = True
        self.restarts = -1
        self.since = 0.0


class Supervisor:
    """All hosts of one world."""

    def __init__(self, runtime: RealRuntime, world: World, configuration: Configuration) -> None:
        self.runtime = runtime
        self.world = world
        self.configuration = configuration
        self.client = HttpClient(runtime)
        self.members: dict[str, Member] = {}
        self.stopping = False
        self.fault_door = FaultDoor(
            runtime,
            world,
            kill=self.kill,
            heal=self.heal,
            start=self.ensure_endpoint,
            tell=self._tell_all,
            mistakes=(SupervisorError,),
        )
        self._wrongs: dict[str, str] = {}  # paused hosts, wrong clocks and disks, in words
        self._machines: dict[tuple[str, str], dict[str, Any]] = {}
        sites = (SITE,) if configuration.sites else ()
        for place in (*configuration.regions, EDGE, *sites):
            self.members[place] = Member(self._configured(place))

    @classmethod
    async def open(
        cls, configuration: Configuration, run_directory: Path, state_directory: Path
    ) -> "Supervisor":
        """Make the supervisor of a world; nothing runs yet."""
        world = configuration.world()
        runtime = await RealRuntime.start(
            host=SUPERVISOR,
            links=WorldLinks(world),
            run_directory=run_directory,
            state_directory=state_directory,
            seed=configuration.seed,
            speed=configuration.speed,
        )
        return cls(runtime, world, configuration)

    def _configured(self, place: str, *, control_only: bool = False) -> Configuration:
        return msgspec.structs.replace(self.configuration, place=place, control_only=control_only)

    def tell_front(self, url: str) -> None:
        """Let hosts know where this world's customers reach it, from their start on."""
        self.configuration = msgspec.structs.replace(
            self.configuration, extra={**self.configuration.extra, "front": url}
        )
        for place, member in self.members.items():
            control_only = member.configuration.control_only
            member.configuration = self._configured(place, control_only=control_only)

    async def start(self) -> None:
        """Start all hosts at once and wait until every one answers."""
        await self.fault_door.start()
        for place in ON_DEMAND:
            stored = Path(self.configuration.state_directory) / place
            if place not in self.members and stored.is_dir():
                self.members[place] = Member(self._configured(place, control_only=True))
        async with self.runtime.nursery() as nursery:
            for place in self.members:
                nursery.spawn(self._launch(place), f"start {place}")

    async def ensure_home(self, place: str) -> bool:
        """Start a home region's control planes when first asked for; False: no such region."""
        return place in HOMES and await self.ensure_endpoint(place)

    async def ensure_endpoint(self, place: str) -> bool:
        """Start a host that a service needs in a region; False: there is none, or it is down."""
        if place not in ON_DEMAND and place not in self.members:
            return False
        if place not in self.members:
            self.members[place] = Member(self._configured(place, control_only=True))
            await self._launch(place)
        while self.members[place].state == STARTING:
            await self.runtime.sleep(READY_POLL_S)
        return self.members[place].state == UP

    async def _launch(self, place: str) -> None:
        member = self.members[place]
        member.state, member.since = STARTING, self.runtime.now()
        member.wanted = True
        member.restarts += 1
        configuration = msgspec.structs.replace(member.configuration, faults=fault_list(self.world))
        child = await start_child(
            ["-m", "antipodes.hosting.process", msgspec.json.encode(configuration).decode()],
            {**os.environ, "PYTHONUNBUFFERED": "1"},
            Path(self.configuration.state_directory) / f"{place}.log",
        )
        member.child = child
        self.runtime.spawn(self._watch(place, member, child), f"watch {place}")
        await self._wait_ready(place, child)
        member.state, member.since = UP, self.runtime.now()
        await self._tell_faults(place)
        for (host, what), state in list(self._machines.items()):
            if host == place:
                await self._tell_machine(place, what, state)

    async def _wait_ready(self, place: str, child: ChildHost) -> None:
        try:
            async with self.runtime.timeout(READY_S_MAX):
                while child.alive:
                    try:
                        await self._ask(place, "GET", "/status")
                    except Gone:
                        await self.runtime.sleep(READY_POLL_S)
                    else:
                        return
        except TimedOut:
            child.kill()
        log = Path(self.configuration.state_directory) / f"{place}.log"
        raise SupervisorError(f"{place} did not start; its log is {log}\n{_tail(log)}")

    async def _watch(self, place: str, member: Member, child: ChildHost) -> None:
        status = await child.wait()
        if member.child is not child:
            return
        member.state, member.since = DOWN, self.runtime.now()
        self.runtime.journal.record("host-ended", host=place, status=status)
        if self._comes_back(member, child):
            _tell(f"{place} ended ({status}); starting it again")
            await self.runtime.sleep(RESTART_S)
            if self._comes_back(member, child):
                try:
                    await self._launch(place)
                except SupervisorError as error:
                    _tell(str(error))

    def _comes_back(self, member: Member, child: ChildHost) -> bool:
        """Whether this is the host's present process, and nobody took the host down."""
        return member.wanted and not self.stopping and member.child is child

    async def _ask(self, place: str, method: str, target: str, body: bytes = b"") -> HttpResponse:
        return await self.client.request(Address(place, CONTROL), method, target, body=body)

    async def ask(self, place: str, target: str) -> Any:
        """Read something from a host's control door; None where it is down."""
        try:
            async with self.runtime.timeout(STOP_S_MAX):
                response = await self._ask(place, "GET", target)
        except (Gone, TimedOut):
            return None
        return orjson.loads(response.body) if response.status == HTTPStatus.OK else None

    # What `break` and `heal` do.

    async def install(self, fault: dict[str, Any]) -> str:
        """Put a fault into the world, everywhere; return its handle."""
        handle = self.world.install(fault_of(fault))
        self.runtime.journal.record("fault", handle=handle, fault=fault)
        await self._tell_all()
        return handle

    async def kill(self, place: str) -> str:
        """Kill a host, `kill -9`; return the handle that brings it back."""
        member, child = await self._up(place)
        member.wanted = False
        child.kill()
        await child.wait()
        self.runtime.journal.record("kill", host=place)
        return f"{KILL}-{place}"

    async def pause(self, place: str) -> str:
        """Stop a host in its tracks, SIGSTOP; return the handle that lets it go on."""
        _, child = await self._up(place)
        child.pause()
        self.runtime.journal.record("pause", host=place)
        return self._wrong(PAUSE, place, f"{place} hangs")

    async def set_clock(self, place: str, offset_s: float, drift_ppm: float) -> str:
        """Put a host's clock wrong; return the handle that puts it right."""
        await self._up(place)
        await self._tell_machine(place, CLOCK, {"offset_s": offset_s, "drift_ppm": drift_ppm})
        drift = f" and drifts by {drift_ppm:g} ppm" if drift_ppm else ""
        return self._wrong(CLOCK, place, f"the clock of {place} is {offset_s:+g} s off{drift}")

    async def set_disk(self, place: str, *, full: bool, slow_ms: float) -> str:
        """Fill a host's disk, or slow it down; return the handle that undoes it."""
        await self._up(place)
        await self._tell_machine(place, DISK, {"full": full, "slow_s": slow_ms / 1e3})
        wrong = " and ".join(["full"] * full + [f"{slow_ms:g} ms slower"] * (slow_ms > 0))
        return self._wrong(DISK, place, f"the disk of {place} is {wrong or 'well'}")

    async def choose_replication_delay(self, text: str) -> None:
        """Choose the delay of replicated writes, now and after restarts. Raises UnknownDelay."""
        parse(text)
        self.configuration = msgspec.structs.replace(self.configuration, replication_delay=text)
        for place, member in self.members.items():
            member.configuration = msgspec.structs.replace(
                member.configuration, replication_delay=text
            )
            if member.state == UP:
                with suppress(Gone, TimedOut):  # it has just ended, or hangs
                    async with self.runtime.timeout(STOP_S_MAX):
                        body = orjson.dumps({"delay": text})
                        await self._ask(place, "PUT", "/replication-delay", body)
        self.runtime.journal.record("replication-delay", delay=text)

    async def upgrade_global_table(self, place: str, account: str, table: str) -> None:
        """Make a legacy global table one of the present version, as a region has it."""
        await self._up(place)
        body = orjson.dumps({"account": account or self.configuration.account, "table": table})
        async with self.runtime.timeout(STOP_S_MAX):
            answer = await self._ask(place, "PUT", "/upgrade-global-table", body)
        if answer.status != HTTPStatus.OK:
            raise SupervisorError(orjson.loads(answer.body)["message"])

    async def _up(self, place: str) -> tuple[Member, ChildHost]:
        """A host that is up; one that nobody has needed so far is started, to be broken."""
        await self.ensure_endpoint(place)
        member = self._member(place)
        if member.state != UP or member.child is None:
            raise SupervisorError(f"{place} is not up")
        return member, member.child

    def _wrong(self, what: str, place: str, words: str) -> str:
        self._wrongs[f"{what}-{place}"] = words
        return f"{what}-{place}"

    async def _tell_machine(self, place: str, what: str, state: dict[str, Any]) -> None:
        """Tell a host about its machine, now and after every restart."""
        self._machines[place, what] = state
        self.runtime.journal.record(what, host=place, **state)
        if self._member(place).state == UP:
            async with self.runtime.timeout(STOP_S_MAX):
                await self._ask(place, "PUT", f"/{what}", orjson.dumps(state))

    async def _put_right(self, handle: str) -> None:
        del self._wrongs[handle]
        what, _, place = handle.partition("-")
        self.runtime.journal.record("heal", handle=handle)
        child = self._member(place).child
        if what != PAUSE:
            await self._tell_machine(place, what, _WELL[what])
        elif child is not None:
            child.resume()

    async def heal(self, handle: str) -> None:
        """Take a fault back, start a killed host, let a paused one go on, put a clock right."""
        if handle in self._wrongs:
            await self._put_right(handle)
            return
        if handle.startswith(f"{KILL}-"):
            place = handle.removeprefix(f"{KILL}-")
            if self._member(place).state != DOWN:
                raise SupervisorError(f"{place} is not down")
            self.runtime.journal.record("heal", host=place)
            await self._launch(place)
            return
        self.world.heal(handle)
        self.runtime.journal.record("heal", handle=handle)
        await self._tell_all()

    async def heal_all(self) -> list[str]:
        """Take every fault back and start every killed host; return what was healed."""
        handles = [*self._wrongs, *(handle for handle, _ in self.world.faults())]
        handles += [f"{KILL}-{p}" for p, m in self.members.items() if not m.wanted]
        for handle in handles:
            with suppress(UnknownHandle):  # whoever asked for it may heal it meanwhile
                await self.heal(handle)
        return handles

    async def _tell_all(self) -> None:
        async with self.runtime.nursery() as nursery:
            for place, member in self.members.items():
                if member.state == UP:
                    nursery.spawn(self._tell_faults(place), f"tell {place}")

    async def _tell_faults(self, place: str) -> None:
        try:
            async with self.runtime.timeout(STOP_S_MAX):
                await self._ask(place, "PUT", "/faults", orjson.dumps(fault_list(self.world)))
        except (Gone, TimedOut):
            return  # it has just ended, or hangs: a restarted host gets the list at its start

    def _member(self, place: str) -> Member:
        if place not in self.members:
            raise SupervisorError(
                f"{place} is not a host of this world; it has {', '.join(self.members)}"
            )
        return self.members[place]

    # What there is to see.

    def sender(self, place: str) -> Any:
        """The way to hand connections to a host, or None while it is not up."""
        member = self.members.get(place)
        if member is None or member.child is None or member.state == DOWN:
            return None
        return member.child.sender

    def status(self) -> dict[str, Any]:
        """The hosts and the faults of this world."""
        now = self.runtime.now()
        return {
            "regions": list(self.configuration.regions),
            "speed": self.configuration.speed,
            "hosts": {
                place: {
                    "state": member.state,
                    "pid": member.child.pid if member.child and member.state != DOWN else None,
                    "for_s": round(now - member.since, 3),
                    "restarts": max(0, member.restarts),
                    "control_only": member.configuration.control_only,
                }
                for place, member in self.members.items()
            },
            "faults": {
                **{handle: fault.describe() for handle, fault in self.world.faults()},
                **self._wrongs,
                **{
                    f"{KILL}-{place}": f"{place} was killed"
                    for place, member in self.members.items()
                    if not member.wanted
                },
            },
        }

    async def stop(self) -> None:
        """Stop every host in order, or by force after a few seconds."""
        self.stopping = True
        children = [m.child for m in self.members.values() if m.child is not None]
        for child in children:
            child.resume()  # a paused one could not end in order
            child.terminate()
        for child in children:
            try:
                async with self.runtime.timeout(STOP_S_MAX):
                    await child.wait()
            except TimedOut:
                child.kill()
                await child.wait()
        self.client.close()


def _tell(what: str) -> None:
    print(f"antipodes: {what}", file=sys.stderr)  # noqa: T201 - to whoever runs the world


def _tail(log: Path, lines: int = 12) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
