"""Indexes that are made and deleted while their table is written to."""

from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.regional.dynamodb.rows import table_range
from antipodes.service.contract import ServiceError, Settings
from tests.regional.dynamodb.indexchecks import check_agreement
from tests.regional.dynamodb.replicas import Planet, Region, W, make_table, play

CREATE = {
    "Create": {
        "IndexName": "ByValue",
        "KeySchema": [{"AttributeName": "v", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
}
DELETE = {"Delete": {"IndexName": "ByValue"}}
VALUE = [{"AttributeName": "v", "AttributeType": "S"}]


async def update(region: Region, *updates: dict[str, Any], **more: Any) -> Any:
    """Ask for index updates; the answer, or the error as a value."""
    try:
        return await region.do("UpdateTable", GlobalSecondaryIndexUpdates=list(updates), **more)
    except ServiceError as error:
        return error


def status_of(region: Region) -> list[str]:
    """The statuses of the table's indexes."""
    return [index.status for index in region.table().indexes]


async def settle(planet: Planet, *statuses: str) -> Region:
    """Wait until the indexes have these statuses, whatever becomes of the host meanwhile."""

    def settled() -> bool:
        region = planet.regions.get(W)
        return region is not None and status_of(region) == list(statuses)

    await planet.wait_until(settled)
    return planet.regions[W]


@settings(max_examples=15)
@given(
    st.integers(0, 350),
    st.lists(
        st.tuples(st.integers(0, 400), st.sampled_from(["put", "delete", "kill"])), max_size=40
    ),
    st.integers(0, 100),
)
def test_a_backfill_and_writes_meanwhile_make_the_index_whole(
    before: int, meanwhile: list[tuple[int, str]], seed: int
) -> None:
    async def scenario(planet: Planet, region: Region) -> None:
        await make_table(region)
        table, items = region.table(), region.dynamodb.items
        for number in range(before):
            item = {"k": {"S": str(number)}, "v": {"S": str(number % 7)}}
            items.put(table, items.row_key(table, item), item)
        await region.store.committed()
        await update(region, CREATE, AttributeDefinitions=VALUE)
        for number, what in meanwhile:
            region = planet.regions[W]
            if what == "put":
                await region.put(str(number), str(number % 3))
            elif what == "delete":
                await region.delete(str(number))
            else:
                await planet.outside.sleep(number / 1e6)
                planet.kill(W)
                region = await planet.start(W)
            check_agreement(region.store, region.table(), region.dynamodb.items.counts)
        region = await settle(planet, "ACTIVE")
        check_agreement(region.store, region.table(), region.dynamodb.items.counts)
        (identity,) = (index.identity for index in region.table().indexes)
        await update(region, DELETE)
        region = await settle(planet)
        check_agreement(region.store, region.table(), region.dynamodb.items.counts)
        assert region.table().attributes == {"k": "S"}
        assert region.store.scan(*table_range(identity)) == []
        assert region.store.get(b"n" + identity) is None

    play(scenario, W, seed=seed)


def test_statuses_go_as_clients_wait_for_them() -> None:
    async def scenario(planet: Planet, region: Region) -> None:
        await make_table(region)
        await region.put("1", "x")
        region.settings = Settings(control_plane_delay_s=2.0)

        async def described() -> tuple[Any, ...]:
            table = (await region.do("DescribeTable"))["Table"]
            (index,) = table["GlobalSecondaryIndexes"]
            return table["TableStatus"], index["IndexStatus"], index.get("Backfilling")

        await update(region, CREATE, AttributeDefinitions=VALUE)
        assert await described() == ("UPDATING", "CREATING", False)
        with pytest.raises(ServiceError, match="Cannot read from backfilling"):
            await region.do("Scan", IndexName="ByValue")
        await planet.outside.sleep(1.9)
        assert await described() == ("UPDATING", "CREATING", False)
        await settle(planet, "ACTIVE")
        assert await described() == ("ACTIVE", "ACTIVE", None)
        assert (await region.do("Scan", IndexName="ByValue"))["Count"] == 1
        await update(region, DELETE)
        assert await described() == ("UPDATING", "DELETING", None)
        with pytest.raises(ServiceError, match="does not have the specified index"):
            await region.do("Scan", IndexName="ByValue")
        await settle(planet)
        table = (await region.do("DescribeTable"))["Table"]
        assert "GlobalSecondaryIndexes" not in table
        assert [d["AttributeName"] for d in table["AttributeDefinitions"]] == ["k"]

    play(scenario, W)


def test_what_goes_on_with_an_index_keeps_other_changes_waiting() -> None:
    async def scenario(planet: Planet, region: Region) -> None:
        await make_table(region)
        region.settings = Settings(control_plane_delay_s=2.0)

        async def waits(**request: Any) -> str:
            with pytest.raises(ServiceError) as found:
                await region.do("UpdateTable", **request)
            assert found.value.code == "ResourceInUseException"
            return found.value.message.removeprefix(
                "Attempt to change a resource which is still in use: "
            )

        units = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
        paid = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": units}
        change = {"Update": {"IndexName": "ByValue", "ProvisionedThroughput": units}}
        stream = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
        answer = await update(region, CREATE, AttributeDefinitions=VALUE)
        (index,) = answer["TableDescription"]["GlobalSecondaryIndexes"]
        assert (index["IndexStatus"], index["Backfilling"]) == ("CREATING", False)
        assert await waits(GlobalSecondaryIndexUpdates=[DELETE]) == (
            "Index creation is in resource allocation phase. Retry deletion during backfilling "
            "phase or when the index is active. Table: Items Index: ByValue"
        )
        assert (await waits(**paid)) == (
            "Can't change table IOPS when an index is being created. Table: Items Indexes: "
            "[ByValue]"
        )
        assert (await waits(StreamSpecification=stream)).startswith("Can't change stream status")
        await region.do("UpdateTable", DeletionProtectionEnabled=False)
        with pytest.raises(ServiceError, match="Cannot delete table while indexes are being"):
            await region.do("DeleteTable")
        await settle(planet, "ACTIVE")
        await update(region, change, **paid)
        assert (await waits(GlobalSecondaryIndexUpdates=[DELETE])) == (
            "Can't create or delete indexes while table IOPS are being updated. Table: Items"
        )
        await planet.outside.sleep(2.1)
        more = {"ReadCapacityUnits": 6, "WriteCapacityUnits": 5}
        change = {"Update": {"IndexName": "ByValue", "ProvisionedThroughput": more}}
        answer = await update(region, change)
        (index,) = answer["TableDescription"]["GlobalSecondaryIndexes"]
        assert answer["TableDescription"]["TableStatus"] == "ACTIVE"
        assert index["IndexStatus"] == "UPDATING"
        assert index["ProvisionedThroughput"]["ReadCapacityUnits"] == 5
        assert await waits(GlobalSecondaryIndexUpdates=[DELETE]) == (
            "Index is being updated. Table: Items Index: ByValue"
        )
        await planet.outside.sleep(2.1)
        (index,) = (await region.do("DescribeTable"))["Table"]["GlobalSecondaryIndexes"]
        assert index["IndexStatus"] == "ACTIVE"
        assert index["ProvisionedThroughput"]["ReadCapacityUnits"] == 6
        assert index["WarmThroughput"]["ReadUnitsPerSecond"] == 12_000  # as it once was
        await update(region, DELETE)
        assert await waits(GlobalSecondaryIndexUpdates=[CREATE]) == (
            "Index is being deleted. Table: Items Index: ByValue"
        )
        assert (await waits(BillingMode="PAY_PER_REQUEST")).startswith(
            "Can't change table IOPS when an index is being deleted."
        )
        await settle(planet)
        await region.do("DeleteTable")

    play(scenario, W)


def test_items_of_other_types_are_left_out_by_a_backfill_and_refused_afterwards() -> None:
    async def scenario(planet: Planet, region: Region) -> None:
        await make_table(region)
        await region.do("PutItem", Item={"k": {"S": "a"}, "v": {"N": "1"}})
        await region.do("PutItem", Item={"k": {"S": "b"}, "v": {"S": ""}})
        await region.do("PutItem", Item={"k": {"S": "c"}, "v": {"S": "x" * 3000}})
        await region.put("d", "v")
        await update(region, CREATE, AttributeDefinitions=VALUE)
        await settle(planet, "ACTIVE")
        check_agreement(region.store, region.table(), region.dynamodb.items.counts)
        assert (await region.do("Scan", IndexName="ByValue"))["Count"] == 1
        with pytest.raises(ServiceError, match="Type mismatch for Index Key v"):
            await region.do("PutItem", Item={"k": {"S": "a"}, "v": {"N": "1"}})
        # What an update leaves as it was is not judged.
        await region.do(
            "UpdateItem",
            Key={"k": {"S": "a"}},
            UpdateExpression="SET w = :w",
            ExpressionAttributeValues={":w": {"S": "w"}},
        )
        with pytest.raises(ServiceError, match="Type mismatch for Index Key v"):
            await region.do(
                "UpdateItem",
                Key={"k": {"S": "a"}},
                UpdateExpression="SET v = :v",
                ExpressionAttributeValues={":v": {"N": "2"}},
            )
        check_agreement(region.store, region.table(), region.dynamodb.items.counts)

    play(scenario, W)


def test_what_cannot_be_done_to_indexes_is_refused() -> None:
    async def scenario(planet: Planet, region: Region) -> None:
        await make_table(region)

        async def refusal(*updates: dict[str, Any], **more: Any) -> str:
            before = region.table()
            answer = await update(region, *updates, **more)
            assert isinstance(answer, ServiceError), answer
            assert region.table() == before
            return f"{answer.code}: {answer.message}"

        bad = "ValidationException: One or more parameter values were invalid: "
        assert (await refusal()).startswith("ValidationException: At least one of")
        assert await refusal(BillingMode="PAY_PER_REQUEST") == (
            f"{bad}List of GlobalSecondaryIndexUpdates is empty"
        )
        assert (await refusal({})).startswith(f"{bad}One of GlobalSecondaryIndexUpdate.Update")
        assert (await refusal({**CREATE, **DELETE})).startswith(f"{bad}Only one global secondary")
        assert await refusal(CREATE, DELETE) == (
            f"{bad}Only one global secondary index update per index is allowed simultaneously. "
            "Index: ByValue"
        )
        assert await refusal(CREATE) == (
            f"{bad}AttributeDefinitions is not specified for index: ByValue"
        )
        assert await refusal(DELETE) == (
            "ResourceNotFoundException: Requested resource not found: Index ByValue for table Items"
        )
        other = {"Create": {**CREATE["Create"], "IndexName": "Other"}}
        only_one = "LimitExceededException: Subscriber limit exceeded: Only 1 online index"
        assert (await refusal(CREATE, other, AttributeDefinitions=VALUE)).startswith(only_one)
        await update(region, CREATE, AttributeDefinitions=VALUE)
        assert (await refusal(other)).startswith(only_one)
        await settle(planet, "ACTIVE")
        assert await refusal(CREATE) == (
            "ValidationException: Attempting to create an index which already exists"
        )
        units = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
        change = {"Update": {"IndexName": "ByValue", "ProvisionedThroughput": units}}
        assert "PAY_PER_REQUEST can be to" in await refusal(change)

    play(scenario, W)


def test_units_of_indexes_follow_the_mode_of_their_table() -> None:
    async def scenario(planet: Planet, region: Region) -> None:
        await make_table(region)
        await update(region, CREATE, AttributeDefinitions=VALUE)
        await settle(planet, "ACTIVE")
        units = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}
        mode: dict[str, Any] = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": units}
        with pytest.raises(ServiceError, match="ProvisionedThroughput must be specified for index"):
            await region.do("UpdateTable", **mode)
        change = {"Update": {"IndexName": "ByValue", "ProvisionedThroughput": units}}
        await update(region, change, **mode)
        (index,) = region.table().indexes
        assert (index.read_units, index.write_units) == (5, 6)
        answer = await update(region, change)
        assert "provisioned throughput for the index ByValue will not change" in answer.message
        await region.do("UpdateTable", BillingMode="PAY_PER_REQUEST")
        (index,) = region.table().indexes
        assert (index.read_units, index.write_units) == (0, 0)

    play(scenario, W)


def test_a_group_that_fails_takes_the_index_with_it() -> None:
    async def scenario(planet: Planet, region: Region) -> None:
        await make_table(region)
        planet.outside.later(0.0, partial(planet.simulation.set_disk, W, full=True))
        with pytest.raises(Exception, match=r"kept|space"):
            await region.do(
                "UpdateTable",
                GlobalSecondaryIndexUpdates=[CREATE],
                AttributeDefinitions=VALUE,
            )
        planet.simulation.set_disk(W, full=False)
        await planet.outside.sleep(5)
        assert region.table() == msgspec.structs.replace(region.table(), indexes=())
        await update(region, CREATE, AttributeDefinitions=VALUE)
        await settle(planet, "ACTIVE")

    play(scenario, W)
