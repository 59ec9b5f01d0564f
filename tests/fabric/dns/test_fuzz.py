"""A short run of the fuzzer; `make fuzz-dns` runs a long one. And that it would find something."""

import pytest

from antipodes.fabric.dns import rdata
from antipodes.fabric.dns.message import encode_query
from antipodes.service.dnsserver import Asker, DnsServer
from tests.fabric.dns.fuzzing import DOOR, LONG, NO_SUBNET, WWW, Zone, fuzz, judge


def test_no_packet_however_broken_is_answered_with_rubbish() -> None:
    found = fuzz(1_200, seed=7)
    assert not found.faults
    assert all(found.answers[kind] > 60 for kind in ("NOERROR", "NXDOMAIN", "FORMERR", "silence"))
    assert all(found.answers[kind] > 0 for kind in ("NOTIMP", "truncated", "BADVERS", "REFUSED"))


QUESTION = encode_query(7, WWW, 1, edns_bytes=0)
ANSWER = QUESTION[:2] + b"\x84\0" + QUESTION[4:]


@pytest.mark.parametrize(
    ("data", "answer", "fault"),
    [
        (ANSWER, ANSWER, "no question"),
        (QUESTION, b"\0\0" + ANSWER[2:], "not an answer to this"),
        (QUESTION, QUESTION, "not an answer to this"),
        (QUESTION, ANSWER[:-1], "not readable"),
        (
            QUESTION,
            ANSWER[:7] + b"\x20" + ANSWER[8:] + 32 * (LONG + b"\0\1\0\1" + bytes(6)),
            "long",
        ),
        (QUESTION, ANSWER[:4] + bytes(8), "without its question"),
        (QUESTION, ANSWER.replace(b"www", b"WWW"), "another question"),
        (QUESTION, ANSWER[:11] + b"\1" + ANSWER[12:] + b"\0\0\x29\4\xd0" + bytes(6), "EDNS"),
        (
            QUESTION,
            ANSWER[:7] + b"\1" + ANSWER[8:] + LONG + b"\0\1\0\1\0\0\0\0\0\4\1\2\3\4",
            "another name",
        ),
    ],
)
def test_rubbish_is_found(data: bytes, answer: bytes, fault: str) -> None:
    assert fault in judge(data, answer, tcp=False)
    assert judge(QUESTION, ANSWER, tcp=False) == ""


def test_who_tells_no_subnet_gets_that_back_and_it_is_no_fault() -> None:
    zone = Zone()
    server = DnsServer(None, zone, express=zone.express)  # type: ignore[arg-type] # it never waits
    asked = encode_query(7, WWW, rdata.A, edns_bytes=512)[:-2] + b"\0\x08" + NO_SUBNET
    said = server.respond(asked, Asker("city/x", "198.51.100.1", DOOR, "", tcp=True))
    assert isinstance(said, bytes)
    assert said.endswith(NO_SUBNET)
    assert not judge(asked, said, tcp=True)
    assert judge(asked, said.replace(NO_SUBNET, bytes((0, 8, 0, 4, 0, 9, 0, 0))), tcp=True)
