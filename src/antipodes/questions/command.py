"""`antipodes network ...`: the questions, as a command line."""

import argparse
import json
import sys
from typing import Any

from antipodes.questions.networks import QuestionError, together
from antipodes.questions.walking import Asked, as_record, lines, walked, way_between
from antipodes.world.atlas import load_atlas
from antipodes.world.world import World

NOT_REACHED, NOT_ANSWERED = 1, 2


def run_network(options: argparse.Namespace, told: dict[str, Any]) -> int:
    """Answer a question about the networks that regions have told of."""
    if not told:
        print("antipodes: no region knows of networks of that account", file=sys.stderr)
        return NOT_ANSWERED
    world = World(load_atlas(), tuple(told))
    asked = Asked(options.source, options.target, options.protocol, options.port)
    try:
        both = walked(together(told.values()), asked)
    except (QuestionError, ValueError) as error:
        print(f"antipodes: {error}", file=sys.stderr)
        return NOT_ANSWERED
    record = as_record(both, way_between(world))
    if options.json:
        print(json.dumps(record, indent=2))
    else:
        print("\n".join(lines(record)))
    return 0 if record["reached"] else NOT_REACHED
