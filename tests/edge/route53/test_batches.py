"""Laws of batches of changes, over zones that are changed at random."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from antipodes.edge.route53 import changes, records
from antipodes.edge.route53.changes import Change, Known, Outcome
from antipodes.edge.route53.model import HostedZone, RecordKey, RecordSet
from antipodes.service.contract import ServiceError
from tests.edge.route53.controlplane import alias, record

ZONE = HostedZone("Z1", "000000000000", "example.com.", ("ns",))
FIRST = (
    RecordSet("example.com.", "NS", ttl=1, values=("ns.",)),
    RecordSet("example.com.", "SOA", ttl=1, values=("ns. me. 1 2 3 4 5",)),
)
NAMES = ("example.com", "a.example.com", "b.example.com", "*.example.com", "example.org")
Held = dict[RecordKey, RecordSet]


def known(held: Held) -> Known:
    """A zone that holds these."""
    return Known(
        zone=ZONE,
        record_count=len(held),
        named=lambda name: tuple(r for r in held.values() if r.name == name),
        protected=lambda _name, _type: None,
        has_health_check=lambda _: True,
        collection=lambda _: None,
        is_zone=lambda zone_id: zone_id == ZONE.id,
    )


def routed(name: str, number: int) -> dict[str, Any]:
    policies: tuple[dict[str, Any], ...] = (
        {},
        {"Weight": number},
        {"Region": "us-east-1"},
        {"Failover": "PRIMARY"},
        {"MultiValueAnswer": True},
        {"GeoLocation": {"CountryCode": "*"}},
    )
    policy = policies[number % len(policies)]
    more = {"SetIdentifier": f"s{number % 2}", **policy} if policy else {}
    return record(name, "A", f"192.0.2.{number % 3}", TTL=number % 2, **more)


RECORDS = st.one_of(
    st.sampled_from([records.show(record_set) for record_set in FIRST]),
    st.builds(routed, st.sampled_from(NAMES), st.integers(0, 11)),
    st.builds(lambda name: record(name, "CNAME", "x.org"), st.sampled_from(NAMES)),
    st.builds(lambda name, to: alias(name, "Z1", to), *[st.sampled_from(NAMES)] * 2),
)
CHANGES = st.tuples(st.sampled_from(["CREATE", "DELETE", "UPSERT"]), RECORDS)
BATCHES = st.lists(st.lists(CHANGES, min_size=1, max_size=4), max_size=8)


def holds(held: Held) -> None:
    """What is true of every zone."""
    every = list(held.values())
    assert any(r.type == "NS" and r.name == ZONE.name for r in every)
    assert [r.type for r in every].count("SOA") == 1
    for record_set in every:
        beside = [r for r in every if r.name == record_set.name]
        group = [r for r in beside if r.type == record_set.type]
        assert record_set.name.endswith("example.com.")
        assert len({r.policy for r in group}) == 1
        if record_set.type == "CNAME":
            assert {r.type for r in beside} == {"CNAME"}
            assert record_set.name != "example.com."
        if record_set.policy in {"simple", "latency", "failover", "geolocation"}:
            assert len(group) == 1  # of the places there are here
        if record_set.policy == "weighted":
            assert len({r.ttl for r in group if r.alias is None}) == 1


def tried(given_changes: list[dict[str, Any]], held: Held) -> Outcome | ServiceError:
    """What a batch would do, or why it does nothing."""
    try:
        return changes.judge(changes.read(given_changes), known(held))
    except ServiceError as error:
        return error


@given(BATCHES)
def test_a_batch_is_refused_or_leaves_a_zone_as_zones_are(batches: Any) -> None:
    held: Held = {record_set.key: record_set for record_set in FIRST}
    for batch in batches:
        given_changes = [{"Action": action, "ResourceRecordSet": part} for action, part in batch]
        outcome = tried(given_changes, held)
        if isinstance(outcome, ServiceError):
            assert (outcome.code, outcome.message[0]) == ("InvalidChangeBatch", "[")
            continue
        # What the edge is told makes of the old records the new ones.
        for key in outcome.deleted:
            del held[key]
        held |= {upsert.key: upsert for upsert in outcome.upserts}
        for name, named in outcome.names.items():
            assert {r.key: r for r in named} == {
                key: r for key, r in held.items() if r.name == name
            }
        holds(held)
        for action, record_set in _last(changes.read(given_changes)).values():
            assert (record_set.key in held) == (action != "DELETE")


def _last(read: list[Change]) -> dict[RecordKey, Change]:
    """What a batch says last of each record."""
    return {change.record.key: change for change in read}


@given(st.lists(RECORDS, min_size=1, max_size=6, unique_by=lambda r: (r["Name"], r["Type"])))
def test_what_is_created_can_be_deleted_by_saying_it_again(parts: Any) -> None:
    held: Held = {record_set.key: record_set for record_set in FIRST}

    def changed(action: str, *given_parts: Any) -> bool:
        told = [{"Action": action, "ResourceRecordSet": part} for part in given_parts]
        outcome = tried(told, held)
        if isinstance(outcome, ServiceError):
            return False
        for key in outcome.deleted:
            del held[key]
        held.update({upsert.key: upsert for upsert in outcome.upserts})
        return True

    made = [part for part in parts if changed("CREATE", part)]
    assert not any(changed("CREATE", part) for part in made)
    assert not made or changed("DELETE", *made)
    assert list(held.values()) == list(FIRST)
