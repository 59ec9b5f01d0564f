"""What VPN connections, and the gateways at their ends, may be.

Quotas are AWS's defaults (Site-to-Site VPN User Guide, "Quotas").
"""

from antipodes.regional.ec2 import prefixlists, sitetags
from antipodes.regional.ec2.answering import not_offered
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.modelhubs import ConnectPeer, HubAttachment
from antipodes.regional.ec2.modelvpn import CustomerGateway, VpnConnection
from antipodes.service.contract import Request, ServiceError

TYPE = "ipsec.1"
CONNECTIONS_MAX = 50  # of an account in a region
PER_GATEWAY_MAX = 10  # of a VPN gateway
ROUTES_MAX = 100  # static ones of a connection
NUMBERS_MAX = (1 << 15) - 2  # connections of all accounts in a region
EVERYTHING = "0.0.0.0/0"
STANDARD, LARGE = "standard", "large"
GBPS = {STANDARD: 1.25, LARGE: 5.0}
_NOT_OFFERED = (
    "EnableAcceleration",
    "TransportTransitGatewayAttachmentId",
    "LocalIpv6NetworkCidr",
    "RemoteIpv6NetworkCidr",
)

Router = CustomerGateway | ConnectPeer  # of a site


def check_type(request: Request) -> None:
    """Refuse a type that there is not."""
    if request.get("Type") != TYPE:
        raise ServiceError(
            "InvalidParameterValue",
            f"Value ({request.get('Type')}) for parameter type is invalid. It must be {TYPE}.",
        )


def check_options(options: Request) -> None:
    """Refuse what no connection here can be: of IPv6, private, or accelerated."""
    not_offered(options, _NOT_OFFERED)
    for member, offered in (
        ("TunnelInsideIpVersion", "ipv4"),
        ("OutsideIpAddressType", "PublicIpv4"),
    ):
        if options.get(member) not in {None, "", offered}:
            raise ServiceError(
                "UnsupportedOperation", f"{member} {options[member]} is not offered here"
            )


def is_large(options: Request, hub: str, otherwise: bool = False) -> bool:  # noqa: FBT001, FBT002 - as it was
    """Whether tunnels are to be of the larger kind, which transit gateways have only."""
    bandwidth = options.get("TunnelBandwidth")
    if bandwidth not in {None, "", *GBPS}:
        raise ServiceError(
            "InvalidParameterValue",
            f"Value ({bandwidth}) for parameter TunnelBandwidth is invalid.",
        )
    large = bandwidth == LARGE if bandwidth else otherwise
    if large and not hub:
        raise ServiceError(
            "InvalidParameterCombination",
            "Tunnels of large bandwidth are for connections to transit gateways only.",
        )
    return large


def selector(options: Request, member: str, otherwise: str) -> str:
    """The prefix of one side that IKE speaks of; it holds nothing back."""
    text = options.get(member)
    return str(prefixlists.parsed(text, member, 4)) if text else otherwise


def check_number(estate: Estate, account: str, gateway: str) -> None:
    """Refuse one more connection than an account, or a VPN gateway, may have."""
    known = estate.vpns.list(account)
    at_it = [one for one in known if gateway and one.gateway == gateway]
    if len(known) >= CONNECTIONS_MAX or len(at_it) >= PER_GATEWAY_MAX:
        raise _too_many()


def check_move(estate: Estate, of: VpnConnection, gateway: str, hub: str) -> None:
    """Refuse to lead a connection to another gateway that cannot have it as it is."""
    if hub and of.routes:
        raise ServiceError(
            "IncorrectState", f"{of.id} has static routes, which have to be deleted before."
        )
    if gateway and of.large:
        raise ServiceError(
            "InvalidParameterCombination",
            "Tunnels of large bandwidth are for connections to transit gateways only.",
        )
    if gateway and gateway != of.gateway:
        beside = [one for one in estate.vpns.list(of.account) if one.gateway == gateway]
        taken = {tunnel.inside for one in beside for tunnel in one.tunnels}
        if len(beside) >= PER_GATEWAY_MAX:
            raise _too_many()
        if any(tunnel.inside in taken for tunnel in of.tunnels):
            raise ServiceError(
                "InvalidParameterValue", f"{gateway} has tunnels with the same inside CIDR block."
            )


def _too_many() -> ServiceError:
    return ServiceError(
        "VpnConnectionLimitExceeded", "The maximum number of VPN connections has been reached."
    )


def free_number(estate: Estate) -> int:
    """The lowest number that no connection in the region has."""
    taken = {one.number for one in estate.vpns.all()}
    found = next((n for n in range(1, NUMBERS_MAX + 1) if n not in taken), 0)
    if not found:
        raise ServiceError(
            "InsufficientAddressCapacity", "There are no addresses for further tunnels.", 503
        )
    return found


def target(estate: Estate, account: str, request: Request) -> tuple[str, str]:
    """The VPN gateway, or the transit gateway, that a connection is to lead to."""
    gateway, hub = request.get("VpnGatewayId") or "", request.get("TransitGatewayId") or ""
    if gateway and hub:
        raise ServiceError(
            "InvalidParameterCombination",
            "You may specify VpnGatewayId or TransitGatewayId, not both.",
        )
    if gateway:
        estate.vpn_gateways.get(account, gateway)
    elif hub:
        estate.hubs.get(account, hub)
    return gateway, hub


# What is known of a connection.


def site_of(estate: Estate, of: Router) -> str:
    """The site that something is a router of: the one that it names, or its own."""
    name = sitetags.site(estate.tags(of.account, of.id))
    return f"site/{name}" if name else of.id


def announced(estate: Estate, of: Router) -> tuple[str, ...]:
    """What a router announces by BGP: what its tag says, or its site's networks."""
    found = sitetags.prefixes(estate.tags(of.account, of.id))
    return found or networks_of(estate, site_of(estate, of))


def networks_of(estate: Estate, site: str) -> tuple[str, ...]:
    """What a site of the world has; nothing where the world has none of that name."""
    sites = estate.host.world.sites
    return next((one.networks for one in sites if one.place == site), ())


def up(estate: Estate, of: VpnConnection) -> tuple[bool, ...]:
    """Which tunnels carry packets: those that nobody says are down, over a link that is not cut."""
    down = sitetags.down(estate.tags(of.account, of.id))
    site = site_of(estate, estate.customers.get(of.account, of.customer))
    cut = is_cut(estate, site, estate.host.place)
    return tuple(not cut and n not in down for n, _ in enumerate(of.tunnels, 1))


def is_cut(estate: Estate, site: str, region: str) -> bool:
    """Whether the way between a region and a site of the world is broken, in either direction."""
    world = estate.host.world
    if all(one.place != site for one in world.sites):
        return False
    return any(world.condition(*ends).cut for ends in ((region, site), (site, region)))


def attachment_of(estate: Estate, of: VpnConnection) -> HubAttachment:
    """What attaches a connection to its transit gateway."""
    return next(one for one in estate.attachments.list(of.account) if one.of == of.id)


def heard(estate: Estate, of: VpnConnection) -> tuple[str, ...]:
    """The prefixes that are reached by a connection: static routes, or what is announced.

    Those to a transit gateway have their static routes in its tables.
    """
    if of.static and of.gateway:
        return of.routes
    if of.static:
        attachment = attachment_of(estate, of)
        return tuple(
            route.destination
            for table in estate.hub_tables.list(of.account)
            for route in table.routes
            if route.attachment == attachment.id
        )
    return announced(estate, estate.customers.get(of.account, of.customer))
