"""Health: what follows from probes, and the tutorial's failure and return in virtual time."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.regional.elbv2.groups import matcher_takes
from antipodes.regional.elbv2.health import Health, Outcome, after
from antipodes.regional.elbv2.model import HealthCheck
from antipodes.runtime.contract import Address
from antipodes.service.http import HttpRequest, HttpResponse, HttpServer
from tests.regional.elbv2.hosts import FUNCTION, Front, Region, forward

TUTORIAL = {
    "HealthCheckEnabled": True,
    "HealthCheckPath": "/health",
    "HealthCheckIntervalSeconds": 15,
    "HealthCheckTimeoutSeconds": 10,
    "HealthyThresholdCount": 2,
    "UnhealthyThresholdCount": 2,
}
BAD = Outcome("Target.Timeout", "Request timed out")


@pytest.fixture
def region() -> Iterator[Region]:
    region = Region()
    yield region
    region.close()


def states(passes: list[bool], healthy: int, unhealthy: int) -> list[str]:
    check = HealthCheck(
        enabled=True,
        port="",
        path="/",
        interval_s=30,
        timeout_s=5,
        healthy_threshold=healthy,
        unhealthy_threshold=unhealthy,
        matcher="200",
    )
    health, seen = Health(), []
    for passed in passes:
        health = after(health, Outcome() if passed else BAD, check)
        seen.append(health.state)
    return seen


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(2, 5), st.integers(2, 5))
def test_states_follow_from_runs_of_equal_outcomes(
    passes: list[bool], healthy: int, unhealthy: int
) -> None:
    expected: list[str] = []
    state, run = "initial", 0
    for index, passed in enumerate(passes):
        run = run + 1 if index and passes[index - 1] is passed else 1
        if passed and (state == "initial" or (state == "unhealthy" and run >= healthy)):
            state = "healthy"
        elif not passed and run >= unhealthy:
            state = "unhealthy"
        expected.append(state)
    assert states(passes, healthy, unhealthy) == expected


def test_one_success_is_enough_at_first_and_two_after_a_failure() -> None:
    assert states([True], 5, 2) == ["healthy"]
    assert states([False, False, True, True], 2, 2)[-2:] == ["unhealthy", "healthy"]


@pytest.mark.parametrize(
    ("matcher", "status", "expected"),
    [
        ("200", 200, True),
        ("200", 201, False),
        ("200,301", 301, True),
        ("200-299", 250, True),
        ("200-299,404", 404, True),
        ("200-299,404", 300, False),
    ],
)
def test_matchers(*, matcher: str, status: int, expected: bool) -> None:
    assert matcher_takes(matcher, status) is expected


class Application:
    """The tutorial's function, with its status in a variable."""

    def __init__(self) -> None:
        self.status = 200

    def __call__(self, event: dict[str, Any]) -> Any:
        return {"statusCode": self.status if event["path"] == "/health" else 200}


def told(region: Region, front: Front) -> tuple[str, str, str]:
    """What DescribeTargetHealth says, and what an accelerator is told."""
    described = region.client("elbv2").describe_target_health(TargetGroupArn=front.group)
    [one] = described["TargetHealthDescriptions"]
    health = one["TargetHealth"]
    state: str = region.told("elb-health", f"/{front.arn}")["state"]
    return health["State"], health.get("Reason", ""), state


def test_the_tutorials_failure_is_seen_within_two_intervals_and_so_is_the_return(
    region: Region,
) -> None:
    application = Application()
    front = region.serving(application, **TUTORIAL)
    region.wait(1)
    assert told(region, front) == ("healthy", "", "healthy")
    application.status = 400
    region.wait(15)
    assert told(region, front) == ("healthy", "", "healthy")
    region.wait(15)
    assert told(region, front) == ("unhealthy", "Target.ResponseCodeMismatch", "unhealthy")
    assert region.ask(front.door, target="/get/foobar").status == 200, "it must fail open"
    application.status = 200
    region.wait(15)
    assert told(region, front)[2] == "unhealthy"
    region.wait(15)
    assert told(region, front) == ("healthy", "", "healthy")
    probes = [event for event in region.functions.events if event["path"] == "/health"]
    assert len(probes) == 5
    assert probes[0]["headers"] == {"user-agent": "ELB-HealthChecker/2.0"}


def test_a_function_that_hangs_is_timed_out(region: Region) -> None:
    front = region.serving(Application(), **TUTORIAL)
    region.wait(1)
    region.functions.takes_s = 11
    region.wait(45)
    assert told(region, front) == ("unhealthy", "Target.Timeout", "unhealthy")


