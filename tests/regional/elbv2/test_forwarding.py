"""What a load balancer adds to requests, and its own pages."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.regional.elbv2.actions import Url, normalised, redirect_location
from antipodes.regional.elbv2.forwarding import (
    Policy,
    headers_to_pass,
    host_to_pass,
    page,
    too_many_addresses,
    trace_header,
)
from antipodes.service.contract import ServiceError

POLICY = Policy(60.0, preserves_host=False, forwarded="append")
ROOT = "1-5759e988-bd862e3fe1be46a994272793"
OWN = "1-00000001-000000000000000000000001"
LISTS = st.lists(st.sampled_from(["203.0.113.1", "203.0.113.2"]), max_size=3)


def passed(headers: list[tuple[str, str]], **more: Any) -> dict[str, str]:
    options: dict[str, Any] = {"peer_ip": "198.19.128.9", "port": 80, "trace": f"Root={ROOT}"}
    options |= {"policy": POLICY, "scheme": "http"}
    return {name.lower(): v for name, v in headers_to_pass(headers, **{**options, **more})}


@pytest.mark.parametrize(("status", "length"), [(503, 162), (502, 122)])
def test_pages_are_as_long_as_those_of_aws(status: int, length: int) -> None:
    made = page(status, 0.0)
    assert len(made.body) == length
    assert dict(made.headers)["Server"] == "awselb/2.0"
    assert dict(made.headers)["Date"] == "Thu, 01 Jan 1970 00:00:00 GMT"


def test_a_trace_is_begun_or_continued() -> None:
    assert trace_header("", ROOT, OWN) == (f"Root={ROOT}", ROOT)
    assert trace_header("Root=1-a-b", ROOT, OWN) == (f"Self={OWN};Root=1-a-b", "1-a-b")
    assert trace_header("Self=1-c-d;Root=1-a-b;x=1", ROOT, OWN) == (
        f"Self={OWN};Root=1-a-b;x=1",
        "1-a-b",
    )
    assert trace_header("Root=1-a-b;x=" + "y" * 8000, ROOT, OWN) == ("Root=1-a-b", "1-a-b")
    assert trace_header("nonsense", ROOT, OWN) == (f"Root={ROOT}", ROOT)


@given(LISTS)
def test_the_client_comes_last_of_all_that_a_request_came_through(before: list[str]) -> None:
    sent = [("X-Forwarded-For", address) for address in before]
    told = passed(sent)["x-forwarded-for"].split(", ")
    assert told == [*before, "198.19.128.9"]
    kept = passed(sent, policy=POLICY._replace(forwarded="preserve"))
    assert kept.get("x-forwarded-for", "") == ", ".join(before)
    removed = passed(sent, policy=POLICY._replace(forwarded="remove"))
    assert "x-forwarded-for" not in removed


def test_what_a_client_says_of_protocol_and_port_is_replaced() -> None:
    sent = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "1"), ("Connection", "close")]
    told = passed([*sent, ("X-Custom", "kept")], port=8080)
    assert (told["x-forwarded-proto"], told["x-forwarded-port"]) == ("http", "8080")
    assert told["x-custom"] == "kept"
    assert "connection" not in told


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        ("WWW.Example.com", 80, "www.example.com"),
        ("www.example.com:80", 80, "www.example.com"),
        ("www.example.com", 8080, "www.example.com:8080"),
        ("www.example.com:8080", 8080, "www.example.com:8080"),
    ],
)
def test_hosts_are_told_with_ports_that_are_not_usual(host: str, port: int, expected: str) -> None:
    assert host_to_pass(host, port, POLICY) == expected
    assert host_to_pass(host, port, POLICY._replace(preserves_host=True)) == host


def test_thirty_addresses_are_enough() -> None:
    assert not too_many_addresses([("X-Forwarded-For", ",".join(["1.1.1.1"] * 30))])
    assert too_many_addresses([("X-Forwarded-For", ",".join(["1.1.1.1"] * 31))])
    assert too_many_addresses([("x-forwarded-for", "1.1.1.1")] * 31)


URL = Url("http", "example.com", 80, "/a/b", "x=1")


@pytest.mark.parametrize(
    ("config", "location"),
    [
        ({"Protocol": "HTTPS", "Port": "443"}, "https://example.com:443/a/b?x=1"),
        ({"Host": "www.#{host}"}, "http://www.example.com:80/a/b?x=1"),
        ({"Path": "/new/#{path}", "Query": ""}, "http://example.com:80/new/a/b"),
        ({"Path": "/", "Query": "#{query}&y=2"}, "http://example.com:80/?x=1&y=2"),
    ],
)
def test_redirects_keep_what_they_do_not_change(config: dict[str, str], location: str) -> None:
    action = {"Type": "redirect", "RedirectConfig": {**config, "StatusCode": "HTTP_301"}}
    [made] = normalised([action], lambda _: None)
    assert redirect_location(made["RedirectConfig"], URL) == location


@pytest.mark.parametrize(
    ("code", "action"),
    [
        ("InvalidLoadBalancerAction", {"Type": "redirect", "RedirectConfig": {"Query": "a"}}),
        ("ValidationError", {"Type": "redirect", "RedirectConfig": {"Port": "70000"}}),
        ("ValidationError", {"Type": "redirect", "RedirectConfig": {"Path": "a"}}),
        ("ValidationError", {"Type": "redirect", "RedirectConfig": {"Host": "a\r\nb"}}),
        ("ValidationError", {"Type": "redirect"}),
        ("ValidationError", {"Type": "forward"}),
        ("ValidationError", {"Type": "fixed-response", "TargetGroupArn": "a"}),
        (
            "ValidationError",
            {"Type": "fixed-response", "FixedResponseConfig": {"ContentType": "image/png"}},
        ),
        (
            "ValidationError",
            {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": "a"}] * 2}},
        ),
        (
            "ValidationError",
            {
                "Type": "forward",
                "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": "a", "Weight": 1000}]},
            },
        ),
        ("InvalidConfigurationRequest", {"Type": "authenticate-oidc"}),
        (
            "ValidationError",
            {
                "Type": "forward",
                "TargetGroupArn": "a",
                "ForwardConfig": {"TargetGroupStickinessConfig": {"Enabled": True}},
            },
        ),
    ],
)
def test_actions_that_are_refused(code: str, action: dict[str, Any]) -> None:
    for config in ("RedirectConfig", "FixedResponseConfig"):
        if config in action:
            status = "HTTP_301" if config == "RedirectConfig" else "200"
            action = {**action, config: {**action[config], "StatusCode": status}}
    with pytest.raises(ServiceError) as caught:
        normalised([action], lambda _: None)
    assert caught.value.code == code


def test_an_action_is_kept_as_it_is_shown() -> None:
    shown = normalised([{"Type": "forward", "TargetGroupArn": "a"}], lambda _: None)
    assert normalised(shown, lambda _: None) == shown
    assert shown[0]["ForwardConfig"]["TargetGroups"] == [{"TargetGroupArn": "a", "Weight": 1}]
