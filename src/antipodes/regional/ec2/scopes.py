"""The language of Network Access Scopes: which ways through the networks are asked for.

A scope has paths that it matches, of which any is enough, and paths that it excludes. What is
checked is that it says something that can be analysed; whether what it names is there is seen
when it is analysed.

Sources: Network Access Analyzer guide, "Resource statements", "Packet header statements", "Match
conditions", "Exclusion conditions".
"""

import re
from collections.abc import Callable, Mapping, Sequence
from ipaddress import AddressValueError, IPv4Network, NetmaskValueError
from typing import Any

import orjson

from antipodes.fabric.network import packets
from antipodes.regional.ec2.defaults import identifier
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.modelinsights import AccessScope
from antipodes.service.contract import Request, ServiceError

Statement = Mapping[str, Any]
SCOPES_MAX, ANALYSES_MAX, FINDINGS_MAX = 1_000, 10_000, 10_000
PROTOCOLS = {"tcp": packets.TCP, "udp": packets.UDP}
SOURCE, DESTINATION, THROUGH = "source", "destination", "through"
_AT_ENDS, _ANYWHERE = (SOURCE, DESTINATION), (SOURCE, DESTINATION, THROUGH)

INTERFACE, GATEWAY = "AWS::EC2::NetworkInterface", "AWS::EC2::InternetGateway"
NAT, ATTACHMENT = "AWS::EC2::NatGateway", "AWS::EC2::TransitGatewayAttachment"
ENDPOINT, PEERING = "AWS::EC2::VPCEndpoint", "AWS::EC2::VPCPeeringConnection"
BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
SERVICE, PRIVATE = "AWS::EC2::VPCEndpointService", "AWS::EC2::VPNGateway"
FIREWALL, FIREWALL_AS_TOLD = (
    "AWS::NetworkFirewall::Firewall",
    "AWS::NetworkFirewall::NetworkFirewall",
)
TYPES = {  # and where each may be named
    INTERFACE: _AT_ENDS,
    GATEWAY: _AT_ENDS,
    NAT: (THROUGH,),
    ATTACHMENT: _ANYWHERE,
    ENDPOINT: (DESTINATION, THROUGH),
    SERVICE: _ANYWHERE,
    PEERING: _ANYWHERE,
    PRIVATE: _AT_ENDS,
    "AWS::ElasticLoadBalancing::LoadBalancer": (THROUGH,),
    BALANCER: (THROUGH,),
    FIREWALL: (THROUGH,),
    FIREWALL_AS_TOLD: (THROUGH,),
}
_IDS = {  # by the first part of an id
    "i": _AT_ENDS,
    "igw": _AT_ENDS,
    "nat": (THROUGH,),
    "eni": _AT_ENDS,
    "sg": _AT_ENDS,
    "subnet": _AT_ENDS,
    "tgw-attach": _ANYWHERE,
    "vpc": _AT_ENDS,
    "vgw": _AT_ENDS,
    "vpce-svc": _ANYWHERE,
    "vpce": _ANYWHERE,
    "pcx": _ANYWHERE,
}
_SERVICES = {  # of what is named by its ARN alone: how its resource begins, and where it may be
    "elasticloadbalancing": ("loadbalancer/", (THROUGH,)),
    "network-firewall": ("firewall/", (THROUGH,)),
    "resource-groups": ("group/", _ANYWHERE),
}
_ID = re.compile(r"([a-z]+(?:-[a-z]+)*)-(?:[0-9a-f]{17}|[0-9a-f]{8})")
_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_PORT_MAX = 65535
_HEADERS = (
    "SourceAddresses",
    "SourcePrefixLists",
    "DestinationAddresses",
    "DestinationPrefixLists",
    "SourcePorts",
    "DestinationPorts",
    "Protocols",
)


class Place:
    """Where a scope is: what it names is there, and its owner's."""

    def __init__(self, region: str, account: str) -> None:
        self._own = region, account

    def id_of(self, name: str) -> str:
        """What an ARN of EC2 names, by its id; anything else as it is."""
        parts = name.split(":", 5)
        if parts[0] != "arn":
            return name
        if len(parts) != 6 or tuple(parts[3:5]) != self._own:  # noqa: PLR2004 - an ARN's parts
            raise _refused(f"'{name}' is not of this account and region.")
        return parts[5].partition("/")[2] if parts[2] == "ec2" else name

    def check(self, name: str, position: str) -> None:
        """Refuse what is no name, or names what cannot be there."""
        found = self.id_of(name)
        if found.startswith("arn:"):
            service, resource = found.split(":")[2], found.split(":", 5)[5]
            begins, places = _SERVICES.get(service, ("", ()))
            if not begins or not resource.removeprefix(begins) or not resource.startswith(begins):
                raise _refused(f"'{name}' is not a resource that can be analyzed.")
        else:
            parts = _ID.fullmatch(found)
            if parts is None or parts[1] not in _IDS:
                raise _refused(f"'{name}' is not a resource that can be analyzed.")
            places = _IDS[parts[1]]
        if position not in places:
            raise _refused(f"'{name}' cannot be a {position} resource.")

    def check_list(self, name: str) -> None:
        """Refuse what is no id nor ARN of a prefix list."""
        parts = _ID.fullmatch(self.id_of(name))
        if parts is None or parts[1] != "pl":
            raise _refused(f"'{name}' is not a prefix list.")


