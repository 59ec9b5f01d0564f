"""Transforms of rules: what targets see of a host and a URL, and what is refused."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from antipodes.regional.elbv2.transforms import HOST, URL, Failed, Rewriting, normalised
from antipodes.service.contract import ServiceError
from tests.regional.elbv2.hosts import Front, Region, fixed, forward


def host(regex: str, text: str) -> dict[str, Any]:
    config = {"Rewrites": [{"Regex": regex, "Replace": text}]}
    return {"Type": HOST, "HostHeaderRewriteConfig": config}


def url(regex: str, text: str) -> dict[str, Any]:
    return {"Type": URL, "UrlRewriteConfig": {"Rewrites": [{"Regex": regex, "Replace": text}]}}


@pytest.mark.parametrize(
    ("regex", "text", "given", "made"),
    [
        ("^/dp/([A-Za-z0-9]+)/?$", "/product.php?id=$1", "/dp/B09", "/product.php?id=B09"),
        ("^/dp/([A-Za-z0-9]+)/?$", "/product.php?id=$1", "/DP/B09", "/DP/B09"),
        (r"\?v=(\d)&(.*)", "/v$1?$2", "/a?v=7&b=c", "/a/v7?b=c"),
        ("a", "<$0>", "/aa", "/<a>a"),
        (r"\?.*", "", "/a?b=c", "/a"),
        ("^/(x)?(.*)", "/[$1]$2$", "/y", "/[]y$"),
    ],
)
def test_urls(regex: str, text: str, given: str, made: str) -> None:
    path, _, query = given.partition("?")
    path, query = Rewriting([url(regex, text)]).url(path, query)
    assert (f"{path}?{query}" if query else path) == made


@pytest.mark.parametrize("text", ["$1 $1", "no-slash", "/a#b", "/\x7f"])
def test_what_is_no_url_fails(text: str) -> None:
    with pytest.raises(Failed):
        Rewriting([url("^(/.*)$", text)]).url("/a", "")


def test_a_host_keeps_its_port_and_its_letters_do_not_matter() -> None:
    rewriting = Rewriting([host("^mywebsite-(.+).com$", "internal.dev.$1.myweb.com")])
    headers = [("X-A", "mywebsite-a.com"), ("Host", "MyWebsite-example.com:8080")]
    assert rewriting.headers(headers) == [
        ("X-A", "mywebsite-a.com"),
        ("Host", "internal.dev.example.myweb.com:8080"),
    ]
    with pytest.raises(Failed):
        Rewriting([host("^(.+)$", "$1/")]).headers([("Host", "a")])
    with pytest.raises(Failed):
        Rewriting([host("^(.+)$", "$1" * 100)]).headers([("Host", "abc")])


@pytest.mark.parametrize(
    "transforms",
    [
        [{"Type": "no-such"}],
        [{"Type": URL}],
        [{**url("a", "b"), "HostHeaderRewriteConfig": host("a", "b")["HostHeaderRewriteConfig"]}],
        [url("a", "b"), url("b", "c")],
        [url("", "b")],
        [url("a", "b" * 1_025)],
        [url("a" * 1_025, "b")],
        [url("(a", "b")],
        [url(r"(a)\1", "b")],
        [url("(a)", "$2")],
    ],
)
def test_transforms_that_are_refused(transforms: list[dict[str, Any]]) -> None:
    with pytest.raises(ServiceError):
        normalised(transforms)


@pytest.fixture(scope="module")
def region() -> Iterator[Region]:
    region = Region()
    yield region
    region.close()


@pytest.fixture(scope="module")
def front(region: Region) -> Front:
    return region.serving(lambda event: {"statusCode": 200, "body": json.dumps(event)})


def test_targets_see_what_a_rule_makes_of_a_request(region: Region, front: Front) -> None:
    elbv2 = region.client("elbv2")
    transforms = [
        host(r"^www\.(.*)$", "inside.$1"),
        url("^/dp/([A-Z0-9]+)", "/product?id=$1"),
    ]
    [rule] = elbv2.create_rule(
        ListenerArn=front.listener,
        Priority=1,
        Conditions=[
            {"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["^/dp/"]}},
            {"Field": "host-header", "HostHeaderConfig": {"RegexValues": [r"^www\."]}},
        ],
        Actions=[forward(front.group)],
        Transforms=transforms,
    )["Rules"]
    assert rule["Transforms"] == transforms
    assert rule["Conditions"][0]["PathPatternConfig"] == {"RegexValues": ["^/dp/"]}

    def seen(target: str = "/dp/B09") -> tuple[str, str, dict[str, str]]:
        headers = {"Host": "www.example.com"}
        event = json.loads(region.ask(front.door, target=target, headers=headers).body)
        return event["headers"]["host"], event["path"], event["queryStringParameters"]

    assert seen() == ("inside.example.com", "/product", {"id": "B09"})
    assert seen("/other") == ("www.example.com", "/other", {})
    with pytest.raises(ClientError, match="not both"):
        elbv2.modify_rule(RuleArn=rule["RuleArn"], Transforms=transforms, ResetTransforms=True)
    elbv2.modify_rule(RuleArn=rule["RuleArn"], Transforms=transforms[:1])
    assert seen() == ("inside.example.com", "/dp/B09", {})
    elbv2.modify_rule(RuleArn=rule["RuleArn"], Transforms=[url("dp.*", "a#b")])
    response = region.ask(front.door, target="/dp/B09", headers={"Host": "www.example.com"})
    assert (response.status, b"500 Internal Server Error" in response.body) == (500, True)
    elbv2.modify_rule(RuleArn=rule["RuleArn"], Actions=[fixed("not sent on")])
    headers = {"Host": "www.example.com"}
    assert region.ask(front.door, target="/dp/B09", headers=headers).body == b"not sent on"
    elbv2.modify_rule(RuleArn=rule["RuleArn"], Actions=[forward(front.group)], ResetTransforms=True)
    assert seen() == ("www.example.com", "/dp/B09", {})
    [shown, default] = elbv2.describe_rules(ListenerArn=front.listener)["Rules"]
    assert (shown["Transforms"], default["Transforms"]) == ([], [])


def test_a_rule_keeps_its_transforms_over_a_restart(region: Region, front: Front) -> None:
    elbv2 = region.client("elbv2")
    elbv2.create_rule(
        ListenerArn=front.listener,
        Priority=2,
        Conditions=[{"Field": "path-pattern", "RegexValues": ["^/kept/"]}],
        Actions=[forward(front.group)],
        Transforms=[url("^/kept/", "/")],
    )
    region.restart()
    event = json.loads(region.ask(front.door, target="/kept/a").body)
    assert event["path"] == "/a"
