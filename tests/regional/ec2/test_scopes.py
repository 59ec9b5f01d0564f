"""Network Access Analyzer, asked by boto3."""

from datetime import timedelta
from typing import Any

import pytest

from antipodes.regional.ec2 import scopes
from tests.regional.ec2.networks import ACCOUNT
from tests.regional.ec2.scoping import Shop, ends, header, kind, of, parts
from tests.regional.ec2.worlds import named, refusal, tagged
from tests.regional.elbv2.hosts import REGION, Region

OUTSIDE = [
    *("0.0.0.0/5", "11.0.0.0/8", "12.0.0.0/6", "128.0.0.0/3", "16.0.0.0/4", "160.0.0.0/5"),
    *("168.0.0.0/6", "172.0.0.0/12", "172.128.0.0/9", "172.32.0.0/11", "172.64.0.0/10"),
    *("173.0.0.0/8", "174.0.0.0/7", "176.0.0.0/4", "192.0.0.0/9", "192.128.0.0/11"),
    *("192.160.0.0/13", "192.169.0.0/16", "192.170.0.0/15", "192.172.0.0/14", "192.176.0.0/12"),
    *("192.192.0.0/10", "193.0.0.0/8", "194.0.0.0/7", "196.0.0.0/6", "200.0.0.0/5"),
    *("208.0.0.0/4", "224.0.0.0/3", "32.0.0.0/3", "64.0.0.0/2", "8.0.0.0/7"),
]  # as the guide shows it, where private space is RFC 1918's alone
SHARED = "64.0.0.0/2"  # RFC 6598's is in it


@pytest.fixture
def shop(region: Region) -> Shop:
    return Shop(region)


def test_a_finding_is_as_the_guide_shows_it(shop: Shop) -> None:
    [found] = shop.asked({"Source": kind("InternetGateway"), "Destination": of(shop.network)})
    assert parts(found) == ["igw", "acl", "sg", "eni"]
    gateway, acl, group, interface = found
    [instance] = shop.ec2.describe_instances(InstanceIds=[shop.web])["Reservations"][0]["Instances"]
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}"
    assert gateway["Component"]["Arn"] == f"{arn}:internet-gateway/{shop.gateway}"
    inbound = gateway["InboundHeader"]
    without = [one for one in inbound["SourceAddresses"] if one in OUTSIDE]
    assert without == [one for one in OUTSIDE if one != SHARED]
    assert {key: inbound[key] for key in inbound if key != "SourceAddresses"} == {
        "DestinationAddresses": [f"{instance['PublicIpAddress']}/32"],
        "DestinationPortRanges": [{"From": 80, "To": 80}],
        "SourcePortRanges": [{"From": 0, "To": 65535}],
        "Protocol": "6",
    }
    private = f"{instance['PrivateIpAddress']}/32"
    assert gateway["OutboundHeader"] == {"DestinationAddresses": [private]}
    assert acl["AclRule"] == {
        "Cidr": "0.0.0.0/0",
        "Egress": False,
        "Protocol": "all",
        "RuleAction": "allow",
        "RuleNumber": 100,
    }
    rule = group["SecurityGroupRule"]
    assert (rule["Direction"], rule["Cidr"], rule["Protocol"]) == ("ingress", "0.0.0.0/0", "tcp")
    assert rule["PortRange"] == {"From": 80, "To": 80}
    assert interface["Component"] == {
        "Id": shop.at_web,
        "Arn": f"{arn}:network-interface/{shop.at_web}",
    }
    assert interface["Subnet"] == {"Id": shop.front, "Arn": f"{arn}:subnet/{shop.front}"}
    assert interface["Vpc"] == {"Id": shop.network, "Arn": f"{arn}:vpc/{shop.network}"}


