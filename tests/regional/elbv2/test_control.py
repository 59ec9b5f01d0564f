"""The control plane, asked by boto3."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from antipodes.regional.elbv2 import groups, model
from antipodes.runtime.contract import Gone
from antipodes.service.contract import Settings
from tests.regional.elbv2.hosts import ACCOUNT, FUNCTION, REGION, Region, fixed, forward


@pytest.fixture
def region() -> Iterator[Region]:
    region = Region()
    yield region
    region.close()


def refusal(function: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        function(**request)
    code: str = caught.value.response["Error"]["Code"]
    return code


def an_ok(_: Any) -> dict[str, Any]:
    return {"statusCode": 200}


def test_the_tutorial_gets_what_it_asked_for(region: Region) -> None:
    balancer = region.balancer(Type="application")
    assert balancer["State"]["Code"] == "active"
    assert balancer["Type"] == "application"
    assert balancer["Scheme"] == "internet-facing"
    assert balancer["DNSName"].startswith("GlobalApp-")
    assert balancer["DNSName"].endswith(".us-west-2.elb.amazonaws.com")
    assert len(balancer["AvailabilityZones"]) == 4
    assert len(balancer["SecurityGroups"]) == 1
    prefix = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}"
    assert balancer["LoadBalancerArn"].startswith(f"{prefix}:loadbalancer/app/GlobalApp/")
    group = region.group(HealthCheckEnabled=True, HealthCheckIntervalSeconds=40)
    assert group.startswith(f"{prefix}:targetgroup/GlobalApp/")
    listener = region.listener(balancer, forward(group))
    key = balancer["LoadBalancerArn"].partition("loadbalancer/")[2]
    assert listener.startswith(f"{prefix}:listener/{key}/")
    rules = region.client("elbv2").describe_rules(ListenerArn=listener)["Rules"]
    assert [(rule["Priority"], rule["IsDefault"]) for rule in rules] == [("default", True)]
    assert rules[0]["RuleArn"].startswith(f"{prefix}:listener-rule/{key}/")
    assert rules[0]["Actions"][0]["TargetGroupArn"] == group
    [described] = region.client("elbv2").describe_target_groups()["TargetGroups"]
    assert described["LoadBalancerArns"] == [balancer["LoadBalancerArn"]]
    region.client("elbv2").get_waiter("load_balancer_available").wait()


def test_a_lambda_group_has_its_own_defaults(region: Region) -> None:
    arn = region.group()
    [group] = region.client("elbv2").describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
    assert group == {
        "TargetGroupArn": arn,
        "TargetGroupName": "GlobalApp",
        "HealthCheckEnabled": False,
        "HealthCheckIntervalSeconds": 35,
        "HealthCheckTimeoutSeconds": 30,
        "HealthyThresholdCount": 5,
        "UnhealthyThresholdCount": 2,
        "HealthCheckPath": "/",
        "Matcher": {"HttpCode": "200"},
        "LoadBalancerArns": [],
        "TargetType": "lambda",
        "IpAddressType": "ipv4",
    }


def test_creating_the_same_again_returns_the_first(region: Region) -> None:
    elbv2 = region.client("elbv2")
    balancer, group = region.balancer(), region.group()
    assert region.balancer() == balancer
    assert region.group() == group
    assert region.listener(balancer, forward(group)) == region.listener(balancer, forward(group))
    subnets = [zone["SubnetId"] for zone in balancer["AvailabilityZones"]][:2]
    duplicate = refusal(elbv2.create_load_balancer, Name="GlobalApp", Subnets=subnets)
    assert duplicate == "DuplicateLoadBalancerName"
    different = {"Name": "GlobalApp", "TargetType": "lambda", "HealthCheckPath": "/x"}
    assert refusal(elbv2.create_target_group, **different) == "DuplicateTargetGroupName"
    again = {"LoadBalancerArn": balancer["LoadBalancerArn"], "Protocol": "HTTP", "Port": 80}
    duplicate = refusal(elbv2.create_listener, DefaultActions=[fixed("x")], **again)
    assert duplicate == "DuplicateListener"


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("InvalidConfigurationRequest", {"IpAddressType": "dualstack"}),
        ("ValidationError", {"Scheme": "inward"}),
        ("ValidationError", {"Name": "-a"}),
        ("ValidationError", {"Name": "internal-a"}),
        ("ValidationError", {"Name": "a" * 33}),
        ("ValidationError", {"Subnets": []}),
        ("SubnetNotFound", {"Subnets": ["subnet-1", "subnet-2"]}),
        ("InvalidSecurityGroup", {"SecurityGroups": ["sg-1"]}),
        ("InvalidSecurityGroup", {"SecurityGroups": ["web"]}),
        ("DuplicateTagKeys", {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}),
    ],
)
def test_a_load_balancer_that_is_refused(region: Region, code: str, change: dict[str, Any]) -> None:
    subnets = region.client("ec2").describe_subnets()["Subnets"]
    request = {"Name": "a", "Subnets": [subnet["SubnetId"] for subnet in subnets], **change}
    assert refusal(region.client("elbv2").create_load_balancer, **request) == code
    assert region.client("elbv2").describe_load_balancers()["LoadBalancers"] == []


def test_a_load_balancer_has_groups_of_its_own_vpc(region: Region) -> None:
    ec2, elbv2 = region.client("ec2"), region.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=prefix, AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for prefix, zone in (("10.0.0.0/24", "us-west-2a"), ("10.0.1.0/24", "us-west-2b"))
    ]
    groups = {
        group["VpcId"]: group["GroupId"]
        for group in ec2.describe_security_groups()["SecurityGroups"]
    }
    elsewhere = next(groups[name] for name in groups if name != vpc)
    request = {"Name": "a", "Subnets": subnets, "Scheme": "internal"}
    for wrong in ([elsewhere], [groups[vpc], elsewhere]):
        code = refusal(elbv2.create_load_balancer, SecurityGroups=wrong, **request)
        assert code == "InvalidConfigurationRequest"
    [made] = elbv2.create_load_balancer(**request)["LoadBalancers"]
    assert made["SecurityGroups"] == [groups[vpc]]
    [same] = elbv2.create_load_balancer(SecurityGroups=[groups[vpc]], **request)["LoadBalancers"]
    assert same["LoadBalancerArn"] == made["LoadBalancerArn"]


def test_one_zone_is_not_enough(region: Region) -> None:
    subnets = region.client("ec2").describe_subnets()["Subnets"]
    request = {"Name": "a", "Subnets": [subnets[0]["SubnetId"]]}
    assert refusal(region.client("elbv2").create_load_balancer, **request) == "ValidationError"


@pytest.mark.parametrize(
    ("code", "request_"),
    [
        ("ValidationError", {}),
        ("ValidationError", {"TargetType": "alb", "Protocol": "UDP"}),
        ("ValidationError", {"Protocol": "GENEVE", "Port": 6082}),
        ("ValidationError", {"TargetType": "lambda", "Protocol": "HTTP"}),
        ("ValidationError", {"TargetType": "lambda", "Port": 80}),
        ("ValidationError", {"TargetType": "ip", "Protocol": "HTTP"}),
        ("InvalidConfigurationRequest", {"TargetType": "ip", "Protocol": "QUIC", "Port": 443}),
        ("ValidationError", {"TargetType": "lambda", "HealthCheckIntervalSeconds": 30}),
        ("ValidationError", {"TargetType": "lambda", "Matcher": {"HttpCode": "199"}}),
        ("ValidationError", {"TargetType": "lambda", "Matcher": {"HttpCode": "300-200"}}),
        ("ValidationError", {"TargetType": "lambda", "HealthCheckPath": "health"}),
        (
            "ValidationError",
            {"TargetType": "ip", "Protocol": "HTTP", "Port": 80, "VpcId": "vpc-1"},
        ),
    ],
)
def test_a_target_group_that_is_refused(
    region: Region, code: str, request_: dict[str, Any]
) -> None:
    elbv2 = region.client("elbv2")
    assert refusal(elbv2.create_target_group, Name="g", **request_) == code
    assert elbv2.describe_target_groups()["TargetGroups"] == []


def test_a_function_must_exist_and_let_itself_be_invoked(region: Region) -> None:
    elbv2, group = region.client("elbv2"), region.group()

    def registering(arn: str) -> str:
        targets = [{"Id": arn}]
        return refusal(elbv2.register_targets, TargetGroupArn=group, Targets=targets)

    assert registering(FUNCTION) == "InvalidTarget"
    region.functions.add(an_ok)
    elsewhere = FUNCTION.replace(REGION, "eu-central-1")
    region.functions.add(an_ok, elsewhere)
    assert registering(elsewhere) == "InvalidTarget"
    for statements in (
        [],
        [{"Principal": {"Service": "s3.amazonaws.com"}}],
        [{"Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::*"}}}],
        [{"Effect": "Deny"}],
    ):
        region.functions.add(an_ok)
        first = region.functions.statements[FUNCTION][0]
        region.functions.statements[FUNCTION] = [{**first, **change} for change in statements]
        assert registering(FUNCTION) == "AccessDenied"
    condition = {"ArnLike": {"AWS:SourceArn": group.rpartition("/")[0] + "/*"}}
    region.functions.add(an_ok, Condition=condition)
    elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": FUNCTION}])
    region.functions.add(an_ok, FUNCTION + "2")
    assert registering(FUNCTION + "2") == "TooManyTargets"


def test_only_addresses_that_are_private_can_be_targets(region: Region) -> None:
    elbv2 = region.client("elbv2")
    vpc = region.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    group = region.group(TargetType="ip", Protocol="HTTP", Port=8080, VpcId=vpc)
    for address in ("8.8.8.8", "198.18.0.1", "nonsense"):
        targets = [{"Id": address}]
        code = refusal(elbv2.register_targets, TargetGroupArn=group, Targets=targets)
        assert code == "InvalidTarget"
    elbv2.register_targets(
        TargetGroupArn=group, Targets=[{"Id": "127.0.0.1"}, {"Id": "127.0.0.1", "Port": 9}]
    )
    described = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    assert [(d["Target"]["Port"], d["TargetHealth"]["State"]) for d in described] == [
        (8080, "unused"),
        (9, "unused"),
    ]
    # Not in use: gone at once. The port tells the two apart.
    elbv2.deregister_targets(TargetGroupArn=group, Targets=[{"Id": "127.0.0.1"}])
    described = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    assert [d["Target"]["Port"] for d in described] == [9]
    [asked] = elbv2.describe_target_health(TargetGroupArn=group, Targets=[{"Id": "127.0.0.1"}])[
        "TargetHealthDescriptions"
    ]
    assert asked["TargetHealth"]["Reason"] == "Target.NotRegistered"


def test_a_group_serves_one_load_balancer_and_cannot_be_deleted_while_it_does(
    region: Region,
) -> None:
    elbv2, group = region.client("elbv2"), region.group()
    first, second = region.balancer("one"), region.balancer("two")
    listener = region.listener(first, forward(group))
    request = {"LoadBalancerArn": second["LoadBalancerArn"], "Protocol": "HTTP", "Port": 80}
    code = refusal(elbv2.create_listener, DefaultActions=[forward(group)], **request)
    assert code == "TargetGroupAssociationLimit"
    assert refusal(elbv2.delete_target_group, TargetGroupArn=group) == "ResourceInUse"
    elbv2.delete_listener(ListenerArn=listener)
    elbv2.delete_target_group(TargetGroupArn=group)
    elbv2.delete_target_group(TargetGroupArn=group)
    request["DefaultActions"] = [forward(group)]
    assert refusal(elbv2.create_listener, **request) == "TargetGroupNotFound"


def test_rules_are_ordered_and_their_priorities_are_unique(region: Region) -> None:
    elbv2 = region.client("elbv2")
    listener = region.listener(region.balancer(), fixed("default"))

    def add(priority: int, path: str) -> str:
        made = elbv2.create_rule(
            ListenerArn=listener,
            Priority=priority,
            Conditions=[{"Field": "path-pattern", "Values": [path]}],
            Actions=[fixed(path)],
        )
        return str(made["Rules"][0]["RuleArn"])

    def order() -> list[str]:
        rules = elbv2.describe_rules(ListenerArn=listener)["Rules"]
        return [rule["Actions"][0]["FixedResponseConfig"]["MessageBody"] for rule in rules]

    b, a = add(20, "/b"), add(10, "/a")
    assert order() == ["/a", "/b", "default"]
    with pytest.raises(ClientError, match="PriorityInUse"):
        add(20, "/c")
    swap = [{"RuleArn": a, "Priority": 20}, {"RuleArn": b, "Priority": 10}]
    elbv2.set_rule_priorities(RulePriorities=swap)
    assert order() == ["/b", "/a", "default"]
    clash = [{"RuleArn": a, "Priority": 10}]
    assert refusal(elbv2.set_rule_priorities, RulePriorities=clash) == "PriorityInUse"
    [default] = [r for r in elbv2.describe_rules(ListenerArn=listener)["Rules"] if r["IsDefault"]]
    for change in (elbv2.delete_rule, elbv2.modify_rule):
        assert refusal(change, RuleArn=default["RuleArn"]) == "OperationNotPermitted"
    elbv2.modify_rule(RuleArn=a, Actions=[fixed("/new")])
    elbv2.delete_rule(RuleArn=b)
    assert order() == ["/new", "default"]
    assert refusal(elbv2.delete_rule, RuleArn=b) == "RuleNotFound"


def test_attributes_that_would_change_what_is_not_modelled_are_refused(region: Region) -> None:
    elbv2, balancer = region.client("elbv2"), region.balancer()["LoadBalancerArn"]
    group = region.group()

    def change(key: str, value: str) -> Any:
        return elbv2.modify_load_balancer_attributes(
            LoadBalancerArn=balancer, Attributes=[{"Key": key, "Value": value}]
        )

    change("idle_timeout.timeout_seconds", "30")
    change("routing.http2.enabled", "true")
    for key, value, code in (
        ("routing.http2.enabled", "false", "InvalidConfigurationRequest"),
        ("idle_timeout.timeout_seconds", "0", "ValidationError"),
        ("idle_timeout.timeout_seconds", "x", "ValidationError"),
        ("no.such", "1", "ValidationError"),
    ):
        assert refusal(change, key=key, value=value) == code
    told = elbv2.describe_load_balancer_attributes(LoadBalancerArn=balancer)["Attributes"]
    assert {"Key": "idle_timeout.timeout_seconds", "Value": "30"} in told
    change("deletion_protection.enabled", "true")
    refused = refusal(elbv2.delete_load_balancer, LoadBalancerArn=balancer)
    assert refused == "OperationNotPermitted"
    multi = [{"Key": "lambda.multi_value_headers.enabled", "Value": "true"}]
    elbv2.modify_target_group_attributes(TargetGroupArn=group, Attributes=multi)
    told = elbv2.describe_target_group_attributes(TargetGroupArn=group)["Attributes"]
    assert multi[0] in told
    draining = [{"Key": "deregistration_delay.timeout_seconds", "Value": "1"}]
    refused = refusal(
        elbv2.modify_target_group_attributes, TargetGroupArn=group, Attributes=draining
    )
    assert refused == "ValidationError"


def test_deleting_a_load_balancer_takes_what_hangs_on_it(region: Region) -> None:
    elbv2, balancer, group = region.client("elbv2"), region.balancer(), region.group()
    listener = region.listener(balancer, forward(group))
    elbv2.create_rule(
        ListenerArn=listener,
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/a"]}],
        Actions=[fixed("a")],
    )
    arn = balancer["LoadBalancerArn"]
    for _ in range(2):
        elbv2.delete_load_balancer(LoadBalancerArn=arn)
    assert refusal(elbv2.describe_listeners, LoadBalancerArn=arn) == "LoadBalancerNotFound"
    assert refusal(elbv2.describe_rules, ListenerArn=listener) == "ListenerNotFound"
    elbv2.delete_target_group(TargetGroupArn=group)
    assert [*region.host.store.scan(b"elbv2/", b"elbv3")] == []


def test_tags_are_added_and_removed(region: Region) -> None:
    elbv2, arn = region.client("elbv2"), region.balancer()["LoadBalancerArn"]
    group = region.group(Tags=[{"Key": "team", "Value": "a"}])
    elbv2.add_tags(ResourceArns=[arn, group], Tags=[{"Key": "stage", "Value": "test"}])
    elbv2.remove_tags(ResourceArns=[group], TagKeys=["team"])
    told = elbv2.describe_tags(ResourceArns=[arn, group])["TagDescriptions"]
    assert [one["Tags"] for one in told] == [[{"Key": "stage", "Value": "test"}]] * 2
    missing = arn[:-1] + ("0" if arn[-1] != "0" else "1")
    code = refusal(elbv2.add_tags, ResourceArns=[group, missing], Tags=[{"Key": "x", "Value": ""}])
    assert code == "LoadBalancerNotFound"
    [told] = elbv2.describe_tags(ResourceArns=[group])["TagDescriptions"]
    assert [tag["Key"] for tag in told["Tags"]] == ["stage"]


def test_accounts_never_see_each_other(region: Region) -> None:
    other = region.client("elbv2", account="111111111111")
    balancer = region.balancer()
    assert other.describe_load_balancers()["LoadBalancers"] == []
    arn = balancer["LoadBalancerArn"]
    code = refusal(other.describe_load_balancers, LoadBalancerArns=[arn])
    assert code == "LoadBalancerNotFound"


def test_pages_lead_from_one_to_the_next(region: Region) -> None:
    for name in "abc":
        region.group(name)
    elbv2 = region.client("elbv2")
    paginator = elbv2.get_paginator("describe_target_groups")
    pages = [
        [group["TargetGroupName"] for group in page["TargetGroups"]]
        for page in paginator.paginate(PaginationConfig={"PageSize": 2})
    ]
    assert pages == [["a", "b"], ["c"]]


def test_nodes_have_addresses_of_their_own(region: Region) -> None:
    names = [region.balancer(name)["DNSName"] for name in ("one", "two")]
    addresses = [address for name in names for address in region.addresses(name)]
    assert len({*addresses}) == len(addresses) == 8
    assert region.addresses("three-1.us-west-2.elb.amazonaws.com") == []


def test_a_load_balancer_is_provisioned_first() -> None:
    region = Region(settings=Settings(account=ACCOUNT, control_plane_delay_s=120))
    try:
        balancer = region.balancer()
        region.listener(balancer, fixed("here"))
        assert balancer["State"]["Code"] == "provisioning"
        door = f"elb/{balancer['LoadBalancerArn'].partition('/')[2]}:80"
        with pytest.raises(Gone, match="refused"):
            region.ask(door)
        region.wait(121)
        [told] = region.client("elbv2").describe_load_balancers()["LoadBalancers"]
        assert told["State"]["Code"] == "active"
        assert region.ask(door).body == b"here"
    finally:
        region.close()


def test_what_was_created_survives_a_crash(region: Region) -> None:
    front = region.serving(lambda _: {"statusCode": 200, "body": json.dumps("here")})
    region.restart()
    assert region.ask(front.door).body == b'"here"'
    [told] = region.client("elbv2").describe_load_balancers()["LoadBalancers"]
    assert told["LoadBalancerArn"] == front.arn


def test_a_clock_that_is_put_back_undoes_nothing(region: Region) -> None:
    front = region.serving(an_ok)
    region.simulation.set_clock(REGION, -3600.0)
    region.group("another")
    assert region.addresses(front.name)
    assert region.told("elb-health", f"/{front.arn}")["state"] == "healthy"
    assert region.ask(front.door).status == 200


def test_there_is_a_limit_to_everything(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    elbv2 = region.client("elbv2")
    vpc = region.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    addresses = {"TargetType": "ip", "Protocol": "HTTP", "Port": 80, "VpcId": vpc}
    group, other = region.group("one", **addresses), region.group("other", **addresses)
    balancer = region.balancer("one")
    listener = region.listener(balancer, forward(group))
    where = {"LoadBalancerArn": balancer["LoadBalancerArn"], "Protocol": "HTTP", "Port": 81}
    rule = {
        "ListenerArn": listener,
        "Priority": 1,
        "Conditions": [{"Field": "path-pattern", "Values": ["/a"]}],
        "Actions": [fixed("a")],
    }
    for limit, least, code, function, request in (
        ("BALANCERS_MAX", 1, "TooManyLoadBalancers", region.balancer, {"name": "two"}),
        ("GROUPS_MAX", 2, "TooManyTargetGroups", region.group, {"name": "two", **addresses}),
        (
            *("LISTENERS_MAX", 1, "TooManyListeners", elbv2.create_listener),
            {**where, "DefaultActions": [fixed("a")]},
        ),
        ("RULES_MAX", 0, "TooManyRules", elbv2.create_rule, rule),
        (
            *("GROUPS_PER_BALANCER_MAX", 1, "TooManyUniqueTargetGroupsPerLoadBalancer"),
            elbv2.create_rule,
            {**rule, "Priority": 2, "Actions": [forward(other)]},
        ),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(model, limit, least)
            assert refusal(function, **request) == code
            patched.setattr(model, limit, least + 1)
            function(**request)


def test_a_group_has_so_many_targets(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    vpc = region.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    group = region.group(TargetType="ip", Protocol="HTTP", Port=80, VpcId=vpc)
    register = region.client("elbv2").register_targets
    monkeypatch.setattr(groups, "TARGETS_MAX", 2)
    two, third = [{"Id": "127.0.0.1"}, {"Id": "127.0.0.2"}], [{"Id": "127.0.0.3"}]
    register(TargetGroupArn=group, Targets=two)
    assert refusal(register, TargetGroupArn=group, Targets=third) == "TooManyTargets"
    register(TargetGroupArn=group, Targets=two)
