"""A drill's file: TOML, read strictly; what is wrong is named by its field.

Times are seconds of the world, rates are requests per second of the world. A drill is named by its
path, or by its name in the library that comes with Antipodes.
"""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from antipodes.drills.expectations import Expectations
from antipodes.world import faults
from antipodes.world.atlas import load_atlas
from antipodes.world.errors import WorldError
from antipodes.world.world import World

REQUESTS_MAX = 1_000_000
HOME_REGIONS = ("us-east-1", "us-west-2")  # of control planes: there whether or not named
EDGE = "edge"


class DrillError(Exception):
    """The file is not a drill that can be run; the message names the field."""


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Unknown fields are spelling mistakes."""


class WorldPart(_Strict, frozen=True):
    """Which world to start."""

    regions: tuple[str, ...]
    speed: float = 1.0
    seed: int = 1
    propagation_s: float = 60.0
    access: dict[str, str] = {}


class TablePart(_Strict, frozen=True):
    """Where the application's writes can be found afterwards."""

    name: str
    key: str
    value: str


class ApplicationPart(_Strict, frozen=True):
    """How to deploy the application, and where its table is.

    `deploy` is a Python script beside the file, run with AWS_ENDPOINT_URL set; the last line it
    prints is a JSON object with at least `url`, the application's address.
    """

    deploy: str
    table: TablePart
    settle_s: float = 90.0


class LoadPart(_Strict, frozen=True):
    """What people do: requests of an open loop, so that a stall is counted and not waited out."""

    cities: tuple[str, ...]
    rate: float = 1.0
    writes: float = 0.3
    keys: int = 20
    fresh: float = 0.7
    read: str = "GET /get/{key}"
    write: str = "PUT /put/{key}?value={value}"
    served_by: str = "x-served-by"
    timeout_s: float = 10.0  # physical, as latencies are: people's patience does not shrink


class ClockPart(_Strict, frozen=True):
    """How a host's clock is wrong: by how much now, and by how much more with every second."""

    place: str
    offset_s: float = 0.0
    drift_ppm: float = 0.0  # microseconds per second


class DiskPart(_Strict, frozen=True):
    """What is wrong with a host's disk."""

    place: str
    full: bool = False  # nothing more can be written
    slow_ms: float = 0.0  # a commit takes so much longer


class CallPart(_Strict, frozen=True):
    """A call of an AWS API; `{name}` in a value is what the deployment said of itself."""

    service: str
    operation: str
    region: str
    request: dict[str, Any] = {}


class Event(_Strict, frozen=True):
    """Something that happens at a time; one with a phase begins a phase of that name.

    With `for_s`, what it did is undone after so long.
    """

    at_s: float
    phase: str = ""
    for_s: float = 0.0
    kill: str = ""
    pause: str = ""
    fault: dict[str, Any] = {}
    faults: tuple[dict[str, Any], ...] = ()
    clock: ClockPart | None = None
    disk: DiskPart | None = None
    call: CallPart | None = None
    rate: float = 0.0  # of the load, from now on
    heal: bool = False
    environment: dict[str, str] = {}
    function: str = ""
    region: str = ""

    def actions(self) -> list[str]:
        """The names of what it does; a valid event does one thing."""
        names = ("kill", "pause", "fault", "faults", "clock", "disk", "call", "rate", "heal")
        return [name for name in (*names, "environment") if getattr(self, name)]


class SwarmPart(_Strict, frozen=True):
    """What each seed may draw for itself: kinds of faults, how many at most, how long at most."""

    faults: tuple[str, ...]
    events: int = 8
    for_s: float = 30.0
    tuning: bool = True


class Drill(_Strict, frozen=True):
    """One drill, whole."""

    name: str
    duration_s: float
    world: WorldPart
    application: ApplicationPart
    load: LoadPart
    description: str = ""
    timeline: tuple[Event, ...] = ()
    expect: Expectations = Expectations()
    swarm: SwarmPart | None = None

    def phases(self) -> list[tuple[str, float, float]]:
        """The phases as (name, from, to), in seconds of the world."""
        named = [(event.phase, event.at_s) for event in self.timeline if event.phase]
        starts = [("steady", 0.0), *named]
        ends = [*(at for _, at in starts[1:]), self.duration_s]
        return [(name, start, end) for (name, start), end in zip(starts, ends, strict=True)]


