"""Tables, indexes, tags, backups and accounts as a suite written against AWS expects them."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.e2e.strangers import (
    ON_DEMAND,
    answer,
    fresh,
    index,
    invalid,
    keys,
    number,
    refusal,
    text,
    values,
)
from tests.e2e.worlds import RunningWorld, wait

W, E = "us-west-2", "us-east-1"
A = {"p": text("a")}
WRONG = "One or more parameter values were invalid: "
ONE_INDEX = "Only 1 online index can be created or deleted simultaneously per table"
UNITS = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world() -> Iterator[RunningWorld]:
    with RunningWorld(regions=(W, E)) as running:
        yield running


@pytest.fixture(scope="module")
def client(world: RunningWorld) -> Any:
    return world.client("dynamodb")


def test_a_name_is_free_as_soon_as_its_table_is_gone(client: Any) -> None:
    name = fresh(client, "S")
    client.put_item(TableName=name, Item=A)
    ttl = {"Enabled": True, "AttributeName": "e"}
    client.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
    identities = set()
    for kind in ("N", "B", "S"):
        client.delete_table(TableName=name)
        client.get_waiter("table_not_exists").wait(TableName=name)
        client.create_table(TableName=name, **keys(kind), **ON_DEMAND)
        client.get_waiter("table_exists").wait(TableName=name)
        shown = client.describe_table(TableName=name)["Table"]
        identities.add(shown["TableId"])
        assert shown["AttributeDefinitions"] == [{"AttributeName": "p", "AttributeType": kind}]
        assert client.scan(TableName=name)["Items"] == []
        described = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        assert described == {"TimeToLiveStatus": "DISABLED"}
    assert len(identities) == 3
    in_use = refusal(client.create_table, TableName=name, **keys(), **ON_DEMAND)
    assert in_use == ("ResourceInUseException", f"Table already exists: {name}", 400)


def test_a_new_table_shows_no_member_that_says_nothing(client: Any) -> None:
    shown = client.describe_table(TableName=fresh(client))["Table"]
    assert sorted(shown) == [
        "AttributeDefinitions",
        "BillingModeSummary",
        "CreationDateTime",
        "DeletionProtectionEnabled",
        "ItemCount",
        "KeySchema",
        "ProvisionedThroughput",
        "TableArn",
        "TableId",
        "TableName",
        "TableSizeBytes",
        "TableStatus",
        "WarmThroughput",
    ]
    zero = {"NumberOfDecreasesToday": 0, "ReadCapacityUnits": 0, "WriteCapacityUnits": 0}
    assert shown["ProvisionedThroughput"] == zero


def test_create_table_says_what_is_wrong(client: Any) -> None:
    def create(**request: Any) -> str:
        return invalid(client.create_table, TableName="wrong", **{**keys(), **request})

    two = keys("S", "S")
    assert create().startswith(f"{WRONG}ReadCapacityUnits and WriteCapacityUnits must both be")
    assert create(**ON_DEMAND, ProvisionedThroughput=UNITS).startswith(f"{WRONG}Neither")
    lacking = create(**ON_DEMAND, KeySchema=two["KeySchema"])
    assert lacking == (
        f"{WRONG}Some index key attributes are not defined in AttributeDefinitions. "
        "Keys: [p, c], AttributeDefinitions: [p]"
    )
    more = create(**ON_DEMAND, AttributeDefinitions=two["AttributeDefinitions"])
    assert more == (
        f"{WRONG}Number of attributes in KeySchema does not exactly match number of attributes "
        "defined in AttributeDefinitions"
    )
    twice = [{"AttributeName": "p", "AttributeType": kind} for kind in "SN"]
    said = create(**ON_DEMAND, AttributeDefinitions=twice)
    assert "uplicate" in said
    assert said.endswith("p")
    same = create(**ON_DEMAND, GlobalSecondaryIndexes=[index("byP", "p"), index("byP", "p")])
    assert same == f"{WRONG}Duplicate index name: byP"
    many = [index(f"by{n}", "p") for n in range(21)]
    assert create(**ON_DEMAND, GlobalSecondaryIndexes=many).endswith("per-table limit of 20")
    local = create(
        **ON_DEMAND,
        AttributeDefinitions=two["AttributeDefinitions"],
        LocalSecondaryIndexes=[index("byL", "p", "c")],
    )
    assert "does not have a range key" in local
    include = create(**ON_DEMAND, GlobalSecondaryIndexes=[index("byP", "p", kind="INCLUDE")])
    assert include.endswith("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
    gone = refusal(client.describe_table, TableName="wrong")
    missing = "Requested resource not found: Table: wrong not found"
    assert gone == ("ResourceNotFoundException", missing, 400)


def test_an_update_of_two_things_at_once_changes_nothing(client: Any) -> None:
    table = fresh(client)
    before = client.describe_table(TableName=table)["Table"]
    update = partial(client.update_table, TableName=table)
    defined = keys("S", q="S")["AttributeDefinitions"]
    first, second = ({"Create": index(name, "q")} for name in ("one", "two"))
    limited = refusal(
        update, AttributeDefinitions=defined, GlobalSecondaryIndexUpdates=[first, second]
    )
    assert limited == (
        "LimitExceededException",
        f"Subscriber limit exceeded: {ONE_INDEX}",
        400,
    )
    both = {
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        "BillingMode": "PROVISIONED",
        "ProvisionedThroughput": UNITS,
    }
    assert invalid(update, **both).startswith(f"{WRONG}You cannot modify stream status")
    assert invalid(update).startswith("At least one of ProvisionedThroughput, BillingMode")
    after = client.describe_table(TableName=table)["Table"]
    assert after == before


def test_an_attribute_keeps_the_type_that_it_is_indexed_by(client: Any) -> None:
    table = fresh(client, others={"q": "S"}, GlobalSecondaryIndexes=[index("byQ", "q")])
    update = partial(client.update_table, TableName=table)
    other = [{"AttributeName": "q", "AttributeType": "N"}]
    again = {"GlobalSecondaryIndexUpdates": [{"Create": index("again", "q")}]}
    said = invalid(update, AttributeDefinitions=other, **again)
    assert said.startswith(f"{WRONG}Attributes cannot be redefined. ")
    assert "Schema:[SchemaElement: key{q:S:HASH}]" in said
    assert "Schema:[SchemaElement: key{q:N:HASH}]" in said
    shown = client.describe_table(TableName=table)["Table"]
    assert [one["IndexName"] for one in shown["GlobalSecondaryIndexes"]] == ["byQ"]
    mismatch = invalid(client.put_item, TableName=table, Item={**A, "q": number(1)})
    assert mismatch == f"{WRONG}Type mismatch for Index Key q Expected: S Actual: N IndexName: byQ"


def test_what_an_update_makes_of_an_index_key_is_told_from_what_it_was_given(client: Any) -> None:
    table = fresh(client, others={"q": "S"}, GlobalSecondaryIndexes=[index("byQ", "q")])
    item = {**A, "n": number(1), "q": text("x"), "wide": text("x" * 2049)}
    client.put_item(TableName=table, Item=item)
    update = partial(invalid, client.update_item, TableName=table, Key=A)
    came = "The update expression attempted to update the secondary index key"
    assert update(UpdateExpression="SET q = n") == f"{came} to unsupported type"
    assert update(UpdateExpression="SET q = wide") == f"{came} beyond allowed size limits"
    mismatch = f"{WRONG}Type mismatch for Index Key q Expected: S Actual: N IndexName: byQ"
    one = values(v=number("1.0"))
    assert update(UpdateExpression="SET q = :v", ExpressionAttributeValues=one) == mismatch
    for expression in ("SET q = p + :v", "SET z = q[1], q = p + :v", "SET z = q[1] ADD q :v"):
        said = update(UpdateExpression=expression, ExpressionAttributeValues=one)
        assert said == mismatch
    legacy = {"q": {"Action": "PUT", "Value": number(1)}}
    assert update(AttributeUpdates=legacy) == mismatch
    long = update(UpdateExpression="SET q = :v", ExpressionAttributeValues=values(v=item["wide"]))
    assert long == f"{WRONG}Size of hashkey has exceeded the maximum size limit of2048 bytes"
    assert client.scan(TableName=table, IndexName="byQ")["Items"] == [item]


def test_an_index_made_later_leaves_out_what_cannot_be_its_key(client: Any) -> None:
    table = fresh(client)
    sizes = {"fine": 1024, "long": 1025, "longest": 2048, "too long": 2049}
    for key, size in sizes.items():
        client.put_item(TableName=table, Item={"p": text(key), "q": text("x" * size)})
    client.put_item(TableName=table, Item={"p": text("empty"), "q": text("")})
    client.put_item(TableName=table, Item={"p": text("number"), "q": number(1)})
    client.put_item(TableName=table, Item={"p": text("absent")})
    defined = keys("S", q="S")["AttributeDefinitions"]
    for made, wanted in (
        (index("hash", "q"), ["fine", "long", "longest"]),
        (index("range", "p", "q"), ["fine"]),
    ):
        client.update_table(
            TableName=table,
            AttributeDefinitions=defined,
            GlobalSecondaryIndexUpdates=[{"Create": made}],
        )

        def active() -> bool:
            shown = client.describe_table(TableName=table)["Table"]
            states = {one["IndexStatus"] for one in shown["GlobalSecondaryIndexes"]}
            return states == {"ACTIVE"} and shown["TableStatus"] == "ACTIVE"

        wait(active)
        found = client.scan(TableName=table, IndexName=made["IndexName"])["Items"]
        assert sorted(item["p"]["S"] for item in found) == wanted
    client.update_table(
        TableName=table, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "hash"}}]
    )
    gone = invalid(client.scan, TableName=table, IndexName="hash")
    assert gone == "The table does not have the specified index: hash"


def test_a_table_may_be_called_by_its_arn(client: Any) -> None:
    table = fresh(client)
    arn = client.describe_table(TableName=table)["Table"]["TableArn"]
    total = {"ReturnConsumedCapacity": "TOTAL"}
    put = client.put_item(TableName=arn, Item=A, **total)
    assert put["ConsumedCapacity"] == {"TableName": arn, "CapacityUnits": 1.0}
    query = client.query(
        TableName=arn,
        KeyConditionExpression="p = :p",
        ExpressionAttributeValues=values(p=A["p"]),
        **total,
    )
    assert query["Items"] == [A]
    assert query["ConsumedCapacity"] == {"TableName": arn, "CapacityUnits": 0.5}
    read = client.batch_get_item(RequestItems={arn: {"Keys": [A]}}, **total)
    assert read["Responses"] == {arn: [A]}
    assert read["ConsumedCapacity"] == [{"TableName": arn, "CapacityUnits": 0.5}]
    write = client.transact_write_items(
        TransactItems=[{"Delete": {"TableName": arn, "Key": A}}], **total
    )
    assert [one["TableName"] for one in write["ConsumedCapacity"]] == [arn]
    named = client.get_item(TableName=table, Key=A, **total)["ConsumedCapacity"]
    assert named == {"TableName": table, "CapacityUnits": 0.5}


def test_accounts_do_not_see_each_others_tables(world: RunningWorld) -> None:
    one, two = (world.client("dynamodb", account=digit * 12) for digit in "12")
    for client in (one, two):
        client.create_table(TableName="shared", **keys(), **ON_DEMAND)
        client.get_waiter("table_exists").wait(TableName="shared")
    one.put_item(TableName="shared", Item=A)
    assert answer(two.get_item, TableName="shared", Key=A) == {}
    one.create_table(TableName="private", **keys(), **ON_DEMAND)
    assert two.list_tables()["TableNames"] == ["shared"]
    gone = refusal(two.get_item, TableName="private", Key=A)
    assert gone == ("ResourceNotFoundException", "Requested resource not found", 400)
    arn = one.describe_table(TableName="private")["Table"]["TableArn"]
    assert arn == f"arn:aws:dynamodb:{W}:111111111111:table/private"
    denied = refusal(two.delete_table, TableName=arn)
    assert (denied.code, denied.status) == ("AccessDeniedException", 400)
    two.delete_table(TableName="shared")
    assert one.get_item(TableName="shared", Key=A)["Item"] == A
    elsewhere = world.client("dynamodb", E, account="1" * 12)
    assert elsewhere.list_tables()["TableNames"] == []


def test_tables_are_listed_in_pages(world: RunningWorld) -> None:
    client = world.client("dynamodb", account="3" * 12)
    names = [f"listed-{n}" for n in range(5)]
    for name in reversed(names):
        client.create_table(TableName=name, **keys(), **ON_DEMAND)
    first = answer(client.list_tables, Limit=2)
    assert first == {"TableNames": names[:2], "LastEvaluatedTableName": names[1]}
    rest = answer(client.list_tables, ExclusiveStartTableName=names[1])
    assert rest == {"TableNames": names[2:]}
    between = answer(client.list_tables, ExclusiveStartTableName="listed-3.5")
    assert between == {"TableNames": names[4:]}
    assert "less than or equal to 100" in invalid(client.list_tables, Limit=101)


def test_backups_and_recovery_have_their_own_errors(client: Any) -> None:
    table = fresh(client)
    client.put_item(TableName=table, Item=A)
    backup = client.create_backup(TableName=table, BackupName="one")["BackupDetails"]
    assert (backup["BackupStatus"], backup["BackupType"]) == ("CREATING", "USER")
    arn = backup["BackupArn"]
    absent = arn[:-8] + "00000000"
    restore = client.restore_table_from_backup
    codes = [
        refusal(client.create_backup, TableName="no-such-table", BackupName="one").code,
        refusal(client.describe_backup, BackupArn=absent).code,
        refusal(restore, TargetTableName=table, BackupArn=arn).code,
        refusal(
            client.restore_table_to_point_in_time,
            SourceTableName=table,
            TargetTableName="restored",
            UseLatestRestorableTime=True,
        ).code,
    ]
    assert codes == [
        "TableNotFoundException",
        "BackupNotFoundException",
        "TableAlreadyExistsException",
        "PointInTimeRecoveryUnavailableException",
    ]
    told = client.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert told == {
        "ContinuousBackupsStatus": "ENABLED",
        "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"},
    }
