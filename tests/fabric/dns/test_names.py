"""Names between text and wire form."""

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.fabric.dns import names

LABELS = st.lists(st.binary(min_size=1, max_size=63), max_size=8).filter(
    lambda labels: sum(map(len, labels)) + len(labels) < 255
)


@given(LABELS)
def test_any_name_survives_the_way_through_text(labels: list[bytes]) -> None:
    wire = names.from_labels(labels)
    text = names.to_text(wire)
    assert text.endswith(".")
    assert names.to_wire(text) == wire
    assert list(names.labels(wire)) == [label.lower() for label in labels]
    assert wire == dns.name.Name([*labels, b""]).canonicalize().to_wire()


def test_text_is_what_route_53_shows() -> None:
    assert names.to_text(names.to_wire("*.Example.COM")) == "\\052.example.com."
    assert names.to_wire("a\\056b.c") == b"\x03a.b\x01c\x00"
    assert names.to_wire("a\\.b.c.") == b"\x03a.b\x01c\x00"
    assert names.to_wire(".") == names.ROOT
    assert names.to_text(names.ROOT) == "."
    assert names.to_wire("_sip._tcp.example.com") == names.to_wire("_SIP._tcp.example.com.")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        ".a",
        "a..b",
        "a b",
        "a\tb",
        "a\n",
        "é.com",
        "a\\9",
        "a\\777",
        "a\\",
        "x" * 64,
        "x." * 200,
    ],
)
def test_what_is_not_a_name(text: str) -> None:
    with pytest.raises(names.InvalidName):
        names.to_wire(text)


def test_a_name_and_what_is_above_it() -> None:
    name = names.to_wire("www.example.com")
    above = [names.to_text(suffix) for suffix in names.suffixes(name)]
    assert above == ["www.example.com.", "example.com.", "com.", "."]
    assert names.parent(name) == names.to_wire("example.com")
    assert names.parent(names.ROOT) == names.ROOT
    assert names.is_within(name, names.to_wire("example.com"))
    assert names.is_within(name, name)
    assert names.is_within(name, names.ROOT)
    assert not names.is_within(names.to_wire("badexample.com"), names.to_wire("example.com"))
    # A label that contains what looks like the end of a name is not within it.
    trick = names.from_labels([b"a\x07example\x03com"])
    assert not names.is_within(trick, names.to_wire("example.com"))
