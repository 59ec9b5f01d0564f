"""Registers: what one member of a strongly consistent table holds of one item, and has promised.

This is the acceptor of the protocol in `strong.py`, synchronous and without clocks. An item's
*state* is a promise (no ballot below it is taken any more), and the value that was accepted last
with its ballot. A value is *chosen* once a majority of the members has accepted it under one
ballot; who knows that may say so. Chosen values are the table's rows, under their ballots as
versions (deletions too: tombstones). Whatever else there is to remember of an item, a promise or a
value that is not known to be chosen, is a register beside the row, until it is settled.

A value names the chosen one that it follows (its *base*), and the ballot of the write that made it
(its *origin*, which stays when somebody finishes that write under a ballot of their own). So every
member makes the same changes of an item in the same order, and its stream tells of them: a chosen
value that came before its base is parked until the base is there.

Everything here is written in the store's open group; nothing may leave the host before it is
durable.
"""

import hashlib
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import orjson

from antipodes.regional.dynamodb import rows
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.rows import Rows
from antipodes.regional.dynamodb.tables import TableStore
from antipodes.replication.versions import Version
from antipodes.runtime.contract import Store

NEVER = Version(0, "")
_REGISTERS = b"dynamodb/strong/r"
_PARKED = b"dynamodb/strong/w"
_SORTED_BYTES = 430  # of a row key, what a register's key shares with it, in its order
_REST_BYTES = 8


class State(NamedTuple):
    """An item at one member. Of a row, base and origin are not kept: `NEVER`."""

    promised: Version
    version: Version
    base: Version
    origin: Version
    body: bytes | None
    chosen: bool


class Chosen(msgspec.Struct, frozen=True, array_like=True):
    """A value that a majority accepted; as it is told from member to member."""

    key_json: bytes
    version: Version
    base: Version
    origin: Version
    body: bytes | None


class Register(msgspec.Struct, frozen=True, array_like=True):
    """What is to be remembered of an item beside its row."""

    row_key: bytes
    key_json: bytes
    promised: Version = NEVER
    version: Version = NEVER
    base: Version = NEVER
    origin: Version = NEVER
    body: bytes | None = None
    chosen: bool = False


class Refusal(NamedTuple):
    """A ballot that was too low, or a write whose base is not the newest; and what is there."""

    stale: bool
    state: State


class Attempt:
    """A write of this region's that is under way."""

    __slots__ = ("ballot", "base", "given_up", "taken")

    def __init__(self, ballot: Version, base: Version) -> None:
        self.ballot = ballot
        self.base = base
        self.given_up = False  # a higher ballot came between
        self.taken: bool | None = None  # whether it is among the chosen values, once that is known

    def see(self, value: Chosen) -> None:
        """Draw a conclusion from a chosen value of the same item: they follow one another."""
        if self.ballot in {value.origin, value.base}:
            self.taken = True
        elif value.version > self.ballot > value.base and self.taken is None:
            self.taken = False


_encode = msgspec.msgpack.encode
_decode_register = msgspec.msgpack.Decoder(Register).decode
_decode_chosen = msgspec.msgpack.Decoder(Chosen).decode


