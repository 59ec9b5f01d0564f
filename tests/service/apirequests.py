"""Requests of the edge's services that make sense, for `apifuzzing` to begin with.

`$Name` stands for what was last told under that name, `$$Name` for all that was; `one` and `new`
are other texts every time.
"""

from collections.abc import Callable
from typing import Any

DOCUMENT = (
    '{"AWSPolicyFormatVersion":"2015-10-01","RecordType":"A","Endpoints":{"e":{"Type":"value",'
    '"Value":"192.0.2.1"}},"StartEndpoint":"e"}'
)
_ANSWER = {"StatusCode": "200"}
SEEDS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("route53", "CreateHostedZone", {"Name": "example.com", "CallerReference": "new"}),
    (
        "route53",
        "CreateHealthCheck",
        {
            "CallerReference": "new",
            "HealthCheckConfig": {"Type": "TCP", "IPAddress": "198.19.6.9", "Port": 80},
        },
    ),
    ("route53", "CreateCidrCollection", {"Name": "one", "CallerReference": "new"}),
    (
        "route53",
        "CreateTrafficPolicy",
        {"Name": "one", "Document": DOCUMENT},
    ),
    ("elbv2", "CreateLoadBalancer", {"Name": "one", "Subnets": "$$SubnetId"}),
    (
        "elbv2",
        "CreateTargetGroup",
        {"Name": "one", "Protocol": "HTTP", "Port": 80, "VpcId": "$VpcId", "TargetType": "ip"},
    ),
    (
        "elbv2",
        "CreateListener",
        {
            "LoadBalancerArn": "$LoadBalancerArn",
            "Protocol": "HTTP",
            "Port": 80,
            "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": _ANSWER}],
        },
    ),
    ("acm", "RequestCertificate", {"DomainName": "example.com", "ValidationMethod": "DNS"}),
    ("globalaccelerator", "CreateAccelerator", {"Name": "a", "IdempotencyToken": "new"}),
    (
        "globalaccelerator",
        "CreateListener",
        {
            "AcceleratorArn": "$AcceleratorArn",
            "PortRanges": [{"FromPort": 80, "ToPort": 80}],
            "Protocol": "TCP",
            "IdempotencyToken": "new",
        },
    ),
    (
        "globalaccelerator",
        "CreateEndpointGroup",
        {
            "ListenerArn": "$ListenerArn",
            "EndpointGroupRegion": "us-west-2",
            "IdempotencyToken": "new",
        },
    ),
    (
        "route53resolver",
        "CreateResolverRule",
        {"CreatorRequestId": "new", "RuleType": "SYSTEM", "DomainName": "example.com"},
    ),
    ("route53-recovery-control-config", "CreateCluster", {"ClusterName": "one"}),
    ("ec2", "CreateVpc", {"CidrBlock": "10.0.0.0/16", "AmazonProvidedIpv6CidrBlock": True}),
    ("ec2", "CreateSubnet", {"VpcId": "$VpcId", "CidrBlock": "10.0.0.0/24"}),
    ("ec2", "CreateRouteTable", {"VpcId": "$VpcId"}),
    ("ec2", "CreateNetworkAcl", {"VpcId": "$VpcId"}),
    ("ec2", "CreateInternetGateway", {}),
    ("ec2", "CreateTransitGateway", {}),
    ("ec2", "CreateCustomerGateway", {"Type": "ipsec.1", "PublicIp": "192.0.2.1", "BgpAsn": 65000}),
    ("ec2", "CreateVpnGateway", {"Type": "ipsec.1"}),
    (
        "ec2",
        "RunInstances",
        {"ImageId": "ami-12345678", "MinCount": 1, "MaxCount": 1, "SubnetId": "$SubnetId"},
    ),
    ("servicediscovery", "CreateHttpNamespace", {"Name": "one", "CreatorRequestId": "new"}),
    ("ram", "CreateResourceShare", {"name": "one", "principals": ["111111111111"]}),
)
_RECORD = {"Name": "a.example.com", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "$IP"}]}
_ALIAS = {"HostedZoneId": "$ResourceId", "DNSName": "a.example.com", "EvaluateTargetHealth": True}
_WEIGHTED = {**_RECORD, "SetIdentifier": "one", "Weight": 1, "HealthCheckId": "$HealthCheckId"}
_FORWARD = [{"Type": "forward", "TargetGroupArn": "$TargetGroupArn"}]
_VPC = {"VPCRegion": "us-west-2", "VPCId": "$VpcId"}


def _change(*records: dict[str, Any]) -> dict[str, Any]:
    changes = [{"Action": "UPSERT", "ResourceRecordSet": record} for record in records]
    return {"HostedZoneId": "$ResourceId", "ChangeBatch": {"Changes": changes}}


