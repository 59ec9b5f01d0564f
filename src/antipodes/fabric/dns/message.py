r"""DNS messages: what a server reads and says, and what a client says and reads.

`parse_query` reads a usual question (one, perhaps with OPT) in a few steps, and finds for whatever
else comes the answer that it deserves, or none: a response is never answered, so that two servers
never talk for ever. `encode_answer` never says more than the asker can take: what does not fit is
cut (TC), and asked for again over a stream. The case of a question's letters comes back as it was
asked, since resolvers look for it.

In a message names point back to where they (or their ends) stood before. Pointers only ever lead
backwards here, and a name takes a bounded number of them.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

from antipodes.fabric.dns.edns import (
    BYTES_OURS,
    BYTES_PLAIN,
    BYTES_STREAM,
    DO,
    OPT,
    MalformedMessage,
    Subnet,
    opt_record,
    parse_options,
)
from antipodes.fabric.dns.names import LABEL_BYTES_MAX, NAME_BYTES_MAX, ROOT

NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, NOTAUTH, BADVERS = 0, 1, 2, 3, 4, 5, 9, 16
IN = 1

QR, AA, TC, RD, RA, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0010
OPCODE = 0x7800
QUESTION_AT = 12  # where a message's first name is
TTL_MAX = 0x7FFF_FFFF

_TSIG = 250
_POINTERS_MAX = 127  # as many labels as a name can have
_POINTER = 0xC0
_REACH = 0x4000  # how far into a message a pointer can point

# Types whose data holds names that may point back: how many bytes stand before the first, and how
# many names there are. Who writes compresses only those of RFC 1035 (RFC 3597, section 4).
_NAMES_IN = {2: (0, 1), 5: (0, 1), 6: (0, 2), 12: (0, 1), 15: (2, 1), 33: (6, 1), 39: (0, 1)}
_COMPRESSED = frozenset({2, 5, 6, 12, 15})

_new = tuple.__new__  # of named tuples: saves half the time of making one
_header = struct.Struct(">HHHHHH").unpack_from
_type_and_class = struct.Struct(">HH").unpack_from
_opt = struct.Struct(">BHHBBHH").unpack_from
_record = struct.Struct(">HHIH").unpack_from
_pack_header = struct.Struct(">HHHHHH").pack
_pack_record = struct.Struct(">HHIH").pack
_pack_short = struct.Struct(">H").pack


class RR(NamedTuple):
    """One record of class IN, its name and the names in its data whole and in lower case."""

    name: bytes
    rtype: int
    ttl: int
    rdata: bytes


class Query(NamedTuple):
    """A question that deserves a thought."""

    id: int
    flags: int
    name: bytes  # in lower case
    rtype: int
    rclass: int
    edns_bytes: int  # what the asker takes over UDP; 0: it does not speak EDNS
    do: bool
    subnet: Subnet | None
    opcode: int
    question: bytes  # as it was asked: name, type and class
    bytes_max: int  # of an answer: what the asker takes, and this way of asking carries


class Malformed(NamedTuple):
    """What deserves no thought: the answer to it, ready, or none."""

    rcode: int
    answer: bytes  # empty: say nothing


class Answer(NamedTuple):
    """What a server said."""

    rcode: int
    flags: int
    answers: tuple[RR, ...]
    authority: tuple[RR, ...]
    additional: tuple[RR, ...]  # without OPT
    id: int = 0
    name: bytes = ROOT
    rtype: int = 0
    rclass: int = IN
    edns_bytes: int = 0
    subnet: Subnet | None = None

    @property
    def truncated(self) -> bool:
        """Whether there is more to be had over a stream."""
        return bool(self.flags & TC)


DROPPED = Malformed(FORMERR, b"")
_OPT, _OPT_DO = opt_record(), opt_record(do=True)
_BARE_OPT, _OPT_BYTES = b"\x00\x00\x29", 11
_NO_EDNS: tuple[int, bool, Subnet | None, int] = (0, False, None, 0)

# Reading questions.


def parse_query(data: bytes, *, tcp: bool = False) -> Query | Malformed:
    """Read what came to a server."""
    try:
        identifier, flags, questions, answers, authority, additional = _header(data)
    except struct.error:
        return DROPPED
    if flags & (QR | OPCODE) or questions != 1 or answers or authority:
        return _unusual(identifier, flags)
    position = QUESTION_AT
    edns_bytes, do, subnet, rcode = _NO_EDNS
    try:
        size = data[position]
        while size:
            if size > LABEL_BYTES_MAX:
                return _refusal(identifier, flags, FORMERR)
            position += size + 1
            size = data[position]
        rtype, rclass = _type_and_class(data, position + 1)
        end = position + 5
        if additional:
            edns_bytes, do, subnet, rcode = _edns(data, end, additional)
        elif len(data) != end:
            return _refusal(identifier, flags, FORMERR)
    except (IndexError, MalformedMessage, struct.error):
        return _refusal(identifier, flags, FORMERR)
    name = data[QUESTION_AT : position + 1].lower()
    if len(name) > NAME_BYTES_MAX or rtype == OPT:
        return _refusal(identifier, flags, FORMERR)
    question = data[QUESTION_AT:end]
    limit = BYTES_STREAM if tcp else min(edns_bytes or BYTES_PLAIN, BYTES_OURS)
    asked = (identifier, flags, name, rtype, rclass, edns_bytes, do, subnet, 0, question, limit)
    query = _new(Query, asked)
    return Malformed(rcode, encode_answer(query, rcode)) if rcode else query


def _unusual(identifier: int, flags: int) -> Malformed:
    if flags & QR:
        return DROPPED
    return _refusal(identifier, flags, NOTIMP if flags & OPCODE else FORMERR)


def _refusal(identifier: int, flags: int, rcode: int) -> Malformed:
    said = QR | flags & (OPCODE | RD) | rcode
    return Malformed(rcode, _pack_header(identifier, said, 0, 0, 0, 0))


def _edns(data: bytes, position: int, records: int) -> tuple[int, bool, Subnet | None, int]:
    """What the additional records say: size, DO, client subnet, and a reason to refuse."""
    if records == 1 and data[position : position + 3] == _BARE_OPT:
        _, _, size, _, version, flags, length = _opt(data, position)
        if not version and len(data) == position + _OPT_BYTES + length:
            subnet = parse_options(data[position + _OPT_BYTES :]) if length else None
            if subnet is None or not subnet.scope:
                return max(size, BYTES_PLAIN), flags >= DO, subnet, 0
    return _additional(data, position, records)


def _additional(data: bytes, position: int, records: int) -> tuple[int, bool, Subnet | None, int]:
    """As above, of records of any kind."""
    bytes_max, do, subnet, rcode, seen = 0, False, None, 0, False
    for _ in range(records):
        owner, position = _name(data, position)
        rtype, size, extended, length = _record(data, position)
        position += 10
        rdata = data[position : position + length]
        position += length
        if rtype == _TSIG:
            rcode = NOTAUTH  # there are no keys here
        if rtype != OPT:
            continue
        if seen or owner != ROOT:
            raise MalformedMessage("OPT twice, or of a name")
        seen = True
        bytes_max = max(size, BYTES_PLAIN)
        do = bool(extended & DO)
        if extended >> 16 & 0xFF:
            rcode = BADVERS
        elif position <= len(data):
            subnet = parse_options(rdata)
            if subnet is not None and subnet.scope:
                raise MalformedMessage("a question with a scope")
    if position != len(data):
        raise MalformedMessage("more, or less, than was announced")
    return bytes_max, do, subnet, rcode


def _name(data: bytes, position: int) -> tuple[bytes, int]:
    """A name that may point back, whole and in lower case, and where it ends."""
    labels = []
    end = size_total = pointers = 0
    while size := data[position]:
        if size >= _POINTER:
            target = (size & 0x3F) << 8 | data[position + 1]
            end = end or position + 2
            pointers += 1
            if target >= position or pointers > _POINTERS_MAX:
                raise MalformedMessage("a name that does not point back")
            position = target
            continue
        if size > LABEL_BYTES_MAX:
            raise MalformedMessage("a label of an unknown kind")
        following = position + size + 1
        labels.append(data[position:following])
        size_total += size + 1
        if size_total >= NAME_BYTES_MAX:
            raise MalformedMessage("a name that is too long")
        position = following
    labels.append(ROOT)
    return b"".join(labels).lower(), end or position + 1


# Writing answers.


class Writer:
    """A message, or its end, being written, with the names it can point back to."""

    def __init__(self, written: bytes, at: int, offsets: dict[bytes, int]) -> None:
        """`at` is where in the message it starts; `offsets` has the names that stand before."""
        self.data = bytearray(written)
        self._at = at
        self._offsets = offsets

    def name(self, name: bytes) -> None:
        """Write a name, as short as it can be."""
        data, offsets = self.data, self._offsets
        while len(name) > 1:
            found = offsets.get(name)
            if found is not None:
                data += _pack_short(_POINTER << 8 | found)
                return
            position = self._at + len(data)
            if position < _REACH:
                offsets[name] = position
            size = name[0] + 1
            data += name[:size]
            name = name[size:]
        data += ROOT

    def record(self, record: RR) -> None:
        """Write a record."""
        name, rtype, ttl, rdata = record
        self.name(name)
        data = self.data
        data += _pack_record(rtype, IN, ttl, len(rdata))
        if rtype in _COMPRESSED:
            start = len(data)
            self._names_in(rtype, rdata)
            data[start - 2 : start] = _pack_short(len(data) - start)
        else:
            data += rdata

    def _names_in(self, rtype: int, rdata: bytes) -> None:
        before, names = _NAMES_IN[rtype]
        self.data += rdata[:before]
        for _ in range(names):
            position = before
            while size := rdata[position]:
                position += size + 1
            self.name(rdata[before : position + 1])
            before = position + 1
        self.data += rdata[before:]


def offsets_in(question: bytes) -> dict[bytes, int]:
    """The names that stand in a question, and where."""
    name = question[:-4].lower()
    offsets, position = {}, QUESTION_AT
    while len(name) > 1:
        offsets[name] = position
        size = name[0] + 1
        position += size
        name = name[size:]
    return offsets


def encode_answer(  # noqa: PLR0913 - a message has so many parts
    query: Query,
    rcode: int,
    answers: Sequence[RR] = (),
    authority: Sequence[RR] = (),
    additional: Sequence[RR] = (),
    *,
    authoritative: bool = False,
    recursion: bool = False,
    limit: int = 0,
    scope: int = 0,
) -> bytes:
    """An answer in wire form, at most `limit` (by default `query.bytes_max`) bytes long.

    `scope` is how much of the client's subnet the answer depends on. Additional records go first
    when there is no room, unless the answer refers elsewhere (it has neither answers nor SOA) and
    so needs them; else the answer is cut to its question, and says so.
    """
    opt = answering_opt(query, rcode, scope)
    flags = QR | query.flags & (RD | CD) | AA * authoritative | RA * recursion | rcode & 0xF
    room = (limit or query.bytes_max) - len(opt)
    written = bytes(QUESTION_AT) + query.question
    writer = Writer(written, 0, offsets_in(query.question))
    for record in (*answers, *authority):
        writer.record(record)
    needed = len(writer.data)
    for record in additional:
        writer.record(record)
    counts = [len(answers), len(authority), len(additional)]
    data = writer.data
    if len(data) > room:
        refers = not answers and any(record.rtype == 2 for record in authority)  # noqa: PLR2004 - NS
        if needed <= room and not refers:
            del data[needed:]
            counts[2] = 0
        else:
            flags |= TC
            del data[len(written) :]
            counts = [0, 0, 0]
    data[:QUESTION_AT] = _pack_header(
        query.id, flags, 1, counts[0], counts[1], counts[2] + (1 if opt else 0)
    )
    return bytes(data) + opt


def truncated(query: Query, flags: int) -> bytes:
    """The answer of which only its question fits; `flags` are those of the whole one."""
    opt = answering_opt(query, flags & 0xF, 0)
    return _pack_header(query.id, flags | TC, 1, 0, 0, 1 if opt else 0) + query.question + opt


def answering_opt(query: Query, rcode: int, scope: int) -> bytes:
    """The OPT record of an answer, empty to those who do not speak EDNS."""
    if not query.edns_bytes:
        return b""
    subnet = query.subnet
    if subnet is None:
        if rcode < BADVERS:
            return _OPT_DO if query.do else _OPT
        return opt_record(rcode=rcode, do=query.do)
    family, prefix, address, _ = subnet
    found = _new(Subnet, (family, prefix, address, scope if prefix else 0))
    return opt_record(rcode=rcode, do=query.do, subnet=found)


# The client's side.


def encode_query(  # noqa: PLR0913 - a question has so many parts
    identifier: int,
    name: bytes,
    rtype: int,
    *,
    recursion: bool = False,
    subnet: Subnet | None = None,
    edns_bytes: int = BYTES_OURS,
    do: bool = False,
) -> bytes:
    """A question in wire form; `edns_bytes` 0: without EDNS."""
    opt = b""
    if edns_bytes:
        opt = opt_record(do=do, subnet=subnet, bytes_max=edns_bytes)
    head = _pack_header(identifier, RD * recursion, 1, 0, 0, 1 if opt else 0)
    return head + name + _pack_short(rtype) + _pack_short(IN) + opt


def parse_answer(data: bytes) -> Answer:
    """Read what a server said. Raises MalformedMessage."""
    try:
        return _answer(data)
    except (IndexError, struct.error):
        raise MalformedMessage("cut off") from None


def _answer(data: bytes) -> Answer:
    identifier, flags, questions, *counts = _header(data)
    if not flags & QR or questions > 1:
        raise MalformedMessage("not an answer")
    name, rtype, rclass, position = ROOT, 0, IN, QUESTION_AT
    if questions:
        name, position = _name(data, position)
        rtype, rclass = _type_and_class(data, position)
        position += 4
    rcode, edns_bytes, subnet = flags & 0xF, 0, None
    sections: list[tuple[RR, ...]] = []
    for count in counts:
        records = []
        for _ in range(count):
            owner, position = _name(data, position)
            kind, size, ttl, length = _record(data, position)
            position += 10
            end = position + length
            if end > len(data):
                raise MalformedMessage("a record is cut off")
            if kind == OPT:
                rcode |= (ttl >> 24) << 4
                edns_bytes, subnet = max(size, BYTES_PLAIN), parse_options(data[position:end])
            elif size == IN:
                rdata = _rdata(data, kind, position, end)
                records.append(RR(owner, kind, ttl if ttl <= TTL_MAX else 0, rdata))
            position = end
        sections.append(tuple(records))
    return Answer(
        rcode,
        flags,
        sections[0],
        sections[1],
        sections[2],
        id=identifier,
        name=name,
        rtype=rtype,
        rclass=rclass,
        edns_bytes=edns_bytes,
        subnet=subnet,
    )


def _rdata(data: bytes, rtype: int, position: int, end: int) -> bytes:
    """A record's data with the names in it whole."""
    found = _NAMES_IN.get(rtype)
    if found is None:
        return data[position:end]
    before, names = found
    parts = [data[position : position + before]]
    position += before
    for _ in range(names):
        name, position = _name(data, position)
        parts.append(name)
    if position > end:
        raise MalformedMessage("a name reaches out of its record")
    return b"".join([*parts, data[position:end]])
