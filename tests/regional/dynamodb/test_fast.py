"""The fast path says and does what the model-driven path says and does, byte for byte."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.regional.dynamodb.attributes import item_size, normal_item
from antipodes.regional.dynamodb.plain import Unusual, plain_size
from antipodes.service.contract import ServiceError
from tests.regional.dynamodb.tablehost import TableHost, create, with_tables

NUMBERS = st.one_of(
    st.integers().map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.sampled_from(["0", "-0", "1.0", "100", "1e3", "-0.5", ".5", "00", "1_0", "٣", "", "nan"]),
)
BINARIES = st.one_of(st.sampled_from(["AA==", "AB==", "AAE=", "", "A", "=", "AAEC"]), st.text())
SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.builds(lambda text: {"S": text}, st.text(max_size=4)),
    st.builds(lambda text: {"N": text}, NUMBERS),
    st.builds(lambda text: {"B": text}, BINARIES),
    st.builds(lambda flag: {"BOOL": flag}, st.booleans()),
    st.builds(lambda flag: {"NULL": flag}, st.booleans()),
    st.builds(lambda texts: {"SS": texts}, st.lists(st.text(max_size=2), max_size=3)),
    st.builds(lambda texts: {"NS": texts}, st.lists(NUMBERS, max_size=3)),
    st.builds(lambda texts: {"BS": texts}, st.lists(BINARIES, max_size=3)),
)
JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, 1, "x", [], {}, {"S": None}, {"S": 1}, {"X": "x"}, {"S": "", "N": "1"}]
)
VALUES = st.recursive(
    st.one_of(SCALARS, SCALARS, SCALARS, JUNK),
    lambda inner: st.one_of(
        st.builds(lambda parts: {"L": parts}, st.lists(inner, max_size=3)),
        st.builds(lambda parts: {"M": parts}, st.dictionaries(st.text(max_size=2), inner)),
    ),
    max_leaves=5,
)


@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=4))
@settings(max_examples=500)
def test_plain_values_are_their_own_normal_form(item: dict[str, Any]) -> None:
    try:
        found = plain_size(item)
    except Unusual:
        return
    assert normal_item(item) == item
    assert found == item_size(item)


def test_ordinary_values_are_plain() -> None:
    item = {
        "p": {"S": "k"},
        "n": {"N": "-12.25"},
        "b": {"B": "AAEC"},
        "l": {"L": [{"BOOL": False}, {"NULL": True}, {"M": {"a": {"SS": ["x", "é"]}}}]},
        "s": {"NS": ["1", "100"]},
        "t": {"BS": ["AA=="]},
    }
    assert plain_size(item) == item_size(normal_item(item))
    nested: dict[str, Any] = {"S": "deep"}
    for _ in range(31):
        nested = {"L": [nested]}
    assert plain_size({"p": nested}) == item_size({"p": nested})
    with pytest.raises(Unusual):
        plain_size({"p": {"L": [nested]}})


# Requests: a few keys and attributes, so that they meet; some members wrong.

KEYS = st.builds(
    lambda p, s: {"p": {"S": p}, "s": {"N": s}},
    st.sampled_from(["a", "b", ""]),
    st.sampled_from(["1", "2", "-3", "1.50", "10", "x"]),
)
ATTRIBUTES = st.dictionaries(st.sampled_from(["v", "w", "x"]), VALUES, max_size=2)
CONDITIONS = st.sampled_from(
    [
        "attribute_not_exists(p)",
        "attribute_exists(v)",
        "#v = :v",
        "v < :v AND NOT contains(w, :w)",
        "size(v) > :v",
        "nonsense (",
    ]
)
UPDATES = st.sampled_from(
    ["SET v = :v", "ADD v :v", "REMOVE w SET #v = :v", "DELETE v :v", "SET w = list_append(w, :w)"]
)
NAMES = st.sampled_from([{"#v": "v"}, {"#v": "v", "#w": "w"}, {}, {"v": "v"}, {"#v": 1}])
GIVEN = st.dictionaries(st.sampled_from([":v", ":w"]), VALUES, max_size=2)
RETURNS = st.sampled_from(["NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW", "SOME", 1])
CAPACITY = st.sampled_from(["NONE", "TOTAL", "INDEXES", "ALL", None])
FLAGS: st.SearchStrategy[Any] = st.sampled_from([True, False, None, 1, "true", {}])
COUNTS = st.sampled_from([1, 2, 100, 0, -1, 1.5, "1", None, True])
SELECT = st.sampled_from(["COUNT", "ALL_ATTRIBUTES", "SPECIFIC_ATTRIBUTES", "x"])
RANGES = st.sampled_from(
    [
        "p = :p",
        "p = :p AND s = :s",
        "p = :p AND s < :s",
        "p = :p AND s <= :s",
        "p = :p AND s > :s",
        "p = :p AND s >= :s",
        "p = :p AND s BETWEEN :s AND :t",
        "p = :p AND begins_with(s, :s)",
        "s = :s",
        "p = :p OR s = :s",
    ]
)
BOUNDS = st.builds(
    lambda p, s, t: {":p": {"S": p}, ":s": {"N": s}, ":t": {"N": t}},
    *(st.sampled_from(["a", "b"]), st.sampled_from(["1", "2", "-3"]), st.sampled_from(["2", "10"])),
)


def with_some(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(required, optional=optional)


EXPRESSIONS = {
    "ExpressionAttributeNames": NAMES,
    "ReturnConsumedCapacity": CAPACITY,
}
WRITES = EXPRESSIONS | {
    "ConditionExpression": CONDITIONS,
    "ExpressionAttributeValues": GIVEN,
    "ReturnValues": RETURNS,
    "ReturnValuesOnConditionCheckFailure": RETURNS,
    "Expected": st.just({}),
}
READS = EXPRESSIONS | {
    "ConsistentRead": FLAGS,
    "ProjectionExpression": st.sampled_from(["v", "#v, w", "v[0]", "v.a", ""]),
}
PAGES = READS | {
    "ExclusiveStartKey": KEYS,
    "FilterExpression": CONDITIONS,
    "Limit": COUNTS,
    "Select": SELECT,
    "IndexName": st.sampled_from(["index", "x", 1]),
}
TABLE = {"TableName": st.sampled_from(["Pairs"] * 6 + ["Nope", "x", 1, None])}
ITEMS = st.builds(lambda key, rest: {**key, **rest}, KEYS, ATTRIBUTES)
TABLES = st.sampled_from(["Pairs", "Pairs", "Pairs", "Nope", "x", ""])
WRITTEN = st.dictionaries(
    TABLES,
    st.lists(
        st.one_of(
            st.builds(lambda item: {"PutRequest": {"Item": item}}, ITEMS),
            st.builds(lambda item: {"PutRequest": {"Item": item}}, ITEMS),
            st.builds(lambda key: {"DeleteRequest": {"Key": key}}, KEYS),
            st.builds(lambda key: {"DeleteRequest": {"Item": key}}, KEYS),
            JUNK,
        ),
        max_size=3,
    ),
    max_size=2,
)
ASKED = st.dictionaries(
    TABLES,
    with_some(
        {"Keys": st.lists(st.one_of(KEYS, KEYS, JUNK), max_size=3)},
        {name: READS[name] for name in ("ConsistentRead", "ExpressionAttributeNames")}
        | {"ProjectionExpression": READS["ProjectionExpression"], "Other": JUNK},
    ),
    max_size=2,
)
BATCHES = {"ReturnConsumedCapacity": CAPACITY, "Other": JUNK}


def minimal(**required: Any) -> st.SearchStrategy[Any]:
    """The plainest form, much more often than chance would make it."""
    return st.fixed_dictionaries({"TableName": st.just("Pairs"), **required})


REQUESTS = st.one_of(
    st.tuples(st.just("PutItem"), minimal(Item=ITEMS)),
    st.tuples(st.just("PutItem"), minimal(Item=ITEMS)),
    st.tuples(st.just("PutItem"), with_some(TABLE | {"Item": ITEMS}, WRITES)),
    st.tuples(st.just("GetItem"), minimal(Key=KEYS)),
    st.tuples(st.just("GetItem"), with_some(TABLE | {"Key": KEYS}, READS)),
    st.tuples(st.just("DeleteItem"), minimal(Key=KEYS)),
    st.tuples(st.just("DeleteItem"), with_some(TABLE | {"Key": KEYS}, WRITES)),
    st.tuples(
        st.just("UpdateItem"),
        minimal(Key=KEYS, UpdateExpression=UPDATES, ExpressionAttributeValues=GIVEN),
    ),
    st.tuples(
        st.just("UpdateItem"),
        with_some(TABLE | {"Key": KEYS}, WRITES | {"UpdateExpression": UPDATES}),
    ),
    st.tuples(
        st.just("Query"),
        st.fixed_dictionaries(
            {
                "TableName": st.just("Pairs"),
                "KeyConditionExpression": RANGES,
                "ExpressionAttributeValues": BOUNDS,
            },
            optional={"Limit": COUNTS, "ScanIndexForward": FLAGS, "ConsistentRead": FLAGS},
        ),
    ),
    st.tuples(
        st.just("Query"),
        with_some(
            TABLE | {"KeyConditionExpression": RANGES, "ExpressionAttributeValues": BOUNDS},
            PAGES | {"ScanIndexForward": FLAGS},
        ),
    ),
    st.tuples(st.just("Scan"), with_some(TABLE, PAGES)),
    st.tuples(st.just("BatchWriteItem"), with_some({"RequestItems": WRITTEN}, BATCHES)),
    st.tuples(st.just("BatchGetItem"), with_some({"RequestItems": ASKED}, BATCHES)),
)


@given(st.lists(REQUESTS, min_size=1, max_size=12))
@settings(max_examples=300, deadline=None)
def test_both_ways_say_and_do_the_same(requests: list[tuple[str, dict[str, Any]]]) -> None:
    bodies = [(operation, json.dumps(request).encode()) for operation, request in requests]

    def play(*, fast: bool) -> list[tuple[int, bytes]]:
        async def scenario(host: TableHost) -> list[tuple[int, bytes]]:
            await create(host, "Pairs", sort="N")
            said = [host.post(operation, body, fast=fast) for operation, body in bodies]
            return [*said, host.post("Scan", b'{"TableName": "Pairs"}', fast=False)]

        found: list[tuple[int, bytes]] = with_tables(scenario)
        return found

    assert play(fast=True) == play(fast=False)


def test_the_plainest_requests_never_meet_the_model() -> None:
    item = {"p": {"S": "a"}, "s": {"N": "1"}, "v": {"N": "2"}}
    key = {"p": {"S": "a"}, "s": {"N": "1"}}
    query = {
        "TableName": "Pairs",
        "KeyConditionExpression": "p = :p",
        "ExpressionAttributeValues": {":p": {"S": "a"}},
    }
    update = {
        "TableName": "Pairs",
        "Key": key,
        "UpdateExpression": "ADD v :v",
        "ExpressionAttributeValues": {":v": {"N": "1"}},
        "ReturnValues": "UPDATED_NEW",
    }

    async def scenario(host: TableHost) -> None:
        await create(host, "Pairs", sort="N")

        def take(operation: str, **request: Any) -> Any:
            body = json.dumps({"TableName": "Pairs", **request}).encode()
            answer = host.dynamodb.fast[f"DynamoDB_20120810.{operation}"]("000000000000", body)
            assert answer is not None
            return json.loads(answer)

        assert take("PutItem", Item=item) == {}
        assert take("GetItem", Key=key) == {"Item": item}
        assert take("UpdateItem", **update) == {"Attributes": {"v": {"N": "3"}}}
        found = take("Query", **query)
        assert (found["Count"], found["Items"]) == (1, [{**item, "v": {"N": "3"}}])
        assert take("Scan", FilterExpression="attribute_exists(v)")["Count"] == 1
        old = take("DeleteItem", Key=key, ReturnValues="ALL_OLD")
        assert old == {"Attributes": {**item, "v": {"N": "3"}}}

    with_tables(scenario)


def test_a_refusal_of_the_fast_path_is_the_long_ones() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host, "Pairs", sort="N")
        fast = host.dynamodb.fast["DynamoDB_20120810.PutItem"]
        request = {
            "TableName": "Pairs",
            "Item": {"p": {"S": "a"}, "s": {"N": "1"}},
            "ConditionExpression": "attribute_exists(p)",
        }
        with pytest.raises(ServiceError, match="ConditionalCheckFailedException"):
            fast("000000000000", json.dumps(request).encode())

    with_tables(scenario)
