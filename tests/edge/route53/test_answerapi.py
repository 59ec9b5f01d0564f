"""TestDNSAnswer, limits, and which zones' queries are logged."""

from typing import Any

from antipodes.world import addresses
from tests.edge.route53.controlplane import (
    HOME,
    STRANGER,
    ControlPlane,
    alias,
    play,
    record,
)


def test_an_answer_is_tested_without_delegation_or_propagation() -> None:
    async def scenario(plane: ControlPlane) -> None:
        zone = await plane.zone()

        async def ask(name: str, rtype: str = "A", **more: str) -> Any:
            found = await plane.call(
                "TestDNSAnswer", HostedZoneId=zone, RecordName=name, RecordType=rtype, **more
            )
            return found["ResponseCode"], found["RecordData"]

        def near(region: str, value: str) -> Any:
            return record("near.example.com", "A", value, SetIdentifier=region, Region=region)

        await plane.change(
            zone,
            ("CREATE", record("www.example.com", "A", "192.0.2.1")),
            ("CREATE", record("*.w.example.com", "TXT", '"any"')),
            ("CREATE", record("c.example.com", "CNAME", "www.example.com")),
            ("CREATE", alias("a.example.com", zone, "www.example.com")),
            ("CREATE", alias("lb.example.com", "ZELB", "x.us-west-2.elb.amazonaws.com")),
            ("CREATE", record("sub.example.com", "NS", "ns.else.org")),
            ("CREATE", near("us-west-2", "192.0.2.3")),
            ("CREATE", near("eu-central-1", "192.0.2.4")),
        )
        assert await ask("www.example.com") == ("NOERROR", ["192.0.2.1"])
        assert await ask("WWW.example.com.", "AAAA") == ("NOERROR", [])
        assert await ask("x.y.w.example.com", "TXT") == ("NOERROR", ['"any"'])
        assert await ask("none.example.com") == ("NXDOMAIN", [])
        assert await ask("c.example.com") == ("NOERROR", ["www.example.com.", "192.0.2.1"])
        assert await ask("a.example.com") == ("NOERROR", ["192.0.2.1"])
        assert await ask("lb.example.com") == ("NOERROR", ["x.us-west-2.elb.amazonaws.com."])
        assert await ask("sub.example.com", "NS") == ("NOERROR", [])
        # From us-east-1 where nothing else is said, else from the resolver, or its client.
        assert await ask("near.example.com") == ("NOERROR", ["192.0.2.3"])
        berlin, tokyo = (addresses.client_ip(city, 0) for city in ("berlin", "tokyo"))
        assert await ask("near.example.com", ResolverIP=berlin) == ("NOERROR", ["192.0.2.4"])
        assert await ask("near.example.com", ResolverIP=berlin, EDNS0ClientSubnetIP=tokyo) == (
            "NOERROR",
            ["192.0.2.3"],
        )
        asked: Any = {"HostedZoneId": zone, "RecordName": "www.example.com", "RecordType": "A"}
        for wrong in (
            {"RecordName": "www.example.org"},
            {"RecordName": "a..example.com"},
            {"EDNS0ClientSubnetIP": "1.2.3.4", "EDNS0ClientSubnetMask": "33"},
            {"EDNS0ClientSubnetMask": "24"},
            {"ResolverIP": "nowhere"},
        ):
            error = await plane.refused("TestDNSAnswer", **{**asked, **wrong})
            assert error.code == "InvalidInput"

    play(scenario)


