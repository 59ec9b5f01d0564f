"""Filters over interfaces, instances and NAT gateways."""

from collections.abc import Callable, Iterable
from typing import Any

from antipodes.regional.ec2.filters import Filters, Thing, at

Read = Callable[[Thing], Iterable[Any]]


def _under(prefix: str, filters: dict[str, Read], *path: str) -> dict[str, Read]:
    """Filters of a part of something, by longer names."""

    def inside(read: Read) -> Read:
        return lambda thing: [value for part in at(*path)(thing) for value in read(part)]

    return {f"{prefix}.{name}": inside(read) for name, read in filters.items()}


_TAGS: Filters = {"tag-key": at("Tags", "Key")}
_ZONES: dict[str, Read] = {
    "availability-zone": at("AvailabilityZone"),
    "availability-zone-id": at("AvailabilityZoneId"),
}
_INTERFACE: dict[str, Read] = {
    "network-interface-id": at("NetworkInterfaceId"),
    "subnet-id": at("SubnetId"),
    "vpc-id": at("VpcId"),
    "description": at("Description"),
    "owner-id": at("OwnerId"),
    "status": at("Status"),
    "mac-address": at("MacAddress"),
    "private-dns-name": at("PrivateDnsName"),
    "source-dest-check": at("SourceDestCheck"),
    "group-id": at("Groups", "GroupId"),
    "group-name": at("Groups", "GroupName"),
    "addresses.private-ip-address": at("PrivateIpAddresses", "PrivateIpAddress"),
    "addresses.primary": at("PrivateIpAddresses", "Primary"),
    "addresses.association.public-ip": at("PrivateIpAddresses", "Association", "PublicIp"),
    "addresses.association.ip-owner-id": at("PrivateIpAddresses", "Association", "IpOwnerId"),
    "ipv6-addresses.ipv6-address": at("Ipv6Addresses", "Ipv6Address"),
    "association.public-ip": at("Association", "PublicIp"),
    "association.ip-owner-id": at("Association", "IpOwnerId"),
    "association.public-dns-name": at("Association", "PublicDnsName"),
    "attachment.attachment-id": at("Attachment", "AttachmentId"),
    "attachment.delete-on-termination": at("Attachment", "DeleteOnTermination"),
    "attachment.device-index": at("Attachment", "DeviceIndex"),
    "attachment.status": at("Attachment", "Status"),
}
INTERFACE_FILTERS: Filters = {
    **_INTERFACE,
    **_ZONES,
    "addresses.association.allocation-id": at("PrivateIpAddresses", "Association", "AllocationId"),
    "addresses.association.association-id": at(
        *("PrivateIpAddresses", "Association", "AssociationId")
    ),
    "association.allocation-id": at("Association", "AllocationId"),
    "association.association-id": at("Association", "AssociationId"),
    "attachment.instance-id": at("Attachment", "InstanceId"),
    "attachment.instance-owner-id": at("Attachment", "InstanceOwnerId"),
    "interface-type": at("InterfaceType"),
    "private-ip-address": at("PrivateIpAddresses", "PrivateIpAddress"),
    "requester-id": at("RequesterId"),
    "requester-managed": at("RequesterManaged"),
    **_TAGS,
}
INSTANCE_FILTERS: Filters = {
    **_under("network-interface", _INTERFACE, "NetworkInterfaces"),
    "architecture": at("Architecture"),
    "availability-zone": at("Placement", "AvailabilityZone"),
    "availability-zone-id": at("Placement", "AvailabilityZoneId"),
    "client-token": at("ClientToken"),
    "dns-name": at("PublicDnsName"),
    "group-id": at("SecurityGroups", "GroupId"),
    "group-name": at("SecurityGroups", "GroupName"),
    "hypervisor": at("Hypervisor"),
    "image-id": at("ImageId"),
    "instance-id": at("InstanceId"),
    "instance-state-code": at("State", "Code"),
    "instance-state-name": at("State", "Name"),
    "instance-type": at("InstanceType"),
    "instance.group-id": at("SecurityGroups", "GroupId"),
    "instance.group-name": at("SecurityGroups", "GroupName"),
    "ip-address": at("PublicIpAddress"),
    "ipv6-address": at("NetworkInterfaces", "Ipv6Addresses", "Ipv6Address"),
    "key-name": at("KeyName"),
    "launch-index": at("AmiLaunchIndex"),
    "monitoring-state": at("Monitoring", "State"),
    "owner-id": at("OwnerId"),
    "private-dns-name": at("PrivateDnsName"),
    "private-ip-address": at("PrivateIpAddress"),
    "reason": at("StateTransitionReason"),
    "reservation-id": at("ReservationId"),
    "root-device-type": at("RootDeviceType"),
    "source-dest-check": at("SourceDestCheck"),
    "state-reason-code": at("StateReason", "Code"),
    "state-reason-message": at("StateReason", "Message"),
    "subnet-id": at("SubnetId"),
    "tenancy": at("Placement", "Tenancy"),
    "virtualization-type": at("VirtualizationType"),
    "vpc-id": at("VpcId"),
    **_TAGS,
}
STATUS_FILTERS: Filters = {
    **_ZONES,
    "instance-state-code": at("InstanceState", "Code"),
    "instance-state-name": at("InstanceState", "Name"),
    "instance-status.status": at("InstanceStatus", "Status"),
    "instance-status.reachability": at("InstanceStatus", "Details", "Status"),
    "system-status.status": at("SystemStatus", "Status"),
    "system-status.reachability": at("SystemStatus", "Details", "Status"),
}
NAT_FILTERS: Filters = {
    "nat-gateway-id": at("NatGatewayId"),
    "state": at("State"),
    "subnet-id": at("SubnetId"),
    "vpc-id": at("VpcId"),
    **_TAGS,
}
