"""Swarm testing: every seed plays a drill of its own, drawn from the one in the file.

A run that may meet every fault meets few of them deeply, and some hide others: a world whose
regions are always dying never sees a queue fill up. So each seed first draws which kinds of faults
it has at all, then how many, how bad, where and for how long (Groce et al., "Swarm Testing", ISSTA
2012), and it draws the parameters that a team would tune as well (FoundationDB's BUGGIFY and its
randomised knobs).

What is drawn stands in the drawn drill's timeline and fields, and nowhere else: it is an ordinary
drill that can be read, saved, shrunk and played again. Its `[swarm]` allows nothing more, so that
drawing again changes nothing but the seed. Every drawn event is undone by itself (`for_s`) before
the load ends, and begins no phase: what the file's own events are judged by stays theirs.

Drawn parameters: the time that routing and health take to the edge (up to the drill's own), the
time that a host takes to start, the cities' access networks, and the load's rate, keys, people,
shares of writes, fresh keys and other calls. Speed is not: distances do not shrink with it.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec

from antipodes.drills.checks import EDGE, HOME_REGIONS, REQUESTS_MAX
from antipodes.drills.model import ClockPart, DiskPart, Drill, Event, LoadPart, SwarmPart, WorldPart
from antipodes.runtime.chances import named_chance
from antipodes.runtime.contract import Chance
from antipodes.service.planes import HOMES
from antipodes.world import faults
from antipodes.world.addresses import ANYCAST_ZONES
from antipodes.world.latency import load_tables

KINDS = (*faults.KINDS, "kill", "pause", "clock", "disk")
EVENT_S_MIN = 1.0
AT_S_MIN = 0.5  # the load begins before anything breaks
EDGES_ALL = "edge/*"
CONTROL_PLANES = ("dynamodb", "elbv2", "globalaccelerator", "iam", "lambda")
DIGITS = 3  # of a drawn number: enough, and short to read


class _Places(NamedTuple):
    """Where a drill's faults can be."""

    regions: tuple[str, ...]
    hosts: tuple[str, ...]
    edges: tuple[str, ...]  # those that the drill's people come to
    cities: tuple[str, ...]
    zones: tuple[str, ...]


def draw(drill: Drill, seed: int) -> Drill:
    """The drill that a seed plays; without a swarm, the same with that seed."""
    world = msgspec.structs.replace(drill.world, seed=seed)
    drill = msgspec.structs.replace(drill, world=world)
    swarm = drill.swarm
    if swarm is None or is_drawn(swarm):
        return drill
    events = _background(drill, swarm, named_chance(seed, "swarm"))
    timeline = sorted((*drill.timeline, *events), key=lambda event: event.at_s)
    nothing_more = msgspec.structs.replace(swarm, events=0, tuning=False)
    drill = msgspec.structs.replace(drill, timeline=tuple(timeline), swarm=nothing_more)
    return _tuned(drill, named_chance(seed, "tuning")) if swarm.tuning else drill


def is_drawn(swarm: SwarmPart) -> bool:
    """Whether it has nothing more to draw."""
    return not swarm.tuning and (swarm.events <= 0 or not swarm.faults)


def kinds_of(event: Event) -> tuple[str, ...]:
    """The kinds of trouble that an event makes, each once, as a swarm names them."""
    plain = (event.fault, *event.faults)
    found = [fault["kind"] for fault in plain if fault]
    found += [kind for kind in ("kill", "pause", "clock", "disk") if getattr(event, kind)]
    return tuple(dict.fromkeys(found))


def drawn_kinds(drill: Drill) -> tuple[str, ...]:
    """The kinds of trouble that a drill's background has, in the order of `KINDS`."""
    background = [event for event in drill.timeline if not event.phase and event.for_s]
    found = [kind for event in background for kind in kinds_of(event)]
    return tuple(kind for kind in KINDS if kind in found)


# Events.


