"""Events for functions and answers from them."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.regional.elbv2.lambdaformat import (
    BadAnswer,
    check_event,
    event,
    parse_answer,
    split_query,
)

GROUP = "arn:aws:elasticloadbalancing:us-west-2:000000000000:targetgroup/g/50dc6c495c0c9188"
NAMES = st.text("abXY-", min_size=1, max_size=5)
PAIRS = st.lists(st.tuples(NAMES, st.text(max_size=5)), max_size=8)


def made(*, multi_value: bool = False, **more: Any) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "method": "GET",
        "path": "/",
        "query": [],
        "headers": [],
        "body": b"",
        **more,
    }
    document: dict[str, Any] = json.loads(event(GROUP, multi_value=multi_value, **parts))
    return document


def test_an_event_has_exactly_these_members() -> None:
    assert made(
        method="POST",
        path="/a%20b",
        query=split_query("x=1&y=%20&x=2&z"),
        headers=[("Content-Type", "application/json; charset=utf-8"), ("Connection", "close")],
        body=b'{"a": 1}',
    ) == {
        "requestContext": {"elb": {"targetGroupArn": GROUP}},
        "httpMethod": "POST",
        "path": "/a%20b",
        "queryStringParameters": {"x": "2", "y": "%20", "z": ""},
        "headers": {"content-type": "application/json; charset=utf-8"},
        "body": '{"a": 1}',
        "isBase64Encoded": False,
    }


@given(PAIRS, PAIRS)
def test_the_last_of_the_multi_values_is_the_single_one(
    headers: list[tuple[str, str]], query: list[tuple[str, str]]
) -> None:
    single = made(headers=headers, query=query)
    multi = made(headers=headers, query=query, multi_value=True)
    for name in ("headers", "queryStringParameters"):
        several = multi["multiV" + ("alue" + name[:1].upper() + name[1:])]
        assert {key: values[-1] for key, values in several.items()} == single[name]
        assert name not in multi
    assert sum(len(values) for values in multi["multiValueHeaders"].values()) == len(headers)
    assert all(name == name.lower() for name in single["headers"])


@given(st.binary(max_size=50), st.sampled_from(["image/png", "", "application/octet-stream"]))
def test_a_body_that_is_no_text_is_encoded(body: bytes, kind: str) -> None:
    document = made(body=body, headers=[("content-type", kind)] if kind else [])
    assert document["isBase64Encoded"] is bool(body)
    assert base64.b64decode(document["body"]) == body


@given(st.text(max_size=50), st.sampled_from(["text/html", "Application/JSON"]))
def test_a_body_that_is_text_is_text(body: str, kind: str) -> None:
    headers = [("content-type", kind)]
    assert made(body=body.encode(), headers=headers)["body"] == body
    squeezed = made(body=body.encode(), headers=[*headers, ("content-encoding", "gzip")])
    assert squeezed["isBase64Encoded"] is bool(body)


def test_text_that_is_none_is_told() -> None:
    with pytest.raises(UnicodeDecodeError):
        made(body=b"\xff", headers=[("content-type", "text/plain")])


def test_the_event_of_a_health_check() -> None:
    document = json.loads(check_event(GROUP, "/health?deep=1", multi_value=False))
    assert document["path"] == "/health"
    assert document["queryStringParameters"] == {"deep": "1"}
    assert document["headers"] == {"user-agent": "ELB-HealthChecker/2.0"}
    assert (document["body"], document["isBase64Encoded"]) == ("", False)
    assert document["httpMethod"] == "GET"


def answered(document: Any, *, multi_value: bool = False) -> Any:
    return parse_answer(json.dumps(document).encode(), multi_value=multi_value)


def test_an_answer_is_read_in_the_form_that_was_asked_for() -> None:
    document = {
        "statusCode": 200,
        "statusDescription": "200 OK",
        "isBase64Encoded": False,
        "headers": {"Content-Type": "text/plain", "Connection": "close", "Content-Length": "9"},
        "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]},
        "body": "é",
    }
    answer = answered(document)
    assert (answer.status, answer.reason, answer.body) == (200, "OK", "é".encode())
    assert answer.headers == (("Content-Type", "text/plain"),)
    assert answered(document, multi_value=True).headers == (
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
    )


def test_only_the_status_is_needed() -> None:
    assert answered({"statusCode": 204}) == (204, "", (), b"")
    assert answered({"statusCode": "404"}).status == 404


@given(st.binary(max_size=100))
def test_an_encoded_body_is_decoded(body: bytes) -> None:
    encoded = {"statusCode": 200, "isBase64Encoded": True, "body": base64.b64encode(body).decode()}
    assert answered(encoded).body == body


@pytest.mark.parametrize(
    "document",
    [
        None,
        "hello",
        {},
        {"statusCode": None},
        {"statusCode": True},
        {"statusCode": 99},
        {"statusCode": 101},
        {"statusCode": "OK"},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "headers": []},
        {"statusCode": 200, "headers": {"X": 5}},
        {"statusCode": 200, "headers": {"X": "a\r\nEvil: 1"}},
        {"statusCode": 200, "headers": {"X Y": "a"}},
        {"statusCode": 200, "headers": {"X": "a" * 40_000}},
        {"statusCode": 200, "statusDescription": "OK\r\nEvil: 1"},
        {"statusCode": 200, "isBase64Encoded": True, "body": "%"},
        {"statusCode": 200, "body": "a" * 1_000_000},
    ],
)
def test_answers_that_are_none(document: Any) -> None:
    with pytest.raises(BadAnswer):
        answered(document)


def test_an_answer_that_is_no_json_is_none() -> None:
    with pytest.raises(BadAnswer):
        parse_answer(b"<html>", multi_value=False)
