"""What people write on the command line: shares, numbers with units, choices, and some verbs' own.

A function that reads an argument raises what argparse turns into a complaint that names it.
"""

import argparse
import math
from collections.abc import Callable
from typing import Any

SPEED_MAX = 100
PORT_MAX = 65535


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return value


def percent(text: str) -> float:
    """A share: `5%` or `0.05`."""
    value = _number(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share: write 5% or 0.05")
    return value


def with_unit(*units: str, signed: bool = False) -> Any:
    """A number that may have one of the units behind it."""

    def parse(text: str) -> float:
        for unit in units:
            text = text.removesuffix(unit)
        value = _number(text)
        if value < 0 and not signed:
            raise argparse.ArgumentTypeError("must not be negative")
        return value

    return parse


def choice(text: str) -> tuple[str, str]:
    """What is chosen for a name: `NAME=VALUE`."""
    name, _, value = text.partition("=")
    if not name or not value:
        raise argparse.ArgumentTypeError(f"{text!r} is not a choice: write NAME=VALUE")
    return name, value


def speed(text: str) -> float:
    """How fast a world's intervals pass."""
    value = _number(text)
    if not 1 <= value <= SPEED_MAX:
        raise argparse.ArgumentTypeError(f"a speed is between 1 and {SPEED_MAX}")
    return value


def port(text: str) -> int:
    """A port of TCP or UDP."""
    if not text.isascii() or not text.isdecimal() or int(text) > PORT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 0 to {PORT_MAX}")
    return int(text)


def add_drill(drill: argparse.ArgumentParser, drilled: Callable[..., int]) -> None:
    """What can be done with drills."""
    actions = drill.add_subparsers(required=True, metavar="ACTION", dest="action")
    run = actions.add_parser("run", help="run a drill file, or one of the library by name")
    run.add_argument("file")
    run.add_argument("--speed", type=speed, default=None, help="overrides the file's")
    run.add_argument("--seed", type=int, default=None, help="overrides the file's")
    run.add_argument("--simulate", action="store_true", help="in one process, in virtual time")
    run.add_argument("--seeds", type=int, default=0, metavar="N", help="play seeds 1 to N")
    run.add_argument("--jobs", type=int, default=0, metavar="J", help="processes; default: cores")
    run.add_argument("--cluster", metavar="ADDRESS", default="", help="of a Dask scheduler")
    run.add_argument("--replay", type=int, default=None, metavar="SEED", help="play, and show it")
    run.add_argument("--svg", metavar="FILE", default="", help="of a replay: its messages")
    for name in ("--json", "--html", "--junit"):
        run.add_argument(name, metavar="FILE", default="")
    run.add_argument("--keep", action="store_true", help="leave the world's state for a look")
    run.set_defaults(run=drilled)
    compare = actions.add_parser("compare", help="simulate a drill's variants, side by side")
    compare.add_argument("file")
    compare.add_argument("--seed", type=int, default=None, help="overrides the file's")
    compare.add_argument("--json", metavar="FILE", default="")
    compare.set_defaults(run=drilled)
    actions.add_parser("list", help="the drills of the library").set_defaults(run=drilled)
