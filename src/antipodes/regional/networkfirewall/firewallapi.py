"""Operations on firewalls."""

from collections.abc import Sequence
from typing import Any

import msgspec

from antipodes.regional.networkfirewall import model
from antipodes.regional.networkfirewall.groupapi import check_encryption
from antipodes.regional.networkfirewall.model import Endpoint, Firewall
from antipodes.regional.networkfirewall.service import NetworkFirewall, operations, page
from antipodes.service.appliances import Handing
from antipodes.service.contract import Call, Request, Response, ServiceError

replace = msgspec.structs.replace
Subnet = dict[str, Any]
_NOT_OFFERED = (
    *("TransitGatewayId", "AvailabilityZoneMappings", "AvailabilityZoneChangeProtection"),
    *("EnabledAnalysisTypes", "NatGatewayCreateMappings", "ProxySettings", "VpcEndpoint"),
    "TransparentFilteringNatScope",
)


@operations("CreateFirewall")
async def create_firewall(service: NetworkFirewall, call: Call, request: Request) -> Response:
    _check_offered(request)
    check_encryption(request)
    mappings = request.get("SubnetMappings")
    if not request.get("VpcId") or not mappings:
        raise model.invalid("The VPC and the subnets of a firewall must be specified")
    tags = model.tags_given({}, request.get("Tags"))
    home = await _home(service, call, request["VpcId"])
    subnets = await _subnets(service, call, request["VpcId"], mappings, ())
    policy, name = _policy(service, call, request["FirewallPolicyArn"]), request["FirewallName"]
    if service.firewalls.get(call.account, name) is not None:
        raise model.invalid(f"A firewall named {name} exists already")
    if service.firewalls.count(call.account) >= model.FIREWALLS_MAX:
        raise model.limited(f"An account has at most {model.FIREWALLS_MAX} firewalls")
    made = Firewall(
        account=call.account,
        region=call.region,
        name=name,
        id=service.new_id(),
        token=service.new_id(),
        policy=policy,
        vpc=request["VpcId"],
        home=home,
        endpoints=(),
        description=request.get("Description") or "",
        stays=bool(request.get("DeleteProtection")),
        keeps_subnets=bool(request.get("SubnetChangeProtection")),
        keeps_policy=bool(request.get("FirewallPolicyChangeProtection")),
        tags=tags,
    )
    made = replace(made, endpoints=_opened(service, made, subnets))
    service.put(made)
    status = {"Status": "PROVISIONING", "ConfigurationSyncStateSummary": "PENDING"}
    return {"Firewall": model.show_firewall(made), "FirewallStatus": status}


def _check_offered(request: Request) -> None:
    for member in _NOT_OFFERED:
        if request.get(member):
            raise model.not_offered(member)


def _policy(service: NetworkFirewall, call: Call, arn: str) -> str:
    """A policy's ARN; refuse that of none."""
    try:
        return service.policy(call, {"FirewallPolicyArn": arn}).arn
    except ServiceError as error:
        raise model.invalid(f"The firewall policy {arn}: {error.message}") from None


async def _home(service: NetworkFirewall, call: Call, vpc: str) -> tuple[str, ...]:
    """The prefixes of a network."""
    try:
        answer = await service.host.call(
            "ec2", "DescribeVpcs", {"VpcIds": [vpc]}, account=call.account, trace=call.trace
        )
    except ServiceError as error:
        raise model.invalid(error.message) from None
    [found] = answer["Vpcs"]
    return tuple(one["CidrBlock"] for one in found["CidrBlockAssociationSet"])


