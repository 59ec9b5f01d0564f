"""Health checks at work: who probes, who is believed, and what becomes of it."""

from typing import Any

import msgspec
import pytest

from antipodes.edge.route53.checkers import EACH, REGIONS, is_healthy, seats
from antipodes.edge.route53.model import AliasTarget, HealthCheck, Observation, RecordSet
from antipodes.hosting.edge import EdgeHost
from antipodes.runtime.contract import Address
from antipodes.service.http import HttpRequest, HttpResponse, HttpServer
from antipodes.world import addresses
from antipodes.world.faults import CutLink
from tests.edge.route53.asked import a
from tests.edge.route53.worlds import HOME, PROPAGATION_S, TOLD_S, E, Stage, W, play

HEALTH_S = PROPAGATION_S / 6 + 1
# Three outcomes in a row, of which the first may be a whole interval away, and the news of it.
TURNED_S = 4 * 10 + 6 + HEALTH_S
IP_W, IP_E = addresses.region_address(W, 77), addresses.region_address(E, 77)


class Endpoint:
    """Something that answers in a region, as it is told to."""

    def __init__(self, stage: Stage, region: str, ip: str) -> None:
        self._stage = stage
        self._region = region
        self._ip = ip
        self.status = 200
        self.body = b"fine"
        self.asked: list[HttpRequest] = []

    async def open(self) -> "Endpoint":
        runtime = self._stage.simulated.region(self._region).runtime
        server = HttpServer(runtime, self.answer)
        await runtime.listen(Address(self._region, f"{self._ip}:80"), server.receiver)
        return self

    def answer(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request)
        return HttpResponse(self.status, (("content-type", "text/plain"),), self.body)


def check(id_: str, **options: Any) -> HealthCheck:
    """A health check of the endpoint in us-west-2, every ten seconds."""
    given = {"type": "HTTP", "ip": IP_W, "port": 80, "interval_s": 10, **options}
    return HealthCheck(id=id_, account="1", caller_reference=id_, **given)


def pair(id_: str = "w") -> tuple[RecordSet, RecordSet]:
    """A failover pair at www.example.com."""
    primary = a("www", IP_W, set_identifier="1", failover="PRIMARY", health_check=id_)
    return primary, a("www", IP_E, set_identifier="2", failover="SECONDARY")


async def built(
    stage: Stage, *checks: HealthCheck, records: tuple[RecordSet, ...] = ()
) -> Endpoint:
    """The endpoint, checks and records, known everywhere."""
    endpoint = await Endpoint(stage, W, IP_W).open()
    for made in checks:
        await stage.check(made)
    await stage.hold(*(records or pair()))
    await stage.wait(TOLD_S)
    return endpoint


async def answers(stage: Stage, name: str = "www.example.com", city: str = "tokyo") -> list[str]:
    return await stage.values(city, name)


async def said(stage: Stage, kind: str, name: str) -> list[Any]:
    """What the edge's log said about something."""
    host = stage.simulated.hosts["edge"]
    assert isinstance(host, EdgeHost)
    entries, _ = host.changes.read(0, 10_000, (kind,))
    return [entry.payload[1] for entry in entries if entry.payload[0] == name]


async def observations(stage: Stage, id_: str) -> list[Observation]:
    """What checkers said last in the edge's log."""
    found = await said(stage, "route53/observations", id_)
    return msgspec.convert(found[-1], list[Observation]) if found else []


def test_dns_fails_over_when_the_endpoint_ails_and_back_when_it_is_well() -> None:
    async def scenario(stage: Stage) -> None:
        endpoint = await built(stage, check("w"))
        assert await answers(stage) == [IP_W]
        endpoint.status = 503
        await stage.wait(TURNED_S)
        assert await answers(stage) == [IP_E]
        seen = await observations(stage, "w")
        assert {o.status for o in seen} == {"Failure: HTTP Status Code 503, Service Unavailable"}
        endpoint.status = 302  # no redirect is followed
        await stage.wait(TURNED_S)
        assert await answers(stage) == [IP_W]
        seen = await observations(stage, "w")
        assert len(seen) == EACH * len(REGIONS)
        assert {o.failure for o in seen} == {"Failure: HTTP Status Code 503, Service Unavailable"}
        assert all(addresses.place_of(o.ip) == o.region for o in seen)

    play(scenario)


def test_a_lost_region_is_left_and_everything_goes_on_without_the_control_plane() -> None:
    async def scenario(stage: Stage) -> None:
        await built(stage, check("w"))
        stage.simulated.kill(HOME)
        stage.simulated.kill(W)
        await stage.wait(TURNED_S)
        assert await answers(stage) == [IP_E]
        stage.simulated.kill("edge")
        await stage.simulated.restart("edge")
        assert await answers(stage) == [IP_E]
        await stage.wait(TURNED_S)
        assert await answers(stage) == [IP_E]
        await stage.simulated.restart(W)
        await Endpoint(stage, W, IP_W).open()
        await stage.wait(TURNED_S)
        assert await answers(stage) == [IP_W]

    play(scenario)


