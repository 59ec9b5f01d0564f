"""Health checks: what their settings may be, their versions, and what their checkers say."""

from typing import Any

import msgspec
import pytest

from antipodes.edge.route53 import checkers
from antipodes.edge.route53.healthchecks import is_public
from antipodes.edge.route53.model import HealthCheck, Observation
from antipodes.edge.route53.service import REFERENCE_S
from antipodes.replication.changelog import Entry
from antipodes.world import addresses
from tests.edge.route53.controlplane import OTHER, STRANGER, ControlPlane, play, record

HTTP = {"Type": "HTTP", "IPAddress": "198.19.1.5"}
CONTROL = (
    "arn:aws:route53-recovery-control::000000000000:controlpanel/0123456789abcdef0123456789abcdef"
    "/routingcontrol/abcdef0123456789"
)


async def create(plane: ControlPlane, reference: str = "one", **config: Any) -> Any:
    made = await plane.call(
        "CreateHealthCheck", CallerReference=reference, HealthCheckConfig=config or HTTP
    )
    return made["HealthCheck"]


async def refused(plane: ControlPlane, reference: str = "new", **config: Any) -> str:
    error = await plane.refused(
        "CreateHealthCheck", CallerReference=reference, HealthCheckConfig=config
    )
    return error.code


@pytest.mark.parametrize(
    "address",
    [
        *("10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "169.254.1.1", "100.64.0.1"),
        *("224.0.0.1", "240.0.0.1", "0.1.2.3", "::1", "fe80::1", "fc00::1", "ff02::1", "x"),
    ],
)
def test_surprise_28_addresses_out_of_checkers_reach_are_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["198.18.0.1", "198.19.255.1", "8.8.8.8", "2600:1f18::1", "2001:2:0:a::1"]
)
def test_surprise_28_public_addresses_and_this_worlds_own_are_not(address: str) -> None:
    assert is_public(address)


def test_surprise_28_the_api_refuses_private_endpoints() -> None:
    """A private zone's records need checks of other kinds, such as alarms."""

    async def scenario(plane: ControlPlane) -> None:
        assert await refused(plane, Type="TCP", Port=80, IPAddress="10.0.0.1") == "InvalidInput"
        made = await create(plane)
        error = await plane.refused(
            "UpdateHealthCheck", HealthCheckId=made["Id"], IPAddress="10.0.0.1"
        )
        assert error.code == "InvalidInput"

    play(scenario)


def test_a_health_check_is_shown_with_its_defaults_and_told_to_the_edge() -> None:
    async def scenario(plane: ControlPlane) -> None:
        made = await create(plane)
        assert made["HealthCheckVersion"] == 1
        assert made["HealthCheckConfig"] == {
            "Type": "HTTP",
            "IPAddress": "198.19.1.5",
            "Port": 80,
            "RequestInterval": 30,
            "FailureThreshold": 3,
            "MeasureLatency": False,
            "Inverted": False,
            "Disabled": False,
        }
        secure = await create(
            plane,
            "two",
            Type="HTTPS_STR_MATCH",
            FullyQualifiedDomainName="www.example.com",
            ResourcePath="/health?full=1",
            SearchString="fine",
            RequestInterval=10,
            FailureThreshold=1,
            Regions=["us-east-1", "eu-west-1", "sa-east-1"],
        )
        config = secure["HealthCheckConfig"]
        assert (config["Port"], config["EnableSNI"]) == (443, True)
        kind, (check_id, told) = plane.told()[-1]
        check = msgspec.convert(told, HealthCheck)
        assert (kind, check_id) == ("route53/health-check", secure["Id"])
        assert (check.search_string, check.interval_s, check.threshold) == ("fine", 10, 1)
        assert (await plane.call("GetHealthCheckCount"))["HealthCheckCount"] == 2
        listed = await plane.call("ListHealthChecks", MaxItems="1")
        assert listed["NextMarker"] == max(made["Id"], secure["Id"])
        await plane.call("DeleteHealthCheck", HealthCheckId=made["Id"])
        assert plane.told()[-1] == ("route53/health-check", [made["Id"], None])
        error = await plane.refused("GetHealthCheck", HealthCheckId=made["Id"])
        assert (error.code, error.status) == ("NoSuchHealthCheck", 404)

    play(scenario)


def test_a_caller_reference_stands_for_one_health_check_for_days() -> None:
    async def scenario(plane: ControlPlane) -> None:
        one, again = await create(plane), await create(plane)
        assert one == again
        assert await refused(plane, "one", Type="HTTP", IPAddress="198.19.1.6") == (
            "HealthCheckAlreadyExists"
        )
        two = await create(plane, "two")
        assert two["Id"] != one["Id"]
        await plane.call("DeleteHealthCheck", HealthCheckId=one["Id"])
        error = await plane.refused(
            "CreateHealthCheck", CallerReference="one", HealthCheckConfig=HTTP
        )
        assert (error.code, error.status) == ("HealthCheckAlreadyExists", 409)
        # Long after, it may be used again.
        ((account, digest, reference),) = plane.service.old_references.all()
        then = msgspec.structs.replace(reference, deleted_at=reference.deleted_at - REFERENCE_S - 1)
        plane.service.old_references.put(account, digest, then)
        await plane.call("DeleteHealthCheck", HealthCheckId=two["Id"])
        assert (await create(plane))["Id"] != one["Id"]

    play(scenario)


