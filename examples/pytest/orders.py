"""The code under test: orders in a table with a replica in every region. Ordinary boto3."""

from botocore.exceptions import ClientError

TABLE = "Orders"


def create(client, replica):
    """The table in the client's region, and a replica in another."""
    client.create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": "order_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "order_id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.get_waiter("table_exists").wait(TableName=TABLE)
    client.update_table(TableName=TABLE, ReplicaUpdates=[{"Create": {"RegionName": replica}}])


def replicated(client):
    """Whether the table and all its replicas can be used."""
    table = client.describe_table(TableName=TABLE)["Table"]
    states = [replica["ReplicaStatus"] for replica in table.get("Replicas", [])]
    return table["TableStatus"] == "ACTIVE" and all(state == "ACTIVE" for state in states)


def place(client, order_id, what):
    """Place an order once: False where there is one of that number already."""
    try:
        client.put_item(
            TableName=TABLE,
            Item={"order_id": {"S": order_id}, "what": {"S": what}},
            ConditionExpression="attribute_not_exists(order_id)",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    return True


def what(client, order_id):
    """What was ordered, as far as this region knows; None where it knows of no such order."""
    item = client.get_item(TableName=TABLE, Key={"order_id": {"S": order_id}}).get("Item")
    return None if item is None else item["what"]["S"]
