"""Which target gets a request: stickiness by cookies, slow start, algorithms."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from antipodes.regional.elbv2.choosing import Choosing
from antipodes.regional.elbv2.model import HealthCheck, Target, TargetGroup
from antipodes.regional.elbv2.stickiness import cookies_of, opened, sealed
from antipodes.runtime.virtual import Simulation
from antipodes.service.http import HttpResponse
from tests.regional.elbv2.hosts import Region
from tests.regional.elbv2.test_balancer import serve_on_laptop
from tests.runtime.worlds import FakeLinks

PORTS = (8081, 8082, 8083)
OWNER = "arn:aws:elasticloadbalancing:us-west-2:000000000000:loadbalancer/app/a/1"
WEEK = 7 * 86400


@pytest.fixture
def region() -> Iterator[Region]:
    region = Region()
    yield region
    region.close()


class Service:
    """A load balancer with three targets, which say who they are."""

    def __init__(self, region: Region, groups: int = 1) -> None:
        self.region = region
        self.elbv2 = region.client("elbv2")
        vpc = region.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
        balancer = region.balancer()
        more = {"TargetType": "ip", "Protocol": "HTTP", "Port": 80, "VpcId": vpc}
        self.groups = [region.group(f"g{n}", **more) for n in range(groups)]
        share = len(PORTS) // groups
        for n, group in enumerate(self.groups):
            ports = PORTS[n * share : (n + 1) * share]
            targets = [{"Id": "127.0.0.1", "Port": port} for port in ports]
            self.elbv2.register_targets(TargetGroupArn=group, Targets=targets)
        for port in PORTS:
            serve_on_laptop(region, port, HttpResponse(200, [("X-Port", str(port))], b""))
        self.door = f"elb/{balancer['LoadBalancerArn'].partition('/')[2]}:80"
        self.balancer = balancer

    def listen(self, action: dict[str, Any]) -> str:
        return self.region.listener(self.balancer, action)

    def attribute(self, group: str, **values: str) -> None:
        attributes = [
            {"Key": key.replace("__", "."), "Value": value} for key, value in values.items()
        ]
        self.elbv2.modify_target_group_attributes(TargetGroupArn=group, Attributes=attributes)

    def ask(self, cookies: dict[str, str] | None = None) -> tuple[str, dict[str, str]]:
        """The port that answered, and the cookies afterwards."""
        headers = {}
        if cookies:
            headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in cookies.items())
        answer = self.region.ask(self.door, headers=headers)
        found = dict(cookies or {})
        for name, value in answer.headers:
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                found[key] = rest.partition(";")[0]
        return dict(answer.headers)["X-Port"], found


def forward(*groups: str, **stickiness: Any) -> dict[str, Any]:
    config: dict[str, Any] = {"TargetGroups": [{"TargetGroupArn": group} for group in groups]}
    if stickiness:
        config["TargetGroupStickinessConfig"] = stickiness
    return {"Type": "forward", "ForwardConfig": config}


def test_a_cookie_keeps_a_client_with_its_target(region: Region) -> None:
    service = Service(region)
    service.listen(forward(service.groups[0]))
    assert service.ask()[1] == {}
    service.attribute(
        service.groups[0],
        stickiness__enabled="true",
        stickiness__lb_cookie__duration_seconds="60",
    )
    port, cookies = service.ask()
    assert set(cookies) == {"AWSALB", "AWSALBCORS"}
    assert {service.ask(cookies)[0] for _ in range(6)} == {port}
    only = {"AWSALBCORS": cookies["AWSALBCORS"]}
    assert {service.ask(only)[0] for _ in range(4)} == {port}
    region.restart()
    assert service.ask(cookies)[0] == port
    # It lasts from the answer that set it; each answer sets it anew.
    region.wait(50)
    same, renewed = service.ask(cookies)
    region.wait(50)
    assert service.ask(renewed)[0] == same == port
    region.wait(61)
    assert len({service.ask(renewed)[0] for _ in range(6)}) == 3


def test_a_client_whose_target_is_gone_gets_another_and_stays_there(region: Region) -> None:
    service = Service(region)
    service.listen(forward(service.groups[0]))
    service.attribute(service.groups[0], stickiness__enabled="true")
    port, cookies = service.ask()
    gone = [{"Id": "127.0.0.1", "Port": int(port)}]
    service.elbv2.deregister_targets(TargetGroupArn=service.groups[0], Targets=gone)
    other, cookies = service.ask(cookies)
    assert other != port
    assert {service.ask(cookies)[0] for _ in range(4)} == {other}
    forged = {"AWSALB": "bm90IGEgY29va2ll", "other": "x"}
    assert {service.ask(forged)[0] for _ in range(4)} == {str(p) for p in PORTS} - {port}


def test_an_application_keeps_its_clients_by_its_own_cookie(region: Region) -> None:
    service = Service(region)
    service.listen(forward(service.groups[0]))
    service.attribute(
        service.groups[0],
        stickiness__enabled="true",
        stickiness__type="app_cookie",
        stickiness__app_cookie__cookie_name="SESSION",
    )
    assert service.ask()[1] == {}  # the application has set none
    port, cookies = service.ask({"SESSION": "abc"})
    assert set(cookies) == {"SESSION", "AWSALBAPP-0"}
    assert {service.ask(cookies)[0] for _ in range(4)} == {port}
    without = {"AWSALBAPP-0": cookies["AWSALBAPP-0"]}
    assert len({service.ask(without)[0] for _ in range(6)}) == 3


def test_a_group_keeps_its_clients_for_as_long_as_the_action_says(region: Region) -> None:
    service = Service(region, groups=3)
    service.listen(forward(*service.groups, Enabled=True, DurationSeconds=100))
    port, cookies = service.ask()
    assert set(cookies) == {"AWSALBTG", "AWSALBTGCORS"}
    assert {service.ask(cookies)[0] for _ in range(8)} == {port}
    region.wait(101)
    assert len({service.ask(cookies)[0] for _ in range(20)}) > 1


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"stickiness__lb_cookie__duration_seconds": "0"}, "ValidationError"),
        ({"stickiness__type": "source_ip"}, "ValidationError"),
        ({"stickiness__enabled": "true", "stickiness__type": "app_cookie"}, "ValidationError"),
        ({"stickiness__app_cookie__cookie_name": "AWSALBTG"}, "ValidationError"),
        ({"slow_start__duration_seconds": "29"}, "ValidationError"),
        ({"slow_start__duration_seconds": "901"}, "ValidationError"),
        (
            {
                "slow_start__duration_seconds": "30",
                "load_balancing__algorithm__type": "least_outstanding_requests",
            },
            "InvalidConfigurationRequest",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_and_changes_nothing(
    region: Region, values: dict[str, str], code: str
) -> None:
    service = Service(region)

    def known() -> Any:
        found = service.elbv2.describe_target_group_attributes(TargetGroupArn=service.groups[0])
        return found["Attributes"]

    before = known()
    with pytest.raises(ClientError) as caught:
        service.attribute(service.groups[0], **values)
    assert caught.value.response["Error"]["Code"] == code
    assert known() == before


TARGETS = tuple(Target(f"10.0.0.{n}", 80) for n in range(4))


def group(**values: str) -> TargetGroup:
    attributes = {key.replace("__", "."): value for key, value in values.items()}
    check = HealthCheck(
        enabled=True,
        port="80",
        path="/",
        interval_s=30,
        timeout_s=5,
        healthy_threshold=5,
        unhealthy_threshold=2,
        matcher="200",
    )
    return TargetGroup(
        "0", "us-west-2", "g", "1", "ip", 80, "vpc", check, TARGETS, attributes=attributes
    )


class Alone:
    """The choice without a load balancer."""

    def __init__(self) -> None:
        self.healthy = True
        self.simulation = Simulation(FakeLinks(0.0), seed=3)
        self.runtime = self.simulation.boot("us-west-2")
        self.choosing = Choosing(self.runtime, lambda *_: self.healthy)

    def counts(self, of: TargetGroup, many: int = 4000) -> Counter[str]:
        return Counter(self.choosing.choose(of, TARGETS).id for _ in range(many))

    def pass_time(self, seconds: float) -> None:
        self.simulation.run(self.runtime.sleep(seconds))


@pytest.fixture
def alone() -> Iterator[Alone]:
    alone = Alone()
    yield alone
    alone.simulation.close()


def test_round_robin_gives_everybody_the_same(alone: Alone) -> None:
    assert set(alone.counts(group()).values()) == {1000}


def test_a_random_choice_is_fair_in_the_mean(alone: Alone) -> None:
    counts = alone.counts(group(load_balancing__algorithm__type="weighted_random"))
    assert all(850 < count < 1150 for count in counts.values())


def test_the_least_outstanding_is_chosen_and_ties_go_round(alone: Alone) -> None:
    busy = group(load_balancing__algorithm__type="least_outstanding_requests")
    for _ in range(3):
        alone.choosing.begin(busy, TARGETS[0])
    alone.choosing.begin(busy, TARGETS[1])
    assert set(alone.counts(busy)) == {TARGETS[2].id, TARGETS[3].id}
    for _ in range(3):
        alone.choosing.end(busy, TARGETS[0])
    alone.choosing.end(busy, TARGETS[1])
    assert set(alone.counts(busy).values()) == {1000}


def test_a_new_target_begins_slowly_while_others_are_well(alone: Alone) -> None:
    slow = group(slow_start__duration_seconds="100")
    alone.choosing.health_changed(slow, TARGETS[0], "healthy")
    assert set(alone.counts(slow, 3000).values()) == {1000}  # of the three others
    shares = []
    for _ in range(4):
        shares.append(alone.counts(slow)[TARGETS[0].id])
        alone.pass_time(35)
    assert shares[0] == 0
    assert 250 < shares[1] < 500 < shares[2] < 850
    assert shares[3] == 1000


def test_targets_that_find_nobody_well_do_not_begin_slowly(alone: Alone) -> None:
    alone.healthy, slow = False, group(slow_start__duration_seconds="100")
    alone.choosing.health_changed(slow, TARGETS[0], "healthy")
    assert set(alone.counts(slow).values()) == {1000}


def test_nothing_is_kept_of_groups_and_targets_that_are_gone(alone: Alone) -> None:
    slow = group(slow_start__duration_seconds="100")
    alone.choosing.health_changed(slow, TARGETS[0], "healthy")
    alone.choosing.reconcile(lambda _: slow)
    assert alone.counts(slow, 1001)[TARGETS[0].id] == 0
    alone.choosing.reconcile(lambda _: replace(slow, targets=TARGETS[1:]))
    assert alone.counts(slow)[TARGETS[0].id] == 1000
    alone.choosing.choose(slow, TARGETS)
    alone.choosing.reconcile(lambda _: None)
    assert alone.choosing.choose(slow, TARGETS) == TARGETS[0]


def test_a_deleted_group_is_forgotten(region: Region) -> None:
    service = Service(region)
    listener = service.listen(forward(service.groups[0]))
    service.ask()
    turns = region.elbv2.balancer.choosing.turns
    assert list(turns) == service.groups
    service.elbv2.delete_listener(ListenerArn=listener)
    service.elbv2.delete_target_group(TargetGroupArn=service.groups[0])
    assert not turns


@given(st.lists(st.text(max_size=8), unique=True, max_size=5), st.integers(0, 2**40), st.data())
def test_a_cookie_stands_for_one_thing_of_one_owner_for_its_time(
    names: list[str], wall: int, data: st.DataObject
) -> None:
    for name in names:
        value = sealed(name, OWNER, wall)
        later = wall + data.draw(st.integers(0, 99))
        assert opened(value, names, OWNER, wall=later, lasts_s=100) == name
        assert opened(value, names, OWNER, wall=wall + 100, lasts_s=100) is None
        assert opened(value, names, OWNER, wall=wall - 1, lasts_s=100) is None
        assert opened(value, names, OWNER + "2", wall=later, lasts_s=100) is None
        others = [other for other in names if other != name]
        assert opened(value, others, OWNER, wall=later, lasts_s=100) is None


@given(st.text(max_size=60))
def test_rubbish_stands_for_nothing(value: str) -> None:
    assert opened(value, ["a"], OWNER, wall=5.0, lasts_s=WEEK) is None
    assert isinstance(cookies_of([("Cookie", value), ("cookie", "a=1; b=2")]), dict)