def test_a_function_that_raises_fails(region: Region) -> None:
    front = region.serving(lambda _: ValueError("no"), **TUTORIAL)
    region.wait(31)
    assert told(region, front) == ("unhealthy", "Target.FailedHealthChecks", "unhealthy")


def test_without_health_checks_a_function_is_unavailable_and_serves(region: Region) -> None:
    front = region.serving(Application())
    region.wait(60)
    assert region.functions.events == []
    assert told(region, front) == ("unavailable", "Target.HealthCheckDisabled", "healthy")
    assert region.ask(front.door).status == 200


def test_changes_of_a_health_check_take_effect_at_once(region: Region) -> None:
    front = region.serving(Application())
    elbv2 = region.client("elbv2")
    change = {**TUTORIAL, "HealthCheckIntervalSeconds": 300}
    elbv2.modify_target_group(TargetGroupArn=front.group, **change)
    region.wait(1)
    assert told(region, front) == ("healthy", "", "healthy")
    elbv2.modify_target_group(TargetGroupArn=front.group, HealthCheckIntervalSeconds=15)
    region.wait(31)
    assert len(region.functions.events) == 4
    elbv2.modify_target_group(TargetGroupArn=front.group, HealthCheckEnabled=False)
    region.wait(60)
    assert len(region.functions.events) == 4
    assert told(region, front)[0] == "unavailable"


def test_a_host_that_restarts_finds_out_again(region: Region) -> None:
    application = Application()
    front = region.serving(application, **TUTORIAL)
    region.wait(1)
    region.restart()
    region.wait(1)
    assert told(region, front) == ("healthy", "", "healthy")
    application.status = 400
    region.restart()
    region.wait(1)
    assert told(region, front) == ("initial", "Elb.InitialHealthChecking", "unhealthy")


def test_what_an_accelerator_is_told_when_something_is_missing(region: Region) -> None:
    front = region.serving(Application())
    elbv2 = region.client("elbv2")
    assert region.told("elb-health", f"/{front.arn}x") is None
    assert region.told("elb-health", f"/{front.group}") is None
    elbv2.deregister_targets(TargetGroupArn=front.group, Targets=[{"Id": FUNCTION}])
    assert region.told("elb-health", f"/{front.arn}") == {
        "state": "unhealthy",
        "target_groups": {front.group: "unhealthy"},
    }
    elbv2.delete_listener(ListenerArn=front.listener)
    assert region.told("elb-health", f"/{front.arn}")["state"] == "unhealthy"
    assert region.told("elb-health", f"/{front.arn}")["target_groups"] == {}


def test_requests_go_to_those_that_are_well_as_that_changes(region: Region) -> None:
    ill: dict[str, None] = {}
    laptop = region.simulation.boot("laptops", "laptop")
    ports = ("81", "82")

    def server(port: str) -> HttpServer:
        def handle(request: HttpRequest) -> HttpResponse:
            is_check = request.target == "/health"
            return HttpResponse(503 if is_check and port in ill else 200, [], port.encode())

        return HttpServer(laptop, handle)

    for port in ports:
        at = Address("laptop", f"127.0.0.1:{port}")
        region.simulation.run(laptop.listen(at, server(port).receiver))
    vpc = region.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    checks: dict[str, Any] = TUTORIAL
    group = region.group(TargetType="ip", Protocol="HTTP", Port=81, VpcId=vpc, **checks)
    targets = [{"Id": "127.0.0.1", "Port": int(port)} for port in ports]
    region.client("elbv2").register_targets(TargetGroupArn=group, Targets=targets)
    balancer = region.balancer()
    region.listener(balancer, forward(group))
    door = f"elb/{balancer['LoadBalancerArn'].partition('/')[2]}:80"

    def served() -> set[str]:
        return {region.ask(door).body.decode() for _ in range(4)}

    region.wait(1)
    assert served() == {"81", "82"}
    for now_ill, serving in (
        (("81",), {"82"}),
        (("81", "82"), {"81", "82"}),  # nobody is well: all get requests
        (("82",), {"81"}),
        ((), {"81", "82"}),
    ):
        ill.clear()
        ill.update(dict.fromkeys(now_ill))
        region.wait(45)
        assert served() == serving


def test_a_run_can_be_repeated() -> None:
    def digest() -> str:
        again = Region()
        front = again.serving(Application(), **TUTORIAL)
        for _ in range(3):
            again.wait(7)
            again.ask(front.door)
        digest = again.simulation.journal.digest()
        assert len(again.functions.events) >= 5
        again.close()
        return digest

    assert digest() == digest()
