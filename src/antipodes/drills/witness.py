"""What a run's violation was: the calls that show it, when, and the messages that did it.

A finding's witness names keys, values or traces. The calls that it names are the violation's own;
those on the same key are its neighbours. Of tens of thousands of messages those are told apart that
belong to these calls, carry their key, or copy anything between regions near them.
"""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from antipodes.drills.history import Operation, Outcome
from antipodes.drills.simulated import Simulated
from antipodes.drills.verdict import Finding, Verdict
from antipodes.runtime.messages import Message
from antipodes.world.places import top_of

REACH_S = 8.0  # what happened to a host so long before or after belongs to the picture
PAD_S = 0.25
NEIGHBOURS_MAX = 12
IDLE, IDLE_S = 3, 1.0  # the rank of what says nothing but that somebody lives; shown so near only
KEPT = {"data", "reset"}  # openings and ends say nothing that data does not
HOST_KINDS = ("boot", "kill", "power-cut", "pause", "resume", "fault", "heal", "clock", "disk")
_WORD = re.compile(r"[\w.-]+")
_ARN = re.compile(r"\barn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:\d*:")
_MUTATIONS = {"write", "delete", "increment", "pair-write"}


class Violation(NamedTuple):
    """What went wrong in a run."""

    finding: Finding | None
    key: str
    own: list[Operation]  # the calls that show it
    neighbours: list[Operation]  # other calls on the key, near them
    begin_s: float  # of the window around it; seconds of the drill
    end_s: float


def violation(simulated: Simulated) -> Violation:
    """The worst finding's, or what comes nearest to one: a call that was not served, an event."""
    findings = simulated.judgement.findings
    ranked = [f for f in findings if f.verdict is Verdict.FAIL]
    ranked += [f for f in findings if f.verdict is Verdict.UNKNOWN]
    operations = simulated.history.operations
    for finding in ranked:
        own = named(finding.witness, operations)
        if own:
            return _around(simulated, finding, own)
    missed = [o for o in operations if o.outcome is not Outcome.OK]
    return _around(simulated, ranked[0] if ranked else None, missed[:1])


def named(witness: str, operations: list[Operation]) -> list[Operation]:
    """The calls that a witness names: by key and value, by trace, or the last write of a key.

    Where it tells their times as well (`observations.told`), those only.
    """
    words = dict.fromkeys(_WORD.findall(witness))
    exact = [
        o
        for o in operations
        if (o.trace and o.trace in words)
        or (o.value is not None and o.key in words and f"{o.key}={o.value}" in witness)
    ]
    if exact:
        timed = [o for o in exact if f"{o.start_s:.3f} to {o.end_s:.3f} s" in witness]
        return [o for o in timed or exact if o.key == exact[0].key]
    keys = {o.key for o in operations}
    key = next((word for word in words if word in keys), None)
    on_key = [o for o in operations if o.key == key]
    written = [o for o in on_key if o.kind in _MUTATIONS and o.outcome is Outcome.OK]
    return written[-1:] or on_key[-1:]


def _around(simulated: Simulated, finding: Finding | None, own: list[Operation]) -> Violation:
    drill, started = simulated.drill, simulated.load_started
    happened = [e["at"] - started for e in simulated.entries if e["kind"] in HOST_KINDS]
    if own:
        begin_s, end_s = min(o.start_s for o in own), max(o.end_s for o in own)
    else:
        first_s = drill.timeline[0].at_s if drill.timeline else drill.duration_s / 2
        begin_s, end_s = first_s - 1.0, first_s + REACH_S
    key = own[0].key if own else ""
    reach = (max(0.0, begin_s - REACH_S), end_s + REACH_S)  # before 0, the world is being made
    near = [at for at in happened if reach[0] <= at <= reach[1]]
    begin_s, end_s = min([begin_s, *near]) - PAD_S, max([end_s, *near]) + PAD_S
    neighbours = [
        o
        for o in simulated.history.operations
        if o.key == key and o not in own and begin_s <= o.start_s <= end_s
    ]
    if own:
        neighbours.sort(key=lambda o: min(abs(o.start_s - other.start_s) for other in own))
    return Violation(
        finding,
        key,
        sorted(own, key=lambda o: o.start_s),
        sorted(neighbours[:NEIGHBOURS_MAX], key=lambda o: o.start_s),
        begin_s,
        end_s,
    )


def relevant(simulated: Simulated, seen: Violation, limit: int) -> list[Message]:
    """The messages of a violation, by when they were sent; the least relevant are left out."""
    started = simulated.load_started
    ours = {o.trace for o in seen.own if o.trace}
    near = {o.trace for o in seen.neighbours if o.trace}
    instants = [o.start_s for o in seen.own] or [(seen.begin_s + seen.end_s) / 2]
    ranked = []
    for number, message in enumerate(simulated.messages):
        sent_s, arrived_s = message.sent_s - started, message.arrived_s - started
        if arrived_s < seen.begin_s or sent_s > seen.end_s or message.kind not in KEPT:
            continue
        rank = _rank(message, seen.key, ours, near, simulated.drill.world.regions)
        distance_s = min(abs(sent_s - at) for at in instants)
        if rank is not None and (rank < IDLE or distance_s < IDLE_S):
            ranked.append((rank, distance_s, number))
    kept = sorted(number for *_, number in sorted(ranked)[:limit])
    found: list[Message] = [simulated.messages[number] for number in kept]
    return sorted(found, key=lambda message: (message.sent_s, message.arrived_s))


def _rank(
    message: Message, key: str, ours: set[str], near: set[str], regions: tuple[str, ...]
) -> int | None:
    """How relevant a message is, 0 the most; None: it has nothing to do with it."""
    source, destination = top_of(message.source), top_of(message.destination)
    if source == destination:
        return None
    if message.trace in ours:
        return 0
    if (key and key in message.head) or message.trace in near:
        return 1
    if source in regions and destination in regions:
        return IDLE if "beat" in message.head or "ack" in message.head else 2
    return None


def journal_around(simulated: Simulated, at_s: float, width_s: float) -> list[str]:
    """The journal's lines within so many seconds around a time of the drill."""
    begin_s, end_s = at_s - width_s / 2, at_s + width_s / 2
    return [
        f"{entry['at'] - simulated.load_started:10.3f} s  {told(entry)}"
        for entry in simulated.entries
        if begin_s <= entry["at"] - simulated.load_started <= end_s
    ]


def told(entry: dict[str, Any]) -> str:
    """An entry of the journal in words; ARNs are shortened to the resource."""
    rest = {name: value for name, value in entry.items() if name not in {"at", "kind"}}
    return " ".join([entry["kind"], *_fields(rest.items())])


def _fields(fields: Iterable[tuple[str, Any]]) -> Iterable[str]:
    for name, value in fields:
        if isinstance(value, dict):
            yield " ".join(_fields(value.items()))
        else:
            text = f"{value:g}" if isinstance(value, float) else _ARN.sub("", str(value))
            yield f"{name}={text}"
