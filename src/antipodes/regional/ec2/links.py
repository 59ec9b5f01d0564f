"""Endpoint services of customers (PrivateLink): load balancers that others reach by endpoints.

A service has the zones in which its load balancers stood when it was last changed. Whoever is
permitted connects to it by an endpoint in those zones; where the provider accepts by hand, a
connection waits for that, and may be rejected at any time. An account needs no permission for what
is its own.

Sources: AWS PrivateLink Guide, "Create a service powered by AWS PrivateLink", "Configure an
endpoint service".
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from antipodes.regional.ec2.endpointservices import INSPECTED, INTERFACE
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.modellinks import LinkService
from antipodes.regional.ec2.modelpeers import Endpoint
from antipodes.service.contract import Call, ServiceError

PENDING, AVAILABLE, REJECTED = "pendingAcceptance", "available", "rejected"
EVERYBODY = "*"
BALANCERS = {INTERFACE: "network", INSPECTED: "gateway"}  # types, by that of the endpoints
_ACCOUNT = re.compile(r"arn:aws:iam::(\d{12}):root")
_ROLE = re.compile(r"arn:aws:iam::(\d{12}):role/(?:[!-~]+/)?([\w+=,.@-]{1,64})")


def invalid(message: str) -> ServiceError:
    """What endpoint services answer to most mistakes."""
    return ServiceError("InvalidParameter", message)


def by_name(estate: Estate, name: str) -> LinkService | None:
    """A service of whatever account, by its id."""
    return next((one for one in estate.links.all() if one.id == name), None)


def connections(estate: Estate, of: LinkService) -> list[Endpoint]:
    """The endpoints of a service, of whatever account, in the order they were made."""
    found = [one for one in estate.endpoints.all() if one.service == of.id]
    return sorted(found, key=lambda one: (one.made_at, one.id))


def connected(estate: Estate, of: LinkService) -> list[Endpoint]:
    """Those of them that are not rejected."""
    return [one for one in connections(estate, of) if one.standing != REJECTED]


# Load balancers.


def check_balancers(
    estate: Estate, kind: str, found: Sequence[dict[str, Any]], besides: str = ""
) -> None:
    """Refuse load balancers that cannot be behind a service; `besides` is one that is changed."""
    for one in found:
        arn = one["LoadBalancerArn"]
        if one["Type"] != BALANCERS[kind]:
            raise invalid(f"{arn} is not a load balancer of type {BALANCERS[kind]}.")
        if one.get("Scheme") == "internet-facing":
            raise ServiceError(
                "UnsupportedOperation",
                f"{arn}: endpoint services of internet-facing load balancers are not offered here",
            )
        for other in estate.links.all():
            if arn in other.balancers and other.id != besides:
                raise invalid(
                    f"{arn} is already associated with another VPC endpoint service: {other.id}"
                )


def zones_of(found: Iterable[dict[str, Any]], ids: dict[str, str]) -> tuple[str, ...]:
    """The zones in which load balancers stand; `ids` says what their names are the names of."""
    there = {ids[zone["ZoneName"]] for one in found for zone in one["AvailabilityZones"]}
    return tuple(sorted(there))


# Who may connect.


def kind_of(principal: str) -> str:
    """What kind of principal one is; refuse what is none."""
    if principal == EVERYBODY:
        return "All"
    if _ACCOUNT.fullmatch(principal):
        return "Account"
    if _ROLE.fullmatch(principal):
        return "Role"
    if principal.startswith("arn:aws:iam::") and ":user/" in principal:
        raise ServiceError("UnsupportedOperation", "Users as principals are not offered here")
    raise ServiceError("InvalidPrincipal", f"Invalid principal: '{principal}'")


def is_permitted(of: LinkService, call: Call) -> bool:
    """Whether the caller may make endpoints of a service."""
    own = call.account == of.account
    return own or any(_is(one.principal, call) for one in of.permitted)


def _is(principal: str, call: Call) -> bool:
    role = _ROLE.fullmatch(principal)
    if role is not None:
        assumed = f"arn:aws:sts::{role[1]}:assumed-role/{role[2]}/"
        return call.principal_arn.startswith(assumed)
    account = _ACCOUNT.fullmatch(principal)
    return principal == EVERYBODY or (account is not None and account[1] == call.account)


# Connections.


def standing(of: LinkService) -> str:
    """How a new connection stands."""
    return AVAILABLE if of.accepts else PENDING


def stand(estate: Estate, of: LinkService, endpoint: str, wanted: str) -> None:
    """Accept or reject a connection; raises what that meets."""
    found = next((one for one in connections(estate, of) if one.id == endpoint), None)
    if found is None:
        raise estate.endpoints.missing(endpoint)
    if found.standing == wanted:
        raise ServiceError("InvalidState", f"The connection of {endpoint} is {wanted} already.")
    changed = msgspec.structs.replace(found, standing=wanted)
    estate.endpoints.put(found.account, found.id, changed)


def check_free(estate: Estate, of: LinkService) -> None:
    """Refuse to take away what endpoints are connected to."""
    if connected(estate, of):
        raise ServiceError(
            "ExistingVpcEndpointConnections",
            f"Service {of.id} has existing active VPC Endpoint connections.",
        )


def check_zones(of: LinkService, full: str, subnets: Iterable[tuple[str, str]]) -> None:
    """Refuse subnets (of id and zone) where a service is not offered."""
    for subnet, zone in subnets:
        if zone not in of.zones:
            raise invalid(
                f"The VPC endpoint service {full} does not support the availability zone of the "
                f"subnet: {subnet}."
            )
