"""The function behind every path of the application; an ordinary Lambda handler.

It runs in each region and talks to that region's replica of the table only.
"""

import json
import os
from urllib.parse import parse_qs

import boto3

table = boto3.resource("dynamodb").Table(os.environ["tablename"])


def get_item(event, context):
    """Answer /health, /get/{item_id} and /put/{item_id}."""
    action, _, item_id = event["path"].lstrip("/").partition("/")
    if action == "health":
        return answer(int(os.environ["STATUS"]), {"status": os.environ["STATUS"]})
    if action == "get" and item_id:
        item = table.get_item(Key={"item_id": item_id}).get("Item")
        return answer(404, {"error": "not found"}) if item is None else answer(200, item)
    if action == "put" and item_id:
        value = parameter(event, "value") or event.get("body") or ""
        table.put_item(Item={"item_id": item_id, "value": value})
        return answer(200, {"item_id": item_id, "value": value})
    return answer(404, {"error": "no such path"})


def parameter(event, name):
    """A query parameter: a load balancer passes them as they were sent, still encoded."""
    raw = (event.get("queryStringParameters") or {}).get(name)
    return None if raw is None else parse_qs(f"{name}={raw}").get(name, [""])[0]


def answer(status, body):
    """The response that a load balancer expects of a function."""
    return {
        "statusCode": status,
        "statusDescription": f"{status} {'OK' if status == 200 else 'Error'}",
        "isBase64Encoded": False,
        "headers": {
            "Content-Type": "application/json",
            "X-Served-By": os.environ["AWS_REGION"],
        },
        "body": json.dumps({**body, "region": os.environ["AWS_REGION"]}),
    }
