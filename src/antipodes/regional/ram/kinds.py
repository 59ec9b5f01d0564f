"""What can be shared: the kinds of resources that other accounts may use here."""

from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of resources, and how its service is asked for one: in a list, or by itself."""

    type: str
    service: str
    resource: str  # in ARNs
    operation: str
    asked: str
    many: str
    permission: str  # the default one


KINDS = (
    Kind(
        *("ec2:Subnet", "ec2", "subnet", "DescribeSubnets"),
        *("SubnetIds", "Subnets", "AWSRAMDefaultPermissionSubnet"),
    ),
    Kind(
        *("ec2:TransitGateway", "ec2", "transit-gateway", "DescribeTransitGateways"),
        *("TransitGatewayIds", "TransitGateways", "AWSRAMDefaultPermissionTransitGateway"),
    ),
    Kind(
        *("ec2:PrefixList", "ec2", "prefix-list", "DescribeManagedPrefixLists"),
        *("PrefixListIds", "PrefixLists", "AWSRAMDefaultPermissionPrefixList"),
    ),
    Kind(
        *("route53resolver:ResolverRule", "route53resolver", "resolver-rule", "GetResolverRule"),
        *("ResolverRuleId", "ResolverRule", "AWSRAMDefaultPermissionResolverRule"),
    ),
)
BY_TYPE = {kind.type: kind for kind in KINDS}


def permission_arn(kind: Kind) -> str:
    """The ARN of a kind's default permission."""
    return f"arn:aws:ram::aws:permission/{kind.permission}"