TEMPLATES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("route53", "ChangeResourceRecordSets", _change({**_RECORD, "Name": "one.example.com"})),
    ("route53", "ChangeResourceRecordSets", _change({**_WEIGHTED, "Name": "w.example.com"})),
    (
        "route53",
        "ChangeResourceRecordSets",
        _change({"Name": "b.example.com", "Type": "A", "AliasTarget": _ALIAS}, _RECORD),
    ),
    (
        "route53",
        "ChangeResourceRecordSets",
        _change({**_RECORD, "Name": "g.example.com", "SetIdentifier": "one", "GeoLocation": {}}),
    ),
    (
        "route53",
        "CreateHostedZone",
        {"Name": "one.example", "CallerReference": "new", "VPC": _VPC},
    ),
    ("route53", "AssociateVPCWithHostedZone", {"HostedZoneId": "$ResourceId", "VPC": _VPC}),
    (
        "route53",
        "ChangeTagsForResource",
        {
            "ResourceType": "hostedzone",
            "ResourceId": "$ResourceId",
            "AddTags": [{"Key": "a", "Value": "b"}],
        },
    ),
    (
        "route53",
        "CreateHealthCheck",
        {
            "CallerReference": "new",
            "HealthCheckConfig": {
                "Type": "HTTP_STR_MATCH",
                "FullyQualifiedDomainName": "a.example.com",
                "ResourcePath": "/",
                "SearchString": "ok",
                "RequestInterval": 10,
                "Regions": ["us-west-2", "us-east-1", "eu-west-1"],
            },
        },
    ),
    (
        "route53",
        "CreateTrafficPolicyInstance",
        {
            "HostedZoneId": "$ResourceId",
            "Name": "one.example.com",
            "TTL": 60,
            "TrafficPolicyId": "$TrafficPolicyId",
            "TrafficPolicyVersion": 1,
        },
    ),
    (
        "route53",
        "TestDNSAnswer",
        {"HostedZoneId": "$ResourceId", "RecordName": "w.example.com", "RecordType": "A"},
    ),
    (
        "elbv2",
        "CreateLoadBalancer",
        {"Name": "one", "Type": "network", "Subnets": "$$SubnetId"},
    ),
    (
        "elbv2",
        "RegisterTargets",
        {"TargetGroupArn": "$TargetGroupArn", "Targets": [{"Id": "172.31.0.9", "Port": 80}]},
    ),
    (
        "elbv2",
        "CreateListener",
        {
            "LoadBalancerArn": "$LoadBalancerArn",
            "Protocol": "HTTP",
            "Port": 81,
            "DefaultActions": _FORWARD,
        },
    ),
    (
        "elbv2",
        "CreateRule",
        {
            "ListenerArn": "$ListenerArn",
            "Priority": 7,
            "Conditions": [
                {"Field": "path-pattern", "Values": ["/a*"]},
                {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}},
            ],
            "Actions": _FORWARD,
        },
    ),
    (
        "elbv2",
        "ModifyTargetGroupAttributes",
        {
            "TargetGroupArn": "$TargetGroupArn",
            "Attributes": [{"Key": "stickiness.enabled", "Value": "true"}],
        },
    ),
    (
        "elbv2",
        "ModifyTargetGroup",
        {
            "TargetGroupArn": "$TargetGroupArn",
            "HealthCheckPath": "/",
            "Matcher": {"HttpCode": "200"},
        },
    ),
    (
        "globalaccelerator",
        "AddEndpoints",
        {
            "EndpointGroupArn": "$EndpointGroupArn",
            "EndpointConfigurations": [{"EndpointId": "$LoadBalancerArn", "Weight": 1}],
        },
    ),
    (
        "globalaccelerator",
        "CreateCustomRoutingAccelerator",
        {"Name": "one", "IdempotencyToken": "new"},
    ),
    (
        "globalaccelerator",
        "CreateCustomRoutingListener",
        {
            "AcceleratorArn": "$AcceleratorArn",
            "PortRanges": [{"FromPort": 5000, "ToPort": 10000}],
            "IdempotencyToken": "new",
        },
    ),
    (
        "route53resolver",
        "CreateResolverEndpoint",
        {
            "CreatorRequestId": "new",
            "SecurityGroupIds": ["$SecurityGroupId"],
            "Direction": "OUTBOUND",
            "IpAddresses": [{"SubnetId": "$SubnetId"}, {"SubnetId": "$SubnetId"}],
        },
    ),
    (
        "route53resolver",
        "CreateResolverRule",
        {
            "CreatorRequestId": "new",
            "RuleType": "FORWARD",
            "DomainName": "one.example",
            "TargetIps": [{"Ip": "192.0.2.1", "Port": 53}],
            "ResolverEndpointId": "$ResolverEndpointId",
        },
    ),
    (
        "route53resolver",
        "AssociateResolverRule",
        {"ResolverRuleId": "$ResolverRuleId", "VPCId": "$VpcId"},
    ),
    (
        "arc-zonal-shift",
        "StartZonalShift",
        {
            "resourceIdentifier": "$LoadBalancerArn",
            "awayFrom": "usw2-az1",
            "expiresIn": "1h",
            "comment": "x",
        },
    ),
    (
        "route53-recovery-control-config",
        "CreateRoutingControl",
        {"ClusterArn": "$ClusterArn", "RoutingControlName": "one"},
    ),
    (
        "route53-recovery-control-config",
        "CreateSafetyRule",
        {
            "AssertionRule": {
                "Name": "one",
                "ControlPanelArn": "$ControlPanelArn",
                "AssertedControls": ["$RoutingControlArn"],
                "WaitPeriodMs": 5000,
                "RuleConfig": {"Inverted": False, "Threshold": 1, "Type": "ATLEAST"},
            }
        },
    ),
    (
        "route53-recovery-cluster",
        "UpdateRoutingControlState",
        {"RoutingControlArn": "$RoutingControlArn", "RoutingControlState": "On"},
    ),
    (
        "ec2",
        "CreateTransitGatewayVpcAttachment",
        {"TransitGatewayId": "$TransitGatewayId", "VpcId": "$VpcId", "SubnetIds": ["$SubnetId"]},
    ),
    (
        "ec2",
        "CreateVpnConnection",
        {
            "Type": "ipsec.1",
            "CustomerGatewayId": "$CustomerGatewayId",
            "TransitGatewayId": "$TransitGatewayId",
        },
    ),
    ("ec2", "AttachVpnGateway", {"VpcId": "$VpcId", "VpnGatewayId": "$VpnGatewayId"}),
    (
        "ec2",
        "CreateRoute",
        {
            "RouteTableId": "$RouteTableId",
            "DestinationCidrBlock": "10.1.0.0/16",
            "TransitGatewayId": "$TransitGatewayId",
        },
    ),
    (
        "ec2",
        "CreateNetworkInsightsPath",
        {
            "Source": "$InstanceId",
            "Destination": "$InternetGatewayId",
            "Protocol": "tcp",
            "ClientToken": "new",
        },
    ),
    (
        "ec2",
        "StartNetworkInsightsAnalysis",
        {"NetworkInsightsPathId": "$NetworkInsightsPathId", "ClientToken": "new"},
    ),
    (
        "ec2",
        "CreateNetworkInsightsAccessScope",
        {
            "MatchPaths": [
                {"Source": {"ResourceStatement": {"ResourceTypes": ["AWS::EC2::InternetGateway"]}}}
            ],
            "ClientToken": "new",
        },
    ),
    (
        "ec2",
        "StartNetworkInsightsAccessScopeAnalysis",
        {"NetworkInsightsAccessScopeId": "$NetworkInsightsAccessScopeId", "ClientToken": "new"},
    ),
    (
        "ec2",
        "CreateVpcEndpoint",
        {
            "VpcId": "$VpcId",
            "ServiceName": "com.amazonaws.us-west-2.kms",
            "VpcEndpointType": "Interface",
            "SubnetIds": ["$SubnetId"],
        },
    ),
    (
        "ec2",
        "AuthorizeSecurityGroupIngress",
        {
            "GroupId": "$GroupId",
            "IpPermissions": [
                {
                    "IpProtocol": "tcp",
                    "FromPort": 80,
                    "ToPort": 443,
                    "IpRanges": [{"CidrIp": "10.0.0.0/8"}],
                }
            ],
        },
    ),
    (
        "network-firewall",
        "CreateRuleGroup",
        {
            "RuleGroupName": "one",
            "Type": "STATEFUL",
            "Capacity": 10,
            "Rules": 'pass tcp any any -> any 443 (msg:"x"; sid:1;)',
        },
    ),
    (
        "network-firewall",
        "CreateFirewallPolicy",
        {
            "FirewallPolicyName": "one",
            "FirewallPolicy": {
                "StatelessDefaultActions": ["aws:forward_to_sfe"],
                "StatelessFragmentDefaultActions": ["aws:pass"],
            },
        },
    ),
    (
        "network-firewall",
        "CreateFirewall",
        {
            "FirewallName": "one",
            "FirewallPolicyArn": "$FirewallPolicyArn",
            "VpcId": "$VpcId",
            "SubnetMappings": [{"SubnetId": "$SubnetId"}],
        },
    ),
    (
        "resource-groups",
        "CreateGroup",
        {
            "Name": "one",
            "ResourceQuery": {
                "Type": "TAG_FILTERS_1_0",
                "Query": '{"ResourceTypeFilters":["AWS::AllSupported"],"TagFilters":[]}',
            },
        },
    ),
    (
        "servicediscovery",
        "CreateService",
        {"Name": "one", "NamespaceId": "$NamespaceId", "CreatorRequestId": "new"},
    ),
)


def filled(value: Any, known: Callable[[str], list[Any]], number: int) -> Any:
    """A template with what is known and new in its places."""
    if isinstance(value, dict):
        return {name: filled(inner, known, number) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, known, number) for inner in value]
    if not isinstance(value, str):
        return value
    if value.startswith("$$"):
        return known(value[2:])[:3]
    if value.startswith("$"):
        return (known(value[1:]) or ["198.19.6.9"])[-1]
    return f"{value}{number}" if value in {"one", "new"} else value.replace("one.", f"n{number}.")
