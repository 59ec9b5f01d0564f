"""The function behind every path of the library's application: an ordinary handler.

It runs in each region and talks to that region's replica of the table only. What it can be told by
its environment is what drills need: its health, the share of requests that it fails, and how long
it works on one.
"""

import json
import os
import random
import time
from urllib.parse import parse_qs

import boto3

TABLE = os.environ["TABLE"]
client = boto3.client("dynamodb")
dynamodb = boto3.resource("dynamodb")
table = dynamodb.Table(TABLE)
conditional = dynamodb.meta.client.exceptions.ConditionalCheckFailedException
ATTEMPTS_MAX = 20


def handle(event, context):
    """Answer one request from the load balancer."""
    action, _, key = event["path"].lstrip("/").partition("/")
    method = event["httpMethod"]
    if action == "health":
        return answer(int(os.environ["STATUS"]), {"status": os.environ["STATUS"]})
    if random.random() < float(os.environ.get("ERRORS", "0")):
        return answer(500, {"error": "a part of this is broken"})
    if "WORK_MS" in os.environ:
        time.sleep(float(os.environ["WORK_MS"]) / 1000)
    serve = ACTIONS.get((method, action))
    if serve is None or not key:
        return answer(404, {"error": "no such path"})
    return serve(key, event)


def get(key, event):
    """Read an item."""
    strong = parameter(event, "strong") == "1"
    found = client.get_item(TableName=TABLE, Key={"key": {"S": key}}, ConsistentRead=strong)
    if "Item" not in found:
        return answer(404, {"error": "not found"})
    return answer(200, {"key": key, "value": found["Item"]["value"]["S"]})


def put(key, event):
    """Write an item."""
    value = parameter(event, "value") or event.get("body") or ""
    client.put_item(TableName=TABLE, Item={"key": {"S": key}, "value": {"S": value}})
    return answer(200, {"key": key, "value": value})


def delete(key, event):
    """Remove an item."""
    table.delete_item(Key={"key": key})
    return answer(200, {"key": key})


def increment(key, event):
    """Add one to a counter, but only to the number that was read."""
    for _ in range(ATTEMPTS_MAX):
        item = table.get_item(Key={"key": key}, ConsistentRead=True).get("Item", {})
        count = int(item.get("count", 0))
        try:
            table.update_item(
                Key={"key": key},
                UpdateExpression="SET #count = :next",
                ConditionExpression="attribute_not_exists(#count) OR #count = :seen",
                ExpressionAttributeNames={"#count": "count"},
                ExpressionAttributeValues={":next": count + 1, ":seen": count},
            )
        except conditional:
            continue
        return answer(200, {"key": key, "value": str(count + 1)})
    return answer(503, {"error": "too many at once"})


def count(key, event):
    """Read a counter."""
    item = table.get_item(Key={"key": key}, ConsistentRead=True).get("Item", {})
    return answer(200, {"key": key, "value": str(item.get("count", 0))})


def put_pair(key, event):
    """Write two items in one transaction."""
    value = parameter(event, "value") or ""
    writes = [
        {"Put": {"TableName": table.name, "Item": {"key": f"{key}/{side}", "value": value}}}
        for side in ("first", "second")
    ]
    dynamodb.meta.client.transact_write_items(TransactItems=writes)
    return answer(200, {"key": key, "value": value})


def get_pair(key, event):
    """Read two items in one transaction."""
    reads = [
        {"Get": {"TableName": table.name, "Key": {"key": f"{key}/{side}"}}}
        for side in ("first", "second")
    ]
    found = dynamodb.meta.client.transact_get_items(TransactItems=reads)["Responses"]
    first, second = (part.get("Item", {}).get("value", "") for part in found)
    return answer(200, {"key": key, "value": f"{first}|{second}"})


ACTIONS = {
    ("GET", "get"): get,
    ("PUT", "put"): put,
    ("DELETE", "get"): delete,
    ("POST", "count"): increment,
    ("GET", "count"): count,
    ("PUT", "pair"): put_pair,
    ("GET", "pair"): get_pair,
}


def parameter(event, name):
    """A query parameter: a load balancer passes them as they were sent, still encoded."""
    raw = (event.get("queryStringParameters") or {}).get(name)
    return None if raw is None else parse_qs(f"{name}={raw}").get(name, [""])[0]


def answer(status, body):
    """The response that a load balancer expects of a function."""
    told = {name: str(value) for name, value in body.items()}
    return {
        "statusCode": status,
        "statusDescription": f"{status} {'OK' if status == 200 else 'Error'}",
        "isBase64Encoded": False,
        "headers": {
            "Content-Type": "application/json",
            "X-Served-By": os.environ["AWS_REGION"],
        },
        "body": json.dumps({**told, "region": os.environ["AWS_REGION"]}),
    }