def test_settings_that_a_type_has_no_use_for_are_refused() -> None:
    wrong: tuple[dict[str, Any], ...] = (
        {"Type": "HTTP"},
        {"Type": "TCP", "IPAddress": "198.19.1.5"},
        {"Type": "TCP", "IPAddress": "198.19.1.5", "Port": 80, "ResourcePath": "/"},
        {"Type": "TCP", "IPAddress": "198.19.1.5", "Port": 0},
        {**HTTP, "SearchString": "x"},
        {**HTTP, "EnableSNI": True},
        {**HTTP, "RequestInterval": 20},
        {**HTTP, "FailureThreshold": 11},
        {**HTTP, "Regions": ["us-east-1", "us-west-1"]},
        {**HTTP, "Regions": ["us-east-1", "us-east-1", "us-east-1"]},
        {**HTTP, "Regions": ["us-east-1", "us-west-1", "eu-central-1"]},
        {**HTTP, "ChildHealthChecks": ["x"]},
        {**HTTP, "FullyQualifiedDomainName": "a..b"},
        {**HTTP, "Type": "HTTPS", "FullyQualifiedDomainName": "\\052" * 20 + ".example.com"},
        {"Type": "HTTP_STR_MATCH", "IPAddress": "198.19.1.5"},
        {"Type": "HTTPS_STR_MATCH", "IPAddress": "198.19.1.5", "SearchString": "x" * 256},
        {"Type": "CALCULATED", "ChildHealthChecks": []},
        {"Type": "CALCULATED", "HealthThreshold": 257},
        {"Type": "CALCULATED", "HealthThreshold": 1, "Port": 80},
        {"Type": "CALCULATED", "HealthThreshold": 1, "RequestInterval": 11},
        {"Type": "CALCULATED", "HealthThreshold": 1, "ChildHealthChecks": ["none"]},
        {"Type": "CLOUDWATCH_METRIC"},
        {"Type": "CLOUDWATCH_METRIC", "AlarmIdentifier": {"Region": "us-east-1", "Name": "none"}},
        {"Type": "CLOUDWATCH_METRIC", "AlarmIdentifier": {"Region": "eu-west-3", "Name": "none"}},
        {"Type": "RECOVERY_CONTROL"},
        {"Type": "RECOVERY_CONTROL", "RoutingControlArn": "arn:aws:x"},
        {"Type": "RECOVERY_CONTROL", "RoutingControlArn": CONTROL, "RequestInterval": 10},
        {"Type": "PING"},
    )

    async def scenario(plane: ControlPlane) -> None:
        for config in wrong:
            assert await refused(plane, **config) == "InvalidInput", config
        assert (await plane.call("GetHealthCheckCount"))["HealthCheckCount"] == 0
        made = await create(plane, "rc", Type="RECOVERY_CONTROL", RoutingControlArn=CONTROL)
        assert made["HealthCheckConfig"]["RoutingControlArn"] == CONTROL

    play(scenario)


def test_an_update_may_insist_on_a_version_and_reset_elements() -> None:
    async def scenario(plane: ControlPlane) -> None:
        named = {"FullyQualifiedDomainName": "www.example.com", "ResourcePath": "/x"}
        made = await create(plane, "one", **HTTP, **named)
        this: Any = {"HealthCheckId": made["Id"]}
        changed = await plane.call("UpdateHealthCheck", **this, HealthCheckVersion=1, Inverted=True)
        assert changed["HealthCheck"]["HealthCheckVersion"] == 2
        error = await plane.refused("UpdateHealthCheck", **this, HealthCheckVersion=1, Port=81)
        assert (error.code, error.status) == ("HealthCheckVersionMismatch", 409)
        reset = await plane.call(
            "UpdateHealthCheck", **this, ResetElements=["FullyQualifiedDomainName", "ResourcePath"]
        )
        assert not set(named) & set(reset["HealthCheck"]["HealthCheckConfig"])
        assert (await plane.refused("UpdateHealthCheck", **this, SearchString="x")).code == (
            "InvalidInput"
        )
        by_name = await create(plane, "two", Type="HTTP", FullyQualifiedDomainName="a.example.com")
        that: Any = {"HealthCheckId": by_name["Id"]}
        error = await plane.refused("UpdateHealthCheck", **that, IPAddress="198.19.1.5")
        assert error.code == "InvalidInput"
        error = await plane.refused(
            "UpdateHealthCheck", **that, ResetElements=["FullyQualifiedDomainName"]
        )
        assert error.code == "InvalidInput"

    play(scenario)


