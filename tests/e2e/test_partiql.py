"""PartiQL with real boto3 clients, in a world of processes."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.e2e.worlds import RunningWorld

W = "us-west-2"
MUSIC = {
    "TableName": "Music",
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": kind}
        for name, kind in (("Artist", "S"), ("SongTitle", "S"), ("Plays", "N"))
    ],
    "KeySchema": [
        {"AttributeName": "Artist", "KeyType": "HASH"},
        {"AttributeName": "SongTitle", "KeyType": "RANGE"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "ByTitle",
            "KeySchema": [
                {"AttributeName": "SongTitle", "KeyType": "HASH"},
                {"AttributeName": "Plays", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with RunningWorld() as world:
        made = world.client("dynamodb", W)
        made.create_table(**MUSIC)
        made.get_waiter("table_exists").wait(TableName="Music", WaiterConfig={"Delay": 1})
        yield made


def test_a_client_writes_and_reads_by_statements(client: Any) -> None:
    insert = "INSERT INTO \"Music\" VALUE {'Artist': ?, 'SongTitle': ?, 'Plays': ?, 'Cover': ?}"
    for number in range(3):
        values = [{"S": "Acme"}, {"S": f"Song {number}"}, {"N": str(number)}, {"B": b"\x00\xff"}]
        client.execute_statement(Statement=insert, Parameters=values)
    found = client.execute_statement(
        Statement='SELECT SongTitle, Cover FROM "Music" WHERE Artist = ? ORDER BY SongTitle DESC',
        Parameters=[{"S": "Acme"}],
        Limit=2,
    )
    assert found["Items"] == [
        {"SongTitle": {"S": f"Song {number}"}, "Cover": {"B": b"\x00\xff"}} for number in (2, 1)
    ]
    assert found["LastEvaluatedKey"]["SongTitle"] == {"S": "Song 1"}
    rest = client.execute_statement(
        Statement='SELECT SongTitle, Cover FROM "Music" WHERE Artist = ? ORDER BY SongTitle DESC',
        Parameters=[{"S": "Acme"}],
        NextToken=found["NextToken"],
    )
    assert [item["SongTitle"]["S"] for item in rest["Items"]] == ["Song 0"]
    changed = client.execute_statement(
        Statement="UPDATE \"Music\" SET Plays = Plays + 10 SET Awards = {'Grammys': [2020]}"
        " WHERE Artist = 'Acme' AND SongTitle = 'Song 1' RETURNING MODIFIED NEW *"
    )
    assert changed["Items"] == [
        {"Plays": {"N": "11"}, "Awards": {"M": {"Grammys": {"L": [{"N": "2020"}]}}}}
    ]
    by_title = client.execute_statement(
        Statement='SELECT Artist FROM "Music"."ByTitle" WHERE SongTitle = \'Song 1\' AND Plays > 5'
    )
    assert by_title["Items"] == [{"Artist": {"S": "Acme"}}]


def test_errors_have_the_names_that_clients_catch(client: Any) -> None:
    put = "INSERT INTO Music VALUE {'Artist': 'Once', 'SongTitle': 'Only'}"
    client.execute_statement(Statement=put)
    with pytest.raises(client.exceptions.DuplicateItemException):
        client.execute_statement(Statement=put)
    with pytest.raises(client.exceptions.ConditionalCheckFailedException) as failed:
        client.execute_statement(
            Statement="DELETE FROM Music WHERE Artist='Once' AND SongTitle='Only' AND Plays > 1",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert failed.value.response["Item"]["Artist"] == {"S": "Once"}
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.execute_statement(Statement="SELECT * FROM Nowhere")
    with pytest.raises(ClientError) as refused:
        client.execute_statement(Statement="SELECT * FROM Music WHERE")
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(client.exceptions.TransactionCanceledException) as cancelled:
        client.execute_transaction(
            TransactStatements=[
                {"Statement": "UPDATE Music SET Plays=1 WHERE Artist='Once' AND SongTitle='Only'"},
                {"Statement": put.replace("Only", "Other")},
                {
                    "Statement": "DELETE FROM Music WHERE Artist='Once' AND SongTitle=?",
                    "Parameters": [{"S": "Never"}],
                },
                {
                    "Statement": "UPDATE Music SET Plays=1 WHERE Artist='Nobody' AND SongTitle='x'",
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                },
            ]
        )
    reasons = cancelled.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None"] * 3 + ["ConditionalCheckFailed"]
    answers = client.batch_execute_statement(
        Statements=[
            {"Statement": "SELECT Plays FROM Music WHERE Artist='Once' AND SongTitle='Only'"},
            {"Statement": "SELECT * FROM Music WHERE Artist='Once' AND SongTitle='Other'"},
            {"Statement": "SELECT * FROM Music WHERE Artist='Once'"},
        ]
    )["Responses"]
    assert answers[0] == {"TableName": "Music", "Item": {}}
    assert answers[1] == {"TableName": "Music"}
    assert answers[2]["Error"]["Code"] == "ValidationError"


def test_a_resource_takes_native_values(client: Any) -> None:
    resource = boto3.resource(
        "dynamodb",
        region_name=W,
        endpoint_url=client.meta.endpoint_url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    execute = resource.meta.client.execute_statement
    execute(
        Statement="INSERT INTO Music VALUE {'Artist': ?, 'SongTitle': ?, 'Tags': ?}",
        Parameters=["Native", "One", {"a", "b"}],
    )
    found = execute(Statement="SELECT Tags FROM Music WHERE Artist = ?", Parameters=["Native"])
    assert found["Items"] == [{"Tags": {"a", "b"}}]
