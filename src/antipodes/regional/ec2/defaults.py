"""The network that an account finds in a region before it has made any.

172.31.0.0/16 with a /20 in each zone, a gateway to the internet with a route to it, and the
`default` security group, network ACL and DHCP options. Ids follow from account and region.

Source: Amazon VPC User Guide, "Default VPCs", "Default security groups", "Default network ACL".
"""

import hashlib
from ipaddress import IPv4Network

from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.model import (
    AclEntry,
    Association,
    DhcpOptions,
    GroupRule,
    InternetGateway,
    NetworkAcl,
    Route,
    RouteTable,
    SecurityGroup,
    Subnet,
    Vpc,
)
from antipodes.world.atlas import Region, Zone

VPC_NETWORK = IPv4Network("172.31.0.0/16")
SUBNET_PREFIX = 20
ANYWHERE, ANYWHERE6 = "0.0.0.0/0", "::/0"
LOCAL_ORIGIN = "CreateRouteTable"


def identifier(prefix: str, *of: str) -> str:
    """Return an id that follows from what it is the id of."""
    return f"{prefix}-{hashlib.sha256('/'.join(of).encode()).hexdigest()[:17]}"


def open_entries(*, ipv6: bool = False) -> tuple[AclEntry, ...]:
    """The entries of a default network ACL."""
    prefixes = [(100, ANYWHERE)] + ([(101, ANYWHERE6)] if ipv6 else [])
    return tuple(
        AclEntry(number, egress, allows=True, prefix=prefix)
        for egress in (False, True)
        for number, prefix in prefixes
    )


def make(estate: Estate, account: str, region: Region) -> None:
    """Put the default network of an account into a region."""
    own = account, region.code
    vpc, table, acl, group, gateway, options = (
        identifier(prefix, *own) for prefix in ("vpc", "rtb", "acl", "sg", "igw", "dopt")
    )
    estate.options.put(account, options, default_options(options, account, region.code))
    estate.gateways.put(account, gateway, InternetGateway(gateway, account, vpc))
    routes = Route(str(VPC_NETWORK), "local", LOCAL_ORIGIN), Route(ANYWHERE, gateway)
    main = identifier("rtbassoc", *own)
    estate.tables.put(account, table, RouteTable(table, account, vpc, routes, main))
    estate.acls.put(account, acl, NetworkAcl(acl, account, vpc, open_entries(), default=True))
    rules = (
        GroupRule(identifier("sgr", *own, "in"), False, "-1", group=group, group_account=account),  # noqa: FBT003 - inbound
        GroupRule(identifier("sgr", *own, "out"), True, "-1", prefix=ANYWHERE),  # noqa: FBT003 - outbound
    )
    description = "default VPC security group"
    made = SecurityGroup(group, account, vpc, "default", description, rules)
    estate.groups.put(account, group, made)
    prefix = Association(identifier("vpc-cidr-assoc", *own), str(VPC_NETWORK))
    found = Vpc(
        *(vpc, account, (prefix,), table, acl, group, options), default=True, dns_hostnames=True
    )
    estate.vpcs.put(account, vpc, found)
    for zone in region.zones:
        made_subnet = subnet(account, found, region, zone)
        estate.subnets.put(account, made_subnet.id, made_subnet)


def subnet(account: str, vpc: Vpc, region: Region, zone: Zone) -> Subnet:
    """The default subnet of a zone: the /20 of its place among the zones."""
    networks = list(VPC_NETWORK.subnets(new_prefix=SUBNET_PREFIX))
    return Subnet(
        identifier("subnet", account, zone.id),
        account,
        vpc.id,
        zone.id,
        str(networks[region.zones.index(zone)]),
        vpc.acl,
        acl_association=identifier("aclassoc", account, zone.id),
        default=True,
        maps_public_ip=True,
    )


def default_options(name: str, account: str, region: str) -> DhcpOptions:
    """The DHCP options of a network that has no others."""
    domain = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
    options: dict[str, tuple[str, ...]] = {
        "domain-name": (domain,),
        "domain-name-servers": ("AmazonProvidedDNS",),
    }
    return DhcpOptions(name, account, options)
