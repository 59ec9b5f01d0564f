"""Deploy the library's application: a table, a function, a balancer per region, one accelerator.

Ordinary boto3: it would run unchanged against AWS. Regions come from AWS_REGIONS; the last line it
prints is a JSON object with the application's addresses and names, which drills may refer to.
"""

import io
import json
import os
import zipfile
from pathlib import Path

import boto3

NAME = "App"
REGIONS = os.environ["AWS_REGIONS"].split(",")
CODE = Path(__file__).parent


def main():
    """Deploy everything."""
    create_table()
    role = create_role()
    functions = {region: create_function(region, role) for region in REGIONS}
    balancers = {region: create_balancer(region, functions[region]) for region in REGIONS}
    print(json.dumps(create_accelerator(balancers)))


def create_table():
    """A table in the first region, with a replica in every other."""
    home = boto3.client("dynamodb", region_name=REGIONS[0])
    home.create_table(
        TableName=NAME,
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    waiter = home.get_waiter("table_exists")
    waiter.wait(TableName=NAME, WaiterConfig={"Delay": 1})
    for region in REGIONS[1:]:
        home.update_table(TableName=NAME, ReplicaUpdates=[{"Create": {"RegionName": region}}])
        while not replicated(home):
            waiter.wait(TableName=NAME, WaiterConfig={"Delay": 1})


def replicated(client):
    """Whether the table and all its replicas are active."""
    table = client.describe_table(TableName=NAME)["Table"]
    states = [table["TableStatus"], *(r["ReplicaStatus"] for r in table.get("Replicas", []))]
    return all(state == "ACTIVE" for state in states)


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
    return role["Role"]["Arn"]


def create_function(region, role):
    """The function, from a zip made on the spot."""
    client = boto3.client("lambda", region_name=region)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(CODE / "app.py", "app.py")
    function = client.create_function(
        FunctionName=NAME,
        Runtime="python3.11",
        Handler="app.handle",
        Role=role,
        Timeout=10,
        Environment={"Variables": {"TABLE": NAME, "STATUS": "200"}},
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
    """A load balancer in the default network, with the function as its target."""
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
    return balancer


def create_accelerator(balancers, port=80):
    """The accelerator: a listener, an endpoint group in each region, its balancer as endpoint."""
    client = boto3.client("globalaccelerator", region_name="us-west-2")
    accelerator = client.create_accelerator(Name=NAME, IdempotencyToken=NAME)["Accelerator"]
    listener = client.create_listener(
        AcceleratorArn=accelerator["AcceleratorArn"],
        Protocol="TCP",
        PortRanges=[{"FromPort": port, "ToPort": port}],
        IdempotencyToken=NAME,
    )["Listener"]
    groups = {}
    for region, balancer in balancers.items():
        group = client.create_endpoint_group(
            ListenerArn=listener["ListenerArn"],
            EndpointGroupRegion=region,
            EndpointConfigurations=[{"EndpointId": balancer["LoadBalancerArn"]}],
            IdempotencyToken=f"{NAME}-{region}",
        )["EndpointGroup"]
        groups[region] = group["EndpointGroupArn"]
    return {
        "url": f"http://{accelerator['DnsName']}",
        "name": accelerator["DnsName"],
        "accelerator": accelerator["AcceleratorArn"],
        "groups": groups,
        "balancers": {region: b["DNSName"] for region, b in balancers.items()},
    }


if __name__ == "__main__":
    main()
