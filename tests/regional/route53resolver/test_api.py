"""The API, asked by boto3."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from antipodes.testing.virtualworld import VirtualWorld

W, E = "us-west-2", "eu-central-1"


@pytest.fixture(scope="module")
def world() -> Iterator[VirtualWorld]:
    with VirtualWorld((W, E), seed=1) as world:
        yield world


class Account:
    """An account of its own in a region, and a short way to make things."""

    numbers = 0

    def __init__(self, world: VirtualWorld, region: str = W) -> None:
        Account.numbers += 1
        self.id = f"{Account.numbers:012d}"
        self.resolver = world.client("route53resolver", region, account=self.id)
        ec2 = world.client("ec2", region, account=self.id)
        subnets = ec2.describe_subnets()["Subnets"]
        self.subnets = [subnet["SubnetId"] for subnet in subnets]
        self.vpc = subnets[0]["VpcId"]
        self.group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]

    def endpoint(self, creator: str = "e", **more: Any) -> dict[str, Any]:
        """Make an endpoint."""
        given = {
            "CreatorRequestId": creator,
            "SecurityGroupIds": [self.group],
            "Direction": "OUTBOUND",
            "IpAddresses": [{"SubnetId": subnet} for subnet in self.subnets[:2]],
            **more,
        }
        made: dict[str, Any] = self.resolver.create_resolver_endpoint(**given)["ResolverEndpoint"]
        return made

    def ips(self, endpoint: dict[str, Any]) -> list[dict[str, Any]]:
        """The addresses of an endpoint."""
        ask = self.resolver.list_resolver_endpoint_ip_addresses
        found: list[dict[str, Any]] = ask(ResolverEndpointId=endpoint["Id"])["IpAddresses"]
        return found

    def rule(self, domain: str, creator: str = "", **more: Any) -> dict[str, Any]:
        """Make a rule."""
        given = {
            "CreatorRequestId": creator or domain,
            "DomainName": domain,
            "RuleType": "SYSTEM",
            **more,
        }
        made: dict[str, Any] = self.resolver.create_resolver_rule(**given)["ResolverRule"]
        return made

    def forwarding(self, ip: str, domain: str = "example.com") -> dict[str, Any]:
        """Make a rule that forwards, by an endpoint of its own."""
        endpoint = self.endpoint(f"for {domain}")["Id"]
        targets = [{"Ip": ip}]
        return self.rule(domain, RuleType="FORWARD", ResolverEndpointId=endpoint, TargetIps=targets)


@pytest.fixture
def account(world: VirtualWorld) -> Account:
    return Account(world)


def refusal(function: Any, /, *arguments: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        function(*arguments, **request)
    code: str = caught.value.response["Error"]["Code"]
    return code


def by(name: str, value: str) -> list[dict[str, Any]]:
    """A filter."""
    return [{"Name": name, "Values": [value]}]


def test_an_endpoint_has_an_address_in_each_subnet_it_names(account: Account) -> None:
    made = account.endpoint(Name="out of here", Tags=[{"Key": "a", "Value": "b"}])
    assert made["Id"].startswith("rslvr-out-")
    assert made["Arn"].endswith(f":{account.id}:resolver-endpoint/{made['Id']}")
    assert (made["Status"], made["IpAddressCount"]) == ("OPERATIONAL", 2)
    assert made["HostVPCId"] == account.vpc
    shown = account.resolver.get_resolver_endpoint(ResolverEndpointId=made["Id"])
    assert shown["ResolverEndpoint"] == made
    ips = account.ips(made)
    assert [ip["SubnetId"] for ip in ips] == account.subnets[:2]
    assert all(ip["Status"] == "ATTACHED" and ip["Ip"].startswith("172.31.") for ip in ips)
    tags = account.resolver.list_tags_for_resource(ResourceArn=made["Arn"])["Tags"]
    assert tags == [{"Key": "a", "Value": "b"}]


def test_no_two_endpoints_have_an_address_in_common(world: VirtualWorld) -> None:
    """Nor do those of other accounts, or of other regions."""
    given = []
    for region in (W, W, E):
        account = Account(world, region)
        for direction in ("INBOUND", "OUTBOUND"):
            made = account.endpoint(direction, Direction=direction)
            given += [ip["Ip"] for ip in account.ips(made)]
    assert len(set(given)) == len(given) == 12


def test_an_address_may_be_chosen(account: Account) -> None:
    parts: list[dict[str, str]] = [{"SubnetId": subnet} for subnet in account.subnets[:2]]
    parts[0]["Ip"] = "172.31.0.10"
    made = account.endpoint(IpAddresses=parts)
    assert account.ips(made)[0]["Ip"] == "172.31.0.10"
    assert refusal(account.endpoint, "again", IpAddresses=parts) == "ResourceExistsException"
    for wrong in ("172.31.0.2", "172.31.200.1", "10.0.0.7", "172.31.15.255", "no-address"):
        parts[0]["Ip"] = wrong
        code = refusal(account.endpoint, "wrong", IpAddresses=parts)
        assert code == "InvalidParameterException", wrong


def test_addresses_come_and_go_but_two_stay(account: Account) -> None:
    made = account.endpoint()
    named = {"ResolverEndpointId": made["Id"]}
    grown = account.resolver.associate_resolver_endpoint_ip_address(
        **named, IpAddress={"SubnetId": account.subnets[2]}
    )
    assert grown["ResolverEndpoint"]["IpAddressCount"] == 3
    gone = account.ips(made)[0]
    leave = account.resolver.disassociate_resolver_endpoint_ip_address
    leave(**named, IpAddress={"IpId": gone["IpId"]})
    assert gone["Ip"] not in [ip["Ip"] for ip in account.ips(made)]
    left = {"IpId": account.ips(made)[0]["IpId"]}
    assert refusal(leave, **named, IpAddress=left) == "InvalidRequestException"
    missing = {"IpId": "rni-1"}
    assert refusal(leave, **named, IpAddress=missing) == "ResourceNotFoundException"


@pytest.mark.parametrize(
    "wrong",
    [
        {"Direction": "INBOUND_DELEGATION"},
        {"Protocols": ["DoH"]},
        {"ResolverEndpointType": "DUALSTACK"},
        {"OutpostArn": "arn:aws:outposts:us-west-2:000000000000:outpost/op-0123456789abcdef0"},
        {"Dns64Enabled": True},
        {"SecurityGroupIds": []},
        {"Name": "red/green"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_an_endpoint_cannot_be_is_refused(account: Account, wrong: dict[str, Any]) -> None:
    code = refusal(account.endpoint, **wrong)
    assert code in {"InvalidParameterException", "ValidationException"}
    assert account.resolver.list_resolver_endpoints()["ResolverEndpoints"] == []


def test_an_endpoint_has_six_addresses_at_most(account: Account) -> None:
    seven = [{"SubnetId": account.subnets[0]} for _ in range(7)]
    assert refusal(account.endpoint, IpAddresses=seven) == "LimitExceededException"
    made = account.endpoint(IpAddresses=seven[:6])
    more = {"ResolverEndpointId": made["Id"], "IpAddress": seven[6]}
    grow = account.resolver.associate_resolver_endpoint_ip_address
    assert refusal(grow, **more) == "LimitExceededException"


def test_what_is_not_there_is_refused(account: Account) -> None:
    unknown = {"SubnetId": "subnet-1"}
    assert refusal(account.endpoint, IpAddresses=[unknown] * 2) == "InvalidRequestException"
    assert refusal(account.endpoint, SecurityGroupIds=["sg-1"]) == "InvalidRequestException"
    asked = account.resolver.get_resolver_endpoint
    assert refusal(asked, ResolverEndpointId="rslvr-out-1") == "ResourceNotFoundException"


def test_a_request_is_carried_out_once_and_there_are_quotas(account: Account) -> None:
    account.endpoint("0")
    assert refusal(account.endpoint, "0") == "ResourceExistsException"
    for number in range(1, 4):
        account.endpoint(str(number))
    assert refusal(account.endpoint, "4") == "LimitExceededException"
    listed = account.resolver.list_resolver_endpoints(MaxResults=3)
    rest = account.resolver.list_resolver_endpoints(NextToken=listed["NextToken"])
    assert (len(listed["ResolverEndpoints"]), len(rest["ResolverEndpoints"])) == (3, 1)
    ask = account.resolver.list_resolver_endpoints
    assert refusal(ask, NextToken="later") == "InvalidNextTokenException"


def test_endpoints_are_filtered_and_renamed(account: Account) -> None:
    made = account.endpoint()
    account.endpoint("in", Direction="INBOUND", Name="inside")
    ask = account.resolver.list_resolver_endpoints
    found = ask(Filters=by("Direction", "OUTBOUND"))["ResolverEndpoints"]
    assert [endpoint["Id"] for endpoint in found] == [made["Id"]]
    for name in ("HostVPCId", "HOST_VPC_ID"):
        assert len(ask(Filters=by(name, account.vpc))["ResolverEndpoints"]) == 2
    assert refusal(ask, Filters=by("Colour", "red")) == "InvalidParameterException"
    update = account.resolver.update_resolver_endpoint
    renamed = update(ResolverEndpointId=made["Id"], Name="elsewhere")["ResolverEndpoint"]
    assert renamed["Name"] == "elsewhere"
    wrong = {"ResolverEndpointId": made["Id"], "Protocols": ["DoH"]}
    assert refusal(update, **wrong) == "InvalidParameterException"


def test_rules_forward_by_outbound_endpoints_only(account: Account) -> None:
    inbound = account.endpoint("in", Direction="INBOUND")["Id"]
    rule = account.forwarding("198.19.0.250", "Example.COM")
    assert rule["Id"].startswith("rslvr-rr-")
    assert (rule["DomainName"], rule["Status"]) == ("example.com.", "COMPLETE")
    assert rule["TargetIps"] == [{"Ip": "198.19.0.250", "Port": 53, "Protocol": "Do53"}]
    outbound = rule["ResolverEndpointId"]
    forward = {"RuleType": "FORWARD", "TargetIps": [{"Ip": "198.19.0.250"}]}
    wrong = {"ResolverEndpointId": inbound, **forward}
    assert refusal(account.rule, "a.example", **wrong) == "InvalidRequestException"
    assert refusal(account.rule, "a.example", **forward) == "InvalidParameterException"
    nowhere = {"RuleType": "FORWARD", "ResolverEndpointId": outbound}
    assert refusal(account.rule, "a.example", **nowhere) == "InvalidParameterException"
    delete = account.resolver.delete_resolver_endpoint
    assert refusal(delete, ResolverEndpointId=outbound) == "InvalidRequestException"
    account.resolver.delete_resolver_rule(ResolverRuleId=rule["Id"])
    assert delete(ResolverEndpointId=outbound)["ResolverEndpoint"]["Status"] == "DELETING"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"RuleType": "RECURSIVE"}, "InvalidRequestException"),
        ({"RuleType": "DELEGATE"}, "InvalidParameterException"),
        ({"DomainName": "a..b"}, "InvalidParameterException"),
        ({"TargetIps": [{"Ip": "10.0.0.1"}]}, "InvalidParameterException"),
        ({"TargetIps": [{"Ipv6": "2001:db8::1"}]}, "InvalidParameterException"),
        ({"TargetIps": [{"Ip": "10.0.0.300"}]}, "InvalidParameterException"),
        ({"TargetIps": [{"Ip": "10.0.0.1"}] * 7}, "LimitExceededException"),
    ],
)
def test_what_a_rule_cannot_be_is_refused(
    account: Account, wrong: dict[str, Any], code: str
) -> None:
    given = {"DomainName": "example.com", "RuleType": "SYSTEM", "CreatorRequestId": "c", **wrong}
    assert refusal(account.resolver.create_resolver_rule, **given) == code
    listed = account.resolver.list_resolver_rules()["ResolverRules"]
    assert [rule["RuleType"] for rule in listed] == ["RECURSIVE"]


def test_the_internet_rule_is_there_by_itself(account: Account) -> None:
    [rule] = account.resolver.list_resolver_rules()["ResolverRules"]
    assert (rule["DomainName"], rule["Name"]) == (".", "Internet Resolver")
    asked = account.resolver.get_resolver_rule(ResolverRuleId=rule["Id"])["ResolverRule"]
    assert asked["Id"] == rule["Id"]
    delete = account.resolver.delete_resolver_rule
    assert refusal(delete, ResolverRuleId=rule["Id"]) == "InvalidRequestException"


def test_a_vpc_goes_by_one_rule_for_a_domain(account: Account) -> None:
    resolver = account.resolver
    rule, other = account.rule("example.com", "1")["Id"], account.rule("example.com.", "2")["Id"]
    associate = resolver.associate_resolver_rule
    same = {"ResolverRuleId": rule, "VPCId": account.vpc}
    made = associate(**same, Name="here")["ResolverRuleAssociation"]
    assert (made["Status"], made["VPCId"]) == ("COMPLETE", account.vpc)
    assert refusal(associate, **same) == "ResourceExistsException"
    clashing = {"ResolverRuleId": other, "VPCId": account.vpc}
    assert refusal(associate, **clashing) == "InvalidRequestException"
    unknown = {"ResolverRuleId": other, "VPCId": "vpc-1"}
    assert refusal(associate, **unknown) == "InvalidRequestException"
    assert refusal(resolver.delete_resolver_rule, ResolverRuleId=rule) == "ResourceInUseException"
    got = resolver.get_resolver_rule_association(ResolverRuleAssociationId=made["Id"])
    assert got["ResolverRuleAssociation"] == made
    listed = resolver.list_resolver_rule_associations(Filters=by("VPCId", account.vpc))
    assert listed["ResolverRuleAssociations"] == [made]
    resolver.disassociate_resolver_rule(**same)
    assert refusal(resolver.disassociate_resolver_rule, **same) == "ResourceNotFoundException"
    resolver.delete_resolver_rule(ResolverRuleId=rule)


def test_a_rule_does_not_forward_to_its_own_vpc(account: Account) -> None:
    inbound = account.endpoint("in", Direction="INBOUND")
    rule = account.forwarding(account.ips(inbound)[0]["Ip"])["Id"]
    associate = account.resolver.associate_resolver_rule
    asked = {"ResolverRuleId": rule, "VPCId": account.vpc}
    assert refusal(associate, **asked) == "InvalidRequestException"
    update, own = account.resolver.update_resolver_rule, account.ips(inbound)[1]["Ip"]
    elsewhere, here = ({"TargetIps": [{"Ip": ip}]} for ip in ("198.19.0.250", own))
    update(ResolverRuleId=rule, Config=elsewhere)
    associate(**asked)
    assert refusal(update, ResolverRuleId=rule, Config=here) == "InvalidRequestException"


def test_rules_are_updated_and_filtered(account: Account) -> None:
    rule = account.forwarding("198.19.0.250")
    account.rule("example.org", Name="system")
    update = account.resolver.update_resolver_rule
    targets = [{"Ip": "198.19.0.251", "Port": 5353}]
    config = {"Name": "new", "TargetIps": targets}
    changed = update(ResolverRuleId=rule["Id"], Config=config)["ResolverRule"]
    assert changed["Name"] == "new"
    assert changed["TargetIps"] == [{**targets[0], "Protocol": "Do53"}]
    ask = account.resolver.list_resolver_rules
    for name, value, domain in (
        ("Type", "SYSTEM", "example.org."),
        ("DomainName", "example.com.", "example.com."),
        ("ResolverEndpointId", rule["ResolverEndpointId"], "example.com."),
        ("NAME", "system", "example.org."),
    ):
        [found] = ask(Filters=by(name, value))["ResolverRules"]
        assert found["DomainName"] == domain
    other = {"ResolverEndpointId": account.endpoint("other")["Id"]}
    changed = update(ResolverRuleId=rule["Id"], Config=other)["ResolverRule"]
    assert {**changed, "ModificationTime": ""} == {
        **rule,
        **config,
        **other,
        "TargetIps": [{**targets[0], "Protocol": "Do53"}],
        "ModificationTime": "",
    }
    [system] = ask(Filters=by("Name", "system"))["ResolverRules"]
    wrong = {"ResolverRuleId": system["Id"], "Config": {"TargetIps": targets}}
    assert refusal(update, **wrong) == "InvalidParameterException"


def test_query_logs_are_configured_and_go_nowhere(account: Account) -> None:
    resolver = account.resolver
    arn = f"arn:aws:logs:{W}:{account.id}:log-group:queries"
    given = {"Name": "queries", "DestinationArn": arn, "CreatorRequestId": "q"}
    create = resolver.create_resolver_query_log_config
    config = create(**given)["ResolverQueryLogConfig"]
    assert (config["Status"], config["AssociationCount"]) == ("CREATED", 0)
    assert refusal(create, **given) == "ResourceExistsException"
    elsewhere = {**given, "CreatorRequestId": "r", "DestinationArn": "arn:aws:sqs:x"}
    assert refusal(create, **elsewhere) == "InvalidParameterException"
    named = {"ResolverQueryLogConfigId": config["Id"], "ResourceId": account.vpc}
    associate = resolver.associate_resolver_query_log_config
    association = associate(**named)["ResolverQueryLogConfigAssociation"]
    assert association["Status"] == "ACTIVE"
    assert refusal(associate, **named) == "ResourceExistsException"
    got = resolver.get_resolver_query_log_config_association(
        ResolverQueryLogConfigAssociationId=association["Id"]
    )
    assert got["ResolverQueryLogConfigAssociation"] == association
    listed = resolver.list_resolver_query_log_configs(SortBy="Name", SortOrder="DESCENDING")
    assert (listed["TotalCount"], listed["TotalFilteredCount"]) == (1, 1)
    assert listed["ResolverQueryLogConfigs"][0]["AssociationCount"] == 1
    assert resolver.list_resolver_query_log_config_associations()["TotalCount"] == 1
    create(**{**given, "Name": "more", "CreatorRequestId": "s"})
    for order, names in (("ASCENDING", ["more", "queries"]), ("DESCENDING", ["queries", "more"])):
        listed = resolver.list_resolver_query_log_configs(SortBy="Name", SortOrder=order)
        assert [one["Name"] for one in listed["ResolverQueryLogConfigs"]] == names
    ask = resolver.list_resolver_query_log_configs
    assert refusal(ask, SortBy="Colour") == "InvalidParameterException"
    delete, asked = (
        resolver.delete_resolver_query_log_config,
        {"ResolverQueryLogConfigId": config["Id"]},
    )
    assert refusal(delete, **asked) == "InvalidRequestException"
    resolver.disassociate_resolver_query_log_config(**named)
    delete(**asked)
    assert refusal(delete, **asked) == "ResourceNotFoundException"


def test_autodefined_reverse_is_a_setting_of_a_vpc(account: Account) -> None:
    resolver, named = account.resolver, {"ResourceId": account.vpc}
    config = resolver.get_resolver_config(**named)["ResolverConfig"]
    assert config["AutodefinedReverse"] == "ENABLED"
    update = resolver.update_resolver_config
    changed = update(**named, AutodefinedReverseFlag="DISABLE")["ResolverConfig"]
    assert changed == {**config, "AutodefinedReverse": "DISABLED"}
    assert resolver.get_resolver_config(**named)["ResolverConfig"] == changed
    assert resolver.list_resolver_configs()["ResolverConfigs"] == [changed]
    local = {**named, "AutodefinedReverseFlag": "USE_LOCAL_RESOURCE_SETTING"}
    assert refusal(update, **local) == "InvalidParameterException"


def test_tags_of_endpoints_and_rules(account: Account) -> None:
    resolver = account.resolver
    for thing in (account.endpoint(), account.rule("example.com")):
        arn = thing["Arn"]
        tags = [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}]
        resolver.tag_resource(ResourceArn=arn, Tags=tags)
        listed = resolver.list_tags_for_resource(ResourceArn=arn, MaxResults=1)
        assert listed["Tags"] == [tags[1]]
        rest = resolver.list_tags_for_resource(ResourceArn=arn, NextToken=listed["NextToken"])
        assert rest["Tags"] == [tags[0]]
        resolver.untag_resource(ResourceArn=arn, TagKeys=["a", "b"])
        assert resolver.list_tags_for_resource(ResourceArn=arn)["Tags"] == []
        reserved = [{"Key": "aws:x", "Value": ""}]
        tag = resolver.tag_resource
        assert refusal(tag, ResourceArn=arn, Tags=reserved) == "InvalidTagException"
        many = [{"Key": str(number), "Value": ""} for number in range(200)]
        tag(ResourceArn=arn, Tags=many)
        assert refusal(tag, ResourceArn=arn, Tags=tags) == "LimitExceededException"
    strange = f"arn:aws:route53resolver:{W}:{account.id}:resolver-config/rslvr-rc-1"
    ask = resolver.list_tags_for_resource
    assert refusal(ask, ResourceArn=strange) == "InvalidParameterException"


def test_the_rest_is_refused_by_name(account: Account) -> None:
    assert refusal(account.resolver.list_firewall_rule_groups) == "NotImplemented"
    asked = {"ResourceId": account.vpc}
    assert refusal(account.resolver.get_resolver_dnssec_config, **asked) == "NotImplemented"
