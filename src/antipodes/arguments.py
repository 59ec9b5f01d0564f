"""What people write on the command line: shares, numbers with units, choices.

Each function reads one argument and raises what argparse turns into a complaint that names it.
"""

import argparse
import math
from typing import Any

SPEED_MAX = 100


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
