"""Items as a suite written against AWS expects them: values, limits, updates, reads, batches."""

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from tests.e2e.strangers import answer, fresh, invalid, number, refusal, text, values
from tests.e2e.worlds import RunningWorld

W = "us-west-2"
A: dict[str, Any] = {"p": {"S": "a"}}
LARGEST = "9" * 38 + "0" * 88
SMALLEST = "0." + "0" * 129 + "1"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with RunningWorld(regions=(W,)) as world:
        yield world.client("dynamodb")


def nested(depth: int, kind: str) -> dict[str, Any]:
    value: dict[str, Any] = text("x")
    for _ in range(depth):
        value = {"M": {"a": value}} if kind == "M" else {"L": [value]}
    return value


def test_numbers_are_exact_and_written_plainly(client: Any) -> None:
    table = fresh(client)
    for given, stored in (
        ("1.0", "1"),
        ("1E2", "100"),
        ("-0.00", "0"),
        ("00012.500", "12.5"),
        ("+.5", "0.5"),
        ("1" * 38 + "000", "1" * 38 + "000"),
        ("1E-130", SMALLEST),
        ("9.9999999999999999999999999999999999999E+125", LARGEST),
        ("-9.9999999999999999999999999999999999999E+125", "-" + LARGEST),
    ):
        client.put_item(TableName=table, Item={**A, "n": number(given)})
        assert client.get_item(TableName=table, Key=A)["Item"]["n"] == number(stored)
    over, under = "Number overflow. ", "Number underflow. "
    for given, said in (
        ("1E126", over),
        ("-1E126", over),
        ("1E-131", under),
        ("1" * 39, "Attempting to store more than 38 significant digits in a Number"),
        ("NaN", "The parameter cannot be converted to a numeric value: NaN"),
        ("", "The parameter cannot be converted to a numeric value"),
    ):
        put = invalid(client.put_item, TableName=table, Item={**A, "n": number(given)})
        assert put.startswith(said)
    assert client.get_item(TableName=table, Key=A)["Item"]["n"] == number("-" + LARGEST)


def test_numbers_sort_as_numbers_text_and_bytes_as_bytes(client: Any) -> None:
    sorted_numbers = ["-" + LARGEST, "-1", "-" + SMALLEST, "0", SMALLEST, "0.5", "2", "10", LARGEST]
    words = ["\x00", '"\\/\n', "A", "a", "e\u0301", "zz", "é", "\ud7ff", "\uffff", "😀"]
    raw = [b"\x00", b"\x00\x01", b"\x7f", b"\x80", b"\xff", b"\xff\x00"]
    table = ""
    for kind, ordered in (("N", sorted_numbers), ("S", words), ("B", raw)):
        table = fresh(client, "S", kind)
        for value in reversed(ordered):
            client.put_item(TableName=table, Item={"p": text("ключ😀"), "c": {kind: value}})
        query = partial(
            client.query, TableName=table, ExpressionAttributeValues=values(p=text("ключ😀"))
        )
        found = query(KeyConditionExpression="p = :p")["Items"]
        assert [item["c"][kind] for item in found] == ordered
        back = query(KeyConditionExpression="p = :p", ScanIndexForward=False)["Items"]
        assert back == found[::-1]
    some = values(p=text("ключ😀"), b={"B": b"\xff"})
    found = client.query(
        TableName=table,
        KeyConditionExpression="p = :p AND begins_with(c, :b)",
        ExpressionAttributeValues=some,
    )
    assert [item["c"]["B"] for item in found["Items"]] == [b"\xff", b"\xff\x00"]


def test_what_may_be_empty_and_what_may_not(client: Any) -> None:
    table = fresh(client)
    empty = {"s": text(""), "b": {"B": b""}, "l": {"L": []}, "m": {"M": {}}, "ss": {"SS": [""]}}
    client.put_item(TableName=table, Item={**A, **empty})
    assert client.get_item(TableName=table, Key=A)["Item"] == {**A, **empty}
    put = partial(invalid, client.put_item, TableName=table)
    wrong = "One or more parameter values were invalid: "
    assert put(Item={**A, "x": {"SS": []}}) == f"{wrong}An string set  may not be empty"
    assert put(Item={**A, "x": {"NS": ["1", "1.0"]}}) == "Input collection contains duplicates"
    assert put(Item={**A, "x": {"NULL": False}}).endswith("must have the value of true")
    assert put(Item={"x": text("")}) == f"{wrong}Missing the key p in the item"
    assert "Key: p" in put(Item={"p": text("")})
    mismatch = f"{wrong}Type mismatch for key p expected: S actual: N"
    assert put(Item={"p": number(1)}) == mismatch
    assert client.scan(TableName=table)["Count"] == 1


