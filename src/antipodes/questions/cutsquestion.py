"""`antipodes network cuts`: what, failing by itself, keeps a packet or its answer from coming."""

import argparse
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from antipodes.arguments import port
from antipodes.fabric.network.fabric import Both
from antipodes.fabric.network.topology import LINE, Topology
from antipodes.questions.failures import Failure, failures, without
from antipodes.questions.networks import Answer, QuestionError, Told, in_lines, names
from antipodes.questions.walking import PROTOCOLS, Asked, walked

SOMETHING_CUTS = 1


class Cut(NamedTuple):
    """A failure by which a packet that came before comes no more, or its answer."""

    failure: Failure
    way: str
    outcome: str
    at: tuple[str, str]  # kind and id


def add(actions: Any) -> argparse.ArgumentParser:
    """What cuts are asked for by."""
    parser: argparse.ArgumentParser = actions.add_parser(
        "cuts", help="which single failure cuts one thing from another"
    )
    parser.add_argument("source", help="as of a walk")
    parser.add_argument("target", help="as of a walk")
    parser.add_argument("--protocol", choices=tuple(PROTOCOLS), default="tcp")
    parser.add_argument("--port", type=port, default=443, help="of the target")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(answer=answer)
    return parser


def answer(told: Told, options: argparse.Namespace) -> Answer:
    """The failures, with status 1 if there are any. Raises QuestionError."""
    asked = Asked(options.source, options.target, options.protocol, options.port)
    called = names(told.topology)
    found = list(cuts(told.topology, asked))
    if options.json:
        records = [
            {
                "kind": one.failure.kind,
                "id": one.failure.id,
                "name": called.get(one.failure.id),
                "way": one.way,
                "outcome": one.outcome,
                "at": {"kind": one.at[0], "id": one.at[1]},
            }
            for one in found
        ]
        return Answer(json.dumps(records, indent=2), SOMETHING_CUTS if found else 0)
    lines = [_line(one, called) for one in found]
    lines.append("no single failure cuts them" if not found else f"{len(found)} of these alone")
    return Answer(in_lines(lines), SOMETHING_CUTS if found else 0)


def _line(one: Cut, called: dict[str, str]) -> str:
    kind, name = one.failure
    shown = f"{name} ({called[name]})" if name in called else name
    at = f"{one.at[0]} {called.get(one.at[1], one.at[1])}"
    return f"{kind:16} {shown:40} {one.way}: {one.outcome}, at {at}"


def cuts(topology: Topology, asked: Asked) -> Iterator[Cut]:
    """Every single failure that cuts. Raises QuestionError where there is nothing to cut."""
    whole = walked(topology, asked)
    ended = _ended(whole)
    if ended is not None:
        raise QuestionError(f"nothing comes there and back as it is: {ended[0]}: {ended[1]}")
    passed = {step.hop.id for walk in whole if walk is not None for step in walk.steps}
    for failure in failures(topology):
        if _is_aside(topology, failure) and failure.id not in passed:
            continue
        ended = _ended(walked(without(topology, failure), asked))
        if ended is not None:
            yield Cut(failure, *ended)


def _is_aside(topology: Topology, failure: Failure) -> bool:
    """Whether a thing changes nothing for packets that do not pass it: nobody chooses by it."""
    kind, name = failure
    if kind == "attachment":
        return topology.attachments[name].kind != LINE
    return kind in {"gateway", "translator"}


def _ended(both: Both) -> tuple[str, str, tuple[str, str]] | None:
    """How a way ended that did not come to its end: which, how, and where."""
    for way, walk in zip(("there", "back"), both, strict=True):
        if walk is None:
            return None
        if not walk.passed:
            return way, walk.end.outcome, walk.end.hop[:2]
    return None
