"""What a handler changes behind boto3's back is heeded whichever way a call goes."""

import pytest

from antipodes.runtime.contract import Gone
from tests.runtime.test_handlers_alike import ITEM, alike, answered, failed

CHANGED = """
import boto3, boto3.dynamodb.types as types
from decimal import Decimal, Inexact, Rounded
dynamodb = boto3.resource("dynamodb")
table, client = dynamodb.Table("T"), dynamodb.meta.client

def attempt(name, call=None, **arguments):
    try:
        print(name, (call or table.get_item)(**arguments or {"Key": {"id": "a"}}))
    except Exception as error:
        print(name, repr(error), getattr(error, "response", None))

def handler(event, context):
    attempt("usual")
    attempt("long", table.put_item, Item={"n": Decimal("1." + "1" * 40)})
    types.DYNAMODB_CONTEXT.traps[Inexact] = types.DYNAMODB_CONTEXT.traps[Rounded] = False
    attempt("rounded", table.put_item, Item={"n": Decimal("1." + "1" * 40)})
    types.DYNAMODB_CONTEXT.traps[Inexact] = types.DYNAMODB_CONTEXT.traps[Rounded] = True
    before = types.TypeDeserializer._deserialize_n
    types.TypeDeserializer._deserialize_n = lambda self, value: float(value)
    attempt("floats")
    types.TypeDeserializer._deserialize_n = before
    attempt("usual again")
    credentials = client._request_signer._credentials
    credentials.access_key, credentials.token = "OTHER", None
    attempt("another key")
    session = client._endpoint.http_session
    class Silent:
        def send(self, request):
            raise ValueError("nobody there")
    client._endpoint.http_session = Silent()
    attempt("another session")
    client._endpoint.http_session = session
    client.meta.config.signature_version = "v4a"
    attempt("another signature")
    client.meta.config.signature_version = "v4"
    attempt("by ARN", client.get_item, Key={"id": "a"},
            TableName="arn:aws:dynamodb:us-west-2:123456789012:table/T")
    attempt("refused")
    attempt("wrong", table.get_item, Key={"id": 1.5})
    attempt("cut")
    attempt("not an item")
    attempt("usual at last", client.describe_table, TableName="T")
    attempt("gone")
"""


def test_what_is_changed_behind_a_resource_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [
        *(answered(ITEM), answered({}), answered(ITEM), answered(ITEM), answered(ITEM)),
        *(answered(ITEM), answered(ITEM), failed("ResourceNotFoundException")),
        failed("InternalServerError", 500),
        *(answered(ITEM), answered({"Item": {"id": {"X": "a"}}})),
        *(answered({"Table": {"TableName": "T", "CreationDateTime": 1.5}}), Gone("cut")),
    ]
    variables = {"AWS_LAMBDA_FUNCTION_NAME": "f", "_X_AMZN_TRACE_ID": "Root=1-2-3;Sampled=0"}
    seen = alike(monkeypatch, CHANGED, answers * 2, variables)
    unsigned = [dict(sent[3])["Authorization"].endswith("=" + "0" * 64) for sent in seen.sent]
    assert unsigned[0]
    assert not all(unsigned)
    assert seen.printed.count("1.111111") == 0
    assert "'n': 1.5" in seen.printed
    assert seen.printed.count("nobody there") == 2
    assert seen.printed.count("Gone('cut')") == 2
    assert "'RetryAttempts': 1" in seen.printed
