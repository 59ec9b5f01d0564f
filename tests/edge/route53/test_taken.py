"""Whatever the control plane takes, an edge location can answer from."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antipodes.edge.route53 import changes
from antipodes.edge.route53.changes import Known
from antipodes.edge.route53.model import CidrCollection, HostedZone, RecordSet
from antipodes.fabric.dns.edns import Subnet
from antipodes.fabric.dns.message import NOERROR, NXDOMAIN, SERVFAIL
from antipodes.service.contract import ServiceError
from tests.edge.route53.asked import APEX, ZONE, asked
from tests.edge.route53.controlplane import alias, record

HOSTED = HostedZone(ZONE, "1", "example.com.", ("ns",))
BLOCKS = CidrCollection("c", "1", "c", locations={"l": ("198.19.0.0/16", "2001:db8::/32")})
NAMES = ("example.com", "a.example.com", "*.example.com", "*.a.example.com", "b.a.example.com")
VALUES = {
    "A": ("192.0.2.1", "255.255.255.255"),
    "AAAA": ("::", "::ffff:1.2.3.4"),
    "CNAME": ("a.example.com", "x.example.com", "x.a.example.com", "a.example.org"),
    "DS": ("1 8 2 " + "ab" * 32, "0 0 0 00"),
    "HTTPS": ("1 . ipv6hint=::1 mandatory=ipv6hint", "0 a.b"),
    "NS": ("ns.a.example.com", "b.a.example.com"),
    "SRV": ("1 2 3 a.b", "0 0 0 ."),
    "TXT": ('""', '"\\000" "b"'),
}
TARGETS = (
    *((ZONE, name) for name in NAMES),
    ("ZELB", "dualstack.front-1.us-west-2.elb.amazonaws.com"),
    ("Z2BJ6XQ5FK7U4H", "a1.awsglobalaccelerator.com"),
)
POLICIES: tuple[dict[str, Any], ...] = (
    {},
    {"Weight": 0},
    {"Weight": 255},
    {"Region": "us-east-1"},
    {"Region": "us-gov-west-1"},
    {"Failover": "PRIMARY"},
    {"Failover": "SECONDARY"},
    {"MultiValueAnswer": True},
    {"GeoLocation": {"CountryCode": "US", "SubdivisionCode": "CA"}},
    {"GeoLocation": {"CountryCode": "*"}},
    {"GeoProximityLocation": {"AWSRegion": "us-gov-west-1"}},
    {"GeoProximityLocation": {"AWSRegion": "us-east-1", "Bias": -99}},
    {"GeoProximityLocation": {"LocalZoneGroup": "us-west-2-lax-1", "Bias": 99}},
    {"GeoProximityLocation": {"LocalZoneGroup": "eu-nowhere-1-abc-1"}},
    {"GeoProximityLocation": {"Coordinates": {"Latitude": "+1.", "Longitude": "-180"}}},
    {"CidrRoutingConfig": {"CollectionId": "c", "LocationName": "l"}},
    {"CidrRoutingConfig": {"CollectionId": "c", "LocationName": "*"}},
)
CLIENTS = (
    None,
    Subnet.of("198.19.130.1", 24),
    Subnet.of("2001:db8::", 48),
    Subnet.of("8.8.8.8", 0),
)


def routed(of: dict[str, Any], policy: dict[str, Any], identifier: str) -> dict[str, Any]:
    """A record set with a routing policy, if it has one."""
    more = {"SetIdentifier": identifier, "HealthCheckId": f"h{identifier}"} if policy else {}
    return {**of, **policy, **more}


RECORDS = st.builds(
    routed,
    st.one_of(
        st.builds(
            lambda name, rtype: record(name, rtype, *VALUES[rtype][: 1 if rtype == "CNAME" else 2]),
            st.sampled_from(NAMES),
            st.sampled_from(list(VALUES)),
        ),
        st.builds(
            lambda name, to, rtype, evaluates: alias(
                name, to[0], to[1], rtype, evaluates=evaluates
            ),
            st.sampled_from(NAMES),
            st.sampled_from(TARGETS),
            st.sampled_from(["A", "CNAME"]),
            st.booleans(),
        ),
    ),
    st.sampled_from(POLICIES),
    st.sampled_from("12"),
)


def known(held: dict[Any, RecordSet]) -> Known:
    """A zone that holds these."""
    return Known(
        zone=HOSTED,
        record_count=len(held),
        named=lambda name: tuple(r for r in held.values() if r.name == name),
        protected=lambda _name, _type: None,
        has_health_check=lambda _: True,
        collection=lambda collection_id: BLOCKS if collection_id == BLOCKS.id else None,
        is_zone=lambda zone_id: zone_id == ZONE,
    )


@given(st.lists(RECORDS, max_size=15), st.sampled_from(CLIENTS))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_taken_can_be_answered(
    given_records: list[dict[str, Any]], subnet: Subnet | None
) -> None:
    with asked() as here:
        here.zones.put_collection(BLOCKS.id, BLOCKS)
        held = {record_set.key: record_set for record_set in APEX}
        for one in given_records:
            batch = [{"Action": "UPSERT", "ResourceRecordSet": one}]
            try:
                outcome = changes.judge(changes.read(batch), known(held))
            except ServiceError:
                continue
            held |= {record_set.key: record_set for record_set in outcome.upserts}
            here.put(*outcome.upserts)
        here.turn(h1=False)
        for name in (*NAMES, "x.a.example.com"):
            for rtype in VALUES:
                answer = here.ask(name, rtype, subnet=subnet)
                assert answer.rcode in {NOERROR, NXDOMAIN, SERVFAIL}
