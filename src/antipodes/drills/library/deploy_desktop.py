"""Deploy the way to a remote desktop: a balancer in each region, an accelerator, and a name.

The desktop stands at a site that regions reach by its private address. The last line tells three
addresses: the first region's own over the internet, the accelerator's, and a name that leads to the
region that is quickest to reach.
"""

import json

import boto3
import deploy

NAME = "Desktop"
ZONE = "desktop.example.com"
MACHINE, PORT = "10.60.0.10", 3389


def main():
    """Deploy everything."""
    deploy.create_table()  # the registrations, which every region keeps
    balancers = {region: create_balancer(region) for region in deploy.REGIONS}
    first = balancers[deploy.REGIONS[0]]
    accelerator = create_accelerator(balancers)
    print(
        json.dumps(
            {
                "url": f"tcp://{accelerator}:{PORT}",
                "single": f"tcp://{first['DNSName']}:{PORT}",
                "latency": f"tcp://{create_name(balancers)}:{PORT}",
            }
        )
    )


def create_balancer(region):
    """A network load balancer whose target is the machine."""
    ec2 = boto3.client("ec2", region_name=region)
    balancing = boto3.client("elbv2", region_name=region)
    found = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])
    subnets = found["Subnets"]
    balancer = balancing.create_load_balancer(
        Name=NAME, Type="network", Subnets=[subnet["SubnetId"] for subnet in subnets]
    )["LoadBalancers"][0]
    group = balancing.create_target_group(
        Name=NAME, TargetType="ip", Protocol="TCP", Port=PORT, VpcId=subnets[0]["VpcId"]
    )["TargetGroups"][0]["TargetGroupArn"]
    target = {"Id": MACHINE, "Port": PORT, "AvailabilityZone": "all"}
    balancing.register_targets(TargetGroupArn=group, Targets=[target])
    balancing.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="TCP",
        Port=PORT,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )
    return balancer


def create_accelerator(balancers):
    """An accelerator before all of them; returns its name."""
    client = boto3.client("globalaccelerator", region_name="us-west-2")
    accelerator = client.create_accelerator(Name=NAME, IdempotencyToken=NAME)["Accelerator"]
    listener = client.create_listener(
        AcceleratorArn=accelerator["AcceleratorArn"],
        Protocol="TCP",
        PortRanges=[{"FromPort": PORT, "ToPort": PORT}],
        IdempotencyToken=NAME,
    )["Listener"]
    for region, balancer in balancers.items():
        client.create_endpoint_group(
            ListenerArn=listener["ListenerArn"],
            EndpointGroupRegion=region,
            EndpointConfigurations=[{"EndpointId": balancer["LoadBalancerArn"]}],
            IdempotencyToken=f"{NAME}-{region}",
        )
    return accelerator["DnsName"]


def create_name(balancers):
    """A name with a latency record for each region; returns it."""
    client = boto3.client("route53", region_name="us-east-1")
    zone = client.create_hosted_zone(Name=ZONE, CallerReference=NAME)["HostedZone"]["Id"]
    changes = [
        {
            "Action": "CREATE",
            "ResourceRecordSet": {
                "Name": ZONE,
                "Type": "A",
                "SetIdentifier": region,
                "Region": region,
                "AliasTarget": {
                    "HostedZoneId": balancer["CanonicalHostedZoneId"],
                    "DNSName": balancer["DNSName"],
                    "EvaluateTargetHealth": True,
                },
            },
        }
        for region, balancer in balancers.items()
    ]
    change = client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    waiter = client.get_waiter("resource_record_sets_changed")
    waiter.wait(Id=change["ChangeInfo"]["Id"], WaiterConfig={"Delay": 5})
    return ZONE


if __name__ == "__main__":
    main()
