"""Traffic policies: documents, versions, and the records that instances make."""

import json
from typing import Any

import pytest

from antipodes.edge.route53.trafficdocuments import Root, expand, parse
from antipodes.service.contract import ServiceError
from tests.edge.route53.controlplane import PROPAGATION_S, ControlPlane, play, record

VALUE = {"Type": "value", "Value": "192.0.2.1"}


def document(start: str = "top", rtype: str = "A", **more: Any) -> dict[str, Any]:
    """Two regions by latency, the nearer weighted; a static page behind them."""
    rules = {
        "top": {
            "RuleType": "failover",
            "Primary": {"RuleReference": "near"},
            "Secondary": {"EndpointReference": "page"},
        },
        "near": {
            "RuleType": "latency",
            "Regions": [
                {"Region": "us-west-2", "RuleReference": "share"},
                {"Region": "eu-central-1", "EndpointReference": "there"},
            ],
        },
        "share": {
            "RuleType": "weighted",
            "Items": [
                {"Weight": "10", "EndpointReference": "here"},
                {"Weight": 0, "EndpointReference": "new"},
            ],
        },
    }
    endpoints = {
        name: {"Type": "value", "Value": f"192.0.2.{number}"}
        for number, name in enumerate(("here", "new", "there", "page"), 1)
    }
    return {
        "AWSPolicyFormatVersion": "2015-10-01",
        "RecordType": rtype,
        "StartRule": start,
        "Endpoints": endpoints,
        "Rules": rules,
        **more,
    }


def only(rule: dict[str, Any], version: str = "2015-10-01") -> str:
    """A document of one rule."""
    whole: Any = {"Rules": {"top": rule}, "Endpoints": {"a": VALUE, "b": VALUE}}
    return json.dumps(document(**whole, AWSPolicyFormatVersion=version))


ROOT = Root("Z1", "www.example.com.", 60, "12345678-0000-4000-a000-000000000000", 0)


def test_a_document_becomes_a_tree_of_records() -> None:
    made = expand(parse(json.dumps(document())), ROOT)
    shown = [(r.name, r.policy, r.alias and r.alias.dns_name, r.values) for r in made]
    near, share = (f"_12345678-0-{number}.www.example.com." for number in (1, 2))
    assert shown == [
        ("www.example.com.", "failover", near, ()),
        ("www.example.com.", "failover", None, ("192.0.2.4",)),
        (near, "latency", share, ()),
        (near, "latency", None, ("192.0.2.3",)),
        (share, "weighted", None, ("192.0.2.1",)),
        (share, "weighted", None, ("192.0.2.2",)),
    ]
    assert made[0].alias is not None
    assert made[0].alias.evaluate_target_health
    assert {r.ttl for r in made if r.values} == {60}
    assert len({(r.name, r.set_identifier) for r in made}) == len(made)


