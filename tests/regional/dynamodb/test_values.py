"""Laws of values, numbers, keys and expressions, against naive references."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.regional.dynamodb.attributes import (
    equal,
    item_size,
    key_bytes,
    normal,
    normal_number,
    number,
)
from antipodes.regional.dynamodb.conditions import condition
from antipodes.regional.dynamodb.projections import project, projection
from antipodes.regional.dynamodb.scope import Scope
from antipodes.regional.dynamodb.updates import Update
from antipodes.service.contract import ServiceError

DIGITS = st.integers(-(10**38) + 1, 10**38 - 1)
NUMBERS = st.builds(lambda d, e: str(Decimal(d).scaleb(e)), DIGITS, st.integers(-100, 80))
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
SCALARS = st.one_of(
    NUMBERS.map(lambda n: {"N": normal_number(n)}),
    TEXT.map(lambda t: {"S": t}),
    st.booleans().map(lambda b: {"BOOL": b}),
    st.just({"NULL": True}),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda members: {"L": members}),
        st.dictionaries(st.sampled_from("xyz"), inner, max_size=3).map(lambda m: {"M": m}),
    ),
    max_leaves=6,
)


@given(NUMBERS)
def test_a_normal_number_means_the_same_and_is_normal(text: str) -> None:
    once = normal_number(text)
    assert Decimal(once) == Decimal(text)
    assert normal_number(once) == once
    assert "E" not in once


@given(NUMBERS, NUMBERS)
def test_number_keys_sort_as_numbers(one: str, other: str) -> None:
    a, b = ({"N": normal_number(text)} for text in (one, other))
    x, y = number(one), number(other)
    assert (key_bytes(a) < key_bytes(b)) == (x < y)
    assert (key_bytes(a) == key_bytes(b)) == (x == y)


@given(TEXT, TEXT)
def test_string_keys_sort_by_their_utf8(one: str, other: str) -> None:
    assert (key_bytes({"S": one}) < key_bytes({"S": other})) == (one.encode() < other.encode())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be converted to a numeric value"),
        ("abc", "cannot be converted to a numeric value: abc"),
        ("NaN", "cannot be converted"),
        ("1" * 39, "more than 38 significant digits"),
        ("1E126", "Number overflow"),
        ("1E-131", "Number underflow"),
    ],
)
def test_numbers_that_cannot_be(text: str, message: str) -> None:
    with pytest.raises(ServiceError, match=message):
        normal_number(text)


def test_the_ends_of_the_range_can_be() -> None:
    for text in ("9.9999999999999999999999999999999999999E+125", "1E-130", "-1E-130"):
        assert Decimal(normal_number(text)) == Decimal(text)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "is empty, must contain exactly one"),
        ({"S": "a", "N": "1"}, "more than one datatypes set"),
        ({"NULL": False}, "must have the value of true"),
        ({"SS": []}, "An string set  may not be empty"),
        ({"SS": ["a", "a"]}, r"Input collection \[a, a\] contains duplicates"),
        ({"NS": ["1", "1.0"]}, "Input collection contains duplicates"),
    ],
)
def test_values_that_cannot_be(value: dict[str, Any], message: str) -> None:
    with pytest.raises(ServiceError, match=message):
        normal(value)


def test_nesting_ends_at_thirty_two_levels() -> None:
    value: dict[str, Any] = {"S": "x"}
    for _ in range(31):
        value = {"L": [value]}
    assert normal(value) == value
    with pytest.raises(ServiceError, match="Nesting Levels"):
        normal({"L": [value]})


@given(VALUES)
def test_a_value_equals_itself_and_normal_form_is_a_fixed_point(value: dict[str, Any]) -> None:
    assert equal(value, value)
    assert normal(normal(value)) == normal(value)
    assert item_size({"a": value}) >= 1


COMPARED = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


@given(
    st.dictionaries(st.sampled_from("abc"), SCALARS, max_size=3),
    st.sampled_from(list(COMPARED)),
    SCALARS,
)
def test_comparisons_agree_with_a_naive_reading(
    item: dict[str, Any], operator: str, wanted: dict[str, Any]
) -> None:
    scope = Scope(None, {":v": wanted})
    if operator not in {"=", "<>"} and set(wanted) & {"BOOL", "NULL"}:
        with pytest.raises(ServiceError, match="Incorrect operand type"):
            condition(f"a {operator} :v", scope)
        return
    test = condition(f"a {operator} :v", scope)
    found = item.get("a")
    if found is None or set(found) != set(wanted):
        expected = operator == "<>"
    else:
        ((kind, left),), ((_, right),) = found.items(), wanted.items()
        if kind == "N":
            left, right = Decimal(left), Decimal(right)
        elif kind == "S":
            left, right = left.encode(), right.encode()
        expected = COMPARED[operator](left, right)
    assert test(item) == expected


@given(st.booleans(), st.booleans(), st.booleans())
def test_and_binds_closer_than_or_and_not_closest(a: bool, b: bool, c: bool) -> None:
    item = {n: {"BOOL": v} for n, v in (("a", a), ("b", b), ("c", c))}
    scope = Scope(None, {":t": {"BOOL": True}})
    test = condition("NOT a = :t OR b = :t AND c = :t", scope)
    assert test(item) == (not a or (b and c))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The expression can not be empty"),
        ("a = ", "Syntax error"),
        ("a ? :v", "Syntax error"),
        ("status = :v", "reserved keyword; reserved keyword: status"),
        ("#x = :v", "name used in the document path is not defined; attribute name: #x"),
        ("a = :w", "value used in expression is not defined; attribute value: :w"),
        ("foo(a)", "Invalid function name; function: foo"),
        ("size(a, :v) = :n", "number of operands: 2"),
        ("size(a)", "not allowed to be used this way"),
        ("attribute_exists(:v)", "requires a document path"),
        ("begins_with(a, :n)", "operand type: N"),
        ("attribute_type(a, :v)", "Invalid attribute type name found; type: x"),
        ("a BETWEEN :n AND :v", "same data type for lower and upper bounds"),
        ("a BETWEEN :n AND :m", "upper bound to be greater than or equal to lower bound"),
        ("((a = :v))", "redundant parentheses"),
        ("a = a", "first operand must be distinct"),
    ],
)
def test_what_is_wrong_with_a_condition_is_said_in_awss_words(text: str, message: str) -> None:
    scope = Scope(None, {":v": {"S": "x"}, ":n": {"N": "5"}, ":m": {"N": "1"}})
    with pytest.raises(ServiceError, match=message) as refused:
        condition(text, scope)
    assert refused.value.message.startswith("Invalid ConditionExpression: ")


ITEM: dict[str, Any] = {
    "p": {"S": "k"},
    "n": {"N": "5"},
    "l": {"L": [{"S": "a"}, {"S": "b"}, {"S": "c"}]},
    "m": {"M": {"x": {"N": "1"}}},
    "s": {"SS": ["a", "b"]},
}


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("SET n = n + :one", {"n": {"N": "6"}}),
        ("SET n = :one - n", {"n": {"N": "-4"}}),
        ("SET o = if_not_exists(o, :one)", {"o": {"N": "1"}}),
        ("SET n = if_not_exists(n, :one)", {}),
        ("SET l = list_append(l, :l)", {"l": {"L": [*ITEM["l"]["L"], {"S": "z"}]}}),
        ("SET l[9] = :one", {"l": {"L": [*ITEM["l"]["L"], {"N": "1"}]}}),
        ("SET m.y = :one", {"m": {"M": {"x": {"N": "1"}, "y": {"N": "1"}}}}),
        (
            "SET n = l[0], l[0] = n",
            {"n": {"S": "a"}, "l": {"L": [{"N": "5"}, *ITEM["l"]["L"][1:]]}},
        ),
        ("REMOVE l[0], l[2]", {"l": {"L": [{"S": "b"}]}}),
        ("REMOVE nothing", {}),
        ("ADD n :one", {"n": {"N": "6"}}),
        ("ADD s :s", {"s": {"SS": ["a", "b", "c"]}}),
        ("ADD o :one", {"o": {"N": "1"}}),
        ("DELETE s :s", {"s": {"SS": ["a"]}}),
        ("DELETE s :all", {"s": None}),
    ],
)
def test_updates(text: str, changed: dict[str, Any]) -> None:
    values = {
        ":one": {"N": "1"},
        ":l": {"L": [{"S": "z"}]},
        ":s": {"SS": ["b", "c"]},
        ":all": {"SS": ["a", "b"]},
    }
    before = normal({"M": ITEM})["M"]
    updated = Update(text, Scope(None, values), ("p",)).apply(before)
    expected = {k: v for k, v in {**ITEM, **changed}.items() if v is not None}
    assert updated == expected
    assert before == ITEM, "the item that was given changed"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SET p = :one", "Cannot update attribute p. This attribute is part of the key"),
        ("SET a.b = :one", "document path provided in the update expression is invalid"),
        ("SET a = o", "refers to an attribute that does not exist"),
        ("SET a = p + :one", "An operand in the update expression has an incorrect data type"),
        ("SET a = :one SET b = :one", 'The "SET" section can only be used once'),
        ("SET a = :one, a = :one", "Two document paths overlap"),
        ("ADD a :t", "Incorrect operand type"),
        ("FOO a", "Syntax error"),
    ],
)
def test_what_is_wrong_with_an_update_is_said(text: str, message: str) -> None:
    scope = Scope(None, {":one": {"N": "1"}, ":t": {"S": "x"}})
    with pytest.raises(ServiceError, match=message):
        Update(text, scope, ("p",)).apply(ITEM)


def test_projections_keep_place_and_order() -> None:
    paths = projection("l[2], l[0], m.x, nothing, #n", Scope({"#n": "n"}, None))
    assert project(ITEM, paths) == {
        "l": {"L": [{"S": "a"}, {"S": "c"}]},
        "m": {"M": {"x": {"N": "1"}}},
        "n": {"N": "5"},
    }


def test_unused_placeholders_are_refused_by_name() -> None:
    scope = Scope({"#a": "a", "#b": "b"}, {":v": {"S": "x"}})
    condition("attribute_exists(#a)", scope)
    with pytest.raises(ServiceError, match=r"ExpressionAttributeNames unused.*\{#b\}"):
        scope.check_used()
