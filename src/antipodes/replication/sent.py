"""What left a host for whom: bytes by follower, kind of entry or name of query, and owner.

Traffic between regions costs money, and some data must not leave some regions: both are judged from
here. An entry of a kind that is *told apart* has a payload that begins with an account and a name
(of a table, say), and so has a query's. Counted is what was handed to the connection, so what is
sent again after a break counts again. Beats and acknowledgements are not counted.
"""

from typing import Any, NamedTuple

import msgspec


class What(NamedTuple):
    """A share of what is sent. `owner` is `ACCOUNT/NAME`, or empty where it is not told apart."""

    follower: str  # `PLACE/NAME`
    kind: str  # an entry's kind, or `query/NAME`
    owner: str


class _Owner(msgspec.Struct, frozen=True, array_like=True):
    account: str
    name: str


class Sent:
    """Counts of bytes."""

    def __init__(self) -> None:
        self.by_what: dict[What, int] = {}
        self._told_apart: dict[str, None] = {}
        self._decode_kind = msgspec.msgpack.Decoder(tuple[str, float, msgspec.Raw]).decode
        self._decode_owner = msgspec.msgpack.Decoder(_Owner).decode

    def tell_apart(self, kind: str) -> None:
        """Count entries of this kind (or queries, `query/NAME`) by their owners."""
        self._told_apart[kind] = None

    def entry(self, follower: str, data: bytes) -> None:
        """Count an entry, as it is stored."""
        kind, _, payload = self._decode_kind(data)
        owner = ""
        if kind in self._told_apart:
            found = self._decode_owner(payload)
            owner = f"{found.account}/{found.name}"
        self._add(What(follower, kind, owner), len(data))

    def reply(self, follower: str, query: str, asked: Any, size: int) -> None:
        """Count the reply to a query."""
        kind = f"query/{query}"
        owner = f"{asked[0]}/{asked[1]}" if kind in self._told_apart else ""
        self._add(What(follower, kind, owner), size)

    def _add(self, what: What, size: int) -> None:
        self.by_what[what] = self.by_what.get(what, 0) + size

    def to(self, follower: str) -> int:
        """All bytes sent to a follower, `PLACE/NAME`."""
        return sum(size for what, size in self.by_what.items() if what.follower == follower)

    def shares(self, follower: str) -> dict[str, int]:
        """Bytes sent to a follower by what they were of: `table/NAME`, or the kind's first word."""
        found: dict[str, int] = {}
        for what, size in self.by_what.items():
            if what.follower == follower:
                name = what.owner.partition("/")[2]
                label = f"table/{name}" if name else what.kind.removeprefix("query/").split("/")[0]
                found[label] = found.get(label, 0) + size
        return dict(sorted(found.items()))