def test_the_way_out_is_told_with_its_route(shop: Shop) -> None:
    findings = shop.asked({"Source": of(shop.network), "Destination": of(shop.gateway)})
    assert ends(findings) == [(shop.at_web, shop.gateway)]
    assert {one[0]["OutboundHeader"]["Protocol"] for one in findings} == {"6", "17"}
    found = findings[0]
    assert parts(found) == ["eni", "sg", "acl", "rtb", "igw"]
    assert found[3]["RouteTableRoute"] == {
        "DestinationCidr": "0.0.0.0/0",
        "GatewayId": shop.gateway,
        "State": "active",
    }
    [changed] = found[4]["OutboundHeader"].values()
    assert found[4]["OutboundHeader"].keys() == {"SourceAddresses"}
    assert not changed[0].startswith("10.")


def test_amazons_scopes_are_there_and_stay(shop: Shop) -> None:
    ec2 = shop.ec2

    def described() -> dict[str, str]:
        found = shop.region.client("ec2").describe_network_insights_access_scopes()
        return {
            one["Tags"][0]["Value"]: one["NetworkInsightsAccessScopeId"]
            for one in found["NetworkInsightsAccessScopes"]
        }

    there = described()
    assert sorted(there) == [
        *("AWS-IGW-Egress", "AWS-IGW-Ingress", "AWS-VPC-Egress", "AWS-VPC-Ingress")
    ]
    assert ends(shop.found(there["AWS-IGW-Ingress"])) == [(shop.gateway, shop.at_web)]
    assert ends(shop.found(there["AWS-IGW-Egress"])) == [(shop.at_web, shop.gateway)]
    assert ends(shop.found(there["AWS-VPC-Ingress"])) == [(shop.gateway, shop.at_web)]
    assert ends(shop.found(there["AWS-VPC-Egress"])) == [(shop.at_web, shop.gateway)]
    for name in there.values():
        delete = ec2.delete_network_insights_access_scope
        assert refusal(delete, NetworkInsightsAccessScopeId=name) == "OperationNotPermitted"
    content = ec2.get_network_insights_access_scope_content(
        NetworkInsightsAccessScopeId=there["AWS-IGW-Egress"]
    )["NetworkInsightsAccessScopeContent"]
    assert content["MatchPaths"] == [
        {"Source": kind("NetworkInterface"), "Destination": kind("InternetGateway")}
    ]
    shop.region.restart()
    assert described() == there


def test_a_vpn_gateway_that_is_attached_to_nothing_lets_nothing_in(shop: Shop) -> None:
    before = shop.asked({"Destination": kind("NetworkInterface")})
    shop.ec2.create_vpn_gateway(Type="ipsec.1")
    assert ends(shop.asked({"Destination": kind("NetworkInterface")})) == ends(before)
    assert shop.asked({"Source": kind("VPNGateway")}) == []


def test_match_paths_are_or_ed_as_in_the_guides_own_command_line(shop: Shop) -> None:
    """`--match-paths Source={...} Destination={...}` is two paths: from here, or to there."""
    one = shop.asked({"Source": of(shop.back)}, {"Destination": kind("InternetGateway")})
    assert set(ends(one)) == {
        (shop.at_web, shop.gateway),
        *((shop.at_data, target) for _, target in ends(shop.asked({"Source": of(shop.back)}))),
    }
    both = shop.asked({"Source": of(shop.back), "Destination": kind("InternetGateway")})
    assert both == []


def test_headers_are_judged_as_they_leave_and_as_they_arrive(shop: Shop) -> None:
    into = {"Source": kind("InternetGateway")}
    trusted = header(SourceAddresses=["55.3.0.0/16"])
    [found] = shop.asked(into, excluding=[{"Source": trusted}])
    sources = found[0]["InboundHeader"]["SourceAddresses"]
    assert "55.0.0.0/15" in sources
    assert "55.2.0.0/16" in sources or "55.0.0.0/15" in sources
    assert not any(one.startswith("55.3.") for one in sources)
    [found] = shop.asked({"Source": kind("InternetGateway") | trusted})
    assert found[0]["InboundHeader"]["SourceAddresses"] == ["55.3.0.0/16"]
    private = header(DestinationAddresses=["10.0.0.0/16"])
    assert shop.asked(into | {"Destination": private}) == shop.asked(into)
    assert shop.asked(into, excluding=[{"Destination": private}]) == []
    assert (
        shop.asked(into, excluding=[{"Destination": header(DestinationPorts=["22", "80-81"])}])
        == []
    )
    assert shop.asked(into | {"Destination": header(Protocols=["udp"])}) == []


