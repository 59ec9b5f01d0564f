"""`antipodes network draw`: the networks as a picture, with a walk on it if one is asked for."""

import argparse
from pathlib import Path
from typing import Any

from antipodes.arguments import port
from antipodes.questions.drawing import drawn
from antipodes.questions.networks import Answer, QuestionError, Told
from antipodes.questions.walking import PROTOCOLS, Asked, walked


def add(actions: Any) -> argparse.ArgumentParser:
    """What a picture is asked for by."""
    draw: argparse.ArgumentParser = actions.add_parser("draw", help="a picture, as SVG")
    draw.add_argument("--walk", nargs=2, metavar=("SOURCE", "TARGET"), help="with a packet's way")
    draw.add_argument("--protocol", choices=tuple(PROTOCOLS), default="tcp")
    draw.add_argument("--port", type=port, default=443, help="of the target")
    draw.add_argument("--tables", action="store_true", help="with the routes of each subnet")
    draw.add_argument("--caption", default="", help="what stands above it")
    draw.add_argument("--svg", metavar="FILE", default="", help="where it goes; default: printed")
    draw.set_defaults(answer=answer)
    return draw


def answer(told: Told, options: argparse.Namespace) -> Answer:
    """The picture, or where it is. Raises QuestionError."""
    walk = None
    if options.walk:
        source, target = options.walk
        walk = walked(told.topology, Asked(source, target, options.protocol, options.port))
    picture = drawn(
        told.topology, told.world, walk=walk, caption=options.caption, tables=options.tables
    )
    if not options.svg:
        return Answer(picture.rstrip())
    try:
        Path(options.svg).write_text(picture, encoding="utf-8")
    except OSError as error:
        raise QuestionError(f"{options.svg} cannot be written: {error.strerror}") from error
    return Answer(f"drawn: {options.svg}")
