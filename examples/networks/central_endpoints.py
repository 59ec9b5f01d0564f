"""Endpoints for many networks, in one.

An interface endpoint costs by the hour in every zone. Instead of one in each VPC for each service,
a hub VPC has them all, and spokes come to them over a transit gateway: an endpoint is a network
interface, and takes whatever is routed to it. What does not follow the routes is the name. Private
DNS would answer `kms.us-west-2.amazonaws.com` with the endpoint's addresses in the hub alone, so it
stays off. In its place each service gets a private hosted zone of that very name, with an alias to
the endpoint's regional name, and the zone is associated with every spoke. The endpoints' security
group lets the spokes' prefixes in.
"""

import lab as laboratory
import parts

REGIONS = ("us-west-2",)
SERVICES = ("kms", "secretsmanager")
SPOKES = {"red": "10.1", "blue": "10.2", "new": "10.3"}


def play(lab):
    ec2 = lab.client("ec2")
    hub_vpc, hub_subnets = network(ec2, "hub", "10.0")
    group = parts.group(ec2, "endpoints", hub_vpc, "10.0.0.0/8", protocol="tcp", port=443)
    endpoints = {
        service: endpoint(ec2, service, hub_vpc, hub_subnets, group) for service in SERVICES
    }
    spokes = {name: network(ec2, name, prefix) for name, prefix in SPOKES.items()}
    join(ec2, {"hub": (hub_vpc, hub_subnets), **spokes})
    known = {name: spokes[name][0] for name in ("red", "blue")}
    for service in SERVICES:
        zone(lab, service, endpoints[service], known)
    for name, (vpc, subnets) in spokes.items():
        own = parts.group(ec2, name, vpc, "10.0.0.0/8")
        parts.instance(ec2, f"{name} worker", subnets[0], own)

    lab.say("The spokes with the zones find the endpoints by the services' usual names.")
    for service in SERVICES:
        inside = addresses(ec2, endpoints[service])
        for name, vpc in known.items():
            found = sorted(lab.resolve(usual(service), REGIONS[0], vpc))
            lab.check(f"In {name}, {usual(service)} is", found, inside)
        lab.ask(f"A machine in red comes to {service}", "red worker", inside[0])
    lab.ask(
        "Another port is not let in",
        "red worker",
        inside[0],
        expects="refused by groups",
        back=None,
        port=80,
    )
    lab.draw("A spoke and an endpoint in the hub", "red worker", inside[0])

    lab.say(
        "A new spoke has its routes, but nobody has associated the zones. The name is public "
        "there, and there is no way to the internet. By the endpoint's own name, which is public "
        "as well, it would get there."
    )
    vpc = spokes["new"][0]
    [public] = lab.resolve(usual("kms"), REGIONS[0], vpc)
    kind = "private" if public.startswith("10.") else "public"
    lab.check("In the new spoke, KMS has an address that is", kind, "public")
    lab.ask(
        "The new spoke does not come to KMS", "new worker", public, expects="no route", back=None
    )
    own = endpoints["kms"]["DnsEntries"][0]["DnsName"]
    [inside, _] = sorted(lab.resolve(own, REGIONS[0], vpc))
    lab.ask("By the endpoint's own name it does", "new worker", inside)

    lab.say(
        "Private DNS looks like the cure. It is one in the hub, and the new spoke sees nothing "
        "of it."
    )
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoints["kms"]["VpcEndpointId"], PrivateDnsEnabled=True)
    found = sorted(lab.resolve(usual("kms"), REGIONS[0], hub_vpc))
    lab.check("In the hub, KMS is", found, addresses(ec2, endpoints["kms"]))
    lab.check("In the new spoke, it is", lab.resolve(usual("kms"), REGIONS[0], vpc), [public])


def usual(service):
    """The name that everybody calls a service by."""
    return f"{service}.{REGIONS[0]}.amazonaws.com"


def network(ec2, name, prefix):
    """A VPC that resolves private names, with a subnet in each of two zones."""
    vpc = parts.vpc(ec2, name, f"{prefix}.0.0/16")
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnets = [
        parts.subnet(ec2, f"{name} {zone}", vpc, f"{prefix}.{number}.0/24", zone)
        for number, zone in enumerate("ab")
    ]
    return vpc, subnets


def endpoint(ec2, service, vpc, subnets, group):
    """An interface endpoint without private names."""
    made = ec2.create_vpc_endpoint(
        VpcEndpointType="Interface",
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{REGIONS[0]}.{service}",
        SubnetIds=subnets,
        SecurityGroupIds=[group],
        PrivateDnsEnabled=False,
        TagSpecifications=parts.tagged("vpc-endpoint", service),
    )
    return made["VpcEndpoint"]


def addresses(ec2, of):
    """The addresses of an endpoint."""
    found = ec2.describe_network_interfaces(NetworkInterfaceIds=of["NetworkInterfaceIds"])
    return sorted(one["PrivateIpAddress"] for one in found["NetworkInterfaces"])


def join(ec2, networks):
    """Attach networks to a transit gateway: spokes reach the hub, and it reaches them."""
    gateway = parts.hub(ec2, "gateway")
    tables = {
        name: parts.hub_table(ec2, gateway_table, gateway)
        for name, gateway_table in (("hub", "from the hub"), ("spokes", "from spokes"))
    }
    for name, (vpc, subnets) in networks.items():
        attached = parts.attach(ec2, name, gateway, vpc, *subnets)
        is_hub = name == "hub"
        parts.associate(ec2, tables["hub" if is_hub else "spokes"], attached)
        parts.propagate(ec2, tables["spokes" if is_hub else "hub"], attached)
        parts.route(ec2, parts.main_table(ec2, vpc), "10.0.0.0/8", TransitGatewayId=gateway)


def zone(lab, service, of, spokes):
    """A private zone of a service's usual name: an alias to an endpoint, for some spokes."""
    route53 = lab.client("route53")
    vpcs = [{"VPCRegion": REGIONS[0], "VPCId": vpc} for vpc in spokes.values()]
    made = route53.create_hosted_zone(
        Name=usual(service), CallerReference=of["VpcEndpointId"], VPC=vpcs[0]
    )
    name = made["HostedZone"]["Id"]
    for one in vpcs[1:]:
        route53.associate_vpc_with_hosted_zone(HostedZoneId=name, VPC=one)
    regional = of["DnsEntries"][0]
    target = {
        "HostedZoneId": regional["HostedZoneId"],
        "DNSName": regional["DnsName"],
        "EvaluateTargetHealth": False,
    }
    alias = {"Name": usual(service), "Type": "A", "AliasTarget": target}
    changes = [{"Action": "CREATE", "ResourceRecordSet": alias}]
    route53.change_resource_record_sets(HostedZoneId=name, ChangeBatch={"Changes": changes})


if __name__ == "__main__":
    laboratory.main(REGIONS, play)
