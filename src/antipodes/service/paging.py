"""Lists in pages, whose tokens are the number of the item that a page begins with."""

from collections.abc import Sequence
from typing import TypeVar

from antipodes.service.numbers import whole_number

T = TypeVar("T")


class InvalidToken(ValueError):
    """No page begins there."""


def page_at(items: Sequence[T], token: str | None, size: int) -> tuple[Sequence[T], str]:
    """Return a page's items, and the token of the next page or nothing. Raises InvalidToken."""
    start = whole_number(token or "0")
    if not 0 <= start <= len(items):
        raise InvalidToken(token)
    end = start + size
    return items[start:end], str(end) if end < len(items) else ""