def load_drill(name: str) -> tuple[Drill, Path]:
    """Read a drill by its path, or by its name in the library; return it and its directory."""
    path = Path(name)
    if not path.exists():
        library = library_drills()
        if name not in library:
            known = ", ".join(sorted(library)) or "none yet"
            raise DrillError(f"there is no file {name}, and no drill of that name (known: {known})")
        path = library[name]
    try:
        plain = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise DrillError(f"{path}: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DrillError(f"{path} cannot be read: {error}") from None
    return parse_drill(plain, str(path)), path.parent


def library_drills() -> dict[str, Path]:
    """The drills that come with Antipodes, by name."""
    folder = Path(str(resources.files("antipodes.drills") / "library"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def parse_drill(plain: dict[str, Any], source: str) -> Drill:
    """Make a drill of a parsed file; raises DrillError."""
    try:
        drill = msgspec.convert(plain, Drill)
    except msgspec.ValidationError as error:
        raise DrillError(f"{source}: {error}") from None
    try:
        _check(drill)
    except (WorldError, ValueError) as error:
        raise DrillError(f"{source}: {error}") from None
    return drill


def _check(drill: Drill) -> None:
    world = World(load_atlas(), drill.world.regions, access=drill.world.access)
    for city in drill.load.cities:
        if not world.place(city).startswith("city/"):
            raise ValueError(f"load.cities: {city} is not a city")
    _check_load(drill)
    previous = 0.0
    for number, event in enumerate(drill.timeline):
        where = f"timeline[{number}]"
        if not previous <= event.at_s < drill.duration_s or event.at_s <= 0:
            raise ValueError(f"{where}.at_s: must not fall, between 0 and duration_s")
        previous = event.at_s
        _check_event(drill, world, event, where)
    names = [name for name, _, _ in drill.phases()]
    if len(set(names)) != len(names):
        raise ValueError("timeline: every phase needs a name of its own, other than steady")
    for phase in drill.expect.served_by:
        if phase not in names:
            raise ValueError(f"expect.served_by: there is no phase {phase}")


_UNDONE = {"kill", "pause", "fault", "faults", "clock", "disk"}


def _check_event(drill: Drill, world: World, event: Event, where: str) -> None:
    actions = event.actions()
    if len(actions) != 1:
        raise ValueError(
            f"{where}: exactly one of kill, pause, fault, faults, clock, disk, call, rate, "
            f"environment and heal, not {' and '.join(actions) or 'none'}"
        )
    if event.for_s and actions[0] not in _UNDONE:
        raise ValueError(f"{where}.for_s: {actions[0]} is not undone")
    if event.for_s < 0 or event.rate < 0:
        raise ValueError(f"{where}: for_s and rate cannot be negative")
    hosts = (*drill.world.regions, *HOME_REGIONS, EDGE)
    aimed = {
        "kill": event.kill,
        "pause": event.pause,
        "clock.place": event.clock.place if event.clock else "",
        "disk.place": event.disk.place if event.disk else "",
    }
    for field, place in aimed.items():
        if place and place not in hosts:
            raise ValueError(f"{where}.{field}: {place} is not a region of this world, or edge")
    if event.call and event.call.region not in (*drill.world.regions, *HOME_REGIONS):
        raise ValueError(f"{where}.call.region: {event.call.region} is not part of this world")
    if event.environment and (event.region not in drill.world.regions or not event.function):
        raise ValueError(f"{where}: environment needs function and a region of this world")
    for fault in (event.fault, *event.faults):
        if fault:
            World.install(world, faults.from_dict(fault))


def _check_load(drill: Drill) -> None:
    load = drill.load
    for field, text in (("read", load.read), ("write", load.write)):
        if "{key}" not in text or text.count(" ") != 1:
            raise ValueError(f"load.{field}: METHOD, a space, and a target with {{key}}")
    if not 0 <= load.writes <= 1 or not 0 <= load.fresh <= 1:
        raise ValueError("load.writes, load.fresh: shares between 0 and 1")
    if load.rate <= 0 or load.keys < 1 or load.timeout_s <= 0 or drill.duration_s <= 0:
        raise ValueError("load.rate, load.keys, load.timeout_s, duration_s: must be positive")
    if not load.cities:
        raise ValueError("load.cities: name at least one")
    if load.rate * drill.duration_s * len(load.cities) > REQUESTS_MAX:
        raise ValueError(f"load: more than {REQUESTS_MAX} requests")
