"""Sets of packets: unions of boxes, each of which has a range for every field of the header.

All of a network's decisions are by ranges (prefixes are ranges, and so are ports), so that every
set that arises in it is such a union, and exact. The idea is header space analysis (Kazemian,
Varghese and McKeown, NSDI 2012), with ranges in place of wildcards.

Where many boxes differ in a few fields only, as "from all but private addresses to ports 80 and
443" does, a `Space` says so at once: it has any number of ranges for every field. The same values
come up again and again, so what two of them have in common is kept.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import ip_network
from itertools import product

from antipodes.fabric.network.packets import BITS, PORTS, Packet

SOURCE, TARGET, PROTOCOL, SOURCE_PORT, TARGET_PORT = range(5)

Range = tuple[int, int]  # both ends are in it
Box = tuple[Range, Range, Range, Range, Range]

Values = tuple[Range, ...]  # of one field: in order, with gaps between them
Space = tuple[Values, Values, Values, Values, Values]

PROTOCOLS = (0, 255)
KEPT = 100_000  # of each kind of question, with its answer


def everything(version: int) -> Box:
    """All packets of a family."""
    addresses = (0, (1 << BITS[version]) - 1)
    return addresses, addresses, PROTOCOLS, PORTS, PORTS


def box_of(packet: Packet) -> Box:
    """The set of one packet."""
    _, source, target, protocol, source_port, target_port = packet
    return (
        (source, source),
        (target, target),
        (protocol, protocol),
        (source_port, source_port),
        (target_port, target_port),
    )


def some(version: int, box: Box) -> Packet:
    """One packet of a box: the one with the least numbers."""
    return Packet(version, *(low for low, _ in box))


def holds(box: Box, packet: Packet) -> bool:
    """Whether a packet is in a box."""
    first, second, third, fourth, fifth = box  # spelled out: most of the time is spent here
    _, source, target, protocol, source_port, target_port = packet
    return (
        second[0] <= target <= second[1]
        and first[0] <= source <= first[1]
        and fifth[0] <= target_port <= fifth[1]
        and third[0] <= protocol <= third[1]
        and fourth[0] <= source_port <= fourth[1]
    )


def common(left: Box, right: Box) -> Box | None:
    """What is in both."""
    if left is right:
        return left
    found = []
    for one, other in zip(left, right, strict=True):
        low = max(other[0], one[0])
        high = min(other[1], one[1])
        if low > high:
            return None
        found.append((low, high))
    return found[0], found[1], found[2], found[3], found[4]


def within(inner: Box, outer: Box) -> bool:
    """Whether all of one is in the other."""
    for one, other in zip(inner, outer, strict=True):
        if one[0] < other[0] or one[1] > other[1]:
            return False
    return True


def replaced(box: Box, field: int, by: Range) -> Box:
    """A box with another range for a field."""
    found = [*box]
    found[field] = by
    return found[0], found[1], found[2], found[3], found[4]


def minus(box: Box, taken: Box) -> list[Box]:
    """What is left of a box, in boxes that have nothing in common."""
    both = common(box, taken)
    if both is None:
        return [box]
    if both == box:
        return []
    left = []
    for field, (low, high) in enumerate(taken):
        own_low, own_high = box[field]
        if own_low < low:
            left.append(replaced(box, field, (own_low, low - 1)))
            own_low = low
        if own_high > high:
            left.append(replaced(box, field, (high + 1, own_high)))
            own_high = high
        box = replaced(box, field, (own_low, own_high))
    return left


def minus_all(boxes: Iterable[Box], taken: Iterable[Box]) -> list[Box]:
    """What is left of boxes without any of others."""
    left = list(boxes)
    for one in taken:
        if not left:
            break
        left = [piece for box in left for piece in minus(box, one)]
    return left


@lru_cache(KEPT)
def space_of(box: Box) -> Space:
    """A box as a space."""
    first, second, third, fourth, fifth = box
    return _just(first), _just(second), _just(third), _just(fourth), _just(fifth)


@lru_cache(KEPT)
def _just(values: Range) -> Values:
    return (values,)


def boxes_of(space: Space) -> Iterator[Box]:
    """The boxes of a space, which have nothing in common."""
    return product(*space)


@lru_cache(KEPT)
def both_values(left: Values, right: Values) -> Values:
    """What is in both."""
    found = []
    for low, high in left:
        for other_low, other_high in right:
            start, end = max(low, other_low), min(high, other_high)
            if start <= end:
                found.append((start, end))
    return tuple(found) if tuple(found) != left else left


@lru_cache(KEPT)
def other_values(values: Values, taken: Values) -> Values:
    """What is left of values without others."""
    left = []
    for low, high in values:
        at = low
        for start, end in taken:
            if end < at or start > high:
                continue
            if start > at:
                left.append((at, start - 1))
            at = end + 1
        if at <= high:
            left.append((at, high))
    return tuple(left)


def with_values(space: Space, field: int, values: Values) -> Space:
    """A space with other values of a field."""
    found = [*space]
    found[field] = values
    return found[0], found[1], found[2], found[3], found[4]


def shared(left: Space, right: Space) -> Space | None:
    """What is in both."""
    found = []
    for one, other in zip(left, right, strict=True):
        both = one if one is other else both_values(one, other)
        if not both:
            return None
        found.append(both)
    return found[0], found[1], found[2], found[3], found[4]


def without(space: Space, taken: Space) -> list[Space]:
    """What is left of a space without another, in spaces that have nothing in common."""
    both = shared(space, taken)
    return [space] if both is None else _rest(space, both)


def _rest(space: Space, part: Space) -> list[Space]:
    """The same, without a part of it."""
    left = []
    for field, (values, taken) in enumerate(zip(space, part, strict=True)):
        if values is taken:
            continue
        others = other_values(values, taken)
        if others:
            left.append(with_values(space, field, others))
            space = with_values(space, field, taken)
    return left


def divided(space: Space, boxes: Iterable[Box]) -> Iterator[tuple[Space, int | None]]:
    """The parts of a space by the first of several boxes that they are in; at last, of none."""
    left = [space]
    for number, box in enumerate(boxes):
        rests: list[Space] = []
        for one in left:
            both = shared(one, space_of(box))
            if both is None:
                rests.append(one)
            else:
                yield both, number
                rests += _rest(one, both)
        left = rests
        if not left:
            return
    for one in left:
        yield one, None


def has(space: Space, packet: Packet) -> bool:
    """Whether a packet is in a space."""
    return all(
        any(low <= value <= high for low, high in values)
        for values, value in zip(space, packet[1:], strict=True)
    )


def contains(outer: Space, inner: Space) -> bool:
    """Whether all of one is in the other."""
    return all(
        one is other or both_values(one, other) == one
        for one, other in zip(inner, outer, strict=True)
    )


def prefix(text: str) -> tuple[int, Range]:
    """The family and the range of a prefix, such as `10.0.0.0/8`."""
    network = ip_network(text)
    return network.version, (int(network.network_address), int(network.broadcast_address))


def prefixes(version: int, low: int, high: int) -> Iterator[tuple[int, int]]:
    """The fewest prefixes that make up a range: address and length of each, in order."""
    bits = BITS[version]
    while low <= high:
        size = min(low & -low or 1 << bits, 1 << (high - low + 1).bit_length() - 1)
        yield low, bits - (size.bit_length() - 1)
        low += size


def flattened(routes: Sequence[tuple[Range, int]]) -> list[tuple[int, int, int]]:
    """Nested or disjoint ranges with what they stand for, as disjoint ones, in order.

    Of ranges one in the other, the inner one counts; of equal ones, the first. So a table of
    routes becomes a list in which one search finds the longest prefix.
    """
    order = sorted(range(len(routes)), key=lambda n: (routes[n][0][0], -routes[n][0][1], -n))
    found: list[tuple[int, int, int]] = []
    open_routes: list[tuple[int, int]] = []  # of those we are in, the innermost last: end, what
    at = 0

    def upto(end: int) -> None:
        nonlocal at
        while open_routes and at <= end:
            last, what = open_routes[-1]
            stop = min(last, end)
            if at <= stop:
                found.append((at, stop, what))
                at = stop + 1
            if last <= end:
                open_routes.pop()
        at = max(at, end + 1)

    for number in order:
        (low, high), what = routes[number]
        upto(low - 1)
        open_routes.append((high, what))
    if open_routes:
        upto(max(end for end, _ in open_routes))
    return found
