"""Numbers in texts that anybody may send: tokens of pages, ports, weights.

Python reads digits of every script as a number, and raises where there are thousands of them; what
is asked of a service is neither.
"""

DIGITS_MAX = 18


def whole_number(text: str) -> int:
    """The number that a text of ASCII digits is; -1 for what is none, or too long to be meant."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX else -1
