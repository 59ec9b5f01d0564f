"""Addresses and ports as Suricata's rules write them: `any`, `$HOME_NET`, `[80:90,!85]`.

A list is what is in any of its parts, without what is in any that is negated; one that has only
negated parts is all but those.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import ip_network

from antipodes.fabric.network.spaces import Range, prefixes

MAX = {4: (1 << 32) - 1, 6: (1 << 128) - 1}
PORT_MAX = 65_535
DEPTH_MAX = 10
ANY = "any"


class UnreadableError(ValueError):
    """A text that means no set."""


Atom = Callable[[str], list[Range]]


def addresses(text: str, variables: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The prefixes of both families that an expression stands for."""
    found = []
    for version, highest in MAX.items():

        def atom(name: str, version: int = version) -> list[Range]:
            return _network(name, version)

        for low, high in _Reader(text, variables, atom, highest).read():
            found += [_prefix(version, *one) for one in prefixes(version, low, high)]
    return tuple(found)


def ports(text: str, variables: Mapping[str, Sequence[str]]) -> tuple[Range, ...]:
    """The ranges of ports that an expression stands for."""
    return tuple(_Reader(text, variables, _ports, PORT_MAX).read())


def _prefix(version: int, address: int, length: int) -> str:
    bits = {4: 4, 6: 16}[version]
    return str(ip_network((address.to_bytes(bits, "big"), length)))


def _network(text: str, version: int) -> list[Range]:
    try:
        found = ip_network(text, strict=False)
    except ValueError:
        raise UnreadableError(f"'{text}' is not an address or a CIDR block") from None
    if found.version != version:
        return []
    return [(int(found.network_address), int(found.broadcast_address))]


def _ports(text: str) -> list[Range]:
    first, colon, last = text.partition(":")
    low = first or "0"
    high = (last or str(PORT_MAX)) if colon else low
    is_empty = not first and not last
    if (
        is_empty
        or not (low.isdecimal() and high.isdecimal())
        or not int(low) <= int(high) <= PORT_MAX
    ):
        raise UnreadableError(f"'{text}' is not a port or a range of ports")
    return [(int(low), int(high))]


class _Reader:
    """Reads one expression."""

    def __init__(
        self, text: str, variables: Mapping[str, Sequence[str]], atom: Atom, highest: int
    ) -> None:
        self._text = text.replace(" ", "")
        self._variables = variables
        self._atom = atom
        self._all = [(0, highest)]
        self._at = 0

    def read(self, depth: int = 0) -> list[Range]:
        """Return the set, as ranges in order. Raises UnreadableError."""
        negated, found = self._part(depth)
        if self._at != len(self._text):
            raise UnreadableError(f"'{self._text}' goes on after its end")
        return _minus(self._all, found) if negated else found

    def _part(self, depth: int) -> tuple[bool, list[Range]]:
        """A part, and whether it is negated."""
        if depth > DEPTH_MAX:
            raise UnreadableError(f"'{self._text}' is nested too deeply")
        negated = self._takes("!")
        if self._takes("["):
            return negated, self._list(depth)
        start = self._at
        while self._at < len(self._text) and self._text[self._at] not in ",[]!":
            self._at += 1
        name = self._text[start : self._at]
        if name.lower() == ANY:
            return negated, self._all
        if name.startswith("$"):
            return negated, self._variable(name[1:], depth)
        return negated, _union(self._atom(name))

    def _list(self, depth: int) -> list[Range]:
        wanted: list[Range] = []
        unwanted: list[Range] = []
        is_open = False  # whether anything is named that is wanted
        while True:
            negated, found = self._part(depth + 1)
            if negated:
                unwanted += found
            else:
                wanted += found
                is_open = True
            if self._takes("]"):
                break
            if not self._takes(","):
                raise UnreadableError(f"'{self._text}' has a list without an end")
        return _minus(_union(wanted) if is_open else self._all, _union(unwanted))

    def _variable(self, name: str, depth: int) -> list[Range]:
        definition = self._variables.get(name)
        if definition is None:
            raise UnreadableError(f"the variable '${name}' is not defined")
        text = f"[{','.join(definition)}]"
        return _Reader(text, self._variables, self._atom, self._all[0][1]).read(depth + 1)

    def _takes(self, character: str) -> bool:
        if self._text.startswith(character, self._at):
            self._at += 1
            return True
        return False


def _union(ranges: Iterable[Range]) -> list[Range]:
    found: list[Range] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], high)
        else:
            found.append((low, high))
    return found


def _minus(ranges: Sequence[Range], taken: Sequence[Range]) -> list[Range]:
    found: list[Range] = []
    for one in ranges:
        low, high = one
        for first, last in taken:
            if last < low or first > high:
                continue
            if first > low:
                found.append((low, first - 1))
            low = last + 1
        if low <= high:
            found.append((low, high))
    return found
