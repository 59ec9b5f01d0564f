"""Services that find each other, each in its own zone first (Cloud Map).

Instances of a service register with their zone. Clients that ask Cloud Map's API prefer those in
their own zone, and take any other while there are none: no traffic crosses zones that need not.
Clients that only know DNS ask for a name in a private zone, which Cloud Map keeps in Route 53.
"""

import lab as laboratory
import parts

REGIONS = ("us-west-2",)


def play(lab):
    ec2, cloud_map = lab.client("ec2"), lab.client("servicediscovery")
    [network] = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    vpc = network["VpcId"]
    group = parts.group(ec2, "orders", vpc, "172.31.0.0/16", protocol="tcp", port=443)
    subnets = {
        one["AvailabilityZone"]: one["SubnetId"]
        for one in ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    }
    zones = sorted(subnets)[:2]
    made = cloud_map.create_private_dns_namespace(Name="shop.internal", Vpc=vpc)
    done(lab, cloud_map, made)
    [namespace] = cloud_map.list_namespaces()["Namespaces"]
    orders = cloud_map.create_service(
        Name="orders",
        NamespaceId=namespace["Id"],
        DnsConfig={"DnsRecords": [{"Type": "A", "TTL": 10}]},
    )["Service"]["Id"]
    addresses = {}
    for zone in zones:
        machine = parts.instance(ec2, f"orders in {zone}", subnets[zone], group)
        addresses[zone] = private_address(ec2, machine)
        made = cloud_map.register_instance(
            ServiceId=orders,
            InstanceId=machine,
            Attributes={"AWS_INSTANCE_IPV4": addresses[zone], "az": zone},
        )
        done(lab, cloud_map, made)
    client = parts.instance(ec2, "client", subnets[zones[0]], group)
    own, other = (addresses[zone] for zone in zones)
    lab.check("A client finds the instance in its zone", found(cloud_map, zones[0]), [own])
    near = lab.ask("It is reached", client, own)
    lab.check("and nothing is paid", near["forward"]["charges"], [])
    lab.draw("A client and a service in its zone", client, own)
    lab.check("A name is that of both", names(lab, namespace["Id"]), sorted([own, other]))
    lab.say("The instance in the client's zone ends, and says so.")
    ended = next(
        one["Id"]
        for one in cloud_map.list_instances(ServiceId=orders)["Instances"]
        if one["Attributes"]["az"] == zones[0]
    )
    done(lab, cloud_map, cloud_map.deregister_instance(ServiceId=orders, InstanceId=ended))
    ec2.terminate_instances(InstanceIds=[ended])
    lab.check("The client falls back on the other zone", found(cloud_map, zones[0]), [other])
    far = lab.ask("It is reached as well", client, other)
    lab.check("and what crosses zones is paid", bool(far["forward"]["charges"]), expected=True)


def done(lab, cloud_map, made):
    """Wait until an operation has succeeded."""

    def status():
        told = cloud_map.get_operation(OperationId=made["OperationId"])
        return told["Operation"]["Status"] == "SUCCESS"

    lab.until(status)


def private_address(ec2, machine):
    [told] = ec2.describe_instances(InstanceIds=[machine])["Reservations"]
    return told["Instances"][0]["PrivateIpAddress"]


def found(cloud_map, zone):
    """The addresses that a client in a zone is given."""
    told = cloud_map.discover_instances(
        NamespaceName="shop.internal",
        ServiceName="orders",
        OptionalParameters={"az": zone},
    )
    return sorted(one["Attributes"]["AWS_INSTANCE_IPV4"] for one in told["Instances"])


def names(lab, namespace):
    """The addresses that the zone has for the service's name."""
    told = lab.client("servicediscovery").get_namespace(Id=namespace)["Namespace"]
    zone = told["Properties"]["DnsProperties"]["HostedZoneId"]
    records = lab.client("route53").list_resource_record_sets(HostedZoneId=zone)
    return sorted(
        value["Value"]
        for record in records["ResourceRecordSets"]
        if record["Name"] == "orders.shop.internal."
        for value in record["ResourceRecords"]
    )


if __name__ == "__main__":
    laboratory.main(REGIONS, play)
