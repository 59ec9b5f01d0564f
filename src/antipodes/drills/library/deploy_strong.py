"""Deploy the library's application, but with a table that its three regions agree on.

Everything else is as in deploy.py. The table is empty when it becomes a global one, as it must be.
"""

import json

import boto3
import deploy


def create_table():
    """A table in the first region, and replicas with multi-Region strong consistency."""
    home = boto3.client("dynamodb", region_name=deploy.REGIONS[0])
    home.create_table(
        TableName=deploy.NAME,
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    waiter = home.get_waiter("table_exists")
    waiter.wait(TableName=deploy.NAME, WaiterConfig={"Delay": 1})
    home.update_table(
        TableName=deploy.NAME,
        MultiRegionConsistency="STRONG",
        ReplicaUpdates=[{"Create": {"RegionName": region}} for region in deploy.REGIONS[1:]],
    )
    while not deploy.replicated(home):
        waiter.wait(TableName=deploy.NAME, WaiterConfig={"Delay": 1})


def main():
    """Deploy everything."""
    create_table()
    role = deploy.create_role()
    functions = {region: deploy.create_function(region, role) for region in deploy.REGIONS}
    balancers = {
        region: deploy.create_balancer(region, functions[region]) for region in deploy.REGIONS
    }
    print(json.dumps(deploy.create_accelerator(balancers)))


if __name__ == "__main__":
    main()
