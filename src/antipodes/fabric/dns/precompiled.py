"""Answers that are ready before anybody asks: what of a message does not depend on who asks.

An answer is the asker's id, flags, counts, the question as it was asked, and a *tail*: the records
of all sections, in which names point back to the question at its fixed place. Tails are encoded
when a zone is loaded; to answer is to put the parts together. `Answers` goes one step further: it
maps whole questions to answers, or to who chooses one by the asker's address, and a usual query is
answered without being parsed: a question that equals a known one is as well-formed as that one is.
"""

import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from antipodes.fabric.dns.edns import BYTES_OURS, BYTES_PLAIN, opt_record
from antipodes.fabric.dns.message import (
    AA,
    CD,
    IN,
    QR,
    QUESTION_AT,
    RA,
    RD,
    RR,
    Query,
    Writer,
    answering_opt,
    offsets_in,
    truncated,
)

_pack_header = struct.Struct(">HHHHHH").pack
_pack_rest = struct.Struct(">HHHHH").pack
_pack_question = struct.Struct(">HH").pack

_BARE_OPT_BYTES = len(opt_record())
ASKED_MAX = 2048  # messages that are kept as they were asked, of each server


class Tail(NamedTuple):
    """All of an answer that does not depend on who asks."""

    flags: int  # QR, AA, RA and the response code
    answers: int
    authority: int
    additional: int
    body: bytes


def precompiled(  # noqa: PLR0913 - a message has so many parts
    name: bytes,
    answers: Sequence[RR] = (),
    authority: Sequence[RR] = (),
    additional: Sequence[RR] = (),
    *,
    rcode: int = 0,
    authoritative: bool = True,
    recursion: bool = False,
    anywhere: bool = False,
) -> Tail:
    """Encode the answer to questions for a name.

    `anywhere`: the question may be for any name (below a wildcard, or one that does not exist).
    Then records of `name` (pass the wildcard's own) become records of the name that was asked for,
    and the other names are written out.
    """
    question = name + bytes(4)
    if anywhere:
        body = b"".join(_written_out(name, r) for r in (*answers, *authority, *additional))
    else:
        writer = Writer(b"", QUESTION_AT + len(question), offsets_in(question))
        for record in (*answers, *authority, *additional):
            writer.record(record)
        body = bytes(writer.data)
    flags = QR | AA * authoritative | RA * recursion | rcode
    return Tail(flags, len(answers), len(authority), len(additional), body)


def _written_out(asked: bytes, record: RR) -> bytes:
    name = b"\xc0\x0c" if record.name == asked else record.name
    size = len(record.rdata)
    return name + struct.pack(">HHIH", record.rtype, IN, record.ttl, size) + record.rdata


def answered(query: Query, tail: Tail, *, scope: int = 0) -> bytes:
    """The answer to a query from a tail, cut to the question if the asker cannot take it all."""
    flags, answers, authority, additional, body = tail
    question = query.question
    flags |= query.flags & (RD | CD)
    if query.edns_bytes:
        opt = answering_opt(query, 0, scope)
        if QUESTION_AT + len(question) + len(body) + len(opt) > query.bytes_max:
            return truncated(query, flags)
        head = _pack_header(query.id, flags, 1, answers, authority, additional + 1)
        return head + question + body + opt
    if QUESTION_AT + len(question) + len(body) > query.bytes_max:
        return truncated(query, flags)
    return _pack_header(query.id, flags, 1, answers, authority, additional) + question + body


class Ready(NamedTuple):
    """The two things that stand around a question, by how it is asked."""

    heads: tuple[bytes, bytes, bytes, bytes]  # plain, with RD; with OPT, with RD and OPT
    body: bytes


# Chooses for who asks (a place, an IP address); None: this one takes more thought.
Choose = Callable[[str, str], Ready | None]


def ready(name: bytes, tail: Tail) -> Ready | None:
    """A tail made ready for usual queries for a name; None if it is too long for some."""
    flags, answers, authority, additional, body = tail
    if QUESTION_AT + len(name) + 4 + len(body) + _BARE_OPT_BYTES > BYTES_PLAIN:
        return None
    heads = [
        _pack_rest(flags | recursion, 1, answers, authority, additional + opt)
        for opt in (0, 1)
        for recursion in (0, RD)
    ]
    return Ready((heads[0], heads[1], heads[2], heads[3]), body)


# What follows the id of a usual query, and the head of its answer. dig says AD as well.
_KINDS = {
    _pack_rest(flags | more, 1, 0, 0, opt): 2 * opt + bool(flags)
    for flags in (0, RD)
    for more in (0, 0x20)
    for opt in (0, 1)
}
# Usual OPT records, and ours that answers them.
_OPTS = {
    opt_record(do=do, bytes_max=size): opt_record(do=do)
    for do in (False, True)
    for size in (BYTES_OURS, 1400, 1410, 1452, 4096)
}


class Answers:
    """Whole questions and what is answered to them: the express lane of a server.

    What is put is what `ready` made of a tail, or a function that chooses among such things.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, Ready | Choose] = {}
        # Messages that were asked, and their answers, both without the id.
        self._asked: dict[bytes, bytes] = {}

    def __len__(self) -> int:
        return len(self._known)

    @property
    def kept(self) -> int:
        """Messages that are kept as they were asked."""
        return len(self._asked)

    def put(self, name: bytes, rtype: int, answer: Ready | Choose | None) -> None:
        """Answer questions for a name and type; None: leave them to those who parse them."""
        key = name + _pack_question(rtype, IN)
        self._asked.clear()
        if answer is None:
            self._known.pop(key, None)
        else:
            self._known[key] = answer

    def clear(self) -> None:
        """Forget everything."""
        self._known.clear()
        self._asked.clear()

    def answer(self, data: bytes, place: str = "", ip: str = "") -> bytes | None:
        """The answer to a message, if it is a usual query for something that is known."""
        asked = self._asked.get(data[2:])
        if asked is not None:
            return data[:2] + asked
        kind = _KINDS.get(data[2:12])
        if kind is None:
            return None
        question, opt = data[12:], b""
        if kind >= 2:  # noqa: PLR2004 - the kinds with OPT
            opt = _OPTS.get(data[-_BARE_OPT_BYTES:], b"")
            if not opt:
                return None
            question = data[12:-_BARE_OPT_BYTES]
        key = question[:-4].lower() + question[-4:]
        found = self._known.get(key)
        if found is None:
            return None
        if type(found) is not Ready:
            found = found(place, ip)  # type: ignore[operator] # the only other kind
            return data[:2] + found[0][kind] + question + found[1] + opt if found else None
        rest = found[0][kind] + question + found[1] + opt
        if key == question:  # there are too many ways of mixing cases
            if len(self._asked) >= ASKED_MAX:
                self._asked.clear()
            self._asked[data[2:]] = rest
        return data[:2] + rest
