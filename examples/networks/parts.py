"""The parts that every pattern is built of, by ordinary EC2 calls, each with a Name tag."""

IMAGE = "ami-0123456789abcdef0"
EVERYTHING = "0.0.0.0/0"


def tagged(kind, name):
    """A Name tag for what a call makes."""
    return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}]


def vpc(ec2, name, prefix):
    """A VPC, by its id."""
    made = ec2.create_vpc(CidrBlock=prefix, TagSpecifications=tagged("vpc", name))
    return made["Vpc"]["VpcId"]


def subnet(ec2, name, of, prefix, zone="a"):
    """A subnet in one of the region's zones, by its id."""
    made = ec2.create_subnet(
        VpcId=of,
        CidrBlock=prefix,
        AvailabilityZone=f"{ec2.meta.region_name}{zone}",
        TagSpecifications=tagged("subnet", name),
    )
    return made["Subnet"]["SubnetId"]


def group(ec2, name, of, *prefixes, protocol="-1", port=None):
    """A security group that lets prefixes in, by its id."""
    made = ec2.create_security_group(
        VpcId=of,
        GroupName=name,
        Description=name,
        TagSpecifications=tagged("security-group", name),
    )
    rule = {"IpProtocol": protocol, "IpRanges": [{"CidrIp": one} for one in prefixes]}
    if port is not None:
        rule.update(FromPort=port, ToPort=port)
    ec2.authorize_security_group_ingress(GroupId=made["GroupId"], IpPermissions=[rule])
    return made["GroupId"]


def instance(ec2, name, of, *groups, address=None):
    """A place for a machine in a subnet, by its id."""
    more = {"PrivateIpAddress": address} if address else {}
    made = ec2.run_instances(
        ImageId=IMAGE,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        SubnetId=of,
        SecurityGroupIds=list(groups),
        TagSpecifications=tagged("instance", name),
        **more,
    )
    return made["Instances"][0]["InstanceId"]


def interface_of(ec2, machine):
    """The interface of an instance."""
    [found] = ec2.describe_instances(InstanceIds=[machine])["Reservations"]
    return found["Instances"][0]["NetworkInterfaces"][0]["NetworkInterfaceId"]


def main_table(ec2, of):
    """The main route table of a VPC."""
    filters = [
        {"Name": "vpc-id", "Values": [of]},
        {"Name": "association.main", "Values": ["true"]},
    ]
    return ec2.describe_route_tables(Filters=filters)["RouteTables"][0]["RouteTableId"]


def table(ec2, name, of, *subnets):
    """A route table, associated with subnets."""
    made = ec2.create_route_table(VpcId=of, TagSpecifications=tagged("route-table", name))
    found = made["RouteTable"]["RouteTableId"]
    for one in subnets:
        ec2.associate_route_table(RouteTableId=found, SubnetId=one)
    return found


def route(ec2, of, prefix, **target):
    """A route in a table: `route(ec2, table, "10.0.0.0/8", TransitGatewayId=hub)`."""
    ec2.create_route(RouteTableId=of, DestinationCidrBlock=prefix, **target)


def route6(ec2, of, prefix, **target):
    """A route to a prefix of IPv6."""
    ec2.create_route(RouteTableId=of, DestinationIpv6CidrBlock=prefix, **target)


def internet_gateway(ec2, name, of):
    """An internet gateway, attached."""
    made = ec2.create_internet_gateway(TagSpecifications=tagged("internet-gateway", name))
    found = made["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=found, VpcId=of)
    return found


def nat_gateway(ec2, name, of):
    """A NAT gateway with an elastic address, in a subnet."""
    address = ec2.allocate_address(TagSpecifications=tagged("elastic-ip", name))
    made = ec2.create_nat_gateway(
        SubnetId=of,
        AllocationId=address["AllocationId"],
        TagSpecifications=tagged("natgateway", name),
    )
    found = made["NatGateway"]["NatGatewayId"]
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[found])
    return found


def hub(ec2, name, **options):
    """A transit gateway without default tables, by its id."""
    made = ec2.create_transit_gateway(
        Options={
            "DefaultRouteTableAssociation": "disable",
            "DefaultRouteTablePropagation": "disable",
            **options,
        },
        TagSpecifications=tagged("transit-gateway", name),
    )
    return made["TransitGateway"]["TransitGatewayId"]


