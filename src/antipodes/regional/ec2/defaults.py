"""The network that an account finds in a region before it has made any.

172.31.0.0/16 with a /20 in each zone, a gateway to the internet with a route to it, and the
`default` security group, network ACL and DHCP options. Ids follow from account and region.

Source: Amazon VPC User Guide, "Default VPCs", "Default security groups", "Default network ACL".
"""

import hashlib
from collections.abc import Callable
from ipaddress import IPv4Network
from typing import NamedTuple

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


class Wanted(NamedTuple):
    """What a network is to be; `name` gives an id with a prefix, and what else it may follow from.

    `gateway` is where the main table leads to besides the network itself.
    """

    account: str
    prefix: IPv4Network
    name: Callable[..., str]
    gateway: str = ""
    tenancy: str = "default"
    default: bool = False


def network(estate: Estate, wanted: Wanted) -> Vpc:
    """Make a network with what comes with it: main table, default ACL, group and DHCP options."""
    account, name, prefix = wanted.account, wanted.name, str(wanted.prefix)
    vpc, table, acl, group = (name(kind) for kind in ("vpc", "rtb", "acl", "sg"))
    options = identifier("dopt", account, estate.host.place)
    if estate.options.find(account, options) is None:
        estate.options.put(account, options, default_options(options, account, estate.host.place))
    routes: tuple[Route, ...] = (Route(prefix, "local", LOCAL_ORIGIN),)
    if wanted.gateway:
        estate.gateways.put(account, wanted.gateway, InternetGateway(wanted.gateway, account, vpc))
        routes = (*routes, Route(ANYWHERE, wanted.gateway))
    main = name("rtbassoc")
    estate.tables.put(account, table, RouteTable(table, account, vpc, routes, main))
    estate.acls.put(account, acl, NetworkAcl(acl, account, vpc, open_entries(), default=True))
    rules = (
        GroupRule(name("sgr", "in"), False, "-1", group=group, group_account=account),  # noqa: FBT003 - inbound
        GroupRule(name("sgr", "out"), True, "-1", prefix=ANYWHERE),  # noqa: FBT003 - outbound
    )
    description = "default VPC security group"
    made = SecurityGroup(group, account, vpc, "default", description, rules)
    estate.groups.put(account, group, made)
    found = Vpc(
        *(vpc, account, (Association(name("vpc-cidr-assoc"), prefix),)),
        *(table, acl, group, options),
        default=wanted.default,
        tenancy=wanted.tenancy,
        dns_hostnames=wanted.default,
    )
    estate.vpcs.put(account, vpc, found)
    return found


def make(estate: Estate, account: str, region: Region) -> Vpc:
    """Put the default network of an account into a region.

    A gateway that is left of an earlier one is the customer's, and stays as it is.
    """
    own = account, region.code

    def name(prefix: str, *more: str) -> str:
        return identifier(prefix, *own, *more)

    gateway = name("igw")
    if estate.gateways.find(account, gateway) is not None:
        gateway = estate.gateways.new_id()
    found = network(estate, Wanted(account, VPC_NETWORK, name, gateway, default=True))
    for zone in region.zones:
        made = subnet(account, found, region, zone)
        estate.subnets.put(account, made.id, made)
    return found


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
