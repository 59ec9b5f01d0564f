"""EC2's operations on DHCP options, and what the options may be.

Nothing asks a network for its addresses by DHCP; the options say which servers its hosts ask.

Source: Amazon VPC User Guide, "DHCP option sets".
"""

from collections.abc import Sequence
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any

import msgspec

from antipodes.regional.ec2 import kinds, routefilters, shownroutes
from antipodes.regional.ec2.answering import check_dry_run, described
from antipodes.regional.ec2.model import DhcpOptions
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.tags import tags_given
from antipodes.service.contract import Call, Request, Response, ServiceError

AMAZON = "AmazonProvidedDNS"
NONE = "default"  # what a network is associated with to have no options
SERVERS_MAX = 4
_SERVERS = ("domain-name-servers", "ntp-servers", "netbios-name-servers")
_NODE_TYPES = ("1", "2", "4", "8")
_LEASE_MIN_S, _LEASE_MAX_S = 140, 2**31 - 1


@operations("CreateDhcpOptions")
def create_dhcp_options(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    options = _options(request.get("DhcpConfigurations") or [])
    tags = tags_given(request.get("TagSpecifications") or [], kinds.DHCP_OPTIONS.resource)
    check_dry_run(request)
    made = DhcpOptions(estate.options.new_id(), call.account, options)
    estate.options.put(call.account, made.id, made)
    estate.tag(call.account, made.id, tags)
    return {"DhcpOptions": shownroutes.options(estate, made)}


def _options(given: Sequence[Any]) -> dict[str, tuple[str, ...]]:
    if not given:
        raise ServiceError(
            "MissingParameter", "The request must contain the parameter dhcpConfiguration"
        )
    options: dict[str, tuple[str, ...]] = {}
    for one in given:
        key, values = one.get("Key") or "", tuple(one.get("Values") or ())
        if key in options or not values or not all(_may_be(key, value, values) for value in values):
            raise ServiceError(
                "InvalidParameterValue",
                f"Value ({', '.join(values)}) for parameter {key} is invalid. Invalid DHCP option.",
            )
        options[key] = values
    return options


def _may_be(key: str, value: str, values: Sequence[str]) -> bool:
    """Whether an option may have a value, among those that it is given."""
    if key in _SERVERS:
        amazon = key == "domain-name-servers" and value == AMAZON
        six = key != "netbios-name-servers"
        return len(values) <= SERVERS_MAX and (amazon or _is_address(value, six=six))
    if len(values) > 1:
        return False
    if key == "domain-name":
        return bool(value)
    if key == "netbios-node-type":
        return value in _NODE_TYPES
    if key == "ipv6-address-preferred-lease-time":
        return value.isdecimal() and _LEASE_MIN_S <= int(value) <= _LEASE_MAX_S
    return False


def _is_address(text: str, *, six: bool) -> bool:
    try:
        IPv6Address(text) if six and ":" in text else IPv4Address(text)
    except AddressValueError:
        return False
    return True


@operations("DescribeDhcpOptions")
def describe_dhcp_options(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    found = [shownroutes.options(estate, one) for one in estate.options.list(call.account)]
    return described(kinds.DHCP_OPTIONS, found, request, routefilters.OPTION_FILTERS)


@operations("AssociateDhcpOptions")
def associate_dhcp_options(service: Ec2, call: Call, request: Request) -> Response:
    estate, name = service.estate, request["DhcpOptionsId"]
    vpc = estate.vpcs.get(call.account, request["VpcId"])
    if name != NONE:
        estate.options.get(call.account, name)
    check_dry_run(request)
    estate.vpcs.put(call.account, vpc.id, msgspec.structs.replace(vpc, options=name))
    return {}


@operations("DeleteDhcpOptions")
def delete_dhcp_options(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    options = estate.options.get(call.account, request["DhcpOptionsId"])
    if any(vpc.options == options.id for vpc in estate.vpcs.list(call.account)):
        raise ServiceError(
            "DependencyViolation",
            f"The dhcpOptions '{options.id}' has dependencies and cannot be deleted.",
        )
    check_dry_run(request)
    estate.remove(estate.options, call.account, options.id)
    return {}
