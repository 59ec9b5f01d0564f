"""Answers that are ready before anybody asks: the same as those made when somebody does."""

import dns.message
from hypothesis import given, settings
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
from antipodes.fabric.dns.precompiled import (
    ASKED_MAX,
    Answers,
    Ready,
    Tail,
    answered,
    precompiled,
    ready,
)
from tests.fabric.dns.messages import NAMES, SECTIONS, asked

WWW = names.to_wire("www.example.com")
EXAMPLE = names.to_wire("example.com")
SOA = RR(EXAMPLE, rdata.SOA, 900, WWW + WWW + bytes(20))


@settings(max_examples=40)
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


@settings(max_examples=40)
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


def known(name: bytes = WWW, rtype: int = rdata.A) -> tuple[Answers, Tail]:
    answers = Answers()
    tail = precompiled(name, [RR(name, rtype, 60, b"\xc0\0\2\1")], [SOA])
    answers.put(name, rtype, ready(name, tail))
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
    answers, tail = known()
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
        assert answers.answer(b"\x12\x34" + data[2:]) == b"\x12\x34" + said[2:]


def test_the_express_lane_keeps_what_was_asked_up_to_a_number() -> None:
    answers, _ = known()
    tails = {}
    for number in range(ASKED_MAX // 2 + 10):
        name = names.to_wire(f"www{number}.example.com")
        tails[name] = precompiled(name, [RR(name, rdata.A, number, b"\xc0\0\2\1")])
        answers.put(name, rdata.A, ready(name, tails[name]))
    for _ in range(2):
        for name, tail in tails.items():
            for edns_bytes in (0, 1232):
                data = encode_query(1, name, rdata.A, edns_bytes=edns_bytes)
                query = parse_query(data)
                assert isinstance(query, Query)
                assert answers.answer(data) == answered(query, tail)
        assert 0 < answers.kept <= ASKED_MAX


def test_the_express_lane_knows_types_apart() -> None:
    answers, _ = known(rtype=rdata.HTTPS)
    for rtype in range(300):
        data = encode_query(1, WWW, rtype, edns_bytes=0)
        assert (answers.answer(data) is not None) == (rtype == rdata.HTTPS)
    odd = encode_query(1, WWW, rdata.HTTPS, edns_bytes=0)
    assert answers.answer(odd[:-1] + b"\x03") is None


def test_the_express_lane_forgets() -> None:
    answers, tail = known()
    data = encode_query(1, WWW, rdata.A)
    assert answers.answer(data) is not None
    answers.put(WWW, rdata.A, None)
    assert answers.answer(data) is None
    answers.put(WWW, rdata.A, ready(WWW, tail))
    long = precompiled(WWW, [RR(WWW, rdata.TXT, 60, b"\xff" * 256)] * 2)
    assert ready(WWW, long) is None
    answers.put(WWW, rdata.A, ready(WWW, long))
    assert (answers.answer(data), len(answers)) == (None, 0)
    answers.put(WWW, rdata.A, ready(WWW, tail))
    answers.clear()
    assert len(answers) == 0


def test_the_express_lane_lets_others_choose() -> None:
    tails = [precompiled(WWW, [RR(WWW, rdata.A, n, b"\xc0\0\2\1")]) for n in range(3)]
    mine = [ready(WWW, tail) for tail in tails]
    asked_by = []

    def choose(place: str, ip: str) -> Ready | None:
        asked_by.append((place, ip))
        return {"192.0.2.1": mine[1], "192.0.2.2": mine[2]}.get(ip)

    answers = Answers()
    answers.put(WWW, rdata.A, choose)
    for edns_bytes in (0, 1232):
        data = encode_query(1, WWW, rdata.A, edns_bytes=edns_bytes)
        query = parse_query(data)
        assert isinstance(query, Query)
        assert answers.answer(data, "city/x", "192.0.2.2") == answered(query, tails[2])
        assert answers.answer(data, "city/y", "192.0.2.1") == answered(query, tails[1])
        assert answers.answer(data) is None
    assert asked_by[:3] == [("city/x", "192.0.2.2"), ("city/y", "192.0.2.1"), ("", "")]


@given(st.binary(max_size=60))
def test_the_express_lane_takes_nothing_odd(data: bytes) -> None:
    answers, _ = known()
    usual = encode_query(1, WWW, rdata.A)
    for sent in (data, usual + data, usual[:12] + data, data + usual):
        said = answers.answer(sent)
        assert said is None or isinstance(parse_query(sent), Query)