class Registers:
    """The registers of all strongly consistent tables of one region."""

    def __init__(self, store: Store, items: TableStore) -> None:
        self._store = store
        self._rows = Rows(store)
        self._items = items

    def row_key(self, table: Table, key_json: bytes) -> bytes:
        """Where an item lies."""
        return self._items.row_key(table, orjson.loads(key_json))

    # What is there.

    def state(self, row_key: bytes) -> State:
        """An item as this member has it."""
        row = self._row(row_key)
        register = self._register(row_key)
        if register is None:
            return row
        promised = max(register.promised, register.version, row.promised)
        if register.version <= row.version:
            return row._replace(promised=promised)
        _, _, _, version, base, origin, body, chosen = msgspec.structs.astuple(register)
        return State(promised, version, base, origin, body, chosen)

    def applied(self, row_key: bytes) -> Version:
        """The version of an item's row."""
        return self._row(row_key).version

    def _row(self, row_key: bytes) -> State:
        value = self._rows.get(row_key)
        if value is None:
            return State(NEVER, NEVER, NEVER, NEVER, None, chosen=True)
        version = rows.version_of(value)
        return State(version, version, NEVER, NEVER, rows.body_of(value), chosen=True)

    def _register(self, row_key: bytes) -> Register | None:
        value = self._store.get(_REGISTERS + _beside(row_key))
        return None if value is None else _decode_register(value)

    def unsettled(self, table: Table, low: bytes = b"", high: bytes = b"") -> list[Register]:
        """The registers of a table, or of a range of its row keys."""
        first, last = rows.table_range(table.identity)
        low, high = low or first, high or last
        start = _REGISTERS + low[: rows.HEAD_BYTES + _SORTED_BYTES]
        stop = _REGISTERS + high[: rows.HEAD_BYTES + _SORTED_BYTES] + b"\xff" * _REST_BYTES
        found = [_decode_register(value) for _, value in self._store.scan(start, stop + b"\xff")]
        return [register for register in found if low <= register.row_key < high]

    def rows(
        self, table: Table, low: bytes, high: bytes, limit: int
    ) -> Iterator[tuple[bytes, bytes, Version]]:
        """Some rows of a range, tombstones included: row key, key, and version."""
        for row_key, value in itertools.islice(
            itertools.chain.from_iterable(self._rows.scan(low, high)), limit
        ):
            row = rows.unpack(row_key, value)
            key_json = row.body
            if not row.tombstone:
                item = orjson.loads(row.body)
                key_json = orjson.dumps({name: item[name] for name in table.key_names})
            yield row_key, key_json, row.version

    def listed(self, table: Table, low: bytes, high: bytes, limit: int) -> list[Any]:
        """The items of a range, as far as they are known here: where they are and how new."""
        start, end = rows.table_range(table.identity)
        first, last = start + low, start + high if high else end
        found = {
            row_key: [row_key[len(start) :], key_json, version, True]
            for row_key, key_json, version in self.rows(table, first, last, limit)
        }
        more = len(found) >= limit
        last = max(found) + b"\x00" if more else last
        for register in self.unsettled(table, first, last):
            row_key, version = register.row_key, register.version
            if version > self.applied(row_key):
                suffix = row_key[len(start) :]
                found[row_key] = [suffix, register.key_json, version, register.chosen]
        return [[found[row_key] for row_key in sorted(found)], more]

    # What an acceptor does.

    def promise(self, table: Table, key_json: bytes, ballot: Version) -> State | Refusal:
        """Promise to take nothing below a ballot; what was accepted so far."""
        row_key = self.row_key(table, key_json)
        state = self.state(row_key)
        if state.promised > ballot or state.version == ballot:
            return Refusal(stale=False, state=state)
        register = self._register(row_key) or Register(row_key, key_json)
        self._keep(msgspec.structs.replace(register, promised=ballot))
        return state

    def accept(self, table: Table, value: Chosen) -> Refusal | None:
        """Accept a value under its ballot, unless something higher was promised."""
        row_key = self.row_key(table, value.key_json)
        state = self.state(row_key)
        if state.version == value.version:
            return None
        if state.promised > value.version:
            return Refusal(stale=False, state=state)
        self._hold(row_key, value, promised=value.version, chosen=False)
        return None

    def offer(self, table: Table, value: Chosen) -> Refusal | None:
        """Promise and accept in one step, if the value's base is the newest that is known here.

        The proposer has promised this ballot itself, with the base as what it had accepted. So it
        and this member are a majority of promises, among which the base is the newest value.
        """
        state = self.state(self.row_key(table, value.key_json))
        if state.version != value.version and state.version > value.base:
            return Refusal(stale=True, state=state)
        return self.accept(table, value)

    def hold(self, table: Table, value: Chosen) -> None:
        """Take a chosen value whose place in the order of changes is not known yet."""
        row_key = self.row_key(table, value.key_json)
        state = self.state(row_key)
        if value.version > state.version:
            self._hold(row_key, value, promised=state.promised, chosen=True)

    def _hold(self, row_key: bytes, value: Chosen, *, promised: Version, chosen: bool) -> None:
        key_json, version, base, origin, body = msgspec.structs.astuple(value)
        self._keep(Register(row_key, key_json, promised, version, base, origin, body, chosen))

    def _keep(self, register: Register) -> None:
        self._store.put(_REGISTERS + _beside(register.row_key), _encode(register))

    # Chosen values.

    def learn(self, table: Table, value: Chosen, *, in_order: bool = True) -> bool:
        """Take a chosen value: into the row, if its base is there; return whether it is.

        Out of order, the changes in between are lost to this member's stream.
        """
        row_key = self.row_key(table, value.key_json)
        present = self.applied(row_key)
        if value.version > present:
            if in_order and value.base > present:
                self._store.put(_parked(row_key, value.version), _encode(value))
            else:
                self._apply(table, row_key, value)
        self._settle(row_key, value)
        return self.applied(row_key) >= value.version

    def _apply(self, table: Table, row_key: bytes, value: Chosen) -> None:
        self._items.apply_replicated(table, value.key_json, value.version, value.body)
        start = _parked(row_key, NEVER)
        for key, data in self._store.scan(start, start[: -len(_packed(NEVER))] + b"\xff" * 9):
            parked = _decode_chosen(data)
            present = self.applied(row_key)
            if parked.key_json != value.key_json or parked.base > present:
                continue
            if parked.version > present:
                key_json, body = parked.key_json, parked.body
                self._items.apply_replicated(table, key_json, parked.version, body)
            self._store.delete(key)

    def _settle(self, row_key: bytes, value: Chosen) -> None:
        """Keep beside the row what the row does not tell."""
        register = self._register(row_key)
        present = self.applied(row_key)
        newest = max(present, NEVER if register is None else register.version)
        if value.version > newest or (register is not None and value.version == register.version):
            promised = NEVER if register is None else register.promised
            if value.version > present:
                self._hold(row_key, value, promised=promised, chosen=True)
                return
        if register is None:
            return
        if register.version <= present:
            if register.promised <= present:
                self._store.delete(_REGISTERS + _beside(row_key))
            else:
                fresh = Register(row_key, register.key_json, register.promised)
                self._keep(fresh)

    def drop(self, table: Table) -> None:
        """Remove all registers of a table."""
        for prefix in (_REGISTERS, _PARKED):
            start = prefix + rows.table_range(table.identity)[0]
            for key, _ in self._store.scan(start, rows.after(start)):
                self._store.delete(key)


def _beside(row_key: bytes) -> bytes:
    """What a row's other keys have in common: it sorts as the row does, as far as it can."""
    rest = hashlib.blake2b(row_key, digest_size=_REST_BYTES).digest()
    return row_key[: rows.HEAD_BYTES + _SORTED_BYTES] + rest


def _packed(version: Version) -> bytes:
    return version.time.to_bytes(8, "big")


def _parked(row_key: bytes, version: Version) -> bytes:
    key = _PARKED + _beside(row_key) + _packed(version)
    return key + version.region.encode() if version != NEVER else key


def answered(found: State | Refusal | None) -> list[Any]:
    """What another member is answered."""
    if found is None:
        return ["accepted"]
    if isinstance(found, State):
        return ["granted", found]
    return ["stale" if found.stale else "promised", found.state]


def value_of(key_json: bytes, state: State) -> Chosen:
    """A member's value of an item."""
    return Chosen(key_json, state.version, state.base, state.origin, state.body)
