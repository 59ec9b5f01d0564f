"""The warm standby in the cloud: the same switchboard as a function behind a load balancer."""

import json
import os
from urllib.parse import unquote_plus

import boto3

NAME = "CallCentre"
HERE = os.environ["AWS_REGION"]
table = boto3.client("dynamodb")


def handle(event, context):
    """Answer one request from the load balancer."""
    action, _, call = event["path"].lstrip("/").partition("/")
    if action == "health":
        return say(200, {"status": "well"})
    if action != "calls" or not call:
        return say(404, {"error": "no such path"})
    key = {"call": {"S": call}}
    if event["httpMethod"] == "PUT":
        value = unquote_plus((event.get("queryStringParameters") or {}).get("value", ""))
        table.put_item(TableName=NAME, Item={**key, "value": {"S": value}})
        return say(200, {"call": call, "value": value})
    found = table.get_item(TableName=NAME, Key=key, ConsistentRead=True)
    if "Item" not in found:
        return say(404, {"error": "not found"})
    return say(200, {"call": call, "value": found["Item"]["value"]["S"]})


def say(status, document):
    """Answer with a JSON document."""
    return {
        "statusCode": status,
        "statusDescription": f"{status} {'OK' if status == 200 else 'Not Found'}",
        "isBase64Encoded": False,
        "headers": {"Content-Type": "application/json", "X-Served-By": HERE},
        "body": json.dumps(document),
    }
