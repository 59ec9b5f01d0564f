"""Deploy a call centre's disaster recovery. Ordinary boto3: it would run unchanged against AWS.

The switchboards stand in a data centre that a private link leads to. A network load balancer in the
region sends calls to them by their addresses, and checks whether they are well. Beside it is a warm
standby: the same as a function, behind an application load balancer. An accelerator in front gives
one call in 256 to the standby (so that one knows that it works), and all of them when no
switchboard is well. Calls are written down in a table of the region, whoever takes them.

The last line it prints is a JSON object with the application's addresses.
"""

import io
import json
import zipfile
from pathlib import Path

import boto3

NAME = "CallCentre"
REGION = "eu-west-2"
SWITCHBOARDS = ("10.20.0.5", "10.20.0.6")  # in the data centre
PORT = 80
CODE = Path(__file__).parent / "standby"
ec2 = boto3.client("ec2", region_name=REGION)
balancing = boto3.client("elbv2", region_name=REGION)


def main():
    """Deploy everything."""
    create_table()
    front = create_front()
    standby = create_standby()
    accelerator = create_accelerator({front["arn"]: 255, standby["arn"]: 1})
    print(
        json.dumps(
            {
                "url": f"http://{accelerator['DnsName']}",
                "accelerator": accelerator["AcceleratorArn"],
                "front": front,
                "standby": standby,
            }
        )
    )


def create_table():
    """The calls, by what they are called."""
    client = boto3.client("dynamodb", region_name=REGION)
    client.create_table(
        TableName=NAME,
        AttributeDefinitions=[{"AttributeName": "call", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "call", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.get_waiter("table_exists").wait(TableName=NAME, WaiterConfig={"Delay": 1})


def subnets():
    """The default network's subnets."""
    found = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])
    return found["Subnets"]


def create_front():
    """A network load balancer whose targets are the switchboards in the data centre."""
    balancer = create_balancer("front", "network")
    group = balancing.create_target_group(
        Name=f"{NAME}-data-centre",
        TargetType="ip",
        Protocol="TCP",
        Port=PORT,
        VpcId=subnets()[0]["VpcId"],
        HealthCheckProtocol="HTTP",
        HealthCheckPath="/health",
        HealthCheckIntervalSeconds=10,
        HealthCheckTimeoutSeconds=5,
        HealthyThresholdCount=3,
        UnhealthyThresholdCount=2,
    )["TargetGroups"][0]["TargetGroupArn"]
    balancing.register_targets(
        TargetGroupArn=group,
        Targets=[{"Id": address, "AvailabilityZone": "all"} for address in SWITCHBOARDS],
    )
    return listening(balancer, group, "TCP")


def create_standby():
    """An application load balancer whose target is a function."""
    function = create_function()
    balancer = create_balancer("standby", "application")
    group = balancing.create_target_group(
        Name=f"{NAME}-standby",
        TargetType="lambda",
        HealthCheckEnabled=True,
        HealthCheckPath="/health",
        HealthCheckIntervalSeconds=35,
        HealthCheckTimeoutSeconds=30,
    )["TargetGroups"][0]["TargetGroupArn"]
    balancing.register_targets(TargetGroupArn=group, Targets=[{"Id": function}])
    return listening(balancer, group, "HTTP")


def create_balancer(name, kind):
    """A load balancer of some type in the default network."""
    return balancing.create_load_balancer(
        Name=f"{NAME}-{name}",
        Subnets=[subnet["SubnetId"] for subnet in subnets()],
        Type=kind,
    )["LoadBalancers"][0]


def listening(balancer, group, protocol):
    """Let a load balancer listen, and wait until it does."""
    arn = balancer["LoadBalancerArn"]
    balancing.create_listener(
        LoadBalancerArn=arn,
        Protocol=protocol,
        Port=PORT,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )
    waiter = balancing.get_waiter("load_balancer_available")
    waiter.wait(LoadBalancerArns=[arn], WaiterConfig={"Delay": 1})
    return {"arn": arn, "name": balancer["DNSName"], "group": group}


def create_function():
    """The standby's function, from a zip made on the spot."""
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
    role = iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    client = boto3.client("lambda", region_name=REGION)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(CODE / "standby.py", "standby.py")
    function = client.create_function(
        FunctionName=NAME,
        Runtime="python3.11",
        Handler="standby.handle",
        Role=role["Arn"],
        Timeout=10,
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


def create_accelerator(weights):
    """One address for everybody; calls go to load balancers by weight, while those are well."""
    client = boto3.client("globalaccelerator", region_name="us-west-2")
    accelerator = client.create_accelerator(Name=NAME, IdempotencyToken=NAME)["Accelerator"]
    listener = client.create_listener(
        AcceleratorArn=accelerator["AcceleratorArn"],
        Protocol="TCP",
        PortRanges=[{"FromPort": PORT, "ToPort": PORT}],
        IdempotencyToken=NAME,
    )["Listener"]
    client.create_endpoint_group(
        ListenerArn=listener["ListenerArn"],
        EndpointGroupRegion=REGION,
        EndpointConfigurations=[
            {"EndpointId": arn, "Weight": weight} for arn, weight in weights.items()
        ],
        IdempotencyToken=NAME,
    )
    return accelerator


if __name__ == "__main__":
    main()
