"""Deploy the library's application behind a network load balancer with a node in every zone.

Its nodes pass flows on to the application load balancer of deploy.py, and can be taken out of their
zone by a zonal shift. There is one region, and no accelerator.
"""

import json

import boto3
import deploy

REGION = deploy.REGIONS[0]


def main():
    """Deploy everything."""
    deploy.create_table()
    function = deploy.create_function(REGION, deploy.create_role())
    front = create_front(deploy.create_balancer(REGION, function))
    said = {"url": f"http://{front['DNSName']}", "front": front["LoadBalancerArn"]}
    print(json.dumps(said))


def create_front(behind):
    """The network load balancer before an application load balancer; zonal shifts are enabled."""
    balancing = boto3.client("elbv2", region_name=REGION)
    ec2 = boto3.client("ec2", region_name=REGION)
    subnets = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])
    front = balancing.create_load_balancer(
        Name="Front",
        Subnets=[subnet["SubnetId"] for subnet in subnets["Subnets"]],
        Type="network",
    )["LoadBalancers"][0]
    balancing.modify_load_balancer_attributes(
        LoadBalancerArn=front["LoadBalancerArn"],
        Attributes=[{"Key": "zonal_shift.config.enabled", "Value": "true"}],
    )
    group = balancing.create_target_group(
        Name="Front",
        TargetType="alb",
        Protocol="TCP",
        Port=80,
        VpcId=behind["VpcId"],
        HealthCheckProtocol="HTTP",
        HealthCheckPath="/health",
        HealthCheckIntervalSeconds=10,
    )["TargetGroups"][0]["TargetGroupArn"]
    balancing.register_targets(TargetGroupArn=group, Targets=[{"Id": behind["LoadBalancerArn"]}])
    balancing.create_listener(
        LoadBalancerArn=front["LoadBalancerArn"],
        Protocol="TCP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )
    waiter = balancing.get_waiter("target_in_service")
    waiter.wait(TargetGroupArn=group, WaiterConfig={"Delay": 5})
    return front


if __name__ == "__main__":
    main()
