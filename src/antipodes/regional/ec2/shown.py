"""Records as the API shows them, with what follows from others worked out."""

from collections.abc import Sequence
from ipaddress import IPv4Network

from antipodes.regional.ec2 import tags
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.model import Association, Subnet, Vpc
from antipodes.world.atlas import Region, Zone

SUBNET_RESERVED = 5  # addresses of each subnet that AWS keeps


def for_account(account: str, things: list[Thing]) -> list[Thing]:
    """Things as an account sees them: the tags of what is another's are not shown."""
    return [
        one
        if one["OwnerId"] == account
        else one | {member: [] for member in ("Tags", "TagSet") if member in one}
        for one in things
    ]


def region(of: Region) -> Thing:
    """A region."""
    return {
        "RegionName": of.code,
        "Endpoint": f"ec2.{of.code}.amazonaws.com",
        "OptInStatus": "opt-in-not-required",
    }


def zone(of: Zone) -> Thing:
    """A zone."""
    return {
        "State": "available",
        "OptInStatus": "opt-in-not-required",
        "Messages": [],
        "RegionName": of.region,
        "ZoneName": of.name,
        "ZoneId": of.id,
        "GroupName": f"{of.region}-zg-1",
        "NetworkBorderGroup": of.region,
        "ZoneType": "availability-zone",
    }


def vpc(estate: Estate, of: Vpc) -> Thing:
    """A VPC."""
    found: Thing = {
        "VpcId": of.id,
        "OwnerId": of.account,
        "CidrBlock": of.prefixes[0].prefix,
        "CidrBlockAssociationSet": [_prefix(one, "CidrBlock") for one in of.prefixes],
        "DhcpOptionsId": of.options,
        "InstanceTenancy": of.tenancy,
        "IsDefault": of.default,
        "State": "available",
        "Tags": tags.shown(estate.tags(of.account, of.id)),
    }
    if of.prefixes6:
        region = estate.host.place
        found["Ipv6CidrBlockAssociationSet"] = [provided(one, region) for one in of.prefixes6]
    return found


def _prefix(of: Association, member: str) -> Thing:
    return {"AssociationId": of.id, member: of.prefix, f"{member}State": {"State": "associated"}}


def prefix6(of: Association) -> Thing:
    """A prefix of IPv6 of a subnet."""
    source = {"Ipv6AddressAttribute": "public", "IpSource": "amazon"}
    return _prefix(of, "Ipv6CidrBlock") | source


def provided(of: Association, region: str) -> Thing:
    """A prefix of IPv6 of a VPC, out of what Amazon has in a region."""
    return prefix6(of) | {"NetworkBorderGroup": region, "Ipv6Pool": "Amazon"}


def subnet(estate: Estate, of: Subnet, zones: Sequence[Zone], occupied: int = 0) -> Thing:
    """A subnet, of whose addresses interfaces have some; AWS keeps a few more."""
    kept = SUBNET_RESERVED + occupied
    place = next(zone for zone in zones if zone.id == of.zone)
    return {
        "SubnetId": of.id,
        "SubnetArn": f"arn:aws:ec2:{place.region}:{of.account}:subnet/{of.id}",
        "OwnerId": of.account,
        "VpcId": of.vpc,
        "AvailabilityZone": place.name,
        "AvailabilityZoneId": place.id,
        "CidrBlock": of.prefix,
        "AvailableIpAddressCount": IPv4Network(of.prefix).num_addresses - kept,
        "DefaultForAz": of.default,
        "MapPublicIpOnLaunch": of.maps_public_ip,
        "MapCustomerOwnedIpOnLaunch": False,
        "AssignIpv6AddressOnCreation": of.assigns_ipv6,
        "Ipv6CidrBlockAssociationSet": [prefix6(one) for one in of.prefixes6],
        "Ipv6Native": False,
        "EnableDns64": False,
        "State": "available",
        "Tags": tags.shown(estate.tags(of.account, of.id)),
    }
