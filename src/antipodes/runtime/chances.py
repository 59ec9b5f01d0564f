"""Chance for whoever stands outside of every host: a drill that is drawn before its world exists.

Inside a world, chance comes from the Runtime; this is the same idea with nobody to ask.
"""

import random

from antipodes.runtime.contract import Chance


def named_chance(seed: int, name: str) -> Chance:
    """The stream of that name: the same seed and name give the same draws, on any machine."""
    return random.Random(f"outside/{seed}/{name}")  # noqa: S311 - repeatable on purpose
