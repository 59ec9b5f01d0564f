"""Sets of packets as people read them: for each field of the header, the values that it may have.

A product is a box with several ranges for a field instead of one. Nothing is lost by putting boxes
together to products where they differ in one field only, and what is left is shorter to tell.
"""

from collections.abc import Iterable, Sequence

from antipodes.fabric.network.packets import Packet
from antipodes.fabric.network.spaces import Box, Range

Ranges = tuple[Range, ...]  # in order; no two have anything in common, nor do they touch
Product = tuple[Ranges, Ranges, Ranges, Ranges, Ranges]
FIELDS = range(5)


def of(box: Box) -> Product:
    """A box, as a product."""
    return (box[0],), (box[1],), (box[2],), (box[3],), (box[4],)


def united(ranges: Iterable[Range]) -> Ranges:
    """Any ranges, in the form that they have here."""
    found: list[Range] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(high, found[-1][1])
        else:
            found.append((low, high))
    return tuple(found)


def both(left: Ranges, right: Ranges) -> Ranges:
    """What is in the ranges of either side."""
    found: list[Range] = []
    one = other = 0
    while one < len(left) and other < len(right):
        low = max(left[one][0], right[other][0])
        high = min(left[one][1], right[other][1])
        if low <= high:
            found.append((low, high))
        if left[one][1] < right[other][1]:
            one += 1
        else:
            other += 1
    return tuple(found)


def less(left: Ranges, right: Ranges) -> Ranges:
    """What is in the ranges of the left side only."""
    found: list[Range] = []
    for start, end in left:
        low = start
        for taken_low, taken_high in right:
            if taken_high < low or taken_low > end:
                continue
            if taken_low > low:
                found.append((low, taken_low - 1))
            low = taken_high + 1
        if low <= end:
            found.append((low, end))
    return tuple(found)


def _with(product: Product, field: int, ranges: Ranges) -> Product:
    found = [*product]
    found[field] = ranges
    return found[0], found[1], found[2], found[3], found[4]


def shared(left: Product, right: Product) -> Product | None:
    """What is in both."""
    found = left
    for field in FIELDS:
        ranges = both(left[field], right[field])
        if not ranges:
            return None
        found = _with(found, field, ranges)
    return found


def without(product: Product, taken: Product) -> list[Product]:
    """What is left of a product, in products that have nothing in common."""
    if shared(product, taken) is None:
        return [product]
    left = []
    for field in FIELDS:
        outside = less(product[field], taken[field])
        if outside:
            left.append(_with(product, field, outside))
        product = _with(product, field, both(product[field], taken[field]))
    return left


def without_all(products: Sequence[Product], taken: Iterable[Product]) -> list[Product]:
    """What is left of some when all of others is taken away."""
    left = [*products]
    for one in taken:
        left = [piece for product in left for piece in without(product, one)]
    return left


def apart(products: Iterable[Product]) -> list[Product]:
    """The same packets, in products that have nothing in common."""
    found: list[Product] = []
    for one in products:
        found += without_all([one], found)
    return found


def merged(products: Iterable[Product]) -> list[Product]:
    """The same packets in fewer products, in order; the given ones have nothing in common."""
    found = list(products)
    number = 0
    while number != len(found):
        number = len(found)
        for field in FIELDS:
            alike: dict[Product, list[Range]] = {}
            for product in found:
                alike.setdefault(_with(product, field, ()), []).extend(product[field])
            found = [_with(rest, field, united(ranges)) for rest, ranges in alike.items()]
    return sorted(found)


def contains(product: Product, packet: Packet) -> bool:
    """Whether a packet is in a product."""
    return all(
        any(low <= packet[field + 1] <= high for low, high in product[field]) for field in FIELDS
    )


def least(product: Product) -> Box:
    """The box of a product with the least numbers."""
    first, second, third, fourth, fifth = product
    return first[0], second[0], third[0], fourth[0], fifth[0]
