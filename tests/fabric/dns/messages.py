"""Records and messages for tests: drawn by hypothesis, and as dnspython sees them."""

import dns.message
import dns.name
import dns.rdata
import dns.rdatatype
import dns.rrset
from hypothesis import strategies as st

from antipodes.fabric.dns import names, rdata
from antipodes.fabric.dns.message import RR, Query, parse_query

# Few labels, so that names share their ends.
NAMES = (
    st.lists(
        st.sampled_from([b"a", b"b", b"www", b"example", b"com", b"\x00.\xff", b"A" * 63]),
        max_size=5,
    )
    .filter(lambda labels: sum(map(len, labels)) + len(labels) < 200)
    .map(names.from_labels)
)

SHORT = st.integers(0, 0xFFFF).map(lambda n: n.to_bytes(2, "big"))
DATA = {
    rdata.A: st.binary(min_size=4, max_size=4),
    rdata.AAAA: st.binary(min_size=16, max_size=16),
    rdata.NS: NAMES,
    rdata.CNAME: NAMES,
    rdata.MX: st.tuples(SHORT, NAMES).map(b"".join),
    rdata.SOA: st.tuples(NAMES, NAMES, st.binary(min_size=20, max_size=20)).map(b"".join),
    rdata.SRV: st.tuples(SHORT, SHORT, SHORT, NAMES).map(b"".join),
    rdata.TXT: st.binary(min_size=1, max_size=255).map(lambda raw: bytes((len(raw),)) + raw),
}
TTLS = st.integers(0, 0x7FFF_FFFF)


@st.composite
def records(draw: st.DrawFn) -> RR:
    rtype = draw(st.sampled_from(sorted(DATA)))
    return RR(draw(NAMES), rtype, draw(TTLS), draw(DATA[rtype]))


SECTIONS = st.lists(records(), max_size=6)


def theirs(record: RR) -> tuple[bytes, int, int, bytes]:
    """A record as dnspython reads it, in our terms."""
    data = dns.rdata.from_wire("IN", kind(record), record.rdata, 0, len(record.rdata))
    return record.name, record.rtype, record.ttl, data.to_digestable(dns.name.root)


def kind(record: RR) -> dns.rdatatype.RdataType:
    """Its type, as dnspython has it."""
    return dns.rdatatype.RdataType(record.rtype)


def read(message: dns.message.Message, section: int) -> list[tuple[bytes, int, int, bytes]]:
    """The records of a section that dnspython has read, one by one."""
    return [
        (rrset.name.to_digestable(), rrset.rdtype, rrset.ttl, one.to_digestable(dns.name.root))
        for rrset in message.sections[section]
        for one in rrset
    ]


def asked(
    name: str | bytes = "www.example.com", rtype: str = "A", *, tcp: bool = False, **how: object
) -> Query:
    """A query as a server reads it, made by dnspython."""
    owner = dns.name.from_wire(name, 0)[0] if isinstance(name, bytes) else name
    query = dns.message.make_query(owner, rtype, **how)  # type: ignore[arg-type] # its options
    parsed = parse_query(query.to_wire(), tcp=tcp)
    assert isinstance(parsed, Query)
    return parsed
