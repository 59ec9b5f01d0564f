"""Messages: what servers read and say, against dnspython."""

import struct
from contextlib import suppress
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.fabric.dns import names, rdata
from antipodes.fabric.dns.edns import MalformedMessage, Subnet
from antipodes.fabric.dns.message import (
    BADVERS,
    FORMERR,
    NOTAUTH,
    NOTIMP,
    NXDOMAIN,
    RR,
    Malformed,
    Query,
    encode_answer,
    encode_query,
    parse_answer,
    parse_query,
)
from tests.fabric.dns.messages import NAMES, SECTIONS, asked, kind, read, theirs

WWW = names.to_wire("www.example.com")
EXAMPLE = names.to_wire("example.com")


def a(name: bytes, last: int, ttl: int = 60) -> RR:
    return RR(name, rdata.A, ttl, bytes((192, 0, 2, last)))


@settings(max_examples=40)
@given(st.tuples(SECTIONS, SECTIONS, SECTIONS), NAMES, st.integers(0, 15), st.booleans())
def test_what_is_said_is_what_others_read(
    sections: tuple[list[RR], list[RR], list[RR]], name: bytes, rcode: int, aa: bool
) -> None:
    answers, authority, additional = sections
    query = asked(name, "MX", tcp=True, use_edns=0, payload=1400)
    data = encode_answer(query, rcode, answers, authority, additional, authoritative=aa)
    message = dns.message.from_wire(data, one_rr_per_rrset=True)
    assert message.id == query.id
    assert message.rcode() == rcode
    assert bool(message.flags & dns.flags.AA) == aa
    assert message.question[0].name.to_wire() == name
    assert message.edns == 0
    ours = parse_answer(data)
    for number, section in enumerate(sections, 1):
        assert read(message, number) == [theirs(record) for record in section]
        assert list((ours.answers, ours.authority, ours.additional)[number - 1]) == section
    assert (ours.rcode, ours.name, ours.rtype, ours.id) == (rcode, name, rdata.MX, query.id)
    # Pointing back is never longer than writing out.
    records = (*answers, *authority, *additional)
    whole = 12 + len(query.question) + 11 + sum(len(r.name) + 10 + len(r.rdata) for r in records)
    assert len(data) <= whole


@settings(max_examples=40)
@given(SECTIONS, NAMES)
def test_what_others_say_is_what_we_read(section: list[RR], name: bytes) -> None:
    message = dns.message.make_response(dns.message.make_query(dns.name.from_wire(name, 0)[0], "A"))
    for record in section:
        owner, _, ttl, wire = theirs(record)
        one = dns.rdata.from_wire("IN", kind(record), wire, 0, len(wire))
        rrset = dns.rrset.from_rdata(dns.name.from_wire(owner, 0)[0], ttl, one)
        message.answer.append(rrset)
    assert list(parse_answer(message.to_wire()).answers) == section


def test_the_case_of_the_question_comes_back() -> None:
    query = asked("wWw.eXample.COM")
    assert query.name == WWW
    data = encode_answer(query, 0, [a(WWW, 1)])
    assert b"\x03wWw\x07eXample\x03COM\x00" in data
    assert len(data) == 12 + 21 + 16  # the record's name points to the question
    assert parse_answer(data).answers == (a(WWW, 1),)


def test_an_answer_that_does_not_fit_is_cut() -> None:
    answers = [a(WWW, n) for n in range(40)]
    plain = encode_answer(asked(use_edns=False), 0, answers)
    assert len(plain) <= 512
    assert parse_answer(plain).truncated
    assert parse_answer(plain).answers == ()
    for payload, room in ((100, 512), (512, 512), (600, 600), (4096, 1232)):
        query = asked(use_edns=0, payload=payload)
        assert query.bytes_max == room
        assert len(encode_answer(query, 0, [a(WWW, n) for n in range(100)])) <= room
    assert not parse_answer(encode_answer(asked(tcp=True), 0, answers * 9)).truncated
    assert parse_answer(encode_answer(asked(tcp=True), 0, answers * 200)).truncated


def test_additional_records_go_first_when_there_is_no_room() -> None:
    query = asked(use_edns=0, payload=512)
    glue = [a(names.to_wire(f"ns-{n}.example.net"), n) for n in range(30)]
    servers = [RR(EXAMPLE, rdata.NS, 60, glue[0].name)]
    told = parse_answer(encode_answer(query, 0, [a(WWW, 1)], servers, glue))
    assert (told.truncated, told.answers, told.additional) == (False, (a(WWW, 1),), ())
    assert told.authority == tuple(servers)
    # A referral without the addresses that it needs is not whole.
    assert parse_answer(encode_answer(query, 0, (), servers, glue)).truncated