def test_every_kind_of_rule_has_its_routing() -> None:
    to: Any = {"EndpointReference": "a"}

    def first(rule: dict[str, Any], version: str = "2015-10-01") -> Any:
        return expand(parse(only(rule, version)), ROOT)[0]

    geo = first({"RuleType": "geo", "Locations": [{**to, "Country": "US", "Subdivision": "WA"}]})
    assert (geo.geo.country, geo.geo.subdivision) == ("US", "WA")
    default = first({"RuleType": "geo", "Locations": [{**to, "IsDefault": True}]})
    assert default.geo.country == "*"
    told = {**to, "IsDefault": "false", "Country": "US", "EvaluateTargetHealth": "False"}
    assert first({"RuleType": "geo", "Locations": [told]}).geo.country == "US"
    near = {**to, "Region": "aws:route53:us-east-1", "Bias": "-10"}
    old = first({"RuleType": "geoproximity", "GeoproximityLocations": [near]})
    assert (old.proximity.region, old.proximity.bias) == ("us-east-1", -10)
    point = {"Type": "Coordinate", "Latitude": "47.6", "Longitude": "-122.3"}
    newer = {"RuleType": "geoproximity", "GeoproximityLocations": [{**to, "Location": point}]}
    assert first(newer, "2023-05-09").proximity.latitude == "47.6"
    many = first({"RuleType": "multivalue", "Items": [{**to, "HealthCheck": "hc"}, to]})
    assert (many.multivalue, many.health_check) == (True, "hc")
    alone = document(StartEndpoint="here", Rules={})
    del alone["StartRule"]
    assert [r.policy for r in expand(parse(json.dumps(alone)), ROOT)] == ["simple"]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "[" * 5000,
        json.dumps(document(AWSPolicyFormatVersion="2010-01-01")),
        json.dumps(document(rtype="NS")),
        json.dumps(document("missing")),
        json.dumps(document(StartEndpoint="here")),
        json.dumps(document(Endpoints={})),
        json.dumps(document(Endpoints={"here": {"Type": "ftp", "Value": "x"}})),
        json.dumps(document(Endpoints={"here": {"Type": "s3-website", "Value": ""}})),
        json.dumps(document(Endpoints={"here": {"Type": "value"}})),
        only({"RuleType": "weighted"}),
        only({"RuleType": "weighted", "Items": []}),
        only({"RuleType": "weighted", "Items": ["x"]}),
        only({"RuleType": "weighted", "Items": [{"Weight": "256", "EndpointReference": "a"}]}),
        only({"RuleType": "weighted", "Items": [{"Weight": "1"}]}),
        only({"RuleType": "weighted", "Items": [{"Weight": 10**400, "EndpointReference": "a"}]}),
        only({"RuleType": "latency", "Regions": [{"EndpointReference": "a"}]}),
        only({"RuleType": "geo", "Locations": [{"IsDefault": 1, "EndpointReference": "a"}]}),
        only({"RuleType": "multivalue", "Items": [{"RuleReference": "top"}]}),
        only({"RuleType": "failover"}),
        only({"RuleType": "failover", "Primary": {"RuleReference": "top"}}),
        only({"RuleType": "lottery", "Items": []}),
        only(
            {
                "RuleType": "geoproximity",
                "GeoproximityLocations": [{"EndpointReference": "a", "Bias": 100}],
            }
        ),
    ],
)
def test_documents_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(ServiceError) as caught:
        parse(text)
    assert caught.value.code == "InvalidTrafficPolicyDocument"


async def policy(plane: ControlPlane, name: str = "one", **more: Any) -> str:
    text = json.dumps(document(**more))
    made = await plane.call("CreateTrafficPolicy", Name=name, Document=text)
    found: str = made["TrafficPolicy"]["Id"]
    return found


def test_policies_have_versions_that_are_never_used_again() -> None:
    async def scenario(plane: ControlPlane) -> None:
        one, text = await policy(plane), json.dumps(document())
        again = {"Name": "one", "Document": text}
        error = await plane.refused("CreateTrafficPolicy", **again)
        assert (error.code, error.status) == ("TrafficPolicyAlreadyExists", 409)
        for version in (2, 3):
            made = await plane.call(
                "CreateTrafficPolicyVersion", Id=one, Document=text, Comment=f"v{version}"
            )
            assert made["TrafficPolicy"]["Version"] == version
        await plane.call("DeleteTrafficPolicy", Id=one, Version=3)
        made = await plane.call("CreateTrafficPolicyVersion", Id=one, Document=text)
        assert made["TrafficPolicy"]["Version"] == 4
        await plane.call("UpdateTrafficPolicyComment", Id=one, Version=1, Comment="first")
        listed = await plane.call("ListTrafficPolicyVersions", Id=one, MaxItems="2")
        assert [p.get("Comment") for p in listed["TrafficPolicies"]] == ["first", "v2"]
        assert listed["TrafficPolicyVersionMarker"] == "4"
        two = await policy(plane, "two")
        summaries = (await plane.call("ListTrafficPolicies"))["TrafficPolicySummaries"]
        assert {s["Id"]: (s["LatestVersion"], s["TrafficPolicyCount"]) for s in summaries} == {
            one: (4, 3),
            two: (1, 1),
        }
        page = await plane.call("ListTrafficPolicies", MaxItems="1")
        rest = await plane.call(
            "ListTrafficPolicies", TrafficPolicyIdMarker=page["TrafficPolicyIdMarker"]
        )
        assert [s["Id"] for s in page["TrafficPolicySummaries"]] != [
            s["Id"] for s in rest["TrafficPolicySummaries"]
        ]
        for operation in ("GetTrafficPolicy", "DeleteTrafficPolicy"):
            error = await plane.refused(operation, Id=one, Version=3)
            assert (error.code, error.status) == ("NoSuchTrafficPolicy", 404)
        error = await plane.refused("CreateTrafficPolicyVersion", Id="x", Document=text)
        assert error.code == "NoSuchTrafficPolicy"

    play(scenario)


