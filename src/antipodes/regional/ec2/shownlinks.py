"""Endpoint services of customers as the API shows them, to their owners and to others."""

from collections.abc import Sequence

from antipodes.regional.ec2 import endpointservices, links, shownendpoint, tags
from antipodes.regional.ec2.endpointservices import INTERFACE
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.modellinks import LinkService, Permission
from antipodes.regional.ec2.modelpeers import Endpoint
from antipodes.world.atlas import Zone


def _common(estate: Estate, of: LinkService, zones: Sequence[Zone]) -> Thing:
    """What everybody sees who may connect."""
    region = estate.host.place
    named = endpointservices.named(of.id)
    own = [zone for zone in zones if zone.id in of.zones]
    return {
        "ServiceType": [{"ServiceType": of.type}],
        "ServiceId": of.id,
        "ServiceName": named.full(region),
        "AvailabilityZones": [zone.name for zone in own],
        "AvailabilityZoneIds": [zone.id for zone in own],
        "AcceptanceRequired": not of.accepts,
        "ManagesVpcEndpoints": False,
        "BaseEndpointDnsNames": [named.below(region)] if of.type == INTERFACE else [],
        "SupportedIpAddressTypes": ["ipv4"],
    }


def configuration(estate: Estate, of: LinkService, zones: Sequence[Zone]) -> Thing:
    """A service, as its owner sees it."""
    return _common(estate, of, zones) | {
        "ServiceState": "Available",
        **_balancers(of),
        "SupportedRegions": [{"Region": estate.host.place, "ServiceState": "Available"}],
        "RemoteAccessEnabled": False,
        "Tags": tags.shown(estate.tags(of.account, of.id)),
    }


def _balancers(of: LinkService) -> Thing:
    member = "NetworkLoadBalancerArns" if of.type == INTERFACE else "GatewayLoadBalancerArns"
    return {member: list(of.balancers)}


def detail(estate: Estate, of: LinkService, zones: Sequence[Zone]) -> Thing:
    """A service, as whoever may connect to it sees it."""
    return _common(estate, of, zones) | {
        "ServiceRegion": estate.host.place,
        "Owner": of.account,
        "VpcEndpointPolicySupported": False,
        "Tags": tags.shown(estate.tags(of.account, of.id)),
    }


def permission(of: LinkService, one: Permission) -> Thing:
    """Somebody who may connect."""
    return {
        "PrincipalType": links.kind_of(one.principal),
        "Principal": one.principal,
        "ServicePermissionId": one.id,
        "ServiceId": of.id,
        "PermissionType": "vpc-endpoint",
    }


def connection(estate: Estate, of: LinkService, one: Endpoint, zones: Sequence[Zone]) -> Thing:
    """An endpoint's connection to a service, as its provider sees it."""
    return {
        "ServiceId": of.id,
        "VpcEndpointId": one.id,
        "VpcEndpointOwner": one.account,
        "VpcEndpointState": one.standing,
        "CreationTimestamp": one.made_at,
        "DnsEntries": shownendpoint.names(one, estate.host.place, zones),
        **_balancers(of),
        "IpAddressType": "ipv4",
        "VpcEndpointConnectionId": one.connection,
        "VpcEndpointRegion": estate.host.place,
        "Tags": [],
    }
