"""Questions that were broken, and bytes that never were one, sent to a DNS server.

A packet begins as a question that makes sense, so that it gets far; then bits are flipped, bytes
cut out, doubled and put in, and counts changed. Whatever comes of it, nothing is raised, and what
is answered is an answer: another reader (dnspython) understands it, it has the id and the question
of what was asked, says nothing else than the zone does, and is no longer than its asker takes. The
answers are broken in turn, for the client to read.

`python -m tests.fabric.dns.fuzzing 1000000 [SEED]` sends a million (`make fuzz-dns`).
"""

import random  # noqa: TID251 - outside of every world
import re
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype

from antipodes.fabric.dns import names, rdata
from antipodes.fabric.dns.edns import MalformedMessage, Subnet
from antipodes.fabric.dns.message import (
    FORMERR,
    NOTAUTH,
    NOTIMP,
    NXDOMAIN,
    RR,
    Query,
    encode_answer,
    encode_query,
    parse_answer,
)
from antipodes.fabric.dns.precompiled import Answers, answered, precompiled, ready
from antipodes.runtime.contract import Address, Datagram
from antipodes.service.dnsserver import Asker, DnsServer

ZONE = names.to_wire("example.com")
WWW = names.to_wire("www.example.com")
WILDCARD = names.to_wire("*.wild.example.com")
LONG = names.to_wire("long.example.com")
NAMES = (
    *(ZONE, WWW, LONG, names.ROOT, names.to_wire("x.wild.example.com")),
    *(names.to_wire("nothing.example.com"), names.from_labels([b"\x00" * 63] * 3)),
)
TYPES = (*rdata.RTYPES.values(), rdata.ANY, rdata.AXFR, rdata.OPT, 0, 65535)
DOOR = Address("edge/X", "dns")
TELL_EVERY = 50_000
WITHOUT_QUESTION = {FORMERR, NOTIMP, NOTAUTH}
FAULTS_MAX = 20
# The client subnet of who will not tell it, as `dig +subnet=0` asks: a family of 0.
NO_SUBNET = bytes((0, 8, 0, 4, 0, 0, 0, 0))
_OPT = re.compile(rb"(?=\x00\x00\x29(..))", re.DOTALL)


@dataclass
class Found:
    """What came of it."""

    answers: Counter[str] = field(default_factory=Counter)
    faults: dict[str, bytes] = field(default_factory=dict)


class Zone:
    """A small zone with everything that a server has: the express lane, tails, and encoding."""

    def __init__(self) -> None:
        self.answers = Answers()
        soa = RR(ZONE, rdata.SOA, 900, WWW + WWW + bytes(20))
        self._www = precompiled(WWW, [RR(WWW, rdata.A, 60, b"\xc0\0\2\1")], [soa])
        wild = RR(WILDCARD, rdata.MX, 60, b"\0\1" + WWW)
        self._wild = precompiled(WILDCARD, [wild], anywhere=True)
        self._nothing = precompiled(ZONE, (), [soa], rcode=NXDOMAIN, anywhere=True)
        self._long = [RR(LONG, rdata.TXT, 60, bytes((20,)) + bytes(20)) for _ in range(40)]
        self.answers.put(WWW, rdata.A, ready(WWW, self._www))

    def express(self, datagram: Datagram) -> bytes | None:
        """Answer what is ready."""
        return self.answers.answer(datagram.data)

    def __call__(self, query: Query, asker: Asker) -> bytes | None:
        """Answer the rest."""
        if query.name == WWW and query.rtype == rdata.A:
            return answered(query, self._www, scope=24)
        if query.name == LONG and query.rtype == rdata.TXT:
            return encode_answer(query, 0, self._long, (), self._long, authoritative=not asker.tcp)
        if query.name != WILDCARD and names.is_within(query.name, names.parent(WILDCARD)):
            if query.rtype == rdata.MX:
                return answered(query, self._wild)
            return encode_answer(query, 0)
        return answered(query, self._nothing)


class Wire:
    """A door that keeps what leaves by it."""

    def __init__(self) -> None:
        self.sent: bytes | None = None

    def reply(self, to: Datagram, data: bytes) -> None:
        """Keep an answer."""
        assert to.local == DOOR
        self.sent = data


def packet(chance: random.Random) -> bytes:
    """A question that makes sense, or almost."""
    if chance.random() < 0.05:
        return chance.randbytes(chance.choice((0, 5, 12, 17, 40, 600)))
    subnet = None
    if chance.random() < 0.3:
        subnet = Subnet.of("198.51.100.77", chance.randrange(33))
    edns_bytes = chance.choice((0, 0, 100, 512, 1232, 1400, 4096, 65535))
    name, rtype = chance.choice(NAMES), chance.choice(TYPES)
    if chance.random() < 0.5:
        name, rtype = chance.choice(((WWW, rdata.A), (LONG, rdata.TXT)))
    data = encode_query(
        chance.getrandbits(16), name, rtype, recursion=True, subnet=subnet, edns_bytes=edns_bytes
    )
    return data[:12] + bytes(_other_case(byte, chance) for byte in name) + data[12 + len(name) :]


def _other_case(byte: int, chance: random.Random) -> int:
    return byte ^ 0x20 if chr(byte).isalpha() and byte > 63 and chance.random() < 0.2 else byte