def test_a_verdict_that_the_disk_did_not_take_is_kept_when_there_is_space() -> None:
    async def scenario(stage: Stage) -> None:
        endpoint = await built(stage, check("w"))
        handle = stage.simulated.set_disk("edge", full=True)
        endpoint.status = 503
        await stage.wait(TURNED_S)
        assert await answers(stage) == [IP_E]  # the locations hear of it all the same
        assert await said(stage, "route53/health", "w") == []
        await stage.simulated.heal(handle)
        await stage.wait(61)
        assert await said(stage, "route53/health", "w") == [False]
        stage.simulated.kill("edge")
        await stage.simulated.restart("edge")
        assert await answers(stage) == [IP_E]

    play(scenario)


def test_checkers_on_the_wrong_side_of_a_cut_are_wrong_but_few_do_not_matter() -> None:
    async def scenario(stage: Stage) -> None:
        await built(stage, check("w"))
        near = (W, "us-west-1")
        for region in REGIONS:
            if region not in near:
                stage.world.install(CutLink(region, W))
        await stage.wait(TURNED_S)
        assert await answers(stage) == [IP_W]  # 4 of 16 are well: more than 18 %
        stage.world.install(CutLink("us-west-1", W))
        await stage.wait(TURNED_S)
        assert await answers(stage) == [IP_E]  # 2 of 16 are not
        stage.world.heal_all()
        await stage.wait(TURNED_S)
        assert await answers(stage) == [IP_W]

    play(scenario)


def test_surprise_15_without_data_a_check_is_healthy_and_so_is_a_disabled_one() -> None:
    async def scenario(stage: Stage) -> None:
        nowhere = {"ip": addresses.region_address(W, 99)}
        checks = (
            check("new", **nowhere, interval_s=30, threshold=10),
            check("inverted", **nowhere, interval_s=30, threshold=10, inverted=True),
            check("disabled", **nowhere, disabled=True),
            check("stopped", **nowhere, disabled=True, inverted=True),
        )
        ids = ("new", "inverted", "disabled", "stopped", "")
        records = [
            a("www", f"192.0.2.{n}", set_identifier=str(n), multivalue=True, health_check=id_)
            for n, id_ in enumerate(ids)
        ]
        await built(stage, *checks, records=tuple(records))
        healthy = ["192.0.2.0", "192.0.2.2", "192.0.2.4"]
        assert sorted(await answers(stage)) == healthy
        await stage.wait(11 * 30)
        turned = ["192.0.2.1", "192.0.2.2", "192.0.2.4"]
        assert sorted(await answers(stage)) == turned

    play(scenario)


@pytest.mark.parametrize(("healthy", "of", "verdict"), [(9, 50, False), (10, 50, True)])
def test_surprise_16_exactly_18_percent_is_unhealthy(
    healthy: int, of: int, *, verdict: bool
) -> None:
    assert is_healthy([n < healthy for n in range(of)]) is verdict
    assert len(seats(())) == 16
    assert [is_healthy([n < k for n in range(16)]) for k in (2, 3)] == [False, True]


def test_a_calculated_check_counts_its_healthy_children_and_a_deleted_check_is_healthy() -> None:
    async def scenario(stage: Stage) -> None:
        gone = {"ip": addresses.region_address(W, 99)}
        children = (check("a"), check("b", **gone), check("c", **gone, disabled=True))
        two = check("w", type="CALCULATED", health_threshold=2, children=("a", "b", "c"))
        three = check("x", type="CALCULATED", health_threshold=3, children=("a", "b", "c"))
        none = check("y", type="CALCULATED", health_threshold=4, children=("a", "b", "c"))
        records = [
            a("www", f"192.0.2.{n}", set_identifier=str(n), multivalue=True, health_check=id_)
            for n, id_ in enumerate("wxy")
        ]
        await built(stage, *children, two, three, none, records=tuple(records))
        await stage.wait(TURNED_S)
        assert await answers(stage) == ["192.0.2.0"]
        assert await observations(stage, "b")
        await stage.check("b")
        await stage.wait(HEALTH_S + 2)
        assert not await observations(stage, "b")
        assert sorted(await answers(stage)) == ["192.0.2.0", "192.0.2.1"]
        await stage.check("y")
        await stage.wait(HEALTH_S + 2)
        assert len(await answers(stage)) == 3

    play(scenario)


