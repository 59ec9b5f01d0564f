"""What is kept of a group, and the queries that say who is in it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from antipodes.service.contract import ServiceError

TAGS_TYPE = "TAG_FILTERS_1_0"
ALL_TYPES = "AWS::AllSupported"
TAGS_MAX, TAG_KEY_LENGTH_MAX, TAG_VALUE_LENGTH_MAX = 50, 128, 256
_TYPE = re.compile(r"AWS::[A-Za-z0-9]+(::\w+)?")
TYPES = {  # of what EC2 has, by the names that its tags have for them
    "instance": "AWS::EC2::Instance",
    "vpc": "AWS::EC2::VPC",
    "subnet": "AWS::EC2::Subnet",
    "network-interface": "AWS::EC2::NetworkInterface",
    "security-group": "AWS::EC2::SecurityGroup",
    "network-acl": "AWS::EC2::NetworkAcl",
    "route-table": "AWS::EC2::RouteTable",
    "internet-gateway": "AWS::EC2::InternetGateway",
    "egress-only-internet-gateway": "AWS::EC2::EgressOnlyInternetGateway",
    "natgateway": "AWS::EC2::NatGateway",
    "elastic-ip": "AWS::EC2::EIP",
    "dhcp-options": "AWS::EC2::DHCPOptions",
    "prefix-list": "AWS::EC2::PrefixList",
    "vpc-endpoint": "AWS::EC2::VPCEndpoint",
    "vpc-endpoint-service": "AWS::EC2::VPCEndpointService",
    "vpc-peering-connection": "AWS::EC2::VPCPeeringConnection",
    "transit-gateway": "AWS::EC2::TransitGateway",
    "transit-gateway-attachment": "AWS::EC2::TransitGatewayAttachment",
    "transit-gateway-connect-peer": "AWS::EC2::TransitGatewayConnectPeer",
    "transit-gateway-route-table": "AWS::EC2::TransitGatewayRouteTable",
    "customer-gateway": "AWS::EC2::CustomerGateway",
    "vpn-gateway": "AWS::EC2::VPNGateway",
    "vpn-connection": "AWS::EC2::VPNConnection",
    "network-insights-path": "AWS::EC2::NetworkInsightsPath",
    "network-insights-analysis": "AWS::EC2::NetworkInsightsAnalysis",
    "network-insights-access-scope": "AWS::EC2::NetworkInsightsAccessScope",
    "network-insights-access-scope-analysis": "AWS::EC2::NetworkInsightsAccessScopeAnalysis",
}


class Group(msgspec.Struct, frozen=True):
    """A group; `query` is JSON, as a request says it."""

    name: str
    account: str
    query: str
    description: str = ""
    tags: tuple[tuple[str, str], ...] = ()


class TagFilter(msgspec.Struct, frozen=True):
    """A tag that members have, with one of some values, or with any."""

    key: str = msgspec.field(name="Key")
    values: tuple[str, ...] = msgspec.field(name="Values", default=())


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is in a group: what is of one of some types, and has all of some tags."""

    types: tuple[str, ...] = msgspec.field(name="ResourceTypeFilters")
    filters: tuple[TagFilter, ...] = msgspec.field(name="TagFilters", default=())

    def has(self, kind: str, tags: Mapping[str, str]) -> bool:
        """Whether something is in it."""
        if ALL_TYPES not in self.types and kind not in self.types:
            return False
        return all(
            one.key in tags and (not one.values or tags[one.key] in one.values)
            for one in self.filters
        )

    @property
    def unknown(self) -> list[str]:
        """The types of which nothing can be found here."""
        known = {ALL_TYPES, *TYPES.values()}
        return [one for one in self.types if one not in known]


def refused(message: str) -> ServiceError:
    """A request that makes no sense."""
    return ServiceError("BadRequestException", message)


def query_of(said: Mapping[str, Any]) -> Query:
    """The query of a request; refuses what is none."""
    if said["Type"] != TAGS_TYPE:
        raise refused(f"Queries of type {said['Type']} are not offered here.")
    try:
        found = msgspec.json.decode(said["Query"], type=Query)
    except msgspec.DecodeError as error:
        raise refused(f"Query not valid: {error}") from None
    if not found.types or not all(_TYPE.fullmatch(one) for one in found.types):
        raise refused("Query not valid: ResourceTypeFilters lists types of resources.")
    if not all(one.key for one in found.filters):
        raise refused("Query not valid: a tag has a key.")
    return found


def check_name(name: str) -> None:
    """Refuse a name that is Amazon's alone."""
    if name.lower().startswith("aws"):
        raise refused("The name of a group cannot begin with AWS.")


def with_tags(
    tags: Iterable[tuple[str, str]], given: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    """Tags with others; refuses such as cannot be."""
    for key, value in given.items():
        if not 0 < len(key) <= TAG_KEY_LENGTH_MAX or key.lower().startswith("aws:"):
            raise refused(f"'{key}' is not a key of a tag.")
        if len(value) > TAG_VALUE_LENGTH_MAX:
            raise refused(f"The value of the tag '{key}' is too long.")
    found = dict(tags) | dict(given)
    if len(found) > TAGS_MAX:
        raise refused(f"A group has at most {TAGS_MAX} tags.")
    return tuple(sorted(found.items()))


def without_tags(
    tags: Iterable[tuple[str, str]], keys: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    """Tags without some."""
    return tuple((key, value) for key, value in tags if key not in keys)