def test_limits_hold_to_the_byte_and_to_the_level(client: Any) -> None:
    table, sorted_table = fresh(client), fresh(client, "S", "S")
    put = partial(client.put_item, TableName=table)
    put(Item={**A, "v": text("x" * (409_600 - 3))})
    too_large = invalid(put, Item={**A, "v": text("x" * (409_600 - 2))})
    assert too_large == "Item size has exceeded the maximum allowed size"
    grown = invalid(
        client.update_item,
        TableName=table,
        Key=A,
        UpdateExpression="SET w = :w",
        ExpressionAttributeValues=values(w=text("")),
    )
    assert grown == "Item size to update has exceeded the maximum allowed size"
    put(Item={"p": text("é" * 1024)})
    assert "limit of2048 bytes" in invalid(put, Item={"p": text("é" * 1024 + "x")})
    client.put_item(TableName=sorted_table, Item={**A, "c": text("é" * 512)})
    long = {**A, "c": text("é" * 512 + "x")}
    for call in (partial(client.put_item, Item=long), partial(client.get_item, Key=long)):
        assert "size limit of 1024 bytes" in invalid(call, TableName=sorted_table)
    for kind in ("M", "L"):
        put(Item={**A, "deep": nested(31, kind)})
        assert invalid(put, Item={**A, "deep": nested(32, kind)}).startswith("Nesting Levels")
    put(Item={**A, "n" * 65_535: text("")})
    assert "65535" in invalid(put, Item={**A, "n" * 65_536: text("")})


def test_an_update_returns_in_each_of_five_forms_what_it_touched(client: Any) -> None:
    table = fresh(client)
    one_two_three = {"L": [number(1), number(2), number(3)]}
    whole = {**A, "s": text("dog"), "m": {"M": {"b": text("cat"), "c": one_two_three}}}

    def update(form: str, expression: str, **more: Any) -> Any:
        if more:
            more = {"ExpressionAttributeValues": values(**more)}
        request = {"TableName": table, "Key": A, "UpdateExpression": expression, **more}
        return answer(client.update_item, **request, ReturnValues=form).get("Attributes")

    def listed(value: dict[str, str]) -> dict[str, Any]:
        return {"m": {"M": {"c": {"L": [value]}}}}

    client.put_item(TableName=table, Item=whole)
    v = number(7)
    assert update("NONE", "SET s = :v", v=text("dog")) is None
    assert update("ALL_OLD", "SET s = :v", v=v) == whole
    assert update("UPDATED_OLD", "SET s = :v, t = :v", v=v) == {"s": v}
    assert update("UPDATED_OLD", "SET u = :v", v=v) is None
    assert update("UPDATED_NEW", "REMOVE u") is None
    assert update("UPDATED_OLD", "SET m.c[1] = :v", v=v) == listed(number(2))
    assert update("UPDATED_NEW", "SET m.c[2] = :v", v=v) == listed(v)
    assert update("UPDATED_OLD", "REMOVE m.c[1], m.c[8]") == listed(v)
    # What is set beyond a list's end is not where it was asked for, and so not returned.
    assert update("UPDATED_NEW", "SET m.c[100] = :v", v=text("end")) is None
    assert update("UPDATED_NEW", "REMOVE m.c[0]") == listed(v)
    after = {"M": {"b": text("cat"), "c": {"L": [v, text("end")]}}}
    assert update("ALL_NEW", "REMOVE t SET s = m.b") == {**A, "s": text("cat"), "m": after}
    absent = {"TableName": table, "Key": {"p": text("absent")}, "ReturnValues": "ALL_NEW"}
    assert answer(client.update_item, **absent, UpdateExpression="REMOVE s") == {}
    assert answer(client.get_item, TableName=table, Key=absent["Key"]) == {}
    assert answer(client.update_item, **absent) == {"Attributes": absent["Key"]}