def _refused(message: str) -> ServiceError:
    return ServiceError("InvalidParameterValue", message)


def _missing(message: str) -> ServiceError:
    return ServiceError("MissingParameter", message)


def content_of(request: Request, place: Place) -> bytes:
    """The content of a new scope, as it is kept; refuses what says nothing or makes no sense."""
    matches, excludes = request.get("MatchPaths") or [], request.get("ExcludePaths") or []
    if not matches:
        raise _missing("At least one match path is required.")
    for path in (*matches, *excludes):
        _check_path(path, place)
    return orjson.dumps({"MatchPaths": matches, "ExcludePaths": excludes})


def _check_path(path: Statement, place: Place) -> None:
    if not any(path.get(member) for member in ("Source", "Destination", "ThroughResources")):
        raise _missing("A path has a source, a destination or resources that it goes through.")
    for member, position in (("Source", SOURCE), ("Destination", DESTINATION)):
        if member in path:
            _check_end(path[member], position, place)
    through = path.get("ThroughResources") or []
    if len(through) > 1:
        raise _refused("ThroughResources has exactly one element.")
    for one in through:
        if not one.get("ResourceStatement"):
            raise _missing("ThroughResources has a resource statement.")
        _check_resources(one["ResourceStatement"], THROUGH, place)


def _check_end(end: Statement, position: str, place: Place) -> None:
    resources, header = end.get("ResourceStatement"), end.get("PacketHeaderStatement")
    if not resources and not header:
        raise _missing(f"A {position} has a resource statement or a packet header statement.")
    if resources:
        _check_resources(resources, position, place)
    if header:
        _check_header(header, place)


def _check_resources(statement: Statement, position: str, place: Place) -> None:
    names, types = statement.get("Resources") or [], statement.get("ResourceTypes") or []
    if bool(names) == bool(types):
        code = "InvalidParameterCombination" if names else "MissingParameter"
        raise ServiceError(code, "A resource statement has either Resources or ResourceTypes.")
    for name in names:
        place.check(name, position)
    for kind in types:
        if position not in TYPES.get(kind, ()):
            raise _refused(f"'{kind}' cannot be a {position} resource type.")


def _check_header(statement: Statement, place: Place) -> None:
    if not any(statement.get(member) for member in _HEADERS):
        raise _missing("A packet header statement has at least one field.")
    for side in ("Source", "Destination"):
        if statement.get(f"{side}Addresses") and statement.get(f"{side}PrefixLists"):
            raise ServiceError(
                "InvalidParameterCombination",
                f"{side}Addresses and {side}PrefixLists cannot be used together.",
            )
    checks: Mapping[str, Callable[[str], object]] = {
        "Addresses": range_of,
        "PrefixLists": place.check_list,
        "Ports": ports_of,
    }
    for member in _HEADERS:
        for ending, check in checks.items():
            if member.endswith(ending):
                for value in statement.get(member) or []:
                    check(value)
    for protocol in statement.get("Protocols") or []:
        if protocol not in PROTOCOLS:
            raise _refused(f"'{protocol}' is not a protocol: they are tcp and udp.")


def range_of(text: str) -> tuple[int, int]:
    """The range of an address or a prefix of IPv4."""
    try:
        found = IPv4Network(text, strict=False)
    except (AddressValueError, NetmaskValueError, ValueError):
        raise _refused(f"'{text}' is not an IPv4 address or CIDR range.") from None
    return int(found.network_address), int(found.broadcast_address)


def ports_of(text: str) -> tuple[int, int]:
    """The range of a port or several, such as `80-443`."""
    found = _PORTS.fullmatch(text)
    if found is None:
        raise _refused(f"'{text}' is not a port or a range of ports.")
    low = int(found[1])
    high = int(found[2]) if found[2] else low
    if not low <= high <= _PORT_MAX:
        raise _refused(f"'{text}' is not a port or a range of ports.")
    return low, high


# What Amazon makes for every account.


def _typed(*kinds: str) -> Statement:
    return {"ResourceStatement": {"ResourceTypes": list(kinds)}}


_OUTSIDE = (GATEWAY, PEERING, SERVICE, PRIVATE, ATTACHMENT)
_INSIDE = (INTERFACE,)
AMAZONS: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "AWS-IGW-Egress": (_INSIDE, (GATEWAY,)),
    "AWS-IGW-Ingress": ((GATEWAY,), _INSIDE),
    "AWS-VPC-Egress": (_INSIDE, _OUTSIDE),
    "AWS-VPC-Ingress": (_OUTSIDE, _INSIDE),
}


def furnish(estate: Estate, account: str) -> None:
    """Make Amazon's scopes for an account; their ids follow from account and region."""
    for name, (sources, targets) in AMAZONS.items():
        path = {"Source": _typed(*sources), "Destination": _typed(*targets)}
        content = orjson.dumps({"MatchPaths": [path], "ExcludePaths": []})
        made = AccessScope(
            identifier("nis", account, estate.host.place, name),
            *(account, content, estate.host.runtime.wall()),
            amazons=name,
        )
        estate.scopes.put(account, made.id, made)