def test_an_instance_makes_changes_and_takes_away_its_records() -> None:
    async def scenario(plane: ControlPlane) -> None:
        one, zone = await policy(plane), await plane.zone()
        request: Any = {"TTL": 60, "TrafficPolicyId": one, "TrafficPolicyVersion": 1}
        where: Any = {"HostedZoneId": zone, "Name": "www.example.com"}
        made = await plane.call("CreateTrafficPolicyInstance", **where, **request)
        instance = made["TrafficPolicyInstance"]
        assert (instance["State"], instance["TrafficPolicyType"]) == ("Creating", "A")
        assert len(await plane.names(zone)) == 2 + 6
        await plane.wait(PROPAGATION_S + 1)
        this = {"Id": instance["Id"]}
        found = await plane.call("GetTrafficPolicyInstance", **this)
        assert found["TrafficPolicyInstance"]["State"] == "Applied"
        error = await plane.refused("CreateTrafficPolicyInstance", **where, **request)
        assert (error.code, error.status) == ("TrafficPolicyInstanceAlreadyExists", 409)
        error = await plane.refused("DeleteTrafficPolicy", Id=one, Version=1)
        assert error.code == "TrafficPolicyInUse"
        listed = await plane.call("ListResourceRecordSets", HostedZoneId=zone)
        owners = {r.get("TrafficPolicyInstanceId") for r in listed["ResourceRecordSets"][2:]}
        assert owners == {instance["Id"]}
        flat = json.dumps(document(StartEndpoint="page", StartRule="", Rules={}))
        await plane.call("CreateTrafficPolicyVersion", Id=one, Document=flat)
        # One change takes the old tree away and puts the new one in its place.
        before = len(plane.told())
        request["TrafficPolicyVersion"] = 2
        changed = await plane.call("UpdateTrafficPolicyInstance", **this, **request)
        assert changed["TrafficPolicyInstance"]["TrafficPolicyVersion"] == 2
        (told,) = plane.told()[before:]
        assert (len(told[1][1]), len(told[1][2])) == (1, 6)
        by: dict[str, Any] = {
            "ListTrafficPolicyInstances": {},
            "ListTrafficPolicyInstancesByHostedZone": {"HostedZoneId": zone},
            "ListTrafficPolicyInstancesByPolicy": {
                "TrafficPolicyId": one,
                "TrafficPolicyVersion": 2,
            },
        }
        for operation, filters in by.items():
            found = (await plane.call(operation, **filters))["TrafficPolicyInstances"]
            assert [i["Id"] for i in found] == [instance["Id"]]
        await plane.call("DeleteTrafficPolicyInstance", **this)
        assert len(await plane.names(zone)) == 2
        error = await plane.refused("GetTrafficPolicyInstance", **this)
        assert (error.code, error.status) == ("NoSuchTrafficPolicyInstance", 404)
        assert (await plane.call("GetTrafficPolicyInstanceCount"))[
            "TrafficPolicyInstanceCount"
        ] == 0

    play(scenario)