def test_prefix_lists_stand_for_their_entries(shop: Shop) -> None:
    made = shop.ec2.create_managed_prefix_list(
        PrefixListName="offices",
        MaxEntries=2,
        AddressFamily="IPv4",
        Entries=[{"Cidr": "55.3.0.0/16"}, {"Cidr": "55.4.0.0/16"}],
    )["PrefixList"]
    for name in (made["PrefixListId"], made["PrefixListArn"]):
        source = kind("InternetGateway") | header(SourcePrefixLists=[name])
        [found] = shop.asked({"Source": source})
        assert found[0]["InboundHeader"]["SourceAddresses"] == ["55.3.0.0/16", "55.4.0.0/16"]


def test_names_are_ids_or_arns_of_what_interfaces_are_in(shop: Shop) -> None:
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{shop.web}"
    wanted = [(shop.at_web, shop.at_data)]
    for source in (shop.web, arn, shop.at_web, shop.front, shop.group_of_web):
        assert (
            ends(shop.asked({"Source": of(source), "Destination": of(shop.group_of_data)}))
            == wanted
        )
    assert shop.asked({"Source": of("i-0123456789abcdef0")}) == []  # is not there, or not any more


# What is refused.

SUBNET = of("subnet-0123456789abcdef0")
USUAL = [{"Source": SUBNET}]
CREATE = "create_network_insights_access_scope"


OWN = f"{REGION}:{ACCOUNT}"
BALANCER = f"arn:aws:elasticloadbalancing:{OWN}:loadbalancer/app/a/0123456789abcdef"
NEITHER = {"Resources": ["vpc-01234567"], "ResourceTypes": ["AWS::EC2::InternetGateway"]}
TWO_WAYS = header(SourceAddresses=["10.0.0.0/8"], SourcePrefixLists=["pl-01234567"])
NO_SOURCES = [
    *(kind(name) for name in ("NatGateway", "VPCEndpoint", "Instance")),
    *(of(name) for name in ("nat-0123456789abcdef0", "rtb-0123456789abcdef0", "vpc-0123", "web")),
    of("arn:aws:ec2"),
    of(f"arn:aws:ec2:eu-west-1:{ACCOUNT}:vpc/vpc-01234567"),
    of(f"arn:aws:ec2:{REGION}:111111111111:vpc/vpc-01234567"),
    of(f"arn:aws:s3:{OWN}:bucket/own"),
    of(f"arn:aws:resource-groups:{OWN}:group/"),
    of(BALANCER),
    *(header(SourceAddresses=[text]) for text in ("10.0.0.0/33", "fc00::/7", "here")),
    header(SourcePrefixLists=["vpc-01234567"]),
    *(header(DestinationPorts=[text]) for text in ("443-80", "65536", "ssh", "80-", "")),
    header(Protocols=["icmp"]),
]
NO_WAYS = [
    [kind("InternetGateway")],
    [kind("NatGateway"), kind("VPCEndpoint")],
    [of("vpc-0123456789abcdef0")],
]


@pytest.mark.parametrize(
    ("code", "path"),
    [
        ("InvalidParameterCombination", {"Source": {"ResourceStatement": NEITHER}}),
        ("InvalidParameterCombination", {"Source": TWO_WAYS}),
        *(("InvalidParameterValue", {"Source": one}) for one in NO_SOURCES),
        *(("InvalidParameterValue", {"ThroughResources": one}) for one in NO_WAYS),
    ],
)
def test_what_cannot_be_asked(still: Any, code: str, path: dict[str, Any]) -> None:
    create = getattr(still, CREATE)
    for paths in ({"MatchPaths": [path]}, {"MatchPaths": USUAL, "ExcludePaths": [path]}):
        assert refusal(create, **paths) == code
    found = still.describe_network_insights_access_scopes()["NetworkInsightsAccessScopes"]
    assert len(found) == 4  # Amazon's


