"""What may be a target, and where in the world it stands.

An address that is a target leads, in this order:

1. in 127.0.0.0/8, to the user's own machine (an extension: AWS takes no such address);
2. in a network of a customer's site, to that site, over its link;
3. in a subnet of the group's own network, to the zone of that subnet, where whatever listens there
   answers;
4. in any other private range, to the region: what listens there by that address answers.

Public addresses are refused, as AWS does. An instance is what ec2 says it is, and answers at its
private address; an application load balancer answers at its own door.

Facts: botocore's model of 2015-12-01 (TargetDescription, CreateTargetGroupInput.TargetType).
"""

from collections.abc import Sequence
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Any

import msgspec

from antipodes.regional.elbv2 import groups
from antipodes.regional.elbv2.model import (
    ALB,
    APPLICATION,
    HTTP,
    INSTANCE,
    LAMBDA,
    Target,
    TargetGroup,
    invalid,
    parse_arn,
)
from antipodes.regional.elbv2.registry import Registry
from antipodes.runtime.contract import Address
from antipodes.service.contract import Host, ServiceError

LAPTOP = IPv4Network("127.0.0.0/8")
PRIVATE = tuple(
    map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))
)
EVERYWHERE = "all"
replace = msgspec.structs.replace


def refused(message: str) -> ServiceError:
    """Return the error for what cannot be a target."""
    return ServiceError("InvalidTarget", message)


async def checked(
    host: Host, registry: Registry, group: TargetGroup, target: Target, port: int
) -> Target:
    """Return a target as it is kept, its zone found out; refuse what cannot be one.

    `port` is what the caller said of it.
    """
    if group.target_type == LAMBDA:
        if port:
            raise invalid("A port cannot be specified for a target of type 'lambda'")
        if target.zone not in {"", EVERYWHERE}:
            raise invalid("The Availability Zone of a target of type 'lambda' must be 'all'")
        await groups.check_function(host, group, target.id)
        return target
    if group.target_type == ALB:
        return _balancer(registry, group, target)
    if group.is_gateway and target.port != group.port:
        raise invalid(f"The port of a target of a GENEVE target group is '{group.port}'")
    if group.target_type == INSTANCE:
        return await _instance(host, group, target)
    return await _address(host, group, target)


async def _address(host: Host, group: TargetGroup, target: Target) -> Target:
    try:
        address = IPv4Address(target.id)
    except AddressValueError:
        raise refused(f"The IP address '{target.id}' is not a valid IPv4 address") from None
    if address in LAPTOP:
        return target
    if not any(address in network for network in PRIVATE):
        raise refused(
            f"The IP address '{target.id}' is not within the CIDR ranges of the selected VPC"
        )
    subnets = await _subnets(host, group)
    within = [s for s in subnets if address in IPv4Network(s["CidrBlock"])]
    if within:
        zone: str = within[0]["AvailabilityZone"]
        if target.zone not in {"", zone, EVERYWHERE}:
            raise invalid(f"The IP address '{target.id}' is in '{zone}', not in '{target.zone}'")
        return replace(target, zone=zone)
    if not target.zone:
        raise invalid(
            f"An Availability Zone must be specified for the IP address '{target.id}', which is "
            "outside of the VPC"
        )
    zones = [subnet["AvailabilityZone"] for subnet in subnets]
    if target.zone != EVERYWHERE and (group.protocol == HTTP or target.zone not in zones):
        raise invalid(
            f"The Availability Zone '{target.zone}' is not valid for the IP address '{target.id}', "
            "which is outside of the VPC"
        )
    return target


async def _subnets(host: Host, group: TargetGroup) -> Sequence[dict[str, Any]]:
    filters = [{"Name": "vpc-id", "Values": [group.vpc]}]
    answer = await host.call("ec2", "DescribeSubnets", {"Filters": filters}, account=group.account)
    found: list[dict[str, Any]] = answer["Subnets"]
    return found


async def _instance(host: Host, group: TargetGroup, target: Target) -> Target:
    if target.zone:
        raise invalid("An Availability Zone cannot be specified for a target of type 'instance'")
    request = {"InstanceIds": [target.id]}
    try:
        answer = await host.call("ec2", "DescribeInstances", request, account=group.account)
    except ServiceError:
        raise refused(f"The following targets are not valid instances: '{target.id}'") from None
    found = [i for reservation in answer["Reservations"] for i in reservation["Instances"]]
    if not found:
        raise refused(f"The following targets are not valid instances: '{target.id}'")
    instance = found[0]
    if instance["State"]["Name"] != "running":
        raise refused(
            f"The following targets are not in a running state and cannot be registered: "
            f"'{target.id}'"
        )
    if instance.get("VpcId") != group.vpc:
        raise refused(f"The following targets are not in the target group VPC: '{target.id}'")
    zone = instance["Placement"]["AvailabilityZone"]
    return replace(target, zone=zone, address=instance["PrivateIpAddress"])


def _balancer(registry: Registry, group: TargetGroup, target: Target) -> Target:
    parsed = parse_arn(target.id)
    balancer = (
        registry.balancers.get(group.account, parsed[3])
        if parsed is not None and parsed[:3] == (group.region, group.account, "loadbalancer")
        else None
    )
    if balancer is None or balancer.kind != APPLICATION or balancer.vpc != group.vpc:
        raise refused(
            f"'{target.id}' is not the ARN of an application load balancer in the VPC of the "
            "target group"
        )
    if target.port != group.port:
        raise invalid("The port of a target of type 'alb' is the port of its target group")
    if all(one.port != target.port for one in registry.listeners_of(balancer)):
        raise refused(f"'{target.id}' has no listener on port {target.port}")
    return target


def door(host: Host, group: TargetGroup, target: Target, port: int) -> Address:
    """Return where a target listens, by the port that is asked of it."""
    if group.target_type == ALB:
        parsed = parse_arn(target.id)
        assert parsed is not None, f"{target.id} was checked when it came in"
        return Address(group.region, f"elb/{parsed[3]}:{port}")
    ip = target.address or target.id
    return Address(_place(host, group, target, ip), f"{ip}:{port}")


def _place(host: Host, group: TargetGroup, target: Target, ip: str) -> str:
    if IPv4Address(ip) in LAPTOP:
        return "laptop"
    site: str | None = host.world.site_of(ip)
    if site is not None and not target.address:
        return site
    if target.zone in {"", EVERYWHERE}:
        return group.region
    place: str = host.world.atlas.zone(target.zone).place
    return place
