"""Settings of replicas: what travels, what does not, and what a replica has for itself."""

from functools import partial
from typing import Any

import pytest

from antipodes.service.contract import ServiceError, Settings
from tests.regional.dynamodb.replicas import ACCOUNT, E, Planet, Region, S, W, play
from tests.regional.dynamodb.test_pauses import pause, resume

INDEX = {
    "IndexName": "ByValue",
    "KeySchema": [{"AttributeName": "v", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}
DEFINITION = [{"AttributeName": "v", "AttributeType": "S"}]
UNITS = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}


async def described(region: Region) -> dict[str, Any]:
    found: dict[str, Any] = (await region.do("DescribeTable"))["Table"]
    return found


async def replica(region: Region, of: str) -> dict[str, Any]:
    """A replica as another region shows it."""
    shown = (await described(region)).get("Replicas", ())
    return next((one for one in shown if one["RegionName"] == of), {})


async def index(region: Region, action: str) -> None:
    part = INDEX if action == "Create" else {"IndexName": "ByValue"}
    request: dict[str, Any] = {"GlobalSecondaryIndexUpdates": [{action: part}]}
    if action == "Create":
        request["AttributeDefinitions"] = DEFINITION
    await region.do("UpdateTable", **request)


def indexed(region: Region) -> dict[str, str]:
    """The indexes and their statuses."""
    table = region.table()
    return {} if table is None else {index.name: index.status for index in table.indexes}


async def found(region: Region, value: str) -> list[str]:
    """The keys of items that an index leads to."""
    answer = await region.do(
        "Query",
        IndexName="ByValue",
        KeyConditionExpression="v = :v",
        ExpressionAttributeValues={":v": {"S": value}},
    )
    return sorted(item["k"]["S"] for item in answer["Items"])


async def provisioned(planet: Planet) -> None:
    """A global table of two regions with provisioned capacity."""
    west = planet.regions[W]
    await west.do(
        "CreateTable",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        ProvisionedThroughput=UNITS,
    )
    await west.replica("Create", E)
    await planet.wait_until(lambda: planet.all_active(W, E))


def test_an_index_made_in_one_region_is_made_and_filled_in_the_others() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        for number in range(300):
            await west.put(f"{number:03d}", f"{number % 3}")
        await planet.wait_until(planet.agree)
        await index(west, "Create")
        for number in range(300, 400):
            await east.put(f"{number:03d}", f"{number % 3}")
        whole = {"ByValue": "ACTIVE"}
        await planet.wait_until(lambda: indexed(west) == indexed(east) == whole)
        await planet.wait_until(planet.agree)
        wanted = [f"{number:03d}" for number in range(1, 400, 3)]
        assert await found(west, "1") == await found(east, "1") == wanted
        await east.delete("001")
        await planet.wait_until(planet.agree)
        assert await found(west, "1") == wanted[1:]
        await index(east, "Delete")
        await planet.wait_until(lambda: indexed(west) == indexed(east) == {})
        shown = await described(west)
        assert len(shown["AttributeDefinitions"]) == 1

    play(scenario)


def test_an_index_deleted_and_made_again_behind_a_cut_is_the_new_one_in_the_end() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        for number in range(50):
            await west.put(f"{number}", "1")
        await index(west, "Create")
        await planet.wait_until(lambda: indexed(east) == {"ByValue": "ACTIVE"})
        planet.cut(W, E)
        await index(west, "Delete")
        await planet.wait_until(lambda: indexed(west) == {})
        await index(west, "Create")
        await planet.wait_until(lambda: indexed(west) == {"ByValue": "ACTIVE"})
        await east.put("more", "1")
        planet.heal(W, E)
        await planet.wait_until(planet.agree)
        await planet.outside.sleep(10)
        assert indexed(west) == indexed(east) == {"ByValue": "ACTIVE"}
        assert await found(west, "1") == await found(east, "1") == sorted(west.items())

    play(scenario)


def test_a_new_replica_has_the_indexes_from_the_start() -> None:
    async def scenario(planet: Planet, west: Region, _: Region, south: Region) -> None:
        await planet.global_table(W, E)
        await index(west, "Create")
        await planet.wait_until(lambda: indexed(west) == {"ByValue": "ACTIVE"})
        for number in range(200):
            await west.put(f"{number}", f"{number % 2}")
        await west.replica("Create", S)
        await planet.wait_until(lambda: planet.all_active(W, E, S))
        await planet.wait_until(planet.agree)
        assert indexed(south) == {"ByValue": "ACTIVE"}
        assert len(await found(south, "1")) == 100

    play(scenario, W, E, S)


def test_what_is_shared_travels_and_what_is_not_does_not() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await provisioned(planet)
        ttl = {"AttributeName": "until", "Enabled": True}
        await west.do("UpdateTimeToLive", TimeToLiveSpecification=ttl)
        await east.do("UpdateTable", TableClass="STANDARD_INFREQUENT_ACCESS")
        await planet.outside.sleep(1)
        await east.do("UpdateTable", SSESpecification={"Enabled": True, "SSEType": "KMS"})
        await west.do("UpdateTable", DeletionProtectionEnabled=True)
        arn = (await described(west))["TableArn"]
        tags = [{"Key": "of", "Value": "west"}]
        tagging = {"ResourceArn": arn, "Tags": tags}
        await west.call("dynamodb", "TagResource", tagging, account=ACCOUNT)
        await planet.outside.sleep(1)
        await west.do("UpdateTable", BillingMode="PAY_PER_REQUEST")
        await planet.outside.sleep(1)
        told = await east.do("DescribeTimeToLive")
        assert told["TimeToLiveDescription"]["AttributeName"] == "until"
        here, there = await described(west), await described(east)
        for shown in (here, there):
            assert shown["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
            assert shown["TableClassSummary"]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
            region = shown["TableArn"].split(":")[3]
            assert f":kms:{region}:" in shown["SSEDescription"]["KMSMasterKeyArn"]
        assert (here["DeletionProtectionEnabled"], there["DeletionProtectionEnabled"]) == (
            True,
            False,
        )
        assert (west.table().tags, east.table().tags) == ({"of": "west"}, {})

    play(scenario)


def test_what_two_regions_change_apart_is_all_kept() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        planet.cut(W, E)
        await index(west, "Create")
        ttl = {"AttributeName": "until", "Enabled": True}
        await east.do("UpdateTimeToLive", TimeToLiveSpecification=ttl)
        await planet.outside.sleep(20)
        planet.heal(W, E)
        await planet.wait_until(lambda: indexed(east) == {"ByValue": "ACTIVE"})
        assert west.table().ttl_attribute == east.table().ttl_attribute == "until"

    play(scenario)


def test_a_replicas_own_reads_stand_until_they_are_changed_for_all() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await provisioned(planet)
        own = {"RegionName": E, "ProvisionedThroughputOverride": {"ReadCapacityUnits": 17}}
        planet.cut(W, E)
        answer = await west.do("UpdateTable", ReplicaUpdates=[{"Update": own}])
        assert answer["TableDescription"]["TableStatus"] == "UPDATING"
        assert (await replica(west, E))["ReplicaStatus"] == "UPDATING"
        planet.heal(W, E)
        await planet.wait_until(lambda: planet.all_active(W, E))
        assert (west.table().read_units, east.table().read_units) == (5, 17)
        shown = await replica(west, E)
        assert shown["ProvisionedThroughputOverride"] == {"ReadCapacityUnits": 17}
        units = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 9}
        await west.do("UpdateTable", ProvisionedThroughput=units)
        await planet.wait_until(lambda: east.table().write_units == 9)
        assert east.table().read_units == 17, "only the writes were changed for all"
        await west.do("UpdateTable", ProvisionedThroughput={**units, "ReadCapacityUnits": 30})
        await planet.wait_until(lambda: east.table().read_units == 30)
        assert "ProvisionedThroughputOverride" not in await replica(west, E)

    play(scenario)


def test_a_replica_is_made_with_settings_of_its_own() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await west.do(
            "CreateTable",
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}, *DEFINITION],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            ProvisionedThroughput=UNITS,
            GlobalSecondaryIndexes=[{**INDEX, "ProvisionedThroughput": UNITS}],
            SSESpecification={"Enabled": True, "SSEType": "KMS"},
        )
        own = {
            "RegionName": E,
            "ProvisionedThroughputOverride": {"ReadCapacityUnits": 11},
            "GlobalSecondaryIndexes": [
                {"IndexName": "ByValue", "ProvisionedThroughputOverride": {"ReadCapacityUnits": 12}}
            ],
            "TableClassOverride": "STANDARD_INFREQUENT_ACCESS",
            "KMSMasterKeyId": "alias/mine",
        }
        await west.do("UpdateTable", ReplicaUpdates=[{"Create": own}])
        await planet.wait_until(lambda: planet.all_active(W, E))
        table = east.table()
        assert (table.read_units, table.write_units, table.indexes[0].read_units) == (11, 6, 12)
        assert (table.table_class, table.indexes[0].write_units) == (
            "STANDARD_INFREQUENT_ACCESS",
            6,
        )
        assert west.table().indexes[0].read_units == 5
        assert f":kms:{E}:" in table.encryption.key
        assert table.encryption.key != west.table().encryption.key
        shown = await replica(west, E)
        assert shown["KMSMasterKeyId"] == "alias/mine"
        assert shown["ReplicaTableClassSummary"] == {"TableClass": "STANDARD_INFREQUENT_ACCESS"}
        assert shown["GlobalSecondaryIndexes"] == own["GlobalSecondaryIndexes"]

    play(scenario)


def test_settings_cannot_be_changed_while_replication_is_paused_anywhere() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        await pause(west)
        await planet.outside.sleep(1)
        ttl = {"AttributeName": "until", "Enabled": True}
        for region in (west, east):
            for change in (
                partial(region.do, "UpdateTable", TableClass="STANDARD_INFREQUENT_ACCESS"),
                partial(region.do, "UpdateTimeToLive", TimeToLiveSpecification=ttl),
                partial(index, region, "Create"),
            ):
                with pytest.raises(ServiceError, match="ResourceInUseException"):
                    await change()
        await resume(west)
        await planet.outside.sleep(1)
        await index(east, "Create")
        await planet.wait_until(lambda: indexed(west) == {"ByValue": "ACTIVE"})

    play(scenario, settings=Settings())
