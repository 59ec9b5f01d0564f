"""The kinds of things that EC2 keeps: what each is called, by whom, and how one is missed."""

from typing import NamedTuple


class Kind(NamedTuple):
    """One kind of resource."""

    resource: str  # as tags name it: "vpc"
    prefix: str  # of its ids
    member: str  # of its id, in what is shown
    many: str  # of all of them, in an answer
    asked: str  # of the ids in a request that lists them
    unknown: str  # the error where there is no such thing
    noun: str  # in that error's message

    @property
    def key(self) -> str:
        """The corner of the store where they are."""
        return f"ec2/{self.resource}"

    @property
    def ended(self) -> "Kind":
        """Those that came to their end, in a corner of their own."""
        return self._replace(resource=f"{self.resource}/ended")


def resource_of(name: str) -> str:
    """What kind of resource an id is one of."""
    return next(kind.resource for kind in KINDS if name.rpartition("-")[0] == kind.prefix)


VPC = Kind("vpc", "vpc", "VpcId", "Vpcs", "VpcIds", "InvalidVpcID.NotFound", "vpc ID")
SUBNET = Kind(
    *("subnet", "subnet", "SubnetId", "Subnets", "SubnetIds"),
    *("InvalidSubnetID.NotFound", "subnet ID"),
)
ROUTE_TABLE = Kind(
    *("route-table", "rtb", "RouteTableId", "RouteTables", "RouteTableIds"),
    *("InvalidRouteTableID.NotFound", "routeTable ID"),
)
NETWORK_ACL = Kind(
    *("network-acl", "acl", "NetworkAclId", "NetworkAcls", "NetworkAclIds"),
    *("InvalidNetworkAclID.NotFound", "networkAcl ID"),
)
SECURITY_GROUP = Kind(
    *("security-group", "sg", "GroupId", "SecurityGroups", "GroupIds"),
    *("InvalidGroup.NotFound", "security group"),
)
SECURITY_GROUP_RULE = Kind(
    *("security-group-rule", "sgr", "SecurityGroupRuleId", "SecurityGroupRules"),
    *("SecurityGroupRuleIds", "InvalidSecurityGroupRuleId.NotFound", "security group rule ID"),
)
INTERNET_GATEWAY = Kind(
    *("internet-gateway", "igw", "InternetGatewayId", "InternetGateways", "InternetGatewayIds"),
    *("InvalidInternetGatewayID.NotFound", "internetGateway ID"),
)
EGRESS_GATEWAY = Kind(
    *("egress-only-internet-gateway", "eigw", "EgressOnlyInternetGatewayId"),
    *("EgressOnlyInternetGateways", "EgressOnlyInternetGatewayIds"),
    *("InvalidGatewayID.NotFound", "egressOnlyInternetGateway ID"),
)
DHCP_OPTIONS = Kind(
    *("dhcp-options", "dopt", "DhcpOptionsId", "DhcpOptions", "DhcpOptionsIds"),
    *("InvalidDhcpOptionID.NotFound", "dhcpOptions ID"),
)
ELASTIC_IP = Kind(
    *("elastic-ip", "eipalloc", "AllocationId", "Addresses", "AllocationIds"),
    *("InvalidAllocationID.NotFound", "allocation ID"),
)
INTERFACE = Kind(
    *("network-interface", "eni", "NetworkInterfaceId", "NetworkInterfaces"),
    *("NetworkInterfaceIds", "InvalidNetworkInterfaceID.NotFound", "networkInterface ID"),
)
HUB = Kind(
    *("transit-gateway", "tgw", "TransitGatewayId", "TransitGateways", "TransitGatewayIds"),
    *("InvalidTransitGatewayID.NotFound", "transitGateway ID"),
)
HUB_ATTACHMENT = Kind(
    *("transit-gateway-attachment", "tgw-attach", "TransitGatewayAttachmentId"),
    *("TransitGatewayAttachments", "TransitGatewayAttachmentIds"),
    *("InvalidTransitGatewayAttachmentID.NotFound", "transitGatewayAttachment ID"),
)
HUB_PEERING = HUB_ATTACHMENT._replace(
    resource="transit-gateway-peering", many="TransitGatewayPeeringAttachments"
)  # ids and tags are those of attachments
CONNECT = HUB_ATTACHMENT._replace(many="TransitGatewayConnects")
CONNECT_PEER = Kind(
    *("transit-gateway-connect-peer", "tgw-connect-peer", "TransitGatewayConnectPeerId"),
    *("TransitGatewayConnectPeers", "TransitGatewayConnectPeerIds"),
    *("InvalidTransitGatewayConnectPeerID.NotFound", "transitGatewayConnectPeer ID"),
)
HUB_TABLE = Kind(
    *("transit-gateway-route-table", "tgw-rtb", "TransitGatewayRouteTableId"),
    *("TransitGatewayRouteTables", "TransitGatewayRouteTableIds"),
    *("InvalidRouteTableID.NotFound", "transitGatewayRouteTable ID"),
)
INSTANCE = Kind(
    *("instance", "i", "InstanceId", "Instances", "InstanceIds"),
    *("InvalidInstanceID.NotFound", "instance ID"),
)
NAT_GATEWAY = Kind(
    *("natgateway", "nat", "NatGatewayId", "NatGateways", "NatGatewayIds"),
    *("NatGatewayNotFound", "NAT gateway"),
)
PREFIX_LIST = Kind(
    *("prefix-list", "pl", "PrefixListId", "PrefixLists", "PrefixListIds"),
    *("InvalidPrefixListID.NotFound", "prefix list ID"),
)
PEERING = Kind(
    *("vpc-peering-connection", "pcx", "VpcPeeringConnectionId", "VpcPeeringConnections"),
    *("VpcPeeringConnectionIds", "InvalidVpcPeeringConnectionID.NotFound"),
    "vpcPeeringConnection ID",
)
ENDPOINT = Kind(
    *("vpc-endpoint", "vpce", "VpcEndpointId", "VpcEndpoints", "VpcEndpointIds"),
    *("InvalidVpcEndpointId.NotFound", "VPC endpoint ID"),
)
ENDPOINT_SERVICE = Kind(
    *("vpc-endpoint-service", "vpce-svc", "ServiceId", "ServiceConfigurations", "ServiceIds"),
    *("InvalidVpcEndpointServiceId.NotFound", "VpcEndpointService Id"),
)
INSIGHTS_PATH = Kind(
    *("network-insights-path", "nip", "NetworkInsightsPathId", "NetworkInsightsPaths"),
    *("NetworkInsightsPathIds", "InvalidNetworkInsightsPathId.NotFound", "network insights path"),
)
INSIGHTS_ANALYSIS = Kind(
    *("network-insights-analysis", "nia", "NetworkInsightsAnalysisId", "NetworkInsightsAnalyses"),
    *("NetworkInsightsAnalysisIds", "InvalidNetworkInsightsAnalysisId.NotFound"),
    "network insights analysis",
)
ACCESS_SCOPE = Kind(
    *("network-insights-access-scope", "nis", "NetworkInsightsAccessScopeId"),
    *("NetworkInsightsAccessScopes", "NetworkInsightsAccessScopeIds"),
    *("InvalidNetworkInsightsAccessScopeId.NotFound", "network insights access scope"),
)
ACCESS_ANALYSIS = Kind(
    *("network-insights-access-scope-analysis", "nisa", "NetworkInsightsAccessScopeAnalysisId"),
    *("NetworkInsightsAccessScopeAnalyses", "NetworkInsightsAccessScopeAnalysisIds"),
    *("InvalidNetworkInsightsAccessScopeAnalysisId.NotFound",),
    "network insights access scope analysis",
)
CUSTOMER_GATEWAY = Kind(
    *("customer-gateway", "cgw", "CustomerGatewayId", "CustomerGateways", "CustomerGatewayIds"),
    *("InvalidCustomerGatewayID.NotFound", "customerGateway ID"),
)
VPN_GATEWAY = Kind(
    *("vpn-gateway", "vgw", "VpnGatewayId", "VpnGateways", "VpnGatewayIds"),
    *("InvalidVpnGatewayID.NotFound", "vpnGateway ID"),
)
VPN_CONNECTION = Kind(
    *("vpn-connection", "vpn", "VpnConnectionId", "VpnConnections", "VpnConnectionIds"),
    *("InvalidVpnConnectionID.NotFound", "vpnConnection ID"),
)
KINDS = (
    VPC,
    SUBNET,
    ROUTE_TABLE,
    NETWORK_ACL,
    SECURITY_GROUP,
    SECURITY_GROUP_RULE,
    INTERNET_GATEWAY,
    EGRESS_GATEWAY,
    DHCP_OPTIONS,
    ELASTIC_IP,
    INTERFACE,
    HUB,
    HUB_ATTACHMENT,
    CONNECT_PEER,
    HUB_TABLE,
    INSTANCE,
    NAT_GATEWAY,
    PREFIX_LIST,
    PEERING,
    ENDPOINT,
    ENDPOINT_SERVICE,
    INSIGHTS_PATH,
    INSIGHTS_ANALYSIS,
    ACCESS_SCOPE,
    ACCESS_ANALYSIS,
    CUSTOMER_GATEWAY,
    VPN_GATEWAY,
    VPN_CONNECTION,
)
