"""Unions of spaces, in as few spaces as they are easily told in."""

from collections.abc import Iterable, Sequence

from antipodes.fabric.network.spaces import Range, Space, Values, with_values, without

FIELDS = range(5)


def united(ranges: Iterable[Range]) -> Values:
    """Any ranges of a field: in order, with gaps between them."""
    found: list[Range] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(high, found[-1][1])
        else:
            found.append((low, high))
    return tuple(found)


def without_all(spaces: Sequence[Space], taken: Iterable[Space]) -> list[Space]:
    """What is left of some when all of others is taken away."""
    left = [*spaces]
    for one in taken:
        left = [piece for space in left for piece in without(space, one)]
    return left


def apart(spaces: Iterable[Space]) -> list[Space]:
    """The same packets, in spaces that have nothing in common."""
    found: list[Space] = []
    for one in spaces:
        found += without_all([one], found)
    return found


def merged(spaces: Iterable[Space]) -> list[Space]:
    """The same packets in fewer spaces, in order; the given ones have nothing in common.

    Nothing is lost by putting two together that differ in one field only.
    """
    found = list(spaces)
    number = 0
    while number != len(found):
        number = len(found)
        for field in FIELDS:
            alike: dict[Space, list[Range]] = {}
            for space in found:
                alike.setdefault(with_values(space, field, ()), []).extend(space[field])
            found = [with_values(rest, field, united(ranges)) for rest, ranges in alike.items()]
    return sorted(found)
