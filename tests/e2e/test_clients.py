"""The same story of a table, told by clients that were written for AWS and know nothing of us.

What a client needs that the development set does not have is installed under `build/clients`, once.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

from tests.e2e.worlds import RunningWorld, clean

W = "us-west-2"
HERE = Path(__file__).parent / "clients"
INSTALLED = Path(__file__).parents[2] / "build" / "clients"
SEEN: dict[str, Any] = {
    "updated": {"visits": 1},
    "refused": ["ConditionalCheckFailedException", 400],
    "queried": [10, 2],
    "indexed": [2, 10],
    "cancelled": ["None", "ConditionalCheckFailed"],
    "unprocessed": 0,
    "scanned": ["ana/10", "ana/2", "cleo/1"],
    "tags": ["a", "b"],
}
DEFINITION: dict[str, Any] = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": "who", "AttributeType": "S"},
        {"AttributeName": "at", "AttributeType": "N"},
        {"AttributeName": "city", "AttributeType": "S"},
    ],
    "KeySchema": [
        {"AttributeName": "who", "KeyType": "HASH"},
        {"AttributeName": "at", "KeyType": "RANGE"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-city",
            "KeySchema": [{"AttributeName": "city", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def world() -> Iterator[RunningWorld]:
    with RunningWorld(regions=(W,)) as running:
        yield running


def environment(world: RunningWorld) -> dict[str, str]:
    """What every one of AWS's clients looks for."""
    return clean(
        AWS_ENDPOINT_URL=world.url,
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_REGION=W,
        AWS_DEFAULT_REGION=W,
        AWS_MAX_ATTEMPTS="1",
    )


def told(world: RunningWorld, *command: str, folder: Path = HERE) -> Any:
    """What a client's program printed."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment(world),
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout or "{}")


def test_boto3s_resources(world: RunningWorld) -> None:
    resource = boto3.resource(
        "dynamodb",
        region_name=W,
        endpoint_url=world.url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    table = resource.create_table(TableName="Boto3", **DEFINITION)
    table.wait_until_exists()
    seen: dict[str, Any] = {}
    with table.batch_writer() as batch:
        for at in (1, 2, 10):
            city = "lima" if at > 1 else "oslo"
            batch.put_item(Item={"who": "ana", "at": at, "city": city, "tags": {"a", "b"}})
    key = {"who": "ana", "at": 2}
    counted = table.update_item(
        Key=key,
        UpdateExpression="ADD visits :one",
        ExpressionAttributeValues={":one": 1},
        ReturnValues="UPDATED_NEW",
    )
    seen["updated"] = counted["Attributes"]
    try:
        table.put_item(Item=key, ConditionExpression=Attr("who").not_exists())
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        seen["refused"] = [error.response["Error"]["Code"], status]
    found = table.query(
        KeyConditionExpression=Key("who").eq("ana") & Key("at").gt(1), ScanIndexForward=False
    )
    seen["queried"] = [item["at"] for item in found["Items"]]
    found = table.query(IndexName="by-city", KeyConditionExpression=Key("city").eq("lima"))
    seen["indexed"] = sorted(item["at"] for item in found["Items"])
    check = {"TableName": "Boto3", "Key": key, "ConditionExpression": "attribute_not_exists(who)"}
    put = {"TableName": "Boto3", "Item": {"who": "ben", "at": 1}}
    try:
        resource.meta.client.transact_write_items(
            TransactItems=[{"Put": put}, {"ConditionCheck": check}]
        )
    except ClientError as error:
        reasons: Any = error.response
        seen["cancelled"] = [reason["Code"] for reason in reasons["CancellationReasons"]]
    with table.batch_writer() as batch:
        batch.put_item(Item={"who": "cleo", "at": 1})
        batch.delete_item(Key={"who": "ana", "at": 1})
    seen["unprocessed"] = 0
    scanned = table.scan(FilterExpression=Attr("at").between(Decimal(0), Decimal("10.0")))["Items"]
    seen["scanned"] = sorted(f"{item['who']}/{item['at']}" for item in scanned)
    seen["tags"] = sorted(table.get_item(Key=key, ConsistentRead=True)["Item"]["tags"])
    assert seen == SEEN
    table.delete()
    table.wait_until_not_exists()


def test_aiobotocore(world: RunningWorld) -> None:
    home = INSTALLED / "aiobotocore"
    if not (home / "done").exists():
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        pip = [str(home / "bin" / "pip"), "install", "--quiet", "aiobotocore"]
        subprocess.run(pip, check=True)
        (home / "done").touch()
    python = str(home / "bin" / "python")
    assert told(world, python, str(HERE / "story_aio.py"), "Aio") == SEEN


def test_the_sdk_for_javascript(world: RunningWorld) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("there is no node on this machine")
    home = INSTALLED / "node"
    if not (home / "done").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        packages = ["@aws-sdk/client-dynamodb@3", "@aws-sdk/lib-dynamodb@3"]
        install = [npm, "install", "--silent", "--no-fund", "--no-audit", *packages]
        subprocess.run(install, cwd=home, check=True)
        (home / "done").touch()
    # Modules are found beside the program.
    shutil.copy(HERE / "story.mjs", home / "story.mjs")
    assert told(world, node, str(home / "story.mjs"), "Node", folder=home) == SEEN


def test_pynamodb(world: RunningWorld) -> None:
    seen = told(world, sys.executable, str(HERE / "story_pynamo.py"), "Pynamo")
    # It puts a transaction's checks before its writes.
    reasons = SEEN["cancelled"][::-1]
    assert seen == {**SEEN, "refused": SEEN["refused"][:1], "cancelled": reasons}


def test_the_command_line(world: RunningWorld) -> None:
    aws = str(Path(sys.executable).parent / "aws")

    def run(*operation: str, **options: Any) -> Any:
        arguments: list[str] = []
        for name, value in options.items():
            text = value if isinstance(value, str) else json.dumps(value)
            arguments += [f"--{name.replace('_', '-')}", text]
        return told(world, aws, "dynamodb", *operation, "--table-name", "Cli", *arguments)

    run(
        "create-table",
        attribute_definitions=DEFINITION["AttributeDefinitions"],
        key_schema=DEFINITION["KeySchema"],
        global_secondary_indexes=DEFINITION["GlobalSecondaryIndexes"],
        billing_mode="PAY_PER_REQUEST",
    )
    run("wait", "table-exists")
    item = {"who": {"S": "ana"}, "at": {"N": "2"}, "city": {"S": "lima"}}
    run("put-item", item=item)
    found = run(
        "query",
        index_name="by-city",
        key_condition_expression="city = :city",
        expression_attribute_values={":city": {"S": "lima"}},
    )
    assert found["Items"] == [item]
    counted = run("scan", select="COUNT")
    assert (counted["Count"], counted["ScannedCount"]) == (1, 1)
    run("delete-table")
    run("wait", "table-not-exists")