async def _subnets(
    service: NetworkFirewall,
    call: Call,
    vpc: str,
    mappings: Sequence[dict[str, Any]],
    present: Sequence[Endpoint],
) -> list[Subnet]:
    """The subnets that a request names, as EC2 describes them; one in each zone at most."""
    for one in mappings:
        if one.get("IPAddressType") not in {None, "IPV4"}:
            raise model.not_offered(f"IPAddressType {one['IPAddressType']}")
    names = [one["SubnetId"] for one in mappings]
    try:
        answer = await service.host.call(
            "ec2", "DescribeSubnets", {"SubnetIds": names}, account=call.account, trace=call.trace
        )
    except ServiceError as error:
        raise model.invalid(error.message) from None
    found: list[Subnet] = answer["Subnets"]
    if any(one["VpcId"] != vpc for one in found):
        raise model.invalid(f"The subnets of a firewall must be in its VPC {vpc}")
    zones = [*(one["AvailabilityZone"] for one in found), *(one.zone for one in present)]
    if len({*names}) != len(names) or len({*zones}) != len(zones):
        raise model.invalid("A firewall has one subnet in each Availability Zone at most")
    return found


def _opened(
    service: NetworkFirewall, of: Firewall, subnets: Sequence[Subnet]
) -> tuple[Endpoint, ...]:
    """Endpoints in subnets: in all of them, or in none."""
    handing = _handing(service)
    made: list[Endpoint] = []
    try:
        for one in subnets:
            name = handing.open_endpoint(of.account, of.vpc, one["SubnetId"], of.arn)
            made.append(Endpoint(one["SubnetId"], one["AvailabilityZone"], name))
    except ServiceError as error:
        _close(service, of, made)
        raise model.invalid(error.message) from None
    return tuple(made)


def _close(service: NetworkFirewall, of: Firewall, endpoints: Sequence[Endpoint]) -> None:
    for one in endpoints:
        _handing(service).close_endpoint(of.account, one.endpoint)


def _handing(service: NetworkFirewall) -> Handing:
    found: object = service.host.service("ec2")
    assert isinstance(found, Handing), "networks are ec2's"
    return found


@operations("DescribeFirewall")
def describe_firewall(service: NetworkFirewall, call: Call, request: Request) -> Response:
    found = service.firewall(call, request)
    return {
        "UpdateToken": found.token,
        "Firewall": model.show_firewall(found),
        "FirewallStatus": {
            "Status": "READY",
            "ConfigurationSyncStateSummary": "IN_SYNC",
            "SyncStates": _sync_states(service, found),
        },
    }


def _sync_states(service: NetworkFirewall, of: Firewall) -> Response:
    """Where a firewall's endpoints are, and what each of them goes by."""
    [policy] = [one for one in service.policies.list(of.account) if one.arn == of.policy]
    tokens = {policy.arn: policy.token}
    tokens |= {arn: group.token for arn, group in service.referenced(policy).items()}
    config = {arn: {"SyncStatus": "IN_SYNC", "UpdateToken": tokens[arn]} for arn in tokens}
    return {
        one.zone: {
            "Attachment": {
                "SubnetId": one.subnet,
                "EndpointId": one.endpoint,
                "Status": "READY",
            },
            "Config": config,
        }
        for one in of.endpoints
    }


@operations("ListFirewalls")
def list_firewalls(service: NetworkFirewall, call: Call, request: Request) -> Response:
    vpcs = request.get("VpcIds")
    shown: list[Response] = [
        {"FirewallName": one.name, "FirewallArn": one.arn}
        for one in service.firewalls.list(call.account)
        if not vpcs or one.vpc in vpcs
    ]
    return page(shown, request, "Firewalls")


@operations("DeleteFirewall")
def delete_firewall(service: NetworkFirewall, call: Call, request: Request) -> Response:
    if request.get("DeleteAssociatedNatGateways"):
        raise model.not_offered("DeleteAssociatedNatGateways")
    found = service.firewall(call, request)
    if found.stays:
        raise model.refused(f"{found.arn} is protected from being deleted")
    _close(service, found, found.endpoints)
    service.forget(found)
    status = {"Status": "DELETING", "ConfigurationSyncStateSummary": "PENDING"}
    return {"Firewall": model.show_firewall(found), "FirewallStatus": status}


# Where a firewall has endpoints, and what it goes by.