def test_edns_is_answered_to_who_speaks_it() -> None:
    subnet = dns.edns.ECSOption("198.51.100.77", 20)
    query = asked(use_edns=0, payload=1400, want_dnssec=True, options=[subnet])
    assert query.subnet == Subnet.of("198.51.100.77", 20)
    assert (query.subnet.ip, query.subnet.text) == ("198.51.96.0", "198.51.96.0/20")
    assert (query.edns_bytes, query.do, query.bytes_max) == (1400, True, 1232)
    told = dns.message.from_wire(encode_answer(query, NXDOMAIN, scope=16))
    assert (told.edns, told.payload, told.rcode()) == (0, 1232, NXDOMAIN)
    assert told.ednsflags & dns.flags.DO
    option = told.options[0]
    assert isinstance(option, dns.edns.ECSOption)
    assert (option.address, option.srclen, option.scopelen) == ("198.51.96.0", 20, 16)
    assert dns.message.from_wire(encode_answer(asked(use_edns=False), 0)).edns == -1


@given(st.ip_addresses(), st.integers(0, 128))
def test_client_subnets_survive_the_way(ip: Any, prefix: int) -> None:
    subnet = Subnet.of(str(ip), min(prefix, ip.max_prefixlen))
    data = encode_query(7, WWW, rdata.A, subnet=subnet)
    query = parse_query(data)
    assert isinstance(query, Query)
    assert query.subnet == subnet
    answer = parse_answer(encode_answer(query, 0, scope=24))
    assert answer.subnet == subnet._replace(scope=24 if subnet.prefix else 0)
    option = dns.message.from_wire(data).options[0]
    assert isinstance(option, dns.edns.ECSOption)
    assert option.srclen == subnet.prefix


def test_a_question_says_what_it_wants() -> None:
    data = encode_query(0xBEEF, WWW, rdata.AAAA, recursion=True, edns_bytes=0)
    message = dns.message.from_wire(data)
    assert (message.id, message.edns) == (0xBEEF, -1)
    assert message.flags & dns.flags.RD
    query = parse_query(data)
    assert isinstance(query, Query)
    assert (query.id, query.name, query.rtype, query.rclass) == (0xBEEF, WWW, rdata.AAAA, 1)
    assert (query.edns_bytes, query.subnet, query.bytes_max) == (0, None, 512)
    answer = encode_answer(query, 0, recursion=True)
    assert dns.message.from_wire(answer).flags & (dns.flags.RD | dns.flags.RA) == 0x180


# What deserves no thought.

QUESTION = encode_query(7, WWW, rdata.A, edns_bytes=0)
WITH_OPT = encode_query(7, WWW, rdata.A)


def option(code: int, data: bytes) -> bytes:
    size = 4 + len(data)
    tail = struct.pack(">HHH", size, code, len(data)) + data
    return WITH_OPT[:-2] + tail


def header(data: bytes, flags: int = 0, *counts: int) -> bytes:
    return data[:2] + struct.pack(">HHHHH", flags, *(counts or (1, 0, 0, 0))) + data[12:]