def test_limits_are_told_with_what_is_used_of_them() -> None:
    async def scenario(plane: ControlPlane) -> None:
        zone = await plane.zone()
        private = await plane.zone("corp", VPC=await plane.vpc())
        most = {
            "MAX_HEALTH_CHECKS_BY_OWNER": (200, 0),
            "MAX_HOSTED_ZONES_BY_OWNER": (500, 2),
            "MAX_REUSABLE_DELEGATION_SETS_BY_OWNER": (100, 0),
            "MAX_TRAFFIC_POLICIES_BY_OWNER": (50, 0),
            "MAX_TRAFFIC_POLICY_INSTANCES_BY_OWNER": (5, 0),
        }
        for kind, wanted in most.items():
            found = await plane.call("GetAccountLimit", Type=kind)
            assert (found["Limit"]["Value"], found["Count"]) == wanted
        records: Any = {"HostedZoneId": zone, "Type": "MAX_RRSETS_BY_ZONE"}
        found = await plane.call("GetHostedZoneLimit", **records)
        assert (found["Limit"]["Value"], found["Count"]) == (10_000, 2)
        vpcs: Any = {"HostedZoneId": private, "Type": "MAX_VPCS_ASSOCIATED_BY_ZONE"}
        found = await plane.call("GetHostedZoneLimit", **vpcs)
        assert (found["Limit"]["Value"], found["Count"]) == (300, 1)
        vpcs["HostedZoneId"] = zone
        assert (await plane.refused("GetHostedZoneLimit", **vpcs)).code == "HostedZoneNotPrivate"

    play(scenario)


def test_query_logging_needs_a_log_group_in_the_home_region() -> None:
    async def scenario(plane: ControlPlane) -> None:
        zone = await plane.zone()
        arn = f"arn:aws:logs:{HOME}:000000000000:log-group:/aws/route53/example.com"
        request: Any = {"HostedZoneId": zone, "CloudWatchLogsLogGroupArn": arn}
        error = await plane.refused("CreateQueryLoggingConfig", **request)
        assert (error.code, error.status) == ("NoSuchCloudWatchLogsLogGroup", 404)
        group = {"logGroupName": "/aws/route53/example.com"}
        await plane.simulated.call(HOME, "logs", "CreateLogGroup", group)
        made = (await plane.call("CreateQueryLoggingConfig", **request))["QueryLoggingConfig"]
        assert plane.told()[-1][1][1]["logs_queries"]
        error = await plane.refused("CreateQueryLoggingConfig", **request)
        assert (error.code, error.status) == ("QueryLoggingConfigAlreadyExists", 409)
        for wrong in (arn.replace(HOME, "us-west-2"), arn.replace("0" * 12, "1" * 12), "x"):
            bad: Any = {**request, "CloudWatchLogsLogGroupArn": wrong}
            assert (await plane.refused("CreateQueryLoggingConfig", **bad)).code == "InvalidInput"
        listed = await plane.call("ListQueryLoggingConfigs", HostedZoneId=zone)
        assert listed["QueryLoggingConfigs"] == [made]
        this = {"Id": made["Id"]}
        assert (await plane.call("GetQueryLoggingConfig", **this))["QueryLoggingConfig"] == made
        error = await plane.refused("GetQueryLoggingConfig", STRANGER, **this)
        assert (error.code, error.status) == ("NoSuchQueryLoggingConfig", 404)
        await plane.call("DeleteQueryLoggingConfig", **this)
        kind, (told, hosted) = plane.told()[-1]
        assert (kind, told, hosted.get("logs_queries")) == ("route53/zone", zone, None)
        private = await plane.zone("corp", VPC=await plane.vpc())
        bad = {**request, "HostedZoneId": private}
        assert (await plane.refused("CreateQueryLoggingConfig", **bad)).code == "InvalidInput"

    play(scenario)


def test_what_is_not_offered_is_refused_by_name() -> None:
    async def scenario(plane: ControlPlane) -> None:
        zone = await plane.zone()
        for operation in ("EnableHostedZoneDNSSEC", "UpdateHostedZoneFeatures"):
            error = await plane.refused(operation, HostedZoneId=zone)
            assert (error.code, error.status) == ("NotImplemented", 501)
            assert operation in error.message
        status = (await plane.call("GetDNSSEC", HostedZoneId=zone))["Status"]
        assert status == {"ServeSignature": "NOT_SIGNING"}

    play(scenario)
