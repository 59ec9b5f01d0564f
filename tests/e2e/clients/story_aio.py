"""The story of tests/e2e/test_clients.py told with aiobotocore; prints what it saw.

It runs in an environment of its own: aiobotocore wants a botocore of its own choice.
"""

import asyncio
import json
import sys

from aiobotocore.session import get_session
from botocore.exceptions import ClientError

TABLE = sys.argv[1]


async def make(client):
    """A table with an index, and three items in it."""
    await client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "who", "AttributeType": "S"},
            {"AttributeName": "at", "AttributeType": "N"},
            {"AttributeName": "city", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "who", "KeyType": "HASH"},
            {"AttributeName": "at", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-city",
                "KeySchema": [{"AttributeName": "city", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    await client.get_waiter("table_exists").wait(TableName=TABLE, WaiterConfig={"Delay": 1})

    def item(at):
        city = "lima" if at > 1 else "oslo"
        tags = {"SS": ["a", "b"]}
        return {"who": {"S": "ana"}, "at": {"N": str(at)}, "city": {"S": city}, "tags": tags}

    puts = [client.put_item(TableName=TABLE, Item=item(at)) for at in (1, 2, 10)]
    await asyncio.gather(*puts)


async def tell(client):
    """What happens to it."""
    seen = {}
    key = {"who": {"S": "ana"}, "at": {"N": "2"}}
    counted = await client.update_item(
        TableName=TABLE,
        Key=key,
        UpdateExpression="ADD #visits :one",
        ExpressionAttributeNames={"#visits": "visits"},
        ExpressionAttributeValues={":one": {"N": "1"}},
        ReturnValues="UPDATED_NEW",
    )
    seen["updated"] = {name: int(value["N"]) for name, value in counted["Attributes"].items()}
    try:
        await client.put_item(
            TableName=TABLE, Item=key, ConditionExpression="attribute_not_exists(who)"
        )
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        seen["refused"] = [error.response["Error"]["Code"], status]
    queried = await client.query(
        TableName=TABLE,
        KeyConditionExpression="who = :who AND #at > :at",
        ScanIndexForward=False,
        ExpressionAttributeNames={"#at": "at"},
        ExpressionAttributeValues={":who": {"S": "ana"}, ":at": {"N": "1"}},
    )
    seen["queried"] = [int(found["at"]["N"]) for found in queried["Items"]]
    indexed = await client.query(
        TableName=TABLE,
        IndexName="by-city",
        KeyConditionExpression="city = :city",
        ExpressionAttributeValues={":city": {"S": "lima"}},
    )
    seen["indexed"] = sorted(int(found["at"]["N"]) for found in indexed["Items"])
    check = {"TableName": TABLE, "Key": key, "ConditionExpression": "attribute_not_exists(who)"}
    put = {"TableName": TABLE, "Item": {"who": {"S": "ben"}, "at": {"N": "1"}}}
    try:
        await client.transact_write_items(TransactItems=[{"Put": put}, {"ConditionCheck": check}])
    except ClientError as error:
        seen["cancelled"] = [reason["Code"] for reason in error.response["CancellationReasons"]]
    whole = await client.get_item(TableName=TABLE, Key=key, ConsistentRead=True)
    seen["tags"] = sorted(whole["Item"]["tags"]["SS"])
    return seen


async def tell_of_many(client):
    """What happens to many items at once, and to the table in the end."""
    seen = {}
    gone = {"who": {"S": "ana"}, "at": {"N": "1"}}
    batch = await client.batch_write_item(
        RequestItems={
            TABLE: [
                {"PutRequest": {"Item": {"who": {"S": "cleo"}, "at": {"N": "1"}}}},
                {"DeleteRequest": {"Key": gone}},
            ]
        }
    )
    seen["unprocessed"] = len(batch["UnprocessedItems"])
    scanned = [
        found
        async for page in client.get_paginator("scan").paginate(TableName=TABLE, Limit=1)
        for found in page["Items"]
    ]
    seen["scanned"] = sorted(f"{found['who']['S']}/{found['at']['N']}" for found in scanned)
    await client.delete_table(TableName=TABLE)
    await client.get_waiter("table_not_exists").wait(TableName=TABLE, WaiterConfig={"Delay": 1})
    return seen


async def main():
    async with get_session().create_client("dynamodb") as client:
        await make(client)
        seen = {**await tell(client), **await tell_of_many(client)}
        print(json.dumps(seen))


asyncio.run(main())