def _changing(service: NetworkFirewall, call: Call, request: Request) -> Firewall:
    """A firewall that a request may change."""
    found = service.firewall(call, request)
    model.check_token(found, request.get("UpdateToken"))
    return found


def _changed(service: NetworkFirewall, of: Firewall, **fields: Any) -> tuple[Firewall, Response]:
    """Keep a firewall with other values; return it, and what every answer to a change has."""
    changed = replace(of, token=service.new_id(), **fields)
    service.put(changed)
    named = {"FirewallArn": changed.arn, "FirewallName": changed.name}
    return changed, {**named, "UpdateToken": changed.token}


@operations("AssociateSubnets")
async def associate_subnets(service: NetworkFirewall, call: Call, request: Request) -> Response:
    _check_offered(request)
    found = _changing(service, call, request)
    _check_subnets_change(found)
    mappings, there = request["SubnetMappings"], found.endpoints
    subnets = await _subnets(service, call, found.vpc, mappings, there)
    if service.firewall(call, request) != found:  # somebody else has changed it meanwhile
        return await associate_subnets(service, call, request)
    more = _opened(service, found, subnets)
    changed, answer = _changed(service, found, endpoints=(*there, *more))
    return {**answer, "SubnetMappings": model.show_subnets(changed)}


def _check_subnets_change(of: Firewall) -> None:
    if of.keeps_subnets:
        raise model.refused(f"The subnets of {of.arn} are protected from being changed")


@operations("DisassociateSubnets")
def disassociate_subnets(service: NetworkFirewall, call: Call, request: Request) -> Response:
    found = _changing(service, call, request)
    _check_subnets_change(found)
    names = request["SubnetIds"]
    missing = [name for name in names if name not in {one.subnet for one in found.endpoints}]
    if missing:
        raise model.invalid(f"{found.arn} has no endpoint in {', '.join(missing)}")
    _close(service, found, [one for one in found.endpoints if one.subnet in names])
    kept = tuple(one for one in found.endpoints if one.subnet not in names)
    changed, answer = _changed(service, found, endpoints=kept)
    return {**answer, "SubnetMappings": model.show_subnets(changed)}


@operations("AssociateFirewallPolicy")
def associate_firewall_policy(service: NetworkFirewall, call: Call, request: Request) -> Response:
    found = _changing(service, call, request)
    if found.keeps_policy:
        raise model.refused(f"The policy of {found.arn} is protected from being changed")
    policy = _policy(service, call, request["FirewallPolicyArn"])
    _, answer = _changed(service, found, policy=policy)
    return {**answer, "FirewallPolicyArn": policy}


@operations("UpdateFirewallDeleteProtection")
def update_firewall_delete_protection(
    service: NetworkFirewall, call: Call, request: Request
) -> Response:
    wanted = request["DeleteProtection"]
    _, answer = _changed(service, _changing(service, call, request), stays=wanted)
    return {**answer, "DeleteProtection": wanted}


@operations("UpdateSubnetChangeProtection")
def update_subnet_change_protection(
    service: NetworkFirewall, call: Call, request: Request
) -> Response:
    wanted = request["SubnetChangeProtection"]
    _, answer = _changed(service, _changing(service, call, request), keeps_subnets=wanted)
    return {**answer, "SubnetChangeProtection": wanted}


@operations("UpdateFirewallPolicyChangeProtection")
def update_firewall_policy_change_protection(
    service: NetworkFirewall, call: Call, request: Request
) -> Response:
    wanted = request["FirewallPolicyChangeProtection"]
    _, answer = _changed(service, _changing(service, call, request), keeps_policy=wanted)
    return {**answer, "FirewallPolicyChangeProtection": wanted}


@operations("UpdateFirewallDescription")
def update_firewall_description(service: NetworkFirewall, call: Call, request: Request) -> Response:
    wanted = request.get("Description") or ""
    _, answer = _changed(service, _changing(service, call, request), description=wanted)
    return {**answer, "Description": wanted}
