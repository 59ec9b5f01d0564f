"""Deploy the library's application, and give it a name of its own in Route 53 as well.

What deploy.py makes, and a hosted zone whose name leads to the balancer that is quickest to reach,
as long as its targets are healthy. The last line tells both addresses.
"""

import json

import boto3
import deploy

ZONE = "app.example.com"


def main():
    """Deploy everything."""
    deploy.create_table()
    role = deploy.create_role()
    functions = {region: deploy.create_function(region, role) for region in deploy.REGIONS}
    balancers = {
        region: deploy.create_balancer(region, function) for region, function in functions.items()
    }
    said = deploy.create_accelerator(balancers)
    said["single"] = f"http://{balancers[deploy.REGIONS[0]]['DNSName']}"
    said["latency"] = f"http://{create_names(ZONE, balancers)}"
    print(json.dumps(said))


def create_names(name, balancers):
    """A zone, and a latency record of its name for each region: an alias to its balancer."""
    client = boto3.client("route53", region_name="us-east-1")
    zone = client.create_hosted_zone(Name=name, CallerReference=deploy.NAME)["HostedZone"]["Id"]
    changes = [
        {
            "Action": "CREATE",
            "ResourceRecordSet": {
                "Name": name,
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
    return name


if __name__ == "__main__":
    main()