def attach(ec2, name, to, of, *subnets, **options):
    """A VPC's attachment to a transit gateway."""
    made = ec2.create_transit_gateway_vpc_attachment(
        TransitGatewayId=to,
        VpcId=of,
        SubnetIds=list(subnets),
        Options=options,
        TagSpecifications=tagged("transit-gateway-attachment", name),
    )
    return made["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]


def hub_table(ec2, name, of):
    """A route table of a transit gateway."""
    made = ec2.create_transit_gateway_route_table(
        TransitGatewayId=of, TagSpecifications=tagged("transit-gateway-route-table", name)
    )
    return made["TransitGatewayRouteTable"]["TransitGatewayRouteTableId"]


def associate(ec2, of, *attachments):
    """Let a table decide where the packets of attachments go."""
    for one in attachments:
        ec2.associate_transit_gateway_route_table(
            TransitGatewayRouteTableId=of, TransitGatewayAttachmentId=one
        )


def propagate(ec2, of, *attachments):
    """Let a table learn the prefixes of attachments."""
    for one in attachments:
        ec2.enable_transit_gateway_route_table_propagation(
            TransitGatewayRouteTableId=of, TransitGatewayAttachmentId=one
        )


def default_table(ec2, of):
    """The table that a transit gateway associates by default what is attached to it with."""
    [found] = ec2.describe_transit_gateways(TransitGatewayIds=[of])["TransitGateways"]
    return found["Options"]["AssociationDefaultRouteTableId"]


def hub_route(ec2, of, prefix, attachment):
    """A static route in a transit gateway's table."""
    ec2.create_transit_gateway_route(
        TransitGatewayRouteTableId=of,
        DestinationCidrBlock=prefix,
        TransitGatewayAttachmentId=attachment,
    )


def peer_hubs(lab, name, here, there):
    """Peer two transit gateways, each given as its region's client and id; the attachment's id."""
    (ec2, hub), (far, far_hub) = here, there
    [found] = far.describe_transit_gateways(TransitGatewayIds=[far_hub])["TransitGateways"]
    made = ec2.create_transit_gateway_peering_attachment(
        TransitGatewayId=hub,
        PeerTransitGatewayId=far_hub,
        PeerAccountId=found["OwnerId"],
        PeerRegion=far.meta.region_name,
        TagSpecifications=tagged("transit-gateway-attachment", name),
    )["TransitGatewayPeeringAttachment"]
    attachment = made["TransitGatewayAttachmentId"]

    def is_seen(client, state):
        filters = [
            {"Name": "transit-gateway-attachment-id", "Values": [attachment]},
            {"Name": "state", "Values": [state]},
        ]
        seen = client.describe_transit_gateway_peering_attachments(Filters=filters)
        return bool(seen["TransitGatewayPeeringAttachments"])

    lab.until(lambda: is_seen(far, "pendingAcceptance"))
    far.accept_transit_gateway_peering_attachment(TransitGatewayAttachmentId=attachment)
    lab.until(lambda: is_seen(ec2, "available") and is_seen(far, "available"))
    return attachment


def site(ec2, name, address, asn, *prefixes):
    """A customer gateway: the router of a site, which announces prefixes."""
    tags = tagged("customer-gateway", name)
    announced = {"Key": "antipodes:prefixes", "Value": ",".join(prefixes)}
    tags[0]["Tags"].append(announced)
    made = ec2.create_customer_gateway(
        Type="ipsec.1", IpAddress=address, BgpAsn=asn, TagSpecifications=tags
    )
    return made["CustomerGateway"]["CustomerGatewayId"]


def vpn(ec2, name, router, **to):
    """A VPN connection with BGP: `vpn(ec2, "line", router, TransitGatewayId=hub)`."""
    made = ec2.create_vpn_connection(
        Type="ipsec.1",
        CustomerGatewayId=router,
        TagSpecifications=tagged("vpn-connection", name),
        **to,
    )
    return made["VpnConnection"]["VpnConnectionId"]


def vpn_gateway(ec2, name, of):
    """A VPN gateway, attached to a VPC whose main table learns of it."""
    made = ec2.create_vpn_gateway(Type="ipsec.1", TagSpecifications=tagged("vpn-gateway", name))
    found = made["VpnGateway"]["VpnGatewayId"]
    ec2.attach_vpn_gateway(VpnGatewayId=found, VpcId=of)
    ec2.enable_vgw_route_propagation(GatewayId=found, RouteTableId=main_table(ec2, of))
    return found


def attachment_of(ec2, resource):
    """What attaches a resource, such as a VPN connection, to its transit gateway."""
    filters = [
        {"Name": "resource-id", "Values": [resource]},
        {"Name": "state", "Values": ["available"]},
    ]
    [found] = ec2.describe_transit_gateway_attachments(Filters=filters)["TransitGatewayAttachments"]
    return found["TransitGatewayAttachmentId"]
