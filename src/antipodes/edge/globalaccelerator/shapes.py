"""How accelerators, listeners, groups and endpoints are described: botocore's shapes."""

from typing import Any

from antipodes.edge.globalaccelerator.model import (
    CUSTOM,
    DUAL_STACK,
    Accelerator,
    Attachment,
    Endpoint,
    Group,
    Listener,
)

ZONE_NAMES = ("a", "b")


def accelerator(of: Accelerator, now: float) -> dict[str, Any]:
    """An accelerator as it is described."""
    shown: dict[str, Any] = {
        "AcceleratorArn": of.arn,
        "Name": of.name,
        "IpAddressType": of.address_type,
        "Enabled": of.enabled,
        "IpSets": [_ip_set("IPv4", of.addresses)],
        "DnsName": of.dns_name,
        "Status": of.status(now),
        "CreatedTime": of.created,
        "LastModifiedTime": of.modified,
    }
    if of.address_type == DUAL_STACK:
        shown["IpSets"].append(_ip_set("IPv6", of.addresses6))
        shown["DualStackDnsName"] = of.dual_name
    if of.routing != CUSTOM and of.events:
        shown["Events"] = [{"Message": e.message, "Timestamp": e.at} for e in of.events]
    return shown


def _ip_set(family: str, addresses: tuple[str, ...]) -> dict[str, Any]:
    return {
        "IpFamily": family,
        "IpAddresses": list(addresses),
        "IpAddressFamily": family,
        "IpAddressDetails": [
            {"IpAddress": address, "NetworkZone": zone}
            for address, zone in zip(addresses, ZONE_NAMES, strict=False)
        ],
    }


def listener(of: Accelerator, found: Listener) -> dict[str, Any]:
    """A listener as it is described."""
    shown: dict[str, Any] = {
        "ListenerArn": of.listener_arn(found),
        "PortRanges": [{"FromPort": low, "ToPort": high} for low, high in found.ports],
    }
    if of.routing != CUSTOM:
        shown.update(Protocol=found.protocol, ClientAffinity=found.affinity)
    return shown


def endpoint(of: Endpoint, state: str) -> dict[str, Any]:
    """An endpoint as it is described. HealthReason is always empty, as botocore's model says."""
    return {
        "EndpointId": of.arn,
        "Weight": of.weight,
        "HealthState": state,
        "ClientIPPreservationEnabled": of.preserves_client_ip,
    }


def group(of: Accelerator, at: Listener, found: Group, states: dict[str, str]) -> dict[str, Any]:
    """A standard endpoint group as it is described."""
    return {
        "EndpointGroupArn": of.group_arn(at, found),
        "EndpointGroupRegion": found.region,
        "EndpointDescriptions": [
            endpoint(known, states.get(known.health, "INITIAL")) for known in found.endpoints
        ],
        "TrafficDialPercentage": found.dial,
        "HealthCheckPort": found.port,
        "HealthCheckProtocol": found.protocol,
        "HealthCheckPath": found.path,
        "HealthCheckIntervalSeconds": found.interval_s,
        "ThresholdCount": found.threshold,
        "PortOverrides": [
            {"ListenerPort": outer, "EndpointPort": inner} for outer, inner in found.overrides
        ],
    }


def custom_group(of: Accelerator, at: Listener, found: Group) -> dict[str, Any]:
    """A custom routing endpoint group as it is described."""
    return {
        "EndpointGroupArn": of.group_arn(at, found),
        "EndpointGroupRegion": found.region,
        "DestinationDescriptions": [
            {"FromPort": d.low, "ToPort": d.high, "Protocols": list(d.protocols)}
            for d in found.destinations
        ],
        "EndpointDescriptions": [{"EndpointId": subnet.id} for subnet in found.subnets],
    }


def attachment(of: Attachment) -> dict[str, Any]:
    """A cross-account attachment as it is described."""
    return {
        "AttachmentArn": of.arn,
        "Name": of.name,
        "Principals": list(of.principals),
        "Resources": [resource(*known) for known in of.resources],
        "CreatedTime": of.created,
        "LastModifiedTime": of.modified,
    }


def resource(endpoint_id: str, region: str, cidr: str) -> dict[str, Any]:
    """A resource of an attachment as it is described."""
    if cidr:
        return {"Cidr": cidr}
    return {"EndpointId": endpoint_id, **({"Region": region} if region else {})}
