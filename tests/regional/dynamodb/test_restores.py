"""Restored tables: what they take over, what requests may choose, what is refused."""

from typing import Any

import pytest

from tests.regional.dynamodb.lives import RANGED, items, put, switch, wait_active, wait_available
from tests.regional.dynamodb.tablehost import TableHost, with_tables
from tests.regional.dynamodb.test_operations import failure
from tests.regional.dynamodb.test_tables import provisioned, units

GSI = {
    "IndexName": "by-v",
    "KeySchema": [{"AttributeName": "v", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}
LSI = {
    "IndexName": "by-p-v",
    "KeySchema": [
        {"AttributeName": "p", "KeyType": "HASH"},
        {"AttributeName": "v", "KeyType": "RANGE"},
    ],
    "Projection": {"ProjectionType": "KEYS_ONLY"},
}


async def indexed(host: TableHost) -> str:
    """A table with indexes and every setting, backed up; the backup's ARN."""
    definitions = [*RANGED["AttributeDefinitions"], {"AttributeName": "v", "AttributeType": "S"}]
    await host.ask(
        "CreateTable",
        TableName="Things",
        **{**RANGED, "AttributeDefinitions": definitions},
        GlobalSecondaryIndexes=[GSI],
        LocalSecondaryIndexes=[LSI],
        Tags=[{"Key": "a", "Value": "b"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        OnDemandThroughput={"MaxReadRequestUnits": 9},
        SSESpecification={"Enabled": True},
        DeletionProtectionEnabled=True,
        TableClass="STANDARD_INFREQUENT_ACCESS",
    )
    await switch(host)
    await put(host, "Things", "a", "x")
    answer = await host.ask("CreateBackup", TableName="Things", BackupName="full")
    arn = str(answer["BackupDetails"]["BackupArn"])
    features = (await wait_available(host, arn))["SourceTableFeatureDetails"]
    assert features["GlobalSecondaryIndexes"][0]["IndexName"] == "by-v"
    assert features["LocalSecondaryIndexes"][0]["Projection"] == LSI["Projection"]
    assert features["StreamDescription"]["StreamViewType"] == "KEYS_ONLY"
    assert features["SSEDescription"]["SSEType"] == "KMS"
    return arn


def test_a_restored_table_has_its_indexes_and_not_what_aws_leaves_behind() -> None:
    async def scenario(host: TableHost) -> None:
        arn = await indexed(host)
        await host.ask("RestoreTableFromBackup", TargetTableName="Again", BackupArn=arn)
        await wait_active(host, "Again")
        assert await items(host, "Again", IndexName="by-v") == {"a": "x"}
        shown = (await host.ask("DescribeTable", TableName="Again"))["Table"]
        assert shown["LocalSecondaryIndexes"][0]["IndexName"] == "by-p-v"
        assert shown["OnDemandThroughput"] == {"MaxReadRequestUnits": 9}
        assert shown["SSEDescription"]["SSEType"] == "KMS"
        assert shown["DeletionProtectionEnabled"] is False
        assert not {"StreamSpecification", "TableClassSummary"} & shown.keys()
        tags = await host.ask("ListTagsOfResource", ResourceArn=shown["TableArn"])
        assert tags == {"Tags": []}
        told = await host.ask("DescribeContinuousBackups", TableName="Again")
        recovery = told["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        assert recovery["PointInTimeRecoveryStatus"] == "DISABLED"

        renamed = {**GSI, "IndexName": "renamed", "ProvisionedThroughput": units(3, 4)}
        await host.ask(
            "RestoreTableFromBackup",
            TargetTableName="Other",
            BackupArn=arn,
            BillingModeOverride="PROVISIONED",
            ProvisionedThroughputOverride=units(5, 6),
            GlobalSecondaryIndexOverride=[renamed],
            LocalSecondaryIndexOverride=[],
            SSESpecificationOverride={"Enabled": False},
        )
        await wait_active(host, "Other")
        shown = (await host.ask("DescribeTable", TableName="Other"))["Table"]
        assert [index["IndexName"] for index in shown["GlobalSecondaryIndexes"]] == ["renamed"]
        assert not {"LocalSecondaryIndexes", "SSEDescription"} & shown.keys()
        assert shown["ProvisionedThroughput"]["WriteCapacityUnits"] == 6
        assert await items(host, "Other", IndexName="renamed") == {"a": "x"}

    with_tables(scenario)


@pytest.mark.parametrize(
    ("override", "code", "message"),
    [
        ({"TargetTableName": "Things"}, "TableAlreadyExistsException", "already exists: Things"),
        (
            {"ProvisionedThroughputOverride": units(1, 1)},
            "ValidationException",
            "Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED",
        ),
        (
            {"BillingModeOverride": "PROVISIONED"},
            "ValidationException",
            "Must override ProvisionedThroughput if BillingMode is overridden",
        ),
        (
            {
                "BillingModeOverride": "PROVISIONED",
                "ProvisionedThroughputOverride": units(1, 1),
            },
            "ValidationException",
            "Must specify provisioned throughput for index by-v",
        ),
        (
            {"OnDemandThroughputOverride": {"MaxReadRequestUnits": 0}},
            "ValidationException",
            "Requested MaxReadRequestUnits for OnDemandThroughput is outside of valid range",
        ),
        (
            {
                "GlobalSecondaryIndexOverride": [
                    {**GSI, "Projection": {"ProjectionType": "KEYS_ONLY"}}
                ]
            },
            "ValidationException",
            "does not match a secondary index that existed",
        ),
        (
            {"GlobalSecondaryIndexOverride": [GSI, GSI]},
            "ValidationException",
            "Duplicate index name: by-v",
        ),
        ({"BackupArn": f"{'x' * 40}"}, "ValidationException", "Invalid Backup ARN"),
        ({"VectorIndexOverride": []}, "", ""),
    ],
)
def test_a_restore_that_may_not_be_is_refused_and_makes_nothing(
    override: dict[str, Any], code: str, message: str
) -> None:
    async def scenario(host: TableHost) -> None:
        arn = await indexed(host)
        asked = {"TargetTableName": "Again", "BackupArn": arn, **override}
        answer = await host.ask("RestoreTableFromBackup", **asked)
        if not code:
            assert answer["TableDescription"]["TableStatus"] == "CREATING"
            return
        failure(answer, code, message)
        assert (await host.ask("ListTables"))["TableNames"] == ["Things"]
        answer = await host.ask("DeleteBackup", BackupArn=arn)
        assert answer["BackupDescription"]["BackupDetails"]["BackupStatus"] == "DELETED"

    with_tables(scenario)


def test_a_table_of_provisioned_capacity_is_restored_with_it() -> None:
    async def scenario(host: TableHost) -> None:
        await host.ask("CreateTable", TableName="Things", **provisioned(5, 6))
        await switch(host)
        source = (await host.ask("DescribeTable", TableName="Things"))["Table"]["TableArn"]
        for wrong, message in (
            ({"SourceTableArn": source, "SourceTableName": "Things"}, "Must provide exactly one"),
            ({}, "The parameter 'TableName' is required"),
            ({"SourceTableArn": "x"}, "sourceTableArn is not a valid ARN"),
        ):
            refused = await host.ask(
                "RestoreTableToPointInTime",
                TargetTableName="Again",
                UseLatestRestorableTime=True,
                **wrong,
            )
            failure(refused, "ValidationException", message)
        both: dict[str, Any] = {"UseLatestRestorableTime": True, "RestoreDateTime": 1}
        for flags in ({}, both):
            refused = await host.ask(
                "RestoreTableToPointInTime",
                TargetTableName="Again",
                SourceTableName="Things",
                **flags,
            )
            failure(refused, "ValidationException", "UseLatestRestorableTime")
        await host.ask(
            "RestoreTableToPointInTime",
            TargetTableName="Again",
            SourceTableArn=source,
            UseLatestRestorableTime=True,
        )
        await wait_active(host, "Again")
        shown = (await host.ask("DescribeTable", TableName="Again"))["Table"]
        assert shown["ProvisionedThroughput"]["WriteCapacityUnits"] == 6

    with_tables(scenario)
