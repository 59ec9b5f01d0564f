"""Values between Route 53's text and wire form."""

import dns.name
import dns.rdata
import dns.rdatatype
import pytest

from antipodes.fabric.dns import rdata

# Values as Route 53 documents them, and what others would write (they escape in decimal).
VALUES = {
    "A": ["192.0.2.1"],
    "AAAA": ["2001:db8::1"],
    "CAA": ['0 issue "ca.example.com"', '128 iodef "mailto:x@example.com"', '0 issue ";"'],
    "CNAME": ["Target.example.com", "target.example.com.", "\\052.example.com"],
    "DS": ["123 4 5 " + "1234567890abcdef" * 4],
    "HTTPS": ["1 . alpn=h2,h3", "0 svc.example.com.", "16 x.example. port=8443 ipv4hint=192.0.2.1"],
    "MX": ["10 mail.example.com"],
    "NAPTR": ['100 50 "u" "E2U+sip" "!^(\\\\\\\\+441632960083)$!sip:\\\\\\\\1@example.com!" .'],
    "NS": ["ns-1.example.com"],
    "PTR": ["host.example.com."],
    "SOA": ["ns.example.net hostmaster.example.com 1 7200 900 1209600 86400"],
    "SPF": ['"v=spf1 ip4:192.0.2.0/24 -all"'],
    "SRV": ["1 10 5269 xmpp-server.example.com."],
    "SSHFP": ["2 1 123456789abcdef67890123456789abcdef67890"],
    "SVCB": ["16 foo.example.org. alpn=h2,h3 port=53"],
    "TLSA": ["3 1 1 " + "ab" * 32],
    "TXT": ['"Sample text entries"', '"a" "b"', '"say \\"hi\\""', '""', '"tab\\011 end"'],
}


def test_every_type_has_its_number_and_its_reader() -> None:
    assert set(VALUES) == set(rdata.RTYPES)
    for name, number in rdata.RTYPES.items():
        assert rdata.rtype_text(number) == name
    assert rdata.rtype_text(4242) == "TYPE4242"


@pytest.mark.parametrize(("rtype", "text"), [(t, v) for t, vs in VALUES.items() for v in vs])
def test_values_are_what_others_read(rtype: str, text: str) -> None:
    wire = rdata.rdata_wire(rtype, text)
    number = dns.rdatatype.RdataType(rdata.RTYPES[rtype])
    theirs = dns.rdata.from_wire("IN", number, wire, 0, len(wire))
    assert theirs.to_digestable(dns.name.root) == wire or rtype == "NAPTR"
    assert rdata.rdata_wire(rtype, rdata.rdata_text(rtype, wire)) == wire
    if "\\" not in text:
        from_text = dns.rdata.from_text("IN", number, text, origin=dns.name.root, relativize=False)
        assert from_text.to_digestable(dns.name.root) == wire


def test_text_escapes_are_octal() -> None:
    assert rdata.rdata_wire("TXT", '"a\\101\\"\\\\"') == b'\x04aA"\\'
    assert rdata.rdata_text("TXT", b"\x03\x00\xff\\") == '"\\000\\377\\134"'


@pytest.mark.parametrize(
    ("rtype", "text"),
    [
        ("A", "192.0.2.256"),
        ("A", "192.0.2"),
        ("A", "192.0.02.1"),
        ("A", ""),
        ("AAAA", "fe80::1%eth0"),
        ("AAAA", "192.0.2.1"),
        ("CAA", "0 issue ca.example.com"),
        ("CAA", '256 issue "x"'),
        ("CAA", '0 is-sue "x"'),
        ("CNAME", "two names"),
        ("CNAME", ""),
        ("DS", "123 4 5"),
        ("DS", "123 4 5 abc"),
        ("DS", "123 8 2 abcd"),
        ("DS", ""),
        ("HTTPS", "x y"),
        ("HTTPS", "1 . alpn"),
        ("HTTPS", "1"),
        ("MX", "mail.example.com"),
        ("MX", "65536 mail.example.com"),
        ("MX", "-1 mail.example.com"),
        ("NAPTR", "100 50 u s r ."),
        ("SOA", "ns.example.net hostmaster.example.com 1 7200 900 1209600"),
        ("SOA", "ns.example.net hostmaster.example.com 1 7200 900 1209600 4294967296"),
        ("SRV", "1 10 xmpp.example.com"),
        ("SSHFP", "2 1 zz"),
        ("TLSA", "3 1 1"),
        ("TXT", "unquoted"),
        ("TXT", '"open'),
        ("TXT", '"a"b'),
        ("TXT", ""),
        ("TXT", '"é"'),
        ("TXT", '"' + "x" * 256 + '"'),
        ("TXT", '"\\400"'),
        ("WKS", "anything"),
    ],
)
def test_what_is_not_a_value(rtype: str, text: str) -> None:
    with pytest.raises(rdata.InvalidRdata):
        rdata.rdata_wire(rtype, text)
