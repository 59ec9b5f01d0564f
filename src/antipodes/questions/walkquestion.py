"""`antipodes network walk`: follow one packet and its answer, hop by hop."""

import argparse
import json
from typing import Any

from antipodes.arguments import port
from antipodes.questions.networks import Answer, Told, in_lines, names
from antipodes.questions.walking import PROTOCOLS, Asked, as_record, lines, walked, way_between

NOT_REACHED = 1


def add(actions: Any) -> argparse.ArgumentParser:
    """What a walk is asked for by."""
    walk: argparse.ArgumentParser = actions.add_parser(
        "walk", help="follow one packet and its answer, hop by hop"
    )
    ends = "an interface, an instance, what either is called, an address, or internet"
    walk.add_argument("source", help=ends)
    walk.add_argument("target", help=ends)
    walk.add_argument("--protocol", choices=tuple(PROTOCOLS), default="tcp")
    walk.add_argument("--port", type=port, default=443, help="of the target")
    walk.add_argument("--ipv6", action="store_true", help="where no end is called by an address")
    walk.add_argument("--json", action="store_true")
    walk.set_defaults(answer=answer)
    return walk


def answer(told: Told, options: argparse.Namespace) -> Answer:
    """The way, with status 0 if an answer came back and 1 if none did. Raises QuestionError."""
    asked = Asked(options.source, options.target, options.protocol, options.port, ipv6=options.ipv6)
    both = walked(told.topology, asked)
    record = as_record(both, way_between(told.world), names(told.topology))
    text = json.dumps(record, indent=2) if options.json else in_lines(lines(record))
    return Answer(text, 0 if record["reached"] else NOT_REACHED)
