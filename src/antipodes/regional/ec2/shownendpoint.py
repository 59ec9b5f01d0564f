"""VPC endpoints as the API shows them."""

from collections.abc import Sequence

from antipodes.regional.ec2 import endpoints, endpointservices, tags
from antipodes.regional.ec2.endpointservices import GATEWAY, INSPECTED
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.modelpeers import Endpoint
from antipodes.world.atlas import Zone


def endpoint(estate: Estate, of: Endpoint, zones: Sequence[Zone]) -> Thing:
    """An endpoint, with the tables and groups that are still there."""
    region = estate.host.place
    service = endpointservices.named(of.service)
    found: Thing = {
        "VpcEndpointId": of.id,
        "VpcEndpointType": of.type,
        "VpcId": of.vpc,
        "ServiceName": service.full(region),
        "ServiceRegion": region,
        "State": of.standing,
        "PolicyDocument": of.policy or endpoints.DEFAULT_POLICY,
        "RouteTableIds": [one for one in of.tables if estate.tables.find(of.account, one)],
        "SubnetIds": [one.subnet for one in of.interfaces],
        "Groups": [],
        "NetworkInterfaceIds": [one.interface for one in of.interfaces],
        "IpAddressType": "ipv4",
        "PrivateDnsEnabled": of.private_names,
        "RequesterManaged": bool(of.firewall),
        "DnsEntries": [],
        "CreationTimestamp": of.made_at,
        "OwnerId": of.account,
        "Tags": tags.shown(estate.tags(of.account, of.id)),
    }
    if of.type == GATEWAY:
        return found | {"DnsOptions": {"DnsRecordIpType": "service-defined"}}
    if of.type == INSPECTED:
        del found["PolicyDocument"]
        return found
    groups = [estate.groups.find(of.account, name) for name in of.groups]
    return found | {
        "Groups": [{"GroupId": one.id, "GroupName": one.name} for one in groups if one],
        "DnsEntries": names(of, region, zones),
        "DnsOptions": {
            "DnsRecordIpType": "ipv4",
            "PrivateDnsOnlyForInboundResolverEndpoint": of.private_for_inbound,
        },
    }


def names(of: Endpoint, region: str, zones: Sequence[Zone]) -> list[Thing]:
    """The names by which an endpoint is called."""
    service = endpointservices.named(of.service)
    own = {one.zone for one in of.interfaces}
    there = [zone.name for zone in zones if zone.id in own]
    public = endpointservices.zone_id("vpce", region)
    found = [
        {"DnsName": name, "HostedZoneId": public}
        for name in endpointservices.names(service, of.id, region, there)
    ]
    if of.private_names:
        private = endpointservices.zone_id(of.id)
        found += [
            {"DnsName": name, "HostedZoneId": private}
            for name in endpointservices.private_names(service, region)
        ]
    return found
