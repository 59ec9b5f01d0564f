"""PutItem and GetItem against moto_server and dynalite: requests/s and p99 at 16 connections.

One region process, durable to a `kill -9` of it (`--durability process`); moto and dynalite keep
everything in memory. Items of about 330 bytes, 1,000 keys, signed requests (nobody verifies them).
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

sys.path.insert(0, str(Path(__file__).parent))

from support.harness import ROUNDS, Comparison, Server, answers, dynalite, free_port, moto, options
from support.loader import write_requests

REGION = "us-west-2"
TABLE = "Bench"
KEYS = 1000
CONNECTIONS = 16


def prepared(port: int, operation: str) -> list[bytes]:
    """Signed requests as bytes, one for each key."""
    signer = SigV4Auth(Credentials("test", "test"), "dynamodb", REGION)
    found = []
    for number in range(KEYS):
        key = {"id": {"S": f"item-{number:06d}"}}
        if operation == "PutItem":
            filling = {
                "name": {"S": "x" * 120},
                "count": {"N": str(number)},
                "tags": {"SS": ["alpha", "beta", "gamma"]},
                "place": {"M": {"lat": {"N": "47.37"}, "lon": {"N": "8.54"}}},
            }
            body = {"TableName": TABLE, "Item": {**key, **filling}}
        else:
            body = {"TableName": TABLE, "Key": key}
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


def create_table(port: int) -> None:
    """The table that everything happens in."""
    client = boto3.client(
        "dynamodb",
        region_name=REGION,
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    client.create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.get_waiter("table_exists").wait(TableName=TABLE, WaiterConfig={"Delay": 1})


def sample(port: int, file: Path, seconds: float) -> dict[str, float]:
    """One round against one server."""
    loader = Path(__file__).parent / "support" / "loader.py"
    command = [sys.executable, str(loader), str(port), str(CONNECTIONS), str(seconds), str(file)]
    found: dict[str, float] = json.loads(subprocess.check_output(command))
    if found["wrong"]:
        raise RuntimeError(f"{found['wrong']} answers were not 200")
    return found


def main() -> None:
    """Start the rivals, alternate them, print."""
    chosen = options(__doc__ or "")
    seconds = 0.6 if chosen.quick else 3.0
    with tempfile.TemporaryDirectory() as directory:
        commands = {
            "antipodes": [
                *(sys.executable, "-m", "antipodes", "--state", directory + "/state", "up"),
                *("--regions", REGION, "--port"),
            ]
        }
        for name, command in (("moto_server", moto()), ("dynalite", dynalite())):
            if command is None:
                print(f"{name} cannot be installed here and is left out", file=sys.stderr)
            else:
                commands[name] = command
        servers = []
        try:
            for name, command in commands.items():
                port = free_port()
                servers.append(Server(name, [*command, str(port)], port, answers))
            compare(servers, Path(directory), seconds, chosen.json)
        finally:
            for server in servers:
                server.stop()


def compare(servers: list[Server], directory: Path, seconds: float, file: str) -> None:
    """Five rounds of everybody, in turn."""
    comparison = Comparison(
        {
            "PutItem": "req/s",
            "PutItem p99": "ms",
            "GetItem": "req/s",
            "GetItem p99": "ms",
        }
    )
    for server in servers:
        create_table(server.port)
        for operation in ("PutItem", "GetItem"):
            prepared_file = directory / f"{server.name}-{operation}"
            write_requests(prepared_file, prepared(server.port, operation))
            sample(server.port, prepared_file, 0.3 if operation == "GetItem" else seconds)
    for number in range(ROUNDS):
        for server in servers[number % len(servers) :] + servers[: number % len(servers)]:
            for operation in ("PutItem", "GetItem"):
                found = sample(server.port, directory / f"{server.name}-{operation}", seconds)
                comparison.add(operation, server.name, found["rate"])
                comparison.add(f"{operation} p99", server.name, found["p99_ms"])
    comparison.show(file)


if __name__ == "__main__":
    main()
