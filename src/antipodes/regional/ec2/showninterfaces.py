"""Interfaces as the API shows them."""

import hashlib
from collections.abc import Sequence

from antipodes.regional.ec2 import tags
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.hostnames import private_name, public_name
from antipodes.regional.ec2.model import Attached, Interface, PrivateAddress
from antipodes.world.atlas import Zone

IN_USE, AVAILABLE, PENDING = "in-use", "available", "pending"


def interface(estate: Estate, of: Interface, zones: Sequence[Zone]) -> Thing:
    """An interface. Its tags are `Tags` too, which filters read."""
    first, own = of.addresses[0], estate.tags(of.account, of.id)
    place = next(zone for zone in zones if zone.id == of.zone)
    found: Thing = {
        "AvailabilityZone": place.name,
        "AvailabilityZoneId": place.id,
        "Description": of.description,
        "Groups": groups(estate, of),
        "InterfaceType": of.kind,
        "Ipv6Addresses": addresses6(of),
        "MacAddress": mac_address(of.id),
        "NetworkInterfaceId": of.id,
        "OwnerId": of.account,
        "PrivateIpAddress": first.address,
        "PrivateIpAddresses": addresses(estate, of),
        "RequesterManaged": bool(of.manager),
        "SourceDestCheck": of.checks,
        "Status": AVAILABLE if of.attached is None else IN_USE,
        "SubnetId": of.subnet,
        "VpcId": of.vpc,
        "DenyAllIgwTraffic": False,
        "Ipv6Native": False,
        "Operator": {"Managed": False},
        "Tags": tags.shown(own),
        "TagSet": tags.shown(own),
    }
    shown = found["PrivateIpAddresses"][0]
    found |= {name: shown[name] for name in ("PrivateDnsName", "Association") if name in shown}
    if of.manager:
        found["RequesterId"] = of.manager
    if of.attached is not None:
        found["Attachment"] = attachment(of.attached)
    return found


def groups(estate: Estate, of: Interface) -> list[Thing]:
    """An interface's security groups, with their names."""
    found = (estate.groups.get(of.account, name) for name in of.groups)
    return [{"GroupId": group.id, "GroupName": group.name} for group in found]


def addresses(estate: Estate, of: Interface) -> list[Thing]:
    """An interface's addresses, with their names where its network has any."""
    region, vpc = estate.host.place, estate.vpcs.anywhere(of.account, of.vpc)
    has_names = vpc is not None and vpc.dns_hostnames
    found: list[Thing] = []
    for number, one in enumerate(of.addresses):
        told: Thing = {"PrivateIpAddress": one.address, "Primary": number == 0}
        if has_names:
            told["PrivateDnsName"] = private_name(region, one.address)
        if one.public:
            told["Association"] = _association(of, one)
            if has_names:
                told["Association"]["PublicDnsName"] = public_name(region, one.public)
        found.append(told)
    return found


def addresses6(of: Interface) -> list[Thing]:
    """An interface's addresses of IPv6."""
    return [{"Ipv6Address": one, "IsPrimaryIpv6": False} for one in of.addresses6]


def _association(of: Interface, one: PrivateAddress) -> Thing:
    if not one.allocation:
        return {"IpOwnerId": "amazon", "PublicIp": one.public}
    return {
        "AllocationId": one.allocation,
        "AssociationId": one.association,
        "IpOwnerId": of.account,
        "PublicIp": one.public,
    }


def attachment(of: Attached) -> Thing:
    """What an interface is attached to."""
    found: Thing = {
        "AttachTime": of.at,
        "AttachmentId": of.id,
        "DeleteOnTermination": of.ends_with_it,
        "DeviceIndex": of.device,
        "NetworkCardIndex": 0,
        "InstanceOwnerId": of.owner,
        "Status": "attached",
    }
    return found | ({"InstanceId": of.instance} if of.instance else {})


def mac_address(name: str) -> str:
    """The address of an interface on its link, which follows from its id."""
    drawn = hashlib.sha256(name.encode()).digest()[:5]
    return ":".join(f"{byte:02x}" for byte in (0x02, *drawn))
