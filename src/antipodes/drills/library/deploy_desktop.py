"""Deploy the way to a remote desktop: a balancer in each region, an accelerator, and a name.

The desktop stands at a site that regions reach by its private address. The last line tells three
addresses: the first region's own over the internet, the accelerator's, and a name that leads to the
region that is quickest to reach.
"""

import json

import boto3
import deploy
import deploy_names

NAME = "Desktop"
ZONE = "desktop.example.com"
MACHINE, PORT = "10.60.0.10", 3389


def main():
    """Deploy everything."""
    deploy.create_table()  # the registrations, which every region keeps
    balancers = {region: create_balancer(region) for region in deploy.REGIONS}
    names = {
        "url": deploy.create_accelerator(balancers, PORT)["name"],
        "single": balancers[deploy.REGIONS[0]]["DNSName"],
        "latency": deploy_names.create_names(ZONE, balancers),
    }
    print(json.dumps({what: f"tcp://{name}:{PORT}" for what, name in names.items()}))


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


if __name__ == "__main__":
    main()