def test_a_routing_control_turns_its_records_and_old_news_of_it_turns_nothing() -> None:
    async def scenario(stage: Stage) -> None:
        arn = "arn:aws:route53-recovery-control::1:controlpanel/a/routingcontrol/b"
        control = check("w", type="RECOVERY_CONTROL", routing_control=arn, ip="")
        await built(stage, control)
        assert await answers(stage) == [IP_E]  # off, until somebody turns it on
        await stage.say("arc/routing-control", [arn, "On", 5], W)
        await stage.wait(HEALTH_S + 2)
        assert await answers(stage) == [IP_W]
        await stage.say("arc/routing-control", [arn, "Off", 4], HOME)
        await stage.wait(HEALTH_S + 2)
        assert await answers(stage) == [IP_W]
        stage.simulated.kill(HOME)
        await stage.say("arc/routing-control", [arn, "Off", 6], W)
        await stage.wait(HEALTH_S + 2)
        assert await answers(stage) == [IP_E]

    play(scenario)


def test_surprise_17_an_alarm_check_watches_the_metric_and_not_the_alarm() -> None:
    async def scenario(stage: Stage) -> None:
        alarm = {
            "AlarmName": "load",
            "Namespace": "Mine",
            "MetricName": "Load",
            "Statistic": "Maximum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 5.0,
            "ComparisonOperator": "GreaterThanThreshold",
        }
        account = stage.simulated.settings.account

        async def call(operation: str, **request: Any) -> None:
            await stage.simulated.call(W, "cloudwatch", operation, request)

        async def measure(value: float) -> None:
            """Say a value for each of the next minutes."""
            for _ in range(4):
                datum = {"MetricName": "Load", "Value": value}
                await call("PutMetricData", Namespace="Mine", MetricData=[datum])
                await stage.wait(60)

        await call("PutMetricAlarm", **alarm)
        copied = {
            "region": W,
            "name": "load",
            "namespace": "Mine",
            "metric": "Load",
            "statistic": "Maximum",
            "threshold": 5.0,
            "comparison": "GreaterThanThreshold",
        }
        watching = check("w", type="CLOUDWATCH_METRIC", ip="", insufficient_data="LastKnownStatus")
        told = {**msgspec.to_builtins(watching), "alarm": copied, "account": account}
        await stage.say("route53/health-check", ["w", told])
        await built(stage)
        assert await answers(stage) == [IP_W]
        await measure(1.0)
        await call("SetAlarmState", AlarmName="load", StateValue="ALARM", StateReason="drill")
        await measure(1.0)
        assert await answers(stage) == [IP_W]
        await measure(9.0)
        assert await answers(stage) == [IP_E]
        stage.simulated.kill(W)  # what was known last holds
        await stage.wait(180)
        assert await answers(stage) == [IP_E]

    play(scenario)


def test_surprise_19_a_balancer_is_as_sick_as_its_sickest_target_group() -> None:
    async def scenario(stage: Stage) -> None:
        subnets = (await stage.simulated.call(W, "ec2", "DescribeSubnets", {}))["Subnets"]
        made = await stage.simulated.call(
            W,
            "elbv2",
            "CreateLoadBalancer",
            {"Name": "front", "Subnets": [subnet["SubnetId"] for subnet in subnets]},
        )
        balancer = made["LoadBalancers"][0]
        fixed = {"StatusCode": "200", "MessageBody": "w", "ContentType": "text/plain"}
        listener = {"LoadBalancerArn": balancer["LoadBalancerArn"], "Protocol": "HTTP"}
        action: dict[str, Any] = {"Type": "fixed-response", "FixedResponseConfig": fixed}
        serving = {**listener, "Port": 80, "DefaultActions": [action]}
        await stage.simulated.call(W, "elbv2", "CreateListener", serving)
        target = AliasTarget(
            balancer["CanonicalHostedZoneId"],
            balancer["DNSName"] + ".",
            evaluate_target_health=True,
        )
        alias = RecordSet("www.example.com.", "A", "1", alias=target, failover="PRIMARY")
        await stage.hold(alias, pair()[1])
        await stage.wait(TOLD_S + TURNED_S)
        assert set(await answers(stage)) != {IP_E}
        arn = balancer["LoadBalancerArn"]
        assert await said(stage, "route53/balancer-health", arn) == [True]
        vpc = (await stage.simulated.call(W, "ec2", "DescribeVpcs", {}))["Vpcs"][0]["VpcId"]
        empty = {"Name": "none", "Protocol": "HTTP", "Port": 80, "VpcId": vpc, "TargetType": "ip"}
        group = await stage.simulated.call(W, "elbv2", "CreateTargetGroup", empty)
        action = {"Type": "forward", "TargetGroupArn": group["TargetGroups"][0]["TargetGroupArn"]}
        idle = {**listener, "Port": 81, "DefaultActions": [action]}
        await stage.simulated.call(W, "elbv2", "CreateListener", idle)
        await stage.wait(TURNED_S)
        assert await answers(stage) == [IP_E]
        await stage.change((), [alias])
        await stage.wait(5)
        assert await said(stage, "route53/balancer-health", arn) == [True, False, None]

    play(scenario)
