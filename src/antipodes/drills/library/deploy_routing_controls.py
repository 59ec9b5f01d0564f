"""Deploy the library's application behind one name, with a switch for each region.

The name leads to the balancers of two regions by weight, as far as their health checks are passed.
These are turned by hand: by two routing controls, of which a safety rule keeps at least one on.
Everything else is as in deploy.py, without an accelerator.
"""

import json

import boto3
import deploy

ZONE = "example.com"
ROLES = ("primary", "standby")


def main():
    """Deploy everything."""
    deploy.create_table()
    role = deploy.create_role()
    functions = {region: deploy.create_function(region, role) for region in deploy.REGIONS}
    balancers = [deploy.create_balancer(region, functions[region]) for region in deploy.REGIONS]
    controls = create_switches()
    zone = create_name(controls, balancers)
    said = {
        "url": f"http://app.{ZONE}",
        "zone": zone,
        "controls": dict(zip(ROLES, controls, strict=True)),
    }
    print(json.dumps(said))


def create_switches():
    """A cluster with a routing control for each side; the first one is on."""
    config = boto3.client("route53-recovery-control-config", region_name="us-west-2")
    cluster = config.create_cluster(ClusterName=deploy.NAME)["Cluster"]["ClusterArn"]
    config.get_waiter("cluster_created").wait(ClusterArn=cluster, WaiterConfig={"Delay": 1})
    panel = config.list_control_panels(ClusterArn=cluster)["ControlPanels"][0]["ControlPanelArn"]
    controls = [
        config.create_routing_control(ClusterArn=cluster, RoutingControlName=name)[
            "RoutingControl"
        ]["RoutingControlArn"]
        for name in ROLES
    ]
    waiter = config.get_waiter("routing_control_created")
    for control in controls:
        waiter.wait(RoutingControlArn=control, WaiterConfig={"Delay": 1})
    config.create_safety_rule(
        AssertionRule={
            "Name": "somebody-serves",
            "ControlPanelArn": panel,
            "AssertedControls": controls,
            "RuleConfig": {"Type": "ATLEAST", "Threshold": 1, "Inverted": False},
            "WaitPeriodMs": 5000,
        }
    )
    described = config.describe_cluster(ClusterArn=cluster)["Cluster"]
    endpoint = next(e for e in described["ClusterEndpoints"] if e["Region"] == "eu-west-1")
    switches = boto3.client(
        "route53-recovery-cluster",
        region_name=endpoint["Region"],
        endpoint_url=endpoint["Endpoint"],
    )
    switches.update_routing_control_states(
        UpdateRoutingControlStateEntries=[
            {"RoutingControlArn": controls[0], "RoutingControlState": "On"},
            {"RoutingControlArn": controls[1], "RoutingControlState": "Off"},
        ]
    )
    return controls


def create_name(controls, balancers):
    """The zone, a health check for each switch, and the name with its two sides."""
    names = boto3.client("route53", region_name="us-east-1")
    made = names.create_hosted_zone(Name=ZONE, CallerReference=deploy.NAME)
    zone = made["HostedZone"]["Id"].rpartition("/")[2]
    changes = []
    for side, control, balancer in zip(ROLES, controls, balancers, strict=True):
        check = names.create_health_check(
            CallerReference=f"{deploy.NAME}-{side}",
            HealthCheckConfig={"Type": "RECOVERY_CONTROL", "RoutingControlArn": control},
        )["HealthCheck"]["Id"]
        record = {
            "Name": f"app.{ZONE}",
            "Type": "A",
            "SetIdentifier": side,
            "Weight": 1,
            "HealthCheckId": check,
            "AliasTarget": {
                "HostedZoneId": balancer["CanonicalHostedZoneId"],
                "DNSName": balancer["DNSName"],
                "EvaluateTargetHealth": False,
            },
        }
        changes.append({"Action": "CREATE", "ResourceRecordSet": record})
    change = names.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    waiter = names.get_waiter("resource_record_sets_changed")
    waiter.wait(Id=change["ChangeInfo"]["Id"], WaiterConfig={"Delay": 5})
    return zone


if __name__ == "__main__":
    main()
