"""The model's constraints, and the sentences in which AWS tells of broken ones."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.wire import models
from antipodes.wire.errors import Invalid
from antipodes.wire.validation import validate

KEY = {"AttributeName": "k", "KeyType": "HASH"}
ATTRIBUTE = {"AttributeName": "k", "AttributeType": "S"}
TABLE: dict[str, Any] = {
    "TableName": "abc",
    "KeySchema": [KEY],
    "AttributeDefinitions": [ATTRIBUTE],
    "BillingMode": "PAY_PER_REQUEST",
}


def check_passes(service: str, name: str, value: dict[str, Any]) -> None:
    operation = models.service(service).operation(name)
    assert operation is not None
    validate(operation, value)


def refusal(service: str, name: str, value: dict[str, Any]) -> Invalid:
    with pytest.raises(Invalid) as caught:
        check_passes(service, name, value)
    return caught.value


def test_a_good_input_passes() -> None:
    check_passes("dynamodb", "CreateTable", TABLE)
    check_passes("lambda", "Invoke", {"FunctionName": "f", "Payload": b"{}"})
    check_passes("sts", "GetCallerIdentity", {})


def test_every_broken_constraint_is_told_in_the_models_order() -> None:
    bad = TABLE | {
        "TableName": "x" * 1025,
        "KeySchema": [KEY, {"AttributeName": "", "KeyType": "HUSH"}],
    }
    error = refusal("dynamodb", "CreateTable", bad)
    assert error.code == "ValidationException"
    assert error.message == (
        "3 validation errors detected: "
        f"Value '{'x' * 1024}' at 'tableName' failed to satisfy constraint: "
        "Member must have length less than or equal to 1024; "
        "Value '' at 'keySchema.2.member.attributeName' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1; "
        "Value 'HUSH' at 'keySchema.2.member.keyType' failed to satisfy constraint: "
        "Member must satisfy enum value set: [HASH, RANGE]"
    )


def test_what_is_missing_is_null() -> None:
    error = refusal("dynamodb", "CreateTable", {"TableName": "abc", "KeySchema": [{}]})
    assert error.message.startswith(
        "2 validation errors detected: "
        "Value null at 'keySchema.1.member.attributeName' failed to satisfy constraint: "
        "Member must not be null; Value null at 'keySchema.1.member.keyType'"
    )
    error = refusal("elbv2", "CreateListener", {})
    assert error.code == "ValidationError"
    assert "Value null at 'loadBalancerArn'" in error.message


def test_two_services_name_a_missing_parameter_first() -> None:
    error = refusal("dynamodb", "DescribeTable", {})
    assert (
        error.message == "The parameter 'TableName' is required but was not present in the request"
    )
    error = refusal("ec2", "DeleteSubnet", {})
    assert error.code == "MissingParameter"
    assert error.message == "The request must contain the parameter SubnetId"


def test_constraints_of_elements_are_told_once_of_the_whole() -> None:
    too_many = {"abc": [{"DeleteRequest": {"Key": {"k": {"S": "v"}}}}] * 26}
    error = refusal("dynamodb", "BatchWriteItem", {"RequestItems": too_many})
    assert error.message.startswith("1 validation error detected: Value '{abc=[WriteRequest(")
    assert error.message.endswith(
        "at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: "
        "[Member must have length less than or equal to 25, "
        "Member must have length greater than or equal to 1]"
    )
    error = refusal("logs", "PutRetentionPolicy", {"logGroupName": "a b", "retentionInDays": 1})
    assert error.code == "InvalidParameterException"
    assert "Member must satisfy regular expression pattern" in error.message


def test_a_map_holds_no_nulls_but_dynamodbs_own() -> None:
    request = {"ClusterArn": "arn:x", "ControlPanelName": "one", "Tags": {"a": "b", "c": None}}
    error = refusal("route53-recovery-control-config", "CreateControlPanel", request)
    assert "Value null at 'tags.c.member' failed" in error.message
    names = {"TableName": "abc", "Key": {"k": {"S": "x"}}, "ExpressionAttributeNames": {"#a": None}}
    check_passes("dynamodb", "GetItem", names)


def test_codes_differ_between_services() -> None:
    error = refusal("lambda", "Invoke", {"FunctionName": "f", "InvocationType": "Shout"})
    assert error.code == "InvalidParameterValueException"
    error = refusal("globalaccelerator", "DescribeAccelerator", {"AcceleratorArn": "a" * 300})
    assert error.code == "ValidationException"


def test_secrets_are_not_repeated() -> None:
    value = {"UserName": "u", "Password": "", "PasswordResetRequired": False}
    error = refusal("iam", "CreateLoginProfile", value)
    assert "Value at 'password' failed" in error.message


@given(st.recursive(st.none(), lambda inner: st.lists(inner, max_size=3), max_leaves=20))
def test_recursive_shapes_are_followed(tree: Any) -> None:
    """Lists in lists of AttributeValues: no constraint, so nothing is refused but null."""

    def value(node: Any) -> dict[str, Any]:
        return {"NULL": True} if node is None else {"L": [value(item) for item in node]}

    check_passes("dynamodb", "PutItem", {"TableName": "abc", "Item": {"k": value(tree)}})


def test_what_is_too_deep_is_refused() -> None:
    deep: dict[str, Any] = {"S": "x"}
    for _ in range(2000):
        deep = {"L": [deep]}
    error = refusal("dynamodb", "PutItem", {"TableName": "abc", "Item": {"k": deep}})
    assert "too deep" in error.message