def _background(drill: Drill, swarm: SwarmPart, chance: Chance) -> list[Event]:
    kinds = [kind for kind in swarm.faults if chance.random() < 1 / 2]
    if not swarm.faults or swarm.events < 1:
        return []
    kinds = kinds or [chance.choice(swarm.faults)]
    places = _places(drill)
    crowded = chance.random() < 1 / 3  # one fault falls into another
    room_s = drill.duration_s - AT_S_MIN
    longest_s = min(swarm.for_s, room_s / 2)
    crowd_s = _uniform(chance, AT_S_MIN, max(AT_S_MIN, drill.duration_s - 2 * longest_s))
    events = []
    for _ in range(chance.randint(1, swarm.events)):
        kind = chance.choice(kinds)
        for_s = _magnitude(chance, min(EVENT_S_MIN, longest_s), longest_s)
        first_s, last_s = AT_S_MIN, drill.duration_s - for_s
        if crowded:
            first_s, last_s = crowd_s, min(last_s, crowd_s + longest_s)
        at_s = math.floor(_uniform(chance, first_s, max(first_s, last_s)) * 1e3) / 1e3
        at_s = min(max(at_s, 0.001), drill.duration_s - for_s)
        events.append(_event(kind, at_s, for_s, places, chance))
    return events


def _places(drill: Drill) -> _Places:
    world = drill.world.made()
    cities = tuple(world.place(city) for city in drill.load.cities)
    return _Places(
        regions=world.regions,
        hosts=tuple(dict.fromkeys((*world.regions, *HOME_REGIONS, EDGE))),
        edges=tuple(dict.fromkeys(world.nearest_edge(city) for city in cities)),
        cities=tuple(dict.fromkeys(cities)),
        zones=tuple(z.place for r in world.regions for z in world.atlas.region(r).zones),
    )


def _event(kind: str, at_s: float, for_s: float, places: _Places, chance: Chance) -> Event:
    host = chance.choice(places.hosts)
    match kind:
        case "kill":
            return Event(at_s, for_s=for_s, kill=host)
        case "pause":
            return Event(at_s, for_s=for_s, pause=host)
        case "clock":
            return Event(at_s, for_s=for_s, clock=_clock(host, chance))
        case "disk":
            return Event(at_s, for_s=for_s, disk=_disk(host, chance))
        case _:
            fault = {"kind": kind, **_where(kind, places, chance), **_HOW_BAD[kind](chance)}
            return Event(at_s, for_s=for_s, fault=fault)


def _clock(host: str, chance: Chance) -> ClockPart:
    sign = chance.choice((-1, 1))
    drift = chance.choice((0.0, _magnitude(chance, 10, 100_000)))
    return ClockPart(host, sign * _magnitude(chance, 0.01, 600), drift_ppm=sign * drift)


def _disk(host: str, chance: Chance) -> DiskPart:
    full = chance.random() < 1 / 2
    return DiskPart(host, full=full, slow_ms=0.0 if full else _magnitude(chance, 1, 1000))


def _where(kind: str, places: _Places, chance: Chance) -> dict[str, Any]:
    if kind == "control-plane":
        service = chance.choice(CONTROL_PLANES)
        region = "" if service in HOMES else chance.choice(places.regions)
        return {"service": service, "region": region}
    if kind == "accelerator-zone":
        return {"zone": chance.choice(ANYCAST_ZONES)}
    if kind in {"dark-place", "slow-place"}:
        group = chance.choice((places.regions, places.regions, places.edges, places.zones))
        return {"place": chance.choice(group)}
    both_ways = chance.random() < 2 / 3
    ends: tuple[str, str]
    match chance.randrange(4):
        case 0:  # people and their edge location
            city = chance.choice(places.cities)
            ends = (city, EDGES_ALL)
        case 1:  # an edge location and a region, or all of them
            ends = (chance.choice((EDGES_ALL, *places.edges)), chance.choice(places.regions))
        case _:  # the backbone between regions
            one = chance.choice(places.regions)
            others = [region for region in places.regions if region != one]
            ends = (one, chance.choice(others or [EDGES_ALL]))
    return {"a": ends[0], "b": ends[1], "both_ways": both_ways}


