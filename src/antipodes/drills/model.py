"""A drill as records: what its file says, field by field.

Times are seconds of the world, rates are requests per second of the world.
"""

from typing import Any, Literal

import msgspec

from antipodes.drills.expectations import Expectations
from antipodes.world.atlas import load_atlas
from antipodes.world.sites import SitePart, made_of
from antipodes.world.world import World


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
    replication_delay: str = "link"
    access: dict[str, str] = {}
    resolvers: dict[str, str] = {}  # how cities' resolvers keep names, by city, and as "default"
    sites: tuple[SitePart, ...] = ()
    restart_s: float = 0.5  # of a host that is started again, in simulation

    def made(self) -> World:
        """The world's places and distances, with nothing broken. Raises WorldError."""
        atlas = load_atlas()
        sites = made_of(self.sites, atlas)
        return World(atlas, self.regions, seed=self.seed, sites=sites, access=self.access)


class TablePart(_Strict, frozen=True):
    """Where the application's writes can be found afterwards."""

    name: str
    key: str
    value: str


class ProgramPart(_Strict, frozen=True):
    """A program that stands at a site, and so runs on the user's machine.

    `file` is a Python file beside the drill's: run with `address` as argument, it listens there.
    Its `application` does the same by WSGI (PEP 3333): that is what simulations call. Or it is a
    `screen`, which answers the keystrokes of `load.session` (screen.py) and needs no file.
    """

    address: str
    file: str = ""
    screen: bool = False


class ApplicationPart(_Strict, frozen=True):
    """How to deploy the application, and where its table is.

    `deploy` is a Python script beside the file, run with AWS_ENDPOINT_URL set; the last line it
    prints is a JSON object with at least `url`, the application's address.
    """

    deploy: str
    table: TablePart
    settle_s: float = 90.0
    programs: tuple[ProgramPart, ...] = ()


class RetryPart(_Strict, frozen=True):
    """What people's clients do when they are not served: try again, at once or later."""

    attempts: int = 1  # all in all
    backoff_ms: float = 0.0  # before the second attempt; doubles with each further one
    backoff_ms_max: float = 20_000.0
    jitter: bool = False  # wait for a drawn share of it ("full jitter") instead of all
    breaker: int = 0  # after so many failures in a row in a city, its clients stop asking ...
    breaker_s: float = 10.0  # ... for so long, failing at once (a circuit breaker); 0: none


class FollowPart(_Strict, frozen=True):
    """Every acknowledged write of other cities is read from one city, so long afterwards."""

    city: str
    after_ms: float  # physical, as latencies are


class SessionPart(_Strict, frozen=True):
    """What people do where they hold a connection open and type (sessions.py)."""

    every_ms: float = 250.0  # a keystroke of each person; physical, as latencies are
    key_bytes: int = 40
    picture_bytes: int = 1200  # what comes back
    people: int = 1  # in each city
    timeout_s: float = 5.0  # then the session is given up, and opened again


class LoadPart(_Strict, frozen=True):
    """What people do: requests of an open loop, so that a stall is counted and not waited out.

    `mix` gives shares of further kinds of calls (history.py has the kinds); `calls` how to make
    them. What is left of 1 is reads and writes.
    """

    cities: tuple[str, ...]
    to: str = "url"  # which of the addresses that the deployment told
    rate: float = 1.0
    writes: float = 0.3
    keys: int = 20
    fresh: float = 0.7
    people: int = 64  # in each city; each makes every so-manyth request of it
    read: str = "GET /get/{key}"
    write: str = "PUT /put/{key}?value={value}"
    mix: dict[str, float] = {}
    calls: dict[str, str] = {}
    retry: RetryPart = RetryPart()
    follow: FollowPart | None = None
    session: SessionPart | None = None  # instead of requests
    served_by: str = "x-served-by"
    keeps_names_s: float = 0.0  # how long each person's client keeps an address; 0: it asks anew
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
    refused: bool = False  # it has to be; otherwise it has to be answered

    def filled(self, said: dict[str, Any]) -> dict[str, Any]:
        """The request, with what the deployment said put in; raises DrillError."""
        filled: dict[str, Any] = _filled(self.request, said)
        return filled


def _filled(value: Any, said: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(part, said) for name, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, said) for part in value]
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        found: Any = said
        for name in value[1:-1].split("/"):
            if not isinstance(found, dict) or name not in found:
                raise DrillError(f"call: the deployment said nothing of {value}")
            found = found[name]
        return found
    return value


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

    def hosts(self) -> dict[str, str]:
        """The hosts that it takes down or makes ill, by the field that names them."""
        named = {
            "kill": self.kill,
            "pause": self.pause,
            "clock.place": self.clock.place if self.clock else "",
            "disk.place": self.disk.place if self.disk else "",
        }
        return {field: place for field, place in named.items() if place}

    @property
    def watched(self) -> bool:
        """Whether the time to recover from it is measured: it begins a phase, and heals nothing."""
        return bool(self.phase) and not self.heal


class SwarmPart(_Strict, frozen=True):
    """What each seed may draw for itself: kinds of faults, how many at most, how long at most."""

    faults: tuple[str, ...]
    events: int = 8
    for_s: float = 30.0
    tuning: bool = True


class MonthlyPart(_Strict, frozen=True):
    """What people will use of the application in a month, so that it can be priced (costs.py).

    `front` is what brings people to the regions.
    """

    front: Literal["accelerator", "latency-dns", "none"] = "none"
    requests_millions: float = 0.0
    request_kb: float = 1.0
    response_kb: float = 4.0
    item_kb: float = 1.0
    stored_gb: float = 0.0  # in each region
    licence_usd: float = 0.0  # of what is run in each region, a month
    balancers: int = 1  # in each region
    dns_queries_millions: float = 0.0  # that are paid for: aliases to load balancers are free
    health_checks: int = 0  # of Route 53, in each region: an alias that evaluates needs none


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
    monthly: MonthlyPart | None = None
    variant: tuple[dict[str, Any], ...] = ()  # what is to be compared (variants.py)

    def phases(self) -> list[tuple[str, float, float]]:
        """The phases as (name, from, to), in seconds of the world."""
        named = [(event.phase, event.at_s) for event in self.timeline if event.phase]
        starts = [("steady", 0.0), *named]
        ends = [*(at for _, at in starts[1:]), self.duration_s]
        return [(name, start, end) for (name, start), end in zip(starts, ends, strict=True)]

    def watched(self) -> list[tuple[str, float, float]]:
        """The phases whose recovery is measured: those that begin with something that breaks."""
        begun = {event.phase for event in self.timeline if event.watched}
        return [phase for phase in self.phases() if phase[0] in begun]

    def address(self, said: dict[str, Any]) -> str:
        """Where the load goes: one of the addresses that the deployment told. Raises DrillError."""
        found = said.get(self.load.to)
        if not isinstance(found, str):
            raise DrillError(f"load.to: the deployment told no address called {self.load.to}")
        return found