def test_ways_through_things_are_of_one_statement(still: Any) -> None:
    create = getattr(still, CREATE)
    assert refusal(create, MatchPaths=[]) == "MissingParameter"
    firewall = f"arn:aws:network-firewall:{REGION}:{ACCOUNT}:firewall/wall"
    for through in (of(BALANCER), of(firewall), kind("NatGateway"), of("nat-01234567")):
        path = {"Source": SUBNET, "ThroughResources": [through]}
        code = refusal(create, MatchPaths=[path], DryRun=True)
        assert code == "DryRunOperation"


def test_a_scope_is_made_once_shown_and_deleted_with_its_analyses(shop: Shop) -> None:
    ec2, create = shop.ec2, shop.ec2.create_network_insights_access_scope
    tags = tagged("network-insights-access-scope", Name="out")
    wanted = {"MatchPaths": USUAL, "TagSpecifications": tags, "ClientToken": "once"}
    made = create(**wanted)
    scope = made["NetworkInsightsAccessScope"]
    name = scope["NetworkInsightsAccessScopeId"]
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:network-insights-access-scope/{name}"
    assert scope["NetworkInsightsAccessScopeArn"] == arn
    assert made["NetworkInsightsAccessScopeContent"] == {
        "NetworkInsightsAccessScopeId": name,
        "MatchPaths": USUAL,
        "ExcludePaths": [],
    }
    assert create(**wanted)["NetworkInsightsAccessScope"] == scope
    other = wanted | {"MatchPaths": [{"Destination": SUBNET}]}
    assert refusal(create, **other) == "IdempotentParameterMismatch"
    analysis = shop.analysed(name)
    assert (analysis["FindingsFound"], analysis["AnalyzedEniCount"]) == ("false", 2)
    finding = analysis["NetworkInsightsAccessScopeAnalysisId"]
    shop.region.restart()
    again = shop.region.client("ec2")
    asked = {"NetworkInsightsAccessScopeIds": [name]}
    told = again.describe_network_insights_access_scopes(**asked)
    assert told["NetworkInsightsAccessScopes"] == [scope]
    code = refusal(again.describe_network_insights_access_scopes, **asked, Filters=named("x", "y"))
    assert code == "InvalidParameterValue"
    told = again.describe_network_insights_access_scope_analyses(NetworkInsightsAccessScopeId=name)
    assert told["NetworkInsightsAccessScopeAnalyses"] == [analysis]
    again.delete_network_insights_access_scope(NetworkInsightsAccessScopeId=name)
    code = refusal(again.describe_network_insights_access_scopes, **asked)
    assert code == "InvalidNetworkInsightsAccessScopeId.NotFound"
    get = again.get_network_insights_access_scope_analysis_findings
    code = refusal(get, NetworkInsightsAccessScopeAnalysisId=finding)
    assert code == "InvalidNetworkInsightsAccessScopeAnalysisId.NotFound"
    assert ec2.describe_tags(Filters=named("resource-id", name))["Tags"] == []


def test_findings_in_pages_that_outlive_a_restart(shop: Shop) -> None:
    shop.instance(shop.front, shop.group_of_web)
    analysis = shop.analysed(shop.scope({"Source": of(shop.network)}))
    name = {
        "NetworkInsightsAccessScopeAnalysisId": analysis["NetworkInsightsAccessScopeAnalysisId"]
    }
    get = shop.ec2.get_network_insights_access_scope_analysis_findings
    every = get(**name)["AnalysisFindings"]
    assert len({one["FindingId"] for one in every}) == len(every) > 2
    assert every[0]["FindingId"] == "AccessScopeAnalysisFinding-1"
    shop.region.restart()
    get = shop.region.client("ec2").get_network_insights_access_scope_analysis_findings
    pages: list[Any] = []
    token: dict[str, str] = {}
    while True:
        page = get(**name, MaxResults=2, **token)
        pages += page["AnalysisFindings"]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert pages == every
    assert refusal(get, **name, NextToken="x") == "InvalidParameterValue"


