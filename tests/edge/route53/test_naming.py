"""Names of records: read, kept and sorted."""

from hypothesis import given
from hypothesis import strategies as st

from antipodes.edge.route53 import naming
from antipodes.fabric.dns import names
from tests.edge.route53.controlplane import ControlPlane, play, record

_LABELS = st.lists(st.binary(min_size=1, max_size=12), min_size=1, max_size=6)


def _text(labels: list[bytes]) -> str:
    return ".".join("".join(f"\\{byte:03o}" for byte in label) for label in labels)


@given(_LABELS, _LABELS)
def test_keys_of_the_store_sort_as_lists_do(one: list[bytes], other: list[bytes]) -> None:
    """And the names are those of the DNS library."""
    first, second = (naming.canonical(_text(labels)) for labels in (one, other))
    assert names.to_text(names.to_wire(first)) == first
    by_text = naming.sort_text(first) < naming.sort_text(second)
    assert (naming.stored(first) < naming.stored(second)) == by_text
    assert (naming.stored(first) == naming.stored(second)) == (first == second)


def test_names_are_escaped_folded_and_within_their_zone() -> None:
    async def scenario(plane: ControlPlane) -> None:
        zone = await plane.zone()
        await plane.change(
            zone,
            ("CREATE", record("*.Example.com.")),
            ("CREATE", record("a\\052b_c.example.com")),
            ("CREATE", record("\\303\\274ber.example.com")),
        )
        assert [name for name, rtype, _ in await plane.names(zone) if rtype == "A"] == [
            "\\052.example.com.",
            "\\303\\274ber.example.com.",
            "a\\052b_c.example.com.",
        ]
        for outside in ("www.example.org", "wwwexample.com", "com"):
            said = await plane.unchanged(zone, ("CREATE", record(outside)))
            assert said == (
                f"InvalidChangeBatch: [RRSet with DNS name {outside}. is not permitted in zone "
                "example.com.]"
            )
        for bad, problem in {
            "a b.example.com": "UnsupportedCharacter",
            "ü.example.com": "UnsupportedCharacter",
            "a..example.com": "DomainLabelEmpty",
            "x" * 64 + ".example.com": "DomainLabelTooLong",
            ("x" * 62 + ".") * 4 + "example.com": "DomainNameTooLong",
        }.items():
            said = await plane.unchanged(zone, ("CREATE", record(bad)))
            assert f"InvalidChangeBatch: [FATAL problem: {problem} (" in said
        wild = record("*.example.com", "NS", "ns.x")
        assert "no wildcards" in await plane.unchanged(zone, ("CREATE", wild))

    play(scenario)
