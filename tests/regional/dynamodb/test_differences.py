"""What is otherwise than in AWS: known, shown by tests, and told on a page made from the code."""

import ast
import importlib.util
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from antipodes.regional.dynamodb.api import DynamoDB
from antipodes.regional.dynamodb.differences import DIFFERENCES, NOT_OFFERED, TESTS
from antipodes.regional.dynamodb.refusals import REFUSED
from tests.regional.dynamodb.lives import RANGED
from tests.regional.dynamodb.tablehost import ACCOUNT, REGION, TableHost, create, with_tables
from tests.regional.dynamodb.test_operations import failure

ROOT = Path(__file__).parents[3]
ARN = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/Things"


def modelled() -> set[str]:
    """The operations of botocore's model."""
    return {*botocore.session.get_session().get_service_model("dynamodb").operation_names}


def test_every_operation_is_offered_or_has_a_reason_why_not() -> None:
    offered = {*DynamoDB.operations}
    assert offered <= modelled()
    assert {*NOT_OFFERED} == modelled() - offered


def test_every_refused_parameter_is_one_of_its_operation() -> None:
    model = botocore.session.get_session().get_service_model("dynamodb")
    for operation, parameters in REFUSED.items():
        assert {*parameters} <= {*model.operation_model(operation).input_shape.members}, operation


@pytest.mark.parametrize("shown_by", sorted({d.shown_by for d in DIFFERENCES if d.shown_by}))
def test_what_shows_a_difference_is_there(shown_by: str) -> None:
    file, _, name = shown_by.partition("::")
    tree = ast.parse((ROOT / TESTS / file).read_text(encoding="utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert not name or name in names


def test_the_page_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("pages", ROOT / "scripts" / "pages.py")
    assert spec is not None
    assert spec.loader is not None
    pages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pages)
    written = pages.PAGE.read_text(encoding="utf-8")
    assert written == pages.page(), "write it anew: make pages"


def test_settings_can_be_changed_again_at_once() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)
        for protected in (True, False, True, False):
            answer = await host.ask(
                "UpdateTable", TableName="Things", DeletionProtectionEnabled=protected
            )
            assert answer["TableDescription"]["DeletionProtectionEnabled"] is protected
        for value in ("one", "two"):
            await host.ask("TagResource", ResourceArn=ARN, Tags=[{"Key": "k", "Value": value}])
            tags = await host.ask("ListTagsOfResource", ResourceArn=ARN)
            assert tags["Tags"] == [{"Key": "k", "Value": value}]

    with_tables(scenario)


def test_counts_are_exact_at_any_time() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)
        for number in range(3):
            await host.ask("PutItem", TableName="Things", Item={"p": {"S": str(number)}})
            described = await host.ask("DescribeTable", TableName="Things")
            assert described["Table"]["ItemCount"] == number + 1

    with_tables(scenario)


def test_eventually_consistent_reads_see_the_latest_write() -> None:
    async def scenario(host: TableHost) -> None:
        index: dict[str, Any] = {
            "IndexName": "by-s",
            "KeySchema": [{"AttributeName": "s", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
        await host.ask("CreateTable", TableName="Things", **RANGED, GlobalSecondaryIndexes=[index])
        for number in range(20):
            item = {"p": {"S": str(number)}, "s": {"S": "here"}}
            await host.ask("PutItem", TableName="Things", Item=item)
            found = await host.ask("GetItem", TableName="Things", Key=item)
            assert found["Item"] == item
            page = await host.ask(
                "Query",
                TableName="Things",
                IndexName="by-s",
                KeyConditionExpression="s = :s",
                ExpressionAttributeValues={":s": {"S": "here"}},
            )
            assert page["Count"] == number + 1

    with_tables(scenario)


def test_a_new_table_is_backed_up_at_once() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)
        answer = await host.ask("CreateBackup", TableName="Things", BackupName="first")
        assert answer["BackupDetails"]["BackupStatus"] == "CREATING"

    with_tables(scenario)


def test_what_is_not_offered_is_refused_by_name() -> None:
    async def scenario(host: TableHost) -> None:
        exported = {"TableArn": ARN, "S3Bucket": "bucket"}
        refused = await host.ask("ExportTableToPointInTime", **exported)
        assert failure(refused, "NotImplemented", "ExportTableToPointInTime").status == 501
        refused = await host.ask(
            "EnableKinesisStreamingDestination", TableName="Things", StreamArn="x" * 40
        )
        assert failure(refused, "NotImplemented", "EnableKinesis").status == 501

    with_tables(scenario)
