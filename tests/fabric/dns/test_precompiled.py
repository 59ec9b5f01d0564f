"""Answers that are ready before anybody asks: the same as those made when somebody does."""

import dns.message
from hypothesis import given
from hypothesis import strategies as st

from antipodes.fabric.dns import names, rdata
from antipodes.fabric.dns.edns import Subnet
from antipodes.fabric.dns.message import (
    NXDOMAIN,
    RR,
    Query,
    encode_answer,
    encode_query,
    parse_answer,
    parse_query,
)
from antipodes.fabric.dns.precompiled import Answers, Tail, answered, precompiled
from tests.fabric.dns.messages import NAMES, SECTIONS, asked

WWW = names.to_wire("www.example.com")
EXAMPLE = names.to_wire("example.com")
SOA = RR(EXAMPLE, rdata.SOA, 900, WWW + WWW + bytes(20))


@given(NAMES, SECTIONS, SECTIONS, SECTIONS, st.sampled_from([0, 512, 700, 1400]))
def test_a_tail_says_what_an_encoder_says(
    name: bytes, answers: list[RR], authority: list[RR], additional: list[RR], payload: int
) -> None:
    how = {"use_edns": 0, "payload": payload} if payload else {"use_edns": False}
    for tcp in (False, True):
        query = asked(name, tcp=tcp, **how)
        tail = precompiled(name, answers, authority, additional)
        whole = encode_answer(query, 0, answers, authority, additional, authoritative=True)
        data = answered(query, tail)
        assert len(data) <= query.bytes_max
        if tcp:
            assert data == whole
        else:
            assert parse_answer(data).truncated or data == whole


@given(NAMES, SECTIONS)
def test_a_tail_for_any_name_says_the_same(name: bytes, authority: list[RR]) -> None:
    wildcard = names.to_wire("*.example.com")
    tail = precompiled(
        wildcard, [RR(wildcard, rdata.MX, 60, b"\0\1" + WWW)], authority, rcode=3, anywhere=True
    )
    told = parse_answer(answered(asked(name, tcp=True), tail))
    assert told.answers == (RR(name, rdata.MX, 60, b"\0\1" + WWW),)
    assert list(told.authority) == [
        record._replace(name=name) if record.name == wildcard else record for record in authority
    ]
    assert told.rcode == NXDOMAIN


def test_a_tail_carries_the_scope() -> None:
    query = parse_query(encode_query(1, WWW, rdata.A, subnet=Subnet.of("192.0.2.0", 24)))
    assert isinstance(query, Query)
    answer = parse_answer(answered(query, precompiled(WWW), scope=17))
    assert answer.subnet == Subnet.of("192.0.2.0", 24)._replace(scope=17)


# The express lane.


def ready(name: bytes = WWW, rtype: int = rdata.A) -> tuple[Answers, Tail]:
    answers = Answers()
    tail = precompiled(name, [RR(name, rtype, 60, b"\xc0\0\2\1")], [SOA])
    answers.put(name, rtype, tail)
    return answers, tail


@given(
    st.sampled_from([False, 0]),
    st.sampled_from([512, 1232, 1400, 4096, 65535]),
    st.booleans(),
    st.sampled_from(["RD", "", "RD AD", "AD", "CD"]),
    st.sampled_from(["www.example.com", "WWW.eXample.com", "other.example.com"]),
)
def test_the_express_lane_says_what_the_slow_one_says(
    edns: bool | int, payload: int, do: bool, flags: str, name: str
) -> None:
    answers, tail = ready()
    message = dns.message.make_query(
        name, "A", use_edns=edns, payload=payload, want_dnssec=do and edns is not False, flags=0
    )
    message.flags = dns.flags.from_text(flags)
    data = message.to_wire()
    query = parse_query(data)
    assert isinstance(query, Query)
    said = answers.answer(data)
    if said is None:
        assert payload in {512, 65535} or "CD" in flags or name == "other.example.com"
    else:
        assert said == answered(query, tail)


def test_the_express_lane_knows_types_apart() -> None:
    answers, _ = ready(rtype=rdata.HTTPS)
    for rtype in range(300):
        data = encode_query(1, WWW, rtype, edns_bytes=0)
        assert (answers.answer(data) is not None) == (rtype == rdata.HTTPS)
    odd = encode_query(1, WWW, rdata.HTTPS, edns_bytes=0)
    assert answers.answer(odd[:-1] + b"\x03") is None


def test_the_express_lane_forgets() -> None:
    answers, tail = ready()
    data = encode_query(1, WWW, rdata.A)
    assert answers.answer(data) is not None
    answers.remove(WWW, rdata.A)
    assert answers.answer(data) is None
    answers.put(WWW, rdata.A, tail)
    long = precompiled(WWW, [RR(WWW, rdata.TXT, 60, b"\xff" * 256)] * 2)
    answers.put(WWW, rdata.A, long)
    assert (answers.answer(data), len(answers)) == (None, 0)
    answers.put(WWW, rdata.A, tail)
    answers.clear()
    assert len(answers) == 0


@given(st.binary(max_size=60))
def test_the_express_lane_takes_nothing_odd(data: bytes) -> None:
    answers, _ = ready()
    usual = encode_query(1, WWW, rdata.A)
    for sent in (data, usual + data, usual[:12] + data, data + usual):
        said = answers.answer(sent)
        assert said is None or isinstance(parse_query(sent), Query)
