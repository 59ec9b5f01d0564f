"""Conditions of rules: patterns against a reference, and laws."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.regional.elbv2.conditions import (
    Facts,
    normalised,
    parse_pattern,
    pattern_matches,
)
from antipodes.regional.elbv2.conditions import (
    test_of as as_test,
)
from antipodes.service.contract import ServiceError

LETTERS = st.text("ab/*?\\", max_size=12)
TEXTS = st.text("ab/\\", max_size=12)


def facts(**more: Any) -> Facts:
    given: dict[str, Any] = {
        "method": "GET",
        "path": "/img/a.png",
        "query": [("version", "v1"), ("q", "*x")],
        "headers": [("user-agent", "Mozilla/5.0"), ("x-a", "first"), ("x-a", "second")],
        "host": "www.example.com",
        "source_ip": "198.19.128.9",
    }
    return Facts(**{**given, **more})


def holds(condition: dict[str, Any], **more: Any) -> bool:
    [made] = normalised([condition])
    return as_test(made)(facts(**more))


def path(*values: str) -> dict[str, Any]:
    return {"Field": "path-pattern", "Values": list(values)}


def reference(pattern: str, *, escapes: bool) -> re.Pattern[str]:
    """The pattern as a regular expression, built character by character."""
    made, rest = "", pattern
    while rest:
        character, rest = rest[0], rest[1:]
        if character == "\\" and escapes:
            literal = rest[:1] or "\\"
            rest = rest[1:]
            made += re.escape(literal)
        else:
            made += {"*": ".*", "?": "."}.get(character) or re.escape(character)
    return re.compile(made, re.DOTALL)


@given(pattern=LETTERS, text=TEXTS, escapes=st.booleans())
def test_patterns_match_what_the_regular_expression_does(
    *, pattern: str, text: str, escapes: bool
) -> None:
    expected = reference(pattern, escapes=escapes).fullmatch(text) is not None
    assert pattern_matches(parse_pattern(pattern, escapes=escapes), text) is expected


@given(st.lists(st.sampled_from("ab*?"), max_size=10).map("".join), st.data())
def test_a_text_made_from_a_pattern_matches_it(pattern: str, data: st.DataObject) -> None:
    text = "".join(
        data.draw(st.text("ab", max_size=3)) if c == "*" else "a" if c == "?" else c
        for c in pattern
    )
    assert pattern_matches(parse_pattern(pattern, escapes=False), text)


def test_a_hostile_pattern_is_matched_in_linear_steps() -> None:
    pattern = parse_pattern("*a" * 5 + "*b", escapes=False)
    assert not pattern_matches(pattern, "a" * 16_000)
    assert pattern_matches(pattern, "a" * 16_000 + "b")


@given(st.lists(TEXTS.map("/".__add__), min_size=1, max_size=4), TEXTS.map("/".__add__))
def test_one_value_more_never_takes_a_match_away(values: list[str], target: str) -> None:
    fewer = holds(path(*values), path=target)
    assert holds(path(*values, target), path=target)
    assert not fewer or holds(path(*values, "/other"), path=target)


@given(st.sampled_from(["/img/*", "/IMG/*", "*.png", "/img/?.png", "/img"]))
def test_paths_are_told_apart_by_case(value: str) -> None:
    expected = {"/img/*": True, "*.png": True, "/img/?.png": True}
    assert holds(path(value)) is expected.get(value, False)


@pytest.mark.parametrize(
    ("value", "host", "expected"),
    [
        ("*.example.com", "www.example.com", True),
        ("*.example.com", "example.com", False),
        ("WWW.example.COM", "www.example.com", True),
        ("www.example.?om", "www.example.com", True),
    ],
)
def test_hosts(*, value: str, host: str, expected: bool) -> None:
    assert holds({"Field": "host-header", "Values": [value]}, host=host) is expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("User-Agent", "*mozilla*", True),
        ("user-agent", "*Chrome*", False),
        ("X-A", "second", True),
        ("X-B", "*", False),
    ],
)
def test_any_of_repeated_headers_counts(*, name: str, value: str, expected: bool) -> None:
    config = {"HttpHeaderName": name, "Values": [value]}
    assert holds({"Field": "http-header", "HttpHeaderConfig": config}) is expected


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ({"Key": "VERSION", "Value": "V1"}, True),
        ({"Key": "version", "Value": "v2"}, False),
        ({"Value": "v?"}, True),
        ({"Value": r"\*x"}, True),
        ({"Value": r"\*v1"}, False),
    ],
)
def test_query_strings(*, pair: dict[str, str], expected: bool) -> None:
    condition = {"Field": "query-string", "QueryStringConfig": {"Values": [pair]}}
    assert holds(condition) is expected


@pytest.mark.parametrize(
    ("network", "expected"),
    [("198.19.128.0/24", True), ("198.19.0.0/24", False), ("::/0", False), ("0.0.0.0/0", True)],
)
def test_source_addresses(*, network: str, expected: bool) -> None:
    condition = {"Field": "source-ip", "SourceIpConfig": {"Values": [network]}}
    assert holds(condition) is expected
    assert not holds(condition, source_ip="")


def test_methods_are_exact() -> None:
    condition = {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}}
    assert holds(condition)
    assert not holds(condition, method="get")
    assert not holds(condition, method="POST")


@given(st.lists(TEXTS.map("/".__add__), min_size=1, max_size=5))
def test_what_is_kept_is_kept_again(values: list[str]) -> None:
    once = normalised([path(*values)])
    shown = [{k: v for k, v in condition.items() if k != "Values"} for condition in once]
    assert normalised(shown) == once


@pytest.mark.parametrize(
    "conditions",
    [
        [],
        [{"Field": "no-such", "Values": ["x"]}],
        [path()],
        [path("/a"), path("/b")],
        [path(*(f"/{n}" for n in range(6)))],
        [path("/*/*/*/*/*/*")],
        [path("/a b")],
        [path("/" + "a" * 128)],
        [{"Field": "http-request-method", "Values": ["GET"]}],
        [{"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["get"]}}],
        [{"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "Host", "Values": ["a"]}}],
        [{"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "", "Values": ["a"]}}],
        [{"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.1"]}}],
        [{"Field": "source-ip", "SourceIpConfig": {"Values": ["255.255.255.255/32"]}}],
        [{"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "a"}]}}],
        [{"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["^/(a"]}}],
        [{"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["a" * 129]}}],
        [{"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["a"], "Values": ["b"]}}],
        [{"Field": "path-pattern", "PathPatternConfig": {"RegexValues": [*"abcdef"]}}],
        [{"Field": "query-string", "RegexValues": ["a"]}],
        [{"Field": "http-header", "HttpHeaderConfig": {"RegexValues": ["a"]}}],
        [{"Field": "path-pattern", "HostHeaderConfig": {"Values": ["a"]}}],
    ],
)
def test_conditions_that_are_refused(conditions: list[dict[str, Any]]) -> None:
    with pytest.raises(ServiceError):
        normalised(conditions)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (
            {
                "Field": "host-header",
                "HostHeaderConfig": {"RegexValues": [r"^(.*)\.EXAMPLE\.com$"]},
            },
            True,
        ),
        ({"Field": "host-header", "RegexValues": [r"^example\."]}, False),
        (
            {
                "Field": "path-pattern",
                "PathPatternConfig": {"RegexValues": ["^/x", r"^\/img\/(.*)$"]},
            },
            True,
        ),
        ({"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["IMG"]}}, False),
        ({"HttpHeaderConfig": {"HttpHeaderName": "X-A", "RegexValues": ["^SEC.+d$"]}}, True),
        ({"HttpHeaderConfig": {"HttpHeaderName": "X-B", "RegexValues": [".*"]}}, False),
    ],
)
def test_regular_expressions(*, condition: dict[str, Any], expected: bool) -> None:
    assert holds(condition) is expected


def test_regular_expressions_have_no_wildcards_and_count_as_values() -> None:
    regexes = ["^/.*", "^/?b*", ".*.*.*"]
    [made] = normalised([{"Field": "path-pattern", "RegexValues": regexes}])
    assert made["PathPatternConfig"] == {"RegexValues": regexes}
    with pytest.raises(ServiceError, match="'5' condition values"):
        normalised(
            [
                {"Field": "path-pattern", "RegexValues": regexes},
                {"Field": "host-header", "RegexValues": regexes},
            ]
        )


def test_a_path_that_is_too_long_for_a_regular_expression_does_not_match() -> None:
    condition = {"Field": "path-pattern", "RegexValues": ["(?:aa?){200}"]}
    assert holds(condition, path="a" * 300)
    assert not holds(condition, path="a" * 16_000)