MALFORMED = {
    "nothing": (b"", None),
    "half a header": (QUESTION[:11], None),
    "an answer": (header(QUESTION, 0x8000), None),
    "an answer of another kind": (header(QUESTION, 0xA800), None),
    "no question": (header(QUESTION[:12], 0, 0, 0, 0, 0), FORMERR),
    "two questions": (header(QUESTION + QUESTION[12:], 0, 2, 0, 0, 0), FORMERR),
    "an update": (header(QUESTION, 0x2800), NOTIMP),
    "a notification": (header(QUESTION, 0x2000), NOTIMP),
    "an answer in a question": (header(WITH_OPT, 0, 1, 1, 0, 0), FORMERR),
    "a name that is cut off": (QUESTION[:20], FORMERR),
    "a name without its type": (QUESTION[:-2], FORMERR),
    "a name that points to itself": (QUESTION[:12] + b"\xc0\x0c\x00\x01\x00\x01", FORMERR),
    "a label of an unknown kind": (QUESTION[:12] + b"\x41a\x00\x00\x01\x00\x01", FORMERR),
    "a name of 256 bytes": (QUESTION[:12] + b"\x01a" * 128 + b"\0\0\1\0\1", FORMERR),
    "more than was announced": (QUESTION + b"x", FORMERR),
    "less than was announced": (header(QUESTION, 0, 1, 0, 0, 1), FORMERR),
    "a question for OPT": (QUESTION[:-4] + b"\x00\x29\x00\x01", FORMERR),
    "OPT twice": (header(WITH_OPT + WITH_OPT[-11:], 0, 1, 0, 0, 2), FORMERR),
    "OPT of a name": (WITH_OPT[:-11] + b"\x01a" + WITH_OPT[-11:], FORMERR),
    "another version of EDNS": (WITH_OPT[:-5] + b"\x01" + WITH_OPT[-4:], BADVERS),
    "an option that is cut off": (option(8, b"")[:-1], FORMERR),
    "an option longer than its record": (WITH_OPT[:-2] + b"\0\4\0\x0a\0\x09", FORMERR),
    "a subnet without its address": (option(8, b"\0\1\x18\0\xc0"), FORMERR),
    "a subnet with too much address": (option(8, b"\0\1\x18\0\xc0\0\2\1"), FORMERR),
    "a subnet with bits beyond": (option(8, b"\0\1\x14\0\xc0\0\x0f"), FORMERR),
    "a subnet of no family": (option(8, b"\0\3\x18\0\xc0\0\2"), FORMERR),
    "a subnet with a scope": (option(8, b"\0\1\x18\x18\xc0\0\2"), FORMERR),
    "a signature": (
        header(QUESTION + b"\0\0\xfa\0\xff\0\0\0\0\0\0", 0, 1, 0, 0, 1),
        NOTAUTH,
    ),
}


@pytest.mark.parametrize("why", sorted(MALFORMED))
def test_what_deserves_no_thought(why: str) -> None:
    data, rcode = MALFORMED[why]
    found = parse_query(data)
    assert isinstance(found, Malformed)
    assert len(found.answer) <= max(len(data), 12)
    if rcode is None:
        assert found.answer == b""
        return
    answer = parse_answer(found.answer)
    assert (answer.rcode, answer.id) == (rcode, int.from_bytes(data[:2], "big"))
    assert dns.message.from_wire(found.answer).rcode() == rcode


def test_other_options_are_passed_over() -> None:
    query = parse_query(option(10, b"\1\2\3\4\5\6\7\x08"))
    assert isinstance(query, Query)
    assert query.subnet is None
    nobody = parse_query(option(8, b"\0\0\0\0"))
    assert isinstance(nobody, Query)
    assert nobody.subnet == Subnet(0, 0, b"")
    assert (nobody.subnet.ip, nobody.subnet.text) == ("", "")


@given(st.binary(max_size=80), st.integers(0, 5000))
def test_no_bytes_raise_anything_else(data: bytes, at: int) -> None:
    whole = encode_answer(asked(tcp=True), 0, [a(WWW, 1)], [RR(EXAMPLE, rdata.NS, 1, WWW)])
    at %= len(whole)
    for sent in (data, QUESTION[:4] + data, WITH_OPT + data, whole[:at] + data + whole[at + 3 :]):
        found = parse_query(sent)
        assert isinstance(found, Malformed) or found.question in sent
        with suppress(MalformedMessage):
            assert parse_answer(sent).id == int.from_bytes(sent[:2], "big")


def pointing(times: int) -> bytes:
    """An answer with a record whose name leads to the root by so many pointers."""
    first = 12 + 1 + 10  # where the data of the first record is, of which the rest points back
    targets = (first, *range(first + 1, first + 2 * times, 2))
    *chain, last = (struct.pack(">H", 0xC000 | target) for target in targets[:times])
    data = b"\0" + b"".join(chain)
    head = struct.pack(">HHHHHH", 1, 0x8000, 0, 2, 0, 0)
    holder = b"\0" + struct.pack(">HHIH", rdata.SPF, 1, 0, len(data)) + data
    return head + holder + last + struct.pack(">HHIH", rdata.A, 1, 60, 4) + bytes(4)


def test_a_name_takes_a_bounded_number_of_pointers() -> None:
    assert parse_answer(pointing(127)).answers[1] == RR(names.ROOT, rdata.A, 60, bytes(4))
    with pytest.raises(MalformedMessage, match="point back"):
        parse_answer(pointing(128))
