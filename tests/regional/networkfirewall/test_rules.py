"""What rules may say, and what they mean."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.regional.networkfirewall import sets, suricata
from antipodes.regional.networkfirewall.suricata import HeaderRule, NotTakenError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("any", ("0.0.0.0/0", "::/0")),
        ("ANY", ("0.0.0.0/0", "::/0")),
        ("10.0.0.1", ("10.0.0.1/32",)),
        ("10.0.0.0/8", ("10.0.0.0/8",)),
        ("[10.0.0.0/9, 10.128.0.0/9]", ("10.0.0.0/8",)),
        ("$HOME_NET", ("10.0.0.0/16", "10.2.0.0/16")),
        ("[10.0.0.0/15,!10.1.0.0/16]", ("10.0.0.0/16",)),
        ("!0.0.0.0/1", ("128.0.0.0/1", "::/0")),
        ("[$HOME_NET,!10.2.0.0/16]", ("10.0.0.0/16",)),
        ("2001:db8::/32", ("2001:db8::/32",)),
        ("!any", ()),
        ("[!0.0.0.0/1,!192.0.0.0/2,!::/0]", ("128.0.0.0/2",)),
    ],
)
def test_addresses(text: str, expected: tuple[str, ...]) -> None:
    assert sets.addresses(text, {"HOME_NET": ["10.0.0.0/16", "10.2.0.0/16"]}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("any", ((0, 65535),)),
        ("443", ((443, 443),)),
        ("80:443", ((80, 443),)),
        (":1023", ((0, 1023),)),
        ("1024:", ((1024, 65535),)),
        ("[80,81,443]", ((80, 81), (443, 443))),
        ("[1:100,!50]", ((1, 49), (51, 100))),
        ("!22", ((0, 21), (23, 65535))),
        ("$WEB", ((80, 80), (443, 443))),
    ],
)
def test_ports(text: str, expected: tuple[tuple[int, int], ...]) -> None:
    assert sets.ports(text, {"WEB": ["80", "443"]}) == expected


@pytest.mark.parametrize(
    "text", ["", "10.0.0.0/33", "[10.0.0.0/8", "10.0.0.0/8]", "$NOBODY", "a.b.c.d", "$LOOP"]
)
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(sets.UnreadableError):
        sets.addresses(text, {"LOOP": ["$LOOP"]})


@pytest.mark.parametrize("text", ["", "-1", "65536", "443:80", "http", "[1,2"])
def test_ports_that_are_none(text: str) -> None:
    with pytest.raises(sets.UnreadableError):
        sets.ports(text, {})


PREFIXES = st.sampled_from(["10.0.0.0/8", "10.0.0.0/30", "10.0.0.2/32", "0.0.0.0/1", "any"])
LISTS = st.lists(st.tuples(st.booleans(), PREFIXES), min_size=1, max_size=4)


@settings(max_examples=150, deadline=None)
@given(LISTS, st.sampled_from(["10.0.0.1", "10.0.0.2", "10.9.9.9", "200.0.0.1"]))
def test_a_list_is_what_its_parts_say(parts: list[tuple[bool, str]], address: str) -> None:
    """Against the rule for lists, read address by address."""
    text = f"[{','.join(('!' if negated else '') + one for negated, one in parts)}]"

    def has(prefix: str) -> bool:
        return prefix == "any" or ip_address(address) in ip_network(prefix)

    wanted = [one for negated, one in parts if not negated]
    expected = (not wanted or any(map(has, wanted))) and not any(
        has(one) for negated, one in parts if negated
    )
    found = [ip_network(one) for one in sets.addresses(text, {}) if ":" not in one]
    assert any(ip_address(address) in one for one in found) == expected


def test_rules_as_text() -> None:
    text = """
    # a comment
    pass tcp $HOME_NET any -> [10.0.0.0/8, !10.1.0.0/16] 443 (msg:"web; \\"only\\""; sid:1; rev:2;)
    drop ip any any <> any any (sid:2; metadata:a b, c d;)

    alert udp any [53, 54] -> any !53 (msg:"odd"; \\
        sid:3;)
    """
    assert suricata.parsed(text) == [
        HeaderRule("pass", "tcp", "$HOME_NET", "any", "->", "[10.0.0.0/8, !10.1.0.0/16]", "443", 1),
        HeaderRule("drop", "ip", "any", "any", "<>", "any", "any", 2),
        HeaderRule("alert", "udp", "any", "[53, 54]", "->", "any", "!53", 3),
    ]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("drop tcp any any -> any 80 (content:evil; sid:1;)", "content"),
        ("drop tcp any any -> any 80 (flow:to_server; sid:1;)", "flow"),
        ('drop tls any any -> any any (tls.sni; content:"a"; sid:1;)', "tls.sni"),
        ("drop http any any -> any any (sid:1;)", "http"),
        ("rejectboth tcp any any -> any any (sid:1;)", "rejectboth"),
        ("reject udp any any -> any 53 (sid:1;)", "udp"),
        ("drop tcp any any -> any 80 (msg:a;)", "sid"),
        ("drop tcp any any -> any 80 (sid:0;)", "sid"),
        ("drop tcp any any -> any 80 sid:1", "not ACTION"),
        ("drop tcp any any => any 80 (sid:1;)", "=>"),
        ("drop tcp any any -> any (sid:1;)", "not ACTION"),
        ("drop ip any any -> any 80 (sid:1;)", "Ports"),
        ("drop tcp any any -> any 80 (sid:1)", "cannot be read"),
        ("pass tcp any any -> any 1 (sid:1;)\npass tcp any any -> any 2 (sid:1;)", "sid 1"),
    ],
)
def test_rules_that_are_refused_are_named(text: str, named: str) -> None:
    with pytest.raises(NotTakenError, match=named):
        suricata.parsed(text)


def test_rules_as_tuples_may_have_their_sid_in_a_keyword() -> None:
    header = {
        "Protocol": "TCP",
        "Source": "ANY",
        "SourcePort": "ANY",
        "Direction": "ANY",
        "Destination": "10.0.0.0/8",
        "DestinationPort": "22",
    }
    rule: dict[str, Any] = {
        "Action": "DROP",
        "Header": header,
        "RuleOptions": [{"Keyword": "sid:7"}],
    }
    [found] = suricata.of_tuples([rule])
    assert found == HeaderRule("drop", "tcp", "ANY", "ANY", "<>", "10.0.0.0/8", "22", 7)
    rule["RuleOptions"].append({"Keyword": "flow", "Settings": ["to_server"]})
    with pytest.raises(NotTakenError, match="flow"):
        suricata.of_tuples([rule])
