"""Tables as records: made, changed and deleted by AWS's rules."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from antipodes.runtime.virtual import Simulation
from antipodes.service.contract import Settings
from tests.regional.dynamodb.tablehost import (
    ACCOUNT,
    REGION,
    TableHost,
    create,
    with_tables,
)
from tests.regional.dynamodb.test_operations import failure
from tests.runtime.worlds import FakeLinks

KEYS: dict[str, Any] = {
    "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "p", "AttributeType": "S"}],
}
ON_DEMAND: dict[str, Any] = {**KEYS, "BillingMode": "PAY_PER_REQUEST"}
ARN = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/Things"
HOUR = 3600.0


def units(reads: int, writes: int) -> dict[str, int]:
    return {"ReadCapacityUnits": reads, "WriteCapacityUnits": writes}


def provisioned(reads: int, writes: int) -> dict[str, Any]:
    return {**KEYS, "ProvisionedThroughput": units(reads, writes)}


def with_slow_tables(scenario: Callable[[TableHost], Awaitable[Any]]) -> None:
    """Run a scenario in a region where changes of tables take five seconds."""
    simulation = Simulation(FakeLinks(0.0), seed=1)
    runtime = simulation.boot(REGION)

    async def play() -> Any:
        host = TableHost(runtime)
        host.settings = Settings(control_plane_delay_s=5.0)
        return await scenario(host)

    async def main() -> Any:
        return await runtime.spawn(play(), "scenario")

    try:
        simulation.run(main())
    finally:
        simulation.close()


async def status(host: TableHost, name: str = "Things") -> str:
    answer = await host.ask("DescribeTable", TableName=name)
    return str(answer["Table"]["TableStatus"] if isinstance(answer, dict) else answer.code)


def test_a_table_is_creating_updating_and_deleting_for_as_long_as_was_chosen() -> None:
    async def scenario(host: TableHost) -> None:
        await host.ask("CreateTable", TableName="Things", **provisioned(1, 1))
        assert await status(host) == "CREATING"
        early = await host.ask("DeleteTable", TableName="Things")
        failure(early, "ResourceInUseException", "Table is being created: Things")
        again = await host.ask("CreateTable", TableName="Things", **ON_DEMAND)
        failure(again, "ResourceInUseException", "Table is being created: Things")
        await host.runtime.sleep(5)
        assert await status(host) == "ACTIVE"
        await host.ask("PutItem", TableName="Things", Item={"p": {"S": "k"}})

        await host.ask("UpdateTable", TableName="Things", ProvisionedThroughput=units(2, 2))
        assert await status(host) == "UPDATING"
        for request in ({"ProvisionedThroughput": units(3, 3)}, {"BillingMode": "PAY_PER_REQUEST"}):
            refused = await host.ask("UpdateTable", TableName="Things", **request)
            failure(refused, "ResourceInUseException", "Table IOPS are currently being updated")
        refused = await host.ask("DeleteTable", TableName="Things")
        failure(refused, "ResourceInUseException", "in the process of being updated")
        protected = await host.ask(
            "UpdateTable", TableName="Things", DeletionProtectionEnabled=False
        )
        assert protected["TableDescription"]["TableStatus"] == "UPDATING"
        found = await host.ask("GetItem", TableName="Things", Key={"p": {"S": "k"}})
        assert found["Item"] == {"p": {"S": "k"}}
        await host.runtime.sleep(5)

        await host.ask("DeleteTable", TableName="Things")
        assert await status(host) == "DELETING"
        assert (await host.ask("ListTables"))["TableNames"] == ["Things"]
        gone = await host.ask("GetItem", TableName="Things", Key={"p": {"S": "k"}})
        failure(gone, "ResourceNotFoundException")
        again = await host.ask("CreateTable", TableName="Things", **ON_DEMAND)
        failure(again, "ResourceInUseException", "Table already exists: Things")
        again = await host.ask("DeleteTable", TableName="Things")
        failure(again, "ResourceInUseException", "Table is being deleted: Things")
        again = await host.ask("UpdateTable", TableName="Things", TableClass="STANDARD")
        failure(again, "ResourceInUseException", "Table is being deleted: Things")
        await host.runtime.sleep(5.1)
        assert await status(host) == "ResourceNotFoundException"
        assert (await host.ask("ListTables"))["TableNames"] == []

    with_slow_tables(scenario)


def test_a_table_is_not_deleted_while_an_index_comes_or_goes() -> None:
    async def scenario(host: TableHost) -> None:
        host.dynamodb.index_work.start()
        await host.ask("CreateTable", TableName="Things", **ON_DEMAND)
        await host.runtime.sleep(5)
        index = {
            "IndexName": "by-v",
            "KeySchema": [{"AttributeName": "v", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
        await host.ask(
            "UpdateTable",
            TableName="Things",
            AttributeDefinitions=[{"AttributeName": "v", "AttributeType": "S"}],
            GlobalSecondaryIndexUpdates=[{"Create": index}],
        )
        refused = await host.ask("DeleteTable", TableName="Things")
        failure(refused, "ResourceInUseException", "while indexes are being created, updated, or")
        await host.runtime.sleep(30)
        answer = await host.ask("DeleteTable", TableName="Things")
        assert answer["TableDescription"]["TableStatus"] == "DELETING"

    with_slow_tables(scenario)


def test_the_rows_of_a_table_go_after_it_also_when_the_region_is_killed_meanwhile() -> None:
    simulation = Simulation(FakeLinks(0.0), seed=1)
    runtime = simulation.boot(REGION)

    async def before() -> None:
        host = TableHost(runtime)
        await host.ask("CreateTable", TableName="Things", **ON_DEMAND)
        for number in range(1200):
            await host.ask("PutItem", TableName="Things", Item={"p": {"S": str(number)}})
        await host.ask("DeleteTable", TableName="Things")
        await host.store.committed()
        assert host.store.scan(b"d", b"e")

    async def after() -> None:
        host = TableHost(revived)
        assert await status(host) == "ResourceNotFoundException"
        host.dynamodb.deletions.start()
        await host.runtime.sleep(5)
        assert host.store.scan(b"d", b"e") == []

    async def first() -> None:
        await runtime.spawn(before(), "before")

    async def second() -> None:
        await revived.spawn(after(), "after")

    try:
        simulation.run(first())
        simulation.kill(REGION)
        revived = simulation.boot(REGION)
        simulation.run(second())
    finally:
        simulation.close()


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({}, "At least one of ProvisionedThroughput"),
        (
            {"SSESpecification": {"Enabled": True}, "DeletionProtectionEnabled": True},
            "Server-Side Encryption modification must be the only operation",
        ),
        (
            {"TableClass": "STANDARD", "DeletionProtectionEnabled": True},
            "TableClass modification must be the only operation",
        ),
        (
            {"WarmThroughput": {}, "DeletionProtectionEnabled": True},
            "DeletionProtection modification must be the only operation",
        ),
        (
            {"WarmThroughput": {}, "BillingMode": "PAY_PER_REQUEST"},
            "WarmThroughput must be the only operation",
        ),
        (
            {"OnDemandThroughput": {}, "StreamSpecification": {"StreamEnabled": False}},
            "OnDemandThroughput can only be combined with BillingMode",
        ),
        (
            {
                "ProvisionedThroughput": units(9, 9),
                "StreamSpecification": {"StreamEnabled": False},
            },
            "You cannot modify stream status while updating table IOPS",
        ),
        (
            {
                "ReplicaUpdates": [{"Create": {"RegionName": "eu-west-1"}}],
                "DeletionProtectionEnabled": True,
            },
            "must not also modify other fields",
        ),
        ({"BillingMode": "PROVISIONED"}, "ProvisionedThroughput must be specified when"),
        ({"ProvisionedThroughput": units(5, 5)}, "The provisioned throughput for the table will"),
        (
            {"OnDemandThroughput": {"MaxReadRequestUnits": 7}},
            "MaxReadRequestUnits for OnDemandThroughput cannot be specified when the table",
        ),
        (
            {"WarmThroughput": {"ReadUnitsPerSecond": 4}},
            "lower than current WarmThroughput, decreasing WarmThroughput is not supported",
        ),
        (
            {"StreamSpecification": {"StreamEnabled": True}},
            "If stream is being enabled then UpdateViewType is required",
        ),
        (
            {"StreamSpecification": {"StreamEnabled": False}},
            "Table has no stream to disable: TableName: Things",
        ),
        ({"SSESpecification": {"Enabled": False}}, "Table is already encrypted by default"),
        (
            {"SSESpecification": {"Enabled": False, "SSEType": "KMS"}},
            "SSEType can not be specified if Enabled is false",
        ),
        (
            {"SSESpecification": {"Enabled": True, "KMSMasterKeyId": "k"}},
            "SSEType KMS is required if KMSMasterKeyId is specified",
        ),
    ],
)
def test_a_change_of_a_table_that_may_not_be_is_refused_and_changes_nothing(
    request_: dict[str, Any], message: str
) -> None:
    async def scenario(host: TableHost) -> None:
        await host.ask("CreateTable", TableName="Things", **provisioned(5, 5))
        before = await host.ask("DescribeTable", TableName="Things")
        refused = await host.ask("UpdateTable", TableName="Things", **request_)
        failure(refused, "ValidationException", message)
        assert await host.ask("DescribeTable", TableName="Things") == before

    with_tables(scenario)


def test_capacity_is_decreased_four_times_a_day_and_once_an_hour_then() -> None:
    async def scenario(host: TableHost) -> None:
        await host.runtime.sleep(86_400 - host.runtime.wall() % 86_400)  # a day's first moment
        await host.ask("CreateTable", TableName="Things", **provisioned(10, 10))

        async def ask(reads: int, writes: int) -> Any:
            return await host.ask(
                "UpdateTable", TableName="Things", ProvisionedThroughput=units(reads, writes)
            )

        for left in (9, 8, 7, 6):
            answer = await ask(left, left)
            assert answer["TableDescription"]["TableStatus"] == "UPDATING"
            told = answer["TableDescription"]["ProvisionedThroughput"]
            assert told["ReadCapacityUnits"] == left + 1
        described = await host.ask("DescribeTable", TableName="Things")
        assert described["Table"]["ProvisionedThroughput"]["NumberOfDecreasesToday"] == 4
        refused = await ask(5, 9)
        failure(refused, "LimitExceededException", "Number of decreases today: 4")
        assert "TableDescription" in await ask(11, 11)
        await host.runtime.sleep(HOUR - 1)
        failure(await ask(5, 5), "LimitExceededException", "can be made at")
        await host.runtime.sleep(1)
        assert "TableDescription" in await ask(5, 5)
        failure(await ask(4, 4), "LimitExceededException", "Number of decreases today: 5")
        await host.runtime.sleep(23 * HOUR)
        assert "TableDescription" in await ask(4, 4)

    with_tables(scenario)


def test_billing_modes_change_with_their_units_and_four_times_a_day() -> None:
    async def scenario(host: TableHost) -> None:
        await host.ask("CreateTable", TableName="Things", **provisioned(5, 6))
        for _ in range(4):
            answer = await host.ask(
                "UpdateTable", TableName="Things", BillingMode="PAY_PER_REQUEST"
            )
            assert answer["TableDescription"]["ProvisionedThroughput"]["ReadCapacityUnits"] == 0
            described = (await host.ask("DescribeTable", TableName="Things"))["Table"]
            assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
            assert described["WarmThroughput"]["ReadUnitsPerSecond"] == 12_000
            await host.ask(
                "UpdateTable",
                TableName="Things",
                BillingMode="PROVISIONED",
                ProvisionedThroughput=units(7, 8),
            )
        refused = await host.ask("UpdateTable", TableName="Things", BillingMode="PAY_PER_REQUEST")
        failure(refused, "LimitExceededException", "limited to 4 times in 1 day(s)")
        described = (await host.ask("DescribeTable", TableName="Things"))["Table"]
        assert described["ProvisionedThroughput"]["WriteCapacityUnits"] == 8
        assert described["WarmThroughput"]["WriteUnitsPerSecond"] == 4_000
        await host.runtime.sleep(24 * HOUR)
        answer = await host.ask("UpdateTable", TableName="Things", BillingMode="PAY_PER_REQUEST")
        assert "TableDescription" in answer

    with_tables(scenario)


def test_maxima_of_on_demand_tables_merge_and_are_cleared() -> None:
    async def scenario(host: TableHost) -> None:
        maxima = {"MaxReadRequestUnits": 10, "MaxWriteRequestUnits": 20}
        await host.ask("CreateTable", TableName="Things", **ON_DEMAND, OnDemandThroughput=maxima)

        async def ask(**asked: int) -> Any:
            answer = await host.ask("UpdateTable", TableName="Things", OnDemandThroughput=asked)
            return answer["TableDescription"].get("OnDemandThroughput")

        assert await ask(MaxReadRequestUnits=11) == {**maxima, "MaxReadRequestUnits": 11}
        assert await ask(MaxReadRequestUnits=-1) == {"MaxWriteRequestUnits": 20}
        assert await ask(MaxWriteRequestUnits=-1) is None
        for value in (0, -2):
            refused = await host.ask(
                "UpdateTable", TableName="Things", OnDemandThroughput={"MaxReadRequestUnits": value}
            )
            failure(refused, "ValidationException", "is outside of valid range")

    with_tables(scenario)


def test_classes_keys_and_protection_are_kept_and_shown() -> None:
    async def scenario(host: TableHost) -> None:
        await host.ask(
            "CreateTable",
            TableName="Things",
            **ON_DEMAND,
            SSESpecification={"Enabled": True},
            DeletionProtectionEnabled=True,
        )
        described = (await host.ask("DescribeTable", TableName="Things"))["Table"]
        assert described["SSEDescription"]["SSEType"] == "KMS"
        assert described["SSEDescription"]["KMSMasterKeyArn"].startswith("arn:aws:kms:us-west-2:")
        failure(await host.ask("DeleteTable", TableName="Things"), "ValidationException", "Disable")
        await host.ask("UpdateTable", TableName="Things", DeletionProtectionEnabled=False)
        await host.ask("UpdateTable", TableName="Things", SSESpecification={"Enabled": False})
        for name in ("STANDARD_INFREQUENT_ACCESS", "STANDARD"):
            await host.ask("UpdateTable", TableName="Things", TableClass=name)
        described = (await host.ask("DescribeTable", TableName="Things"))["Table"]
        assert "SSEDescription" not in described
        assert described["TableClassSummary"]["TableClass"] == "STANDARD"
        refused = await host.ask(
            "UpdateTable", TableName="Things", TableClass="STANDARD_INFREQUENT_ACCESS"
        )
        failure(refused, "LimitExceededException", "limited to 2 times in 30 day(s)")
        answer = await host.ask("DeleteTable", TableName="Things")
        assert answer["TableDescription"]["TableStatus"] == "DELETING"

    with_tables(scenario)


@pytest.mark.parametrize(
    ("asked", "code", "message"),
    [
        (provisioned(40_001, 1), "LimitExceededException", "above the per table maximum"),
        (provisioned(30_000, 1), "LimitExceededException", "limit to be exceeded for the account"),
        (
            {**ON_DEMAND, "OnDemandThroughput": {"MaxReadRequestUnits": -1}},
            "ValidationException",
            "is outside of valid range",
        ),
        (
            {**ON_DEMAND, "OnDemandThroughput": {"MaxWriteRequestUnits": 40_001}},
            "LimitExceededException",
            "exceeds TableMaxWriteCapacityUnits",
        ),
        (
            {**ON_DEMAND, "WarmThroughput": {"ReadUnitsPerSecond": 10**12}},
            "LimitExceededException",
            "exceeds TableMaxReadCapacityUnits",
        ),
        (
            {**ON_DEMAND, "WarmThroughput": {"ReadUnitsPerSecond": 1}},
            "ValidationException",
            "lower than initial throughput for OnDemand",
        ),
        (
            {**provisioned(9, 9), "WarmThroughput": {"WriteUnitsPerSecond": 8}},
            "ValidationException",
            "lower than WriteCapacityUnits of ProvisionedThroughput",
        ),
        (
            {**ON_DEMAND, "StreamSpecification": {"StreamEnabled": True}},
            "ValidationException",
            "Table is being created with a stream enabled",
        ),
        (
            {**ON_DEMAND, "Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]},
            "ValidationException",
            "Duplicate Tag Key found a",
        ),
        (
            {**ON_DEMAND, "Tags": [{"Key": "AWS:a", "Value": "1"}]},
            "ValidationException",
            "Tag Key cannot be prefixed with aws:",
        ),
        ({**ON_DEMAND, "VectorIndexes": [{}]}, "ValidationException", "vectorIndexes"),
    ],
)
def test_a_table_that_may_not_be_is_refused(asked: dict[str, Any], code: str, message: str) -> None:
    async def scenario(host: TableHost) -> None:
        for name in ("One", "Two"):
            await host.ask("CreateTable", TableName=name, **provisioned(30_000, 1))
        failure(await host.ask("CreateTable", TableName="Things", **asked), code, message)
        assert await status(host) == "ResourceNotFoundException"

    with_tables(scenario)


def test_an_account_has_so_many_tables_and_no_more() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)
        (first,) = host.dynamodb.tables.list(ACCOUNT)
        for number in range(2499):
            name = f"table-{number:04}"
            host.dynamodb.put_record(msgspec.structs.replace(first, name=name))
        refused = await host.ask("CreateTable", TableName="one-more", **ON_DEMAND)
        failure(refused, "LimitExceededException", "There is a limit of 2500 tables")
        await host.ask("DeleteTable", TableName="Things")
        made = await host.ask("CreateTable", TableName="one-more", **ON_DEMAND)
        assert made["TableDescription"]["TableName"] == "one-more"

    with_tables(scenario)


def test_so_many_tables_are_made_or_changed_at_once_and_no_more() -> None:
    async def scenario(host: TableHost) -> None:
        await host.ask("CreateTable", TableName="Things", **ON_DEMAND)
        (first,) = host.dynamodb.tables.list(ACCOUNT)
        for number in range(499):
            name = f"table-{number:04}"
            host.dynamodb.put_record(msgspec.structs.replace(first, name=name))
        refused = await host.ask("CreateTable", TableName="one-more", **ON_DEMAND)
        failure(refused, "LimitExceededException", "Only 500 tables can be created, updated, or")
        await host.runtime.sleep(5)
        made = await host.ask("CreateTable", TableName="one-more", **ON_DEMAND)
        assert made["TableDescription"]["TableName"] == "one-more"

    with_slow_tables(scenario)


def test_tags_are_checked_counted_and_listed_in_pages() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)

        async def tag(**tags: str) -> Any:
            given = [{"Key": key, "Value": value} for key, value in tags.items()]
            return await host.ask("TagResource", ResourceArn=ARN, Tags=given)

        for number in range(0, 50, 10):
            assert await tag(**{f"k{number + n:02}": "v" for n in range(10)}) == {}
        failure(await tag(more="v"), "ValidationException", "Number of Tags exceed")
        assert await tag(k00="") == {}
        failure(await tag(**{"k#": "v"}), "ValidationException", "The Tag Key provided is invalid")
        failure(await tag(k00="#"), "ValidationException", "The Tag Value provided is invalid")
        found: dict[str, str] = {}
        token: dict[str, str] = {}
        for page in range(5):
            answer = await host.ask("ListTagsOfResource", ResourceArn=ARN, **token)
            found |= {tag["Key"]: tag["Value"] for tag in answer["Tags"]}
            token = {"NextToken": answer["NextToken"]} if "NextToken" in answer else {}
            assert bool(token) == (page < 4)
        assert found == {"k00": "", **{f"k{n:02}": "v" for n in range(1, 50)}}
        assert await host.ask("UntagResource", ResourceArn=ARN, TagKeys=["k00", "never"]) == {}
        assert await tag(more="v") == {}

    with_tables(scenario)


def test_a_table_is_named_by_its_own_arn_and_by_no_other() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)
        item = {"p": {"S": "k"}}
        assert await host.ask("PutItem", TableName=ARN, Item=item) == {}
        assert (await host.ask("GetItem", TableName=ARN, Key=item))["Item"] == item
        elsewhere = ARN.replace(REGION, "eu-west-1")
        refused = await host.ask("GetItem", TableName=elsewhere, Key=item)
        failure(refused, "ValidationException", "Invalid AWS region in")
        others = ARN.replace(ACCOUNT, "111111111111")
        refused = await host.ask("DescribeTable", TableName=others)
        failure(refused, "AccessDeniedException", "no resource-based policy allows it")
        refused = await host.ask("ListTagsOfResource", ResourceArn=f"{ARN}/index/i")
        failure(refused, "ValidationException", "only table or stream is accepted")

    with_tables(scenario)
