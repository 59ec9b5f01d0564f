"""`antipodes network compare`: what changed in who reaches whom, and by which way."""

import argparse
import json
from collections.abc import Mapping
from typing import Any

from antipodes.questions.comparing import Change, changes, told
from antipodes.questions.networks import Answer, Told, in_lines, names
from antipodes.questions.snapshotquestion import read

CHANGED = 1


def add(actions: Any) -> argparse.ArgumentParser:
    """What a comparison is asked for by."""
    parser: argparse.ArgumentParser = actions.add_parser(
        "compare", help="what changed in who reaches whom, since a snapshot"
    )
    parser.add_argument("before", help="a file of `network snapshot`")
    parser.add_argument("after", nargs="?", default="", help="another; default: as it is now")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(answer=answer)
    return parser


def answer(asked: Told, options: argparse.Namespace) -> Answer:
    """The changes, with status 1 if there are any. Raises QuestionError."""
    before = read(options.before)
    after = read(options.after) if options.after else asked.topology
    called = names(before) | names(after)
    found = list(changes(before, after))
    if options.json:
        return Answer(json.dumps([_record(one) for one in found], indent=2), bool(found) * CHANGED)
    lines = [_line(one, called) for one in found] or ["nothing changed in who reaches whom"]
    return Answer(in_lines(lines), bool(found) * CHANGED)


def _line(one: Change, called: Mapping[str, str]) -> str:
    source, target = (called.get(name, name) for name in (one.source, one.target))
    text = f"{one.kind:12} {source} > {target}: {told(one.packets, one.version)}"
    if one.kind != "another way":
        return text
    gone, new = (
        ", ".join(called.get(name, name) for _, name in hops) or "nothing else"
        for hops in (one.before, one.after)
    )
    return f"{text}: by {new}, no more by {gone}"


def _record(one: Change) -> dict[str, Any]:
    return {
        "change": one.kind,
        "source": one.source,
        "target": one.target,
        "family": one.version,
        "packets": [
            dict(zip(("source", "target", "protocol", "source_port", "port"), part, strict=True))
            for part in one.packets
        ],
        "no_more_by": [name for _, name in one.before],
        "now_by": [name for _, name in one.after],
    }
