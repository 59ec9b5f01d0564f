"""Signed requests as bytes: what the servers are asked, the same of each."""

import http.client
import json
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

REGION = "us-west-2"
PEER = "eu-central-1"
ITEMS, PAIRS = "Items", "Pairs"  # tables with a simple and with a compound key
KEYS = 1000
PARTITIONS = 10
QUERY_ITEMS = 100
BATCH = 25
_OTHER_BYTES = 164  # of an item, besides its filling


def item(size: int, **key: dict[str, str]) -> dict[str, Any]:
    """An item of about that many bytes, with one value of most kinds."""
    return {
        **key,
        "name": {"S": "x" * max(0, size - _OTHER_BYTES)},
        "count": {"N": "4711"},
        "tags": {"SS": ["alpha", "beta", "gamma"]},
        "place": {"M": {"lat": {"N": "47.37"}, "lon": {"N": "8.54"}}},
        "seen": {"BOOL": True},
    }


def key_of(number: int, size: int) -> dict[str, dict[str, str]]:
    """The key of one of a thousand items of a size."""
    return {"id": {"S": f"item-{size}-{number:06d}"}}


def bodies(operation: str, size: int, table: str = ITEMS) -> Iterator[dict[str, Any]]:
    """The requests of one measure, as JSON."""
    if operation == "Query":
        for number in range(PARTITIONS):
            yield {
                "TableName": PAIRS,
                "KeyConditionExpression": "id = :id",
                "ExpressionAttributeValues": {":id": key_of(number, size)["id"]},
            }
        return
    for number in range(KEYS):
        key = key_of(number, size)
        if operation == "PutItem":
            yield {"TableName": table, "Item": item(size, **key)}
        else:
            yield {"TableName": table, "Key": key}


def filling(size: int) -> Iterator[dict[str, Any]]:
    """The batches that put every item there is of a size."""
    items = [(ITEMS, item(size, **key_of(number, size))) for number in range(KEYS)]
    for number in range(PARTITIONS):
        for place in range(QUERY_ITEMS):
            key = {**key_of(number, size), "place_no": {"N": str(place)}}
            items.append((PAIRS, item(size, **key)))
    for at in range(0, len(items), BATCH):
        table = items[at][0]
        puts = [{"PutRequest": {"Item": found}} for _, found in items[at : at + BATCH]]
        yield {"RequestItems": {table: puts}}


def signed(
    port: int, operation: str, wanted: Iterator[dict[str, Any]], region: str = REGION
) -> list[bytes]:
    """Requests of one operation as they go over the wire, boto3's headers and all."""
    signer = SigV4Auth(Credentials("test", "test"), "dynamodb", region)
    found = []
    for body in wanted:
        data = json.dumps(body).encode()
        request = AWSRequest(
            "POST",
            f"http://127.0.0.1:{port}/",
            data=data,
            headers={
                "X-Amz-Target": f"DynamoDB_20120810.{operation}",
                "Content-Type": "application/x-amz-json-1.0",
                "Host": f"127.0.0.1:{port}",
            },
        )
        signer.add_auth(request)
        lines = [f"{name}: {value}" for name, value in request.headers.items()]
        head = "\r\n".join(["POST / HTTP/1.1", *lines, f"Content-Length: {len(data)}"])
        found.append(head.encode() + b"\r\n\r\n" + data)
    return found


def client(port: int, region: str = REGION) -> Any:
    """boto3, pointed at a server."""
    return boto3.client(
        "dynamodb",
        region_name=region,
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 2}),
    )


def create_tables(port: int) -> None:
    """The tables that everything happens in."""
    asked = client(port)
    for name, keys in ((ITEMS, {"id": "S"}), (PAIRS, {"id": "S", "place_no": "N"})):
        asked.create_table(
            TableName=name,
            AttributeDefinitions=[
                {"AttributeName": key, "AttributeType": kind} for key, kind in keys.items()
            ],
            KeySchema=[
                {"AttributeName": key, "KeyType": role}
                for key, role in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        asked.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})


def send(port: int, operation: str, wanted: Iterator[dict[str, Any]], region: str = REGION) -> None:
    """Send requests one after the other, and insist on success."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for request in signed(port, operation, wanted, region):
        head, _, body = request.partition(b"\r\n\r\n")
        lines = (line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        connection.request("POST", "/", body, dict(lines))
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"{operation} at port {port}: {answer.status} {said[:500]!r}")
    connection.close()


def replicate(port: int, table: str, *, stream: bool = False) -> None:
    """A table with a replica in our world, and with a stream of both images if that is wanted."""
    asked = client(port)
    images = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    asked.create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        **({"StreamSpecification": images} if stream else {}),
    )
    asked.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1})
    replica = {"Create": {"RegionName": PEER}}
    asked.update_table(TableName=table, ReplicaUpdates=[replica])
    while True:
        found = asked.describe_table(TableName=table)["Table"]
        states = {state["ReplicaStatus"] for state in found.get("Replicas", ())}
        if found["TableStatus"] == "ACTIVE" and states == {"ACTIVE"}:
            return
