"""What must hold of a drill before anything is started."""

import msgspec

from antipodes.drills.judgeable import unjudgeable
from antipodes.drills.model import Drill, Event, LoadPart, MonthlyPart, RetryPart
from antipodes.drills.screen import BYTES_MAX, HEAD_BYTES
from antipodes.fabric.dns.cache import UnknownBehaviour
from antipodes.hosting.breaking import fault_of
from antipodes.hosting.configuration import ON_DEMAND
from antipodes.hosting.resolver import behaviours
from antipodes.world.atlas import Site
from antipodes.world.errors import InvalidWorld, WorldError
from antipodes.world.world import World

REQUESTS_MAX = 1_000_000
ATTEMPTS_MAX = 20
OTHER_KINDS = ("strong-read", "delete", "increment", "count", "pair-write", "pair-read")
HOME_REGIONS = ("us-east-1", "us-west-2")  # of control planes: there whether or not named
EDGE = "edge"
_TYPES = "who types makes no requests"


def check_drill(drill: Drill) -> None:
    """Raise ValueError or WorldError for what cannot be; the message begins with the field."""
    world = _world(drill)
    _check_programs(drill, world.sites)
    if drill.duration_s <= 0:
        raise ValueError("duration_s: must be positive")
    for city in drill.load.cities:
        _check_city(world, city)
    _check_resolvers(world, drill)
    _check_follow(drill.load)
    _check_load(drill)
    if drill.monthly is not None:
        _check_monthly(drill.monthly)
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
    for field, why in unjudgeable(drill):
        raise ValueError(f"expect.{field}: {why}")


def _world(drill: Drill) -> World:
    try:
        return drill.world.made()
    except InvalidWorld as error:
        raise ValueError(f"world.{error}") from None
    except WorldError as error:
        raise ValueError(f"world.regions: {error}") from None


def _check_programs(drill: Drill, sites: tuple[Site, ...]) -> None:
    ends = [program for site in sites for _, program in site.listen]
    for number, program in enumerate(drill.application.programs):
        if bool(program.file) == program.screen:
            raise ValueError(f"application.programs[{number}]: either a file, or screen = true")
        if program.address not in ends:
            raise ValueError(
                f"application.programs[{number}].address: no site listens at {program.address}"
            )


def _check_city(world: World, city: str) -> None:
    try:
        place = world.place(city)
    except WorldError as error:
        raise ValueError(f"load.cities: {error}") from None
    if not place.startswith("city/"):
        raise ValueError(f"load.cities: {city} is not a city")


def _check_resolvers(world: World, drill: Drill) -> None:
    try:
        behaviours(world, drill.world.resolvers)
    except (UnknownBehaviour, WorldError) as error:
        raise ValueError(f"world.resolvers: {error}") from None


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
    if event.rate and drill.load.session is not None:
        raise ValueError(f"{where}.rate: {_TYPES}")
    sites = ("site",) if drill.world.sites else ()
    hosts = (*drill.world.regions, *ON_DEMAND, EDGE, *sites)
    for field, place in event.hosts().items():
        if place not in hosts:
            raise ValueError(f"{where}.{field}: {place} is not a region of this world, or edge")
    if event.call and event.call.region not in (*drill.world.regions, *ON_DEMAND):
        raise ValueError(f"{where}.call.region: {event.call.region} is not part of this world")
    if event.environment and (event.region not in drill.world.regions or not event.function):
        raise ValueError(f"{where}: environment needs function and a region of this world")
    try:
        for fault in (event.fault, *event.faults):
            if fault:
                World.install(world, fault_of(fault))
    except WorldError as error:
        raise ValueError(f"{where}.{actions[0]}: {error}") from None


def _check_load(drill: Drill) -> None:
    load = drill.load
    _check_mix(load)
    retry = load.retry
    if not 1 <= retry.attempts <= ATTEMPTS_MAX:
        raise ValueError(f"load.retry.attempts: between 1 and {ATTEMPTS_MAX}")
    if min(retry.backoff_ms, retry.backoff_ms_max, retry.breaker, retry.breaker_s) < 0:
        raise ValueError("load.retry: nothing can be negative")
    calls = {f"calls.{kind}": text for kind, text in load.calls.items()}
    for field, text in {"read": load.read, "write": load.write, **calls}.items():
        if "{key}" not in text or text.count(" ") != 1:
            raise ValueError(f"load.{field}: METHOD, a space, and a target with {{key}}")
    for field in ("writes", "fresh"):
        if not 0 <= getattr(load, field) <= 1:
            raise ValueError(f"load.{field}: a share between 0 and 1")
    for field in ("rate", "keys", "people", "timeout_s"):
        if getattr(load, field) <= 0:
            raise ValueError(f"load.{field}: must be positive")
    if load.keeps_names_s < 0:
        raise ValueError("load.keeps_names_s: must not be negative")
    if not load.cities:
        raise ValueError("load.cities: name at least one")
    if load.rate * drill.duration_s * len(load.cities) > REQUESTS_MAX:
        raise ValueError(f"load.rate: more than {REQUESTS_MAX} requests")
    _check_session(drill, load)


def _check_session(drill: Drill, load: LoadPart) -> None:
    session = load.session
    if session is None:
        return
    if load.follow is not None or load.mix or load.retry != RetryPart():
        raise ValueError(f"load.session: {_TYPES}, so no follow, no mix and no retry")
    for field in ("every_ms", "people", "timeout_s"):
        if getattr(session, field) <= 0:
            raise ValueError(f"load.session.{field}: must be positive")
    keys = drill.duration_s / drill.world.speed * 1e3 / session.every_ms
    if keys * session.people * len(load.cities) > REQUESTS_MAX:
        raise ValueError(f"load.session: more than {REQUESTS_MAX} keystrokes")
    for field, least in (("key_bytes", HEAD_BYTES), ("picture_bytes", 1)):
        if not least <= getattr(session, field) <= BYTES_MAX:
            raise ValueError(f"load.session.{field}: between {least} and {BYTES_MAX}")


def _check_monthly(monthly: MonthlyPart) -> None:
    for field, value in msgspec.structs.asdict(monthly).items():
        if field != "front" and value < 0:
            raise ValueError(f"monthly.{field}: cannot be negative")


def _check_follow(load: LoadPart) -> None:
    follow = load.follow
    if follow is None:
        return
    if follow.city not in load.cities:
        raise ValueError(f"load.follow.city: {follow.city} is not one of load.cities")
    if len(load.cities) == 1:
        raise ValueError("load.follow: there is no other city whose writes could be followed")
    if follow.after_ms < 0:
        raise ValueError("load.follow.after_ms: cannot be negative")


def _check_mix(load: LoadPart) -> None:
    for kind, share in load.mix.items():
        if kind not in OTHER_KINDS:
            raise ValueError(f"load.mix.{kind}: not one of {', '.join(OTHER_KINDS)}")
        if kind not in load.calls:
            raise ValueError(f"load.mix.{kind}: load.calls has to say how this call is made")
        if not 0 <= share <= 1:
            raise ValueError(f"load.mix.{kind}: a share between 0 and 1")
    if sum(load.mix.values()) > 1:
        raise ValueError("load.mix: shares above 1 altogether")