def _slow(chance: Chance) -> dict[str, Any]:
    jitter_ms = chance.choice((0.0, _magnitude(chance, 1, 500)))
    return {"extra_ms": _magnitude(chance, 1, 3000), "jitter_ms": jitter_ms}


_HOW_BAD: dict[str, Callable[[Chance], dict[str, Any]]] = {
    "cut-link": lambda _: {},
    "slow-link": _slow,
    "lossy-link": lambda chance: {"loss": _magnitude(chance, 0.001, 0.5)},
    "narrow-link": lambda chance: {"bandwidth_mbit_s": _magnitude(chance, 0.02, 100)},
    "duplicating-link": lambda chance: {"share": _magnitude(chance, 0.01, 1)},
    "reordering-link": lambda chance: {
        "share": _magnitude(chance, 0.01, 1),
        "held_ms": _magnitude(chance, 1, 3000),
    },
    "dark-place": lambda _: {},
    "slow-place": _slow,
    "control-plane": lambda _: {},
    "accelerator-zone": lambda _: {},
}


# Parameters.


def _tuned(drill: Drill, chance: Chance) -> Drill:
    return msgspec.structs.replace(
        drill,
        world=_tuned_world(drill.world, drill.load.cities, chance),
        load=_tuned_load(drill.load, drill.duration_s, chance),
    )


def _tuned_world(world: WorldPart, cities: Iterable[str], chance: Chance) -> WorldPart:
    networks = tuple(load_tables().last_miles)
    access = dict(world.access)
    for city in cities:
        network = chance.choice(networks)
        if chance.random() < 1 / 3 and city not in access:
            access[city] = network
    least_s = min(1.0, world.propagation_s)
    return msgspec.structs.replace(
        world,
        propagation_s=_magnitude(chance, least_s, world.propagation_s),
        restart_s=_magnitude(chance, 0.05, 10.0),
        access=access,
    )


def _tuned_load(load: LoadPart, duration_s: float, chance: Chance) -> LoadPart:
    rate_max = REQUESTS_MAX / (duration_s * len(load.cities))
    rate = min(_magnitude(chance, load.rate / 2, load.rate * 2), rate_max)
    shares = {kind: _share(chance, share) for kind, share in load.mix.items()}
    total = math.fsum(shares.values())
    if total > 1:
        shares = {kind: math.floor(share / total * 1e3) / 1e3 for kind, share in shares.items()}
    return msgspec.structs.replace(
        load,
        rate=rate,
        keys=_count(chance, load.keys * 2),
        people=_count(chance, load.people),
        writes=_share(chance, load.writes),
        fresh=round(_uniform(chance, 0.0, 0.9), 2),
        mix=shares,
    )


def _share(chance: Chance, share: float) -> float:
    """A share up to twice as large; what is never done stays so, and what is always done too."""
    drawn = round(min(_uniform(chance, share / 4, share * 2), 0.95), 3)
    return share if share in {0.0, 1.0} else max(drawn, 0.001)


def _count(chance: Chance, most: int) -> int:
    """A number from 1, small ones as likely as large ones."""
    return max(1, min(most, round(_magnitude(chance, 1, most))))


def _magnitude(chance: Chance, least: float, most: float) -> float:
    """A number whose logarithm is uniform: every order of magnitude is as likely."""
    if least <= 0 or most <= least:
        chance.random()
        return most
    drawn = math.exp(_uniform(chance, math.log(least), math.log(most)))
    return min(most, max(least, float(f"{drawn:.{DIGITS}g}")))


def _uniform(chance: Chance, least: float, most: float) -> float:
    return least + (most - least) * chance.random()
