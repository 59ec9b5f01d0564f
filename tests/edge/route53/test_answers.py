"""Zones: what there is, what there is not, and who else is to be asked."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.edge.route53.answers import CHAIN_MAX
from antipodes.edge.route53.locations import Balancer
from antipodes.edge.route53.model import AliasTarget, RecordSet
from antipodes.fabric.dns.message import AA, NOERROR, NXDOMAIN, REFUSED, SERVFAIL
from antipodes.fabric.dns.names import to_text, to_wire
from antipodes.fabric.dns.rdata import RTYPES
from tests.edge.route53.asked import APEX, ZONE, Asked, a, asked, shown


@pytest.fixture
def here() -> Iterator[Asked]:
    with asked() as location:
        yield location


def cname(name: str, target: str) -> RecordSet:
    return RecordSet(f"{name}.example.com.", "CNAME", ttl=300, values=(target,))


def alias(name: str, target: str, zone_id: str = ZONE, *, health: bool = False) -> RecordSet:
    full = f"{name}.example.com." if name else "example.com."
    return RecordSet(full, "A", alias=AliasTarget(zone_id, target, health))


def test_a_record_is_answered_with_authority_in_any_case(here: Asked) -> None:
    here.put(a("www", "192.0.2.1"))
    answer = here.ask("www.example.com")
    assert (answer.rcode, answer.flags & AA) == (NOERROR, AA)
    assert shown(answer) == ["www.example.com. 60 A 192.0.2.1"]
    assert here.values("WWW.Example.COM") == ["192.0.2.1"]


def test_the_apex_has_its_soa_and_name_servers(here: Asked) -> None:
    assert len(here.ask("example.com", "NS").answers) == 2
    assert shown(here.ask("example.com", "SOA"))[0].startswith("example.com. 900 SOA ns-1")


def test_surprise_22_what_is_not_there_is_remembered_for_900_seconds(here: Asked) -> None:
    here.put(a("www", "192.0.2.1"), a("x.deep", "192.0.2.2"))
    for name, rtype, rcode in (
        ("nothing", "A", NXDOMAIN),
        ("www", "AAAA", NOERROR),
        ("deep", "A", NOERROR),  # there is something below it
        ("y.deep", "A", NXDOMAIN),
    ):
        answer = here.ask(f"{name}.example.com", rtype)
        assert (answer.rcode, answer.answers, answer.flags & AA) == (rcode, (), AA)
        (soa,) = answer.authority
        assert (to_text(soa.name), soa.rtype, soa.ttl) == ("example.com.", RTYPES["SOA"], 900)
    short = APEX[0].values[0].replace("86400", "60")
    here.put(RecordSet("example.com.", "SOA", ttl=900, values=(short,)))
    assert here.ask("nothing.example.com").authority[0].ttl == 60


def test_a_wildcard_answers_at_any_depth_but_not_for_what_exists(here: Asked) -> None:
    here.put(a("\\052", "192.0.2.9"), a("www", "192.0.2.1"), a("x.deep", "192.0.2.2"))
    here.put(RecordSet("www.example.com.", "TXT", ttl=1, values=('"t"',)))
    assert here.values("any.example.com") == ["192.0.2.9"]
    assert here.values("any.thing.example.com") == ["192.0.2.9"]
    assert here.values("*.example.com") == ["192.0.2.9"]
    assert here.ask("any.example.com", "TXT").rcode == NOERROR
    assert here.ask("any.www.example.com").rcode == NXDOMAIN  # RFC 4592: www is closer
    assert here.ask("any.deep.example.com").rcode == NXDOMAIN
    assert here.ask("deep.example.com").answers == ()
    assert here.ask("example.com").answers == ()


def test_a_star_elsewhere_is_a_letter_like_others(here: Asked) -> None:
    here.put(a("a.\\052", "192.0.2.9"))
    assert here.values("a.*.example.com") == ["192.0.2.9"]
    assert here.ask("a.b.example.com").answers == ()


def test_a_cname_is_followed_inside_the_zone_only(here: Asked) -> None:
    here.put(cname("a", "b.example.com."), cname("b", "www.example.com."), a("www", "192.0.2.1"))
    here.put(cname("out", "www.example.net."), cname("none", "nothing.example.com."))
    assert shown(here.ask("a.example.com")) == [
        "a.example.com. 300 CNAME b.example.com.",
        "b.example.com. 300 CNAME www.example.com.",
        "www.example.com. 60 A 192.0.2.1",
    ]
    assert shown(here.ask("a.example.com", "CNAME")) == ["a.example.com. 300 CNAME b.example.com."]
    assert shown(here.ask("out.example.com")) == ["out.example.com. 300 CNAME www.example.net."]
    answer = here.ask("none.example.com")
    assert (answer.rcode, len(answer.answers), len(answer.authority)) == (NXDOMAIN, 1, 1)


def test_a_wildcard_cname_is_followed_under_the_name_that_was_asked(here: Asked) -> None:
    here.put(cname("\\052", "x.other.example.com."), a("\\052.other", "192.0.2.1"))
    assert shown(here.ask("any.example.com")) == [
        "any.example.com. 300 CNAME x.other.example.com.",
        "x.other.example.com. 60 A 192.0.2.1",
    ]


def test_a_circle_of_cnames_ends(here: Asked) -> None:
    here.put(
        cname("a", "b.example.com."), cname("b", "a.example.com."), cname("c", "c.example.com.")
    )
    answer = here.ask("a.example.com")
    assert (answer.rcode, len(answer.answers)) == (NOERROR, 2)
    assert len(here.ask("c.example.com").answers) == 1
    here.put(cname("\\052.any", "x.any.example.com."))
    assert len(here.ask("y.any.example.com").answers) == 2


def test_a_long_chain_of_cnames_is_cut(here: Asked) -> None:
    here.put(*(cname(f"n{n}", f"n{n + 1}.example.com.") for n in range(1000)))
    assert len(here.ask("n0.example.com").answers) == CHAIN_MAX


def test_a_circle_of_aliases_is_a_failure(here: Asked) -> None:
    here.put(alias("a", "b.example.com."), alias("b", "a.example.com."))
    here.put(alias("c", "d.example.com.", health=True), alias("d", "c.example.com.", health=True))
    for name in "abcd":
        answer = here.ask(f"{name}.example.com")
        assert (answer.rcode, answer.answers, answer.flags & AA) == (SERVFAIL, (), 0)


def test_a_tower_of_aliases_is_a_failure_and_costs_little(here: Asked) -> None:
    here.put(*(alias(f"n{n}", f"n{n + 1}.example.com.", health=True) for n in range(5000)))
    assert here.ask("n0.example.com").rcode == SERVFAIL
    here.put(a("n5000", "192.0.2.1"))
    assert here.values("n4990.example.com") == ["192.0.2.1"]


def test_many_branches_that_meet_again_cost_little(here: Asked) -> None:
    """Ten levels, each with ten aliases to the next: ten thousand million ways down."""

    def level(n: int) -> list[RecordSet]:
        target = AliasTarget(ZONE, f"n{n + 1}.example.com.", evaluate_target_health=True)
        return [
            RecordSet(f"n{n}.example.com.", "A", str(k), weight=1, alias=target) for k in range(10)
        ]

    here.put(*(record for n in range(10) for record in level(n)), a("n10", "192.0.2.1"))
    assert set(here.spread("n0.example.com")) == {"192.0.2.1"}
    here.put(alias("\\052.any", "n0.example.com."), cname("www", "x.any.example.com."))
    assert shown(here.ask("www.example.com"))[1:] == ["x.any.example.com. 60 A 192.0.2.1"]


def test_an_alias_answers_under_its_own_name_with_its_target_s_time(here: Asked) -> None:
    here.put(a("www", "192.0.2.1", ttl=77), alias("", "www.example.com."))
    assert shown(here.ask("example.com")) == ["example.com. 77 A 192.0.2.1"]
    assert here.ask("example.com", "AAAA").answers == ()
    here.put(alias("gone", "nothing.example.com."))
    answer = here.ask("gone.example.com")
    assert (answer.rcode, answer.answers, len(answer.authority)) == (NOERROR, (), 1)


def test_what_is_delegated_is_referred_with_the_addresses_that_are_known(here: Asked) -> None:
    servers = ("ns1.sub.example.com.", "ns.example.net.")
    here.put(RecordSet("sub.example.com.", "NS", ttl=3600, values=servers))
    here.put(a("ns1.sub", "192.0.2.53"), a("hidden.sub", "192.0.2.1"))
    here.put(RecordSet("sub.example.com.", "DS", ttl=60, values=("12345 8 2 " + "AB" * 32,)))
    for name in ("sub", "hidden.sub", "no.such.sub"):
        answer = here.ask(f"{name}.example.com")
        assert (answer.rcode, answer.flags & AA, answer.answers) == (NOERROR, 0, ())
        assert {to_text(record.name) for record in answer.authority} == {"sub.example.com."}
        assert [record.rdata for record in answer.additional] == [bytes((192, 0, 2, 53))]
    assert here.ask("sub.example.com", "DS").flags & AA
    assert here.ask("xsub.example.com").rcode == NXDOMAIN


def test_the_closest_zone_answers_and_of_two_of_one_name_the_older(here: Asked) -> None:
    here.put(a("www.sub", "192.0.2.1"))
    deeper = RecordSet("www.sub.example.com.", "A", ttl=1, values=("192.0.2.2",))
    here.hold("Z1", "sub.example.com.", (deeper,), created_at=5.0)
    assert here.values("www.sub.example.com") == ["192.0.2.2"]
    newer = RecordSet("www.sub.example.com.", "A", ttl=1, values=("192.0.2.3",))
    here.hold("Z2", "sub.example.com.", (newer,), created_at=6.0)
    assert here.values("www.sub.example.com") == ["192.0.2.2"]
    for zone_id, wanted in (("Z1", "192.0.2.3"), ("Z2", "192.0.2.1")):
        here.zones.advance()
        here.zones.delete_zone(zone_id)
        here.location.advance(here.zones.version)
        assert here.values("www.sub.example.com") == [wanted]


def test_a_name_of_nobody_s_zone_and_one_of_a_private_zone_are_refused(here: Asked) -> None:
    here.hold("Z1", "corp.test.", (), private=True)
    for name in ("example.net", "corp.test", "com", "notexample.com"):
        answer = here.ask(name)
        assert (answer.rcode, answer.flags & AA, answer.authority) == (REFUSED, 0, ())


def test_all_values_are_answered_and_each_comes_first_as_often(here: Asked) -> None:
    values = [f"192.0.2.{n}" for n in range(4)]
    here.put(a("many", *values))
    assert sorted(here.values("many.example.com")) == values
    seen = here.spread("many.example.com")
    assert {value: seen.count(value) for value in values} == dict.fromkeys(values, 25)


def test_balancers_and_accelerators_names_are_answered_and_aliased(here: Asked) -> None:
    name = "front-1.us-west-2.elb.amazonaws.com"
    balancer = Balancer("Z1", {"a": "198.19.1.1", "b": "198.19.1.2"}, "arn", {"a": "198.19.1.1"})
    here.location.learn_balancer(to_wire(name), balancer)
    here.accelerators.put("a0.awsglobalaccelerator.com", "198.18.0.1", "198.18.128.1")
    assert sorted(here.values(name)) == ["198.19.1.1", "198.19.1.2"]
    assert here.values(f"a.{name}") == ["198.19.1.1"]
    assert here.ask(name, "AAAA").rcode == NOERROR
    assert here.ask(f"b.{name}").rcode == NXDOMAIN
    assert here.ask("x.elb.us-west-2.amazonaws.com").rcode == NXDOMAIN
    assert set(here.spread("a0.awsglobalaccelerator.com")) == {"198.18.0.1", "198.18.128.1"}
    here.put(alias("lb", f"dualstack.{name}.", "Z1"))
    here.put(alias("", "a0.awsglobalaccelerator.com.", "Z2BJ6XQ5FK7U4H"))
    assert set(here.spread("lb.example.com")) == {"198.19.1.1", "198.19.1.2"}
    assert here.ask("example.com").answers[0].ttl == 60
    here.location.learn_balancer(to_wire(name), None)
    assert here.ask("lb.example.com").answers == ()


def test_a_change_costs_what_it_changes_and_the_past_is_forgotten(here: Asked) -> None:
    here.put(*(a(f"n{n}", "192.0.2.1") for n in range(500)))
    zone = here.zones.get(ZONE)
    assert zone is not None
    before = dict(zone.nodes)
    old = here.zones.version
    here.put(a("n7", "192.0.2.2"), a("new.sub", "192.0.2.3"))
    here.delete(a("n8", "192.0.2.1"))
    changed = [to_text(name) for name, node in zone.nodes.items() if node is not before.get(name)]
    assert sorted(changed) == [
        "n7.example.com.",
        "n8.example.com.",
        "new.sub.example.com.",
        "sub.example.com.",
    ]
    here.location.advance(old)  # one that hears late goes by what there was
    assert here.values("n7.example.com") == ["192.0.2.1"]
    assert here.values("n8.example.com") == ["192.0.2.1"]
    assert here.ask("sub.example.com").rcode == NXDOMAIN
    here.location.advance(here.zones.version)
    here.zones.forget(here.zones.version)
    assert all(node.before is None for node in zone.nodes.values())
    assert to_wire("n8.example.com") not in zone.nodes
    assert here.values("n7.example.com") == ["192.0.2.2"]
    assert here.ask("n8.example.com").rcode == NXDOMAIN


def test_what_is_kept_is_bounded_and_right_after_it_was_forgotten() -> None:
    with asked(kept_max=3) as here:
        here.put(*(a(f"n{n}", f"192.0.2.{n}") for n in range(10)))
        for n in (*range(10), *range(10), *range(10)):
            for _ in range(3):
                assert here.values(f"n{n}.example.com") == [f"192.0.2.{n}"]
        here.put(*(a(f"n{n}", f"192.0.2.{n + 100}") for n in range(10)))
        for n in range(10):
            assert here.values(f"n{n}.example.com") == [f"192.0.2.{n + 100}"]


# Against the rules, said plainly.

LABELS = st.sampled_from(["a", "b", "\\052"])
NAMES = st.lists(LABELS, max_size=3).map(".".join)
CHANGES = st.lists(st.tuples(NAMES, st.sampled_from(["A", "TXT"]), st.booleans()), max_size=25)


def expected(held: dict[tuple[str, str], None], name: str, rtype: str) -> str | int:
    """The owner of the answer, or why there is none, by RFC 1034 and 4592."""
    owners = {owner for owner, _ in held}

    def exists(text: str) -> bool:
        return not text or any(o == text or o.endswith(f".{text}") for o in owners)

    if not exists(name):
        encloser = name
        while not exists(encloser):
            encloser = encloser.partition(".")[2]
        name = f"\\052.{encloser}".rstrip(".")
        if not exists(name):
            return NXDOMAIN
    return name if (name, rtype) in held else NOERROR


@given(CHANGES, NAMES, st.sampled_from(["A", "TXT"]))
@settings(max_examples=80, deadline=None)
def test_what_is_answered_is_what_the_rules_say_whatever_was_changed(
    changes: list[tuple[str, str, bool]], name: str, rtype: str
) -> None:
    held: dict[tuple[str, str], None] = {}
    with asked() as here:
        for owner, kind, present in changes:
            full = f"{owner}.example.com." if owner else "example.com."
            value = f'"{owner}"'.replace("\\", "") if kind == "TXT" else "192.0.2.1"
            record = RecordSet(full, kind, ttl=1, values=(value,))
            if present:
                held[owner, kind] = None
                here.put(record)
            else:
                held.pop((owner, kind), None)
                here.delete(record)
            here.zones.forget(here.zones.version)
        wanted = expected(held, name, rtype)
        answer = here.ask(f"{name}.example.com" if name else "example.com", rtype)
        if isinstance(wanted, int):
            assert (answer.rcode, answer.answers) == (wanted, ())
        else:
            assert answer.rcode == NOERROR
            assert len(answer.answers) == 1
