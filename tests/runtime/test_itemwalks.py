"""Compiled walks write and read what botocore and boto3 do, or refuse."""

import contextlib
import json
from decimal import Decimal
from typing import Any

import boto3.dynamodb.types as boto3_types
import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import JSONParser
from botocore.serialize import create_serializer
from hypothesis import given
from hypothesis import strategies as st

from antipodes.runtime.itemwalks import Reader, Types, Unusual, Writer
from tests.runtime.test_shortcuts import parameters

MODEL = ServiceModel(Loader().load_service_model("dynamodb", "service-2"), "dynamodb")
TYPES = Types(vars(boto3_types))

numbers = st.integers() | st.decimals(allow_nan=True, allow_infinity=True)
texts = st.text(max_size=4)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts, st.binary(max_size=4))
usual = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
)
unusual = st.sampled_from([1.5, (1,), {1}, {"a"}, {1: 2}, bytearray(b"a"), object()])


@given(unusual)
def test_values_of_other_types_are_refused(value: Any) -> None:
    for inside in (value, [value], {"a": [value]}):
        with pytest.raises(Unusual):
            TYPES.write(inside)


@given(usual)
def test_values_are_written_as_by_boto3_and_read_again(value: Any) -> None:
    try:
        written = TYPES.write(value)
    except Unusual:
        with pytest.raises((TypeError, ArithmeticError)):
            boto3_types.TypeSerializer().serialize(value)
        return
    plain = create_serializer("json").serialize_to_request(
        {"TableName": "T", "Item": {"a": boto3_types.TypeSerializer().serialize(value)}},
        MODEL.operation_model("PutItem"),
    )
    assert json.dumps({"TableName": "T", "Item": {"a": written}}).encode() == plain["body"]
    shape = MODEL.shape_for("AttributeValue")
    parsed = JSONParser()._parse_shape(shape, written)
    assert repr(TYPES.read(written)) == repr(boto3_types.TypeDeserializer().deserialize(parsed))


@given(st.data(), st.sampled_from(["GetItem", "PutItem", "Query", "TransactWriteItems"]))
def test_what_is_written_is_what_botocore_sends(data: st.DataObject, name: str) -> None:
    operation = MODEL.operation_model(name)
    given_parameters = data.draw(parameters(operation.input_shape))
    try:
        written = Writer(None).walk(operation.input_shape)(given_parameters)
    except Unusual:
        return
    plain = create_serializer("json").serialize_to_request(given_parameters, operation)
    assert json.dumps(written).encode() == plain["body"]


told_values = st.recursive(
    st.one_of(
        st.builds(lambda text: {"S": text}, texts),
        st.sampled_from([{"N": "1.50"}, {"N": "x"}, {"B": "YQ=="}, {"B": "!"}, {"NULL": True}]),
        st.sampled_from([{"BOOL": False}, {"SS": ["a", "b"]}, {"NS": ["1"]}, {"BS": ["YQ=="]}]),
        st.sampled_from([{}, {"X": 1}, {"S": None}, {"S": "a", "N": "1"}, {"L": [None]}, None]),
    ),
    lambda inner: (
        st.builds(lambda items: {"L": items}, st.lists(inner, max_size=3))
        | st.builds(lambda items: {"M": items}, st.dictionaries(texts, inner, max_size=3))
    ),
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "Item": st.dictionaries(texts, told_values, max_size=3),
            "ConsumedCapacity": st.sampled_from(
                [None, {}, {"TableName": "T", "CapacityUnits": 1.5, "Table": {"CapacityUnits": 1}}]
            ),
            "Other": st.integers(),
        },
    )
)
def test_answers_are_read_as_by_botocore(told: dict[str, Any]) -> None:
    shape = MODEL.operation_model("GetItem").output_shape
    parser = JSONParser()
    for types in (None, TYPES):
        walk = Reader(types, parser).walk(shape)
        assert walk is not None
        read = None
        with contextlib.suppress(Unusual, ValueError):
            read = walk(told)
        if read is None:
            continue
        plain = parser._parse_shape(shape, told)
        if types is not None and "Item" in plain:
            deserialise = boto3_types.TypeDeserializer().deserialize
            plain["Item"] = {name: deserialise(item) for name, item in plain["Item"].items()}
        assert repr(read) == repr(plain)


def test_usual_requests_are_not_refused() -> None:
    item = {"id": "a", "n": Decimal("1.5"), "m": {"l": [1, None, True, b"x"]}}
    requests: dict[str, dict[str, Any]] = {
        "GetItem": {"TableName": "T", "Key": {"id": "a"}, "ConsistentRead": True},
        "PutItem": {"TableName": "T", "Item": item, "ConditionExpression": "a = :a"},
        "Query": {"TableName": "T", "Limit": 3, "ExpressionAttributeValues": {":a": 1}},
    }
    for name, given_parameters in requests.items():
        shape = MODEL.operation_model(name).input_shape
        assert Writer(TYPES).walk(shape)(given_parameters).keys() == given_parameters.keys()