def test_an_instance_whose_records_cannot_be_has_failed() -> None:
    async def scenario(plane: ControlPlane) -> None:
        one, zone = await policy(plane), await plane.zone()
        await plane.change(zone, ("CREATE", record("www.example.com", "CNAME", "else.org")))
        request: Any = {"HostedZoneId": zone, "TTL": 60, "TrafficPolicyId": one}
        request["TrafficPolicyVersion"] = 1

        async def create(name: str) -> Any:
            return await plane.call("CreateTrafficPolicyInstance", Name=name, **request)

        failed = (await create("www.example.com"))["TrafficPolicyInstance"]
        assert failed["State"] == "Failed"
        assert "conflicting RRSet" in failed["Message"]
        assert len(await plane.names(zone)) == 3
        balancer = {"Type": "application-load-balancer", "Value": "x.elb.amazonaws.com"}
        website = {"Type": "s3-website", "Value": "x.org", "Region": "us-west-2"}
        for name, endpoint, state in (("lb", balancer, "Creating"), ("s3", website, "Failed")):
            flat = document(StartEndpoint="e", StartRule="", Rules={}, Endpoints={"e": endpoint})
            made = await plane.call("CreateTrafficPolicy", Name=name, Document=json.dumps(flat))
            request["TrafficPolicyId"] = made["TrafficPolicy"]["Id"]
            made = await create(f"{name}.example.com")
            assert made["TrafficPolicyInstance"]["State"] == state
        for name in ("4", "5"):
            await create(f"{name}.example.com")
        sixth: Any = {**request, "Name": "6.example.com"}
        error = await plane.refused("CreateTrafficPolicyInstance", **sixth)
        assert error.code == "TooManyTrafficPolicyInstances"
        listed = await plane.call("ListTrafficPolicyInstances", MaxItems="3")
        marker = {k: v for k, v in listed.items() if k.endswith("Marker")}
        rest = await plane.call("ListTrafficPolicyInstances", **marker)
        assert [len(p["TrafficPolicyInstances"]) for p in (listed, rest)] == [3, 2]
        marker["TrafficPolicyInstanceNameMarker"] = "gone.example.com."
        error = await plane.refused("ListTrafficPolicyInstances", **marker)
        assert error.code == "NoSuchTrafficPolicyInstance"
        other = await policy(plane, "aaaa", rtype="AAAA", Endpoints=_sixes())
        changing: Any = {"TTL": 60, "TrafficPolicyId": other, "TrafficPolicyVersion": 1}
        error = await plane.refused("UpdateTrafficPolicyInstance", Id=failed["Id"], **changing)
        assert error.code == "ConflictingTypes"

    play(scenario)


@pytest.mark.parametrize(
    ("kind", "places", "place"),
    [
        ("latency", "Regions", {"Region": "mars-1"}),
        ("geo", "Locations", {"Country": "Atlantis"}),
        *(
            ("geoproximity", "GeoproximityLocations", place)
            for place in (
                {"Latitude": "abc", "Longitude": "1"},
                {"Latitude": "10"},
                {"Longitude": "10"},
                {"Latitude": "nan", "Longitude": "nan"},
                {"Region": "aws:route53:us-gov-west-1"},
            )
        ),
    ],
)
def test_an_instance_whose_places_are_none_has_failed(
    kind: str, places: str, place: dict[str, str]
) -> None:
    text = only({"RuleType": kind, places: [{**place, "EndpointReference": "a"}]})

    async def scenario(plane: ControlPlane) -> None:
        made = await plane.call("CreateTrafficPolicy", Name="one", Document=text)
        request: Any = {
            "HostedZoneId": await plane.zone(),
            "Name": "www.example.com",
            "TTL": 60,
            "TrafficPolicyId": made["TrafficPolicy"]["Id"],
            "TrafficPolicyVersion": 1,
        }
        made = await plane.call("CreateTrafficPolicyInstance", **request)
        assert made["TrafficPolicyInstance"]["State"] == "Failed"
        assert made["TrafficPolicyInstance"]["Message"].startswith("InvalidInput: Invalid")

    play(scenario)


def _sixes() -> dict[str, Any]:
    names = ("here", "new", "there", "page")
    return {name: {"Type": "value", "Value": "2001:db8::1"} for name in names}