def test_what_an_account_may_have_of_each(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    ec2 = shop.ec2
    monkeypatch.setattr(scopes, "SCOPES_MAX", 1)
    monkeypatch.setattr(scopes, "ANALYSES_MAX", 2)
    monkeypatch.setattr(scopes, "FINDINGS_MAX", 2)
    scope = shop.scope({"Source": of(shop.network)})  # Amazon's do not count
    code = refusal(ec2.create_network_insights_access_scope, MatchPaths=USUAL)
    assert code == "NetworkInsightsAccessScopeLimitExceeded"
    analysis = shop.analysed(scope)
    assert "more findings than 2" in analysis["WarningMessage"]
    name = analysis["NetworkInsightsAccessScopeAnalysisId"]
    told = ec2.get_network_insights_access_scope_analysis_findings(
        NetworkInsightsAccessScopeAnalysisId=name
    )
    assert len(told["AnalysisFindings"]) == 2
    shop.analysed(scope)
    start = ec2.start_network_insights_access_scope_analysis
    code = refusal(start, NetworkInsightsAccessScopeId=scope)
    assert code == "NetworkInsightsAccessScopeAnalysisLimitExceeded"
    ec2.delete_network_insights_access_scope_analysis(NetworkInsightsAccessScopeAnalysisId=name)
    start(NetworkInsightsAccessScopeId=scope)


def test_analyses_are_begun_once_found_by_time_and_deleted(shop: Shop) -> None:
    ec2, scope = shop.ec2, shop.scope({"Source": of(shop.network)})
    asked = {"NetworkInsightsAccessScopeId": scope, "ClientToken": "once"}
    start = ec2.start_network_insights_access_scope_analysis
    assert refusal(start, **asked, DryRun=True) == "DryRunOperation"
    tags = tagged("network-insights-access-scope-analysis", Name="first")
    begun = start(**asked, TagSpecifications=tags)["NetworkInsightsAccessScopeAnalysis"]
    again = start(**asked, TagSpecifications=tags)["NetworkInsightsAccessScopeAnalysis"]
    assert (again, begun["Tags"]) == (begun, [{"Key": "Name", "Value": "first"}])
    assert refusal(start, **asked) == "IdempotentParameterMismatch"
    describe = ec2.describe_network_insights_access_scope_analyses

    def between(**times: Any) -> int:
        return len(describe(**times)["NetworkInsightsAccessScopeAnalyses"])

    begins = begun["StartDate"]
    second = timedelta(seconds=1)
    assert between(AnalysisStartTimeBegin=begins - second, AnalysisStartTimeEnd=begins + second)
    assert between(AnalysisStartTimeBegin=begins.replace(year=begins.year + 1)) == 0
    assert between(AnalysisStartTimeEnd=begins.replace(year=begins.year - 1)) == 0
    name = {"NetworkInsightsAccessScopeAnalysisId": begun["NetworkInsightsAccessScopeAnalysisId"]}
    delete = ec2.delete_network_insights_access_scope_analysis
    assert refusal(delete, **name, DryRun=True) == "DryRunOperation"
    delete(**name)
    unknown = "InvalidNetworkInsightsAccessScopeAnalysisId.NotFound"
    assert refusal(delete, **name) == unknown
    unknown = "InvalidNetworkInsightsAccessScopeId.NotFound"
    nothing = {"NetworkInsightsAccessScopeId": "nis-0123456789abcdef0"}
    for operation in (start, ec2.get_network_insights_access_scope_content):
        assert refusal(operation, **nothing) == unknown
    assert refusal(ec2.delete_network_insights_access_scope, **nothing) == unknown
