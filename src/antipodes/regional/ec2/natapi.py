"""EC2's operations on NAT gateways."""

import msgspec

from antipodes.regional.ec2 import associating, interfacefilters, kinds
from antipodes.regional.ec2.answering import check_dry_run, described, not_offered
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.interfaces import Plan, Wanted
from antipodes.regional.ec2.model import (
    Elastic,
    Interface,
    NatGateway,
    PrivateAddress,
    Subnet,
)
from antipodes.regional.ec2.nats import PENDING, PER_ZONE_MAX, is_there
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.tags import shown, tags_given
from antipodes.regional.ec2.tokens import repeated, token_of
from antipodes.service.contract import Call, Request, Response, ServiceError

KIND, MANAGER = "nat_gateway", "amazon-nat"
_NOT_OFFERED = (
    "VpcId",
    "AvailabilityZoneAddresses",
    "SecondaryAllocationIds",
    "SecondaryPrivateIpAddresses",
    "SecondaryPrivateIpAddressCount",
)


@operations("CreateNatGateway")
async def create_nat_gateway(service: Ec2, call: Call, request: Request) -> Response:
    not_offered(request, _NOT_OFFERED)
    if request.get("AvailabilityMode") == "regional":
        raise ServiceError("UnsupportedOperation", "Regional NAT gateways are not offered here")
    account, token = call.account, token_of(request)
    known = _elastic(service, account, request)
    is_balancers = known is not None and await service.elastic.is_balancers(known)
    for one in repeated(service.nats.list(account), token):
        answer = {"NatGateway": _shown(service, one, service.nats.state(one))}
        return answer | {"ClientToken": request["ClientToken"]}
    known = _elastic(service, account, request)
    if not request.get("SubnetId"):
        raise ServiceError("MissingParameter", "The request must contain the parameter subnetId")
    subnet = service.estate.subnets.get(account, request["SubnetId"])
    tags = tags_given(request.get("TagSpecifications") or [], kinds.NAT_GATEWAY.resource)
    _check_quota(service, subnet)
    name, plan = service.estate.nats.new_id(), Plan(service.interfaces, account)
    interface = plan.add(subnet, _wanted(name, request))
    check_dry_run(request)
    service.nats.forget_gone(account)
    made = NatGateway(
        *(name, account, subnet.vpc, subnet.id, subnet.zone, interface.addresses[0]),
        interface=interface.id,
        private=known is None,
        made_at=interface.made_at,
        token=token,
    )
    failure = None if known is None else _failure(service, subnet, known, taken=is_balancers)
    if failure is None:
        plan.keep()
        made = _with_elastic(service, made, interface, known)
    else:
        made = _failed(made, failure, known)
    service.estate.nats.put(account, name, made)
    service.estate.tag(account, name, tags)
    answer = {"NatGateway": _shown(service, made, PENDING)}
    return answer | ({"ClientToken": token.name} if token else {})


def _check_quota(service: Ec2, subnet: Subnet) -> None:
    there = [one for one in service.estate.nats.list(subnet.account) if is_there(one)]
    if sum(one.zone == subnet.zone for one in there) >= PER_ZONE_MAX:
        raise ServiceError(
            "NatGatewayLimitExceeded", "The maximum number of NAT gateways has been reached."
        )


def _wanted(name: str, request: Request) -> Wanted:
    """A gateway's interface."""
    return Wanted(
        kind=KIND,
        description=f"Interface for NAT Gateway {name}",
        groups=(),
        address=request.get("PrivateIpAddress") or "",
        checks=False,
        manager=MANAGER,
        of=name,
    )


def _with_elastic(
    service: Ec2, made: NatGateway, interface: Interface, known: Elastic | None
) -> NatGateway:
    """A gateway whose interface has the elastic address, if it is a public one."""
    if known is None:
        return made
    associating.associate(service, known, interface, interface.addresses[0].address)
    mapped = service.estate.interfaces.get(made.account, interface.id).addresses[0]
    return msgspec.structs.replace(made, address=mapped)


def _failed(made: NatGateway, failure: tuple[str, str], known: Elastic | None) -> NatGateway:
    """A gateway that cannot be, and has no interface; it still says what address it was for."""
    address = PrivateAddress("", allocation=known.id if known is not None else "")
    return msgspec.structs.replace(
        made, address=address, interface="", failure=failure, ended_at=made.made_at
    )


def _elastic(service: Ec2, account: str, request: Request) -> Elastic | None:
    """The elastic address of a public gateway; None for a private one, which may have none."""
    allocation = request.get("AllocationId")
    if request.get("ConnectivityType") == "private":
        if allocation:
            raise ServiceError(
                "InvalidParameterCombination",
                "A private NAT gateway does not have an elastic IP address.",
            )
        return None
    if not allocation:
        raise ServiceError(
            "MissingParameter", "The request must contain the parameter AllocationId"
        )
    return service.estate.addresses.get(account, allocation)


def _failure(
    service: Ec2, subnet: Subnet, known: Elastic, *, taken: bool
) -> tuple[str, str] | None:
    """What AWS finds out later: why a public gateway cannot be, if it cannot."""
    if taken or known.id in service.elastic.mapped(known.account):
        return (
            "Resource.AlreadyAssociated",
            f"Elastic IP address [{known.id}] is already associated",
        )
    if not service.elastic.has_way_out(subnet.vpc):
        return "Gateway.NotAttached", f"Network {subnet.vpc} has no Internet gateway attached"
    return None


@operations("DescribeNatGateways")
def describe_nat_gateways(service: Ec2, call: Call, request: Request) -> Response:
    found = [
        _shown(service, one, service.nats.state(one)) for one in service.nats.list(call.account)
    ]
    asked = request | {"Filters": request.get("Filter")}
    return described(kinds.NAT_GATEWAY, found, asked, interfacefilters.NAT_FILTERS)


@operations("DeleteNatGateway")
def delete_nat_gateway(service: Ec2, call: Call, request: Request) -> Response:
    """Routes to it stay, and lead nowhere."""
    found = service.nats.get(call.account, request["NatGatewayId"])
    check_dry_run(request)
    if not found.ended_at or found.failure is not None:
        service.nats.delete(found)
    service.nats.forget_gone(call.account)
    return {"NatGatewayId": found.id}


def _shown(service: Ec2, of: NatGateway, state: str) -> Thing:
    found: Thing = {
        "NatGatewayId": of.id,
        "SubnetId": of.subnet,
        "VpcId": of.vpc,
        "State": state,
        "ConnectivityType": "private" if of.private else "public",
        "AvailabilityMode": "zonal",
        "CreateTime": of.made_at,
        "NatGatewayAddresses": [_address(of, state)],
        "Tags": shown(service.estate.tags(of.account, of.id)),
    }
    if of.failure is not None and state != PENDING:
        found |= {"FailureCode": of.failure[0], "FailureMessage": of.failure[1]}
    if of.ended_at and state != PENDING:
        found["DeleteTime"] = of.ended_at
    return found


def _address(of: NatGateway, state: str) -> Thing:
    """The gateway's one address; it is there when the gateway is."""
    address = of.address
    found: Thing = {"IsPrimary": True, "Status": "failed" if of.failure else "succeeded"}
    if state == PENDING:
        found["Status"] = "assigning" if of.private else "associating"
    told = {
        "NetworkInterfaceId": of.interface,
        "PrivateIp": address.address,
        "PublicIp": address.public,
        "AllocationId": address.allocation,
        "AssociationId": address.association,
    }
    return found | {name: value for name, value in told.items() if value}
