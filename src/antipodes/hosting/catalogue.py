"""Which services there are: one line each. They are imported when a host that runs them starts."""

from importlib import import_module
from typing import TYPE_CHECKING

from antipodes.service.contract import Service

if TYPE_CHECKING:
    from antipodes.service.contract import Host

# botocore's name -> module:class
SERVICES = {
    "sts": "antipodes.regional.sts.api:Sts",
    "fis": "antipodes.regional.fis.api:Fis",
    "iam": "antipodes.regional.iam.api:Iam",
    "ec2": "antipodes.regional.ec2.api:Ec2",
    "logs": "antipodes.regional.logs.api:Logs",
    "cloudwatch": "antipodes.regional.cloudwatch.api:CloudWatch",
    "dynamodb": "antipodes.regional.dynamodb.api:DynamoDB",
    "dynamodbstreams": "antipodes.regional.dynamodb.streamsapi:DynamoDBStreams",
    "lambda": "antipodes.regional.lambda_.api:Lambda",
    "acm": "antipodes.regional.acm.api:Acm",
    "elbv2": "antipodes.regional.elbv2.api:ElbV2",
    "route53-recovery-control-config": "antipodes.regional.recovery.api:RecoveryControlConfig",
    "arc-zonal-shift": "antipodes.regional.zonalshift.api:ZonalShift",
    "route53-recovery-cluster": "antipodes.regional.recovery.clusterapi:RecoveryCluster",
    "ram": "antipodes.regional.ram.api:Ram",
    "resource-groups": "antipodes.regional.resourcegroups.api:ResourceGroups",
    "route53resolver": "antipodes.regional.route53resolver.api:Route53Resolver",
    "servicediscovery": "antipodes.regional.servicediscovery.api:ServiceDiscovery",
    "network-firewall": "antipodes.regional.networkfirewall.api:NetworkFirewall",
    "directconnect": "antipodes.regional.directconnect.api:DirectConnect",
    "globalaccelerator": "antipodes.edge.globalaccelerator.api:GlobalAccelerator",
    "route53": "antipodes.edge.route53.api:Route53",
}


def service_class(name: str) -> type[Service]:
    """Import a service's class."""
    module, _, attribute = SERVICES[name].partition(":")
    found: type[Service] = getattr(import_module(module), attribute)
    return found


def build_services(host: "Host", *, control_only: bool) -> dict[str, Service]:
    """Make the services of a region's host.

    Regional services live in every region of the world; the control plane of a global service in
    its home region only, a data plane that is in certain regions in those. A host that is there for
    them alone runs nothing else but `sts`.
    """
    built: dict[str, Service] = {}
    for name in SERVICES:
        kind = service_class(name)
        if kind.home and kind.home != host.place:
            continue
        if kind.places and host.place not in kind.places:
            continue
        if control_only and not kind.home and not kind.places and name != "sts":
            continue
        built[name] = kind(host)
    return built