def test_paths_that_are_not_there_are_not_made(client: Any) -> None:
    table = fresh(client)
    item = {**A, "s": text("x"), "l": {"L": [number(1)]}, "m": {"M": {}}}
    client.put_item(TableName=table, Item=item)
    update = partial(invalid, client.update_item, TableName=table, Key=A)
    wrong = "The document path provided in the update expression is invalid for update"
    for path in ("z.a", "z[0]", "s.a", "s[0]", "l.a", "m[0]", "m.a.b"):
        set_it = update(
            UpdateExpression=f"SET {path} = :v", ExpressionAttributeValues=values(v=number(1))
        )
        assert set_it == wrong
    for path in ("z.a", "s.a", "l.a", "m[0]"):
        assert update(UpdateExpression=f"REMOVE {path}") == wrong
    missing = "The provided expression refers to an attribute that does not exist in the item"
    for path in ("z", "m.z", "l[9]"):
        assert update(UpdateExpression=f"SET a = {path}") == missing
    overlap = update(
        UpdateExpression="SET m.a = :v, m = :v", ExpressionAttributeValues=values(v=number(1))
    )
    assert overlap.endswith("path one: [m, a], path two: [m]")
    assert client.get_item(TableName=table, Key=A)["Item"] == item


def test_arithmetic_goes_to_the_last_digit_and_not_beyond(client: Any) -> None:
    table = fresh(client)

    def add(value: str, to: str) -> Any:
        client.put_item(TableName=table, Item={**A, "n": number(to)})
        return answer(
            client.update_item,
            TableName=table,
            Key=A,
            UpdateExpression="SET n = n + :v",
            ExpressionAttributeValues=values(v=number(value)),
            ReturnValues="UPDATED_NEW",
        )["Attributes"]["n"]["N"]

    assert Decimal(add("1E-37", "5")) == Decimal("5.0000000000000000000000000000000000001")
    assert add("-5", "5") == "0"
    for more, to in (("1E-38", "5"), ("9E125", "9E125")):
        assert refusal(partial(add, more, to)).code == "ValidationException"
        assert Decimal(client.get_item(TableName=table, Key=A)["Item"]["n"]["N"]) == Decimal(to)


def test_a_projection_keeps_the_order_of_lists(client: Any) -> None:
    table = fresh(client)
    pair = {"M": {"a": number(2), "b": number(3)}}
    client.put_item(TableName=table, Item={**A, "l": {"L": [number(1), pair, number(4)]}})
    for path, wanted in (
        ("l[2], l[0]", {"l": {"L": [number(1), number(4)]}}),
        ("l[1].b, l[1].a", {"l": {"L": [pair]}}),
        ("l[2], l[1].b", {"l": {"L": [{"M": {"b": number(3)}}, number(4)]}}),
        ("l[7], z, l[1].z, l[0].a", {}),
    ):
        found = answer(client.get_item, TableName=table, Key=A, ProjectionExpression=path)
        assert found == {"Item": wanted}
    overlap = invalid(client.get_item, TableName=table, Key=A, ProjectionExpression="l[0], l")
    assert overlap.endswith("path one: [l, [0]], path two: [l]")


def test_a_failed_condition_tells_the_item_only_when_asked(client: Any) -> None:
    table = fresh(client)
    client.put_item(TableName=table, Item={**A, "s": text("x")})
    request: dict[str, Any] = {
        "TableName": table,
        "Item": A,
        "ConditionExpression": "attribute_not_exists(p)",
    }
    failed = refusal(client.put_item, **request)
    assert failed == ("ConditionalCheckFailedException", "The conditional request failed", 400)
    for asked, told in (("NONE", None), ("ALL_OLD", {**A, "s": text("x")})):
        with pytest.raises(client.exceptions.ConditionalCheckFailedException) as error:
            client.put_item(**request, ReturnValuesOnConditionCheckFailure=asked)
        assert error.value.response.get("Item") == told


def test_seven_segments_part_a_table(client: Any) -> None:
    table = fresh(client)
    for n in range(40):
        client.put_item(TableName=table, Item={"p": text(f"key {n}")})
    seen: list[str] = []
    owner: dict[str, int] = {}
    for segment in range(7):
        request = {"TableName": table, "Segment": segment, "TotalSegments": 7}
        pages = client.get_paginator("scan").paginate(**request, PaginationConfig={"PageSize": 2})
        found = [item["p"]["S"] for page in pages for item in page["Items"]]
        owner |= dict.fromkeys(found, segment)
        seen += found
    assert sorted(seen) == sorted(f"key {n}" for n in range(40))
    other = next(key for key, segment in owner.items() if segment == 3)
    said = invalid(
        client.scan,
        TableName=table,
        Segment=2,
        TotalSegments=7,
        ExclusiveStartKey={"p": text(other)},
    )
    assert said.endswith("with correct Segment. TotalSegments: 7 Segment: 2")
    scan = partial(invalid, client.scan, TableName=table)
    assert "Segment: 4 is not less than TotalSegments: 4" in scan(Segment=4, TotalSegments=4)
    assert scan(Segment=0).startswith("The TotalSegments parameter is required")
    assert scan(TotalSegments=2).startswith("The Segment parameter is required")