def test_a_calculated_check_has_children_that_are_not_calculated() -> None:
    async def scenario(plane: ControlPlane) -> None:
        child = await create(plane)
        # What tools send along with no meaning is taken.
        idle = {"FailureThreshold": 3, "MeasureLatency": False, "SearchString": ""}
        settings: Any = {"Type": "CALCULATED", "HealthThreshold": 1, **idle}
        parent = await create(plane, "two", **settings, ChildHealthChecks=[child["Id"]])
        grand: Any = {**settings, "ChildHealthChecks": [parent["Id"]]}
        assert await refused(plane, **grand) == "InvalidInput"
        error = await plane.refused("GetHealthCheckStatus", HealthCheckId=parent["Id"])
        assert error.code == "InvalidInput"
        changed = await plane.call(
            "UpdateHealthCheck", HealthCheckId=parent["Id"], ResetElements=["ChildHealthChecks"]
        )
        assert changed["HealthCheck"]["HealthCheckConfig"]["ChildHealthChecks"] == []

    play(scenario)


def test_an_alarms_settings_are_copied_when_the_check_is_made_or_changed() -> None:
    async def scenario(plane: ControlPlane) -> None:
        alarm: Any = {
            "AlarmName": "busy",
            "Namespace": "Own",
            "MetricName": "Load",
            "Statistic": "Average",
            "Period": 60,
            "EvaluationPeriods": 2,
            "Threshold": 5.0,
            "ComparisonOperator": "GreaterThanThreshold",
            "Dimensions": [{"Name": "host", "Value": "a"}],
        }

        async def put(**more: Any) -> None:
            await plane.simulated.call(OTHER, "cloudwatch", "PutMetricAlarm", {**alarm, **more})

        await put()
        named = {"Region": OTHER, "Name": "busy"}
        made = await create(plane, Type="CLOUDWATCH_METRIC", AlarmIdentifier=named)
        copied = made["CloudWatchAlarmConfiguration"]
        assert (copied["Threshold"], copied["Dimensions"]) == (5.0, alarm["Dimensions"])
        assert made["HealthCheckConfig"]["InsufficientDataHealthStatus"] == "LastKnownStatus"
        await put(Threshold=7.0)
        shown = (await plane.call("GetHealthCheck", HealthCheckId=made["Id"]))["HealthCheck"]
        assert shown["CloudWatchAlarmConfiguration"]["Threshold"] == 5.0
        changed = await plane.call("UpdateHealthCheck", HealthCheckId=made["Id"])
        assert changed["HealthCheck"]["CloudWatchAlarmConfiguration"]["Threshold"] == 7.0
        await put(DatapointsToAlarm=1)
        assert await refused(plane, Type="CLOUDWATCH_METRIC", AlarmIdentifier=named) == (
            "InvalidInput"
        )

    play(scenario, other=True)


def test_what_checkers_see_comes_from_the_edge() -> None:
    async def scenario(plane: ControlPlane) -> None:
        made = await create(plane)
        this = {"HealthCheckId": made["Id"]}
        assert (await plane.call("GetHealthCheckStatus", **this))["HealthCheckObservations"] == []
        seen = [
            Observation("us-east-1", "198.19.1.1", "Success: HTTP Status Code 200, OK", 5.0),
            Observation("eu-west-1", "198.19.2.1", "Failure: no", 6.0, "Failure: no", 6.0),
        ]
        told = [made["Id"], msgspec.to_builtins(seen)]
        plane.service._hear([Entry(1, "route53/observations", 0.0, told)])
        found = (await plane.call("GetHealthCheckStatus", **this))["HealthCheckObservations"]
        assert [o["StatusReport"]["Status"][:8] for o in found] == ["Success:", "Failure:"]
        failed = await plane.call("GetHealthCheckLastFailureReason", **this)
        assert [o["Region"] for o in failed["HealthCheckObservations"]] == ["eu-west-1"]
        plane.service._hear([Entry(2, "route53/observations", 0.0, [made["Id"], []])])
        assert (await plane.call("GetHealthCheckStatus", **this))["HealthCheckObservations"] == []

    play(scenario)


def test_checkers_come_from_the_addresses_that_are_told() -> None:
    async def scenario(plane: ControlPlane) -> None:
        ranges = (await plane.call("GetCheckerIpRanges"))["CheckerIpRanges"]
        assert ranges == sorted(f"{seat.ip}/32" for seat in checkers.seats(()))
        places = {addresses.place_of(block.partition("/")[0]) for block in ranges}
        assert (len(ranges), places) == (16, set(checkers.REGIONS))

    play(scenario)


def test_records_use_health_checks_of_their_own_account() -> None:
    async def scenario(plane: ControlPlane) -> None:
        made = await create(plane)
        zone = await plane.zone()
        with_check = record("www.example.com", HealthCheckId=made["Id"])
        await plane.change(zone, ("CREATE", with_check))
        # Deleting a check that records still name is allowed.
        await plane.call("DeleteHealthCheck", HealthCheckId=made["Id"])
        await plane.change(zone, ("DELETE", with_check))
        theirs = await plane.call(
            "CreateHealthCheck", STRANGER, CallerReference="x", HealthCheckConfig=HTTP
        )
        wrong = record("www.example.com", HealthCheckId=theirs["HealthCheck"]["Id"])
        assert (await plane.unchanged(zone, ("CREATE", wrong))).startswith("NoSuchHealthCheck")

    play(scenario)
