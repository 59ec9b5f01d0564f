"""Deploy the global application: two regions, one table, one accelerator. Ordinary boto3.

It would run unchanged against AWS: every client is made the usual way, and where they point is up
to the environment (AWS_ENDPOINT_URL). AWS_REGIONS may name other regions. The last line it prints
is a JSON object with the application's addresses.
"""

import io
import json
import os
import zipfile
from pathlib import Path

import boto3

NAME = "GlobalApp"
REGIONS = os.environ.get("AWS_REGIONS", "us-west-2,eu-central-1").split(",")
CODE = Path(__file__).parent / "function"


def main():
    """Deploy everything, in the order of the tutorial."""
    create_table()
    role = create_role()
    balancers = {}
    for region in REGIONS:
        function = create_function(region, role)
        balancers[region] = create_balancer(region, function)
        print(f"{region}: http://{balancers[region]['DNSName']}")
    accelerator = create_accelerator(balancers)
    addresses = accelerator["IpSets"][0]["IpAddresses"]
    print(f"accelerator: {accelerator['DnsName']}, {' and '.join(addresses)}")
    print(
        json.dumps(
            {
                "url": f"http://{accelerator['DnsName']}",
                "addresses": addresses,
                "accelerator_arn": accelerator["AcceleratorArn"],
                "balancers": {r: b["DNSName"] for r, b in balancers.items()},
            }
        )
    )


def create_table():
    """A table in the first region, with a replica in every other."""
    home = boto3.client("dynamodb", region_name=REGIONS[0])
    home.create_table(
        TableName=NAME,
        AttributeDefinitions=[{"AttributeName": "item_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "item_id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    home.get_waiter("table_exists").wait(TableName=NAME, WaiterConfig={"Delay": 1})
    for region in REGIONS[1:]:
        home.update_table(TableName=NAME, ReplicaUpdates=[{"Create": {"RegionName": region}}])
        replica = boto3.client("dynamodb", region_name=region)
        replica.get_waiter("table_exists").wait(TableName=NAME, WaiterConfig={"Delay": 1})
        wait_active(home)
    home.put_item(TableName=NAME, Item={"item_id": {"S": "foobar"}, "value": {"S": "hello"}})


def wait_active(client):
    """Wait until the table and all its replicas are active."""
    waiter = client.get_waiter("table_exists")
    while True:
        table = client.describe_table(TableName=NAME)["Table"]
        replicas = table.get("Replicas", [])
        if table["TableStatus"] == "ACTIVE" and all(
            replica["ReplicaStatus"] == "ACTIVE" for replica in replicas
        ):
            return
        waiter.wait(TableName=NAME, WaiterConfig={"Delay": 1})


def create_role():
    """The role that the functions run as."""
    iam = boto3.client("iam", region_name="us-east-1")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    role = iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=json.dumps(trust))
    for policy in (
        "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
        "arn:aws:iam::aws:policy/AmazonDynamoDBFullAccess",
    ):
        iam.attach_role_policy(RoleName=NAME, PolicyArn=policy)
    return role["Role"]["Arn"]


def create_function(region, role):
    """The function, from a zip made on the spot."""
    client = boto3.client("lambda", region_name=region)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(CODE.glob("*.py")):
            archive.write(path, path.name)
    function = client.create_function(
        FunctionName=NAME,
        Runtime="python3.11",
        Handler="get.get_item",
        Role=role,
        Timeout=10,
        Environment={"Variables": {"tablename": NAME, "STATUS": "200"}},
        Code={"ZipFile": packed.getvalue()},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=NAME, WaiterConfig={"Delay": 1})
    client.add_permission(
        FunctionName=NAME,
        StatementId="load-balancer",
        Action="lambda:InvokeFunction",
        Principal="elasticloadbalancing.amazonaws.com",
    )
    return function["FunctionArn"]


def create_balancer(region, function):
    """An application load balancer in the default network, with the function as its target."""
    ec2 = boto3.client("ec2", region_name=region)
    balancing = boto3.client("elbv2", region_name=region)
    subnets = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])
    balancer = balancing.create_load_balancer(
        Name=NAME,
        Subnets=[subnet["SubnetId"] for subnet in subnets["Subnets"]],
        Type="application",
    )["LoadBalancers"][0]
    group = balancing.create_target_group(
        Name=NAME,
        TargetType="lambda",
        HealthCheckEnabled=True,
        HealthCheckPath="/health",
        HealthCheckIntervalSeconds=15,
        HealthCheckTimeoutSeconds=10,
        HealthyThresholdCount=2,
        UnhealthyThresholdCount=2,
    )["TargetGroups"][0]
    balancing.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": function}])
    balancing.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}],
    )
    balancing.get_waiter("load_balancer_available").wait(
        LoadBalancerArns=[balancer["LoadBalancerArn"]], WaiterConfig={"Delay": 1}
    )
    return balancer


def create_accelerator(balancers):
    """The accelerator: a listener, an endpoint group in each region, its balancer as endpoint."""
    client = boto3.client("globalaccelerator", region_name="us-west-2")
    accelerator = client.create_accelerator(Name=NAME, IdempotencyToken=NAME)["Accelerator"]
    listener = client.create_listener(
        AcceleratorArn=accelerator["AcceleratorArn"],
        Protocol="TCP",
        PortRanges=[{"FromPort": 80, "ToPort": 80}],
        ClientAffinity="SOURCE_IP",
        IdempotencyToken=NAME,
    )["Listener"]
    for region, balancer in balancers.items():
        client.create_endpoint_group(
            ListenerArn=listener["ListenerArn"],
            EndpointGroupRegion=region,
            EndpointConfigurations=[{"EndpointId": balancer["LoadBalancerArn"]}],
            IdempotencyToken=f"{NAME}-{region}",
        )
    return accelerator


if __name__ == "__main__":
    main()
