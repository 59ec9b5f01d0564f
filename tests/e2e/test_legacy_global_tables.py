"""Global tables of version 2017.11.29 by boto3, and their upgrade from outside."""

from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError

from tests.e2e.worlds import RunningWorld, wait

W, E = "us-west-2", "eu-central-1"
pytestmark = pytest.mark.slow


def test_a_legacy_global_table_is_made_and_upgraded() -> None:
    with RunningWorld() as world:
        west, east = world.client("dynamodb", W), world.client("dynamodb", E)
        for client in (west, east):
            client.create_table(
                TableName="Items",
                AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                BillingMode="PAY_PER_REQUEST",
                StreamSpecification={
                    "StreamEnabled": True,
                    "StreamViewType": "NEW_AND_OLD_IMAGES",
                },
            )
        west.create_global_table(
            GlobalTableName="Items", ReplicationGroup=[{"RegionName": W}, {"RegionName": E}]
        )

        def status() -> str:
            told = west.describe_global_table(GlobalTableName="Items")
            return str(told["GlobalTableDescription"]["GlobalTableStatus"])

        wait(lambda: status() == "ACTIVE")
        west.put_item(TableName="Items", Item={"k": {"S": "x"}})
        key = {"TableName": "Items", "Key": {"k": {"S": "x"}}}
        found = wait(lambda: east.get_item(**key).get("Item"))
        assert found["aws:rep:updateregion"] == {"S": W}
        upgrade = f"/hosts/{E}/upgrade-global-table"
        with pytest.raises(HTTPError, match="400"):
            world.ask(upgrade, "POST", {"table": "Others", "account": "test"})
        account = east.describe_table(TableName="Items")["Table"]["TableArn"].split(":")[4]
        world.ask(upgrade, "POST", {"table": "Items", "account": account})
        wait(lambda: "GlobalTableVersion" in west.describe_table(TableName="Items")["Table"])
        with pytest.raises(ClientError, match="GlobalTableNotFoundException"):
            west.describe_global_table(GlobalTableName="Items")
