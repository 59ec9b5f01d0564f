"""Identifiers that are drawn by lot."""

from antipodes.runtime.contract import Chance


def hex_digits(chance: Chance, count: int) -> str:
    """Random hexadecimal digits."""
    return f"{chance.getrandbits(4 * count):0{count}x}"


def uuid(chance: Chance) -> str:
    """A random UUID (version 4)."""
    text = hex_digits(chance, 32)
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"