def broken(data: bytes, chance: random.Random) -> bytes:
    """The same with a few faults."""
    found = bytearray(data)
    for _ in range(chance.choice((0, 0, 0, 1, 1, 2, 4))):
        at = chance.randrange(len(found) + 1)
        to = min(len(found), at + chance.randrange(1, 12))
        kind = chance.randrange(7)
        if kind == 0 and at < len(found):
            found[at] ^= 1 << chance.randrange(8)
        elif kind == 1 and at < len(found):
            found[at] = chance.choice((0, 1, 12, 0x29, 63, 64, 0xC0, 0xFF))
        elif kind == 2:
            del found[at:to]
        elif kind == 3:
            found[at:at] = found[at:to]
        elif kind == 4:
            found[at:at] = chance.randbytes(chance.randrange(1, 12))
        elif kind == 5:
            del found[at:]
        elif len(found) >= 12:
            found[chance.choice((2, 3, 5, 7, 9, 11))] = chance.choice((0, 1, 2, 255))
    return bytes(found)


def judge(data: bytes, answer: bytes | None, *, tcp: bool) -> str:
    """What is wrong with an answer, empty if nothing is."""
    if answer is None:
        return ""
    if len(data) < 12 or data[2] & 0x80:
        return "an answer to what is no question"
    if answer[:2] != data[:2] or not answer[2] & 0x80:
        return "not an answer to this"
    payload = taken(data)
    if len(answer) > (65535 if tcp else min(max(payload, 512), 1232)):
        return "longer than its asker takes"
    try:
        read = dns.message.from_wire(answer, one_rr_per_rrset=True)
    except (dns.exception.DNSException, ValueError) as error:
        if NO_SUBNET in data and NO_SUBNET in answer:
            return ""  # given back as it came, which dnspython does not read
        return f"not readable: {error!r}"
    if read.edns >= 0 and not payload:
        return "EDNS to who does not speak it"
    return judge_sections(data, answer, read)


def taken(data: bytes) -> int:
    """How much an asker takes over UDP, by its OPT; 0: it has none."""
    try:
        read = dns.message.from_wire(data, ignore_trailing=True)
        return max(read.payload, 1) if read.edns >= 0 else 0
    except (dns.exception.DNSException, ValueError):
        # An option that dnspython cannot read, or no question at all: what could be an OPT counts.
        return max((int.from_bytes(size, "big") or 1 for size in _OPT.findall(data)), default=0)


def judge_sections(data: bytes, answer: bytes, read: dns.message.Message) -> str:
    """As above, of what it says."""
    if not read.question:
        whole = read.rcode() in WITHOUT_QUESTION and len(answer) == 12
        return "" if whole else "an answer without its question"
    asked = read.question[0]
    end = 12 + len(asked.name.to_digestable()) + 4
    if answer[12:end] != data[12:end]:
        return "an answer to another question"
    if any((rrset.name, rrset.rdtype) != (asked.name, asked.rdtype) for rrset in read.answer):
        return "a record of another name or type"
    return "records with an error" if read.answer and read.rcode() else ""


def kind_of(answer: bytes | None) -> str:
    """How an answer is counted."""
    if answer is None:
        return "silence"
    told = parse_answer(answer)
    return "truncated" if told.truncated else dns.rcode.to_text(dns.rcode.Rcode(told.rcode))


def fuzz(count: int, seed: int, tell: Callable[[int, Found], None] | None = None) -> Found:
    """Send so many packets, half of them over streams."""
    chance = random.Random(seed)
    found = Found()
    zone, wire = Zone(), Wire()
    server = DnsServer(None, zone, express=zone.express)  # type: ignore[arg-type] # it never waits
    source = Address("city/x", "1")
    for number in range(1, count + 1):
        data = broken(packet(chance), chance)
        tcp = number % 2 == 0
        wire.sent = None
        try:
            if tcp:
                said = server.respond(data, Asker("city/x", "198.51.100.1", DOOR, "", tcp=True))
                assert said is None or isinstance(said, bytes), "nothing here takes time"
                wire.sent = said
            else:
                server.take(Datagram(data, source, "198.51.100.1", DOOR, ""), wire)
            fault = judge(data, wire.sent, tcp=tcp)
            found.answers[kind_of(wire.sent)] += 1
            if wire.sent is not None:
                with suppress(MalformedMessage):
                    parse_answer(broken(wire.sent, chance))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what we look for
            fault = f"raised {error!r}"
        if fault and len(found.faults) < FAULTS_MAX:
            found.faults.setdefault(fault, data)
        if tell is not None and number % TELL_EVERY == 0:
            tell(number, found)
    return found


def main() -> int:
    """Run from the command line; the exit status says whether anything was found."""
    count, seed = (int(text) for text in (*sys.argv[1:], "100000", "0")[:2])

    def tell(done: int, found: Found) -> None:
        answers = dict(sorted(found.answers.items()))
        sys.stdout.write(f"{done:>9} packets, {len(found.faults)} faults, answers {answers}\n")
        sys.stdout.flush()

    found = fuzz(count, seed, tell)
    if count % TELL_EVERY:
        tell(count, found)
    sys.stdout.writelines(f"{fault}: {data.hex()}\n" for fault, data in found.faults.items())
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
